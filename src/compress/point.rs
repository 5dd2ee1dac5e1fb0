//! What is measured of one setting.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::codes::Precision;
use super::reduction::Method;
use crate::metric::Comparison;

/// One setting.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Point {
    /// How rows get fewer dimensions.
    pub method: Method,
    /// To how many.
    pub dims: usize,
    /// How numbers are kept.
    pub precision: Precision,
    /// Whether the 2 k rows found first are scored again.
    pub rescore: bool,
    /// By what; `null` without.
    pub rescored_by: Option<RescoredBy>,
    /// Bytes of a row that a search reads.
    pub bytes: usize,
    /// The share of the k nearest rows that is found.
    pub recall: Recall,
    /// How often the majority of the found rows has the query's label; `null` without labels.
    pub accuracy: Option<ShareRight>,
    /// The accuracy of a logistic regression on the coded rows; `null` without enough labels, and where found rows are
    /// scored again, which changes no row.
    pub accuracy_logistic: Option<Probed>,
}

/// What found rows are scored by a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RescoredBy {
    /// The query as it is against the codes, as sentence-transformers does.
    Codes,
    /// The rows as they were, which must be kept too.
    Rows,
}

/// The share of the k nearest rows that is found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Recall {
    /// The mean over the queries.
    pub mean: f64,
    /// The share below which 5 % of the queries are.
    pub p5: f64,
    /// The share of the queries with less than 0.8.
    pub below_80: f64,
    /// Lower end of the 95 % interval of the mean (bootstrap over queries).
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A share of right answers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct ShareRight {
    /// The share.
    pub value: f64,
    /// Lower end of its 95 % interval (bootstrap over queries).
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The accuracy of a model on rows that it has not seen, and how it differs from that on the rows as they are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Probed {
    /// The accuracy.
    pub value: f64,
    /// Lower end of its 95 % interval (bootstrap over test rows).
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Less the accuracy on the rows as they are, at length 1: the same training rows, the same test rows.
    pub difference: f64,
    /// Lower end of the 95 % interval of the difference.
    pub difference_low: f64,
    /// Upper end.
    pub difference_high: f64,
    /// How often equally good settings differ by as much (McNemar's exact test).
    pub p: f64,
}

/// A tenth of the dimensions less against all of them.
#[derive(Debug, Clone)]
pub struct TenthLess {
    /// The setting.
    pub point: Point,
    /// Its accuracy against that of the rows as they are; `None` without labels.
    pub accuracy: Option<Comparison>,
}
