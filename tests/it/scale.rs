//! Files that are larger than the memory that a command may take: its plan, its peak, and what comes of it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Float64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use embedlab::quality::{DistinctRows, GeometryOptions, geometry};
use embedlab::table::{self, Table};
use ndarray::Array2;
use serde_json::Value;

use crate::support::{LABELS, SAMPLE, embedlab, json, root, write};

/// 135 MB of vectors, with a text, a class and a number for each row.
const ROWS: usize = 66_000;
const DIMS: usize = 512;

/// What each command may take, in MB: less than the vectors.
const MEMORY: u64 = 125;

struct Large {
    _folder: tempfile::TempDir,
    file: String,
}

static LARGE: LazyLock<Large> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large.parquet");
    let table = large(ROWS, DIMS);
    let _ = table::write(&table, &file, &Default::default()).unwrap();
    Large { file: file.to_string_lossy().into_owned(), _folder: folder }
});

/// Rows around five points, in no order.
pub fn large(rows: usize, dims: usize) -> Table {
    let mut state = 88_172_645_463_325_252_u64;
    let vectors = Array2::from_shape_fn((rows, dims), |(i, j)| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let noise = (state >> 40) as f32 / (1 << 24) as f32 - 0.5;
        noise + if j % 5 == i % 5 { 0.6 } else { 0.0 }
    });
    let texts: StringArray =
        (0..rows).map(|i| Some(format!("a text about topic {} no {i}", i % 5))).collect();
    let kinds: StringArray = (0..rows).map(|i| Some(["a", "b", "c", "d", "e"][i % 5])).collect();
    let stars: Float64Array = (0..rows).map(|i| Some((i % 5) as f64 + 1.0)).collect();
    let schema = Schema::new(vec![
        Field::new("Text", DataType::Utf8, false),
        Field::new("Kind", DataType::Utf8, false),
        Field::new("Score", DataType::Float64, false),
    ]);
    let columns =
        RecordBatch::try_new(Arc::new(schema), vec![Arc::new(texts), Arc::new(kinds), Arc::new(stars)])
            .unwrap();
    Table::new(vectors, columns, "embedding").unwrap()
}

/// Runs a command to its end; what it said on both streams, whether it succeeded, and its peak of memory in MB.
#[cfg(target_os = "linux")]
pub fn peak(arguments: &[&str]) -> (String, bool, u64) {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("embedlab"));
    command.current_dir(root()).args(arguments).args(["-j", "2"]).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    fn read(mut from: impl std::io::Read + Send + 'static) -> std::thread::JoinHandle<String> {
        std::thread::spawn(move || {
            let mut said = Vec::new();
            from.read_to_end(&mut said).unwrap();
            String::from_utf8_lossy(&said).into_owned()
        })
    }
    let (out, err) = (read(child.stdout.take().unwrap()), read(child.stderr.take().unwrap()));
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    let ended = loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        most = most.max(now.unwrap_or(0));
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    };
    let said = out.join().unwrap() + &err.join().unwrap();
    (said, ended.success(), most >> 10)
}

/// The peak stays below the bound for every command that passes over the rows or takes a sample of them.
#[test]
#[cfg(target_os = "linux")]
fn every_command_keeps_to_its_memory() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let file = LARGE.file.as_str();
    let labels = at("labels.parquet");
    let five = large(5, DIMS);
    let names: StringArray = ["a", "b", "c", "d", "e"].map(Some).into_iter().collect();
    let names = RecordBatch::try_from_iter([("label", Arc::new(names) as ArrayRef)]).unwrap();
    let five = Table::new(five.vectors().to_owned(), names, "embedding").unwrap();
    let _ = table::write(&five, labels.as_ref(), &Default::default()).unwrap();
    let (small, map, model) = (at("small.parquet"), at("map.parquet"), at("model.safetensors"));
    let _ = table::write(&large(300, DIMS), small.as_ref(), &Default::default()).unwrap();
    embedlab().args(["map", &small, "--method", "pca", "-o", &map]).assert().success();
    embedlab()
        .args(["train", &small, "--label", "Kind", "--model", "logistic", "-o", &model])
        .assert()
        .success();
    let clusters = at("clusters.safetensors");
    let commands: Vec<Vec<&str>> = vec![
        vec!["inspect", file],
        vec!["check", file],
        vec!["cluster", file, "-k", "5", "--n-init", "2", "--save", &clusters],
        vec!["cluster", file, "-k", "5", "--passes", "full", "--max-iter", "5", "--n-init", "2"],
        vec!["cluster", file, "-k", "5", "--passes", "full", "--batch-size", "500", "--max-iter", "1"],
        vec!["profile", file, "--by", "Kind"],
        vec!["search", file, "--row", "17"],
        vec!["neighbors", file, "--row", "17"],
        vec!["zero-shot", file, "--labels", &labels, "--label", "Kind"],
        vec!["predict", &clusters, file],
        vec!["predict", &model, file],
        vec!["map", file, "--onto", &map],
        vec!["duplicates", file, "--exact-only"],
        // Pairs of three fifths of the rows, which do not fit either.
        vec!["duplicates", file, "--where", "Kind IN ('a', 'b', 'c')"],
        vec!["evaluate", file, "--label", "Kind", "--queries", &small],
        vec!["regress", file, "--label", "Score", "--model", "ridge"],
        vec!["classify", file, "--label", "Kind", "--model", "logistic"],
    ];
    let converted: Vec<String> =
        ["parquet", "csv", "jsonl", "npy", "arrow"].iter().map(|end| at(&format!("out.{end}"))).collect();
    let commands = commands.into_iter().chain(converted.iter().map(|out| vec!["convert", file, out]));
    let memory = format!("{MEMORY}M");
    let mut over = Vec::new();
    for mut command in commands {
        command.extend(["--memory", &memory]);
        let (said, success, most) = peak(&command);
        eprintln!("{most} MB of {MEMORY}: embedlab {}", command.join(" "));
        if !success || most > MEMORY {
            over.push(format!("{command:?}: {most} MB\n{}", said.chars().take(600).collect::<String>()));
        }
    }
    assert!(over.is_empty(), "{}", over.join("\n"));
}

/// Commands with what they need, `FILE` in place of the file.
const PLANNED: &[&str] = &[
    "inspect FILE",
    "check FILE",
    "convert FILE out.parquet",
    "convert FILE out.safetensors",
    "cluster FILE -k 5",
    "cluster FILE -k 5 --passes full",
    "cluster FILE --method hdbscan",
    "classify FILE --label Kind",
    "regress FILE --label Score",
    "train FILE --label Kind",
    "zero-shot FILE --labels labels.parquet",
    "similarities FILE",
    "evaluate FILE",
    "outliers FILE",
    "duplicates FILE",
    "label-errors FILE --label Kind",
    "diversity FILE",
    "search FILE --row 1",
    "neighbors FILE --row 1",
    "knn FILE -o graph.arrow",
    "profile FILE --by Kind",
    "map FILE",
    "compress FILE",
    "report FILE",
    "mteb all FILE --label Kind",
];

#[test]
fn a_plan_says_what_a_command_takes_and_does_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for command in PLANNED {
        let command = command.replace("FILE", &LARGE.file).replace("labels.parquet", LABELS);
        let mut run = embedlab();
        run.args(command.split(' ')).arg("--plan");
        if !command.contains(LABELS) {
            run.current_dir(folder.path());
        }
        let plan = json(run.arg("--json"));
        assert_eq!((plan["rows"].as_u64(), plan["dims"].as_u64()), (Some(ROWS as u64), Some(DIMS as u64)));
        assert_eq!(plan["fits"], true, "{command}: {plan}");
        let memory = &plan["memory"];
        let parts: u64 =
            ["process", "columns", "rows", "work"].iter().map(|part| memory[part].as_u64().unwrap()).sum();
        assert_eq!(memory["peak"].as_u64(), Some(parts), "{command}");
        assert!(plan["bytes_read"].as_u64().unwrap() >= 4 * (ROWS * DIMS) as u64, "{command}: {plan}");
        assert!(plan["seconds"].as_f64().unwrap() > 0.0 && plan["passes"].as_u64() >= Some(1), "{plan}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "a plan writes nothing");
}

#[test]
fn what_would_not_fit_is_said_by_its_plan_and_refused_before_it_begins() {
    let run = |arguments: &[&str]| {
        let mut command = embedlab();
        command.args(arguments).args([LARGE.file.as_str(), "--memory", "125M"]);
        command
    };
    let found = run(&["outliers", "--plan", "--json"]).assert().code(3).get_output().stdout.clone();
    let plan: Value = serde_json::from_slice(&found).unwrap();
    assert_eq!(plan["fits"], false);
    assert!(plan["remedy"].as_str().unwrap().contains("--sample"), "{plan}");
    run(&["outliers", "--plan"]).assert().code(3).stdout(predicates::str::contains("does not fit in memory"));
    run(&["outliers"])
        .assert()
        .code(3)
        .stderr(predicates::str::contains("outliers does not fit in memory"))
        .stderr(predicates::str::contains("--sample"));
    // The way out leads out.
    run(&["outliers", "--sample", "1500"]).assert().success();
    embedlab()
        .args(["inspect", SAMPLE, "--memory", "1M"])
        .assert()
        .code(3)
        .stderr(predicates::str::contains("does not fit in memory"));
}

#[test]
fn the_sample_that_stands_for_all_rows_is_said() {
    let file = LARGE.file.as_str();
    for (memory, command) in [
        // Less than the eigenvalues and enough queries take, and so no passes.
        ("100M", vec!["evaluate", file]),
        ("100M", vec!["regress", file, "--label", "Score", "--model", "ridge"]),
        ("100M", vec!["classify", file, "--label", "Kind", "--model", "logistic"]),
    ] {
        let with_memory = || {
            let mut run = embedlab();
            run.args(&command).args(["--memory", memory]);
            run
        };
        let found = json(with_memory().arg("--json"));
        let drawn = found["drawn"]["rows"].as_u64().unwrap();
        assert!((1000..20_000).contains(&drawn) && found["drawn"]["of"] == ROWS, "{found}");
        let plan = json(with_memory().args(["--plan", "--json"]));
        assert_eq!(plan["sampled"][0]["rows"].as_u64(), Some(drawn), "the plan is kept: {plan}");
        // Said in words too, by one of them.
        if command[0] == "regress" {
            with_memory().assert().success().stdout(predicates::str::contains("random sample of"));
        }
    }
    let found =
        json(embedlab().args(["cluster", file, "-k", "5", "--n-init", "1", "--memory", "110M", "--json"]));
    let rows = found["sample"]["rows"].as_u64().unwrap();
    assert!((found["sample"]["share"].as_f64().unwrap() - rows as f64 / ROWS as f64).abs() < 1e-9);
    let sizes: u64 = found["sizes"].as_array().unwrap().iter().map(|size| size.as_u64().unwrap()).sum();
    assert_eq!(sizes, ROWS as u64);
    // Five points and noise: a sample finds them, each with a fifth of the rows.
    assert!(
        found["sizes"].as_array().unwrap().iter().all(|size| *size == ROWS as u64 / 5),
        "{}",
        found["sizes"]
    );
}

#[test]
fn the_score_card_of_a_file_that_does_not_fit_is_of_all_its_rows() {
    let run = || {
        let mut run = embedlab();
        run.args(["evaluate", &LARGE.file, "--label", "Kind", "--memory", "125M", "--json"]);
        run
    };
    let found = json(&mut run());
    assert_eq!((&found["rows"], found.get("drawn")), (&ROWS.into(), None), "{found}");
    let queries = found["sample"]["queries"].as_u64().unwrap();
    assert!((1000..10_000).contains(&queries), "{}", found["sample"]);
    for name in ["twonn", "mle", "hubness_skew", "near", "outliers", "agreement"] {
        assert!(found["sample"]["standard_errors"][name].as_f64().is_some(), "{name}: {}", found["sample"]);
    }
    // The shape and the copies are those of all rows, to the last bit.
    let rows = table::read(LARGE.file.as_ref(), &Default::default()).unwrap();
    let shape = geometry(&rows.vectors(), &GeometryOptions { seed: 42 }).unwrap();
    let shape: Value = serde_json::from_str(&serde_json::to_string(&shape).unwrap()).unwrap();
    assert_eq!(found["geometry"], shape);
    let copies = DistinctRows::of(&rows.vectors()).unwrap().repeated();
    assert_eq!(found["duplicates"]["exact_vector"], copies);
    assert_eq!(found["duplicates"]["exact_text"], 0);
    let label = &found["labels"];
    assert_eq!(label["rows"], ROWS);
    let probed = label["probed_rows"].as_u64().unwrap();
    assert!((500..=5000).contains(&probed) && label["silhouette"].is_number(), "{label}");
    let plan = json(run().arg("--plan"));
    assert_eq!((&plan["held"], &plan["fits"]), (&"blocks".into(), &true.into()), "{plan}");
    assert_eq!(plan["sampled"][0]["rows"].as_u64(), Some(queries), "the plan is kept: {plan}");
    assert!(plan["passes"].as_u64().unwrap() > 10 && plan["passes_at_most"] == true, "{plan}");
    // A graph of all rows needs them all.
    embedlab()
        .args(["evaluate", &LARGE.file, "--graph", "graph.arrow", "--memory", "125M"])
        .assert()
        .code(3)
        .stderr(predicates::str::contains("evaluate does not fit in memory"));
}

/// The labels of a table that the command wrote.
fn clusters_of(path: &Path) -> Vec<Option<f64>> {
    table::read(path, &Default::default()).unwrap().numbers("cluster").unwrap()
}

#[test]
fn a_run_that_is_killed_goes_on_from_its_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.parquet");
    let mut table = large(26_000, 24);
    // No islands, so that it takes many iterations.
    let vectors = table.vectors().mapv(|x| x - x.floor());
    table = table.with_vectors(vectors, "embedding").unwrap();
    let _ = table::write(&table, &file, &Default::default()).unwrap();
    let (file, kept) = (file.to_string_lossy().into_owned(), folder.path().join("kept"));
    let arguments = |kept: &Path, out: &Path| -> Vec<String> {
        let options = ["cluster", &file, "-k", "20", "--n-init", "1", "--tol", "0", "--passes", "full"];
        let mut all: Vec<String> = options.iter().map(ToString::to_string).collect();
        all.extend(["--checkpoint".into(), kept.to_string_lossy().into_owned()]);
        all.extend(["-o".into(), out.to_string_lossy().into_owned()]);
        all
    };
    let (whole, on) = (folder.path().join("whole.csv"), folder.path().join("on.csv"));
    embedlab().args(arguments(&folder.path().join("other"), &whole)).assert().success();
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("embedlab"))
        .args(arguments(&kept, &on))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !kept.join("checkpoint.safetensors").exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let _ = child.kill();
    child.wait().unwrap();
    assert!(kept.join("checkpoint.safetensors").exists());
    embedlab().args(arguments(&kept, &on)).assert().success();
    assert_eq!(clusters_of(&on), clusters_of(&whole));
    let mut another = arguments(&kept, &on);
    another[3] = "21".into();
    embedlab()
        .args(another)
        .assert()
        .code(2)
        .stderr(predicates::str::contains("clusters: 20 there, 21 here"));
}

#[test]
fn clusters_are_written_as_a_folder_that_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("clusters").to_string_lossy().into_owned();
    let run = || {
        let mut run = embedlab();
        run.args(["cluster", SAMPLE, "-k", "3", "--n-init", "2", "--layout", "partitioned", "-o", &out]);
        run
    };
    let found = json(run().arg("--json"));
    let back = json(embedlab().args(["inspect", &out, "--json"]));
    assert_eq!(back["rows"], 660);
    let names = back["columns"].to_string();
    for name in ["centroid", "l2_dist_to_cent", "cosine_dist_to_cent", "Score"] {
        assert!(names.contains(name), "{names}");
    }
    let groups = json(embedlab().args(["profile", &out, "--by", "centroid", "--json"]));
    assert_eq!(
        groups["groups"].as_array().map(Vec::len).or(groups["groups"].as_u64().map(|n| n as usize)),
        Some(3)
    );
    assert_eq!(found["k"], 3);
    // What cannot come of it is refused before the work, with nothing left.
    let other = folder.path().join("other");
    let refused = |options: &[&str], word: &str| {
        let mut run = embedlab();
        run.args(["cluster", "no such file.parquet", "--layout", "partitioned", "-o"])
            .arg(&other)
            .args(options);
        run.assert().code(2).stderr(predicates::str::contains(word));
    };
    refused(&["--method", "hdbscan"], "only k-means");
    refused(&["--pca", "5"], "only k-means");
    std::fs::write(&other, "mine").unwrap();
    refused(&[], "a file or a link");
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "mine");
    assert!(folder.path().join("clusters/kmeans_centroids.npy").is_file());
    // As any new folder: others may read it if they may read that one.
    std::fs::create_dir(folder.path().join("usual")).unwrap();
    let mode = |name: &str| std::fs::metadata(folder.path().join(name)).unwrap().permissions();
    assert_eq!(mode("clusters"), mode("usual"));
    run().assert().code(2).stderr(predicates::str::contains("holds something already"));
    embedlab()
        .args(["cluster", SAMPLE, "--layout", "partitioned"])
        .assert()
        .code(2)
        .stderr(predicates::str::contains("-o FOLDER"));
}

#[test]
fn packed_text_hive_folders_and_patterns_are_one_table() {
    let folder = tempfile::tempdir().unwrap();
    let text = |from: usize, to: usize| -> String {
        let row = |i: usize| format!("{i},\"[{}, {}, 1]\"\n", i % 7, i % 3);
        "id,embedding\n".to_owned() + &(from..to).map(row).collect::<String>()
    };
    let gzip = |text: String| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packed, text.as_bytes()).unwrap();
        packed.finish().unwrap()
    };
    for (year, from) in [(2023, 0), (2024, 100)] {
        std::fs::create_dir_all(folder.path().join(format!("hive/year={year}"))).unwrap();
        write(folder.path(), &format!("hive/year={year}/a.csv.gz"), gzip(text(from, from + 100)));
    }
    let lines: String = (0..50).map(|i| format!("{{\"id\": {i}, \"embedding\": [{i}, 1]}}\n")).collect();
    let packed = write(folder.path(), "x.jsonl.zst", zstd::encode_all(lines.as_bytes(), 1).unwrap());
    let hive = folder.path().join("hive").to_string_lossy().into_owned();
    let pattern = folder.path().join("hive/*/*.gz").to_string_lossy().into_owned();
    for (file, rows) in [(&hive, 200), (&pattern, 200), (&packed, 50)] {
        let found = json(embedlab().args(["cluster", file, "-k", "2", "--n-init", "1", "--json"]));
        assert_eq!(found["labels"].as_array().unwrap().len(), rows, "{file}");
        let plan = json(embedlab().args(["cluster", file, "-k", "2", "--plan", "--json"]));
        assert_eq!(plan["rows"], rows, "{plan}");
    }
    let found = json(embedlab().args(["profile", &hive, "--by", "year", "--json"]));
    assert_eq!(found["dims"], 3, "{found}");
}

#[test]
fn plans_of_impossible_numbers_are_no_plans_of_small_ones() {
    let most = usize::MAX.to_string();
    for options in [["-k", &most], ["--max-iter", &most], ["--fit-rows", &most], ["--pca", &most]] {
        let run = embedlab()
            .args(["cluster", SAMPLE, "--passes", "full", "--plan"])
            .args(options)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stderr).into_owned() + &String::from_utf8_lossy(&run.stdout);
        assert!(matches!(run.status.code(), Some(0 | 2 | 3)), "{options:?}: {said}");
        assert!(!said.contains("panicked"), "{options:?}: {said}");
    }
    let found = embedlab()
        .args(["cluster", SAMPLE, "-k", &most, "--passes", "full", "--plan", "--json"])
        .output()
        .unwrap();
    let plan: Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(plan["fits"], false, "{plan}");
}

#[test]
fn a_format_that_is_read_to_be_planned_keeps_to_its_memory() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.bits.npy");
    let codes = Array2::from_shape_fn((30_000, 128), |(i, j)| (i * 31 + j) as u8);
    table::write_codes(&file, &table::VectorCodes::Bits(codes.view())).unwrap();
    for plan in [&["--plan"][..], &[]] {
        let mut run = embedlab();
        run.arg("profile").arg(&file).args(["--memory", "110M"]).args(plan);
        run.assert().code(3).stderr(predicates::str::contains("fit in memory"));
    }
}
