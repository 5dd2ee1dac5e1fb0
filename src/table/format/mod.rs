//! The formats of stored embeddings, each in a room of its own, and which of them a file has.

pub(in crate::table) mod batches;
mod chunks;
pub(in crate::table) mod csv;
pub(in crate::table) mod ipc;
pub(in crate::table) mod json;
pub(in crate::table) mod mteb;
pub(in crate::table) mod npy;
pub(in crate::table) mod npz;
pub(in crate::table) mod parquet;
pub(in crate::table) mod parts;
pub(in crate::table) mod projector;
pub(in crate::table) mod safetensors;
pub(in crate::table) mod word_vectors;

use std::path::Path;

use super::content;
use crate::error::{Error, Result};

/// A format of stored embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Comma-separated text with a header; `.csv`.
    Csv,
    /// Tab-separated text with a header; `.tsv`. A headerless matrix is a TensorFlow Projector file.
    Tsv,
    /// One JSON object a line; `.jsonl`, `.ndjson`. OpenAI Batch output is recognised by its keys.
    JsonLines,
    /// One JSON document: an OpenAI embeddings response, or an array of objects; `.json`.
    Json,
    /// Apache Parquet; `.parquet`, `.pq`.
    Parquet,
    /// Arrow IPC file or stream; `.arrow`, `.feather`, `.ipc`.
    ArrowIpc,
    /// One NumPy array; `.npy`.
    Npy,
    /// NumPy arrays in a zip archive; `.npz`.
    Npz,
    /// safetensors; `.safetensors`.
    Safetensors,
    /// Vectors of words as text, as GloVe, word2vec and fastText keep them: a word and its numbers a line; `.vec`.
    WordVectors,
    /// Several files as one table: a folder of parts (Spark, DuckDB, hive folders, a dataset of the Hugging Face hub or
    /// of `save_to_disk`), or a pattern such as `shards/*.parquet`.
    Parts,
    /// A folder that MTEB's embedding cache wrote: `vectors.npy`, `dimension`, `index.json`.
    MtebCache,
}

impl Format {
    /// The format that a file name's extension stands for.
    pub fn from_extension(path: &Path) -> Option<Format> {
        Some(match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Format::Csv,
            "tsv" | "tab" => Format::Tsv,
            "jsonl" | "ndjson" => Format::JsonLines,
            "json" => Format::Json,
            "parquet" | "pq" => Format::Parquet,
            "arrow" | "feather" | "ipc" => Format::ArrowIpc,
            "npy" => Format::Npy,
            "npz" => Format::Npz,
            "safetensors" => Format::Safetensors,
            "vec" => Format::WordVectors,
            _ => return None,
        })
    }

    /// The format of something that exists: a folder by what it holds, a file by its extension.
    pub(in crate::table) fn detect(path: &Path) -> Result<Format> {
        if parts::is_pattern(path) {
            return Ok(Format::Parts);
        }
        if path.is_dir() {
            return detect_folder(path);
        }
        if path.file_name().is_some_and(|name| name == "vectors.npy") {
            let folder = path.parent().unwrap_or(Path::new("."));
            if folder.join("dimension").is_file() {
                return Ok(Format::MtebCache);
            }
        }
        content::detect(path)
    }

    /// The format that a name stands for, `.gz` and `.zst` after the extension left out of account.
    pub(super) fn of_name(path: &Path) -> Option<Format> {
        let packed = path.extension().is_some_and(|extension| {
            ["gz", "gzip", "zst", "zstd"].iter().any(|packed| extension.eq_ignore_ascii_case(packed))
        });
        if packed { Format::from_extension(path.file_stem()?.as_ref()) } else { Format::from_extension(path) }
    }
}

/// The error for a file whose name and content do not tell the format.
pub(in crate::table) fn unknown(path: &Path) -> Error {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    Error::input("the name does not tell the format")
        .with_code("format-unknown")
        .file(path)
        .advice(way_out(extension.as_deref()))
}

/// How to bring what other programs keep into a format that is read here.
fn way_out(extension: Option<&str>) -> &'static str {
    match extension {
        Some("pkl" | "pickle" | "joblib") => {
            "a pickle can run any program when it is opened; in Python, save a table with df.to_parquet('x.parquet') and an \
             array with numpy.save('x.npy', array)"
        }
        Some("pt" | "pth" | "ckpt") => {
            "in Python, save a tensor with numpy.save('x.npy', tensor.numpy()) or as safetensors"
        }
        Some("faiss" | "index") => {
            "in Python, numpy.save('x.npy', index.reconstruct_n(0, index.ntotal)) brings the vectors out of an index of faiss"
        }
        Some("sql" | "dump") => {
            "a dump of a database holds its tables as commands; in psql, \\copy items to 'items.csv' csv header writes one table"
        }
        Some("db" | "sqlite" | "sqlite3" | "duckdb") => "export the table as .csv or .parquet",
        Some("xls" | "xlsx" | "ods") => "save the sheet as .csv",
        Some("zip" | "bz2" | "xz" | "7z" | "tar" | "tgz") => {
            "unpack it first; .gz and .zst of text are read as they are"
        }
        Some("gz" | "gzip" | "zst" | "zstd") => {
            "name the format with --format, or end the name in .csv.gz or .jsonl.zst"
        }
        _ => {
            "end it in .csv, .tsv, .parquet, .jsonl, .json, .arrow, .npy, .npz or .safetensors, or name the format with \
             --format"
        }
    }
}

fn detect_folder(path: &Path) -> Result<Format> {
    if path.join("vectors.npy").is_file() && path.join("dimension").is_file() {
        return Ok(Format::MtebCache);
    }
    if parts::has_parts(path) {
        return Ok(Format::Parts);
    }
    Err(Error::input("no embeddings found in the folder").with_code("format-unknown").file(path).advice(
        "a folder of parts has Parquet, Arrow, CSV or JSON files in it, in data/ or in folders such as year=2024/; an MTEB cache has \
             vectors.npy and dimension",
    ))
}
