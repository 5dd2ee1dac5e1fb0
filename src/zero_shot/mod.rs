//! Labels without training: each row gets the label whose vectors it is most like.
//!
//! - [`LabelVectors`]: labels, each given by the vectors of one or several texts (prompts)
//! - [`zero_shot`]: the similarity of every row to every label
//! - [`map_truth`]: a column of true values as labels, the others dropped and counted
//! - [`evaluate`]: the report against true labels, the best threshold, which prompts help
//!
//! ```
//! use embedlab::table;
//! use embedlab::zero_shot::{LabelVectors, evaluate, map_truth, zero_shot};
//!
//! let reviews = table::read("examples/data/food_reviews.parquet".as_ref(), &Default::default())?;
//! let file = table::read("examples/data/labels.parquet".as_ref(), &Default::default())?;
//! let sets = file.text("set")?;
//! let rows: Vec<usize> = (0..file.n_rows()).filter(|row| sets[*row].as_deref() == Some("kinds")).collect();
//! let file = file.take(&rows)?;
//! let names: Vec<String> = file.text("label")?.into_iter().flatten().collect();
//! let labels = LabelVectors::new(&names, Some(file.text("text")?), file.into_vectors())?;
//!
//! let found = zero_shot(&reviews.vectors(), &labels)?;
//! let truth = map_truth(&reviews.labels("Kind")?, &[], labels.names())?;
//! let judged = evaluate(&found, &truth, &labels, &Default::default())?;
//! assert_eq!(judged.n, 660);
//! assert!(judged.accuracy > 0.7 && judged.baseline_accuracy < 0.1);
//! # Ok::<(), embedlab::Error>(())
//! ```

mod cosines;
mod evaluate;
mod labels;
mod score;
mod threshold;
mod truth;

pub(crate) use cosines::Cosines;
pub use evaluate::{ClassResult, LabelEvaluation, LabelEvaluationOptions, PromptResult, evaluate};
pub use labels::LabelVectors;
pub use score::{ZeroShot, zero_shot};
pub use threshold::{Goal, ThresholdPoint, ThresholdScores, Thresholds};
pub use truth::{Dropped, Truth, map_truth};
