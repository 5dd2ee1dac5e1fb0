//! Connected components: what hangs together by links.

use super::Graph;

/// Sets of items that grow together (union by the smaller number, with path halving).
#[derive(Debug, Clone)]
pub struct Components {
    parent: Vec<u32>,
}

impl Components {
    /// Each of `n` items by itself.
    pub fn new(n: usize) -> Components {
        Components { parent: (0..n as u32).collect() }
    }

    /// Of the links from each row to its first `k` neighbours.
    pub fn of_graph(graph: &Graph, k: usize) -> Components {
        let mut components = Components::new(graph.n_rows());
        for row in 0..graph.n_rows() {
            graph.rows(row).iter().take(k).for_each(|near| components.join(row, *near as usize));
        }
        components
    }

    /// The smallest item of the component of an item.
    pub fn root(&mut self, mut item: usize) -> usize {
        while self.parent[item] as usize != item {
            self.parent[item] = self.parent[self.parent[item] as usize];
            item = self.parent[item] as usize;
        }
        item
    }

    /// Links two items.
    pub fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if a < b {
            self.parent[b] = a as u32;
        } else {
            self.parent[a] = b as u32;
        }
    }

    /// For each item its component, numbered from 0 in the order of their first items.
    pub fn numbers(mut self) -> Vec<u32> {
        let mut number = vec![u32::MAX; self.parent.len()];
        let mut next = 0;
        (0..self.parent.len())
            .map(|item| {
                let root = self.root(item);
                if number[root] == u32::MAX {
                    number[root] = next;
                    next += 1;
                }
                number[root]
            })
            .collect()
    }

    /// How many items each component has, in the order of their first items.
    pub fn sizes(self) -> Vec<usize> {
        let numbers = self.numbers();
        let mut sizes = vec![0; numbers.iter().max().map_or(0, |most| *most as usize + 1)];
        numbers.into_iter().for_each(|component| sizes[component as usize] += 1);
        sizes
    }

    /// The items of each component of at least two, ascending, in the order of their first items.
    pub fn groups(mut self) -> Vec<Vec<usize>> {
        let n = self.parent.len();
        let mut members = vec![Vec::new(); n];
        for item in 0..n {
            let root = self.root(item);
            members[root].push(item);
        }
        members.into_iter().filter(|group| group.len() > 1).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_make_groups_whatever_their_order() {
        for links in [[(4, 1), (1, 3), (5, 0)], [(5, 0), (3, 1), (4, 3)]] {
            let mut components = Components::new(6);
            links.iter().for_each(|(a, b)| components.join(*a, *b));
            assert_eq!(components.clone().groups(), [vec![0, 5], vec![1, 3, 4]]);
            assert_eq!(components.clone().sizes(), [2, 3, 1]);
            assert_eq!(components.numbers(), [0, 1, 2, 1, 1, 0]);
        }
    }
}
