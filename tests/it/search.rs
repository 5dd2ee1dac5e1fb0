//! Search, the index and the functions of source trees, in the library and by the command.

use std::path::Path;

use embedlab::rows::Metric;
use embedlab::search::code::source_tree;
use embedlab::search::{Hnsw, HnswOptions, IndexFile, search};
use ndarray::{Array2, ArrayView1, s};
use predicates::prelude::*;
use predicates::str::contains;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::support::{SAMPLE, embedlab, json};

/// Rows around 20 centres.
fn clustered(n: usize, dims: usize) -> Array2<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let centres = Array2::from_shape_fn((20, dims), |_| random.gen_range(-1.0..1.0_f32));
    Array2::from_shape_fn((n, dims), |(row, column)| {
        centres[[row % 20, column]] + random.gen_range(-0.5..0.5_f32)
    })
}

/// The slow twin: all distances in f64, sorted by distance and row.
fn by_hand(rows: &Array2<f32>, query: ArrayView1<'_, f32>, k: usize, metric: Metric) -> Vec<usize> {
    let query = query.to_vec();
    let mut found: Vec<(f64, usize)> = rows
        .rows()
        .into_iter()
        .enumerate()
        .map(|(at, row)| (metric.distance(&query, &row.to_vec()), at))
        .collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    found.into_iter().take(k).map(|(_, row)| row).collect()
}

#[test]
fn exact_search_ranks_as_all_distances_do_also_among_ties() {
    let mut rows = clustered(500, 12);
    for row in 0..50 {
        let copy = rows.row(row).to_owned();
        rows.row_mut(400 + row).assign(&copy);
    }
    for metric in [Metric::Cosine, Metric::L2, Metric::L1, Metric::Dot] {
        for row in [0, 13, 420] {
            let found = search(rows.view(), rows.row(row), 15, metric, None).unwrap();
            let found: Vec<usize> = found.into_iter().map(|hit| hit.row).collect();
            assert_eq!(found, by_hand(&rows, rows.row(row), 15, metric), "{metric:?} {row}");
        }
    }
    let keep: Vec<bool> = (0..500).map(|row| row % 3 == 1).collect();
    let found = search(rows.view(), rows.row(0), 5, Metric::L2, Some(&keep)).unwrap();
    let all = by_hand(&rows, rows.row(0), 500, Metric::L2);
    let kept: Vec<usize> = all.into_iter().filter(|row| keep[*row]).take(5).collect();
    assert_eq!(found.iter().map(|hit| hit.row).collect::<Vec<_>>(), kept);
}

#[test]
fn the_index_finds_nearly_all_and_is_the_same_for_any_number_of_threads() {
    let rows = clustered(3000, 24);
    for metric in [Metric::Cosine, Metric::L2] {
        let options = HnswOptions { metric, ..Default::default() };
        let build = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Hnsw::build(rows.view(), &options).unwrap())
        };
        let index = build(1);
        assert!(index == build(3));
        let (measured, recall) = Hnsw::build_measured(rows.view(), &options, 10, &|_| ()).unwrap();
        let again = Hnsw::build_measured(rows.view(), &options, 10, &|_| ()).unwrap();
        assert!(measured == again.0 && recall == again.1, "measured twice, the same index");
        let recall = recall.unwrap();
        let enough = recall.at(recall.default_ef()).unwrap();
        assert!(enough.low >= 0.95 && enough.recall <= enough.held_out && enough.high <= 1.0, "{recall:?}");
        // Wider walks find no less, and no share is said to be certain.
        assert!(recall.by_ef.windows(2).all(|pair| pair[0].recall <= pair[1].recall + 0.01), "{recall:?}");
        assert!(recall.by_ef.iter().all(|at| at.low < at.recall), "{recall:?}");
    }
}

#[test]
fn an_index_bears_duplicates_zeros_and_few_rows() {
    let mut rows = clustered(600, 8);
    rows.slice_mut(s![100..400, ..]).fill(0.5);
    rows.slice_mut(s![400..410, ..]).fill(0.0);
    let index = Hnsw::build(rows.view(), &HnswOptions::default()).unwrap();
    let found = index.search(rows.view(), rows.row(7), 3, 50).unwrap();
    assert_eq!(found[0].row, 7);
    let zero = index.search(rows.view(), rows.row(405), 3, 50).unwrap_err().to_string();
    assert!(zero.contains("zeros"), "{zero}");
    assert!(
        index
            .search(rows.view(), rows.row(7), 600, 600)
            .unwrap()
            .iter()
            .all(|hit| !(400..410).contains(&hit.row))
    );
    for n in 1..6 {
        let few = rows.slice(s![..n, ..]);
        let index = Hnsw::build(few, &HnswOptions::default()).unwrap();
        assert_eq!(index.search(few, few.row(0), 10, 10).unwrap().len(), n);
    }
    assert!(Hnsw::build(rows.slice(s![..0, ..]), &HnswOptions::default()).is_err());
    rows[[3, 3]] = f32::NAN;
    assert!(Hnsw::build(rows.view(), &HnswOptions::default()).is_err());
}

/// Truth 4: points between a row and its neighbour said 98.9 %, fresh draws of the same kind found 82.6 %.
#[test]
fn the_recall_that_is_said_is_that_of_fresh_rows() {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let mut normal = || (0..12).map(|_| random.gen_range(0.0..1.0_f32)).sum::<f32>() - 6.0;
    let all = Array2::from_shape_simple_fn((4200, 32), &mut normal);
    let (rows, fresh) = (all.slice(s![..4000, ..]), all.slice(s![4000.., ..]));
    let (index, recall) = Hnsw::build_measured(rows, &HnswOptions::default(), 10, &|_| ()).unwrap();
    let recall = recall.unwrap();
    for ef in [16, recall.default_ef()] {
        let exact = embedlab::rows::top_k(&rows, fresh, 10, Metric::Cosine).unwrap();
        let found: usize = fresh
            .rows()
            .into_iter()
            .zip(exact)
            .map(|(query, exact)| {
                let hits = index.search(rows, query, 10, ef).unwrap();
                hits.iter().filter(|hit| exact.iter().any(|near| near.row == hit.row)).count()
            })
            .sum();
        let (share, said) = (found as f64 / 2000.0, recall.at(ef).unwrap());
        assert!((share - said.held_out).abs() < 0.04, "ef {ef}: {share} {said:?}");
        assert!(ef == 16 || share > 0.93, "ef {ef}: {share}");
    }
}

#[test]
fn a_saved_index_answers_alike_and_refuses_another_file_and_damage() {
    let folder = tempfile::tempdir().unwrap();
    let (path, source) = (folder.path().join("rows.hnsw"), folder.path().join("rows.npy"));
    let rows = clustered(300, 8);
    let save_rows = |rows: &Array2<f32>| {
        let table = embedlab::table::Table::from_vectors(rows.clone());
        let _ = embedlab::table::write(&table, &source, &Default::default()).unwrap();
    };
    save_rows(&rows);
    let (index, recall) = Hnsw::build_measured(rows.view(), &HnswOptions::default(), 10, &|_| ()).unwrap();
    IndexFile::save(&path, &index, rows.view(), &source, "embedding", recall.as_ref()).unwrap();
    let read = IndexFile::open(&path).unwrap();
    assert_eq!((read.n_rows(), read.dims(), read.recall()), (300, 8, recall.as_ref()));
    for row in [0, 150, 299] {
        assert_eq!(read.row(row).unwrap(), rows.row(row));
        let found = read.search(rows.row(row), 7, 40).unwrap();
        assert_eq!(found, index.search(rows.view(), rows.row(row), 7, 40).unwrap());
    }
    assert!(read.row(300).is_err());
    read.require_fresh(&source, false).unwrap();
    read.require_fresh(&source, true).unwrap();
    // Another time and the same content: still the same file. Other content: not.
    save_rows(&rows);
    read.require_fresh(&source, false).unwrap();
    let mut other = rows.clone();
    other[[7, 7]] += 0.001;
    save_rows(&other);
    assert!(read.require_fresh(&source, false).unwrap_err().to_string().contains("stale"));
    save_rows(&rows.slice(s![..299, ..]).to_owned());
    assert!(read.require_fresh(&source, false).unwrap_err().to_string().contains("stale"));

    let whole = std::fs::read(&path).unwrap();
    for length in [0, 8, 50, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(IndexFile::open(&path).is_err(), "{length}");
    }
    // Damage within is no panic: whatever the links say, rows of the file are found.
    for seed in 0..200 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut bytes = whole.clone();
        for _ in 0..20 {
            let at = random.gen_range(0..bytes.len());
            bytes[at] = random.r#gen();
        }
        std::fs::write(&path, &bytes).unwrap();
        if let Ok(index) = IndexFile::open(&path) {
            let _ = index.search(rows.row(1), 5, 20);
        }
    }
}

#[test]
fn the_command_searches_filters_and_keeps_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let rows = path("rows.parquet");
    std::fs::copy(SAMPLE, &rows).unwrap();
    let exact = json(embedlab().args(["search", &rows, "--row", "5", "-k", "4", "--json", "-q"]));
    let hits = exact["hits"].as_array().unwrap();
    assert_eq!(hits.len(), 4);
    assert!(hits.iter().all(|hit| hit["row"] != 5 && hit["text"].is_string()));
    assert!(hits.windows(2).all(|pair| pair[0]["score"].as_f64() >= pair[1]["score"].as_f64()));

    let filtered = json(embedlab().args([
        "search",
        &rows,
        "--row",
        "5",
        "--where",
        "Score <= 2 and Kind = 'tea'",
        "--json",
        "-q",
        "-o",
        &path("hits.csv"),
    ]));
    assert!(filtered["filtered"].as_u64().unwrap() < 660);
    let written = embedlab::table::read(Path::new(&path("hits.csv")), &Default::default()).unwrap();
    assert!(written.numbers("Score").unwrap().into_iter().flatten().all(|score| score <= 2.0));
    assert_eq!(written.n_rows(), filtered["hits"].as_array().unwrap().len());

    // Few rows are searched exactly.
    let few = json(embedlab().args(["search", &rows, "--row", "5", "-k", "4", "--index", "--json", "-q"]));
    assert_eq!((&few["hits"], &few["index"]), (&exact["hits"], &serde_json::Value::Null));
    let varied = json(
        embedlab().args(["search", &rows, "--like", "5,9", "--unlike", "3", "--mmr", "0.5", "--json", "-q"]),
    );
    assert!(
        varied["hits"].as_array().unwrap().iter().all(|hit| hit["cosine"].is_number() && hit["row"] != 9)
    );
    let neighbors = json(embedlab().args(["neighbors", &rows, "--row", "5", "-k", "4", "--json", "-q"]));
    assert_eq!(neighbors["neighbors"], exact["hits"]);

    let fails = |arguments: &[&str], says: &str| {
        embedlab().args(arguments).assert().code(2).stderr(contains(says));
    };
    fails(&["search", &rows, "--row", "660"], "row 660 of 660");
    fails(&["search", &rows], "nothing to search for");
    fails(&["search", &rows, "tea"], "embedlab embed FILE --model lsa");
    let none = json(embedlab().args(["search", &rows, "--row", "1", "--where", "Score > 9", "--json", "-q"]));
    assert_eq!((&none["filtered"], &none["hits"]), (&0.into(), &serde_json::json!([])));
    fails(&["search", &rows, "--row", "1", "--where", "Stars > 3"], "the columns are");
    fails(&["search", &rows, "--row", "1", "--where", "Score >"], "invalid filter");
    let narrow = path("narrow.csv");
    std::fs::write(&narrow, "embedding\n\"[1.0, 2.0]\"\n").unwrap();
    fails(&["search", &rows, "--from", &narrow], "2 in the queries, 384 in the rows");
}

#[test]
fn the_selection_holds_for_what_is_found_and_not_for_the_rows_of_the_query() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let table = embedlab::table::read(Path::new(SAMPLE), &Default::default()).unwrap();
    let (scores, texts) = (table.numbers("Score").unwrap(), table.text("combined").unwrap());
    let five = scores.iter().position(|score| *score == Some(5.0)).unwrap().to_string();
    let output = path("hits.csv");
    for command in ["search", "neighbors"] {
        let list = if command == "search" { "hits" } else { "neighbors" };
        let all =
            [command, SAMPLE, "--row", &five, "-k", "600", "--where", "Score <= 2", "--drop-duplicates"];
        let more = ["--columns", "Score,Kind", "-o", &output, "--json", "-q"];
        let found = json(embedlab().args(all).args(more));
        let hits = found[list].as_array().unwrap();
        let rows: Vec<usize> = hits.iter().map(|hit| hit["row"].as_u64().unwrap() as usize).collect();
        assert_eq!(found["rows"], 660, "{command}");
        assert_eq!(found["filtered"].as_u64().unwrap() as usize, rows.len(), "{command}");
        assert!(rows.len() == 84 && rows.iter().all(|row| scores[*row].unwrap() <= 2.0), "{rows:?}");
        assert!(hits.iter().zip(&rows).all(|(hit, row)| hit["text"].as_str() == texts[*row].as_deref()));
        let written = embedlab::table::read(Path::new(&output), &Default::default()).unwrap();
        assert_eq!(written.column_names(), ["Score", "Kind", "distance"]);
        for (place, row) in rows.iter().enumerate() {
            assert_eq!(written.vectors().row(place), table.vectors().row(*row), "{command}");
        }
    }
    // The index does not know of a selection.
    embedlab()
        .args(["search", SAMPLE, "--row", "1", "--index", "--sample", "9"])
        .assert()
        .success()
        .stderr(contains("the index is not used"));
    embedlab()
        .args(["search", SAMPLE, "--from", SAMPLE, "--row", "2", "-o", SAMPLE])
        .assert()
        .code(2)
        .stderr(contains("would replace an input"));
    let copy = path("queries.parquet");
    std::fs::copy(SAMPLE, &copy).unwrap();
    embedlab()
        .args(["neighbors", SAMPLE, "--from", &copy, "-o", &copy])
        .assert()
        .code(2)
        .stderr(contains("would replace an input"));
    embedlab()
        .args(["search", SAMPLE, "--row", "2", "--like", "3"])
        .assert()
        .code(2)
        .stderr(contains("two things to search for"));
}

#[test]
fn a_row_that_was_left_out_is_no_query() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.csv");
    let rows: String = (0..9)
        .map(|row| format!("text {row},\"[{}, 1]\"\n", if row == 3 { "NaN".into() } else { row.to_string() }))
        .collect();
    std::fs::write(&file, format!("text,embedding\n{rows}")).unwrap();
    let file = file.to_string_lossy().into_owned();
    let ask = |row: &str| {
        let mut command = embedlab();
        command.args([
            "neighbors",
            &file,
            "--row",
            row,
            "-k",
            "2",
            "--metric",
            "l2",
            "--drop-missing",
            "--json",
            "-q",
        ]);
        command
    };
    let found = json(&mut ask("4"));
    let rows: Vec<u64> =
        found["neighbors"].as_array().unwrap().iter().map(|hit| hit["row"].as_u64().unwrap()).collect();
    assert_eq!((rows, &found["query"], &found["rows"]), (vec![5, 2], &"text 4".into(), &8.into()));
    ask("3").assert().code(2).stderr(contains("row 3, which is not among the 8 rows that are used"));
}

#[test]
fn an_index_of_many_rows_is_kept_beside_the_file_and_answers_like_the_exact_search() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let rows = path("rows.npy");
    let write = |n: usize| {
        let table = embedlab::table::Table::from_vectors(clustered(n, 4));
        let _ = embedlab::table::write(&table, Path::new(&rows), &Default::default()).unwrap();
    };
    write(20_000);
    let ask = |more: &[&str]| {
        let arguments = [&["search", &rows, "--row", "5", "-k", "4", "--json", "-q"], more].concat();
        json(embedlab().args(arguments))
    };
    let exact = ask(&[]);
    let first = ask(&["--index"]);
    assert_eq!((&first["hits"], &first["index"]["built"]), (&exact["hits"], &true.into()));
    assert!(first["index"]["recall"]["low"].as_f64().unwrap() >= 0.95);
    let again = ask(&["--index", "--verify"]);
    assert_eq!((&again["hits"], &again["index"]["built"]), (&exact["hits"], &false.into()));
    let written = path("hits.npy");
    ask(&["--index", "-o", &written]);
    let (written, all) = (Path::new(&written), Path::new(&rows));
    let read = |path| embedlab::table::read(path, &Default::default()).unwrap().into_vectors();
    let hits: Vec<usize> =
        exact["hits"].as_array().unwrap().iter().map(|hit| hit["row"].as_u64().unwrap() as usize).collect();
    assert_eq!(read(written), read(all).select(ndarray::Axis(0), &hits));
    let fails = |more: &[&str], says: &str| {
        let arguments = [&["search", &rows, "--row", "5", "--index"], more].concat();
        embedlab().args(arguments).assert().code(2).stderr(contains(says));
    };
    fails(&["--metric", "l2"], "another metric");
    // Other rows under the same name: the index is stale.
    write(20_001);
    fails(&[], "a stale index");
}

#[test]
fn functions_of_five_languages_are_found_also_in_a_broken_file() {
    let tree = source_tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/code")).unwrap();
    let found: Vec<String> = tree
        .functions
        .iter()
        .map(|f| {
            let top = if f.top_level { "*" } else { "" };
            format!("{}:{}-{} {}{top}", f.path, f.line, f.end_line, f.name)
        })
        .collect();
    assert_eq!(
        found,
        [
            "broken.py:5-6 Half.whole",
            "kettle.go:4-6 Kettle.Heat*",
            "kettle.go:8-8 boil*",
            "pot.rs:12-14 Pot::fill",
            "pot.rs:19-22 lids::close",
            "pot.rs:20-20 lids::close::inner",
            "pot.rs:27-29 Boil::whistle",
            "tea.py:7-18 steep*",
            "tea.py:15-16 steep.minutes",
            "tea.py:24-26 Cup.pour",
            "tea.py:29-29 Cup.Lid.open",
            "tea.py:33-34 in_a_condition",
            "tea.py:37-38 serve*",
            "web/order.js:4-6 send*",
            "web/order.js:8-8 total*",
            "web/order.js:11-11 Basket.add",
            "web/order.js:12-12 Basket.clear",
            "web/order.js:15-15 remove",
            "web/table.tsx:3-5 Table.row",
            "web/table.tsx:7-7 View*",
            "web/table.tsx:9-9 inner.hidden",
        ]
    );
    let doc = |name: &str| tree.functions.iter().find(|f| f.name == name).unwrap().doc.clone();
    assert!(doc("steep").starts_with("Minutes until the tea is ready."));
    assert_eq!(doc("Pot::fill"), "Fills the pot\nto the brim.");
    assert_eq!(doc("send"), "Sends an order.");
    assert_eq!(doc("Kettle.Heat"), "Heat heats the water.");
    let steep = tree.functions.iter().find(|f| f.name == "steep").unwrap();
    assert!(steep.code.starts_with("@functools.cache\ndef steep("), "{}", steep.code);
    assert_eq!(tree.with_errors.len(), 1);
}

#[test]
fn code_is_indexed_and_searched_by_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("code.parquet").to_string_lossy().into_owned();
    let found = json(embedlab().args(["code", "index", "tests/fixtures/code", "--json", "-q", "-o", &index]));
    assert_eq!((found["files"].as_u64(), found["functions"].as_u64()), (Some(6), Some(21)));
    assert_eq!(found["languages"]["python"], 7);
    let hits = json(embedlab().args(["code", "search", &index, "fill the pot to the brim", "--json", "-q"]));
    assert_eq!(hits["hits"][0]["function"], "Pot::fill");
    assert_eq!(
        (hits["hits"][0]["path"].as_str(), hits["hits"][0]["line"].as_u64()),
        (Some("pot.rs"), Some(12))
    );
    let hits = json(embedlab().args([
        "code",
        "search",
        &index,
        "fill",
        "--where",
        "language = 'go'",
        "-k",
        "9",
        "--json",
        "-q",
    ]));
    assert_eq!(hits["hits"].as_array().unwrap().len(), 2);
    embedlab()
        .args(["code", "search", SAMPLE, "tea"])
        .assert()
        .code(2)
        .stderr(contains("embedlab code index"));
    embedlab().args(["code", "index", "output"]).assert().code(2).stderr(contains("no functions"));
    embedlab().args(["code", "index", "nowhere"]).assert().code(2).stderr(contains("nowhere"));
    embedlab()
        .args(["code", "search", &index, "fill the pot"])
        .assert()
        .success()
        .stdout(contains("pot.rs:12").and(contains("Fills the pot")));
}
