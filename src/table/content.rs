//! Text files as they are read: gzip and zstd are unpacked on the way, within bounds.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

use crate::error::{Error, Result};
use crate::memory::{Budget, shown};
use crate::progress::{Steps, steps};

/// What compressed text may unpack to in any case.
const ALWAYS_UNPACKED: u64 = 256 << 20;
/// Beyond that, how many bytes may come of one: text with vectors shrinks to a half or a fourth.
const MOST_EXPANSION: u64 = 100;
/// As many first bytes tell the format.
const HEAD: u64 = 4096;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Opens a text file, a pipe too; gzip and zstd are unpacked on the way.
///
/// # Errors
/// When it cannot be opened.
pub(in crate::table) fn open(path: &Path) -> Result<Box<dyn Read + Send>> {
    let file = File::open(path).map_err(|error| Error::io("cannot open", error))?;
    let length = file.metadata().map_or(0, |about| if about.is_file() { about.len() } else { 0 });
    unpacked(file, length)
}

fn unpacked(mut file: impl Read + Send + 'static, length: u64) -> Result<Box<dyn Read + Send>> {
    let mut start = Vec::new();
    file.by_ref().take(4).read_to_end(&mut start).map_err(read_error)?;
    let (taken, steps) = (Arc::default(), steps("reading", usize::try_from(length).unwrap_or(0)));
    let packed = Packed { file: io::Cursor::new(start.clone()).chain(file), taken, steps };
    let taken = packed.taken.clone();
    if start.starts_with(GZIP) {
        let unpacked = MultiGzDecoder::new(BufReader::new(packed));
        return Ok(Box::new(Bounded { unpacked, taken, given: 0 }));
    }
    if start.starts_with(ZSTD) {
        let unpacked = zstd::stream::read::Decoder::new(packed).map_err(read_error)?;
        return Ok(Box::new(Bounded { unpacked, taken, given: 0 }));
    }
    Ok(Box::new(packed))
}

/// A failure to read, whose reason is reported: a damaged archive is not a fault of the system.
pub(in crate::table) fn read_error(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => {
            Error::input("the compressed file is damaged")
                .with_code("file-damaged")
                .source(error)
                .advice("write or download it again")
        }
        Err(error) => Error::io("cannot read", error),
    }
}

/// A compressed file, and how many of its bytes were taken.
struct Packed<R> {
    file: R,
    taken: Arc<AtomicU64>,
    steps: Steps,
}

impl<R: Read> Read for Packed<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(out)?;
        self.taken.fetch_add(read as u64, Ordering::Relaxed);
        self.steps.add(read);
        Ok(read)
    }
}

/// Text that is unpacked within bounds: a few bytes can stand for gigabytes.
struct Bounded<R> {
    unpacked: R,
    taken: Arc<AtomicU64>,
    given: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.unpacked.read(out)?;
        self.given += read as u64;
        let taken = self.taken.load(Ordering::Relaxed);
        if self.given > ALWAYS_UNPACKED.saturating_add(MOST_EXPANSION.saturating_mul(taken)) {
            return Err(io::Error::other(
                Error::memory("the compressed file unpacks to far more than vectors do")
                    .with_code("compressed-too-far")
                    .seen(format!("{} MB from {} kB", self.given >> 20, taken >> 10))
                    .advice("if it is to be trusted, unpack it first and read what comes out"),
            ));
        }
        Ok(read)
    }
}

/// What the columns of a compressed table of `packed` bytes may take: as much as compressed text may unpack to, or the
/// budget where it allows more; without a budget, within what is free.
pub(in crate::table) fn unpacked_limit(packed: u64, memory: Budget) -> u64 {
    let usual = ALWAYS_UNPACKED.saturating_add(MOST_EXPANSION.saturating_mul(packed));
    match memory.given() {
        Some(given) => given.max(usual),
        None => memory.limit().map_or(usual, |limit| limit.min(usual)),
    }
}

/// The bytes of a file; 0 where the system does not tell.
pub(in crate::table) fn size_of_file(path: &Path) -> u64 {
    path.metadata().map_or(0, |about| about.len())
}

/// Refuses what takes more than [`unpacked_limit`].
pub(in crate::table) fn refuse_unpacked(bytes: u64, limit: u64) -> Result<()> {
    if bytes <= limit {
        return Ok(());
    }
    Err(Error::memory("the file unpacks to more than may be used")
        .with_code("compressed-too-far")
        .seen(format!("at least {}, where the limit is {}", shown(bytes), shown(limit)))
        .advice("if the file is to be trusted, allow more with --memory 8G"))
}

/// The first bytes of a file, unpacked, and whether it is compressed; `None` for a pipe, which can be read once only.
pub(in crate::table) fn head(path: &Path) -> Option<(bool, Vec<u8>)> {
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    let mut first = [0; 4];
    let read = File::open(path).ok()?.read(&mut first).ok()?;
    Some((is_packed(first.get(..read)?), start_of(open(path).ok()?)))
}

/// The same of bytes that a file begins with.
pub(in crate::table) fn head_of(first: &[u8]) -> (bool, Vec<u8>) {
    let text = unpacked(io::Cursor::new(first.to_vec()), 0);
    (is_packed(first), text.map(start_of).unwrap_or_default())
}

fn is_packed(first: &[u8]) -> bool {
    first.starts_with(GZIP) || first.starts_with(ZSTD)
}

fn start_of(text: impl Read) -> Vec<u8> {
    let mut head = Vec::new();
    // What was unpacked before a fault tells the format too.
    let _ = text.take(HEAD).read_to_end(&mut head);
    head
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn written(folder: &Path, name: &str, bytes: &[u8]) -> std::path::PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn compressed_text_is_unpacked_and_a_bomb_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let gzip = |bytes: &[u8]| {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packed.write_all(bytes).unwrap();
            packed.finish().unwrap()
        };
        let text = b"a,b\n1,2\n".repeat(1000);
        for (name, packed) in [("a.csv.gz", gzip(&text)), ("a.csv", zstd::encode_all(&text[..], 1).unwrap())]
        {
            let path = written(folder.path(), name, &packed);
            assert!(head(&path).unwrap().0);
            let mut unpacked = Vec::new();
            open(&path).unwrap().read_to_end(&mut unpacked).unwrap();
            assert_eq!(unpacked, text);
        }
        let bomb = written(
            folder.path(),
            "b.csv.zst",
            &zstd::encode_all(io::repeat(b'a').take(300 << 20), 1).unwrap(),
        );
        let error = read_error(io::copy(&mut open(&bomb).unwrap(), &mut io::sink()).unwrap_err());
        assert_eq!(error.code(), "compressed-too-far");
        let cut = written(folder.path(), "c.csv.gz", &gzip(&text)[..40]);
        assert!(io::copy(&mut open(&cut).unwrap(), &mut io::sink()).is_err());
    }
}
