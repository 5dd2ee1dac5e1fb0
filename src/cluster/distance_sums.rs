//! Sums of the distances of a few rows to all rows of each cluster, in one pass over any source.

use super::Geometry;
use super::frame::frame_of;
use crate::error::{Error, Result};
use crate::rows::product::dot_products;
use crate::rows::simd::{dot_f64, squared_distance_f64};
use crate::rows::{Fold, Frame, RowBlock, RowSource, fold_rows, moments, select_rows};

/// Below this share of the squared lengths, a squared distance is computed again from differences, as in
/// [`pairwise`](super::pairwise).
const CANCELLATION: f32 = 1e-3;

/// For each of `queries` (row numbers) the sums of its distances to the rows of each of `clusters`, query by
/// query. For Euclidean distances in any unit: silhouettes are ratios.
///
/// # Errors
/// For numbers that are not finite, and rows of zeros that have a cluster by cosine; whatever the source meets
/// while reading.
pub(super) fn distance_sums(
    source: &(impl RowSource + ?Sized),
    labels: &[Option<u32>],
    queries: &[usize],
    clusters: &[u32],
    geometry: Geometry,
) -> Result<Vec<f64>> {
    let frame = if geometry == Geometry::Euclidean { Some(frame_of(&moments(source)?)) } else { None };
    let ready = Ready { frame, labels, clusters };
    let chosen = select_rows(source, queries)?;
    let mut moved = Vec::new();
    for row in chosen.rows() {
        ready.add(row.as_slice().unwrap_or_default(), &mut moved);
    }
    let lengths = squares(&moved, source.dims());
    let pass = Sums { ready: &ready, dims: source.dims(), queries: moved, lengths };
    let found = fold_rows(source, &pass)?;
    match found.bad {
        None => Ok(found.sums),
        Some(row) if geometry == Geometry::Spherical => {
            Err(Error::input("a row of zeros, or of numbers that are not finite, has no cosine")
                .row(row)
                .advice("remove it, or use Euclidean distance"))
        }
        Some(row) => Err(Error::input("a number that is not finite")
            .row(row)
            .advice("embed this row again or remove it")),
    }
}

/// How rows are made ready for products.
struct Ready<'a> {
    /// Their frame; `None` for cosine, where they get unit length.
    frame: Option<Frame>,
    labels: &'a [Option<u32>],
    /// Ascending.
    clusters: &'a [u32],
}

impl Ready<'_> {
    /// Appends a row, ready for products; says whether it can be.
    fn add(&self, row: &[f32], out: &mut Vec<f32>) -> bool {
        match &self.frame {
            Some(frame) => out.extend(frame.moved_row(row.iter().map(|x| f64::from(*x)))),
            None => {
                let length = dot_f64(row, row).sqrt();
                let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
                out.extend(row.iter().map(|x| (f64::from(*x) * scale) as f32));
                if length == 0.0 {
                    return false;
                }
            }
        }
        out[out.len() - row.len()..].iter().all(|x| x.is_finite())
    }
}

fn squares(rows: &[f32], dims: usize) -> Vec<f32> {
    rows.chunks_exact(dims.max(1)).map(|row| dot_f64(row, row) as f32).collect()
}

struct Sums<'a> {
    ready: &'a Ready<'a>,
    dims: usize,
    queries: Vec<f32>,
    lengths: Vec<f32>,
}

struct Part {
    sums: Vec<f64>,
    /// The first row that cannot be measured.
    bad: Option<usize>,
    order: Vec<(usize, usize)>,
    rows: Vec<f32>,
    products: Vec<f32>,
}

impl Fold for Sums<'_> {
    type Part = Part;

    fn start(&self) -> Part {
        let sums = vec![0.0; self.lengths.len() * self.ready.clusters.len()];
        Part { sums, bad: None, order: Vec::new(), rows: Vec::new(), products: Vec::new() }
    }

    fn add(&self, part: &mut Part, block: RowBlock<'_>) {
        let k = self.ready.clusters.len();
        let Part { sums, bad, order, rows, products } = part;
        // Sorted by cluster, so that what is added up is side by side.
        order.clear();
        for i in 0..block.rows.nrows() {
            let label = self.ready.labels[block.first + i];
            let cluster = label.and_then(|label| self.ready.clusters.binary_search(&label).ok());
            order.extend(cluster.map(|cluster| (cluster, i)));
        }
        order.sort_unstable();
        rows.clear();
        for (_, i) in order.iter() {
            if !self.ready.add(block.rows.row(*i).as_slice().unwrap_or_default(), rows) {
                let row = block.first + i;
                *bad = Some(bad.map_or(row, |bad| bad.min(row)));
            }
        }
        let m = order.len();
        let lengths = squares(rows, self.dims);
        dot_products(rows, &self.queries, self.dims, products);
        for (query, products) in products.chunks_exact_mut(m.max(1)).enumerate() {
            let own = self.lengths[query];
            let mut any_near = false;
            for (product, length) in products.iter_mut().zip(&lengths) {
                let squared = (own + length - 2.0 * *product).max(0.0);
                any_near |= squared < CANCELLATION * (own + length);
                *product = squared;
            }
            if any_near {
                let of_query = &self.queries[query * self.dims..(query + 1) * self.dims];
                for (i, squared) in products.iter_mut().enumerate() {
                    if *squared < CANCELLATION * (own + lengths[i]) {
                        *squared =
                            squared_distance_f64(of_query, &rows[i * self.dims..(i + 1) * self.dims]) as f32;
                    }
                }
            }
            match &self.ready.frame {
                Some(_) => products.iter_mut().for_each(|x| *x = x.sqrt()),
                // |u - v|^2 = 2 - 2 cos(u, v) for unit vectors.
                None => products.iter_mut().for_each(|x| *x *= 0.5),
            }
            let mut start = 0;
            for run in order.chunk_by(|a, b| a.0 == b.0) {
                sums[query * k + run[0].0] += sum(&products[start..start + run.len()]);
                start += run.len();
            }
        }
    }

    fn merge(&self, into: &mut Part, from: Part) {
        into.sums.iter_mut().zip(from.sums).for_each(|(sum, more)| *sum += more);
        into.bad = into.bad.or(from.bad);
    }
}

/// The sum of `f32` numbers, in eight independent sums, which a processor adds at once.
pub(super) fn sum(numbers: &[f32]) -> f64 {
    let mut lanes = [0.0_f64; 8];
    let chunks = numbers.chunks_exact(8);
    let rest = chunks.remainder().iter().map(|&x| f64::from(x)).sum::<f64>();
    for chunk in chunks {
        for (lane, &number) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(number);
        }
    }
    lanes.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn the_sums_are_those_of_one_pair_at_a_time() {
        let rows =
            Array2::from_shape_fn((300, 5), |(i, j)| 3.0 + ((i * 7919 + j * 104_729) % 101) as f32 / 50.0);
        let labels: Vec<Option<u32>> = (0..300).map(|i| [Some(9), Some(2), None][i % 3]).collect();
        for geometry in [Geometry::Euclidean, Geometry::Spherical] {
            let sums = distance_sums(&rows, &labels, &[4, 100], &[2, 9], geometry).unwrap();
            let distance = |a: usize, b: usize| {
                let (a, b) = (rows.row(a).mapv(f64::from), rows.row(b).mapv(f64::from));
                match geometry {
                    Geometry::Euclidean => (&a - &b).mapv(|x| x * x).sum().sqrt(),
                    Geometry::Spherical => 1.0 - a.dot(&b) / (a.dot(&a) * b.dot(&b)).sqrt(),
                }
            };
            for (q, query) in [4, 100].into_iter().enumerate() {
                for (c, cluster) in [2, 9].into_iter().enumerate() {
                    let members = (0..300).filter(|row| labels[*row] == Some(cluster));
                    let slow: f64 = members.map(|row| distance(query, row)).sum();
                    assert!((sums[q * 2 + c] - slow).abs() < 1e-4 * slow, "{} {slow}", sums[q * 2 + c]);
                }
            }
        }
    }
}
