//! Forests on disk: the nodes of all trees one behind another.
//!
//! Whole numbers are stored as `f32` in two halves of 16 bits, which it holds exactly.

use std::path::Path;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::ensemble::Ensemble;
use super::tree::{NO_LEAF, Node, Tree};
use super::{ForestClassifier, ForestRegressor};
use crate::error::{Error, Result};
use crate::store::{Layout, Stored, save};

const REGRESSOR: Layout = Layout { kind: "forest regressor", version: 1 };
const CLASSIFIER: Layout = Layout { kind: "forest classifier", version: 1 };

#[derive(Serialize, Deserialize)]
struct About {
    n_features: usize,
    /// Numbers in a leaf: 1, or the number of classes.
    width: usize,
    /// Nodes of each tree.
    nodes: Vec<usize>,
    /// Leaves of each tree.
    leaves: Vec<usize>,
    importance: Vec<f64>,
}

impl ForestRegressor {
    /// Saves the model as safetensors with its metadata as JSON. The file appears whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.ensemble.save(path.as_ref(), REGRESSOR)
    }

    /// Loads a model that [`ForestRegressor::save`] wrote.
    ///
    /// # Errors
    /// When the file is missing, damaged, of another kind of model or of an unknown version.
    pub fn load(path: impl AsRef<Path>) -> Result<ForestRegressor> {
        let ensemble = Ensemble::load(path.as_ref(), REGRESSOR)?;
        if ensemble.trees[0].width != 1 {
            return Err(damaged(path.as_ref(), "several numbers in a leaf"));
        }
        Ok(ForestRegressor { ensemble, oob_prediction: None })
    }
}

impl ForestClassifier {
    /// Saves the model as safetensors with its metadata as JSON. The file appears whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.ensemble.save(path.as_ref(), CLASSIFIER)
    }

    /// Loads a model that [`ForestClassifier::save`] wrote.
    ///
    /// # Errors
    /// When the file is missing, damaged, of another kind of model or of an unknown version.
    pub fn load(path: impl AsRef<Path>) -> Result<ForestClassifier> {
        let ensemble = Ensemble::load(path.as_ref(), CLASSIFIER)?;
        let n_classes = ensemble.trees[0].width;
        Ok(ForestClassifier { ensemble, n_classes, oob_probabilities: None })
    }
}

impl Ensemble {
    fn save(&self, path: &Path, layout: Layout) -> Result<()> {
        let about = About {
            n_features: self.n_features,
            width: self.trees[0].width,
            nodes: self.trees.iter().map(Tree::n_nodes).collect(),
            leaves: self.trees.iter().map(Tree::n_leaves).collect(),
            importance: self.importance.clone(),
        };
        let n_nodes = about.nodes.iter().sum();
        let all = self.trees.iter().flat_map(|tree| &tree.nodes);
        let halves = |number: u32| [(number >> 16) as f32, (number & 0xffff) as f32];
        let nodes = all
            .flat_map(|node| {
                let threshold = if node.leaf == NO_LEAF { node.threshold } else { 0.0 };
                let [a, b] = halves(node.feature);
                let [c, d] = halves(node.left);
                let [e, f] = halves(node.leaf);
                [threshold, a, b, c, d, e, f]
            })
            .collect();
        let nodes = Array2::from_shape_vec((n_nodes, 7), nodes)
            .map_err(|error| Error::input("the model cannot be saved").file(path).source(error))?;
        let values: Vec<f32> = self.trees.iter().flat_map(|tree| tree.values.iter().copied()).collect();
        let values = Array2::from_shape_vec((values.len() / about.width, about.width), values)
            .map_err(|error| Error::input("the model cannot be saved").file(path).source(error))?;
        save(path, layout, &about, &[("nodes", &nodes), ("values", &values)])
    }

    /// Every number is checked, so that no walk down a damaged tree leaves it or goes round in circles.
    fn load(path: &Path, layout: Layout) -> Result<Ensemble> {
        let stored = Stored::open(path, layout)?;
        let About { n_features, width, nodes: counts, leaves, importance } = stored.about()?;
        let (nodes, values) = (stored.matrix("nodes")?, stored.matrix("values")?);
        let sum = |counts: &[usize]| counts.iter().try_fold(0_usize, |sum, count| sum.checked_add(*count));
        if counts.is_empty()
            || counts.len() != leaves.len()
            || width == 0
            || nodes.ncols() != 7
            || values.ncols() != width
            || sum(&counts) != Some(nodes.nrows())
            || sum(&leaves) != Some(values.nrows())
            || importance.len() != n_features
            || values.iter().any(|value| !value.is_finite())
        {
            return Err(damaged(path, "trees that do not fit their description"));
        }
        let (mut first_node, mut first_leaf) = (0, 0);
        let mut trees = Vec::with_capacity(counts.len());
        for (n_nodes, n_leaves) in counts.into_iter().zip(leaves) {
            let whole = |high: f32, low: f32| (high as u32) << 16 | low as u32;
            let read: Vec<Node> = (0..n_nodes)
                .map(|at| {
                    let row = nodes.row(first_node + at);
                    let node = Node {
                        threshold: row[0],
                        feature: whole(row[1], row[2]),
                        left: whole(row[3], row[4]),
                        leaf: whole(row[5], row[6]),
                    };
                    if node.leaf == NO_LEAF { node } else { Node::leaf(at, node.leaf as usize) }
                })
                .collect();
            let good = |(at, node): (usize, &Node)| match node.leaf {
                NO_LEAF => {
                    (node.feature as usize) < n_features
                        && node.left as usize > at
                        && (node.left as usize) < n_nodes - 1
                        && !node.threshold.is_nan()
                }
                leaf => (leaf as usize) < n_leaves,
            };
            if n_nodes == 0 || n_features == 0 || !read.iter().enumerate().all(good) {
                return Err(damaged(path, "a node that leads nowhere"));
            }
            let values =
                values.slice(ndarray::s![first_leaf..first_leaf + n_leaves, ..]).iter().copied().collect();
            trees.push(Tree { nodes: read, values, width });
            first_node += n_nodes;
            first_leaf += n_leaves;
        }
        Ok(Ensemble { trees, n_features, importance })
    }
}

fn damaged(path: &Path, seen: &str) -> Error {
    Error::input("a damaged model file").file(path).seen(seen).advice("fit and save the model again")
}
