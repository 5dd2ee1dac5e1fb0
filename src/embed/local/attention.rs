//! Attention: each token of a text looks at all tokens of the same text.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use super::kernel::softmax;

/// The attention of every head of a layer, text by text. `projected` holds queries, keys and values of
/// all tokens side by side (tokens x 3 dims), `context` takes the result (tokens x dims); the texts are/// one behind the other, as long as `lengths` says. `scores` is memory that is used again.
pub(super) fn attend(
    projected: &[f32],
    lengths: impl Iterator<Item = usize>,
    dims: usize,
    heads: usize,
    scores: &mut Vec<f32>,
    context: &mut [f32],
) {
    let tokens = context.len() / dims;
    let head_dims = dims / heads;
    let scale = 1.0 / (head_dims as f32).sqrt();
    let projected = MatRef::from_row_major_slice(projected, tokens, 3 * dims);
    let mut context = MatMut::from_row_major_slice_mut(context, tokens, dims);
    let mut first = 0;
    for length in lengths {
        scores.resize(length * length, 0.0);
        for head in 0..heads {
            let part =
                |at: usize| projected.submatrix(first, at * dims + head * head_dims, length, head_dims);
            let (queries, keys, values) = (part(0), part(1), part(2));
            matmul(
                MatMut::from_row_major_slice_mut(scores, length, length),
                Accum::Replace,
                queries,
                keys.transpose(),
                scale,
                Par::Seq,
            );
            softmax(scores, length);
            matmul(
                context.as_mut().submatrix_mut(first, head * head_dims, length, head_dims),
                Accum::Replace,
                MatRef::from_row_major_slice(scores, length, length),
                values,
                1.0,
                Par::Seq,
            );
        }
        first += length;
    }
}
