//! When rows must be moved to their mean, and scaled, so that `f32` products can tell them apart.
//!
//! A column that is 10,000 in every row, or an offset of all columns, drowns what differs. Rows as models give them need
//! none of it, and are read where they are.

use ndarray::Array2;

use crate::error::Result;
use crate::rows::{Frame, Moments, RowSource};

/// Rows are moved when the square of their mean is more than this many times their variance: 1e-5 is then
/// what products err by, relative to squared distances. For embeddings it is between 0.3 and 10.
const FAR: f64 = 100.0;

/// Standard deviations of whole rows whose squares, and sums of them, are safe in `f32`.
const SAFE: std::ops::Range<f64> = 1e-12..1e15;

/// The frame that rows with these moments need; `None` when they are well as they are.
pub(super) fn needed(moments: &Moments) -> Option<Frame> {
    beyond(FAR, moments)
}

/// The frame that rows near centroids with these moments need: distances between centroids count, which are smaller
/// than those between rows.
pub(super) fn needed_by_centroids(moments: &Moments) -> Option<Frame> {
    beyond(10.0 * FAR, moments)
}

fn beyond(far: f64, moments: &Moments) -> Option<Frame> {
    let offset: f64 = moments.mean.iter().map(|mean| mean * mean).sum();
    let variance: f64 = moments.variance.sum();
    let frame = frame_of(moments);
    (variance.is_finite() && (offset > far * variance || frame.unit != 1.0)).then_some(frame)
}

/// The frame of rows with these moments, whether they need it or not.
pub(super) fn frame_of(moments: &Moments) -> Frame {
    let deviation = moments.variance.sum().sqrt();
    let safe = deviation <= 0.0 || !deviation.is_finite() || SAFE.contains(&deviation);
    Frame { origin: moments.mean.clone(), unit: if safe { 1.0 } else { deviation } }
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
