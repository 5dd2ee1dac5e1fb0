//! The file that an output is written to before it takes its place.
//!
//! Such a file or folder is locked while it is written. What a process that was killed left behind is not locked,
//! and the next output into the same folder removes it.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::{NamedTempFile, TempDir};

use super::place::folder;

const PREFIX: &str = ".embedlab-";
const SUFFIX: &str = ".tmp";

/// The temporary files and folders of this process.
static OPEN: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Removes the temporary files of this process: what a handler of signals does before it ends the process.
/// Outputs that are being written then fail.
pub fn remove_temporary_files() {
    for path in OPEN.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        let _ = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    }
}

/// A folder beside its place, which is gone when this is dropped, and on a signal.
#[derive(Debug)]
pub struct TemporaryFolder {
    folder: TempDir,
    _listed: Listed,
    /// Open, and so locked, as long as it is used, where the system has locks of folders.
    _lock: Option<File>,
}

impl TemporaryFolder {
    /// An empty folder beside `target`, with the mode that a new folder has.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn beside(target: &Path) -> io::Result<TemporaryFolder> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(std::fs::Permissions::from_mode(0o777));
        }
        let place = folder(target);
        remove_stale(place);
        // Another process may take it for stale before it is locked.
        for _ in 0..8 {
            let folder = builder.tempdir_in(place)?;
            let listed = Listed(folder.path().to_owned());
            OPEN.lock().unwrap_or_else(PoisonError::into_inner).push(listed.0.clone());
            let lock = File::open(folder.path()).ok().filter(|folder| folder.lock().is_ok());
            if folder.path().exists() {
                return Ok(TemporaryFolder { folder, _listed: listed, _lock: lock });
            }
        }
        Err(io::Error::other("a folder beside it is removed again and again"))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Takes the place of `target`, which is not there or an empty folder.
    ///
    /// # Errors
    /// When it cannot.
    pub fn move_to(self, target: &Path) -> io::Result<()> {
        if target.exists() {
            std::fs::remove_dir(target)?;
        }
        std::fs::rename(self.folder.path(), target)?;
        // Its own place is empty now: there is nothing left to remove.
        let _ = self.folder.keep();
        Ok(())
    }
}

/// A file beside its place, which is gone when this is dropped.
pub(super) struct Temporary {
    // Removed from the disk before it is removed from the list.
    file: NamedTempFile,
    _listed: Listed,
}

#[derive(Debug)]
struct Listed(PathBuf);

impl Drop for Listed {
    fn drop(&mut self) {
        OPEN.lock().unwrap_or_else(PoisonError::into_inner).retain(|path| *path != self.0);
    }
}

impl Temporary {
    /// A file in the folder of `target`, which only those can read who can read `target`.
    pub fn beside(target: &Path) -> io::Result<Temporary> {
        let folder = folder(target);
        remove_stale(folder);
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX);
        let before = target.metadata().ok();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let new = || std::fs::Permissions::from_mode(0o666);
            builder.permissions(before.as_ref().map_or_else(new, std::fs::Metadata::permissions));
        }
        // Another process may take it for stale before it is locked.
        for _ in 0..8 {
            let file = builder.tempfile_in(folder)?;
            let listed = Listed(file.path().to_owned());
            OPEN.lock().unwrap_or_else(PoisonError::into_inner).push(listed.0.clone());
            // Not every file system has locks; there nothing is taken for stale either.
            let _ = file.as_file().lock();
            if file.path().exists() {
                if let Some(before) = &before {
                    like(before, file.as_file())?;
                }
                return Ok(Temporary { file, _listed: listed });
            }
        }
        Err(io::Error::other("a file beside it is removed again and again"))
    }

    pub fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Takes the place of `target`.
    pub fn move_to(self, target: &Path) -> io::Result<()> {
        self.file.persist(target).map(drop).map_err(|error| error.error)
    }
}

/// Gives a file the mode of another, and its owner where that is allowed.
#[cfg(unix)]
fn like(before: &std::fs::Metadata, file: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let now = file.metadata()?;
    if (now.uid(), now.gid()) != (before.uid(), before.gid()) {
        let _ = fchown(file, Some(before.uid()), Some(before.gid()));
    }
    file.set_permissions(before.permissions())
}

#[cfg(not(unix))]
fn like(_: &std::fs::Metadata, _: &File) -> io::Result<()> {
    Ok(())
}

/// Removes what processes that were killed left in a folder. What cannot be removed stays.
fn remove_stale(folder: &Path) {
    let Ok(entries) = folder.read_dir() else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let ours = name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
        match entry.file_type() {
            Ok(kind) if ours && (kind.is_file() || kind.is_dir()) => {
                remove_if_unlocked(&entry.path(), kind.is_dir());
            }
            _ => {}
        }
    }
}

fn remove_if_unlocked(path: &Path, is_folder: bool) {
    // A folder cannot be opened to be written to.
    let Ok(file) = File::options().read(is_folder).write(!is_folder).open(path) else { return };
    match file.try_lock() {
        Ok(()) => {
            let _ = if is_folder { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
        }
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
    }
}
