//! How far a map can be trusted.

use ndarray::ArrayView2;
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::rows::graph::Prepared;
use crate::rows::product::dot_products;
use crate::rows::require_finite;

/// Up to this many rows each is compared with all others; above, a sample of them.
const ALL: usize = 5_000;
const SAMPLE: usize = 2_000;

/// Distances that are in memory at once, for each thread.
const DISTANCES: usize = 1 << 22;

/// Groups of rows that are left out in turn, for the standard error of a correlation.
const GROUPS: usize = 20;
const GROUP_SEED: u64 = 42;

/// What a map keeps of the distances between its rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Trust {
    /// Neighbours of each row that are looked at: 10, with few rows less than half of them.
    pub k: usize,
    /// 1 when all near dots are near rows, less the farther apart the rows of near dots are
    /// (scikit-learn's `trustworthiness`).
    pub trustworthiness: f64,
    /// 1 when all near rows are near dots: the same with rows and dots exchanged.
    pub continuity: f64,
    /// The mean share of a row's `k` nearest rows whose dots are among the `k` nearest.
    pub neighbors_kept: f64,
    /// What a map that says nothing would keep of them.
    pub kept_by_chance: f64,
    /// Pearson's correlation of the distances between rows and between dots; `None` when all are equal.
    pub distance_correlation: Option<f64>,
    /// The rows whose distances to all others were looked at.
    pub rows_compared: usize,
    /// How sure the figures are, when these rows are a sample.
    pub standard_error: Option<StandardErrors>,
}

/// Standard errors of the figures of [`Trust`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct StandardErrors {
    /// Of the trustworthiness.
    pub trustworthiness: f64,
    /// Of the continuity.
    pub continuity: f64,
    /// Of the share of neighbours kept.
    pub neighbors_kept: f64,
    /// Of the correlation, by leaving out a twentieth of the rows in turn.
    pub distance_correlation: f64,
}

/// Compares a map (n x 2 or 3) with its rows (n x d), by Euclidean distances: up to 5,000 rows all of
/// them, above a seeded sample of 2,000, each against all rows.
///
/// ```
/// use embedlab::map::trust;
/// use ndarray::Array2;
/// let rows = Array2::from_shape_fn((30, 2), |(i, j)| ((i * 7 + j * 5) % 30) as f32);
/// let trust = trust(rows.view(), rows.view(), 42)?;
/// assert_eq!((trust.k, trust.trustworthiness, trust.continuity, trust.neighbors_kept), (10, 1.0, 1.0, 1.0));
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// References: Venna and Kaski, "Neighborhood preservation in nonlinear projection methods" (2001);
/// scikit-learn's `trustworthiness`.
///
/// # Errors
/// When rows and points differ in number, there are fewer than three, or a number is not finite.
pub fn trust(rows: ArrayView2<'_, f32>, points: ArrayView2<'_, f32>, seed: u64) -> Result<Trust> {
    let n = rows.nrows();
    if points.nrows() != n || n < 3 {
        return Err(Error::argument("a map cannot be compared with its rows")
            .seen(format!("{n} rows, {} points", points.nrows()))
            .advice("give one point for each row, and at least three"));
    }
    require_finite(points)?;
    let prepared = Prepared::euclidean(rows)?;
    let points = points.as_standard_layout();
    let map = Map { values: points.as_slice().unwrap_or_default(), dims: points.ncols() };
    let chosen: Vec<usize> = if n <= ALL {
        (0..n).collect()
    } else {
        let mut chosen = index::sample(&mut ChaCha8Rng::seed_from_u64(seed), n, SAMPLE).into_vec();
        chosen.sort_unstable();
        chosen
    };
    Ok(trust_of(&prepared, &map, &chosen))
}

fn trust_of(rows: &Prepared, map: &Map<'_>, chosen: &[usize]) -> Trust {
    let n = rows.n_rows();
    let k = ((n - 1) / 2).min(10);
    let compared: Vec<Vec<Compared>> = chosen
        .par_chunks((DISTANCES / n).clamp(4, 64))
        .map_init(Scratch::default, |scratch, queries| compare(rows, map, queries, k, scratch))
        .collect();
    let compared: Vec<Compared> = compared.into_iter().flatten().collect();
    summary(&compared, n, k)
}

/// The points of a map, row by row.
struct Map<'p> {
    values: &'p [f32],
    dims: usize,
}

/// What one row says.
struct Compared {
    /// How far the ranks of near dots' rows lie beyond `k`, in all.
    intruders: f64,
    /// How far the ranks of near rows' dots lie beyond `k`, in all.
    missing: f64,
    kept: f64,
    pairs: Pairs,
}

/// Sums over pairs of distances.
#[derive(Clone, Copy, Default)]
struct Pairs {
    count: f64,
    x: f64,
    y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

#[derive(Default)]
struct Scratch {
    queries: Vec<f32>,
    products: Vec<f32>,
    drawn: Vec<f32>,
}

fn compare(
    rows: &Prepared,
    map: &Map<'_>,
    queries: &[usize],
    k: usize,
    scratch: &mut Scratch,
) -> Vec<Compared> {
    let (n, dims) = (rows.n_rows(), rows.dims());
    scratch.queries.clear();
    queries.iter().for_each(|query| scratch.queries.extend_from_slice(rows.row(*query)));
    dot_products(rows.block(0..n), &scratch.queries, dims, &mut scratch.products);
    let of_query = |(query, squares): (&usize, &mut [f32])| {
        rows.estimator.to_squares(squares, &rows.squares, rows.squares[*query]);
        let own = &map.values[query * map.dims..(query + 1) * map.dims];
        scratch.drawn.clear();
        scratch.drawn.extend(
            map.values
                .chunks_exact(map.dims)
                .map(|other| own.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum::<f32>()),
        );
        compare_row(squares, &scratch.drawn, *query, k)
    };
    queries.iter().zip(scratch.products.chunks_exact_mut(n)).map(of_query).collect()
}

/// Compares the squared distances of one row, `own`, to all rows.
fn compare_row(rows: &[f32], dots: &[f32], own: usize, k: usize) -> Compared {
    let (near, drawn) = (nearest(rows, own, k), nearest(dots, own, k));
    // The rank of a row is one more than how many others are nearer.
    let rank = |squares: &[f32], other: usize| {
        let bound = squares[other];
        let nearer = squares.iter().filter(|square| **square < bound).count();
        (nearer + 1 - usize::from(squares[own] < bound)) as f64
    };
    let beyond = |squares: &[f32], ours: &[usize], theirs: &[usize]| -> f64 {
        let strangers = theirs.iter().filter(|other| !ours.contains(other));
        strangers.map(|other| (rank(squares, *other) - k as f64).max(0.0)).sum()
    };
    let mut pairs = Pairs::default();
    for (other, (x, y)) in rows.iter().zip(dots).enumerate() {
        if other != own {
            let (x, y) = (f64::from(x.sqrt()), f64::from(y.sqrt()));
            pairs.add(&Pairs { count: 1.0, x, y, xx: x * x, yy: y * y, xy: x * y });
        }
    }
    Compared {
        intruders: beyond(rows, &near, &drawn),
        missing: beyond(dots, &drawn, &near),
        kept: near.iter().filter(|row| drawn.contains(row)).count() as f64 / k as f64,
        pairs,
    }
}

/// The `k` nearest rows but `own`; equal distances in the order of the rows.
fn nearest(squares: &[f32], own: usize, k: usize) -> Vec<usize> {
    let mut near: Vec<(f32, usize)> = Vec::with_capacity(k + 1);
    let mut bound = f32::INFINITY;
    for (other, square) in squares.iter().enumerate() {
        if (*square < bound || near.len() < k) && other != own {
            let at = near.partition_point(|(nearer, _)| nearer <= square);
            near.insert(at, (*square, other));
            near.truncate(k);
            if near.len() == k {
                bound = near[k - 1].0;
            }
        }
    }
    near.into_iter().map(|(_, row)| row).collect()
}

impl Pairs {
    fn add(&mut self, other: &Pairs) {
        self.count += other.count;
        self.x += other.x;
        self.y += other.y;
        self.xx += other.xx;
        self.yy += other.yy;
        self.xy += other.xy;
    }

    fn correlation(&self) -> Option<f64> {
        let n = self.count;
        let (x, y) = (self.xx - self.x * self.x / n, self.yy - self.y * self.y / n);
        // What is left of sums of equal numbers is rounding.
        if x <= 1e-12 * self.xx || y <= 1e-12 * self.yy {
            return None;
        }
        Some(((self.xy - self.x * self.y / n) / (x * y).sqrt()).clamp(-1.0, 1.0))
    }
}

fn summary(compared: &[Compared], n: usize, k: usize) -> Trust {
    let worst = k as f64 * (2.0 * n as f64 - 3.0 * k as f64 - 1.0) / 2.0;
    let unseen = 1.0 - compared.len() as f64 / n as f64;
    let mean = |of: &dyn Fn(&Compared) -> f64| {
        let count = compared.len() as f64;
        let mean = compared.iter().map(of).sum::<f64>() / count;
        let variance = compared.iter().map(|row| (of(row) - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, (variance / count * unseen).sqrt())
    };
    let trustworthiness = mean(&|row| 1.0 - row.intruders / worst);
    let continuity = mean(&|row| 1.0 - row.missing / worst);
    let kept = mean(&|row| row.kept);
    // Rows that are together in a file may be alike: groups are drawn, so that the order does not matter.
    let drawn = index::sample(&mut ChaCha8Rng::seed_from_u64(GROUP_SEED), compared.len(), compared.len());
    let mut group_of = vec![0; compared.len()];
    drawn.into_iter().enumerate().for_each(|(place, row)| group_of[row] = place % GROUPS);
    let pairs_without = |group: Option<usize>| {
        let mut pairs = Pairs::default();
        let rows =
            compared.iter().enumerate().filter(|(i, _)| group.is_none_or(|group| group_of[*i] != group));
        rows.for_each(|(_, row)| pairs.add(&row.pairs));
        pairs.correlation()
    };
    let sampled = compared.len() < n;
    let standard_error = sampled.then(|| {
        let without: Vec<f64> = (0..GROUPS).filter_map(|group| pairs_without(Some(group))).collect();
        let count = without.len().max(1) as f64;
        let middle = without.iter().sum::<f64>() / count;
        let spread = without.iter().map(|value| (value - middle).powi(2)).sum::<f64>();
        StandardErrors {
            trustworthiness: trustworthiness.1,
            continuity: continuity.1,
            neighbors_kept: kept.1,
            distance_correlation: (spread * (count - 1.0) / count * unseen).sqrt(),
        }
    });
    Trust {
        k,
        trustworthiness: trustworthiness.0,
        continuity: continuity.0,
        neighbors_kept: kept.0,
        kept_by_chance: k as f64 / (n - 1) as f64,
        distance_correlation: pairs_without(None),
        rows_compared: compared.len(),
        standard_error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn scattered(n: usize, dims: usize) -> Array2<f32> {
        Array2::from_shape_fn((n, dims), |(i, j)| ((i * 7919 + j * 104_729 + i * j * 31) % 1009) as f32)
    }

    #[test]
    fn a_map_of_noise_keeps_what_chance_keeps() {
        let noise = Array2::from_shape_fn((600, 2), |(i, j)| ((i * 6007 + j * 3001) % 997) as f32);
        let trust = trust(scattered(600, 5).view(), noise.view(), 1).unwrap();
        assert!((trust.kept_by_chance - 10.0 / 599.0).abs() < 1e-12);
        assert!(trust.neighbors_kept < 0.15 && trust.trustworthiness < 0.7, "{trust:?}");
        assert!(trust.distance_correlation.unwrap().abs() < 0.3 && trust.standard_error.is_none());
    }

    #[test]
    fn a_sample_is_near_to_all_rows() {
        let rows = Prepared::euclidean(scattered(900, 4).view()).unwrap();
        let points: Vec<f32> = rows.rows.slice(ndarray::s![.., ..2]).iter().copied().collect();
        let map = Map { values: &points, dims: 2 };
        let all = trust_of(&rows, &map, &(0..900).collect::<Vec<_>>());
        let sampled = trust_of(&rows, &map, &(0..900).step_by(3).collect::<Vec<_>>());
        let errors = sampled.standard_error.unwrap();
        assert_eq!((sampled.rows_compared, all.standard_error), (300, None));
        for (a, b, error) in [
            (sampled.trustworthiness, all.trustworthiness, errors.trustworthiness),
            (sampled.continuity, all.continuity, errors.continuity),
            (sampled.neighbors_kept, all.neighbors_kept, errors.neighbors_kept),
            (
                sampled.distance_correlation.unwrap(),
                all.distance_correlation.unwrap(),
                errors.distance_correlation,
            ),
        ] {
            assert!(error > 0.0 && error < 0.02 && (a - b).abs() < 4.0 * error, "{a} {b} {error}");
        }
    }

    #[test]
    fn standard_errors_do_not_depend_on_the_order_of_the_file() {
        // Clusters of very different sizes, sorted: every twentieth row of a sorted sample is a stratified sample.
        let rows = Array2::from_shape_fn((2000, 6), |(i, j)| {
            let cluster = (i / 100) as f32;
            cluster * ((j * 7 + i / 100 * 13) % 5) as f32 + ((i * 7919 + j * 104_729) % 1009) as f32 / 300.0
        });
        let prepared = Prepared::euclidean(rows.view()).unwrap();
        let points: Vec<f32> = prepared.rows.slice(ndarray::s![.., ..2]).iter().copied().collect();
        let map = Map { values: &points, dims: 2 };
        let mut errors = Vec::new();
        let mut values = Vec::new();
        for seed in 0..60 {
            let mut chosen = index::sample(&mut ChaCha8Rng::seed_from_u64(seed), 2000, 200).into_vec();
            chosen.sort_unstable();
            let found = trust_of(&prepared, &map, &chosen);
            errors.push(found.standard_error.unwrap().distance_correlation);
            values.push(found.distance_correlation.unwrap());
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let middle = mean(&values);
        let spread = mean(&values.iter().map(|value| (value - middle).powi(2)).collect::<Vec<_>>()).sqrt();
        let said = mean(&errors);
        assert!((0.75..1.35).contains(&(said / spread)), "said {said}, true {spread}");
    }

    #[test]
    fn equal_rows_and_equal_dots_are_no_trouble() {
        let equal = Array2::from_elem((40, 3), 0.5);
        let found = trust(equal.view(), scattered(40, 2).view(), 1).unwrap();
        assert_eq!((found.trustworthiness, found.distance_correlation), (1.0, None));
        assert!(trust(scattered(40, 3).view(), equal.view(), 1).unwrap().distance_correlation.is_none());
        assert!(trust(equal.view(), scattered(39, 2).view(), 1).is_err());
    }
}
