//! Rows made ready for estimates of distances by matrix products.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, Zip};
use rayon::prelude::*;

use super::measure::Measure;
use crate::error::Result;
use crate::rows::{Frame, Metric, dot, moments, require_finite};

/// How squared distances are estimated by matrix products: of rows in a frame around their mean in which the largest number
/// is 1, and with what error.
///
/// Embeddings crowd in a narrow cone around their mean, and the rounding error of a distance from products grows with the
/// lengths; the scale keeps squares of huge and of tiny numbers within `f32`.
#[derive(Clone)]
pub(crate) struct Estimator {
    frame: Frame,
    /// The error of an estimated square, as a share of both squared lengths.
    rounding: f32,
}

impl Estimator {
    pub fn of(measure: &Measure<'_>) -> Estimator {
        let mean = mean(measure);
        let largest = |row: usize| {
            let scale = measure.scale(row);
            let numbers = measure.row(row).iter().zip(&mean);
            numbers.map(|(x, mean)| (f64::from(*x) * scale - mean).abs()).fold(0.0, f64::max)
        };
        let largest = (0..measure.n_rows()).into_par_iter().map(largest).reduce(|| 0.0, f64::max);
        let unit = if largest > 0.0 && largest.is_finite() { largest } else { 1.0 };
        Estimator::new(mean, unit)
    }

    /// Around the mean of some rows, for others of which none is longer than `longest`: no number is above 2.
    pub fn around(measure: &Measure<'_>, longest: f64) -> Estimator {
        let longest = if measure.metric() == Metric::Cosine { 1.0 } else { longest };
        Estimator::new(mean(measure), if longest > 0.0 && longest.is_finite() { longest } else { 1.0 })
    }

    fn new(origin: Vec<f64>, unit: f64) -> Estimator {
        let rounding = f32::EPSILON * (8.0 + 2.0 * (origin.len() as f32).sqrt());
        Estimator { frame: Frame { origin: origin.into(), unit }, rounding }
    }

    /// All rows.
    pub fn all(&self, measure: &Measure<'_>) -> Prepared {
        self.filled(measure.dims(), measure.n_rows(), |row, out| self.prepare(measure, row, out))
    }

    /// What a distance between prepared rows is multiplied by to be one between the rows as given.
    pub fn unit(&self) -> f64 {
        self.frame.unit
    }

    /// Writes the prepared numbers of a row.
    pub fn prepare(&self, measure: &Measure<'_>, row: usize, out: &mut [f32]) {
        let scale = measure.scale(row);
        let given = measure.row(row).iter().map(|given| f64::from(*given) * scale);
        out.iter_mut().zip(self.frame.moved_row(given)).for_each(|(x, moved)| *x = moved);
    }

    /// The squared length of each prepared row.
    pub fn squares(&self, measure: &Measure<'_>) -> Vec<f32> {
        let square = |row: &mut Vec<f32>, at: usize| {
            row.resize(measure.dims(), 0.0);
            self.prepare(measure, at, row);
            dot(row, row)
        };
        (0..measure.n_rows()).into_par_iter().map_init(Vec::new, square).collect()
    }

    /// The rows at `picked`.
    pub fn picked(&self, measure: &Measure<'_>, picked: &[u32]) -> Prepared {
        self.filled(measure.dims(), picked.len(), |at, out| self.prepare(measure, picked[at] as usize, out))
    }

    fn filled(&self, dims: usize, n: usize, fill: impl Fn(usize, &mut [f32]) + Sync) -> Prepared {
        let dims = dims.max(1);
        let mut rows = Array2::zeros((n, dims));
        let values = rows.as_slice_mut().unwrap_or_default();
        values.par_chunks_exact_mut(dims).enumerate().for_each(|(row, out)| fill(row, out));
        let squares = values.par_chunks_exact(dims).map(|row| dot(row, row)).collect();
        Prepared { estimator: self.clone(), rows, squares }
    }

    /// Turns products of one row with others into squared distances, in place. What lies within the error of rounding
    /// becomes 0, so that of many equal rows the first ones are the nearest.
    pub fn to_squares(&self, products: &mut [f32], squares: &[f32], own: f32) {
        for (product, square) in products.iter_mut().zip(squares) {
            let both = own + square;
            let apart = both - 2.0 * *product;
            *product = if apart > self.rounding * both { apart } else { 0.0 };
        }
    }

    /// The estimated square that a pair within a true square (in the units of the rows as given) cannot exceed, where
    /// no row is longer than `longest`, squared.
    pub fn estimate_bound(&self, square: f64, longest: f32) -> f32 {
        let margin = 4.0 * f64::from(self.rounding) * f64::from(longest);
        (square / (self.unit() * self.unit()) + margin) as f32 * (1.0 + f32::EPSILON)
    }

    /// Whether a row whose estimated square from one of squared length `own` is at least `bound` must be farther than
    /// `square` (in the units of the rows as given).
    pub fn nothing_missed(&self, own: f32, longest: f32, square: f64, bound: f32) -> bool {
        let both = f64::from(own) + f64::from(longest);
        square / (self.unit() * self.unit()) < f64::from(bound) - 2.0 * f64::from(self.rounding) * both
    }
}

/// Rows (of length 1 for cosine) in the frame of an [`Estimator`].
pub(crate) struct Prepared {
    pub estimator: Estimator,
    /// n x d, in standard layout.
    pub rows: Array2<f32>,
    /// The squared length of each row.
    pub squares: Vec<f32>,
}

impl Prepared {
    /// All rows, in a frame of their own.
    pub fn new(measure: &Measure<'_>) -> Prepared {
        let estimator = Estimator::of(measure);
        estimator.all(measure)
    }

    /// Rows for Euclidean distances.
    ///
    /// # Errors
    /// For numbers that are not finite.
    pub fn euclidean(rows: ArrayView2<'_, f32>) -> Result<Prepared> {
        require_finite(rows)?;
        Ok(Prepared::new(&Measure::new(rows, Metric::L2)?))
    }

    /// Other rows of the same dimensions in the same frame.
    ///
    /// # Errors
    /// For numbers that are not finite.
    pub fn of_others(&self, rows: ArrayView2<'_, f32>) -> Result<Prepared> {
        require_finite(rows)?;
        let measure = Measure::new(rows, Metric::L2)?;
        Ok(self.estimator.all(&measure))
    }

    pub fn n_rows(&self) -> usize {
        self.squares.len()
    }

    pub fn dims(&self) -> usize {
        self.rows.ncols()
    }

    /// The largest squared length.
    pub fn longest(&self) -> f32 {
        self.squares.iter().copied().fold(0.0, f32::max)
    }

    /// The numbers of some consecutive rows, side by side.
    pub fn block(&self, rows: Range<usize>) -> &[f32] {
        let dims = self.dims();
        &self.rows.as_slice().unwrap_or_default()[rows.start * dims..rows.end * dims]
    }

    pub fn row(&self, row: usize) -> &[f32] {
        self.block(row..row + 1)
    }
}

/// The mean of the scaled rows, summed in blocks of fixed size.
fn mean(measure: &Measure<'_>) -> Vec<f64> {
    const BLOCK: usize = 2048;
    let (n, dims) = (measure.n_rows(), measure.dims());
    if measure.metric() == Metric::L2
        && let Some(rows) = measure.all_rows()
        && let Ok(moments) = moments(&rows)
    {
        return moments.mean.to_vec();
    }
    let sums: Vec<Vec<f64>> = (0..n.div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| {
            let mut sum = vec![0.0; dims];
            for row in block * BLOCK..((block + 1) * BLOCK).min(n) {
                let scale = measure.scale(row);
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
