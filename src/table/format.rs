//! Which format a file has.

use std::path::Path;

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
    /// A folder with `data/*.parquet`, as the Hugging Face hub stores a dataset.
    HuggingFace,
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
            _ => return None,
        })
    }

    /// The format of something that exists: a folder by what it holds, a file by its extension.
    pub(super) fn detect(path: &Path) -> Result<Format> {
        if path.is_dir() {
            return detect_folder(path);
        }
        if path.file_name().is_some_and(|name| name == "vectors.npy") {
            let folder = path.parent().unwrap_or(Path::new("."));
            if folder.join("dimension").is_file() {
                return Ok(Format::MtebCache);
            }
        }
        Format::from_extension(path).ok_or_else(|| {
            Error::input("the name does not tell the format")
                .file(path)
                .advice("end it in .csv, .tsv, .parquet, .jsonl, .json, .arrow, .npy, .npz or .safetensors, or name the format")
        })
    }
}

fn detect_folder(path: &Path) -> Result<Format> {
    if path.join("vectors.npy").is_file() && path.join("dimension").is_file() {
        return Ok(Format::MtebCache);
    }
    if super::hugging_face::parts(path).is_ok_and(|parts| !parts.is_empty()) {
        return Ok(Format::HuggingFace);
    }
    Err(Error::input("a folder that holds no embeddings known here").file(path).advice(
        "a Hugging Face dataset has Parquet files in it or in data/; an MTEB cache has vectors.npy and dimension",
    ))
}
