//! Which model, and how it is fitted.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::forest::MaxFeatures;

/// A kind of model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// A random forest.
    #[default]
    Forest,
    /// Gradient boosting.
    Boost,
    /// A single small tree that can be read.
    Tree,
    /// Logistic regression; classes only.
    Logistic,
    /// Ridge regression; numbers only.
    Ridge,
    /// K nearest neighbours.
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

impl ModelKind {
    /// About how many matrices of all rows in 32-bit numbers a fit takes beside the rows: a copy of the training rows, and what
    /// the model makes of it (the linear ones and the small tree work on 64-bit numbers, trees on bins of one byte).
    fn matrices(self) -> f64 {
        match self {
            ModelKind::Forest | ModelKind::Boost => 1.3,
            ModelKind::Knn => 2.0,
            ModelKind::Ridge | ModelKind::Logistic => 3.0,
            ModelKind::Tree => 3.5,
        }
    }

    /// The bytes that a fit takes beside the rows, of which there are `rows` of `dims` dimensions.
    pub fn memory(self, rows: usize, dims: usize) -> u64 {
        (self.matrices() * 4.0 * rows as f64 * dims as f64) as u64
    }
}

/// Which model an analysis fits, and how. `None` is the default of the kind; an option that the kind does not
/// have is refused when it is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct ModelOptions {
    /// The kind of model; logistic is for classes, ridge for numbers
    #[serde(rename = "model")]
    #[cfg_attr(feature = "cli", arg(long = "model", value_name = "KIND", value_enum, default_value_t))]
    pub kind: ModelKind,
    /// Trees of a forest, rounds of boosting [default: 100]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N"))]
    pub trees: Option<usize>,
    /// Features considered at each split of a forest: all, sqrt, log2, a share such as 0.3, or a number [default: all to regress, sqrt to classify]
    #[cfg_attr(feature = "cli", arg(long, value_name = "WHICH"))]
    pub max_features: Option<MaxFeatures>,
    /// Maximum depth of forest, boost and tree, in splits [default: no limit; for tree 4]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N"))]
    pub max_depth: Option<usize>,
    /// Minimum rows per leaf of forest, boost and tree [default: 1; for boost 20, for tree 5]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N"))]
    pub min_samples_leaf: Option<usize>,
    /// Learning rate of boosting [default: 0.1]
    #[cfg_attr(feature = "cli", arg(long, value_name = "X"))]
    pub learning_rate: Option<f64>,
    /// L2 regularisation strength of ridge and logistic [default: 1]
    #[cfg_attr(feature = "cli", arg(long, value_name = "X"))]
    pub alpha: Option<f64>,
    /// Neighbours of knn [default: 5]
    #[serde(rename = "neighbors")]
    #[cfg_attr(feature = "cli", arg(long = "neighbors", value_name = "N"))]
    pub n_neighbors: Option<usize>,
    /// Weight classes equally, whatever their number of rows (forest and boost)
    #[cfg_attr(feature = "cli", arg(long))]
    pub balanced: bool,
    /// The seed of the model and of the intervals; default: 42. An analysis sets it to its own.
    #[serde(skip)]
    #[cfg_attr(feature = "cli", arg(skip = 42_u64))]
    pub seed: u64,
}

impl Default for ModelOptions {
    fn default() -> Self {
        ModelOptions {
            kind: ModelKind::Forest,
            trees: None,
            max_features: None,
            max_depth: None,
            min_samples_leaf: None,
            learning_rate: None,
            alpha: None,
            n_neighbors: None,
            balanced: false,
            seed: 42,
        }
    }
}

impl ModelOptions {
    /// # Errors
    /// When an option is given that the kind does not have.
    pub fn check(&self) -> Result<()> {
        use ModelKind::{Boost, Forest, Knn, Logistic, Ridge, Tree};
        let given = [
            ("trees", self.trees.is_some(), &[Forest, Boost][..]),
            ("max_features", self.max_features.is_some(), &[Forest]),
            ("max_depth", self.max_depth.is_some(), &[Forest, Boost, Tree]),
            ("min_samples_leaf", self.min_samples_leaf.is_some(), &[Forest, Boost, Tree]),
            ("learning_rate", self.learning_rate.is_some(), &[Boost]),
            ("alpha", self.alpha.is_some(), &[Ridge, Logistic]),
            ("neighbors", self.n_neighbors.is_some(), &[Knn]),
            ("balanced", self.balanced, &[Forest, Boost]),
        ];
        match given.into_iter().find(|(_, given, kinds)| *given && !kinds.contains(&self.kind)) {
            None => Ok(()),
            Some((option, _, kinds)) => {
                let kinds: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
                Err(Error::argument(format!("{} has no option {option}", self.kind.name()))
                    .advice(format!("leave it out, or use {}", kinds.join(" or "))))
            }
        }
    }

    /// The weight of each row: as given, times the weight of its class when classes are balanced.
    pub(super) fn weights(
        &self,
        weights: Option<&[f64]>,
        classes: Option<&[usize]>,
    ) -> Result<Option<Vec<f64>>> {
        let takes = match self.kind {
            ModelKind::Forest | ModelKind::Boost => true,
            ModelKind::Ridge | ModelKind::Tree => classes.is_none(),
            ModelKind::Logistic | ModelKind::Knn => false,
        };
        if weights.is_some() && !takes {
            return Err(Error::argument(format!("{} does not take weights of rows", self.kind.name()))
                .advice("use forest or boost"));
        }
        let Some(classes) = classes.filter(|_| self.balanced) else {
            return match weights {
                _ if self.balanced => Err(Error::argument("balanced is for classes, not for numbers")),
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
