//! Predicted numbers against true ones.

use serde::Serialize;

use super::check::{finite, same_rows};
use super::interval::{BootstrapOptions, Doubt, Interval, bootstrap_all};
use crate::error::Result;

/// Scores of predicted numbers, equal to scikit-learn's functions of these names. All but `r2` are
/// in the unit of the truth (`mse` in its square), and smaller is better.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct RegressionScores {
    /// How many rows were scored.
    pub n: usize,
    /// Mean absolute error.
    pub mae: f64,
    /// Mean squared error.
    pub mse: f64,
    /// The square root of `mse`.
    pub rmse: f64,
    /// The share of the variance that is explained, at most 1; the mean of the truth scores 0. For a
    /// constant truth 1 when all is right, else 0, as in scikit-learn; `None` for one row.
    pub r2: Option<f64>,
    /// Half of the absolute errors are at most this.
    pub median_absolute_error: f64,
    /// The largest absolute error.
    pub max_error: f64,
    /// Mean of predicted minus true: above 0 when predictions are too high.
    pub mean_error: f64,
}

/// Scores the predicted number of each row.
///
/// # Errors
/// No rows, truth and predictions of different length, a number that is NaN or infinite.
///
/// ```
/// let scores = embedlab::metric::regression_scores(&[1.0, 2.0, 5.0, 4.0], &[1.5, 2.0, 4.0, 4.5])?;
/// assert_eq!((scores.mae, scores.mse), (0.5, 0.375));
/// assert_eq!(scores.r2, Some(0.85));
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn regression_scores(truth: &[f64], predicted: &[f64]) -> Result<RegressionScores> {
    let rows = Rows::new(truth, predicted)?;
    let Means { mae, mse, mean_error, r2 } = rows.means(|_| 1.0);
    Ok(RegressionScores {
        n: truth.len(),
        mae,
        mse,
        rmse: mse.sqrt(),
        r2,
        median_absolute_error: rows.median_absolute_error(|_| 1),
        max_error: rows.error(*rows.by_error.last().unwrap_or(&0) as usize).abs(),
        mean_error,
    })
}

/// The intervals of [`RegressionScores`]; that of the maximum is left out, because a resample
/// cannot go beyond it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct RegressionIntervals {
    /// Of the mean absolute error.
    pub mae: Interval,
    /// Of the mean squared error.
    pub mse: Interval,
    /// Of its square root.
    pub rmse: Interval,
    /// Of R2.
    pub r2: Interval,
    /// Of the median absolute error.
    pub median_absolute_error: Interval,
    /// Of the mean error.
    pub mean_error: Interval,
}

/// Bootstraps all scores of [`regression_scores`].
///
/// # Errors
/// As [`regression_scores`] and [`bootstrap`](super::bootstrap).
pub fn regression_intervals(
    truth: &[f64],
    predicted: &[f64],
    options: &BootstrapOptions,
) -> Result<RegressionIntervals> {
    let rows = Rows::new(truth, predicted)?;
    let intervals = bootstrap_all(truth.len(), options, |times| {
        let Means { mae, mse, mean_error, r2 } = rows.means(|row| times[row].into());
        let median = rows.median_absolute_error(|row| times[row].into());
        vec![mae, mse, mse.sqrt(), r2.unwrap_or(f64::NAN), median, mean_error]
    })?;
    let squares = |at: usize| intervals[at].doubted(rows.doubt_of_squares());
    Ok(RegressionIntervals {
        mae: intervals[0],
        mse: squares(1),
        rmse: squares(2),
        r2: squares(3),
        median_absolute_error: intervals[4],
        mean_error: intervals[5],
    })
}

/// With fewer rows the interval of a mean of squares covers less than it says.
const FEWEST_SQUARES: usize = 40;

/// Kurtosis of the errors from which on a mean of squares rests on few of them: the normal distribution has 3,
/// that of Laplace 6, and of the t distribution with three degrees of freedom it grows with the rows.
const HEAVY: f64 = 5.5;

struct Means {
    mae: f64,
    mse: f64,
    mean_error: f64,
    r2: Option<f64>,
}

struct Rows<'a> {
    truth: &'a [f64],
    predicted: &'a [f64],
    /// Rows by absolute error, smallest first.
    by_error: Vec<u32>,
}

impl<'a> Rows<'a> {
    fn new(truth: &'a [f64], predicted: &'a [f64]) -> Result<Self> {
        same_rows(("true values", truth.len()), ("predicted values", predicted.len()))?;
        finite("a true value", truth.iter().copied())?;
        finite("a predicted value", predicted.iter().copied())?;
        let mut rows = Rows { truth, predicted, by_error: (0..truth.len() as u32).collect() };
        let mut by_error = std::mem::take(&mut rows.by_error);
        by_error.sort_by(|&a, &b| rows.error(a as usize).abs().total_cmp(&rows.error(b as usize).abs()));
        rows.by_error = by_error;
        Ok(rows)
    }

    fn error(&self, row: usize) -> f64 {
        self.predicted[row] - self.truth[row]
    }

    /// Why the interval of a mean of squares may be too narrow.
    fn doubt_of_squares(&self) -> Option<Doubt> {
        let n = self.truth.len() as f64;
        let (mut second, mut fourth) = (0.0, 0.0);
        for row in 0..self.truth.len() {
            let square = self.error(row).powi(2);
            second += square;
            fourth += square * square;
        }
        let heavy = second > 0.0 && n * fourth > HEAVY * second * second;
        Some(if heavy { Doubt::HeavyTails } else { Doubt::Fewer(FEWEST_SQUARES) })
    }

    /// `times` is how often a row counts.
    fn means(&self, times: impl Fn(usize) -> f64) -> Means {
        let (mut n, mut absolute, mut squared, mut signed, mut sum) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for row in 0..self.truth.len() {
            let (times, error) = (times(row), self.error(row));
            n += times;
            absolute += times * error.abs();
            squared += times * error * error;
            signed += times * error;
            sum += times * self.truth[row];
        }
        let mean = sum / n;
        let spread: f64 =
            self.truth.iter().enumerate().map(|(row, truth)| times(row) * (truth - mean).powi(2)).sum();
        // A mean that is rounded leaves a spread where there is none.
        let mut drawn = (0..self.truth.len()).filter(|&row| times(row) > 0.0);
        let first = drawn.next().map_or(0.0, |row| self.truth[row]);
        let constant = drawn.all(|row| self.truth[row] == first);
        let r2 = match constant {
            true if squared == 0.0 => 1.0,
            true => 0.0,
            false => 1.0 - squared / spread,
        };
        Means { mae: absolute / n, mse: squared / n, mean_error: signed / n, r2: (n >= 2.0).then_some(r2) }
    }

    /// The middle error, or the mean of the two in the middle.
    fn median_absolute_error(&self, times: impl Fn(usize) -> u64) -> f64 {
        let n: u64 = (0..self.truth.len()).map(&times).sum();
        let (lower, upper) = (n.saturating_sub(1) / 2, n / 2);
        let (mut before, mut low) = (0, None);
        for &row in &self.by_error {
            before += times(row as usize);
            let error = self.error(row as usize).abs();
            if low.is_none() && before > lower {
                low = Some(error);
            }
            if before > upper {
                let low = low.unwrap_or(error);
                return low + (error - low) / 2.0;
            }
        }
        f64::NAN
    }
}
