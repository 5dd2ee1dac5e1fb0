//! Files seen as memory.

use std::fs::File;
use std::path::Path;

use memmap2::Mmap;

use crate::error::{Error, Result};

/// Maps a whole file into memory, read-only.
///
/// A mapped file must stay as it is while it is in use: if another process changes it the numbers
/// change under the reader, and if it is cut short the process is killed by the system (SIGBUS).
/// Files that [`write_whole`](super::write_whole) replaces are safe: the old one lives on until it
/// is closed.
///
/// # Errors
/// When the file cannot be opened or mapped.
#[allow(unsafe_code)]
pub(crate) fn map(path: &Path) -> Result<Mmap> {
    let file = File::open(path).map_err(|error| Error::io("cannot open", error).file(path))?;
    // SAFETY: a mapping is sound as long as nobody writes to the file, which no program can promise
    // for another. Every user of a mapping accepts that; the map is private to this crate, never
    // written through, and all lengths are taken from the map itself, not from the file's metadata.
    unsafe { Mmap::map(&file) }.map_err(|error| Error::io("cannot map", error).file(path))
}
