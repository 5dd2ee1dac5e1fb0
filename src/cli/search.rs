//! `embedlab search`: the rows nearest to a text or a vector.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Float64Array};
use embedlab::rows::{Metric, Neighbor};
use embedlab::search::{Filter, Hnsw, HnswOptions, Recall, search};
use embedlab::table::{self, Table};
use embedlab::{Error, Result};
use ndarray::Array1;
use serde::Serialize;

use super::beside::{same_space, write_beside};
use super::columns::text_column;
use super::embedder::With;
use super::input::Input;
use super::neighbors::MetricName;
use super::output::{Rows, grouped, printable};
use super::outputs::Outputs;
use super::{Common, Outcome, Output};

const EXAMPLES: &str = "\
Rows are counted from 0. A filter is an expression of SQL on the columns; put text in single quotes.

Examples:
  embedlab search reviews.parquet 'good dog food'
  embedlab search reviews.parquet --row 3 --where \"Score >= 4 and Kind = 'tea'\"
  embedlab search reviews.parquet --from queries.parquet --row 0 -k 20 -o hits.parquet
  embedlab search reviews.parquet 'stale chips' --index --json | jq '.hits[].row'";

/// Rows whose search by the index is compared with the exact one.
const QUERIES: usize = 200;

/// Find the rows nearest to a text or a stored vector
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// The text to search for
    #[arg(value_name = "QUERY", conflicts_with_all = ["row", "from"])]
    query: Option<String>,
    #[command(flatten)]
    with: With,
    /// Search for rows similar to this row (rows count from 0)
    #[arg(long, value_name = "N")]
    row: Option<usize>,
    /// Take --row (the first, unless it is given) from this file of stored vectors
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Search only the rows for which this SQL expression holds, such as "Score >= 4"
    #[arg(long = "where", value_name = "FILTER")]
    filter: Option<String>,
    /// How many rows
    #[arg(short, long, value_name = "K", default_value_t = 10)]
    k: usize,
    /// Distance metric
    #[arg(long, value_name = "METRIC", default_value = "cosine")]
    metric: MetricName,
    /// Search with an index (HNSW, approximate), built on first use and saved beside the file
    #[arg(long)]
    index: bool,
    /// Rebuild the index
    #[arg(long, requires = "index")]
    rebuild: bool,
    /// HNSW search breadth (ef): larger is more accurate and slower
    #[arg(long, value_name = "N", default_value_t = 32)]
    ef: usize,
    /// The column with the texts [default: combined, text, content, .., or the column with the longest texts]
    #[arg(long, value_name = "COL")]
    text: Option<String>,
    /// Write the found rows with their distance in a column `distance`
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Serialize)]
struct Found {
    query: Option<String>,
    metric: Metric,
    rows: usize,
    /// Rows that the filter keeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    filtered: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<Index>,
    seconds: f64,
    hits: Vec<Hit>,
}

#[derive(Serialize)]
struct Index {
    file: String,
    built: bool,
    build_seconds: Option<f64>,
    recall: Option<Recall>,
}

#[derive(Serialize)]
struct Hit {
    row: usize,
    score: f64,
    distance: f64,
    text: Option<String>,
}

pub fn run(args: &Args, common: &Common, output: &Output) -> Result<Outcome> {
    Outputs::of([Some(args.input.file.as_path()), args.from.as_deref()].into_iter().flatten())
        .table(args.output.as_deref(), None)?;
    let filter = args.filter.as_deref().map(Filter::parse).transpose()?;
    let table = args.input.read(output)?;
    let in_file = |error: Error| error.file(&args.input.file);
    let text = text_column(&table, args.text.as_deref())?;
    let texts = text.as_deref().map(|name| table.text(name)).transpose()?;
    let (query, said) = query(args, &table, texts.as_deref())?;
    let keep = filter.map(|filter| filter.keep(table.columns())).transpose()?;
    let metric = Metric::from(args.metric);
    // A row is not an answer to itself.
    let itself = args.row.filter(|_| args.from.is_none());
    let k = args.k + usize::from(itself.is_some());
    let rows = table.vectors();
    let (index, found, seconds) = if args.index && keep.is_none() {
        let (index, about) = index_of(args, &table, metric, common, output)?;
        let searcher = index.searcher(rows.reborrow())?;
        let start = Instant::now();
        let found = searcher.search(query.view(), k, args.ef).map_err(in_file)?;
        (Some(about), found, start.elapsed().as_secs_f64())
    } else {
        if args.index {
            output.note("with --where the search is exact; the index is not used");
        }
        let start = Instant::now();
        let found = search(rows.reborrow(), query.view(), k, metric, keep.as_deref()).map_err(in_file)?;
        (None, found, start.elapsed().as_secs_f64())
    };
    let found: Vec<Neighbor> = found.into_iter().filter(|hit| Some(hit.row) != itself).take(args.k).collect();
    let result = Found {
        query: said,
        metric,
        rows: table.n_rows(),
        filtered: keep.as_ref().map(|keep| keep.iter().filter(|keep| **keep).count()),
        index,
        seconds,
        hits: found
            .iter()
            .map(|hit| Hit {
                row: hit.row,
                score: if metric == Metric::Cosine { 1.0 - hit.distance } else { -hit.distance },
                distance: hit.distance,
                text: texts.as_ref().and_then(|texts| texts[hit.row].clone()),
            })
            .collect(),
    };
    if let Some(path) = &args.output {
        let rows: Vec<usize> = found.iter().map(|hit| hit.row).collect();
        let distances: ArrayRef =
            Arc::new(Float64Array::from_iter(found.iter().map(|hit| Some(hit.distance))));
        write_beside(&table.take(&rows)?, vec![("distance", distances)], path, output)?;
    }
    output.result(&result, |out| print(&result, out))?;
    Ok(Outcome::Done)
}

/// The vector to search for, and its text.
fn query(
    args: &Args,
    table: &Table,
    texts: Option<&[Option<String>]>,
) -> Result<(Array1<f32>, Option<String>)> {
    if let Some(text) = &args.query {
        let instead = "a stored vector with --row N or --from FILE";
        let vectors = args.with.embed(std::slice::from_ref(text), table, &args.input.file, instead)?;
        return Ok((vectors.row(0).to_owned(), Some(text.clone())));
    }
    let out_of_range = |row: usize, n: usize, file: &Path| {
        Error::argument("a query row out of range")
            .with_code("row-out-of-range")
            .file(file)
            .seen(format!("row {row} of {n}, counted from 0"))
    };
    if let Some(file) = &args.from {
        let other = table::read(file, &Default::default())?;
        same_space(table, &other, file, "queries")?;
        let row = args.row.unwrap_or(0);
        if row >= other.n_rows() {
            return Err(out_of_range(row, other.n_rows(), file));
        }
        let column = match other.column("query") {
            Ok(_) => Some("query".to_owned()),
            Err(_) => text_column(&other, None)?,
        };
        let said = column.map(|name| other.text(&name)).transpose()?.and_then(|texts| texts[row].clone());
        return Ok((other.vectors().row(row).to_owned(), said));
    }
    let Some(row) = args.row else {
        return Err(Error::argument("nothing to search for")
            .advice("give a text, --row N, or --from FILE; rows are counted from 0"));
    };
    if row >= table.n_rows() {
        return Err(out_of_range(row, table.n_rows(), &args.input.file));
    }
    Ok((table.vectors().row(row).to_owned(), texts.and_then(|texts| texts[row].clone())))
}

/// The index of the file: loaded, or built, measured and kept.
fn index_of(
    args: &Args,
    table: &Table,
    metric: Metric,
    common: &Common,
    output: &Output,
) -> Result<(Hnsw, Index)> {
    let mut path = args.input.file.clone().into_os_string();
    path.push(".hnsw");
    let path = PathBuf::from(path);
    let rows = table.vectors();
    let file = path.display().to_string();
    if path.exists() && !args.rebuild {
        let (index, recall) = Hnsw::load(&path, rows)?;
        if index.options().metric != metric {
            return Err(Error::argument("the index is of another metric")
                .file(&path)
                .seen(format!("{:?}", index.options().metric).to_lowercase())
                .advice("search with that metric, or build it anew with --rebuild"));
        }
        return Ok((index, Index { file, built: false, build_seconds: None, recall }));
    }
    let start = Instant::now();
    let options = HnswOptions { metric, seed: common.seed, ..Default::default() };
    let (index, seconds, recall) = {
        let _busy = output.busy(format!("building an index of {} rows", grouped(table.n_rows())));
        let index = Hnsw::build(rows.reborrow(), &options).map_err(|error| error.file(&args.input.file))?;
        let seconds = start.elapsed().as_secs_f64();
        let recall = if table.n_rows() > 1 {
            Some(index.recall(rows.reborrow(), 10, args.ef, QUERIES)?)
        } else {
            None
        };
        (index, seconds, recall)
    };
    index.save(&path, rows, recall)?;
    output.note(format!("built {file} in {seconds:.1} s"));
    Ok((index, Index { file, built: true, build_seconds: Some(seconds), recall }))
}

fn print(found: &Found, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    let short =
        |text: &Option<String>| -> String { text.iter().flat_map(|text| text.chars()).take(120).collect() };
    if let Some(filtered) = found.filtered {
        writeln!(out, "among {} of {} rows\n", grouped(filtered), grouped(found.rows))?;
    }
    if found.query.is_some() {
        writeln!(out, "{}\n", printable(&short(&found.query)))?;
    }
    let score = if found.metric == Metric::Cosine { "cosine" } else { "distance" };
    let mut rows = Rows::new(&["row", score, "text"], &[0, 1]);
    for hit in &found.hits {
        let number = if found.metric == Metric::Cosine { hit.score } else { hit.distance };
        rows.push(vec![hit.row.to_string(), format!("{number:.3}"), short(&hit.text)]);
    }
    writeln!(out, "{rows}")?;
    if let Some(recall) = found.index.as_ref().and_then(|index| index.recall) {
        writeln!(
            out,
            "\nby an index; of the {} nearest it finds {:.1} % (+- {:.1}, {} rows asked with --ef {})",
            recall.k,
            100.0 * recall.recall,
            196.0 * recall.standard_error,
            recall.queries,
            recall.ef
        )?;
    }
    Ok(())
}
