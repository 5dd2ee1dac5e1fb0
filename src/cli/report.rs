//! `embedlab report`: everything that fits the file's columns, as one page.

use std::ops::ControlFlow;
use std::path::PathBuf;

use embedlab::analysis::{Context, Cost, LabelOptions, Report, ReportOptions, report};
use embedlab::cluster::ClusterCount;
use embedlab::data::{Data, Role, Roles};
use embedlab::map::MapMethod;
use embedlab::{Error, Result};
use serde::Serialize;
use serde_json::Value;

use super::input::{TableInput, Wanted};
use super::output::grouped;
use super::outputs::Outputs;
use super::page::write_page;
use super::plan::planned;
use super::zero_shot::LabelTexts;
use super::{Common, Outcome, Output};

const EXAMPLES: &str = "\
Examples:
  embedlab report reviews.parquet
  embedlab report reviews.csv --k 8 --label Score -o reviews.html
  embedlab report reviews.parquet --labels labels.parquet --set kinds --truth Kind
  embedlab report reviews.parquet --layout pca
  embedlab report old.parquet --against new.parquet
  embedlab report reviews.csv --json | jq '.sections[].title'";

/// Write all analyses that fit the data as one offline page
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Sections to show, by the names of their commands [default: all that fit]
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
    labels: LabelOptions,
    #[command(flatten)]
    label_texts: LabelTexts,
    /// The column with true values for --labels [default: as --label]
    #[arg(long, value_name = "COL")]
    truth: Option<String>,
    /// Projection method of the map [default: tsne up to 20,000 rows, else pca, which takes a second]
    #[arg(long, value_name = "METHOD")]
    layout: Option<MapMethod>,
    /// Another model's vectors of the same rows, to compare with; short for --option compare.other=FILE
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
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

impl Args {
    /// All options of sections: those of --option, and those that have an option of their own here.
    fn settings(&self, data: &Data) -> Result<Vec<(String, String, Value)>> {
        let mut settings = self.option.clone();
        let mut set = |section: &str, option: &str, value: Value| {
            settings.push((section.to_owned(), option.to_owned(), value));
        };
        if let Some(k) = &self.k {
            set("cluster", "k", k.to_string().into());
        }
        if let Some(path) = &self.against {
            set("compare", "other", path.to_string_lossy().into());
        }
        if let Some(layout) = self.layout {
            set("map", "method", layout.name().into());
        }
        let prompts = self.label_texts.prompts(data, self.input.file())?;
        if self.labels.are_given() || !prompts.is_empty() {
            let given = serde_json::to_value(&self.labels)
                .map_err(|error| Error::argument("the labels cannot be written as JSON").source(error))?;
            for (option, value) in given.as_object().into_iter().flatten() {
                set("zero-shot", option, value.clone());
            }
            set("zero-shot", "prompts", prompts.into());
            set("zero-shot", "truth", self.truth.clone().into());
        }
        Ok(settings)
    }
}

pub fn run(args: &Args, common: &Common, output: &Output) -> Result<Outcome> {
    Outputs::of(args.input.paths().into_iter().chain(args.against.clone())).page(Some(&args.output))?;
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
    let wanted = Wanted::default();
    // The rows once more, for the sections that copy them.
    let cost = |rows: usize, dims: usize, _| {
        Ok(Cost::all_rows().work(4 * (rows as u64).saturating_mul(dims as u64)))
    };
    let wanted = match planned("report", &args.input, wanted, output, cost)? {
        ControlFlow::Continue(wanted) => wanted,
        ControlFlow::Break(shown) => return Ok(shown),
    };
    let data = args.input.open(&wanted, roles, output)?;
    let mut options = ReportOptions {
        title: args.title.clone(),
        only: args.only.clone(),
        without: args.without.clone(),
        ..Default::default()
    };
    for (section, option, value) in args.settings(&data)? {
        let of = options.options.entry(section).or_insert_with(|| Value::Object(Default::default()));
        of[option] = value;
    }
    let mut found = {
        let _busy = output.busy(format!("{}: {} rows", args.input.name(), grouped(data.table().n_rows())));
        let context = Context::with_seed(common.seed);
        report(&data, &options, &context)?
    };
    write_page(&mut found.page, &args.output)?;
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
