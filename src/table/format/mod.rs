//! The formats of stored embeddings, each in a room of its own, and which of them a file has.

pub(in crate::table) mod batches;
mod chunks;
pub(in crate::table) mod csv;
mod detect;
pub(in crate::table) mod ipc;
pub(in crate::table) mod json;
pub(in crate::table) mod mteb;
pub(in crate::table) mod npy;
pub(in crate::table) mod npz;
pub(in crate::table) mod parquet;
pub(in crate::table) mod part_files;
pub(in crate::table) mod parts;
pub(in crate::table) mod projector;
pub(in crate::table) mod safetensors;
#[cfg(feature = "sql")]
pub(in crate::table) mod scan;
pub(in crate::table) mod word_vectors;

use std::path::Path;

use crate::address::without_query;

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

    /// The format that a name stands for, `.gz` and `.zst` after the extension left out of account.
    pub(super) fn of_name(path: &Path) -> Option<Format> {
        let path = without_query(path);
        let packed = path.extension().is_some_and(|extension| {
            ["gz", "gzip", "zst", "zstd"].iter().any(|packed| extension.eq_ignore_ascii_case(packed))
        });
        if packed { Format::from_extension(path.file_stem()?.as_ref()) } else { Format::from_extension(path) }
    }
}
