//! Exact distances between rows, from differences in `f64`.

use std::borrow::Cow;

use ndarray::ArrayView2;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::rows::simd::{dot_f64, squared_distance_f64};
use crate::rows::{DistinctRows, Metric};

/// Exact distances between rows, from differences in `f64`.
pub(crate) struct Measure<'r> {
    values: Cow<'r, [f32]>,
    /// The rows that are meant; all by default.
    picked: Option<Vec<u32>>,
    n: usize,
    dims: usize,
    metric: Metric,
    /// For cosine: the length of each row.
    lengths: Vec<f64>,
    /// For cosine: the first row of zeros, whose distance to any other row is 1.
    zero_row: Option<usize>,
}

impl<'r> Measure<'r> {
    /// Of all rows.
    pub fn new(rows: ArrayView2<'r, f32>, metric: Metric) -> Result<Measure<'r>> {
        Measure::of_picked(rows, None, metric)
    }

    /// Of the distinct vectors among the rows.
    pub fn of_distinct(
        rows: ArrayView2<'r, f32>,
        distinct: &DistinctRows,
        metric: Metric,
    ) -> Result<Measure<'r>> {
        Measure::of_picked(rows, (distinct.repeated() > 0).then(|| distinct.first_rows().to_vec()), metric)
    }

    /// Of the rows with these numbers; of all where there are none.
    pub(super) fn of_picked(
        rows: ArrayView2<'r, f32>,
        picked: Option<Vec<u32>>,
        metric: Metric,
    ) -> Result<Measure<'r>> {
        if !matches!(metric, Metric::L2 | Metric::Cosine) {
            return Err(Error::argument("a graph of neighbours needs the Euclidean or the cosine distance")
                .seen(format!("{metric:?}")));
        }
        if rows.nrows() > u32::MAX as usize {
            return Err(
                Error::argument("too many rows for a graph of neighbours").seen(rows.nrows().to_string())
            );
        }
        let (n, dims) = (picked.as_ref().map_or(rows.nrows(), Vec::len), rows.ncols());
        let values = match rows.to_slice() {
            Some(values) => Cow::Borrowed(values),
            None => Cow::Owned(rows.iter().copied().collect()),
        };
        let mut measure = Measure { values, picked, n, dims, metric, lengths: Vec::new(), zero_row: None };
        if metric == Metric::Cosine {
            let length = |row: usize| dot_f64(measure.row(row), measure.row(row)).sqrt();
            measure.lengths = (0..n).into_par_iter().map(length).collect();
            measure.zero_row = measure.lengths.iter().position(|length| *length == 0.0);
        }
        Ok(measure)
    }

    pub fn n_rows(&self) -> usize {
        self.n
    }

    pub fn dims(&self) -> usize {
        self.dims
    }

    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// All rows, where none is left out.
    pub fn all_rows(&self) -> Option<ArrayView2<'_, f32>> {
        let all = self.picked.is_none().then_some(&self.values[..])?;
        ArrayView2::from_shape((self.n, self.dims), all).ok()
    }

    /// What the numbers of a row are multiplied by: for cosine one over its length, 0 for a row of zeros.
    pub fn scale(&self, row: usize) -> f64 {
        match self.lengths.get(row) {
            Some(length) if *length > 0.0 => 1.0 / length,
            Some(_) => 0.0,
            None => 1.0,
        }
    }

    pub fn row(&self, row: usize) -> &[f32] {
        let row = self.picked.as_ref().map_or(row, |picked| picked[row] as usize);
        &self.values[row * self.dims..(row + 1) * self.dims]
    }

    pub fn zero_row(&self) -> Option<usize> {
        self.zero_row
    }

    pub fn distance(&self, a: usize, b: usize) -> f64 {
        self.distance_to(a, self, b)
    }

    /// The distance of a row to one of others that are measured alike.
    pub(super) fn distance_to(&self, a: usize, others: &Measure<'_>, b: usize) -> f64 {
        if self.metric == Metric::L2 {
            return squared_distance_f64(self.row(a), others.row(b)).sqrt();
        }
        let (length_a, length_b) = (self.lengths[a], others.lengths[b]);
        match (length_a == 0.0, length_b == 0.0) {
            (false, false) => half_squared_chord(self.row(a), others.row(b), 1.0 / length_a, 1.0 / length_b),
            (true, true) => 0.0,
            _ => 1.0,
        }
    }

    /// The squared Euclidean distance, in the units of the estimates' rows as given, that belongs to a distance.
    pub fn square(&self, distance: f64) -> f64 {
        if self.metric == Metric::L2 { distance * distance } else { 2.0 * distance }
    }

    /// The `k` nearest of some candidates, which may repeat and may hold the row itself.
    pub fn nearest(&self, row: usize, candidates: impl Iterator<Item = usize>, k: usize) -> Vec<(f64, u32)> {
        let others = candidates.filter(|other| *other != row);
        least(others.map(|other| (self.distance(row, other), other as u32)).collect(), k)
    }
}

/// The `k` least of some distances to rows, which may repeat; equal ones in the order of the rows.
pub(super) fn least(mut measured: Vec<(f64, u32)>, k: usize) -> Vec<(f64, u32)> {
    measured.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    measured.dedup_by_key(|candidate| candidate.1);
    measured.truncate(k);
    measured
}

/// Half the squared distance of two rows of length 1 is one minus their cosine, without cancellation.
pub(crate) fn half_squared_chord(a: &[f32], b: &[f32], scale_a: f64, scale_b: f64) -> f64 {
    let (a_chunks, a_rest) = a.as_chunks::<8>();
    let (b_chunks, b_rest) = b.as_chunks::<8>();
    let term = |x: f32, y: f32| {
        let difference = f64::from(x) * scale_a - f64::from(y) * scale_b;
        difference * difference
    };
    let mut sums = [0.0_f64; 8];
    for (x, y) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..8 {
            sums[lane] += term(x[lane], y[lane]);
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(x, y)| term(*x, *y)).sum();
    (((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7])) + rest) / 2.0
}
