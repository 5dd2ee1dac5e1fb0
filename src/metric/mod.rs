//! Scores, how sure they are, and whether one model is better than another.
//!
//! - classes: [`classification_report`] in scikit-learn's layout, with the confusion matrix
//! - classes with scores: [`class_curves`], [`precision_recall`], [`roc`]
//! - numbers: [`regression_scores`]; stars and other ordered levels: [`ordinal_scores`]
//! - order: [`kendall_tau`], [`spearman`], [`pearson`], [`average_ranks`]
//! - rankings of items: [`ranking_scores`] (nDCG, hit, recall, reciprocal rank)
//! - what no model at all would score: [`regression_baselines`], [`classification_baselines`]
//! - how sure: [`bootstrap`], [`roc_area_interval`], and an interval for each score above (`.._intervals`)
//! - how sure of a score that is no mean of rows: [`jackknife()`]
//! - which is better: [`compare_accuracy`], [`compare_errors`], [`compare_losses`]
//! - two labellings: [`agreement`]; several tests at once: [`holm`]
//!
//! The scores equal scikit-learn's and SciPy's. Where those return NaN, or warn and return a number
//! that stands for nothing, there is `None` here (`null` in JSON); precision and recall alone are 0
//! where they are undefined, as in scikit-learn, because averages are taken over them.
//!
//! ```
//! use embedlab::metric::{BootstrapOptions, classification_intervals, classification_report};
//!
//! let names = ["bad", "good"].map(String::from);
//! let (truth, predicted) = ([0, 0, 1, 1, 1], [0, 1, 1, 1, 1]);
//! let report = classification_report(&truth, &predicted, &names)?;
//! assert_eq!(report.accuracy, 0.8);
//! assert_eq!(report.confusion, [[1, 1], [0, 3]]);
//!
//! let sure = classification_intervals(&truth, &predicted, &names, &BootstrapOptions::default())?;
//! assert!(sure.accuracy.low <= 0.8 && 0.8 <= sure.accuracy.high);
//! assert_eq!(sure.accuracy.caution().unwrap(), "too few to tell: 5, at least 20 are needed");
//! # Ok::<(), embedlab::Error>(())
//! ```

mod adjust;
mod agreement;
mod baseline;
mod check;
mod classification;
mod confusion;
mod correlation;
mod crossed;
mod curve;
mod interval;
mod jackknife;
mod normal;
mod ordinal;
mod paired;
mod ranking;
mod regression;
mod rising;
mod roc_area;
mod share;

pub use adjust::holm;
pub use agreement::{Agreement, agreement};
pub use baseline::{
    ClassificationBaselines, ConstantPrediction, RegressionBaselines, classification_baselines,
    regression_baselines,
};
pub use classification::{
    AverageIntervals, ClassIntervals, ClassScores, ClassificationIntervals, ClassificationReport, ReportRow,
    Undefined, classification_intervals, classification_report,
};
pub use confusion::AverageScores;
pub(crate) use confusion::{Counts, pairs, require_few_classes};
pub use correlation::{
    CorrelationIntervals, average_ranks, correlation_intervals, kendall_tau, pearson, spearman,
};
pub(crate) use correlation::{Correlations, Ranks};
pub(crate) use crossed::bootstrap_crossed;
pub(crate) use curve::Ranking;
pub use curve::{
    ClassCurve, ClassCurves, CurveIntervals, PrecisionRecall, Roc, class_curve_intervals, class_curves,
    precision_recall, roc,
};
pub use interval::{BootstrapOptions, FEWEST, Interval, bootstrap, bootstrap_all, quantile};
pub use jackknife::{Jackknifed, jackknife, jackknife_groups};
pub(crate) use normal::{Z95, t_quantile};
pub use ordinal::{OrdinalIntervals, OrdinalScores, ordinal_intervals, ordinal_scores};
pub use paired::{
    Comparison, ComparisonOptions, Loss, PairedTest, compare_accuracy, compare_errors, compare_losses,
};
pub use ranking::{Ranked, RankingScores, Tied, TiedRanking, expected_ranking_scores, ranking_scores};
pub use regression::{RegressionIntervals, RegressionScores, regression_intervals, regression_scores};
pub(crate) use rising::rising_curves;
pub use roc_area::roc_area_interval;
pub(crate) use share::{share_interval, wilson};
