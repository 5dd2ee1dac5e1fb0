//! Clusters of all rows with their scores: fitted to all of them, or to a sample in two passes.

use ndarray::Array2;
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::Serialize;

use super::fitting::{Fitted, Fitting};
use super::kept_run::KeptRun;
use super::{Choice, ChooseOptions, ClusterCount, ClusterOptions, Silhouette, SilhouetteOptions, silhouette};
use crate::error::{Error, Result};
use crate::rows::{Hashes, Pca, RowSource, distinct_rows, fold_rows, select_rows};

/// The random stream of the sample that k-means is fitted on; the starts have those from 0 on.
const SAMPLE_STREAM: u64 = 1 << 48;

/// A sample of the rows that k-means was fitted on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct FitSample {
    /// Its rows.
    pub rows: usize,
    /// Its share of all rows.
    pub share: f64,
}

/// What was found, before it is described.
pub(super) struct Found {
    pub fitted: Fitted,
    pub choice: Option<Choice>,
    /// The mean silhouette and its standard error, where it was not measured exactly.
    pub silhouette: Option<(f64, Option<f64>)>,
    /// The silhouette of each row, where it is of all rows.
    pub silhouettes: Option<Silhouette>,
    /// How far each row is from its centroid, where the last pass has told.
    pub distances: Option<Vec<f32>>,
    /// How many rows differ from all before them.
    pub distinct: usize,
    pub components: Option<usize>,
    pub sample: Option<FitSample>,
}

impl Found {
    pub fn of(source: &dyn RowSource, options: &ClusterOptions, seed: u64) -> Result<Found> {
        let sample = options.sample_to_fit(source.dims())?.filter(|rows| *rows < source.n_rows());
        match sample {
            Some(rows) => Found::in_two_passes(source, options, rows, seed),
            None if source.engine().is_some() => Found::elsewhere(source, options, seed),
            None => Found::in_full(source, options, seed),
        }
    }

    /// All rows are fitted by other machines. What is measured besides is what two passes measure: the distances of the last
    /// assignment, and the silhouette of a sample, so that no pass runs on this machine.
    fn elsewhere(source: &dyn RowSource, options: &ClusterOptions, seed: u64) -> Result<Found> {
        if !options.method.is_k_means() || options.pca.is_some() {
            return Err(Error::argument("only k-means on the rows as they are runs on several machines")
                .advice("choose --method k-means or spherical, and leave --pca out"));
        }
        if options.checkpoint.is_some() {
            return Err(Error::argument("iterations on several machines are not kept in a checkpoint")
                .advice("leave --checkpoint out"));
        }
        let n = source.n_rows();
        let full = ClusterOptions { passes: None, fit_rows: None, ..options.clone() };
        let fitting = Fitting { points: source, options: &full, seed, kept: None };
        let scoring = SilhouetteOptions { geometry: options.method.geometry(), seed, ..Default::default() };
        let distinct = match options.count() {
            ClusterCount::Exactly(_) => n,
            ClusterCount::Within(_) => distinct_rows(source)?,
        };
        let (fitted, choice) = fitting.counted(distinct, scoring)?;
        let mut found = Found {
            choice,
            silhouette: None,
            silhouettes: None,
            distances: None,
            distinct: n,
            components: None,
            sample: None,
            fitted,
        };
        if let Some(model) = found.fitted.model.take() {
            let (model, assigned, hashes) = model.assigned_to_all(source, &Hashes)?;
            found.distinct = hashes.distinct();
            found.distances = Some(assigned.distances);
            found.fitted.labels = assigned.labels;
            found.fitted.inertia = Some(assigned.inertia);
            found.fitted.model = Some(model);
        }
        found.silhouette = sampled_silhouette(source, &found.fitted.labels, &scoring)?;
        Ok(found)
    }

    fn in_full(source: &dyn RowSource, options: &ClusterOptions, seed: u64) -> Result<Found> {
        let reduced = match options.components(source.dims()) {
            Some(components) => Some(Pca::fit(source, components)?.transform(source)?),
            None => None,
        };
        let points: &dyn RowSource = reduced.as_ref().map_or(source, |reduced| reduced as &dyn RowSource);
        let hashes = fold_rows(source, &Hashes)?;
        let kept = KeptRun::of(options, hashes.of_all(source.dims()), (source.n_rows(), source.dims()), seed);
        let distinct = hashes.distinct();
        // A run whose all rows are fitted passes over them as often as it takes, whatever the size of a sample was to be.
        let full = ClusterOptions { passes: None, fit_rows: None, ..options.clone() };
        let fitting = Fitting { points, options: &full, seed, kept: kept.as_ref() };
        let scoring = SilhouetteOptions { geometry: options.method.geometry(), seed, ..Default::default() };
        let (fitted, choice) = fitting.counted(distinct, scoring)?;
        let silhouettes = match scorable(&fitted.labels) {
            true => Some(silhouette(points, &fitted.labels, &scoring)?),
            false => None,
        };
        Ok(Found {
            fitted,
            choice,
            silhouette: silhouettes.as_ref().map(|score| (score.mean, score.standard_error)),
            silhouettes,
            distances: None,
            distinct,
            components: reduced.as_ref().map(Array2::ncols),
            sample: None,
        })
    }

    /// One pass for a random sample, on which k-means is fitted and the silhouette measured, and one that gives each row the
    /// nearest centroid.
    fn in_two_passes(
        source: &dyn RowSource,
        options: &ClusterOptions,
        rows: usize,
        seed: u64,
    ) -> Result<Found> {
        let n = source.n_rows();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(SAMPLE_STREAM);
        let mut chosen = index::sample(&mut random, n, rows).into_vec();
        chosen.sort_unstable();
        let sample = select_rows(source, &chosen)?;
        drop(chosen);
        let kept = match options.checkpoint {
            Some(_) => {
                let hash = fold_rows(&sample, &Hashes)?.of_all(sample.ncols());
                KeptRun::of(options, hash, (n, sample.ncols()), seed)
            }
            None => None,
        };
        let fitting = Fitting { points: &sample, options, seed, kept: kept.as_ref() };
        let scoring = SilhouetteOptions { geometry: options.method.geometry(), seed, ..Default::default() };
        let distinct = match options.count() {
            ClusterCount::Exactly(_) => rows,
            ClusterCount::Within(_) => distinct_rows(&sample)?,
        };
        let (mut fitted, choice) = fitting.counted(distinct, scoring)?;
        let silhouette = match scorable(&fitted.labels) {
            true => Some(silhouette(&sample, &fitted.labels, &scoring)?),
            false => None,
        };
        let silhouette = silhouette.map(|score| (score.mean, Some(standard_error(&score))));
        drop(sample);
        let begin = std::time::Instant::now();
        let mut distances = None;
        let mut distinct = n;
        if let Some(model) = fitted.model.take() {
            let (model, assigned, hashes) = model.assigned_to_all(source, &Hashes)?;
            distinct = hashes.distinct();
            distances = Some(assigned.distances);
            fitted.labels = assigned.labels;
            fitted.inertia = Some(assigned.inertia);
            fitted.model = Some(model);
        }
        fitted.seconds += begin.elapsed().as_secs_f64();
        Ok(Found {
            fitted,
            choice,
            silhouette,
            silhouettes: None,
            distances,
            distinct,
            components: None,
            sample: Some(FitSample { rows, share: rows as f64 / n as f64 }),
        })
    }
}

impl Fitting<'_> {
    /// With as many clusters as were asked for, or the best number within the range and the distinct rows.
    fn counted(&self, distinct: usize, scoring: SilhouetteOptions) -> Result<(Fitted, Option<Choice>)> {
        match self.options.count() {
            ClusterCount::Exactly(k) => Ok((self.fit(k)?, None)),
            ClusterCount::Within(_) if !self.options.method.takes_k() => Ok((self.fit(0)?, None)),
            ClusterCount::Within(range) => {
                let range = *range.start()..=(*range.end()).min(distinct);
                let (fitted, choice) = self.best(&ChooseOptions { range, silhouette: scoring })?;
                Ok((fitted, Some(choice)))
            }
        }
    }
}

/// Whether there are clusters enough for a silhouette, and fewer than rows.
fn scorable(labels: &[Option<u32>]) -> bool {
    let clusters = labels.iter().flatten().max().map_or(0, |last| *last as usize + 1);
    clusters >= 2 && clusters < labels.iter().flatten().count()
}

/// The mean silhouette of a sample of the rows within itself, and its standard error.
fn sampled_silhouette(
    source: &dyn RowSource,
    labels: &[Option<u32>],
    scoring: &SilhouetteOptions,
) -> Result<Option<(f64, Option<f64>)>> {
    let mut random = ChaCha8Rng::seed_from_u64(scoring.seed);
    random.set_stream(SAMPLE_STREAM);
    let sample = scoring.exact_limit.min(labels.len());
    let mut chosen = index::sample(&mut random, labels.len(), sample).into_vec();
    chosen.sort_unstable();
    let of_sample: Vec<Option<u32>> = chosen.iter().map(|row| labels[*row]).collect();
    if !scorable(&of_sample) {
        return Ok(None);
    }
    let score = silhouette(&select_rows(source, &chosen)?, &of_sample, scoring)?;
    Ok(Some((score.mean, Some(standard_error(&score)))))
}

/// The standard error of the mean over scored rows that are a sample.
fn standard_error(score: &Silhouette) -> f64 {
    let values: Vec<f64> = score.per_row.iter().flatten().copied().collect();
    let n = values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - score.mean).powi(2)).sum();
    (squares / (n - 1.0).max(1.0) / n.max(1.0)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::{ClusterColumns, ClusterMethod, Passes, analyse};
    use super::*;
    use crate::rows::Streamed;

    /// Rows around four points.
    fn rows(n: usize) -> Array2<f32> {
        Array2::from_shape_fn((n, 6), |(i, j)| {
            let noise = ((i * 7919 + j * 104_729) % 1009) as f32 / 1009.0;
            (if j == i % 4 { 3.0 } else { 0.0 }) + noise
        })
    }

    fn options() -> ClusterOptions {
        ClusterOptions { passes: Some(Passes::Two), fit_rows: Some(500), ..Default::default() }
    }

    #[test]
    fn two_passes_have_the_same_bits_for_any_threads_and_any_source() {
        let rows = rows(9000);
        let found = |source: &dyn RowSource, threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| analyse(source, &ClusterColumns::default(), &options(), 42)).unwrap()
        };
        let first = found(&rows, 1);
        for other in [found(&rows, 7), found(&Streamed(&rows), 2)] {
            assert_eq!(other.labels, first.labels);
            assert_eq!(other.inertia.unwrap().to_bits(), first.inertia.unwrap().to_bits());
            assert_eq!(other.silhouette.unwrap().to_bits(), first.silhouette.unwrap().to_bits());
            assert_eq!(other.model.as_ref().unwrap().centroids, first.model.as_ref().unwrap().centroids);
        }
    }

    #[test]
    fn two_passes_find_what_full_passes_find_where_there_are_islands() {
        let rows = rows(9000);
        let columns = ClusterColumns::default();
        let two = analyse(&rows, &columns, &options(), 42).unwrap();
        let full = analyse(&rows, &columns, &ClusterOptions::default(), 42).unwrap();
        assert_eq!(two.sample, Some(FitSample { rows: 500, share: 500.0 / 9000.0 }));
        assert_eq!((full.sample, two.sizes.len()), (None, 4));
        // The centroids err by the sampling error of means of 125 rows: less than 1 % of the inertia.
        let (of_sample, of_all) = (two.inertia.unwrap(), full.inertia.unwrap());
        assert!(of_sample >= of_all && of_sample < 1.02 * of_all, "{of_sample} {of_all}");
        let error = two.silhouette_standard_error.unwrap();
        assert!((two.silhouette.unwrap() - full.silhouette.unwrap()).abs() < 4.0 * error + 0.005);
        assert!(two.clusters.iter().all(|cluster| cluster.examples.len() == 3));
        assert_eq!(two.duplicate_rows, full.duplicate_rows);
    }

    #[test]
    fn a_sample_of_all_rows_is_a_full_fit() {
        let rows = rows(400);
        let columns = ClusterColumns::default();
        let options = ClusterOptions { passes: Some(Passes::Two), ..Default::default() };
        let two = analyse(&rows, &columns, &options, 42).unwrap();
        let full = analyse(&rows, &columns, &ClusterOptions::default(), 42).unwrap();
        assert_eq!((two.sample, two.labels, two.inertia), (None, full.labels, full.inertia));
    }

    #[test]
    fn two_passes_by_cosine_leave_rows_of_zeros_out() {
        let mut rows = rows(9000);
        rows.row_mut(17).fill(0.0);
        let options = ClusterOptions { method: ClusterMethod::Spherical, ..options() };
        let found = analyse(&rows, &ClusterColumns::default(), &options, 42).unwrap();
        assert_eq!((found.zero_rows, found.labels[17]), (1, None));
        assert_eq!(found.sizes.iter().sum::<usize>(), 8999);
    }

    #[test]
    fn a_memory_too_small_for_a_sample_is_refused_and_a_small_one_takes_fewer_rows() {
        let rows = rows(9000);
        let with = |bytes| {
            let memory = crate::memory::Budget::bytes(bytes);
            let options = ClusterOptions { fit_rows: None, memory, ..options() };
            analyse(&rows, &ClusterColumns::default(), &options, 42)
        };
        assert_eq!(with(100_000).unwrap().sample.unwrap().rows, 100_000 / 4 / 24);
        let error = with(2000).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Memory, "{error}");
    }
}
