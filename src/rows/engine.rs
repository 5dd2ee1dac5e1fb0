//! Passes that run on other machines: the same folds over the same leaves, merged in the same tree.

use super::fold::{Fold, fold_runs, leaves_of};
use super::packed::damaged;
use super::{LEAF_ROWS, RowSource};
use crate::error::{Error, Result};

/// Machines that pass over the rows of one source, which they can all read.
pub trait Engine: Send + Sync {
    /// Runs a pass over all rows and gives its parts in row order: one for all rows where the pass is
    /// [`merged`](Pass::merged), else one for each run of [`run_leaves`] leaves.
    ///
    /// # Errors
    /// When the machines cannot be reached, fail, or take longer than was allowed.
    fn pass(&self, pass: &Pass) -> Result<Vec<Vec<u8>>>;
}

/// A pass over all rows, as it is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Pass {
    /// What is computed.
    pub name: String,
    /// Its parameters.
    pub params: Vec<u8>,
    /// Whether parts are merged where they are, because a merged part is no larger than one of them.
    pub merged: bool,
    /// How many rows there are.
    pub rows: usize,
}

/// A fold that other machines can run: it and its parts can be sent.
pub trait Portable: Sync {
    /// What is known of the rows seen so far.
    type Part;
    /// What is computed: the name under which other machines know it.
    fn name(&self) -> String;
    /// What they need to know besides.
    fn params(&self) -> Vec<u8>;
    /// How many numbers a row must have; `None` where any number will do.
    fn dims(&self) -> Option<usize> {
        None
    }
    /// Whether a merged part is no larger than each of the two.
    fn merged(&self) -> bool;
    /// How many rows a part has seen.
    fn rows(&self, part: &Self::Part) -> usize;
    /// A part as bytes.
    fn pack(&self, part: Self::Part) -> Vec<u8>;
    /// A part from bytes.
    ///
    /// # Errors
    /// When they are not what [`pack`](Portable::pack) gave.
    fn unpack(&self, bytes: &[u8]) -> Result<Self::Part>;
}

/// Leaves in one run, the piece of work of a machine: a power of two, so that a run is a whole branch of the tree in which
/// parts are merged. At least 16 runs where there are as many leaves, at most 128 leaves in a run, or as many as make 1,024 runs.
pub fn run_leaves(rows: usize) -> usize {
    let leaves = rows.div_ceil(LEAF_ROWS);
    let mut run = 1;
    while (run < 128 && leaves / (2 * run) >= 16) || leaves.div_ceil(run) > 1024 {
        run *= 2;
    }
    run
}

/// How many runs so many rows have.
pub fn runs(rows: usize) -> usize {
    rows.div_ceil(LEAF_ROWS).div_ceil(run_leaves(rows))
}

/// What a machine answers: the part of one run of the rows.
///
/// # Errors
/// When there is no such run, and whatever the source meets while reading.
pub(crate) fn answer<F: Fold>(source: &dyn RowSource, fold: &F, run: usize) -> Result<Vec<u8>> {
    let (leaves, length) = (source.n_rows().div_ceil(LEAF_ROWS), run_leaves(source.n_rows()));
    let first = run.saturating_mul(length);
    if first >= leaves {
        return Err(Error::argument("no such run of the rows").seen(format!("{run}")));
    }
    let portable = portable(fold)?;
    // Before anything is made that is as large as the sender says.
    if let Some(dims) = portable.dims().filter(|dims| *dims != source.dims()) {
        return Err(Error::input("a computation for rows of another length")
            .with_code("vector-length")
            .seen(format!("{dims} numbers, and {} in the file", source.dims())));
    }
    let part = leaves_of(source, fold, first..(first + length).min(leaves))?;
    Ok(portable.pack(part))
}

/// The parts of all runs, in row order, as one.
///
/// # Errors
/// When one is damaged.
pub(crate) fn merge<F: Fold>(fold: &F, parts: &[Vec<u8>]) -> Result<Vec<u8>> {
    let portable = portable(fold)?;
    let parts = parts.iter().map(|part| portable.unpack(part));
    Ok(portable.pack(fold_runs(fold, parts)?))
}

/// Runs a fold on the machines of an engine.
pub(super) fn elsewhere<F: Fold>(
    engine: &dyn Engine,
    rows: usize,
    fold: &F,
    portable: &dyn Portable<Part = F::Part>,
) -> Result<F::Part> {
    let merged = portable.merged();
    let pass = Pass { name: portable.name(), params: portable.params(), merged, rows };
    let parts = engine.pass(&pass)?;
    if parts.len() != if merged { runs(rows).min(1) } else { runs(rows) } {
        return Err(damaged());
    }
    let part = fold_runs(fold, parts.iter().map(|part| portable.unpack(part)))?;
    match portable.rows(&part) {
        seen if seen == rows => Ok(part),
        seen => Err(Error::input("the machines have passed over another number of rows")
            .with_code("rows-differ")
            .seen(format!("{seen} rows, and {rows} here"))
            .advice("let all machines read the same files, and do not change them meanwhile")),
    }
}

fn portable<F: Fold>(fold: &F) -> Result<&dyn Portable<Part = F::Part>> {
    fold.portable().ok_or_else(|| Error::argument("a pass that runs on this machine only"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_few_and_not_too_large() {
        for (leaves, run) in
            [(0, 1), (1, 1), (16, 1), (31, 1), (32, 2), (489, 16), (2048, 128), (488_282, 512)]
        {
            assert_eq!(run_leaves(leaves * LEAF_ROWS), run, "{leaves}");
        }
        assert_eq!((runs(0), runs(1), runs(LEAF_ROWS + 1), runs(1_000_000)), (0, 1, 2, 31));
    }
}
