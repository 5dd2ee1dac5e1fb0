//! The rows of a result: as a table, as JSON, and as cells for a reader.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, Float64Type, Schema};
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use ndarray::Array2;
use serde_json::{Map, Value};

use super::query::QueryResult;
use super::vectors::{Vectors, items};
use crate::error::{Error, Result};
use crate::table::Table;

/// Numbers of a list that a cell shows.
const SHOWN: usize = 2;

/// The names of columns of vectors that go before others.
const USUAL: [&str; 4] = ["embedding", "embeddings", "vector", "vectors"];

fn failed(error: ArrowError) -> Error {
    Error::input("the result cannot be used").source(error)
}

impl QueryResult {
    /// Counts the rows of a batch and keeps those that are wanted; gives the bytes that these take.
    pub fn take(&mut self, batch: RecordBatch, keep: Option<usize>) -> usize {
        self.n_rows += batch.num_rows();
        let kept: usize = self.batches.iter().map(RecordBatch::num_rows).sum();
        let take = keep.map_or(batch.num_rows(), |keep| batch.num_rows().min(keep.saturating_sub(kept)));
        if take == 0 {
            return 0;
        }
        let batch = batch.slice(0, take);
        let sizes = batch.columns().iter().map(|column| column.to_data().get_slice_memory_size());
        let bytes = sizes.collect::<Result<Vec<_>, _>>().map_or(0, |sizes| sizes.iter().sum());
        self.batches.push(batch);
        bytes
    }

    /// The names of the columns.
    pub fn columns(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    /// The positions of the columns of numbers.
    pub fn numeric(&self) -> Vec<usize> {
        let fields = self.schema.fields().iter().enumerate();
        fields.filter(|(_, field)| field.data_type().is_numeric()).map(|(at, _)| at).collect()
    }

    /// The rows that were kept, as JSON objects; NaN and infinities are null.
    ///
    /// # Errors
    /// When a value has no form in JSON.
    pub fn rows(&self) -> Result<Vec<Map<String, Value>>> {
        let mut rows = Vec::new();
        for batch in &self.batches {
            let names = batch.schema_ref().fields().iter().map(|field| field.name());
            let columns: Vec<(&String, &ArrayRef)> = names.zip(batch.columns()).collect();
            for row in 0..batch.num_rows() {
                let cells = columns.iter().map(|(name, column)| Ok(((*name).clone(), value(column, row)?)));
                rows.push(cells.collect::<Result<Map<_, _>>>()?);
            }
        }
        Ok(rows)
    }

    /// The rows that were kept, as a reader sees them: long lists are cut short.
    ///
    /// # Errors
    /// When a value has no form as text.
    pub fn cells(&self) -> Result<Vec<Vec<String>>> {
        let mut rows = Vec::new();
        for batch in &self.batches {
            for row in 0..batch.num_rows() {
                let cells = batch.columns().iter().map(|column| Ok(shown(&value(column, row)?)));
                rows.push(cells.collect::<Result<Vec<_>>>()?);
            }
        }
        Ok(rows)
    }

    /// The rows that were kept, as a table: its vectors are the column of lists of `f32` that are all there and of one length,
    /// of several the one called `embedding`, or the first. The others stay columns of lists.
    ///
    /// # Errors
    /// When the rows do not fit one Arrow batch.
    pub fn table(&self) -> Result<Table> {
        let whole = concat_batches(&self.schema, &self.batches).map_err(failed)?;
        let (n, fields) = (whole.num_rows(), whole.schema_ref().fields());
        let found: Vec<(usize, Array2<f32>)> = whole
            .columns()
            .iter()
            .enumerate()
            .filter_map(|(at, column)| Some((at, matrix(column)?)))
            .collect();
        let is_usual = |at: usize| USUAL.contains(&fields[at].name().to_lowercase().as_str());
        let usual = found.iter().position(|(at, _)| is_usual(*at));
        let chosen = found.into_iter().nth(usual.unwrap_or(0));
        let others = (0..fields.len()).filter(|at| chosen.as_ref().is_none_or(|(vectors, _)| vectors != at));
        let (mut kept, mut arrays) = (Vec::new(), Vec::new());
        for at in others {
            let array = plain(whole.column(at))?;
            kept.push(Field::new(fields[at].name(), array.data_type().clone(), true));
            arrays.push(array);
        }
        let count = RecordBatchOptions::new().with_row_count(Some(n));
        let columns =
            RecordBatch::try_new_with_options(Arc::new(Schema::new(kept)), arrays, &count).map_err(failed)?;
        match chosen {
            Some((at, vectors)) => Table::new(vectors, columns, fields[at].name().clone()),
            None => Ok(Table::from_columns(columns)),
        }
    }
}

/// Lists of `f32` of one length, none missing; `None` of any other column.
fn matrix(column: &ArrayRef) -> Option<Array2<f32>> {
    if !matches!(items(column.data_type())?, DataType::Float32 | DataType::Float16) {
        return None;
    }
    let vectors = Vectors::of(column).ok()?;
    let dims = match column.data_type() {
        DataType::FixedSizeList(_, length) => usize::try_from(*length).ok()?,
        _ => vectors.numbers(0)?.len(),
    };
    let mut values = Vec::with_capacity(vectors.len() * dims);
    for row in 0..vectors.len() {
        let vector = vectors.numbers(row).filter(|vector| vector.len() == dims)?;
        values.extend_from_slice(vector);
    }
    Array2::from_shape_vec((vectors.len(), dims), values).ok().filter(|_| dims > 0)
}

/// A column in a type that every writer knows.
fn plain(column: &ArrayRef) -> Result<ArrayRef> {
    let to = match column.data_type() {
        DataType::Utf8View => DataType::LargeUtf8,
        DataType::BinaryView => DataType::LargeBinary,
        DataType::Dictionary(_, value) => value.as_ref().clone(),
        DataType::ListView(item) => DataType::List(item.clone()),
        DataType::LargeListView(item) => DataType::LargeList(item.clone()),
        _ => return Ok(column.clone()),
    };
    cast(column, &to).map_err(failed)
}

/// A cell as JSON.
fn value(column: &ArrayRef, row: usize) -> Result<Value> {
    if column.is_null(row) {
        return Ok(Value::Null);
    }
    let list = |cells: ArrayRef| -> Result<Value> {
        (0..cells.len()).map(|at| value(&cells, at)).collect::<Result<Vec<_>>>().map(Value::Array)
    };
    let text = || -> Result<String> {
        let formatter = ArrayFormatter::try_new(column, &FormatOptions::default()).map_err(failed)?;
        formatter.value(row).try_to_string().map_err(failed)
    };
    Ok(match column.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => Value::Bool(column.as_boolean().value(row)),
        DataType::Float16 | DataType::Float32 => {
            let number = cast(&column.slice(row, 1), &DataType::Float32).map_err(failed)?;
            let number = number.as_primitive::<arrow::datatypes::Float32Type>().value(0);
            // The shortest form of an f32, not that of the f64 beside it.
            number.to_string().parse::<f64>().ok().map_or(Value::Null, Value::from)
        }
        DataType::Float64 => Value::from(column.as_primitive::<Float64Type>().value(row)),
        integer if integer.is_integer() => match text()?.parse::<i64>() {
            Ok(number) => Value::from(number),
            Err(_) => text()?.parse::<u64>().map_or(Value::Null, Value::from),
        },
        DataType::List(_) => list(column.as_list::<i32>().value(row))?,
        DataType::LargeList(_) => list(column.as_list::<i64>().value(row))?,
        DataType::ListView(_) => list(column.as_list_view::<i32>().value(row))?,
        DataType::LargeListView(_) => list(column.as_list_view::<i64>().value(row))?,
        DataType::FixedSizeList(..) => list(column.as_fixed_size_list().value(row))?,
        DataType::Struct(fields) => {
            let columns = fields.iter().zip(column.as_struct().columns());
            let cells = columns.map(|(field, column)| Ok((field.name().clone(), value(column, row)?)));
            Value::Object(cells.collect::<Result<Map<_, _>>>()?)
        }
        _ => Value::String(text()?),
    })
}

/// A cell as a reader sees it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match (number.is_f64(), number.as_f64()) {
            (true, Some(number)) => short(number),
            _ => number.to_string(),
        },
        Value::Array(list) => {
            let cell = |value: &Value| match value.as_f64() {
                Some(number) if value.is_f64() => format!("{number:.2}"),
                _ if value.is_null() => "null".to_owned(),
                _ => shown(value),
            };
            let cut = if list.len() > SHOWN + 2 { SHOWN } else { list.len() };
            let mut cells: Vec<String> = list[..cut].iter().map(cell).collect();
            if cut < list.len() {
                cells.push(format!(".. {}", list.len()));
            }
            format!("[{}]", cells.join(", "))
        }
        Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{name}: {}", shown(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Bool(value) => value.to_string(),
    }
}

/// A number with up to seven digits that count.
fn short(number: f64) -> String {
    let rounded: f64 = format!("{number:.6e}").parse().unwrap_or(number);
    if rounded != 0.0 && !(1e-5..1e15).contains(&rounded.abs()) {
        format!("{rounded:e}")
    } else {
        rounded.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_short_and_json_is_whole() {
        for (number, expected) in [
            (0.0, "0"),
            (0.1 + 0.2, "0.3"),
            (1.0 / 3.0, "0.3333333"),
            (1e-9, "1e-9"),
            (123456.75, "123456.8"),
        ] {
            assert_eq!(short(number), expected);
        }
        let found = super::super::query(
            "select 1 as a, [0.125, -0.03, 1.0, 2.0, 3.0] as v, cast(0.1 as float) as f, \
             cast('nan' as double) as n, null as z, [1, 2] as i, struct(1 as x, 'b' as y) as s, \
             18446744073709551615 as u, true as t",
            &Default::default(),
        )
        .unwrap();
        let cells = found.cells().unwrap();
        assert_eq!(
            cells[0],
            [
                "1",
                "[0.12, -0.03, .. 5]",
                "0.1",
                "",
                "",
                "[1, 2]",
                "{x: 1, y: b}",
                "18446744073709551615",
                "true"
            ]
        );
        let expected = serde_json::json!({
            "a": 1, "v": [0.125, -0.03, 1.0, 2.0, 3.0], "f": 0.1, "n": null, "z": null, "i": [1, 2],
            "s": { "x": 1, "y": "b" }, "u": 18_446_744_073_709_551_615_u64, "t": true
        });
        assert_eq!(Value::Object(found.rows().unwrap().remove(0)), expected);
    }

    #[test]
    fn vectors_of_a_result_are_the_vectors_of_its_table() {
        let table = |sql: &str| super::super::query(sql, &Default::default()).unwrap().table().unwrap();
        let pair = "arrow_cast([1.0, 2.0], 'List(Float32)')";
        let both = table(&format!("select 1 as a, {pair} as first, {pair} as embedding"));
        assert_eq!(
            (both.dims(), both.vector_column(), both.column_names()),
            (2, "embedding", vec!["a", "first"])
        );
        let ragged = format!("select {pair} as v union all select arrow_cast([1.0], 'List(Float32)')");
        assert_eq!(table(&ragged).dims(), 0);
        assert_eq!(table(&format!("select {pair} as v union all select null")).dims(), 0);
        let none = table("select * from 'examples/data/food_reviews.parquet' where Score > 9");
        assert_eq!((none.n_rows(), none.dims()), (0, 384));
    }
}
