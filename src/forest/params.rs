//! The parameters of forests and their check.

use std::marker::PhantomData;

use linfa::ParamGuard;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How many features a node looks at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaxFeatures {
    /// All of them.
    All,
    /// The square root of their number, rounded down.
    Sqrt,
    /// The logarithm of their number to base 2, rounded down.
    Log2,
    /// A share of them, above 0 and at most 1, rounded down.
    Share(f64),
    /// This many.
    Count(usize),
}

impl std::str::FromStr for MaxFeatures {
    type Err = Error;

    /// Reads `all`, `sqrt`, `log2`, a share such as `0.3`, or a number.
    fn from_str(text: &str) -> Result<MaxFeatures> {
        match text {
            "all" => return Ok(MaxFeatures::All),
            "sqrt" => return Ok(MaxFeatures::Sqrt),
            "log2" => return Ok(MaxFeatures::Log2),
            _ => {}
        }
        match (text.parse::<usize>(), text.parse::<f64>()) {
            (Ok(count), _) if count > 0 => Ok(MaxFeatures::Count(count)),
            (_, Ok(share)) if share > 0.0 && share <= 1.0 => Ok(MaxFeatures::Share(share)),
            _ => Err(Error::argument("unknown number of features")
                .seen(text)
                .advice("give all, sqrt, log2, a share above 0 and at most 1, or a number")),
        }
    }
}

impl MaxFeatures {
    /// The number for a table of `n_features`: at least 1, at most all.
    pub fn count(self, n_features: usize) -> usize {
        let n = n_features as f64;
        let wanted = match self {
            MaxFeatures::All => n_features,
            MaxFeatures::Sqrt => n.sqrt() as usize,
            MaxFeatures::Log2 => n.log2() as usize,
            MaxFeatures::Share(share) => (share * n) as usize,
            MaxFeatures::Count(count) => count,
        };
        wanted.clamp(1, n_features.max(1))
    }
}

/// What the splits of a tree make small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Criterion {
    /// The squared distance from the mean (regression).
    SquaredError,
    /// The absolute distance from the median (regression).
    AbsoluteError,
    /// The chance that two draws from a node differ in class (classification).
    Gini,
    /// The entropy of the classes (classification).
    Entropy,
}

/// How classes of different sizes are weighted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeight {
    /// Every row counts as one.
    #[default]
    Uniform,
    /// Every class counts the same: rows weigh `n / (n_classes * rows of their class)`.
    Balanced,
    /// A weight for each class.
    Each(Vec<f64>),
}

/// Parameters of a forest of kind `M`, not yet checked. Names and defaults are scikit-learn's.
#[derive(Debug, Clone, PartialEq)]
pub struct ForestParams<M>(ForestValidParams<M>);

/// Checked parameters of a forest of kind `M`.
#[derive(Debug, Clone, PartialEq)]
pub struct ForestValidParams<M> {
    pub(super) criterion: Criterion,
    pub(super) n_estimators: usize,
    pub(super) max_features: MaxFeatures,
    pub(super) max_depth: Option<usize>,
    pub(super) min_samples_split: usize,
    pub(super) min_samples_leaf: usize,
    pub(super) max_leaf_nodes: Option<usize>,
    pub(super) bootstrap: bool,
    pub(super) extra_trees: bool,
    pub(super) oob_score: bool,
    pub(super) class_weight: ClassWeight,
    pub(super) max_bins: usize,
    pub(super) seed: u64,
    kind: PhantomData<M>,
}

impl<M> ForestParams<M> {
    pub(super) fn new(criterion: Criterion, max_features: MaxFeatures) -> Self {
        ForestParams(ForestValidParams {
            criterion,
            n_estimators: 100,
            max_features,
            max_depth: None,
            min_samples_split: 2,
            min_samples_leaf: 1,
            max_leaf_nodes: None,
            bootstrap: true,
            extra_trees: false,
            oob_score: false,
            class_weight: ClassWeight::Uniform,
            max_bins: 255,
            seed: 42,
            kind: PhantomData,
        })
    }

    /// What the splits make small. Defaults: squared error, gini.
    pub fn criterion(mut self, criterion: Criterion) -> Self {
        self.0.criterion = criterion;
        self
    }

    /// The number of trees. Default: 100.
    pub fn n_estimators(mut self, n_estimators: usize) -> Self {
        self.0.n_estimators = n_estimators;
        self
    }

    /// How many features, drawn anew for each node, it looks at. Defaults: all for regression, the
    /// square root of their number for classification.
    pub fn max_features(mut self, max_features: MaxFeatures) -> Self {
        self.0.max_features = max_features;
        self
    }

    /// The most splits from the root to a leaf. Default: no limit.
    pub fn max_depth(mut self, max_depth: impl Into<Option<usize>>) -> Self {
        self.0.max_depth = max_depth.into();
        self
    }

    /// A node of fewer rows is not split. Default: 2.
    pub fn min_samples_split(mut self, min_samples_split: usize) -> Self {
        self.0.min_samples_split = min_samples_split;
        self
    }

    /// The fewest rows of a leaf, a row that was drawn more than once counting once. Default: 1.
    pub fn min_samples_leaf(mut self, min_samples_leaf: usize) -> Self {
        self.0.min_samples_leaf = min_samples_leaf;
        self
    }

    /// The most leaves of a tree; the splits that gain most are made first. Default: no limit.
    pub fn max_leaf_nodes(mut self, max_leaf_nodes: impl Into<Option<usize>>) -> Self {
        self.0.max_leaf_nodes = max_leaf_nodes.into();
        self
    }

    /// Whether each tree is grown on a draw with replacement. Default: yes.
    pub fn bootstrap(mut self, bootstrap: bool) -> Self {
        self.0.bootstrap = bootstrap;
        self
    }

    /// Extremely randomised trees (Geurts and others, 2006): one random threshold for each feature in
    /// place of the best. scikit-learn's extra-trees also leave the bootstrap out. Default: no.
    pub fn extra_trees(mut self, extra_trees: bool) -> Self {
        self.0.extra_trees = extra_trees;
        self
    }

    /// Whether each row is also predicted by the trees that have not seen it. Default: no.
    pub fn oob_score(mut self, oob_score: bool) -> Self {
        self.0.oob_score = oob_score;
        self
    }

    /// How classes are weighted (classification only). Default: every row counts as one.
    pub fn class_weight(mut self, class_weight: ClassWeight) -> Self {
        self.0.class_weight = class_weight;
        self
    }

    /// The most bins of a feature, 2 to 255. Default: 255.
    pub fn max_bins(mut self, max_bins: usize) -> Self {
        self.0.max_bins = max_bins;
        self
    }

    /// The seed; each tree has a random stream of its own. Default: 42.
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.seed = seed;
        self
    }
}

impl<M> ParamGuard for ForestParams<M> {
    type Checked = ForestValidParams<M>;
    type Error = Error;

    fn check_ref(&self) -> Result<&ForestValidParams<M>> {
        let params = &self.0;
        for (name, value, least) in [
            ("n_estimators", params.n_estimators, 1),
            ("min_samples_leaf", params.min_samples_leaf, 1),
            ("min_samples_split", params.min_samples_split, 2),
            ("max_depth", params.max_depth.unwrap_or(1), 1),
            ("max_leaf_nodes", params.max_leaf_nodes.unwrap_or(2), 2),
            ("max_bins", params.max_bins, 2),
        ] {
            if value < least {
                return Err(Error::argument(format!("{name} is too small"))
                    .seen(value.to_string())
                    .advice(format!("give at least {least}")));
            }
        }
        if params.max_bins > 255 {
            return Err(Error::argument("max_bins is too large")
                .seen(params.max_bins.to_string())
                .advice("give at most 255: a bin is one byte"));
        }
        match params.max_features {
            MaxFeatures::Share(share) if !(share > 0.0 && share <= 1.0) => {
                Err(Error::argument("the share of features is not above 0 and at most 1")
                    .seen(share.to_string()))
            }
            MaxFeatures::Count(0) => Err(Error::argument("max_features is 0").advice("give at least 1")),
            _ => Ok(params),
        }
    }

    fn check(self) -> Result<ForestValidParams<M>> {
        self.check_ref()?;
        Ok(self.0)
    }
}
