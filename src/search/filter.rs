//! Filters on columns: `Score >= 4 and ProductId = 'B1'`.
//!
//! `sqlparser` reads the expression, arrow's kernels evaluate it; the files below lead from one to the
//! other. As in SQL, a comparison with a missing value is neither true nor false, and such a row is left
//! out; NaN counts as missing.

mod compare;
mod evaluate;
mod program;
mod term;

use arrow::array::Array;
use arrow::record_batch::RecordBatch;

use crate::error::Result;
use program::Step;

/// What a filter may hold.
const SYNTAX: &str = "columns, fields (metadata.stars), numbers, 'text', = <> < <= > >=, + - * / %, and, or, not, in (..), between, is null, like, ilike";

/// A condition on the columns of a row.
///
/// Names of columns are taken as they are written; a name with a space, or that is a keyword, is in/// double quotes. Text is in single quotes. A name with a dot is a field inside a column.
///
/// Integers are compared as integers, whatever their size; a column of `f32` meets a written number as
/// `f32`; -0 equals 0; a text beside a time is read as a time, in the column's zone unless it names one.
///
/// ```
/// use embedlab::search::Filter;
/// # use std::sync::Arc;
/// # use arrow::array::{ArrayRef, Int64Array};
/// # use arrow::record_batch::RecordBatch;
/// # let stars: ArrayRef = Arc::new(Int64Array::from(vec![5, 1, 4]));
/// # let columns = RecordBatch::try_from_iter([("Score", stars)]).expect("a column");
/// let filter = Filter::parse("Score >= 4")?;
/// assert_eq!(filter.keep(&columns)?, [true, false, true]);
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    text: String,
    program: Vec<Step>,
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// When the text is not an SQL expression, holds what is not known here, or is longer than 1 MiB.
    pub fn parse(text: &str) -> Result<Filter> {
        Ok(Filter { text: text.to_owned(), program: program::parse(text)? })
    }

    /// The filter as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether each row is kept; it may be none.
    ///
    /// # Errors
    /// When a column does not exist, types do not fit, or the expression is not a condition.
    pub fn keep(&self, columns: &RecordBatch) -> Result<Vec<bool>> {
        let kept = evaluate::evaluate(&self.program, columns, &self.text)?;
        Ok((0..kept.len()).map(|row| kept.is_valid(row) && kept.value(row)).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, BooleanArray, DictionaryArray, Float32Array, Float64Array, Int64Array, StringArray,
        StructArray, TimestampMicrosecondArray, UInt64Array,
    };
    use arrow::datatypes::{DataType, Field, Int32Type};

    use super::*;

    fn columns() -> RecordBatch {
        let stars: ArrayRef = Arc::new(Int64Array::from(vec![Some(5), Some(1), None, Some(4)]));
        let names: ArrayRef =
            Arc::new(StringArray::from(vec![Some("Tea"), Some("coffee"), Some("it's"), None]));
        let good: ArrayRef = Arc::new(BooleanArray::from(vec![true, false, true, true]));
        RecordBatch::try_from_iter([("Score", stars), ("Kind", names), ("is good", good)]).unwrap()
    }

    fn rows(filter: &str) -> Vec<usize> {
        let keep = Filter::parse(filter).unwrap().keep(&columns()).unwrap();
        keep.iter().enumerate().filter(|(_, keep)| **keep).map(|(row, _)| row).collect()
    }

    fn fails(filter: &str) -> String {
        match Filter::parse(filter) {
            Ok(filter) => filter.keep(&columns()).unwrap_err().to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn conditions_keep_the_rows_that_sql_keeps() {
        assert_eq!(rows("Score >= 4"), [0, 3]);
        assert_eq!(rows("Score < 5 and Kind = 'coffee'"), [1]);
        assert_eq!(rows("not (Score >= 4)"), [1]);
        assert_eq!(rows("Score >= 4 or Kind like 'c%'"), [0, 1, 3]);
        assert_eq!(rows("Kind ilike 't%'"), [0]);
        assert_eq!(rows("Kind not like 'c%'"), [0, 2]);
        assert_eq!(rows("Kind = 'it''s'"), [2]);
        assert_eq!(rows("Score in (1, 4)"), [1, 3]);
        assert_eq!(rows("Score not in (1, 4)"), [0]);
        assert_eq!(rows("Score between 2 and 5"), [0, 3]);
        assert_eq!(rows("Score is null"), [2]);
        assert_eq!(rows("Kind is not null and \"is good\""), [0, 2]);
        assert_eq!(rows("Score * 2 - 1 > 7.5"), [0]);
        assert_eq!(rows("-Score < -4"), [0]);
        assert_eq!(rows("4 <= Score"), [0, 3]);
        assert_eq!(rows("1 = 1"), [0, 1, 2, 3]);
        assert_eq!(rows("\"is good\" = true and Score % 2 = 0"), [3]);
    }

    #[test]
    fn what_cannot_be_evaluated_is_named() {
        assert!(fails("Stars > 3").contains("the columns are Score, Kind, is good"));
        assert!(fails("Score > 'tea'").contains("different kinds"));
        assert!(fails("Score").contains("not a condition"));
        assert!(fails("Kind + 1 > 2").contains("a value that is not a number"));
        assert!(fails("Score like '5%'").contains("like compares text"));
        assert!(fails("length(Kind) > 3").contains("unsupported filter expression"));
        assert!(fails("Score > 3; drop table x").contains("after the end"));
        assert!(fails("Score >").contains("invalid filter"));
        assert!(fails("").contains("invalid filter"));
        assert!(fails("(select 1) = 1").contains("unsupported filter expression"));
        assert!(fails(&"(".repeat(10_000)).contains("invalid filter"));
    }

    fn kept(columns: Vec<(&str, ArrayRef)>, filter: &str) -> Vec<usize> {
        let columns = RecordBatch::try_from_iter(columns).unwrap();
        let keep = Filter::parse(filter).unwrap().keep(&columns).unwrap();
        keep.iter().enumerate().filter(|(_, keep)| **keep).map(|(row, _)| row).collect()
    }

    #[test]
    fn integers_are_compared_digit_by_digit() {
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![
            1_500_000_000_000_000_006,
            1_500_000_000_000_000_007,
            1_500_000_000_000_000_008,
            i64::MIN,
        ]));
        let large: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX, 1 << 63, (1 << 63) - 1, 0]));
        let rows = |filter: &str| kept(vec![("id", ids.clone()), ("u", large.clone())], filter);
        assert_eq!(rows("id = 1500000000000000007"), [1]);
        assert_eq!(rows("id > 1500000000000000007"), [2]);
        assert_eq!(rows("id <> 1500000000000000007"), [0, 2, 3]);
        assert_eq!(rows("id in (1500000000000000006, 3)"), [0]);
        assert_eq!(rows("id = -9223372036854775808"), [3]);
        assert_eq!(rows("id >= 9223372036854775808"), [0; 0]);
        assert_eq!(rows("id < 1e30"), [0, 1, 2, 3]);
        assert_eq!(rows("id = 1500000000000000007.0"), [1]);
        assert_eq!(rows("id > 1500000000000000006.5"), [1, 2]);
        assert_eq!(rows("id + 1 = 1500000000000000008"), [1]);
        assert_eq!(rows("u > 9223372036854775807"), [0, 1]);
        assert_eq!(rows("u = 18446744073709551615"), [0]);
        assert_eq!(rows("u > -1"), [0, 1, 2, 3]);
        assert_eq!(rows("u > id"), [0, 1, 2, 3]);
        assert_eq!(rows("u <= 9223372036854775807"), [2, 3]);
    }

    #[test]
    fn floats_know_no_minus_zero_and_meet_numbers_in_their_own_width() {
        let wide: ArrayRef = Arc::new(Float64Array::from(vec![-0.0, 0.0, 1.0, f64::NAN]));
        let narrow: ArrayRef = Arc::new(Float32Array::from(vec![0.1, 0.2, -0.0, 16_777_216.0]));
        let rows = |filter: &str| kept(vec![("f", wide.clone()), ("g", narrow.clone())], filter);
        assert_eq!(rows("f = 0"), [0, 1]);
        assert_eq!(rows("f between 0 and 3"), [0, 1, 2]);
        assert_eq!(rows("f = 1"), [2]);
        assert_eq!(rows("f is null"), [3]);
        assert_eq!(rows("not (f > 0)"), [0, 1]);
        assert_eq!(rows("1 / f > 0"), [2]);
        assert_eq!(rows("g = 0.1"), [0]);
        assert_eq!(rows("g > 0.1"), [1, 3]);
        assert_eq!(rows("g >= 0"), [0, 1, 2, 3]);
        assert_eq!(rows("g = 16777217"), [0; 0]);
    }

    #[test]
    fn times_are_compared_in_their_zone_and_dictionaries_by_value() {
        let hour = 3_600_000_000;
        let when: ArrayRef =
            Arc::new(TimestampMicrosecondArray::from(vec![0, 12 * hour, 30 * hour]).with_timezone("UTC"));
        let kind: ArrayRef =
            Arc::new(vec!["tea", "dog", "tea"].into_iter().collect::<DictionaryArray<Int32Type>>());
        let rows = |filter: &str| kept(vec![("when", when.clone()), ("kind", kind.clone())], filter);
        assert_eq!(rows("when > '1970-01-01T10:00:00'"), [1, 2]);
        assert_eq!(rows("when >= '1970-01-02'"), [2]);
        assert_eq!(rows("when < '1970-01-01T12:00:00+02:00'"), [0]);
        assert_eq!(rows("kind = 'tea' and when > '1970-01-01'"), [2]);
        assert_eq!(rows("kind like 't%'"), [0, 2]);
    }

    #[test]
    fn fields_are_reached_through_their_structs() {
        let stars: ArrayRef = Arc::new(Int64Array::from(vec![Some(5), Some(1), Some(4)]));
        let user: ArrayRef = Arc::new(StringArray::from(vec!["ann", "bob", "bob"]));
        let fields = vec![
            (Arc::new(Field::new("stars", DataType::Int64, true)), stars),
            (Arc::new(Field::new("user", DataType::Utf8, true)), user),
        ];
        let (fields, arrays): (Vec<_>, Vec<_>) = fields.into_iter().unzip();
        let nulls = Some(arrow::buffer::NullBuffer::from(vec![true, true, false]));
        let metadata: ArrayRef = Arc::new(StructArray::try_new(fields.into(), arrays, nulls).unwrap());
        let dotted: ArrayRef = Arc::new(Int64Array::from(vec![7, 8, 9]));
        let columns = || vec![("metadata", metadata.clone()), ("a.b", dotted.clone())];
        assert_eq!(kept(columns(), "metadata.stars >= 4"), [0]);
        assert_eq!(kept(columns(), "metadata.user = 'bob'"), [1]);
        assert_eq!(kept(columns(), "metadata.stars is null"), [2]);
        assert_eq!(kept(columns(), "a.b = 8 or \"a.b\" = 9"), [1, 2]);
        let columns = RecordBatch::try_from_iter(columns()).unwrap();
        let says = |filter: &str| Filter::parse(filter).unwrap().keep(&columns).unwrap_err().to_string();
        assert!(says("metadata.star > 1").contains("did you mean stars?"));
        assert!(says("metadata = 1").contains("metadata.stars"));
    }

    #[test]
    fn a_filter_of_any_depth_is_evaluated_and_a_long_one_refused() {
        let chain = vec!["Score = 1"; 50_000].join(" or ");
        assert_eq!(rows(&chain), [1]);
        let sum = format!("Score{} = 20001", " + 1".repeat(20_000));
        assert_eq!(rows(&sum), [1]);
        let nested = format!("{}Score = 1{}", "(".repeat(200), ")".repeat(200));
        assert_eq!(rows(&nested), [1]);
        assert!(fails(&format!("{chain} or")).contains("invalid filter"));
        assert!(fails(&format!("Score = 1{}", " or Score = 1".repeat(100_000))).contains("too long"));
        assert!(fails(&"not ".repeat(10_000)).contains("invalid filter"));
        assert!(fails(&format!("{}1 > 0", "- ".repeat(10_000))).contains("invalid filter"));
    }
}
