//! A computation over rows that is done block by block and merged.

use ndarray::{ArrayView2, Axis, s};
use rayon::prelude::*;

use super::{Portable, RowSource, elsewhere};
use crate::error::{Error, Result};
use crate::progress::{Steps, steps};

/// Rows in one block: large enough for matrix products, small enough for the second-level cache
/// (128 rows of 1536 numbers are 0.8 MB).
pub const BLOCK_ROWS: usize = 128;

/// Rows whose blocks are added to one part before parts are merged.
pub const LEAF_ROWS: usize = 16 * BLOCK_ROWS;

/// A block of consecutive rows.
#[derive(Debug, Clone, Copy)]
pub struct RowBlock<'a> {
    /// The number of the block's first row in its source; always a multiple of [`BLOCK_ROWS`].
    pub first: usize,
    /// The rows, n x d with n at most [`BLOCK_ROWS`], always in standard (row-major) layout.
    pub rows: ArrayView2<'a, f32>,
}

/// A computation over rows of embeddings that can be done block by block and merged.
///
/// ```
/// use embedlab::rows::{Fold, RowBlock, fold_rows};
/// use ndarray::array;
///
/// /// Counts the rows whose first number is positive.
/// struct Positive;
/// impl Fold for Positive {
///     type Part = usize;
///     fn start(&self) -> usize { 0 }
///     fn add(&self, part: &mut usize, block: RowBlock<'_>) {
///         *part += block.rows.rows().into_iter().filter(|row| row[0] > 0.0).count();
///     }
///     fn merge(&self, into: &mut usize, from: usize) { *into += from; }
/// }
///
/// let rows = array![[1.0_f32, 0.0], [-1.0, 2.0], [3.0, 4.0]];
/// assert_eq!(fold_rows(&rows, &Positive).unwrap(), 2);
/// ```
pub trait Fold: Sync {
    /// What is known of the rows seen so far.
    type Part: Send;
    /// A part that has seen no rows.
    fn start(&self) -> Self::Part;
    /// Adds the rows of one block; blocks come in row order.
    fn add(&self, part: &mut Self::Part, block: RowBlock<'_>);
    /// Joins the part of the rows that follow directly on those of `into`.
    fn merge(&self, into: &mut Self::Part, from: Self::Part);
    /// The computation as one that other machines can run; `None` for one that only this machine can.
    fn portable(&self) -> Option<&dyn Portable<Part = Self::Part>> {
        None
    }
}

impl<F: Fold + ?Sized> Fold for &F {
    type Part = F::Part;

    fn start(&self) -> Self::Part {
        (**self).start()
    }

    fn add(&self, part: &mut Self::Part, block: RowBlock<'_>) {
        (**self).add(part, block);
    }

    fn merge(&self, into: &mut Self::Part, from: Self::Part) {
        (**self).merge(into, from);
    }

    fn portable(&self) -> Option<&dyn Portable<Part = Self::Part>> {
        (**self).portable()
    }
}

/// Runs a fold over all rows of a source, on the threads of the current rayon pool; on other machines where the source has
/// an [`Engine`](super::Engine) and the fold can be sent there.
///
/// # Errors
/// Whatever the source meets while reading; a matrix in memory never fails.
pub fn fold_rows<F: Fold>(source: &(impl RowSource + ?Sized), fold: &F) -> Result<F::Part> {
    if let (Some(engine), Some(portable)) = (source.engine(), fold.portable()) {
        return elsewhere(engine, source.n_rows(), fold, portable);
    }
    if let Some(matrix) = source.as_matrix() {
        return Ok(fold_matrix(matrix, fold));
    }
    let mut parts = MergeStack::new(fold);
    let mut first = 0;
    let steps = steps("passing over the rows", source.n_rows());
    for chunk in source.chunks(chunk_rows())? {
        let chunk = chunk?;
        parts.push_leaves(first, chunk.view());
        first += chunk.nrows();
        steps.add(chunk.nrows());
    }
    Ok(parts.finish())
}

fn chunk_rows() -> usize {
    LEAF_ROWS * rayon::current_num_threads().max(1)
}

/// The part of some leaves, which are a whole branch of the tree of all.
pub(super) fn leaves_of<F: Fold>(
    source: &dyn RowSource,
    fold: &F,
    leaves: std::ops::Range<usize>,
) -> Result<F::Part> {
    let (mut first, end) = (leaves.start * LEAF_ROWS, (leaves.end * LEAF_ROWS).min(source.n_rows()));
    if let Some(matrix) = source.as_matrix() {
        let steps = steps("passing over the rows", leaves.len());
        return Ok(fold_leaves(matrix, leaves, fold, &steps));
    }
    let mut parts = MergeStack::new(fold);
    for chunk in source.chunks_from(first, chunk_rows())? {
        let chunk = chunk?;
        let wanted = chunk.nrows().min(end - first);
        parts.push_leaves(first, chunk.slice(s![..wanted, ..]));
        first += wanted;
        if first == end {
            return Ok(parts.finish());
        }
    }
    Err(Error::input("the source yielded fewer rows than it announced")
        .with_code("file-changed")
        .seen(format!("{first} rows, and {} before", source.n_rows())))
}

/// The parts of runs that are whole branches of the tree, in row order, as one.
pub(super) fn fold_runs<F: Fold>(
    fold: &F,
    parts: impl IntoIterator<Item = Result<F::Part>>,
) -> Result<F::Part> {
    let mut stack = MergeStack::new(fold);
    parts.into_iter().try_for_each(|part| part.map(|part| stack.push(part)))?;
    Ok(stack.finish())
}

fn fold_matrix<F: Fold>(matrix: ArrayView2<'_, f32>, fold: &F) -> F::Part {
    let leaves = matrix.nrows().div_ceil(LEAF_ROWS);
    if leaves == 0 {
        return fold.start();
    }
    fold_leaves(matrix, 0..leaves, fold, &steps("passing over the rows", leaves))
}

/// The left half is the largest power of two, so that [`MergeStack`], which does not know how
/// many leaves will come, merges in the same tree.
fn fold_leaves<F: Fold>(
    matrix: ArrayView2<'_, f32>,
    leaves: std::ops::Range<usize>,
    fold: &F,
    steps: &Steps,
) -> F::Part {
    if leaves.len() == 1 {
        let first = leaves.start * LEAF_ROWS;
        let end = (first + LEAF_ROWS).min(matrix.nrows());
        let part = fold_leaf(first, matrix.slice(s![first..end, ..]), fold);
        steps.add(1);
        return part;
    }
    let middle = leaves.start + leaves.len().next_power_of_two() / 2;
    let (mut left, right) = rayon::join(
        || fold_leaves(matrix, leaves.start..middle, fold, steps),
        || fold_leaves(matrix, middle..leaves.end, fold, steps),
    );
    fold.merge(&mut left, right);
    left
}

fn fold_leaf<F: Fold>(first: usize, leaf: ArrayView2<'_, f32>, fold: &F) -> F::Part {
    let mut part = fold.start();
    let leaf = leaf.as_standard_layout();
    for (i, rows) in leaf.axis_chunks_iter(Axis(0), BLOCK_ROWS).enumerate() {
        fold.add(&mut part, RowBlock { first: first + i * BLOCK_ROWS, rows });
    }
    part
}

/// Merges leaf parts in the tree of [`fold_leaves`] while holding only log2(leaves) of them.
struct MergeStack<'f, F: Fold> {
    fold: &'f F,
    pushed: usize,
    parts: Vec<F::Part>,
}

impl<'f, F: Fold> MergeStack<'f, F> {
    fn new(fold: &'f F) -> Self {
        MergeStack { fold, pushed: 0, parts: Vec::new() }
    }

    /// The leaves of consecutive rows, of which only the last may be a shorter one.
    fn push_leaves(&mut self, first: usize, rows: ArrayView2<'_, f32>) {
        let leaves: Vec<_> = rows.axis_chunks_iter(Axis(0), LEAF_ROWS).collect();
        let done: Vec<F::Part> = leaves
            .into_par_iter()
            .enumerate()
            .map(|(i, leaf)| fold_leaf(first + i * LEAF_ROWS, leaf, self.fold))
            .collect();
        done.into_iter().for_each(|part| self.push(part));
    }

    fn push(&mut self, part: F::Part) {
        self.parts.push(part);
        self.pushed += 1;
        for _ in 0..self.pushed.trailing_zeros() {
            self.merge_top();
        }
    }

    fn merge_top(&mut self) {
        if let (Some(right), Some(left)) = (self.parts.pop(), self.parts.last_mut()) {
            self.fold.merge(left, right);
        }
    }

    fn finish(mut self) -> F::Part {
        while self.parts.len() > 1 {
            self.merge_top();
        }
        self.parts.pop().unwrap_or_else(|| self.fold.start())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Streamed;
    use ndarray::Array2;

    /// Adds f32 numbers in f32, so that any other order of merging gives other bits.
    struct RoundedSum;
    impl Fold for RoundedSum {
        type Part = f32;
        fn start(&self) -> f32 {
            0.0
        }
        fn add(&self, part: &mut f32, block: RowBlock<'_>) {
            *part += block.rows.iter().sum::<f32>();
        }
        fn merge(&self, into: &mut f32, from: f32) {
            *into += from;
        }
    }

    #[test]
    fn threads_and_sources_give_the_same_bits() {
        for leaves in [0, 1, 2, 3, 7, 8, 13] {
            let n = (leaves * LEAF_ROWS).saturating_sub(100 * leaves.min(1));
            let matrix = Array2::from_shape_fn((n, 2), |(i, j)| ((i * 37 + j * 11) % 1009) as f32 * 0.1237);
            let expected = fold_rows(&matrix, &RoundedSum).unwrap();
            for threads in [1, 2, 7] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let (in_memory, streamed) = pool.install(|| {
                    (
                        fold_rows(&matrix, &RoundedSum).unwrap(),
                        fold_rows(&Streamed(&matrix), &RoundedSum).unwrap(),
                    )
                });
                assert_eq!(in_memory.to_bits(), expected.to_bits());
                assert_eq!(streamed.to_bits(), expected.to_bits(), "{leaves} leaves, {threads} threads");
            }
        }
    }

    #[test]
    fn blocks_come_in_order_and_cover_every_row_once() {
        struct Firsts;
        impl Fold for Firsts {
            type Part = Vec<(usize, usize)>;
            fn start(&self) -> Self::Part {
                Vec::new()
            }
            fn add(&self, part: &mut Self::Part, block: RowBlock<'_>) {
                part.push((block.first, block.rows.nrows()));
            }
            fn merge(&self, into: &mut Self::Part, from: Self::Part) {
                into.extend(from);
            }
        }
        let n = 5 * LEAF_ROWS + 300;
        let seen = fold_rows(&Array2::<f32>::zeros((n, 1)), &Firsts).unwrap();
        let mut next = 0;
        for (first, rows) in seen {
            assert_eq!(first, next);
            next += rows;
        }
        assert_eq!(next, n);
    }
}
