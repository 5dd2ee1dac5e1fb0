//! Inner products of pairs of rows, wherever the rows are.

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::rows::simd::dot_f64;
use crate::rows::{LEAF_ROWS, RowSource};

/// The inner product of the two rows of each pair, in `f64`. Of a source that is not in memory about so many rows are held
/// at once; for each such number of rows it is read once, from the first of them on.
pub(super) fn pair_products(
    source: &(impl RowSource + ?Sized),
    pairs: &[(usize, usize)],
    held_rows: usize,
) -> Result<Vec<f64>> {
    if let Some(rows) = source.as_matrix() {
        let rows = rows.as_standard_layout();
        let row = |row: usize| rows.row(row).to_slice().unwrap_or_default();
        return Ok(pairs.par_iter().map(|(a, b)| dot_f64(row(*a), row(*b))).collect());
    }
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.sort_unstable_by_key(|at| in_order(pairs[*at]));
    let mut products = vec![0.0; pairs.len()];
    let mut rest = &order[..];
    while !rest.is_empty() {
        let earlier = earlier_rows(pairs, rest, held_rows.max(1));
        let last = earlier.last().copied().unwrap_or_default();
        let (group, more) = rest.split_at(rest.partition_point(|at| in_order(pairs[*at]).0 <= last));
        products_in_a_pass(source, pairs, (group, &earlier), &mut products)?;
        rest = more;
    }
    Ok(products)
}

fn in_order((a, b): (usize, usize)) -> (usize, usize) {
    (a.min(b), a.max(b))
}

/// The earlier rows of pairs that are in order, at most so many.
fn earlier_rows(pairs: &[(usize, usize)], order: &[usize], most: usize) -> Vec<usize> {
    let mut earlier = Vec::new();
    for row in order.iter().map(|at| in_order(pairs[*at]).0) {
        if earlier.last() != Some(&row) {
            if earlier.len() == most {
                break;
            }
            earlier.push(row);
        }
    }
    earlier
}

/// The products of some pairs: their earlier rows are held from where they come by, and meet the later ones there.
fn products_in_a_pass(
    source: &(impl RowSource + ?Sized),
    pairs: &[(usize, usize)],
    (group, earlier): (&[usize], &[usize]),
    products: &mut [f64],
) -> Result<()> {
    let dims = source.dims();
    let mut group = group.to_vec();
    group.sort_unstable_by_key(|at| in_order(pairs[*at]).1);
    let mut held: Vec<f32> = Vec::with_capacity(earlier.len() * dims);
    let (mut taken, mut done) = (0, 0);
    let mut first = earlier.first().map_or(0, |row| row / LEAF_ROWS * LEAF_ROWS);
    for chunk in source.chunks_from(first, LEAF_ROWS)? {
        let chunk = chunk?;
        let chunk = chunk.as_standard_layout();
        let end = first + chunk.nrows();
        while let Some(row) = earlier.get(taken).filter(|row| **row < end) {
            held.extend(chunk.row(row - first));
            taken += 1;
        }
        let here = group[done..].partition_point(|at| in_order(pairs[*at]).1 < end);
        let met = &group[done..done + here];
        let product = |at: &usize| {
            let (a, b) = in_order(pairs[*at]);
            let place = earlier.binary_search(&a).unwrap_or_default();
            let b = chunk.row(b - first).to_slice().unwrap_or_default();
            dot_f64(&held[place * dims..(place + 1) * dims], b)
        };
        let found: Vec<f64> = met.par_iter().map(product).collect();
        met.iter().zip(found).for_each(|(at, product)| products[*at] = product);
        (done, first) = (done + here, end);
        if done == group.len() {
            return Ok(());
        }
    }
    Err(Error::input("the source yielded fewer rows than it announced")
        .with_code("file-changed")
        .seen(format!("{first} rows, and {} before", source.n_rows())))
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::rows::Streamed;

    #[test]
    fn any_number_of_held_rows_gives_the_products_of_a_matrix() {
        let n = 2 * LEAF_ROWS + 77;
        let rows = Array2::from_shape_fn((n, 5), |(i, j)| ((i * 31 + j * 17) % 1009) as f32 * 0.37 - 90.0);
        let pairs: Vec<(usize, usize)> = (0..500).map(|i| ((i * 7919) % n, (i * 104_729 + 1) % n)).collect();
        let expected = pair_products(&rows, &pairs, 1).unwrap();
        for held in [0, 3, 100, usize::MAX] {
            assert_eq!(pair_products(&Streamed(&rows), &pairs, held).unwrap(), expected, "{held} held");
        }
        assert!(pair_products(&Streamed(&rows), &[], 5).unwrap().is_empty());
    }
}
