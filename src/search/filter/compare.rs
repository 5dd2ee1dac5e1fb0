//! Comparisons: in which type two kinds of values meet, so that none loses a digit.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringArray};
use arrow::compute::cast;
use arrow::compute::kernels::cmp;
use arrow::datatypes::{DataType, Float64Type, TimeUnit};
use arrow::error::ArrowError;

use super::program::Comparison;
use super::term::Term;
use crate::error::{Error, Result, excerpt};

/// The most digits of a decimal of 128 bits.
const DIGITS: u8 = 38;

/// Compares two operands; one value for each row, or one when both are constants.
pub(super) fn compare(left: &Term, op: Comparison, right: &Term, filter: &str) -> Result<BooleanArray> {
    let (a, b) = meet(left, right, filter)?;
    let a = Term { array: a, ..left.clone() };
    let b = Term { array: b, ..right.clone() };
    let kernel = match op {
        Comparison::Equal => cmp::eq,
        Comparison::NotEqual => cmp::neq,
        Comparison::Less => cmp::lt,
        Comparison::LessOrEqual => cmp::lt_eq,
        Comparison::Greater => cmp::gt,
        Comparison::GreaterOrEqual => cmp::gt_eq,
    };
    kernel(&a, &b).map_err(|error| {
        Error::argument("the filter cannot be evaluated")
            .with_code("filter-invalid")
            .seen(excerpt(filter))
            .source(error)
    })
}

/// Both operands in one type.
fn meet(a: &Term, b: &Term, filter: &str) -> Result<(ArrayRef, ArrayRef)> {
    let (x, y) = (a.data_type(), b.data_type());
    if x.is_numeric() && y.is_numeric() {
        return numbers(a, b).map_err(|error| {
            Error::argument("the filter cannot be evaluated")
                .with_code("filter-invalid")
                .seen(excerpt(filter))
                .source(error)
        });
    }
    let common = match (x, y) {
        (DataType::Null, other) | (other, DataType::Null) => other.clone(),
        (DataType::Boolean, DataType::Boolean) => DataType::Boolean,
        _ if a.is_text() && b.is_text() => DataType::LargeUtf8,
        _ if x.is_temporal() && b.is_text() => x.clone(),
        _ if a.is_text() && y.is_temporal() => y.clone(),
        (DataType::Timestamp(_, zone), DataType::Timestamp(_, other)) => {
            DataType::Timestamp(TimeUnit::Microsecond, zone.clone().or_else(|| other.clone()))
        }
        (DataType::Timestamp(..), DataType::Date32 | DataType::Date64) => x.clone(),
        (DataType::Date32 | DataType::Date64, DataType::Timestamp(..)) => y.clone(),
        (DataType::Date32 | DataType::Date64, DataType::Date32 | DataType::Date64) => DataType::Date64,
        _ if x == y && !x.is_nested() => x.clone(),
        _ if x.is_nested() || y.is_nested() => {
            let nested = if x.is_nested() { a } else { b };
            return Err(Error::argument("the filter compares what has parts")
                .with_code("filter-types")
                .seen(format!("{} is {}", nested.name, nested.kind()))
                .advice("name a field of it, such as metadata.stars"));
        }
        _ => {
            return Err(Error::argument("the filter compares different kinds")
                .with_code("filter-types")
                .seen(format!("{} is {}, {} is {}", a.name, a.kind(), b.name, b.kind()))
                .advice("put text in single quotes, numbers without quotes"));
        }
    };
    Ok((convert(a, &common)?, convert(b, &common)?))
}

/// A conversion that loses no cell.
fn convert(term: &Term, to: &DataType) -> Result<ArrayRef> {
    if term.data_type() == to {
        return Ok(Arc::clone(&term.array));
    }
    let failed = || {
        let what = if to.is_temporal() { "a text that is not a time" } else { "a value of another kind" };
        Error::argument("the filter compares different kinds")
            .with_code("filter-types")
            .seen(format!("{}: {what}", excerpt(&term.name)))
            .advice("write times as 2024-01-31 or 2024-01-31T12:00:00")
    };
    match cast(&term.array, to) {
        Ok(array) if array.logical_null_count() == term.array.logical_null_count() => Ok(array),
        Ok(_) => Err(failed()),
        Err(error) => Err(failed().source(error)),
    }
}

/// Two kinds of numbers in the type that holds both exactly: integers as integers (of 64 bits, or as
/// decimals where signed meets unsigned), decimals as decimals, `f32` with a written number in `f32`,
/// as the column was rounded; else `f64`.
fn numbers(a: &Term, b: &Term) -> std::result::Result<(ArrayRef, ArrayRef), ArrowError> {
    let both = |to: DataType| Ok((cast(&a.array, &to)?, cast(&b.array, &to)?));
    let (x, y) = (a.data_type(), b.data_type());
    if x.is_signed_integer() && y.is_signed_integer() {
        return both(DataType::Int64);
    }
    if x.is_unsigned_integer() && y.is_unsigned_integer() {
        return both(DataType::UInt64);
    }
    if let Some(decimals) = decimals(a, b) {
        return Ok(decimals);
    }
    match (x, y) {
        (DataType::Float32, DataType::Float32) => both(DataType::Float32),
        (DataType::Float32, _) if meets_f32(b) => both(DataType::Float32),
        (_, DataType::Float32) if meets_f32(a) => both(DataType::Float32),
        _ => both(DataType::Float64),
    }
}

/// Whether a written number shall be rounded as an `f32` column was: fractions are, and whole numbers
/// that `f32` holds.
fn meets_f32(term: &Term) -> bool {
    let value = term.digits.as_ref().and_then(|digits| digits.parse::<f64>().ok());
    value.is_some_and(|value| value.fract() != 0.0 || f64::from(value as f32) == value)
}

/// Both as decimals, if both are integers, decimals or written numbers, and fit.
fn decimals(a: &Term, b: &Term) -> Option<(ArrayRef, ArrayRef)> {
    let scale = scale(a)?.max(scale(b)?);
    if !(0..=DIGITS as i8).contains(&scale) {
        return None;
    }
    let to = DataType::Decimal128(DIGITS, scale);
    let convert = |term: &Term| -> Option<ArrayRef> {
        let from: ArrayRef = match (term.data_type(), &term.digits) {
            (DataType::Float64, Some(digits)) => Arc::new(StringArray::from(vec![written_out(term, digits)])),
            _ => Arc::clone(&term.array),
        };
        let array = cast(&from, &to).ok()?;
        (array.null_count() == from.null_count()).then_some(array)
    };
    Some((convert(a)?, convert(b)?))
}

/// 1e3 as 1000.
fn written_out(term: &Term, digits: &str) -> String {
    match term.array.as_primitive_opt::<Float64Type>() {
        Some(values) if digits.contains(['e', 'E']) => format!("{}", values.value(0)),
        _ => digits.to_owned(),
    }
}

/// Digits after the point; `None` for what is not a decimal.
fn scale(term: &Term) -> Option<i8> {
    match term.data_type() {
        kind if kind.is_integer() => Some(0),
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => {
            Some((*scale).max(0))
        }
        DataType::Float64 => {
            let digits = written_out(term, term.digits.as_ref()?);
            if digits.len() > usize::from(DIGITS) {
                return None;
            }
            Some(digits.split_once('.').map_or(0, |(_, fraction)| fraction.len() as i8))
        }
        _ => None,
    }
}
