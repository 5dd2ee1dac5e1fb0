//! The graph of nearest rows that an analysis needs: out of a file, or made.

use std::path::Path;

use ndarray::ArrayView2;

use crate::error::{Error, Result};
use crate::quality::rows_are_unit;
use crate::rows::graph::metric_name;
use crate::rows::{DistinctRows, Graph, Metric};
use crate::table::read_arrow_columns;

/// The graph of a file that `embedlab knn` made of these rows, with exact distances.
///
/// # Errors
/// When the file is no graph, or one of other rows.
pub fn read_graph(path: &Path, rows: ArrayView2<'_, f32>, distinct: &DistinctRows) -> Result<Graph> {
    let columns = read_arrow_columns(path)?;
    let graph = Graph::from_arrow(&columns, distinct).map_err(|error| error.file(path))?;
    let metric = graph.metric();
    graph.measured_again(rows, None, metric)
}

/// At least the `k` nearest other rows of each row: those of the file when one is named, else found.
///
/// # Errors
/// When the file's graph is of other rows, of another distance that ranks rows differently, or has fewer neighbours.
pub(super) fn needed_graph(
    path: Option<&Path>,
    rows: ArrayView2<'_, f32>,
    k: usize,
    metric: Metric,
) -> Result<Graph> {
    let Some(path) = path else { return Graph::of(rows, k, metric) };
    let graph = read_graph(path, rows, &DistinctRows::of(&rows)?)?;
    let made = |k: usize| format!("make it with `embedlab knn FILE -k {k} --metric {}`", metric_name(metric));
    let graph = if graph.metric() == metric {
        graph
    } else if rows_are_unit(&rows)? {
        // Both distances rank rows of length 1 alike.
        graph.measured_again(rows, None, metric)?
    } else {
        return Err(Error::argument("a graph of another distance")
            .file(path)
            .seen(format!("{}, where {} is needed", metric_name(graph.metric()), metric_name(metric)))
            .advice(made(graph.k())));
    };
    if graph.k() < k.min(rows.nrows().saturating_sub(1)) {
        return Err(Error::argument("a graph of too few neighbours")
            .file(path)
            .seen(format!("{} of {k}", graph.k()))
            .advice(made(k)));
    }
    Ok(graph)
}
