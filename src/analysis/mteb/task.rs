//! A task of the benchmark as an analysis.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::result::{BenchmarkResult, Outcome};
use super::sides;
use crate::analysis::{Analysis, Context, Needs, Options};
use crate::data::{Data, Role};
use crate::error::Result;
use crate::view::{Look, Section};

/// What all tasks have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct TaskOptions {
    /// The score that counts [default: the one by which MTEB ranks models in most tasks of this kind]
    #[cfg_attr(feature = "cli", arg(long, value_name = "SCORE"))]
    pub main: Option<String>,
    /// A second file of vectors of the same rows, to compare with
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE"))]
    pub against: Option<PathBuf>,
}

/// One task: how its files become scores.
pub trait Task: 'static {
    /// The name of the command: `mteb-` and the name of the task.
    const NAME: &'static str;
    /// What it does, in a sentence without a full stop.
    const ABOUT: &'static str;
    /// Command lines that can be pasted.
    const EXAMPLES: &'static str;
    /// The roles of columns that it looks at.
    const ROLES: &'static [Role];
    /// Its options.
    type Options: Options + Clone;

    /// Those of its options that all tasks have.
    fn shared(options: &Self::Options) -> &TaskOptions;

    /// The files besides the first that the options name.
    fn files(options: &Self::Options) -> Vec<Option<&PathBuf>>;

    /// Data and options of the vectors that are compared with.
    ///
    /// # Errors
    /// When the file does not hold the same rows.
    fn second(data: &Data, options: &Self::Options, path: &Path) -> Result<(Data, Self::Options)> {
        Ok((sides::same_rows(data, path)?, options.clone()))
    }

    /// Scores the vectors.
    ///
    /// # Errors
    /// When data, files and options do not fit together.
    fn score(data: &Data, options: &Self::Options, context: &Context<'_>) -> Result<Outcome>;
}

/// A [`Task`] as an analysis.
pub struct Mteb<T>(PhantomData<fn() -> T>);

impl<T: Task> Analysis for Mteb<T> {
    const NAME: &'static str = T::NAME;
    const ABOUT: &'static str = T::ABOUT;
    const EXAMPLES: &'static str = T::EXAMPLES;
    const NEEDS: Needs = Needs::Matrix;
    const ROLES: &'static [Role] = T::ROLES;
    const SAVES: Option<&'static str> =
        Some("Write the score of each pair, query, row or draw (.csv .parquet .jsonl)");
    const SAVES_AS: &'static [&'static str] = &["csv", "tsv", "parquet", "jsonl"];
    type Options = T::Options;
    type Outcome = BenchmarkResult;

    fn run(data: &Data, options: &T::Options, context: &Context<'_>) -> Result<BenchmarkResult> {
        let shared = T::shared(options);
        let outcome = T::score(data, options, context)?;
        let other = match &shared.against {
            None => None,
            Some(path) => {
                let (second, options) = T::second(data, options, path)?;
                Some((path.as_path(), T::score(&second, &options, context)?))
            }
        };
        let task = T::NAME.strip_prefix("mteb-").unwrap_or(T::NAME);
        BenchmarkResult::new(task, outcome, shared.main.as_deref(), other, context.seed)
    }

    fn reads(options: &T::Options) -> Vec<PathBuf> {
        let against = T::shared(options).against.as_ref();
        T::files(options).into_iter().chain([against]).flatten().cloned().collect()
    }

    fn view(result: &BenchmarkResult, _look: Look) -> Result<Section> {
        Ok(result.view(T::NAME))
    }

    fn save(result: &BenchmarkResult, path: &Path) -> Result<()> {
        result.save(path)
    }
}
