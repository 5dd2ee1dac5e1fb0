//! A column read from text, whose type is known when all its cells have been seen.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, LargeStringArray, NullBufferBuilder, StringArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use crate::error::{Error, Result};

/// Beyond this an integer is not exact as `f64`.
const EXACT_INTEGER: u64 = 1 << 53;

/// A number of so many digits is the same again after it was an `f64`.
const EXACT_DIGITS: usize = 15;

/// In the metadata of a field of floats: the decimals that all its numbers were written with, such as 2 for `3.10`.
const DECIMALS: &str = "decimals";
/// In the metadata of a text field: the cells that held a word for a missing value.
const MISSING_WORDS: &str = "missing_words";

/// The decimals that all numbers of a column were written with, where the shortest form has fewer.
pub(in crate::table) fn decimals_of(field: &Field) -> Option<usize> {
    field.metadata().get(DECIMALS)?.parse().ok()
}

/// The cells of a text column that held a word for a missing value (`NA`, `None`) and are empty now.
pub(in crate::table) fn missing_words_of(field: &Field) -> usize {
    field.metadata().get(MISSING_WORDS).and_then(|cells| cells.parse().ok()).unwrap_or(0)
}

/// A field without what is only of use where the file was read.
pub(in crate::table) fn as_written(field: &FieldRef) -> FieldRef {
    if !field.metadata().contains_key(MISSING_WORDS) {
        return field.clone();
    }
    let mut metadata = field.metadata().clone();
    metadata.remove(MISSING_WORDS);
    Arc::new(field.as_ref().clone().with_metadata(metadata))
}

/// The field of a column that several files have, from what it is in each.
pub(in crate::table) fn in_all<'a>(first: &Field, all: impl Iterator<Item = &'a Field> + Clone) -> Field {
    let mut metadata = first.metadata().clone();
    if all.clone().any(|field| decimals_of(field) != decimals_of(first)) {
        metadata.remove(DECIMALS);
    }
    let words: usize = all.map(missing_words_of).sum();
    if words > 0 {
        metadata.insert(MISSING_WORDS.to_owned(), words.to_string());
    }
    first.clone().with_metadata(metadata)
}

/// The cells of one column, one after the other.
pub(in crate::table) struct TextColumn {
    text: Vec<u8>,
    /// Where each cell ends in `text`, after a leading 0.
    ends: Vec<i64>,
    valid: NullBufferBuilder,
    types: Types,
    /// Cells that held a word for a missing value.
    missing_words: usize,
}

/// The types that all filled cells so far have in common, beside text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Types {
    integer: bool,
    float: bool,
    boolean: bool,
    /// How the decimals of its numbers are written.
    decimals: Decimals,
}

/// How many decimals numbers have. Where they differ and some end in zeros, `1.1` and `1.10` are two texts (of versions),
/// not one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Decimals {
    /// The number of decimals that all have; `None` before the first, `Some(None)` where they differ.
    count: Option<Option<usize>>,
    /// Whether some end in a zero, beyond `1.0`.
    zeros: bool,
    /// Whether all are digits, a point and that number of decimals, few enough to come back as they are.
    fixed: bool,
}

impl Decimals {
    const NONE: Decimals = Decimals { count: None, zeros: false, fixed: true };

    fn of(cell: &[u8]) -> Decimals {
        let cell = cell.trim_ascii();
        let Some(point) = cell.iter().position(|byte| *byte == b'.') else {
            return Decimals { fixed: false, ..Decimals::NONE };
        };
        let decimals = cell[point + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let zeros = decimals > 1 && cell[point + decimals] == b'0';
        let before = cell[..point].strip_prefix(b"-").unwrap_or(&cell[..point]);
        let plain = point + 1 + decimals == cell.len() && before.first().is_some_and(u8::is_ascii_digit);
        let fixed = plain && before.len() + decimals <= EXACT_DIGITS;
        // `1.0` is how a whole number is written among others, with whatever decimals they have.
        let whole = cell[point + 1..] == *b"0";
        Decimals { count: (!whole).then_some(Some(decimals)), zeros, fixed: fixed && !whole }
    }

    fn and(self, other: Decimals) -> Decimals {
        let count = match (self.count, other.count) {
            (None, count) | (count, None) => count,
            (Some(a), Some(b)) => Some(a.filter(|_| a == b)),
        };
        Decimals { count, zeros: self.zeros || other.zeros, fixed: self.fixed && other.fixed }
    }

    fn are_numbers(self) -> bool {
        !(self.zeros && self.count == Some(None))
    }

    /// The number of decimals that all are written with, where the shortest form would have fewer.
    fn as_written(self) -> Option<usize> {
        self.count.flatten().filter(|_| self.fixed && self.zeros)
    }
}

impl TextColumn {
    /// A column that begins with `rows` empty cells.
    pub(in crate::table) fn new(rows: usize) -> Self {
        let mut valid = NullBufferBuilder::new(0);
        valid.append_n_nulls(rows);
        let types = Types { integer: true, float: true, boolean: true, decimals: Decimals::NONE };
        TextColumn { text: Vec::new(), ends: vec![0; rows + 1], valid, types, missing_words: 0 }
    }

    /// The number of cells.
    pub(in crate::table) fn len(&self) -> usize {
        self.ends.len() - 1
    }

    /// The memory that the cells take.
    pub(in crate::table) fn bytes(&self) -> usize {
        self.text.len() + 8 * self.ends.len()
    }

    /// Adds a cell that may stand for a number or a truth value.
    pub(in crate::table) fn push(&mut self, cell: &str) {
        self.types = self.types.and(cell);
        self.extend(cell);
    }

    /// Adds a cell that is text, whatever is in it.
    pub(in crate::table) fn push_text(&mut self, cell: &str) {
        self.types = Types { integer: false, float: false, boolean: false, decimals: Decimals::NONE };
        self.extend(cell);
    }

    /// Adds an empty cell.
    pub(in crate::table) fn push_null(&mut self) {
        self.ends.push(self.text.len() as i64);
        self.valid.append_null();
    }

    /// Adds a cell that holds a word for a missing value.
    pub(in crate::table) fn push_missing_word(&mut self) {
        self.missing_words += 1;
        self.push_null();
    }

    fn extend(&mut self, cell: &str) {
        self.text.extend_from_slice(cell.as_bytes());
        self.ends.push(self.text.len() as i64);
        self.valid.append_non_null();
    }

    /// Adds empty cells up to a number of rows.
    pub(in crate::table) fn fill(&mut self, rows: usize) {
        while self.len() < rows {
            self.push_null();
        }
    }

    /// Adds the cells of the same column in the rows that follow.
    pub(in crate::table) fn append(&mut self, mut next: TextColumn) {
        let shift = self.text.len() as i64;
        let rows = next.len();
        self.text.append(&mut next.text);
        self.ends.extend(next.ends[1..].iter().map(|end| end + shift));
        match next.valid.finish() {
            Some(valid) => self.valid.append_buffer(&valid),
            None => self.valid.append_n_non_nulls(rows),
        }
        self.types = self.types.and_both(next.types);
        self.missing_words += next.missing_words;
    }

    /// The column with the narrowest type that holds all its cells: boolean, 64-bit integer, 64-bit
    /// float (where `nan` is an empty cell), or text. Numbers that would not come back as they were
    /// written, such as `00123`, `+49`, `1E5` or 20 digits, stay text; so do decimals of different length of
    /// which some end in zeros (`1.1` and `1.10`).
    ///
    /// # Errors
    /// None in practice: the cells are valid text, and there is one end for each.
    pub(in crate::table) fn finish(mut self) -> Result<ArrayRef> {
        let valid = self.valid.finish();
        let filled = valid.as_ref().map_or(self.len(), |valid| valid.len() - valid.null_count());
        if filled > 0 && self.types.boolean {
            let values =
                self.cells(valid.as_ref()).map(|cell| cell.map(|cell| cell.eq_ignore_ascii_case(b"true")));
            return Ok(Arc::new(values.collect::<BooleanArray>()));
        }
        if filled > 0 && self.types.integer {
            let values = self.cells(valid.as_ref()).map(|cell| cell.and_then(integer));
            return Ok(Arc::new(values.collect::<Int64Array>()));
        }
        if filled > 0 && self.types.float && self.types.decimals.are_numbers() {
            let values =
                self.cells(valid.as_ref()).map(|cell| cell.and_then(float).filter(|value| !value.is_nan()));
            return Ok(Arc::new(values.collect::<Float64Array>()));
        }
        self.into_text(valid)
    }

    fn cells<'a>(&'a self, valid: Option<&'a NullBuffer>) -> impl Iterator<Item = Option<&'a [u8]>> {
        self.ends.windows(2).enumerate().map(move |(row, ends)| {
            let filled = valid.is_none_or(|valid| valid.is_valid(row));
            filled.then(|| &self.text[ends[0] as usize..ends[1] as usize])
        })
    }

    fn into_text(self, valid: Option<NullBuffer>) -> Result<ArrayRef> {
        let failed = |error| Error::input("the column cannot be kept as text").source(error);
        let large = i32::try_from(self.text.len()).is_err();
        let text = Buffer::from_vec(self.text);
        if large {
            let ends = OffsetBuffer::new(ScalarBuffer::from(self.ends));
            return Ok(Arc::new(LargeStringArray::try_new(ends, text, valid).map_err(failed)?));
        }
        let ends: Vec<i32> = self.ends.iter().map(|&end| end as i32).collect();
        let ends = OffsetBuffer::new(ScalarBuffer::from(ends));
        Ok(Arc::new(StringArray::try_new(ends, text, valid).map_err(failed)?))
    }
}

/// The columns of a table, finished and named.
pub(in crate::table) fn batch<'a>(
    names: impl IntoIterator<Item = &'a str>,
    columns: Vec<TextColumn>,
    rows: usize,
) -> Result<RecordBatch> {
    let mut fields = Vec::with_capacity(columns.len());
    let mut arrays = Vec::with_capacity(columns.len());
    for (name, column) in names.into_iter().zip(columns) {
        let (decimals, words) = (column.types.decimals.as_written(), column.missing_words);
        let array = column.finish().map_err(|error| error.column(name))?;
        let about = match (decimals, array.data_type()) {
            (Some(decimals), DataType::Float64) => Some((DECIMALS, decimals)),
            (_, kind) if kind.is_string() && words > 0 => Some((MISSING_WORDS, words)),
            _ => None,
        };
        let metadata = about.map(|(key, value)| (key.to_owned(), value.to_string()));
        let field = Field::new(name, array.data_type().clone(), true);
        fields.push(field.with_metadata(metadata.into_iter().collect()));
        arrays.push(array);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
        .map_err(|error| Error::input("the columns do not form a table").source(error))
}

impl Types {
    fn and(self, cell: &str) -> Types {
        if !(self.integer || self.float || self.boolean) {
            return self;
        }
        let bytes = cell.as_bytes();
        let integer_here = integer(bytes);
        Types {
            integer: self.integer && integer_here.is_some(),
            float: self.float
                && match integer_here {
                    Some(value) => value.unsigned_abs() <= EXACT_INTEGER,
                    None => float(bytes).is_some(),
                },
            decimals: self.decimals.and(Decimals::of(bytes)),
            boolean: self.boolean
                && (cell.eq_ignore_ascii_case("true") || cell.eq_ignore_ascii_case("false")),
        }
    }

    fn and_both(self, other: Types) -> Types {
        Types {
            integer: self.integer && other.integer,
            float: self.float && other.float,
            boolean: self.boolean && other.boolean,
            decimals: self.decimals.and(other.decimals),
        }
    }
}

fn integer(cell: &[u8]) -> Option<i64> {
    let cell = cell.trim_ascii();
    let digits = cell.strip_prefix(b"-").unwrap_or(cell);
    let plain = matches!(digits, [b'0'] | [b'1'..=b'9', ..]);
    if plain { std::str::from_utf8(cell).ok()?.parse().ok() } else { None }
}

/// A finite number with a point or an exponent, an integer that is exact, or NaN.
fn float(cell: &[u8]) -> Option<f64> {
    let cell = cell.trim_ascii();
    if cell.eq_ignore_ascii_case(b"nan") {
        return Some(f64::NAN);
    }
    let unsigned = cell.strip_prefix(b"-").unwrap_or(cell);
    if let Some(value) = integer(cell) {
        return Some(value as f64);
    }
    let written_as_float = unsigned.iter().any(|byte| b".eE".contains(byte));
    let plain = matches!(unsigned, [b'0', b'.' | b'e' | b'E', ..] | [b'1'..=b'9' | b'.', ..]);
    // `1E5` and `2e3` are articles and versions: programs write 100000.0, 1e+05 or 1e-05.
    let code = unsigned.iter().all(|byte| byte.is_ascii_digit() || b"eE".contains(byte));
    if !(plain && written_as_float) || code {
        return None;
    }
    fast_float2::parse(cell).ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::{Float64Type, Int64Type};

    use super::*;

    fn column(cells: &[&str]) -> TextColumn {
        let mut column = TextColumn::new(0);
        for cell in cells {
            if cell.is_empty() { column.push_null() } else { column.push(cell) }
        }
        column
    }

    fn finished(cells: &[&str]) -> ArrayRef {
        column(cells).finish().unwrap()
    }

    #[test]
    fn the_narrowest_type_that_holds_all_cells_is_taken() {
        for (cells, expected) in [
            (&["1", "", "-20", " 3"][..], DataType::Int64),
            (&["1", "2.5", "1e-3", "NaN", ".5"], DataType::Float64),
            (&["True", "false", ""], DataType::Boolean),
            (&["true", "1"], DataType::Utf8),
            (&["a", "1"], DataType::Utf8),
            (&["", ""], DataType::Utf8),
            (&["00123", "4"], DataType::Utf8),
            (&["+49123", "4"], DataType::Utf8),
            (&["12345678901234567890"], DataType::Utf8),
            (&["9007199254740993", "0.5"], DataType::Utf8),
            (&["9007199254740993", "5"], DataType::Int64),
            (&["inf", "0.5"], DataType::Utf8),
            (&["21/04/2016"], DataType::Utf8),
            (&["1.2.3"], DataType::Utf8),
            (&["1E5", "10E4"], DataType::Utf8),
            (&["1.1", "1.10", "1.2"], DataType::Utf8),
            (&["3.10", "12.50"], DataType::Float64),
            (&["4.0", "3.25", "1"], DataType::Float64),
            (&["1.50e+00", "2.25e-01"], DataType::Float64),
        ] {
            assert_eq!(finished(cells).data_type(), &expected, "{cells:?}");
        }
    }

    #[test]
    fn decimals_are_kept_where_all_have_as_many_and_some_end_in_a_zero() {
        for (cells, decimals) in [
            (&["3.10", "12.50", ""][..], Some(2)),
            (&["3.15", "12.25"], None),
            (&["3.10", "4"], None),
            (&["3.10", "4.0"], None),
            (&["1.50e+00", "2.25e-01"], None),
            (&["0.12345678901234567890"], None),
            (&["-0.500", "10.125"], Some(3)),
        ] {
            let batch = batch(["x"], vec![column(cells)], cells.len()).unwrap();
            assert_eq!(decimals_of(batch.schema().field(0)), decimals, "{cells:?}");
        }
    }

    #[test]
    fn values_and_empty_cells_stay_in_their_rows() {
        let integers = finished(&["1", "", "-20"]);
        let integers: Vec<_> = integers.as_primitive::<Int64Type>().iter().collect();
        assert_eq!(integers, [Some(1), None, Some(-20)]);
        let floats = finished(&["nan", "0.5", "2"]);
        let floats: Vec<_> = floats.as_primitive::<Float64Type>().iter().collect();
        assert_eq!(floats, [None, Some(0.5), Some(2.0)]);
        let texts = finished(&["", "é", "00"]);
        assert_eq!(texts.as_string::<i32>().iter().collect::<Vec<_>>(), [None, Some("é"), Some("00")]);
    }

    #[test]
    fn a_column_joined_from_parts_is_the_column_read_in_one() {
        let cells = ["1", "", "2", "", "", "x", "4"];
        for cut in 0..=cells.len() {
            let mut joined = column(&cells[..cut]);
            joined.append(column(&cells[cut..]));
            assert_eq!(&joined.finish().unwrap(), &finished(&cells), "cut at {cut}");
        }
    }
}
