//! `mteb clustering`: whether k-means finds the classes.

use std::collections::HashMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::multilabel::split_lists;
use super::result::Outcome;
use super::sides::missing_label;
use super::{Task, TaskOptions};
use crate::analysis::Context;
use crate::benchmark::{ClusteringOptions, clustering, clustering_in_sets};
use crate::data::{Data, Role};
use crate::error::{Error, Result};

/// Options of [`ClusteringTask`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct ClusteringTaskOptions {
    /// Share of the rows that is used, drawn once; 1 uses all
    #[cfg_attr(feature = "cli", arg(long, value_name = "SHARE", default_value_t = Self::default().max_fraction))]
    pub max_fraction: f64,
    /// Draws
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", default_value_t = Self::default().experiments))]
    pub experiments: usize,
    /// Rows of one draw, drawn with repeats
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", default_value_t = Self::default().rows_per_draw))]
    pub rows_per_draw: usize,
    /// What stands between the levels of a label that is a hierarchy, the widest level first; lists are read as they are
    #[cfg_attr(feature = "cli", arg(long, value_name = "CHAR"))]
    pub levels: Option<String>,
    /// The column that says which set a row is in: each is clustered by itself, as MTEB's first version does
    #[cfg_attr(feature = "cli", arg(long, value_name = "COL", conflicts_with_all = ["max_fraction", "experiments", "rows_per_draw", "levels"]))]
    pub sets: Option<String>,
    /// What all tasks have.
    #[cfg_attr(feature = "cli", command(flatten))]
    pub task: TaskOptions,
}

impl Default for ClusteringTaskOptions {
    fn default() -> Self {
        let ClusteringOptions { max_fraction, experiments, rows_per_draw, .. } = Default::default();
        ClusteringTaskOptions {
            max_fraction: max_fraction.unwrap_or(1.0),
            experiments,
            rows_per_draw,
            levels: None,
            sets: None,
            task: TaskOptions::default(),
        }
    }
}

/// The task `clustering`.
pub struct ClusteringTask;

impl Task for ClusteringTask {
    const NAME: &'static str = "mteb-clustering";
    const ABOUT: &'static str = "Compare k-means clusters with known classes (MTEB: clustering)";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab mteb clustering posts.parquet --label topic
  embedlab mteb clustering posts.parquet --label topic --max-fraction 1
  embedlab mteb clustering posts.parquet --label topic --sets set";
    const ROLES: &'static [Role] = &[Role::Label];
    type Options = ClusteringTaskOptions;

    fn shared(options: &ClusteringTaskOptions) -> &TaskOptions {
        &options.task
    }

    fn files(_options: &ClusteringTaskOptions) -> Vec<Option<&PathBuf>> {
        Vec::new()
    }

    fn score(data: &Data, options: &ClusteringTaskOptions, context: &Context<'_>) -> Result<Outcome> {
        let column = data.require(Role::Label)?;
        let (rows, seed) = (data.matrix()?, context.seed as u32);
        let classes = |texts: Vec<Option<String>>, column: &str| -> Result<Vec<usize>> {
            let mut known: HashMap<String, usize> = HashMap::new();
            let number = |(row, text): (usize, Option<String>)| {
                let text = text.ok_or_else(|| missing_label(data.table(), row, column))?;
                let next = known.len();
                Ok(*known.entry(text).or_insert(next))
            };
            texts.into_iter().enumerate().map(number).collect()
        };
        let scored = match &options.sets {
            Some(sets) => {
                let of_rows = classes(data.table().text(column)?, column)?;
                clustering_in_sets(rows, &of_rows, &classes(data.table().text(sets)?, sets)?, seed)?
            }
            None => {
                let levels = levels(data, column, options.levels.as_deref())?;
                let draws = ClusteringOptions {
                    max_fraction: Some(options.max_fraction),
                    experiments: options.experiments,
                    rows_per_draw: options.rows_per_draw,
                    seed,
                };
                clustering(rows, &levels, &draws)?
            }
        };
        let exceptions = vec!["k-means rounds otherwise than scikit-learn, although rows, starts and batches are drawn as there".to_owned()];
        Ok(Outcome { exceptions, ..Outcome::new(scored) })
    }
}

/// The class of each row at each level of its label.
fn levels(data: &Data, column: &str, separator: Option<&str>) -> Result<Vec<Vec<Option<usize>>>> {
    let table = data.table();
    let nested = table.column(column)?.data_type().is_nested();
    let lists: Vec<Vec<String>> = if nested || separator.is_some() {
        split_lists(table, column, separator.unwrap_or("/"))?
    } else {
        let texts = table.text(column)?.into_iter().enumerate();
        texts
            .map(|(row, text)| Ok(vec![text.ok_or_else(|| missing_label(table, row, column))?]))
            .collect::<Result<_>>()?
    };
    let depth = lists.iter().map(Vec::len).max().unwrap_or(0);
    if depth == 0 {
        return Err(Error::input("no labels").with_code("missing-label").column(column));
    }
    let mut known: Vec<HashMap<&str, usize>> = vec![HashMap::new(); depth];
    let mut levels = vec![vec![None; lists.len()]; depth];
    for (row, list) in lists.iter().enumerate() {
        for (level, label) in list.iter().enumerate() {
            let next = known[level].len();
            levels[level][row] = Some(*known[level].entry(label).or_insert(next));
        }
    }
    Ok(levels)
}
