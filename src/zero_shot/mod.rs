//! Labels without training: each row gets the label whose vectors it is most like.
//!
//! - [`LabelVectors`]: labels, each given by the vectors of one or several texts (prompts)
//! - [`zero_shot`]: the similarity of every row to every label
//! - [`map_truth`]: a column of true values as labels, the others dropped and counted
//! - [`evaluate`]: the report against true labels, the best threshold, which prompts help

mod evaluate;
mod labels;
mod score;
mod threshold;
mod truth;

pub use evaluate::{ClassResult, Evaluation, EvaluationOptions, PromptResult, evaluate};
pub use labels::LabelVectors;
pub use score::{ZeroShot, zero_shot};
pub use threshold::{Goal, ThresholdPoint, ThresholdScores, Thresholds};
pub use truth::{Dropped, Truth, map_truth};
