//! Similarities and distances of pairs of rows, as MTEB computes them.

use ndarray::{ArrayView2, Axis, CowArray, Ix2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::rows::simd::{dot_f64, l1_distance_f64, squared_distance_f64};
use crate::rows::{Metric, require_finite};

/// How similar two vectors are to their model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum Similarity {
    /// The cosine of the angle
    #[default]
    Cosine,
    /// The inner product
    Dot,
    /// Minus the Euclidean distance
    Euclidean,
}

impl Similarity {
    /// The metric whose nearest rows are the most similar ones.
    pub(super) fn metric(self) -> Metric {
        match self {
            Similarity::Cosine => Metric::Cosine,
            Similarity::Dot => Metric::Dot,
            Similarity::Euclidean => Metric::L2,
        }
    }

    /// The similarity at a distance of [`metric`](Self::metric), rounded to 32 bits as a model's is.
    pub(super) fn at(self, distance: f64) -> f64 {
        let similarity = if self == Similarity::Cosine { 1.0 - distance } else { -distance };
        f64::from(similarity as f32)
    }

    /// Of two rows of the same length.
    pub(super) fn of(self, a: &[f32], b: &[f32]) -> f64 {
        self.at(self.metric().distance(a, b))
    }
}

/// Checks that rows have a direction, without which there is no cosine.
///
/// # Errors
/// When a row is zero or holds a number that is not finite; it is named.
pub fn require_directions(rows: ArrayView2<'_, f32>) -> Result<()> {
    require_finite(rows)?;
    match rows.rows().into_iter().position(|row| row.iter().all(|x| *x == 0.0)) {
        None => Ok(()),
        Some(row) => Err(Error::input("a vector of zeros has no cosine")
            .with_code("zero-vector")
            .row(row)
            .advice("embed this row again or remove it")),
    }
}

/// # Errors
/// When two sets of vectors have different dimensions.
pub(super) fn require_same_dims(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>) -> Result<()> {
    if a.ncols() != b.ncols() {
        return Err(Error::argument("two sets of vectors of different dimensions")
            .with_code("dimensions-differ")
            .seen(format!("{} and {}", a.ncols(), b.ncols()))
            .advice("use vectors of the same model"));
    }
    Ok(())
}

/// Of each pair, rounded to 32 bits so that equal ones are equal.
pub(super) struct PairSimilarities {
    pub cosine: Vec<f64>,
    pub dot: Vec<f64>,
    /// Distances, not turned round.
    pub manhattan: Vec<f64>,
    pub euclidean: Vec<f64>,
}

impl PairSimilarities {
    /// # Errors
    /// When the dimensions differ, a row is beyond the last, or a row is zero.
    pub fn new(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, pairs: &[(usize, usize)]) -> Result<Self> {
        require_same_dims(a, b)?;
        if pairs.iter().any(|(i, j)| *i >= a.nrows() || *j >= b.nrows()) {
            return Err(Error::argument("a pair names a row beyond the last").with_code("row-out-of-range"));
        }
        require_directions(a)?;
        require_directions(b)?;
        let (a, b) = (a.as_standard_layout(), b.as_standard_layout());
        let lengths = |rows: &CowArray<'_, f32, Ix2>| -> Vec<f64> {
            let rows = rows.axis_iter(Axis(0)).into_par_iter();
            rows.map(|row| row.to_slice().map_or(0.0, |row| dot_f64(row, row).sqrt())).collect()
        };
        let (lengths_a, lengths_b) = (lengths(&a), lengths(&b));
        let of = |(i, j): &(usize, usize)| {
            let (i, j) = (*i, *j);
            let row_a = a.row(i).to_slice().unwrap_or_default();
            let row_b = b.row(j).to_slice().unwrap_or_default();
            let dot = dot_f64(row_a, row_b);
            let cosine = (dot / (lengths_a[i] * lengths_b[j])).clamp(-1.0, 1.0);
            let euclidean = squared_distance_f64(row_a, row_b).sqrt();
            [cosine, dot, l1_distance_f64(row_a, row_b), euclidean].map(|x| x as f32)
        };
        let found: Vec<[f32; 4]> = pairs.par_iter().map(of).collect();
        let column = |at: usize| found.iter().map(|four| f64::from(four[at])).collect();
        Ok(PairSimilarities { cosine: column(0), dot: column(1), manhattan: column(2), euclidean: column(3) })
    }

    /// By the model's own similarity.
    pub fn own(&self, similarity: Similarity) -> Vec<f64> {
        match similarity {
            Similarity::Cosine => self.cosine.clone(),
            Similarity::Dot => self.dot.clone(),
            Similarity::Euclidean => negated(&self.euclidean),
        }
    }
}

/// Distances as similarities.
pub(super) fn negated(distances: &[f64]) -> Vec<f64> {
    distances.iter().map(|distance| -distance).collect()
}
