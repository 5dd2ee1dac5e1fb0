//! Files seen as memory.

use std::fs::File;
use std::path::Path;

use memmap2::Mmap;

use crate::error::{Error, Result};

/// The signal that asks for bytes of a mapped file that are not there any more. Its number differs from system to system.
#[cfg(all(unix, feature = "cli"))]
const LOST: i32 = if cfg!(any(target_os = "linux", target_os = "android")) { 7 } else { 10 };

/// Lets `end` end the process in words when a mapped file has become shorter and its bytes are asked for, where the
/// system would end it without one.
///
/// # Errors
/// When the system does not allow it.
#[cfg(all(unix, feature = "cli"))]
#[allow(unsafe_code)]
pub fn on_lost_file(end: fn() -> !) -> std::io::Result<()> {
    // SAFETY: what runs in a handler must not wait for what the interrupted thread holds. The signal comes from that
    // thread's own reading of the mapping: from arithmetic on numbers, in which no lock and no allocation is open. What is
    // called does not return to it.
    unsafe { signal_hook_registry::register(LOST, move || end()) }.map(drop)
}

/// Maps a whole file into memory, read-only.
///
/// A mapped file must stay as it is while it is in use: if another process changes it the numbers
/// change under the reader, and if it is cut short the system sends SIGBUS: the command then ends in words, a program that
/// listens to no such signal is killed.
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

/// Maps a part of a file that is open and that no other program knows.
///
/// # Errors
/// When it cannot be mapped.
#[allow(unsafe_code)]
pub(in crate::table) fn part(file: &File, options: &memmap2::MmapOptions) -> Result<Mmap> {
    // SAFETY: as above; the file has no name, and nothing writes again to what was written.
    unsafe { options.map(file) }.map_err(|error| Error::io("cannot map a temporary file", error))
}

/// Lets go of the memory in which some bytes of a mapped file are held; they are read again when they are asked for.
#[allow(unsafe_code)]
pub(in crate::table) fn forget(map: &Mmap, bytes: std::ops::Range<usize>) {
    let length = bytes.end.min(map.len()).saturating_sub(bytes.start);
    #[cfg(unix)]
    // SAFETY: the mapping is of a file, shared and read-only: the same bytes come back from the file. A system that refuses
    // holds them a little longer.
    let _ = unsafe { map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, bytes.start, length) };
    #[cfg(not(unix))]
    let _ = length;
}
