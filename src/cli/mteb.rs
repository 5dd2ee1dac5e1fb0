//! `embedlab mteb`: the tasks of the benchmark, all that fit a file, and tables of results.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::StringArray;
use clap::builder::ArgPredicate;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use embedlab::analysis::mteb::{BenchmarkResult, ScoreTable};
use embedlab::analysis::{AnyAnalysis, AnyOutcome, Context, Cost, find, registry};
use embedlab::data::{Data, NewColumn, Role, Roles};
use embedlab::split::train_test_split;
use embedlab::table::{Table, write_whole};
use embedlab::view::{Look, Page, Section, terminal};
use embedlab::{Error, Result, output};
use ndarray::Array2;
use serde_json::{Value, json};

use super::analysis::{self, Answered, Call, Extra, conflict};
use super::input::{TableInput, Wanted};
use super::outputs::Outputs;
use super::plan::planned;
use super::{Common, Outcome, Output};

/// What the names of its analyses begin with.
pub const PREFIX: &str = "mteb-";

const EXAMPLES: &str = "\
Examples:
  embedlab mteb sts sentences.parquet --pairs pairs.csv
  embedlab mteb retrieval corpus.parquet --queries queries.parquet --qrels qrels.tsv
  embedlab mteb classification train.parquet --test test.parquet --label intent --against other.parquet
  embedlab mteb all reviews.parquet --label Score --results results/my-model
  embedlab mteb table results/my-model results/another-model

The rules are those of mteb 2.26.24, down to the rows that are drawn. Main scores have 95 % intervals, and
--against compares two models on the same rows.";

const ALL_EXAMPLES: &str = "\
Examples:
  embedlab mteb all reviews.parquet --label Score
  embedlab mteb all reviews.parquet --label Kind --results results/my-model

A fifth of the rows is held out for classification and regression, as scikit-learn's train_test_split does.";

const TABLE_EXAMPLES: &str = "\
Examples:
  embedlab mteb table results/small results/large
  embedlab mteb table results/* -o models.html

A folder holds the results of one model: those of --results, or MTEB's own.";

/// The folder of results that a task writes into.
const RESULTS: Extra = Extra {
    writes: Some(checked_results),
    answer: Some(of_run),
    apply: Some(write_results),
    ..Extra::new("mteb", with_results)
};

/// Runs all tasks that fit the label column of a file
#[derive(Args)]
struct AllArgs {
    #[arg(long, value_name = "COL", help_heading = "Columns", help = Role::Label.help())]
    label: Option<String>,
    /// Also write each result in MTEB's JSON into this folder
    #[arg(long, value_name = "FOLDER", help_heading = "Output")]
    results: Option<PathBuf>,
    #[command(flatten)]
    input: TableInput,
}

/// Set the results of several models side by side
#[derive(Args)]
struct TableArgs {
    /// One folder of results for each model
    #[arg(value_name = "FOLDER", required = true)]
    folders: Vec<PathBuf>,
    /// Also write the table as a page (.html)
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
}

/// The command with a subcommand for each task.
pub fn command() -> Command {
    let mut command = Command::new("mteb")
        .about("Score vectors by the rules of the Massive Text Embedding Benchmark, with intervals")
        .after_help(EXAMPLES)
        .subcommand_required(true)
        .arg_required_else_help(true);
    for analysis in tasks() {
        let name = analysis.name().trim_start_matches(PREFIX);
        let mut task = analysis::command(analysis, Some(&RESULTS)).name(name);
        if task.get_arguments().any(|argument| argument.get_id() == "run") {
            task = task.mut_arg("files", |files| {
                let run = files.required(false).required_unless_present("run");
                run.default_value_if("run", ArgPredicate::IsPresent, "-")
            });
        }
        command = command.subcommand(task);
    }
    let all = AllArgs::augment_args(Command::new("all")).after_help(ALL_EXAMPLES);
    let table = TableArgs::augment_args(Command::new("table")).after_help(TABLE_EXAMPLES);
    command.subcommand(all).subcommand(table)
}

/// The analyses that are tasks.
fn tasks() -> impl Iterator<Item = &'static dyn AnyAnalysis> {
    registry().iter().copied().filter(|analysis| analysis.name().starts_with(PREFIX))
}

/// Runs what the arguments name.
pub fn run(matches: &ArgMatches, common: &Common, output: &Output) -> Result<Outcome> {
    match matches.subcommand() {
        Some(("all", matches)) => all(&AllArgs::from_arg_matches(matches).map_err(conflict)?, common, output),
        Some(("table", matches)) => table(&TableArgs::from_arg_matches(matches).map_err(conflict)?, output),
        Some((task, matches)) => match find(&format!("{PREFIX}{task}")) {
            Some(analysis) => analysis::run(analysis, Some(&RESULTS), matches, common, output),
            None => Err(Error::argument("no such task").seen(task)),
        },
        None => Err(Error::argument("no task").advice("see embedlab mteb --help")),
    }
}

fn with_results(command: Command) -> Command {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help).help_heading("Output")
    };
    let folder = option("results", "FOLDER", "Also write the result in MTEB's JSON into this folder");
    command.arg(folder.value_parser(clap::value_parser!(PathBuf))).arg(
        option("name", "NAME", "The name of the task in that result [default: the task]").requires("results"),
    )
}

/// The folder can be written to; its files are not outputs that could be inputs.
fn checked_results(matches: &ArgMatches) -> Result<Vec<PathBuf>> {
    matches.get_one::<PathBuf>("results").map_or(Ok(()), |folder| output::check_folder(folder))?;
    Ok(Vec::new())
}

/// A run file is scored without vectors.
fn of_run(call: &Call<'_>, options: &Value) -> Result<Option<Answered>> {
    if call.matches.try_get_one::<PathBuf>("run").ok().flatten().is_none() {
        return Ok(None);
    }
    let task = if options.get("candidates").is_some() { "mteb-reranking" } else { "mteb-retrieval" };
    let Some(analysis) = find(task) else { return Ok(None) };
    let data = Data::from(Table::from_vectors(Array2::zeros((0, 0))));
    let context = Context::with_seed(call.common.seed());
    let mut found = analysis.run(&data, options.clone(), &context)?;
    let warnings = context.take_warnings();
    warnings.iter().for_each(|warning| call.output.warn(warning));
    write_results(call, found.as_mut(), &data)?;
    Ok(Some(Answered { found, data, warnings }))
}

fn write_results(call: &Call<'_>, found: &mut dyn AnyOutcome, _data: &Data) -> Result<()> {
    match call.matches.get_one::<PathBuf>("results") {
        Some(folder) => write_result(found, folder, call.matches.get_one::<String>("name"), call.output),
        None => Ok(()),
    }
}

fn write_result(
    found: &mut dyn AnyOutcome,
    folder: &Path,
    name: Option<&String>,
    output: &Output,
) -> Result<()> {
    let Some(result) = found.as_any_mut().downcast_ref::<BenchmarkResult>() else { return Ok(()) };
    let path = result.write_mteb(folder, name.map_or(result.task, String::as_str), "test")?;
    output.note(format_args!("wrote {}", path.display()));
    Ok(())
}

/// The column that says which rows are test rows.
const SPLIT: &str = "mteb_split";

fn all(args: &AllArgs, common: &Common, told: &Output) -> Result<Outcome> {
    let roles = match &args.label {
        Some(column) => Roles::default().with(Role::Label, column),
        None => Roles::default(),
    };
    args.results.as_deref().map_or(Ok(()), output::check_folder)?;
    let wanted = Wanted::default();
    let cost = |rows: usize, dims: usize, _| {
        Ok(Cost::all_rows().work(4 * (rows as u64).saturating_mul(dims as u64)))
    };
    let wanted = match planned("mteb all", &args.input, wanted, told, cost)? {
        ControlFlow::Continue(wanted) => wanted,
        ControlFlow::Break(shown) => return Ok(shown),
    };
    let data = args.input.open(&wanted, roles.clone(), told)?;
    let label = data.require(Role::Label)?.to_owned();
    let n = data.table().n_rows();
    let split = train_test_split(n, 0.2, common.seed() as u32)?;
    let mut sides = vec!["train"; n];
    split.test.iter().for_each(|row| sides[*row] = "test");
    let side = NewColumn::new(SPLIT, Arc::new(StringArray::from(sides)));
    let data = Data::new(data.with_columns(vec![side])?, roles.with(Role::Label, &label));
    let numeric = data.table().column(&label)?.data_type().is_numeric();
    let mut wanted =
        vec![("clustering", json!({ "max_fraction": 1.0 })), ("classification", json!({ "split": SPLIT }))];
    if numeric {
        wanted.push(("regression", json!({ "split": SPLIT })));
    }
    let (mut found, mut failed) = (Vec::new(), None);
    for (task, options) in wanted {
        let Some(analysis) = find(&format!("{PREFIX}{task}")) else { continue };
        let _busy = told.busy(format!("{task}: {n} rows"));
        let context = Context::with_seed(common.seed());
        let ran = analysis.run(&data, options, &context);
        context.take_warnings().iter().for_each(|warning| told.warn(format_args!("{task}: {warning}")));
        match ran {
            Ok(mut outcome) => {
                if let Some(folder) = &args.results {
                    write_result(outcome.as_mut(), folder, None, told)?;
                }
                found.push(outcome);
            }
            Err(error) => {
                told.warn(format_args!("no {task}: {error}"));
                failed = Some(error);
            }
        }
    }
    if let (true, Some(error)) = (found.is_empty(), failed) {
        return Err(error);
    }
    let results: Vec<Value> = found.iter().map(|outcome| outcome.json()).collect::<Result<_>>()?;
    told.result(&json!({ "results": results }), |out| {
        for outcome in &found {
            let section = outcome.view(Look::Text).map_err(std::io::Error::other)?;
            write!(out, "{}", terminal(&section, super::output::width()))?;
        }
        Ok(())
    })?;
    Ok(Outcome::Done)
}

fn table(args: &TableArgs, output: &Output) -> Result<Outcome> {
    Outputs::of(args.folders.iter().map(PathBuf::as_path)).page(args.output.as_deref())?;
    let found = ScoreTable::read(&args.folders)?;
    let section = found.view();
    if let Some(path) = &args.output {
        write_page(section.clone(), path)?;
        output.note(format_args!("wrote {}", path.display()));
    }
    output.result(&found, |out| write!(out, "{}", terminal(&section, super::output::width())))?;
    Ok(Outcome::Done)
}

fn write_page(section: Section, path: &Path) -> Result<()> {
    let mut page = Page::new("Models side by side");
    page.sections.push(section);
    let html = page.render();
    write_whole(path, |out| {
        out.write_all(html.as_bytes()).map_err(|error| Error::io("cannot write", error).file(path))
    })
}
