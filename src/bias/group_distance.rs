//! Two figures of the mean vectors of two groups.

use ndarray::{Array1, ArrayView1, ArrayView2};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::Result;
use crate::metric::spearman;

/// A figure for each of the two sets of attributes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct BySet {
    /// With the first set; `null` when it is undefined.
    pub a: Option<f64>,
    /// With the second.
    pub b: Option<f64>,
}

/// Relative norm distance (Garg et al. 2018): how much farther the attributes are from the mean of `x` than from the
/// mean of `y`, on average, in Euclidean distance of the vectors as they are. Negative: they are nearer to `x`. `None`
/// for an empty set.
pub fn relative_norm_distance(
    x: ArrayView2<'_, f32>,
    y: ArrayView2<'_, f32>,
    attributes: ArrayView2<'_, f32>,
) -> Option<f64> {
    let (x, y) = (mean(x)?, mean(y)?);
    let distance = |row: ArrayView1<'_, f32>, mean: &Array1<f64>| {
        row.iter().zip(mean).map(|(a, b)| (f64::from(*a) - b).powi(2)).sum::<f64>().sqrt()
    };
    let differences: f64 =
        attributes.rows().into_iter().map(|row| distance(row, &x) - distance(row, &y)).sum();
    (attributes.nrows() > 0).then(|| differences / attributes.nrows() as f64)
}

/// Embedding coherence test (Dev and Phillips 2019): the rank correlation of the cosines of the attributes with the mean
/// of `x` and with the mean of `y`. 1: both means rank the attributes alike. `None` when it is undefined.
///
/// # Errors
/// For numbers that are not finite.
pub fn embedding_coherence(
    x: ArrayView2<'_, f32>,
    y: ArrayView2<'_, f32>,
    attributes: ArrayView2<'_, f32>,
) -> Result<Option<f64>> {
    let (Some(x), Some(y)) = (mean(x), mean(y)) else { return Ok(None) };
    let cosines = |mean: &Array1<f64>| -> Vec<f64> {
        let of = |row: ArrayView1<'_, f32>| {
            let (mut product, mut square) = (0.0, 0.0);
            for (a, b) in row.iter().zip(mean) {
                product += f64::from(*a) * b;
                square += f64::from(*a).powi(2);
            }
            product / (square * mean.dot(mean)).sqrt()
        };
        attributes.rows().into_iter().map(of).collect()
    };
    let (with_x, with_y) = (cosines(&x), cosines(&y));
    if with_x.len() < 2 || with_x.iter().chain(&with_y).any(|cosine| !cosine.is_finite()) {
        return Ok(None);
    }
    spearman(&with_x, &with_y)
}

fn mean(rows: ArrayView2<'_, f32>) -> Option<Array1<f64>> {
    rows.mapv(f64::from).mean_axis(ndarray::Axis(0))
}
