//! A matrix that brings pairs that are alike together, and others apart.

use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::gradient::{cosines, loss};
use super::linear_map::LinearMap;
use crate::error::{Error, Result};
use crate::pairs::{Estimate, Pairs, difference, ratio};
use crate::rows::require_finite;

/// The share of the training pairs by which a setting and its number of epochs are chosen.
const VALIDATION: f64 = 0.2;

/// Fewer pairs of a kind on a side say nothing.
const LEAST_PAIRS: usize = 10;

/// How a matrix is learned.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomizeParams {
    /// Dimensions of the result to try; none: those of the rows.
    pub dims: Vec<usize>,
    /// Learning rates to try; 0.2, 1 and 5 by default.
    pub learning_rates: Vec<f64>,
    /// Passes over the pairs at most; 30 by default.
    pub epochs: usize,
    /// Pairs of a step; 100 by default.
    pub batch_size: usize,
    /// The share of the numbers of a row that is left out in each step; 0.4 by default.
    pub dropout: f64,
    /// Random seed; 42 by default.
    pub seed: u64,
}

impl Default for CustomizeParams {
    fn default() -> Self {
        CustomizeParams {
            dims: Vec::new(),
            learning_rates: vec![0.2, 1.0, 5.0],
            epochs: 30,
            batch_size: 100,
            dropout: 0.4,
            seed: 42,
        }
    }
}

/// One way to learn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Setting {
    /// Dimensions of the result.
    pub dims: usize,
    /// The learning rate.
    pub learning_rate: f64,
}

/// A setting and how far it came.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Tried {
    /// The setting.
    #[serde(flatten)]
    pub setting: Setting,
    /// The epoch with the smallest loss on the validation pairs; 0 is the matrix before learning.
    pub best_epoch: usize,
    /// That loss.
    pub loss: f64,
    /// The losses of all epochs.
    #[serde(skip)]
    pub epochs: Vec<Epoch>,
}

/// The losses of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Epoch {
    /// On the pairs that were learned from, with dropout.
    pub train: f64,
    /// On the validation pairs.
    pub validation: f64,
}

/// How many test pairs a threshold tells right.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Accuracy {
    /// The share, and its interval.
    #[serde(flatten)]
    pub share: Estimate,
    /// The threshold, chosen on the training pairs.
    pub threshold: f64,
}

/// A learned matrix, and what it is worth on pairs that were held out.
#[derive(Debug, Clone, PartialEq)]
pub struct Customized {
    /// The matrix.
    pub map: LinearMap,
    /// The setting that was taken.
    pub setting: Setting,
    /// How many epochs.
    pub epochs: usize,
    /// All settings.
    pub tried: Vec<Tried>,
    /// Accuracy of the cosine as it was.
    pub before: Accuracy,
    /// Accuracy of the cosine after the matrix.
    pub after: Accuracy,
    /// After less before, on the same pairs.
    pub difference: Estimate,
    /// The cosine of each pair before.
    pub cosines_before: Vec<f64>,
    /// The cosine of each pair after.
    pub cosines_after: Vec<f64>,
}

/// Learns a matrix by gradient descent on the mean of (cosine - target)², where the target is 1 for pairs that are the
/// same and -1 for others, with mini-batches and dropout, as in OpenAI's guide ("Customizing embeddings"). It starts from
/// the rows as they are where the dimensions stay, else from random directions.
///
/// Each setting is learned on four fifths of the training pairs; the one with the smallest loss on the last fifth, at its
/// best epoch, is learned again on all of them. A learning rate is for rows that the matrix keeps at length 1: 0.05 is
/// the guide's 100. Settings run in parallel; bits do not depend on the number of threads.
///
/// # Errors
/// With fewer than ten pairs of a kind on a side, numbers that are not finite, and impossible parameters.
pub fn customize(rows: ArrayView2<'_, f32>, pairs: &Pairs, params: &CustomizeParams) -> Result<Customized> {
    require_finite(rows)?;
    let dims = if params.dims.is_empty() { vec![rows.ncols()] } else { params.dims.clone() };
    let usable = params.epochs > 0
        && params.batch_size > 0
        && (0.0..1.0).contains(&params.dropout)
        && params.learning_rates.iter().all(|rate| rate.is_finite() && *rate > 0.0)
        && !params.learning_rates.is_empty()
        && dims.iter().all(|dims| (1..=8192).contains(dims));
    if !usable {
        return Err(Error::argument("impossible parameters of the matrix").advice(
            "at least one epoch and one pair a batch, a dropout of 0 or more and less than 1, learning rates above 0, 1 to 8,192 dimensions",
        ));
    }
    pairs.require_both(LEAST_PAIRS)?;
    let (train, test) = (pairs.side(false), pairs.side(true));
    let of = |chosen: &[usize]| Side::of(rows, pairs, chosen);
    let (fit, validation) = validated(pairs, &train, params.seed)?;
    let (fit, validation, all) = (of(&fit), of(&validation), of(&train));
    let settings: Vec<Setting> = dims
        .iter()
        .flat_map(|dims| {
            params.learning_rates.iter().map(|rate| Setting { dims: *dims, learning_rate: *rate })
        })
        .collect();
    let tried: Vec<Tried> = settings
        .into_par_iter()
        .map(|setting| {
            let (_, epochs, first) = learn(&fit, Some(&validation), setting, params, params.epochs);
            let start = (0, first);
            let (best_epoch, loss) = epochs
                .iter()
                .enumerate()
                .map(|(at, epoch)| (at + 1, epoch.validation))
                .fold(start, |best, epoch| if epoch.1 < best.1 { epoch } else { best });
            Tried { setting, best_epoch, loss, epochs }
        })
        .collect();
    let Some(best) = tried.iter().reduce(|a, b| if b.loss < a.loss { b } else { a }) else {
        return Err(Error::argument("no setting to try"));
    };
    let (matrix, _, _) = learn(&all, None, best.setting, params, best.best_epoch);
    let everything: Vec<usize> = (0..pairs.rows.len()).collect();
    let everything = of(&everything);
    let cosines_before = everything.plain_cosines();
    let cosines_after = cosines(&matrix, &everything.a, &everything.b);
    let hits = |cosines: &[f64]| -> (f64, Vec<f64>) {
        let threshold = best_threshold(cosines, &pairs.same, &train);
        let hit = |pair: &usize| f64::from(u8::from((cosines[*pair] > threshold) == pairs.same[*pair]));
        (threshold, test.iter().map(hit).collect())
    };
    let units: Vec<(u32, u32)> = test
        .iter()
        .map(|pair| (pairs.units[pairs.rows[*pair].0], pairs.units[pairs.rows[*pair].1]))
        .collect();
    let ones = vec![1.0; test.len()];
    let ((threshold_before, hits_before), (threshold_after, hits_after)) =
        (hits(&cosines_before), hits(&cosines_after));
    let share = |hits: &[f64]| ratio(hits, &ones, &units).ok_or_else(|| Error::input("no test pairs"));
    let (before, after) = (share(&hits_before)?, share(&hits_after)?);
    let (setting, epochs) = (best.setting, best.best_epoch);
    Ok(Customized {
        map: LinearMap {
            offset: Array1::zeros(matrix.ncols()),
            matrix,
            made_by: format!("learned from {} pairs", train.len()),
        },
        setting,
        epochs,
        before: Accuracy { share: before, threshold: threshold_before },
        after: Accuracy { share: after, threshold: threshold_after },
        difference: difference(&hits_after, &hits_before, &units),
        tried,
        cosines_before,
        cosines_after,
    })
}

/// The vectors of both ends of pairs, scaled to length 1, and what the cosine should be.
struct Side {
    a: Array2<f32>,
    b: Array2<f32>,
    targets: Vec<f64>,
}

impl Side {
    fn of(rows: ArrayView2<'_, f32>, pairs: &Pairs, chosen: &[usize]) -> Side {
        let unit = |of: &dyn Fn(usize) -> usize| {
            let mut found = rows.select(Axis(0), &chosen.iter().map(|pair| of(*pair)).collect::<Vec<_>>());
            for mut row in found.rows_mut() {
                let norm = row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
                if norm > 0.0 {
                    row.mapv_inplace(|x| (f64::from(x) / norm) as f32);
                }
            }
            found
        };
        Side {
            a: unit(&|pair| pairs.rows[pair].0),
            b: unit(&|pair| pairs.rows[pair].1),
            targets: chosen.iter().map(|pair| if pairs.same[*pair] { 1.0 } else { -1.0 }).collect(),
        }
    }

    fn plain_cosines(&self) -> Vec<f64> {
        let product = |(a, b): (ndarray::ArrayView1<'_, f32>, ndarray::ArrayView1<'_, f32>)| {
            a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
        };
        self.a.rows().into_iter().zip(self.b.rows()).map(product).collect()
    }
}

/// The training pairs divided once more, without units on both sides.
fn validated(pairs: &Pairs, train: &[usize], seed: u64) -> Result<(Vec<usize>, Vec<usize>)> {
    let rows = train.iter().map(|pair| pairs.rows[*pair]).collect();
    let same = train.iter().map(|pair| pairs.same[*pair]).collect();
    let inner = Pairs::split(rows, same, pairs.units.clone(), VALIDATION, seed.wrapping_add(1))?;
    let mut place: std::collections::HashMap<(usize, usize, bool), usize> = std::collections::HashMap::new();
    for pair in train {
        place.insert((pairs.rows[*pair].0, pairs.rows[*pair].1, pairs.same[*pair]), *pair);
    }
    let of = |test: bool| -> Vec<usize> {
        let side = inner.side(test).into_iter();
        side.filter_map(|pair| {
            place.get(&(inner.rows[pair].0, inner.rows[pair].1, inner.same[pair])).copied()
        })
        .collect()
    };
    let (fit, validation) = (of(false), of(true));
    if fit.is_empty() || validation.is_empty() {
        return Err(Error::input("too few training pairs to choose a setting by")
            .with_code("one-sided-pairs")
            .seen(train.len().to_string())
            .advice("give more pairs; about 100 are a beginning"));
    }
    Ok((fit, validation))
}

/// The matrix after these epochs, their losses, and the validation loss before the first.
fn learn(
    fit: &Side,
    validation: Option<&Side>,
    setting: Setting,
    params: &CustomizeParams,
    epochs: usize,
) -> (Array2<f32>, Vec<Epoch>, f64) {
    let d = fit.a.ncols();
    let mut random = ChaCha8Rng::seed_from_u64(params.seed);
    let mut matrix = if setting.dims == d {
        Array2::eye(d)
    } else {
        // Keeps the length of a row on average.
        let scale = 1.0 / (setting.dims as f64).sqrt();
        Array2::from_shape_simple_fn((d, setting.dims), || {
            let value: f64 = StandardNormal.sample(&mut random);
            (value * scale) as f32
        })
    };
    let judge = |matrix: &Array2<f32>| {
        validation.map_or(f64::NAN, |side| {
            let found = cosines(matrix, &side.a, &side.b);
            let squares = found.iter().zip(&side.targets).map(|(cosine, target)| (cosine - target).powi(2));
            squares.sum::<f64>() / side.targets.len() as f64
        })
    };
    let first = judge(&matrix);
    let mut gradient = Array2::zeros(matrix.dim());
    let mut order: Vec<usize> = (0..fit.targets.len()).collect();
    let mut losses = Vec::with_capacity(epochs);
    for _ in 0..epochs {
        order.shuffle(&mut random);
        let mut sum = 0.0;
        for batch in order.chunks(params.batch_size) {
            let mut take = |side: &Array2<f32>| {
                let mut rows = side.select(Axis(0), batch);
                if params.dropout > 0.0 {
                    let kept = (1.0 / (1.0 - params.dropout)) as f32;
                    rows.mapv_inplace(|x| if random.gen_bool(params.dropout) { 0.0 } else { x * kept });
                }
                rows
            };
            let (a, b) = (take(&fit.a), take(&fit.b));
            let targets: Vec<f64> = batch.iter().map(|pair| fit.targets[*pair]).collect();
            sum += loss(&matrix, &a, &b, &targets, &mut gradient) * batch.len() as f64;
            matrix.scaled_add(-setting.learning_rate as f32, &gradient);
        }
        losses.push(Epoch { train: sum / order.len() as f64, validation: judge(&matrix) });
    }
    (matrix, losses, first)
}

/// The threshold that tells most of the chosen pairs right: a pair above it is called the same. Midway between two
/// cosines; of equally good ones the lowest.
fn best_threshold(cosines: &[f64], same: &[bool], chosen: &[usize]) -> f64 {
    let mut order = chosen.to_vec();
    order.sort_by(|a, b| cosines[*a].total_cmp(&cosines[*b]));
    let mut right = order.iter().filter(|pair| same[**pair]).count() as i64;
    let (mut most, mut best) = (right, -1.0);
    for (at, tied) in order.chunk_by(|a, b| cosines[*a] == cosines[*b]).scan(0, |at, tied| {
        *at += tied.len();
        Some((*at, tied))
    }) {
        right += tied.iter().map(|pair| if same[*pair] { -1 } else { 1 }).sum::<i64>();
        if right > most {
            let here = cosines[tied[0]];
            most = right;
            best = order.get(at).map_or(here, |next| (here + cosines[*next]) / 2.0);
        }
    }
    best
}
