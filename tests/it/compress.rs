//! Fewer dimensions and bits against sentence-transformers and Faiss (fixtures/make_compress.py).

use embedlab::compress::{
    CurveOptions, Method, Point, Precision, Ranges, Reduction, RescoredBy, curve, int8_codes, packed_bits,
    uint8_codes,
};
use embedlab::table;
use ndarray::{Array2, s};
use serde_json::Value;

use crate::compare::rows;
use crate::support::{SAMPLE, embedlab, json};

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/compress.json")).unwrap()
}

fn no_one(_: usize, _: usize) {}

#[test]
fn codes_are_those_of_sentence_transformers_byte_for_byte() {
    let expected = &fixture()["codes"];
    let mut small = rows(120, 20, 5, 6);
    small.column_mut(3).fill(0.25);
    let ranges = Ranges::of(small.view()).unwrap();
    let first = |codes: Value| codes.as_array().unwrap()[..12].to_vec();
    let listed = |codes: Vec<Vec<i64>>| first(serde_json::to_value(codes).unwrap());
    let of = |codes: Array2<i64>| listed(codes.rows().into_iter().map(|row| row.to_vec()).collect());
    assert_eq!(
        of(int8_codes(small.view(), &ranges).unwrap().mapv(i64::from)),
        *expected["int8"].as_array().unwrap()
    );
    assert_eq!(
        of(uint8_codes(small.view(), &ranges).unwrap().mapv(i64::from)),
        *expected["uint8"].as_array().unwrap()
    );
    assert_eq!(of(packed_bits(small.view()).mapv(i64::from)), *expected["ubinary"].as_array().unwrap());
    assert_eq!(Ranges::of(small.slice(s![..1, ..])).unwrap_err().code(), "too-few-rows");
}

fn found(points: &[Point], dims: usize, precision: Precision, rescore: bool) -> f64 {
    let of = |point: &&Point| (point.dims, point.precision, point.rescore) == (dims, precision, rescore);
    points.iter().find(of).unwrap().recall.mean
}

#[test]
fn recall_is_that_of_the_rules_of_sentence_transformers_and_of_faiss() {
    let everything = rows(1100, 64, 1, 24);
    let (rows, queries) = (everything.slice(s![..1000, ..]), everything.slice(s![1000.., ..]));
    let options = CurveOptions { methods: vec![Method::Truncate], dims: vec![64, 32], ..Default::default() };
    let points = curve(rows, Some(queries), None, &options, &no_one).unwrap().points;
    let fixture = fixture();
    for dims in [64, 32] {
        let expected = &fixture[dims.to_string()];
        for (name, precision, rescore) in [
            ("f32", Precision::F32, false),
            ("f16", Precision::F16, false),
            ("int8", Precision::Int8, false),
            ("int8-raw", Precision::Int8Raw, false),
            ("int8-raw rescored", Precision::Int8Raw, true),
            ("binary", Precision::Binary, false),
            ("binary rescored", Precision::Binary, true),
        ] {
            let (found, expected) =
                (found(&points, dims, precision, rescore), expected[name].as_f64().unwrap());
            // One of 1,000 hits may fall to the other side by rounding.
            assert!((found - expected).abs() < 0.0011, "{dims} {name}: {found}, not {expected}");
        }
        for (name, precision) in [
            ("rabitq1", Precision::Rabitq1),
            ("rabitq2", Precision::Rabitq2),
            ("rabitq4", Precision::Rabitq4),
        ] {
            let found = found(&points, dims, precision, false);
            let [mean, spread] = [0, 1].map(|at| expected[name][at].as_f64().unwrap());
            assert!((found - mean).abs() < 3.0 * spread, "{dims} {name}: {found}, not {mean} ± {spread}");
        }
    }
}

#[test]
fn rescoring_by_the_rows_finds_more_and_figures_agree_with_each_other() {
    let rows = rows(400, 32, 3, 12);
    let labels: Vec<Option<u32>> = rows.column(0).iter().map(|x| Some(u32::from(*x > 0.1))).collect();
    let options = CurveOptions { n_queries: 120, ..Default::default() };
    let found = curve(rows.view(), None, Some(&labels), &options, &no_one).unwrap();
    assert_eq!(found.queries, 120);
    for point in &found.points {
        let recall = point.recall;
        assert!(recall.low <= recall.mean && recall.mean <= recall.high, "{point:?}");
        assert!(point.accuracy.is_some() && point.bytes > 0 && (0.0..=1.0).contains(&recall.p5), "{point:?}");
        assert_eq!(point.accuracy_logistic.is_some(), !point.rescore, "{point:?}");
        if point.rescored_by == Some(RescoredBy::Rows) {
            let plain = Point { rescore: false, rescored_by: None, ..point.clone() };
            let same = |other: &&Point| {
                (other.method, other.dims, other.precision, other.rescore)
                    == (plain.method, plain.dims, plain.precision, false)
            };
            let before = found.points.iter().find(same).unwrap();
            assert!(point.recall.mean >= before.recall.mean, "{point:?} {before:?}");
        }
    }
    assert_eq!(found.probed, Some((200, 200)));
    let of = |dims, precision| {
        let mut points =
            found.points.iter().filter(|point| (point.dims, point.precision) == (dims, precision));
        points.find_map(|point| point.accuracy_logistic).unwrap()
    };
    let (all, bits) = (of(32, Precision::F32), of(8, Precision::Binary));
    assert_eq!((all.difference, all.p), (0.0, 1.0));
    assert!(
        all.value > 0.9 && bits.difference <= 0.0 && bits.difference_low <= bits.difference,
        "{all:?} {bits:?}"
    );
    let tenth = found.tenth_less.unwrap();
    assert!(tenth.point.accuracy_logistic.is_some());
    assert_eq!((tenth.point.method, tenth.point.dims), (Method::Svd, 29));
    assert!(tenth.point.recall.mean > 0.5 && tenth.accuracy.is_some());
}

#[test]
fn all_directions_of_pca_and_svd_keep_every_cosine() {
    let rows = rows(200, 24, 9, 8);
    for method in [Method::Pca, Method::Svd] {
        let options = CurveOptions {
            methods: vec![method],
            dims: vec![24],
            precisions: vec![Precision::F32],
            ..Default::default()
        };
        let points = curve(rows.view(), None, None, &options, &no_one).unwrap().points;
        assert!(points[0].recall.mean > 0.999, "{:?}", points[0]);
        let reduction = Reduction::fit(rows.view(), method, 5, 42).unwrap();
        let fewer = reduction.transform(rows.view(), 3).unwrap();
        assert!(fewer.rows().into_iter().all(|row| (row.dot(&row) - 1.0).abs() < 1e-5));
    }
}

#[test]
fn threads_do_not_change_the_curve() {
    let rows = rows(300, 20, 4, 7);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let options = CurveOptions { n_queries: 60, ..Default::default() };
        pool.install(|| curve(rows.view(), None, None, &options, &no_one).unwrap().points)
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(5));
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let rows = rows(20, 8, 1, 4);
    let refused = |options: CurveOptions| curve(rows.view(), None, None, &options, &no_one).unwrap_err();
    let too_many = refused(CurveOptions { dims: vec![9], ..Default::default() });
    assert_eq!(too_many.code(), "too-many-dimensions");
    let none = refused(CurveOptions { n_queries: 0, ..Default::default() });
    assert_eq!(none.code(), "too-few-rows");
    let other = Array2::<f32>::zeros((3, 5));
    let error = curve(rows.view(), Some(other.view()), None, &Default::default(), &no_one).unwrap_err();
    assert_eq!(error.code(), "dimensions-differ");
    // A dimension without a range, and rows of zeros.
    let mut odd = rows.clone();
    odd.column_mut(0).fill(0.0);
    odd.row_mut(4).fill(0.0);
    let points = curve(odd.view(), None, None, &Default::default(), &no_one).unwrap().points;
    assert!(points.iter().all(|point| point.recall.mean.is_finite()));
}

#[test]
fn the_command_writes_vectors_that_every_command_reads() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let compress = |precision: &str, file: &str| {
        let mut command = embedlab();
        command.args([
            "compress",
            SAMPLE,
            "--n-queries",
            "20",
            "--method",
            "truncate",
            "--dims",
            "128",
            "-q",
        ]);
        command.args(["--precision", precision, "-o", file]);
        command
    };
    let kinds = [
        ("int8", at("a.npy")),
        ("binary", at("b.bits.npy")),
        ("f16", at("c.npy")),
        ("f16", at("d.parquet")),
        ("f32", at("e.csv")),
    ];
    let all = table::read(SAMPLE.as_ref(), &Default::default()).unwrap();
    let exact = Reduction::fit(all.vectors(), Method::Truncate, 128, 42)
        .unwrap()
        .transform(all.vectors(), 128)
        .unwrap();
    for (precision, file) in &kinds {
        compress(precision, file).assert().success();
        let back = table::read(file.as_ref(), &Default::default()).unwrap();
        assert_eq!((back.n_rows(), back.dims()), (660, 128), "{file}");
        let streamed = table::stream(file.as_ref(), &Default::default()).unwrap();
        assert_eq!((streamed.n_rows(), streamed.dims()), (660, 128), "{file}");
        let furthest = back.vectors().iter().zip(&exact).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let most = match *precision {
            "int8" => 0.006,
            "binary" => 2.0,
            "f16" => 3e-4,
            _ => 1e-6,
        };
        assert!(furthest <= most, "{file}: {furthest}");
        embedlab().args(["neighbors", file, "--row", "3", "-k", "5"]).assert().success();
    }
    assert!(table::read(at("d.parquet").as_ref(), &Default::default()).unwrap().column("Score").is_ok());

    let refused = compress("rabitq4", &at("f.npy")).assert().code(2).get_output().clone();
    assert!(String::from_utf8(refused.stderr).unwrap().contains("RaBitQ"));
    compress("binary", &at("g.npy")).assert().code(2);
    std::fs::copy(at("c.npy"), at("a.ranges.npy")).unwrap();
    let other = table::read(at("a.npy").as_ref(), &Default::default()).unwrap_err().to_string();
    assert!(other.contains("a.ranges.npy") && other.contains("other codes"), "{other}");
}

#[test]
fn the_command_names_the_smallest_setting_and_answers_the_guide() {
    let found = json(embedlab().args([
        "compress",
        SAMPLE,
        "--label",
        "Kind",
        "--n-queries",
        "100",
        "--precision",
        "f32,int8,binary",
        "--json",
    ]));
    let (points, chosen) = (found["points"].as_array().unwrap(), &found["chosen"]);
    assert!(points.len() > 20 && chosen["recall"]["mean"].as_f64().unwrap() >= 0.99);
    for point in points {
        let kept = point["recall"]["mean"].as_f64().unwrap() >= 0.99 && point["rescored_by"] != "rows";
        assert!(!kept || point["bytes"].as_u64() >= chosen["bytes"].as_u64(), "{point}");
    }
    assert_eq!(found["tenth_less"]["dims"], 346);
    assert!(found["tenth_less"]["accuracy"]["p"].is_number());
    assert!(found["tenth_less"]["accuracy_logistic"]["p"].is_number());
    assert_eq!((found["learned_from"].as_u64(), found["asked_about"].as_u64()), (Some(330), Some(330)));
}
