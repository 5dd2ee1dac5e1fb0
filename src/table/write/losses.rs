//! What a format cannot say as it is: brought into a form that it can say, or told.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, LargeStringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Schema};

use crate::error::{Error, Result};
use crate::table::column::json_text::json_texts;
use crate::table::column::text_column::decimals_of;
use crate::table::{Format, Table};

/// The table as a format can hold it, and what is not as it was.
pub(super) fn fitted(table: &Table, format: Format) -> Result<(Table, Vec<String>)> {
    let mut losses = Vec::new();
    if matches!(format, Format::Parquet | Format::ArrowIpc | Format::Npy) {
        return Ok((table.clone(), losses));
    }
    let schema = table.columns().schema_ref();
    let (mut fields, mut arrays): (Vec<FieldRef>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
    let mut taken: HashSet<String> = table.column_names().into_iter().map(str::to_owned).collect();
    taken.insert(table.vector_column().to_owned());
    let mut used = HashSet::new();
    for (field, column) in schema.fields().iter().zip(table.columns().columns()) {
        let mut name = field.name().clone();
        if !used.insert(name.clone()) {
            name = (2..)
                .map(|n| format!("{}_{n}", field.name()))
                .find(|name| !taken.contains(name))
                .unwrap_or(name);
            taken.insert(name.clone());
            losses.push(format!("a second column {} is called {name}", field.name()));
        }
        let column = match format {
            Format::Csv | Format::Tsv => in_text(column, field, &name, &mut losses)?,
            Format::JsonLines => in_json(column, &name, &mut losses),
            _ => column.clone(),
        };
        let field = Field::new(name, column.data_type().clone(), true);
        fields.push(Arc::new(field.with_metadata(schema.field(fields.len()).metadata().clone())));
        arrays.push(column);
    }
    let schema = Schema::new_with_metadata(fields, schema.metadata().clone());
    Ok((table.with_batch(schema, arrays)?, losses))
}

/// A column for CSV, where a cell is text and an empty one is a missing one.
fn in_text(column: &ArrayRef, field: &Field, name: &str, losses: &mut Vec<String>) -> Result<ArrayRef> {
    let kind = value_type(column.data_type());
    if is_binary(kind) {
        losses.push(format!("the bytes of {name} are written in hexadecimal"));
        return hexadecimal(column);
    }
    if kind.is_nested() {
        return Ok(Arc::new(LargeStringArray::from(json_texts(column)?)));
    }
    if let (Some(decimals), Some(numbers)) = (decimals_of(field), column.as_primitive_opt::<Float64Type>()) {
        let texts = numbers.iter().map(|number| number.map(|number| with_decimals(number, decimals)));
        return Ok(Arc::new(texts.collect::<LargeStringArray>()));
    }
    if kind.is_string()
        && let Ok(texts) = cast(column, &DataType::LargeUtf8)
    {
        let empty = texts.as_string::<i64>().iter().flatten().filter(|text| text.is_empty()).count();
        if empty > 0 {
            losses.push(format!("{empty} empty texts of {name} cannot be told from missing ones"));
        }
    }
    Ok(column.clone())
}

/// A number with as many decimals as it was written with, where that is the same number.
fn with_decimals(number: f64, decimals: usize) -> String {
    let text = format!("{number:.decimals$}");
    if text.parse() == Ok(number) { text } else { number.to_string() }
}

/// A column for JSON, which knows no NaN and no bytes.
fn in_json(column: &ArrayRef, name: &str, losses: &mut Vec<String>) -> ArrayRef {
    let kind = value_type(column.data_type());
    if is_binary(kind) {
        losses.push(format!("the bytes of {name} are written in hexadecimal"));
        return hexadecimal(column).unwrap_or_else(|_| column.clone());
    }
    if kind.is_floating()
        && let Ok(numbers) = cast(column, &DataType::Float64)
    {
        let numbers = numbers.as_primitive::<Float64Type>();
        let lost = numbers.iter().flatten().filter(|number| !number.is_finite()).count();
        if lost > 0 {
            losses.push(format!("{lost} values of {name} that are NaN or infinite are written as null"));
        }
    }
    column.clone()
}

fn value_type(kind: &DataType) -> &DataType {
    match kind {
        DataType::Dictionary(_, value) => value,
        kind => kind,
    }
}

fn is_binary(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_)
    )
}

fn hexadecimal(column: &ArrayRef) -> Result<ArrayRef> {
    let bytes = cast(column, &DataType::LargeBinary)
        .map_err(|error| Error::input("a column has no text form").source(error))?;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let texts: LargeStringArray = bytes.as_binary::<i64>().iter().map(|bytes| bytes.map(hex)).collect();
    Ok(Arc::new(texts))
}

#[cfg(test)]
mod tests {
    use arrow::array::{BinaryArray, Float64Array, Int64Array, ListArray, StringArray};
    use arrow::record_batch::RecordBatch;
    use ndarray::Array2;

    use super::*;

    fn table(columns: Vec<(&str, ArrayRef)>) -> Table {
        let fields: Vec<Field> = columns
            .iter()
            .map(|(name, column)| Field::new(*name, column.data_type().clone(), true))
            .collect();
        let arrays = columns.into_iter().map(|(_, column)| column).collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
        Table::new(Array2::zeros((batch.num_rows(), 2)), batch, "embedding").unwrap()
    }

    fn written(table: &Table, format: Format) -> (String, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let options = crate::table::WriteOptions { format: Some(format), ..Default::default() };
        let written = crate::table::write(table, &path, &options).unwrap();
        (std::fs::read_to_string(&path).unwrap(), written.losses)
    }

    #[test]
    fn bytes_empty_texts_lists_and_equal_names_are_kept_or_told_of_in_csv() {
        let list = ListArray::from_iter_primitive::<arrow::datatypes::Int32Type, _, _>([
            Some(vec![Some(1), None]),
            None,
        ]);
        let rows = table(vec![
            ("bytes", Arc::new(BinaryArray::from_opt_vec(vec![Some(&[0xff, 0x00][..]), None]))),
            ("text", Arc::new(StringArray::from(vec![Some(""), Some("a")]))),
            ("list", Arc::new(list)),
            ("text", Arc::new(Int64Array::from(vec![7, 8]))),
        ]);
        let (text, losses) = written(&rows, Format::Csv);
        assert_eq!(
            text,
            "bytes,text,list,text_2,embedding\nff00,,\"[1,null]\",7,\"[0.0,0.0]\"\n,a,,8,\"[0.0,0.0]\"\n"
        );
        assert_eq!(losses.len(), 3, "{losses:?}");
        assert!(losses[1].contains("1 empty texts of text"), "{losses:?}");
    }

    #[test]
    fn what_json_has_no_word_for_is_told_of() {
        let rows = table(vec![
            ("n", Arc::new(Float64Array::from(vec![Some(f64::NAN), None, Some(1.0), Some(f64::INFINITY)]))),
            ("bytes", Arc::new(BinaryArray::from_vec(vec![b"a", b"b", b"", b"d"]))),
        ]);
        let (text, losses) = written(&rows, Format::JsonLines);
        assert!(text.starts_with(r#"{"n":null,"bytes":"61","#), "{text}");
        assert!(losses[0].contains("2 values of n that are NaN or infinite"), "{losses:?}");
        assert_eq!(losses.len(), 2);
        assert!(written_parquet_loses_nothing(&rows));
    }

    fn written_parquet_loses_nothing(rows: &Table) -> bool {
        let folder = tempfile::tempdir().unwrap();
        crate::table::write(rows, &folder.path().join("x.parquet"), &Default::default())
            .unwrap()
            .losses
            .is_empty()
    }
}
