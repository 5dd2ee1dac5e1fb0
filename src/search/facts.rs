//! What a search learns of all rows on its way: numbers that are not finite, rows of zeros, repeats.

use xxhash_rust::xxh3::xxh3_64;

use crate::error::{Error, Result};
use crate::rows::{Fold, RowBlock};

/// A pass that looks at every row.
pub(super) struct Facts {
    /// Whether to hash the rows, so that repeats can be counted: 8 bytes a row.
    pub hash: bool,
}

#[derive(Default)]
pub(super) struct Part {
    not_finite: Option<usize>,
    zero_rows: usize,
    hashes: Vec<u64>,
}

/// What was learnt.
pub(super) struct RowFacts {
    pub zero_rows: usize,
    pub repeats: Option<usize>,
}

impl RowFacts {
    /// # Errors
    /// When a number is not finite.
    pub fn of(part: Part, hashed: bool) -> Result<RowFacts> {
        if let Some(row) = part.not_finite {
            return Err(Error::input("a number that is not finite")
                .with_code("not-finite")
                .row(row)
                .advice("embed this row again or remove it"));
        }
        let mut hashes = part.hashes;
        hashes.sort_unstable();
        let repeats = hashes.windows(2).filter(|pair| pair[0] == pair[1]).count();
        Ok(RowFacts { zero_rows: part.zero_rows, repeats: hashed.then_some(repeats) })
    }
}

impl Fold for Facts {
    type Part = Part;

    fn start(&self) -> Part {
        Part::default()
    }

    fn add(&self, part: &mut Part, block: RowBlock<'_>) {
        for (i, row) in block.rows.rows().into_iter().enumerate() {
            let row = row.to_slice().unwrap_or_default();
            // All of them, without a stop: the compiler tests many at once.
            if row.iter().fold(false, |any, x| any | !x.is_finite()) {
                part.not_finite = part.not_finite.or(Some(block.first + i));
            }
            part.zero_rows += usize::from(row.iter().all(|x| *x == 0.0));
            if self.hash {
                part.hashes.push(xxh3_64(bytemuck::cast_slice(row)));
            }
        }
    }

    fn merge(&self, into: &mut Part, from: Part) {
        into.not_finite = into.not_finite.or(from.not_finite);
        into.zero_rows += from.zero_rows;
        into.hashes.extend(from.hashes);
    }
}
