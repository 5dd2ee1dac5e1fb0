//! The saved notebooks hold the outputs of this version and of the code that stands in them.

use std::path::{Path, PathBuf};

use serde_json::Value;

fn notebooks() -> Vec<(PathBuf, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("notebooks");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "ipynb"))
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let parsed = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            (path, parsed)
        })
        .collect()
}

fn text(lines: &Value) -> String {
    match lines {
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        Value::String(text) => text.clone(),
        _ => String::new(),
    }
}

fn code(notebook: &Value) -> Vec<&Value> {
    notebook["cells"].as_array().unwrap().iter().filter(|cell| cell["cell_type"] == "code").collect()
}

#[test]
fn each_topic_has_a_notebook() {
    let names: Vec<String> = notebooks()
        .iter()
        .map(|(path, _)| path.file_stem().unwrap().to_string_lossy().chars().skip(3).collect())
        .collect();
    assert_eq!(
        names,
        [
            "get_embeddings",
            "long_inputs",
            "map_2d",
            "map_3d",
            "clustering",
            "regression",
            "classification",
            "zero_shot",
            "user_and_product",
            "text_search",
            "code_search",
            "recommendations",
            "score_card",
            "outliers",
            "duplicates",
            "diversity",
            "compare_models",
            "compress",
            "calibrate",
            "customize",
            "bias",
            "benchmark"
        ]
    );
}

#[test]
fn saved_outputs_are_of_this_version_and_this_code() {
    for (path, notebook) in notebooks() {
        let run = format!("notebooks/run {}", path.file_name().unwrap().to_string_lossy());
        let saved = &notebook["metadata"]["embedlab"];
        assert_eq!(saved["version"], env!("CARGO_PKG_VERSION"), "{run}");
        let sources: Vec<String> = code(&notebook).iter().map(|cell| text(&cell["source"])).collect();
        let hash = ring::digest::digest(&ring::digest::SHA256, sources.join("\0").as_bytes());
        let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(saved["code"], hash, "{run}");
    }
}

#[test]
fn each_has_prose_and_shows_tables_or_pictures_and_no_error() {
    for (path, notebook) in notebooks() {
        let name = path.display();
        let cells = notebook["cells"].as_array().unwrap();
        assert!(cells.iter().filter(|cell| cell["cell_type"] == "markdown").count() >= 4, "{name}");
        let outputs: Vec<&Value> =
            code(&notebook).into_iter().flat_map(|cell| cell["outputs"].as_array().unwrap()).collect();
        assert!(outputs.iter().all(|output| output["output_type"] != "error"), "{name}");
        let shown = |mime: &str| outputs.iter().filter(|output| !output["data"][mime].is_null()).count();
        assert!(shown("text/html") + shown("image/png") >= 1, "{name}");
        for output in outputs {
            let said = format!(
                "{}{}{}",
                text(&output["text"]),
                output["data"]["text/html"],
                output["data"]["text/plain"]
            );
            for place in ["/home/", "/root/", "/tmp/"] {
                assert!(!said.contains(place), "{name}: an output names a folder of one machine: {said}");
            }
            // The kernel shows the source of a picture where its cell holds imports too.
            for unshown in ["Picture {", "Section {", "Grid {"] {
                assert!(!said.contains(unshown), "{name}: give the last line a cell of its own: {unshown}");
            }
        }
    }
}
