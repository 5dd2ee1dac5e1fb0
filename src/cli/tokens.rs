//! `embedlab tokens`: how long the texts of a table are for a model.

use std::path::PathBuf;

use embedlab::embed::Encoding;
use embedlab::{Error, Result};
use serde::Serialize;

use super::beside::write_table;
use super::output::{Rows, grouped};
use super::outputs::Outputs;
use super::server::Server;
use super::texts::Source;
use super::{Common, Outcome, Output};

const EXAMPLES: &str = "\
Text that looks like a control token, such as <|endoftext|>, is counted as the text that it is.

Examples:
  embedlab tokens reviews.csv --text combined
  embedlab tokens reviews.csv --template 'Title: {Summary}; Content: {Text}' -o counted.csv
  embedlab tokens reviews.csv --model text-embedding-ada-002 --json | jq '.tokens, .too_long'";

/// Count the tokens of texts, and list the rows that are too long
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// Model that sets tokenizer, limit and price
    #[arg(long, value_name = "MODEL", default_value = "text-embedding-3-small")]
    model: String,
    /// Write the rows with their tokens in a column `n_tokens`
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    server: Server,
}

#[derive(Serialize)]
struct Counted {
    rows: usize,
    /// Numbers of the model's vectors.
    dims: usize,
    model: String,
    encoding: &'static str,
    tokens: usize,
    usd: Option<f64>,
    /// Rows whose vectors are in the cache.
    cached: usize,
    min: usize,
    mean: f64,
    max: usize,
    max_input_tokens: usize,
    pages_per_dollar: Option<f64>,
    /// Rows without a text.
    empty: usize,
    too_long: Vec<TooLong>,
    counts: Vec<usize>,
}

#[derive(Serialize)]
struct TooLong {
    row: usize,
    tokens: usize,
}

pub fn run(args: &Args, _: &Common, output: &Output) -> Result<Outcome> {
    let outputs = Outputs::of(args.source.input.paths());
    match args.source.keeps_all_rows() {
        true => outputs.rows(args.output.as_deref(), None)?,
        false => outputs.table(args.output.as_deref(), None)?,
    };
    let models = args.server.known()?;
    let Some(model) = models.get(&args.model) else { return Err(models.unknown(&args.model)) };
    let Some(encoding) = model.encoding else {
        return Err(Error::argument("no tokenizer for this model").seen(&model.name).advice(
            "give it an encoding in the file of models: cl100k_base, o200k_base, p50k_base or r50k_base",
        ));
    };
    // What is written has all columns; what is counted, none but the texts.
    let texts = match args.output {
        Some(_) => args.source.texts(encoding, output)?,
        None => args.source.texts_alone(encoding, output)?,
    };
    let counts = {
        let _busy = output.busy(format!("counting the tokens of {} texts", grouped(texts.texts.len())));
        texts.counts(encoding)?
    };
    let tokens = counts.iter().sum();
    let is_long = |(_, tokens): &(&usize, &usize)| **tokens > model.max_input_tokens;
    let counted = Counted {
        rows: counts.len(),
        dims: model.dimensions,
        model: model.name.clone(),
        encoding: encoding.name(),
        tokens,
        usd: model.usd(tokens),
        cached: cached(args, &texts.texts, output)?,
        min: counts.iter().min().copied().unwrap_or(0),
        mean: tokens as f64 / counts.len().max(1) as f64,
        max: counts.iter().max().copied().unwrap_or(0),
        max_input_tokens: model.max_input_tokens,
        pages_per_dollar: model.pages_per_dollar(),
        empty: texts.texts.iter().filter(|text| text.trim().is_empty()).count(),
        too_long: texts
            .rows
            .iter()
            .zip(&counts)
            .filter(is_long)
            .map(|(row, tokens)| TooLong { row: *row, tokens: *tokens })
            .collect(),
        counts,
    };
    if let Some(path) = &args.output {
        write_table(&texts.with_counts(Encoding::clone(&encoding))?.table, path, output)?;
    }
    output.result(&counted, |out| print(&counted, out))?;
    Ok(Outcome::Done)
}

fn cached(args: &Args, texts: &[String], output: &Output) -> Result<usize> {
    super::cost::cached(&args.server, &args.model, texts, output)
}

fn print(counted: &Counted, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    writeln!(
        out,
        "{} rows, {} tokens ({}) for {}: {} to {}, {:.1} on average",
        grouped(counted.rows),
        grouped(counted.tokens),
        counted.encoding,
        counted.model,
        grouped(counted.min),
        grouped(counted.max),
        counted.mean
    )?;
    if let (Some(usd), Some(pages)) = (counted.usd, counted.pages_per_dollar) {
        writeln!(out, "${usd:.4}; {} pages for a dollar", grouped(pages.round() as usize))?;
    }
    if counted.empty > 0 {
        writeln!(out, "{} rows without a text", grouped(counted.empty))?;
    }
    if counted.too_long.is_empty() {
        return writeln!(
            out,
            "none is longer than the {} that the model takes",
            grouped(counted.max_input_tokens)
        );
    }
    writeln!(
        out,
        "{} rows are longer than the {} that the model takes (rows are counted from 0)\n",
        grouped(counted.too_long.len()),
        grouped(counted.max_input_tokens)
    )?;
    let mut rows = Rows::new(&["row", "tokens"], &[0, 1]);
    for long in counted.too_long.iter().take(20) {
        rows.push(vec![long.row.to_string(), grouped(long.tokens)]);
    }
    writeln!(out, "{rows}")
}
