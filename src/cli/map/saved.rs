//! Maps in files: the columns of places, how a map was made, and what other viewers read.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Float32Array, Float64Array, LargeStringArray, ListArray, StructArray, UInt32Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use embedlab::map::NeighborGraph;
use embedlab::table::{self, Format, ReadOptions, Table};
use embedlab::{Error, Result};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::Args;
use super::laid::Map;
use crate::cli::Output;
use crate::cli::beside::same_space;

/// Under this key the column x holds how the map was made.
const MADE_BY: &str = "embedlab.map";

/// How a map was made: kept with a saved map, and needed to place new rows on it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Made {
    pub version: u32,
    pub method: String,
    pub n_components: usize,
    pub seed: u64,
    pub perplexity: Option<f64>,
    pub parameters: serde_json::Value,
}

/// A saved map: its rows, where they are, and how it was made.
pub struct Saved {
    pub table: Table,
    pub points: Array2<f32>,
    pub made: Option<Made>,
}

impl Saved {
    /// Reads a map on which rows of `new` can be placed.
    ///
    /// # Errors
    /// When it holds no places, or its vectors are of another space.
    pub fn read(file: &Path, new: &Table) -> Result<Saved> {
        let table = table::read(file, &ReadOptions::default())?;
        same_space(new, &table, file, "rows of the map")?;
        let names: Vec<&str> =
            ["x", "y", "z"].into_iter().filter(|name| table.column(name).is_ok()).collect();
        if !names.starts_with(&["x", "y"]) {
            return Err(Error::input("no saved map")
                .file(file)
                .seen("no columns x and y")
                .advice("save one with embedlab map FILE -o map.parquet"));
        }
        let mut points = Array2::zeros((table.n_rows(), names.len()));
        for (d, name) in names.iter().enumerate() {
            for (row, value) in table.numbers(name).map_err(|error| error.file(file))?.into_iter().enumerate()
            {
                points[[row, d]] = value.ok_or_else(|| {
                    Error::input("a row without a place").file(file).row(row + 1).column(*name)
                })? as f32;
            }
        }
        let schema = table.columns().schema();
        let made = schema.field_with_name("x").ok().and_then(|field| field.metadata().get(MADE_BY).cloned());
        let made = made.map(|made| serde_json::from_str::<Made>(&made)).transpose().map_err(|error| {
            Error::input("a map that does not say how it was made").file(file).source(error)
        })?;
        if let Some(made) = made.as_ref().filter(|made| made.version != 1) {
            return Err(Error::input("a map of a version that is not known here")
                .file(file)
                .seen(format!("version {}, where 1 is known", made.version))
                .advice("update embedlab, or make the map again"));
        }
        Ok(Saved { table, points, made })
    }
}

/// The places as columns x, y and z; x holds how the map was made.
pub fn coordinates(map: &Map) -> Vec<(Field, ArrayRef)> {
    let made = serde_json::to_string(&map.made).unwrap_or_default();
    let names = ["x", "y", "z"].iter().zip(map.points.columns());
    names
        .map(|(name, column)| {
            let values: ArrayRef = Arc::new(Float32Array::from_iter_values(column.iter().copied()));
            let field = Field::new(*name, DataType::Float32, false);
            let about = HashMap::from([(MADE_BY.to_owned(), made.clone())]);
            (if *name == "x" { field.with_metadata(about) } else { field }, values)
        })
        .collect()
}

/// The rows with their places, each row's part of the divergence and its nearest rows.
pub fn with_places(args: &Args, table: &Table, map: &mut Map, path: &Path, output: &Output) -> Result<Table> {
    let mut more = coordinates(map);
    if let Some(divergence) = &map.divergence {
        let values: ArrayRef = Arc::new(Float64Array::from(divergence.of_rows.clone()));
        more.push((Field::new("map_error", DataType::Float64, true), values));
    }
    if args.neighbors > 0 && args.onto.is_none() {
        let graph = match map.neighbors.take() {
            Some(graph) if graph.k() >= args.neighbors => graph,
            _ => NeighborGraph::of(table.vectors(), args.neighbors)?,
        };
        let nested = matches!(Format::from_extension(path), Some(Format::Parquet | Format::ArrowIpc));
        let k = args.neighbors.min(graph.k());
        more.push(if nested { neighbor_structs(&graph, k)? } else { neighbor_texts(&graph, k) });
    }
    joined(table, more, output)
}

/// Embedding Atlas's column: `{"ids": [..], "distances": [..]}`, rows counted from 0.
fn neighbor_structs(graph: &NeighborGraph, k: usize) -> Result<(Field, ArrayRef)> {
    let n = graph.n_rows();
    let rows = UInt32Array::from_iter_values((0..n).flat_map(|row| graph.rows(row)[..k].iter().copied()));
    let distances = Float32Array::from_iter_values(
        (0..n)
            .flat_map(|row| (0..k).map(move |place| (row, place)))
            .map(|(row, place)| graph.distance(row, place) as f32),
    );
    let list = |item: DataType, values: ArrayRef| -> Result<(Arc<Field>, ArrayRef)> {
        let item = Arc::new(Field::new("item", item, true));
        let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(k, n));
        let list = ListArray::try_new(item.clone(), offsets, values, None)
            .map_err(|error| Error::argument("too many neighbours for a file").source(error))?;
        Ok((Arc::new(Field::new("", DataType::List(item), true)), Arc::new(list)))
    };
    let (ids_field, ids) = list(DataType::UInt32, Arc::new(rows))?;
    let (distances_field, distances) = list(DataType::Float32, Arc::new(distances))?;
    let named = |name: &str, field: Arc<Field>| Arc::new(field.as_ref().clone().with_name(name));
    let structs = StructArray::from(vec![
        (named("ids", ids_field), ids),
        (named("distances", distances_field), distances),
    ]);
    Ok((Field::new("neighbors", structs.data_type().clone(), true), Arc::new(structs)))
}

/// The same as JSON text, for formats of text.
fn neighbor_texts(graph: &NeighborGraph, k: usize) -> (Field, ArrayRef) {
    let text = |row: usize| {
        let distances: Vec<f32> = (0..k).map(|place| graph.distance(row, place) as f32).collect();
        serde_json::json!({ "ids": &graph.rows(row)[..k], "distances": distances }).to_string()
    };
    let texts = LargeStringArray::from_iter_values((0..graph.n_rows()).map(text));
    (Field::new("neighbors", DataType::LargeUtf8, true), Arc::new(texts))
}

/// A table with more columns at the end; a column of the same name is replaced.
pub fn joined(table: &Table, more: Vec<(Field, ArrayRef)>, output: &Output) -> Result<Table> {
    let mut fields = table.columns().schema_ref().fields().to_vec();
    let mut values = table.columns().columns().to_vec();
    for (field, array) in more {
        if let Some(at) = fields.iter().position(|old| old.name() == field.name()) {
            output.warn(format_args!("the column {} of the input is replaced", field.name()));
            fields.remove(at);
            values.remove(at);
        }
        fields.push(Arc::new(field));
        values.push(array);
    }
    let columns = RecordBatch::try_new(Arc::new(Schema::new(fields)), values)
        .map_err(|error| Error::input("the map cannot be joined to the rows").source(error))?;
    Table::new(table.vectors().to_owned(), columns, table.vector_column())
}
