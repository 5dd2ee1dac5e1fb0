//! Which columns hold the text and the label, when the user does not say.

use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;
use embedlab::Result;
use embedlab::table::Table;

/// Names that people give to the text that was embedded, the likeliest first.
const TEXT_NAMES: [&str; 10] = [
    "combined",
    "text",
    "content",
    "review",
    "body",
    "description",
    "document",
    "sentence",
    "title",
    "summary",
];

/// Names that people give to a label.
const LABEL_NAMES: [&str; 9] =
    ["score", "label", "labels", "stars", "rating", "class", "category", "sentiment", "classification"];

/// The text column: the named one, one with a usual name, or the one with the longest texts.
///
/// # Errors
/// When the named column does not exist.
pub fn text_column(table: &Table, named: Option<&str>) -> Result<Option<String>> {
    if let Some(name) = named {
        table.column(name)?;
        return Ok(Some(name.to_owned()));
    }
    let is_text = |name: &&str| {
        table.column(name).is_ok_and(|column| {
            matches!(column.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        })
    };
    let names: Vec<&str> = table.column_names().into_iter().filter(is_text).collect();
    let usual =
        TEXT_NAMES.iter().find_map(|usual| names.iter().find(|name| name.to_lowercase().starts_with(usual)));
    let longest = || {
        names
            .iter()
            .map(|name| (mean_length(table, name), name))
            .filter(|(length, _)| *length >= 20.0)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, name)| name)
    };
    Ok(usual.or_else(longest).map(|name| (*name).to_owned()))
}

fn mean_length(table: &Table, name: &str) -> f64 {
    let Ok(column) = table.column(name) else { return 0.0 };
    let Ok(text) = arrow::compute::cast(column, &DataType::LargeUtf8) else { return 0.0 };
    let text = text.as_string::<i64>();
    text.iter().flatten().map(str::len).sum::<usize>() as f64 / text.len().max(1) as f64
}

/// The label column: the named one, or one with a usual name and at most 50 values.
///
/// # Errors
/// When the named column does not exist.
pub fn label_column(table: &Table, named: Option<&str>) -> Result<Option<String>> {
    if let Some(name) = named {
        table.column(name)?;
        return Ok(Some(name.to_owned()));
    }
    let Some(name) = usual_label(table) else { return Ok(None) };
    let values = table.labels(&name)?.names.len();
    Ok((2..=50).contains(&values).then_some(name))
}

fn usual_label(table: &Table) -> Option<String> {
    let names = table.column_names();
    let usual = LABEL_NAMES.iter().find_map(|usual| names.iter().find(|name| name.to_lowercase() == *usual));
    usual.map(|name| (*name).to_owned())
}
