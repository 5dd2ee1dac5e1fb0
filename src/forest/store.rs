//! Forests on disk: the nodes of all trees one behind another.
//!
//! Whole numbers are stored as `f32` in two halves of 16 bits, which it holds exactly.

use std::path::Path;

use ndarray::Array2;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ensemble::Ensemble;
use super::tree::{NO_LEAF, Node, Tree};
use super::{BoostClassifier, BoostRegressor, ForestClassifier, ForestRegressor};
use crate::error::{Error, Result};
use crate::store::{Layout, Stored, save};

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

/// A model that is saved as safetensors, alone or within a larger file.
pub(crate) trait Stows: Sized {
    /// What the model is on disk.
    const LAYOUT: Layout;

    /// What is to be known of the matrices, and the matrices.
    fn parts(&self) -> Result<Parts>;

    /// The model from its parts.
    fn restore(about: Value, stored: &Stored) -> Result<Self>;

    /// Saves the model alone.
    fn save_alone(&self, path: &Path) -> Result<()> {
        let parts = self.parts().map_err(|error| error.file(path))?;
        let matrices: Vec<(&str, &Array2<f32>)> =
            parts.matrices.iter().map(|(name, matrix)| (*name, matrix)).collect();
        save(path, Self::LAYOUT, &parts.about, &matrices)
    }

    /// Loads a model that was saved alone.
    fn load_alone(path: &Path) -> Result<Self> {
        let stored = Stored::open(path, Self::LAYOUT)?;
        Self::restore(stored.about()?, &stored)
    }
}

/// A model taken apart.
pub(crate) struct Parts {
    pub about: Value,
    pub matrices: Vec<(&'static str, Array2<f32>)>,
}

/// Saving and loading, for a model that [`Stows`].
macro_rules! saves {
    ($model:ty) => {
        impl $model {
            /// Saves the model as safetensors with its metadata as JSON. The file appears whole or not at
            /// all.
            ///
            /// # Errors
            /// When the file cannot be written.
            pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
                self.save_alone(path.as_ref())
            }

            /// Loads a model that `save` wrote.
            ///
            /// # Errors
            /// When the file is missing, damaged, of another kind of model or of an unknown version.
            pub fn load(path: impl AsRef<Path>) -> Result<$model> {
                <$model>::load_alone(path.as_ref())
            }
        }
    };
}

saves!(ForestRegressor);
saves!(ForestClassifier);
saves!(BoostRegressor);
saves!(BoostClassifier);

impl Stows for ForestRegressor {
    const LAYOUT: Layout = Layout { kind: "forest regressor", version: 1 };

    fn parts(&self) -> Result<Parts> {
        self.ensemble.parts()
    }

    fn restore(about: Value, stored: &Stored) -> Result<ForestRegressor> {
        let ensemble = Ensemble::restore(about, stored, |width| width == 1)?;
        Ok(ForestRegressor { ensemble, oob_prediction: None })
    }
}

impl Stows for ForestClassifier {
    const LAYOUT: Layout = Layout { kind: "forest classifier", version: 1 };

    fn parts(&self) -> Result<Parts> {
        self.ensemble.parts()
    }

    fn restore(about: Value, stored: &Stored) -> Result<ForestClassifier> {
        let ensemble = Ensemble::restore(about, stored, |_| true)?;
        let n_classes = ensemble.trees[0].width;
        Ok(ForestClassifier { ensemble, n_classes, oob_probabilities: None })
    }
}

/// Boosted trees are an ensemble with a start.
#[derive(Serialize, Deserialize)]
struct Boosted {
    start: Vec<f64>,
    trees: Value,
}

fn boosted(ensemble: &Ensemble, start: &[f64]) -> Result<Parts> {
    let Parts { about, matrices } = ensemble.parts()?;
    let about = in_json(&Boosted { start: start.to_vec(), trees: about })?;
    Ok(Parts { about, matrices })
}

fn restore_boosted(about: Value, stored: &Stored) -> Result<(Ensemble, Vec<f64>)> {
    let Boosted { start, trees } =
        serde_json::from_value(about).map_err(|error| stored.damaged("no boosted trees").source(error))?;
    let ensemble = Ensemble::restore(trees, stored, |width| width == start.len())?;
    if start.iter().any(|start| !start.is_finite()) {
        return Err(stored.damaged("a start that is not finite"));
    }
    Ok((ensemble, start))
}

impl Stows for BoostRegressor {
    const LAYOUT: Layout = Layout { kind: "boosted regressor", version: 1 };

    fn parts(&self) -> Result<Parts> {
        boosted(&self.ensemble, &self.start)
    }

    fn restore(about: Value, stored: &Stored) -> Result<BoostRegressor> {
        let (ensemble, start) = restore_boosted(about, stored)?;
        if start.len() != 1 {
            return Err(stored.damaged("several numbers in a leaf"));
        }
        Ok(BoostRegressor { ensemble, start })
    }
}

impl Stows for BoostClassifier {
    const LAYOUT: Layout = Layout { kind: "boosted classifier", version: 1 };

    fn parts(&self) -> Result<Parts> {
        boosted(&self.ensemble, &self.start)
    }

    fn restore(about: Value, stored: &Stored) -> Result<BoostClassifier> {
        let (ensemble, start) = restore_boosted(about, stored)?;
        Ok(BoostClassifier { ensemble, start })
    }
}

pub(crate) fn in_json(about: &impl Serialize) -> Result<Value> {
    serde_json::to_value(about).map_err(|error| Error::input("the model cannot be saved").source(error))
}

impl Ensemble {
    fn parts(&self) -> Result<Parts> {
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
            .map_err(|error| Error::input("the model cannot be saved").source(error))?;
        let values: Vec<f32> = self.trees.iter().flat_map(|tree| tree.values.iter().copied()).collect();
        let values = Array2::from_shape_vec((values.len() / about.width, about.width), values)
            .map_err(|error| Error::input("the model cannot be saved").source(error))?;
        Ok(Parts { about: in_json(&about)?, matrices: vec![("nodes", nodes), ("values", values)] })
    }

    /// Every number is checked, so that no walk down a damaged tree leaves it or goes round in circles.
    fn restore(about: Value, stored: &Stored, width_fits: impl Fn(usize) -> bool) -> Result<Ensemble> {
        let About { n_features, width, nodes: counts, leaves, importance } =
            serde_json::from_value(about).map_err(|error| stored.damaged("no trees").source(error))?;
        let (nodes, values) = (stored.matrix("nodes")?, stored.matrix("values")?);
        let sum = |counts: &[usize]| counts.iter().try_fold(0_usize, |sum, count| sum.checked_add(*count));
        if counts.is_empty()
            || counts.len() != leaves.len()
            || width == 0
            || !width_fits(width)
            || nodes.ncols() != 7
            || values.ncols() != width
            || sum(&counts) != Some(nodes.nrows())
            || sum(&leaves) != Some(values.nrows())
            || importance.len() != n_features
            || values.iter().any(|value| !value.is_finite())
        {
            return Err(stored.damaged("trees that do not fit their description"));
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
                return Err(stored.damaged("a node that leads nowhere"));
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
