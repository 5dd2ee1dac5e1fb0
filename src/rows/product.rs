//! The matrix product behind every pass: all rows of a block against all rows of a small matrix.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use super::simd::few_dot_products;

/// Up to this many others, the rows are read as they stand.
const FEW: usize = 8;

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
    if k <= FEW {
        return few_dot_products(rows, others, dims, out);
    }
    matmul(
        MatMut::from_column_major_slice_mut(out, m, k),
        Accum::Replace,
        MatRef::from_row_major_slice(rows, m, dims),
        MatRef::from_row_major_slice(others, k, dims).transpose(),
        1.0,
        Par::Seq,
    );
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
        }
    }
}
