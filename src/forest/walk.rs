//! Many rows down one tree.
//!
//! A walk is a chain of loads that wait for each other, so rows go down side by side; and rows, nodes
//! and places compete for the same cache, so a step takes 8 bytes where the tree is small enough.

use ndarray::ArrayView2;

use super::tree::Tree;

/// Rows that walk side by side.
const SIDE_BY_SIDE: usize = 16;

/// Steps between two looks at whether all rows of a group have arrived.
const STEPS: usize = 2;

/// Fewer rows than these walk one by one: the steps are not worth writing down.
const FEW: usize = 4 * SIDE_BY_SIDE;

/// The number of a node or of a feature.
trait Number: Copy + Eq {
    fn new(number: usize) -> Self;
    fn get(self) -> usize;
}

impl Number for u16 {
    fn new(number: usize) -> u16 {
        number as u16
    }

    fn get(self) -> usize {
        usize::from(self)
    }
}

impl Number for u32 {
    fn new(number: usize) -> u32 {
        number as u32
    }

    fn get(self) -> usize {
        self as usize
    }
}

/// A node, without what a walk does not ask for. A leaf leads to itself.
#[derive(Clone, Copy)]
struct Step<N> {
    threshold: f32,
    feature: N,
    left: N,
}

enum Steps {
    Short(Vec<Step<u16>>),
    Long(Vec<Step<u32>>),
}

/// A tree, made ready for many rows.
pub(super) struct Walk<'t> {
    tree: &'t Tree,
    steps: Option<Steps>,
}

impl<'t> Walk<'t> {
    /// A tree for `n_rows` rows of `n_features`.
    pub fn new(tree: &'t Tree, n_rows: usize, n_features: usize) -> Walk<'t> {
        const SHORT: usize = 1 << 16;
        let steps = match tree.nodes.len() {
            _ if n_rows < FEW => None,
            n_nodes if n_nodes <= SHORT && n_features <= SHORT => Some(Steps::Short(steps(tree))),
            _ => Some(Steps::Long(steps(tree))),
        };
        Walk { tree, steps }
    }

    /// The tree.
    pub fn tree(&self) -> &'t Tree {
        self.tree
    }

    /// Calls `arrived` with each row's position and the number of its leaf, in row order. The rows
    /// have the columns that [`Walk::new`] was told.
    pub fn leaves_of(&self, rows: ArrayView2<'_, f32>, mut arrived: impl FnMut(usize, usize)) {
        let Some(numbers) = rows.to_slice() else {
            for (row, numbers) in rows.rows().into_iter().enumerate() {
                arrived(row, self.tree.leaf_of(&numbers.to_vec()));
            }
            return;
        };
        let dims = rows.ncols();
        let grouped = match &self.steps {
            None => 0,
            Some(Steps::Short(steps)) => groups(steps, numbers, dims, |row, at| arrived(row, self.leaf(at))),
            Some(Steps::Long(steps)) => groups(steps, numbers, dims, |row, at| arrived(row, self.leaf(at))),
        };
        for (row, numbers) in numbers[grouped * dims..].chunks_exact(dims).enumerate() {
            arrived(grouped + row, self.tree.leaf_of(numbers));
        }
    }

    fn leaf(&self, at: usize) -> usize {
        self.tree.nodes[at].leaf as usize
    }
}

fn steps<N: Number>(tree: &Tree) -> Vec<Step<N>> {
    tree.nodes
        .iter()
        .map(|node| Step {
            threshold: node.threshold,
            feature: N::new(node.feature as usize),
            left: N::new(node.left as usize),
        })
        .collect()
}

/// Walks all whole groups of rows and tells where each row ended; returns the number of rows walked.
fn groups<N: Number>(
    steps: &[Step<N>],
    numbers: &[f32],
    dims: usize,
    mut ended: impl FnMut(usize, usize),
) -> usize {
    let mut first = 0;
    for group in numbers.chunks_exact(SIDE_BY_SIDE * dims) {
        let mut at = [N::new(0); SIDE_BY_SIDE];
        loop {
            let mut moved = false;
            for _ in 0..STEPS {
                moved = false;
                for (lane, at) in at.iter_mut().enumerate() {
                    let step = steps[at.get()];
                    let value = group[lane * dims + step.feature.get()];
                    let next = N::new(step.left.get() + usize::from(value > step.threshold));
                    moved |= next != *at;
                    *at = next;
                }
            }
            if !moved {
                break;
            }
        }
        for (lane, at) in at.iter().enumerate() {
            ended(first + lane, at.get());
        }
        first += SIDE_BY_SIDE;
    }
    first
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::super::tree::{NO_LEAF, Node};
    use super::*;

    /// A tree that asks for feature 0 at 1, 2, 3 and so on, one leaf at every depth.
    fn staircase(depth: usize) -> Tree {
        let mut nodes = Vec::new();
        for step in 0..depth {
            let at = nodes.len();
            // The right child, where rows of larger numbers go on, comes after the leaf on the left.
            let here =
                Node { threshold: step as f32 + 0.5, feature: 0, left: 2 * step as u32 + 1, leaf: NO_LEAF };
            if at == 0 {
                nodes.push(here);
            } else {
                nodes[2 * step] = here;
            }
            nodes.push(Node::leaf(2 * step + 1, step));
            nodes.push(Node::leaf(2 * step + 2, depth));
        }
        Tree { nodes, values: vec![0.0; depth + 1], width: 1 }
    }

    #[test]
    fn rows_arrive_where_they_arrive_alone() {
        // The last tree has more nodes than 16 bits number.
        for (depth, n) in [(0, 70), (1, 3), (9, 64), (9, 100), (40_000, 83)] {
            let tree = if depth == 0 {
                Tree { nodes: vec![Node::leaf(0, 0)], values: vec![0.0], width: 1 }
            } else {
                staircase(depth)
            };
            let rows = Array2::from_shape_fn((n, 2), |(row, column)| (row * 997 % 41_000 + column) as f32);
            let mut found = Vec::new();
            Walk::new(&tree, n, 2).leaves_of(rows.view(), |row, leaf| found.push((row, leaf)));
            let alone: Vec<(usize, usize)> =
                (0..n).map(|row| (row, (row * 997 % 41_000).min(depth))).collect();
            assert_eq!(found, alone, "{depth}, {n}");
            // Columns that do not lie one behind another.
            let mut apart = Vec::new();
            let turned = rows.t().as_standard_layout().into_owned();
            Walk::new(&tree, n, 2).leaves_of(turned.t(), |row, leaf| apart.push((row, leaf)));
            assert_eq!(apart, alone);
        }
    }
}
