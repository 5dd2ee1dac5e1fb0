//! Where the rows of a table come from: which file, and which row of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Error;

/// Where the rows of a table come from: for each row the file and the row of that file, counted from 0.
///
/// Whatever takes, drops or repeats rows keeps it ([`Table::take`](super::Table::take)), so that a message about a
/// row that is left names the row of the file.
///
/// ```
/// use embedlab::table::Origin;
/// let origin = Origin::of_file("reviews.csv").take(&[0, 3, 7]);
/// assert_eq!(origin.row(1), (Some("reviews.csv".as_ref()), 3));
/// let error = origin.locate(embedlab::Error::input("an empty text").row(1));
/// assert_eq!(error.to_string(), "reviews.csv, row 3: an empty text");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Origin {
    files: Arc<[PathBuf]>,
    /// Where the rows of each file begin, one file after the other.
    starts: Arc<[usize]>,
    rows: Rows,
}

#[derive(Debug, Clone, Default)]
enum Rows {
    /// All rows of the files, one file after the other, or of a table that was made in memory.
    #[default]
    All,
    /// These of them.
    Listed(Arc<[usize]>),
}

impl Origin {
    /// Rows that come from no file, or nobody knows from which.
    pub fn unknown() -> Origin {
        Origin::default()
    }

    /// All rows of one file, in its order.
    pub fn of_file(file: impl Into<PathBuf>) -> Origin {
        Origin { files: Arc::new([file.into()]), starts: Arc::new([0]), rows: Rows::All }
    }

    /// All rows of several files, each with the number of its rows, one after the other.
    pub fn of_files(files: impl IntoIterator<Item = (PathBuf, usize)>) -> Origin {
        let mut begin = 0;
        let (files, starts): (Vec<PathBuf>, Vec<usize>) = files
            .into_iter()
            .map(|(file, rows)| {
                begin += rows;
                (file, begin - rows)
            })
            .unzip();
        Origin { files: files.into(), starts: starts.into(), rows: Rows::All }
    }

    /// The files that the rows come from; empty for rows that come from none.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The file of a row, and its row there, counted from 0. A row beyond the last is given back as it is.
    pub fn row(&self, row: usize) -> (Option<&Path>, usize) {
        let row = self.overall(row);
        // Of files without rows, which begin where the next one does, the last is the row's own.
        let file = self.starts.partition_point(|start| *start <= row).saturating_sub(1);
        let start = self.starts.get(file).copied().unwrap_or(0);
        (self.files.get(file).map(PathBuf::as_path), row - start)
    }

    /// The number of a row among all rows of all files, one file after the other, counted from 0; with one file it is
    /// the row of the file.
    pub fn overall(&self, row: usize) -> usize {
        match &self.rows {
            Rows::All => row,
            Rows::Listed(rows) => rows.get(row).copied().unwrap_or(row),
        }
    }

    /// The place here of a row that is numbered as [`overall`](Origin::overall) does; `None` when it was left out.
    pub fn position(&self, overall: usize) -> Option<usize> {
        match &self.rows {
            Rows::All => Some(overall),
            Rows::Listed(rows) => rows.iter().position(|row| *row == overall),
        }
    }

    /// The origin of the rows at these positions, in this order.
    pub fn take(&self, rows: &[usize]) -> Origin {
        let listed = rows.iter().map(|row| self.overall(*row));
        Origin { rows: Rows::Listed(listed.collect()), ..self.clone() }
    }

    /// Turns the row that an error names, a row of this table, into the file and the row of that file. An error
    /// that names its file already is about that file, and stays as it is.
    pub fn locate(&self, error: Error) -> Error {
        if error.file_name().is_some() {
            return error;
        }
        match error.row_number() {
            Some(row) => {
                let (file, row) = self.row(row);
                let error = error.row(row);
                match file {
                    Some(file) => error.file(file),
                    None => error,
                }
            }
            None => match &self.files[..] {
                [only] => error.file(only),
                _ => error,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_files() -> Origin {
        Origin::of_files([("a.csv".into(), 2), ("empty.csv".into(), 0), ("b.csv".into(), 3)])
    }

    #[test]
    fn rows_of_joined_files_are_found_in_theirs() {
        let origin = two_files();
        let places: Vec<(Option<&str>, usize)> =
            (0..5).map(|row| origin.row(row)).map(|(file, row)| (file.and_then(Path::to_str), row)).collect();
        let (a, b) = (Some("a.csv"), Some("b.csv"));
        assert_eq!(places, [(a, 0), (a, 1), (b, 0), (b, 1), (b, 2)]);
        assert_eq!((origin.overall(4), origin.position(4)), (4, Some(4)));
    }

    #[test]
    fn rows_taken_twice_keep_their_first_place() {
        let origin = two_files().take(&[4, 1, 2]).take(&[2, 0, 0]);
        assert_eq!(origin.row(0), (Some(Path::new("b.csv")), 0));
        assert_eq!(origin.row(2), (Some(Path::new("b.csv")), 2));
        assert_eq!((origin.overall(0), origin.position(2), origin.position(1)), (2, Some(0), None));
        assert_eq!(Origin::unknown().take(&[5]).row(0), (None, 5));
    }

    #[test]
    fn an_error_that_names_its_file_is_left_alone() {
        let error = Error::input("bad").file("labels.csv").row(1);
        assert_eq!(two_files().locate(error).to_string(), "labels.csv, row 1: bad");
        assert_eq!(two_files().locate(Error::input("bad").row(3)).to_string(), "b.csv, row 1: bad");
        assert_eq!(two_files().locate(Error::input("bad")).to_string(), "bad");
    }
}
