//! `mteb summarization`: human and machine summaries of texts.

use std::collections::HashMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::result::Outcome;
use super::{Task, TaskOptions, sides};
use crate::analysis::Context;
use crate::benchmark::{Similarity, Summaries, summarization};
use crate::data::{Data, Role};
use crate::error::{Error, Result};

/// Options of [`Summarization`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct SummarizationOptions {
    /// The column that says which text a summary is of
    #[cfg_attr(feature = "cli", arg(long, value_name = "COL"))]
    pub by: Option<String>,
    /// The column with people's score of a machine summary; it is empty for human summaries
    #[cfg_attr(feature = "cli", arg(long, value_name = "COL"))]
    pub score: Option<String>,
    /// How similar vectors are to their model
    #[cfg_attr(feature = "cli", arg(long, value_enum, default_value_t))]
    pub similarity: Similarity,
    /// What all tasks have.
    #[cfg_attr(feature = "cli", command(flatten))]
    pub task: TaskOptions,
}

/// The task `summarization`.
pub struct Summarization;

impl Task for Summarization {
    const NAME: &'static str = "mteb-summarization";
    const ABOUT: &'static str =
        "Correlate the similarity of summaries to human ones with people's scores (MTEB: summarization)";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab mteb summarization summaries.parquet --by text_id --score relevance
  embedlab mteb summarization summaries.parquet --by text_id --score relevance --against other.parquet";
    const ROLES: &'static [Role] = &[Role::Text];
    type Options = SummarizationOptions;

    fn shared(options: &SummarizationOptions) -> &TaskOptions {
        &options.task
    }

    fn files(_options: &SummarizationOptions) -> Vec<Option<&PathBuf>> {
        Vec::new()
    }

    fn score(data: &Data, options: &SummarizationOptions, _context: &Context<'_>) -> Result<Outcome> {
        let (Some(by), Some(score)) = (&options.by, &options.score) else {
            return Err(Error::argument("the columns of texts and scores are needed")
                .with_code("missing-option")
                .advice("name them with --by COL and --score COL"));
        };
        sides::directions(data)?;
        let table = data.table();
        let (groups, scores) = (table.text(by)?, table.numbers(score).map_err(|error| data.locate(error))?);
        let mut names: Vec<String> = Vec::new();
        let mut place: HashMap<String, usize> = HashMap::new();
        let mut texts: Vec<Summaries> = Vec::new();
        for (row, (group, score)) in groups.into_iter().zip(scores).enumerate() {
            let Some(group) = group else {
                return Err(data.locate(Error::input("a summary of no text").row(row).column(by)));
            };
            let text = *place.entry(group.clone()).or_insert_with(|| {
                names.push(group);
                texts.push(Summaries::default());
                texts.len() - 1
            });
            match score {
                Some(score) => texts[text].machine.push((row, score)),
                None => texts[text].human.push(row),
            }
        }
        let scored = summarization(data.matrix()?, &texts, options.similarity)?;
        let used = scored.each.first().map_or(&[][..], |(_, texts)| texts);
        let ids = used.iter().flatten().map(|text| names[*text as usize].clone()).collect();
        Ok(Outcome { ids, hardest_by: Some("cosine_spearman"), ..Outcome::new(scored) })
    }
}
