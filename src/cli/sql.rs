//! `embedlab sql`: a query over files and their vectors.

use std::path::PathBuf;

use clap::ArgMatches;
use embedlab::data::Budget;
use embedlab::sql::{QueryOptions, plan, query, tables};
use embedlab::table::{Format, Table};
use embedlab::{Error, Result};
use serde::Serialize;
use serde_json::{Map, Value};

use super::beside::write_as;
use super::input::FormatName;
use super::output::{Rows, grouped};
use super::outputs::Outputs;
use super::{Outcome, Output, on};

const EXAMPLES: &str = "\
Functions of vectors, as Spark and Databricks name them:
  vector_cosine_similarity(a, b)  vector_inner_product(a, b)
  vector_l1_distance(a, b)        vector_l2_distance(a, b)   vector_linf_distance(a, b)
  vector_norm(v [, degree])       vector_normalize(v [, degree])
  vector_truncate(v, dims)        kmeans_assign(v, centroids)
and of the vectors of a group:
  vector_avg(v)  vector_sum(v)    kmeans_step(v, centroids)

Examples:
  embedlab sql \"select Kind, count(*) as n, vector_avg(embedding) as mean
                from 'reviews.parquet' group by Kind\" -o means.parquet
  embedlab sql \"select a.Text, vector_cosine_similarity(a.embedding, b.embedding) as likeness
                from 'reviews.parquet' a, 'reviews.parquet' b
                where b.Text = 'stale coffee' order by likeness desc limit 5\"
  embedlab sql \"select count(*) from 'shards/*.parquet' where vector_norm(embedding) < 0.9\" --json
  embedlab sql \"select Kind, vector_avg(embedding) as mean from '/shared/*.parquet' group by Kind\" --on node1:50050";

/// Query files and their vectors with SQL
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// One query; after FROM a file, folder or pattern stands in single quotes
    #[arg(value_name = "QUERY")]
    query: String,
    /// Write the result to this file instead of showing it; - is standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The format to write [default: from the extension; csv for standard output]
    #[arg(long, value_name = "FORMAT")]
    to: Option<FormatName>,
    /// Rows to show; 0 means all
    #[arg(long, value_name = "N", default_value_t = 20)]
    rows: usize,
    /// Memory that the query may take, such as 2G [default: what is free]
    #[arg(long, value_name = "SIZE", conflicts_with = "on")]
    memory: Option<Budget>,
    /// Say what the engine will do, and do nothing
    #[arg(long, conflicts_with = "on")]
    plan: bool,
}

#[derive(Serialize)]
struct Shown {
    columns: Vec<String>,
    rows: Vec<Map<String, Value>>,
    n_rows: usize,
}

#[derive(Serialize)]
struct Wrote {
    columns: Vec<String>,
    n_rows: usize,
    output: PathBuf,
}

pub fn run(args: &Args, matches: &ArgMatches, output: &Output) -> Result<Outcome> {
    let to = args.to.map(Format::from);
    Outputs::of(tables(&args.query)?).table(args.output.as_deref(), to)?;
    let keep = (args.output.is_none() && !output.is_json() && args.rows > 0).then_some(args.rows);
    let options = QueryOptions { memory: args.memory.unwrap_or_default(), keep };
    if args.plan {
        let steps = plan(&args.query, &options)?;
        let json = serde_json::json!({ "plan": steps });
        output.result(&json, |out| steps.iter().try_for_each(|step| writeln!(out, "{step}")))?;
        return Ok(Outcome::Done);
    }
    let found = {
        let _busy = output.busy("querying");
        match on::queried(&args.query, keep, matches, output)? {
            Some(found) => found,
            None => query(&args.query, &options)?,
        }
    };
    found.notes.iter().for_each(|note| output.note(note));
    if let Some(path) = &args.output {
        let table = found.table()?;
        refuse_without_vectors(&table, path, to)?;
        write_as(&table, path, to, output)?;
        let wrote = Wrote { columns: found.columns(), n_rows: found.n_rows, output: path.clone() };
        output.result(&wrote, |out| writeln!(out, "{} rows", grouped(found.n_rows)))?;
        return Ok(Outcome::Done);
    }
    if output.is_json() {
        let shown = Shown { columns: found.columns(), rows: found.rows()?, n_rows: found.n_rows };
        output.result(&shown, |_| Ok(()))?;
        return Ok(Outcome::Done);
    }
    let columns = found.columns();
    let header: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut rows = Rows::new(&header, &found.numeric());
    let cells = found.cells()?;
    let n_shown = cells.len();
    cells.into_iter().for_each(|cells| rows.push(cells));
    output.result(&(), |out| {
        writeln!(out, "{rows}")?;
        match found.n_rows - n_shown {
            0 => writeln!(out, "\n{} rows", grouped(found.n_rows)),
            more => writeln!(out, "\n{} more rows; --rows 0 shows all", grouped(more)),
        }
    })?;
    Ok(Outcome::Done)
}

/// A format that holds vectors only, and a result that has none.
fn refuse_without_vectors(table: &Table, path: &std::path::Path, to: Option<Format>) -> Result<()> {
    if table.dims() > 0 || to.or_else(|| Format::from_extension(path)) != Some(Format::Npy) {
        return Ok(());
    }
    Err(Error::argument("no column of the result holds vectors for this format")
        .with_code("no-vector-column")
        .file(path)
        .advice("write .parquet, or select a column of vectors of one length"))
}
