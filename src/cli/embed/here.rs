//! By an embedder on this machine: a lexical one fitted to the texts, or one on disk.

use embedlab::Result;
use embedlab::embed::{Embedder, Encoding, Lsa, LsaOptions};
use serde::Serialize;

use super::Run;
use crate::cli::embedder::save_beside;
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
    /// The embedder's file, for queries and new rows; none where the rows went to a stream.
    embedder: Option<String>,
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
    let texts = args.texts(Encoding::Cl100kBase, output)?;
    let (embedder, kept): (Box<dyn Embedder>, Option<String>) = match embedder {
        Some(embedder) => (embedder, Some(args.model.clone())),
        None => {
            let _busy = output.busy(format!("learning from {} texts", grouped(texts.texts.len())));
            let options =
                LsaOptions { dims: args.dims.unwrap_or(256), seed: common.seed, ..Default::default() };
            let lsa = Lsa::fit(&texts.texts, &options)?;
            let kept = save_beside(&lsa, &args.output, output)?;
            (Box::new(lsa), kept)
        }
    };
    let busy = output.busy(format!("embedding {} texts", grouped(texts.texts.len())));
    let vectors = embedder.embed(&texts.texts)?;
    drop(busy);
    let empty = vectors.rows().into_iter().filter(|row| row.iter().all(|value| *value == 0.0)).count();
    let (rows, model) = (vectors.nrows(), embedder.model());
    args.write(&args.joined(&texts.table, vectors, &model, output)?, true, output)?;
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
            "{}: {} rows, {} dimensions, by {} in {:.2} s",
            found.output,
            grouped(found.rows),
            found.dims,
            found.model,
            found.seconds
        )?;
        match &found.embedder {
            Some(embedder) => writeln!(out, "the embedder for queries and new rows: {embedder}"),
            None => Ok(()),
        }
    })?;
    Ok(Outcome::Done)
}
