//! k-means on mini-batches (Sculley, 2010): for tables that are too large for many full passes.
//!
//! Each step draws a batch of rows, gives each its nearest centroid, and moves each centroid towards
//! the mean of its rows by their share of all rows it has ever had. As in scikit-learn, a centroid
//! that has had hardly any rows starts again from a row of the batch, and the steps end when the
//! smoothed inertia of the batches has not improved for a while.

use ndarray::{Array2, s};
use rand::Rng;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;

use super::lloyd::nearest_centroids;
use super::{Geometry, KMeansValidParams};
use crate::error::Result;
use crate::progress;
use crate::rows::{RowSource, select_rows};

/// Steps without improvement after which the work ends.
const PATIENCE: usize = 10;
/// A centroid that has had less than this share of the rows of the largest one starts again.
const REASSIGNMENT_RATIO: f64 = 0.01;

/// Random streams of batches are apart from those of restarts by so much.
const DRAW_STREAMS: u64 = 1 << 40;

/// Numbers that are read at once for batches to come, when the rows are not in memory.
const READ_AHEAD: usize = 1 << 24;

/// Batches of random rows. One pass over rows that are not in memory serves many of them.
struct Batches<'a, S: ?Sized> {
    source: &'a S,
    rows: usize,
    random: ChaCha8Rng,
    /// Rows of batches to come, and how many of them were handed out.
    ready: (Array2<f32>, usize),
    /// Numbers that are read at once.
    read_ahead: usize,
}

impl<S: RowSource + ?Sized> Batches<'_, S> {
    fn draw(&mut self) -> Vec<usize> {
        let n = self.source.n_rows();
        (0..self.rows).map(|_| self.random.gen_range(0..n)).collect()
    }

    /// The rows of the next batch; those of zeros, which no spherical cluster can have, among them.
    fn next(&mut self) -> Result<Array2<f32>> {
        if self.source.as_matrix().is_some() {
            let chosen = self.draw();
            return select_rows(self.source, &chosen);
        }
        if self.ready.1 == self.ready.0.nrows() {
            let at_once = (self.read_ahead / (self.rows * self.source.dims()).max(1)).max(1);
            let chosen: Vec<usize> = (0..at_once).flat_map(|_| self.draw()).collect();
            // What was handed out is given back before more is read.
            self.ready = (Array2::zeros((0, 0)), 0);
            self.ready = (select_rows(self.source, &chosen)?, 0);
        }
        let (first, next) = (self.ready.1, self.ready.1 + self.rows);
        self.ready.1 = next;
        Ok(self.ready.0.slice(s![first..next, ..]).to_owned())
    }
}

/// Moves `centroids` by mini-batches of rows; returns them and the number of passes over the rows that the
/// steps amount to.
pub(super) fn mini_batches(
    source: &(impl RowSource + ?Sized),
    params: &KMeansValidParams,
    batch_size: usize,
    mut centroids: Array2<f32>,
    random: &mut ChaCha8Rng,
) -> Result<(Array2<f32>, usize)> {
    let n = source.n_rows();
    let batch_size = batch_size.min(n);
    let draws = {
        let mut draws = random.clone();
        draws.set_stream(random.get_stream() + DRAW_STREAMS);
        draws
    };
    let allowed = params.bounds.map_or(u64::MAX, |bytes| bytes / 4);
    let mut batches = Batches {
        source,
        rows: batch_size,
        random: draws,
        ready: (Array2::zeros((0, 0)), 0),
        read_ahead: READ_AHEAD.min(usize::try_from(allowed).unwrap_or(usize::MAX)),
    };
    let steps = (params.max_iter * n).div_ceil(batch_size);
    let mut weights = vec![0.0_f64; centroids.nrows()];
    let mut smoothed: Option<f64> = None;
    let mut least = f64::INFINITY;
    let mut waited = 0;
    let mut since_reassignment = 0;
    let mut done = 0;
    let told = progress::steps("batches", steps);
    for step in 0..steps {
        told.add(usize::from(step > 0));
        let batch = batches.next()?;
        let (labels, squares) = nearest_centroids(&batch, params.geometry, centroids.view())?;
        move_towards(&batch, &labels, params.geometry, &mut centroids, &mut weights);
        since_reassignment += batch_size;
        if weights.contains(&0.0) || since_reassignment >= 10 * centroids.nrows() {
            since_reassignment = 0;
            restart_light_centroids(&batch, params.geometry, &mut centroids, &mut weights, random);
        }
        done = step + 1;
        let placed = squares.iter().zip(&labels).filter(|(_, label)| label.is_some());
        let inertia = placed.map(|(square, _)| f64::from(*square)).sum::<f64>() / batch_size as f64;
        let weight = (2.0 * batch_size as f64 / (n as f64 + 1.0)).min(1.0);
        let average = smoothed.map_or(inertia, |old| old * (1.0 - weight) + inertia * weight);
        smoothed = Some(average);
        if average < least {
            least = average;
            waited = 0;
        } else {
            waited += 1;
            if waited >= PATIENCE {
                break;
            }
        }
    }
    Ok((centroids, (done * batch_size).div_ceil(n)))
}

fn move_towards(
    batch: &Array2<f32>,
    labels: &[Option<u32>],
    geometry: Geometry,
    centroids: &mut Array2<f32>,
    weights: &mut [f64],
) {
    let mut sums = Array2::<f64>::zeros(centroids.raw_dim());
    let mut counts = vec![0.0_f64; weights.len()];
    for (row, label) in batch.rows().into_iter().zip(labels) {
        let Some(label) = label else { continue };
        let scale = match geometry {
            Geometry::Euclidean => 1.0,
            Geometry::Spherical => 1.0 / length(row.iter()),
        };
        sums.row_mut(*label as usize)
            .iter_mut()
            .zip(row)
            .for_each(|(sum, value)| *sum += f64::from(*value) * scale);
        counts[*label as usize] += 1.0;
    }
    for (c, mut centroid) in centroids.rows_mut().into_iter().enumerate() {
        if counts[c] == 0.0 {
            continue;
        }
        let kept = weights[c];
        weights[c] += counts[c];
        centroid
            .iter_mut()
            .zip(sums.row(c))
            .for_each(|(value, sum)| *value = ((f64::from(*value) * kept + sum) / weights[c]) as f32);
        if geometry == Geometry::Spherical {
            let scale = 1.0 / length(centroid.iter());
            centroid.mapv_inplace(|value| (f64::from(value) * scale) as f32);
        }
    }
}

fn length<'a>(values: impl Iterator<Item = &'a f32>) -> f64 {
    values.map(|value| f64::from(*value) * f64::from(*value)).sum::<f64>().sqrt()
}

fn restart_light_centroids(
    batch: &Array2<f32>,
    geometry: Geometry,
    centroids: &mut Array2<f32>,
    weights: &mut [f64],
    random: &mut impl Rng,
) {
    let heaviest = weights.iter().copied().fold(0.0, f64::max);
    let mut light: Vec<usize> =
        (0..weights.len()).filter(|c| weights[*c] < REASSIGNMENT_RATIO * heaviest).collect();
    light.sort_by(|a, b| weights[*a].total_cmp(&weights[*b]));
    let usable = |row: &usize| geometry == Geometry::Euclidean || batch.row(*row).iter().any(|x| *x != 0.0);
    let usable: Vec<usize> = (0..batch.nrows()).filter(usable).collect();
    light.truncate(usable.len() / 2);
    let rows = sample(random, usable.len(), light.len()).into_iter().map(|at| usable[at]);
    let lightest_kept = weights
        .iter()
        .copied()
        .filter(|weight| *weight >= REASSIGNMENT_RATIO * heaviest)
        .fold(f64::INFINITY, f64::min);
    for (c, row) in light.into_iter().zip(rows) {
        let row = batch.row(row);
        let scale = if geometry == Geometry::Spherical { 1.0 / length(row.iter()) } else { 1.0 };
        centroids
            .row_mut(c)
            .iter_mut()
            .zip(row)
            .for_each(|(value, new)| *value = (f64::from(*new) * scale) as f32);
        weights[c] = if lightest_kept.is_finite() { lightest_kept } else { 0.0 };
    }
}
