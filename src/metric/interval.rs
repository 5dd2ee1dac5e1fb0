//! How sure a score is: the bootstrap.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use super::check::same_rows;
use super::normal::{normal_share, t_quantile};
use crate::error::{Error, Result};

/// With fewer rows an interval says little: a percentile interval is then clearly too narrow.
pub const FEWEST: usize = 20;

/// With fewer groups a percentile interval is too narrow: groups differ more than rows do.
const FEWEST_GROUPS: usize = 30;

/// Rows that a mean over classes needs, of which some have a few rows only.
pub(super) const FEWEST_CLASSED: usize = 40;

/// Where a score would lie for other rows of the same kind.
///
/// ```
/// use embedlab::metric::{BootstrapOptions, bootstrap};
///
/// let hits = [1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0];
/// let accuracy = |times: &[u32]| {
///     let found: f64 = times.iter().zip(hits).map(|(&n, hit)| f64::from(n) * hit).sum();
///     found / f64::from(times.iter().sum::<u32>())
/// };
/// let interval = bootstrap(hits.len(), &BootstrapOptions::default(), accuracy)?;
/// assert!(interval.low < 0.8 && 0.8 < interval.high && interval.high <= 1.0);
/// assert!(interval.caution().is_some(), "ten rows are too few");
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Interval {
    /// Lower end; NaN (`null` in JSON) when no resample had a value.
    pub low: f64,
    /// Upper end; NaN when no resample had a value.
    pub high: f64,
    /// How many independent things the score rests on: rows, or groups where
    /// [`BootstrapOptions::groups`] are given; for a score of one class, at most the rows of it.
    pub n: usize,
    /// Resamples for which the score was undefined (a class had no rows, say). They are left out.
    pub undefined: usize,
    /// A reason for doubt besides few rows.
    #[serde(skip)]
    pub(super) doubt: Option<Doubt>,
}

/// Why an interval may be too narrow although there are enough rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Errors with heavy tails decide a mean of squares.
    HeavyTails,
    /// A score that needs more rows than others.
    Fewer(usize),
}

impl Interval {
    /// Why not to lean on this interval, if there is a reason.
    pub fn caution(&self) -> Option<String> {
        if !(self.low.is_finite() && self.high.is_finite()) {
            return Some("the score is undefined".to_owned());
        }
        let least = match self.doubt {
            Some(Doubt::Fewer(least)) => least,
            _ => FEWEST,
        };
        if self.n < least {
            return Some(format!("too few to tell: {}, at least {least} are needed", self.n));
        }
        (self.doubt == Some(Doubt::HeavyTails))
            .then(|| "a few large errors decide the score: its interval is too narrow".to_owned())
    }

    /// An interval that no resampling made.
    pub(crate) fn new(low: f64, high: f64, n: usize) -> Self {
        Interval { low, high, n, undefined: 0, doubt: None }
    }

    pub(super) fn doubted(self, doubt: Option<Doubt>) -> Self {
        Interval { doubt, ..self }
    }

    /// The same interval of a score that rests on `n` rows only.
    pub(super) fn resting_on(self, n: u64) -> Self {
        Interval { n: self.n.min(usize::try_from(n).unwrap_or(usize::MAX)), ..self }
    }

    /// That of a score without a value.
    pub(super) const UNDEFINED: Interval =
        Interval { low: f64::NAN, high: f64::NAN, n: 0, undefined: 0, doubt: None };
}

/// How to resample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BootstrapOptions<'a> {
    /// 1,000 by default, 2 or more. The ends then vary from seed to seed by about 5 % of the width.
    pub n_resamples: usize,
    /// The share of resampled scores within the interval, 0.95 by default.
    pub confidence: f64,
    /// 42 by default. The same seed gives the same bits for any number of threads.
    pub seed: u64,
    /// The group of each row, where rows are not independent (rows of one text, one user): whole
    /// groups are drawn then. None by default.
    pub groups: Option<&'a [u32]>,
}

impl Default for BootstrapOptions<'_> {
    fn default() -> Self {
        BootstrapOptions { n_resamples: 1000, confidence: 0.95, seed: 42, groups: None }
    }
}

/// The percentile interval of one score (Efron and Tibshirani, "An Introduction to the Bootstrap",
/// 1993, section 13.3), a little wider for few rows.
///
/// `score` is given how many times each of the `n_rows` rows was drawn, so that nothing needs to be
/// copied or sorted again; a score that is undefined for these rows is NaN. Resamples run in
/// parallel, each with a random stream of its own. Takes O(`n_resamples` x `n_rows`) time.
///
/// # Errors
/// No rows, fewer than 2 resamples, a confidence outside of 0 to 1, groups of another length.
pub fn bootstrap(
    n_rows: usize,
    options: &BootstrapOptions,
    score: impl Fn(&[u32]) -> f64 + Sync,
) -> Result<Interval> {
    let intervals = bootstrap_all(n_rows, options, |times| vec![score(times)])?;
    intervals.into_iter().next().ok_or_else(|| Error::argument("no score"))
}

/// As [`bootstrap`] for several scores of the same rows at once: one interval for each number that
/// `scores` returns, which must be equally many each time.
///
/// # Errors
/// As [`bootstrap`], and another number of scores in one resample than in the next.
pub fn bootstrap_all(
    n_rows: usize,
    options: &BootstrapOptions,
    scores: impl Fn(&[u32]) -> Vec<f64> + Sync,
) -> Result<Vec<Interval>> {
    let units = Units::new(n_rows, options.groups)?;
    if options.n_resamples < 2 {
        return Err(Error::argument("too few resamples")
            .seen(format!("{}", options.n_resamples))
            .advice("ask for 2 or more; 1,000 are usual"));
    }
    if !(options.confidence > 0.0 && options.confidence < 1.0) {
        return Err(Error::argument("an impossible confidence")
            .seen(format!("{}", options.confidence))
            .advice("ask for more than 0 and less than 1; 0.95 is usual"));
    }
    let resampled: Vec<Vec<f64>> = (0..options.n_resamples as u64)
        .into_par_iter()
        .map_init(
            || (vec![0; units.n], vec![0; n_rows]),
            |(drawn, times), resample| scores(units.draw(options.seed, resample, drawn, times)),
        )
        .collect();
    let width = resampled[0].len();
    if resampled.iter().any(|scores| scores.len() != width) {
        return Err(Error::argument("a different number of scores in each resample")
            .advice("return NaN for a score that is undefined"));
    }
    let tail = tail(options.confidence, units.n);
    Ok((0..width)
        .map(|score| {
            let mut values: Vec<f64> =
                resampled.iter().map(|scores| scores[score]).filter(|value| value.is_finite()).collect();
            values.sort_by(f64::total_cmp);
            Interval {
                low: quantile(&values, tail),
                high: quantile(&values, 1.0 - tail),
                n: units.n,
                undefined: options.n_resamples - values.len(),
                doubt: units.are_groups().then_some(Doubt::Fewer(FEWEST_GROUPS)),
            }
        })
        .collect())
}

/// The share of resamples below the lower end. The percentile interval of few rows is too narrow, as a normal
/// interval is that takes the variance with n for n - 1 and z for t: its ends go out as far as those differ
/// (Hesterberg, "What teachers should know about the bootstrap", 2015, section 5.3).
fn tail(confidence: f64, n: usize) -> f64 {
    if n < 2 {
        return (1.0 - confidence) / 2.0;
    }
    let n = n as f64;
    normal_share(-(n / (n - 1.0)).sqrt() * t_quantile(confidence, n - 1.0))
}

/// The quantile of sorted values at `share` (0 to 1), linear between two of them (NumPy's default,
/// type 7 of Hyndman and Fan 1996); NaN when there are none.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    low + (high - low) * (place - below as f64)
}

/// What is drawn: rows, or groups of rows.
pub(super) struct Units {
    pub n: usize,
    /// The unit of each row; none when each row is one.
    of: Option<Vec<u32>>,
}

impl Units {
    pub fn new(n_rows: usize, groups: Option<&[u32]>) -> Result<Self> {
        let Some(groups) = groups else {
            same_rows(("rows", n_rows), ("rows", n_rows))?;
            return Ok(Units { n: n_rows, of: None });
        };
        same_rows(("rows", n_rows), ("groups", groups.len()))?;
        let mut distinct = groups.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let of = groups.iter().map(|group| distinct.partition_point(|known| known < group) as u32).collect();
        Ok(Units { n: distinct.len(), of: Some(of) })
    }

    /// How many times each row comes in one resample of as many units as there are.
    pub fn draw<'t>(
        &self,
        seed: u64,
        resample: u64,
        drawn: &'t mut [u32],
        times: &'t mut [u32],
    ) -> &'t [u32] {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(resample);
        drawn.fill(0);
        // Checked when made: there are fewer than 2^32 units.
        let n = self.n as u32;
        for _ in 0..n {
            drawn[random.gen_range(0..n) as usize] += 1;
        }
        let Some(of) = &self.of else { return drawn };
        for (times, &unit) in times.iter_mut().zip(of) {
            *times = drawn[unit as usize];
        }
        times
    }

    /// The sum of the values of each unit's rows.
    pub fn sums(&self, values: &[f64]) -> Vec<f64> {
        let Some(of) = &self.of else { return values.to_vec() };
        let mut sums = vec![0.0; self.n];
        for (&value, &unit) in values.iter().zip(of) {
            sums[unit as usize] += value;
        }
        sums
    }

    /// Whether some rows belong together.
    pub fn are_groups(&self) -> bool {
        self.of.as_ref().is_some_and(|of| of.len() > self.n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean<'a>(values: &'a [f64]) -> impl Fn(&[u32]) -> f64 + Sync + 'a {
        move |times| {
            let sum: f64 = times.iter().zip(values).map(|(&n, value)| f64::from(n) * value).sum();
            sum / f64::from(times.iter().sum::<u32>())
        }
    }

    #[test]
    fn every_resample_has_as_many_rows_and_its_own_draw() {
        let seen = std::sync::Mutex::new(Vec::new());
        bootstrap(30, &BootstrapOptions { n_resamples: 50, ..Default::default() }, |times| {
            seen.lock().unwrap().push(times.to_vec());
            0.0
        })
        .unwrap();
        let mut seen = seen.into_inner().unwrap();
        assert!(seen.iter().all(|times| times.iter().sum::<u32>() == 30));
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 50);
    }

    #[test]
    fn threads_do_not_change_the_bits() {
        let values: Vec<f64> = (0..100).map(|i| f64::from(i * 37 % 101).sqrt()).collect();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| bootstrap(100, &BootstrapOptions::default(), mean(&values)).unwrap())
        };
        let one = run(1);
        assert_eq!(one, run(2));
        assert_eq!(one, run(7));
        let other = BootstrapOptions { seed: 43, ..Default::default() };
        assert_ne!(one, bootstrap(100, &other, mean(&values)).unwrap());
    }

    #[test]
    fn the_interval_of_a_mean_is_as_wide_as_its_standard_error_says() {
        let values: Vec<f64> = (0..400).map(|i| f64::from(i * 7919 % 400)).collect();
        let interval = bootstrap(400, &BootstrapOptions::default(), mean(&values)).unwrap();
        let error =
            (values.iter().map(|value| (value - 199.5_f64).powi(2)).sum::<f64>() / 400.0).sqrt() / 20.0;
        assert!((interval.low - (199.5 - 1.96 * error)).abs() < 0.25 * error, "{interval:?}, {error}");
        assert!((interval.high - (199.5 + 1.96 * error)).abs() < 0.25 * error, "{interval:?}, {error}");
        assert_eq!((interval.n, interval.caution()), (400, None));
    }

    #[test]
    fn copies_of_rows_do_not_make_a_score_surer_when_they_move_together() {
        let values: Vec<f64> = (0..200).map(|i| f64::from(i / 4 * 17 % 50)).collect();
        let groups: Vec<u32> = (0..200).map(|i| 1000 - i / 4 * 3).collect();
        let width = |groups| {
            let options = BootstrapOptions { groups, ..Default::default() };
            let interval = bootstrap(200, &options, mean(&values)).unwrap();
            (interval.high - interval.low, interval.n)
        };
        let ((apart, rows), (together, units)) = (width(None), width(Some(&groups)));
        assert_eq!((rows, units), (200, 50));
        assert!((together / apart - 2.0).abs() < 0.3, "{together} {apart}");
    }

    #[test]
    fn a_score_that_is_sometimes_undefined_says_how_often() {
        let score = |times: &[u32]| if times[0] > 0 { 1.0 } else { f64::NAN };
        let interval = bootstrap(50, &BootstrapOptions::default(), score).unwrap();
        assert!((200..550).contains(&interval.undefined), "{interval:?}");
        let never = bootstrap(50, &BootstrapOptions::default(), |_| f64::NAN).unwrap();
        assert!(never.low.is_nan() && never.caution().unwrap().contains("undefined"));
    }

    #[test]
    fn what_cannot_be_resampled_is_refused() {
        let options = BootstrapOptions::default();
        let refused = [
            bootstrap(0, &options, |_| 0.0),
            bootstrap(3, &BootstrapOptions { n_resamples: 1, ..options }, |_| 0.0),
            bootstrap(3, &BootstrapOptions { confidence: 1.0, ..options }, |_| 0.0),
            bootstrap(3, &BootstrapOptions { confidence: f64::NAN, ..options }, |_| 0.0),
            bootstrap(3, &BootstrapOptions { groups: Some(&[1, 2]), ..options }, |_| 0.0),
        ];
        assert!(refused.iter().all(Result::is_err));
        assert!(bootstrap_all(3, &options, |times| vec![0.0; times[0] as usize]).is_err());
    }
}
