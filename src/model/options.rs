//! Which model, and how it is fitted.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::forest::MaxFeatures;

/// A kind of model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// A random forest.
    Forest,
    /// Gradient boosting.
    Boost,
    /// A single tree, to be read.
    Tree,
    /// Logistic regression; classes only.
    Logistic,
    /// Ridge regression; numbers only.
    Ridge,
    /// The nearest neighbours.
    Knn,
}

impl ModelKind {
    /// What to call a model of this kind in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            ModelKind::Forest => "forest",
            ModelKind::Boost => "boosted trees",
            ModelKind::Tree => "tree",
            ModelKind::Logistic => "logistic regression",
            ModelKind::Ridge => "ridge regression",
            ModelKind::Knn => "nearest neighbours",
        }
    }
}

/// Which model an analysis fits, and how. What a kind does not know it ignores.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelOptions {
    /// The kind. Default: a forest.
    pub kind: ModelKind,
    /// Trees of a forest, rounds of boosting. Default: 100.
    pub trees: usize,
    /// Features of a node of a forest; `None` is the default of the task (all for numbers, the square
    /// root for classes).
    pub max_features: Option<MaxFeatures>,
    /// The most splits from the root to a leaf. `None`: no limit; for a single tree 4.
    pub max_depth: Option<usize>,
    /// The fewest rows of a leaf. `None`: 1 for a forest, 20 for boosting, 5 for a single tree.
    pub min_samples_leaf: Option<usize>,
    /// The share of each step of boosting that is taken. Default: 0.1.
    pub learning_rate: f64,
    /// The price of long coefficients of ridge and logistic regression. Default: 1.
    pub alpha: f64,
    /// Neighbours that are asked. Default: 5.
    pub n_neighbors: usize,
    /// Whether every class counts the same, however many rows it has (forest and boosting). Default: no.
    pub balanced: bool,
    /// The seed of the model and of the intervals. Default: 42.
    pub seed: u64,
}

impl Default for ModelOptions {
    fn default() -> Self {
        ModelOptions {
            kind: ModelKind::Forest,
            trees: 100,
            max_features: None,
            max_depth: None,
            min_samples_leaf: None,
            learning_rate: 0.1,
            alpha: 1.0,
            n_neighbors: 5,
            balanced: false,
            seed: 42,
        }
    }
}

impl ModelOptions {
    /// The weight of each row: as given, times the weight of its class when classes are balanced.
    pub(super) fn weights(
        &self,
        weights: Option<&[f64]>,
        classes: Option<&[usize]>,
    ) -> Result<Option<Vec<f64>>> {
        if weights.is_none() && !self.balanced {
            return Ok(None);
        }
        let takes = match self.kind {
            ModelKind::Forest | ModelKind::Boost => true,
            ModelKind::Ridge | ModelKind::Tree => classes.is_none(),
            ModelKind::Logistic | ModelKind::Knn => false,
        };
        if !takes {
            let what = if self.balanced { "balanced classes" } else { "weights of rows" };
            return Err(Error::argument(format!("{} and {what} do not go together", self.kind.name()))
                .advice("use forest or boost"));
        }
        let Some(classes) = classes.filter(|_| self.balanced) else {
            return match weights {
                _ if self.balanced => Err(Error::argument("balanced classes, where there are no classes")),
                weights => Ok(weights.map(<[f64]>::to_vec)),
            };
        };
        let mut counts = vec![0_usize; classes.iter().max().map_or(0, |most| most + 1)];
        classes.iter().for_each(|class| counts[*class] += 1);
        let present = counts.iter().filter(|count| **count > 0).count();
        let balance = |class: usize| classes.len() as f64 / (present * counts[class]) as f64;
        Ok(Some(
            classes
                .iter()
                .enumerate()
                .map(|(row, class)| weights.map_or(1.0, |weights| weights[row]) * balance(*class))
                .collect(),
        ))
    }
}
