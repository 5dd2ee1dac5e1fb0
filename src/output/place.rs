//! Where a path leads: to a regular file, to a stream, to nothing yet.

use std::io;
use std::path::{Path, PathBuf};

use crate::address::refuse_output;
use crate::error::{Error, Result};

/// Symlinks that are followed at most, as Linux does.
const MOST_LINKS: usize = 40;

/// What an output path stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    Stdout,
    Stderr,
    /// A device, a FIFO, or a descriptor that is open.
    Stream(PathBuf),
    #[cfg(unix)]
    Socket(PathBuf),
    /// A regular file, which need not exist; no symlink.
    File(PathBuf),
}

/// The folder of a file.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Follows a path to its place.
pub(super) fn find(path: &Path) -> Result<Place> {
    if path.as_os_str() == "-" {
        return Ok(Place::Stdout);
    }
    refuse_output(path)?;
    let failed = |error: io::Error| Error::io("cannot write", error).file(path);
    let mut at = path.to_owned();
    for _ in 0..MOST_LINKS {
        if let Some(place) = descriptor(&at) {
            return Ok(place);
        }
        let kind = match at.symlink_metadata() {
            Ok(about) => about.file_type(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Place::File(at)),
            Err(error) => return Err(failed(error)),
        };
        if kind.is_symlink() {
            let target = at.read_link().map_err(failed)?;
            at = folder(&at).join(target);
        } else if kind.is_dir() {
            return Err(Error::argument("a folder, where a file is to be written")
                .file(path)
                .advice("name a file in it"));
        } else if kind.is_file() {
            return Ok(Place::File(at));
        } else {
            return Ok(special(kind, at));
        }
    }
    Err(Error::argument("a cycle of symbolic links").file(path).advice("name the file itself"))
}

#[cfg(unix)]
fn special(kind: std::fs::FileType, at: PathBuf) -> Place {
    use std::os::unix::fs::FileTypeExt;
    if kind.is_socket() { Place::Socket(at) } else { Place::Stream(at) }
}

#[cfg(not(unix))]
fn special(_: std::fs::FileType, at: PathBuf) -> Place {
    Place::Stream(at)
}

/// The descriptor that a path names: `/dev/stdout`, `/dev/fd/3`, `/proc/self/fd/3`. It must not be followed
/// like a link: a file that somebody has open is to be written where it is, not replaced.
#[cfg(unix)]
fn descriptor(path: &Path) -> Option<Place> {
    match path.to_str()? {
        "/dev/stdout" => return Some(Place::Stdout),
        "/dev/stderr" => return Some(Place::Stderr),
        _ => {}
    }
    let number: u32 = path.file_name()?.to_str()?.parse().ok()?;
    let folder = folder(path).canonicalize().ok()?;
    let folder = folder.to_str()?;
    let process = folder.strip_prefix("/proc/").and_then(|rest| rest.strip_suffix("/fd"));
    let own = folder == "/dev/fd" || process.is_some_and(|id| is_own(id.split('/').next().unwrap_or(id)));
    match number {
        _ if folder != "/dev/fd" && process.is_none() => None,
        1 if own => Some(Place::Stdout),
        2 if own => Some(Place::Stderr),
        _ => Some(Place::Stream(path.to_owned())),
    }
}

#[cfg(unix)]
fn is_own(process: &str) -> bool {
    process == std::process::id().to_string()
}

#[cfg(not(unix))]
fn descriptor(_: &Path) -> Option<Place> {
    None
}

/// Whether a path is standard output: `-`, `/dev/stdout`, `/dev/fd/1`, or a link to one of them.
pub fn is_stdout(path: &Path) -> bool {
    find(path).is_ok_and(|place| place == Place::Stdout)
}

/// Whether a path is written in order, without a file that could be replaced: standard output, a device, a
/// FIFO, a socket. Such a path has no extension that must be heeded.
pub fn is_stream(path: &Path) -> bool {
    find(path).is_ok_and(|place| !matches!(place, Place::File(_)))
}

/// Whether two paths are one file, so that writing one destroys the other; neither need exist. Devices and
/// FIFOs are not destroyed by writing twice.
pub fn same(a: &Path, b: &Path) -> bool {
    match (find(a), find(b)) {
        (Ok(Place::File(a)), Ok(Place::File(b))) => same_file(&a, &b),
        (Ok(a), Ok(b)) => a == b && matches!(a, Place::Stdout | Place::Stderr),
        _ => false,
    }
}

fn same_file(a: &Path, b: &Path) -> bool {
    #[cfg(unix)]
    if let (Ok(a), Ok(b)) = (a.metadata(), b.metadata()) {
        use std::os::unix::fs::MetadataExt;
        return (a.dev(), a.ino()) == (b.dev(), b.ino());
    }
    let full = |path: &Path| Some(folder(path).canonicalize().ok()?.join(path.file_name()?));
    a == b || full(a).is_some_and(|a| full(b) == Some(a))
}
