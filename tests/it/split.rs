//! Splits against scikit-learn's.

use std::collections::BTreeSet;

use embedlab::split::{Split, group_split, leaks, stratified_split, train_test_split};
use serde_json::Value;

use crate::support::shared_data;

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/split.json")).unwrap()
}

fn numbers<T: TryFrom<u64, Error: std::fmt::Debug>>(value: &Value) -> Vec<T> {
    value.as_array().unwrap().iter().map(|x| T::try_from(x.as_u64().unwrap()).unwrap()).collect()
}

fn expected(case: &Value) -> Split {
    Split { train: numbers(&case["train"]), test: numbers(&case["test"]) }
}

fn test_size_and_seed(case: &Value) -> (f64, u32) {
    (case["test_size"].as_f64().unwrap(), case["seed"].as_u64().unwrap() as u32)
}

fn shared_json(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(shared_data(name)).unwrap()).unwrap()
}

#[test]
fn a_plain_split_is_that_of_scikit_learn() {
    for case in fixture()["plain"].as_array().unwrap() {
        let (test_size, seed) = test_size_and_seed(case);
        let n = case["n"].as_u64().unwrap() as usize;
        assert_eq!(train_test_split(n, test_size, seed).unwrap(), expected(case), "{n} rows, seed {seed}");
    }
}

#[test]
fn a_stratified_split_is_that_of_scikit_learn() {
    for case in fixture()["stratified"].as_array().unwrap() {
        let (test_size, seed) = test_size_and_seed(case);
        let labels: Vec<u32> = numbers(&case["labels"]);
        assert_eq!(stratified_split(&labels, test_size, seed).unwrap(), expected(case), "{labels:?}");
    }
}

#[test]
fn a_group_split_is_that_of_scikit_learn_and_parts_no_group() {
    for case in fixture()["grouped"].as_array().unwrap() {
        let (test_size, seed) = test_size_and_seed(case);
        let groups: Vec<u32> = numbers(&case["groups"]);
        let split = group_split(&groups, test_size, seed).unwrap();
        assert_eq!(split, expected(case), "{groups:?}");
        let of = |rows: &[usize]| rows.iter().map(|&row| groups[row]).collect::<BTreeSet<u32>>();
        assert!(of(&split.train).is_disjoint(&of(&split.test)));
    }
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/data")]
fn the_guide_s_split_of_a_thousand_rows_is_met() {
    let saved = shared_json("split_42.json");
    let split = train_test_split(1000, 0.2, 42).unwrap();
    assert_eq!(split.train, numbers::<usize>(&saved["train_positions"]));
    assert_eq!(split.test, numbers::<usize>(&saved["test_positions"]));
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/data")]
fn the_reviews_leak_into_the_guide_s_test_set() {
    let path = shared_data("fine_food_reviews_minilm_1k.csv");
    let order = shared_json("order_1k.json");
    let mut reader = simd_csv::Reader::from_reader(std::fs::File::open(path).unwrap());
    let headers: Vec<Vec<u8>> = reader.byte_headers().unwrap().iter().map(<[u8]>::to_vec).collect();
    let column = |name: &str| headers.iter().position(|header| header == name.as_bytes()).unwrap();
    let (summary, text) = (column("Summary"), column("Text"));
    let texts: Vec<Option<String>> = reader
        .byte_records()
        .map(|record| {
            let record = record.unwrap();
            let cell = |i: usize| String::from_utf8_lossy(&record[i]).into_owned();
            Some(format!("{}\n{}", cell(summary), cell(text)))
        })
        .collect();
    let split = train_test_split(texts.len(), 0.2, 42).unwrap();
    assert_eq!(leaks(&split, &texts).count(), 66, "in file order");

    let reordered: Vec<Option<String>> =
        numbers::<usize>(&order).into_iter().map(|row| texts[row].clone()).collect();
    assert_eq!(leaks(&split, &reordered).count(), 52, "in the guide's order");
}
