//! The file that a command reads, and the options that say how.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Command, ValueEnum};
use embedlab::analysis::{Cost, Plan};
use embedlab::data::{Budget, Data, DropBy, OpenOptions, Roles, Selection};
use embedlab::table::{self, Encoding, Format, ReadOptions, Table};
use embedlab::{Error, ErrorKind, Result};

use super::output::Output;

/// A file of stored embeddings.
#[derive(clap::Args, Clone)]
#[command(next_help_heading = "Input")]
pub struct Input {
    /// File, folder of parts or quoted pattern with embeddings: .csv .tsv .parquet .jsonl .json .arrow .npy .npz .safetensors .vec,
    /// .gz and .zst of text, a Hugging Face dataset or an MTEB cache; - is stdin
    #[arg(value_name = "FILE", required = true, num_args = 1, action = ArgAction::Set)]
    files: Vec<PathBuf>,
    /// The column with the vectors [default: the one that holds vectors]
    #[arg(long, value_name = "COL")]
    vector: Option<String>,
    /// The format [default: from the name; csv for stdin]
    #[arg(long, hide_short_help = true, value_name = "FORMAT")]
    format: Option<FormatName>,
    /// The encoding of a text file
    #[arg(long, hide_short_help = true, value_name = "NAME", default_value = "utf8")]
    encoding: EncodingName,
    /// The delimiter of a CSV file, one ASCII character [default: a comma, for .tsv a tab]
    #[arg(long, hide_short_help = true, value_name = "CHAR", value_parser = delimiter)]
    delimiter: Option<u8>,
    /// A second file with the columns of the rows, for formats that hold only vectors
    #[arg(long, hide_short_help = true, value_name = "FILE")]
    sidecar: Option<PathBuf>,
    /// Words for a missing value in unquoted cells of text files [default: NA, N/A, #N/A, NULL, null, None, nan, NaN, <NA>, \\N]
    #[arg(long, value_name = "WORD,..", value_delimiter = ',', hide_short_help = true)]
    missing: Option<Vec<String>>,
    /// The CSV file has no header [default: the first record is one, unless it is numbers or holds a vector]
    #[arg(long, hide_short_help = true)]
    no_header: bool,
    /// The decimal mark of a CSV file: a point or a comma
    #[arg(long, value_name = "CHAR", default_value = ".", value_parser = [".", ","], hide_short_help = true)]
    decimal: String,
}

/// A file of stored embeddings, and which of its rows are used.
#[derive(clap::Args)]
#[command(next_help_heading = "Input")]
pub struct TableInput {
    #[command(flatten)]
    input: Input,
    /// Leave out rows without a usable vector, and rows without a label where one is learned
    #[arg(long)]
    drop_missing: bool,
    /// Use only the rows for which this SQL expression holds, such as "Score <= 2 and Kind = 'tea'"
    #[arg(long = "where", value_name = "FILTER", hide_short_help = true)]
    filter: Option<String>,
    /// Use only the first row of those with the same text, or with the same vector where there are no texts
    #[arg(long, value_name = "BY", num_args = 0..=1, require_equals = true, default_missing_value = "auto", hide_short_help = true)]
    drop_duplicates: Option<DropBy>,
    /// Use a sample of this many rows, drawn with --seed
    #[arg(long, value_name = "N", hide_short_help = true)]
    sample: Option<usize>,
    /// Columns that -o writes besides the vectors and what is new [default: all]
    #[arg(long, value_name = "COL,..", value_delimiter = ',', hide_short_help = true)]
    columns: Vec<String>,
    /// Memory that the command may take, such as 2G [default: what is free]
    #[arg(long, value_name = "SIZE", hide_short_help = true)]
    memory: Option<Budget>,
    /// Say rows, passes, bytes, memory and about how long, and do nothing
    #[arg(long, hide_short_help = true)]
    plan: bool,
}

/// What a command takes of its rows, beyond all of them in memory.
#[derive(Default)]
pub struct Wanted {
    /// Passes in blocks are enough.
    pub blocks: bool,
    /// Vectors with NaN or infinities too.
    pub non_finite: bool,
    /// A file without vectors too.
    pub without_vectors: bool,
    /// The rows that are not selected too, told apart.
    pub all_rows: bool,
    /// No more rows than this, drawn at random, because all do not fit in memory.
    pub fit: Option<usize>,
    /// What rows and work may take, where the plan has told it.
    pub memory: Option<Budget>,
}

impl Deref for TableInput {
    type Target = Input;

    fn deref(&self) -> &Input {
        &self.input
    }
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
    WordVectors,
    #[value(alias = "hugging-face")]
    Parts,
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
            FormatName::WordVectors => Format::WordVectors,
            FormatName::Parts => Format::Parts,
            FormatName::MtebCache => Format::MtebCache,
        }
    }
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
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

/// Lets a command take several files as one table, unless another argument follows them.
pub fn with_several_files(command: Command) -> Command {
    let places: Vec<_> =
        command.get_positionals().map(|arg| (arg.get_id().as_str(), arg.get_index())).collect();
    let Some(files) = places.iter().position(|(name, _)| *name == "files") else { return command };
    let follows = |(at, (_, index)): (usize, &(&str, Option<usize>))| {
        at > files || index.is_some_and(|index| index > 1)
    };
    if places.iter().enumerate().any(follows) {
        return command;
    }
    command.mut_arg("files", |files| {
        let help = files.get_help().map(ToString::to_string).unwrap_or_default();
        let help = format!("{help}; several files are one table");
        files.num_args(1..).action(ArgAction::Append).help(help)
    })
}

impl Input {
    /// The first file.
    pub fn file(&self) -> &Path {
        self.files.first().map_or(Path::new(""), PathBuf::as_path)
    }

    /// Names the input in an error that names no file.
    pub fn named_in(&self, error: Error) -> Error {
        error.files(&self.files)
    }

    /// The files to open, which no output may destroy.
    pub fn paths(&self) -> Vec<PathBuf> {
        let opened = |file: &PathBuf| if is_stdin(file) { PathBuf::from("/dev/stdin") } else { file.clone() };
        self.files.iter().map(opened).collect()
    }

    /// Another file that is read alike, in the format of its name.
    pub fn of(&self, file: &Path) -> Input {
        Input { files: vec![file.to_owned()], format: None, sidecar: None, ..self.clone() }
    }

    fn is_stdin(&self) -> bool {
        is_stdin(self.file())
    }

    /// What to call the input in a title.
    pub fn name(&self) -> String {
        if self.is_stdin() {
            return "stdin".to_owned();
        }
        let file = self.file();
        let name = table::file_name(file);
        if self.files.len() > 1 { format!("{name} and {} more", self.files.len() - 1) } else { name }
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
            missing: self.missing.clone(),
            no_header: self.no_header,
            decimal_comma: self.decimal == ",",
            ..ReadOptions::default()
        }
    }

    /// Reads all rows into memory.
    pub fn read(&self, output: &Output) -> Result<Table> {
        let _busy = output.busy(format!("reading {}", self.name()));
        let options = OpenOptions { read: self.options(), ..Default::default() };
        Ok(Data::open_all(&self.paths(), &options)?.into_table())
    }
}

impl TableInput {
    /// Whether all rows are read, and read as whoever knows the files and the vector column alone would.
    pub fn reads_plainly(&self) -> bool {
        let as_usual =
            self.input.format.is_none() && self.input.delimiter.is_none() && self.input.missing.is_none();
        let as_usual = as_usual && !self.input.no_header && self.input.decimal == ".";
        as_usual && !self.selects() && !self.drop_missing && !self.input.is_stdin()
    }

    /// The vector column, where it was named.
    pub fn vector(&self) -> Option<String> {
        self.input.vector.clone()
    }

    /// Whether an option leaves rows out.
    pub fn selects(&self) -> bool {
        self.filter.is_some() || self.drop_duplicates.is_some() || self.sample.is_some()
    }

    /// Whether the output has all rows and columns of one file, so that it may take its place.
    pub fn keeps_all(&self) -> bool {
        !self.selects() && !self.drop_missing && self.columns.is_empty() && self.paths().len() == 1
    }

    /// Whether rows without a usable vector are left out.
    pub fn drops_missing(&self) -> bool {
        self.drop_missing
    }

    /// Whether only the plan is wanted.
    pub fn wants_plan(&self) -> bool {
        self.plan
    }

    /// What rows and work may take of the memory where the columns take so many bytes.
    pub fn memory_for_rows(&self, columns: u64) -> Budget {
        Plan::memory_for_rows(self.memory.unwrap_or_default(), columns)
    }

    fn read_options(&self, wanted: &Wanted) -> ReadOptions {
        ReadOptions {
            allow_non_finite: wanted.non_finite,
            drop_missing: self.drop_missing,
            // A format that has no other way to tell is read to be planned, within the bound too.
            memory: self.memory_for_rows(0),
            ..self.options()
        }
    }

    /// What a command with this cost will do with the file; `None` where nobody asked: neither for a plan nor for a bound of
    /// the memory that it is to keep.
    ///
    /// # Errors
    /// When the file cannot be opened, or the memory is too small for what was asked for.
    pub fn plan(
        &self,
        command: &str,
        wanted: &Wanted,
        cost: impl FnOnce(usize, usize, Budget) -> Result<Cost>,
    ) -> Result<Option<Plan>> {
        if !self.plan && self.memory.is_none() {
            return Ok(None);
        }
        // What comes through a pipe can be looked at only once.
        if !self.paths().iter().all(|path| !path.exists() || path.is_file() || path.is_dir()) {
            return Ok(None);
        }
        let extent = match table::extent(&self.paths(), &self.read_options(wanted)) {
            Err(error) if wanted.without_vectors && error.kind() == ErrorKind::NoVectors => return Ok(None),
            extent => extent?,
        };
        let rows = self.sample.map_or(extent.rows, |sample| sample.min(extent.rows));
        let cost = cost(rows, extent.dims, self.memory_for_rows(extent.column_bytes))?;
        Ok(Some(Plan::new(command, &extent, rows, &cost, self.memory.unwrap_or_default())))
    }

    /// Opens the rows. What is left out is said.
    pub fn open(&self, wanted: &Wanted, roles: Roles, output: &Output) -> Result<Data> {
        let _busy = output.busy(format!("reading {}", self.name()));
        let selection = Selection {
            filter: self.filter.clone(),
            drop_duplicates: self.drop_duplicates,
            sample: self.sample,
            seed: output.seed(),
        };
        let memory = wanted.memory.unwrap_or_else(|| self.memory_for_rows(0));
        let read = self.read_options(wanted);
        let written = (!self.columns.is_empty()).then(|| self.columns.clone());
        let options = OpenOptions {
            read,
            roles,
            selection,
            written,
            stream: wanted.blocks,
            all_rows: wanted.all_rows,
            fit: wanted.fit,
            memory,
        };
        let paths = self.paths();
        let data = match Data::open_all(&paths, &options) {
            // What came through a pipe cannot be read a second time; the message tells what to do.
            Err(error)
                if wanted.without_vectors
                    && error.kind() == ErrorKind::NoVectors
                    && paths.iter().all(|path| path.is_file() || table::is_address(path)) =>
            {
                Data::open_columns(&paths, &options)?
            }
            data => data?,
        };
        data.notes().iter().for_each(|note| output.note(note));
        Ok(data)
    }
}
