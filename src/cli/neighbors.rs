//! `embedlab neighbors`: which rows are most like a row.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use clap::ValueEnum;
use embedlab::recommend::{NeighborOptions, Query, neighbors};
use embedlab::rows::Metric;
use embedlab::table::{self, ReadOptions, Table};
use embedlab::{Error, Result};
use ndarray::Array1;
use serde::Serialize;

use super::beside::{same_space, write_beside};
use super::columns::text_column;
use super::embedder::With;
use super::input::Input;
use super::output::{Rows, printable};
use super::outputs::Outputs;
use super::{Outcome, Output};

const EXAMPLES: &str = "\
Rows are counted from 0: the guide's article 0 is the first row of the file.

Examples:
  embedlab neighbors reviews.parquet --row 0 -k 5
  embedlab neighbors reviews.parquet --like 3,8 --unlike 5 --metric l2
  embedlab neighbors reviews.parquet --row 12 --mmr 0.5
  embedlab neighbors reviews.parquet --from queries.parquet --row 2 --json | jq '.neighbors[].row'";

/// Find the rows most similar to a row; rows with the same text
/// are passed over
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// The row to start from (rows count from 0)
    #[arg(long, value_name = "N", conflicts_with = "like")]
    row: Option<usize>,
    /// Rows to be similar to
    #[arg(long, value_name = "N,N,..", value_delimiter = ',', conflicts_with = "from")]
    like: Vec<usize>,
    /// Rows to be dissimilar to
    #[arg(long, value_name = "N,N,..", value_delimiter = ',', conflicts_with = "from")]
    unlike: Vec<usize>,
    /// Take --row (the first, unless it is given) from this file of stored vectors instead
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// A text to start from
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["row", "like", "from"])]
    query: Option<String>,
    #[command(flatten)]
    with: With,
    /// How many neighbours
    #[arg(short, long, value_name = "K", default_value_t = 5)]
    k: usize,
    /// Distance metric
    #[arg(long, value_name = "METRIC", default_value = "cosine")]
    metric: MetricName,
    /// MMR lambda: 1 = relevance, 0 = diversity
    #[arg(long, value_name = "SHARE")]
    mmr: Option<f64>,
    /// The column with the texts [default: combined, text, content, .., or the column with the longest texts]
    #[arg(long, value_name = "COL")]
    text: Option<String>,
    /// Write the found rows with their distance in a column `distance`
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum MetricName {
    Cosine,
    L1,
    L2,
    Linf,
}

impl From<MetricName> for Metric {
    fn from(name: MetricName) -> Metric {
        match name {
            MetricName::Cosine => Metric::Cosine,
            MetricName::L1 => Metric::L1,
            MetricName::L2 => Metric::L2,
            MetricName::Linf => Metric::Linf,
        }
    }
}

#[derive(Serialize)]
struct Found {
    rows: usize,
    metric: Metric,
    like: Vec<usize>,
    unlike: Vec<usize>,
    query: Option<String>,
    equal_texts: usize,
    zero_rows: usize,
    repeats: Option<usize>,
    neighbors: Vec<Hit>,
}

#[derive(Serialize)]
struct Hit {
    row: usize,
    distance: f64,
    cosine: Option<f64>,
    text: Option<String>,
}

pub fn run(args: &Args, output: &Output) -> Result<Outcome> {
    Outputs::of([Some(args.input.file.as_path()), args.from.as_deref()].into_iter().flatten())
        .table(args.output.as_deref(), None)?;
    let like: Vec<usize> = args.row.map_or_else(|| args.like.clone(), |row| vec![row]);
    if like.is_empty() && args.from.is_none() && args.query.is_none() {
        return Err(Error::argument("no row to start from")
            .advice("give --row N, --like N,N,.. or --from FILE; rows are counted from 0"));
    }
    let table = args.input.read(output)?;
    let text = text_column(&table, args.text.as_deref())?;
    let texts = text.as_deref().map(|name| table.text(name)).transpose()?;
    let options = NeighborOptions {
        k: args.k,
        metric: args.metric.into(),
        mmr: args.mmr,
        count_repeats: true,
        ..NeighborOptions::default()
    };
    let in_file = |error: Error| error.file(&args.input.file);

    let elsewhere = match (&args.query, &args.from) {
        (Some(text), _) => {
            let instead = "a stored vector with --from FILE or --row N";
            let vectors = args.with.embed(std::slice::from_ref(text), &table, &args.input.file, instead)?;
            Some(Elsewhere { vector: vectors.row(0).to_owned(), text: Some(text.clone()) })
        }
        (None, Some(file)) => Some(Elsewhere::read(file, args.row, &table)?),
        (None, None) => None,
    };
    let (found, source) = match &elsewhere {
        Some(other) => {
            let query = Query::Vector(other.vector.view(), other.text.as_deref());
            (neighbors(table.vectors(), &query, texts.as_deref(), &options).map_err(in_file)?, &other.text)
        }
        None => {
            let query = Query::Rows { like: &like, unlike: &args.unlike };
            let found = neighbors(table.vectors(), &query, texts.as_deref(), &options).map_err(in_file)?;
            (found, &texts.as_ref().filter(|_| like.len() == 1).and_then(|texts| texts[like[0]].clone()))
        }
    };
    let hit = |neighbor: &embedlab::search::Hit| Hit {
        row: neighbor.row,
        distance: neighbor.distance,
        cosine: neighbor.cosine,
        text: texts.as_ref().and_then(|texts| texts[neighbor.row].clone()),
    };
    let result = Found {
        rows: table.n_rows(),
        metric: options.metric,
        like: if elsewhere.is_some() { Vec::new() } else { like },
        unlike: args.unlike.clone(),
        query: source.clone(),
        equal_texts: found.equal_texts,
        zero_rows: found.zero_rows,
        repeats: found.repeats,
        neighbors: found.neighbors.iter().map(hit).collect(),
    };
    if let Some(path) = &args.output {
        let rows: Vec<usize> = result.neighbors.iter().map(|hit| hit.row).collect();
        let distances: Float64Array = result.neighbors.iter().map(|hit| Some(hit.distance)).collect();
        let distances: ArrayRef = Arc::new(distances);
        write_beside(&table.take(&rows)?, vec![("distance", distances)], path, output)?;
    }
    output.result(&result, |out| print(&result, out))?;
    Ok(Outcome::Done)
}

/// A vector from elsewhere: a row of another file, or of a text.
struct Elsewhere {
    vector: Array1<f32>,
    text: Option<String>,
}

impl Elsewhere {
    fn read(file: &PathBuf, row: Option<usize>, rows: &Table) -> Result<Elsewhere> {
        let table = table::read(file, &ReadOptions::default())?;
        same_space(rows, &table, file, "queries")?;
        let row = row.unwrap_or(0);
        if row >= table.n_rows() {
            return Err(Error::argument("a query row out of range")
                .with_code("row-out-of-range")
                .file(file)
                .seen(format!("row {row} of {} rows, counted from 0", table.n_rows())));
        }
        let column = match table.column("query") {
            Ok(_) => Some("query".to_owned()),
            Err(_) => text_column(&table, None)?,
        };
        let text = column.map(|name| table.text(&name)).transpose()?.and_then(|texts| texts[row].clone());
        Ok(Elsewhere { vector: table.vectors().row(row).to_owned(), text })
    }
}

fn print(found: &Found, out: &mut dyn Write) -> std::io::Result<()> {
    let short =
        |text: &Option<String>| -> String { text.iter().flat_map(|text| text.chars()).take(120).collect() };
    if found.query.is_some() {
        writeln!(out, "{}\n", printable(&short(&found.query)))?;
    }
    let mut rows = Rows::new(&["row", "distance", "text"], &[0, 1]);
    for hit in &found.neighbors {
        rows.push(vec![hit.row.to_string(), format!("{:.3}", hit.distance), short(&hit.text)]);
    }
    writeln!(out, "{rows}")?;
    if found.equal_texts > 0 {
        writeln!(out, "\n{} rows with the same text are passed over", found.equal_texts)?;
    }
    if let Some(repeats) = found.repeats.filter(|repeats| *repeats > 0) {
        writeln!(out, "\n{repeats} of {} rows repeat the vector of an earlier row", found.rows)?;
    }
    if found.zero_rows > 0 && found.metric == Metric::Cosine {
        writeln!(out, "\n{} vectors of zeros have no direction, and are passed over", found.zero_rows)?;
    }
    Ok(())
}
