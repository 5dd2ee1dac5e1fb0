//! A folder of MTEB's embedding cache (`mteb.models.cache_wrappers`, `NumpyCache`).
//!
//! `vectors.npy` is not a NumPy file, but a bare sequence of little-endian float32 with room for more
//! rows than are used; `dimension` holds the dimension as text, `index.json` the row of each text
//! by the text's SHA-256.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::record_batch::RecordBatch;

use crate::error::{Error, Result, excerpt};
use crate::table::column::floats::Float;
use crate::table::column::matrix;
use crate::table::{ReadOptions, Table, mapped, sidecar};

/// Reads the rows that the index names, in the order of the cache; `path` is the folder or its
/// `vectors.npy`.
pub(in crate::table) fn read(path: &Path, options: &ReadOptions) -> Result<Table> {
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new(".")) };
    let dims = dimension(&folder.join("dimension"))?;
    let index = index(&folder.join("index.json"))?;
    let vectors_path = folder.join("vectors.npy");
    let vectors = mapped::map(&vectors_path)?;
    let row_bytes = dims * Float::F32.size();
    if vectors.len() % row_bytes != 0 {
        return Err(Error::input("the vectors do not have this dimension")
            .file(&vectors_path)
            .seen(format!("{} bytes are not whole rows of {dims} float32", vectors.len()))
            .advice("check the file `dimension`, or write the cache again"));
    }
    let capacity = vectors.len() / row_bytes;
    if let Some((row, sha256)) = index.iter().find(|(row, _)| **row >= capacity) {
        return Err(Error::input("the index names a row beyond the last")
            .file(folder.join("index.json"))
            .seen(format!("row {row} of {capacity} for {}", excerpt(sha256)))
            .advice("the cache was cut off: write it again"));
    }
    let mut matrix =
        matrix::for_all(index.len(), dims, options.memory).map_err(|error| error.file(&vectors_path))?;
    for (mut out, row) in matrix.rows_mut().into_iter().zip(index.keys()) {
        if let Some(out) = out.as_slice_mut() {
            Float::F32.decode(&vectors[row * row_bytes..(row + 1) * row_bytes], out);
        }
    }
    if !options.keeps_faults() {
        matrix::refuse_non_finite(matrix.view(), 0).map_err(|error| error.file(&vectors_path))?;
    }
    let sha256: ArrayRef = Arc::new(StringArray::from_iter_values(index.values()));
    let columns = RecordBatch::try_from_iter([("sha256", sha256)])
        .map_err(|error| Error::input("cannot make the column sha256").source(error))?;
    sidecar::join(matrix, "embedding", Some(columns), options)
}

fn dimension(path: &Path) -> Result<usize> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::io("cannot read", error).file(path))?;
    let dims = text.trim().parse().ok().filter(|dims| (1..=1 << 24).contains(dims));
    dims.ok_or_else(|| {
        Error::input("no dimension")
            .file(path)
            .seen(excerpt(&text))
            .advice("the file holds one number, the length of a vector")
    })
}

/// The hash of each used row, by row.
fn index(path: &Path) -> Result<BTreeMap<usize, String>> {
    let text = std::fs::read(path).map_err(|error| {
        Error::io("cannot read", error).file(path).advice("a cache without its index cannot be used")
    })?;
    let by_hash: BTreeMap<String, usize> = serde_json::from_slice(&text).map_err(|error| {
        Error::input("the index is damaged").file(path).source(error).advice("write the cache again")
    })?;
    if by_hash.is_empty() {
        return Err(Error::input("the cache holds no rows").file(path).advice("embed some texts first"));
    }
    let hashes = by_hash.len();
    let by_row: BTreeMap<usize, String> = by_hash.into_iter().map(|(sha256, row)| (row, sha256)).collect();
    if by_row.len() < hashes {
        return Err(Error::input("the index names a row twice")
            .file(path)
            .seen(format!("{hashes} hashes for {} rows", by_row.len()))
            .advice("write the cache again"));
    }
    Ok(by_row)
}
