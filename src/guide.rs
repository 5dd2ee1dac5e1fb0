//! The guide: the pages of `docs/`, shown here so that their Rust code is compiled and run as tests.
//!
//! - [`from_python`]: what you write in Python, and what you write here, for each snippet of OpenAI's
//!   embeddings guide and its notebooks
//! - [`formats`]: the formats that are read and written
//! - [`scale`]: files larger than memory
//! - `sql` (with the feature `sql`): the functions of vectors
//! - [`figures`]: what each number means, and how it was checked
//!
//! ```
//! // The pages are about this file: 660 reviews that were written for this project.
//! let reviews = embedlab::table::read("examples/data/food_reviews.parquet".as_ref(), &Default::default())?;
//! assert_eq!((reviews.n_rows(), reviews.dims()), (660, 384));
//! # Ok::<(), embedlab::Error>(())
//! ```

// Of two definitions of a link the first counts: here pages link to modules, in `docs/` to files.

pub mod from_python {
    #![doc = "[formats page]: super::formats\n[figures page]: super::figures\n\n"]
    #![doc = include_str!("../docs/from_python.md")]
}

pub mod formats {
    #![doc = include_str!("../docs/formats.md")]
}

pub mod figures {
    #![doc = include_str!("../docs/figures.md")]
}

pub mod scale {
    #![doc = include_str!("../docs/scale.md")]
}

#[cfg(feature = "sql")]
pub mod sql {
    #![doc = include_str!("../docs/sql.md")]
}
