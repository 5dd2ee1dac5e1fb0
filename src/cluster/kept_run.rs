//! Iterations of k-means in a folder: a run that was cut short goes on from the last one.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Checkpoint, ClusterMethod, ClusterOptions, Iteration};
use crate::error::{Error, Result};
use crate::store::{Layout, Stored, Tensor, save_tensors};

const LAYOUT: Layout = Layout { kind: "k-means checkpoint", version: 1 };

/// The file in the folder.
const FILE: &str = "checkpoint.safetensors";

/// Which run it is: the same rows and options go on, others are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Run {
    rows: usize,
    dims: usize,
    rows_hash: String,
    k: usize,
    method: ClusterMethod,
    seed: u64,
    n_init: Option<usize>,
    tol: Option<f64>,
    two_passes: bool,
}

/// A run whose iterations are kept.
pub(super) struct KeptRun {
    folder: PathBuf,
    run: Run,
}

impl KeptRun {
    /// The run of these options, where they name a folder; `hash` is of the rows that are fitted, `shape` the shape of all.
    pub fn of(
        options: &ClusterOptions,
        hash: u64,
        (rows, dims): (usize, usize),
        seed: u64,
    ) -> Option<KeptRun> {
        let run = Run {
            rows,
            dims,
            rows_hash: format!("{hash:016x}"),
            k: 0,
            method: options.method,
            seed,
            n_init: options.n_init,
            tol: options.tol,
            two_passes: options.in_two_passes(),
        };
        options.checkpoint.clone().map(|folder| KeptRun { folder, run })
    }

    /// The folder for a number of clusters.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn folder(&self, k: usize) -> Result<KeptFolder> {
        std::fs::create_dir_all(&self.folder)
            .map_err(|error| Error::io("cannot make the folder", error).file(&self.folder))?;
        Ok(KeptFolder { file: self.folder.join(FILE), run: Run { k, ..self.run.clone() } })
    }
}

/// The folder of a run.
pub(super) struct KeptFolder {
    file: PathBuf,
    run: Run,
}

#[derive(Serialize, Deserialize)]
struct About {
    run: Run,
    n_iter: usize,
    converged: bool,
    counts: Vec<i64>,
}

impl Checkpoint for KeptFolder {
    fn last(&mut self) -> Result<Option<Iteration>> {
        if !self.file.exists() {
            return Ok(None);
        }
        let stored = Stored::open(&self.file, LAYOUT)?;
        let About { run, n_iter, converged, counts } = stored.about()?;
        if run != self.run {
            return Err(Error::argument("the checkpoint is of another run")
                .with_code("checkpoint-differs")
                .file(&self.file)
                .seen(self.run.difference(&run))
                .advice("name another folder, or delete this one to begin anew"));
        }
        Ok(Some(Iteration {
            n_iter,
            converged,
            counts,
            centroids: stored.matrix("centroids")?,
            sums: stored.matrix_f64("sums")?,
            labels: stored.whole_numbers("labels")?,
        }))
    }

    fn keep(&mut self, iteration: Iteration) -> Result<()> {
        let Iteration { n_iter, converged, centroids, labels, sums, counts } = iteration;
        let about = About { run: self.run.clone(), n_iter, converged, counts };
        let numbers = [
            ("centroids", Tensor::F32(&centroids)),
            ("labels", Tensor::U32(&labels)),
            ("sums", Tensor::F64(&sums)),
        ];
        save_tensors(&self.file, LAYOUT, &about, &numbers)
    }
}

impl Run {
    /// In which way a kept run differs from this one, in words.
    fn difference(&self, kept: &Run) -> String {
        let said = |what: &str, kept: String, here: String| format!("{what} {kept} there, {here} here");
        let or_default = |n: Option<String>| n.unwrap_or_else(|| "by default".to_owned());
        let differences = [
            (kept.rows != self.rows, said("rows:", kept.rows.to_string(), self.rows.to_string())),
            (kept.dims != self.dims, said("dimensions:", kept.dims.to_string(), self.dims.to_string())),
            (kept.k != self.k, said("clusters:", kept.k.to_string(), self.k.to_string())),
            (
                kept.method != self.method,
                said("method", kept.method.name().into(), self.method.name().into()),
            ),
            (kept.seed != self.seed, said("seed", kept.seed.to_string(), self.seed.to_string())),
            (
                kept.n_init != self.n_init,
                said(
                    "--n-init",
                    or_default(kept.n_init.map(|n| n.to_string())),
                    or_default(self.n_init.map(|n| n.to_string())),
                ),
            ),
            (
                kept.tol != self.tol,
                said(
                    "--tol",
                    or_default(kept.tol.map(|tol| tol.to_string())),
                    or_default(self.tol.map(|tol| tol.to_string())),
                ),
            ),
            (
                kept.two_passes != self.two_passes,
                said("fitted on a sample:", kept.two_passes.to_string(), self.two_passes.to_string()),
            ),
        ];
        let found = differences.into_iter().find(|(differs, _)| *differs);
        found.map_or_else(|| "other rows, or another sample of them".to_owned(), |(_, words)| words)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use rand::{Rng, SeedableRng};

    use super::super::{ClusterColumns, Clustering, KMeans, analyse};
    use super::*;

    /// More rows than the starts compete on, none of them between two centroids to the last digit.
    fn rows() -> Array2<f32> {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(8);
        Array2::from_shape_simple_fn((24_000, 4), || random.gen_range(0.0_f32..1.0).powi(2))
    }

    fn cluster(rows: &Array2<f32>, change: impl Fn(&mut ClusterOptions)) -> Result<Clustering> {
        let mut options =
            ClusterOptions { k: Some(7.into()), n_init: Some(2), tol: Some(0.0), ..Default::default() };
        change(&mut options);
        analyse(rows, &ClusterColumns::default(), &options, 42)
    }

    /// Keeps two iterations; then the process ends.
    struct Killed<'a>(&'a mut KeptFolder);

    impl Checkpoint for Killed<'_> {
        fn last(&mut self) -> Result<Option<Iteration>> {
            self.0.last()
        }

        fn keep(&mut self, iteration: Iteration) -> Result<()> {
            let n_iter = iteration.n_iter;
            self.0.keep(iteration)?;
            if n_iter == 2 { Err(Error::input("killed")) } else { Ok(()) }
        }
    }

    #[test]
    fn a_run_that_was_cut_short_goes_on_to_the_same_clusters() {
        let folder = tempfile::tempdir().unwrap();
        let rows = rows();
        let params = KMeans::params(7).n_init(2).tol(0.0).seed(42);
        let kept = |name: &str| {
            let options = ClusterOptions { checkpoint: Some(folder.path().join(name)), ..Default::default() };
            KeptRun::of(&options, 1, rows.dim(), 42).unwrap().folder(7).unwrap()
        };
        let whole = params.fit_kept(&rows, &mut kept("whole")).unwrap();
        assert!(whole.n_iter > 3, "{}", whole.n_iter);
        let killed = params.fit_kept(&rows, &mut Killed(&mut kept("cut"))).unwrap_err();
        assert_eq!(killed.to_string(), "killed");
        // What has come to its end stays there.
        for _ in 0..2 {
            let on = params.fit_kept(&rows, &mut kept("cut")).unwrap();
            assert_eq!(on.n_iter, whole.n_iter);
            assert!(on.labels == whole.labels && on.centroids == whole.centroids);
        }
    }

    #[test]
    fn a_checkpoint_of_another_run_is_refused_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        let mut rows = rows();
        let on = |rows: &Array2<f32>, change: &dyn Fn(&mut ClusterOptions)| {
            cluster(rows, |o| {
                (o.checkpoint, o.max_iter) = (Some(path.clone()), Some(2));
                change(o);
            })
        };
        on(&rows, &|_| ()).unwrap();
        let said = |found: Result<Clustering>| {
            let error = found.unwrap_err();
            assert_eq!(error.code(), "checkpoint-differs");
            error.to_string()
        };
        assert!(said(on(&rows, &|o| o.k = Some(8.into()))).contains("clusters: 7 there, 8 here"));
        assert!(said(on(&rows, &|o| o.tol = Some(0.5))).contains("--tol 0 there, 0.5 here"));
        assert!(said(on(&rows, &|o| o.n_init = None)).contains("--n-init 2 there, by default here"));
        rows[[23_999, 3]] += 1.0;
        assert!(said(on(&rows, &|_| ())).contains("other rows"));
    }

    #[test]
    fn a_checkpoint_whose_numbers_do_not_belong_together_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let rows = rows();
        let params = KMeans::params(7).n_init(1).max_iter(2).seed(42);
        let options = ClusterOptions { checkpoint: Some(folder.path().to_owned()), ..Default::default() };
        let mut kept = KeptRun::of(&options, 1, rows.dim(), 42).unwrap().folder(7).unwrap();
        params.fit_kept(&rows, &mut kept).unwrap();
        let whole = kept.last().unwrap().unwrap();
        let broken: [fn(&mut Iteration); 5] = [
            |it| it.counts[0] = i64::MAX,
            |it| it.labels[5] = 7,
            |it| it.centroids[[0, 0]] = f32::NAN,
            |it| it.sums[[1, 1]] = f64::INFINITY,
            |it| it.labels.truncate(100),
        ];
        for change in broken {
            let mut iteration = whole.clone();
            change(&mut iteration);
            kept.keep(iteration).unwrap();
            assert_eq!(params.fit_kept(&rows, &mut kept).unwrap_err().code(), "checkpoint-differs");
        }
    }

    #[test]
    fn a_damaged_checkpoint_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let rows = rows();
        let run =
            || cluster(&rows, |o| (o.checkpoint, o.max_iter) = (Some(folder.path().to_owned()), Some(1)));
        run().unwrap();
        let file = folder.path().join(FILE);
        let bytes = std::fs::read(&file).unwrap();
        std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
        assert!(run().unwrap_err().to_string().contains(FILE));
    }
}
