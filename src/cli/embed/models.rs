//! `embedlab embed models`: what is known of models.

use std::path::PathBuf;

use embedlab::Result;
use embedlab::embed::{EmbeddingModel, Models};

use crate::cli::output::{Rows, grouped};
use crate::cli::{Outcome, Output};

const EXAMPLES: &str = "\
Prices are those of each model's own time: text-embedding-ada-002's of early 2023, text-embedding-3's of
2024. A file with a model of the same name replaces it.

Examples:
  embedlab embed models
  embedlab embed models --json > models.json
  embedlab embed models --models mine.json";

/// List models: dimensions, limits, prices, and what to know before texts are sent
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A JSON file with more models
    #[arg(long, value_name = "FILE")]
    models: Option<PathBuf>,
}

pub fn run(args: &Args, output: &Output) -> Result<Outcome> {
    let mut models = Models::default();
    if let Some(path) = &args.models {
        models.add_file(path)?;
    }
    output.result(&models, |out| {
        let header = ["model", "numbers", "tokens", "encoding", "until", "$/million", "pages/$", ""];
        let mut rows = Rows::new(&header, &[1, 2, 5, 6]);
        for model in models.all() {
            rows.push(vec![
                model.name.clone(),
                grouped(model.dimensions),
                grouped(model.max_input_tokens),
                model.encoding.map_or("", |encoding| encoding.name()).to_owned(),
                model.knowledge_cutoff.clone().unwrap_or_default(),
                model.usd_per_million_tokens.map_or_else(String::new, |usd| format!("{usd:.2}")),
                model.pages_per_dollar().map_or_else(String::new, |pages| grouped(pages.round() as usize)),
                advice(model),
            ]);
        }
        writeln!(out, "{rows}\n")?;
        writeln!(out, "until: the last month that the model has seen texts of; pages of 800 tokens")?;
        writeln!(
            out,
            "s: --dims shortens the vectors; n: newlines become spaces; q: another model embeds the queries"
        )
    })?;
    Ok(Outcome::Done)
}

/// What to know, as letters.
fn advice(model: &EmbeddingModel) -> String {
    let known = [(model.shortens, "s"), (model.newlines_to_spaces, "n"), (model.query_model.is_some(), "q")];
    known.into_iter().filter(|(holds, _)| *holds).map(|(_, letter)| letter).collect()
}
