//! Copies of files on this machine, for formats that are not read in parts.

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;

use super::ahead::{Ahead, Beginning};
use super::failure::Failure;
use super::object::{Copy, FIRST, From, Object};
use super::runtime::run;
use crate::address;
use crate::error::{Error, Result};
use crate::memory::shown;
use crate::output::TemporaryFolder;
use crate::progress::steps;

/// A file of unknown length is copied as far as this.
const MOST_UNKNOWN: u64 = 16 << 30;
/// How often a file is asked for that comes whole or not at all.
const ATTEMPTS: usize = 3;

impl Object {
    /// Its first bytes, at most 4096.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn first(self: &Arc<Self>) -> Result<Bytes> {
        if let Some(first) = self.first.get() {
            return Ok(first.clone());
        }
        let first = if self.has_ranges() {
            self.bytes(0..FIRST.min(self.size())).map_err(|failure| self.error(failure))?
        } else {
            let file = self.local()?;
            let mut first = Vec::new();
            File::open(file)
                .and_then(|file| file.take(FIRST).read_to_end(&mut first))
                .map_err(|error| Error::io("cannot read", error).file(self.path()))?;
            first.into()
        };
        Ok(self.first.get_or_init(|| first).clone())
    }

    /// A copy of the whole file on this machine, made once; it is gone with this, and on a signal.
    ///
    /// # Errors
    /// When the file cannot be read, or the copy not be written.
    pub fn local(self: &Arc<Self>) -> Result<PathBuf> {
        let mut copy = self.copy.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(copy) = &*copy {
            return Ok(copy.file.clone());
        }
        let place = std::env::temp_dir();
        let failed = |error| {
            Error::io("cannot write a temporary copy", error)
                .file(self.path())
                .advice("TMPDIR names the folder for it: one with more space, or that can be written to")
        };
        let folder = TemporaryFolder::beside(&place.join("copy")).map_err(failed)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mine = std::fs::Permissions::from_mode(0o700);
            std::fs::set_permissions(folder.path(), mine).map_err(failed)?;
        }
        // The name tells the format.
        let file = folder.path().join(address::file_name(self.path()).replace(['/', '\\', '\0'], "_"));
        let out = File::create(&file).map_err(failed)?;
        let written = if self.has_ranges() { self.copy_parts(out) } else { self.copy_whole(&out) };
        written.map_err(|fault| match fault {
            Fault::Remote(failure) => self.error(failure),
            Fault::Local(error) => failed(error),
        })?;
        *copy = Some(Copy { file: file.clone(), _folder: folder });
        Ok(file)
    }

    fn copy_parts(self: &Arc<Self>, mut out: File) -> Result<(), Fault> {
        let steps = steps("downloading", usize::try_from(self.size()).unwrap_or(usize::MAX));
        let whole = std::iter::once(0..self.size()).collect();
        let ahead = Ahead::new(self, whole, Beginning::Full, 0);
        let mut at = 0;
        while at < self.size() {
            let bytes = ahead.some(at)?;
            out.write_all(&bytes).map_err(Fault::Local)?;
            at += bytes.len() as u64;
            steps.add(bytes.len());
        }
        Ok(())
    }

    fn copy_whole(&self, out: &File) -> Result<(), Fault> {
        let From::Web(web) = &self.from else { return Err(Failure::NoRanges.into()) };
        let steps = steps("downloading", usize::try_from(self.size()).unwrap_or(usize::MAX));
        let (mut attempt, steps) = (1, Arc::new(steps));
        loop {
            out.set_len(0).map_err(Fault::Local)?;
            let file = out.try_clone().map_err(Fault::Local)?;
            let (web, about, steps) = (web.clone(), self.about.clone(), steps.clone());
            let done = run(async move {
                let mut answer = web.whole().await?;
                let (mut written, mut file) = (0_u64, std::io::BufWriter::new(file));
                while let Some(chunk) = answer.chunk().await.map_err(Failure::of_web)? {
                    written += chunk.len() as u64;
                    if about.size.is_some_and(|size| written > size) {
                        return Err(Failure::Changed);
                    }
                    if written > MOST_UNKNOWN && about.size.is_none() {
                        let most = shown(MOST_UNKNOWN);
                        return Err(Failure::Other(format!(
                            "more than {most} from a server that tells no size"
                        )));
                    }
                    if let Err(error) = file.write_all(&chunk) {
                        return Ok(Err(error));
                    }
                    steps.add(chunk.len());
                }
                if about.size.is_some_and(|size| written < size) {
                    return Err(Failure::CutOff(format!("{written} of {} bytes", about.size.unwrap_or(0))));
                }
                Ok(file.flush())
            });
            match done {
                Ok(written) => return written.map_err(Fault::Local),
                Err(failure) if failure.is_passing() && attempt < ATTEMPTS => attempt += 1,
                Err(failure) => return Err(failure.into()),
            }
        }
    }
}

/// What a copy may fail of.
enum Fault {
    Remote(Failure),
    Local(std::io::Error),
}

impl std::convert::From<Failure> for Fault {
    fn from(failure: Failure) -> Fault {
        Fault::Remote(failure)
    }
}
