//! Two sets of vectors against the packages that define the figures (fixtures/make_compare.py).

use embedlab::compare::{
    Judgement, PairedScore, Sides, Space, cka, distance_correlation, information_imbalance, neighbor_overlap,
    paired_retrieval, paired_scores, paired_shapes,
};
use embedlab::quality::Graph;
use embedlab::rows::Metric;
use embedlab::table::Labels;
use ndarray::{Array2, ArrayView2, s};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::support::{embedlab, write};

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/compare.json")).unwrap()
}

/// The generator of the scripts.
fn stream(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / f64::from(1 << 24)
        })
        .collect()
}

pub fn rows(n: usize, d: usize, seed: u64, inner: usize) -> Array2<f32> {
    let x = stream(n * inner, seed);
    let noise = stream(n * d, seed + 2);
    Array2::from_shape_fn((n, d), |(i, j)| {
        (x[i * inner + j % inner] - 0.5 + 0.25 * (noise[i * d + j] - 0.5) + 0.125) as f32
    })
}

fn check(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, expected: &Value, name: &str) {
    let near = |found: f64, expected: &Value| {
        let expected = expected.as_f64().unwrap();
        assert!((found - expected).abs() <= 1e-9, "{name}: {found}, not {expected}");
    };
    let graph = |rows: ArrayView2<'_, f32>| Graph::of(rows, 10, Metric::Cosine).unwrap();
    let overlap = neighbor_overlap(&graph(a), &graph(b), 10);
    near(overlap.iter().sum::<f64>() / 300.0, &expected["overlap"]);
    let lost = information_imbalance(a, b, Metric::Cosine, 42).unwrap().unwrap();
    near(lost.a_to_b, &expected["imbalance"][0]);
    near(lost.b_to_a, &expected["imbalance"][1]);
    let found = cka(&a, &b).unwrap();
    near(found.plain.unwrap(), &expected["cka"]);
    near(found.debiased.unwrap(), &expected["debiased"]);
    let found = distance_correlation(a, b, Metric::Cosine, 42).unwrap().unwrap();
    near(found, &expected["distance_correlation"]);
}

#[test]
fn overlap_imbalance_alignment_and_correlation_are_those_of_the_reference() {
    let fixture = fixture();
    let (a, b) = (rows(300, 24, 1, 6), rows(300, 16, 1, 6));
    check(a.view(), b.view(), &fixture["alike"], "alike");
    check(a.view(), rows(300, 40, 91, 30).view(), &fixture["unrelated"], "unrelated");
    check(a.view(), a.view(), &fixture["same"], "same");
    check(a.view(), a.slice(s![.., ..5]), &fixture["part"], "part");
}

#[test]
fn rows_that_are_equal_or_few_have_no_alignment() {
    let equal = Array2::from_elem((20, 3), 0.1_f32);
    let found = cka(&equal, &rows(20, 4, 1, 2)).unwrap();
    assert_eq!((found.plain, found.debiased), (None, None));
    let few = rows(3, 4, 1, 2);
    let found = cka(&few, &few).unwrap();
    assert!(found.plain.is_some() && found.debiased.is_none());
    assert_eq!(
        information_imbalance(few.slice(s![..1, ..]), few.slice(s![..1, ..]), Metric::L2, 1).unwrap(),
        None
    );
    assert_eq!(distance_correlation(equal.view(), equal.view(), Metric::L2, 1).unwrap(), None);
}

#[test]
fn a_set_that_is_compared_with_itself_has_no_difference() {
    let a = rows(120, 12, 5, 4);
    let space = Space::of(a.view(), 10, 42).unwrap();
    let labels = Labels {
        names: ["low", "high"].map(String::from).to_vec(),
        codes: a.column(0).iter().map(|x| Some(u32::from(*x > 0.1))).collect(),
    };
    let sides = Sides { a: (a.view(), &space), b: (a.view(), &space) };
    let (scores, warnings) = paired_scores(&sides, Some(&labels), 10, 42).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let names: Vec<&str> = scores.iter().map(|score| &score.name[..]).collect();
    for name in ["mean_cosine", "hubness_skew", "accuracy_logistic", "silhouette", "v_measure"] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    for score in scores {
        assert!(score.difference.is_none_or(|difference| difference == 0.0), "{score:?}");
        assert!(score.low.is_none_or(|low| low == 0.0) && score.p.is_none_or(|p| p == 1.0), "{score:?}");
    }
}

#[test]
fn noise_lowers_the_accuracy_and_the_interval_says_so() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let codes: Vec<Option<u32>> = (0..300).map(|row| Some(row % 3)).collect();
    let mut set = |noise: f32| {
        Array2::from_shape_fn((300, 6), |(i, j)| {
            f32::from(i % 3 == j % 3) + noise * random.gen_range(-1.0_f32..1.0)
        })
    };
    let (a, b) = (set(0.6), set(3.0));
    let spaces = (Space::of(a.view(), 10, 42).unwrap(), Space::of(b.view(), 10, 42).unwrap());
    let labels = Labels { names: ["x", "y", "z"].map(String::from).to_vec(), codes };
    let sides = Sides { a: (a.view(), &spaces.0), b: (b.view(), &spaces.1) };
    let (scores, _) = paired_scores(&sides, Some(&labels), 10, 42).unwrap();
    for name in ["accuracy_knn", "accuracy_logistic", "agreement", "silhouette"] {
        let score = scores.iter().find(|score| score.name == name).unwrap();
        assert!(score.high.unwrap() < 0.0 && score.p.unwrap() < 0.01, "{score:?}");
        assert!((score.b.unwrap() - score.a.unwrap() - score.difference.unwrap()).abs() < 1e-12);
    }
}

/// Two measurements of one cloud: how often the interval of the difference in the mean cosine and in the participation
/// ratio holds the difference of a very large sample.
#[test]
fn intervals_of_differences_in_shape_cover_the_truth() {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let mut draw = |n: usize| {
        let mut a = Array2::<f32>::zeros((n, 5));
        let mut b = a.clone();
        for row in 0..n {
            for column in 0..5 {
                let x: f32 = (0..6).map(|_| random.gen_range(-0.5_f32..0.5)).sum();
                let noise: f32 = (0..6).map(|_| random.gen_range(-0.5_f32..0.5)).sum();
                a[[row, column]] = x * (1.0 + column as f32) + 2.0;
                b[[row, column]] = a[[row, column]] + noise + 0.5;
            }
        }
        (a, b)
    };
    let scores = |pair: &(Array2<f32>, Array2<f32>)| paired_shapes(pair.0.view(), pair.1.view(), 42).unwrap();
    let truth = scores(&draw(200_000));
    let mut covered = [0; 2];
    for _ in 0..150 {
        let found = scores(&draw(120));
        for (covered, name) in covered.iter_mut().zip(["mean_cosine", "participation_ratio"]) {
            let of = |scores: &[PairedScore]| scores.iter().find(|score| score.name == name).unwrap().clone();
            let (truth, found) = (of(&truth).difference.unwrap(), of(&found));
            *covered += usize::from(found.low.unwrap() <= truth && truth <= found.high.unwrap());
        }
    }
    assert!(covered.iter().all(|covered| (138..=148).contains(covered)), "{covered:?} of 150");
}

#[test]
fn retrieval_scores_are_means_over_queries_that_have_something_to_find() {
    let a = ndarray::array![[1.0_f32, 0.0], [0.0, 1.0], [0.8, 0.6]];
    let queries = ndarray::array![[1.0_f32, 0.1], [0.0, 1.0], [0.5, 0.5]];
    let judgements =
        [(0, 0, 1.0), (0, 1, 0.0), (1, 0, 2.0)].map(|(query, row, gain)| Judgement { query, row, gain });
    let side = (a.view(), queries.view());
    let found = paired_retrieval(side, side, &judgements, 42).unwrap();
    // The first query finds its row first, the second finds it last of three.
    assert_eq!(found[0].a, Some((1.0 + 1.0 / 4.0_f64.log2()) / 2.0));
    assert_eq!((found[1].a, found[1].difference), (Some(1.0), Some(0.0)));
    assert_eq!(found[2].a, Some((1.0 + 1.0 / 3.0) / 2.0));
    let outside = [Judgement { query: 9, row: 0, gain: 1.0 }];
    assert_eq!(paired_retrieval(side, side, &outside, 42).unwrap_err().code(), "no-such-row");
}

#[test]
fn the_command_matches_by_id_names_what_is_alone_and_is_a_gate() {
    let folder = tempfile::tempdir().unwrap();
    let vectors = rows(60, 6, 8, 3);
    let file = |name: &str, first: usize| {
        let line = |row: usize| format!("item {row},\"{:?}\"\n", vectors.row(row).to_vec());
        let lines: String = (first..60).map(line).collect();
        write(folder.path(), name, format!("Id,embedding\n{lines}"))
    };
    let (few, fewer) = (file("few.csv", 0), file("fewer.csv", 20));
    let found = embedlab()
        .args(["compare", &few, &fewer, "--id", "Id", "--json"])
        .assert()
        .success()
        .get_output()
        .clone();
    let json: Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(json["only_b"], json!(0));
    assert_eq!((&json["only_a"], &json["rows"]), (&json!(20), &json!(40)));
    assert_eq!(json["neighbor_overlap"]["value"], json!(1.0));
    let said = String::from_utf8(found.stderr).unwrap();
    assert!(said.contains("only in few.csv"), "{said}");

    let failed = embedlab().args(["compare", &few, &fewer]).assert().code(2).get_output().clone();
    let said = String::from_utf8(failed.stderr).unwrap();
    assert!(said.contains("another number of rows") && said.contains("--id COL"), "{said}");
    let gate = |limits: &str| {
        let mut command = embedlab();
        command.args(["compare", &few, &few, "--fail-under", limits]);
        command
    };
    gate("overlap=0.6,cka=0.9").assert().success();
    gate("overlap=1.5").assert().code(1);
    gate("nonsense=1").assert().code(2);
}
