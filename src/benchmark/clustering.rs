//! Clustering: whether k-means finds the classes.

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::classification::require_rows;
use super::mini_batch::clusters;
use super::scored::{Resampling, Scored};
use crate::error::{Error, Result};
use crate::metric::{Agreement, agreement};
use crate::split::PythonRandom;

/// How clustering draws.
#[derive(Debug, Clone, Copy)]
pub struct ClusteringOptions {
    /// The share of the rows that is used, drawn once; `None` takes all.
    pub max_fraction: Option<f64>,
    /// Draws.
    pub experiments: usize,
    /// Rows of each draw, drawn with repeats.
    pub rows_per_draw: usize,
    /// The seed of draws and of k-means.
    pub seed: u32,
}

impl Default for ClusteringOptions {
    /// MTEB's: 10 draws of 16,384 rows from 4 % of the rows, seed 42.
    fn default() -> Self {
        ClusteringOptions { max_fraction: Some(0.04), experiments: 10, rows_per_draw: 16_384, seed: 42 }
    }
}

/// Clusters draws of the rows by mini-batch k-means and compares with the classes: MTEB's `AbsTaskClustering`. Rows are
/// drawn, starts and batches too, as there; the sums of k-means are rounded otherwise, so that the scores agree well
/// within the standard deviation over the draws. `v_measure` is the main score.
///
/// `levels` holds for each level of a hierarchy the class of each row, `None` where a row has none at that level.
///
/// # Errors
/// No rows, no rows at a level, no rows in a draw, a fraction outside of 0 to 1, a number that is not finite.
pub fn clustering(
    rows: ArrayView2<'_, f32>,
    levels: &[Vec<Option<usize>>],
    options: &ClusteringOptions,
) -> Result<Scored> {
    for level in levels {
        require_rows(rows, level.len())?;
    }
    if options.rows_per_draw == 0 {
        return Err(Error::argument("draws without rows").advice("MTEB takes 16,384 rows"));
    }
    crate::rows::require_finite(rows)?;
    let n = rows.nrows();
    let mut random = PythonRandom::new(options.seed);
    let used = match options.max_fraction {
        None => (0..n).collect(),
        Some(share) if share > 0.0 && share <= 1.0 => random.sample(n, (share * n as f64) as usize),
        Some(share) => {
            return Err(Error::argument("a fraction outside of 0 to 1")
                .seen(share.to_string())
                .advice("MTEB takes 0.04; 1 takes all rows, in random order"));
        }
    };
    let mut found = Vec::new();
    for (level, classes) in levels.iter().enumerate() {
        let placed: Vec<(usize, u32)> =
            used.iter().filter_map(|row| Some((*row, classes[*row]? as u32))).collect();
        if placed.is_empty() {
            return Err(Error::input("no rows with a class")
                .with_code("too-few-rows")
                .seen(format!("{} rows drawn of {n}, level {level}", used.len()))
                .advice("raise --max-fraction: 4 % of a small file are few rows"));
        }
        let n_classes = distinct(placed.iter().map(|(_, class)| *class));
        let draws: Vec<Vec<usize>> =
            (0..options.experiments).map(|_| random.choices(placed.len(), options.rows_per_draw)).collect();
        let compared = draws.par_iter().map(|drawn| {
            let (chosen, classes): (Vec<usize>, Vec<u32>) = drawn.iter().map(|at| placed[*at]).unzip();
            agreement(&classes, &clusters(rows, &chosen, n_classes, 512, options.seed))
        });
        found.extend(compared.collect::<Result<Vec<_>>>()?);
    }
    scored(found, used.len())
}

/// Clusters each set of rows by itself: MTEB's `AbsTaskClusteringLegacy`. A set of one class scores 1. `v_measure` is
/// the main score.
///
/// `sets` holds the number of the set of each row, `classes` its class.
///
/// # Errors
/// No rows, a number that is not finite.
pub fn clustering_in_sets(
    rows: ArrayView2<'_, f32>,
    classes: &[usize],
    sets: &[usize],
    seed: u32,
) -> Result<Scored> {
    require_rows(rows, classes.len())?;
    require_rows(rows, sets.len())?;
    crate::rows::require_finite(rows)?;
    let n_sets = sets.iter().max().map_or(0, |most| most + 1);
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); n_sets];
    sets.iter().enumerate().for_each(|(row, set)| members[*set].push(row));
    let found = members
        .par_iter()
        .filter(|members| !members.is_empty())
        .map(|members| {
            let of: Vec<u32> = members.iter().map(|row| classes[*row] as u32).collect();
            match distinct(of.iter().copied()) {
                1 => agreement(&of, &of),
                k => agreement(&of, &clusters(rows, members, k, 500, seed)),
            }
        })
        .collect::<Result<Vec<_>>>()?;
    scored(found, rows.nrows())
}

fn distinct(classes: impl Iterator<Item = u32>) -> usize {
    classes.collect::<std::collections::HashSet<_>>().len()
}

fn scored(found: Vec<Agreement>, n: usize) -> Result<Scored> {
    if found.is_empty() {
        return Err(Error::argument("nothing to cluster").advice("ask for at least one draw"));
    }
    let column = |of: fn(&Agreement) -> f64| -> Vec<f64> { found.iter().map(of).collect() };
    let (v, ami) = (column(|one| one.v_measure), column(|one| one.ami));
    let columns = vec![
        ("v_measure".to_owned(), v.clone()),
        ("ami".to_owned(), ami.clone()),
        ("nmi".to_owned(), column(|one| one.nmi)),
        ("ari".to_owned(), column(|one| one.ari)),
    ];
    let resampling = Resampling::of_means("draws", columns);
    let mut scores = resampling.whole();
    for (name, values) in [("v_measure_std", &v), ("ami_std", &ami)] {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
        scores.push((name.to_owned(), Some(variance.sqrt())));
    }
    Ok(Scored {
        main: "v_measure",
        scores,
        n,
        draws: v.clone(),
        ties: None,
        each: vec![
            ("v_measure", v.into_iter().map(Some).collect()),
            ("ami", ami.into_iter().map(Some).collect()),
        ],
        resampling,
    })
}
