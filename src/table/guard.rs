//! A net under the crates that decode Parquet and Arrow.

use std::path::Path;

use crate::error::{Error, Result, excerpt};
use crate::guard::caught;

/// Runs a reader and turns a panic inside it into an error: the `parquet` and `arrow` crates panic on
/// some damaged files (a page whose levels are longer than itself, a buffer beyond its message)
/// where a user should be told that the file is damaged.
///
/// # Errors
/// What the reader returns, and a damaged file.
pub(super) fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T>) -> Result<T> {
    caught(read).unwrap_or_else(|panic| {
        Err(Error::input("the file is damaged")
            .with_code("file-damaged")
            .file(path)
            .seen(excerpt(&panic))
            .advice("write or download it again"))
    })
}
