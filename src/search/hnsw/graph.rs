//! Walks through layers of links.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::space::{Candidate, Point, Space};
use crate::rows::{Metric, Neighbor};

/// Links of rows in layers: while they are made, in memory, or in a mapped file.
pub(in crate::search) trait Links: Sync {
    /// The links of a row in a layer; the lowest is 0. None for a row that is not in it.
    fn links(&self, layer: usize, row: u32) -> &[u32];
    /// Where a walk begins: a row of the highest layer.
    fn entry(&self) -> u32;
    /// The highest layer.
    fn top(&self) -> usize;
}

/// The `k` rows nearest to a query, of those that a walk with `ef` rows in view meets; by distances in
/// `f64`, equal ones in row order. By the cosine, rows of zeros are passed over.
pub(in crate::search) fn nearest(
    graph: &impl Links,
    space: &Space<'_>,
    query: &[f32],
    k: usize,
    ef: usize,
) -> Vec<Neighbor> {
    let point = space.outside(query);
    let mut seen = Seen::new(space.lengths.len());
    let mut near = vec![Candidate { distance: space.distance(&point, graph.entry()), row: graph.entry() }];
    for layer in (1..=graph.top()).rev() {
        near = walk(graph, space, &point, &near, 1, layer, &mut seen);
    }
    near = walk(graph, space, &point, &near, ef.max(k), 0, &mut seen);
    let mut found: Vec<Neighbor> = near
        .iter()
        .filter(|candidate| space.metric != Metric::Cosine || space.lengths[candidate.row as usize] > 0.0)
        .map(|candidate| Neighbor {
            row: candidate.row as usize,
            distance: space.metric.distance(query, space.point(candidate.row).values),
        })
        .collect();
    found.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.row.cmp(&b.row)));
    found.truncate(k);
    found
}

/// The `ef` rows nearest to a point that a walk from `from` meets in a layer, nearest first.
pub(in crate::search) fn walk(
    graph: &impl Links,
    space: &Space<'_>,
    point: &Point<'_>,
    from: &[Candidate],
    ef: usize,
    layer: usize,
    seen: &mut Seen,
) -> Vec<Candidate> {
    seen.clear();
    let (mut fresh, mut distances) = (Vec::new(), Vec::new());
    let mut open: BinaryHeap<Reverse<Candidate>> = BinaryHeap::new();
    let mut best: BinaryHeap<Candidate> = BinaryHeap::new();
    for start in from {
        if seen.mark(start.row) {
            open.push(Reverse(*start));
            best.push(*start);
        }
    }
    while best.len() > ef {
        best.pop();
    }
    while let Some(Reverse(next)) = open.pop() {
        if best.len() >= ef && best.peek().is_some_and(|worst| next > *worst) {
            break;
        }
        fresh.clear();
        fresh.extend(
            graph.links(layer, next.row).iter().filter(|row| seen.mark(**row)).map(|row| *row as usize),
        );
        space.distances(point, &fresh, &mut distances);
        for (row, distance) in fresh.iter().zip(&distances) {
            let candidate = Candidate { distance: *distance, row: *row as u32 };
            if best.len() < ef || best.peek().is_some_and(|worst| candidate < *worst) {
                open.push(Reverse(candidate));
                best.push(candidate);
                if best.len() > ef {
                    best.pop();
                }
            }
        }
    }
    best.into_sorted_vec()
}

/// Neighbours in all directions: of the candidates, from the nearest, those that are nearer to the row
/// than to any that was taken (the paper's heuristic); then the nearest of the others, up to `most`.
pub(super) fn select(space: &Space<'_>, mut candidates: Vec<Candidate>, most: usize) -> Vec<u32> {
    candidates.sort_unstable();
    candidates.dedup_by_key(|candidate| candidate.row);
    let mut taken: Vec<u32> = Vec::with_capacity(most);
    let mut left: Vec<u32> = Vec::new();
    for candidate in &candidates {
        if taken.len() >= most {
            break;
        }
        let point = space.point(candidate.row);
        if taken.iter().all(|other| space.distance(&point, *other) > candidate.distance) {
            taken.push(candidate.row);
        } else {
            left.push(candidate.row);
        }
    }
    let room = most - taken.len();
    taken.extend(left.into_iter().take(room));
    taken
}

/// Rows that a walk has met.
pub(in crate::search) struct Seen {
    marks: Vec<u32>,
    now: u32,
}

impl Seen {
    pub fn new(n: usize) -> Seen {
        Seen { marks: vec![0; n], now: 0 }
    }

    pub fn clear(&mut self) {
        if self.now == u32::MAX {
            self.marks.fill(0);
            self.now = 0;
        }
        self.now += 1;
    }

    /// Whether it is met for the first time; a row that does not exist never is.
    pub fn mark(&mut self, row: u32) -> bool {
        self.marks.get_mut(row as usize).is_some_and(|mark| std::mem::replace(mark, self.now) != self.now)
    }
}
