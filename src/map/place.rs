//! New rows on an old map.

use linfa::ParamGuard;
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use super::affinities::conditional_probabilities;
use super::attraction::pull;
use super::divergence::arrays;
use super::kernel::{Sources, TARGETS, repel, targets};
use super::neighbors::nearest_among;
use super::optimizer::step;
use crate::error::{Error, Result};
use crate::rows::graph::Prepared;
use crate::rows::require_finite;

/// Iterations, exaggeration, learning rate, momentum and the longest gradient of openTSNE's
/// `transform`.
const ITERATIONS: usize = 250;
const EXAGGERATION: f32 = 1.5;
const LEARNING_RATE: f32 = 0.1;
const MOMENTUM: f32 = 0.8;
const LONGEST_GRADIENT: f32 = 0.25;

/// How new rows are placed on an old map.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceParams(PlaceValidParams);

/// Checked parameters of [`PlaceParams`].
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceValidParams {
    perplexity: f64,
}

impl Default for PlaceParams {
    /// Perplexity 5, as in openTSNE: a new row goes where its nearest few are.
    fn default() -> Self {
        PlaceParams(PlaceValidParams { perplexity: 5.0 })
    }
}

impl PlaceParams {
    /// The effective number of old rows that have a say in where a new row goes. Default: 5.
    pub fn perplexity(mut self, perplexity: f64) -> Self {
        self.0.perplexity = perplexity;
        self
    }

    /// Places new rows (m x d) on the map of old rows (n x d, with points n x 2 or n x 3); gives
    /// m x 2 or m x 3.
    ///
    /// Each starts at the mean of its nearest old rows' points, weighted by its affinities to them,
    /// and is moved as in t-SNE while the old points stay fixed. New rows do not see each other, so
    /// that where one goes does not depend on the others. Cost: 2·m·n·d operations for the
    /// neighbours, m·n for each of 250 iterations.
    ///
    /// Reference: openTSNE's `transform` (Policar, Strazar and Zupan, 2021).
    ///
    /// # Errors
    /// When dimensions or numbers of rows do not fit, there are fewer old rows than the perplexity
    /// needs, or a number is not finite.
    pub fn place(
        &self,
        old_rows: ArrayView2<'_, f32>,
        old_points: ArrayView2<'_, f32>,
        new_rows: ArrayView2<'_, f32>,
    ) -> Result<Array2<f32>> {
        let perplexity = self.check_ref()?.perplexity;
        if old_rows.nrows() != old_points.nrows() {
            return Err(Error::argument("a map and rows that do not belong together").seen(format!(
                "{} rows, {} points",
                old_rows.nrows(),
                old_points.nrows()
            )));
        }
        if new_rows.ncols() != old_rows.ncols() {
            return Err(Error::argument("new rows and the rows of the map have different dimensions")
                .with_code("dimensions")
                .seen(format!("{} in the new rows, {} on the map", new_rows.ncols(), old_rows.ncols()))
                .advice("use vectors of the model that the map was made from"));
        }
        let k = (3.0 * perplexity) as usize;
        if old_rows.nrows() < k {
            return Err(Error::argument("too few rows on the map for the perplexity")
                .seen(format!("{} rows, perplexity {perplexity}", old_rows.nrows()))
                .advice(format!("give at most {:.1}", (old_rows.nrows() as f64 / 3.0).floor())));
        }
        require_finite(old_points)?;
        let old = Prepared::euclidean(old_rows)?;
        let new = old.of_others(new_rows)?;
        let near = nearest_among(&old, &new, k);
        match old_points.ncols() {
            2 => Ok(settle::<2>(&arrays(old_points), &near, perplexity)),
            3 => Ok(settle::<3>(&arrays(old_points), &near, perplexity)),
            other => Err(Error::argument("a map has two or three dimensions").seen(other.to_string())),
        }
    }
}

impl ParamGuard for PlaceParams {
    type Checked = PlaceValidParams;
    type Error = Error;

    fn check_ref(&self) -> Result<&PlaceValidParams> {
        if !(self.0.perplexity.is_finite() && self.0.perplexity >= 1.0) {
            return Err(Error::argument("perplexity out of range")
                .seen(self.0.perplexity.to_string())
                .advice("give a number from 1 up"));
        }
        Ok(&self.0)
    }

    fn check(self) -> Result<PlaceValidParams> {
        self.check_ref()?;
        Ok(self.0)
    }
}

/// A new row: its neighbours' points, and its affinities to them, which sum to 1.
struct Pulled<const D: usize> {
    places: [Vec<f32>; D],
    values: Vec<f32>,
}

fn settle<const D: usize>(old: &[[f32; D]], near: &[Vec<(f64, u32)>], perplexity: f64) -> Array2<f32> {
    let mut sources = Sources::default();
    sources.extend(old);
    let of_chunk = |near: &[Vec<(f64, u32)>]| {
        let pulled: Vec<Pulled<D>> = near.iter().map(|near| pulled(old, near, perplexity)).collect();
        let mut at: Vec<[f32; D]> = pulled.iter().map(start).collect();
        let (mut update, mut gains) = (vec![[0.0; D]; at.len()], vec![[1.0; D]; at.len()]);
        for _ in 0..ITERATIONS {
            let pushed = repel(&targets(&at), &sources);
            for i in 0..at.len() {
                let pull = pull(at[i], &pulled[i].places, &pulled[i].values);
                let mut gradient: [f32; D] = std::array::from_fn(|d| {
                    EXAGGERATION * pull[d] - pushed.force[d][i] / pushed.weight[i].max(f32::MIN_POSITIVE)
                });
                let length = gradient.iter().map(|x| x * x).sum::<f32>().sqrt();
                let shorten = LONGEST_GRADIENT / length.max(LONGEST_GRADIENT);
                gradient.iter_mut().for_each(|x| *x *= shorten);
                step(&mut at[i], &mut update[i], &mut gains[i], gradient, LEARNING_RATE, MOMENTUM);
            }
        }
        at
    };
    let at: Vec<[f32; D]> = near.par_chunks(TARGETS).flat_map_iter(of_chunk).collect();
    Array2::from_shape_fn((at.len(), D), |(i, d)| at[i][d])
}

fn pulled<const D: usize>(old: &[[f32; D]], near: &[(f64, u32)], perplexity: f64) -> Pulled<D> {
    let distances: Vec<f32> = near.iter().map(|(square, _)| square.sqrt() as f32).collect();
    let mut values = vec![0.0; near.len()];
    conditional_probabilities(&distances, perplexity, &mut values);
    let places = std::array::from_fn(|d| near.iter().map(|(_, row)| old[*row as usize][d]).collect());
    Pulled { places, values }
}

fn start<const D: usize>(pulled: &Pulled<D>) -> [f32; D] {
    std::array::from_fn(|d| pulled.places[d].iter().zip(&pulled.values).map(|(x, p)| x * p).sum())
}

/// The mean share of the 10 nearest old rows (n x d) of each new row (m x d) whose dots are among the
/// 10 nearest old dots of its dot; each side is given as (rows, points).
///
/// # Errors
/// When the numbers of rows or dimensions do not fit, or a number is not finite.
pub fn placed_neighbors_kept(
    (old_rows, old_points): (ArrayView2<'_, f32>, ArrayView2<'_, f32>),
    (new_rows, new_points): (ArrayView2<'_, f32>, ArrayView2<'_, f32>),
) -> Result<f64> {
    if old_rows.dim().0 != old_points.dim().0
        || new_rows.dim().0 != new_points.dim().0
        || old_rows.ncols() != new_rows.ncols()
        || old_points.ncols() != new_points.ncols()
        || old_rows.is_empty()
    {
        return Err(Error::argument("rows and points that do not fit together").seen(format!(
            "{:?} and {:?} old, {:?} and {:?} new",
            old_rows.dim(),
            old_points.dim(),
            new_rows.dim(),
            new_points.dim()
        )));
    }
    let k = old_rows.nrows().min(10);
    let near = |old: ArrayView2<'_, f32>, new: ArrayView2<'_, f32>| -> Result<Vec<Vec<(f64, u32)>>> {
        let old = Prepared::euclidean(old)?;
        Ok(nearest_among(&old, &old.of_others(new)?, k))
    };
    let (rows, points) = (near(old_rows, new_rows)?, near(old_points, new_points)?);
    let shared = |rows: &[(f64, u32)], points: &[(f64, u32)]| {
        rows.iter().filter(|(_, row)| points.iter().any(|(_, point)| point == row)).count()
    };
    let all: usize = rows.iter().zip(&points).map(|(rows, points)| shared(rows, points)).sum();
    Ok(all as f64 / (k * rows.len().max(1)) as f64)
}
