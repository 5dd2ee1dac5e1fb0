//! How much files hold, found without reading their rows where the format allows that.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::content::{self, size_of_file};
use super::copy::LocalCopy;
use super::format::ipc::IpcRows;
use super::format::npy;
use super::format::parquet::ParquetFile;
use super::format::parts;
use super::keep::{Keep, few, not_written};
use super::{Format, ReadOptions, Table, guarded, mapped};
use crate::error::{Error, Result};
use crate::remote;

/// A text of no more bytes is read to count its rows.
const READ_WHOLE: u64 = 64 << 20;

/// The rows of a longer one are estimated from this many bytes of its beginning.
const HEAD: u64 = 4 << 20;

/// How much files hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Extent {
    /// Files that are read as one table.
    pub files: usize,
    /// Rows.
    pub rows: usize,
    /// Whether the rows are estimated.
    pub estimated: bool,
    /// Numbers of a vector.
    pub dims: usize,
    /// About the bytes that the columns beside the vectors take in memory.
    pub column_bytes: u64,
    /// The bytes that a pass over the vectors reads.
    pub pass_bytes: u64,
    /// The bytes that are read once before the passes: those of texts, which are parsed, and of packed arrays.
    pub opening_bytes: u64,
    /// The bytes of vectors that go to a temporary file then, for the passes to read; 0 where they fit in memory.
    pub temporary_bytes: u64,
    /// Whether the vectors are read in blocks where that is enough.
    pub streams: bool,
}

/// How much some files, folders or patterns hold that are read as one table. The vectors of Parquet, Arrow, NumPy and
/// safetensors files are not read; text of more than 64 MB is estimated from its beginning; other text is read, and its
/// vectors are let go.
///
/// # Errors
/// As [`stream_all_with_columns`](super::stream_all_with_columns()).
///
/// ```
/// use embedlab::table;
/// let extent = table::extent(&["examples/data/food_reviews.parquet".into()], &Default::default())?;
/// assert_eq!((extent.rows, extent.dims, extent.streams), (660, 384, true));
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn extent(files: &[PathBuf], options: &ReadOptions) -> Result<Extent> {
    let _kept = remote::keep();
    files.iter().try_for_each(|file| super::read::readable(file))?;
    let parts = parts::paths_of(files, options)?;
    let mut all: Option<Extent> = None;
    for path in &parts {
        let part = of_file(path, options)?;
        all = Some(match all {
            None => part,
            Some(all) if all.dims != part.dims => {
                return Err(Error::input("the vectors are not those of the first file")
                    .with_code("parts-differ")
                    .file(path)
                    .seen(format!("{} numbers where the first file has {}", part.dims, all.dims))
                    .advice("put files of one model together"));
            }
            Some(all) => Extent {
                files: all.files + 1,
                rows: all.rows.saturating_add(part.rows),
                estimated: all.estimated || part.estimated,
                column_bytes: all.column_bytes.saturating_add(part.column_bytes),
                pass_bytes: all.pass_bytes.saturating_add(part.pass_bytes),
                opening_bytes: all.opening_bytes.saturating_add(part.opening_bytes),
                temporary_bytes: all.temporary_bytes.saturating_add(part.temporary_bytes),
                streams: all.streams && part.streams,
                ..all
            },
        });
    }
    let mut all = all.ok_or_else(super::read::no_file)?;
    let (limit, given) = (options.memory.limit(), options.memory.given().is_some());
    if few(all.temporary_bytes, all.column_bytes, limit, given) {
        // They are in memory for the passes.
        all.pass_bytes -= all.temporary_bytes;
        all.temporary_bytes = 0;
    }
    Ok(all)
}

fn of_file(path: &Path, options: &ReadOptions) -> Result<Extent> {
    let format = options.format.filter(|format| *format != Format::Parts);
    if let Some((copy, format)) = LocalCopy::of(path, format)? {
        let options = ReadOptions { format: Some(format), ..options.clone() };
        return of_file(&copy.path, &options).map_err(|error| copy.named(error));
    }
    let format = format.map_or_else(|| Format::detect(path), Ok)?;
    let bytes = size_of_file(path);
    let found = |rows, dims, column_bytes, pass_bytes| Extent {
        files: 1,
        rows,
        estimated: false,
        dims,
        column_bytes,
        pass_bytes,
        opening_bytes: 0,
        temporary_bytes: 0,
        streams: true,
    };
    match format {
        Format::Parquet => {
            let file = guarded(path, || ParquetFile::open(path, options))?;
            let (vectors, columns) = file.sizes();
            Ok(found(file.rows, file.dims, columns, vectors))
        }
        Format::ArrowIpc => {
            let file = guarded(path, || IpcRows::open(path, options))?;
            let vectors = (file.rows as u64).saturating_mul(4 * file.dims as u64);
            // A packed batch is unpacked as a whole, beside the columns of all.
            let columns = bytes.saturating_sub(vectors).saturating_add(file.unpacked());
            Ok(found(file.rows, file.dims, columns, bytes))
        }
        Format::Npy => {
            let map = mapped::map(path)?;
            let array = npy::parse(&map).map_err(|error| error.file(path))?;
            if npy::explained(path, array.dtype) {
                let table = super::read(path, options)?;
                return Ok(Extent { streams: false, ..of_table(&table, table.dims(), bytes) });
            }
            let vectors = npy::vectors_of(&array).map_err(|error| error.file(path))?;
            let columns = options.sidecar.as_deref().map_or(0, size_of_file);
            Ok(found(vectors.rows, vectors.dims, columns, bytes))
        }
        Format::Csv | Format::Tsv | Format::JsonLines | Format::WordVectors if bytes > READ_WHOLE => {
            estimated(path, format, bytes, options)
        }
        _ => {
            let mut keep = Keep::counted(options.memory);
            let table = super::read::one(path, &options.with_faults(), &mut keep)?;
            // Formats that are read whole have their vectors in the table; a document is in memory itself.
            let streams = table.dims() == 0 && format != Format::Json;
            let dims = table.dims().max(keep.dims());
            let found = of_table(&table, dims, bytes);
            let stands = format == Format::Safetensors || (format == Format::Npz && !keep.packed());
            Ok(match (streams, stands) {
                (false, _) => Extent { streams, ..found },
                (true, true) => found,
                (true, false) => parsed(found),
            })
        }
    }
}

fn of_table(table: &Table, dims: usize, bytes: u64) -> Extent {
    Extent {
        files: 1,
        rows: table.n_rows(),
        estimated: false,
        dims,
        column_bytes: table.columns().get_array_memory_size() as u64,
        pass_bytes: bytes,
        opening_bytes: 0,
        temporary_bytes: 0,
        streams: true,
    }
}

/// What is read once, and whose vectors are then passed over where they were put.
fn parsed(found: Extent) -> Extent {
    let vectors = (found.rows as u64).saturating_mul(4 * found.dims as u64);
    Extent { opening_bytes: found.pass_bytes, pass_bytes: vectors, temporary_bytes: vectors, ..found }
}

/// A text from its beginning, unpacked where it is compressed: as many more rows as it has more bytes.
fn estimated(path: &Path, format: Format, bytes: u64, options: &ReadOptions) -> Result<Extent> {
    let failed = |error: std::io::Error| Error::io("cannot read", error).file(path);
    let mut head = Vec::new();
    std::fs::File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head)).map_err(failed)?;
    let share = head.len() as f64 / bytes.max(1) as f64;
    let written = |bytes: &[u8]| -> std::io::Result<tempfile::NamedTempFile> {
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(bytes)?;
        file.flush()?;
        Ok(file)
    };
    let packed = written(&head).map_err(not_written)?;
    let mut text = Vec::new();
    // A compressed beginning ends in the middle: what was unpacked before that is what is wanted, within bounds.
    let _ = content::open(packed.path())?.take(READ_WHOLE).read_to_end(&mut text);
    let unpacked = text.len();
    text.truncate(whole_records(&text));
    let beginning = written(&text).map_err(not_written)?;
    let options = ReadOptions { format: Some(format), ..options.clone() };
    let mut keep = Keep::counted(options.memory);
    let table = super::read::one(beginning.path(), &options.with_faults(), &mut keep)
        .map_err(|error| error.file(path))?;
    let times = unpacked as f64 / text.len().max(1) as f64 / share.max(f64::MIN_POSITIVE);
    let streams = table.dims() == 0;
    let read = of_table(&table, table.dims().max(keep.dims()), bytes);
    let all = Extent {
        rows: (read.rows as f64 * times).round() as usize,
        estimated: true,
        column_bytes: (read.column_bytes as f64 * times) as u64,
        streams,
        ..read
    };
    Ok(if streams { parsed(all) } else { all })
}

/// Where the last line ends that is not within quotes.
fn whole_records(text: &[u8]) -> usize {
    let (mut end, mut quoted) = (0, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => end = at + 1,
            _ => {}
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_text_is_cut_between_records() {
        assert_eq!(whole_records(b"a,b\n1,\"x\ny\"\n2,\"un\nfinished"), 12);
        assert_eq!(whole_records(b"no end"), 0);
    }

    #[test]
    fn a_long_text_is_estimated_from_its_beginning_packed_or_not() {
        use std::fmt::Write as _;
        let folder = tempfile::tempdir().unwrap();
        let mut text = "id,embedding\n".to_owned();
        let mut random = 12345_u32;
        for row in 0..120_000 {
            write!(text, "{row},\"[").unwrap();
            for dim in 0..8 {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                write!(text, "{}{}", if dim > 0 { "," } else { "" }, random as f32 / 1e9).unwrap();
            }
            text.push_str("]\"\n");
        }
        let plain = folder.path().join("x.csv");
        std::fs::write(&plain, &text).unwrap();
        let packed = folder.path().join("y.csv.zst");
        std::fs::write(&packed, zstd::encode_all(text.as_bytes(), 1).unwrap()).unwrap();
        for path in [plain, packed] {
            let bytes = size_of_file(&path);
            let found = estimated(&path, Format::Csv, bytes, &Default::default()).unwrap();
            assert_eq!((found.dims, found.estimated), (8, true));
            assert!(found.rows.abs_diff(120_000) < 6_000, "{} {}", path.display(), found.rows);
        }
    }
}
