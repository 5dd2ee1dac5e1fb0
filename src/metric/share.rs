//! How sure a share is: Wilson's interval, for rows that belong together with the number of rows that they are
//! worth.
//!
//! A share such as the accuracy is 0 or 1 a row. Where all rows are right, no resample differs, and the bootstrap
//! would claim certainty; with few rows it is too narrow. Wilson's interval (1927) is neither. For groups of rows it
//! is taken with the effective number of rows and the quantile of the t distribution (Korn and Graubard, 1998).

use super::interval::{BootstrapOptions, Interval, Units};
use super::normal::{normal_quantile, t_quantile};
use crate::error::Result;

/// The interval of the share of `hits` among the rows that count, `None` being a row that does not.
pub(crate) fn share_interval(hits: &[Option<bool>], options: &BootstrapOptions<'_>) -> Result<Interval> {
    let units = Units::new(hits.len(), options.groups)?;
    let z = normal_quantile(0.5 + options.confidence / 2.0);
    let (mut n, mut right) = (0.0, 0.0);
    for hit in hits.iter().flatten() {
        n += 1.0;
        right += f64::from(u8::from(*hit));
    }
    if n == 0.0 {
        return Ok(Interval::UNDEFINED);
    }
    if !units.are_groups() {
        let (low, high) = wilson(right / n, n, z);
        return Ok(Interval::new(low, high, n as usize));
    }
    let share = right / n;
    let count =
        |value: fn(bool) -> f64| -> Vec<f64> { hits.iter().map(|hit| hit.map_or(0.0, value)).collect() };
    let (right, rows) = (units.sums(&count(|hit| f64::from(u8::from(hit)))), units.sums(&count(|_| 1.0)));
    let groups = rows.iter().filter(|rows| **rows > 0.0).count() as f64;
    let squares: f64 = right.iter().zip(&rows).map(|(right, rows)| (right - share * rows).powi(2)).sum();
    let variance = groups / (groups - 1.0).max(1.0) * squares / (n * n);
    let worth = match variance > 0.0 && groups > 1.0 {
        true => share * (1.0 - share) / variance * (z / t_quantile(options.confidence, groups - 1.0)).powi(2),
        // Groups that are all alike say no more than one row each.
        false => groups,
    };
    let (low, high) = wilson(share, worth.clamp(1.0, n), z);
    Ok(Interval::new(low, high, groups as usize))
}

/// Wilson's score interval of a share of `n` trials; `z` is the quantile of the normal distribution, 1.96 for 95 %.
/// From 0 to 1 without trials.
pub(crate) fn wilson(share: f64, n: f64, z: f64) -> (f64, f64) {
    if n <= 0.0 {
        return (0.0, 1.0);
    }
    let middle = share + z * z / (2.0 * n);
    let half = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    let whole = 1.0 + z * z / n;
    let low = if share == 0.0 { 0.0 } else { (middle - half) / whole };
    let high = if share == 1.0 { 1.0 } else { (middle + half) / whole };
    (low.clamp(0.0, 1.0), high.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_wilsons() {
        // statsmodels 0.14: proportion_confint(count, n, method="wilson").
        for (right, n, low, high) in [
            (30, 30, 0.886_486_81, 1.0),
            (200, 200, 0.981_154_12, 1.0),
            (1, 1, 0.206_549_31, 1.0),
            (7, 20, 0.181_191_82, 0.567_145_72),
        ] {
            let hits: Vec<Option<bool>> = (0..n).map(|row| Some(row < right)).collect();
            let found = share_interval(&hits, &BootstrapOptions::default()).unwrap();
            assert!((found.low - low).abs() < 1e-6 && (found.high - high).abs() < 1e-6, "{found:?}");
        }
    }

    #[test]
    fn rows_that_are_copies_are_worth_one() {
        let hits: Vec<Option<bool>> = (0..400).map(|row| Some(row / 4 % 3 > 0)).collect();
        let groups: Vec<u32> = (0..400).map(|row| row / 4).collect();
        let width = |groups| {
            let found = share_interval(&hits, &BootstrapOptions { groups, ..Default::default() }).unwrap();
            (found.high - found.low, found.n)
        };
        let ((apart, rows), (together, units)) = (width(None), width(Some(&groups)));
        assert_eq!((rows, units), (400, 100));
        assert!((together / apart - 2.0).abs() < 0.1, "{together} {apart}");
        let all = vec![Some(true); 40];
        let groups: Vec<u32> = (0..40).map(|row| row / 20).collect();
        let two =
            share_interval(&all, &BootstrapOptions { groups: Some(&groups), ..Default::default() }).unwrap();
        assert!(two.low < 0.4 && two.high == 1.0, "{two:?}");
    }
}
