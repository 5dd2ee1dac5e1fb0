//! Which rows a model is tested on.

use ndarray::ArrayView2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::number::counted;
use crate::quality::similarity_groups;
use crate::split::{
    Split, group_k_fold, group_split, joined_groups, k_fold, stratified_k_fold, stratified_split,
    train_test_split,
};

/// Which rows a model is tested on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct TestOptions {
    /// Share of the rows to test on
    #[cfg_attr(feature = "cli", arg(long, value_name = "SHARE", default_value_t = Self::default().test_size))]
    pub test_size: f64,
    /// The seed of the split, as scikit-learn's random_state
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", default_value_t = Self::default().test_seed))]
    pub test_seed: u32,
    /// N-fold cross-validation, stratified by class
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", conflicts_with = "test_size"))]
    pub cv: Option<usize>,
    /// Keep the rows of each value of this column on one side of the split, such as UserId
    #[cfg_attr(feature = "cli", arg(long, value_name = "COL", conflicts_with = "stratify"))]
    pub group_by: Option<String>,
    /// Keep rows on one side of the split that are linked by a chain of pairs with at least this cosine, such as 0.95
    #[cfg_attr(feature = "cli", arg(long, value_name = "COSINE", conflicts_with = "stratify"))]
    pub split_by_similarity: Option<f64>,
    /// Stratify the split by label
    #[cfg_attr(feature = "cli", arg(long))]
    pub stratify: bool,
}

impl Default for TestOptions {
    fn default() -> Self {
        TestOptions {
            test_size: 0.2,
            test_seed: 42,
            cv: None,
            group_by: None,
            split_by_similarity: None,
            stratify: false,
        }
    }
}

/// The splits, one or the folds of a cross-validation.
pub(super) struct Splits {
    pub splits: Vec<Split>,
    /// The group of each row, where groups stay on one side.
    pub groups: Option<Vec<u32>>,
    pub kept_together: Option<KeptTogether>,
}

impl Splits {
    /// Of rows with vectors (n x d), which may be in groups; `labels` gives the classes by which a split is stratified.
    pub fn of(
        vectors: ArrayView2<'_, f32>,
        groups: Option<Vec<u32>>,
        labels: impl Fn() -> Result<Vec<u32>>,
        options: &TestOptions,
        classes: bool,
    ) -> Result<Splits> {
        let (similar, kept_together) = match options.split_by_similarity {
            Some(cosine) => {
                let groups = similarity_groups(vectors, cosine)?;
                let kept = KeptTogether::of(&groups, cosine);
                kept.check(options.cv.unwrap_or(2))?;
                (Some(groups), Some(kept))
            }
            None => (None, None),
        };
        let groups = match (groups, similar) {
            (Some(groups), Some(similar)) => Some(joined_groups(&groups, &similar)?),
            (groups, similar) => groups.or(similar),
        };
        let stratify = options.stratify || (classes && options.cv.is_some());
        let (n, seed) = (vectors.nrows(), options.test_seed);
        let splits = match (options.cv, &groups) {
            (Some(folds), Some(groups)) => group_k_fold(groups, folds)?,
            (Some(folds), None) if stratify => stratified_k_fold(&labels()?, folds, seed)?,
            (Some(folds), None) => k_fold(n, folds, seed)?,
            (None, Some(groups)) => vec![group_split(groups, options.test_size, seed)?],
            (None, None) if stratify => vec![stratified_split(&labels()?, options.test_size, seed)?],
            (None, None) => vec![train_test_split(n, options.test_size, seed)?],
        };
        Ok(Splits { splits, groups, kept_together })
    }
}

/// Rows that stay on one side of a split because they are similar.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct KeptTogether {
    /// The cosine from which two rows are linked.
    pub cosine: f64,
    /// How many groups the links make; a row without a link is a group of its own.
    pub groups: usize,
    /// How many rows the largest group has.
    pub largest: usize,
}

impl KeptTogether {
    /// Of the group of each row, numbered from 0.
    pub(super) fn of(groups: &[u32], cosine: f64) -> KeptTogether {
        let n = groups.iter().max().map_or(0, |most| *most as usize + 1);
        let mut sizes = vec![0_usize; n];
        groups.iter().for_each(|group| sizes[*group as usize] += 1);
        KeptTogether { cosine, groups: n, largest: sizes.into_iter().max().unwrap_or(0) }
    }

    /// Refuses a cosine at which too many rows hang together.
    pub(super) fn check(&self, sides: usize) -> Result<()> {
        if self.groups >= sides {
            return Ok(());
        }
        Err(Error::argument("too many rows are linked to split them")
            .seen(format!("{} at a cosine of {}", counted(self.groups, "group"), self.cosine))
            .advice("choose a higher cosine for --split-by-similarity"))
    }

    /// In a sentence.
    pub(super) fn sentence(&self) -> String {
        format!(
            "Rows that are linked by a cosine of at least {} stand on one side: {}, the largest of {}.",
            self.cosine,
            counted(self.groups, "group"),
            counted(self.largest, "row")
        )
    }
}
