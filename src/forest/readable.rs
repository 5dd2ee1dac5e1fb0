//! One classification tree that a person can read: `linfa-trees`' tree, made repeatable.
//!
//! `linfa-trees` 0.8.1 grows a good small tree, with traps that this file keeps from its user:
//!
//! - it counts classes in hash maps with a random order, so that of equal splits and equal classes
//!   now one and now another wins: rows weigh slightly differently (by up to 1/64, in exact steps), so
//!   that splits that part the rows differently are not equal; of features that part them alike the
//!   first is taken afterwards; and leaves are counted anew;
//! - it takes values closer than 1e-5 for equal, which unit vectors of 1,536 numbers often are, and
//!   its thresholds are between rows of the whole table: it sees bins, whole numbers, and the
//!   threshold is set afterwards;
//! - it sends a row on the threshold left while fitting and right while predicting: its own predict
//!   is not used;
//! - it panics on no rows, may panic on NaN, and has no probabilities: both checked and made here.

use linfa::ParamGuard;
use linfa::dataset::DatasetBase;
use linfa::traits::Fit;
use linfa_trees::{DecisionTree, TreeNode as LinfaNode};
use ndarray::{Array1, Array2, ArrayView2};
use rand::Rng;

use super::ForestClassifier;
use super::bins::Bins;
use super::ensemble::{Ensemble, require_few_enough, stream};
use super::leaves::Leaves;
use super::tree::{NO_LEAF, Node, Tree};
use crate::error::{Error, Result};
use crate::targets::{require_classes, require_usable};

/// A single tree to be read: few splits, every row counting the same.
///
/// The tree is `linfa-trees`' (gini), kept repeatable; see [`Tree::to_text`] to print it. It is a
/// [`ForestClassifier`] of one tree, so that it predicts, scores and saves like one. Its cost grows
/// with nodes x features x rows: meant for a few thousand rows and depths up to 6 or so.
///
/// ```
/// use embedlab::forest::ReadableTree;
/// use ndarray::Array2;
/// let rows = Array2::from_shape_fn((60, 3), |(row, column)| (row * (column + 1) % 17) as f32);
/// let classes: Vec<usize> = rows.column(0).iter().map(|x| usize::from(*x > 8.0)).collect();
/// let model = ReadableTree::params().max_depth(3).fit_rows(rows.view(), &classes)?;
/// let names = ["low", "high"].map(String::from);
/// assert!(model.trees()[0].to_text(|feature| format!("x{feature}"), &names).starts_with("x0 <= 8.5"));
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReadableTree {
    max_depth: usize,
    min_samples_leaf: usize,
    seed: u64,
}

/// The steps in which rows differ in weight: 2^-12, so that sums of a few thousand rows are exact in `f32`.
const STEP: f32 = 1.0 / 4096.0;

/// The most steps that a row's weight is above 1.
const MOST_STEPS: u32 = 63;

/// Fits with a larger least weight before the least that is always enough.
const TRIES: usize = 8;

impl ReadableTree {
    /// Parameters with their defaults: depth 4, 5 rows a leaf, seed 42.
    pub fn params() -> ReadableTree {
        ReadableTree { max_depth: 4, min_samples_leaf: 5, seed: 42 }
    }

    /// The most splits from the root to a leaf. Default: 4.
    pub fn max_depth(self, max_depth: usize) -> Self {
        ReadableTree { max_depth, ..self }
    }

    /// The fewest rows of a leaf. Default: 5.
    pub fn min_samples_leaf(self, min_samples_leaf: usize) -> Self {
        ReadableTree { min_samples_leaf, ..self }
    }

    /// The seed that decides between equal splits. Default: 42.
    pub fn seed(self, seed: u64) -> Self {
        ReadableTree { seed, ..self }
    }

    /// Fits rows (n x d) to n classes, numbered from 0.
    ///
    /// # Errors
    /// When the numbers of rows and labels differ, there are none or only one class, a number is not
    /// finite, or a parameter is 0.
    pub fn fit_rows(&self, rows: ArrayView2<'_, f32>, labels: &[usize]) -> Result<ForestClassifier> {
        require_usable(rows, labels.len(), None)?;
        require_few_enough(rows.nrows())?;
        let n_classes = require_classes(labels)?;
        for (name, value) in [("max_depth", self.max_depth), ("min_samples_leaf", self.min_samples_leaf)] {
            if value == 0 {
                return Err(Error::argument(format!("{name} is too small"))
                    .seen("0")
                    .advice("give at least 1"));
            }
        }
        let bins = Bins::new(rows, 255, self.seed);
        let codes = Array2::from_shape_fn(rows.dim(), |(row, feature)| f32::from(bins.code(feature, row)));
        let mut random = stream(self.seed, 0);
        let weights: Array1<f32> =
            labels.iter().map(|_| 1.0 + random.gen_range(0..=MOST_STEPS) as f32 * STEP).collect();
        let dataset = DatasetBase::new(codes, Array1::from(labels.to_vec())).with_weights(weights.clone());
        // A leaf's weight is above its number of rows: a leaf of too few rows may weigh enough. Then the
        // least weight is raised above it.
        let mut least = self.min_samples_leaf as f32;
        for tried in 0.. {
            let grown = DecisionTree::<f32, usize>::params()
                .max_depth(Some(self.max_depth))
                .min_weight_split(2.0 * self.min_samples_leaf as f32)
                .min_weight_leaf(least)
                .check()
                .and_then(|params| params.fit(&dataset))
                .map_err(|error| Error::input("no tree could be grown").source(error))?;
            let mut reading = Reading {
                bins: &bins,
                labels,
                tree: Tree { nodes: vec![Node::leaf(0, 0)], leaves: Leaves::classes(n_classes) },
                importance: vec![0.0; rows.ncols()],
                too_few: None,
                min_samples_leaf: self.min_samples_leaf,
            };
            reading.read(grown.root_node(), 0, (0..rows.nrows()).collect());
            if let (Some(few), true) = (&reading.too_few, tried <= TRIES) {
                let weight: f32 = few.iter().map(|row| weights[*row]).sum();
                least = match tried < TRIES {
                    true => weight + STEP,
                    false => self.min_samples_leaf as f32 * (1.0 + MOST_STEPS as f32 * STEP),
                };
                continue;
            }
            let total: f64 = reading.importance.iter().sum();
            if total > 0.0 {
                reading.importance.iter_mut().for_each(|value| *value /= total);
            }
            let (trees, importance) = (vec![reading.tree], reading.importance);
            let ensemble = Ensemble { trees, n_features: rows.ncols(), importance };
            return Ok(ForestClassifier { ensemble, n_classes, oob_probabilities: None });
        }
        Err(Error::input("no tree could be grown"))
    }
}

/// linfa's tree on its way to ours.
struct Reading<'a> {
    bins: &'a Bins,
    labels: &'a [usize],
    tree: Tree,
    importance: Vec<f64>,
    min_samples_leaf: usize,
    /// The rows of a leaf of fewer rows than there may be.
    too_few: Option<Vec<usize>>,
}

impl Reading<'_> {
    fn read(&mut self, node: &LinfaNode<f32, usize>, at: usize, rows: Vec<usize>) {
        let children = node.children();
        if let (false, [Some(left), Some(right)]) = (node.is_leaf(), children.as_slice()) {
            let (feature, cut, _) = node.split();
            let goes_left = |row: &usize| f32::from(self.bins.code(feature, *row)) <= cut;
            let (on_left, on_right): (Vec<usize>, Vec<usize>) = rows.iter().partition(|row| goes_left(row));
            for side in [&on_left, &on_right] {
                if side.len() < self.min_samples_leaf {
                    self.too_few = Some(side.clone());
                }
            }
            if let Some((feature, low, high)) = self.first_like(&on_left, &on_right) {
                let first = self.tree.nodes.len();
                let threshold = self.bins.threshold(feature, low, high);
                self.tree.nodes[at] =
                    Node { threshold, feature: feature as u32, left: first as u32, leaf: NO_LEAF };
                self.tree.nodes.extend([Node::leaf(first, 0), Node::leaf(first + 1, 0)]);
                self.importance[feature] +=
                    self.impurity(&rows) - self.impurity(&on_left) - self.impurity(&on_right);
                self.read(left, first, on_left);
                self.read(right, first + 1, on_right);
                return;
            }
        }
        let leaf = self.tree.n_leaves();
        self.tree.leaves.push_rows(rows.iter().map(|row| (self.labels[*row] as u32, 1.0)));
        self.tree.nodes[at] = Node::leaf(at, leaf);
    }

    /// The first feature that parts these rows just so, and the bins on both sides of its cut.
    fn first_like(&self, left: &[usize], right: &[usize]) -> Option<(usize, u8, u8)> {
        if left.is_empty() || right.is_empty() {
            return None;
        }
        (0..self.bins.n_features()).find_map(|feature| {
            let bin = |row: &usize| self.bins.code(feature, *row);
            let low = left.iter().map(bin).max()?;
            let high = right.iter().map(bin).min()?;
            (low < high).then_some((feature, low, high))
        })
    }

    fn counts(&self, rows: &[usize]) -> Vec<f64> {
        let mut counts = vec![0.0; self.tree.leaves.width];
        rows.iter().for_each(|row| counts[self.labels[*row]] += 1.0);
        counts
    }

    /// Rows times gini.
    fn impurity(&self, rows: &[usize]) -> f64 {
        let n = rows.len() as f64;
        n - self.counts(rows).iter().map(|count| count * count / n.max(1.0)).sum::<f64>()
    }
}
