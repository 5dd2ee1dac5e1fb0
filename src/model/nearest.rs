//! Nearest neighbours: what the rows most like a row say.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::linear::require_dims;
use crate::error::{Error, Result};
use crate::forest::{Parts, Stows, in_json, likeliest, require_classes, require_usable};
use crate::rows::{Metric, require_finite, top_k};
use crate::store::{Layout, Stored};

/// Training rows and, for each, what it says: a number, or a class.
///
/// A row is predicted by the mean number, or the shares of the classes, of the `n_neighbors` training
/// rows nearest by Euclidean distance, equal distances in the order of the rows. The search is exact.
///
/// ```
/// use embedlab::model::Nearest;
/// use ndarray::array;
/// let rows = array![[0.0_f32], [1.0], [2.0], [10.0]];
/// let model = Nearest::of_numbers(rows.view(), &[1.0, 2.0, 3.0, 9.0], 3)?;
/// assert_eq!(model.predict_numbers(array![[1.1_f32]].view())?, [2.0]);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// Reference: scikit-learn's `KNeighborsRegressor` and `KNeighborsClassifier`.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearest {
    rows: Array2<f32>,
    /// The number of each row, or its class.
    says: Vec<f64>,
    n_neighbors: usize,
    /// 0 for numbers.
    n_classes: usize,
}

impl Nearest {
    /// Keeps rows (n x d) and a number for each.
    ///
    /// # Errors
    /// When the numbers of rows and targets differ, a number is not finite, or `n_neighbors` is 0 or
    /// larger than the number of rows.
    pub fn of_numbers(rows: ArrayView2<'_, f32>, targets: &[f64], n_neighbors: usize) -> Result<Nearest> {
        require_usable(rows, targets.len(), None)?;
        crate::forest::require_finite_targets(targets)?;
        require_neighbors(n_neighbors, rows.nrows())?;
        Ok(Nearest {
            rows: rows.as_standard_layout().into_owned(),
            says: targets.to_vec(),
            n_neighbors,
            n_classes: 0,
        })
    }

    /// Keeps rows (n x d) and a class for each, numbered from 0.
    ///
    /// # Errors
    /// As [`of_numbers`](Nearest::of_numbers), and when there is one class only.
    pub fn of_classes(rows: ArrayView2<'_, f32>, labels: &[usize], n_neighbors: usize) -> Result<Nearest> {
        require_usable(rows, labels.len(), None)?;
        let n_classes = require_classes(labels)?;
        require_neighbors(n_neighbors, rows.nrows())?;
        let says = labels.iter().map(|label| *label as f64).collect();
        Ok(Nearest { rows: rows.as_standard_layout().into_owned(), says, n_neighbors, n_classes })
    }

    /// The mean number of each row's neighbours.
    ///
    /// # Errors
    /// When the dimensions differ from the model's, or a number is not finite.
    pub fn predict_numbers(&self, rows: ArrayView2<'_, f32>) -> Result<Vec<f64>> {
        let n = self.n_neighbors as f64;
        Ok(self.neighbors(rows)?.into_iter().map(|says| says.iter().sum::<f64>() / n).collect())
    }

    /// The shares of the classes among each row's neighbours, n x classes.
    ///
    /// # Errors
    /// As [`predict_numbers`](Nearest::predict_numbers).
    pub fn predict_probabilities(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f64>> {
        let mut shares = Array2::zeros((rows.nrows(), self.n_classes));
        for (row, says) in self.neighbors(rows)?.into_iter().enumerate() {
            says.into_iter().for_each(|class| shares[[row, class as usize]] += 1.0 / self.n_neighbors as f64);
        }
        Ok(shares)
    }

    /// The likeliest class of each row; of equally likely ones the first.
    ///
    /// # Errors
    /// As [`predict_numbers`](Nearest::predict_numbers).
    pub fn predict_classes(&self, rows: ArrayView2<'_, f32>) -> Result<Vec<usize>> {
        Ok(likeliest(&self.predict_probabilities(rows)?))
    }

    pub(super) fn n_features(&self) -> usize {
        self.rows.ncols()
    }

    pub(super) fn n_classes(&self) -> usize {
        self.n_classes
    }

    fn neighbors(&self, rows: ArrayView2<'_, f32>) -> Result<Vec<Vec<f64>>> {
        require_dims(rows, self.rows.ncols())?;
        require_finite(rows)?;
        let found = top_k(&self.rows.view(), rows, self.n_neighbors, Metric::L2)?;
        Ok(found.into_iter().map(|hits| hits.into_iter().map(|hit| self.says[hit.row]).collect()).collect())
    }
}

fn require_neighbors(n_neighbors: usize, n_rows: usize) -> Result<()> {
    if n_neighbors == 0 || n_neighbors > n_rows {
        return Err(Error::argument("no such number of neighbours")
            .seen(format!("{n_neighbors} of {n_rows} training rows"))
            .advice(format!("give 1 to {n_rows}")));
    }
    Ok(())
}

#[derive(Serialize, Deserialize)]
struct About {
    says: Vec<f64>,
    n_neighbors: usize,
    n_classes: usize,
}

impl Stows for Nearest {
    const LAYOUT: Layout = Layout { kind: "nearest", version: 1 };

    fn parts(&self) -> Result<Parts> {
        let (says, n_neighbors, n_classes) = (self.says.clone(), self.n_neighbors, self.n_classes);
        let about = in_json(&About { says, n_neighbors, n_classes })?;
        Ok(Parts { about, matrices: vec![("rows", self.rows.clone())] })
    }

    fn restore(about: Value, stored: &Stored) -> Result<Nearest> {
        let About { says, n_neighbors, n_classes } =
            serde_json::from_value(about).map_err(|error| stored.damaged("no neighbours").source(error))?;
        let rows = stored.matrix("rows")?;
        let is_class = |says: &f64| *says >= 0.0 && *says < n_classes as f64 && says.fract() == 0.0;
        if rows.nrows() != says.len()
            || rows.ncols() == 0
            || !(1..=says.len()).contains(&n_neighbors)
            || says.iter().any(|says| !says.is_finite())
            || (n_classes > 0 && !says.iter().all(is_class))
            || n_classes > says.len().saturating_mul(2).max(1000)
            || rows.iter().any(|x| !x.is_finite())
        {
            return Err(stored.damaged("rows that do not fit what they say"));
        }
        Ok(Nearest { rows, says, n_neighbors, n_classes })
    }
}
