//! The tasks of MTEB on vectors that are there already.
//!
//! A [`Task`] is one file: its options, and how its files become what a function of
//! [`benchmark`](crate::benchmark) takes. [`Mteb`] makes an analysis of it, with the interval of each score and the
//! comparison with a second set of vectors.

mod bitext;
mod classification;
mod clustering;
mod ids;
mod judgements;
mod multilabel;
mod pairs;
mod regression;
mod result;
mod results;
mod retrieval;
mod sides;
mod summarization;
mod task;
mod zero_shot;

pub use bitext::{Bitext, BitextOptions};
pub use classification::{ClassificationTask, ClassificationTaskOptions};
pub use clustering::{ClusteringTask, ClusteringTaskOptions};
pub use ids::Missing;
pub use multilabel::{Multilabel, MultilabelOptions};
pub use pairs::{Pair, PairOptions, Sts, StsOptions};
pub use regression::{RegressionTask, RegressionTaskOptions};
pub use result::{Against, BenchmarkResult, Ends, Hardest, LeftOut, Outcome, TieShare};
pub use results::{ModelMean, ModelScore, ScoreTable, TaskScores};
pub use retrieval::{Reranking, RerankingOptions, Retrieval, RetrievalTaskOptions};
pub use summarization::{Summarization, SummarizationOptions};
pub use task::{Mteb, Task, TaskOptions};
pub use zero_shot::{ZeroShotTask, ZeroShotTaskOptions};
