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
fn the_interactive_map_is_written_where_it_is_asked_for() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interactive_map.html");
    let ran = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["run", "--quiet", "--example", "interactive_map", "--"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let html = std::fs::read_to_string(file).unwrap();
    assert!(html.contains("<title>Fine food reviews</title>") && html.contains("id=\"texts-0\""));
}
