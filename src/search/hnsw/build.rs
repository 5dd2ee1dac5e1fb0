//! How the graph grows: batch by batch, the same for any number of threads.

use std::collections::HashMap;

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::HnswOptions;
use super::graph::{Links, Seen, select, walk};
use super::space::{Candidate, Space};

/// The most rows of a batch.
const MOST_IN_BATCH: usize = 512;

/// Links that a list may hold above its bound before it is cut back to it.
const SLACK: usize = 8;

/// Rows of the base layer with no more than this many links above others keep it; a graph is at most this
/// many layers high.
const MOST_LAYERS: usize = 16;

/// In which order rows are put in, and the top layer of each.
pub(super) struct Plan {
    pub order: Vec<u32>,
    heights: Vec<usize>,
}

impl Plan {
    pub fn new(n: usize, options: &HnswOptions) -> Plan {
        let mut random = ChaCha8Rng::seed_from_u64(options.seed);
        let mut order: Vec<u32> = (0..n as u32).collect();
        order.shuffle(&mut random);
        let scale = 1.0 / (options.m as f64).ln();
        let height = |_| {
            let height = -random.r#gen::<f64>().max(f64::MIN_POSITIVE).ln() * scale;
            (height as usize).min(MOST_LAYERS)
        };
        Plan { order, heights: (0..n).map(height).collect() }
    }
}

/// A graph that rows are put into.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::search) struct Graph {
    m: usize,
    ef_construction: usize,
    entry: u32,
    /// Rows that are in.
    done: usize,
    /// The links of each row in the lowest layer.
    pub base: Vec<Vec<u32>>,
    /// The links of the rows of each upper layer, from below.
    pub upper: Vec<HashMap<u32, Vec<u32>>>,
}

impl Links for Graph {
    fn links(&self, layer: usize, row: u32) -> &[u32] {
        match layer {
            0 => &self.base[row as usize],
            _ => self.upper[layer - 1].get(&row).map_or(&[], Vec::as_slice),
        }
    }

    fn entry(&self) -> u32 {
        self.entry
    }

    fn top(&self) -> usize {
        self.upper.len()
    }
}

impl Graph {
    /// A graph of the first row of the plan.
    pub(super) fn new(plan: &Plan, options: &HnswOptions) -> Graph {
        let first = plan.order[0];
        let mut upper = vec![HashMap::new(); plan.heights[first as usize]];
        upper.iter_mut().for_each(|layer| {
            layer.insert(first, Vec::new());
        });
        Graph {
            m: options.m,
            ef_construction: options.ef_construction,
            entry: first,
            done: 1,
            base: vec![Vec::new(); plan.order.len()],
            upper,
        }
    }

    /// Puts in the next rows of the plan, up to `end` of them in all; each batch is told.
    pub(super) fn grow(&mut self, plan: &Plan, end: usize, space: &Space<'_>, told: &dyn Fn(usize)) {
        let n = plan.order.len();
        while self.done < end {
            let size = (self.done / 4).clamp(1, MOST_IN_BATCH).min(end - self.done);
            let batch = &plan.order[self.done..self.done + size];
            let plans: Vec<Vec<Vec<u32>>> = (0..size)
                .into_par_iter()
                .map_init(
                    || Seen::new(n),
                    |seen, at| self.plan(space, batch[at], &plan.heights, &batch[..at], seen),
                )
                .collect();
            self.link(space, batch, plans);
            self.done += size;
            told(self.done);
        }
    }

    /// For each layer of a row, from below, the rows that it shall be linked to.
    fn plan(
        &self,
        space: &Space<'_>,
        row: u32,
        heights: &[usize],
        batch: &[u32],
        seen: &mut Seen,
    ) -> Vec<Vec<u32>> {
        let point = space.point(row);
        let height = heights[row as usize];
        let top = self.upper.len();
        let mut near = vec![Candidate { distance: space.distance(&point, self.entry), row: self.entry }];
        for layer in (height + 1..=top).rev() {
            near = walk(self, space, &point, &near, 1, layer, seen);
        }
        let others: Vec<Candidate> =
            batch.iter().map(|row| Candidate { distance: space.distance(&point, *row), row: *row }).collect();
        let mut plans = vec![Vec::new(); height + 1];
        for layer in (0..=height).rev() {
            if layer <= top {
                near = walk(self, space, &point, &near, self.ef_construction, layer, seen);
            }
            let mut candidates = if layer <= top { near.clone() } else { Vec::new() };
            candidates.extend(others.iter().filter(|other| heights[other.row as usize] >= layer));
            plans[layer] = select(space, candidates, self.m);
        }
        plans
    }

    /// Makes the links of a batch and the links back.
    fn link(&mut self, space: &Space<'_>, batch: &[u32], plans: Vec<Vec<Vec<u32>>>) {
        let mut back: Vec<(usize, u32, u32)> = Vec::new();
        for (row, plan) in batch.iter().zip(plans) {
            while self.upper.len() + 1 < plan.len() {
                self.upper.push(HashMap::new());
                self.entry = *row;
            }
            for (layer, links) in plan.into_iter().enumerate() {
                back.extend(links.iter().map(|to| (layer, *to, *row)));
                *self.links_mut(layer, *row) = links;
            }
        }
        // A stable order: layer by layer, row by row, and newcomers as they came.
        back.sort_by_key(|(layer, to, _)| (*layer, *to));
        let groups: Vec<&[(usize, u32, u32)]> = back.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).collect();
        let lists: Vec<Vec<u32>> = groups
            .par_iter()
            .map(|group| {
                let (layer, to, _) = group[0];
                let mut list = self.links(layer, to).to_vec();
                for (_, _, from) in *group {
                    if !list.contains(from) {
                        list.push(*from);
                    }
                }
                let bound = if layer == 0 { 2 * self.m } else { self.m };
                if list.len() > bound + SLACK {
                    let point = space.point(to);
                    let candidates = list
                        .iter()
                        .map(|row| Candidate { distance: space.distance(&point, *row), row: *row })
                        .collect();
                    list = select(space, candidates, bound);
                }
                list
            })
            .collect();
        for (group, list) in groups.iter().zip(lists) {
            *self.links_mut(group[0].0, group[0].1) = list;
        }
    }

    fn links_mut(&mut self, layer: usize, row: u32) -> &mut Vec<u32> {
        match layer {
            0 => &mut self.base[row as usize],
            _ => self.upper[layer - 1].entry(row).or_default(),
        }
    }
}
