//! K nearest neighbours: the mean, or the class shares, of the training rows nearest to a row.

use std::marker::PhantomData;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::linear::require_dims;
use super::params::{Parameters, Unchecked, refuse_weights};
use crate::error::{Error, Result};
use crate::rows::{Metric, require_finite, top_k};
use crate::store::{Layout, Parts, Persist, Stored, in_json, persist};
use crate::targets::{likeliest, require_classes, require_finite_targets, require_usable};

/// Predicts a number: the mean of the `n_neighbors` training rows nearest by Euclidean distance, equal
/// distances in the order of the rows. The search is exact.
///
/// ```
/// use embedlab::model::KnnRegressor;
/// use ndarray::array;
/// let rows = array![[0.0_f32], [1.0], [2.0], [10.0]];
/// let model = KnnRegressor::params().n_neighbors(3).fit_rows(rows.view(), &[1.0, 2.0, 3.0, 9.0], None)?;
/// assert_eq!(model.predict_rows(array![[1.1_f32]].view())?, [2.0]);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// Reference: scikit-learn's `KNeighborsRegressor`.
#[derive(Debug, Clone, PartialEq)]
pub struct KnnRegressor(Nearest);

/// Predicts a class: the shares of the classes among the `n_neighbors` training rows nearest by Euclidean
/// distance, equal distances in the order of the rows. The search is exact.
///
/// ```
/// use embedlab::model::KnnClassifier;
/// use ndarray::array;
/// let rows = array![[0.0_f32], [1.0], [2.0], [10.0]];
/// let model = KnnClassifier::params().n_neighbors(3).fit_rows(rows.view(), &[0, 1, 1, 0], None)?;
/// assert_eq!(model.predict_rows(array![[1.1_f32]].view())?, [1]);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// Reference: scikit-learn's `KNeighborsClassifier`.
#[derive(Debug, Clone, PartialEq)]
pub struct KnnClassifier(Nearest);

/// Parameters of k nearest neighbours.
#[derive(Debug, Clone, PartialEq)]
pub struct KnnParams<M> {
    n_neighbors: usize,
    kind: PhantomData<M>,
}

impl<M> KnnParams<M> {
    fn unchecked() -> Unchecked<KnnParams<M>> {
        Unchecked(KnnParams { n_neighbors: 5, kind: PhantomData })
    }
}

impl<M> Unchecked<KnnParams<M>> {
    /// The number of neighbours, from 1 to the number of training rows. Default: 5.
    pub fn n_neighbors(mut self, n_neighbors: usize) -> Self {
        self.0.n_neighbors = n_neighbors;
        self
    }
}

impl<M> Parameters for KnnParams<M> {
    fn check(&self) -> Result<()> {
        match self.n_neighbors {
            0 => Err(Error::argument("n_neighbors is too small").seen("0").advice("give at least 1")),
            _ => Ok(()),
        }
    }
}

impl KnnRegressor {
    /// Parameters with scikit-learn's defaults: 5 neighbours.
    pub fn params() -> Unchecked<KnnParams<KnnRegressor>> {
        KnnParams::unchecked()
    }

    /// The mean number of each row's neighbours.
    ///
    /// # Errors
    /// When the dimensions differ from the model's, or a number is not finite.
    pub fn predict_rows(&self, rows: ArrayView2<'_, f32>) -> Result<Vec<f64>> {
        let n = self.0.n_neighbors as f64;
        Ok(self.0.neighbors(rows)?.into_iter().map(|targets| targets.iter().sum::<f64>() / n).collect())
    }

    /// The number of features that rows must have.
    pub fn n_features(&self) -> usize {
        self.0.rows.ncols()
    }
}

impl KnnParams<KnnRegressor> {
    /// Keeps rows (n x d) and a number for each. Weights are refused.
    ///
    /// # Errors
    /// When the numbers of rows and targets differ, a number is not finite, or there are fewer rows than
    /// neighbours.
    pub fn fit_rows(
        &self,
        rows: ArrayView2<'_, f32>,
        targets: &[f64],
        weights: Option<&[f64]>,
    ) -> Result<KnnRegressor> {
        refuse_weights("k nearest neighbours", weights)?;
        require_usable(rows, targets.len(), None)?;
        require_finite_targets(targets)?;
        Ok(KnnRegressor(Nearest::new(rows, targets.to_vec(), self.n_neighbors, 0)?))
    }
}

impl KnnClassifier {
    /// Parameters with scikit-learn's defaults: 5 neighbours.
    pub fn params() -> Unchecked<KnnParams<KnnClassifier>> {
        KnnParams::unchecked()
    }

    /// The shares of the classes among each row's neighbours, n x classes.
    ///
    /// # Errors
    /// When the dimensions differ from the model's, or a number is not finite.
    pub fn predict_probabilities(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f64>> {
        let share = 1.0 / self.0.n_neighbors as f64;
        let mut shares = Array2::zeros((rows.nrows(), self.0.n_classes));
        for (row, classes) in self.0.neighbors(rows)?.into_iter().enumerate() {
            classes.into_iter().for_each(|class| shares[[row, class as usize]] += share);
        }
        Ok(shares)
    }

    /// The likeliest class of each row; of equally likely ones the first.
    ///
    /// # Errors
    /// As [`predict_probabilities`](KnnClassifier::predict_probabilities).
    pub fn predict_rows(&self, rows: ArrayView2<'_, f32>) -> Result<Vec<usize>> {
        Ok(likeliest(&self.predict_probabilities(rows)?))
    }

    /// The number of features that rows must have.
    pub fn n_features(&self) -> usize {
        self.0.rows.ncols()
    }

    /// The number of classes: the largest class of the training rows and 1.
    pub fn n_classes(&self) -> usize {
        self.0.n_classes
    }
}

impl KnnParams<KnnClassifier> {
    /// Keeps rows (n x d) and a class for each, numbered from 0. Weights are refused.
    ///
    /// # Errors
    /// When the numbers of rows and labels differ, there is one class only, a number is not finite, or
    /// there are fewer rows than neighbours.
    pub fn fit_rows(
        &self,
        rows: ArrayView2<'_, f32>,
        labels: &[usize],
        weights: Option<&[f64]>,
    ) -> Result<KnnClassifier> {
        refuse_weights("k nearest neighbours", weights)?;
        require_usable(rows, labels.len(), None)?;
        let n_classes = require_classes(labels)?;
        let targets = labels.iter().map(|label| *label as f64).collect();
        Ok(KnnClassifier(Nearest::new(rows, targets, self.n_neighbors, n_classes)?))
    }
}

/// Training rows and what each has: a number, or a class.
#[derive(Debug, Clone, PartialEq)]
struct Nearest {
    rows: Array2<f32>,
    targets: Vec<f64>,
    n_neighbors: usize,
    /// 0 for numbers.
    n_classes: usize,
}

impl Nearest {
    fn new(
        rows: ArrayView2<'_, f32>,
        targets: Vec<f64>,
        n_neighbors: usize,
        n_classes: usize,
    ) -> Result<Nearest> {
        if n_neighbors > rows.nrows() {
            return Err(Error::argument("more neighbours than training rows")
                .seen(format!("{n_neighbors} neighbours, {} rows", rows.nrows()))
                .advice(format!("give 1 to {}", rows.nrows())));
        }
        Ok(Nearest { rows: rows.as_standard_layout().into_owned(), targets, n_neighbors, n_classes })
    }

    fn neighbors(&self, rows: ArrayView2<'_, f32>) -> Result<Vec<Vec<f64>>> {
        require_dims(rows, self.rows.ncols())?;
        require_finite(rows)?;
        let hits = top_k(&self.rows.view(), rows, self.n_neighbors, Metric::L2)?;
        Ok(hits.into_iter().map(|hits| hits.into_iter().map(|hit| self.targets[hit.row]).collect()).collect())
    }
}

#[derive(Serialize, Deserialize)]
struct Metadata {
    /// The name that the first format gave them.
    #[serde(rename = "says")]
    targets: Vec<f64>,
    n_neighbors: usize,
    n_classes: usize,
}

impl Nearest {
    fn parts(&self) -> Result<Parts> {
        let (targets, n_neighbors, n_classes) = (self.targets.clone(), self.n_neighbors, self.n_classes);
        let about = in_json(&Metadata { targets, n_neighbors, n_classes })?;
        Ok(Parts { about, matrices: vec![("rows", self.rows.clone())] })
    }

    fn restore(about: Value, stored: &Stored, of_classes: bool) -> Result<Nearest> {
        let Metadata { targets, n_neighbors, n_classes } =
            serde_json::from_value(about).map_err(|error| stored.damaged("no neighbours").source(error))?;
        let rows = stored.matrix("rows")?;
        let is_class = |target: &f64| *target >= 0.0 && *target < n_classes as f64 && target.fract() == 0.0;
        if rows.nrows() != targets.len()
            || rows.ncols() == 0
            || !(1..=targets.len()).contains(&n_neighbors)
            || targets.iter().any(|target| !target.is_finite())
            || (n_classes > 0) != of_classes
            || (of_classes && !targets.iter().all(is_class))
            || n_classes > targets.len().saturating_mul(2).max(1000)
            || rows.iter().any(|x| !x.is_finite())
        {
            return Err(stored.damaged("rows that do not fit their targets"));
        }
        Ok(Nearest { rows, targets, n_neighbors, n_classes })
    }
}

const LAYOUT: Layout = Layout { kind: "nearest", version: 1 };

impl Persist for KnnRegressor {
    const LAYOUT: Layout = LAYOUT;

    fn parts(&self) -> Result<Parts> {
        self.0.parts()
    }

    fn restore(about: Value, stored: &Stored) -> Result<KnnRegressor> {
        Ok(KnnRegressor(Nearest::restore(about, stored, false)?))
    }
}

impl Persist for KnnClassifier {
    const LAYOUT: Layout = LAYOUT;

    fn parts(&self) -> Result<Parts> {
        self.0.parts()
    }

    fn restore(about: Value, stored: &Stored) -> Result<KnnClassifier> {
        Ok(KnnClassifier(Nearest::restore(about, stored, true)?))
    }
}

persist!(KnnRegressor);
persist!(KnnClassifier);
