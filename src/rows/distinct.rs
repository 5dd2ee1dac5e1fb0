//! How many rows differ from all others.

use xxhash_rust::xxh3::xxh3_128;

use super::{Fold, RowBlock, RowSource, fold_rows};
use crate::error::Result;

/// How many different rows there are; -0 is 0. Rows are compared by hashes of 128 bits, so that two different
/// ones are never taken for one in practice. One pass, 16 bytes of memory a row.
///
/// ```
/// use embedlab::rows::distinct_rows;
/// let rows = ndarray::array![[1.0_f32, 0.0], [2.0, 0.0], [1.0, -0.0]];
/// assert_eq!(distinct_rows(&rows)?, 2);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// # Errors
/// Whatever the source meets while reading.
pub fn distinct_rows(source: &(impl RowSource + ?Sized)) -> Result<usize> {
    let mut hashes = fold_rows(source, &Hashes)?;
    hashes.sort_unstable();
    hashes.dedup();
    Ok(hashes.len())
}

struct Hashes;

impl Fold for Hashes {
    type Part = Vec<u128>;

    fn start(&self) -> Vec<u128> {
        Vec::new()
    }

    fn add(&self, part: &mut Vec<u128>, block: RowBlock<'_>) {
        let mut bits: Vec<u32> = Vec::with_capacity(block.rows.ncols());
        for row in block.rows.rows() {
            bits.clear();
            bits.extend(row.iter().map(|value| (value + 0.0).to_bits()));
            part.push(xxh3_128(bytemuck::cast_slice(&bits)));
        }
    }

    fn merge(&self, into: &mut Vec<u128>, from: Vec<u128>) {
        into.extend(from);
    }
}
