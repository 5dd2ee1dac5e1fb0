//! k-means fitted: the rows made ready, the best of several starts kept.

use ndarray::{Array2, Axis};
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::checkpoint::Checkpoint;
use super::lloyd::Converged;
use super::params::usual_start_rows;
use super::points::Points;
use super::{Geometry, KMeans, KMeansValidParams, init, lloyd, mini_batch};
use crate::cluster::frame::{Moved, needed};
use crate::error::{Error, Result};
use crate::progress::steps;
use crate::rows::{LEAF_ROWS, RowSource, moments, select_rows};

/// Random streams of mini-batches are apart from those of the starts by so much.
const BATCH_STREAMS: u64 = 1 << 32;

impl KMeansValidParams {
    /// Fits rows from any source (n x d). On a source that is not in memory, the starts compete on a sample of
    /// 20,000 or 50 k of its rows, whichever is more (or [`start_rows`](super::KMeansParams::start_rows)), and passes over
    /// all rows go on from the best; one with no more rows than that is read whole.
    ///
    /// # Errors
    /// With fewer rows, or fewer distinct rows, than clusters; for rows with NaN or infinite numbers;
    /// whatever the source meets while reading.
    pub fn fit_rows(&self, source: &(impl RowSource + ?Sized)) -> Result<KMeans> {
        self.fit_from(source, None)
    }

    /// As [`fit_rows`](KMeansValidParams::fit_rows), with each iteration over all rows kept, so that a run that was cut short
    /// goes on from the last. The starts compete on a sample also where the rows are in memory; rows that are no more than
    /// that sample are fitted without it.
    ///
    /// # Errors
    /// As `fit_rows`, those of the checkpoint, and for mini-batches, which have no iterations over all rows.
    pub fn fit_kept(&self, source: &(impl RowSource + ?Sized), kept: &mut dyn Checkpoint) -> Result<KMeans> {
        if self.batch_size.is_some() {
            return Err(Error::argument("mini-batches have no iterations that a checkpoint could keep")
                .advice("leave the checkpoint out, or fit without mini-batches"));
        }
        let params = KMeansValidParams { start_rows: Some(self.rows_for_starts()), ..self.clone() };
        params.fit_from(source, Some(kept))
    }

    /// Rows on which the starts compete where that is a sample.
    pub(super) fn rows_for_starts(&self) -> usize {
        self.start_rows.unwrap_or_else(|| usual_start_rows(self.n_clusters)).max(self.n_clusters)
    }

    fn fit_from(
        &self,
        source: &(impl RowSource + ?Sized),
        kept: Option<&mut dyn Checkpoint>,
    ) -> Result<KMeans> {
        let n = source.n_rows();
        if n < self.n_clusters {
            return Err(Error::argument("more clusters than rows")
                .seen(format!("{} clusters, {n} rows", self.n_clusters))
                .advice(format!("ask for at most {n} clusters")));
        }
        if source.engine().is_some() {
            return match kept {
                None => self.fit_elsewhere(source),
                Some(_) => {
                    Err(Error::argument("iterations on several machines are not kept in a checkpoint")
                        .advice("leave --checkpoint out"))
                }
            };
        }
        let (in_memory, sample) = (source.as_matrix().is_some(), self.rows_for_starts());
        if !in_memory && n <= sample {
            return self.fit_rows(&select_rows(source, &(0..n).collect::<Vec<_>>())?);
        }
        let sample = (n > sample && (!in_memory || self.start_rows.is_some())).then_some(sample);
        let moments = moments(source)?;
        let mut tol = self.tol * moments.variance.mean().unwrap_or(0.0);
        let frame = if self.geometry == Geometry::Euclidean { needed(&moments) } else { None };
        let Some(frame) = frame else { return self.fit_ready(source, tol, sample, kept) };
        let square = frame.unit * frame.unit;
        tol /= square;
        let mut model = match source.as_matrix() {
            Some(rows) => self.fit_ready(&frame.moved(rows), tol, sample, kept),
            None => self.fit_ready(&Moved { source, frame: &frame }, tol, sample, kept),
        }?;
        model.centroids = frame.back(&model.centroids);
        model.inertia *= square;
        Ok(model)
    }

    /// Fits rows that `f32` products tell apart. `tol` bounds the sum of squared movements; the starts compete on a sample of
    /// so many rows, or on all.
    fn fit_ready(
        &self,
        source: &(impl RowSource + ?Sized),
        tol: f64,
        sample: Option<usize>,
        kept: Option<&mut dyn Checkpoint>,
    ) -> Result<KMeans> {
        let points = Points::measure(source, self.geometry)?;
        if points.n_placed() < self.n_clusters {
            return Err(Error::argument("more clusters than rows with a direction")
                .seen(format!("{} clusters, {} rows that are not zero", self.n_clusters, points.n_placed()))
                .advice("ask for fewer clusters, or cluster by Euclidean distance"));
        }
        let best = match sample {
            None => self.best_start(source, &points, tol)?,
            Some(sample) => self.refined(source, &points, tol, sample, kept)?,
        };
        let (centroids, labels) = largest_first(best.centroids, best.labels);
        Ok(KMeans {
            centroids,
            labels,
            inertia: best.inertia,
            n_iter: best.n_iter,
            geometry: self.geometry,
            names: Vec::new(),
        })
    }

    /// The start with the least inertia, each followed to its end.
    pub(super) fn best_start(
        &self,
        source: &(impl RowSource + ?Sized),
        points: &Points,
        tol: f64,
    ) -> Result<Converged> {
        let steps = steps("starts", self.n_init);
        let run = |start: usize| -> Result<Converged> {
            let mut random = self.stream(start as u64);
            let Some(rows) = source.as_matrix() else {
                return Err(Error::argument("starts need rows in memory"));
            };
            let rows = rows.as_standard_layout();
            let centroids = init::k_means_plus_plus(rows.view(), points, self.n_clusters, &mut random)?;
            let end = self.follow(source, points, tol, centroids, start, None);
            steps.add(1);
            end
        };
        // Small tables leave the threads idle within one start, so the starts run side by side.
        let ends: Vec<Converged> = if source.n_rows() <= LEAF_ROWS {
            (0..self.n_init).into_par_iter().map(run).collect::<Result<_>>()?
        } else {
            (0..self.n_init).map(run).collect::<Result<_>>()?
        };
        let best = ends.into_iter().reduce(|best, end| if end.inertia < best.inertia { end } else { best });
        best.ok_or_else(|| Error::argument("n_init is 0").advice("give at least 1"))
    }

    /// The best start on a sample of the rows, from which passes over all of them go on.
    fn refined(
        &self,
        source: &(impl RowSource + ?Sized),
        points: &Points,
        tol: f64,
        sample: usize,
        mut kept: Option<&mut dyn Checkpoint>,
    ) -> Result<Converged> {
        if let Some(kept) = kept.as_deref_mut()
            && let Some(last) = kept.last()?
        {
            return lloyd::lloyd_from(source, points, self, tol, last, Some(kept));
        }
        let mut chosen = index::sample(&mut self.stream(u64::MAX), source.n_rows(), sample).into_vec();
        chosen.sort_unstable();
        let rows = select_rows(source, &chosen)?;
        let of_sample = KMeansValidParams { batch_size: None, ..self.clone() };
        let measured = Points::measure(&rows, self.geometry)?;
        let start = of_sample.best_start(&rows, &measured, tol)?;
        self.follow(source, points, tol, start.centroids, 0, kept)
    }

    /// From some centroids to where they come to rest.
    fn follow(
        &self,
        source: &(impl RowSource + ?Sized),
        points: &Points,
        tol: f64,
        centroids: Array2<f32>,
        start: usize,
        kept: Option<&mut dyn Checkpoint>,
    ) -> Result<Converged> {
        let Some(batch_size) = self.batch_size else {
            return lloyd::lloyd(source, points, self, tol, centroids, kept);
        };
        let mut random = self.stream(BATCH_STREAMS + start as u64);
        let (centroids, passes) = mini_batch::mini_batches(source, self, batch_size, centroids, &mut random)?;
        Ok(Converged { n_iter: passes, ..lloyd::assign_only(source, points, centroids)? })
    }

    pub(super) fn stream(&self, stream: u64) -> ChaCha8Rng {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(stream);
        random
    }
}

/// Numbers the clusters by size, the largest first and equal ones by their first row, so that the
/// numbers do not tell which start was the best.
pub(super) fn largest_first(
    centroids: Array2<f32>,
    labels: Vec<Option<u32>>,
) -> (Array2<f32>, Vec<Option<u32>>) {
    let mut clusters: Vec<(usize, usize, usize)> =
        (0..centroids.nrows()).map(|c| (0, usize::MAX, c)).collect();
    for (row, label) in labels.iter().enumerate() {
        let Some(label) = label else { continue };
        let (size, first, _) = &mut clusters[*label as usize];
        *size += 1;
        *first = row.min(*first);
    }
    clusters.sort_unstable_by_key(|(size, first, c)| (std::cmp::Reverse(*size), *first, *c));
    let order: Vec<usize> = clusters.iter().map(|(_, _, c)| *c).collect();
    let mut number = vec![0; order.len()];
    order.iter().enumerate().for_each(|(new, old)| number[*old] = new as u32);
    let labels = labels.into_iter().map(|label| label.map(|label| number[label as usize]));
    (centroids.select(Axis(0), &order), labels.collect())
}
