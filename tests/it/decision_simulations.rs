//! Whether the intervals behind decisions hold what they promise, by simulation: differences of two models, recall of
//! compressed rows, thresholds. A short run is made always; the long ones, of 200 draws, are ignored:
//! `cargo test --release --test it long_simulation_of -- --ignored`.

use embedlab::calibration::{CalibrateOptions, Goal, calibrate};
use embedlab::compare::{PairedScore, Sides, Space, paired_scores};
use embedlab::compress::{CurveOptions, Method, Precision, curve};
use embedlab::pairs::Pairs;
use embedlab::table::Labels;
use ndarray::{Array2, s};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// How many draws, and the share of covered truths that is allowed: with few draws, what intervals of 95 % would still
/// give once in a thousand times.
const SHORT: (u64, f64, f64) = (12, 0.66, 1.0);
const LONG: (u64, f64, f64) = (200, 0.92, 0.985);

fn normal(random: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| random.gen_range(0.0..1.0)).sum::<f64>() - 6.0
}

#[track_caller]
fn holds((draws, least, most): (u64, f64, f64), what: &str, held: usize) {
    let share = held as f64 / draws as f64;
    println!("{what}: {share}");
    assert!((least..=most).contains(&share), "{what}: {share} of {draws}");
}

/// Two models of the same 150 rows of two classes: the second has more noise where the classes differ.
fn two_models(draw: u64) -> Vec<PairedScore> {
    let mut random = ChaCha8Rng::seed_from_u64(1000 + draw);
    let a = Array2::from_shape_fn((150, 6), |(i, j)| {
        (normal(&mut random) + if j < 2 { 0.9 * (i % 2) as f64 } else { 0.3 }) as f32
    });
    let mut b = a.clone();
    b.slice_mut(s![.., ..2]).mapv_inplace(|x| x + 0.8 * normal(&mut random) as f32);
    let labels = Labels {
        names: ["x", "y"].map(String::from).to_vec(),
        codes: (0..150).map(|row| Some(row % 2)).collect(),
    };
    let spaces = [&a, &b].map(|rows| Space::of(rows.view(), 10, draw).unwrap());
    let sides = Sides { a: (a.view(), &spaces[0]), b: (b.view(), &spaces[1]) };
    paired_scores(&sides, Some(&labels), 10, draw).unwrap().0
}

/// The truth is the mean over the draws: what such files differ by on average.
fn differences(runs: (u64, f64, f64)) {
    let found: Vec<Vec<PairedScore>> = (0..runs.0).into_par_iter().map(two_models).collect();
    for name in [
        "mean_cosine",
        "uniformity",
        "accuracy_knn",
        "accuracy_logistic",
        "agreement",
        "silhouette",
        "outliers",
    ] {
        let of: Vec<&PairedScore> =
            found.iter().filter_map(|scores| scores.iter().find(|score| score.name == name)).collect();
        assert_eq!(of.len() as u64, runs.0, "{name}");
        let truth = of.iter().filter_map(|score| score.difference).sum::<f64>() / of.len() as f64;
        let held = of.iter().filter(|score| score.low.unwrap() <= truth && truth <= score.high.unwrap());
        holds(runs, name, held.count());
    }
}

#[test]
fn short_simulation_of_paired_differences() {
    differences(SHORT);
}

#[test]
#[ignore = "a minute with optimisation"]
fn long_simulation_of_paired_differences() {
    differences(LONG);
}

/// Recall for other queries of the same kind: the truth is that of 4,000.
fn recalls(runs: (u64, f64, f64)) {
    let mut random = ChaCha8Rng::seed_from_u64(77);
    let mut rows = |n: usize| Array2::from_shape_simple_fn((n, 16), || normal(&mut random) as f32 + 0.2);
    let (base, population) = (rows(600), rows(4000));
    let options = CurveOptions {
        methods: vec![Method::Truncate],
        dims: vec![16],
        precisions: vec![Precision::Int8, Precision::Binary],
        ..Default::default()
    };
    let of = |queries: &Array2<f32>| {
        curve(base.view(), Some(queries.view()), None, &options, &|_, _| ()).unwrap().points
    };
    let truth = of(&population);
    let found: Vec<_> = (0..runs.0)
        .into_par_iter()
        .map(|draw| {
            let mut random = ChaCha8Rng::seed_from_u64(draw);
            let asked: Vec<usize> = (0..80).map(|_| random.gen_range(0..4000)).collect();
            of(&population.select(ndarray::Axis(0), &asked))
        })
        .collect();
    for (at, truth) in truth.iter().enumerate().filter(|(_, point)| point.recall.mean < 0.99) {
        let held = found.iter().filter(|points| {
            let recall = points[at].recall;
            recall.low <= truth.recall.mean && truth.recall.mean <= recall.high
        });
        holds(runs, &format!("recall of {:?}", (truth.precision, truth.rescore)), held.count());
    }
}

#[test]
fn short_simulation_of_recall() {
    recalls(SHORT);
}

#[test]
#[ignore = "seconds with optimisation"]
fn long_simulation_of_recall() {
    recalls(LONG);
}

/// The figure of a threshold on other pairs of the same kind, known from the distributions of the cosines.
fn thresholds(runs: (u64, f64, f64)) {
    let above = |t: f64, mean: f64| 1.0 - normal_share((t - mean) / 0.1);
    let goals = [Goal::FalsePositiveRate(0.1), Goal::Precision(0.9)];
    let mut held = [0; 2];
    for draw in 0..runs.0 {
        let mut random = ChaCha8Rng::seed_from_u64(3000 + draw);
        let n = 600;
        let pairs = Pairs {
            rows: (0..n).map(|pair| (2 * pair, 2 * pair + 1)).collect(),
            same: (0..n).map(|pair| pair % 2 == 0).collect(),
            test: (0..n).map(|pair| pair >= n / 2).collect(),
            units: (0..2 * n as u32).collect(),
            ..Pairs::default()
        };
        let cosines: Vec<f64> =
            (0..n).map(|pair| (if pair % 2 == 0 { 0.55 } else { 0.4 }) + 0.1 * normal(&mut random)).collect();
        let options = CalibrateOptions { goals: goals.to_vec(), ..Default::default() };
        let found = calibrate(&cosines, &pairs, &options).unwrap();
        for (at, threshold) in found.thresholds.iter().enumerate() {
            let (right, wrong) =
                (above(threshold.cosine.unwrap(), 0.55), above(threshold.cosine.unwrap(), 0.4));
            let truth = if at == 0 { wrong } else { right / (right + wrong) };
            held[at] += usize::from(threshold.low.unwrap() <= truth && truth <= threshold.high.unwrap());
        }
    }
    for (held, goal) in held.into_iter().zip(goals) {
        holds(runs, &format!("{goal:?}"), held);
    }
}

/// The share of the standard normal distribution below `z`, by Simpson's rule.
fn normal_share(z: f64) -> f64 {
    let density = |x: f64| (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt();
    let step = z / 200.0;
    let weight = |at: usize| {
        if at == 0 || at == 200 {
            1.0
        } else if at % 2 == 1 {
            4.0
        } else {
            2.0
        }
    };
    0.5 + (0..=200).map(|at| weight(at) * density(at as f64 * step)).sum::<f64>() * step / 3.0
}

#[test]
fn short_simulation_of_thresholds() {
    thresholds((40, 0.85, 1.0));
}

#[test]
#[ignore = "seconds with optimisation"]
fn long_simulation_of_thresholds() {
    thresholds((400, 0.92, 0.985));
}
