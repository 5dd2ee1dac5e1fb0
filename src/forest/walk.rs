//! Many rows down many trees.
//!
//! What a step costs decides, for the steps of a row wait for each other and those of several rows do
//! not: rows go down side by side, a step has 8 bytes, and no step asks whether it leaves its table.
//! For that the tables are seen through windows of 65,536 entries, which is as many as a step can name;
//! behind the last table are entries that nothing leads to.

use ndarray::{ArrayView2, Axis};

use super::tree::{Node, Tree};

/// Rows that walk side by side.
const LANES: usize = 16;

/// Steps before a look at whether all rows of a group have arrived: more than most trees are deep, for
/// of 16 rows one goes nearly to the bottom.
const STEPS: usize = 32;

/// Entries of a window: all that 16 bits can name.
const WINDOW: usize = 1 << 16;

/// Bytes of rows that walk down a tree before the next tree is taken.
const BLOCK_BYTES: usize = 512 << 10;

/// Fewer rows than these walk one by one: the steps are not worth writing down.
const FEW: usize = 4 * LANES;

/// A node, without what a walk does not ask for. A leaf leads to itself.
#[derive(Clone, Copy)]
struct Step {
    threshold: f32,
    feature: u16,
    left: u16,
}

/// The steps of all trees that 16 bits can number, one tree behind another.
struct Steps {
    steps: Vec<Step>,
    /// The leaf of each step, where it is one.
    leaves: Vec<u32>,
    /// Where each tree begins and how deep it is; `None` for a tree of more nodes than 16 bits can number.
    starts: Vec<Option<(usize, usize)>>,
}

/// Trees, made ready for many rows.
pub(super) struct Walk<'t> {
    trees: &'t [Tree],
    steps: Option<Steps>,
}

/// Where rows are while they walk: feature by feature, [`LANES`] rows side by side. One for each
/// thread, used again and again.
#[derive(Default)]
pub(super) struct Columns(Vec<[f32; LANES]>);

impl<'t> Walk<'t> {
    /// Trees for `n_rows` rows of `n_features`.
    pub fn new(trees: &'t [Tree], n_rows: usize, n_features: usize) -> Walk<'t> {
        let steps = (n_rows >= FEW && n_features <= WINDOW).then(|| Steps::of(trees));
        Walk { trees, steps }
    }

    /// The rows that a thread had best take at once.
    pub fn rows_at_once(n_features: usize) -> usize {
        (BLOCK_BYTES / (4 * n_features.max(1))).clamp(FEW, 1024).next_multiple_of(LANES)
    }

    /// Calls `arrived` with the position of a tree and of a row and with the number of the leaf, for
    /// each tree and each row; a row comes to the trees in their order. The rows have as many columns
    /// as [`Walk::new`] was told.
    pub fn leaves_of(
        &self,
        rows: ArrayView2<'_, f32>,
        columns: &mut Columns,
        mut arrived: impl FnMut(usize, usize, usize),
    ) {
        let dims = rows.ncols();
        let whole = if self.steps.is_some() { rows.nrows() / LANES * LANES } else { 0 };
        let (grouped, rest) = rows.split_at(Axis(0), whole);
        if let Some(steps) = &self.steps {
            columns.fill(grouped);
            for (at, tree) in self.trees.iter().enumerate() {
                let short = steps.starts[at].and_then(|(start, depth)| {
                    Some((steps.steps[start..].first_chunk::<WINDOW>()?, &steps.leaves[start..], depth))
                });
                for group in 0..whole / LANES {
                    let numbers = &columns.0[group * dims..];
                    let row = group * LANES;
                    match (short, numbers.first_chunk::<WINDOW>()) {
                        (Some((table, leaves, depth)), Some(numbers)) => {
                            for (lane, node) in down(table, depth, numbers).into_iter().enumerate() {
                                arrived(at, row + lane, leaves[usize::from(node)] as usize);
                            }
                        }
                        _ => {
                            for (lane, node) in down_large(&tree.nodes, numbers).into_iter().enumerate() {
                                arrived(at, row + lane, tree.nodes[node as usize].leaf as usize);
                            }
                        }
                    }
                }
            }
        }
        for (row, numbers) in rest.rows().into_iter().enumerate() {
            for (at, tree) in self.trees.iter().enumerate() {
                arrived(at, whole + row, tree.leaf_of(numbers));
            }
        }
    }
}

/// Calls `arrived` with the position of each row and the number of its leaf in one tree, block by
/// block of rows.
pub(super) fn leaves_of(tree: &Tree, rows: ArrayView2<'_, f32>, mut arrived: impl FnMut(usize, usize)) {
    let walk = Walk::new(std::slice::from_ref(tree), rows.nrows(), rows.ncols());
    let block = Walk::rows_at_once(rows.ncols());
    let mut columns = Columns::default();
    for (at, rows) in rows.axis_chunks_iter(Axis(0), block).enumerate() {
        walk.leaves_of(rows, &mut columns, |_, row, leaf| arrived(at * block + row, leaf));
    }
}

impl Steps {
    fn of(trees: &[Tree]) -> Steps {
        let short = |tree: &&Tree| tree.nodes.len() <= WINDOW;
        let n: usize = trees.iter().filter(short).map(|tree| tree.nodes.len()).sum();
        let nothing = Step { threshold: f32::INFINITY, feature: 0, left: 0 };
        let mut steps = Vec::with_capacity(n + WINDOW);
        let mut leaves = Vec::with_capacity(n);
        let mut starts = Vec::with_capacity(trees.len());
        for tree in trees {
            starts.push(short(&tree).then(|| (steps.len(), tree.depth())));
            if short(&tree) {
                steps.extend(tree.nodes.iter().map(|node| Step {
                    threshold: node.threshold,
                    feature: node.feature as u16,
                    left: node.left as u16,
                }));
                leaves.extend(tree.nodes.iter().map(|node| node.leaf));
            }
        }
        steps.resize(n + WINDOW, nothing);
        Steps { steps, leaves, starts }
    }
}

impl Columns {
    /// Takes whole groups of rows.
    fn fill(&mut self, rows: ArrayView2<'_, f32>) {
        let dims = rows.ncols();
        let needed = rows.nrows() / LANES * dims + WINDOW;
        if self.0.len() < needed {
            // Zeroed by the system when it is touched, which the window's end never is.
            self.0 = vec![[0.0; LANES]; needed];
        }
        if dims == 0 {
            return;
        }
        for (group, rows) in self.0.chunks_exact_mut(dims).zip(rows.axis_chunks_iter(Axis(0), LANES)) {
            for (lane, row) in rows.rows().into_iter().enumerate() {
                group.iter_mut().zip(row).for_each(|(column, value)| column[lane] = *value);
            }
        }
    }
}

/// The nodes of a tree of this depth in which a group of rows ends.
fn down(steps: &[Step; WINDOW], depth: usize, numbers: &[[f32; LANES]; WINDOW]) -> [u16; LANES] {
    let mut at = [0_u16; LANES];
    let mut to_go = depth;
    loop {
        let before = at;
        let now = to_go.min(STEPS);
        for _ in 0..now {
            for (lane, at) in at.iter_mut().enumerate() {
                let step = &steps[usize::from(*at)];
                let value = numbers[usize::from(step.feature)][lane];
                // A node's right child has the next number; a leaf has no number above its threshold.
                *at = step.left.wrapping_add(u16::from(value > step.threshold));
            }
        }
        to_go -= now;
        if to_go == 0 || at == before {
            return at;
        }
    }
}

/// As [`down`], for a tree of more nodes than 16 bits can number.
fn down_large(nodes: &[Node], numbers: &[[f32; LANES]]) -> [u32; LANES] {
    let mut at = [0_u32; LANES];
    loop {
        let before = at;
        for _ in 0..STEPS {
            for (lane, at) in at.iter_mut().enumerate() {
                let node = &nodes[*at as usize];
                let value = numbers[node.feature as usize][lane];
                *at = node.left + u32::from(value > node.threshold);
            }
        }
        if at == before {
            return at;
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::super::leaves::Leaves;
    use super::super::tree::NO_LEAF;
    use super::*;

    /// A tree that asks whether feature 0 is above 0.5, 1.5, 2.5 and so on, a leaf at every depth.
    fn staircase(depth: usize) -> Tree {
        let mut nodes = vec![Node::leaf(0, depth)];
        for step in 0..depth {
            let at = nodes.len() - 1;
            let (threshold, left) = (step as f32 + 0.5, nodes.len() as u32);
            nodes[at] = Node { threshold, feature: 0, left, leaf: NO_LEAF };
            nodes.push(Node::leaf(left as usize, step));
            nodes.push(Node::leaf(left as usize + 1, depth));
        }
        let mut leaves = Leaves::numbers();
        (0..=depth).for_each(|_| leaves.push(0.0));
        Tree { nodes, leaves }
    }

    #[test]
    fn rows_arrive_where_they_arrive_alone_and_come_to_the_trees_in_order() {
        // One tree is a leaf; the last has more nodes than 16 bits can number.
        let depths = [0, 1, 9, 300, 40_000];
        let trees = depths.map(staircase);
        for n in [1, 63, 64, 100, 1030] {
            let number = |row: usize| row * 997 % 41_000;
            let rows = Array2::from_shape_fn((n, 3), |(row, column)| (number(row) + 7 * column) as f32);
            let turned = rows.t().as_standard_layout().into_owned();
            // Columns that were filled before, with other rows.
            let mut columns = Columns::default();
            columns.fill(Array2::from_elem((2000 / LANES * LANES, 3), -1.0).view());
            for rows in [rows.view(), turned.t()] {
                let mut found = vec![Vec::new(); n];
                Walk::new(&trees, n, 3)
                    .leaves_of(rows, &mut columns, |tree, row, leaf| found[row].push((tree, leaf)));
                for (row, found) in found.into_iter().enumerate() {
                    let alone: Vec<(usize, usize)> =
                        depths.iter().map(|depth| number(row).min(*depth)).enumerate().collect();
                    assert_eq!(found, alone, "row {row} of {n}");
                }
            }
        }
    }
}
