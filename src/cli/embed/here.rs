//! By an embedder on this machine: a lexical one fitted to the texts, or one on disk.

use embedlab::Result;
use embedlab::embed::{Embedder, Encoding, Lsa, LsaOptions};
use serde::Serialize;

use super::Run;
use crate::cli::beside::write_table;
use crate::cli::embedder::beside;
use crate::cli::output::grouped;
use crate::cli::{Common, Outcome, Output};

#[derive(Serialize)]
struct Embedded {
    rows: usize,
    dims: usize,
    model: String,
    /// Nothing is sent and nothing is paid.
    tokens: usize,
    usd: f64,
    cached: usize,
    /// The embedder's file, for queries and new rows.
    embedder: String,
    output: String,
    /// Rows without a text, and rows without a known word: their vectors are zeros.
    empty: usize,
    seconds: f64,
}

pub fn run(
    args: &Run,
    embedder: Option<Box<dyn Embedder>>,
    common: &Common,
    output: &Output,
) -> Result<Outcome> {
    let start = std::time::Instant::now();
    let texts = args.source.texts(Encoding::Cl100kBase, output)?;
    let (embedder, kept): (Box<dyn Embedder>, String) = match embedder {
        Some(embedder) => (embedder, args.model.clone()),
        None => {
            let _busy = output.busy(format!("learning from {} texts", grouped(texts.texts.len())));
            let options =
                LsaOptions { dims: args.dims.unwrap_or(256), seed: common.seed, ..Default::default() };
            let lsa = Lsa::fit(&texts.texts, &options)?;
            let path = beside(&args.output);
            lsa.save(&path)?;
            (Box::new(lsa), path.display().to_string())
        }
    };
    let busy = output.busy(format!("embedding {} texts", grouped(texts.texts.len())));
    let vectors = embedder.embed(&texts.texts)?;
    drop(busy);
    let empty = vectors.rows().into_iter().filter(|row| row.iter().all(|value| *value == 0.0)).count();
    let (rows, model) = (vectors.nrows(), embedder.model());
    write_table(&super::joined(&texts.table, vectors, &model)?, &args.output, output)?;
    if empty > 0 {
        output.warn(format_args!(
            "{empty} of {rows} rows have no word that the model knows; their vectors are zeros"
        ));
    }
    let found = Embedded {
        rows,
        dims: embedder.dims(),
        model,
        tokens: 0,
        usd: 0.0,
        cached: 0,
        embedder: kept,
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
