//! safetensors: a JSON head and the numbers behind it; `.safetensors`.
//!
//! One two-dimensional tensor of floating-point numbers holds the vectors; one-dimensional tensors of
//! as many elements (an `ids`, a score) become columns, in the order of the metadata entry `columns`
//! or else of their names.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use ndarray::Array2;
use safetensors::tensor::{Dtype as TensorType, TensorView};
use safetensors::{SafeTensorError, SafeTensors};
use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::table::blocks::{MappedRows, Placed};
use crate::table::column::floats::{Float, FloatKind};
use crate::table::column::stored::Vectors;
use crate::table::column::{matrix, named_array};
use crate::table::format::npy::{self, Dtype, NpyArray};
use crate::table::keep::Keep;
use crate::table::{ReadOptions, Table, mapped, sidecar};

/// The metadata entry that keeps the order of the columns, as a JSON array of names.
const COLUMNS: &str = "columns";

pub(in crate::table) fn read(path: &Path, options: &ReadOptions, keep: &mut Keep) -> Result<Table> {
    let (vectors, name, columns) = read_tensors(path, options, keep).map_err(|error| error.file(path))?;
    sidecar::join(vectors, &name, columns, options)
}

fn read_tensors(
    path: &Path,
    options: &ReadOptions,
    keep: &mut Keep,
) -> Result<(Array2<f32>, String, Option<RecordBatch>)> {
    let file = Arc::new(mapped::map(path)?);
    let tensors = SafeTensors::deserialize(&file).map_err(damaged)?;
    let names = names_in_order(&file, &tensors)?;
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let holds_vectors = |name: &&str| {
        tensors.tensor(name).is_ok_and(|tensor| tensor.shape().len() == 2 && float(tensor.dtype()).is_some())
    };
    let candidates: Vec<&str> = all.iter().copied().filter(holds_vectors).collect();
    let name = named_array::choose(&candidates, &all, options.vector.as_deref())?;
    let tensor = tensors.tensor(name).map_err(damaged)?;
    let stored = vectors_of(&tensor).map_err(|error| error.column(name))?;
    let vectors = if keep.wants(stored.rows, stored.dims) {
        let vectors = npy::read_vectors(stored, options.memory).map_err(|error| error.column(name))?;
        if !options.keeps_faults() {
            matrix::refuse_non_finite(vectors.view(), 0).map_err(|error| error.column(name))?;
        }
        vectors
    } else {
        if keep.takes_blocks() {
            let (placed, file) = (Placed::of(stored, &file), (file.clone(), path, Some(name)));
            let in_bounds = keep.in_bounds(placed.bytes());
            let rows = MappedRows::new(file, placed, options.keeps_faults(), in_bounds)?;
            keep.put(Box::new(rows));
        }
        keep.apart(stored.rows, stored.dims)
    };
    let mut fields = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for other in all {
        let tensor = tensors.tensor(other).map_err(damaged)?;
        if let (&[rows], Some(dtype)) = (tensor.shape(), element(tensor.dtype()))
            && rows == vectors.nrows()
        {
            let shape = vec![rows];
            let array = npy::column(&NpyArray { dtype, fortran_order: false, shape, data: tensor.data() })?;
            fields.push(Field::new(other, array.data_type().clone(), false));
            arrays.push(array);
        }
    }
    if arrays.is_empty() {
        return Ok((vectors, name.to_owned(), None));
    }
    let columns = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .map_err(|error| Error::input("cannot take the tensors as columns").source(error))?;
    Ok((vectors, name.to_owned(), Some(columns)))
}

fn names_in_order(file: &[u8], tensors: &SafeTensors<'_>) -> Result<Vec<String>> {
    let (_, metadata) = SafeTensors::read_metadata(file).map_err(damaged)?;
    let order: Vec<String> = metadata
        .metadata()
        .as_ref()
        .and_then(|texts| serde_json::from_str(texts.get(COLUMNS)?).ok())
        .unwrap_or_default();
    let mut names: Vec<String> = tensors.names().into_iter().map(str::to_owned).collect();
    names.sort();
    names.sort_by_key(|name| order.iter().position(|other| other == name).unwrap_or(usize::MAX));
    Ok(names)
}

fn vectors_of<'a>(tensor: &TensorView<'a>) -> Result<Vectors<'a>> {
    let (&[rows, dims], Some(float)) = (tensor.shape(), float(tensor.dtype())) else {
        return Err(Error::input("no matrix of floating-point numbers"));
    };
    if dims == 0 {
        return Err(Error::input("vectors without dimensions").seen(format!("shape {:?}", tensor.shape())));
    }
    Ok(Vectors { float, fortran_order: false, rows, dims, data: tensor.data() })
}

fn float(dtype: TensorType) -> Option<Float> {
    Some(Float::little(match dtype {
        TensorType::F16 => FloatKind::F16,
        TensorType::BF16 => FloatKind::Bf16,
        TensorType::F32 => FloatKind::F32,
        TensorType::F64 => FloatKind::F64,
        _ => return None,
    }))
}

const ELEMENTS: [(TensorType, &str, char, usize); 12] = [
    (TensorType::I8, "I8", 'i', 1),
    (TensorType::I16, "I16", 'i', 2),
    (TensorType::I32, "I32", 'i', 4),
    (TensorType::I64, "I64", 'i', 8),
    (TensorType::U8, "U8", 'u', 1),
    (TensorType::U16, "U16", 'u', 2),
    (TensorType::U32, "U32", 'u', 4),
    (TensorType::U64, "U64", 'u', 8),
    (TensorType::F16, "F16", 'f', 2),
    (TensorType::F32, "F32", 'f', 4),
    (TensorType::F64, "F64", 'f', 8),
    (TensorType::BOOL, "BOOL", 'b', 1),
];

fn element(dtype: TensorType) -> Option<Dtype> {
    let &(_, _, kind, width) = ELEMENTS.iter().find(|(known, ..)| *known == dtype)?;
    Some(Dtype { kind, width, big_endian: false })
}

fn damaged(error: SafeTensorError) -> Error {
    Error::input("cannot read the safetensors file")
        .with_code("file-damaged")
        .source(error)
        .advice("it is cut off or damaged: write or download it again")
}

/// A tensor to write; without bytes of its own it is the table's vectors.
struct Tensor<'a> {
    name: &'a str,
    dtype: &'static str,
    width: usize,
    shape: Vec<usize>,
    bytes: Option<Vec<u8>>,
}

/// Writes the vectors and every column of numbers without empty cells; gives back the names of the
/// columns that are not written.
///
/// # Errors
/// When writing fails.
pub(in crate::table) fn write(table: &Table, out: &mut impl Write) -> Result<Vec<String>> {
    let failed = |error: std::io::Error| Error::io("cannot write", error);
    let (mut tensors, dropped) = column_tensors(table);
    let columns: Vec<&str> = tensors.iter().map(|tensor| tensor.name).collect();
    let metadata = json!({ "writer": "embedlab", COLUMNS: Value::from(columns).to_string() });
    tensors.push(Tensor {
        name: table.vector_column(),
        dtype: "F32",
        width: 4,
        shape: vec![table.n_rows(), table.dims()],
        bytes: None,
    });
    // Wide elements first, so that every tensor begins at a multiple of its element's size.
    tensors.sort_by_key(|tensor| std::cmp::Reverse(tensor.width));
    let mut head = Map::new();
    head.insert("__metadata__".into(), metadata);
    let mut end = 0;
    for tensor in &tensors {
        let start = end;
        end += tensor.shape.iter().product::<usize>() * tensor.width;
        let entry = json!({ "dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [start, end] });
        head.insert(tensor.name.to_owned(), entry);
    }
    let mut head = Value::Object(head).to_string();
    head.push_str(&" ".repeat(head.len().next_multiple_of(8) - head.len()));
    out.write_all(&(head.len() as u64).to_le_bytes()).map_err(failed)?;
    out.write_all(head.as_bytes()).map_err(failed)?;
    for tensor in &tensors {
        match &tensor.bytes {
            Some(bytes) => out.write_all(bytes),
            None => npy::write_numbers(table.vectors(), out),
        }
        .map_err(failed)?;
    }
    Ok(dropped)
}

/// The columns that can be tensors, and the names of those that cannot.
fn column_tensors(table: &Table) -> (Vec<Tensor<'_>>, Vec<String>) {
    let (mut tensors, mut dropped) = (Vec::new(), Vec::new());
    for (field, column) in table.columns().schema_ref().fields().iter().zip(table.columns().columns()) {
        let tensor = npy::bytes_of(column).and_then(|column| {
            // The type as NumPy spells it, without its byte order: i8, b1.
            let spelled = &column.descr[1..];
            let known = ELEMENTS.iter().find(|(_, _, kind, width)| spelled == format!("{kind}{width}"));
            let &(_, dtype, _, width) = known?;
            let shape = vec![table.n_rows()];
            Some(Tensor { name: field.name(), dtype, width, shape, bytes: Some(column.bytes) })
        });
        match tensor {
            Some(tensor) => tensors.push(tensor),
            None => dropped.push(field.name().clone()),
        }
    }
    (tensors, dropped)
}
