//! Graphs out of graphs: of fewer neighbours, of other rows, by another distance.

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::measure::{Measure, least};
use super::pairs::PairDistances;
use super::{Graph, write};
use crate::error::{Error, Result};
use crate::rows::{DistinctRows, Metric};

impl Graph {
    /// The graph of all rows, from one of their distinct vectors: rows with the same numbers are neighbours at
    /// distance 0. Exact for up to as many neighbours as this graph has.
    pub fn expanded(&self, distinct: &DistinctRows, k: usize) -> Graph {
        let n = distinct.n_rows();
        let k = k.min(n.saturating_sub(1));
        if distinct.repeated() == 0 {
            return self.truncated(k);
        }
        let of_row = |row: usize| self.expanded_list(distinct, row, distinct.vector_of(row), k);
        let lists: Vec<Vec<(f64, u32)>> = (0..n).into_par_iter().map(of_row).collect();
        Graph::of_lists(&lists, n, self.metric)
    }

    /// The `k` nearest rows of a row, from the list at `place`, which is that of its vector.
    pub(super) fn expanded_list(
        &self,
        distinct: &DistinctRows,
        row: usize,
        place: usize,
        k: usize,
    ) -> Vec<(f64, u32)> {
        let own = distinct.rows_of(distinct.vector_of(row)).iter().map(|other| (0.0, *other));
        let others = self.rows(place).iter().zip(self.distances(place)).flat_map(|(other, distance)| {
            distinct.rows_of(*other as usize).iter().take(k).map(move |row| (*distance, *row))
        });
        let mut all: Vec<(f64, u32)> =
            own.filter(|(_, other)| *other as usize != row).take(k).chain(others).collect();
        all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        all.truncate(k);
        all
    }

    /// A graph of lists, nearest first, as long as the shortest of them.
    pub(super) fn of_lists(lists: &[Vec<(f64, u32)>], n: usize, metric: Metric) -> Graph {
        let k = lists.iter().map(Vec::len).min().unwrap_or(0);
        let entries = || lists.iter().flat_map(|list| &list[..k]);
        Graph {
            n,
            k,
            metric,
            rows: entries().map(|entry| entry.1).collect(),
            distances: entries().map(|entry| entry.0).collect(),
        }
    }

    /// The graph of the distinct vectors only, from one of all rows, with as many neighbours as every vector has left.
    pub fn of_first_rows(&self, distinct: &DistinctRows) -> Graph {
        if distinct.repeated() == 0 {
            return self.clone();
        }
        let of_first = |row: &u32| {
            let row = *row as usize;
            let own = distinct.vector_of(row) as u32;
            let mut seen: Vec<(f64, u32)> = Vec::new();
            for (other, distance) in self.rows(row).iter().zip(self.distances(row)) {
                let vector = distinct.vector_of(*other as usize) as u32;
                if vector != own && !seen.iter().any(|(_, seen)| *seen == vector) {
                    seen.push((*distance, vector));
                }
            }
            seen
        };
        let lists: Vec<Vec<(f64, u32)>> = distinct.first_rows().par_iter().map(of_first).collect();
        Graph::of_lists(&lists, distinct.len(), self.metric)
    }

    /// The graph of some rows among themselves, ascending, with as many neighbours as every one of them has left.
    pub fn among(&self, rows: &[usize]) -> Graph {
        let mut place = vec![u32::MAX; self.n];
        rows.iter().zip(0..).for_each(|(row, at)| place[*row] = at);
        let of_row = |row: &usize| {
            let near = self.rows(*row).iter().zip(self.distances(*row));
            near.map(|(other, distance)| (*distance, place[*other as usize]))
                .filter(|(_, place)| *place != u32::MAX)
                .collect()
        };
        let lists: Vec<Vec<(f64, u32)>> = rows.par_iter().map(of_row).collect();
        Graph::of_lists(&lists, rows.len(), self.metric)
    }

    /// The same neighbours measured again by another metric and put in its order: exact where both metrics rank rows
    /// alike, as cosine and Euclidean distance do for rows of length 1.
    ///
    /// # Errors
    /// For a metric that a graph does not know, and another number of rows.
    pub fn measured_again(
        &self,
        rows: ArrayView2<'_, f32>,
        of: Option<&DistinctRows>,
        metric: Metric,
    ) -> Result<Graph> {
        let measure = match of {
            Some(distinct) => Measure::of_distinct(rows, distinct, metric)?,
            None => Measure::new(rows, metric)?,
        };
        if measure.n_rows() != self.n {
            return Err(Error::argument("a graph of a different number of rows").seen(format!(
                "{} rows in the graph, {} here",
                self.n,
                measure.n_rows()
            )));
        }
        let mut graph = Graph { metric, ..self.clone() };
        if self.k > 0 {
            let exact = PairDistances::of(&measure, self.n, self.k, |row| self.rows(row).iter().copied());
            let lists = graph.rows.par_chunks_mut(self.k).zip(graph.distances.par_chunks_mut(self.k));
            lists.enumerate().for_each(|(row, (near, distances))| {
                let measured = exact.of_row(row).iter().copied().zip(self.rows(row).iter().copied());
                write(near, distances, &least(measured.collect(), self.k));
            });
        }
        Ok(graph)
    }

    /// The lists of some rows, whose neighbours keep their numbers.
    pub(crate) fn picked(&self, rows: &[usize]) -> Graph {
        Graph {
            n: rows.len(),
            k: self.k,
            metric: self.metric,
            rows: rows.iter().flat_map(|row| self.rows(*row).iter().copied()).collect(),
            distances: rows.iter().flat_map(|row| self.distances(*row).iter().copied()).collect(),
        }
    }

    /// The first `k` neighbours of each row.
    pub fn truncated(&self, k: usize) -> Graph {
        if k >= self.k {
            return self.clone();
        }
        Graph {
            n: self.n,
            k,
            metric: self.metric,
            rows: self.rows.chunks_exact(self.k).flat_map(|list| list[..k].iter().copied()).collect(),
            distances: self
                .distances
                .chunks_exact(self.k)
                .flat_map(|list| list[..k].iter().copied())
                .collect(),
        }
    }
}
