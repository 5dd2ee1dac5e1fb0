//! Every example runs and draws what it says.

use std::path::Path;
use std::process::Command;

#[test]
fn clustering_names_and_draws_the_clusters_of_the_sample() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ran = Command::new(cargo)
        .current_dir(root)
        .args(["run", "--quiet", "--example", "clustering"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(said.matches(" rows, ").count(), 8, "{said}");
    let svg = std::fs::read_to_string(root.join("output/clusters.svg")).unwrap();
    assert!(svg.contains("width=\"960\"") && svg.contains("height=\"600\""), "{}", &svg[..200]);
    assert!(std::fs::read(root.join("output/clusters.png")).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn star_ratings_are_scored_beside_a_constant_and_drawn() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ran = Command::new(cargo)
        .current_dir(root)
        .args(["run", "--quiet", "--example", "star_ratings"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    assert!(said.contains("always the median") && said.contains("macro avg"), "{said}");
    for name in ["output/regression.png", "output/classification.png"] {
        assert!(std::fs::read(root.join(name)).unwrap().starts_with(b"\x89PNG"), "{name}");
    }
}

#[test]
fn get_embeddings_counts_prices_searches_and_draws() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ran = Command::new(cargo)
        .current_dir(root)
        .args(["run", "--quiet", "--example", "get_embeddings"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    assert!(said.contains("text-embedding-3-small: ") && said.contains(" numbers by lsa-256-"), "{said}");
    assert!(std::fs::read(root.join("output/tokens.png")).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn long_inputs_are_nearer_to_the_whole_when_averaged_than_when_cut_off() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ran = Command::new(cargo)
        .current_dir(root)
        .args(["run", "--quiet", "--example", "long_inputs"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    assert!(said.contains("'AGI ' * 5000: [8191, 1810] tokens"), "{said}");
    let cosines: Vec<f64> = said
        .lines()
        .filter_map(|line| line.split_once("cosine ")?.1.split_once(' ')?.0.parse().ok())
        .collect();
    assert_eq!(cosines.len(), 4, "{said}");
    assert!(cosines[1..].iter().all(|averaged| *averaged > cosines[0]), "{said}");
    assert!(std::fs::read(root.join("output/long_inputs.png")).unwrap().starts_with(b"\x89PNG"));
}
