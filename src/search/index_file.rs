//! An index on disk that answers without the file that it was built from.
//!
//! The file holds a header (JSON) and numbers of four bytes, little endian: the rows, their lengths, and the
//! links of each layer. It is mapped, and a search reads the rows that its walk meets. It knows the file it was
//! built from by size, time and a hash of samples; a hash of the whole file decides where those do not, or
//! where the user asks.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use memmap2::Mmap;
use ndarray::{ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::hnsw::{Links, Space, nearest, require_fitting};
use super::{Hnsw, HnswOptions, Recall};
use crate::error::{Error, Result};
use crate::rows::Neighbor;
use crate::table::{map_file, write_whole};

const MAGIC: &[u8; 8] = b"EMBLABIX";
const VERSION: u32 = 1;

/// Bytes before the header: the magic, the version, the length of the header.
const PRELUDE: usize = 16;

/// The header is filled up to a multiple of this.
const ALIGNMENT: usize = 64;

/// Pieces of a file that a sampled hash looks at, and their bytes.
const SAMPLES: u64 = 16;
const SAMPLE_BYTES: u64 = 64 << 10;

/// What identifies the file that an index was built from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    bytes: u64,
    /// Nanoseconds since 1970.
    modified: u64,
    /// A hash of samples of the file.
    sampled: String,
    /// A hash of the whole file.
    whole: String,
}

impl Stamp {
    fn of(file: &Path) -> Result<Stamp> {
        let (bytes, modified) = size_and_time(file)?;
        Ok(Stamp { bytes, modified, sampled: sampled(file, bytes)?, whole: whole(file)? })
    }
}

fn size_and_time(file: &Path) -> Result<(u64, u64)> {
    let about = std::fs::metadata(file).map_err(|error| Error::io("cannot open", error).file(file))?;
    let modified = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Ok((about.len(), modified.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))))
}

fn sampled(file: &Path, bytes: u64) -> Result<String> {
    let failed = |error| Error::io("cannot read", error).file(file);
    let mut open = File::open(file).map_err(|error| Error::io("cannot open", error).file(file))?;
    let mut hash = Xxh3::new();
    for sample in 0..SAMPLES {
        let last = bytes.saturating_sub(SAMPLE_BYTES);
        open.seek(SeekFrom::Start(last / (SAMPLES - 1) * sample)).map_err(failed)?;
        let mut piece = Vec::new();
        (&mut open).take(SAMPLE_BYTES).read_to_end(&mut piece).map_err(failed)?;
        hash.update(&piece);
    }
    open.seek(SeekFrom::Start(bytes.saturating_sub(SAMPLE_BYTES))).map_err(failed)?;
    let mut end = Vec::new();
    open.take(SAMPLE_BYTES).read_to_end(&mut end).map_err(failed)?;
    hash.update(&end);
    Ok(format!("{:032x}", hash.digest128()))
}

fn whole(file: &Path) -> Result<String> {
    let mut open = File::open(file).map_err(|error| Error::io("cannot open", error).file(file))?;
    let (mut hash, mut buffer) = (Xxh3::new(), vec![0; 1 << 20]);
    loop {
        match open.read(&mut buffer).map_err(|error| Error::io("cannot read", error).file(file))? {
            0 => return Ok(format!("{:032x}", hash.digest128())),
            read => hash.update(&buffer[..read]),
        }
    }
}

/// What the header says.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Header {
    rows: usize,
    dims: usize,
    /// The column whose vectors these are.
    vector_column: String,
    options: HnswOptions,
    entry: u32,
    /// Rows and links of each layer, from below.
    layers: Vec<(usize, usize)>,
    recall: Option<Recall>,
    source: Stamp,
}

/// A mapped index.
pub struct IndexFile {
    path: PathBuf,
    map: Mmap,
    header: Header,
    /// Where the numbers begin.
    begin: usize,
}

impl IndexFile {
    /// Writes an index of the vectors of a column of `source`, which are `rows`; the file appears whole or not at
    /// all.
    ///
    /// # Errors
    /// When the rows do not fit the index, the source cannot be read, or the file cannot be written.
    pub fn save(
        path: &Path,
        index: &Hnsw,
        rows: ArrayView2<'_, f32>,
        source: &Path,
        vector_column: &str,
        recall: Option<&Recall>,
    ) -> Result<()> {
        if rows.dim() != (index.n_rows(), index.dims) {
            return Err(Error::argument("an index of other rows").with_code("index-stale"));
        }
        let layers = layers(index);
        let header = Header {
            rows: rows.nrows(),
            dims: rows.ncols(),
            vector_column: vector_column.to_owned(),
            options: index.options,
            entry: index.graph.entry(),
            layers: layers.iter().map(|layer| (layer.rows.len(), layer.links.len())).collect(),
            recall: recall.cloned(),
            source: Stamp::of(source)?,
        };
        let mut text = serde_json::to_vec(&header)
            .map_err(|error| Error::input("the index cannot be saved").file(path).source(error))?;
        text.resize((PRELUDE + text.len()).next_multiple_of(ALIGNMENT) - PRELUDE, b' ');
        write_whole(path, |out| {
            let mut write = |bytes: &[u8]| {
                out.write_all(bytes).map_err(|error| Error::io("cannot write", error).file(path))
            };
            write(MAGIC)?;
            write(&VERSION.to_le_bytes())?;
            write(&(text.len() as u32).to_le_bytes())?;
            write(&text)?;
            for row in rows.rows() {
                write(&row.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())?;
            }
            write(&index.lengths.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())?;
            for layer in &layers {
                for numbers in [&layer.rows, &layer.offsets, &layer.links] {
                    write(&numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())?;
                }
            }
            Ok(())
        })
    }

    /// Opens an index that [`save`](IndexFile::save) wrote, without reading its rows.
    ///
    /// # Errors
    /// When the file is missing, cut short, of another kind or of an unknown version.
    pub fn open(path: &Path) -> Result<IndexFile> {
        let damaged = |seen: &str| {
            Error::input("a damaged index").with_code("index-damaged").file(path).seen(seen).advice(REBUILD)
        };
        if cfg!(target_endian = "big") {
            return Err(Error::input("an index cannot be mapped on this machine").file(path));
        }
        let map = map_file(path)?;
        if map.len() < PRELUDE || &map[..8] != MAGIC {
            return Err(Error::input("no index of this program").file(path).advice(REBUILD));
        }
        let number =
            |at: usize| map.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
        let (version, length) = (number(8).unwrap_or(0), number(12).unwrap_or(0) as usize);
        if version != VERSION {
            return Err(Error::input("an index of another version")
                .file(path)
                .seen(format!("version {version}, where {VERSION} is known"))
                .advice(REBUILD));
        }
        let begin = PRELUDE + length;
        let text = map.get(PRELUDE..begin).ok_or_else(|| damaged("cut short in its header"))?;
        let header: Header = serde_json::from_slice(text).map_err(|error| damaged(&error.to_string()))?;
        let numbers = header.numbers().ok_or_else(|| damaged("impossible sizes"))?;
        let fits = numbers.checked_mul(4).and_then(|bytes| bytes.checked_add(begin)) == Some(map.len());
        let possible = header.rows > 0
            && header.dims > 0
            && (header.entry as usize) < header.rows
            && header.layers.first().is_some_and(|layer| layer.0 == header.rows)
            && begin.is_multiple_of(4);
        if !(fits && possible) {
            return Err(damaged("cut short, or with sizes that do not fit"));
        }
        Ok(IndexFile { path: path.to_owned(), map, header, begin })
    }

    /// Checks that the index belongs to the file as it is now: by size, time and samples, or byte by byte
    /// (`verify`, or when the time differs). Nothing but the file is asked, so this is quick.
    ///
    /// # Errors
    /// When the file has changed, or the index is of another vector column or of other options.
    pub fn require_fresh(&self, source: &Path, verify: bool) -> Result<()> {
        let stale = |seen: &str| {
            Error::input("a stale index: the file has changed since")
                .with_code("index-stale")
                .file(&self.path)
                .seen(seen)
                .advice(REBUILD)
        };
        let known = &self.header.source;
        let (bytes, modified) = size_and_time(source)?;
        if bytes != known.bytes {
            return Err(stale(&format!("{bytes} bytes, and {} when it was built", known.bytes)));
        }
        if sampled(source, bytes)? != known.sampled {
            return Err(stale("other content"));
        }
        if (verify || modified != known.modified) && whole(source)? != known.whole {
            return Err(stale("other content"));
        }
        Ok(())
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        self.header.rows
    }

    /// The number of dimensions.
    pub fn dims(&self) -> usize {
        self.header.dims
    }

    /// The column whose vectors these are.
    pub fn vector_column(&self) -> &str {
        &self.header.vector_column
    }

    /// How it was built.
    pub fn options(&self) -> &HnswOptions {
        &self.header.options
    }

    /// Which share of an exact search it finds, if that was measured.
    pub fn recall(&self) -> Option<&Recall> {
        self.header.recall.as_ref()
    }

    /// The vector of a row.
    ///
    /// # Errors
    /// When there is no such row.
    pub fn row(&self, row: usize) -> Result<ArrayView1<'_, f32>> {
        let space = self.space()?;
        let values = space.rows.get(row * space.dims..(row + 1) * space.dims).filter(|_| row < self.n_rows());
        values.map(ArrayView1::from).ok_or_else(|| {
            Error::argument("a query row out of range")
                .with_code("row-out-of-range")
                .seen(format!("row {row} of {}, counted from 0", self.n_rows()))
        })
    }

    /// The rows nearest to a query, as [`Hnsw::search`] finds them.
    ///
    /// # Errors
    /// As there.
    pub fn search(&self, query: ArrayView1<'_, f32>, k: usize, ef: usize) -> Result<Vec<Neighbor>> {
        require_fitting(query, self.dims(), self.header.options.metric)?;
        Ok(nearest(&self.links()?, &self.space()?, &query.to_vec(), k, ef))
    }

    fn numbers<T: bytemuck::AnyBitPattern>(&self) -> Result<&[T]> {
        bytemuck::try_cast_slice(&self.map[self.begin..]).map_err(|_| {
            Error::input("a damaged index").with_code("index-damaged").file(&self.path).advice(REBUILD)
        })
    }

    fn space(&self) -> Result<Space<'_>> {
        let (rows, dims) = (self.header.rows, self.header.dims);
        let numbers = self.numbers::<f32>()?;
        Ok(Space {
            rows: &numbers[..rows * dims],
            dims,
            metric: self.header.options.metric,
            lengths: &numbers[rows * dims..rows * dims + rows],
        })
    }

    fn links(&self) -> Result<Mapped<'_>> {
        let mut rest = &self.numbers::<u32>()?[self.header.rows * (self.header.dims + 1)..];
        let mut next = |n: usize| {
            let (now, later) = rest.split_at(n);
            rest = later;
            now
        };
        let layers = self.header.layers.iter().map(|(rows, links)| LayerOf {
            rows: next(*rows),
            offsets: next(rows + 1),
            links: next(*links),
        });
        Ok(Mapped { entry: self.header.entry, layers: layers.collect() })
    }
}

const REBUILD: &str = "build it anew with --rebuild";

impl Header {
    /// Numbers behind the header; `None` where they are more than any file holds.
    fn numbers(&self) -> Option<usize> {
        let rows = self.rows.checked_mul(self.dims.checked_add(1)?)?;
        self.layers.iter().try_fold(rows, |sum, (rows, links)| {
            sum.checked_add(rows.checked_mul(2)?.checked_add(1)?)?.checked_add(*links)
        })
    }
}

/// A layer as it is written: its rows, where the links of each begin, and the links.
struct Layer {
    rows: Vec<u32>,
    offsets: Vec<u32>,
    links: Vec<u32>,
}

fn layers(index: &Hnsw) -> Vec<Layer> {
    let graph = &index.graph;
    let flat = |rows: Vec<u32>, layer: usize| {
        let (mut offsets, mut links) = (vec![0], Vec::new());
        for row in &rows {
            links.extend_from_slice(graph.links(layer, *row));
            offsets.push(links.len() as u32);
        }
        Layer { rows, offsets, links }
    };
    let mut layers = vec![flat((0..graph.base.len() as u32).collect(), 0)];
    for (at, layer) in graph.upper.iter().enumerate() {
        let mut rows: Vec<u32> = layer.keys().copied().collect();
        rows.sort_unstable();
        layers.push(flat(rows, at + 1));
    }
    layers
}

/// A layer as it is mapped.
struct LayerOf<'m> {
    rows: &'m [u32],
    offsets: &'m [u32],
    links: &'m [u32],
}

struct Mapped<'m> {
    entry: u32,
    layers: Vec<LayerOf<'m>>,
}

impl Links for Mapped<'_> {
    /// What a damaged file says is never trusted: links beyond the file are none.
    fn links(&self, layer: usize, row: u32) -> &[u32] {
        let layer = &self.layers[layer];
        let at = match layer.rows.get(row as usize) {
            Some(found) if *found == row => Some(row as usize),
            _ => layer.rows.binary_search(&row).ok(),
        };
        let range =
            at.and_then(|at| Some((*layer.offsets.get(at)? as usize, *layer.offsets.get(at + 1)? as usize)));
        range.and_then(|(from, to)| layer.links.get(from..to)).unwrap_or(&[])
    }

    fn entry(&self) -> u32 {
        self.entry
    }

    fn top(&self) -> usize {
        self.layers.len() - 1
    }
}
