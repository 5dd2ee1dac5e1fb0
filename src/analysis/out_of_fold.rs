//! Predictions of each row by models that have not seen it.

use std::collections::HashSet;

use ndarray::{Array2, ArrayView2};

use super::splits::KeptTogether;
use crate::error::{Error, Result};
use crate::model::{Classes, ModelKind, ModelOptions, cross_validate_probabilities};
use crate::quality::similarity_groups;
use crate::rows::DistinctRows;
use crate::split::{Split, group_k_fold, stratified_k_fold};

/// How many models are fitted.
const FOLDS: usize = 5;

/// How rows are dealt out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Folds {
    pub seed: u64,
    /// Rows that are linked by this cosine stay in one fold; copies always do.
    pub split_by_similarity: Option<f64>,
}

impl Folds {
    fn of(self, rows: ArrayView2<'_, f32>, classes: &[usize]) -> Result<Vec<Split>> {
        if let Some(cosine) = self.split_by_similarity {
            let groups = similarity_groups(rows, cosine)?;
            KeptTogether::of(&groups, cosine).check(FOLDS)?;
            return group_k_fold(&groups, FOLDS);
        }
        let distinct = DistinctRows::of(&rows)?;
        if distinct.repeated() > 0 {
            let groups: Vec<u32> = (0..rows.nrows()).map(|row| distinct.vector_of(row) as u32).collect();
            return group_k_fold(&groups, FOLDS);
        }
        let codes: Vec<u32> = classes.iter().map(|class| *class as u32).collect();
        stratified_k_fold(&codes, FOLDS, self.seed as u32)
    }
}

/// The bytes of the probabilities of rows and classes, while they are put together from folds and judged.
pub(super) fn probabilities(rows: usize, classes: usize) -> u64 {
    (24 * rows as u64).saturating_mul(classes as u64)
}

/// The probability of each class for each row, by models that have not seen the row or a copy of it.
pub(super) fn out_of_fold(
    rows: ArrayView2<'_, f32>,
    classes: &[usize],
    names: &[String],
    kind: ModelKind,
    folds: Folds,
) -> Result<Array2<f64>> {
    let present: HashSet<&usize> = classes.iter().collect();
    if present.len() < 2 {
        return Err(Error::input("fewer than two classes")
            .seen(present.len().to_string())
            .advice("choose another label"));
    }
    let mut sizes = vec![0_usize; names.len()];
    classes.iter().for_each(|class| sizes[*class] += 1);
    let largest = sizes.into_iter().max().unwrap_or(0);
    if largest < FOLDS {
        return Err(Error::input("too few rows of each class to predict them from the others")
            .with_code("class-too-small")
            .seen(format!("{largest} in the largest class, where {FOLDS} models are fitted"))
            .advice("choose another label, or one of fewer classes"));
    }
    let splits = folds.of(rows, classes)?;
    let options = ModelOptions { kind, seed: folds.seed, ..Default::default() };
    let classes = Classes { codes: classes.to_vec(), names: names.to_vec() };
    cross_validate_probabilities(rows, &classes, &splits, &options)
}
