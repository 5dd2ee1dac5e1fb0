//! Every analysis of the registry as a command.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use arrow::array::RecordBatch;
use clap::builder::EnumValueParser;
use clap::{Arg, ArgMatches, Command, FromArgMatches};
use embedlab::analysis::{AnyAnalysis, AnyOutcome, Context, Cost, Needs, Progress, page_of, section_of};
use embedlab::chart::Style;
use embedlab::data::{Data, Roles};
use embedlab::table::{self, Format, Table, WriteOptions, Written};
use embedlab::view::{Look, terminal};
use embedlab::{Error, Result};
use serde_json::Value;

use super::beside::{warn_of_dropped, write_table};
use super::input::{FormatName, TableInput, Wanted};
use super::output::{Bar, Busy};
use super::outputs::Outputs;
use super::page::write_page;
use super::plan::planned;
use super::{Common, Outcome, Output};

/// What belongs to one command alone: more options, and steps that need a network, a model or a file of its own.
#[derive(Clone, Copy)]
#[expect(clippy::type_complexity, reason = "each step of the runner has its own arguments")]
pub struct Extra {
    /// The command that it belongs to.
    pub name: &'static str,
    /// Adds the options.
    pub augment: fn(Command) -> Command,
    /// The outputs that [`apply`](Extra::apply) writes itself; that of `-o` may be one.
    pub writes: Option<fn(&ArgMatches) -> Result<Vec<PathBuf>>>,
    /// Answers without a pass over the rows.
    pub answer: Option<fn(&Call<'_>, &Value) -> Result<Option<Answered>>>,
    /// Completes the options of the analysis, once the rows are open.
    pub complete: Option<fn(&Call<'_>, &mut Value, &Data) -> Result<()>>,
    /// Adds to the result, and writes what is its own.
    pub apply: Option<fn(&Call<'_>, &mut dyn AnyOutcome, &Data) -> Result<()>>,
    /// The folder that `-o` names in place of a file; [`apply`](Extra::apply) writes it.
    pub folder: Option<fn(&ArgMatches) -> Result<Option<PathBuf>>>,
    /// A flag of it with which the command reads no file, and what it does then.
    pub without_file: Option<WithoutFile>,
}

/// A flag, and what the command does with it.
pub type WithoutFile = (&'static str, fn(&ArgMatches, &Output) -> Result<Outcome>);

impl Extra {
    /// More options, and no step yet.
    pub const fn new(name: &'static str, augment: fn(Command) -> Command) -> Extra {
        Extra {
            name,
            augment,
            writes: None,
            answer: None,
            complete: None,
            apply: None,
            folder: None,
            without_file: None,
        }
    }
}

/// What `clap` says of options that were not checked by a command's own parser.
pub fn conflict(error: clap::Error) -> Error {
    Error::argument("options that conflict").source(error)
}

/// A command as it was called.
pub struct Call<'a> {
    pub input: &'a TableInput,
    pub matches: &'a ArgMatches,
    pub common: &'a Common,
    pub output: &'a Output,
    /// The columns that were named.
    pub roles: &'a Roles,
    /// Whether the result is written as rows.
    pub writes_rows: bool,
}

/// A result, and the rows that it is of.
pub struct Answered {
    pub found: Box<dyn AnyOutcome>,
    pub data: Data,
    /// What may make the result misleading; it was printed already.
    pub warnings: Vec<String>,
}

/// The command line of an analysis: its own options, columns, outputs, and how its file is read.
pub fn command(analysis: &dyn AnyAnalysis, extra: Option<&Extra>) -> Command {
    let mut command = analysis.augment(Command::new(analysis.name()));
    if let Some(extra) = extra {
        command = (extra.augment)(command);
    }
    for role in analysis.roles() {
        let column = Arg::new(role.flag()).long(role.flag()).value_name("COL").help(role.help());
        command = command.arg(column.help_heading("Columns"));
    }
    let file = |flag: &'static str, help: &'static str| {
        Arg::new(flag)
            .long(flag)
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help(help)
            .help_heading("Output")
    };
    if let Some(help) = analysis.writes() {
        command = command.arg(file("output", help).short('o'));
        let to =
            Arg::new("to").long("to").value_name("FORMAT").value_parser(EnumValueParser::<FormatName>::new());
        let help = "The format of the output [default: from the name; csv for standard output, -]";
        command = command.arg(to.help(help).help_heading("Output"));
    }
    if writes_page(analysis) {
        command = command.arg(file("output", "Write the result as a page (.html)").short('o'));
    }
    for picture in analysis.pictures() {
        command = command.arg(file(picture.flag, picture.help));
    }
    for table in analysis.tables() {
        command = command.arg(file(table.flag, table.help));
    }
    if let Some(help) = analysis.saves() {
        let flag = save_flag(analysis);
        let save = file(flag, help);
        command = command.arg(if flag == "output" { save.short('o') } else { save });
    }
    command = super::on::augment(analysis.name(), command);
    command = <TableInput as clap::Args>::augment_args(command);
    if let Some((flag, _)) = extra.and_then(|extra| extra.without_file) {
        command = command.mut_arg("files", |file| file.required(false).required_unless_present(flag));
    }
    command.about(analysis.about()).long_about(None).after_help(analysis.examples())
}

/// The option for what is saved: `-o` where it is the only output.
fn save_flag(analysis: &dyn AnyAnalysis) -> &'static str {
    if analysis.writes().is_none() { "output" } else { "save" }
}

/// Whether `-o` is the page, because there are no rows and no model to write.
fn writes_page(analysis: &dyn AnyAnalysis) -> bool {
    analysis.writes().is_none() && analysis.saves().is_none()
}

/// Runs an analysis and shows its result.
pub fn run(
    analysis: &dyn AnyAnalysis,
    extra: Option<&Extra>,
    matches: &ArgMatches,
    common: &Common,
    output: &Output,
) -> Result<Outcome> {
    if let Some((flag, instead)) = extra.and_then(|extra| extra.without_file)
        && matches.get_flag(flag)
    {
        return instead(matches, output);
    }
    let input = TableInput::from_arg_matches(matches).map_err(conflict)?;
    let path = |flag: &str| matches.try_get_one::<PathBuf>(flag).ok().flatten().map(PathBuf::as_path);
    let pictures: Vec<(&str, &Path)> =
        analysis.pictures().iter().filter_map(|kind| Some((kind.flag, path(kind.flag)?))).collect();
    let tables: Vec<(&str, &Path)> =
        analysis.tables().iter().filter_map(|kind| Some((kind.flag, path(kind.flag)?))).collect();
    let to = matches.try_get_one::<FormatName>("to").ok().flatten().copied().map(Format::from);
    let own =
        extra.and_then(|extra| extra.writes).map_or_else(|| Ok(Vec::new()), |writes| writes(matches))?;
    let folder = extra.and_then(|extra| extra.folder).map_or(Ok(None), |folder| folder(matches))?;
    let rows = path("output")
        .filter(|path| analysis.writes().is_some() && !own.iter().any(|own| own == path) && folder.is_none());
    let saved = path(save_flag(analysis)).filter(|_| analysis.saves().is_some());
    let page = path("output").filter(|_| writes_page(analysis));
    let options = analysis.options_of(matches)?;
    let whole = input.keeps_all() && !analysis.writes_some();
    let outputs = Outputs::of(input.paths().into_iter().chain(analysis.reads(&options)));
    let mut outputs = if whole { outputs.rows(rows, to)? } else { outputs.table(rows, to)? };
    for (_, picture) in &pictures {
        outputs = outputs.picture(Some(picture))?;
    }
    for (_, table) in &tables {
        outputs = outputs.table(Some(table), None)?;
    }
    for path in &own {
        outputs = outputs.other(path)?;
    }
    let outputs = outputs.page(page)?.saved(saved, analysis.saves_as())?;

    let mut roles = Roles::default();
    for role in analysis.roles() {
        if let Some(column) = matches.get_one::<String>(role.flag()) {
            roles = roles.with(*role, column);
        }
    }
    let call = Call { input: &input, matches, common, output, roles: &roles, writes_rows: rows.is_some() };
    let wanted = wanted_by(analysis, &options)?;
    let writes_all = rows.is_some() || folder.is_some();
    let plan = planned(analysis.name(), &input, wanted, output, |rows, dims, memory| {
        let cost = analysis.cost(&options, rows, dims, memory)?;
        // Rows that are written are read once more.
        Ok(Cost { passes: cost.passes + usize::from(writes_all), ..cost })
    })?;
    let wanted = match plan {
        ControlFlow::Continue(wanted) => wanted,
        ControlFlow::Break(shown) => return Ok(shown),
    };
    let answered = match extra.and_then(|extra| extra.answer) {
        Some(answer) => answer(&call, &options)?,
        None => None,
    };
    let Answered { found, data, warnings } = match answered {
        Some(answered) => answered,
        None => over_the_rows(analysis, extra, options, &wanted, &call)?,
    };
    if let Some(path) = saved {
        found.save(path)?;
        output.note(format_args!("saved {}", path.display()));
    }
    for (flag, path) in &pictures {
        found.picture(flag, &data, common.seed(), Style::new(title(analysis.name())))?.save(path)?;
        output.note(format_args!("drew {}", path.display()));
    }
    for (flag, path) in &tables {
        let columns = found.beside(flag)?.into_iter().map(|column| (column.name, column.values));
        let columns = RecordBatch::try_from_iter(columns)
            .map_err(|error| Error::argument("columns that do not fit together").source(error))?;
        write_table(&Table::from_columns(columns), path, output)?;
    }
    if let Some(path) = page {
        let mut page = page_of(&data, data.name(), common.seed());
        page.sections.push(section_of(found.as_ref(), &warnings)?);
        write_page(&mut page, path)?;
        output.note(format_args!("wrote {}", path.display()));
    }
    if let Some(path) = rows {
        let written = match found.table()? {
            Some(_) if outputs.is_input(path) => return Err(not_all_rows(path)),
            Some(table) => table::write(&table, path, &WriteOptions { format: to, ..Default::default() })?,
            None => write_rows(found.as_ref(), &data, path, to, &outputs, output)?,
        };
        warn_of_dropped(&written, path, output);
        output.note(format_args!("wrote {}", path.display()));
    }
    let json = if output.is_json() { found.json()? } else { Value::Null };
    output.result(&json, |out| {
        let section = found.view(Look::Text).map_err(std::io::Error::other)?;
        write!(out, "{}", terminal(&section, super::output::width()))
    })?;
    Ok(if found.is_failure() { Outcome::CheckFailed } else { Outcome::Done })
}

/// What an analysis takes of the rows with these options.
fn wanted_by(analysis: &dyn AnyAnalysis, options: &Value) -> Result<Wanted> {
    Ok(Wanted {
        blocks: analysis.needs_with(options)? == Needs::Blocks,
        non_finite: analysis.reads_non_finite(),
        without_vectors: analysis.reads_without_vectors(),
        all_rows: analysis.takes_all_rows(),
        ..Default::default()
    })
}

/// Opens the rows and runs the analysis over them.
fn over_the_rows(
    analysis: &dyn AnyAnalysis,
    extra: Option<&Extra>,
    mut options: Value,
    wanted: &Wanted,
    call: &Call<'_>,
) -> Result<Answered> {
    let (input, output) = (call.input, call.output);
    let data = input.open(wanted, call.roles.clone(), output)?;
    let data = super::on::engaged(input, wanted, call.matches, output, data)?;
    let mut chosen = vec![format!("vectors {}", data.table().vector_column())];
    chosen.extend(
        analysis
            .roles()
            .iter()
            .filter_map(|role| Some(format!("{} {}", role.name(), data.column_of(*role)?))),
    );
    output.note(format_args!("columns: {}", chosen.join(", ")));
    if let Some(complete) = extra.and_then(|extra| extra.complete) {
        complete(call, &mut options, &data)?;
    }
    let at_row = |error: Error| input.named_in(data.locate(error));
    let shown = Shown::new(output, format!("{}: {} rows", analysis.name(), data.table().n_rows()));
    let context = Context::with_seed(call.common.seed()).since(output.started()).progress(&shown);
    let found = analysis.run(&data, options, &context);
    drop(shown.take());
    context.take_notes().iter().for_each(|note| output.note(note));
    let warnings = context.take_warnings();
    warnings.iter().for_each(|warning| output.warn(warning));
    let mut found = found.map_err(at_row)?;
    if let Some(apply) = extra.and_then(|extra| extra.apply) {
        apply(call, found.as_mut(), &data)?;
    }
    Ok(Answered { found, data, warnings })
}

/// Writes the rows of a result, all or some, with its columns.
fn write_rows(
    found: &dyn AnyOutcome,
    data: &Data,
    path: &Path,
    to: Option<Format>,
    outputs: &Outputs,
    output: &Output,
) -> Result<Written> {
    let new = found.columns()?;
    for column in &new.columns {
        if data.table().column(&column.name).is_ok() {
            output.warn(format_args!("the column {} of the input is replaced", column.name));
        }
    }
    let options = WriteOptions { format: to, ..Default::default() };
    match new.rows {
        None => data.write(new.columns, path, &options),
        Some(_) if outputs.is_input(path) => Err(not_all_rows(path)),
        Some(rows) => data.take(&rows)?.write(new.columns, path, &options),
    }
}

fn not_all_rows(path: &Path) -> Error {
    Error::argument("the output has not all rows, and would replace the input")
        .file(path)
        .advice("name another file for the output")
}

fn title(name: &str) -> String {
    let mut title = name.replace('-', " ");
    title[..1].make_ascii_uppercase();
    title
}

/// Progress on a terminal: a spinner until the number of steps is known, then a bar.
struct Shown<'a> {
    output: &'a Output,
    state: Mutex<(Option<Busy>, Option<Bar>)>,
}

impl<'a> Shown<'a> {
    fn new(output: &'a Output, what: String) -> Self {
        Shown { output, state: Mutex::new((Some(output.busy(what)), None)) }
    }

    fn take(&self) -> (Option<Busy>, Option<Bar>) {
        std::mem::take(&mut *self.state.lock().unwrap_or_else(|broken| broken.into_inner()))
    }
}

impl Progress for Shown<'_> {
    fn at(&self, what: &str, done: usize, all: usize, more: &str) {
        let mut state = self.state.lock().unwrap_or_else(|broken| broken.into_inner());
        if all > 0 {
            state.0 = None;
            let bar = state.1.get_or_insert_with(|| self.output.bar(what, all));
            bar.show(all, done, || more.to_owned());
        }
    }
}
