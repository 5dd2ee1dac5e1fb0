//! Lists and structs as JSON text, and what is inside them by a name with a dot.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, make_array};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::json::writer::{LineDelimited, WriterBuilder};
use arrow::record_batch::RecordBatch;

use crate::error::{Error, Result};
use crate::table::column::text_column::TextColumn;
use crate::table::format::json::scan::{members, string};

/// A list, struct or map column as JSON, `None` where a cell is empty: `["red","green"]`, `{"shop":"x, city: y"}`.
///
/// # Errors
/// When a value has no JSON form.
pub(in crate::table) fn json_texts(array: &ArrayRef) -> Result<Vec<Option<String>>> {
    let failed = |error: arrow::error::ArrowError| Error::input("the column has no JSON form").source(error);
    let schema = Arc::new(Schema::new(vec![Field::new("v", array.data_type().clone(), true)]));
    let batch = RecordBatch::try_new(schema, vec![array.clone()]).map_err(failed)?;
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(Vec::new());
    writer.write(&batch).map_err(failed)?;
    writer.finish().map_err(failed)?;
    let text = String::from_utf8(writer.into_inner()).unwrap_or_default();
    let value = |line: &str| line.strip_prefix("{\"v\":")?.strip_suffix('}').map(str::to_owned);
    Ok(text.lines().enumerate().map(|(row, line)| value(line).filter(|_| array.is_valid(row))).collect())
}

/// The parts of a struct column or of a column of JSON objects, as columns called `parent.child`; nothing for other
/// columns.
pub(in crate::table) fn parts(name: &str, array: &ArrayRef) -> Vec<(String, ArrayRef)> {
    match array.data_type() {
        DataType::Struct(_) => of_struct(name, array),
        text if text.is_string() => of_text(name, array, 0).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn of_struct(name: &str, array: &ArrayRef) -> Vec<(String, ArrayRef)> {
    let structs = array.as_struct();
    let mut parts = Vec::new();
    for (field, child) in structs.fields().iter().zip(structs.columns()) {
        let nulls = NullBuffer::union(structs.nulls(), child.nulls());
        let Ok(child) = child.to_data().into_builder().nulls(nulls).build().map(make_array) else { continue };
        let name = format!("{name}.{}", field.name());
        let inner = if matches!(child.data_type(), DataType::Struct(_)) {
            of_struct(&name, &child)
        } else {
            Vec::new()
        };
        parts.push((name, child));
        parts.extend(inner);
    }
    parts
}

/// Objects in objects are looked into so many times: each time their text is gone through again.
const DEEPEST: usize = 16;

fn of_text(name: &str, array: &ArrayRef, depth: usize) -> Option<Vec<(String, ArrayRef)>> {
    if depth == DEEPEST {
        return None;
    }
    let texts = cast(array, &DataType::LargeUtf8).ok()?;
    let texts = texts.as_string::<i64>();
    // A column of plain text is soon told.
    if !texts.iter().flatten().next()?.trim_start().starts_with('{') {
        return None;
    }
    let mut columns: Vec<(String, TextColumn)> = Vec::new();
    for (row, text) in texts.iter().enumerate() {
        for member in members(text.unwrap_or("{}").as_bytes()) {
            let (key, value) = member.ok()?;
            let place = columns.iter().position(|(name, _)| *name == key).unwrap_or_else(|| {
                columns.push((key.clone().into_owned(), TextColumn::new(row)));
                columns.len() - 1
            });
            let column = &mut columns[place].1;
            if column.len() > row {
                continue;
            }
            column.fill(row);
            match value {
                b"null" => column.push_null(),
                [b'"', ..] => column.push_text(&string(value).ok()?),
                [b'[' | b'{', ..] => column.push_text(std::str::from_utf8(value).ok()?),
                _ => column.push(std::str::from_utf8(value).ok()?),
            }
        }
        if columns.len() > 1000 {
            return None;
        }
    }
    let mut parts = Vec::new();
    for (key, mut column) in columns {
        column.fill(texts.len());
        let array = column.finish().ok()?;
        let name = format!("{name}.{key}");
        let inner = of_text(&name, &array, depth + 1).unwrap_or_default();
        parts.push((name, array));
        parts.extend(inner);
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;

    use super::*;

    #[test]
    fn objects_in_text_have_parts() {
        let texts =
            StringArray::from(vec![Some(r#"{"a": 1, "b": {"c": "x"}}"#), None, Some(r#"{"a": 2.5}"#)]);
        let parts = parts("m", &(Arc::new(texts) as ArrayRef));
        let names: Vec<&str> = parts.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["m.a", "m.b", "m.b.c"]);
        assert_eq!((parts[0].1.data_type(), parts[0].1.null_count()), (&DataType::Float64, 1));
    }
}
