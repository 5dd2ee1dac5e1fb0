//! The best split by gini, entropy or absolute error: one feature at a time, rows in its order.
//!
//! These need more of each side than a sum and a weight (the weight of every class, the median), so a
//! node's rows are put in the feature's order and moved from the right side to the left one by one.

use super::params::Criterion;

/// What a scan keeps of the two sides of a split.
pub(super) enum Sides {
    Classes(Classes),
    Medians(Medians),
}

/// The best split of one feature.
#[derive(Debug, Clone, Copy)]
pub(super) struct OrderedSplit {
    /// How much it lowers the node's weighted impurity.
    pub gain: f64,
    /// The last bin of the left side.
    pub bin: u8,
}

/// A node as the scan sees it.
pub(super) struct OrderedRows<'a> {
    /// The class of each row, or the rank of its target among the distinct targets of all rows.
    pub keys: &'a [u32],
    pub weights: &'a [f32],
    pub min_samples_leaf: usize,
}

/// Rows in the order of a feature; kept between features to save the allocation.
#[derive(Default)]
pub(super) struct Order {
    /// A bin in the upper byte, a position in the lower three.
    packed: Vec<u32>,
    sorted: Vec<u32>,
}

/// The most rows of a tree: positions have 24 bits.
pub(super) const MOST_ROWS: usize = 1 << 24;

/// From this many rows on, counting the bins is quicker than comparing.
const MANY_ROWS: usize = 96;

impl Order {
    /// Puts the rows in the order of their bins, equal ones in row order.
    pub fn sort(&mut self, bins: impl Iterator<Item = u8>) {
        self.packed.clear();
        self.packed.extend(bins.enumerate().map(|(at, bin)| u32::from(bin) << 24 | at as u32));
        if self.packed.len() < MANY_ROWS {
            self.packed.sort_unstable();
            return;
        }
        let mut starts = [0_u32; 257];
        self.packed.iter().for_each(|key| starts[(key >> 24) as usize + 1] += 1);
        for bin in 0..256 {
            starts[bin + 1] += starts[bin];
        }
        self.sorted.resize(self.packed.len(), 0);
        for key in &self.packed {
            let place = &mut starts[(key >> 24) as usize];
            self.sorted[*place as usize] = *key;
            *place += 1;
        }
        std::mem::swap(&mut self.packed, &mut self.sorted);
    }

    fn bin(&self, at: usize) -> u8 {
        (self.packed[at] >> 24) as u8
    }

    fn row(&self, at: usize) -> usize {
        (self.packed[at] & 0xff_ffff) as usize
    }

    /// Whether a side may end before the row at this place.
    fn may_cut(&self, at: usize, min_samples_leaf: usize) -> bool {
        self.bin(at - 1) < self.bin(at)
            && at >= min_samples_leaf
            && self.packed.len() - at >= min_samples_leaf
    }
}

impl Sides {
    pub fn classes(criterion: Criterion, n_classes: usize) -> Sides {
        Sides::Classes(Classes {
            entropy: criterion == Criterion::Entropy,
            places: vec![NOWHERE; n_classes],
            here: Vec::new(),
            total: Vec::new(),
            left: Vec::new(),
            right: Vec::new(),
            weight: 0.0,
        })
    }

    /// `values`: the distinct targets, ascending.
    pub fn medians(values: Vec<f64>) -> Sides {
        Sides::Medians(Medians {
            values,
            here: Vec::new(),
            ranks: Vec::new(),
            tree: Fenwick::default(),
            errors: Vec::new(),
        })
    }

    /// Starts a node; its weighted impurity.
    pub fn open(&mut self, rows: &OrderedRows<'_>) -> f64 {
        match self {
            Sides::Classes(classes) => classes.open(rows),
            Sides::Medians(medians) => medians.open(rows),
        }
    }

    /// The best split of the rows of the open node in this order.
    pub fn best(&mut self, rows: &OrderedRows<'_>, order: &Order) -> Option<OrderedSplit> {
        match self {
            Sides::Classes(classes) => classes.best(rows, order),
            Sides::Medians(medians) => medians.best(rows, order),
        }
    }
}

/// The weight of every class on both sides. A node looks at the classes of its own rows only, numbered anew,
/// so that its cost does not grow with the classes of all rows.
pub(super) struct Classes {
    entropy: bool,
    /// The place of each class in the open node; used while it is opened.
    places: Vec<u32>,
    /// The place of the class of each row of the open node.
    here: Vec<u32>,
    total: Vec<f64>,
    left: Vec<f64>,
    right: Vec<f64>,
    weight: f64,
}

/// The place of a class that the open node does not have.
const NOWHERE: u32 = u32::MAX;

impl Classes {
    fn open(&mut self, rows: &OrderedRows<'_>) -> f64 {
        self.total.clear();
        self.here.clear();
        for (class, weight) in rows.keys.iter().zip(rows.weights) {
            let place = &mut self.places[*class as usize];
            if *place == NOWHERE {
                *place = self.total.len() as u32;
                self.total.push(0.0);
            }
            self.total[*place as usize] += f64::from(*weight);
            self.here.push(*place);
        }
        rows.keys.iter().for_each(|class| self.places[*class as usize] = NOWHERE);
        self.weight = self.total.iter().sum();
        self.whole(self.weight, self.total.iter().map(|weight| self.term(*weight)).sum())
    }

    /// A class's part in a side's purity.
    fn term(&self, weight: f64) -> f64 {
        if self.entropy { x_ln_x(weight) } else { weight * weight }
    }

    /// The impurity of a side times its weight, from its weight and the sum of its terms.
    fn whole(&self, weight: f64, terms: f64) -> f64 {
        if self.entropy { x_ln_x(weight) - terms } else { weight - terms / weight }
    }

    fn best(&mut self, rows: &OrderedRows<'_>, order: &Order) -> Option<OrderedSplit> {
        self.left.clear();
        self.left.resize(self.total.len(), 0.0);
        self.right.clear();
        self.right.extend(&self.total);
        let mut right_terms: f64 = self.total.iter().map(|weight| self.term(*weight)).sum();
        let mut left_terms = 0.0;
        let mut left_weight = 0.0;
        let impurity = self.whole(self.weight, right_terms);
        let mut best: Option<OrderedSplit> = None;
        for at in 0..rows.keys.len() {
            if at > 0 && order.may_cut(at, rows.min_samples_leaf) {
                let right_weight = self.weight - left_weight;
                let gain =
                    impurity - self.whole(left_weight, left_terms) - self.whole(right_weight, right_terms);
                if best.is_none_or(|best| gain > best.gain) {
                    best = Some(OrderedSplit { gain, bin: order.bin(at - 1) });
                }
            }
            let row = order.row(at);
            let (class, weight) = (self.here[row] as usize, f64::from(rows.weights[row]));
            let (left, right) = (self.left[class], self.right[class]);
            if self.entropy {
                left_terms += x_ln_x(left + weight) - x_ln_x(left);
                right_terms += x_ln_x(right - weight) - x_ln_x(right);
            } else {
                left_terms += weight * (2.0 * left + weight);
                right_terms += weight * (weight - 2.0 * right);
            }
            self.left[class] = left + weight;
            self.right[class] = right - weight;
            left_weight += weight;
        }
        best
    }
}

fn x_ln_x(x: f64) -> f64 {
    if x > 0.0 { x * x.ln() } else { 0.0 }
}

/// The distance of each side from its median.
pub(super) struct Medians {
    values: Vec<f64>,
    /// The distinct targets of the open node, ascending.
    here: Vec<f64>,
    /// The place of each row's target among them.
    ranks: Vec<u32>,
    tree: Fenwick,
    errors: Vec<f64>,
}

impl Medians {
    fn open(&mut self, rows: &OrderedRows<'_>) -> f64 {
        let mut keys = rows.keys.to_vec();
        keys.sort_unstable();
        keys.dedup();
        self.ranks.clear();
        self.ranks.extend(rows.keys.iter().map(|key| keys.partition_point(|other| other < key) as u32));
        self.here.clear();
        self.here.extend(keys.iter().map(|key| self.values[*key as usize]));
        self.tree.clear(self.here.len());
        for (rank, weight) in self.ranks.iter().zip(rows.weights) {
            self.tree.add(*rank as usize, f64::from(*weight), self.here[*rank as usize]);
        }
        self.tree.error(&self.here)
    }

    fn best(&mut self, rows: &OrderedRows<'_>, order: &Order) -> Option<OrderedSplit> {
        let n = rows.keys.len();
        self.errors.clear();
        self.errors.resize(n + 1, 0.0);
        let put = |tree: &mut Fenwick, here: &[f64], ranks: &[u32], at: usize| {
            let row = order.row(at);
            let rank = ranks[row] as usize;
            tree.add(rank, f64::from(rows.weights[row]), here[rank]);
        };
        self.tree.clear(self.here.len());
        for at in 0..n {
            if at > 0 && order.may_cut(at, rows.min_samples_leaf) {
                self.errors[at] = self.tree.error(&self.here);
            }
            put(&mut self.tree, &self.here, &self.ranks, at);
        }
        let whole = self.tree.error(&self.here);
        self.tree.clear(self.here.len());
        let mut best: Option<OrderedSplit> = None;
        for at in (1..n).rev() {
            put(&mut self.tree, &self.here, &self.ranks, at);
            if order.may_cut(at, rows.min_samples_leaf) {
                let gain = whole - self.errors[at] - self.tree.error(&self.here);
                if best.is_none_or(|best| gain >= best.gain) {
                    best = Some(OrderedSplit { gain, bin: order.bin(at - 1) });
                }
            }
        }
        best
    }
}

/// Weights and weighted values by rank, with their running sums in logarithmic time (Fenwick, 1994).
#[derive(Default)]
struct Fenwick {
    weights: Vec<f64>,
    sums: Vec<f64>,
    weight: f64,
    sum: f64,
}

impl Fenwick {
    fn clear(&mut self, n: usize) {
        for vector in [&mut self.weights, &mut self.sums] {
            vector.clear();
            vector.resize(n + 1, 0.0);
        }
        self.weight = 0.0;
        self.sum = 0.0;
    }

    fn add(&mut self, rank: usize, weight: f64, value: f64) {
        let mut at = rank + 1;
        while at < self.weights.len() {
            self.weights[at] += weight;
            self.sums[at] += weight * value;
            at += at & at.wrapping_neg();
        }
        self.weight += weight;
        self.sum += weight * value;
    }

    /// The weighted sum of distances from the median of what has been added.
    fn error(&self, values: &[f64]) -> f64 {
        let half = 0.5 * self.weight;
        let (mut at, mut weight, mut sum) = (0, 0.0, 0.0);
        let mut step = values.len().next_power_of_two();
        while step > 0 {
            let next = at + step;
            if next < self.weights.len() && weight + self.weights[next] < half {
                at = next;
                weight += self.weights[next];
                sum += self.sums[next];
            }
            step /= 2;
        }
        let median = values[at.min(values.len() - 1)];
        (median * weight - sum) + ((self.sum - sum) - median * (self.weight - weight))
    }
}

/// The weighted median: the middle of the two values where half of the weight lies on either side.
pub(super) fn weighted_median(pairs: &mut [(f64, f64)]) -> f64 {
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let half = 0.5 * pairs.iter().map(|(_, weight)| weight).sum::<f64>();
    let mut weight = 0.0;
    for (at, (value, here)) in pairs.iter().enumerate() {
        weight += here;
        if weight == half && at + 1 < pairs.len() {
            return 0.5 * (value + pairs[at + 1].0);
        }
        if weight > half {
            return *value;
        }
    }
    pairs.last().map_or(0.0, |(value, _)| *value)
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn impurity(criterion: Criterion, rows: &[(u32, f64)], n_classes: usize) -> f64 {
        let weight: f64 = rows.iter().map(|(_, weight)| weight).sum();
        if criterion == Criterion::AbsoluteError {
            let mut pairs: Vec<(f64, f64)> = rows.iter().map(|(key, w)| (f64::from(*key), *w)).collect();
            let median = weighted_median(&mut pairs);
            return pairs.iter().map(|(value, weight)| weight * (value - median).abs()).sum();
        }
        let shares = (0..n_classes).map(|class| {
            rows.iter().filter(|(key, _)| *key as usize == class).map(|(_, weight)| weight).sum::<f64>()
                / weight
        });
        weight
            * match criterion {
                Criterion::Entropy => shares.filter(|p| *p > 0.0).map(|p| -p * p.ln()).sum::<f64>(),
                _ => 1.0 - shares.map(|p| p * p).sum::<f64>(),
            }
    }

    #[test]
    fn the_best_split_is_the_best_of_all_splits() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        for criterion in [Criterion::Gini, Criterion::Entropy, Criterion::AbsoluteError] {
            for n in [2, 5, 30, 95, 96, 300] {
                for min_samples_leaf in [1, 4] {
                    let keys: Vec<u32> = (0..n).map(|_| random.gen_range(0..5)).collect();
                    let weights: Vec<f32> = (0..n).map(|_| random.gen_range(1..4) as f32).collect();
                    let bins: Vec<u8> = (0..n).map(|_| random.gen_range(0..40)).collect();
                    let mut sides = match criterion {
                        Criterion::AbsoluteError => Sides::medians((0..5).map(f64::from).collect()),
                        _ => Sides::classes(criterion, 5),
                    };
                    let rows = OrderedRows { keys: &keys, weights: &weights, min_samples_leaf };
                    let whole = sides.open(&rows);
                    let all: Vec<(u32, f64)> =
                        keys.iter().zip(&weights).map(|(key, w)| (*key, f64::from(*w))).collect();
                    assert!((whole - impurity(criterion, &all, 5)).abs() < 1e-9 * whole.max(1.0));
                    let gain = |bin: u8| {
                        let (left, right): (Vec<_>, Vec<_>) =
                            (0..n).partition(|row: &usize| bins[*row] <= bin);
                        let side = |rows: &[usize]| {
                            let rows: Vec<(u32, f64)> = rows.iter().map(|row| all[*row]).collect();
                            impurity(criterion, &rows, 5)
                        };
                        (left.len().min(right.len()) >= min_samples_leaf)
                            .then(|| whole - side(&left) - side(&right))
                    };
                    let mut order = Order::default();
                    order.sort(bins.iter().copied());
                    let best = (0..40).filter_map(gain).reduce(f64::max);
                    let found = sides.best(&rows, &order);
                    assert_eq!(found.is_some(), best.is_some());
                    if let (Some(found), Some(best)) = (found, best) {
                        assert!((found.gain - best).abs() < 1e-8 * whole.max(1.0), "{criterion:?}");
                        assert!((gain(found.bin).unwrap() - best).abs() < 1e-8 * whole.max(1.0));
                    }
                }
            }
        }
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_its_middle_values() {
        assert_eq!(weighted_median(&mut [(4.0, 1.0), (1.0, 1.0), (2.0, 1.0), (3.0, 1.0)]), 2.5);
        assert_eq!(weighted_median(&mut [(4.0, 3.0), (1.0, 1.0)]), 4.0);
    }
}
