//! The nearest rows of some rows only, among all: what is affordable where n² is not.

use std::ops::Range;

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::candidates::{Among, candidates_among};
use super::measure::Measure;
use super::prepared::Estimator;
use super::{Graph, SPARE, check_k, measured, write};
use crate::error::{Error, Result};
use crate::rows::{DistinctRows, Metric, require_finite};

/// The `k` nearest other rows of some of n rows (the queries), nearest first; equal distances in the order of the rows.
/// For q queries the cost is 2·q·n·d operations, and memory for the queries beside the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleGraph {
    queries: Vec<u32>,
    n_rows: usize,
    lists: Graph,
}

impl SampleGraph {
    /// The neighbours of the distinct vectors `queries` among all distinct vectors; both are numbered as in
    /// [`DistinctRows::first_rows`]. The distances are those of a [`Graph`].
    ///
    /// ```
    /// use embedlab::rows::{DistinctRows, Metric, SampleGraph};
    /// let rows = ndarray::array![[0.0_f32], [1.0], [5.0], [7.0]];
    /// let distinct = DistinctRows::of(&rows)?;
    /// let graph = SampleGraph::of_distinct(rows.view(), &distinct, &[2], 2, Metric::L2)?;
    /// assert_eq!((graph.lists().rows(0), graph.lists().distances(0)), (&[3, 1][..], &[2.0, 4.0][..]));
    /// # Ok::<(), embedlab::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Graph::of`], and for a query that is none of the vectors.
    pub fn of_distinct(
        rows: ArrayView2<'_, f32>,
        distinct: &DistinctRows,
        queries: &[u32],
        k: usize,
        metric: Metric,
    ) -> Result<SampleGraph> {
        check_k(k)?;
        require_finite(rows)?;
        let measure = Measure::of_distinct(rows, distinct, metric)?;
        let n = measure.n_rows();
        if let Some(query) = queries.iter().find(|query| **query as usize >= n) {
            return Err(Error::argument("a query that is none of the rows")
                .seen(format!("{query} of {n} distinct rows, counted from 0")));
        }
        let (k, q) = (k.min(n.saturating_sub(1)), queries.len());
        let mut lists = Graph { n: q, k, metric, rows: vec![0; q * k], distances: vec![0.0; q * k] };
        if k == 0 || q == 0 {
            return Ok(SampleGraph { queries: queries.to_vec(), n_rows: n, lists });
        }
        let estimator = Estimator::of(&measure);
        let squares = estimator.squares(&measure);
        let longest = squares.iter().copied().fold(0.0, f32::max);
        let prepared = estimator.picked(&measure, queries);
        let dims = prepared.dims();
        let block = |rows: Range<usize>, values: &mut Vec<f32>| {
            values.resize(rows.len() * dims, 0.0);
            rows.zip(values.chunks_exact_mut(dims))
                .for_each(|(row, out)| estimator.prepare(&measure, row, out));
        };
        // A query is its own nearest row, which is taken out again.
        let found = candidates_among(&prepared, &Among { squares: &squares, block }, k + SPARE + 1);
        let filled = lists.rows.par_chunks_mut(k).zip(lists.distances.par_chunks_mut(k)).zip(found);
        filled.zip(queries).for_each(|(((near, distances), mut found), query)| {
            let row = *query as usize;
            found.retain(|(_, other)| other != query);
            found.truncate(k + SPARE);
            let exact = found.iter().map(|(_, other)| (measure.distance(row, *other as usize), *other));
            let best = measured(&measure, &estimator, (row, squares[row]), longest, (&found, exact), k);
            let nearest = if best.sure { best.nearest } else { measure.nearest(row, 0..n, k) };
            write(near, distances, &nearest);
        });
        Ok(SampleGraph { queries: queries.to_vec(), n_rows: n, lists })
    }

    /// The same neighbours measured again by another metric: see [`Graph::measured_again`].
    ///
    /// # Errors
    /// For a metric that a graph does not know, and another number of rows.
    pub fn measured_again(
        &self,
        rows: ArrayView2<'_, f32>,
        distinct: &DistinctRows,
        metric: Metric,
    ) -> Result<SampleGraph> {
        let measure = Measure::of_distinct(rows, distinct, metric)?;
        if measure.n_rows() != self.n_rows {
            return Err(Error::argument("a graph of a different number of rows").seen(format!(
                "{} rows in the graph, {} here",
                self.n_rows,
                measure.n_rows()
            )));
        }
        let mut again = SampleGraph { lists: Graph { metric, ..self.lists.clone() }, ..self.clone() };
        let k = self.lists.k.max(1);
        let lists = again.lists.rows.par_chunks_mut(k).zip(again.lists.distances.par_chunks_mut(k));
        lists.enumerate().for_each(|(at, (near, distances))| {
            let others = self.lists.rows(at).iter().map(|other| *other as usize);
            write(near, distances, &measure.nearest(self.queries[at] as usize, others, k));
        });
        Ok(again)
    }

    /// The neighbours of rows among all rows, from those of their distinct vectors: rows with the same numbers are
    /// neighbours at distance 0. Rows whose vector is no query are left out.
    pub fn expanded(&self, distinct: &DistinctRows, rows: &[u32], k: usize) -> SampleGraph {
        let mut place = vec![u32::MAX; distinct.len()];
        self.queries.iter().zip(0..).for_each(|(query, at)| place[*query as usize] = at);
        let place = |row: &u32| place[distinct.vector_of(*row as usize)];
        let queries: Vec<u32> = rows.iter().copied().filter(|row| place(row) != u32::MAX).collect();
        let of_row = |row: &u32| self.lists.expanded_list(distinct, *row as usize, place(row) as usize, k);
        let lists: Vec<Vec<(f64, u32)>> = queries.par_iter().map(of_row).collect();
        let lists = Graph::of_lists(&lists, queries.len(), self.lists.metric);
        SampleGraph { queries, n_rows: distinct.n_rows(), lists }
    }

    /// Of lists among so many rows.
    pub(super) fn of_lists(queries: Vec<u32>, n_rows: usize, lists: Graph) -> SampleGraph {
        SampleGraph { queries, n_rows, lists }
    }

    /// The row of each list, in the order in which they were given.
    pub fn queries(&self) -> &[u32] {
        &self.queries
    }

    /// How many rows were searched among.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The lists: that of query i is row i of this graph. Its neighbours are numbered among all rows.
    pub fn lists(&self) -> &Graph {
        &self.lists
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use rand::{Rng, SeedableRng};

    #[test]
    fn the_lists_of_some_rows_are_those_of_the_graph_of_all() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(11);
        let once = Array2::from_shape_simple_fn((1300, 9), || random.gen_range(-1.0_f32..1.0) + 0.2);
        let rows = Array2::from_shape_fn((1500, 9), |(i, j)| once[[i % 1300, j]]);
        let distinct = DistinctRows::of(&rows).unwrap();
        let queries: Vec<u32> = (0..1300).rev().step_by(7).collect();
        for metric in [Metric::L2, Metric::Cosine] {
            let all = Graph::of_distinct(rows.view(), &distinct, 20, metric).unwrap();
            let some = SampleGraph::of_distinct(rows.view(), &distinct, &queries, 20, metric).unwrap();
            for (at, query) in queries.iter().enumerate() {
                assert_eq!(some.lists().rows(at), all.rows(*query as usize));
                assert_eq!(some.lists().distances(at), all.distances(*query as usize));
            }
            let drawn: Vec<u32> = queries.iter().copied().chain(1300..1500).collect();
            let (all, some) = (all.expanded(&distinct, 15), some.expanded(&distinct, &drawn, 15));
            assert!(some.queries().len() >= queries.len() && some.n_rows() == 1500);
            for (at, row) in some.queries().iter().enumerate() {
                assert_eq!(some.lists().rows(at), all.rows(*row as usize));
            }
        }
        assert!(SampleGraph::of_distinct(rows.view(), &distinct, &[1300], 3, Metric::L2).is_err());
    }

    #[test]
    fn any_number_of_threads_gives_the_same_lists() {
        let rows = Array2::from_shape_fn((2000, 6), |(i, j)| ((i * 31 + j * 17) % 53) as f32);
        let distinct = DistinctRows::of(&rows).unwrap();
        let queries: Vec<u32> = (0..distinct.len() as u32).step_by(3).collect();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                SampleGraph::of_distinct(rows.view(), &distinct, &queries, 12, Metric::L2).unwrap()
            })
        };
        let expected = run(1);
        assert_eq!((run(2), run(7)), (expected.clone(), expected));
    }
}
