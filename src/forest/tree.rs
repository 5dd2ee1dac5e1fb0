//! One decision tree, flat in memory.

use ndarray::ArrayView1;
use serde::Serialize;

use super::leaves::Leaves;

/// A decision tree: the nodes in one vector, the children of a node next to each other, and the
/// values of its leaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    pub(super) nodes: Vec<Node>,
    pub(super) leaves: Leaves,
}

/// A node: rows whose `feature` is at most `threshold` go to `left`, others to `left + 1`. A leaf
/// leads to itself, so that rows that have arrived stay while others still walk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Node {
    pub threshold: f32,
    pub feature: u32,
    pub left: u32,
    /// The number of the leaf, or [`NO_LEAF`].
    pub leaf: u32,
}

pub(super) const NO_LEAF: u32 = u32::MAX;

/// A node of a tree as one reads it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TreeNode {
    /// Rows whose `feature` is at most `threshold` go to the node `left`, others to `right`.
    Split {
        /// The feature's column in the rows.
        feature: usize,
        /// The largest value that goes left.
        threshold: f32,
        /// The position of the left child.
        left: usize,
        /// The position of the right child.
        right: usize,
    },
    /// The end: a number, or one share for each class.
    Leaf(Vec<f64>),
}

impl Node {
    pub fn leaf(at: usize, leaf: usize) -> Node {
        Node { threshold: f32::INFINITY, feature: 0, left: at as u32, leaf: leaf as u32 }
    }
}

/// A threshold with at most five digits after the point: enough to read.
fn short(threshold: f32) -> String {
    let text = format!("{threshold:.5}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

impl Tree {
    /// The number of nodes, leaves among them.
    pub fn n_nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The number of leaves.
    pub fn n_leaves(&self) -> usize {
        self.leaves.len()
    }

    /// The longest way from the root to a leaf, in splits.
    pub fn depth(&self) -> usize {
        let mut depths = vec![0; self.nodes.len()];
        let mut deepest = 0;
        for (at, node) in self.nodes.iter().enumerate() {
            deepest = deepest.max(depths[at]);
            if node.leaf == NO_LEAF {
                depths[node.left as usize] = depths[at] + 1;
                depths[node.left as usize + 1] = depths[at] + 1;
            }
        }
        deepest
    }

    /// A node by its position; the root is 0.
    pub fn node(&self, at: usize) -> Option<TreeNode> {
        self.nodes.get(at).map(|node| match node.leaf {
            NO_LEAF => TreeNode::Split {
                feature: node.feature as usize,
                threshold: node.threshold,
                left: node.left as usize,
                right: node.left as usize + 1,
            },
            leaf => TreeNode::Leaf(self.leaves.of(leaf as usize)),
        })
    }

    /// The tree as text: a line for each node, deeper nodes further in, `feature` naming the columns.
    /// A leaf shows its number or, with the names of the classes, the likeliest class and its share.
    pub fn to_text(&self, feature: impl Fn(usize) -> String, classes: &[String]) -> String {
        let mut text = String::new();
        // What is still to be written, the next at the end: a node, how deep, and what leads there.
        let mut open = vec![(0, 0, String::new())];
        while let Some((at, depth, lead)) = open.pop() {
            let Some(node) = self.node(at) else { continue };
            match node {
                TreeNode::Split { feature: column, threshold, left, right } => {
                    let name = feature(column);
                    // The root has no line of its own: its two sides say its question.
                    if depth > 0 {
                        text.push_str(&format!("{}{lead}\n", "    ".repeat(depth - 1)));
                    }
                    open.push((right, depth + 1, format!("{name} > {}", short(threshold))));
                    open.push((left, depth + 1, format!("{name} <= {}", short(threshold))));
                }
                TreeNode::Leaf(values) => {
                    let best = (1..values.len())
                        .fold(0, |best, at| if values[at] > values[best] { at } else { best });
                    let says = match (values.as_slice(), classes.get(best)) {
                        ([number], _) => format!("{number:.3}"),
                        (_, Some(name)) => format!("{name} ({:.0} %)", 100.0 * values[best]),
                        (_, None) => format!("class {best} ({:.0} %)", 100.0 * values[best]),
                    };
                    let lead = if depth == 0 { says } else { format!("{lead}: {says}") };
                    text.push_str(&format!("{}{lead}\n", "    ".repeat(depth.saturating_sub(1))));
                }
            }
        }
        text
    }

    /// The leaf that a row ends in.
    pub(super) fn leaf_of(&self, row: ArrayView1<'_, f32>) -> usize {
        let mut at = 0;
        loop {
            let node = &self.nodes[at];
            if node.leaf != NO_LEAF {
                return node.leaf as usize;
            }
            at = node.left as usize + usize::from(row[node.feature as usize] > node.threshold);
        }
    }
}
