//! Rows moved to their mean, and scaled, where `f32` products could not tell them apart otherwise.
//!
//! Neither changes which centroid is nearest. A matrix product in `f32` errs by some 1e-7 of the squared
//! lengths: a column that is 10,000 in every row, or an offset of all columns, drowns what differs; squares
//! of 1e24 are not representable as `f32`. Rows as models give them need none of it, and are read where they are.

use ndarray::{Array1, Array2, ArrayView2, Zip};

use crate::error::Result;
use crate::rows::{Moments, RowSource};

/// Rows are moved when the square of their mean is more than this many times their variance: 1e-5 is then
/// what products err by, relative to squared distances. For embeddings it is between 0.3 and 10.
const FAR: f64 = 100.0;

/// Standard deviations of whole rows whose squares, and sums of them, are safe in `f32`.
const SAFE: std::ops::Range<f64> = 1e-12..1e15;

/// Another origin and another unit.
pub(super) struct Frame {
    mean: Array1<f64>,
    unit: f64,
}

impl Frame {
    /// The frame that rows with these moments need; `None` when they are well as they are.
    pub fn needed(moments: &Moments) -> Option<Frame> {
        Frame::beyond(FAR, moments)
    }

    /// The frame that rows near centroids with these moments need: distances between centroids count, which
    /// are smaller than those between rows.
    pub fn of_centroids(moments: &Moments) -> Option<Frame> {
        Frame::beyond(10.0 * FAR, moments)
    }

    fn beyond(far: f64, moments: &Moments) -> Option<Frame> {
        let offset: f64 = moments.mean.iter().map(|mean| mean * mean).sum();
        let variance: f64 = moments.variance.sum();
        let frame = Frame::of(moments);
        (variance.is_finite() && (offset > far * variance || frame.unit != 1.0)).then_some(frame)
    }

    /// The frame of rows with these moments, whether they need it or not.
    pub fn of(moments: &Moments) -> Frame {
        let mut frame = Frame { mean: moments.mean.clone(), unit: 1.0 };
        let deviation = moments.variance.sum().sqrt();
        if deviation > 0.0 && deviation.is_finite() && !SAFE.contains(&deviation) {
            frame.unit = deviation;
        }
        frame
    }

    /// What a squared distance in this frame is multiplied by to be one between the rows as given.
    pub fn square(&self) -> f64 {
        self.unit * self.unit
    }

    /// Rows as they are in this frame.
    pub fn moved(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        let mut moved = Array2::zeros(rows.raw_dim());
        Zip::from(moved.rows_mut()).and(rows.rows()).par_for_each(|mut moved, row| {
            for ((moved, value), mean) in moved.iter_mut().zip(row).zip(&self.mean) {
                *moved = ((f64::from(*value) - mean) / self.unit) as f32;
            }
        });
        moved
    }

    /// Appends a row as it is in this frame.
    pub fn extend(&self, row: &[f32], out: &mut Vec<f32>) {
        let moved =
            row.iter().zip(&self.mean).map(|(value, mean)| ((f64::from(*value) - mean) / self.unit) as f32);
        out.extend(moved);
    }

    /// Centroids of this frame among the rows as given.
    pub fn back(&self, centroids: &Array2<f32>) -> Array2<f32> {
        let mut back = centroids.clone();
        for mut centroid in back.rows_mut() {
            for (value, mean) in centroid.iter_mut().zip(&self.mean) {
                *value = (f64::from(*value) * self.unit + mean) as f32;
            }
        }
        back
    }
}

/// A source whose rows come in another frame.
pub(super) struct Moved<'a, S: ?Sized> {
    pub source: &'a S,
    pub frame: &'a Frame,
}

impl<S: RowSource + ?Sized> RowSource for Moved<'_, S> {
    fn n_rows(&self) -> usize {
        self.source.n_rows()
    }

    fn dims(&self) -> usize {
        self.source.dims()
    }

    fn chunks(&self, rows: usize) -> Result<Box<dyn Iterator<Item = Result<Array2<f32>>> + '_>> {
        Ok(Box::new(self.source.chunks(rows)?.map(|chunk| Ok(self.frame.moved(chunk?.view())))))
    }
}
