//! Stored embeddings: columns about the rows, and one matrix of vectors.
//!
//! [`read()`] takes any of the formats of [`Format`] (found from the name and the first bytes),
//! finds the vector column by itself when there is one candidate, checks every number, and gives
//! a [`Table`]. [`write()`] does the way back; an output file appears whole or not at all.
//!
//! ```
//! use embedlab::table;
//!
//! let reviews = table::read("examples/data/food_reviews.parquet".as_ref(), &Default::default())?;
//! assert_eq!((reviews.n_rows(), reviews.dims(), reviews.vector_column()), (660, 384, "embedding"));
//! assert_eq!(reviews.labels("Score")?.names, ["1", "2", "3", "4", "5"]);
//! assert_eq!(reviews.text("Kind")?[0].as_deref(), Some("tea"));
//!
//! let check = table::check(reviews.vectors());
//! assert!(check.unit_length && check.problems.is_empty());
//!
//! // The rows of scikit-learn's train_test_split(test_size=0.2, random_state=42), and no text on both sides.
//! let split = table::train_test_split(reviews.n_rows(), 0.2, 42)?;
//! assert_eq!((split.train.len(), split.test.len()), (528, 132));
//! assert_eq!(table::leaks(&split, &reviews.text("combined")?).count(), 0);
//! # Ok::<(), embedlab::Error>(())
//! ```
//!
//! What each format may hold, and what is refused: [the page on formats](crate::guide::formats).

mod arrow_vectors;
mod atomic;
mod cell;
mod check;
mod chunks;
mod columns;
mod csv;
mod floats;
mod format;
mod guard;
mod hugging_face;
mod ipc;
mod json;
mod json_rows;
mod jsonl;
mod mapped;
mod matrix;
mod mteb;
mod named_array;
mod npy;
mod npz;
mod openai;
mod parquet;
mod projector;
mod read;
mod rows_in_order;
mod safetensors;
mod sidecar;
mod split;
mod stream;
mod text_column;
mod vector_column;
mod write;

pub use atomic::write_whole;
pub use cell::{CellError, parse_vector};
pub use check::{Check, Norms, Problem, Severity, check, check_rows};
pub use columns::{Labels, Table};
pub use format::Format;
#[cfg(feature = "local-models")]
pub(crate) use mapped::map as map_file;
pub use projector::write_projector;
pub use read::{Encoding, ReadOptions, read, read_columns};
pub use split::{
    Leak, Split, group_k_fold, group_split, k_fold, leaks, stratified_k_fold, stratified_split,
    train_test_split,
};
pub use stream::{stream, stream_with_columns};
pub use write::{VectorLayout, WriteOptions, Written, write};

use guard::guarded;
