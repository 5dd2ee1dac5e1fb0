//! All pairs of rows that are nearer than a limit.

use ndarray::ArrayView2;
use rayon::prelude::*;
use serde::Serialize;

use super::geometry::rows_are_unit;
use crate::error::{Error, Result};
use crate::rows::graph::{Measure, Prepared};
use crate::rows::product::dot_products;
use crate::rows::{Components, DistinctRows, Graph, Metric, require_finite};

/// Rows on one side of a matrix product.
const TILE_ROWS: usize = 512;

/// The most pairs that are held: 1.2 GB.
const MOST_PAIRS: usize = 50_000_000;

/// Two rows that are near.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Pair {
    /// The row with the smaller number.
    pub a: usize,
    /// The other row.
    pub b: usize,
    /// Their distance.
    pub distance: f64,
}

/// All pairs of different vectors at a distance of at most `limit`, by their first rows. Each pair of rows is estimated
/// once by matrix products; those that may be near are measured in `f64`. Takes n²·d operations.
///
/// # Errors
/// For numbers that are not finite, and more than 50 million pairs.
pub fn near_pairs(
    rows: ArrayView2<'_, f32>,
    distinct: &DistinctRows,
    metric: Metric,
    limit: f64,
) -> Result<Vec<Pair>> {
    require_finite(rows)?;
    let first = distinct.first_rows();
    let measure = Measure::of_distinct(rows, distinct, metric)?;
    let prepared = Prepared::new(&measure);
    let (n, dims) = (prepared.n_rows(), prepared.dims());
    // The stored numbers are rounded to 1e-7: a cosine of 0.95 that they give as 0.9499999999 is one.
    let limit = limit + 1e-9;
    let bound = prepared.estimator.estimate_bound(measure.square(limit), prepared.longest());
    let block = |b: usize| b * TILE_ROWS..((b + 1) * TILE_ROWS).min(n);
    let blocks = n.div_ceil(TILE_ROWS);
    let tiles: Vec<(usize, usize)> = (0..blocks).flat_map(|a| (a..blocks).map(move |b| (a, b))).collect();
    let mut pairs = Vec::new();
    for tiles in tiles.chunks(64) {
        let found: Vec<Vec<(f64, u32, u32)>> = tiles
            .par_iter()
            .map_init(Vec::new, |products, (a, b)| {
                dot_products(prepared.block(block(*a)), prepared.block(block(*b)), dims, products);
                let squares = &prepared.squares[block(*a)];
                let mut near = Vec::new();
                for (j, products) in products.chunks_exact_mut(block(*a).len()).enumerate() {
                    let other = block(*b).start + j;
                    prepared.estimator.to_squares(products, squares, prepared.squares[other]);
                    let until = if a == b { j } else { products.len() };
                    for (i, square) in products[..until].iter().enumerate() {
                        if *square <= bound {
                            let row = block(*a).start + i;
                            let distance = measure.distance(row, other);
                            if distance <= limit {
                                near.push((distance, row as u32, other as u32));
                            }
                        }
                    }
                }
                near
            })
            .collect();
        for (distance, a, b) in found.into_iter().flatten() {
            let (a, b) = (first[a as usize] as usize, first[b as usize] as usize);
            pairs.push(Pair { a: a.min(b), b: a.max(b), distance });
        }
        if pairs.len() > MOST_PAIRS {
            return Err(Error::memory("too many near pairs to hold")
                .seen(format!("more than {MOST_PAIRS}"))
                .advice("choose a higher cosine"));
        }
    }
    pairs.par_sort_unstable_by_key(|pair| (pair.a, pair.b));
    Ok(pairs)
}

/// The pairs of distinct vectors within a cosine distance (measured as [`near_pairs`] does), out of the graph of the
/// distinct vectors; `None` when a vector may have more of them than the graph has neighbours.
///
/// # Errors
/// For a graph of other rows, or of a distance that ranks them in another way than the cosine.
pub fn pairs_of_graph(
    graph: &Graph,
    rows: ArrayView2<'_, f32>,
    distinct: &DistinctRows,
    limit: f64,
) -> Result<Option<Vec<Pair>>> {
    let measure = Measure::of_distinct(rows, distinct, Metric::Cosine)?;
    let n = measure.n_rows();
    if graph.n_rows() != n {
        return Err(Error::argument("a graph of different rows")
            .seen(format!("{} rows in the graph, {n} distinct rows", graph.n_rows())));
    }
    if graph.metric() != Metric::Cosine && !rows_are_unit(&rows)? {
        return Err(another_distance());
    }
    let limit = limit + 1e-9;
    // The square of a chord is twice the cosine distance; a margin covers lengths that are 1 to f32's precision only.
    let within = match graph.metric() {
        Metric::Cosine => limit,
        _ => (2.0 * limit.max(0.0)).sqrt() + 1e-5,
    };
    let most = n.saturating_sub(1);
    if (0..n).any(|row| graph.k() < most && graph.distances(row).last().is_none_or(|last| *last <= within)) {
        return Ok(None);
    }
    let first = distinct.first_rows();
    let of_row = |row: usize| {
        let near = graph.rows(row).iter().zip(graph.distances(row)).take_while(|(_, d)| **d <= within);
        let pair = |other: &u32| {
            let distance = measure.distance(row, *other as usize);
            let (a, b) = (first[row] as usize, first[*other as usize] as usize);
            (distance <= limit).then_some(Pair { a: a.min(b), b: a.max(b), distance })
        };
        near.filter_map(|(other, _)| pair(other)).collect::<Vec<Pair>>()
    };
    let mut pairs: Vec<Pair> = (0..n).into_par_iter().flat_map_iter(of_row).collect();
    pairs.par_sort_unstable_by_key(|pair| (pair.a, pair.b));
    pairs.dedup_by_key(|pair| (pair.a, pair.b));
    Ok(Some(pairs))
}

/// A graph of all rows by another distance, where both rank the rows alike.
pub(super) fn known_as(graph: &Graph, rows: ArrayView2<'_, f32>, metric: Metric) -> Result<Graph> {
    if graph.metric() == metric {
        return Ok(graph.clone());
    }
    if !rows_are_unit(&rows)? {
        return Err(another_distance());
    }
    graph.measured_again(rows, None, metric)
}

fn another_distance() -> Error {
    Error::argument("a Euclidean graph of rows that are not of length 1 does not tell which cosines are high")
        .advice("make the graph with `embedlab knn FILE --metric cosine`")
}

/// A group for each row: rows that are linked by a chain of pairs with at least this cosine are in one. For splits that
/// keep such rows on one side.
///
/// ```
/// use embedlab::quality::similarity_groups;
/// let rows = ndarray::array![[1.0_f32, 0.0], [0.0, 1.0], [1.0, 0.01]];
/// assert_eq!(similarity_groups(rows.view(), 0.95)?, [0, 1, 0]);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// # Errors
/// As [`near_pairs`], and for a cosine out of range.
pub fn similarity_groups(rows: ArrayView2<'_, f32>, cosine: f64) -> Result<Vec<u32>> {
    if !(-1.0..=1.0).contains(&cosine) {
        return Err(Error::argument("a cosine out of range")
            .seen(cosine.to_string())
            .advice("choose -1 to 1; 0.95 is usual"));
    }
    let distinct = DistinctRows::of(&rows)?;
    let mut components = Components::new(rows.nrows());
    for group in distinct.groups() {
        group[1..].iter().for_each(|row| components.join(group[0] as usize, *row as usize));
    }
    for pair in near_pairs(rows, &distinct, Metric::Cosine, 1.0 - cosine)? {
        components.join(pair.a, pair.b);
    }
    Ok(components.numbers())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use rand::{Rng, SeedableRng};

    #[test]
    fn the_pairs_are_those_of_all_cosines() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(8);
        for (n, d, cosine) in [(700, 4, 0.99), (40, 3, 0.5), (30, 6, -0.2)] {
            let rows = Array2::from_shape_simple_fn((n, d), || random.gen_range(-1.0_f32..1.0));
            let distinct = DistinctRows::of(&rows).unwrap();
            let found = near_pairs(rows.view(), &distinct, Metric::Cosine, 1.0 - cosine).unwrap();
            let mut expected = Vec::new();
            for a in 0..n {
                for b in a + 1..n {
                    let row = |i: usize| rows.row(i).to_slice().unwrap().to_vec();
                    if Metric::Cosine.distance(&row(a), &row(b)) <= 1.0 - cosine + 1e-9 {
                        expected.push((a, b));
                    }
                }
            }
            assert_eq!(found.iter().map(|pair| (pair.a, pair.b)).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn rows_of_zeros_are_near_each_other_only() {
        let rows = ndarray::array![[0.0_f32, 0.0], [1.0, 0.0], [0.0, 0.0]];
        assert_eq!(similarity_groups(rows.view(), 0.1).unwrap(), [0, 1, 0]);
        assert!(similarity_groups(rows.view(), 1.1).is_err());
    }
}
