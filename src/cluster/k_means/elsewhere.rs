//! k-means of rows that other machines pass over: the starts on a sample here, each iteration as one pass there.
//!
//! The passes are those of one machine, block for block. What differs is how sums come about: iterations over rows in memory
//! add what changed sides to the sums of the iteration before, these add all rows anew. The two differ by the rounding of
//! `f64` sums, some 1e-15 of them.

use std::borrow::Cow;

use ndarray::{Array2, ArrayView1};
use rand::seq::index;

use super::assign::Assign;
use super::points::Points;
use super::step::{FarFromAll, Step, StepPart};
use super::{Geometry, KMeans, KMeansValidParams};
use crate::cluster::frame::needed;
use crate::error::{Error, Result};
use crate::progress::steps;
use crate::rows::simd::squared_distance_f64;
use crate::rows::{Frame, Nothing, RowSource, fold_rows, moments, select_rows};

impl KMeansValidParams {
    /// As [`fit_rows`](KMeansValidParams::fit_rows), of a source whose passes run elsewhere.
    pub(super) fn fit_elsewhere(&self, source: &(impl RowSource + ?Sized)) -> Result<KMeans> {
        if self.batch_size.is_some() {
            return Err(Error::argument("mini-batches do not run on several machines")
                .advice("leave --batch-size out: two passes do with less"));
        }
        let n = source.n_rows();
        let sample = self.rows_for_starts();
        if n <= sample {
            return self.fit_rows(&select_rows(source, &(0..n).collect::<Vec<_>>())?);
        }
        let moments = moments(source)?;
        let frame = if self.geometry == Geometry::Euclidean { needed(&moments) } else { None };
        let mut tol = self.tol * moments.variance.mean().unwrap_or(0.0);
        let mut chosen = index::sample(&mut self.stream(u64::MAX), n, sample).into_vec();
        chosen.sort_unstable();
        let mut rows = select_rows(source, &chosen)?;
        if let Some(frame) = &frame {
            tol /= frame.unit * frame.unit;
            rows = frame.moved(rows.view());
        }
        let measured = Points::measure(&rows, self.geometry)?;
        let start = self.best_start(&rows, &measured, tol)?;
        drop(rows);
        let (centroids, n_iter) = self.iterate(source, frame.as_ref(), start.centroids, tol)?;
        let centroids = frame.as_ref().map_or_else(|| centroids.clone(), |frame| frame.back(&centroids));
        let model = KMeans {
            centroids,
            labels: Vec::new(),
            inertia: 0.0,
            n_iter,
            geometry: self.geometry,
            names: Vec::new(),
        };
        model.assigned_to_all(source, &Nothing).map(|(model, ..)| model)
    }

    /// From some centroids to where they come to rest, each iteration one pass.
    fn iterate(
        &self,
        source: &(impl RowSource + ?Sized),
        frame: Option<&Frame>,
        mut centroids: Array2<f32>,
        tol: f64,
    ) -> Result<(Array2<f32>, usize)> {
        let (mut n_iter, mut converged) = (0, false);
        let steps = steps("iterations", self.max_iter);
        while n_iter < self.max_iter && !converged {
            steps.add(usize::from(n_iter > 0));
            n_iter += 1;
            let assign = |centroids: &Array2<f32>| {
                Assign::new(
                    self.geometry,
                    centroids.as_standard_layout().into_owned(),
                    frame.map(Cow::Borrowed),
                )
            };
            let mut step = fold_rows(source, &Step(assign(&centroids)))?;
            self.check(&step)?;
            let empty: Vec<usize> = (0..self.n_clusters).filter(|c| step.counts[*c] == 0).collect();
            if !empty.is_empty() {
                let far = FarFromAll { assign: assign(&centroids), keep: empty.len() + self.n_clusters };
                fill(&mut step, &empty, fold_rows(source, &far)?.rows);
            }
            converged = self.moved(&mut centroids, &step) <= tol;
        }
        Ok((centroids, n_iter))
    }

    fn check(&self, step: &StepPart) -> Result<()> {
        if let Some(row) = step.not_finite {
            return Err(Error::input("a vector with NaN or infinite numbers")
                .with_code("not-finite")
                .row(row)
                .advice("remove the row"));
        }
        let placed: i64 = step.counts.iter().sum();
        if placed < self.n_clusters as i64 {
            return Err(Error::argument("more clusters than rows with a direction")
                .seen(format!("{} clusters, {placed} rows that are not zero", self.n_clusters))
                .advice("ask for fewer clusters, or cluster by Euclidean distance"));
        }
        Ok(())
    }

    /// Moves each centroid to the mean of its rows; returns the sum of squared movements.
    fn moved(&self, centroids: &mut Array2<f32>, step: &StepPart) -> f64 {
        let dims = centroids.ncols().max(1);
        let mut moved = 0.0;
        let clusters = step.sums.chunks_exact(dims).zip(&step.counts);
        for (mut centroid, (sums, count)) in centroids.rows_mut().into_iter().zip(clusters) {
            let divisor = match self.geometry {
                Geometry::Euclidean => *count as f64,
                Geometry::Spherical => {
                    let sums = ArrayView1::from(sums);
                    sums.dot(&sums).sqrt()
                }
            };
            if divisor <= 0.0 {
                continue;
            }
            let old = centroid.to_vec();
            centroid.iter_mut().zip(sums).for_each(|(value, sum)| *value = (sum / divisor) as f32);
            moved += squared_distance_f64(&old, centroid.as_slice().unwrap_or_default());
        }
        moved
    }
}

/// Gives each cluster without rows the row that lies farthest from its own centroid; clusters of one row are left alone.
fn fill(step: &mut StepPart, empty: &[usize], far: Vec<super::step::FarRow>) {
    let mut far = far.into_iter();
    for cluster in empty {
        let Some(row) = far.find(|row| step.counts[row.label as usize] > 1) else { break };
        let (dims, label) = (row.values.len(), row.label as usize);
        for (j, value) in row.values.iter().enumerate() {
            step.sums[label * dims + j] -= value;
            step.sums[cluster * dims + j] += value;
        }
        step.counts[label] -= 1;
        step.counts[*cluster] += 1;
    }
}

#[cfg(test)]
mod tests {
    use linfa::ParamGuard;
    use ndarray::array;

    use super::super::lloyd::lloyd;
    use super::*;

    #[test]
    fn a_centroid_without_rows_gets_the_farthest_row_as_in_memory() {
        let rows = Array2::from_shape_fn((5000, 3), |(i, j)| ((i * 31 + j * 17) % 101) as f32 / 50.0);
        for geometry in [Geometry::Euclidean, Geometry::Spherical] {
            let params = KMeans::params(4).max_iter(6).geometry(geometry).check().unwrap();
            let far = [-1e4_f32, -1e4, -1e4];
            let start = array![[0.1, 0.1, 0.2], far, [1.0, 0.5, 1.0], far];
            let points = Points::measure(&rows, geometry).unwrap();
            let (centroids, n_iter) = params.iterate(&rows, None, start.clone(), 0.0).unwrap();
            let here = lloyd(&rows, &points, &params, 0.0, start, None).unwrap();
            assert_eq!(n_iter, here.n_iter);
            let error = centroids.iter().zip(&here.centroids).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(error < 1e-5, "{error}");
            assert!(centroids.iter().all(|x| x.abs() < 3.0));
        }
    }
}
