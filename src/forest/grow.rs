//! Growing one tree.

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::bins::{Bins, LANES, Lane};
use super::leaves::Leaves;
use super::ordered::{Order, OrderedRows, Sides};
use super::squared::{self, Histogram};
use super::tree::{NO_LEAF, Node, Tree};

/// A node whose search reads more bytes than this is searched by several threads at once.
const SHARED_SEARCH: usize = 1 << 21;

/// When a tree stops growing, and what its nodes look at.
#[derive(Debug, Clone)]
pub(super) struct Growth {
    pub max_depth: usize,
    pub min_samples_split: usize,
    pub min_samples_leaf: usize,
    pub max_leaf_nodes: Option<usize>,
    /// Features that a node looks at.
    pub n_candidates: usize,
    /// One random threshold a feature in place of the best.
    pub extra_trees: bool,
    /// Whether the threads share the search of large nodes, for want of other trees.
    pub shared_search: bool,
}

/// What the tree predicts, and what its splits make small.
pub(super) enum Target<'a> {
    /// The mean, by squared error: the targets, and the same in about unit variance, by which splits are chosen.
    Mean { targets: &'a [f64], scaled: &'a [f32] },
    /// One of `n_classes` classes, by what the sides count.
    Classes { codes: &'a [u32], n_classes: usize, sides: Sides },
    /// The median: for each row the rank of its target among the distinct ones, `values`.
    Median { ranks: &'a [u32], values: &'a [f64], sides: Sides },
}

/// A split of a node.
#[derive(Debug, Clone, Copy)]
struct Split {
    feature: u32,
    /// The last bin of the left side.
    bin: u8,
    gain: f64,
}

/// A node that can be split.
struct Open {
    node: usize,
    start: usize,
    end: usize,
    depth: usize,
    split: Split,
}

/// Grows a tree on the rows of positive weight; adds to `importance` how much each feature's splits
/// lowered the impurity.
pub(super) fn grow(
    bins: &Bins,
    target: &mut Target<'_>,
    weights: &[f32],
    growth: &Growth,
    random: &mut ChaCha8Rng,
    importance: &mut [f64],
) -> Tree {
    let rows: Vec<u32> = (0..bins.n_rows() as u32).filter(|row| weights[*row as usize] > 0.0).collect();
    let leaves = match target {
        Target::Classes { n_classes, .. } => Leaves::classes(*n_classes),
        _ => Leaves::numbers(),
    };
    let n = rows.len();
    let mut grower = Grower {
        bins,
        target,
        weights,
        growth,
        random,
        rows,
        features: (0..bins.n_features() as u32).collect(),
        tree: Tree { nodes: Vec::new(), leaves },
        scratch: Scratch::default(),
    };
    let mut frontier: Vec<Open> = Vec::new();
    grower.tree.nodes.push(Node::leaf(0, 0));
    frontier.extend(grower.open(0, 0, n, 0));
    let mut leaves = 1;
    while growth.max_leaf_nodes.is_none_or(|most| leaves < most) {
        let next = match growth.max_leaf_nodes {
            None => frontier.pop(),
            Some(_) => {
                let best = (0..frontier.len()).reduce(|best, at| {
                    if frontier[at].split.gain > frontier[best].split.gain { at } else { best }
                });
                best.map(|at| frontier.swap_remove(at))
            }
        };
        let Some(open) = next else { break };
        let Some((middle, threshold)) = grower.part(&open) else { continue };
        importance[open.split.feature as usize] += open.split.gain;
        let left = grower.tree.nodes.len();
        grower.tree.nodes[open.node] =
            Node { threshold, feature: open.split.feature, left: left as u32, leaf: NO_LEAF };
        grower.tree.nodes.extend([Node::leaf(left, 0), Node::leaf(left + 1, 0)]);
        leaves += 1;
        for (node, start, end) in [(left, open.start, middle), (left + 1, middle, open.end)] {
            frontier.extend(grower.open(node, start, end, open.depth + 1));
        }
    }
    // Nodes that could have been split but were not stay leaves.
    for open in frontier {
        grower.close(open.node, open.start, open.end);
    }
    grower.tree
}

struct Grower<'a, 'b> {
    bins: &'a Bins,
    target: &'a mut Target<'b>,
    weights: &'a [f32],
    growth: &'a Growth,
    random: &'a mut ChaCha8Rng,
    /// The rows of every node are together, in row order.
    rows: Vec<u32>,
    features: Vec<u32>,
    tree: Tree,
    scratch: Scratch,
}

#[derive(Default)]
struct Scratch {
    codes: Vec<Lane>,
    histogram: Histogram,
    sums: Vec<f32>,
    weights: Vec<f32>,
    keys: Vec<u32>,
    order: Order,
    right: Vec<u32>,
}

impl Grower<'_, '_> {
    /// Finds the split of a node, or makes it a leaf.
    fn open(&mut self, node: usize, start: usize, end: usize, depth: usize) -> Option<Open> {
        let growth = self.growth;
        let n = end - start;
        let may_split =
            n >= growth.min_samples_split.max(2 * growth.min_samples_leaf) && depth < growth.max_depth;
        let split = if may_split { self.best_split(start, end) } else { None };
        if split.is_none() {
            self.close(node, start, end);
        }
        split.map(|split| Open { node, start, end, depth, split })
    }

    fn close(&mut self, node: usize, start: usize, end: usize) {
        let leaf = self.tree.n_leaves();
        self.tree.nodes[node] = Node::leaf(node, leaf);
        let weights = self.weights;
        let rows = self.rows[start..end].iter().map(|row| *row as usize);
        match &*self.target {
            Target::Mean { targets, .. } => {
                let (sum, weight) = rows.fold((0.0, 0.0), |(sum, weight), row| {
                    let here = f64::from(weights[row]);
                    (sum + here * targets[row], weight + here)
                });
                self.tree.leaves.push(sum / weight);
            }
            Target::Classes { codes, .. } => {
                self.tree.leaves.push_rows(rows.map(|row| (codes[row], f64::from(weights[row]))));
            }
            Target::Median { ranks, values, .. } => {
                let mut pairs: Vec<(f64, f64)> =
                    rows.map(|row| (values[ranks[row] as usize], f64::from(weights[row]))).collect();
                self.tree.leaves.push(super::ordered::weighted_median(&mut pairs));
            }
        }
    }

    fn best_split(&mut self, start: usize, end: usize) -> Option<Split> {
        if self.is_pure(start, end) {
            return None;
        }
        match self.target {
            Target::Mean { scaled, .. } => {
                let scaled = *scaled;
                self.best_by_squares(scaled, start, end)
            }
            _ => self.best_in_order(start, end),
        }
    }

    fn is_pure(&self, start: usize, end: usize) -> bool {
        let rows = &self.rows[start..end];
        let first = rows[0] as usize;
        match &*self.target {
            Target::Mean { scaled, .. } => rows.iter().all(|row| scaled[*row as usize] == scaled[first]),
            Target::Classes { codes, .. } => rows.iter().all(|row| codes[*row as usize] == codes[first]),
            Target::Median { ranks, .. } => rows.iter().all(|row| ranks[*row as usize] == ranks[first]),
        }
    }

    /// Squared error: blocks of features side by side.
    fn best_by_squares(&mut self, targets: &[f32], start: usize, end: usize) -> Option<Split> {
        let rows = &self.rows[start..end];
        let scratch = &mut self.scratch;
        scratch.weights.clear();
        scratch.weights.extend(rows.iter().map(|row| self.weights[*row as usize]));
        let weight: f64 = scratch.weights.iter().map(|weight| f64::from(*weight)).sum();
        let total: f64 = rows
            .iter()
            .zip(&scratch.weights)
            .map(|(row, w)| f64::from(*w) * f64::from(targets[*row as usize]))
            .sum();
        let mean = (total / weight) as f32;
        scratch.sums.clear();
        scratch
            .sums
            .extend(rows.iter().zip(&scratch.weights).map(|(row, w)| w * (targets[*row as usize] - mean)));
        let least = scratch.weights.iter().copied().fold(f32::INFINITY, f32::min);
        let node = NodeRows {
            bins: self.bins,
            rows,
            sums: &scratch.sums,
            weights: &scratch.weights,
            weight: weight as f32,
            least_weight: 0.5 * least,
            min_samples_leaf: self.growth.min_samples_leaf,
            ties: self.random.gen_range(0..u64::MAX),
            extra_trees: self.growth.extra_trees,
        };
        let n_features = self.bins.n_features();
        if self.growth.n_candidates >= n_features {
            let n_blocks = n_features.div_ceil(LANES);
            let features = |block: usize| {
                let first = (block * LANES) as u32;
                let mut features = [u32::MAX; LANES];
                for (lane, feature) in features.iter_mut().enumerate().take(n_features - block * LANES) {
                    *feature = first + lane as u32;
                }
                features
            };
            if self.growth.shared_search && rows.len() * n_features > SHARED_SEARCH {
                let found: Vec<Option<Split>> = (0..n_blocks)
                    .into_par_iter()
                    .map_init(
                        || (Vec::new(), Histogram::default()),
                        |(codes, histogram), block| node.best(&features(block), codes, histogram),
                    )
                    .collect();
                return found.into_iter().fold(None, |best, split| node.better(best, split));
            }
            return (0..n_blocks).fold(None, |best, block| {
                node.better(best, node.best(&features(block), &mut scratch.codes, &mut scratch.histogram))
            });
        }
        // Features are drawn without replacement; more than asked for only while none can split.
        let mut drawn = 0;
        let mut best = None;
        while drawn < n_features && (drawn < self.growth.n_candidates || best.is_none()) {
            let wanted = match self.growth.n_candidates.saturating_sub(drawn) {
                0 => LANES,
                left => left.min(LANES),
            };
            let (chosen, _) = self.features[drawn..].partial_shuffle(self.random, wanted);
            let mut features = [u32::MAX; LANES];
            features[..chosen.len()].copy_from_slice(chosen);
            drawn += chosen.len();
            best = node.better(best, node.best(&features, &mut scratch.codes, &mut scratch.histogram));
        }
        best
    }

    /// Gini, entropy, absolute error: feature by feature, in its order.
    fn best_in_order(&mut self, start: usize, end: usize) -> Option<Split> {
        let rows = &self.rows[start..end];
        let scratch = &mut self.scratch;
        scratch.weights.clear();
        scratch.weights.extend(rows.iter().map(|row| self.weights[*row as usize]));
        let (keys, sides) = match &mut *self.target {
            Target::Classes { codes, sides, .. } => (*codes, sides),
            Target::Median { ranks, sides, .. } => (*ranks, sides),
            Target::Mean { .. } => return None,
        };
        scratch.keys.clear();
        scratch.keys.extend(rows.iter().map(|row| keys[*row as usize]));
        let ordered = OrderedRows {
            keys: &scratch.keys,
            weights: &scratch.weights,
            min_samples_leaf: self.growth.min_samples_leaf,
        };
        sides.open(&ordered);
        let n_features = self.bins.n_features();
        let mut best: Option<Split> = None;
        for drawn in 0..n_features {
            if drawn >= self.growth.n_candidates && best.is_some() {
                break;
            }
            let other = self.random.gen_range(drawn..n_features);
            self.features.swap(drawn, other);
            let feature = self.features[drawn];
            let (block, lane) = (feature as usize / LANES, feature as usize % LANES);
            let codes = self.bins.block(block);
            let bin_of = |row: &u32| codes[*row as usize][lane];
            let split = if self.growth.extra_trees {
                let (low, high) =
                    rows.iter().map(bin_of).fold((255, 0), |(low, high), bin| (bin.min(low), bin.max(high)));
                let share = self.random.r#gen::<f32>();
                if low >= high {
                    continue;
                }
                // Two sides: the scan sees one place to cut.
                let cut = self.bins.bin_at(feature as usize, low, high, share);
                scratch.order.sort(rows.iter().map(|row| u8::from(bin_of(row) > cut)));
                sides.best(&ordered, &scratch.order).map(|split| Split {
                    feature,
                    bin: cut,
                    gain: split.gain,
                })
            } else {
                scratch.order.sort(rows.iter().map(bin_of));
                sides.best(&ordered, &scratch.order).map(|split| Split {
                    feature,
                    bin: split.bin,
                    gain: split.gain,
                })
            };
            if let Some(split) = split
                && best.is_none_or(|best| split.gain > best.gain)
            {
                best = Some(split);
            }
        }
        best
    }

    /// Parts the rows of a node; where the right ones begin, and the threshold between them.
    fn part(&mut self, open: &Open) -> Option<(usize, f32)> {
        let feature = open.split.feature as usize;
        let right = &mut self.scratch.right;
        right.clear();
        let (mut end, mut last_left, mut first_right) = (open.start, 0, u8::MAX);
        for at in open.start..open.end {
            let row = self.rows[at];
            let bin = self.bins.code(feature, row as usize);
            if bin <= open.split.bin {
                last_left = bin.max(last_left);
                self.rows[end] = row;
                end += 1;
            } else {
                first_right = bin.min(first_right);
                right.push(row);
            }
        }
        self.rows[end..open.end].copy_from_slice(right);
        if end == open.start || end == open.end {
            self.close(open.node, open.start, open.end);
            return None;
        }
        Some((end, self.bins.threshold(feature, last_left, first_right)))
    }
}

/// A node's rows for the search by squared error.
struct NodeRows<'a> {
    bins: &'a Bins,
    rows: &'a [u32],
    sums: &'a [f32],
    weights: &'a [f32],
    weight: f32,
    least_weight: f32,
    min_samples_leaf: usize,
    ties: u64,
    extra_trees: bool,
}

impl NodeRows<'_> {
    /// The best split among up to 16 features (`u32::MAX` stands for none).
    fn best(
        &self,
        features: &[u32; LANES],
        codes: &mut Vec<Lane>,
        histogram: &mut Histogram,
    ) -> Option<Split> {
        codes.clear();
        let first = features[0] as usize;
        let one_block = features.iter().enumerate().all(|(lane, feature)| {
            *feature == u32::MAX || (*feature as usize == first + lane && first.is_multiple_of(LANES))
        });
        if one_block {
            let block = self.bins.block(first / LANES);
            codes.extend(self.rows.iter().map(|row| block[*row as usize]));
        } else {
            codes.resize(self.rows.len(), [0; LANES]);
            for (lane, feature) in features.iter().enumerate().filter(|(_, feature)| **feature != u32::MAX) {
                let block = self.bins.block(*feature as usize / LANES);
                let from = *feature as usize % LANES;
                for (codes, row) in codes.iter_mut().zip(self.rows) {
                    codes[lane] = block[*row as usize][from];
                }
            }
        }
        let rows = squared::Rows {
            codes,
            sums: self.sums,
            weights: self.weights,
            weight: self.weight,
            least_weight: self.least_weight,
            min_samples_leaf: self.min_samples_leaf,
        };
        let found = if self.extra_trees {
            squared::splits_at(&rows, self.random_bins(features, codes))
        } else {
            squared::best_splits(&rows, histogram)
        };
        (0..LANES).filter(|lane| features[*lane] != u32::MAX && found.gain[*lane] >= 0.0).fold(
            None,
            |best, lane| {
                let split = Split {
                    feature: features[lane],
                    bin: found.bin[lane],
                    gain: f64::from(found.gain[lane]),
                };
                self.better(best, Some(split))
            },
        )
    }

    /// A random threshold of each feature between its smallest and largest value in the node.
    fn random_bins(&self, features: &[u32; LANES], codes: &[Lane]) -> Lane {
        let (mut low, mut high) = ([u8::MAX; LANES], [0; LANES]);
        for code in codes {
            for lane in 0..LANES {
                low[lane] = low[lane].min(code[lane]);
                high[lane] = high[lane].max(code[lane]);
            }
        }
        std::array::from_fn(|lane| match features[lane] {
            u32::MAX => 0,
            feature => {
                let share = (self.mixed(feature) >> 40) as f32 / (1_u32 << 24) as f32;
                self.bins.bin_at(feature as usize, low[lane], high[lane], share)
            }
        })
    }

    /// The better of two splits. Many features part a small node alike: of equal splits chance
    /// decides, not the order of the features.
    fn better(&self, a: Option<Split>, b: Option<Split>) -> Option<Split> {
        let (Some(first), Some(second)) = (a, b) else { return a.or(b) };
        let key = |split: &Split| (split.gain, self.mixed(split.feature));
        if key(&second) > key(&first) { b } else { a }
    }

    /// A random number for each feature of this node (splitmix64, Steele and others, 2014).
    fn mixed(&self, feature: u32) -> u64 {
        let mut x = self.ties.wrapping_add(u64::from(feature).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }
}
