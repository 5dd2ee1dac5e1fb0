//! The matrix product behind every pass: all rows of a block against all rows of a small matrix.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use super::simd::{MOST_FEW, clear_upper_halves, few_dot_products};

/// Writes the dot product of each of `m` rows with each of `k` others, all `dims` long and in
/// row-major order, to `out[j * m + i]` (row `i`, other `j`): for each other, the rows lie side by
/// side, so that what follows is vectorised over rows.
///
/// On one thread: blocks are what runs in parallel, so that the bits do not depend on threads.
pub(crate) fn dot_products(rows: &[f32], others: &[f32], dims: usize, out: &mut Vec<f32>) {
    let (m, k) = (rows.len() / dims.max(1), others.len() / dims.max(1));
    out.clear();
    out.resize(m * k, 0.0);
    if m == 0 || k == 0 {
        return;
    }
    if k <= MOST_FEW {
        return few_dot_products(rows, None, others, dims, out);
    }
    matmul(
        MatMut::from_column_major_slice_mut(out, m, k),
        Accum::Replace,
        MatRef::from_row_major_slice(rows, m, dims),
        MatRef::from_row_major_slice(others, k, dims).transpose(),
        1.0,
        Par::Seq,
    );
    clear_upper_halves();
}

/// [`dot_products`] of some of the rows, in the order of `picked`: few products read the rows where
/// they are, many are worth gathering the rows in `gathered`.
pub(crate) fn dot_products_of(
    picked: &[usize],
    rows: &[f32],
    others: &[f32],
    dims: usize,
    gathered: &mut Vec<f32>,
    out: &mut Vec<f32>,
) {
    let k = others.len() / dims.max(1);
    if picked.len() * dims == rows.len() {
        return dot_products(rows, others, dims, out);
    }
    if k <= MOST_FEW {
        out.clear();
        out.resize(picked.len() * k, 0.0);
        if !out.is_empty() {
            few_dot_products(rows, Some(picked), others, dims, out);
        }
        return;
    }
    gathered.clear();
    picked.iter().for_each(|i| gathered.extend_from_slice(&rows[i * dims..(i + 1) * dims]));
    dot_products(gathered, others, dims, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_agrees_with_the_obvious_product() {
        let mut out = Vec::new();
        for (m, k, d) in [
            (1, 1, 1),
            (3, 2, 5),
            (128, 20, 33),
            (7, 100, 384),
            (5, 0, 4),
            (0, 3, 4),
            (9, 7, 37),
            (2, 8, 64),
            (5, 5, 3),
        ] {
            let a: Vec<f32> = (0..m * d).map(|i| ((i * 7) % 23) as f32 - 11.0).collect();
            let b: Vec<f32> = (0..k * d).map(|i| ((i * 5) % 19) as f32 - 9.0).collect();
            dot_products(&a, &b, d, &mut out);
            assert_eq!(out.len(), m * k);
            for i in 0..m {
                for j in 0..k {
                    let slow: f32 = (0..d).map(|t| a[i * d + t] * b[j * d + t]).sum();
                    assert_eq!(out[j * m + i], slow);
                }
            }
            let (whole, picked) = (out.clone(), (0..m).step_by(2).collect::<Vec<_>>());
            dot_products_of(&picked, &a, &b, d, &mut Vec::new(), &mut out);
            assert_eq!(out.len(), picked.len() * k);
            for (at, i) in picked.iter().enumerate() {
                (0..k).for_each(|j| assert_eq!(out[j * picked.len() + at], whole[j * m + i]));
            }
        }
    }
}
