//! Arrow lists of numbers as vectors.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float32Array};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float32Type};
use datafusion::common::{DataFusionError, Result, plan_err};
use datafusion::logical_expr::ColumnarValue;

use super::failure::Carried;
use crate::error::Error;

/// The vectors of a column, or the one vector of a constant, as `f32`.
pub(super) struct Vectors {
    values: Float32Array,
    /// Where each vector begins, and its length.
    places: Vec<(usize, usize)>,
    nulls: Option<NullBuffer>,
    /// One vector stands for every row.
    pub is_constant: bool,
}

/// A vector that is not NULL.
#[derive(Clone, Copy)]
pub(super) struct Vector<'a> {
    /// Its numbers; where one is NULL, anything.
    pub numbers: &'a [f32],
    /// None of its numbers is NULL.
    pub is_whole: bool,
}

impl Vectors {
    pub fn of(array: &ArrayRef) -> Result<Vectors> {
        let (values, places) = match array.data_type() {
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                let offsets = list.value_offsets();
                let first = offsets.first().map_or(0, |offset| *offset as usize);
                let last = offsets.last().map_or(0, |offset| *offset as usize);
                let place = |pair: &[i32]| (pair[0] as usize - first, (pair[1] - pair[0]) as usize);
                (list.values().slice(first, last - first), offsets.windows(2).map(place).collect())
            }
            DataType::LargeList(_) => {
                let list = array.as_list::<i64>();
                let offsets = list.value_offsets();
                let first = offsets.first().map_or(0, |offset| *offset as usize);
                let last = offsets.last().map_or(0, |offset| *offset as usize);
                let place = |pair: &[i64]| (pair[0] as usize - first, (pair[1] - pair[0]) as usize);
                (list.values().slice(first, last - first), offsets.windows(2).map(place).collect())
            }
            DataType::FixedSizeList(_, length) => {
                let length = *length as usize;
                let places = (0..array.len()).map(|row| (row * length, length)).collect();
                (array.as_fixed_size_list().values().clone(), places)
            }
            DataType::ListView(_) => {
                let list = array.as_list_view::<i32>();
                let places = list.offsets().iter().zip(list.sizes());
                let places = places.map(|(at, size)| (*at as usize, *size as usize)).collect();
                (list.values().clone(), places)
            }
            DataType::LargeListView(_) => {
                let list = array.as_list_view::<i64>();
                let places = list.offsets().iter().zip(list.sizes());
                let places = places.map(|(at, size)| (*at as usize, *size as usize)).collect();
                (list.values().clone(), places)
            }
            DataType::Null => {
                let none: ArrayRef = Arc::new(Float32Array::from(Vec::<f32>::new()));
                (none, vec![(0, 0); array.len()])
            }
            other => return plan_err!("vectors are lists of numbers, and this is {other}"),
        };
        let values = if values.data_type() == &DataType::Float32 {
            values
        } else {
            cast(&values, &DataType::Float32)?
        };
        let values = values.as_primitive::<Float32Type>().clone();
        Ok(Vectors { values, places, nulls: array.logical_nulls(), is_constant: false })
    }

    pub fn of_argument(argument: &ColumnarValue) -> Result<Vectors> {
        match argument {
            ColumnarValue::Array(array) => Vectors::of(array),
            ColumnarValue::Scalar(value) => {
                Ok(Vectors { is_constant: true, ..Vectors::of(&value.to_array_of_size(1)?)? })
            }
        }
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// The vector of a row; `None` where it is NULL.
    pub fn get(&self, row: usize) -> Option<Vector<'_>> {
        let row = if self.is_constant { 0 } else { row };
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return None;
        }
        let (at, length) = *self.places.get(row)?;
        let nulls = self.values.nulls().filter(|nulls| nulls.null_count() > 0 && length > 0);
        let is_whole = nulls.is_none_or(|nulls| nulls.slice(at, length).null_count() == 0);
        Some(Vector { numbers: self.values.values().get(at..at + length)?, is_whole })
    }

    /// The numbers of a row; `None` where it, or one of them, is NULL.
    pub fn numbers(&self, row: usize) -> Option<&[f32]> {
        self.get(row).filter(|vector| vector.is_whole).map(|vector| vector.numbers)
    }
}

/// Whether a column of this type holds vectors.
pub(super) fn holds_vectors(data_type: &DataType) -> bool {
    items(data_type).is_some_and(|item| item.is_numeric() || item.is_null())
}

/// The type of what a list holds.
pub(super) fn items(data_type: &DataType) -> Option<&DataType> {
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => Some(item.data_type()),
        _ => None,
    }
}

/// The type of the vectors that functions return.
pub(super) fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item, true)))
}

/// The type in which a function takes vectors of a type: as they are.
pub(super) fn taken(function: &str, data_type: &DataType) -> Result<DataType> {
    match data_type {
        DataType::Null => Ok(list_of(DataType::Float32)),
        vectors if holds_vectors(vectors) => Ok(vectors.clone()),
        other => plan_err!("{function} takes vectors, which are lists of numbers, and not {other}"),
    }
}

/// The error of this crate as one of the engine.
pub(super) fn refused(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(Carried(error)))
}

/// Two vectors of other lengths, and where they are.
pub(super) fn other_length(
    function: &str,
    (a, first): (&str, usize),
    (b, second): (&str, usize),
) -> DataFusionError {
    refused(
        Error::input(format!("{function} of vectors of different lengths"))
            .with_code("vector-length")
            .seen(format!("{first} numbers in {a}, {second} in {b}"))
            .advice("compare vectors of the same embedding model"),
    )
}
