//! Rows made ready for estimates of distances by matrix products, and measured exactly.

use ndarray::{ArrayView2, Axis, Zip};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::rows::simd::{dot_f64, squared_distance_f64};
use crate::rows::{Metric, dot, moments};

/// Exact distances between rows, from differences in `f64`.
pub(super) struct Measure<'r> {
    rows: std::borrow::Cow<'r, [f32]>,
    dims: usize,
    metric: Metric,
    /// For cosine: the length of each row.
    lengths: Vec<f64>,
}

impl<'r> Measure<'r> {
    /// Of the rows at `picked`, or all.
    pub fn new(rows: ArrayView2<'r, f32>, picked: Option<&[u32]>, metric: Metric) -> Result<Measure<'r>> {
        if !matches!(metric, Metric::L2 | Metric::Cosine) {
            return Err(Error::argument("a graph of neighbours needs the Euclidean or the cosine distance")
                .seen(format!("{metric:?}")));
        }
        if rows.nrows() > u32::MAX as usize {
            return Err(
                Error::argument("too many rows for a graph of neighbours").seen(rows.nrows().to_string())
            );
        }
        let dims = rows.ncols();
        let rows = match (picked, rows.to_slice()) {
            (None, Some(values)) => std::borrow::Cow::Borrowed(values),
            (None, None) => std::borrow::Cow::Owned(rows.iter().copied().collect()),
            (Some(picked), _) => {
                let mut values = Vec::with_capacity(picked.len() * dims);
                picked.iter().for_each(|row| values.extend(rows.index_axis(Axis(0), *row as usize)));
                std::borrow::Cow::Owned(values)
            }
        };
        let lengths = match metric {
            Metric::Cosine => {
                rows.par_chunks_exact(dims.max(1)).map(|row| dot_f64(row, row).sqrt()).collect()
            }
            _ => Vec::new(),
        };
        Ok(Measure { rows, dims, metric, lengths })
    }

    pub fn n_rows(&self) -> usize {
        self.rows.len() / self.dims.max(1)
    }

    fn row(&self, row: usize) -> &[f32] {
        &self.rows[row * self.dims..(row + 1) * self.dims]
    }

    /// The first row of zeros, when the metric is cosine: its distance to any other row is 1.
    pub fn zero_row(&self) -> Option<usize> {
        self.lengths.iter().position(|length| *length == 0.0)
    }

    pub fn distance(&self, a: usize, b: usize) -> f64 {
        if self.metric == Metric::L2 {
            return squared_distance_f64(self.row(a), self.row(b)).sqrt();
        }
        match (self.lengths[a] == 0.0, self.lengths[b] == 0.0) {
            (false, false) => {
                half_squared_chord(self.row(a), self.row(b), 1.0 / self.lengths[a], 1.0 / self.lengths[b])
            }
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
        let mut measured: Vec<(f64, u32)> =
            others.map(|other| (self.distance(row, other), other as u32)).collect();
        measured.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        measured.dedup_by_key(|candidate| candidate.1);
        measured.truncate(k);
        measured
    }
}

/// Half the squared distance of two rows of length 1 is one minus their cosine, without cancellation.
fn half_squared_chord(a: &[f32], b: &[f32], scale_a: f64, scale_b: f64) -> f64 {
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

/// Rows (of length 1 for cosine) moved to their mean and scaled until their largest number is 1.
///
/// Neither changes which rows are near. Embeddings crowd in a narrow cone around their mean, and the rounding error of
/// a distance from products grows with the lengths; the scale keeps squares of huge and of tiny numbers within `f32`.
pub(super) struct Prepared {
    values: Vec<f32>,
    dims: usize,
    /// The squared length of each row.
    pub squares: Vec<f32>,
    longest: f32,
    /// What these rows were divided by.
    unit: f64,
    /// The error of an estimated square, as a share of both squared lengths.
    rounding: f32,
}

impl Prepared {
    pub fn new(measure: &Measure<'_>) -> Prepared {
        let (n, dims) = (measure.n_rows(), measure.dims.max(1));
        let scale = |row: usize| match measure.lengths.get(row) {
            Some(length) if *length > 0.0 => 1.0 / length,
            Some(_) => 0.0,
            None => 1.0,
        };
        let mut values = vec![0.0_f32; n * dims];
        let fill = |values: &mut [f32], mean: &[f64], unit: f64| {
            values.par_chunks_exact_mut(dims).enumerate().for_each(|(row, values)| {
                let scale = scale(row);
                for ((x, given), mean) in values.iter_mut().zip(measure.row(row)).zip(mean) {
                    *x = ((f64::from(*given) * scale - mean) / unit) as f32;
                }
            });
        };
        let mean = mean(measure, &scale);
        let largest = |row: usize| {
            let scale = scale(row);
            let numbers = measure.row(row).iter().zip(&mean);
            numbers.map(|(x, mean)| (f64::from(*x) * scale - mean).abs()).fold(0.0, f64::max)
        };
        let largest = (0..n).into_par_iter().map(largest).reduce(|| 0.0, f64::max);
        let unit = if largest > 0.0 && largest.is_finite() { largest } else { 1.0 };
        fill(&mut values, &mean, unit);
        let squares: Vec<f32> = values.par_chunks_exact(dims).map(|row| dot(row, row)).collect();
        let longest = squares.iter().copied().fold(0.0, f32::max);
        let rounding = f32::EPSILON * (8.0 + 2.0 * (dims as f32).sqrt());
        Prepared { values, dims, squares, longest, unit, rounding }
    }

    pub fn n_rows(&self) -> usize {
        self.squares.len()
    }

    pub fn dims(&self) -> usize {
        self.dims
    }

    /// The numbers of some consecutive rows, side by side.
    pub fn block(&self, rows: std::ops::Range<usize>) -> &[f32] {
        &self.values[rows.start * self.dims..rows.end * self.dims]
    }

    /// Turns products of one row with others into squared distances, in place. What lies within the error of rounding
    /// becomes 0.
    pub fn to_squares(&self, products: &mut [f32], squares: &[f32], own: f32) {
        for (product, square) in products.iter_mut().zip(squares) {
            let both = own + square;
            let apart = both - 2.0 * *product;
            *product = if apart > self.rounding * both { apart } else { 0.0 };
        }
    }

    /// The estimated square that a pair within a true square (in the units of the rows as given) cannot exceed.
    pub fn estimate_bound(&self, square: f64) -> f32 {
        let margin = 4.0 * f64::from(self.rounding) * f64::from(self.longest);
        (square / (self.unit * self.unit) + margin) as f32 * (1.0 + f32::EPSILON)
    }

    /// Whether a row whose estimated square is at least `bound` must be farther than `square` (in the units of the
    /// rows as given).
    pub fn nothing_missed(&self, row: usize, square: f64, bound: f32) -> bool {
        let both = f64::from(self.squares[row]) + f64::from(self.longest);
        square / (self.unit * self.unit) < f64::from(bound) - 2.0 * f64::from(self.rounding) * both
    }
}

/// The mean of the scaled rows, summed in blocks of fixed size.
fn mean(measure: &Measure<'_>, scale: &(impl Fn(usize) -> f64 + Sync)) -> Vec<f64> {
    const BLOCK: usize = 2048;
    let (n, dims) = (measure.n_rows(), measure.dims);
    if measure.metric == Metric::L2
        && let Ok(rows) = ArrayView2::from_shape((n, dims), &measure.rows)
        && let Ok(moments) = moments(&rows)
    {
        return moments.mean.to_vec();
    }
    let sums: Vec<Vec<f64>> = (0..n.div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| {
            let mut sum = vec![0.0; dims];
            for row in block * BLOCK..((block + 1) * BLOCK).min(n) {
                let scale = scale(row);
                Zip::from(&mut sum).and(measure.row(row)).for_each(|sum, x| *sum += f64::from(*x) * scale);
            }
            sum
        })
        .collect();
    let mut mean = vec![0.0; dims];
    for sum in sums {
        mean.iter_mut().zip(sum).for_each(|(mean, sum)| *mean += sum / n.max(1) as f64);
    }
    mean
}
