//! `mteb bitext`: sentences and their translations.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ids::{Ids, Missing, Unknown};
use super::result::Outcome;
use super::{Task, TaskOptions, sides};
use crate::analysis::Context;
use crate::benchmark::{Similarity, bitext_mining};
use crate::data::{Data, Role};
use crate::error::{Error, Result};

/// Options of [`Bitext`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct BitextOptions {
    /// The sentences of the other language
    #[cfg_attr(feature = "cli", arg(index = 2, value_name = "OTHER"))]
    pub other: Option<PathBuf>,
    /// Table of translations: columns a and b hold row numbers of FILE and OTHER, or ids [default: row i is row i]
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE"))]
    pub gold: Option<PathBuf>,
    /// The column of FILE and OTHER with ids [default: _id, id, docid, sha256; else rows are named by their number]
    #[cfg_attr(feature = "cli", arg(long, value_name = "COL"))]
    pub id: Option<String>,
    /// What happens to ids that name no row
    #[cfg_attr(feature = "cli", arg(long, value_enum, default_value_t))]
    pub unknown: Missing,
    /// How similar vectors are to their model
    #[cfg_attr(feature = "cli", arg(long, value_enum, default_value_t))]
    pub similarity: Similarity,
    /// The sentences of the other language by the model of --against
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE", requires = "against"))]
    pub against_other: Option<PathBuf>,
    /// What all tasks have.
    #[cfg_attr(feature = "cli", command(flatten))]
    pub task: TaskOptions,
}

/// The task `bitext`.
pub struct Bitext;

impl Task for Bitext {
    const NAME: &'static str = "mteb-bitext";
    const ABOUT: &'static str = "Find the translation of each sentence (MTEB: bitext mining)";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab mteb bitext english.parquet german.parquet
  embedlab mteb bitext english.parquet german.parquet --gold translations.csv --id sentence_id";
    const ROLES: &'static [Role] = &[Role::Text];
    type Options = BitextOptions;

    fn shared(options: &BitextOptions) -> &TaskOptions {
        &options.task
    }

    fn files(options: &BitextOptions) -> Vec<Option<&PathBuf>> {
        vec![options.other.as_ref(), options.gold.as_ref(), options.against_other.as_ref()]
    }

    fn second(data: &Data, options: &BitextOptions, path: &Path) -> Result<(Data, BitextOptions)> {
        let other = options.against_other.clone().or_else(|| options.other.clone());
        Ok((sides::same_rows(data, path)?, BitextOptions { other, ..options.clone() }))
    }

    fn score(data: &Data, options: &BitextOptions, _context: &Context<'_>) -> Result<Outcome> {
        let Some(path) = &options.other else {
            return Err(Error::argument("bitext mining compares two files")
                .with_code("missing-option")
                .advice("name the file of the other language after the first"));
        };
        sides::directions(data)?;
        let second = sides::open(path)?;
        let (a, b) = (data.matrix()?, second.matrix()?);
        let mut left_out = Vec::new();
        let gold = match &options.gold {
            Some(path) => {
                let table = sides::columns(path)?;
                let id = options.id.as_deref();
                let (ids_a, ids_b) = (Ids::of(data, id)?, Ids::of(&second, id)?);
                let column = |names: &[&'static str]| {
                    sides::one_of(&table, path, names, "a translation").and_then(|name| table.text(name))
                };
                let mut unknown = Unknown::new("ids of translations that name no row", path);
                let mut gold = Vec::new();
                let (first, second) = (column(&["a", "sentence1"])?, column(&["b", "sentence2"])?);
                for (row, (first, second)) in first.iter().zip(&second).enumerate() {
                    let (first, second) =
                        (first.as_deref().unwrap_or_default(), second.as_deref().unwrap_or_default());
                    match (ids_a.row(first), ids_b.row(second)) {
                        (Some(a), Some(b)) => gold.push((a, b)),
                        (None, _) => unknown.add(first, Some(row), None),
                        _ => unknown.add(second, Some(row), None),
                    }
                }
                unknown.finish(options.unknown, &mut left_out)?;
                gold
            }
            None if a.nrows() == b.nrows() => (0..a.nrows()).map(|row| (row, row)).collect(),
            None => {
                return Err(Error::input("two files of different length, and no table of translations")
                    .with_code("not-paired")
                    .seen(format!("{} and {} rows", a.nrows(), b.nrows()))
                    .advice("name the table with --gold FILE"));
            }
        };
        let scored = bitext_mining(a, b, &gold, options.similarity)?;
        let texts = sides::texts(data)?;
        Ok(Outcome {
            ids: gold.iter().map(|(row, _)| data.row_of_file(*row).to_string()).collect(),
            texts: gold.iter().map(|(row, _)| texts.get(*row).cloned().flatten()).collect(),
            hardest_by: Some("right"),
            left_out,
            ..Outcome::new(scored)
        })
    }
}
