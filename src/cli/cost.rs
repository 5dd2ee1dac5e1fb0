//! `embedlab cost`: what embedding a table would cost.

use embedlab::Result;
use embedlab::embed::{EmbedOptions, Encoding, estimate};
use serde::Serialize;

use super::embed::Long;
use super::output::{Rows, grouped};
use super::server::Server;
use super::texts::Source;
use super::{Common, Outcome, Output};

const EXAMPLES: &str = "\
Equal texts are asked for once, and what the cache has is not asked for: `to_pay` is what embedlab embed
would send.

Examples:
  embedlab cost reviews.csv --text combined
  embedlab cost reviews.csv --model text-embedding-ada-002 --json | jq .usd
  embedlab cost pages.jsonl --model text-embedding-3-large --long average";

/// Estimate the price of embedding texts
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// The model to embed with
    #[arg(long, value_name = "MODEL", default_value = "text-embedding-3-small")]
    model: String,
    /// Dimensions to ask for (matters for the cache only)
    #[arg(long, value_name = "N")]
    dims: Option<usize>,
    #[command(flatten)]
    long: Long,
    #[command(flatten)]
    server: Server,
}

#[derive(Serialize)]
struct Cost {
    rows: usize,
    dims: usize,
    model: String,
    /// Tokens of all rows, and their price.
    tokens: usize,
    usd: Option<f64>,
    cached: usize,
    /// What would be sent: each different text once, cut as --long says, without what is in the cache.
    to_pay: ToPay,
    /// Rows that would fail: empty, or too long.
    failing: usize,
    pages_per_dollar: Option<f64>,
    /// The same rows by every model whose tokens are known.
    models: Vec<Other>,
}

#[derive(Serialize)]
struct ToPay {
    texts: usize,
    tokens: usize,
    usd: Option<f64>,
}

#[derive(Serialize)]
struct Other {
    model: String,
    tokens: usize,
    usd: Option<f64>,
}

pub fn run(args: &Args, _: &Common, output: &Output) -> Result<Outcome> {
    let models = args.server.known()?;
    let Some(model) = models.get(&args.model) else { return Err(models.unknown(&args.model)) };
    let mut options = EmbedOptions::new(&args.model, &models);
    if let Some(dims) = args.dims.filter(|dims| *dims != model.dimensions) {
        options = options.shortened_to(dims);
    }
    args.long.apply(&mut options);
    let encoding = model.encoding.unwrap_or(Encoding::Cl100kBase);
    let texts = args.source.texts_alone(encoding, output)?;
    let busy = output.busy(format!("counting the tokens of {} texts", grouped(texts.texts.len())));
    let cache = existing(&args.server, &args.model, output)?;
    let found = estimate(&texts.texts, &options, cache.as_ref())?;
    let mut by_encoding = Vec::new();
    for encoding in [Encoding::Cl100kBase, Encoding::R50kBase, Encoding::P50kBase, Encoding::O200kBase] {
        if models.all().iter().any(|model| model.encoding == Some(encoding)) {
            by_encoding.push((encoding, texts.counts(encoding)?.iter().sum::<usize>()));
        }
    }
    let count =
        |encoding| by_encoding.iter().find(|(known, _)| *known == encoding).map(|(_, tokens)| *tokens);
    let tokens =
        count(encoding).map_or_else(|| texts.counts(encoding).map(|counts| counts.iter().sum()), Ok)?;
    let cost = Cost {
        rows: texts.texts.len(),
        dims: options.expected_dims.unwrap_or(model.dimensions),
        model: model.name.clone(),
        tokens,
        usd: model.usd(tokens),
        cached: found.cached,
        to_pay: ToPay { texts: found.texts, tokens: found.tokens, usd: model.usd(found.tokens) },
        failing: found.failing,
        pages_per_dollar: model.pages_per_dollar(),
        models: models
            .all()
            .iter()
            .filter_map(|model| {
                let tokens = model.encoding.and_then(count)?;
                Some(Other { model: model.name.clone(), tokens, usd: model.usd(tokens) })
            })
            .collect(),
    };
    drop(busy);
    output.result(&cost, |out| print(&cost, out))?;
    Ok(Outcome::Done)
}

/// Rows whose vectors are in the cache.
pub fn cached(server: &Server, model: &str, texts: &[String], output: &Output) -> Result<usize> {
    let Some(cache) = existing(server, model, output)? else { return Ok(0) };
    let options = EmbedOptions::new(model, &server.known()?);
    Ok(estimate(texts, &options, Some(&cache))?.cached)
}

/// The cache where there is one; one that cannot be looked into makes the price higher, not the answer wrong.
fn existing(server: &Server, model: &str, output: &Output) -> Result<Option<embedlab::embed::Cache>> {
    match server.existing_cache(model) {
        Err(error) if error.kind() != embedlab::ErrorKind::Argument => {
            output.warn(format_args!("counted without the cache: {error}"));
            Ok(None)
        }
        other => other,
    }
}

fn print(cost: &Cost, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    let dollars =
        |usd: Option<f64>| usd.map_or_else(|| "at an unknown price".to_owned(), |usd| format!("${usd:.4}"));
    writeln!(
        out,
        "{} rows, {} tokens by {}: {}",
        grouped(cost.rows),
        grouped(cost.tokens),
        cost.model,
        dollars(cost.usd)
    )?;
    writeln!(
        out,
        "to pay: {} texts of {} tokens, {}; {} rows are in the cache, equal texts count once",
        grouped(cost.to_pay.texts),
        grouped(cost.to_pay.tokens),
        dollars(cost.to_pay.usd),
        grouped(cost.cached)
    )?;
    if cost.failing > 0 {
        writeln!(
            out,
            "{} rows would fail: they are empty, or too long without --long",
            grouped(cost.failing)
        )?;
    }
    let mut rows = Rows::new(&["model", "tokens", "$"], &[1, 2]);
    for other in &cost.models {
        let usd = other.usd.map_or_else(String::new, |usd| format!("{usd:.4}"));
        rows.push(vec![other.model.clone(), grouped(other.tokens), usd]);
    }
    writeln!(out, "\n{rows}")
}
