//! Output files: written whole or not at all; only a regular file is ever replaced.
//!
//! [`write_whole`] is the one way by which tables, models, pictures and pages reach a path. What is not a
//! regular file (a device, a FIFO, a socket, `/dev/fd/N`, and `-`, which is standard output) is written
//! through; a symlink is followed; a regular file is replaced in one step, and keeps its mode.
//! [`check`] proves beforehand that a path can be written, so that nobody waits or pays for a result that
//! cannot be kept.

mod place;
mod temporary;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

pub use place::{is_stdout, is_stream, same};
pub use temporary::{TemporaryFolder, remove_temporary_files};

use self::place::Place;
use self::temporary::Temporary;
use crate::address::refuse_output;
use crate::error::{Error, Result};

/// Bytes that are gathered before they are written.
const BUFFER: usize = 1 << 20;

/// Where an output's bytes go while it is being written.
pub struct Sink {
    to: BufWriter<Box<dyn Write + Send>>,
    /// The reader of a pipe has gone.
    closed: bool,
}

impl Sink {
    fn new(to: impl Write + Send + 'static) -> Sink {
        Sink { to: BufWriter::with_capacity(BUFFER, Box::new(to)), closed: false }
    }

    fn noted<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        self.closed |= result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        result
    }

    /// Writes with `write` and flushes. A reader that has had enough is told as such, whatever the
    /// writer made of it.
    fn fill(&mut self, path: &Path, write: impl FnOnce(&mut Sink) -> Result<()>) -> Result<()> {
        let written = write(self).and_then(|()| self.flush().map_err(|error| failed(path, error)));
        if self.closed { Err(failed(path, io::ErrorKind::BrokenPipe.into())) } else { written }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.to.write(bytes);
        self.noted(result)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let result = self.to.write_all(bytes);
        self.noted(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.to.flush();
        self.noted(result)
    }
}

fn failed(path: &Path, error: io::Error) -> Error {
    Error::io("cannot write", error).file(path)
}

/// Writes an output with `write`.
///
/// A regular file appears whole or not at all: it is written beside its place and moved there when all of
/// it is on disk. One that was there before is replaced and keeps its mode; on any failure it is untouched.
/// A symlink is followed to what it names. Devices, FIFOs, sockets, open descriptors (`/dev/fd/N`) and `-`,
/// standard output, are written through, and what was written before a failure stays written.
///
/// # Errors
/// What `write` returns, and any failure of the file system.
///
/// ```
/// use std::io::Write;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("notes.txt");
/// embedlab::output::write_whole(&path, |out| Ok(out.write_all(b"all of it").unwrap()))?;
/// assert_eq!(std::fs::read(&path)?, b"all of it");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_whole(path: &Path, write: impl FnOnce(&mut Sink) -> Result<()>) -> Result<()> {
    match place::find(path)? {
        Place::Stdout => Sink::new(io::stdout()).fill(path, write),
        Place::Stderr => Sink::new(io::stderr()).fill(path, write),
        Place::Stream(stream) => {
            // Where the stream is a file that somebody has open, it goes on at its end.
            let file = File::options().append(true).open(&stream).map_err(|error| failed(path, error))?;
            Sink::new(file).fill(path, write)
        }
        #[cfg(unix)]
        Place::Socket(socket) => {
            let stream = std::os::unix::net::UnixStream::connect(&socket);
            Sink::new(stream.map_err(|error| failed(path, error))?).fill(path, write)
        }
        Place::File(target) => {
            let failed = |error| failed(path, error);
            let temporary = Temporary::beside(&target).map_err(failed)?;
            let mut sink = Sink::new(temporary.file().try_clone().map_err(failed)?);
            sink.fill(path, write)?;
            drop(sink);
            temporary.file().sync_all().map_err(failed)?;
            temporary.move_to(&target).map_err(failed)
        }
    }
}

/// Proves that an output can be written, without changing anything.
///
/// # Errors
/// When the path is a folder, its folder does not exist or cannot be written to, or the file that is there
/// cannot be written.
pub fn check(path: &Path) -> Result<()> {
    let Place::File(target) = place::find(path)? else { return Ok(()) };
    let folder = place::folder(&target);
    if !folder.is_dir() {
        return Err(Error::argument("no such folder to write to")
            .file(path)
            .advice(format!("make {} first", folder.display())));
    }
    let refused = |error: io::Error| {
        Error::io("cannot write here", error)
            .file(path)
            .advice("name another file, or change its permissions")
    };
    if target.exists() {
        File::options().write(true).open(&target).map_err(refused)?;
    }
    Temporary::beside(&target).map(drop).map_err(refused)
}

/// Proves that files can be written into a folder, which is there or can be made, without changing anything.
///
/// # Errors
/// When it is something else than a folder, or cannot be written to or made.
pub fn check_folder(path: &Path) -> Result<()> {
    refuse_output(path)?;
    let there = path.ancestors().find(|folder| folder.exists() || folder.as_os_str().is_empty());
    let there = there.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !there.is_dir() {
        return Err(Error::argument("no folder to write into")
            .file(path)
            .seen(format!("{} is a file", there.display()))
            .advice("name a folder"));
    }
    Temporary::beside(&there.join("results")).map(drop).map_err(|error| {
        Error::io("cannot write here", error)
            .file(path)
            .advice("name another folder, or change its permissions")
    })
}

/// Refuses a name whose extension is not one of those that `what` can have. A stream may have any name.
///
/// # Errors
/// When it has none of the extensions; the message names them.
pub fn check_extension(path: &Path, what: &str, extensions: &[&str]) -> Result<()> {
    refuse_output(path)?;
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    let fits = extension.as_deref().is_some_and(|extension| extensions.contains(&extension));
    if fits || (extension.is_none() && is_stream(path)) {
        return Ok(());
    }
    let known: Vec<String> = extensions.iter().map(|extension| format!(".{extension}")).collect();
    Err(Error::argument(format!("{what} cannot be written under this name"))
        .file(path)
        .advice(format!("end the name in {}", known.join(" or "))))
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
    use std::process::Command;

    use super::*;

    fn write(path: &Path, bytes: &[u8]) -> Result<()> {
        write_whole(path, |out| out.write_all(bytes).map_err(|error| failed(path, error)))
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_whole_and_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("private");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let broken = write_whole(&path, |out| {
            out.write_all(b"half").unwrap();
            Err(Error::input("something"))
        });
        assert!(broken.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        write(&path, b"newer").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o666);
        assert_eq!(names(folder.path()), ["private"]);
    }

    #[test]
    fn a_symlink_is_followed_to_a_file_that_is_there_or_not_yet() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("real")).unwrap();
        symlink("real/file", folder.path().join("link")).unwrap();
        symlink("link", folder.path().join("link to a link")).unwrap();
        for content in [b"one", b"two"] {
            write(&folder.path().join("link to a link"), content).unwrap();
            assert_eq!(fs::read(folder.path().join("real/file")).unwrap(), content);
            assert!(folder.path().join("link").is_symlink());
        }
        symlink("round", folder.path().join("round")).unwrap();
        assert!(write(&folder.path().join("round"), b"x").is_err());
    }

    #[test]
    fn a_fifo_and_a_device_are_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        check(&fifo).unwrap();
        let reader = std::thread::spawn({
            let fifo = fifo.clone();
            move || fs::read(fifo).unwrap()
        });
        write(&fifo, b"through").unwrap();
        assert_eq!(reader.join().unwrap(), b"through");
        assert!(fs::symlink_metadata(&fifo).unwrap().file_type().is_fifo());
        // By a link, should it go wrong: then the link is replaced and not the device.
        symlink("/dev/null", folder.path().join("null")).unwrap();
        write(&folder.path().join("null"), b"gone").unwrap();
        assert!(folder.path().join("null").is_symlink());
        if Path::new("/dev/full").exists() {
            symlink("/dev/full", folder.path().join("full")).unwrap();
            let error = write(&folder.path().join("full"), b"too much").unwrap_err().to_string();
            assert!(error.contains("cannot write"), "{error}");
        }
    }

    #[test]
    fn a_socket_is_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let reader = std::thread::spawn(move || io::read_to_string(listener.accept().unwrap().0).unwrap());
        write(&path, b"through").unwrap();
        assert_eq!(reader.join().unwrap(), "through");
    }

    #[test]
    fn an_open_descriptor_is_written_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "first ").unwrap();
        let open = File::options().append(true).open(&path).unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&open);
        write(Path::new(&format!("/dev/fd/{number}")), b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"first second");
    }

    #[test]
    fn what_cannot_be_written_is_known_before() {
        let folder = tempfile::tempdir().unwrap();
        let said = |path: &Path| check(path).unwrap_err().to_string();
        assert!(said(folder.path()).contains("a folder"), "{}", said(folder.path()));
        assert!(said(&folder.path().join("no/file")).contains("no such folder to write to"));
        assert!(said(&folder.path().join("no/file")).contains("make "));
        check(&folder.path().join("new")).unwrap();
        assert!(names(folder.path()).is_empty());
        check(Path::new("-")).unwrap();
        check(Path::new("/dev/null")).unwrap();
    }

    #[test]
    fn what_a_killed_run_left_is_removed_by_the_next_and_what_another_run_writes_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(folder.path().join(".embedlab-killed.tmp"), "half").unwrap();
        fs::create_dir(folder.path().join(".embedlab-folder.tmp")).unwrap();
        fs::write(folder.path().join(".embedlab-folder.tmp/part"), "half").unwrap();
        fs::write(folder.path().join(".embedlab-note"), "of somebody else").unwrap();
        let used = TemporaryFolder::beside(&path).unwrap();
        write_whole(&path, |out| {
            out.write_all(b"first").unwrap();
            write(&folder.path().join("second"), b"second")
        })
        .unwrap();
        assert!(used.path().is_dir());
        used.move_to(&folder.path().join("used")).unwrap();
        assert_eq!(names(folder.path()), [".embedlab-note", "file", "second", "used"]);
    }

    #[test]
    fn two_names_of_one_file_are_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        symlink("file", folder.path().join("link")).unwrap();
        // Neither is there yet.
        assert!(same(&file, &folder.path().join("link")));
        assert!(same(&file, &folder.path().join(".").join("file")));
        assert!(!same(&file, &folder.path().join("other")));
        fs::write(&file, "x").unwrap();
        fs::hard_link(&file, folder.path().join("hard")).unwrap();
        assert!(same(&file, &folder.path().join("hard")) && same(&file, &folder.path().join("link")));
        assert!(same(Path::new("-"), Path::new("/dev/stdout")));
        assert!(!same(Path::new("/dev/null"), Path::new("/dev/null")));
    }
}
