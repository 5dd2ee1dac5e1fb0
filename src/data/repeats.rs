//! Rows that repeat an earlier row.

use std::collections::HashSet;

use ndarray::Axis;
use xxhash_rust::xxh3::xxh3_128;

use crate::error::Result;
use crate::rows::{LEAF_ROWS, RowSource};

/// Whether each row has the text of no earlier row, white space at both ends left out. Rows without a text repeat
/// nothing.
pub(super) fn first_of_text(texts: &[Option<String>]) -> Vec<bool> {
    let mut seen = HashSet::new();
    texts.iter().map(|text| text.as_ref().is_none_or(|text| seen.insert(text.trim()))).collect()
}

/// Whether each row has the vector of no earlier row, bit for bit (-0 counts as 0). Rows are compared by a hash of 128
/// bits, so that one pass and 16 bytes a row are enough.
pub(super) fn first_of_vector(source: &(impl RowSource + ?Sized)) -> Result<Vec<bool>> {
    let mut seen = HashSet::new();
    let mut first = Vec::with_capacity(source.n_rows());
    let mut bytes = Vec::new();
    for chunk in source.chunks(LEAF_ROWS)? {
        for row in chunk?.axis_iter(Axis(0)) {
            bytes.clear();
            bytes.extend(row.iter().flat_map(|x| (x + 0.0).to_bits().to_le_bytes()));
            first.push(seen.insert(xxh3_128(&bytes)));
        }
    }
    Ok(first)
}
