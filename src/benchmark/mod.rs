//! The tasks of the Massive Text Embedding Benchmark on vectors that you already have, by its exact rules.
//!
//! Each function takes rows of vectors and what is known about them, and returns [`Scored`]: all scores by MTEB's
//! names, and how they change when the pairs, queries or rows are drawn again. From that follow [`intervals`], and
//! with a second set of vectors on the same rows [`compare`].
//!
//! | task | function | main score |
//! | --- | --- | --- |
//! | STS | [`sts()`] | `cosine_spearman` |
//! | pair classification | [`pair_classification`] | `max_ap` |
//! | bitext mining | [`bitext_mining`] | `f1` |
//! | retrieval, reranking | [`search`] or [`rerank`], then [`retrieval()`] | `ndcg_at_10`, `map_at_1000` |
//! | summarisation | [`summarization()`] | `cosine_spearman` |
//! | zero-shot | [`zero_shot_classification`] | `accuracy` |
//! | regression | [`regression()`] | `kendalltau` |
//! | classification | [`classification()`] | `accuracy` |
//! | multilabel classification | [`multilabel_classification`] | `accuracy` |
//! | clustering | [`clustering()`], [`clustering_in_sets`] | `v_measure` |
//!
//! The rules are those of mteb 2.26.24, down to the rows that are drawn: `random.Random`, `RandomState` and `PCG64` are
//! followed bit by bit. Scores equal MTEB's, those of clustering up to the rounding of k-means. A score that is undefined
//! has no value, where MTEB writes NaN or 0.
//!
//! ```
//! use embedlab::benchmark::{Similarity, compare, intervals, zero_shot_classification};
//! use embedlab::table;
//! use ndarray::s;
//!
//! let reviews = table::read("examples/data/food_reviews.parquet".as_ref(), &Default::default())?;
//! let labels = table::read("examples/data/labels.parquet".as_ref(), &Default::default())?;
//! // Rows 8 to 31 are two prompts for each kind of food; the first of each is a label here.
//! let labels = labels.take(&(8..32).step_by(2).collect::<Vec<_>>())?;
//! let names: Vec<Option<String>> = labels.text("label")?;
//! let truth: Vec<usize> =
//!     reviews.text("Kind")?.iter().filter_map(|kind| names.iter().position(|name| name == kind)).collect();
//!
//! let score = |dims: usize| {
//!     let part = |table: &table::Table| table.vectors().slice(s![.., ..dims]).to_owned();
//!     zero_shot_classification(part(&reviews).view(), part(&labels).view(), &truth, Similarity::Cosine)
//! };
//! let (all, half) = (score(384)?, score(192)?);
//! let interval = intervals(&all, 42)?["accuracy"];
//! assert!(interval.low > 0.5 && interval.high < 1.0);
//! // Half of the dimensions are worse, and not by chance.
//! let difference = compare(&all, &half, "accuracy", 42)?;
//! assert!(difference.interval.low > 0.0 && difference.p < 0.05);
//! # Ok::<(), embedlab::Error>(())
//! ```

mod abstention;
mod bitext;
mod classes;
mod classification;
mod clustering;
mod least_squares;
mod mini_batch;
mod multilabel;
mod pair;
mod ranking;
mod regression;
mod retrieval;
mod scored;
mod similarity;
mod stratified;
mod sts;
mod summarization;
mod zero_shot;

pub use bitext::bitext_mining;
pub use classification::{ClassificationOptions, classification};
pub use clustering::{ClusteringOptions, clustering, clustering_in_sets};
pub use multilabel::multilabel_classification;
pub use pair::pair_classification;
pub use regression::{RegressionOptions, regression};
pub use retrieval::{Query, RetrievalOptions, TOP, Ties, rerank, retrieval, search};
pub use scored::{Difference, Resampling, Scored, compare, intervals};
pub use similarity::{Similarity, require_directions};
pub use sts::sts;
pub use summarization::{Summaries, summarization};
pub use zero_shot::zero_shot_classification;
