//! JSON lines: one object a line, or the output of an OpenAI batch.

use std::fs::File;
use std::path::Path;

use arrow::record_batch::RecordBatch;

use crate::error::{Error, Result};
use crate::table::column::cell::Numbers;
use crate::table::format::chunks::{Chunks, parse_all};
use crate::table::format::json::openai::BatchLines;
use crate::table::format::json::rows::{Columns, JsonRows, Objects, ReadRows};
use crate::table::format::json::scan::{NoJson, members};
use crate::table::{ReadOptions, Table};

pub(in crate::table) fn read(path: &Path, options: &ReadOptions) -> Result<Table> {
    Lines::open(path).and_then(|lines| lines.table(options)).map_err(|error| error.file(path))
}

/// Reads all keys as columns; a vector stays the text that it is.
pub(in crate::table) fn read_columns(path: &Path, _options: &ReadOptions) -> Result<RecordBatch> {
    let lines = Lines::open(path).and_then(|lines| lines.rows(&Columns));
    lines.and_then(JsonRows::into_columns).map_err(|error| error.file(path))
}

type LineEnd = fn(&[u8]) -> Option<usize>;

/// A file whose first lines are read, and can be read again.
struct Lines {
    chunks: Chunks<File, LineEnd>,
    look: Vec<u8>,
}

impl Lines {
    fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| Error::io("cannot open", error))?;
        let mut chunks = Chunks::new(file, line_end as LineEnd)?;
        let look = chunks.first(|bytes| first_line(bytes).is_some())?;
        let (number, line) = first_line(&look).ok_or_else(|| {
            Error::input("no rows").with_code("no-rows").advice("check how the file was written")
        })?;
        let well_formed: Result<(), NoJson> = members(line).try_for_each(|member| member.map(drop));
        well_formed.map_err(|error| {
            Error::from(error)
                .line(number)
                .advice("write one object a line; a file that is one document ends in .json")
        })?;
        Ok(Lines { chunks, look })
    }

    fn table(self, options: &ReadOptions) -> Result<Table> {
        let first = first_line(&self.look).map(|(_, line)| line).unwrap_or_default();
        let numbers = Numbers::of(options);
        if let Some(batch) = BatchLines::recognise(first, numbers)? {
            let rows = self.rows(&batch)?;
            return batch.table(rows);
        }
        let objects = Objects::find(first, options.vector.as_deref(), numbers)?;
        let rows = self.rows(&objects)?;
        objects.table(rows)
    }

    fn rows(mut self, reader: &impl ReadRows) -> Result<JsonRows> {
        self.chunks.put_back(&self.look);
        drop(self.look);
        Ok(parse_all(self.chunks, 0, |chunk| reader.add_lines(chunk))?.unwrap_or_default())
    }
}

fn line_end(bytes: &[u8]) -> Option<usize> {
    memchr::memrchr(b'\n', bytes).map(|position| position + 1)
}

/// The first line that is not blank, and its number.
fn first_line(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    (1..).zip(lines).find(|(_, line)| !line.is_empty())
}
