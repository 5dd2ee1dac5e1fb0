//! Which row an id names, and ids that name none.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::result::LeftOut;
use crate::data::Data;
use crate::error::{Error, Result, excerpt};
use crate::number::counted;

/// Columns that hold ids when none is named.
const USUAL: [&str; 5] = ["_id", "id", "docid", "doc_id", "sha256"];

/// What happens to an id that names no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// The command stops and names some of them
    #[default]
    Error,
    /// They are left out and counted; the score is then no longer MTEB's
    Skip,
}

/// The ids of rows.
pub(super) struct Ids {
    /// Of each row.
    pub names: Vec<String>,
    place: HashMap<String, usize>,
    /// Whether the ids are hashes of texts, so that a text names its row.
    hashes: bool,
}

impl Ids {
    /// The ids of a column, named or found by the usual names; else rows are named by their number.
    ///
    /// # Errors
    /// When the named column does not exist, a row has no id, or two rows have the same.
    pub fn of(data: &Data, column: Option<&str>) -> Result<Ids> {
        let table = data.table();
        let known = table.column_names();
        let column = column.or_else(|| USUAL.into_iter().find(|name| known.contains(name)));
        let Some(column) = column else {
            return Ids::new(
                (0..table.n_rows()).map(|row| data.row_of_file(row).to_string()).collect(),
                false,
            )
            .map_err(|error| data.locate(error));
        };
        let texts = table.text(column)?;
        let names = texts
            .into_iter()
            .enumerate()
            .map(|(row, text)| {
                text.ok_or_else(|| {
                    Error::input("a row without an id").with_code("missing-id").row(row).column(column)
                })
            })
            .collect::<Result<Vec<String>>>()
            .map_err(|error| data.locate(error))?;
        Ids::new(names, column == "sha256").map_err(|error| data.locate(error.column(column)))
    }

    fn new(names: Vec<String>, hashes: bool) -> Result<Ids> {
        let mut place = HashMap::with_capacity(names.len());
        for (row, name) in names.iter().enumerate() {
            if let Some(first) = place.insert(name.clone(), row) {
                return Err(Error::input("an id that two rows have")
                    .with_code("duplicate-id")
                    .row(row)
                    .seen(format!("{}, also in row {first}", excerpt(name)))
                    .advice("keep one of them (--drop-duplicates), or name another column with --id"));
            }
        }
        Ok(Ids { names, place, hashes })
    }

    /// The row of an id; in an MTEB cache also that of a text.
    pub fn row(&self, id: &str) -> Option<usize> {
        self.place.get(id).copied().or_else(|| {
            let hash = self.hashes.then(|| sha256(id)).flatten()?;
            self.place.get(&hash).copied()
        })
    }
}

#[cfg(any(feature = "embed", feature = "charts"))]
fn sha256(text: &str) -> Option<String> {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    Some(digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(not(any(feature = "embed", feature = "charts")))]
fn sha256(_text: &str) -> Option<String> {
    None
}

/// Ids that name no row, counted; some are kept to be shown.
pub(super) struct Unknown<'a> {
    what: &'static str,
    file: &'a Path,
    count: usize,
    examples: Vec<String>,
    first: Option<(Option<usize>, Option<usize>)>,
}

impl<'a> Unknown<'a> {
    /// `what` names them in the plural: `documents of the qrels that are not in the corpus`.
    pub fn new(what: &'static str, file: &'a Path) -> Self {
        Unknown { what, file, count: 0, examples: Vec::new(), first: None }
    }

    /// One more; `row` of a table or `line` of a text file says where it stands.
    pub fn add(&mut self, id: &str, row: Option<usize>, line: Option<usize>) {
        self.first.get_or_insert((row, line));
        self.count += 1;
        if self.examples.len() < 3 && !self.examples.iter().any(|known| known == id) {
            self.examples.push(id.to_owned());
        }
    }

    /// # Errors
    /// When there are some and they are not to be skipped.
    pub fn finish(self, missing: Missing, left_out: &mut Vec<LeftOut>) -> Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        let examples: Vec<String> = self.examples.iter().map(|id| excerpt(id)).collect();
        if missing == Missing::Skip {
            left_out.push(LeftOut { what: self.what.to_owned(), count: self.count, examples: self.examples });
            return Ok(());
        }
        let mut error = Error::input(self.what).with_code("unknown-id").file(self.file);
        match self.first {
            Some((Some(row), _)) => error = error.row(row),
            Some((None, Some(line))) => error = error.line(line),
            _ => {}
        }
        Err(error
            .seen(format!("{}: {}", counted(self.count, "line"), examples.join(", ")))
            .advice("check --id, or leave them out with --unknown skip"))
    }
}
