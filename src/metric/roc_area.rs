//! How sure the area under a ROC curve is.

use super::check::same_rows;
use super::interval::{BootstrapOptions, Interval, bootstrap};
use crate::error::Result;

/// The bootstrap interval of the area under the ROC curve of [`roc`](super::roc()): the chance that a positive row
/// scores above a negative one, ties counting half. Takes n log n time, and n for each resample.
///
/// ```
/// use embedlab::metric::{BootstrapOptions, roc_area_interval};
/// let truth: Vec<bool> = (0..40).map(|row| row % 2 == 1).collect();
/// let scores: Vec<f64> = (0..40).map(|row| f64::from(row)).collect();
/// let interval = roc_area_interval(&truth, &scores, &BootstrapOptions::default())?;
/// assert!(interval.low < 0.525 && 0.525 < interval.high);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// # Errors
/// Lists of different length, and as [`bootstrap`].
pub fn roc_area_interval(truth: &[bool], scores: &[f64], options: &BootstrapOptions) -> Result<Interval> {
    same_rows(("true classes", truth.len()), ("scores", scores.len()))?;
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    bootstrap(scores.len(), options, |times| {
        let (mut below, mut pairs, mut positives) = (0.0, 0.0, 0.0);
        for tied in order.chunk_by(|a, b| scores[*a] == scores[*b]) {
            let count = |positive: bool| -> f64 {
                tied.iter().filter(|row| truth[**row] == positive).map(|row| f64::from(times[*row])).sum()
            };
            let (up, down) = (count(true), count(false));
            pairs += up * (below + 0.5 * down);
            below += down;
            positives += up;
        }
        pairs / (positives * below)
    })
}
