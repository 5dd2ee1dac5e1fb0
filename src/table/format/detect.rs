//! Which format something has: a folder by what it holds, a file by its first bytes, else by its name.

use std::path::Path;

use super::Format;
use super::part_files::{has_parts, is_pattern};
use crate::address::{is_address, without_query};
use crate::error::{Error, Result};
use crate::remote::{self, Found};
use crate::table::content;

impl Format {
    /// The format of something that exists: a folder by what it holds, a file by its extension.
    pub(in crate::table) fn detect(path: &Path) -> Result<Format> {
        if is_address(path) {
            return match remote::find(path)? {
                Found::Object(_) => of_file(path),
                Found::Below(_) => Ok(Format::Parts),
            };
        }
        if is_pattern(path) {
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
        of_file(path)
    }
}

/// The format of a file: by its content where that is plain to see, else by its name.
///
/// # Errors
/// When neither tells, and for a compressed file of a format that is not text.
pub(super) fn of_file(path: &Path) -> Result<Format> {
    let named = Format::of_name(path);
    let head = match is_address(path) {
        true => Some(content::head_of(&remote::open(path)?.first()?)),
        false => content::head(path),
    };
    let format = head.as_ref().and_then(|(_, head)| by_content(head, named)).or(named);
    let format = format.ok_or_else(|| unknown(path))?;
    let is_text =
        matches!(format, Format::Csv | Format::Tsv | Format::JsonLines | Format::Json | Format::WordVectors);
    if head.is_some_and(|(packed, _)| packed) && !is_text {
        return Err(Error::input("a compressed file of a format that is not text")
            .with_code("compressed")
            .file(path)
            .advice("unpack it first"));
    }
    Ok(format)
}

fn by_content(head: &[u8], named: Option<Format>) -> Option<Format> {
    if named != Some(Format::Safetensors) {
        let magic = [
            (&b"PAR1"[..], Format::Parquet),
            (b"ARROW1", Format::ArrowIpc),
            (b"\xff\xff\xff\xff", Format::ArrowIpc),
            (b"\x93NUMPY", Format::Npy),
            (b"PK\x03\x04", Format::Npz),
        ];
        if let Some((_, format)) = magic.iter().find(|(magic, _)| head.starts_with(magic)) {
            return Some(*format);
        }
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let object = text.strip_prefix(b"{").is_some_and(|rest| rest.trim_ascii_start().starts_with(b"\""));
    let array = text
        .strip_prefix(b"[")
        .is_some_and(|rest| matches!(rest.trim_ascii_start().first(), Some(b'{' | b'[' | b']')));
    match named {
        // A document is read as lines too, if it is many objects one after the other.
        Some(Format::Csv | Format::Tsv) | None if object => Some(Format::Json),
        Some(Format::Csv | Format::Tsv) | None if array => Some(Format::Json),
        _ => None,
    }
}

/// The error for a file whose name and content do not tell the format.
pub(in crate::table) fn unknown(path: &Path) -> Error {
    let extension =
        without_query(path).extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
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
    if has_parts(path) {
        return Ok(Format::Parts);
    }
    Err(Error::input("no embeddings found in the folder").with_code("format-unknown").file(path).advice(
        "a folder of parts has Parquet, Arrow, CSV or JSON files in it, in data/ or in folders such as year=2024/; an MTEB cache has \
             vectors.npy and dimension",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_decides_where_it_is_plain_to_see() {
        let folder = tempfile::tempdir().unwrap();
        let written = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        for (name, bytes, format) in [
            ("a.csv", &b"PAR1...."[..], Format::Parquet),
            ("a.csv", b"a,b\n1,2\n", Format::Csv),
            ("a.csv", b"{\"a\": 1}\n{\"a\": 2}\n", Format::Json),
            ("a", b" [{\"a\": 1}]", Format::Json),
            ("a.tsv", b"\x93NUMPY", Format::Npy),
            ("a.csv", b"[0.1, 0.2],x\n", Format::Csv),
        ] {
            assert_eq!(of_file(&written(name, bytes)).unwrap(), format, "{name} {bytes:?}");
        }
        assert!(of_file(&written("a.xyz", b"a,b\n")).is_err());
    }
}
