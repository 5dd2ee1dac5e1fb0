//! `embedlab report`: everything that fits the file's columns, as one page.

use std::io::Write;
use std::path::PathBuf;

use embedlab::cluster::analyse;
use embedlab::forest::MaxFeatures;
use embedlab::map::{MapMethod, MapOptions, lay_out};
use embedlab::model::{Classes, ModelOptions, SampleInfo, classify, regress};
use embedlab::recommend::{EvaluationOptions, NeighborOptions, Query, evaluate, neighbors};
use embedlab::report;
use embedlab::report::{clusters, map, overview};
use embedlab::split::train_test_split;
use embedlab::table::{Table, check, write_whole};
use embedlab::view::{Look, Page, Section};
use embedlab::zero_shot;
use embedlab::{Error, Result};
use serde::Serialize;

use super::cluster::How;
use super::columns::{label_column, text_column};
use super::input::TableInput;
use super::output::grouped;
use super::outputs::Outputs;
use super::recommend::Columns;
use super::zero_shot::Labels;
use super::{Common, Outcome, Output};

const EXAMPLES: &str = "\
Examples:
  embedlab report reviews.parquet
  embedlab report reviews.csv --k 8 --label Score -o reviews.html
  embedlab report reviews.parquet --labels labels.parquet --set kinds --truth Kind
  embedlab report reviews.parquet --layout pca
  embedlab report reviews.csv --json | jq '.sections[].title'";

/// Fewer rows with a label are too few to judge a model.
const LEAST_ROWS: usize = 50;

/// Numbers in a table above which forests look at fewer features.
const LARGE: usize = 4_000_000;

/// Write the whole analysis as one page that needs no network
#[derive(clap::Args)]
#[command(after_help = EXAMPLES, mut_arg("k", |k| k.default_value("auto")))]
pub struct Args {
    #[command(flatten)]
    input: TableInput,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    columns: Columns,
    #[command(flatten)]
    labels: Labels,
    /// The column with true values for --labels [default: as --label]
    #[arg(long, value_name = "COL")]
    truth: Option<String>,
    /// How the map is laid out [default: tsne up to 20,000 rows, else pca, which takes a second]
    #[arg(long, value_name = "METHOD")]
    layout: Option<MapMethod>,
    /// The page to write
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    output: PathBuf,
}

#[derive(Serialize)]
struct Written<'a> {
    file: String,
    #[serde(flatten)]
    page: &'a Page,
}

pub fn run(args: &Args, common: &Common, output: &Output) -> Result<Outcome> {
    Outputs::of([args.input.file.as_path()]).page(Some(&args.output))?;
    let table = args.input.read(output)?;
    let about = args.how.about(&table, output)?;
    let rows = table.vectors();
    let failed = |error: Error| error.file(&args.input.file);

    let mut page = Page::new(args.input.name());
    page.subtitle =
        format!("{} rows of {} numbers in {}", grouped(table.n_rows()), table.dims(), table.vector_column());
    page.provenance.command = command_line();
    page.provenance.seed = Some(common.seed);
    let analysis = {
        let _busy = output.busy(format!("clustering {} rows", grouped(table.n_rows())));
        analyse(rows, &about, &args.how.options(common.seed)).map_err(failed)?
    };
    let layout = {
        let _busy = output.busy(format!("laying out {} rows", grouped(table.n_rows())));
        let method = args.layout.unwrap_or_else(|| MapMethod::fitting(rows.nrows()));
        let options = MapOptions { method, ..MapOptions::default() };
        lay_out(rows, &options, common.seed, &mut |_| ()).map_err(failed)?
    };
    let _busy = output.busy("drawing");
    page.sections.push(overview(&check(rows).with_columns(table.column_names()), &about)?);
    page.sections.push(clusters(&analysis)?);
    page.sections.push(map(&layout, &analysis, about.label.as_ref())?);
    page.sections.extend(model_sections(args, common, &table).map_err(failed)?);
    if args.labels.given() {
        page.sections.push(label_section(args, &table, output)?);
    }
    page.sections.extend(recommend_section(args, common, &table).map_err(failed)?);
    if let Some(texts) = &about.texts {
        page.sections.extend(neighbor_section(&table, texts).map_err(failed)?);
    }
    let html = page.render();
    write_whole(&args.output, |out| {
        out.write_all(html.as_bytes()).map_err(|error| Error::io("cannot write", error).file(&args.output))
    })?;
    drop(_busy);
    let written = Written { file: args.output.display().to_string(), page: &page };
    output.result(&written, |out| {
        let titles: Vec<&str> = page.sections.iter().map(|section| section.title.as_str()).collect();
        writeln!(out, "{}: {}", args.output.display(), titles.join(", "))?;
        writeln!(out, "open it in a browser; it needs no network")
    })?;
    Ok(Outcome::Done)
}

/// The label as a number and as a class, when there is one with enough rows to hold some back.
fn model_sections(args: &Args, common: &Common, table: &Table) -> Result<Vec<Section>> {
    let Some(label) = label_column(table, args.how.label.as_deref())? else { return Ok(Vec::new()) };
    let labels = table.labels(&label)?;
    let rows: Vec<usize> = (0..table.n_rows()).filter(|row| labels.codes[*row].is_some()).collect();
    if rows.len() < LEAST_ROWS || !(2..=50).contains(&labels.names.len()) {
        return Ok(Vec::new());
    }
    let table = if rows.len() < table.n_rows() { &table.take(&rows)? } else { table };
    let texts = text_column(table, args.how.text.as_deref())?.map(|text| table.text(&text)).transpose()?;
    let info = SampleInfo { texts: texts.as_deref(), ..Default::default() };
    let split = train_test_split(table.n_rows(), 0.2, 42)?;
    // All features at every node take minutes on a large table, and gain little there.
    let large = table.n_rows() * table.dims() > LARGE;
    let options = ModelOptions {
        seed: common.seed,
        max_features: large.then_some(MaxFeatures::Sqrt),
        ..Default::default()
    };
    let mut sections = Vec::new();
    if table.column(&label)?.data_type().is_numeric() {
        let targets: Vec<f64> = table.numbers(&label)?.into_iter().flatten().collect();
        let found = regress(table.vectors(), &targets, &split, &info, &options)?;
        sections.push(report::regression(&found, &label, Look::Page)?);
    }
    let classes = Classes::try_from(table.labels(&label)?)?;
    // The training rows may hold one class only.
    if let Ok(found) = classify(table.vectors(), &classes, &split, &info, &options) {
        sections.push(report::classification(&found, &label, Look::Page)?);
    }
    Ok(sections)
}

/// Zero-shot labels against true ones.
fn label_section(args: &Args, table: &Table, output: &Output) -> Result<Section> {
    let labels = args.labels.vectors(table, &args.input.file)?;
    let found = zero_shot::zero_shot(&table.vectors(), &labels)?;
    let column = args.truth.as_deref().or(args.how.label.as_deref());
    let truth = args.labels.truth(table, column, &labels, output)?.ok_or_else(|| {
        Error::argument("no true labels")
            .advice("name their column with --truth COL, and give --map if its values are no labels")
    })?;
    let options =
        zero_shot::LabelEvaluationOptions { positive: args.labels.positive(&labels)?, ..Default::default() };
    report::labels(&zero_shot::evaluate(&found, &truth, &labels, &options)?, &truth)
}

/// Users and products, when there are columns with them; what cannot be said is left out, unless
/// the columns were named.
fn recommend_section(args: &Args, common: &Common, table: &Table) -> Result<Option<Section>> {
    let Some(rated) = args.columns.find(table)? else { return Ok(None) };
    let options = EvaluationOptions { seed: common.seed, ..EvaluationOptions::default() };
    let found = train_test_split(table.n_rows(), 0.2, 42)
        .and_then(|split| evaluate(&table.vectors(), &rated.ratings(), &split, &options));
    match found {
        Ok(found) => Ok(Some(report::recommend(&found, &rated.rating)?)),
        Err(error) if args.columns.user.is_some() || args.columns.item.is_some() => Err(error),
        Err(_) => Ok(None),
    }
}

/// The neighbours of three rows: the first, one in the middle, the last.
fn neighbor_section(table: &Table, texts: &[Option<String>]) -> Result<Option<Section>> {
    let n = table.n_rows();
    if n < 4 {
        return Ok(None);
    }
    let options = NeighborOptions { k: 3, ..NeighborOptions::default() };
    let mut found = Vec::new();
    for row in [0, n / 2, n - 1] {
        let query = Query::Rows { like: &[row], unlike: &[] };
        // A row of zeros has no neighbours; the overview has counted it.
        if let Ok(hits) = neighbors(table.vectors(), &query, Some(texts), &options) {
            found.push((row, hits));
        }
    }
    Ok(Some(report::neighbors(&found, texts)?))
}

/// The command as it was typed, with the program's bare name.
fn command_line() -> String {
    let quoted = |argument: String| if argument.contains(' ') { format!("'{argument}'") } else { argument };
    let arguments =
        std::env::args_os().skip(1).map(|argument| quoted(argument.to_string_lossy().into_owned()));
    std::iter::once("embedlab".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
}
