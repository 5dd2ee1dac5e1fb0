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
//! # Ok::<(), embedlab::Error>(())
//! ```
//!
//! What each format may hold, and what is refused: [the page on formats](crate::guide::formats).

mod blocks;
mod check;
mod column;
mod columns;
mod content;
mod copy;
mod extent;
mod format;
mod guard;
mod keep;
mod mapped;
mod origin;
mod read;
mod sidecar;
mod stream;
mod template;
mod times;
mod write;

pub use crate::address::{file_name, is_address};
pub use crate::output::write_whole;
pub(crate) use check::Look;
pub use check::{Check, Norms, Problem, Severity, check, check_rows};
pub use column::cell::parse_vector;
pub use column::cell_error::CellError;
pub use columns::{Labels, Table};
pub use extent::{Extent, extent};
pub use format::Format;
pub use format::batches::VectorLayout;
pub use format::npy::{VectorCodes, write_codes};
pub use format::projector::write_projector;
#[cfg(feature = "sql")]
pub(crate) use format::scan::Scan;
pub(crate) use keep::temporary_room;
pub(crate) use mapped::map as map_file;
#[cfg(all(unix, feature = "cli"))]
pub use mapped::on_lost_file;
pub use origin::Origin;
pub(crate) use read::read_arrow_columns;
#[cfg(feature = "sql")]
pub(crate) use read::scan;
pub use read::{
    Columns, Encoding, ReadOptions, read, read_all, read_all_without_vectors, read_columns,
    read_without_vectors,
};
pub use stream::{stream, stream_all, stream_all_with_columns, stream_with_columns};
pub use template::{Template, most_recent};
pub use write::{WriteOptions, Written, check_writable, write, write_streamed, writes_in_blocks};

/// Keeps what is found of files of stores and web servers, and temporary copies of them, until it is dropped. Without it each
/// call that reads looks at them anew.
#[must_use = "files are kept until this is dropped"]
pub struct KeptFiles {
    _kept: crate::remote::Kept,
}

/// Keeps files of stores and web servers from now on: what reads a file twice asks for it once, and an object that changes
/// in between is an error.
pub fn keep_files() -> KeptFiles {
    KeptFiles { _kept: crate::remote::keep() }
}

use guard::guarded;
