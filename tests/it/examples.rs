//! Every example runs and draws what it says.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::root;

/// Runs an example and gives what it said.
fn run(name: &str) -> String {
    run_with(name, &[])
}

fn run_with(name: &str, arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let ran = Command::new(cargo)
        .current_dir(root())
        .args(["run", "--quiet", "--example", name, "--"])
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    said
}

fn output(name: &str) -> PathBuf {
    root().join("output").join(name)
}

fn assert_drawn(name: &str) {
    assert!(std::fs::read(output(name)).unwrap().starts_with(b"\x89PNG"), "{name}");
    crate::gallery::assert_same(name);
}

#[test]
fn clustering_names_and_draws_the_clusters_of_the_sample() {
    let said = run("clustering");
    assert_eq!(said.matches(" rows, ").count(), 8, "{said}");
    let svg = std::fs::read_to_string(output("clusters.svg")).unwrap();
    assert!(svg.contains("width=\"960\"") && svg.contains("height=\"600\""), "{}", &svg[..200]);
    assert_drawn("clusters.png");
    crate::gallery::assert_same("clusters.svg");
}

#[test]
fn star_ratings_are_scored_beside_a_constant_and_drawn() {
    let said = run("star_ratings");
    assert!(said.contains("always the median") && said.contains("macro avg"), "{said}");
    ["regression.png", "classification.png"].into_iter().for_each(assert_drawn);
}

#[test]
fn get_embeddings_counts_prices_searches_and_draws() {
    let said = run("get_embeddings");
    assert!(said.contains("text-embedding-3-small: ") && said.contains(" numbers by lsa-256-"), "{said}");
    assert_drawn("tokens.png");
}

#[test]
fn long_inputs_are_nearer_to_the_whole_when_averaged_than_when_cut_off() {
    let said = run("long_inputs");
    assert!(said.contains("'AGI ' * 5000: [8191, 1810] tokens"), "{said}");
    let cosines: Vec<f64> = said
        .lines()
        .filter_map(|line| line.split_once("cosine ")?.1.split_once(' ')?.0.parse().ok())
        .collect();
    assert_eq!(cosines.len(), 4, "{said}");
    assert!(cosines[1..].iter().all(|averaged| *averaged > cosines[0]), "{said}");
    assert_drawn("long_inputs.png");
}

#[test]
fn maps_in_two_and_three_dimensions_say_how_far_to_trust_them() {
    let said = run("maps");
    assert_eq!(said.matches("nearest neighbours kept").count(), 2, "{said}");
    ["map.png", "map_3d.png"].into_iter().for_each(assert_drawn);
}

#[test]
fn the_interactive_map_is_written_where_it_is_asked_for() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interactive_map.html");
    run_with("interactive_map", &[file.to_str().unwrap()]);
    let html = std::fs::read_to_string(file).unwrap();
    assert!(html.contains("<title>Fine food reviews</title>") && html.contains("id=\"texts-0\""));
}

#[test]
fn labels_without_training_are_scored_and_drawn() {
    let said = run("zero_shot");
    assert!(said.contains("accuracy"), "{said}");
    ["zero_shot.png", "zero_shot_kinds.png"].into_iter().for_each(assert_drawn);
}

#[test]
fn profiles_say_how_far_their_similarity_goes() {
    let said = run("profiles");
    assert!(said.contains("correlation with the stars"), "{said}");
    assert_drawn("profiles.png");
}

#[test]
fn recommendations_are_listed_and_drawn() {
    let said = run("recommendations");
    assert!(said.contains("like:") && said.contains(" stars of "), "{said}");
    assert_drawn("recommendations.png");
}

#[test]
fn texts_and_functions_are_searched_by_words() {
    assert!(run("text_search").lines().count() > 8);
    assert!(run("code_search").contains(" functions in "));
    ["text_search.png", "code_search.png"].into_iter().for_each(assert_drawn);
}
