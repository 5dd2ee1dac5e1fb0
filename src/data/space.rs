//! Whether two sets of vectors can be compared.

use std::path::Path;

use crate::error::{Error, Result};
use crate::table::Table;

/// The embedding model that a table names in a column `model`, the same in every row.
pub fn model_of(table: &Table) -> Option<String> {
    let names = table.column("model").ok().and_then(|_| table.labels("model").ok())?.names;
    (names.len() == 1).then(|| names[0].clone())
}

/// Refuses vectors (`what`, of `file`) of another dimension than the rows or, where both name their model in a column
/// `model`, of another model: cosines between models mean nothing. Each side is its columns and its dimensions.
///
/// # Errors
/// When they differ.
///
/// ```
/// use embedlab::data::require_same_space;
/// use embedlab::table::Table;
/// let rows = Table::from_vectors(ndarray::array![[1.0_f32, 0.0]]);
/// let queries = Table::from_vectors(ndarray::array![[1.0_f32]]);
/// let error = require_same_space((&rows, 2), (&queries, 1), "queries.npy".as_ref(), "queries");
/// assert!(error.unwrap_err().to_string().contains("1 in the queries, 2 in the rows"));
/// ```
pub fn require_same_space(
    rows: (&Table, usize),
    others: (&Table, usize),
    file: &Path,
    what: &str,
) -> Result<()> {
    let advice = || format!("embed the {what} with the model of the rows");
    if rows.1 != others.1 {
        return Err(Error::input(format!("{what} and rows have different dimensions"))
            .with_code("dimensions-differ")
            .file(file)
            .seen(format!("{} in the {what}, {} in the rows", others.1, rows.1))
            .advice(advice()));
    }
    match (model_of(rows.0), model_of(others.0)) {
        (Some(rows), Some(others)) if rows != others => {
            Err(Error::input(format!("{what} and rows are of different models"))
                .with_code("models-differ")
                .file(file)
                .seen(format!("{others} and {rows}"))
                .advice(advice()))
        }
        _ => Ok(()),
    }
}
