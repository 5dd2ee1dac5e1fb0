//! What the score card holds of the rows within a memory: all of them, or a few blocks and what they are summed up in.

use super::super::plan::blocks_held;
use super::super::{Cost, matrices};
use super::EvaluateOptions;
use super::graphs::{MOST_ROWS, SAMPLED_QUERIES, wanted};
use crate::data::Budget;
use crate::quality::{ALL_PAIRS, INTRINSIC_NEIGHBORS, PAIRS};
use crate::rows::LEAF_ROWS;
use crate::rows::graph::{block_bytes, query_bytes};

/// Pairs in the picture of similarities.
pub(super) const DRAWN_PAIRS: usize = 20_000;

/// By fewer queries too little is said: the rows are not passed over in blocks.
const LEAST_QUERIES: usize = 1_000;

/// The most rows that probes of a label see.
pub(super) const MOST_PROBED: usize = 5_000;

/// The most rows that a silhouette of rows that are passed over is of.
const MOST_SCORED: usize = 2_000;

/// Passes over the rows beside those for pairs: copies; lengths, moments and centred directions; queries and their nearest
/// rows; lengths for pairs; the rows of the label's probes and its silhouette; a file of queries.
const PASSES: usize = 14;

/// What is known of all pairs.
const PAIR_BYTES: u64 = 48 * PAIRS as u64;

/// With fewer rows of pairs held at once there would be more than a thousand passes.
const LEAST_HELD: usize = 100;

/// What a step takes at most where no memory is given.
const UNLIMITED: u64 = 1 << 40;

/// Hashes, lengths, places and counts of each row.
const ROW_BYTES: usize = 120;

/// How the rows are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// All of them in memory.
    Whole,
    /// Block by block.
    Blocks(Room),
    /// In neither way, for the memory is too small.
    Neither,
}

/// What is held beside a few blocks of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// Rows that are asked for their nearest.
    pub queries: usize,
    /// Rows of pairs that are held at once.
    pub held_rows: usize,
    /// Bytes of one step of the work, of which each is done before the next begins.
    pub bytes: u64,
    /// All rows.
    pub rows: usize,
}

impl Way {
    /// The way for so many rows.
    pub fn of(options: &EvaluateOptions, rows: usize, dims: usize, memory: Budget) -> Way {
        let all = matrices(1.0, rows, dims).saturating_add(whole(rows, dims));
        if memory.limit().is_none_or(|limit| all <= limit) {
            return Way::Whole;
        }
        if options.graph.is_some() {
            return Way::Neither;
        }
        Room::within(options, rows, dims, memory).map_or(Way::Neither, Way::Blocks)
    }
}

impl Room {
    /// In a memory that holds blocks of the rows too; `None` where it is too small.
    pub fn within(options: &EvaluateOptions, rows: usize, dims: usize, memory: Budget) -> Option<Room> {
        let taken = blocks_held(memory, rows, dims).saturating_add((ROW_BYTES * rows) as u64);
        let bytes = memory.limit().unwrap_or(UNLIMITED);
        Room::of(options, rows, dims, bytes.saturating_sub(taken))
    }

    /// With so many bytes for each step; `None` where they are too few.
    fn of(options: &EvaluateOptions, rows: usize, dims: usize, bytes: u64) -> Option<Room> {
        let least = Room::least(options, rows, dims);
        if bytes < least.bytes {
            return None;
        }
        // A fourth is left to what the allocator does not give back.
        let bytes = (bytes / 4 * 3).max(least.bytes);
        let of_query = query_bytes(dims, wanted(options.k));
        let most = usize::try_from((bytes - block_bytes(dims).min(bytes)) / of_query).unwrap_or(usize::MAX);
        let queries = most.min(SAMPLED_QUERIES).min(rows).max(least.queries);
        let held_rows = held_rows(rows, dims, bytes);
        let used =
            [shape(rows, dims), pairs(rows, dims, held_rows), block_bytes(dims) + of_query * queries as u64];
        Some(Room { queries, held_rows, bytes: used.into_iter().fold(0, u64::max), rows })
    }

    /// The least that is enough.
    pub fn least(options: &EvaluateOptions, rows: usize, dims: usize) -> Room {
        let queries = rows.min(LEAST_QUERIES);
        let lists = block_bytes(dims) + query_bytes(dims, wanted(options.k)) * queries as u64;
        let bytes = shape(rows, dims).max(lists).max(pairs(rows, dims, LEAST_HELD));
        Room { queries, held_rows: held_rows(rows, dims, bytes), bytes, rows }
    }

    /// The most rows that the probes of a label of so many classes see: what models and the trees of a forest take of each.
    pub fn probed(&self, dims: usize, classes: usize) -> usize {
        self.fit(24 * dims + 32 * classes + 6_000).min(MOST_PROBED)
    }

    /// The rows that a silhouette of so many classes is of: the sums of each are held for each branch that is being joined.
    pub fn scored(&self, dims: usize, classes: usize) -> usize {
        self.fit(12 * dims + 128 * classes).clamp(2, MOST_SCORED)
    }

    fn fit(&self, each: usize) -> usize {
        usize::try_from(self.bytes / each as u64).unwrap_or(usize::MAX)
    }

    /// The bytes of the work beside the blocks.
    pub fn work(self) -> u64 {
        (ROW_BYTES * self.rows) as u64 + self.bytes
    }

    /// What it costs.
    pub fn cost(self, dims: usize) -> Cost {
        let passes = |pairs: usize| pairs.min(self.rows).div_ceil(self.held_rows);
        let (rows, width) = (self.rows as f64, dims as f64);
        let products = 2.0 * rows * width * (self.queries as f64 + width);
        Cost::blocks(PASSES + passes(PAIRS) + passes(DRAWN_PAIRS))
            .at_most()
            .work(self.work())
            .products(products)
            .sampled("rows that are asked for their nearest", self.queries)
            .sampled("rows, at most, that the models of a label see", self.probed(dims, 2).min(self.rows))
    }
}

/// The bytes beside all rows in memory: a copy to measure distances by, what is known of each row, lists of neighbours of
/// each row, or of those that are asked, and the larger of the shape and of what the models of a label are fitted to.
pub(super) fn whole(rows: usize, dims: usize) -> u64 {
    let lists = if rows > MOST_ROWS { SAMPLED_QUERIES } else { rows };
    let neighbors = 3 * 12 * INTRINSIC_NEIGHBORS * lists;
    let larger = shape(rows, dims).max(matrices(4.0, rows.min(MOST_PROBED), dims));
    matrices(1.1, rows, dims) + larger + (ROW_BYTES * rows + neighbors) as u64
}

/// The bytes of pairs beside the moments, with so many rows held at once.
fn pairs(rows: usize, dims: usize, held_rows: usize) -> u64 {
    moments(rows, dims) + PAIR_BYTES + matrices(1.0, held_rows, dims)
}

/// Rows of pairs that so many bytes hold.
fn held_rows(rows: usize, dims: usize, bytes: u64) -> usize {
    let beside = bytes.saturating_sub(pairs(rows, dims, 0));
    let held = usize::try_from(beside / matrices(1.0, 1, dims).max(1)).unwrap_or(usize::MAX);
    held.clamp(LEAST_HELD, rows.clamp(LEAST_HELD, PAIRS))
}

/// The bytes of the moments of the rows, as they are and at length 1, while what comes of them is worked out.
fn moments(rows: usize, dims: usize) -> u64 {
    let size = rows.min(dims) as u64;
    24 * size * size
}

/// The bytes of the shape of the rows: its moments, and then the larger of what they are made of and their eigenvalues.
fn shape(rows: usize, dims: usize) -> u64 {
    let size = rows.min(dims) as u64;
    let doubles = |rows: usize| 2 * matrices(1.0, rows, dims);
    let made = 16 * size * size + doubles(rows.min(LEAF_ROWS)) + if rows < dims { doubles(rows) } else { 0 };
    let all_pairs = if rows <= ALL_PAIRS { moments(rows, dims) + matrices(1.0, rows, dims) } else { 0 };
    made.max(36 * size * size).max(all_pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(rows: usize, dims: usize, megabytes: u64) -> Way {
        Way::of(&EvaluateOptions::default(), rows, dims, Budget::bytes(megabytes << 20))
    }

    #[test]
    fn rows_that_do_not_fit_are_passed_over_by_as_many_queries_as_do() {
        assert_eq!(way(50_000, 1024, 2000), Way::Whole);
        let room = |megabytes| match way(50_000, 1024, megabytes) {
            Way::Blocks(room) => room,
            other => panic!("{other:?}"),
        };
        let (small, large) = (room(120), room(300));
        assert!(small.queries >= LEAST_QUERIES && small.queries < large.queries, "{small:?} {large:?}");
        assert!(small.held_rows < large.held_rows);
        assert_eq!(room(440).queries, SAMPLED_QUERIES);
        for (room, megabytes) in [(small, 120), (large, 300)] {
            let memory = Budget::bytes(megabytes << 20);
            let peak = room.work() + blocks_held(memory, 50_000, 1024);
            assert!(peak <= megabytes << 20, "{room:?}: {peak}");
        }
        assert_eq!(way(50_000, 1024, 40), Way::Neither);
        let given = EvaluateOptions { graph: Some("graph.arrow".into()), ..Default::default() };
        assert_eq!(Way::of(&given, 50_000, 1024, Budget::bytes(120 << 20)), Way::Neither);
    }
}
