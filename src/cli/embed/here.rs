//! By an embedder on this machine: a lexical one fitted to the texts, or one on disk.

use embedlab::Result;
use embedlab::embed::{Embedder, Encoding, Lsa, LsaOptions};
use serde::Serialize;

use super::Run;
use super::task::{Files, prompted};
use crate::cli::embedder::save_beside;
use crate::cli::output::grouped;
use crate::cli::{Common, Outcome, Output};

#[derive(Serialize)]
struct Embedded {
    rows: usize,
    dims: usize,
    model: String,
    /// What came before each text.
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<String>,
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

/// Embeds the files of the runs, all by the embedder of the first.
pub fn run(
    runs: &[Run],
    embedder: Option<Box<dyn Embedder>>,
    common: &Common,
    output: &Output,
) -> Result<Outcome> {
    let (mut embedder, mut kept, mut found) = (embedder, None, Vec::new());
    for run in runs {
        let start = std::time::Instant::now();
        let texts = run.texts(Encoding::Cl100kBase, output)?;
        let own: Box<dyn Embedder> = match embedder.take() {
            Some(own) => {
                kept = kept.or_else(|| Some(run.model.clone()));
                own
            }
            None => {
                let _busy = output.busy(format!("learning from {} texts", grouped(texts.texts.len())));
                let options =
                    LsaOptions { dims: run.dims.unwrap_or(256), seed: common.seed, ..Default::default() };
                let lsa = Lsa::fit(&texts.texts, &options)?;
                kept = save_beside(&lsa, &run.output, output)?;
                Box::new(lsa)
            }
        };
        let prompt = run.prompt(&run.server.known()?, Some(own.as_ref()), output)?;
        let busy = output.busy(format!("embedding {} texts", grouped(texts.texts.len())));
        let vectors = own.embed(&prompted(&texts.texts, prompt.as_deref()))?;
        drop(busy);
        let empty = vectors.rows().into_iter().filter(|row| row.iter().all(|value| *value == 0.0)).count();
        let (rows, model) = (vectors.nrows(), own.model());
        run.write(&run.joined(&texts.table, vectors, &model, output)?, true, output)?;
        if empty > 0 {
            output.warn(format_args!(
                "{empty} of {rows} rows have no word that the model knows; their vectors are zeros"
            ));
        }
        found.push(Embedded {
            rows,
            dims: own.dims(),
            model,
            prompt,
            tokens: 0,
            usd: 0.0,
            cached: 0,
            embedder: kept.clone(),
            output: run.output.display().to_string(),
            empty,
            seconds: start.elapsed().as_secs_f64(),
        });
        embedder = Some(own);
    }
    output.result(&Files(&found), |out| {
        for found in &found {
            writeln!(
                out,
                "{}: {} rows, {} dimensions, by {} in {:.2} s",
                found.output,
                grouped(found.rows),
                found.dims,
                found.model,
                found.seconds
            )?;
        }
        match &kept {
            Some(embedder) => writeln!(out, "the embedder for queries and new rows: {embedder}"),
            None => Ok(()),
        }
    })?;
    Ok(Outcome::Done)
}
