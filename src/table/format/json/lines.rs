//! JSON lines: one object a line, or the output of an OpenAI batch.

use std::io::Read;
use std::path::Path;

use arrow::record_batch::RecordBatch;

use crate::error::{Error, Result};
use crate::table::column::cell::Numbers;
use crate::table::format::chunks::{Chunks, parse_all};
use crate::table::format::json::document::{self, RowReader};
use crate::table::format::json::rows::{Columns, JsonRows, ReadRows};
use crate::table::format::json::scan::{NoJson, elements, members, sequence};
use crate::table::keep::Keep;
use crate::table::{ReadOptions, Table, content};

pub(in crate::table) fn read(path: &Path, options: &ReadOptions, keep: &mut Keep) -> Result<Table> {
    match Lines::open(path).map_err(|error| error.file(path))? {
        Some(lines) => lines.table(options, keep).map_err(|error| error.file(path)),
        None => document::read(path, options, keep),
    }
}

/// Reads all keys as columns; a vector stays the text that it is.
pub(in crate::table) fn read_columns(path: &Path, options: &ReadOptions) -> Result<RecordBatch> {
    match Lines::open(path).map_err(|error| error.file(path))? {
        Some(lines) => lines
            .rows(&Columns, &mut Keep::in_memory(options.memory))
            .and_then(JsonRows::into_columns)
            .map_err(|error| error.file(path)),
        None => document::read_columns(path, options.memory),
    }
}

type LineEnd = fn(&[u8]) -> Option<usize>;

/// A file whose first lines are read, and can be read again.
struct Lines {
    chunks: Chunks<Box<dyn Read + Send>, LineEnd>,
    look: Vec<u8>,
}

impl Lines {
    /// `None` for a file that is one document over several lines.
    fn open(path: &Path) -> Result<Option<Self>> {
        let mut chunks = Chunks::new(content::open(path)?, line_end as LineEnd)?;
        let look = chunks.first(|bytes| lines(bytes).next().is_some())?;
        let (number, line) = lines(&look).next().ok_or_else(|| {
            Error::input("no rows").with_code("no-rows").advice("check how the file was written")
        })?;
        let well_formed: Result<(), NoJson> = match line.first() {
            Some(b'[') => elements(line).try_for_each(|element| element.map(drop)),
            _ => members(line).try_for_each(|member| member.map(drop)),
        };
        let is_document = matches!(line, b"[" | b"{")
            || (line.starts_with(b"[")
                && lines(&look).nth(1).is_none_or(|(_, next)| !next.starts_with(b"[")));
        match well_formed {
            _ if is_document && path.metadata().is_ok_and(|about| about.is_file()) => Ok(None),
            Ok(()) => Ok(Some(Lines { chunks, look })),
            Err(error) => Err(Error::from(error)
                .line(number)
                .advice("write one object a line; a file that is one document ends in .json")),
        }
    }

    fn table(self, options: &ReadOptions, keep: &mut Keep) -> Result<Table> {
        let whole = line_end(&self.look).unwrap_or(self.look.len());
        let sample: Vec<&[u8]> = lines(&self.look[..whole]).take(SAMPLE).map(|(_, line)| line).collect();
        let well_formed = |line: &&[u8]| sequence(line).all(|value| value.is_ok());
        let sample: Vec<&[u8]> = sample.into_iter().filter(well_formed).collect();
        let reader = RowReader::of(&sample, options.vector.as_deref(), Numbers::of(options))?;
        let rows = self.rows(&reader, keep)?;
        reader.table(rows, keep)
    }

    fn rows(mut self, reader: &impl ReadRows, keep: &mut Keep) -> Result<JsonRows> {
        self.chunks.put_back(&self.look);
        drop(self.look);
        Ok(parse_all(self.chunks, 0, keep, |chunk| reader.add_lines(chunk))?.unwrap_or_default())
    }
}

/// Lines that are looked at to tell what they hold.
const SAMPLE: usize = 64;

fn line_end(bytes: &[u8]) -> Option<usize> {
    memchr::memrchr(b'\n', bytes).map(|position| position + 1)
}

/// The lines that are not blank, with their numbers.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    (1..).zip(lines).filter(|(_, line)| !line.is_empty())
}
