//! Rows that have exactly the numbers of an earlier row.

use ndarray::{ArrayView1, ArrayView2};
use rayon::prelude::*;

/// Odd constants without a pattern: digits of pi.
const KEYS: [u64; 4] =
    [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7345, 0xa409_3822_299f_31d1, 0x082e_fa98_ec4e_6c89];

/// A 128-bit hash of a row: two chains of folded multiplications, as in wyhash. -0 counts as 0.
pub(super) fn hash(row: ArrayView1<'_, f32>) -> u128 {
    let bits = |x: f32| u64::from((x + 0.0).to_bits());
    let (mut a, mut b) = (KEYS[0], KEYS[1]);
    let mut mix = |word: u64| {
        a = fold(a ^ word, KEYS[2]);
        b = fold(b ^ word.rotate_left(29), KEYS[3]).wrapping_add(word);
    };
    let mut numbers = row.iter().copied();
    while let Some(x) = numbers.next() {
        mix(bits(x) | numbers.next().map_or(0, bits) << 32);
    }
    u128::from(a) << 64 | u128::from(b)
}

fn fold(x: u64, key: u64) -> u64 {
    let product = u128::from(x) * u128::from(key);
    product as u64 ^ (product >> 64) as u64
}

/// The rows that repeat an earlier one, ascending. `matrix` holds the rows, where they are in memory,
/// to make sure that equal hashes are equal rows.
pub(super) fn find(hashes: &[Option<u128>], matrix: Option<ArrayView2<'_, f32>>) -> Vec<usize> {
    let mut rows: Vec<(u128, usize)> =
        hashes.iter().enumerate().filter_map(|(row, hash)| Some(((*hash)?, row))).collect();
    rows.par_sort_unstable();
    let mut repeats = Vec::new();
    for group in rows.chunk_by(|a, b| a.0 == b.0) {
        let mut originals = vec![group[0].1];
        for &(_, row) in &group[1..] {
            let same = |&original: &usize| matrix.is_none_or(|m| m.row(original) == m.row(row));
            if originals.iter().any(same) {
                repeats.push(row);
            } else {
                originals.push(row);
            }
        }
    }
    repeats.sort_unstable();
    repeats
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use std::collections::HashSet;

    #[test]
    fn equal_hashes_of_unequal_rows_are_no_repeat_in_memory() {
        let rows = array![[1.0_f32], [2.0], [1.0], [2.0], [3.0]];
        let collided = [Some(7), Some(7), Some(7), Some(7), None];
        assert_eq!(find(&collided, Some(rows.view())), [2, 3]);
        assert_eq!(find(&collided, None), [1, 2, 3]);
    }

    #[test]
    fn small_changes_and_swaps_change_the_hash() {
        let base: Vec<f32> = (0..33).map(|i| i as f32).collect();
        let mut seen = HashSet::from([hash(ArrayView1::from(&base))]);
        for i in 0..33 {
            for change in [f32::EPSILON, 1.0, -64.0] {
                let mut row = base.clone();
                row[i] += change + row[i] * f32::EPSILON;
                assert!(seen.insert(hash(ArrayView1::from(&row))), "{i} {change}");
            }
            let mut row = base.clone();
            row.swap(i, (i + 7) % 33);
            assert!(seen.insert(hash(ArrayView1::from(&row))), "{i}");
        }
        assert_eq!(hash(array![0.0_f32, -0.0].view()), hash(array![-0.0_f32, 0.0].view()));
    }
}
