//! Clusters of given rows by each method, and the best of several numbers of them.

use std::collections::BTreeMap;
use std::time::Instant;

use ndarray::{CowArray, Ix2};
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;

use super::k_means::usual_start_rows;
use super::kept_run::KeptRun;
use super::{
    Choice, ChooseOptions, ClusterMethod, ClusterOptions, DensityClusters, KMeans, KMeansParams, choose_k,
    dbscan, hdbscan,
};
use crate::error::Result;
use crate::rows::{RowSource, all_rows, select_rows};

/// Numbers of clusters are compared on this many rows of a source that is not in memory.
const ROWS_TO_CHOOSE: usize = 20_000;

/// What a method said.
pub(super) struct Fitted {
    pub labels: Vec<Option<u32>>,
    pub inertia: Option<f64>,
    pub iterations: Option<usize>,
    pub bic: Option<f64>,
    pub eps: Option<f64>,
    pub noise: usize,
    pub seconds: f64,
    pub model: Option<KMeans>,
}

/// Rows to be clustered, and how.
pub(super) struct Fitting<'a> {
    pub points: &'a dyn RowSource,
    pub options: &'a ClusterOptions,
    pub seed: u64,
    /// Where the iterations of k-means are kept.
    pub kept: Option<&'a KeptRun>,
}

impl Fitting<'_> {
    pub fn fit(&self, k: usize) -> Result<Fitted> {
        let begin = Instant::now();
        let mut fitted = match self.options.method {
            ClusterMethod::KMeans | ClusterMethod::Spherical => {
                let params = self.k_means(k);
                let model = match self.kept {
                    Some(run) => params.fit_kept(self.points, &mut run.folder(k)?)?,
                    None => params.fit_rows(self.points)?,
                };
                Fitted {
                    inertia: Some(model.inertia),
                    iterations: Some(model.n_iter),
                    ..Fitted::of(model.labels.clone(), Some(model))
                }
            }
            ClusterMethod::Mixture => {
                let mixture = self.options.mixture(k, self.seed).fit_rows(self.matrix()?.view())?;
                Fitted { bic: Some(mixture.bic), ..Fitted::of(mixture.labels, None) }
            }
            ClusterMethod::Dbscan => {
                Fitted::of_density(dbscan(self.matrix()?.view(), &self.options.dbscan())?)
            }
            ClusterMethod::Hdbscan => {
                Fitted::of_density(hdbscan(self.matrix()?.view(), &self.options.hdbscan())?)
            }
        };
        fitted.seconds = begin.elapsed().as_secs_f64();
        Ok(fitted)
    }

    /// The parameters of k-means. On rows that do not fit in the memory that was allowed, the starts compete on a part of
    /// them that does, as they do on the sample of two passes.
    fn k_means(&self, k: usize) -> KMeansParams {
        let params = self.options.k_means(k, self.seed);
        let rows = 4 * (self.points.n_rows() * self.points.dims()) as u64;
        let usual = usual_start_rows(k);
        let Some(bytes) = self.options.memory.given() else {
            return if self.options.in_two_passes() { params.start_rows(usual) } else { params };
        };
        let params = params.bounds(bytes / 4);
        if rows <= bytes && !self.options.in_two_passes() {
            return params;
        }
        params.start_rows(self.in_memory(usual).max(k))
    }

    /// As many rows as wanted, or as an eighth of the memory holds that was allowed.
    fn in_memory(&self, wanted: usize) -> usize {
        let row = 4 * self.points.dims().max(1) as u64;
        let fit = self.options.memory.given().map(|bytes| bytes / 8 / row);
        fit.map_or(wanted, |fit| usize::try_from(fit).unwrap_or(usize::MAX).min(wanted))
    }

    fn matrix(&self) -> Result<CowArray<'_, f32, Ix2>> {
        all_rows(self.points)
    }

    /// The best of several numbers of clusters. Each is fitted once; of a source that is not in memory they
    /// are compared on a sample.
    pub fn best(&self, search: &ChooseOptions) -> Result<(Fitted, Choice)> {
        let mixture = self.options.method == ClusterMethod::Mixture;
        let by_kind = |choice: Choice| if mixture { choice.by_bic() } else { choice };
        let n = self.points.n_rows();
        let few = self.in_memory(ROWS_TO_CHOOSE);
        if self.points.as_matrix().is_none() && n > few {
            let mut random = ChaCha8Rng::seed_from_u64(self.seed);
            let mut chosen = index::sample(&mut random, n, few).into_vec();
            chosen.sort_unstable();
            let sample = select_rows(self.points, &chosen)?;
            let on_sample = Fitting { points: &sample, kept: None, ..*self };
            let choice = choose_k(sample.view(), search, |k| Ok(on_sample.fit(k)?.for_choice()))?;
            return Ok((self.fit(choice.chosen)?, by_kind(choice)));
        }
        let rows = self.matrix()?;
        let fitting = Fitting { points: &rows.view(), kept: None, ..*self };
        let mut fits = BTreeMap::new();
        let choice = choose_k(rows.view(), search, |k| {
            let fitted = fitting.fit(k)?;
            let scored = fitted.for_choice();
            fits.insert(k, fitted);
            Ok(scored)
        })?;
        let fitted = fits.remove(&choice.chosen).map_or_else(|| fitting.fit(choice.chosen), Ok)?;
        Ok((fitted, by_kind(choice)))
    }
}

impl Fitted {
    fn of(labels: Vec<Option<u32>>, model: Option<KMeans>) -> Fitted {
        Fitted {
            labels,
            inertia: None,
            iterations: None,
            bic: None,
            eps: None,
            noise: 0,
            seconds: 0.0,
            model,
        }
    }

    fn of_density(found: DensityClusters) -> Fitted {
        Fitted { eps: found.eps, noise: found.noise, ..Fitted::of(found.labels, None) }
    }

    /// Labels and cost. A mixture has no inertia; its criterion bends where one would.
    fn for_choice(&self) -> (Vec<Option<u32>>, f64) {
        (self.labels.clone(), self.inertia.or(self.bic).unwrap_or_default())
    }
}
