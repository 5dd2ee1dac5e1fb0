//! Whether tests and intervals keep what they promise, by simulation. A short run is made always; the long ones, of 200
//! draws, are ignored: `cargo test --release --test it simulation -- --ignored`.

use embedlab::analysis::{Analysis, Context, Drift, DriftOptions};
use embedlab::data::Data;
use embedlab::model::{Classes, ModelKind, ModelOptions, SampleInfo, cross_validate_classes};
use embedlab::quality::{
    DistinctRows, GeometryOptions, Graph, SampleGraph, geometry, hubness, hubness_of_sample,
    intrinsic_dimension, intrinsic_dimension_of_sample, mmd, standard_error,
};
use embedlab::rows::Metric;
use embedlab::split::stratified_k_fold;
use embedlab::table::Table;
use ndarray::{Array1, Array2};
use rand::seq::index;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How many draws, and the share of covered truths that is allowed: with few draws, what 1 in 1,000 correct intervals of
/// 95 % would still give.
const SHORT: (u64, f64, f64) = (30, 0.8, 1.0);
const LONG: (u64, f64, f64) = (200, 0.92, 0.98);

#[track_caller]
fn covers((draws, least, most): (u64, f64, f64), what: &str, mut covered: impl FnMut(u64) -> bool) {
    let share = (0..draws).filter(|draw| covered(*draw)).count() as f64 / draws as f64;
    println!("{what}: {share}");
    assert!((least..=most).contains(&share), "{what}: {share} of {draws}");
}

/// Whether the truth is within 1.96 standard errors.
fn within(value: f64, error: f64, truth: f64) -> bool {
    (value - truth).abs() <= 1.96 * error
}

fn uniform(n: usize, d: usize, random: &mut ChaCha8Rng) -> Array2<f32> {
    Array2::from_shape_simple_fn((n, d), || random.gen_range(-1.0_f32..1.0))
}

/// The mean of twelve uniform numbers, scaled: normal enough.
fn normal(random: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| random.gen_range(0.0..1.0)).sum::<f64>() - 6.0
}

#[test]
#[ignore = "minutes without optimisation"]
fn long_simulation_p_of_the_discrepancy_is_uniform_when_nothing_has_changed() {
    let mut random = ChaCha8Rng::seed_from_u64(90);
    let mut ps: Vec<f64> = (0..200)
        .map(|draw| {
            let (a, b) = (uniform(60, 8, &mut random), uniform(50, 8, &mut random));
            mmd(a.view(), b.view(), 999, draw).unwrap().p
        })
        .collect();
    ps.sort_by(f64::total_cmp);
    let apart = ps.iter().enumerate().map(|(i, p)| (p - (i as f64 + 0.5) / 200.0).abs()).fold(0.0, f64::max);
    // Kolmogorov's limit for p = 0.01 and 200 draws is 1.63 / sqrt(200), here half a step from the corners.
    assert!(apart < 0.115 - 0.0025, "{apart}");
}

fn uniformity(runs: (u64, f64, f64)) {
    let rows = uniform(3100, 4, &mut ChaCha8Rng::seed_from_u64(4));
    let unit: Vec<Vec<f64>> = rows
        .rows()
        .into_iter()
        .map(|row| {
            let length = row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
            row.iter().map(|x| f64::from(*x) / length).collect()
        })
        .collect();
    let mut sum = 0.0;
    for (i, a) in unit.iter().enumerate() {
        for b in &unit[..i] {
            let cosine: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
            sum += (4.0 * cosine - 4.0).exp();
        }
    }
    let truth = (sum / (3100.0 * 3099.0 / 2.0)).ln();
    covers(runs, "uniformity", |seed| {
        let found = geometry(&rows, &GeometryOptions { seed }).unwrap().uniformity.unwrap();
        within(found.value, found.standard_error, truth)
    });
}

#[test]
fn short_simulation_of_uniformity() {
    uniformity((10, 0.6, 1.0));
}

#[test]
#[ignore = "minutes without optimisation"]
fn long_simulation_of_uniformity() {
    uniformity(LONG);
}

/// Points on a flat torus in four dimensions: of dimension 2, without a border.
fn torus(n: usize, random: &mut ChaCha8Rng) -> Array2<f32> {
    let mut rows = Array2::zeros((n, 4));
    for mut row in rows.rows_mut() {
        let mut angle = || random.gen_range(0.0..std::f64::consts::TAU);
        let (a, b) = (angle(), angle());
        row.assign(&Array1::from_vec(vec![f64::cos(a), f64::sin(a), f64::cos(b), f64::sin(b)]));
    }
    rows.mapv(|x| x as f32)
}

fn gride(runs: (u64, f64, f64)) {
    covers(runs, "GRIDE", |draw| {
        let rows = torus(600, &mut ChaCha8Rng::seed_from_u64(100 + draw));
        let distinct = DistinctRows::of(&rows).unwrap();
        let graph = Graph::of_distinct(rows.view(), &distinct, 4, Metric::L2).unwrap();
        let found = intrinsic_dimension(&graph, &distinct).unwrap().gride[0];
        within(found.id, found.standard_error.unwrap(), 2.0)
    });
}

#[test]
fn short_simulation_of_gride() {
    gride(SHORT);
}

#[test]
#[ignore = "minutes without optimisation"]
fn long_simulation_of_gride() {
    gride(LONG);
}

/// The standard errors of a sample of 500 of 3,000 rows: the truth is that of all rows.
fn samples(runs: (u64, f64, f64)) {
    let rows = uniform(3000, 5, &mut ChaCha8Rng::seed_from_u64(8));
    let distinct = DistinctRows::of(&rows).unwrap();
    let all = Graph::of_distinct(rows.view(), &distinct, 20, Metric::L2).unwrap();
    let exact = intrinsic_dimension(&all, &distinct).unwrap();
    let truth = [exact.twonn, exact.mle, hubness(&all, 10).hubness_skew].map(Option::unwrap);
    let found: Vec<[(f64, f64); 3]> = (0..runs.0)
        .map(|draw| {
            let mut random = ChaCha8Rng::seed_from_u64(200 + draw);
            let drawn: Vec<u32> =
                index::sample(&mut random, 3000, 500).into_iter().map(|row| row as u32).collect();
            let graph = SampleGraph::of_distinct(rows.view(), &distinct, &drawn, 20, Metric::L2).unwrap();
            let id = intrinsic_dimension_of_sample(&graph, &distinct).unwrap();
            let hubs = hubness_of_sample(&graph, 10);
            let error = |name: &str| id.standard_errors[name];
            [
                (id.found.twonn.unwrap(), error("twonn")),
                (id.found.mle.unwrap(), error("mle")),
                (hubs.found.hubness_skew.unwrap(), hubs.standard_error.unwrap()),
            ]
        })
        .collect();
    for (at, what) in ["TwoNN of a sample", "MLE of a sample", "hubness of a sample"].iter().enumerate() {
        covers(runs, what, |draw| {
            let (value, error) = found[draw as usize][at];
            within(value, error, truth[at])
        });
    }
}

#[test]
fn short_simulation_of_samples() {
    samples(SHORT);
}

#[test]
#[ignore = "minutes without optimisation"]
fn long_simulation_of_samples() {
    samples(LONG);
}

fn shares(runs: (u64, f64, f64)) {
    let population: Vec<bool> = (0..5000).map(|i| i * 7919 % 5000 < 600).collect();
    covers(runs, "share of a sample", |draw| {
        let mut random = ChaCha8Rng::seed_from_u64(300 + draw);
        let drawn = index::sample(&mut random, 5000, 1000).into_vec();
        let share = |kept: &[usize]| {
            Some(kept.iter().filter(|at| population[drawn[**at]]).count() as f64 / kept.len() as f64)
        };
        let value = share(&(0..1000).collect::<Vec<_>>()).unwrap();
        within(value, standard_error(1000, 5000, share).unwrap(), 0.12)
    });
}

#[test]
fn short_simulation_of_shares() {
    shares(SHORT);
}

#[test]
#[ignore = "with the other long ones"]
fn long_simulation_of_shares() {
    shares(LONG);
}

/// Rows on a line (and a little beside it, as a vector has a direction), around a centre.
fn line(n: usize, centre: impl Fn(usize) -> f64, random: &mut ChaCha8Rng) -> Array2<f32> {
    Array2::from_shape_fn((n, 2), |(i, j)| if j == 0 { (normal(random) + centre(i)) as f32 } else { 1.0 })
}

/// Two classes on a line, one unit apart: the best accuracy is known.
fn probes(runs: (u64, f64, f64)) {
    let accuracy = 0.691_462; // Phi(1/2)
    covers(runs, "accuracy of a probe", |draw| {
        let mut random = ChaCha8Rng::seed_from_u64(400 + draw);
        let codes: Vec<usize> = (0..300).map(|i| i % 2).collect();
        let rows = line(300, |i| (i % 2) as f64, &mut random);
        let folds = stratified_k_fold(&codes.iter().map(|c| *c as u32).collect::<Vec<_>>(), 5, 1).unwrap();
        let classes = Classes { codes, names: vec!["a".into(), "b".into()] };
        let options = ModelOptions { kind: ModelKind::Logistic, ..Default::default() };
        let found =
            cross_validate_classes(rows.view(), &classes, &folds, &SampleInfo::default(), &options).unwrap();
        let interval = found.intervals.accuracy;
        (interval.low..=interval.high).contains(&accuracy)
    });
}

#[test]
fn short_simulation_of_probes() {
    probes((5, 0.4, 1.0));
}

#[test]
#[ignore = "minutes without optimisation"]
fn long_simulation_of_probes() {
    probes(LONG);
}

/// Two files on a line, one unit apart: the AUC is known.
fn areas(runs: (u64, f64, f64)) {
    let area = 0.760_250; // Phi(1 / sqrt 2)
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("b.npy");
    covers(runs, "AUC of two files", |draw| {
        let mut random = ChaCha8Rng::seed_from_u64(500 + draw);
        let b = Data::from(Table::from_vectors(line(120, |_| 1.0, &mut random)));
        let _left_out = b.write(Vec::new(), &other, &Default::default()).unwrap();
        let a = Data::from(Table::from_vectors(line(150, |_| 0.0, &mut random)));
        let options = DriftOptions { other: Some(other.clone()), permutations: 9, ..Default::default() };
        let auc = Drift::run(&a, &options, &Context::with_seed(draw)).unwrap().auc.unwrap();
        (auc.low..=auc.high).contains(&area)
    });
}

#[test]
fn short_simulation_of_areas() {
    areas((5, 0.4, 1.0));
}

#[test]
#[ignore = "minutes without optimisation"]
fn long_simulation_of_areas() {
    areas(LONG);
}
