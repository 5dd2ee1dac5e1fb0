//! Feature importance: how much worse a model predicts when a group of features is shuffled.

use std::ops::Range;

use ndarray::{Array2, ArrayView2};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::progress::steps;

/// Shuffles of each group, as many as scikit-learn's.
const REPEATS: usize = 5;

/// Single features that are worth a line.
const MOST_SHOWN: usize = 20;

/// Columns that belong together, such as the numbers of an embedding.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureGroup {
    /// What to call them.
    pub name: String,
    /// The columns.
    pub columns: Range<usize>,
}

/// The importance of a group of features.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Importance {
    /// The group.
    pub feature: String,
    /// The mean drop of the score when the group's columns are shuffled among the test rows.
    pub drop: f64,
    /// The standard deviation of the drops.
    pub spread: f64,
    /// The share of all gain that the splits on these columns made, for models of trees.
    pub gain: Option<f64>,
}

/// A single feature and the share of all gain that the splits on it made.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct TopFeature {
    /// Its name: `embedding[3]`, `price`, `brand = Oat & Co`.
    pub name: String,
    /// The feature's column among the features of the rows, from 0.
    pub feature: usize,
    /// The share, 0 to 1.
    pub gain: f64,
}

/// The features that the splits of a model of trees gain most from, the most first.
pub(super) fn top_features(gains: Option<&[f64]>, name: impl Fn(usize) -> String) -> Vec<TopFeature> {
    let gains = gains.unwrap_or_default();
    let mut top: Vec<usize> = (0..gains.len()).filter(|feature| gains[*feature] > 0.0).collect();
    top.sort_by(|a, b| gains[*b].total_cmp(&gains[*a]).then(a.cmp(b)));
    top.truncate(MOST_SHOWN);
    top.into_iter().map(|feature| TopFeature { name: name(feature), feature, gain: gains[feature] }).collect()
}

/// Permutation importance (Breiman, 2001; scikit-learn's `permutation_importance`): each group's columns are
/// shuffled together, row for row, five times, and the score (larger is better) is taken again.
///
/// # Errors
/// When a group has columns beyond the last, and whatever `score` meets.
pub fn permutation_importance(
    rows: ArrayView2<'_, f32>,
    groups: &[FeatureGroup],
    gains: Option<&[f64]>,
    seed: u64,
    score: impl Fn(ArrayView2<'_, f32>) -> Result<f64>,
) -> Result<Vec<Importance>> {
    let whole = score(rows)?;
    let mut found = Vec::with_capacity(groups.len());
    let steps = steps("importance of features", groups.len());
    for (at, group) in groups.iter().enumerate() {
        steps.add(usize::from(at > 0));
        if group.columns.end > rows.ncols() || group.columns.start > group.columns.end {
            return Err(Error::argument("a group of features beyond the last").seen(format!(
                "{} at columns {:?} of {}",
                group.name,
                group.columns,
                rows.ncols()
            )));
        }
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(at as u64);
        let columns = ndarray::s![.., group.columns.clone()];
        let drops = (0..REPEATS)
            .map(|_| {
                let mut order: Vec<usize> = (0..rows.nrows()).collect();
                order.shuffle(&mut random);
                let mut shuffled: Array2<f32> = rows.to_owned();
                shuffled.slice_mut(columns).assign(&rows.slice(columns).select(ndarray::Axis(0), &order));
                Ok(whole - score(shuffled.view())?)
            })
            .collect::<Result<Vec<f64>>>()?;
        let mean = drops.iter().sum::<f64>() / REPEATS as f64;
        let variance = drops.iter().map(|drop| (drop - mean).powi(2)).sum::<f64>() / REPEATS as f64;
        found.push(Importance {
            feature: group.name.clone(),
            drop: mean,
            spread: variance.sqrt(),
            gain: gains.map(|gains| gains[group.columns.clone()].iter().sum()),
        });
    }
    Ok(found)
}
