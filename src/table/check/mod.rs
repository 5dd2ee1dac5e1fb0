//! What is wrong with the vectors of a table.

use ndarray::ArrayView2;
use serde::Serialize;

use self::pass::Seen;
use crate::error::Result;
use crate::rows::{RowSource, fold_rows};

mod pass;
mod repeats;

pub(crate) use self::pass::Look;

/// How far a norm may lie from 1 for a vector to count as one of unit length: wide enough for
/// vectors that were stored as 16-bit numbers.
const UNIT_TOLERANCE: f64 = 2e-3;

/// Row numbers that a [`Problem`] lists.
const LISTED: usize = 10;

/// Euclidean lengths of the finite rows; all 0 when there are none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Norms {
    /// The shortest.
    pub min: f64,
    /// The mean.
    pub mean: f64,
    /// The longest.
    pub max: f64,
}

/// How bad a [`Problem`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Severity {
    /// Worth knowing; nothing has to be done.
    Note,
    /// Answers may be off.
    Warning,
    /// The vectors cannot be used as they are.
    Error,
}

/// One thing to know about a table.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// What it is, in one sentence.
    pub message: String,
    /// The first ten rows that it concerns, counted from 0; empty when it concerns all.
    pub rows: Vec<usize>,
}

/// What one pass over all vectors found.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Check {
    /// How many rows there are.
    pub rows: usize,
    /// How many numbers each row has.
    pub dims: usize,
    /// The names of the other columns; empty unless [`Check::with_columns`] gives them.
    pub columns: Vec<String>,
    /// Lengths of the rows.
    pub norm: Norms,
    /// Rows without a usable vector: none, or one of another length.
    pub missing_rows: usize,
    /// How many rows hold NaN or an infinity.
    pub nan_rows: usize,
    /// How many rows are all zeros.
    pub zero_rows: usize,
    /// How many rows have exactly the numbers of an earlier row.
    pub duplicate_rows: usize,
    /// How many dimensions have the same number in every row (0 with fewer than two rows).
    pub constant_dims: usize,
    /// Whether every row has the length 1, give or take 0.002.
    pub unit_length: bool,
    /// What should be known, the worst first.
    pub problems: Vec<Problem>,
}

/// Looks at vectors in memory (n x d): lengths, rows that are NaN, zero or repeated, dimensions that
/// say nothing.
///
/// ```
/// use ndarray::array;
/// let check = embedlab::table::check(array![[0.6_f32, 0.8], [0.0, 0.0], [0.6, 0.8]].view());
/// assert_eq!((check.zero_rows, check.duplicate_rows, check.unit_length), (1, 1, false));
/// assert_eq!(check.problems[0].rows, [1]);
/// ```
pub fn check(rows: ArrayView2<'_, f32>) -> Check {
    check_rows(&rows).expect("a matrix in memory is never read from anything that fails")
}

/// Looks at the vectors of any source. Rows that repeat an earlier one are told by a 128-bit hash;
/// where the source is a matrix the numbers themselves are compared.
///
/// Open a file with [`ReadOptions::allow_non_finite`](super::ReadOptions::allow_non_finite), or its
/// NaN are an error before they can be counted.
///
/// # Errors
/// Whatever the source meets while reading.
pub fn check_rows(source: &(impl RowSource + ?Sized)) -> Result<Check> {
    let seen = fold_rows(source, &Look { dims: source.dims() })?;
    let repeated = repeats::find(&seen.hashes, source.as_matrix());
    Ok(Check::of(source.dims(), seen, &repeated))
}

impl Check {
    /// The same check with the names of the table's columns.
    pub fn with_columns(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Check {
        self.columns = columns.into_iter().map(Into::into).collect();
        self
    }

    /// The worst there is; `None` when nothing has to be said.
    pub fn severity(&self) -> Option<Severity> {
        self.problems.iter().map(|problem| problem.severity).max()
    }

    fn of(dims: usize, seen: Seen, repeated: &[usize]) -> Check {
        let norm = seen.norms();
        let constant_dims = if seen.rows < 2 { 0 } else { seen.constant_dims() };
        let finite = seen.rows > 0 && seen.non_finite.count == 0 && seen.missing.count == 0;
        let is_unit = |norm: f64| (norm - 1.0).abs() <= UNIT_TOLERANCE;
        let mut check = Check {
            rows: seen.rows,
            dims,
            columns: Vec::new(),
            norm,
            missing_rows: seen.missing.count,
            nan_rows: seen.non_finite.count,
            zero_rows: seen.zero.count,
            duplicate_rows: repeated.len(),
            constant_dims,
            unit_length: finite && is_unit(norm.min) && is_unit(norm.max),
            problems: Vec::new(),
        };
        check.problems = check.problems_of(&seen, repeated);
        check
    }

    fn problems_of(&self, seen: &Seen, repeated: &[usize]) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut say = |severity, message: String, rows: &[usize]| {
            let rows = rows.iter().take(LISTED).copied().collect();
            problems.push(Problem { severity, message, rows });
        };
        if self.rows == 0 {
            say(Severity::Error, "there are no rows".into(), &[]);
            return problems;
        }
        if self.missing_rows > 0 {
            let verb = if self.missing_rows == 1 { "row has" } else { "rows have" };
            let message =
                format!("{} {verb} no usable vector: leave them out with --drop-missing", self.missing_rows);
            say(Severity::Error, message, &seen.missing.first);
        }
        if self.nan_rows > 0 {
            let message = format!("{} NaN or infinity", hold(self.nan_rows));
            say(Severity::Error, message, &seen.non_finite.first);
        }
        if self.zero_rows > 0 {
            let message = format!("{} zeros only: perhaps an empty text", hold(self.zero_rows));
            say(Severity::Warning, message, &seen.zero.first);
        }
        if self.duplicate_rows > 0 {
            let what =
                if self.duplicate_rows == 1 { "exact duplicate vector" } else { "exact duplicate vectors" };
            say(Severity::Warning, format!("{} {what}", self.duplicate_rows), repeated);
        }
        if self.constant_dims > 0 {
            let verb = if self.constant_dims == 1 { "dimension is" } else { "dimensions are" };
            let message = format!("{} {verb} constant", self.constant_dims);
            say(Severity::Warning, message, &[]);
        }
        if !self.unit_length && self.norm.max > 0.0 {
            let message = format!(
                "the vectors do not have norm 1 ({:.4} to {:.4}): cosine and Euclidean distance rank differently",
                self.norm.min, self.norm.max
            );
            say(Severity::Note, message, &[]);
        }
        problems
    }
}

fn hold(rows: usize) -> String {
    if rows == 1 { "1 row has".into() } else { format!("{rows} rows have") }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::rows::LEAF_ROWS;
    use ndarray::{Array2, array};

    /// The obvious way.
    fn check_slowly(rows: &Array2<f32>) -> (usize, usize, usize, usize, Norms) {
        let mut seen = HashSet::new();
        let mut norms = Vec::new();
        let (mut nan, mut zero, mut duplicate) = (0, 0, 0);
        for row in rows.rows() {
            if row.iter().any(|x| !x.is_finite()) {
                nan += 1;
                continue;
            }
            norms.push(row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt());
            zero += usize::from(row.iter().all(|x| *x == 0.0));
            let numbers: Vec<u32> = row.iter().map(|x| (x + 0.0).to_bits()).collect();
            duplicate += usize::from(!seen.insert(numbers));
        }
        let constant = rows.columns().into_iter().filter(|c| c.iter().all(|x| *x == c[0])).count();
        let norm = Norms {
            min: norms.iter().copied().fold(f64::INFINITY, f64::min),
            mean: norms.iter().sum::<f64>() / norms.len() as f64,
            max: norms.iter().copied().fold(0.0, f64::max),
        };
        (nan, zero, duplicate, constant, norm)
    }

    #[test]
    fn the_check_agrees_with_the_obvious_one_over_many_leaves() {
        let n = 2 * LEAF_ROWS + 700;
        let mut rows =
            Array2::from_shape_fn((n, 5), |(i, j)| ((i * 7919 + j * 104_729) % 65_537) as f32 / 9e4);
        rows.column_mut(3).fill(0.5);
        for (to, from) in [(40, 2), (LEAF_ROWS + 3, 2), (2 * LEAF_ROWS + 9, LEAF_ROWS - 1)] {
            let row = rows.row(from).to_owned();
            rows.row_mut(to).assign(&row);
        }
        let (nan, zero, duplicate, constant, norm) = check_slowly(&rows);
        let found = check(rows.view());
        assert_eq!((found.nan_rows, found.zero_rows), (nan, zero));
        assert_eq!((found.duplicate_rows, found.constant_dims), (duplicate, constant));
        assert_eq!((duplicate, constant), (3, 1));
        assert_eq!((found.norm.min, found.norm.max), (norm.min, norm.max));
        assert!((found.norm.mean - norm.mean).abs() < 1e-12);
        let listed = found.problems.iter().find(|p| p.message.contains("duplicate")).unwrap();
        assert_eq!(listed.rows, [40, LEAF_ROWS + 3, 2 * LEAF_ROWS + 9]);
    }

    #[test]
    fn broken_rows_are_counted_and_listed_and_do_not_spoil_the_norms() {
        let rows = array![[1.0, 0.0], [f32::NAN, 0.0], [0.0, -0.0], [0.0, f32::INFINITY], [0.0, 0.0]];
        let found = check(rows.view());
        assert_eq!((found.nan_rows, found.zero_rows, found.duplicate_rows), (2, 2, 1));
        assert_eq!(found.norm, Norms { min: 0.0, mean: 1.0 / 3.0, max: 1.0 });
        assert_eq!(found.problems[0].severity, Severity::Error);
        assert_eq!(found.problems[0].message, "2 rows have NaN or infinity");
        assert_eq!(found.problems[0].rows, [1, 3]);
        assert_eq!(found.severity(), Some(Severity::Error));
        assert!(!found.unit_length);
    }

    #[test]
    fn good_vectors_have_no_problems() {
        let found = check(array![[0.6, 0.8], [1.0, 0.0], [0.8, -0.6]].view());
        assert!(found.unit_length && found.problems.is_empty(), "{found:?}");
        assert_eq!(found.severity(), None);
    }

    #[test]
    fn no_rows_are_a_problem_and_one_row_has_no_constant_dimension() {
        assert_eq!(check(Array2::zeros((0, 3)).view()).severity(), Some(Severity::Error));
        assert_eq!(check(array![[1.0, 0.0]].view()).constant_dims, 0);
    }

    #[test]
    fn the_json_has_the_promised_keys() {
        let found = check(array![[0.0, 0.0]].view()).with_columns(["Text"]);
        let json = serde_json::to_value(found).unwrap();
        assert_eq!(json["columns"][0], "Text");
        assert_eq!(json["norm"]["max"], 0.0);
        assert_eq!(json["problems"][0]["severity"], "warning");
        for key in ["rows", "dims", "nan_rows", "zero_rows", "duplicate_rows"] {
            assert!(json[key].is_u64(), "{key}");
        }
    }
}
