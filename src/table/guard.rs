//! A net under the crates that decode Parquet and Arrow.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::error::{Error, Result, excerpt};

/// Runs a reader and turns a panic inside it into an error: the `parquet` and `arrow` crates panic on
/// some damaged files (a page whose levels are longer than itself, a buffer beyond its message)
/// where a user should be told that the file is damaged.
///
/// # Errors
/// What the reader returns, and a damaged file.
pub(super) fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T>) -> Result<T> {
    // Nothing of what the reader built outlives a panic, so nothing half-made can be seen.
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(Error::input("the file is damaged")
            .with_code("file-damaged")
            .file(path)
            .seen(excerpt(&text))
            .advice("write or download it again"))
    })
}
