//! The file that a command reads, and the options that say how.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use embedlab::table::{self, Encoding, Format, ReadOptions, Table};
use embedlab::{Error, Result};

use super::output::Output;

/// A file of stored embeddings.
#[derive(clap::Args)]
pub struct Input {
    /// File or folder with embeddings: .csv .tsv .parquet .jsonl .json .arrow .npy .npz .safetensors,
    /// a Hugging Face dataset folder or an MTEB cache folder; - is stdin
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The column with the vectors [default: the one that holds vectors]
    #[arg(long, value_name = "COL")]
    vector: Option<String>,
    /// The format [default: from the name; csv for stdin]
    #[arg(long, value_name = "FORMAT")]
    format: Option<FormatName>,
    /// The encoding of a text file
    #[arg(long, value_name = "NAME", default_value = "utf8")]
    encoding: EncodingName,
    /// The delimiter of a CSV file, one ASCII character [default: a comma, for .tsv a tab]
    #[arg(long, value_name = "CHAR", value_parser = delimiter)]
    delimiter: Option<u8>,
    /// A second file with the columns of the rows, for formats that hold only vectors
    #[arg(long, value_name = "FILE")]
    sidecar: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum FormatName {
    Csv,
    Tsv,
    Jsonl,
    Json,
    Parquet,
    Arrow,
    Npy,
    Npz,
    Safetensors,
    HuggingFace,
    MtebCache,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Format {
        match name {
            FormatName::Csv => Format::Csv,
            FormatName::Tsv => Format::Tsv,
            FormatName::Jsonl => Format::JsonLines,
            FormatName::Json => Format::Json,
            FormatName::Parquet => Format::Parquet,
            FormatName::Arrow => Format::ArrowIpc,
            FormatName::Npy => Format::Npy,
            FormatName::Npz => Format::Npz,
            FormatName::Safetensors => Format::Safetensors,
            FormatName::HuggingFace => Format::HuggingFace,
            FormatName::MtebCache => Format::MtebCache,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum EncodingName {
    Utf8,
    Latin1,
}

fn delimiter(text: &str) -> std::result::Result<u8, String> {
    match text.as_bytes() {
        b"\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() => Ok(*byte),
        _ => Err("one ASCII character is needed; a tab is \\t".to_owned()),
    }
}

impl Input {
    /// The path to open.
    pub fn path(&self) -> &Path {
        if self.is_stdin() { Path::new("/dev/stdin") } else { &self.file }
    }

    fn is_stdin(&self) -> bool {
        self.file.as_os_str() == "-"
    }

    /// What to call the input in a title.
    pub fn name(&self) -> String {
        if self.is_stdin() {
            return "stdin".to_owned();
        }
        self.file
            .file_name()
            .map_or_else(|| self.file.display().to_string(), |name| name.to_string_lossy().into_owned())
    }

    /// The options as the library takes them.
    pub fn options(&self) -> ReadOptions {
        let format = self.format.map(Format::from);
        ReadOptions {
            vector: self.vector.clone(),
            format: if self.is_stdin() { format.or(Some(Format::Csv)) } else { format },
            encoding: match self.encoding {
                EncodingName::Utf8 => Encoding::Utf8,
                EncodingName::Latin1 => Encoding::Latin1,
            },
            delimiter: self.delimiter,
            sidecar: self.sidecar.clone(),
            ..ReadOptions::default()
        }
    }

    /// Reads the table, showing that something is going on.
    pub fn read(&self, output: &Output) -> Result<Table> {
        let _busy = output.busy(format!("reading {}", self.name()));
        let table = table::read(self.path(), &self.options())?;
        if table.n_rows() == 0 {
            return Err(Error::input("no rows")
                .with_code("no-rows")
                .file(&self.file)
                .advice("check how the file was written"));
        }
        Ok(table)
    }
}
