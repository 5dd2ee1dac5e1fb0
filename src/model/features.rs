//! Other columns as features beside the embedding: numbers scaled, names as one-hot or as the
//! embedding of the name.

use std::collections::BTreeMap;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::FeatureGroup;
use crate::error::{Error, Result};

/// The most names of a one-hot column.
const MOST_NAMES: usize = 1000;

/// The values of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Numbers; none where one is missing.
    Numbers(Vec<Option<f64>>),
    /// Names of categories; none where one is missing.
    Names(Vec<Option<String>>),
}

impl Column {
    fn len(&self) -> usize {
        match self {
            Column::Numbers(values) => values.len(),
            Column::Names(values) => values.len(),
        }
    }

    /// The values of consecutive rows; of those that there are.
    pub(super) fn slice(&self, rows: std::ops::Range<usize>) -> Column {
        let rows = rows.start.min(self.len())..rows.end.min(self.len());
        match self {
            Column::Numbers(values) => Column::Numbers(values[rows].to_vec()),
            Column::Names(values) => Column::Names(values[rows].to_vec()),
        }
    }

    /// The values of some rows.
    fn take(&self, rows: &[usize]) -> Column {
        match self {
            Column::Numbers(values) => Column::Numbers(rows.iter().map(|row| values[*row]).collect()),
            Column::Names(values) => Column::Names(rows.iter().map(|row| values[*row].clone()).collect()),
        }
    }
}

/// The inputs of a model: the embedding of each row and, beside it, other columns.
///
/// A matrix alone is turned into it (`rows.view().into()`). With columns, a [`FeatureEncoder`] is fitted to the
/// training rows of each split and of each fold, so that nothing is learned from test rows.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    rows: ArrayView2<'a, f32>,
    columns: &'a [(String, Column)],
    name_vectors: Option<&'a NameVectors>,
}

/// The vectors of the names of columns: by column and name.
pub type NameVectors = BTreeMap<String, BTreeMap<String, Vec<f32>>>;

impl<'a> From<ArrayView2<'a, f32>> for Inputs<'a> {
    fn from(rows: ArrayView2<'a, f32>) -> Self {
        Inputs { rows, columns: &[], name_vectors: None }
    }
}

impl<'a> Inputs<'a> {
    /// An embedding (n x d), columns of n values, and vectors of the names of some columns.
    ///
    /// # Errors
    /// When a column has another number of rows, or a number is not finite.
    pub fn new(
        rows: ArrayView2<'a, f32>,
        columns: &'a [(String, Column)],
        name_vectors: &'a NameVectors,
    ) -> Result<Inputs<'a>> {
        for (name, column) in columns {
            if column.len() != rows.nrows() {
                return Err(Error::argument("rows and columns of different length")
                    .column(name)
                    .seen(format!("{} rows, {} in the column", rows.nrows(), column.len())));
            }
            require_numbers(name, column)?;
        }
        Ok(Inputs { rows, columns, name_vectors: Some(name_vectors) })
    }

    /// The embedding.
    pub fn rows(&self) -> ArrayView2<'a, f32> {
        self.rows
    }

    /// Whether there is more than the embedding.
    pub(super) fn has_columns(&self) -> bool {
        !self.columns.is_empty()
    }

    /// The encoder of the columns, fitted to some rows.
    ///
    /// # Errors
    /// As [`FeatureEncoder::fit_with_vectors`].
    pub fn encoder(&self, rows: &[usize]) -> Result<FeatureEncoder> {
        let columns: Vec<(String, Column)> =
            self.columns.iter().map(|(name, column)| (name.clone(), column.take(rows))).collect();
        FeatureEncoder::fit_with_vectors(&columns, self.name_vectors.unwrap_or(&BTreeMap::new()))
    }

    /// The features of some rows: their embedding and their columns, side by side.
    ///
    /// # Errors
    /// As [`FeatureEncoder::transform`].
    pub fn features(&self, encoder: &FeatureEncoder, rows: &[usize]) -> Result<Array2<f32>> {
        let dims = self.rows.ncols();
        let mut features = Array2::zeros((rows.len(), dims + encoder.n_features()));
        for (mut to, row) in features.rows_mut().into_iter().zip(rows) {
            to.slice_mut(ndarray::s![..dims]).assign(&self.rows.row(*row));
        }
        if self.has_columns() {
            let columns: Vec<(String, Column)> =
                self.columns.iter().map(|(name, column)| (name.clone(), column.take(rows))).collect();
            features.slice_mut(ndarray::s![.., dims..]).assign(&encoder.transform(&columns)?);
        }
        Ok(features)
    }
}

/// Turns columns into features beside an embedding, the same way for new rows.
///
/// A number is scaled to mean 0 and standard deviation 1, so that a column weighs as much as the whole
/// of an embedding of length 1; where it is missing it is 0, and a second feature marks it when that
/// happened in the rows of the fit. A name is one-hot (a name that is new later is all zeros), or the
/// vector of its name, when vectors are given: the "text feature encoder" of OpenAI's guide.
///
/// ```
/// use embedlab::model::{Column, FeatureEncoder};
/// let price = Column::Numbers(vec![Some(1.0), Some(3.0)]);
/// let brand = Column::Names(vec![Some("Oat & Co".into()), Some("Berry".into())]);
/// let columns = [("price".to_owned(), price), ("brand".to_owned(), brand)];
/// let encoder = FeatureEncoder::fit(&columns)?;
/// assert_eq!(encoder.transform(&columns)?, ndarray::array![[-1.0, 0.0, 1.0], [1.0, 1.0, 0.0]]);
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FeatureEncoder {
    columns: Vec<Encoded>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Encoded {
    name: String,
    how: Encoding,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Encoding {
    Number {
        mean: f64,
        deviation: f64,
        missing: bool,
    },
    /// Names in order.
    OneHot(Vec<String>),
    Vectors {
        dims: usize,
        of: BTreeMap<String, Vec<f32>>,
    },
}

impl FeatureEncoder {
    /// Learns scales and names from columns, each with its own name; all have one value a row.
    ///
    /// # Errors
    /// When columns differ in length, a number is not finite, a column of numbers has none, or a column
    /// holds more than 1,000 names.
    pub fn fit(columns: &[(String, Column)]) -> Result<FeatureEncoder> {
        Self::fit_with_vectors(columns, &BTreeMap::new())
    }

    /// As [`fit`](FeatureEncoder::fit); columns of names for which `vectors` holds a table (name to
    /// vector) are encoded by it.
    ///
    /// # Errors
    /// As there, and when a name has no vector or vectors differ in length.
    pub fn fit_with_vectors(columns: &[(String, Column)], vectors: &NameVectors) -> Result<FeatureEncoder> {
        let n = columns.first().map_or(0, |(_, column)| column.len());
        let mut encoded = Vec::with_capacity(columns.len());
        for (name, column) in columns {
            if column.len() != n {
                return Err(Error::argument("columns of different length")
                    .column(name)
                    .seen(format!("{} and {n} rows", column.len())));
            }
            require_numbers(name, column)?;
            let how = match column {
                Column::Numbers(values) => number(name, values)?,
                Column::Names(values) => match vectors.get(name) {
                    Some(table) => with_vectors(name, values, table)?,
                    None => one_hot(name, values)?,
                },
            };
            encoded.push(Encoded { name: name.clone(), how });
        }
        Ok(FeatureEncoder { columns: encoded })
    }

    /// The names of the columns, in order.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// Whether a column holds numbers, or names.
    pub fn is_number(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column.name == name && matches!(column.how, Encoding::Number { .. }))
    }

    /// The number of features.
    pub fn n_features(&self) -> usize {
        self.columns.iter().map(|column| column.how.width()).sum()
    }

    /// The features of rows (n x features), from columns of the same names and kinds.
    ///
    /// # Errors
    /// When columns are other ones than those of the fit or differ in length, a number is not finite, or
    /// a name has no vector.
    pub fn transform(&self, columns: &[(String, Column)]) -> Result<Array2<f32>> {
        let n = columns.first().map_or(0, |(_, column)| column.len());
        let mut features = Array2::zeros((n, self.n_features()));
        if columns.len() != self.columns.len() {
            return Err(Error::argument("other columns than those of the model").seen(format!(
                "{} columns, {} in the model",
                columns.len(),
                self.columns.len()
            )));
        }
        let mut first = 0;
        for (encoded, (name, column)) in self.columns.iter().zip(columns) {
            if *name != encoded.name || column.len() != n {
                return Err(Error::argument("other columns than those of the model")
                    .column(name)
                    .advice(format!("the model has {} here", encoded.name)));
            }
            let width = encoded.how.width();
            let mut part = features.slice_mut(ndarray::s![.., first..first + width]);
            match (&encoded.how, column) {
                (Encoding::Number { mean, deviation, missing }, Column::Numbers(values)) => {
                    for (row, value) in values.iter().enumerate() {
                        match value {
                            Some(value) if value.is_finite() => {
                                part[[row, 0]] = ((value - mean) / deviation) as f32;
                            }
                            Some(value) => return Err(not_finite(name, row, *value)),
                            None if *missing => part[[row, 1]] = 1.0,
                            None => {}
                        }
                    }
                }
                (Encoding::OneHot(names), Column::Names(values)) => {
                    for (row, value) in values.iter().enumerate() {
                        if let Some(Ok(at)) = value.as_ref().map(|value| names.binary_search(value)) {
                            part[[row, at]] = 1.0;
                        }
                    }
                }
                (Encoding::Vectors { of, .. }, Column::Names(values)) => {
                    for (row, value) in values.iter().enumerate() {
                        let Some(value) = value else { continue };
                        let vector = of.get(value).ok_or_else(|| no_vector(name, value).row(row))?;
                        part.row_mut(row).iter_mut().zip(vector).for_each(|(to, from)| *to = *from);
                    }
                }
                (Encoding::Number { .. }, _) => {
                    return Err(Error::input("names where the model has numbers").column(name));
                }
                (_, Column::Numbers(_)) => {
                    return Err(Error::input("numbers where the model has names").column(name));
                }
            }
            first += width;
        }
        Ok(features)
    }

    /// An embedding (n x d) and the features of its rows side by side.
    ///
    /// # Errors
    /// As [`transform`](FeatureEncoder::transform), and when the numbers of rows differ.
    pub fn with_embedding(
        &self,
        rows: ArrayView2<'_, f32>,
        columns: &[(String, Column)],
    ) -> Result<Array2<f32>> {
        if self.columns.is_empty() {
            return Ok(rows.to_owned());
        }
        let features = self.transform(columns)?;
        ndarray::concatenate(ndarray::Axis(1), &[rows.reborrow(), features.view()]).map_err(|_| {
            Error::argument("rows and columns of different length").seen(format!(
                "{} rows, {} in the columns",
                rows.nrows(),
                features.nrows()
            ))
        })
    }

    /// What to call a feature of rows whose first `dims` are the embedding: `embedding[3]`, `price`,
    /// `price is missing`, `brand = Oat & Co`.
    pub fn feature_name(&self, dims: usize, feature: usize) -> String {
        let Some(group) = self.groups(dims).into_iter().find(|group| group.columns.contains(&feature)) else {
            return format!("feature {feature}");
        };
        let at = feature - group.columns.start;
        let how = self.columns.iter().find(|column| feature >= dims && column.name == group.name);
        match how.map(|column| &column.how) {
            Some(Encoding::Number { .. }) if at == 0 => group.name,
            Some(Encoding::Number { .. }) => format!("{} is missing", group.name),
            Some(Encoding::OneHot(names)) => format!("{} = {}", group.name, names[at]),
            Some(Encoding::Vectors { .. }) | None => format!("{}[{at}]", group.name),
        }
    }

    /// The embedding of `dims` numbers and each column as groups of features.
    pub fn groups(&self, dims: usize) -> Vec<FeatureGroup> {
        let mut groups = vec![FeatureGroup { name: "embedding".to_owned(), columns: 0..dims }];
        for column in &self.columns {
            let first = groups.last().map_or(0, |group| group.columns.end);
            groups
                .push(FeatureGroup { name: column.name.clone(), columns: first..first + column.how.width() });
        }
        groups
    }
}

impl Encoding {
    fn width(&self) -> usize {
        match self {
            Encoding::Number { missing, .. } => 1 + usize::from(*missing),
            Encoding::OneHot(names) => names.len(),
            Encoding::Vectors { dims, .. } => *dims,
        }
    }
}

/// # Errors
/// When a number is NaN or infinite.
fn require_numbers(name: &str, column: &Column) -> Result<()> {
    let Column::Numbers(values) = column else { return Ok(()) };
    match values.iter().enumerate().find(|(_, value)| value.is_some_and(|value| !value.is_finite())) {
        Some((row, value)) => Err(not_finite(name, row, value.unwrap_or_default())),
        None => Ok(()),
    }
}

fn number(name: &str, values: &[Option<f64>]) -> Result<Encoding> {
    let known: Vec<f64> = values.iter().flatten().copied().collect();
    if known.is_empty() {
        return Err(Error::input("a column without a number in the training rows")
            .column(name)
            .advice("leave it out of the features"));
    }
    let n = known.len() as f64;
    let mean = known.iter().map(|x| x / n).sum::<f64>();
    let variance = known.iter().map(|x| (x - mean).powi(2) / n).sum::<f64>();
    let deviation = if variance > 0.0 && variance.is_finite() { variance.sqrt() } else { 1.0 };
    Ok(Encoding::Number { mean, deviation, missing: known.len() < values.len() })
}

fn one_hot(name: &str, values: &[Option<String>]) -> Result<Encoding> {
    let mut names: Vec<String> = values.iter().flatten().cloned().collect();
    names.sort_unstable();
    names.dedup();
    if names.len() > MOST_NAMES {
        return Err(Error::input("too many names for one-hot features")
            .column(name)
            .seen(format!("{} names, {MOST_NAMES} at most", names.len()))
            .advice("give vectors of the names, or leave the column out"));
    }
    Ok(Encoding::OneHot(names))
}

fn with_vectors(
    name: &str,
    values: &[Option<String>],
    table: &BTreeMap<String, Vec<f32>>,
) -> Result<Encoding> {
    let dims = table.values().next().map_or(0, Vec::len);
    if dims == 0 || table.values().any(|vector| vector.len() != dims || vector.iter().any(|x| !x.is_finite()))
    {
        return Err(
            Error::input("vectors of names that are empty, of different length, or not finite").column(name)
        );
    }
    if let Some(missing) = values.iter().flatten().find(|value| !table.contains_key(*value)) {
        return Err(no_vector(name, missing));
    }
    Ok(Encoding::Vectors { dims, of: table.clone() })
}

fn not_finite(name: &str, row: usize, value: f64) -> Error {
    Error::input("a number that is not finite")
        .with_code("not-finite")
        .column(name)
        .row(row)
        .seen(value.to_string())
}

fn no_vector(column: &str, name: &str) -> Error {
    Error::input("a name without a vector").column(column).seen(name).advice("embed all names of the column")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(values: &[Option<&str>]) -> Column {
        Column::Names(values.iter().map(|value| value.map(str::to_owned)).collect())
    }

    #[test]
    fn missing_numbers_are_marked_and_new_names_are_silent() {
        let columns = [
            ("price".to_owned(), Column::Numbers(vec![Some(2.0), None, Some(4.0)])),
            ("brand".to_owned(), names(&[Some("b"), Some("a"), None])),
        ];
        let encoder = FeatureEncoder::fit(&columns).unwrap();
        let expected = ndarray::array![[-1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0]];
        assert_eq!(encoder.transform(&columns).unwrap(), expected);
        let new = [
            ("price".to_owned(), Column::Numbers(vec![Some(3.0)])),
            ("brand".to_owned(), names(&[Some("c")])),
        ];
        assert_eq!(encoder.transform(&new).unwrap(), ndarray::array![[0.0, 0.0, 0.0, 0.0]]);
        let groups = encoder.groups(5);
        assert_eq!((groups[1].columns.clone(), groups[2].columns.clone()), (5..7, 7..9));
    }

    #[test]
    fn names_can_be_their_vectors() {
        let columns = [("brand".to_owned(), names(&[Some("b"), Some("a")]))];
        let table = BTreeMap::from([("a".to_owned(), vec![1.0, 0.0]), ("b".to_owned(), vec![0.0, 2.0])]);
        let vectors = BTreeMap::from([("brand".to_owned(), table)]);
        let encoder = FeatureEncoder::fit_with_vectors(&columns, &vectors).unwrap();
        assert_eq!(encoder.transform(&columns).unwrap(), ndarray::array![[0.0, 2.0], [1.0, 0.0]]);
        let new = [("brand".to_owned(), names(&[Some("c")]))];
        assert!(encoder.transform(&new).unwrap_err().to_string().contains("a name without a vector"));
    }

    #[test]
    fn bad_columns_are_errors() {
        let fails = |columns: &[(String, Column)]| FeatureEncoder::fit(columns).unwrap_err().to_string();
        assert!(fails(&[("p".into(), Column::Numbers(vec![Some(f64::NAN)]))]).contains("not finite"));
        assert!(fails(&[("p".into(), Column::Numbers(vec![None]))]).contains("without a number"));
        let many = (0..1001).map(|at| Some(at.to_string())).collect();
        assert!(fails(&[("p".into(), Column::Names(many))]).contains("too many names"));
    }
}
