//! `embedlab report`: everything that fits the file's columns, as one page.

use std::io::Write;
use std::path::PathBuf;

use embedlab::analysis::{Context, Report, ReportOptions, report};
use embedlab::cluster::ClusterCount;
use embedlab::data::{Role, Roles};
use embedlab::map::MapMethod;
use embedlab::report as sections;
use embedlab::table::{Table, write_whole};
use embedlab::view::Section;
use embedlab::zero_shot;
use embedlab::{Error, Result};
use serde::Serialize;
use serde_json::Value;

use super::input::{TableInput, Wanted};
use super::output::grouped;
use super::outputs::Outputs;
use super::zero_shot::Labels;
use super::{Common, Outcome, Output};

const EXAMPLES: &str = "\
Examples:
  embedlab report reviews.parquet
  embedlab report reviews.csv --k 8 --label Score -o reviews.html
  embedlab report reviews.parquet --labels labels.parquet --set kinds --truth Kind
  embedlab report reviews.parquet --layout pca
  embedlab report reviews.csv --json | jq '.sections[].title'";

/// Write all analyses that fit the data as one offline page
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Sections to show, by the names of their commands, and overview and map [default: all that fit]
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    only: Vec<String>,
    /// Sections to leave out
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    without: Vec<String>,
    /// An option of a section, such as cluster.method=hdbscan; as often as needed
    #[arg(long, value_name = "SECTION.OPTION=VALUE", value_parser = setting)]
    option: Vec<(String, String, Value)>,
    /// The number of clusters: one, a range such as 2..12, or auto; short for --option cluster.k=K
    #[arg(short, long, value_name = "K")]
    k: Option<ClusterCount>,
    /// The title [default: the name of the file]
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    #[arg(long, value_name = "COL", help_heading = "Columns", help = Role::Text.help())]
    text: Option<String>,
    #[arg(long, value_name = "COL", help_heading = "Columns", help = Role::Label.help())]
    label: Option<String>,
    #[arg(long, value_name = "COL", help_heading = "Columns", help = Role::User.help())]
    user: Option<String>,
    #[arg(long, value_name = "COL", help_heading = "Columns", help = Role::Item.help())]
    item: Option<String>,
    #[arg(long, value_name = "COL", help_heading = "Columns", help = Role::Rating.help())]
    rating: Option<String>,
    #[command(flatten)]
    labels: Labels,
    /// The column with true values for --labels [default: as --label]
    #[arg(long, value_name = "COL")]
    truth: Option<String>,
    /// Projection method of the map [default: tsne up to 20,000 rows, else pca, which takes a second]
    #[arg(long, value_name = "METHOD")]
    layout: Option<MapMethod>,
    /// The page to write
    #[arg(short, long, value_name = "FILE", default_value = "report.html", help_heading = "Output")]
    output: PathBuf,
    #[command(flatten)]
    input: TableInput,
}

/// `cluster.k=8`: JSON where the value is JSON, else a text.
fn setting(text: &str) -> std::result::Result<(String, String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("give SECTION.OPTION=VALUE, such as cluster.k=8")?;
    let (section, option) = name.split_once('.').ok_or("give SECTION.OPTION=VALUE, such as cluster.k=8")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    Ok((section.to_owned(), option.replace('-', "_"), value))
}

#[derive(Serialize)]
struct Written<'a> {
    file: String,
    #[serde(flatten)]
    report: &'a Report,
}

pub fn run(args: &Args, common: &Common, output: &Output) -> Result<Outcome> {
    Outputs::of(args.input.paths()).page(Some(&args.output))?;
    let named = [
        (Role::Text, &args.text),
        (Role::Label, &args.label),
        (Role::User, &args.user),
        (Role::Item, &args.item),
        (Role::Rating, &args.rating),
    ];
    let roles = named.into_iter().fold(Roles::default(), |roles, (role, column)| match column {
        Some(column) => roles.with(role, column),
        None => roles,
    });
    let data = args.input.open(&Wanted::default(), roles, output)?;
    let mut options = ReportOptions {
        title: args.title.clone(),
        only: args.only.clone(),
        without: args.without.clone(),
        layout: args.layout,
        ..Default::default()
    };
    let k = args.k.as_ref().map(|k| ("cluster".to_owned(), "k".to_owned(), Value::String(k.to_string())));
    for (section, option, value) in args.option.iter().cloned().chain(k) {
        let of = options.options.entry(section).or_insert_with(|| Value::Object(Default::default()));
        of[option] = value;
    }
    let mut found = {
        let _busy = output.busy(format!("{}: {} rows", args.input.name(), grouped(data.table().n_rows())));
        let context = Context::with_seed(common.seed);
        report(&data, &options, &context)?
    };
    found.page.provenance.command = command_line();
    let table = data.table();
    let mut more = Vec::new();
    if args.labels.given() && options.wants("zero-shot") {
        more.push(label_section(args, table, output)?);
    }
    let end = found.page.sections.len() - usize::from(!found.left_out.is_empty());
    found.page.sections.splice(end..end, more);
    let html = found.page.render();
    write_whole(&args.output, |out| {
        out.write_all(html.as_bytes()).map_err(|error| Error::io("cannot write", error).file(&args.output))
    })?;
    let written = Written { file: args.output.display().to_string(), report: &found };
    output.result(&written, |out| {
        let titles: Vec<&str> = found.page.sections.iter().map(|section| section.title.as_str()).collect();
        writeln!(out, "{}: {}", args.output.display(), titles.join(", "))?;
        for left in &found.left_out {
            writeln!(out, "left out: {}: {}", left.section, left.why)?;
        }
        writeln!(out, "open it in a browser; it needs no network")
    })?;
    Ok(Outcome::Done)
}

/// Zero-shot labels against true ones.
fn label_section(args: &Args, table: &Table, output: &Output) -> Result<Section> {
    let labels = args.labels.vectors(table, args.input.file())?;
    let found = zero_shot::zero_shot(&table.vectors(), &labels)?;
    let column = args.truth.as_deref().or(args.label.as_deref());
    let truth = args.labels.truth(table, column, &labels, output)?.ok_or_else(|| {
        Error::argument("no true labels")
            .advice("name their column with --truth COL, and give --map if its values are not label names")
    })?;
    let options =
        zero_shot::LabelEvaluationOptions { positive: args.labels.positive(&labels)?, ..Default::default() };
    sections::labels(&zero_shot::evaluate(&found, &truth, &labels, &options)?, &truth)
}

/// The command as it was typed, with the program's bare name.
fn command_line() -> String {
    let quoted = |argument: String| if argument.contains(' ') { format!("'{argument}'") } else { argument };
    let arguments =
        std::env::args_os().skip(1).map(|argument| quoted(argument.to_string_lossy().into_owned()));
    std::iter::once("embedlab".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
}
