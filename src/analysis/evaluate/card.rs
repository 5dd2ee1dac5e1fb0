//! What the score card holds.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::data::DrawnRows;
use crate::quality::{Finding, Geometry, Hub, IntrinsicDimension, RowOrder};

/// The score card.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ScoreCard {
    /// Rows.
    pub rows: usize,
    /// The random sample that stands for all rows, where those did not fit in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drawn: Option<DrawnRows>,
    /// Numbers of each.
    pub dims: usize,
    /// The shape of the cloud.
    pub geometry: Geometry,
    /// Its intrinsic dimension.
    pub intrinsic_dimension: IntrinsicDimension,
    /// Hubs and islands.
    pub neighbors: Neighbors,
    /// Rows that would be removed as duplicates.
    pub duplicates: DuplicateCounts,
    /// Odd rows.
    pub outliers: OutlierCount,
    /// Whether the file is in a random order; `null` for too few rows.
    pub row_order: Option<RowOrder>,
    /// What the vectors say about the label; `null` without one.
    pub labels: Option<LabelCard>,
    /// The queries against the rows; `null` without any.
    pub queries: Option<QueryCard>,
    /// The sample that the figures of neighbours come from; `null` when they come from all rows.
    pub sample: Option<Sample>,
    /// Verdicts, the worst first.
    pub findings: Vec<Finding>,
    #[serde(skip)]
    pub(super) failed: bool,
    #[serde(skip)]
    pub(super) hub_texts: Vec<Option<String>>,
    #[serde(skip)]
    #[cfg_attr(not(feature = "charts"), expect(dead_code, reason = "it is for pictures"))]
    pub(super) cosines: Vec<f32>,
    #[serde(skip)]
    #[cfg_attr(not(feature = "charts"), expect(dead_code, reason = "it is for pictures"))]
    pub(super) occurrences: Vec<usize>,
}

/// Rows whose nearest rows were looked for among all.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Sample {
    /// How many rows, drawn at random.
    pub queries: usize,
    /// The standard errors of the figures that are estimates, by their names: twonn, mle, hubness_skew, outliers, near,
    /// agreement.
    pub standard_errors: BTreeMap<String, f64>,
}

/// Hubs and islands of the graph of cosine distances.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Neighbors {
    /// Neighbours of each row.
    pub k: usize,
    /// Skewness of how often rows are neighbours.
    pub hubness_skew: Option<f64>,
    /// The share of occurrences that would have to move for all rows to occur equally often.
    pub robin_hood: Option<f64>,
    /// The share of rows that are neighbours of none.
    pub anti_hubs: Option<f64>,
    /// The share of occurrences held by rows with at least 2 k of them.
    pub hubs: Option<f64>,
    /// Small connected parts of the graph; `null` of a sample, as are the three before.
    pub islands: Option<usize>,
    /// The share of rows in them.
    pub island_share: Option<f64>,
    /// The rows that come back most often, counted among the sampled rows where there is a sample.
    pub worst_hubs: Vec<Hub>,
}

/// Rows that would be removed.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct DuplicateCounts {
    /// With an earlier text; `null` without texts.
    pub exact_text: Option<usize>,
    /// With the numbers of an earlier row.
    pub exact_vector: usize,
    /// Nearly an earlier row (cosine of at least 0.95); by a sample the rows with such an earlier row, which may be fewer.
    pub near: usize,
}

/// Odd rows by the mean distance to their nearest rows.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct OutlierCount {
    /// How many; `null` for too few rows.
    pub n: Option<usize>,
    /// The mean distance above which a row is odd.
    pub threshold: Option<f64>,
}

/// The accuracy of a model in five folds.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Probe {
    /// The share of right predictions.
    pub accuracy: f64,
    /// Lower end of its 95 % interval (Wilson's).
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// What the vectors say about a label.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LabelCard {
    /// The column.
    pub column: String,
    /// Rows with a label.
    pub rows: usize,
    /// The rows that the probes have seen.
    pub probed_rows: usize,
    /// The share of the most frequent class.
    pub majority: f64,
    /// Nearest neighbours.
    pub knn: Option<Probe>,
    /// Logistic regression.
    pub logistic: Option<Probe>,
    /// A random forest.
    pub forest: Option<Probe>,
    /// How much nearer rows are to their own class than to the next (cosine).
    pub silhouette: Option<f64>,
    /// V-measure of as many clusters as there are classes.
    pub v_measure: Option<f64>,
    /// The share of the nearest rows with the same label.
    pub agreement: Option<f64>,
    #[serde(skip)]
    pub(super) agreement_error: Option<f64>,
    /// The same for any two rows.
    pub agreement_by_chance: Option<f64>,
    /// Labels that are probably wrong, among the probed rows.
    pub label_errors: Option<usize>,
    #[serde(skip)]
    #[cfg_attr(not(feature = "charts"), expect(dead_code, reason = "it is for pictures"))]
    pub(super) confusion: Vec<Vec<u64>>,
    #[serde(skip)]
    #[cfg_attr(not(feature = "charts"), expect(dead_code, reason = "it is for pictures"))]
    pub(super) classes: Vec<String>,
}

/// Queries against the rows.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct QueryCard {
    /// Queries.
    pub n: usize,
    /// The share farther from all rows than 99 % of the rows are from their nearest.
    pub outside: f64,
    /// Skewness of how often rows are among the nearest of queries.
    pub hubness_skew: Option<f64>,
    /// The share of rows that are among the nearest of some query.
    pub coverage: f64,
}
