//! Forests on disk: the nodes of all trees one behind another.
//!
//! Whole numbers are stored as `f32` in two halves of 16 bits, which it holds exactly.

use ndarray::{Array2, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ensemble::Ensemble;
use super::leaves::{Leaves, Values};
use super::tree::{NO_LEAF, Node, Tree};
use super::{BoostClassifier, BoostRegressor, ForestClassifier, ForestRegressor};
use crate::error::{Error, Result};
use crate::store::{Layout, Parts, Persist, Stored, in_json};

#[derive(Serialize, Deserialize)]
struct Metadata {
    n_features: usize,
    /// Numbers of a prediction: 1, or the number of classes.
    width: usize,
    /// Nodes of each tree.
    nodes: Vec<usize>,
    /// Leaves of each tree.
    leaves: Vec<usize>,
    /// How the leaves are kept; not in files of version 1, which hold `width` shares a leaf.
    #[serde(default)]
    values: Kept,
    /// Of numbers: the place that each tree predicts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    places: Vec<usize>,
    importance: Vec<f64>,
}

#[derive(Serialize, Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Kept {
    #[default]
    Shares,
    /// `values` are the four 16-bit parts of an `f64`.
    Numbers,
    /// `values` are class (in two halves) and share, `counts` how many of them each leaf has (in two halves).
    Sparse,
}

crate::store::persist!(ForestRegressor);
crate::store::persist!(ForestClassifier);
crate::store::persist!(BoostRegressor);
crate::store::persist!(BoostClassifier);

impl Persist for ForestRegressor {
    const LAYOUT: Layout = Layout { kind: "forest regressor", version: 2 };

    fn parts(&self) -> Result<Parts> {
        self.ensemble.parts()
    }

    fn restore(about: Value, stored: &Stored) -> Result<ForestRegressor> {
        let ensemble = Ensemble::restore(about, stored, |width| width == 1)?;
        Ok(ForestRegressor { ensemble, oob_prediction: None })
    }
}

impl Persist for ForestClassifier {
    const LAYOUT: Layout = Layout { kind: "forest classifier", version: 2 };

    fn parts(&self) -> Result<Parts> {
        self.ensemble.parts()
    }

    fn restore(about: Value, stored: &Stored) -> Result<ForestClassifier> {
        let ensemble = Ensemble::restore(about, stored, |_| true)?;
        let n_classes = ensemble.width();
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

impl Persist for BoostRegressor {
    const LAYOUT: Layout = Layout { kind: "boosted regressor", version: 2 };

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

impl Persist for BoostClassifier {
    const LAYOUT: Layout = Layout { kind: "boosted classifier", version: 2 };

    fn parts(&self) -> Result<Parts> {
        boosted(&self.ensemble, &self.start)
    }

    fn restore(about: Value, stored: &Stored) -> Result<BoostClassifier> {
        let (ensemble, start) = restore_boosted(about, stored)?;
        Ok(BoostClassifier { ensemble, start })
    }
}

/// The halves of a whole number, each of which an `f32` holds exactly.
fn halves(number: u32) -> [f32; 2] {
    [(number >> 16) as f32, (number & 0xffff) as f32]
}

fn whole(high: f32, low: f32) -> u32 {
    (high as u32) << 16 | low as u32
}

fn matrix(columns: usize, values: Vec<f32>) -> Result<Array2<f32>> {
    Array2::from_shape_vec((values.len() / columns, columns), values)
        .map_err(|error| Error::input("the model cannot be saved").source(error))
}

impl Ensemble {
    fn parts(&self) -> Result<Parts> {
        let mut about = Metadata {
            n_features: self.n_features,
            width: self.width(),
            nodes: self.trees.iter().map(Tree::n_nodes).collect(),
            leaves: self.trees.iter().map(Tree::n_leaves).collect(),
            values: Kept::Shares,
            places: Vec::new(),
            importance: self.importance.clone(),
        };
        let all = self.trees.iter().flat_map(|tree| &tree.nodes);
        let nodes = all
            .flat_map(|node| {
                let threshold = if node.leaf == NO_LEAF { node.threshold } else { 0.0 };
                let [a, b] = halves(node.feature);
                let [c, d] = halves(node.left);
                let [e, f] = halves(node.leaf);
                [threshold, a, b, c, d, e, f]
            })
            .collect();
        let (mut values, mut counts) = (Vec::new(), Vec::new());
        for tree in &self.trees {
            match &tree.leaves.values {
                Values::Shares(shares) => values.extend(shares),
                Values::Numbers { place, numbers } => {
                    about.values = Kept::Numbers;
                    about.places.push(*place);
                    values.extend(numbers.iter().flat_map(|number| {
                        let bits = number.to_bits();
                        let ([a, b], [c, d]) = (halves((bits >> 32) as u32), halves(bits as u32));
                        [a, b, c, d]
                    }));
                }
                Values::Sparse { starts, classes, shares } => {
                    about.values = Kept::Sparse;
                    counts.extend(starts.windows(2).flat_map(|pair| halves(pair[1] - pair[0])));
                    values.extend(classes.iter().zip(shares).flat_map(|(class, share)| {
                        let [a, b] = halves(*class);
                        [a, b, *share]
                    }));
                }
            }
        }
        let columns = match about.values {
            Kept::Shares => about.width,
            Kept::Numbers => 4,
            Kept::Sparse => 3,
        };
        let mut matrices = vec![("nodes", matrix(7, nodes)?), ("values", matrix(columns, values)?)];
        if about.values == Kept::Sparse {
            matrices.push(("counts", matrix(2, counts)?));
        }
        Ok(Parts { about: in_json(&about)?, matrices })
    }

    /// Every number is checked, so that no walk down a damaged tree leaves it or goes round in circles.
    fn restore(about: Value, stored: &Stored, width_fits: impl Fn(usize) -> bool) -> Result<Ensemble> {
        let about: Metadata =
            serde_json::from_value(about).map_err(|error| stored.damaged("no trees").source(error))?;
        let Metadata { n_features, width, nodes: node_counts, leaves: leaf_counts, importance, .. } = &about;
        let (n_features, width) = (*n_features, *width);
        let nodes = stored.matrix("nodes")?;
        let sum = |counts: &[usize]| counts.iter().try_fold(0_usize, |sum, count| sum.checked_add(*count));
        if node_counts.is_empty()
            || node_counts.len() != leaf_counts.len()
            || width == 0
            || !width_fits(width)
            || nodes.ncols() != 7
            || sum(node_counts) != Some(nodes.nrows())
            || importance.len() != n_features
        {
            return Err(stored.damaged("trees that do not fit their description"));
        }
        let n_leaves = sum(leaf_counts).ok_or_else(|| stored.damaged("more leaves than there can be"))?;
        if width > n_leaves.saturating_mul(2).max(1000) {
            return Err(stored.damaged("more classes than there can be"));
        }
        let mut leaves = all_leaves(&about, stored, n_leaves)?.into_iter();
        let mut first_node = 0;
        let mut trees = Vec::with_capacity(node_counts.len());
        for (&n_nodes, &n_leaves) in node_counts.iter().zip(leaf_counts) {
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
            let leaves = leaves.next().ok_or_else(|| stored.damaged("a tree without leaves"))?;
            trees.push(Tree { nodes: read, leaves });
            first_node += n_nodes;
        }
        Ok(Ensemble { trees, n_features, importance: about.importance })
    }
}

/// The leaves of each tree.
fn all_leaves(about: &Metadata, stored: &Stored, n_leaves: usize) -> Result<Vec<Leaves>> {
    let width = about.width;
    let values = stored.matrix("values")?;
    let unfit = || stored.damaged("leaves that do not fit their description");
    let mut first = 0;
    // The rows of the matrix that belong to the next leaves.
    let mut next = |count: usize| -> Result<ArrayView2<'_, f32>> {
        let last = first + count;
        if last > values.nrows() {
            return Err(unfit());
        }
        let part = values.slice(ndarray::s![first..last, ..]);
        first = last;
        Ok(part)
    };
    match about.values {
        Kept::Shares => {
            if values.dim() != (n_leaves, width) || values.iter().any(|value| !value.is_finite()) {
                return Err(unfit());
            }
            about
                .leaves
                .iter()
                .map(|count| {
                    let part: Vec<f32> = next(*count)?.iter().copied().collect();
                    // A tree of numbers of version 1.
                    let values = match width {
                        1 => Values::Numbers { place: 0, numbers: part.into_iter().map(f64::from).collect() },
                        _ => Values::Shares(part),
                    };
                    Ok(Leaves { width, values })
                })
                .collect()
        }
        Kept::Numbers => {
            if values.dim() != (n_leaves, 4)
                || about.places.len() != about.leaves.len()
                || about.places.iter().any(|place| *place >= width)
            {
                return Err(unfit());
            }
            let number = |row: ArrayView1<'_, f32>| {
                let (high, low) = (whole(row[0], row[1]), whole(row[2], row[3]));
                f64::from_bits(u64::from(high) << 32 | u64::from(low))
            };
            about
                .leaves
                .iter()
                .zip(&about.places)
                .map(|(count, place)| {
                    let numbers: Vec<f64> = next(*count)?.rows().into_iter().map(number).collect();
                    match numbers.iter().all(|number| number.is_finite()) {
                        true => Ok(Leaves { width, values: Values::Numbers { place: *place, numbers } }),
                        false => Err(unfit()),
                    }
                })
                .collect()
        }
        Kept::Sparse => {
            let counts = stored.matrix("counts")?;
            if counts.dim() != (n_leaves, 2) || values.ncols() != 3 {
                return Err(unfit());
            }
            let mut counts = counts.rows().into_iter().map(|row| whole(row[0], row[1]));
            about
                .leaves
                .iter()
                .map(|count| {
                    let mut starts = vec![0_u32];
                    for count in counts.by_ref().take(*count) {
                        let end = starts.last().and_then(|start| start.checked_add(count));
                        starts.push(end.ok_or_else(unfit)?);
                    }
                    let part = next(starts.last().map_or(0, |end| *end as usize))?;
                    let classes: Vec<u32> =
                        part.rows().into_iter().map(|row| whole(row[0], row[1])).collect();
                    let shares: Vec<f32> = part.column(2).to_vec();
                    match classes.iter().all(|class| (*class as usize) < width)
                        && shares.iter().all(|share| share.is_finite())
                    {
                        true => Ok(Leaves { width, values: Values::Sparse { starts, classes, shares } }),
                        false => Err(unfit()),
                    }
                })
                .collect()
        }
    }
}
