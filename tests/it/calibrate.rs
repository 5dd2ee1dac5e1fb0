//! Calibration against scikit-learn (fixtures/make_calibration.py), its intervals, and the command.

use embedlab::calibration::{CalibrateOptions, Calibration, Goal, MapKind, calibrate};
use embedlab::pairs::{Pairs, area_under_roc, copies, ratio};
use ndarray::Array2;
use serde_json::Value;

use crate::support::{SAMPLE, embedlab, json, write};

/// The generator of the script.
fn stream(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / f64::from(1 << 24)
        })
        .collect()
}

fn case(n: usize, gap: f64, seed: u64) -> (Vec<f64>, Pairs) {
    let u = stream(2 * n, seed);
    let same: Vec<bool> = (0..n).map(|pair| u[2 * pair] < 0.4).collect();
    let cosines = (0..n)
        .map(|pair| {
            let x = 0.2 + gap * f64::from(u8::from(same[pair])) + 0.4 * u[2 * pair + 1];
            (x * 1000.0).round() / 1000.0
        })
        .collect();
    let pairs = Pairs {
        rows: (0..n).map(|pair| (2 * pair, 2 * pair + 1)).collect(),
        same,
        test: (0..n).map(|pair| pair % 2 == 1).collect(),
        units: (0..2 * n as u32).collect(),
        dropped: 0,
    };
    (cosines, pairs)
}

#[test]
fn maps_thresholds_and_errors_are_those_of_scikit_learn() {
    let fixture: Value = serde_json::from_str(include_str!("../fixtures/calibration.json")).unwrap();
    for case_of in fixture["cases"].as_array().unwrap() {
        let number = |key: &str| case_of[key].as_f64().unwrap();
        let (cosines, pairs) = case(number("n") as usize, number("gap"), case_of["seed"].as_u64().unwrap());
        let options = CalibrateOptions { prior: case_of["prior"].as_f64(), ..Default::default() };
        let found = calibrate(&cosines, &pairs, &options).unwrap();
        let near = |value: f64, key: &str, tolerance: f64| {
            assert!((value - number(key)).abs() < tolerance, "{key}: {value}, not {}", number(key));
        };
        // scikit-learn's minimiser stops earlier.
        near(found.calibration.logistic.intercept, "intercept", 2e-3);
        near(found.calibration.logistic.slope, "slope", 2e-3);
        near(found.auc.value, "auc", 1e-12);
        near(found.brier, "brier", 1e-5);
        near(found.calibration_error, "calibration_error", 1e-4);
        let f1 = &found.thresholds[0];
        near(f1.cosine.unwrap(), "f1_cosine", 1e-9);
        near(f1.value.unwrap(), "f1", 1e-12);
        near(f1.precision.unwrap(), "precision", 1e-12);
        near(f1.recall.unwrap(), "recall", 1e-12);
        for (at, expected) in case_of["isotonic"].as_array().unwrap().iter().enumerate() {
            let cosine = 0.1 + 0.8 * at as f64 / 32.0;
            let probability = found.calibration.isotonic.probability(cosine);
            assert!(
                (probability - expected.as_f64().unwrap()).abs() < 1e-9,
                "{cosine}: {probability} {expected}"
            );
        }
    }
}

#[test]
fn thresholds_keep_their_goals_on_the_pairs_that_they_were_chosen_on() {
    let (cosines, mut pairs) = case(2000, 0.2, 5);
    let goals = vec![Goal::FalsePositiveRate(0.02), Goal::Precision(0.9), Goal::Precision(0.9999)];
    let found = calibrate(&cosines, &pairs, &CalibrateOptions { goals, ..Default::default() }).unwrap();
    let [rate, precision, _] = &found.thresholds[..] else { panic!() };
    let train: Vec<usize> = pairs.side(false);
    let share = |threshold: f64, of: &dyn Fn(usize) -> bool, hit: &dyn Fn(usize) -> bool| {
        let counted: Vec<usize> = train.iter().copied().filter(|pair| of(*pair)).collect();
        let _ = threshold;
        counted.iter().filter(|pair| hit(**pair)).count() as f64 / counted.len() as f64
    };
    let at = rate.cosine.unwrap();
    assert!(share(at, &|pair| !pairs.same[pair], &|pair| cosines[pair] >= at) <= 0.02);
    let at = precision.cosine.unwrap();
    assert!(share(at, &|pair| cosines[pair] >= at, &|pair| pairs.same[pair]) >= 0.9);
    assert!(rate.low.unwrap() <= rate.value.unwrap() && rate.value.unwrap() <= rate.high.unwrap());
    pairs.same.iter_mut().for_each(|same| *same = true);
    assert_eq!(calibrate(&cosines, &pairs, &Default::default()).unwrap_err().code(), "one-sided-pairs");
}

#[test]
fn intervals_of_shares_and_areas_hold_the_truth_also_when_pairs_share_rows() {
    let normal = |values: &[f64]| values.iter().sum::<f64>() - 6.0;
    let (mut shares, mut areas, mut apart) = (0, 0, 0);
    let rounds = 200;
    for round in 0..rounds {
        // 40 rows with an effect of their own, 200 pairs of them: a hit when the two effects and chance are above 0.
        let u = stream(40 * 12 + 200 * 12 + 400, round + 1);
        let row = |row: usize| normal(&u[row * 12..row * 12 + 12]);
        let noise = |pair: usize| normal(&u[480 + pair * 12..480 + pair * 12 + 12]);
        let ends = |pair: usize| {
            let a = (u[2880 + pair] * 40.0) as usize;
            (a, (a + 1 + (u[3080 + pair] * 39.0) as usize) % 40)
        };
        let units: Vec<(u32, u32)> = (0..200).map(ends).map(|(a, b)| (a as u32, b as u32)).collect();
        let hits: Vec<f64> = (0..200)
            .map(|pair| f64::from(u8::from(row(ends(pair).0) + row(ends(pair).1) + noise(pair) > 0.0)))
            .collect();
        let found = ratio(&hits, &[1.0; 200], &units).unwrap();
        shares += usize::from((found.low..=found.high).contains(&0.5));
        // Independent pairs: normal scores one standard deviation apart have an area of 0.76.
        let own: Vec<(u32, u32)> = (0..200).map(|pair| (2 * pair, 2 * pair + 1)).collect();
        let same: Vec<bool> = (0..200).map(|pair| pair % 2 == 0).collect();
        let scores: Vec<f64> =
            (0..200).map(|pair| noise(pair) + if same[pair] { 1.0 } else { 0.0 }).collect();
        let found = area_under_roc(&scores, &same, &own).unwrap();
        areas += usize::from((found.low..=found.high).contains(&0.760_25));
        let hits: Vec<f64> = scores.iter().map(|score| f64::from(u8::from(*score > 0.0))).collect();
        let found = ratio(&hits[1..2], &[1.0], &own[1..2]).unwrap();
        assert!(found.low < 0.9 && found.high > 0.1);
        let odd: Vec<f64> = (0..200).filter(|pair| !same[*pair]).map(|pair| hits[pair]).collect();
        let found = ratio(&odd, &[1.0; 100], &own[..100]).unwrap();
        apart += usize::from((found.low..=found.high).contains(&0.5));
    }
    for (held, what) in [(shares, "shares"), (areas, "areas"), (apart, "independent shares")] {
        assert!((180..=198).contains(&held), "{what}: {held} of {rounds}");
    }
}

#[test]
fn no_unit_stands_on_both_sides() {
    let rows: Vec<(usize, usize)> = (0..300).map(|pair| (pair * 7 % 90, (pair * 13 + 1) % 90)).collect();
    let same = (0..300).map(|pair| pair % 2 == 0).collect();
    let units: Vec<u32> = (0..90).map(|row| row / 2).collect();
    for (rows, all) in [(rows, false), ((0..45).map(|pair| (2 * pair, 2 * pair + 1)).collect(), true)] {
        let n = rows.len();
        let same: Vec<bool> = if all { vec![true; n] } else { Vec::clone(&same) };
        let mut pairs = Pairs::split(rows, same, units.clone(), 0.4, 42).unwrap();
        assert!(pairs.rows.len() + pairs.dropped == n && all == (pairs.dropped == 0));
        if all {
            pairs.add_negatives(1.0, 42);
            assert!(pairs.same.iter().any(|same| !same));
        }
        let side = |test: bool| -> std::collections::BTreeSet<u32> {
            let of = pairs.side(test).into_iter().flat_map(|pair| [pairs.rows[pair].0, pairs.rows[pair].1]);
            of.map(|row| pairs.units[row]).collect()
        };
        assert!(side(true).is_disjoint(&side(false)) && !side(true).is_empty() && !side(false).is_empty());
    }
    let values: Vec<Option<u32>> = (0..90).map(|row| (row % 9 > 0).then_some(row % 4)).collect();
    let pairs = Pairs::of_values(&values, units, 200, 0.5, 1).unwrap();
    for (at, (a, b)) in pairs.rows.iter().enumerate() {
        assert_eq!(values[*a] == values[*b], pairs.same[at]);
        assert!(values[*a].is_some() && pairs.units[*a] != pairs.units[*b]);
    }
    let rows = Array2::from_shape_fn((3, 2), |(row, _)| row as f32);
    let texts = ["a", "b", "a "].map(|text| Some(text.to_owned()));
    assert_eq!(copies(rows.view(), Some(&texts)).unwrap(), [0, 1, 0]);
}

#[test]
fn the_command_saves_a_calibration_that_gives_probabilities() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (saved, roc, reliability) = (path("c.json"), path("roc.svg"), path("reliability.svg"));
    let run = [
        "calibrate",
        SAMPLE,
        "--same",
        "Product",
        "-o",
        &saved,
        "--roc",
        &roc,
        "--reliability",
        &reliability,
    ];
    let found = json(embedlab().args(run).args(["--picture", &path("p.png"), "--json"]));
    assert!(found["auc"]["value"].as_f64().unwrap() > 0.7, "{found}");
    assert!(found["auc"]["low"].as_f64() < found["auc"]["value"].as_f64());
    assert_eq!(found["thresholds"][0]["goal"], "f1");
    assert_eq!(found["thresholds"][1]["target"], 0.01);
    let calibration = Calibration::load(&saved).unwrap();
    assert_eq!(calibration.map, MapKind::Logistic);
    assert!(calibration.probability(0.9) > calibration.probability(0.1));
    assert!(calibration.require_dims(3).is_err() && calibration.require_dims(384).is_ok());
    let with = |command: &str, more: &[&str]| {
        json(embedlab().args([command, SAMPLE, "--calibration", &saved, "--json"]).args(more))
    };
    let found = with("duplicates", &["--threshold", "0.85"]);
    assert_eq!(found["probability"].as_f64().unwrap(), calibration.probability(0.85));
    let known = with("duplicates", &["--against", SAMPLE, "--threshold", "0.9"]);
    assert_eq!(known["known"].as_array().unwrap().len(), 660, "{known}");
    std::fs::write(&saved, "{}").unwrap();
    assert_eq!(Calibration::load(&saved).unwrap_err().code(), "calibration-invalid");
    let near =
        json(embedlab().args(["calibrate", SAMPLE, "--overlap", "0.2", "--json", "--test-size", "0.4"]));
    assert!(near["positives"].as_u64().unwrap() >= 20, "{near}");
}

#[test]
fn pairs_of_a_file_are_looked_up_and_bad_ones_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let said = |pairs: &str, more: &[&str]| {
        let pairs = write(folder.path(), "pairs.csv", pairs);
        let run = embedlab().args(["calibrate", SAMPLE, "--pairs", &pairs]).args(more).output().unwrap();
        (run.status.code().unwrap(), String::from_utf8_lossy(&run.stderr).into_owned())
    };
    let good: String = (0..200).map(|row| format!("{row},{},{}\n", row + 300, row % 2)).collect();
    let (code, warned) = said(&format!("a,b,label\n{good}999,1,0\n5,5,1\n"), &[]);
    assert_eq!(code, 0, "{warned}");
    assert!(warned.contains("1 pair of rows that the file does not hold: `999`"), "{warned}");
    assert!(warned.contains("copies of one text"), "{warned}");
    for (pairs, more, expected) in [
        ("a,b,label\n0,1,1\n2,3,0\n", vec![], "too few pairs"),
        ("a,b,label\n0,1,maybe\n", vec![], "neither the same nor not"),
        ("a,c,label\n0,1,1\n", vec![], "no such column"),
        ("a,b,label\n9990,1,1\n", vec![], "no pair of known rows"),
        ("a,b,label\n0,1,1\n", vec!["--id", "Score"], "ids that repeat"),
        ("a,b,label\n0,1,1\n", vec!["--id", "nope"], "no such column"),
    ] {
        let (code, error) = said(pairs, &more);
        assert!(code == 2 && error.contains(expected), "{pairs} {code} {error}");
    }
}
