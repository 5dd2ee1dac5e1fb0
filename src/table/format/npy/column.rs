//! One-dimensional arrays as columns, and columns as arrays.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowNativeType, DataType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, ToByteSlice, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use half::f16;

use super::header::{Dtype, NpyArray};
use crate::error::{Error, Result};

/// NumPy pads every text of an array to the longest; an array larger than this is not written.
const TEXT_LIMIT: usize = 1 << 30;

/// A one-dimensional array as a column.
///
/// # Errors
/// When a text holds an invalid character.
pub(in crate::table) fn column(array: &NpyArray<'_>) -> Result<ArrayRef> {
    let big = array.dtype.big_endian;
    let data = array.data;
    macro_rules! numbers {
        ($arrow:ty, $native:ty) => {{
            let read = if big { <$native>::from_be_bytes } else { <$native>::from_le_bytes };
            Arc::new(numbers::<$arrow, { size_of::<$native>() }>(data, read)) as ArrayRef
        }};
    }
    Ok(match (array.dtype.kind, array.dtype.width) {
        ('i', 1) => numbers!(Int8Type, i8),
        ('i', 2) => numbers!(Int16Type, i16),
        ('i', 4) => numbers!(Int32Type, i32),
        ('i', _) => numbers!(Int64Type, i64),
        ('u', 1) => numbers!(UInt8Type, u8),
        ('u', 2) => numbers!(UInt16Type, u16),
        ('u', 4) => numbers!(UInt32Type, u32),
        ('u', _) => numbers!(UInt64Type, u64),
        ('f', 2) => numbers!(Float16Type, f16),
        ('f', 4) => numbers!(Float32Type, f32),
        ('f', _) => numbers!(Float64Type, f64),
        ('b', _) => Arc::new(BooleanArray::from_iter(data.iter().map(|byte| Some(*byte != 0)))),
        _ => Arc::new(texts(data, array.dtype)?),
    })
}

fn numbers<T: ArrowPrimitiveType, const N: usize>(
    data: &[u8],
    read: impl Fn([u8; N]) -> T::Native,
) -> PrimitiveArray<T> {
    PrimitiveArray::from_iter_values(data.as_chunks::<N>().0.iter().map(|bytes| read(*bytes)))
}

/// Texts are stored as four bytes a character, padded with zeros at their ends.
fn texts(data: &[u8], dtype: Dtype) -> Result<StringArray> {
    let read = if dtype.big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
    let characters = data.as_chunks::<4>().0;
    let cells = characters.chunks(dtype.width.max(1)).enumerate().map(|(row, cell)| {
        let text: Option<String> = cell.iter().map(|bytes| char::from_u32(read(*bytes))).collect();
        let text = text.ok_or_else(|| {
            Error::input("invalid UTF-32 text").row(row).advice("write the file again with numpy.savez")
        })?;
        Ok(Some(text.trim_end_matches('\0').to_owned()))
    });
    cells.collect()
}

/// A column as little-endian elements of a type that NumPy has.
pub(in crate::table) struct ColumnBytes {
    pub descr: String,
    pub bytes: Vec<u8>,
}

/// The bytes of a column of numbers, truth values or texts; `None` for one that an array cannot hold
/// exactly: with empty cells, of another type, or with texts whose padding would pass all bounds.
pub(in crate::table) fn bytes_of(column: &dyn Array) -> Option<ColumnBytes> {
    if column.null_count() > 0 {
        return None;
    }
    fn raw<T: ArrowPrimitiveType>(column: &dyn Array, kind: char) -> Option<ColumnBytes> {
        let mut bytes = column.as_primitive::<T>().values().to_byte_slice().to_vec();
        if cfg!(target_endian = "big") {
            bytes.chunks_exact_mut(T::Native::get_byte_width()).for_each(<[u8]>::reverse);
        }
        Some(ColumnBytes { descr: format!("<{kind}{}", T::Native::get_byte_width()), bytes })
    }
    match column.data_type() {
        DataType::Int8 => raw::<Int8Type>(column, 'i'),
        DataType::Int16 => raw::<Int16Type>(column, 'i'),
        DataType::Int32 => raw::<Int32Type>(column, 'i'),
        DataType::Int64 => raw::<Int64Type>(column, 'i'),
        DataType::UInt8 => raw::<UInt8Type>(column, 'u'),
        DataType::UInt16 => raw::<UInt16Type>(column, 'u'),
        DataType::UInt32 => raw::<UInt32Type>(column, 'u'),
        DataType::UInt64 => raw::<UInt64Type>(column, 'u'),
        DataType::Float16 => raw::<Float16Type>(column, 'f'),
        DataType::Float32 => raw::<Float32Type>(column, 'f'),
        DataType::Float64 => raw::<Float64Type>(column, 'f'),
        DataType::Boolean => {
            let values = column.as_boolean().values();
            Some(ColumnBytes { descr: "|b1".into(), bytes: values.iter().map(u8::from).collect() })
        }
        text if text.is_string() => text_bytes(column),
        DataType::Dictionary(_, value) if value.is_string() => text_bytes(column),
        _ => None,
    }
}

fn text_bytes(column: &dyn Array) -> Option<ColumnBytes> {
    let texts = cast(column, &DataType::LargeUtf8).ok()?;
    let texts = texts.as_string::<i64>();
    // A zero at the end could not be told from the padding.
    if texts.null_count() > 0 || texts.iter().flatten().any(|text| text.ends_with('\0')) {
        return None;
    }
    let width = texts.iter().flatten().map(|text| text.chars().count()).max().unwrap_or(0).max(1);
    let total = width.checked_mul(4)?.checked_mul(texts.len()).filter(|total| *total <= TEXT_LIMIT)?;
    let mut bytes = Vec::with_capacity(total);
    for (row, text) in texts.iter().flatten().enumerate() {
        bytes.extend(text.chars().flat_map(|character| u32::from(character).to_le_bytes()));
        bytes.resize((row + 1) * width * 4, 0);
    }
    Some(ColumnBytes { descr: format!("<U{width}"), bytes })
}

/// Writes a column as a `.npy` file.
pub(in crate::table) fn write_column(
    column: &ColumnBytes,
    rows: usize,
    out: &mut impl Write,
) -> std::io::Result<()> {
    super::write_header(out, &column.descr, &[rows])?;
    out.write_all(&column.bytes)
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn every_type_of_column_comes_back_as_it_was() {
        let columns: [ArrayRef; 7] = [
            Arc::new(PrimitiveArray::<Int8Type>::from(vec![-1, 2])),
            Arc::new(PrimitiveArray::<Int64Type>::from(vec![i64::MIN, 7])),
            Arc::new(PrimitiveArray::<UInt32Type>::from(vec![u32::MAX, 0])),
            Arc::new(PrimitiveArray::<Float16Type>::from(vec![f16::from_f32(0.5), f16::ONE])),
            Arc::new(PrimitiveArray::<Float64Type>::from(vec![0.1, f64::INFINITY])),
            Arc::new(BooleanArray::from(vec![true, false])),
            Arc::new(StringArray::from(vec!["", "crème 🍮"])),
        ];
        for original in columns {
            let mut file = Vec::new();
            write_column(&bytes_of(&original).unwrap(), 2, &mut file).unwrap();
            assert_eq!(column(&parse(&file).unwrap()).unwrap().to_data(), original.to_data());
        }
    }

    #[test]
    fn what_an_array_cannot_hold_exactly_is_not_written() {
        assert!(bytes_of(&StringArray::from(vec![Some("a"), None])).is_none());
        assert!(bytes_of(&StringArray::from(vec!["a\0"])).is_none());
    }

    #[test]
    fn a_text_that_is_no_character_names_its_row() {
        let mut file = Vec::new();
        super::super::write_header(&mut file, "<U1", &[2]).unwrap();
        file.extend([b'a', 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
        let error = column(&parse(&file).unwrap()).unwrap_err();
        assert!(error.to_string().starts_with("row 1: invalid UTF-32 text"), "{error}");
    }
}
