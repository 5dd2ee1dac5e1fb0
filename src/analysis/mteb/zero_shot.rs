//! `mteb zero-shot`: labels by similarity.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::result::Outcome;
use super::{Task, TaskOptions, sides};
use crate::analysis::Context;
use crate::benchmark::{Similarity, zero_shot_classification};
use crate::data::{Data, Role};
use crate::error::{Error, Result, excerpt};

/// Options of [`ZeroShotTask`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct ZeroShotTaskOptions {
    /// The vectors of the labels, one row each, with a column label
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE"))]
    pub labels: Option<PathBuf>,
    /// Use only the labels of this set, by their column set
    #[cfg_attr(feature = "cli", arg(long, value_name = "NAME"))]
    pub set: Option<String>,
    /// How similar vectors are to their model
    #[cfg_attr(feature = "cli", arg(long, value_enum, default_value_t))]
    pub similarity: Similarity,
    /// The vectors of the labels by the model of --against
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE", requires = "against"))]
    pub against_labels: Option<PathBuf>,
    /// What all tasks have.
    #[cfg_attr(feature = "cli", command(flatten))]
    pub task: TaskOptions,
}

/// The task `zero-shot`.
pub struct ZeroShotTask;

impl Task for ZeroShotTask {
    const NAME: &'static str = "mteb-zero-shot";
    const ABOUT: &'static str = "Give each row the most similar label (MTEB: zero-shot classification)";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab mteb zero-shot reviews.parquet --labels labels.parquet --label Kind
  embedlab mteb zero-shot reviews.parquet --labels labels.parquet --set kinds --label Kind";
    const ROLES: &'static [Role] = &[Role::Label, Role::Text];
    type Options = ZeroShotTaskOptions;

    fn shared(options: &ZeroShotTaskOptions) -> &TaskOptions {
        &options.task
    }

    fn files(options: &ZeroShotTaskOptions) -> Vec<Option<&PathBuf>> {
        vec![options.labels.as_ref(), options.against_labels.as_ref()]
    }

    fn second(
        data: &Data,
        options: &ZeroShotTaskOptions,
        path: &Path,
    ) -> Result<(Data, ZeroShotTaskOptions)> {
        let labels = options.against_labels.clone().or_else(|| options.labels.clone());
        Ok((sides::same_rows(data, path)?, ZeroShotTaskOptions { labels, ..options.clone() }))
    }

    fn score(data: &Data, options: &ZeroShotTaskOptions, _context: &Context<'_>) -> Result<Outcome> {
        let Some(path) = &options.labels else {
            return Err(Error::argument("no labels")
                .with_code("missing-option")
                .advice("name the file with the vectors of the labels: --labels FILE"));
        };
        sides::directions(data)?;
        let mut labels = sides::open(path)?.into_table();
        if let Some(set) = &options.set {
            let sets = labels.text("set").map_err(|error| error.file(path))?;
            let rows: Vec<usize> =
                (0..sets.len()).filter(|row| sets[*row].as_deref() == Some(set.as_str())).collect();
            labels = labels.take(&rows)?;
        }
        let column = sides::one_of(&labels, path, &["label", "name", "text"], "the label")?;
        let names = labels.text(column)?;
        let mut known: Vec<&str> = Vec::new();
        for (row, name) in names.iter().enumerate() {
            let name = name.as_deref().unwrap_or_default();
            if known.contains(&name) {
                let error = Error::input("a label that two rows have").with_code("duplicate-id").row(row);
                return Err(labels
                    .origin()
                    .locate(error.seen(excerpt(name)).advice("MTEB takes one vector for each label")));
            }
            known.push(name);
        }
        let column = data.require(Role::Label)?;
        let truth = data
            .table()
            .text(column)?
            .iter()
            .enumerate()
            .map(|(row, label)| {
                let Some(label) = label else { return Err(sides::missing_label(data.table(), row, column)) };
                known.iter().position(|name| name == label).ok_or_else(|| {
                    let error = Error::input("a label without a vector").with_code("unknown-id").row(row);
                    data.locate(error.column(column).seen(excerpt(label)).advice("add it to the labels"))
                })
            })
            .collect::<Result<Vec<usize>>>()?;
        let scored = zero_shot_classification(data.matrix()?, labels.vectors(), &truth, options.similarity)?;
        Ok(Outcome {
            ids: (0..truth.len()).map(|row| data.row_of_file(row).to_string()).collect(),
            ..Outcome::new(scored)
        })
    }
}
