//! The best split by squared error, for 16 features side by side.
//!
//! With targets measured from the mean of their node, a split whose left side has the weight `w` and
//! the sum `s` lowers the squared error by `s² W / (w (W - w))`, where `W` is the node's weight. That
//! takes one running sum and one running weight for each feature, so 16 features fit one vector.
//! Nodes of many rows are counted into bins first; in a node of few rows it is quicker to compare
//! each row with each other.

#![allow(clippy::needless_range_loop, reason = "loops over lanes become vector instructions")]

use pulp::{Arch, Simd, WithSimd};

use super::bins::{LANES, Lane};

/// Up to this many rows are compared pair by pair: about where it costs as much as filling and reading
/// 255 bins.
const FEW_ROWS: usize = 40;

/// The best split of each of 16 features.
#[derive(Debug, Clone, Copy)]
pub(super) struct LaneSplits {
    /// How much each lowers the node's weighted squared error; negative where no split is allowed.
    pub gain: [f32; LANES],
    /// The last bin of the left side.
    pub bin: [u8; LANES],
}

/// A node as the search sees it, row by row.
pub(super) struct Rows<'a> {
    pub codes: &'a [Lane],
    /// Weight times target, measured from the node's mean.
    pub sums: &'a [f32],
    pub weights: &'a [f32],
    pub weight: f32,
    /// No side may weigh less: half of the lightest row keeps rounding from passing for a row.
    pub least_weight: f32,
    pub min_samples_leaf: usize,
}

/// Running sums, bin by bin; kept between nodes to save the allocation.
pub(super) struct Histogram {
    bins: Vec<Bin>,
}

#[derive(Clone, Copy)]
struct Bin {
    sums: [f32; LANES],
    weights: [f32; LANES],
    counts: [f32; LANES],
}

const EMPTY: Bin = Bin { sums: [0.0; LANES], weights: [0.0; LANES], counts: [0.0; LANES] };

impl Default for Histogram {
    fn default() -> Self {
        Histogram { bins: vec![EMPTY; 256] }
    }
}

/// The best split of each feature of the block.
pub(super) fn best_splits(rows: &Rows<'_>, histogram: &mut Histogram) -> LaneSplits {
    let counted = rows.min_samples_leaf > 1;
    match (rows.codes.len() <= FEW_ROWS, counted) {
        (true, false) => Arch::new().dispatch(Pairs::<false> { rows }),
        (true, true) => Arch::new().dispatch(Pairs::<true> { rows }),
        (false, false) => Arch::new().dispatch(Binned::<false> { rows, histogram }),
        (false, true) => Arch::new().dispatch(Binned::<true> { rows, histogram }),
    }
}

/// One threshold for each feature, given as the last bin of its left side: how much each gains.
pub(super) fn splits_at(rows: &Rows<'_>, bins: Lane) -> LaneSplits {
    Arch::new().dispatch(At { rows, bins })
}

/// The best split so far of each lane, as a fraction, so that splits are compared without dividing.
///
/// Bins are kept as `f32` and choices made with bit masks: every loop over the lanes is then a few
/// vector instructions.
struct Best {
    numerator: [f32; LANES],
    denominator: [f32; LANES],
    bin: [f32; LANES],
}

/// All bits set for `true`.
#[inline(always)]
fn mask(condition: bool) -> u32 {
    u32::from(condition).wrapping_neg()
}

#[inline(always)]
fn choose(mask: u32, yes: f32, no: f32) -> f32 {
    f32::from_bits((yes.to_bits() & mask) | (no.to_bits() & !mask))
}

impl Best {
    #[inline(always)]
    fn new() -> Best {
        Best { numerator: [-1.0; LANES], denominator: [1.0; LANES], bin: [0.0; LANES] }
    }

    /// Keeps, lane by lane, the better of this and the split behind `bin`.
    #[inline(always)]
    fn offer<const COUNTED: bool>(&mut self, rows: &Rows<'_>, left: &Bin, bin: &[f32; LANES]) {
        let least_rows = rows.min_samples_leaf as f32;
        let most_rows = rows.codes.len() as f32 - least_rows;
        for lane in 0..LANES {
            let (sum, weight) = (left.sums[lane], left.weights[lane]);
            let rest = rows.weight - weight;
            let (numerator, denominator) = (sum * sum, weight * rest);
            let mut better = mask(numerator * self.denominator[lane] > self.numerator[lane] * denominator)
                & mask(weight >= rows.least_weight)
                & mask(rest >= rows.least_weight);
            if COUNTED {
                better &= mask(left.counts[lane] >= least_rows) & mask(left.counts[lane] <= most_rows);
            }
            self.numerator[lane] = choose(better, numerator, self.numerator[lane]);
            self.denominator[lane] = choose(better, denominator, self.denominator[lane]);
            self.bin[lane] = choose(better, bin[lane], self.bin[lane]);
        }
    }

    #[inline(always)]
    fn splits(&self, weight: f32) -> LaneSplits {
        let mut gain = [0.0; LANES];
        for lane in 0..LANES {
            gain[lane] = self.numerator[lane] / self.denominator[lane] * weight;
        }
        LaneSplits { gain, bin: self.bin.map(|bin| bin as u8) }
    }
}

struct Binned<'a, const COUNTED: bool> {
    rows: &'a Rows<'a>,
    histogram: &'a mut Histogram,
}

impl<const COUNTED: bool> WithSimd for Binned<'_, COUNTED> {
    type Output = LaneSplits;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> LaneSplits {
        let Binned { rows, histogram } = self;
        let Ok(bins) = <&mut [Bin; 256]>::try_from(histogram.bins.as_mut_slice()) else {
            return Best::new().splits(0.0);
        };
        for bin in bins.iter_mut() {
            bin.sums = [0.0; LANES];
            bin.weights = [0.0; LANES];
            if COUNTED {
                bin.counts = [0.0; LANES];
            }
        }
        for ((codes, sum), weight) in rows.codes.iter().zip(rows.sums).zip(rows.weights) {
            for lane in 0..LANES {
                let bin = &mut bins[usize::from(codes[lane])];
                bin.sums[lane] += sum;
                bin.weights[lane] += weight;
                if COUNTED {
                    bin.counts[lane] += 1.0;
                }
            }
        }
        let mut left = EMPTY;
        let mut best = Best::new();
        for (code, bin) in bins[..255].iter().enumerate() {
            for lane in 0..LANES {
                left.sums[lane] += bin.sums[lane];
                left.weights[lane] += bin.weights[lane];
                if COUNTED {
                    left.counts[lane] += bin.counts[lane];
                }
            }
            best.offer::<COUNTED>(rows, &left, &[code as f32; LANES]);
        }
        best.splits(rows.weight)
    }
}

struct Pairs<'a, const COUNTED: bool> {
    rows: &'a Rows<'a>,
}

impl<const COUNTED: bool> WithSimd for Pairs<'_, COUNTED> {
    type Output = LaneSplits;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> LaneSplits {
        let mut best = Best::new();
        for codes in self.rows.codes {
            best.offer::<COUNTED>(self.rows, &left_of::<COUNTED>(self.rows, codes), &codes.map(f32::from));
        }
        best.splits(self.rows.weight)
    }
}

struct At<'a> {
    rows: &'a Rows<'a>,
    bins: Lane,
}

impl WithSimd for At<'_> {
    type Output = LaneSplits;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> LaneSplits {
        let mut best = Best::new();
        best.offer::<true>(self.rows, &left_of::<true>(self.rows, &self.bins), &self.bins.map(f32::from));
        best.splits(self.rows.weight)
    }
}

/// The rows whose bins are at most `codes`, lane by lane. Two rows at a time, each into sums of its
/// own, so that one addition need not wait for the other.
#[inline(always)]
fn left_of<const COUNTED: bool>(rows: &Rows<'_>, codes: &Lane) -> Bin {
    let (mut even, mut odd) = (EMPTY, EMPTY);
    let (pairs, last) = rows.codes.as_chunks::<2>();
    let (sums, weights) = (rows.sums.as_chunks::<2>().0, rows.weights.as_chunks::<2>().0);
    for ((other, sum), weight) in pairs.iter().zip(sums).zip(weights) {
        add_left::<COUNTED>(&mut even, codes, &other[0], sum[0], weight[0]);
        add_left::<COUNTED>(&mut odd, codes, &other[1], sum[1], weight[1]);
    }
    if let ([other], Some(sum), Some(weight)) = (last, rows.sums.last(), rows.weights.last()) {
        add_left::<COUNTED>(&mut even, codes, other, *sum, *weight);
    }
    for lane in 0..LANES {
        even.sums[lane] += odd.sums[lane];
        even.weights[lane] += odd.weights[lane];
        if COUNTED {
            even.counts[lane] += odd.counts[lane];
        }
    }
    even
}

#[inline(always)]
fn add_left<const COUNTED: bool>(left: &mut Bin, codes: &Lane, other: &Lane, sum: f32, weight: f32) {
    for lane in 0..LANES {
        let is_left = mask(other[lane] <= codes[lane]);
        left.sums[lane] += f32::from_bits(sum.to_bits() & is_left);
        left.weights[lane] += f32::from_bits(weight.to_bits() & is_left);
        if COUNTED {
            left.counts[lane] += f32::from_bits(1_f32.to_bits() & is_left);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    struct Node {
        codes: Vec<Lane>,
        sums: Vec<f32>,
        weights: Vec<f32>,
        min_samples_leaf: usize,
    }

    impl Node {
        fn random(n: usize, n_bins: u8, min_samples_leaf: usize, seed: u64) -> Node {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let codes = (0..n).map(|_| std::array::from_fn(|_| random.gen_range(0..n_bins))).collect();
            let weights: Vec<f32> = (0..n).map(|_| random.gen_range(1..4) as f32).collect();
            let targets: Vec<f32> = (0..n).map(|_| random.gen_range(-1.0..1.0)).collect();
            let total: f32 = weights.iter().sum();
            let mean = targets.iter().zip(&weights).map(|(t, w)| t * w).sum::<f32>() / total;
            let sums = targets.iter().zip(&weights).map(|(t, w)| (t - mean) * w).collect();
            Node { codes, sums, weights, min_samples_leaf }
        }

        fn rows(&self) -> Rows<'_> {
            Rows {
                codes: &self.codes,
                sums: &self.sums,
                weights: &self.weights,
                weight: self.weights.iter().sum(),
                least_weight: 0.5,
                min_samples_leaf: self.min_samples_leaf,
            }
        }

        /// The gain of a split in `f64`, from its definition.
        fn gain(&self, lane: usize, bin: u8) -> Option<f64> {
            let (mut left, mut right) = ((0, 0.0, 0.0), (0, 0.0, 0.0));
            for ((codes, sum), weight) in self.codes.iter().zip(&self.sums).zip(&self.weights) {
                let side = if codes[lane] <= bin { &mut left } else { &mut right };
                side.0 += 1;
                side.1 += f64::from(*sum);
                side.2 += f64::from(*weight);
            }
            let enough = left.0.min(right.0) >= self.min_samples_leaf;
            enough.then(|| left.1 * left.1 / left.2 + right.1 * right.1 / right.2)
        }
    }

    #[test]
    fn the_best_split_is_the_best_of_all_splits() {
        let mut histogram = Histogram::default();
        for (seed, n) in [2, 3, 17, 40, 41, 100, 700].into_iter().enumerate() {
            for n_bins in [1, 2, 9, 255] {
                for min_samples_leaf in [1, 3] {
                    let node = Node::random(n, n_bins, min_samples_leaf, seed as u64);
                    let found = best_splits(&node.rows(), &mut histogram);
                    for lane in 0..LANES {
                        let best = (0..=254).filter_map(|bin| node.gain(lane, bin)).reduce(f64::max);
                        let gain = f64::from(found.gain[lane]);
                        let Some(best) = best else {
                            assert!(gain < 0.0, "a split where none is allowed");
                            continue;
                        };
                        assert!((gain - best).abs() <= 1e-4 * best.max(0.01), "{n} rows: {gain}, not {best}");
                        let there = node.gain(lane, found.bin[lane]).unwrap();
                        assert!((there - best).abs() <= 1e-4 * best.max(0.01));
                    }
                }
            }
        }
    }

    #[test]
    fn a_given_split_gains_what_it_should() {
        let node = Node::random(50, 200, 1, 1);
        let bins = std::array::from_fn(|lane| lane as u8 * 12);
        let found = splits_at(&node.rows(), bins);
        for lane in 0..LANES {
            match node.gain(lane, bins[lane]) {
                Some(gain) => assert!((f64::from(found.gain[lane]) - gain).abs() < 1e-4),
                None => assert!(found.gain[lane] < 0.0),
            }
        }
    }
}
