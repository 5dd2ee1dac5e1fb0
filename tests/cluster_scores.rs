//! Scores of clusters against scikit-learn's.

use embedlab::metric::agreement;
use serde_json::Value;

fn numbers<T: TryFrom<u64, Error: std::fmt::Debug>>(value: &Value) -> Vec<T> {
    value.as_array().unwrap().iter().map(|x| T::try_from(x.as_u64().unwrap()).unwrap()).collect()
}

#[test]
fn agreement_is_that_of_scikit_learn() {
    let fixture: Value = serde_json::from_str(include_str!("fixtures/agreement.json")).unwrap();
    for case in fixture["cases"].as_array().unwrap() {
        let scores = agreement(&numbers(&case["truth"]), &numbers(&case["clusters"])).unwrap();
        for (name, score) in [
            ("v_measure", scores.v_measure),
            ("homogeneity", scores.homogeneity),
            ("completeness", scores.completeness),
            ("ari", scores.ari),
            ("ami", scores.ami),
            ("nmi", scores.nmi),
            ("v_measure_beta_half", scores.v_measure_beta(0.5)),
            ("v_measure_beta_two", scores.v_measure_beta(2.0)),
        ] {
            let expected = case[name].as_f64().unwrap();
            assert!((score - expected).abs() < 1e-9, "{}: {name} {score}, expected {expected}", case["name"]);
        }
    }
}
