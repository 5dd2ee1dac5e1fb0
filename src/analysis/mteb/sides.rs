//! Files besides the first: a second side, tables of pairs, labels.

use std::path::Path;

use ndarray::Array2;

use crate::benchmark::require_directions;
use crate::data::{Data, OpenOptions, Role, Roles};
use crate::error::{Error, Result};
use crate::table::{Labels, ReadOptions, Table};

/// A file of vectors.
///
/// # Errors
/// As [`Data::open`], and when a row is zero.
pub(super) fn open(path: &Path) -> Result<Data> {
    let data = Data::open(path, &OpenOptions::default())?;
    directions(&data)?;
    Ok(data)
}

/// No rows, for what needs no vectors.
pub(super) fn nothing() -> Data {
    Data::from(Table::from_vectors(Array2::zeros((0, 0))))
}

/// # Errors
/// When a row is zero: file and row are named.
pub(super) fn directions(data: &Data) -> Result<()> {
    require_directions(data.matrix()?).map_err(|error| data.locate(error))
}

/// A table of any format, with or without vectors.
///
/// # Errors
/// As [`Data::open_columns`].
pub(super) fn columns(path: &Path) -> Result<Table> {
    Data::open_columns(
        &[path.to_owned()],
        &OpenOptions { read: ReadOptions::default(), ..Default::default() },
    )
    .map(Data::into_table)
}

/// The first of these columns that a table has.
///
/// # Errors
/// When it has none.
pub(super) fn one_of<'a>(table: &Table, path: &Path, names: &[&'a str], what: &str) -> Result<&'a str> {
    let known = table.column_names();
    names.iter().copied().find(|name| known.contains(name)).ok_or_else(|| {
        Error::input(format!("no column for {what}"))
            .with_code("column-not-found")
            .file(path)
            .seen(format!("the columns are {}", crate::text::names(&known)))
            .advice(format!("call it {}", names.join(", ")))
    })
}

/// The rows of `data` with the vectors of another file, for a comparison.
///
/// # Errors
/// When the file has other rows.
pub(super) fn same_rows(data: &Data, path: &Path) -> Result<Data> {
    let second = Data::open(path, &OpenOptions::default())?;
    let rows: Vec<usize> = (0..data.table().n_rows()).map(|row| data.row_of_file(row)).collect();
    let n = second.table().n_rows();
    let whole = rows.iter().enumerate().all(|(place, row)| place == *row);
    if (whole && n != rows.len()) || rows.iter().any(|row| *row >= n) {
        return Err(Error::input("a second set of vectors of other rows")
            .with_code("not-paired")
            .file(path)
            .seen(format!("{n} rows, {} in the first", data.table().n_rows()))
            .advice("--against compares vectors of the same rows, in the same order"));
    }
    let vectors = second.into_table().take(&rows)?.into_vectors();
    let roles = Role::ALL.into_iter().fold(Roles::default(), |roles, role| match data.column_of(role) {
        Some(column) => roles.with(role, column),
        None => roles,
    });
    Ok(Data::new(data.table().with_vectors(vectors, data.table().vector_column())?, roles))
}

/// Training and test rows.
pub(super) struct TrainAndTest {
    /// Training rows.
    pub train: Table,
    /// Test rows.
    pub test: Table,
}

impl TrainAndTest {
    /// The first file and a test file, or one file whose column says `train` or `test`.
    ///
    /// # Errors
    /// When both or none are named, or a side has no rows.
    pub fn of(data: &Data, test: Option<&Path>, split: Option<&str>) -> Result<TrainAndTest> {
        let table = data.table();
        let sides = match (test, split) {
            (Some(path), None) => TrainAndTest {
                train: table.clone(),
                test: Data::open(path, &OpenOptions::default())?.into_table(),
            },
            (None, Some(column)) => {
                let values = table.text(column)?;
                let of = |side: &str| -> Vec<usize> {
                    (0..values.len()).filter(|row| values[*row].as_deref() == Some(side)).collect()
                };
                TrainAndTest { train: table.take(&of("train"))?, test: table.take(&of("test"))? }
            }
            _ => {
                return Err(Error::argument("training and test rows are needed").advice(
                    "name the test file with --test, or with --split the column that says train or test",
                ));
            }
        };
        for (side, what) in [(&sides.train, "training"), (&sides.test, "test")] {
            if side.n_rows() == 0 {
                return Err(Error::input(format!("no {what} rows"))
                    .with_code("no-rows")
                    .advice("the column of --split holds the words train and test"));
            }
        }
        Ok(sides)
    }

    /// The classes of both sides, numbered alike: names, training, test.
    ///
    /// # Errors
    /// When a row has no label.
    pub fn classes(&self, column: &str) -> Result<(Vec<String>, Vec<usize>, Vec<usize>)> {
        let (train, test) = (self.train.labels(column)?, self.test.labels(column)?);
        let mut names = train.names.clone();
        names.extend(test.names.iter().filter(|name| !train.names.contains(name)).cloned());
        let codes = |table: &Table, labels: &Labels| -> Result<Vec<usize>> {
            let place =
                |code: u32| names.iter().position(|name| *name == labels.names[code as usize]).unwrap_or(0);
            let places: Vec<usize> = (0..labels.names.len() as u32).map(place).collect();
            labels
                .codes
                .iter()
                .enumerate()
                .map(|(row, code)| match code {
                    Some(code) => Ok(places[*code as usize]),
                    None => Err(missing_label(table, row, column)),
                })
                .collect()
        };
        let (of_train, of_test) = (codes(&self.train, &train)?, codes(&self.test, &test)?);
        Ok((names, of_train, of_test))
    }
}

/// A row without a label, by its file and row.
pub(super) fn missing_label(table: &Table, row: usize, column: &str) -> Error {
    let error = Error::input("a row without a label").with_code("missing-label").row(row).column(column);
    table.origin().locate(error.advice("leave such rows out with --where, or label them"))
}

/// The texts of a column as they are shown beside ids: the text column, where there is one.
pub(super) fn texts(data: &Data) -> Result<Vec<Option<String>>> {
    Ok(data.texts()?.unwrap_or_default())
}
