//! How far rows are from each other where both must also be within a dense neighbourhood of their own: the chain of
//! nearest rows that HDBSCAN cuts into clusters.

use ndarray::Array2;
use rayon::prelude::*;

use crate::progress::{Steps, steps};

/// Rows that one thread measures at once.
const CHUNK: usize = 1024;

/// Two rows that are joined, and from which distance on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub a: usize,
    pub b: usize,
    pub distance: f64,
}

/// What joins the rows (n x d, n 1 or more), by ascending distance: a minimum spanning tree of their mutual reachability,
/// each edge drawn from the row that was joined before (whatever distance cuts the tree, rows that hang together are the
/// same). The neighbourhood of a row has `k` rows, itself included.
///
/// Reference: Prim 1957, and Campello, Moulavi and Sander 2013. It takes n² d steps, on all threads.
pub(super) fn joined(rows: &Array2<f64>, k: usize) -> Vec<Edge> {
    let n = rows.nrows();
    let steps = steps("pairs of rows", n * n + n * (n - 1) / 2);
    let cores = core_distances(rows, k, &steps);
    // Rows that have been joined are at minus infinity.
    let mut distances = vec![f64::INFINITY; n];
    let mut edges: Vec<Edge> = Vec::with_capacity(n - 1);
    let mut last = 0;
    for joined in 1..n {
        distances[last] = f64::NEG_INFINITY;
        let nearest = |(chunk, distances): (usize, &mut [f64])| {
            let mut best = (f64::INFINITY, usize::MAX);
            for (row, known) in (chunk * CHUNK..).zip(distances) {
                if *known == f64::NEG_INFINITY {
                    continue;
                }
                let reach = cores[last].max(cores[row]).max(distance(rows, last, row));
                *known = known.min(reach);
                if *known < best.0 || best.1 == usize::MAX {
                    best = (*known, row);
                }
            }
            best
        };
        // Of equals the first: any number of threads gives the same.
        let first = |a: (f64, usize), b: (f64, usize)| {
            if b.1 != usize::MAX && (a.1 == usize::MAX || (b.0, b.1) < (a.0, a.1)) { b } else { a }
        };
        let none = || (f64::INFINITY, usize::MAX);
        let (distance, next) = match n <= CHUNK {
            true => nearest((0, &mut distances[..])),
            false => distances.par_chunks_mut(CHUNK).enumerate().map(nearest).reduce(none, first),
        };
        edges.push(Edge { a: last, b: next, distance });
        last = next;
        steps.add(n - joined);
    }
    edges.sort_by(|a, b| a.distance.total_cmp(&b.distance));
    edges
}

/// The distance of each row to the `k`-th nearest, itself the first.
fn core_distances(rows: &Array2<f64>, k: usize, steps: &Steps) -> Vec<f64> {
    let n = rows.nrows();
    (0..n)
        .into_par_iter()
        .map_init(
            || vec![0.0; n],
            |distances, row| {
                distances.iter_mut().enumerate().for_each(|(other, x)| *x = distance(rows, row, other));
                steps.add(n);
                *distances.select_nth_unstable_by(k - 1, f64::total_cmp).1
            },
        )
        .collect()
}

fn distance(rows: &Array2<f64>, a: usize, b: usize) -> f64 {
    let squares = rows.row(a).into_iter().zip(rows.row(b)).map(|(x, y)| (x - y) * (x - y));
    squares.fold(0.0, |sum, square| sum + square).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_rows_than_a_chunk_are_joined_as_by_one_thread() {
        let rows = Array2::from_shape_fn((CHUNK + 300, 2), |(i, j)| ((i * 37 + j * 91) % 501) as f64);
        let of = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let edges = pool.install(|| joined(&rows, 4));
            edges.into_iter().map(|edge| (edge.a, edge.b, edge.distance.to_bits())).collect::<Vec<_>>()
        };
        let one = of(1);
        assert_eq!((one.len(), of(3)), (CHUNK + 299, one));
    }
}
