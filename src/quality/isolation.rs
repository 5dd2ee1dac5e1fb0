//! The isolation forest: odd rows are set apart by few random cuts.

use ndarray::ArrayView2;
use rand::seq::index;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::outliers::{OutlierMethod, Outliers};
use crate::error::{Error, Result};
use crate::rows::require_finite;

/// How to grow an isolation forest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IsolationForestOptions {
    /// Trees. Default: 100.
    pub trees: usize,
    /// Rows of one tree. Default: 256.
    pub sample: usize,
    /// The forest's score above which a row is odd. Default: 0.6; 0.5 is an average row.
    pub threshold: f64,
    /// The seed. Default: 42.
    pub seed: u64,
}

impl Default for IsolationForestOptions {
    fn default() -> Self {
        IsolationForestOptions { trees: 100, sample: 256, threshold: 0.6, seed: 42 }
    }
}

enum Node {
    Split { dimension: u32, at: f32, left: u32, right: u32 },
    Leaf { depth: f64 },
}

/// Scores rows (n x d) by how deep they are in random trees (Liu, Ting and Zhou 2008): a tree is grown on a sample of
/// rows, each cut is a random dimension at a random number between its ends, and s = 2^(-mean depth / c(sample)). The
/// value of a row is s, its score 1 - s. In many dimensions of equal weight, as embeddings have, random cuts see little:
/// prefer the neighbours there.
///
/// # Errors
/// With fewer than two rows, no trees, a sample below 2, or numbers that are not finite.
pub fn isolation_forest(rows: ArrayView2<'_, f32>, options: &IsolationForestOptions) -> Result<Outliers> {
    require_finite(rows)?;
    let n = rows.nrows();
    if n < 2 {
        return Err(Error::input("too few rows to tell odd ones")
            .seen(format!("{n} rows"))
            .advice("give at least two rows"));
    }
    if options.trees == 0 || options.sample < 2 {
        return Err(Error::argument("an isolation forest needs a tree and a sample of two rows")
            .seen(format!("{} trees, {} rows", options.trees, options.sample)));
    }
    let sample = options.sample.min(n);
    let trees: Vec<Vec<Node>> = (0..options.trees as u64)
        .into_par_iter()
        .map(|tree| {
            let mut random = ChaCha8Rng::seed_from_u64(options.seed);
            random.set_stream(tree);
            let picked = index::sample(&mut random, n, sample).into_vec();
            let mut nodes = Vec::new();
            let most = (sample as f64).log2().ceil() as usize;
            grow(rows, picked, 0, most, &mut random, &mut nodes);
            nodes
        })
        .collect();
    let usual = average_depth(sample);
    let values: Vec<f64> = (0..n)
        .into_par_iter()
        .map(|row| {
            let row = rows.row(row);
            let depth = trees.iter().map(|tree| {
                let mut at = 0;
                loop {
                    match tree[at] {
                        Node::Leaf { depth } => break depth,
                        Node::Split { dimension, at: cut, left, right } => {
                            at = if row[dimension as usize] < cut { left } else { right } as usize;
                        }
                    }
                }
            });
            2.0_f64.powf(-depth.sum::<f64>() / (options.trees as f64 * usual))
        })
        .collect();
    Ok(Outliers {
        method: OutlierMethod::IsolationForest,
        k: None,
        threshold: options.threshold,
        scores: values.iter().map(|value| 1.0 - value).collect(),
        flags: values.iter().map(|value| *value > options.threshold).collect(),
        values,
    })
}

/// Grows a node and what is below it; gives its number.
fn grow(
    rows: ArrayView2<'_, f32>,
    picked: Vec<usize>,
    depth: usize,
    most: usize,
    random: &mut ChaCha8Rng,
    nodes: &mut Vec<Node>,
) -> u32 {
    let own = nodes.len();
    nodes.push(Node::Leaf { depth: depth as f64 + average_depth(picked.len()) });
    if picked.len() < 2 || depth >= most {
        return own as u32;
    }
    // A dimension in which the rows differ; random ones first, for most differ.
    let ends = |dimension: usize| {
        picked.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), row| {
            let x = rows[[*row, dimension]];
            (low.min(x), high.max(x))
        })
    };
    let d = rows.ncols();
    let mut cut = None;
    for attempt in 0..d.min(16) + 1 {
        let (dimension, (low, high)) = if attempt < 16 {
            let dimension = random.gen_range(0..d.max(1));
            (dimension, ends(dimension))
        } else {
            let Some(found) = (0..d).map(|j| (j, ends(j))).find(|(_, (low, high))| low < high) else { break };
            found
        };
        if low < high {
            let share: f32 = random.r#gen();
            // Between the ends, the lower one excluded: both sides have rows.
            let at = (low + (high - low) * (1.0 - share)).clamp(low.next_up(), high);
            cut = Some((dimension, at));
            break;
        }
    }
    let Some((dimension, at)) = cut else { return own as u32 };
    let (left, right) = picked.into_iter().partition(|row| rows[[*row, dimension]] < at);
    let left = grow(rows, left, depth + 1, most, random, nodes);
    let right = grow(rows, right, depth + 1, most, random, nodes);
    nodes[own] = Node::Split { dimension: dimension as u32, at, left, right };
    own as u32
}

/// The mean depth of a row in a random tree of `n` rows.
fn average_depth(n: usize) -> f64 {
    match n {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => {
            let m = (n - 1) as f64;
            2.0 * (m.ln() + 0.577_215_664_901_532_9) - 2.0 * m / n as f64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn planted_rows_have_the_lowest_scores_and_threads_change_nothing() {
        let mut random = ChaCha8Rng::seed_from_u64(4);
        let mut rows = Array2::from_shape_simple_fn((400, 6), || random.gen_range(-1.0_f32..1.0));
        for planted in [5, 300] {
            rows.row_mut(planted).fill(5.0);
        }
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| isolation_forest(rows.view(), &Default::default()).unwrap())
        };
        let found = run(1);
        let mut lowest = found.order()[..2].to_vec();
        lowest.sort_unstable();
        assert_eq!(lowest, [5, 300]);
        assert!(found.flags[5] && found.flags[300]);
        assert_eq!(run(7), found);
    }

    #[test]
    fn equal_rows_are_average_and_few_are_enough() {
        let found = isolation_forest(Array2::from_elem((9, 3), 1.0).view(), &Default::default()).unwrap();
        assert!(found.values.iter().all(|value| (value - 0.5).abs() < 1e-9) && found.count() == 0);
        assert!(isolation_forest(Array2::zeros((1, 3)).view(), &Default::default()).is_err());
    }
}
