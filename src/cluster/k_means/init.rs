//! Where k-means starts: greedy k-means++ (Arthur and Vassilvitskii, 2007), as scikit-learn does it.
//!
//! Each further centroid is the best of `2 + ln k` rows drawn with a chance proportional to their
//! squared distance from the centroids chosen so far. One pass measures all of these candidates; a
//! row whose nearest centroid is less than half as far away as a candidate is from that centroid
//! cannot be nearer to the candidate (the triangle inequality), so it is not even read.

use std::sync::{Mutex, PoisonError};

use ndarray::{Array2, ArrayView2, Axis};
use rand::Rng;
use rayon::prelude::*;

use super::points::Points;
use crate::error::{Error, Result};
use crate::rows::product::{dot_products, dot_products_of};
use crate::rows::simd::squared_norms;
use crate::rows::{BLOCK_ROWS, Fold, RowBlock, fold_rows};

/// Chooses `k` rows as centroids. `points` are the measured `rows`.
pub(super) fn k_means_plus_plus(
    rows: ArrayView2<'_, f32>,
    points: &Points,
    k: usize,
    random: &mut impl Rng,
) -> Result<Array2<f32>> {
    let trials = 2 + (k as f64).ln() as usize;
    let mut blocks: Vec<Mutex<Block>> =
        (0..points.n_blocks()).map(|block| Mutex::new(Block::new(points, block))).collect();
    let mut chosen = Vec::with_capacity(k);
    let mut first = random.gen_range(0..points.len());
    while !points.is_placed(first) {
        first = (first + 1) % points.len();
    }
    let mut candidates = vec![first];
    loop {
        let round = Round::new(rows, points, &candidates, &chosen, &blocks);
        let potentials = fold_rows(&rows, &round)?.potentials;
        let best =
            (0..candidates.len()).min_by(|a, b| potentials[*a].total_cmp(&potentials[*b])).unwrap_or(0);
        chosen.push(candidates[best]);
        if chosen.len() == k {
            break;
        }
        let centroid = chosen.len() as u32 - 1;
        blocks.par_iter_mut().for_each(|block| open(block).accept(best, centroid));
        let weights: Vec<f64> = blocks.iter_mut().map(|block| open(block).weight).collect();
        let total: f64 = weights.iter().sum();
        if total <= 0.0 {
            return Err(Error::argument("fewer distinct rows than clusters")
                .with_code("too-few-rows")
                .seen(format!("{} distinct rows, {k} clusters", chosen.len()))
                .advice(format!("ask for at most {} clusters", chosen.len())));
        }
        candidates =
            (0..trials).map(|_| draw(&mut blocks, &weights, random.r#gen::<f64>() * total)).collect();
    }
    let mut centroids = rows.select(Axis(0), &chosen);
    for (mut centroid, row) in centroids.rows_mut().into_iter().zip(&chosen) {
        centroid.mapv_inplace(|value| value * points.scale(*row));
    }
    Ok(centroids)
}

/// What is known of the rows of one block.
struct Block {
    /// The squared distance of each row from its nearest centroid.
    closest: Vec<f32>,
    /// That centroid, in the order of choosing.
    nearest: Vec<u32>,
    /// The squared distances from each candidate, candidate by candidate; infinite where not read.
    to_candidates: Vec<f32>,
    /// The sum of `closest`.
    weight: f64,
}

impl Block {
    fn new(points: &Points, block: usize) -> Self {
        let rows = points.rows_in_block(block);
        // A row without a direction is far from nothing, and so is never drawn.
        let closest = |i| if points.is_placed(block * BLOCK_ROWS + i) { f32::INFINITY } else { 0.0 };
        Block {
            closest: (0..rows).map(closest).collect(),
            nearest: vec![0; rows],
            to_candidates: Vec::new(),
            weight: 0.0,
        }
    }

    /// Takes a candidate in as a centroid.
    fn accept(&mut self, candidate: usize, centroid: u32) {
        let rows = self.closest.len();
        let distances = &self.to_candidates[candidate * rows..(candidate + 1) * rows];
        for ((closest, nearest), distance) in self.closest.iter_mut().zip(&mut self.nearest).zip(distances) {
            if distance < closest {
                *closest = *distance;
                *nearest = centroid;
            }
        }
        self.weight = self.closest.iter().map(|square| f64::from(*square)).sum();
    }
}

fn open(block: &mut Mutex<Block>) -> &mut Block {
    block.get_mut().unwrap_or_else(PoisonError::into_inner)
}

/// The row at which the running sum of squared distances passes `at`.
fn draw(blocks: &mut [Mutex<Block>], weights: &[f64], mut at: f64) -> usize {
    let mut last = 0;
    for (b, (block, weight)) in blocks.iter_mut().zip(weights).enumerate() {
        if at >= *weight {
            at -= weight;
            continue;
        }
        for (i, square) in open(block).closest.iter().enumerate() {
            if *square > 0.0 {
                last = b * BLOCK_ROWS + i;
                if at < f64::from(*square) {
                    return last;
                }
            }
            at -= f64::from(*square);
        }
    }
    // Rounding may carry `at` past the last row.
    last
}

/// One pass that measures all rows against the candidates.
struct Round<'a> {
    points: &'a Points,
    blocks: &'a [Mutex<Block>],
    candidates: &'a [usize],
    vectors: Array2<f32>,
    squares: Vec<f32>,
    /// For each centroid chosen so far, a quarter of the squared distance to the nearest candidate.
    reach: Vec<f32>,
    rounding: f32,
}

impl<'a> Round<'a> {
    fn new(
        rows: ArrayView2<'_, f32>,
        points: &'a Points,
        candidates: &'a [usize],
        chosen: &[usize],
        blocks: &'a [Mutex<Block>],
    ) -> Self {
        let mut vectors = rows.select(Axis(0), candidates);
        for (mut vector, row) in vectors.rows_mut().into_iter().zip(candidates) {
            vector.mapv_inplace(|value| value * points.scale(*row));
        }
        let mut squares = Vec::new();
        squared_norms(vectors.as_slice().unwrap_or_default(), points.dims, &mut squares);
        let rounding = points.rounding(points.longest);
        let centroids = rows.select(Axis(0), chosen);
        let mut dots = Vec::new();
        dot_products(
            centroids.as_slice().unwrap_or_default(),
            vectors.as_slice().unwrap_or_default(),
            points.dims,
            &mut dots,
        );
        let reach = chosen
            .iter()
            .enumerate()
            .map(|(i, row)| {
                let nearest = squares
                    .iter()
                    .enumerate()
                    .map(|(j, square)| points.squared_distance(*row, dots[j * chosen.len() + i], *square))
                    .fold(f32::INFINITY, f32::min);
                (nearest - rounding).max(0.0) / 4.0
            })
            .collect();
        Round { points, blocks, candidates, vectors, squares, reach, rounding }
    }
}

#[derive(Default)]
struct RoundPart {
    potentials: Vec<f64>,
    read: Vec<usize>,
    gathered: Vec<f32>,
    dots: Vec<f32>,
}

impl Fold for Round<'_> {
    type Part = RoundPart;

    fn start(&self) -> RoundPart {
        RoundPart { potentials: vec![0.0; self.candidates.len()], ..RoundPart::default() }
    }

    fn add(&self, part: &mut RoundPart, block: RowBlock<'_>) {
        let Some(values) = block.rows.as_slice() else { return };
        let dims = self.points.dims;
        let mut state = self.blocks[block.first / BLOCK_ROWS].lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        let m = state.closest.len();
        part.read.clear();
        for (i, (closest, nearest)) in state.closest.iter().zip(&state.nearest).enumerate() {
            let out_of_reach = self.reach.get(*nearest as usize).is_some_and(|reach| closest < reach);
            if !out_of_reach {
                part.read.push(i);
            }
        }
        state.to_candidates.clear();
        state.to_candidates.resize(self.candidates.len() * m, f32::INFINITY);
        let vectors = self.vectors.as_slice().unwrap_or_default();
        dot_products_of(&part.read, values, vectors, dims, &mut part.gathered, &mut part.dots);
        for (c, candidate) in self.candidates.iter().enumerate() {
            let distances = &mut state.to_candidates[c * m..(c + 1) * m];
            for (at, i) in part.read.iter().enumerate() {
                let row = block.first + i;
                let mut square =
                    self.points.squared_distance(row, part.dots[c * part.read.len() + at], self.squares[c]);
                if square < 4.0 * self.rounding {
                    let other = self.vectors.row(c);
                    square = self.points.squared_distance_of_rows(
                        (row, &values[i * dims..(i + 1) * dims]),
                        (*candidate, other.as_slice().unwrap_or_default()),
                    );
                }
                distances[*i] = square;
            }
            part.potentials[c] +=
                distances.iter().zip(&state.closest).map(|(new, old)| f64::from(new.min(*old))).sum::<f64>();
        }
    }

    fn merge(&self, into: &mut RoundPart, from: RoundPart) {
        into.potentials.iter_mut().zip(from.potentials).for_each(|(sum, more)| *sum += more);
    }
}
