//! Features as bytes: at most 255 bins each, cut at the quantiles of the training rows.
//!
//! A tree asks only "is this feature at most that threshold", so all it needs of a number is its
//! place among at most 254 thresholds: one byte. The bytes of [`LANES`] features are together, row
//! by row, so that a node reads 16 features of a row at once and works on them side by side.

use ndarray::{ArrayView1, ArrayView2};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// Features that are searched side by side.
pub(super) const LANES: usize = 16;

/// The bytes of [`LANES`] features of one row.
pub(super) type Lane = [u8; LANES];

/// Rows whose values place the thresholds; of more rows a sample is enough, as in scikit-learn's
/// histogram boosting.
const ROWS_FOR_QUANTILES: usize = 200_000;

/// Training rows as bins.
pub(super) struct Bins {
    n_rows: usize,
    n_features: usize,
    /// Block by block of features, and in a block row by row.
    codes: Vec<Lane>,
    features: Vec<Thresholds>,
}

/// Where the bins of a feature end: bin `b` holds the values up to `edges[b]` and above
/// `edges[b - 1]`; the last bin has no end.
struct Thresholds {
    edges: Vec<f32>,
    low: f32,
    high: f32,
}

impl Bins {
    /// Bins finite rows (n x d) in at most `max_bins` (2 to 255) bins a feature.
    pub fn new(rows: ArrayView2<'_, f32>, max_bins: usize, seed: u64) -> Bins {
        let (n_rows, n_features) = rows.dim();
        let sample = (n_rows > ROWS_FOR_QUANTILES).then(|| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut sample = rand::seq::index::sample(&mut random, n_rows, ROWS_FOR_QUANTILES).into_vec();
            sample.sort_unstable();
            sample
        });
        let mut codes = vec![[0; LANES]; n_features.div_ceil(LANES) * n_rows];
        let features = codes
            .par_chunks_mut(n_rows.max(1))
            .enumerate()
            .flat_map_iter(|(block, codes)| {
                let first = block * LANES;
                let last = (first + LANES).min(n_features);
                let mut values = Vec::new();
                (first..last)
                    .map(|feature| {
                        let column = rows.column(feature);
                        let thresholds = Thresholds::of(column, sample.as_deref(), max_bins, &mut values);
                        for (code, value) in codes.iter_mut().zip(column) {
                            code[feature - first] = thresholds.bin(*value);
                        }
                        thresholds
                    })
                    .collect::<Vec<_>>()
            })
            .collect();
        Bins { n_rows, n_features, codes, features }
    }

    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// The bytes of a block of features, row by row.
    pub fn block(&self, block: usize) -> &[Lane] {
        &self.codes[block * self.n_rows..(block + 1) * self.n_rows]
    }

    /// The bin of one value.
    pub fn code(&self, feature: usize, row: usize) -> u8 {
        self.codes[feature / LANES * self.n_rows + row][feature % LANES]
    }

    /// The threshold between rows in bins up to `left` and rows in bins from `right` on: the middle
    /// of the gap between them.
    pub fn threshold(&self, feature: usize, left: u8, right: u8) -> f32 {
        let edges = &self.features[feature].edges;
        let (low, high) = (edges[usize::from(left)], edges[usize::from(right) - 1]);
        (low + (high - low) * 0.5).clamp(low, high)
    }

    /// The bin that a threshold falls into when it is drawn at `share` (0 to 1) of the way from the
    /// bin `low` to the bin `high`, measured in the feature's own units: at least `low`, below `high`.
    pub fn bin_at(&self, feature: usize, low: u8, high: u8, share: f32) -> u8 {
        let thresholds = &self.features[feature];
        let (from, to) = (thresholds.middle(low), thresholds.middle(high));
        thresholds.bin(from + (to - from) * share).clamp(low, high.saturating_sub(1).max(low))
    }
}

impl Thresholds {
    fn of(
        column: ArrayView1<'_, f32>,
        sample: Option<&[usize]>,
        max_bins: usize,
        values: &mut Vec<f32>,
    ) -> Thresholds {
        values.clear();
        match sample {
            Some(rows) => values.extend(rows.iter().map(|row| column[*row])),
            None => values.extend(column),
        }
        values.sort_unstable_by(f32::total_cmp);
        let (low, high) = (values.first().copied().unwrap_or(0.0), values.last().copied().unwrap_or(0.0));
        let changes = values.windows(2).filter(|pair| pair[0] < pair[1]).count();
        let mut edges = Vec::with_capacity(changes.min(max_bins - 1));
        if changes < max_bins {
            edges.extend(
                values.windows(2).filter(|pair| pair[0] < pair[1]).map(|pair| between(pair[0], pair[1])),
            );
        } else {
            for cut in 1..max_bins {
                let here = cut * values.len() / max_bins;
                let (left, right) = (values[here - 1], values[here]);
                // A cut within equal values goes behind them.
                let edge = if left < right { between(left, right) } else { right };
                if edge < high && edges.last().is_none_or(|last| *last < edge) {
                    edges.push(edge);
                }
            }
        }
        Thresholds { edges, low, high }
    }

    fn bin(&self, value: f32) -> u8 {
        self.edges.partition_point(|edge| *edge < value) as u8
    }

    /// A value that stands for a bin.
    fn middle(&self, bin: u8) -> f32 {
        let bin = usize::from(bin);
        let from = if bin == 0 { self.low } else { self.edges[bin - 1] };
        let to = self.edges.get(bin).copied().unwrap_or(self.high);
        from + (to - from) * 0.5
    }
}

/// A number from `left` up to but not including `right`.
fn between(left: f32, right: f32) -> f32 {
    let middle = left + (right - left) * 0.5;
    if middle < right { middle } else { left }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn few_values_have_a_bin_each() {
        let bins = Bins::new(array![[3.0, 1.0], [1.0, 1.0], [2.0, 1.0], [1.0, 1.0]].view(), 255, 0);
        let codes: Vec<u8> = (0..4).map(|row| bins.code(0, row)).collect();
        assert_eq!(codes, [2, 0, 1, 0]);
        assert!((0..4).all(|row| bins.code(1, row) == 0));
        assert_eq!(bins.threshold(0, 0, 2), 2.0);
    }

    #[test]
    fn many_values_fill_their_bins_evenly() {
        let rows = Array2::from_shape_fn((1000, 1), |(row, _)| ((row * 37) % 1000) as f32);
        let bins = Bins::new(rows.view(), 255, 0);
        let mut counts = [0; 255];
        (0..1000).for_each(|row| counts[usize::from(bins.code(0, row))] += 1);
        assert!(counts.iter().all(|count| (3..=4).contains(count)), "{counts:?}");
        for row in 0..1000 {
            for other in 0..1000 {
                let (a, b) = (bins.code(0, row), bins.code(0, other));
                assert!(a >= b || rows[[row, 0]] < rows[[other, 0]]);
            }
        }
    }

    #[test]
    fn neighbouring_floats_are_told_apart() {
        let low = 1.0_f32;
        let high = f32::from_bits(low.to_bits() + 1);
        let bins = Bins::new(array![[low], [high]].view(), 255, 0);
        let threshold = bins.threshold(0, 0, 1);
        assert!(low <= threshold && threshold < high);
    }
}
