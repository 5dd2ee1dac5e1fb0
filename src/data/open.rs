//! Opening a file as data.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::{Budget, Data, Role, Roles, Selection};
use crate::error::{Error, Result};
use crate::number::counted;
use crate::rows::{RowSource, Selected, all_rows};
use crate::table::{self, ReadOptions, Table};

/// How a file is opened.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// How the file is read. Its memory, where one is given, is for all that is read, the columns too.
    pub read: ReadOptions,
    /// Columns whose role the user names; the others are found by the usual names.
    pub roles: Roles,
    /// Which rows are used.
    pub selection: Selection,
    /// Columns that are written besides the vectors; default: all.
    pub written: Option<Vec<String>>,
    /// Whether one pass or a few over the rows are enough, so that they need not be in memory. Formats that
    /// cannot be streamed are read.
    pub stream: bool,
    /// Whether the rows that the selection leaves out are there too; [`Data::selected`] then tells them apart.
    pub all_rows: bool,
    /// As many rows are drawn at random (with the seed of the selection) where there are more, because all do not fit in
    /// memory; the drawn ones are in memory, and [`Data::drawn`] says of how many.
    pub fit: Option<usize>,
    /// The most memory that the rows and the work on them may take.
    pub memory: Budget,
}

impl OpenOptions {
    /// How the file is read: what is read may take the memory that is left to it, or that of the rows and the work.
    fn reading(&self) -> ReadOptions {
        let memory = self.read.memory.given().map_or(self.memory, Budget::bytes);
        ReadOptions { memory, ..self.read.clone() }
    }
}

impl Data {
    /// Opens a file.
    ///
    /// # Errors
    /// As [`table::read`]; when a named column does not exist, the filter cannot be evaluated, or the rows do
    /// not fit in the memory budget.
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Data> {
        Data::open_all(&[path.to_owned()], options)
    }

    /// Opens several files (or folders, or patterns) of the same columns and vectors as one table, one file after the
    /// other.
    ///
    /// # Errors
    /// As [`Data::open`]; when there is no file, or the files differ in their columns or vectors.
    pub fn open_all(files: &[PathBuf], options: &OpenOptions) -> Result<Data> {
        let read = options.reading();
        // Of rows of which some are left out only those that stay are read into memory.
        let picks =
            !options.stream && !options.all_rows && (options.fit.is_some() || options.selection.leaves_out());
        let (mut table, mut streamed) = if options.stream || picks {
            let (source, columns) = table::stream_all_with_columns(files, &read)?;
            (columns, Some(source))
        } else {
            (table::read_all(files, &read)?, None)
        };
        options.roles.check(&table).map_err(|error| error.files(files))?;
        for name in options.written.iter().flatten() {
            table.column(name).map_err(|error| error.files(files))?;
        }
        let roles = options.roles.clone().found_in(&table);
        let matrix = table.vectors();
        let source: &dyn RowSource = streamed.as_deref().map_or(&matrix as &dyn RowSource, |source| source);
        let selected = options.selection.rows(&table, source, &roles).map_err(|error| error.files(files))?;
        let (kept, mut notes) = selected.map_or((None, Vec::new()), |(rows, notes)| (Some(rows), notes));
        notes.extend(missing_words(&table));
        if table.left_out() > 0 {
            notes.insert(0, format!("left out {} rows without a usable vector", table.left_out()));
        }
        let filtered = kept.is_some();
        let (kept, drawn) = match options.fit {
            Some(most) => options.selection.drawn(kept, table.n_rows(), most, &mut notes),
            None => (kept, None),
        };
        let mut selected = None;
        if let Some(rows) = kept.as_ref().filter(|_| options.all_rows) {
            let mut mask = vec![false; table.n_rows()];
            rows.iter().for_each(|row| mask[*row] = true);
            selected = Some(mask);
        } else if let Some(rows) = &kept {
            table = table.take(rows)?;
            streamed = streamed
                .map(|source| Box::new(Selected { source, rows: rows.clone() }) as Box<dyn RowSource>);
        }
        if let Some(source) = streamed.take_if(|_| picks) {
            let (rows, dims) = (source.n_rows(), source.dims());
            options.memory.require(4 * (rows as u64).saturating_mul(dims as u64), rows, dims)?;
            table = table.with_vectors(all_rows(source.as_ref())?.into_owned(), table.vector_column())?;
        }
        let name = name_of(files);
        let data = Data {
            table,
            streamed,
            loaded: OnceLock::new(),
            name,
            roles,
            memory: options.memory,
            written: options.written.clone(),
            drops_missing: options.read.drop_missing,
            selected,
            drawn,
            notes,
            engine: None,
        };
        if data.n_rows() == 0 && !filtered {
            return Err(Error::input("no rows")
                .with_code("no-rows")
                .files(files)
                .advice("check how the file was written"));
        }
        Ok(data)
    }

    /// Opens another file to be compared with this data: its vectors and texts are the columns of the same names, where
    /// it has them; else they are found as by [`Data::open`].
    ///
    /// # Errors
    /// As [`Data::open`].
    pub fn open_beside(&self, path: &Path) -> Result<Data> {
        let read = ReadOptions { drop_missing: self.drops_missing, ..Default::default() };
        let same = ReadOptions { vector: Some(self.table.vector_column().to_owned()), ..read.clone() };
        let open = |read| Data::open(path, &OpenOptions { read, memory: self.memory, ..Default::default() });
        let mut other = open(same).or_else(|_| open(read))?;
        if let Some(text) = self.column_of(Role::Text)
            && other.table.column(text).is_ok()
        {
            other.roles = other.roles.clone().with(Role::Text, text);
        }
        Ok(other)
    }

    /// Opens files that hold no vectors: their columns, with vectors of no dimension.
    ///
    /// # Errors
    /// As [`table::read_all_without_vectors`], and for named columns and filters as [`Data::open`].
    pub fn open_columns(files: &[PathBuf], options: &OpenOptions) -> Result<Data> {
        let read = options.reading();
        let table = table::read_all_without_vectors(files, &read)?;
        options.roles.check(&table).map_err(|error| error.files(files))?;
        let (name, notes) = (name_of(files), missing_words(&table));
        Ok(Data { name, notes, memory: options.memory, ..Data::new(table, options.roles.clone()) })
    }
}

/// What is said of words among texts that were taken for missing values: they may be texts too.
fn missing_words(table: &Table) -> Vec<String> {
    let said = |(name, cells): (&str, usize)| {
        let words = if cells == 1 { "a word" } else { "words" };
        format!(
            "column {name}: {} with {words} such as NA or None read as missing; --missing names the words",
            counted(cells, "cell")
        )
    };
    table.missing_words().into_iter().map(said).collect()
}

fn name_of(files: &[PathBuf]) -> String {
    let Some(first) = files.first() else { return "table".to_owned() };
    let name = table::file_name(first);
    if files.len() > 1 { format!("{name} and {} more", files.len() - 1) } else { name }
}
