//! Regression: whether a linear model of the vectors tells a number.

use ndarray::{ArrayView2, Axis};
use rayon::prelude::*;

use super::least_squares::LeastSquares;
use super::scored::{Resampling, Scored};
use super::similarity::require_same_dims;
use crate::error::{Error, Result};
use crate::metric::{Ranks, quantile};
use crate::split::NumpyGenerator;

/// How regression draws.
#[derive(Debug, Clone, Copy)]
pub struct RegressionOptions {
    /// Fits, each on a draw of its own when there are more training rows than `samples`.
    pub experiments: usize,
    /// Training rows of one fit at most.
    pub samples: usize,
    /// The seed of the first draw; the next ones follow it.
    pub seed: u32,
}

impl Default for RegressionOptions {
    /// MTEB's: 10 fits on 2,048 rows, seed 42.
    fn default() -> Self {
        RegressionOptions { experiments: 10, samples: 2048, seed: 42 }
    }
}

/// Fits `LinearRegression` on training rows and scores the test rows: MTEB's `AbsTaskRegression`. `kendalltau` is the
/// main score.
///
/// Of more training rows than [`samples`](RegressionOptions::samples) each fit takes so many, in equal shares of ten
/// bins of the targets; else all fits are on all rows, and equal.
///
/// # Errors
/// Fewer than two training or test rows, lists of different length, a target that is not finite, too few rows in a
/// bin, rows of different dimensions.
pub fn regression(
    (train, targets): (ArrayView2<'_, f32>, &[f64]),
    (test, truth): (ArrayView2<'_, f32>, &[f64]),
    options: &RegressionOptions,
) -> Result<Scored> {
    require_same_dims(train, test)?;
    for (n, targets) in [(train.nrows(), targets), (test.nrows(), truth)] {
        if n != targets.len() || targets.len() < 2 {
            return Err(Error::input("too few rows, or rows and numbers of different count")
                .with_code("too-few-rows")
                .seen(format!("{n} rows, {} numbers", targets.len()))
                .advice("training and test need two rows or more, each with a number"));
        }
        crate::targets::require_finite_targets(targets)?;
    }
    if options.experiments == 0 {
        return Err(Error::argument("no experiments").advice("ask for at least 1; MTEB takes 10"));
    }
    let sampled = targets.len() > options.samples;
    let fits = if sampled { options.experiments } else { 1 };
    let mut predictions: Vec<Vec<f64>> = (0..fits)
        .into_par_iter()
        .map(|experiment| {
            if !sampled {
                return Ok(LeastSquares::fit(train, targets)?.predict(test));
            }
            let rows = draw(targets, options.samples, options.seed.wrapping_add(experiment as u32))?;
            let of_rows: Vec<f64> = rows.iter().map(|row| targets[*row]).collect();
            Ok(LeastSquares::fit(train.select(Axis(0), &rows).view(), &of_rows)?.predict(test))
        })
        .collect::<Result<_>>()?;
    let first = predictions[0].clone();
    predictions.truncate(fits);
    let fitted = predictions
        .into_iter()
        .map(|predicted| Ok((Ranks::new(truth, &predicted)?, predicted)))
        .collect::<Result<Vec<_>>>()?;
    let draws: Vec<f64> = fitted
        .iter()
        .cycle()
        .take(options.experiments)
        .map(|(ranks, _)| ranks.kendall_tau(|_| 1).unwrap_or(f64::NAN))
        .collect();
    let owned = truth.to_vec();
    let names = ["mae", "mse", "r2", "kendalltau", "rmse"].map(str::to_owned).to_vec();
    let resampling = Resampling::of_draws(truth.len(), fits, names, move |draw, times| {
        let (ranks, predicted) = &fitted[draw];
        let tau = ranks.kendall_tau(|row| times[row].into()).unwrap_or(f64::NAN);
        let [mae, mse, r2] = errors(&owned, predicted, times);
        vec![mae, mse, r2, tau, mse.sqrt()]
    });
    Ok(Scored {
        main: "kendalltau",
        scores: resampling.whole(),
        n: truth.len(),
        draws: draws.into_iter().filter(|draw| draw.is_finite()).collect(),
        ties: None,
        each: vec![
            ("truth", truth.iter().copied().map(Some).collect()),
            ("predicted", first.into_iter().map(Some).collect()),
        ],
        resampling,
    })
}

fn errors(truth: &[f64], predicted: &[f64], times: &[u32]) -> [f64; 3] {
    let rows =
        || truth.iter().zip(predicted).zip(times).map(|((t, p), times)| (*t, t - p, f64::from(*times)));
    let n: f64 = rows().map(|row| row.2).sum();
    let mean = |value: &dyn Fn(f64, f64) -> f64| {
        rows().map(|(truth, error, times)| times * value(truth, error)).sum::<f64>() / n
    };
    let (mae, mse) = (mean(&|_, error| error.abs()), mean(&|_, error| error * error));
    let center = mean(&|truth, _| truth);
    let variance = mean(&|truth, _| (truth - center).powi(2));
    [mae, mse, if variance > 0.0 { 1.0 - mse / variance } else { f64::NAN }]
}

/// MTEB's `stratified_subsampling`: rows in equal shares of up to ten bins between the deciles of the targets.
fn draw(targets: &[f64], samples: usize, seed: u32) -> Result<Vec<usize>> {
    let mut sorted = targets.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut edges: Vec<f64> = (0..=10).map(|decile| quantile(&sorted, f64::from(decile) / 10.0)).collect();
    edges.dedup();
    // A target on an edge is in the bin below it; the least is in the first bin.
    let bin = |target: &f64| edges.partition_point(|edge| edge < target).max(1) - 1;
    let mut bins: Vec<Vec<usize>> = vec![Vec::new(); edges.len().max(2) - 1];
    targets.iter().enumerate().for_each(|(row, target)| bins[bin(target)].push(row));
    bins.retain(|bin| !bin.is_empty());
    let sizes: Vec<usize> = bins.iter().map(Vec::len).collect();
    if sizes.iter().any(|size| *size < 2) || samples < bins.len() || targets.len() - samples < bins.len() {
        return Err(Error::input("too few rows to draw training rows in shares")
            .with_code("too-few-rows")
            .seen(format!("{} rows in {} bins, of which {samples} are drawn", targets.len(), bins.len())));
    }
    let mut random = NumpyGenerator::new(seed);
    let left_out = shares(&sizes, targets.len() - samples, &mut random);
    let rest: Vec<usize> = sizes.iter().zip(&left_out).map(|(size, out)| size - out).collect();
    let drawn = shares(&rest, samples, &mut random);
    let (mut others, mut rows) = (Vec::new(), Vec::with_capacity(samples));
    for (bin, (out, drawn)) in bins.iter().zip(left_out.into_iter().zip(drawn)) {
        let order = random.permutation(bin.len());
        others.extend(order[..out].iter().map(|at| bin[*at]));
        rows.extend(order[out..out + drawn].iter().map(|at| bin[*at]));
    }
    random.shuffle(&mut others);
    random.shuffle(&mut rows);
    Ok(rows)
}

/// `approximate_mode`: shares rounded down, what is left to the largest remainders, equal ones by lot.
fn shares(sizes: &[usize], draws: usize, random: &mut NumpyGenerator) -> Vec<usize> {
    let total = sizes.iter().sum::<usize>() as f64;
    let exact: Vec<f64> = sizes.iter().map(|size| draws as f64 * *size as f64 / total).collect();
    let mut drawn: Vec<usize> = exact.iter().map(|share| share.floor() as usize).collect();
    let mut missing = draws - drawn.iter().sum::<usize>();
    let remainders: Vec<f64> = exact.iter().map(|share| share - share.floor()).collect();
    let mut values = remainders.clone();
    values.sort_by(|a, b| b.total_cmp(a));
    values.dedup();
    for value in values {
        if missing == 0 {
            break;
        }
        let tied: Vec<usize> = (0..sizes.len()).filter(|at| remainders[*at] == value).collect();
        let now = tied.len().min(missing);
        random.choose(tied.len(), now).into_iter().for_each(|at| drawn[tied[at]] += 1);
        missing -= now;
    }
    drawn
}
