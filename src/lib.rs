//! Clusters, classifies, searches, recommends and maps text embeddings, with a reliability estimate for
//! every result.
//!
//! It reads stored vectors: a CSV with `"[0.1, ...]"` cells, a Parquet file, a `.npy`, a response of
//! OpenAI. Every kernel takes rows and options and returns a plain result; none reads a file, draws or
//! prints. The same seed gives the same bits, on any number of threads. The command `embedlab` does the
//! same from a shell. Rows count from 0 everywhere.
//!
//! | module | what is in it |
//! | --- | --- |
//! | [`table`] | reads, writes and checks stored embeddings |
//! | [`split`] | training and test rows, folds, texts that are on both sides |
//! | [`embed`] | turns texts into vectors: servers, local models, tokens, prices, long texts, a cache |
//! | [`rows`] | passes over rows in blocks: nearest rows, means, principal components |
//! | [`cluster`] | k-means, density clustering and mixtures; choice of k, topic words, scores |
//! | [`model`] | predicts numbers and classes, tested on held-out rows |
//! | `sql` | queries over files and vectors (with the feature `sql`) |
//! | [`forest`] | decision trees, alone, in forests and boosted |
//! | [`zero_shot`] | labels rows by the nearest label, with no training |
//! | [`recommend`] | profiles of users and products, recommendations |
//! | [`pairs`], [`calibration`] | pairs of rows; from which cosine on they are a match |
//! | [`transform`] | maps from one space of vectors to another |
//! | [`bias`] | association tests of words and sentences |
//! | [`quality`] | quality of embeddings: geometry, outliers, duplicates, label errors |
//! | [`benchmark`] | the tasks of MTEB on your own vectors, with intervals |
//! | [`search`] | exact search, neighbours, an HNSW index, filters, the functions of source code |
//! | [`map`] | projections to two or three dimensions, and what they preserve |
//! | [`metric`] | scores with their intervals, tests and baselines |
//! | [`chart`] | pictures as PNG and SVG, and a map to explore |
//! | [`analysis`] | all of it with one view each: commands, JSON, one offline page |
//! | [`notebook`] | results as notebook cells |
//! | [`error`] | one error for all: what, where, what was seen, what to do |
//!
//! # A tour
//!
//! ```
//! use embedlab::chart::{Groups, Scatter, Style};
//! use embedlab::cluster::{ClusterColumns, ClusterOptions, analyse};
//! use embedlab::map::{Tsne, trust};
//! use embedlab::model::{Classes, ModelOptions, SampleInfo, classify};
//! use embedlab::{split, table};
//!
//! // Read. Real files have duplicates, so a hundred reviews of the sample are in it twice.
//! let sample = table::read("examples/data/food_reviews.parquet".as_ref(), &Default::default())?;
//! let reviews = sample.take(&(0..660).chain(0..100).collect::<Vec<_>>())?;
//!
//! // Is anything wrong with it?
//! let check = table::check(reviews.vectors());
//! assert_eq!(check.problems[0].message, "100 exact duplicate vectors");
//!
//! // Which clusters are there? Their topic words, and the mean of the stars.
//! let columns = ClusterColumns::from_table(&reviews, Some("combined"), Some("Score"))?;
//! let options = ClusterOptions { k: Some(8.into()), n_init: Some(2), ..Default::default() };
//! let found = analyse(&reviews.vectors(), &columns, &options, 42)?;
//! for cluster in &found.clusters {
//!     let stars = cluster.mean_label.unwrap_or_default();
//!     println!("{:4} rows, {stars:.2} stars: {}", cluster.size, cluster.terms.join(", "));
//! }
//! assert!(found.silhouette.unwrap() < 0.1); // weakly separated
//!
//! // Can a model predict the stars? Test rows that are also in the training set do not count: the others are
//! // scored by themselves, against a constant baseline.
//! let split = split::train_test_split(reviews.n_rows(), 0.2, 42)?;
//! let texts = reviews.text("combined")?;
//! println!("{}", split::leaks(&split, &texts).warning().unwrap());
//! let classes = Classes::try_from(reviews.labels("Score")?)?;
//! let info = SampleInfo { texts: Some(&texts), ..Default::default() };
//! let options = ModelOptions { trees: Some(20), ..Default::default() };
//! let model = classify(reviews.vectors(), &classes, &split, &info, &options)?;
//! let unseen = model.unseen.unwrap();
//! assert_eq!(model.held_out.leaked.unwrap() as u64 + unseen.scores.n, 152);
//! assert!(model.report.accuracy > unseen.scores.accuracy + 0.03); // what it has memorised
//! assert!(unseen.scores.accuracy < unseen.baseline.accuracy + 0.05); // what it has learned
//!
//! // A map, with how far to trust it, and its picture; of fewer rows, to be quick here.
//! let rows = reviews.vectors().slice_move(ndarray::s![..200, ..]);
//! let map = Tsne::params().perplexity(15.0).max_iter(300).seed(42).fit_rows(rows)?;
//! let trust = trust(rows, map.points.view(), 42)?;
//! let stars: Vec<f64> = reviews.numbers("Score")?.into_iter().flatten().take(200).collect();
//! let kept = format!("{:.0} % of the {} nearest kept", 100.0 * trust.neighbors_kept, trust.k);
//! let picture = Scatter::new(map.points.view())
//!     .groups(Groups::stars(&stars))
//!     .draw(&Style::new("Reviews by stars").caption(kept))?;
//! assert!(picture.png()?.starts_with(b"\x89PNG")); // or picture.save("map.png")
//! # Ok::<(), embedlab::Error>(())
//! ```
//!
//! # The guide
//!
//! - [From Python](guide::from_python): what you write there, and what you write here, for each snippet of
//!   OpenAI's embeddings guide
//! - [Formats](guide::formats): what is read and written, and what is refused
//! - [Figures](guide::figures): what each number means, and how it was checked
//!
//! The programs in `examples/` draw the pictures of the README.
//!
//! # Features
//!
//! All but `sql` are on by default. The library alone (`default-features = false`: tables, splits, clusters, models,
//! search, maps, scores) is 251 crates, all together 396.
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `charts` | [`chart`], [`analysis::report()`], [`notebook`]: pictures and the page to explore |
//! | `embed` | servers, the cache, tokens and prices in [`embed`]; `Lsa` is there without it |
//! | `local-models` | embedding models in a folder on disk (implies `embed`) |
//! | `code-search` | [`search::code`] |
//! | `object-stores` | tables of S3, Google Cloud, Azure and web servers in [`table`] |
//! | `sql` | queries over files and vectors, with an engine of 61 crates |
//! | `cli` | the command `embedlab` (it needs the others but `local-models`) |

#![warn(missing_docs)]
#![deny(unsafe_code)]

mod address;
pub mod analysis;
pub mod benchmark;
pub mod bias;
pub mod calibration;
mod carried;
#[cfg(feature = "charts")]
pub mod chart;
pub mod cluster;
pub mod compare;
pub mod compress;
pub mod data;
pub mod distributed;
pub mod embed;
pub mod error;
pub mod forest;
mod guard;
pub mod guide;
pub mod map;
mod memory;
pub mod metric;
pub mod model;
#[cfg(feature = "charts")]
pub mod notebook;
#[cfg_attr(not(feature = "charts"), allow(dead_code))]
mod number;
pub mod output;
pub mod pairs;
pub mod progress;
pub mod quality;
pub mod recommend;
mod remote;
pub mod rows;
pub mod search;
pub mod split;
#[cfg(feature = "sql")]
pub mod sql;
mod store;
pub mod table;
mod targets;
pub mod text;
pub mod transform;
pub mod view;
mod web;
pub mod zero_shot;

pub use error::{Error, ErrorKind, Result};
pub use guard::hide_caught_panics;
/// The arrays that this crate takes and gives, in the version that it speaks.
pub use ndarray;

/// The README's Rust code, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
