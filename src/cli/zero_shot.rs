//! What `zero-shot` has besides its analysis: labels by their texts, which the model of the rows embeds.

use std::path::Path;

use clap::{Args, Command, FromArgMatches};
use embedlab::Result;
use embedlab::data::Data;
use serde_json::{Value, json};

use super::analysis::{Call, Extra, conflict};
use super::embedder::With;

/// What `zero-shot` has besides its analysis.
pub const ZERO_SHOT: Extra = Extra {
    complete: Some(with_prompts),
    ..Extra::new("zero-shot", |command: Command| LabelTexts::augment_args(command))
};

/// Labels by their texts; shared with `report`.
#[derive(Args)]
pub struct LabelTexts {
    /// A label by its text, NAME=TEXT or TEXT; may be repeated, also for the same label
    #[arg(long, value_name = "NAME=TEXT", conflicts_with = "labels")]
    label_text: Vec<String>,
    #[command(flatten)]
    with: With,
}

impl LabelTexts {
    /// The labels with their texts and vectors, as the analysis takes them.
    pub fn prompts(&self, data: &Data, file: &Path) -> Result<Vec<Value>> {
        if self.label_text.is_empty() {
            return Ok(Vec::new());
        }
        let (names, texts): (Vec<String>, Vec<String>) = self
            .label_text
            .iter()
            .map(|said| match said.split_once('=') {
                Some((name, text)) => (name.trim().to_owned(), text.trim().to_owned()),
                None => (said.clone(), said.clone()),
            })
            .unzip();
        let vectors = self.with.embed(&texts, data, file, "their vectors with --labels FILE")?;
        let prompts = names.iter().zip(&texts).zip(vectors.rows());
        Ok(prompts
            .map(|((label, text), vector)| json!({"label": label, "text": text, "vector": vector.to_vec()}))
            .collect())
    }
}

fn with_prompts(call: &Call<'_>, options: &mut Value, data: &Data) -> Result<()> {
    let texts = LabelTexts::from_arg_matches(call.matches).map_err(conflict)?;
    let prompts = texts.prompts(data, call.input.file())?;
    if !prompts.is_empty() {
        options["prompts"] = prompts.into();
    }
    Ok(())
}
