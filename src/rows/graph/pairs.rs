//! Exact distances of the pairs that a search has found: each pair once, and rows that are near in memory together.

use rayon::prelude::*;

use super::candidates::Candidate;
use super::measure::Measure;

/// Rows on the nearer side of a pair that are measured together: of 1,536 dimensions they fill 400 kB, which stays at hand
/// while the other rows pass by.
const TOGETHER: u32 = 64;

/// So many entries are put in order at once; with their distances they take 40 bytes each.
const AT_ONCE: usize = 1 << 20;

/// The distance of each row to each of its candidates.
pub(super) struct PairDistances {
    width: usize,
    distances: Vec<f64>,
}

/// A candidate in the list of one of the two rows of a pair.
#[derive(Clone, Copy)]
struct Entry {
    low: u32,
    high: u32,
    /// The place in the list, doubled, and one more in the list of the higher row.
    place: u32,
}

impl Entry {
    fn new(row: usize, at: usize, other: u32) -> Entry {
        let row = row as u32;
        let at = at as u32 * 2;
        if row < other {
            Entry { low: row, high: other, place: at }
        } else {
            Entry { low: other, high: row, place: at + 1 }
        }
    }

    fn group(&self) -> u32 {
        self.low / TOGETHER
    }

    /// Where the distance belongs.
    fn slot(&self, width: usize) -> usize {
        let owner = if self.place.is_multiple_of(2) { self.low } else { self.high };
        owner as usize * width + self.place as usize / 2
    }
}

impl PairDistances {
    /// Of the rows' lists, as a search has left them.
    pub fn of_candidates(measure: &Measure<'_>, found: &[Vec<Candidate>]) -> PairDistances {
        let width = found.iter().map(Vec::len).max().unwrap_or(0);
        PairDistances::of(measure, found.len(), width, |row| found[row].iter().map(|(_, other)| *other))
    }

    /// Of the lists of `n` rows, none longer than `width`. Most pairs stand in the lists of both rows.
    pub fn of<L: Iterator<Item = u32>>(
        measure: &Measure<'_>,
        n: usize,
        width: usize,
        list: impl Fn(usize) -> L + Sync,
    ) -> PairDistances {
        let mut distances = vec![0.0; n * width];
        let stripes = (n * width).div_ceil(AT_ONCE).max(1);
        let rows = n.div_ceil(stripes).max(1);
        for first in (0..n).step_by(rows) {
            let low = first as u32..=(first + rows - 1).min(n - 1) as u32;
            let entries = (0..n).into_par_iter().flat_map_iter(|row| {
                let all = list(row).enumerate().map(move |(at, other)| Entry::new(row, at, other));
                all.filter(|entry| low.contains(&entry.low))
            });
            let mut entries: Vec<Entry> = entries.collect();
            entries.par_sort_unstable_by_key(|entry| (entry.group(), entry.high, entry.low, entry.place));
            let measured: Vec<Vec<f64>> = entries
                .par_chunk_by(|a, b| a.group() == b.group())
                .map(|group| {
                    let mut last = None;
                    let mut one = |entry: &Entry| match last {
                        Some((pair, distance)) if pair == (entry.low, entry.high) => distance,
                        _ => {
                            let distance = measure.distance(entry.low as usize, entry.high as usize);
                            last = Some(((entry.low, entry.high), distance));
                            distance
                        }
                    };
                    group.iter().map(&mut one).collect()
                })
                .collect();
            for (entry, distance) in entries.iter().zip(measured.into_iter().flatten()) {
                distances[entry.slot(width)] = distance;
            }
        }
        PairDistances { width, distances }
    }

    /// The distances of a row to its candidates, in the order of its list; what follows them belongs to no candidate.
    pub fn of_row(&self, row: usize) -> &[f64] {
        &self.distances[row * self.width..(row + 1) * self.width]
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::rows::Metric;

    #[test]
    fn each_distance_stands_where_its_candidate_stands() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let rows = Array2::from_shape_simple_fn((300, 5), || random.gen_range(-1.0_f32..1.0));
        let found: Vec<Vec<Candidate>> = (0..300)
            .map(|row| {
                let others = (0..random.gen_range(0..40)).map(|_| random.gen_range(0..300));
                others.filter(|other| *other != row).map(|other: u32| (0.0, other)).collect()
            })
            .collect();
        for metric in [Metric::L2, Metric::Cosine] {
            let measure = Measure::new(rows.view(), metric).unwrap();
            let distances = PairDistances::of_candidates(&measure, &found);
            for (row, list) in found.iter().enumerate() {
                for ((_, other), distance) in list.iter().zip(distances.of_row(row)) {
                    assert_eq!(*distance, measure.distance(row, *other as usize));
                }
            }
        }
    }
}
