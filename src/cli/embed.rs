//! `embedlab embed`: vectors for the texts of a table.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use embedlab::embed::{Embedder, Lsa, LsaOptions};
use embedlab::table::{self, Table};
use embedlab::{Error, Result};
use ndarray::Array2;
use serde::Serialize;

use super::beside::write_table;
use super::columns::text_column;
use super::embedder::beside;
use super::input::Input;
use super::output::grouped;
use super::{Common, Outcome, Output};

const EXAMPLES: &str = "\
The model lsa is lexical: words and pieces of words, learned from the texts themselves. It needs no key
and no download, and is kept beside the output for queries and new rows.

Examples:
  embedlab embed reviews.csv --text combined --model lsa -o reviews.parquet
  embedlab search reviews.parquet 'good dog food'
  embedlab embed new.csv --text combined --model reviews.lsa.safetensors -o new.parquet";

/// Turn texts into vectors
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// The column with the texts [default: one with a usual name, or the longest]
    #[arg(long, value_name = "COL")]
    text: Option<String>,
    /// lsa to fit a lexical model to these texts, or the file of one that was fitted before
    #[arg(long, value_name = "MODEL", default_value = "lsa")]
    model: String,
    /// Numbers of a vector of lsa, at most
    #[arg(long, value_name = "N", default_value_t = 256)]
    dims: usize,
    /// The table to write, with the vectors in a column `embedding` and the model's name in `model`
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

#[derive(Serialize)]
struct Embedded {
    rows: usize,
    dims: usize,
    model: String,
    /// The embedder's file, for queries and new rows.
    embedder: String,
    output: String,
    /// Rows without a text, and rows without a known word: their vectors are zeros.
    empty: usize,
    seconds: f64,
}

pub fn run(args: &Args, common: &Common, output: &Output) -> Result<Outcome> {
    super::output::writable(&args.output)?;
    let start = std::time::Instant::now();
    let columns = {
        let _busy = output.busy(format!("reading {}", args.input.name()));
        table::read_columns(args.input.path(), &args.input.options())?
    };
    if columns.num_rows() == 0 {
        return Err(Error::input("no rows").file(&args.input.file));
    }
    // The columns alone, as a table without vectors.
    let bare =
        Table::new(Array2::zeros((columns.num_rows(), 0)), without(&columns, "embedding")?, "embedding")?;
    let Some(text) = text_column(&bare, args.text.as_deref())? else {
        return Err(Error::argument("no column with texts")
            .advice(format!("name it with --text; the columns are {}", bare.column_names().join(", "))));
    };
    if args.text.is_none() {
        output.note(format_args!("using the column {text} for texts"));
    }
    let texts: Vec<String> = bare.text(&text)?.into_iter().map(Option::unwrap_or_default).collect();
    let (embedder, kept) = if args.model == "lsa" {
        let _busy = output.busy(format!("learning from {} texts", grouped(texts.len())));
        let options = LsaOptions { dims: args.dims, seed: common.seed, ..Default::default() };
        let lsa = Lsa::fit(&texts, &options)?;
        let path = beside(&args.output);
        lsa.save(&path)?;
        (lsa, path)
    } else {
        let path = PathBuf::from(&args.model);
        if !path.exists() {
            return Err(Error::argument("no such model")
                .seen(&args.model)
                .advice("give lsa, or the file of a model that embedlab embed wrote"));
        }
        (Lsa::load(&path)?, path)
    };
    let vectors = embedder.embed(&texts)?;
    let empty = vectors.rows().into_iter().filter(|row| row.iter().all(|value| *value == 0.0)).count();
    let model = embedder.model();
    let columns = with_text(&without(bare.columns(), "model")?, "model", &model)?;
    let rows = vectors.nrows();
    let table = Table::new(vectors, columns, "embedding")?;
    write_table(&table, &args.output, output)?;
    if empty > 0 {
        output.warn(format_args!(
            "{empty} of {rows} rows have no word that the model knows; their vectors are zeros"
        ));
    }
    let found = Embedded {
        rows,
        dims: embedder.dims(),
        model,
        embedder: kept.display().to_string(),
        output: args.output.display().to_string(),
        empty,
        seconds: start.elapsed().as_secs_f64(),
    };
    output.result(&found, |out| {
        writeln!(
            out,
            "{}: {} rows of {} numbers by {} in {:.2} s",
            found.output,
            grouped(found.rows),
            found.dims,
            found.model,
            found.seconds
        )?;
        writeln!(out, "the embedder for queries and new rows: {}", found.embedder)
    })?;
    Ok(Outcome::Done)
}

/// The columns but one.
fn without(columns: &RecordBatch, name: &str) -> Result<RecordBatch> {
    let kept: Vec<usize> =
        (0..columns.num_columns()).filter(|at| columns.schema_ref().field(*at).name() != name).collect();
    columns.project(&kept).map_err(|error| Error::input("the columns cannot be taken apart").source(error))
}

/// The columns and one more that holds the same text in every row.
fn with_text(columns: &RecordBatch, name: &str, text: &str) -> Result<RecordBatch> {
    let mut fields: Vec<_> = columns.schema_ref().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(name, DataType::Utf8, true)));
    let mut values: Vec<ArrayRef> = columns.columns().to_vec();
    values.push(Arc::new(StringArray::from(vec![text; columns.num_rows()])));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), values)
        .map_err(|error| Error::input("the columns cannot be put together").source(error))
}
