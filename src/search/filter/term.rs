//! Operands: columns, fields inside them, constants.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Datum, Decimal128Array, Float64Array, Int64Array, PrimitiveArray,
    StringArray, UInt64Array, make_array, new_null_array,
};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float16Type, Float32Type, Float64Type};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use crate::error::{Error, Result, nearest_name};

/// Names of columns in a message.
const SOME_NAMES: usize = 20;

/// A value for each row, or one for all of them.
#[derive(Clone)]
pub(super) struct Term {
    pub array: ArrayRef,
    /// Whether the array holds one value, for all rows.
    pub one: bool,
    /// What it is in the filter, for messages.
    pub name: String,
    /// A number as it was written.
    pub digits: Option<String>,
}

impl Datum for Term {
    fn get(&self) -> (&dyn Array, bool) {
        (&self.array, self.one)
    }
}

impl Term {
    /// Values that were computed.
    pub fn computed(array: ArrayRef, one: bool) -> Term {
        Term { array, one, name: "the expression".to_owned(), digits: None }
    }

    pub fn text(text: &str) -> Term {
        Term::constant(Arc::new(StringArray::from(vec![text])), format!("'{text}'"))
    }

    pub fn boolean(value: bool) -> Term {
        Term::constant(Arc::new(BooleanArray::from(vec![value])), value.to_string())
    }

    pub fn null() -> Term {
        Term::constant(new_null_array(&DataType::Null, 1), "null".to_owned())
    }

    /// A number in the narrowest type that holds it exactly: 64 bits, 128 bits, else a float.
    pub fn number(digits: &str) -> Option<Term> {
        let array: ArrayRef = if let Ok(whole) = digits.parse::<i64>() {
            Arc::new(Int64Array::from(vec![whole]))
        } else if let Ok(whole) = digits.parse::<u64>() {
            Arc::new(UInt64Array::from(vec![whole]))
        } else if let Some(whole) = digits.parse::<i128>().ok().filter(|x| x.unsigned_abs() < 10_u128.pow(38))
        {
            Arc::new(Decimal128Array::from(vec![whole]).with_precision_and_scale(38, 0).ok()?)
        } else {
            Arc::new(Float64Array::from(vec![digits.parse::<f64>().ok()?]))
        };
        Some(Term { digits: Some(digits.to_owned()), ..Term::constant(array, digits.to_owned()) })
    }

    fn constant(array: ArrayRef, name: String) -> Term {
        Term { array, one: true, name, digits: None }
    }

    pub fn data_type(&self) -> &DataType {
        self.array.data_type()
    }

    pub fn is_text(&self) -> bool {
        matches!(self.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
    }

    /// What kind of values these are, in words.
    pub fn kind(&self) -> String {
        match self.data_type() {
            kind if kind.is_numeric() => "a number".to_owned(),
            DataType::Boolean => "true or false".to_owned(),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".to_owned(),
            kind if kind.is_temporal() => "a time".to_owned(),
            DataType::Struct(_) => "a struct".to_owned(),
            DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => "a list".to_owned(),
            other => other.to_string(),
        }
    }
}

/// A column, or a field inside a struct (`metadata.stars`), as its values.
pub(super) fn column(columns: &RecordBatch, path: &[String]) -> Result<Term> {
    // A column may have a dot in its name; the longest name wins.
    let found = (1..=path.len()).rev().find_map(|n| Some((columns.column_by_name(&path[..n].join("."))?, n)));
    let Some((array, used)) = found else {
        let schema = columns.schema();
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        return Err(no_such("no such column in the filter", &path.join("."), &names, "columns"));
    };
    let mut array = Arc::clone(array);
    let mut name = path[..used].join(".");
    for field in &path[used..] {
        let Some(parts) = array.as_struct_opt() else {
            return Err(Error::argument("a column without fields in the filter")
                .with_code("column-not-found")
                .column(name)
                .seen(format!("{field} is asked for, and it holds {}", array.data_type()))
                .advice("put text in single quotes"));
        };
        let Some(inner) = parts.column_by_name(field) else {
            return Err(no_such("no such field in the filter", field, &parts.column_names(), "fields")
                .column(name.clone()));
        };
        array = masked(inner, parts.nulls())
            .map_err(|error| Error::input("a field cannot be read").column(name.clone()).source(error))?;
        name = format!("{name}.{field}");
    }
    let array = plain(&array)
        .map_err(|error| Error::input("a column cannot be compared").column(name.clone()).source(error))?;
    Ok(Term { array, one: false, name, digits: None })
}

fn no_such(what: &str, name: &str, names: &[&str], of: &str) -> Error {
    let mut known = names.iter().take(SOME_NAMES).copied().collect::<Vec<_>>().join(", ");
    if names.len() > SOME_NAMES {
        known = format!("{known} and {} more", names.len() - SOME_NAMES);
    }
    let near = nearest_name(name, names.iter().copied())
        .map_or_else(String::new, |near| format!("did you mean {near}? "));
    Error::argument(what)
        .with_code("column-not-found")
        .column(name)
        .advice(format!("{near}the {of} are {known}; put text in single quotes"))
}

/// A field, missing also where its struct is.
fn masked(field: &ArrayRef, of: Option<&NullBuffer>) -> std::result::Result<ArrayRef, ArrowError> {
    match of {
        None => Ok(Arc::clone(field)),
        Some(_) => {
            let nulls = NullBuffer::union(field.logical_nulls().as_ref(), of);
            Ok(make_array(field.to_data().into_builder().nulls(nulls).build()?))
        }
    }
}

/// Dictionaries as their values; NaN as missing; -0 as 0.
fn plain(array: &ArrayRef) -> std::result::Result<ArrayRef, ArrowError> {
    match array.data_type() {
        DataType::Dictionary(_, values) => plain(&cast(array, values)?),
        DataType::RunEndEncoded(_, values) => plain(&cast(array, values.data_type())?),
        DataType::Float16 => plain(&cast(array, &DataType::Float32)?),
        _ => Ok(clean(array, f64::is_nan)),
    }
}

/// Floats without -0, and without the values that are `missing`.
pub(super) fn clean(array: &ArrayRef, missing: impl Fn(f64) -> bool) -> ArrayRef {
    if let Some(values) = array.as_primitive_opt::<Float64Type>() {
        let values = values.iter().map(|x| x.filter(|x| !missing(*x)).map(|x| x + 0.0));
        Arc::new(values.collect::<PrimitiveArray<Float64Type>>())
    } else if let Some(values) = array.as_primitive_opt::<Float32Type>() {
        let values = values.iter().map(|x| x.filter(|x| !missing(f64::from(*x))).map(|x| x + 0.0));
        Arc::new(values.collect::<PrimitiveArray<Float32Type>>())
    } else if let Some(values) = array.as_primitive_opt::<Float16Type>() {
        let values = values.iter().map(|x| x.map(f64::from).filter(|x| !missing(*x)).map(|x| x + 0.0));
        Arc::new(values.collect::<PrimitiveArray<Float64Type>>())
    } else {
        Arc::clone(array)
    }
}
