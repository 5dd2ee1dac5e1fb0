//! A graph in an Arrow file.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, Float32Builder, ListBuilder, RecordBatch, UInt32Builder};
use arrow::datatypes::{DataType, Field, Float32Type, Schema, UInt32Type};
use arrow::ipc::writer::FileWriter;

use super::Graph;
use crate::error::{Error, Result};
use crate::rows::{DistinctRows, Metric};

/// Rows of one record batch.
const BATCH: usize = 65_536;

impl Graph {
    /// The graph as Arrow record batches: `ids` (list of uint32) and `distances` (list of float32), one row for each row,
    /// with the metric and the hash of the rows in the metadata.
    ///
    /// # Errors
    /// When the hash belongs to another number of rows.
    pub fn to_arrow(&self, of: &DistinctRows) -> Result<Vec<u8>> {
        if of.n_rows() != self.n_rows() {
            return Err(Error::argument("a graph of other rows").seen(format!(
                "{} rows in the graph, {} here",
                self.n_rows(),
                of.n_rows()
            )));
        }
        let list = |name: &str, kind| {
            Field::new(name, DataType::List(Arc::new(Field::new_list_field(kind, true))), true)
        };
        let metadata = HashMap::from([
            ("metric".to_owned(), metric_name(self.metric).to_owned()),
            ("k".to_owned(), self.k.to_string()),
            ("rows_hash".to_owned(), format!("{:016x}", of.hash())),
        ]);
        let fields = vec![list("ids", DataType::UInt32), list("distances", DataType::Float32)];
        let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
        let failed =
            |error: arrow::error::ArrowError| Error::input("the graph cannot be written").source(error);
        let mut writer = FileWriter::try_new(Vec::new(), &schema).map_err(failed)?;
        for first in (0..self.n_rows()).step_by(BATCH) {
            let mut ids = ListBuilder::new(UInt32Builder::new());
            let mut distances = ListBuilder::new(Float32Builder::new());
            for row in first..(first + BATCH).min(self.n_rows()) {
                ids.values().append_slice(self.rows(row));
                ids.append(true);
                self.distances(row).iter().for_each(|x| distances.values().append_value(*x as f32));
                distances.append(true);
            }
            let columns: Vec<Arc<dyn Array>> = vec![Arc::new(ids.finish()), Arc::new(distances.finish())];
            let batch = RecordBatch::try_new(Arc::clone(&schema), columns).map_err(failed)?;
            writer.write(&batch).map_err(failed)?;
        }
        writer.into_inner().map_err(failed)
    }

    /// The graph of these rows in the columns of an Arrow file. Its distances have the precision of `f32`;
    /// [`measured_again`](Graph::measured_again) makes them exact.
    ///
    /// # Errors
    /// When they are no graph, or one of other rows.
    pub fn from_arrow(columns: &RecordBatch, of: &DistinctRows) -> Result<Graph> {
        let broken = |what: &str| Error::input(what).advice("make it again with `embedlab knn`");
        let schema = columns.schema_ref();
        let metric = match schema.metadata().get("metric").map(String::as_str) {
            Some("euclidean") => Metric::L2,
            Some("cosine") => Metric::Cosine,
            _ => return Err(broken("no graph of neighbours: its metadata names no metric")),
        };
        if schema.metadata().get("rows_hash").map(String::as_str) != Some(&format!("{:016x}", of.hash())) {
            return Err(broken("a graph of other rows").seen("the hash of the rows differs"));
        }
        let n = columns.num_rows();
        if n != of.n_rows() {
            return Err(broken("a graph of another number of rows").seen(n.to_string()));
        }
        let column = |name: &str| {
            let column = columns.column_by_name(name).and_then(|column| column.as_list_opt::<i32>());
            column.ok_or_else(|| broken("no graph of neighbours").seen(format!("no column {name}")))
        };
        let (ids, near) = (column("ids")?, column("distances")?);
        let (mut rows, mut distances, mut k) = (Vec::new(), Vec::new(), None);
        for row in 0..n {
            let (ids, near) = (ids.value(row), near.value(row));
            let (Some(ids), Some(near)) =
                (ids.as_primitive_opt::<UInt32Type>(), near.as_primitive_opt::<Float32Type>())
            else {
                return Err(broken("a graph of other types"));
            };
            let possible = |id: &u32| (*id as usize) < n && *id as usize != row;
            if *k.get_or_insert(ids.len()) != ids.len()
                || near.len() != ids.len()
                || !ids.values().iter().all(possible)
                || near.values().iter().any(|x| !x.is_finite())
            {
                return Err(broken("a damaged graph").row(row));
            }
            rows.extend_from_slice(ids.values());
            distances.extend(near.values().iter().map(|x| f64::from(*x)));
        }
        Ok(Graph { n, k: k.unwrap_or(0), metric, rows, distances })
    }
}

/// The name of a graph's metric in files and results.
pub(crate) fn metric_name(metric: Metric) -> &'static str {
    if metric == Metric::L2 { "euclidean" } else { "cosine" }
}

#[cfg(test)]
mod tests {
    use arrow::ipc::reader::FileReader;
    use ndarray::Array2;

    use super::*;

    #[test]
    fn a_graph_comes_back_and_a_stale_one_is_refused() {
        let rows = Array2::from_shape_fn((50, 3), |(i, j)| ((i * 7 + j * 5) % 23) as f32 + i as f32 * 0.01);
        let distinct = DistinctRows::of(&rows).unwrap();
        let graph = Graph::of(rows.view(), 7, Metric::L2).unwrap();
        let columns = |graph: &Graph| {
            let bytes = std::io::Cursor::new(graph.to_arrow(&distinct).unwrap());
            FileReader::try_new(bytes, None).unwrap().next().unwrap().unwrap()
        };
        let read = Graph::from_arrow(&columns(&graph), &distinct).unwrap();
        assert_eq!(read.rows, graph.rows);
        assert_eq!(read.measured_again(rows.view(), None, Metric::L2).unwrap(), graph);
        let mut other = rows.clone();
        other[[3, 1]] += 1.0;
        let of_other = DistinctRows::of(&other).unwrap();
        let error = Graph::from_arrow(&columns(&graph), &of_other).unwrap_err().to_string();
        assert!(error.contains("a graph of other rows"), "{error}");
        let mut own = graph.clone();
        own.rows[7] = 1;
        let error = Graph::from_arrow(&columns(&own), &distinct).unwrap_err();
        assert_eq!((error.row_number(), own.rows(1)[0]), (Some(1), 1), "no row is its own neighbour");
    }
}
