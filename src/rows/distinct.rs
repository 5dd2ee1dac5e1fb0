//! Rows that have exactly the numbers of an earlier row, and how many have not.

use ndarray::{ArrayView1, ArrayView2};
use rayon::prelude::*;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::packed::{Packer, Unpacker};
use super::{Fold, Portable, RowBlock, RowSource, fold_rows};
use crate::error::Result;

/// The distinct vectors among some rows, each with all rows that hold it. 0 and -0 are the same number.
///
/// ```
/// use embedlab::rows::DistinctRows;
/// let rows = ndarray::array![[1.0_f32], [2.0], [1.0], [3.0]];
/// let distinct = DistinctRows::of(&rows)?;
/// assert_eq!(distinct.first_rows(), [0, 1, 3]);
/// assert_eq!(distinct.groups().collect::<Vec<_>>(), [[0, 2]]);
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistinctRows {
    /// The first row of each distinct vector, ascending.
    first: Vec<u32>,
    /// For each row, which distinct vector it holds.
    of_row: Vec<u32>,
    /// The rows of all distinct vectors, one vector after the other, each ascending.
    members: Vec<u32>,
    /// Where the rows of each distinct vector start in `members`; one more than there are vectors.
    starts: Vec<u32>,
    hash: u64,
}

impl DistinctRows {
    /// Finds them by a 128-bit hash in one pass; where the source is a matrix, the numbers themselves are compared too.
    /// Cost: one reading of the rows; memory 48 bytes a row.
    ///
    /// # Errors
    /// Whatever the source meets while reading.
    pub fn of(source: &(impl RowSource + ?Sized)) -> Result<DistinctRows> {
        let hashes = fold_rows(source, &Hashes)?.hashes;
        Ok(DistinctRows::from_hashes(&hashes, source.dims(), source.as_matrix()))
    }

    fn from_hashes(hashes: &[u128], dims: usize, matrix: Option<ArrayView2<'_, f32>>) -> DistinctRows {
        let n = hashes.len();
        let mut sorted: Vec<(u128, u32)> = hashes.iter().zip(0..).map(|(hash, row)| (*hash, row)).collect();
        sorted.par_sort_unstable();
        // The first row with the same numbers, for each row.
        let mut original: Vec<u32> = (0..n as u32).collect();
        for group in sorted.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
            let mut originals = vec![group[0].1];
            for (_, row) in &group[1..] {
                let same = |first: &&u32| {
                    matrix.is_none_or(|rows| rows.row(**first as usize) == rows.row(*row as usize))
                };
                match originals.iter().find(same) {
                    Some(first) => original[*row as usize] = *first,
                    None => originals.push(*row),
                }
            }
        }
        let mut first = Vec::new();
        let mut of_row = vec![0; n];
        for row in 0..n {
            if original[row] as usize == row {
                of_row[row] = first.len() as u32;
                first.push(row as u32);
            } else {
                of_row[row] = of_row[original[row] as usize];
            }
        }
        let mut starts = vec![0_u32; first.len() + 1];
        of_row.iter().for_each(|vector| starts[*vector as usize + 1] += 1);
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut members = vec![0; n];
        for (row, vector) in of_row.iter().enumerate() {
            members[next[*vector as usize] as usize] = row as u32;
            next[*vector as usize] += 1;
        }
        DistinctRows { first, of_row, members, starts, hash: hash_of_rows(hashes, dims) }
    }

    /// How many rows there are.
    pub fn n_rows(&self) -> usize {
        self.of_row.len()
    }

    /// How many distinct vectors there are.
    pub fn len(&self) -> usize {
        self.first.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// The first row of each distinct vector, ascending.
    pub fn first_rows(&self) -> &[u32] {
        &self.first
    }

    /// Which distinct vector a row holds (0 for the first one).
    pub fn vector_of(&self, row: usize) -> usize {
        self.of_row[row] as usize
    }

    /// The rows that hold a distinct vector, ascending.
    pub fn rows_of(&self, vector: usize) -> &[u32] {
        &self.members[self.starts[vector] as usize..self.starts[vector + 1] as usize]
    }

    /// The rows of each vector that stands in more than one, ordered by their first row.
    pub fn groups(&self) -> impl Iterator<Item = &[u32]> {
        (0..self.len()).map(|vector| self.rows_of(vector)).filter(|rows| rows.len() > 1)
    }

    /// How many rows repeat an earlier one.
    pub fn repeated(&self) -> usize {
        self.n_rows() - self.len()
    }

    /// A hash of all rows, their order and their dimensions: what a stored graph belongs to.
    pub fn hash(&self) -> u64 {
        self.hash
    }
}

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
    let hashed = fold_rows(source, &Hashes)?;
    Ok(hashed.distinct())
}

fn hash_of_rows(hashes: &[u128], dims: usize) -> u64 {
    let mut all = Xxh3::new();
    all.update(&(dims as u64).to_le_bytes());
    hashes.iter().for_each(|hash| all.update(&hash.to_le_bytes()));
    all.digest()
}

/// A pass that hashes every row.
pub(crate) struct Hashes;

/// The hash of each row.
#[derive(Default)]
pub(crate) struct Hashed {
    hashes: Vec<u128>,
    numbers: Vec<f32>,
}

impl Hashed {
    /// A hash of all rows, their order and their dimensions; that of [`DistinctRows::hash`].
    pub fn of_all(&self, dims: usize) -> u64 {
        hash_of_rows(&self.hashes, dims)
    }

    /// How many different rows there are.
    pub fn distinct(self) -> usize {
        let mut hashes = self.hashes;
        hashes.par_sort_unstable();
        hashes.dedup();
        hashes.len()
    }
}

impl Fold for Hashes {
    type Part = Hashed;

    fn start(&self) -> Hashed {
        Hashed::default()
    }

    fn add(&self, part: &mut Hashed, block: RowBlock<'_>) {
        for row in block.rows.rows() {
            part.hashes.push(hash(row, &mut part.numbers));
        }
    }

    fn merge(&self, into: &mut Hashed, from: Hashed) {
        into.hashes.extend(from.hashes);
    }

    fn portable(&self) -> Option<&dyn Portable<Part = Hashed>> {
        Some(self)
    }
}

impl Hashes {
    pub const NAME: &'static str = "hashes";
}

impl Portable for Hashes {
    type Part = Hashed;

    fn name(&self) -> String {
        Self::NAME.into()
    }

    fn params(&self) -> Vec<u8> {
        Vec::new()
    }

    fn merged(&self) -> bool {
        false
    }

    fn rows(&self, part: &Hashed) -> usize {
        part.hashes.len()
    }

    fn pack(&self, part: Hashed) -> Vec<u8> {
        Packer::default().add(&part.hashes).bytes()
    }

    fn unpack(&self, bytes: &[u8]) -> Result<Hashed> {
        let mut series = Unpacker::new(bytes);
        let hashed = Hashed { hashes: series.next()?, numbers: Vec::new() };
        series.end().map(|()| hashed)
    }
}

/// Adding 0 turns -0 into 0.
fn hash(row: ArrayView1<'_, f32>, numbers: &mut Vec<f32>) -> u128 {
    numbers.clear();
    numbers.extend(row.iter().map(|x| x + 0.0));
    xxh3_128(bytemuck::cast_slice(numbers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn equal_hashes_of_unequal_rows_are_not_equal_rows() {
        let rows = array![[1.0_f32], [2.0], [1.0], [2.0], [3.0]];
        let collided = [7, 7, 7, 7, 7];
        let found = DistinctRows::from_hashes(&collided, 1, Some(rows.view()));
        assert_eq!(found.first_rows(), [0, 1, 4]);
        assert_eq!(found.groups().collect::<Vec<_>>(), [[0, 2], [1, 3]]);
        assert_eq!(DistinctRows::from_hashes(&collided, 1, None).first_rows(), [0]);
    }

    #[test]
    fn both_zeros_are_the_same_number() {
        let rows = array![[0.0_f32, 1.0], [-0.0, 1.0]];
        assert_eq!(DistinctRows::of(&rows).unwrap().repeated(), 1);
    }

    #[test]
    fn the_order_of_the_rows_and_their_shape_change_the_hash() {
        let rows = Array2::from_shape_fn((6, 4), |(i, j)| (i * 4 + j) as f32);
        let hash = |rows: &Array2<f32>| DistinctRows::of(rows).unwrap().hash();
        let mut swapped = rows.clone();
        swapped.swap([0, 0], [1, 0]);
        assert_ne!(hash(&rows), hash(&swapped));
        assert_ne!(hash(&rows), hash(&rows.clone().into_shape_with_order((4, 6)).unwrap()));
    }
}
