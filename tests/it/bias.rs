//! Association tests against WEFE and an enumeration (fixtures/make_bias.py), and the command.

use embedlab::bias::{AssociationOptions, TestVectors, associate, published, sets_from_json, split_test};
use embedlab::metric::holm;
use ndarray::Array2;
use serde_json::Value;

use crate::support::{embedlab, json, write};

/// The generator of the script.
fn rows(n: usize, d: usize, seed: u64, shift: f64) -> Array2<f32> {
    let mut state = seed;
    let mut rows = Array2::from_shape_simple_fn((n, d), || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24) - 0.5
    });
    rows.column_mut(0).mapv_inplace(|x| x + shift);
    rows.mapv(|x| x as f32)
}

fn vectors(case: &Value) -> TestVectors {
    let of = |at: usize| {
        let seed = case["seed"].as_u64().unwrap() + at as u64;
        let n = case["sizes"][at].as_u64().unwrap() as usize;
        rows(n, case["dims"].as_u64().unwrap() as usize, seed, case["shifts"][at].as_f64().unwrap())
    };
    TestVectors { x: of(0), y: of(1), a: of(2), b: of(3) }
}

#[test]
fn effects_distances_and_coherence_are_wefes_and_exact_p_values_those_of_all_splits() {
    let fixture: Value = serde_json::from_str(include_str!("../fixtures/bias.json")).unwrap();
    for case in fixture["cases"].as_array().unwrap() {
        let found =
            associate(&vectors(case), &AssociationOptions { permutations: 999, ..Default::default() })
                .unwrap();
        let near = |found: Option<f64>, expected: &Value, what: &str| {
            let expected = expected.as_f64().unwrap();
            // WEFE computes cosines in f32.
            assert!((found.unwrap() - expected).abs() < 2e-5, "{what}: {found:?}, not {expected}");
        };
        near(found.effect_size, &case["effect_size"], "effect");
        near(found.effect_size_sample, &case["effect_size_sample"], "sample effect");
        near(found.rnd.a, &case["rnd"][0], "RND");
        near(found.rnd.b, &case["rnd"][1], "RND");
        near(found.ect.a, &case["ect"][0], "ECT");
        near(found.ect.b, &case["ect"][1], "ECT");
        assert_eq!(found.exact, !case["p"].is_null());
        if let Some(p) = case["p"].as_f64() {
            assert!((found.p - p).abs() < 1e-12, "{} {p}", found.p);
        }
        let (low, high) = (found.low.unwrap(), found.high.unwrap());
        assert!(low < found.effect_size.unwrap() && found.effect_size.unwrap() < high, "{found:?}");
    }
}

#[test]
fn random_splits_come_near_to_all_and_never_give_0() {
    let first: Vec<f64> = (0..10).map(|i| f64::from(i * 7 % 10) + 1.5).collect();
    let second: Vec<f64> = (0..10).map(|i| f64::from(i * 3 % 10)).collect();
    let all = split_test(&first, &second, 1, 42);
    assert!(all.exact && all.splits == 184_756);
    let more = [&second[..], &[4.0, 5.0]].concat();
    let random = split_test(&first, &more, 20_000, 42);
    assert!(!random.exact && (random.p - all.p).abs() < 0.1, "{random:?} {all:?}");
    let apart = split_test(&[9.0; 30], &[0.0; 30], 99, 42);
    assert_eq!((apart.p, apart.exact), (0.01, false));
    // The larger side first.
    let turned = split_test(&more, &first[..3], 1, 42);
    let count = |k: usize| split_test(&first[..k], &more, 1, 42);
    assert!(turned.exact && count(1).exact);
    assert_eq!(count(1).p, 11.0 / 13.0);
}

#[test]
fn intervals_hold_the_true_effect_in_94_of_100_simulations() {
    let mut held = 0;
    for round in 0..200 {
        // Targets on a line between two attributes: the association is normal, and one standard deviation apart.
        let uniform = rows(20, 12, round + 1, 0.0);
        let normal = |first: usize, shift: f64| -> Array2<f32> {
            Array2::from_shape_fn((10, 2), |(row, axis)| {
                let value = 0.03 * (f64::from(uniform.row(first + row).sum()) + shift);
                let angle = std::f64::consts::FRAC_PI_4 - (value / 2_f64.sqrt()).asin();
                (if axis == 0 { angle.cos() } else { angle.sin() }) as f32
            })
        };
        let found = associate(
            &TestVectors {
                x: normal(0, 1.0),
                y: normal(10, 0.0),
                a: ndarray::array![[1.0, 0.0]],
                b: ndarray::array![[0.0, 1.0]],
            },
            &AssociationOptions { permutations: 9, resamples: 300, seed: round },
        )
        .unwrap();
        let truth = 1.0 / 1.25_f64.sqrt();
        held += usize::from((found.low.unwrap()..=found.high.unwrap()).contains(&truth));
    }
    assert!((182..=198).contains(&held), "{held} of 200");
}

#[test]
fn targets_that_are_all_alike_have_no_effect_size() {
    let same = Array2::from_elem((4, 3), 0.5_f32);
    let vectors = TestVectors { x: same.clone(), y: same, a: rows(3, 3, 1, 0.0), b: rows(3, 3, 2, 0.0) };
    let found = associate(&vectors, &AssociationOptions::default()).unwrap();
    assert_eq!((found.effect_size, found.low, found.p), (None, None, 1.0));
    let zero = TestVectors { a: Array2::zeros((2, 3)), ..vectors };
    assert_eq!(associate(&zero, &AssociationOptions::default()).unwrap_err().code(), "zero-row");
}

#[test]
fn holms_p_values_rise_and_end_at_1() {
    assert_eq!(holm(&[]), [0.0; 0]);
    assert_eq!(holm(&[0.01, 0.02, 0.022, 0.9]), [0.04, 0.06, 0.06, 0.9]);
    assert_eq!(holm(&[0.6, 0.7]), [1.0, 1.0]);
}

#[test]
fn the_published_sets_have_the_sizes_of_the_papers() {
    let tests = published().unwrap();
    let sizes =
        |name: &str| tests.iter().find(|test| test.name == name).unwrap().sets.each_ref().map(Vec::len);
    for (name, expected) in [
        ("weat1", [25, 25, 25, 25]),
        ("weat3", [32, 32, 25, 25]),
        ("weat4", [16, 16, 25, 25]),
        ("weat5", [16, 16, 8, 8]),
        ("weat9", [6, 6, 7, 7]),
        ("angry-black-woman", [15, 15, 18, 18]),
        ("double-bind-competent", [8, 8, 10, 10]),
    ] {
        assert_eq!(sizes(name), expected, "{name}");
    }
    let seat = tests.iter().find(|test| test.name == "seat6").unwrap();
    for sentence in ["This is John.", "The person's name is John.", "John is here."] {
        assert!(seat.sets[0].iter().any(|text| text == sentence), "{sentence}");
    }
    assert!(seat.sets[2].iter().any(|text| text == "An executive is a thing."), "{:?}", seat.sets[2]);
    assert!(tests.iter().all(|test| test.source.is_some()));
}

#[test]
fn files_of_wefe_and_sent_bias_are_read_and_others_are_refused() {
    let chosen: Vec<String> = ["f", "i", "p", "u"].map(String::from).to_vec();
    let lists = r#"{"f": ["rose"], "i": ["ant"], "p": ["good", "good"], "u": ["bad"], "more": []}"#;
    let test = &sets_from_json(lists, "file", &chosen).unwrap()[0];
    assert_eq!((test.name.as_str(), test.sets[2].len()), ("f and i", 1));
    assert!(sets_from_json(lists, "file", &[]).unwrap_err().to_string().contains("--test X,Y,A,B"));
    let query = r#"{"target_sets": [["rose"], ["ant"]], "attribute_sets": [["good"], ["bad"]], "attribute_sets_names": ["p", "u"]}"#;
    assert_eq!(sets_from_json(query, "file", &[]).unwrap()[0].names, ["x", "y", "p", "u"].map(String::from));
    let of = |key: &str| format!(r#""{key}": {{"category": "C{key}", "examples": ["{key}"]}}"#);
    let sent_bias = format!("{{{}}}", ["targ1", "targ2", "attr1", "attr2"].map(of).join(", "));
    assert_eq!(sets_from_json(&sent_bias, "weat6", &[]).unwrap()[0].names[0], "Ctarg1");
    for (json, code) in [
        ("[1]", "sets-invalid"),
        ("{}", "sets-invalid"),
        (r#"{"t": {"x": ["a"]}}"#, "sets-invalid"),
        (r#"{"t": {"x": ["a"], "y": [], "a": ["c"], "b": ["d"]}}"#, "empty-set"),
        (r#"{"t": {"x": [1], "y": ["b"], "a": ["c"], "b": ["d"]}}"#, "sets-invalid"),
    ] {
        assert_eq!(sets_from_json(json, "file", &[]).unwrap_err().code(), code, "{json}");
    }
}

/// Words with vectors that lean to one of two sides.
fn words(folder: &std::path::Path) -> String {
    let mut csv = "text,embedding\n".to_owned();
    for (word, x) in [
        ("Rose", 0.9),
        ("tulip", 0.8),
        ("lily", 0.95),
        ("ant", 0.2),
        ("bee", 0.3),
        ("good", 1.0),
        ("bad", 0.0),
    ] {
        csv += &format!("{word},\"[{x}, {}]\"\n", 1.0 - x);
    }
    write(folder, "words.csv", csv)
}

#[test]
fn the_command_names_missing_texts_and_draws_the_effects() {
    let folder = tempfile::tempdir().unwrap();
    let file = words(folder.path());
    let sets = r#"{"mine": {"x": ["rose", "tulip", "lily", "daisy"], "y": ["ant", "bee"], "a": ["good"], "b": ["bad"]},
        "none": {"x": ["q"], "y": ["r"], "a": ["s"], "b": ["t"]}}"#;
    let sets = write(folder.path(), "sets.json", sets);
    let picture = folder.path().join("bias.svg");
    let run = ["bias", &file, "--sets", &sets, "--picture", picture.to_str().unwrap(), "--json"];
    let found = json(embedlab().args(run));
    let test = &found["tests"][0];
    assert_eq!((&test["name"], &test["missing"][0]), (&"mine".into(), &"daisy".into()));
    assert_eq!(found["left_out"][0], "none");
    assert_eq!(test["p"], 0.1);
    assert!(test["effect_size"].as_f64().unwrap() > 1.5 && test["exact"] == true, "{test}");
    assert!(std::fs::read_to_string(picture).unwrap().contains("mine: x, y"));
    let said = embedlab().args(["bias", &file, "--sets", &sets]).assert().success();
    let output = said.get_output();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(out.contains("daisy") && out.contains("cannot tell"), "{out}");
    assert!(err.contains("equally many") && err.contains("1 of 4 texts of x are missing"), "{err}");
}

#[test]
fn a_file_without_the_texts_is_refused_and_the_texts_can_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = words(folder.path());
    let refused = embedlab().args(["bias", &file, "--test", "weat7", "--json"]).assert().code(2);
    assert!(String::from_utf8_lossy(&refused.get_output().stdout).contains("texts-missing"));
    embedlab().args(["bias", &file, "--test", "weat99"]).assert().code(2);
    let listed = embedlab().args(["bias", "--list", "--test", "weat6,seat6"]).assert().success();
    let listed = String::from_utf8_lossy(&listed.get_output().stdout).into_owned();
    assert!(listed.starts_with("text\nJohn\n") && listed.contains("\nThis is John.\n"), "{listed}");
    embedlab().args(["bias"]).assert().code(2);
}
