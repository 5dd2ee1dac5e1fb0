//! By a server.

use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{StringArray, UInt64Array};
use embedlab::embed::{
    Client, EmbedOptions, Embedded, EmbeddingModel, Encoding, FailedRow, LongTexts, Models, Progress, Side,
    embed,
};
use embedlab::{Error, Result};
use serde::Serialize;

use super::Run;
use super::task::{Files, prompted};
use crate::cli::embedder::for_queries;
use crate::cli::output::{Output, grouped, printable};
use crate::cli::signals::on_first_interrupt;
use crate::cli::texts::{Texts, replacing};
use crate::cli::{Common, Outcome};

/// Rows that failed, as many as are printed.
const PRINTED: usize = 20;

#[derive(Serialize)]
struct Said<'a> {
    rows: usize,
    dims: usize,
    model: &'a str,
    /// What came before each text.
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<String>,
    /// Tokens that were sent; what came from the cache costs nothing.
    tokens: usize,
    usd: Option<f64>,
    cached: usize,
    requests: usize,
    retries: usize,
    failed: Vec<FailedRow>,
    stopped: bool,
    output: Option<String>,
    seconds: f64,
}

/// Embeds the files of the runs.
pub fn run(runs: &[Run], models: &Models, common: &Common, output: &Output) -> Result<Outcome> {
    let Some(client) = runs.first().map(|run| {
        // A second model is of the same server.
        options(run, model_of(run, models), models)?;
        run.server.client(Some(&run.pace), common.seed, Some(output))
    }) else {
        return Ok(Outcome::Done);
    };
    let client = client?;
    stop_on_ctrl_c(&client);
    let mut said: Vec<Said<'_>> = Vec::new();
    for run in runs {
        let done = one(run, models, &client, output)?;
        let stopped = done.stopped;
        said.push(done);
        if stopped {
            output.result(&Files(&said), |_| Ok(()))?;
            return Ok(Outcome::Interrupted);
        }
    }
    output.result(&Files(&said), |out| said.iter().try_for_each(|said| said.say(out)))?;
    let whole = said.iter().all(|said| said.failed.is_empty());
    Ok(if whole { Outcome::Done } else { Outcome::RowsFailed })
}

/// The model of the texts: for queries the other of a pair, where the model is one of two.
fn model_of<'a>(run: &'a Run, models: &'a Models) -> &'a str {
    match run.task.side() {
        Some(Side::Query) => for_queries(models, &run.model),
        _ => &run.model,
    }
}

/// One file.
fn one<'a>(args: &'a Run, models: &'a Models, client: &Client, output: &Output) -> Result<Said<'a>> {
    let (start, before) = (Instant::now(), (client.requests(), client.retries()));
    let model = model_of(args, models);
    if model != args.model {
        output.note(format_args!("the queries are embedded by {model}, which {} names for them", args.model));
    }
    let known = models.get(model);
    let options = options(args, model, models)?;
    let texts = args.texts(options.encoding.unwrap_or(Encoding::Cl100kBase), output)?;
    let prompt = args.prompt(models, None, output)?;
    let cache = args.server.cache(model)?.map(Arc::new);
    let mut found = {
        let bar = output.texts_bar();
        let sent = prompted(&texts.texts, prompt.as_deref());
        embed(&sent, &options, client, cache.as_ref(), |progress| {
            bar.show(progress.texts, progress.done, || spent(&progress, known));
        })
        .map_err(|error| texts.table.origin().locate(error))?
    };
    // From here on they are rows of the file.
    found.failed.iter_mut().for_each(|failed| failed.row = texts.rows[failed.row]);
    let mut said = Said {
        rows: found.origins.len(),
        dims: found.vectors.ncols(),
        model,
        prompt,
        tokens: found.tokens,
        usd: known.and_then(|known| known.usd(found.tokens)),
        cached: found.cached,
        requests: client.requests() - before.0,
        retries: client.retries() - before.1,
        failed: found.failed.clone(),
        stopped: found.stopped,
        output: None,
        seconds: 0.0,
    };
    if found.stopped {
        said.seconds = start.elapsed().as_secs_f64();
        output.warn(format_args!(
            "stopped: {} of {} rows have vectors; they are in the cache, and the same command goes on from there",
            grouped(said.rows),
            grouped(texts.texts.len())
        ));
        return Ok(said);
    }
    report_failed(&found.failed, texts.texts.len(), output);
    if found.origins.is_empty() {
        let reason = found.failed.first().map(|failed| failed.reason.clone()).unwrap_or_default();
        return Err(Error::input("no row could be embedded").file(args.source.input.file()).seen(reason));
    }
    let path = args.write(&table(args, texts, &found, &options, output)?, found.failed.is_empty(), output)?;
    said.output = Some(path.display().to_string());
    said.seconds = start.elapsed().as_secs_f64();
    Ok(said)
}

impl Said<'_> {
    fn say(&self, out: &mut dyn Write) -> std::io::Result<()> {
        writeln!(
            out,
            "{}: {} rows, {} dimensions, by {} in {:.2} s",
            self.output.as_deref().unwrap_or_default(),
            grouped(self.rows),
            self.dims,
            self.model,
            self.seconds
        )?;
        let usd = self.usd.map(|usd| format!(", ${usd:.4}")).unwrap_or_default();
        writeln!(
            out,
            "{} tokens{usd} in {} requests, {} of them after a failure; {} rows from the cache",
            grouped(self.tokens),
            grouped(self.requests),
            grouped(self.retries),
            grouped(self.cached)
        )
    }
}

fn options(args: &Run, model: &str, models: &Models) -> Result<EmbedOptions> {
    let known = models.get(model);
    let mut options = EmbedOptions::new(model, models);
    if let Some(dims) = args.dims.filter(|dims| known.is_none_or(|known| known.dimensions != *dims)) {
        match known {
            Some(known) if !known.shortens || dims > known.dimensions => {
                return Err(Error::argument("the model does not return vectors of that many dimensions")
                    .seen(format!("{dims}, where {} has {}", known.name, known.dimensions))
                    .advice("leave --dims out"));
            }
            _ => options = options.shortened_to(dims),
        }
    }
    args.long.apply(&mut options);
    args.server.batches(&args.pace, &mut options);
    options.strict = args.strict;
    Ok(options)
}

/// The rows that have vectors, with what says where a piece comes from.
fn table(
    args: &Run,
    texts: Texts,
    found: &Embedded,
    options: &EmbedOptions,
    output: &Output,
) -> Result<embedlab::table::Table> {
    let rows: Vec<usize> = found.origins.iter().map(|origin| origin.row).collect();
    let column = texts.column.clone();
    let mut kept = texts.take(&rows)?;
    if options.long == LongTexts::Split {
        let pieces =
            found.origins.iter().map(|origin| origin.piece.as_ref().map_or(0, |(piece, _)| *piece as u64));
        let pieces = UInt64Array::from_iter_values(pieces);
        kept.table = replacing(&kept.table, "piece", Arc::new(pieces), output)?;
        for (text, origin) in kept.texts.iter_mut().zip(&found.origins) {
            if let Some((_, piece)) = &origin.piece {
                text.clone_from(piece);
            }
        }
        let pieces = Arc::new(StringArray::from_iter_values(&kept.texts));
        kept.table = kept.table.with_columns(vec![(column, pieces as _)])?;
    }
    args.joined(&kept.table, found.vectors.clone(), &options.model, output)
}

fn report_failed(failed: &[FailedRow], rows: usize, output: &Output) {
    if failed.is_empty() {
        return;
    }
    output.warn(format_args!(
        "{} of {} rows have no vector and were dropped (rows count from 0):",
        grouped(failed.len()),
        grouped(rows)
    ));
    for failed in failed.iter().take(PRINTED) {
        output.warn(format_args!("row {}: {}", failed.row, printable(&failed.reason)));
    }
    if failed.len() > PRINTED {
        output.warn(format_args!("and {} more; --json lists them all", grouped(failed.len() - PRINTED)));
    }
}

fn spent(progress: &Progress, known: Option<&EmbeddingModel>) -> String {
    let usd = known.and_then(|known| known.usd(progress.tokens));
    let usd = usd.map(|usd| format!(", ${usd:.4}")).unwrap_or_default();
    format!("{} tokens{usd}", grouped(progress.tokens))
}

/// The first Ctrl-C lets the requests in flight finish, the second ends it at once; the cache bears both.
fn stop_on_ctrl_c(client: &Client) {
    let stop = client.stop_handle();
    on_first_interrupt(move || {
        let _ =
            writeln!(std::io::stderr(), "finishing the requests in flight; Ctrl-C once more ends it at once");
        stop.stop();
    });
}
