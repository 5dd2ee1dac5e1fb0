//! Files as users have them: each kind that was once read wrongly, or not at all, gives its right value. Those that
//! need the folder of cases beside the package say "ignored" without it.

use std::path::{Path, PathBuf};

use embedlab::Result;
use embedlab::table::{self, ReadOptions, Table, read_without_vectors};
use ndarray::Array2;

use predicates::prelude::PredicateBooleanExt;

use crate::support::{embedlab, read_both_ways as read, root};

fn case(name: &str) -> PathBuf {
    root().join("../shared/cases").join(name)
}

fn plain(path: &Path) -> Result<Table> {
    read(path, &ReadOptions::default())
}

/// The 36 vectors that most cases hold in one form or another.
fn topics() -> Array2<f32> {
    plain(&case("13-json-array/vectors.npy")).unwrap().into_vectors()
}

#[track_caller]
fn holds_topics(name: &str, options: &ReadOptions) -> Table {
    let table = read(&case(name), options).unwrap();
    let expected = topics();
    assert_eq!(table.vectors().dim(), expected.dim(), "{name}");
    let furthest = (&table.vectors() - &expected).iter().fold(0.0_f32, |far, x| far.max(x.abs()));
    assert!(furthest < 1e-5, "{name}: {furthest}");
    table
}

fn text(table: &Table, column: &str) -> Vec<String> {
    table.text(column).unwrap().into_iter().map(Option::unwrap_or_default).collect()
}

fn distinct(table: &Table, column: &str) -> Vec<String> {
    table.labels(column).unwrap().names
}

fn written(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, content).unwrap();
    path
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn a_timestamp_in_utc_has_a_text_and_an_order() {
    let table = plain(&case("01-time-zone/reviews_utc.parquet")).unwrap();
    assert!(text(&table, "created_at")[0].starts_with("2024-01-01T00:00:00"));
    let times = table.times("created_at").unwrap();
    assert_eq!(times.iter().flatten().filter(|time| **time >= 1_705_708_800.0).count(), 17);
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn a_uuid_is_no_vector_and_has_a_text() {
    let table = holds_topics("03-bytes-as-vectors/uuid_and_dimensions.parquet", &ReadOptions::default());
    assert_eq!(table.vector_column(), "emb");
    assert_eq!(text(&table, "id")[0].len(), 32);
    assert_eq!(
        holds_topics("03-bytes-as-vectors/uuid_and_list.parquet", &ReadOptions::default()).vector_column(),
        "emb"
    );
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn base64_called_embedding_wins_over_coordinates() {
    assert_eq!(
        holds_topics("04-other-list-as-vector/shops.csv", &ReadOptions::default()).vector_column(),
        "embedding"
    );
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn decimal_commas_are_refused_with_the_way_out_and_read_when_said() {
    let path = case("05-decimal-comma/vectors_de.csv");
    let semicolon = ReadOptions { delimiter: Some(b';'), ..Default::default() };
    let error = read(&path, &semicolon).unwrap_err().to_string();
    assert!(error.contains("row 0 (line 2)") && error.contains("--decimal"), "{error}");
    holds_topics("05-decimal-comma/vectors_de.csv", &ReadOptions { decimal_comma: true, ..semicolon });
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn words_for_missing_are_empty_cells() {
    let table = plain(&case("06-missing-value-words/from_r.csv")).unwrap();
    assert_eq!(table.numbers("Score").unwrap().iter().flatten().count(), 51);
    assert_eq!(distinct(&table, "Score"), ["1", "2", "3", "4"]);
    let kept = ReadOptions { missing: Some(Vec::new()), ..Default::default() };
    let table = read(&case("06-missing-value-words/from_r.csv"), &kept).unwrap();
    assert_eq!(distinct(&table, "Score").len(), 5);
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn the_first_row_does_not_decide_alone() {
    for (name, row) in [("first_failed.jsonl", "row 0 (line 1)"), ("first_cut_off.csv", "row 0 (line 2)")] {
        let path = case("08-first-row-decides").join(name);
        let error = plain(&path).unwrap_err().to_string();
        assert!(error.contains(row) && error.contains("column embedding"), "{error}");
        let table = read(&path, &ReadOptions { drop_missing: true, ..Default::default() }).unwrap();
        assert_eq!((table.vectors().dim(), table.left_out(), table.origin().row(0).1), ((35, 8), 1, 1));
    }
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn a_first_record_with_a_vector_is_no_header() {
    let table = holds_topics("09-no-header/no_header.csv", &ReadOptions::default());
    assert_eq!((table.vector_column(), table.column_names()), ("embedding", vec!["column0"]));
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn a_json_array_has_columns_everywhere() {
    let rows = read_without_vectors(&case("13-json-array/products.json"), &ReadOptions::default()).unwrap();
    assert_eq!((rows.n_rows(), rows.column_names()), (36, vec!["TITLE", "DESCRIPTION", "stars"]));
    let sidecar = Some(case("13-json-array/products.json"));
    let table =
        read(&case("13-json-array/vectors.npy"), &ReadOptions { sidecar, ..Default::default() }).unwrap();
    assert_eq!(table.column_names().len(), 3);
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn vectors_are_read_in_the_forms_that_people_have() {
    for name in ["base64.csv", "joined.csv", "responses.jsonl"] {
        holds_topics(&format!("14-embeddings-not-recognised/{name}"), &ReadOptions::default());
    }
    let results =
        holds_topics("14-embeddings-not-recognised/parallel_results.jsonl", &ReadOptions::default());
    assert_eq!(results.numbers("row_id").unwrap()[0], Some(35.0));
    assert!(text(&results, "input")[0].starts_with("boil boil"));
    let int8 = plain(&case("14-embeddings-not-recognised/int8.parquet")).unwrap();
    assert_eq!(int8.vectors().dim(), (36, 8));
    assert!(int8.vectors().iter().all(|x| x.fract() == 0.0 && x.abs() <= 128.0));
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn versions_and_article_numbers_stay_text() {
    let table = plain(&case("15-ids-like-numbers/products.csv")).unwrap();
    assert_eq!(distinct(&table, "sku"), ["10E4", "1E5", "20E2", "2E3"]);
    assert_eq!(distinct(&table, "version"), ["1.1", "1.10", "1.2", "1.20"]);
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn a_rating_of_many_values_is_drawn_in_ranges() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("x.svg");
    let mut run = embedlab();
    run.arg("recommend").arg(case("hostile/report_continuous_rating.csv")).arg("--picture").arg(&picture);
    run.assert().success();
    assert!(std::fs::read_to_string(picture).unwrap().contains("<svg"));
}

#[test]
fn decimals_come_back_as_they_were_written_and_are_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let text = "price,share,embedding\n3.10,0.5,\"[1,2]\"\n12.55,0.25,\"[2,1]\"\n";
    let table = plain(&written(folder.path(), "a.csv", text)).unwrap();
    assert_eq!(table.numbers("price").unwrap(), [Some(3.1), Some(12.55)]);
    // By way of Parquet and of rows in another order, too.
    let path = folder.path().join("b.parquet");
    let _ = table::write(&table.take(&[1, 0]).unwrap(), &path, &Default::default()).unwrap();
    let path = folder.path().join("c.csv");
    let _ =
        table::write(&plain(&folder.path().join("b.parquet")).unwrap(), &path, &Default::default()).unwrap();
    let lines = std::fs::read_to_string(path).unwrap();
    assert!(
        lines.starts_with("price,share,embedding\n12.55,0.25,") && lines.contains("\n3.10,0.5,"),
        "{lines}"
    );
    // Parts of one table that are written with other decimals.
    let row = |price: &str| format!("price,embedding\n{price},\"[1,2]\"\n");
    written(folder.path(), "parts/a.csv", row("3.10"));
    written(folder.path(), "parts/b.csv", row("3.125"));
    let path = folder.path().join("d.csv");
    let _ = table::write(&plain(&folder.path().join("parts")).unwrap(), &path, &Default::default()).unwrap();
    assert!(std::fs::read_to_string(path).unwrap().contains("3.125"));
}

#[test]
fn words_for_missing_in_a_column_of_texts_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let text = "name,n,embedding\nNone,NA,\"[1,2]\"\nb,1,\"[2,1]\"\nNA,2,\"[2,2]\"\n";
    let path = written(folder.path(), "a.csv", text);
    assert_eq!(plain(&path).unwrap().missing_words(), [("name", 2)]);
    let run = embedlab().arg("check").arg(&path).assert().success();
    let said = "column name: 2 cells with words such as NA or None read as missing";
    run.stderr(predicates::str::contains(said));
    embedlab()
        .args(["check", "--missing", "?"])
        .arg(&path)
        .assert()
        .success()
        .stderr(predicates::str::is_empty().or(predicates::str::contains("read as missing").not()));
    // What is written does not keep the count.
    let out = folder.path().join("b.parquet");
    let _ = table::write(&plain(&path).unwrap(), &out, &Default::default()).unwrap();
    assert!(plain(&out).unwrap().missing_words().is_empty());
}

#[test]
fn the_most_recent_rows_are_those_of_the_latest_times_however_they_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let rows = |dates: [&str; 4]| {
        let row = |(at, date): (usize, &&str)| format!("tea number {at} in a green cup,\"{date}\"\n");
        format!("text,Time\n{}", dates.iter().enumerate().map(row).collect::<String>())
    };
    for (name, dates) in [
        ("american.csv", ["12/31/2023", "01/02/2024", "", "2/1/2024"]),
        ("german.csv", ["31.12.2023", "02.01.2024", "", "01.02.2024"]),
        ("iso.csv", ["2023-12-31", "2024-01-02T10:00:00Z", "", "2024-02-01T00:00:00+02:00"]),
        ("numbers.csv", ["1.5", "20", "", "100"]),
    ] {
        let path = written(folder.path(), name, rows(dates));
        let out = folder.path().join(format!("{name}.out.csv"));
        let mut run = embedlab();
        run.arg("embed").arg(&path).args(["--recent", "2", "--model", "lsa", "-o"]).arg(&out);
        run.assert().success().stderr(predicates::str::contains("dropped 1 rows without a time"));
        let found = read_without_vectors(&out, &ReadOptions::default()).unwrap();
        let texts = text(&found, "text");
        assert!(texts[0].contains("number 1") && texts[1].contains("number 3"), "{name}: {texts:?}");
    }
    let path = written(folder.path(), "either.csv", rows(["1/2/2024", "2/1/2024", "", "3/1/2024"]));
    let mut run = embedlab();
    run.arg("embed").arg(&path).args(["--recent", "2", "--model", "lsa", "-o", "x.csv"]);
    run.assert().code(2).stderr(predicates::str::contains("a date that could be of two days"));
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn factors_are_their_values() {
    let table = plain(&case("16-dictionary-columns/factors.parquet")).unwrap();
    let schema = table.columns().schema();
    assert!(
        schema
            .fields()
            .iter()
            .all(|field| !field.data_type().is_dictionary_key_type() || field.data_type().is_integer())
    );
    assert!(schema.field_with_name("text").unwrap().data_type().is_string());
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn american_dates_are_in_their_order() {
    let table =
        read_without_vectors(&case("18-dates-as-text/american_dates.csv"), &ReadOptions::default()).unwrap();
    let (times, texts) = (table.times("Time").unwrap(), text(&table, "Time"));
    let mut rows: Vec<usize> = (0..times.len()).collect();
    rows.sort_by(|a, b| times[*a].unwrap().total_cmp(&times[*b].unwrap()));
    let last: Vec<&str> = rows[rows.len() - 3..].iter().map(|row| texts[*row].as_str()).collect();
    assert_eq!(last, ["01/12/2024", "01/13/2024", "01/14/2024"]);
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn rows_without_vectors_are_left_out_with_a_count() {
    for name in ["three_failed.csv", "three_failed.parquet"] {
        let path = case("20-rows-without-vectors").join(name);
        assert!(plain(&path).unwrap_err().to_string().contains("row 5"), "{name}");
        let table = read(&path, &ReadOptions { drop_missing: true, ..Default::default() }).unwrap();
        assert_eq!((table.n_rows(), table.left_out()), (57, 3), "{name}");
        assert_eq!(table.origin().row(5).1, 6, "{name}");
        let all = read(&path, &ReadOptions { allow_non_finite: true, ..Default::default() }).unwrap();
        let check = table::check(all.vectors());
        assert_eq!((check.rows, check.missing_rows, check.nan_rows), (60, 3, 0), "{name}");
    }
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn whole_numbers_that_pandas_made_floats_are_whole() {
    let table = plain(&case("21-whole-numbers-as-floats/with_gaps.csv")).unwrap();
    assert_eq!(distinct(&table, "Score"), ["1", "2", "3", "4"]);
    assert_eq!(text(&table, "UserId").iter().filter(|user| *user == "1003").count(), 10);
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn lists_are_json_as_text() {
    let table = plain(&case("22-lists-in-text/tags.parquet")).unwrap();
    let mut names = distinct(&table, "tags");
    names.sort();
    assert_eq!(names, [r#"["red", "green"]"#.replace(", ", ","), r#"["red, green"]"#.to_owned()]);
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn a_name_with_a_dot_reaches_inside() {
    let table = plain(&case("23-nested-metadata/store.parquet")).unwrap();
    assert_eq!(
        table.numbers("metadata.stars").unwrap().iter().flatten().filter(|stars| **stars >= 4.0).count(),
        6
    );
    assert_eq!(distinct(&table, "metadata.user").len(), 5);
    assert!(table.column("metadata.nothing").is_err());
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn content_decides_and_not_the_name() {
    for name in ["excel.csv", "export.json", "reviews.csv"] {
        holds_topics(&format!("24-messages/{name}"), &ReadOptions::default());
    }
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn data_sets_of_several_files_are_one_table() {
    let spark = holds_topics("25-datasets-of-several-files/spark_output", &ReadOptions::default());
    assert_eq!(spark.column_names(), ["text"]);
    assert_eq!(spark.origin().files().len(), 3);
    let saved = holds_topics("25-datasets-of-several-files/saved_to_disk", &ReadOptions::default());
    assert_eq!(saved.origin().row(35).0.unwrap().file_name().unwrap(), "data-00001-of-00002.arrow");
    let pattern =
        holds_topics("25-datasets-of-several-files/spark_output/part-*.parquet", &ReadOptions::default());
    assert_eq!(pattern.column_names(), ["text"]);
    let labelled = plain(&case("25-datasets-of-several-files/class_label.parquet")).unwrap();
    assert_eq!(distinct(&labelled, "label"), ["cycling", "kitchen", "music"]);
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn dumps_of_stores_and_services_are_read() {
    for name in ["chroma_get.json", "qdrant_scroll.json", "pandas_default.json", "ollama.json"] {
        holds_topics(&format!("26-dumps/{name}"), &ReadOptions::default());
    }
    let scroll = plain(&case("26-dumps/qdrant_scroll.json")).unwrap();
    assert_eq!(scroll.numbers("payload.stars").unwrap()[0], Some(4.0));
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn packed_bits_have_their_way_out() {
    let packed = case("27-packed-bits/ubinary.npy");
    let error = plain(&packed).unwrap_err().to_string();
    assert!(error.contains(".bits.npy"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let named = folder.path().join("ubinary.bits.npy");
    std::fs::copy(packed, &named).unwrap();
    let table = plain(&named).unwrap();
    let apart = |row: usize| {
        let rows = table.vectors();
        rows.row(0).iter().zip(rows.row(row)).filter(|(a, b)| a != b).count()
    };
    let mut near: Vec<usize> = (1..table.n_rows()).collect();
    near.sort_by_key(|row| (apart(*row), *row));
    assert_eq!(near[..5], [3, 6, 39, 51, 15]);
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn a_key_of_its_own_in_each_row_is_refused_and_deep_nesting_is_quick() {
    let plain = |path: &Path| table::read(path, &ReadOptions::default());
    let error = plain(&case("hostile/jsonl_sparse_keys.jsonl")).unwrap_err();
    assert!(["too-many-columns", "no-vector-column"].contains(&error.code()), "{error}");
    let error =
        read_without_vectors(&case("hostile/jsonl_sparse_keys.jsonl"), &ReadOptions::default()).unwrap_err();
    assert_eq!(error.code(), "too-many-columns");
    let begin = std::time::Instant::now();
    let _ = plain(&case("hostile/jsonl_deep.jsonl"));
    assert!(begin.elapsed().as_secs() < 20, "quadratic");
    for name in ["npy_0_by_1e9.npy", "npy_0_by_huge.npy"] {
        assert!(plain(&case("hostile").join(name)).is_err(), "{name}");
    }
}

#[test]
fn hive_folders_are_columns_and_parts_come_in_natural_order() {
    let folder = tempfile::tempdir().unwrap();
    let row = |text: &str| format!("text,stars,embedding\n{text},3,\"[0.5, 1]\"\n");
    for (name, text) in [
        ("year=2023/kind=a%20b/part-2.csv", "b"),
        ("year=2023/kind=a%20b/part-10.csv", "c"),
        ("year=2024/kind=__HIVE_DEFAULT_PARTITION__/part-1.csv", "d"),
        ("year=2023/kind=a/part-1.csv", "a"),
    ] {
        written(folder.path(), name, row(text));
    }
    written(folder.path(), "_SUCCESS", "");
    let table = plain(folder.path()).unwrap();
    assert_eq!(text(&table, "text"), ["a", "b", "c", "d"]);
    assert_eq!(table.numbers("year").unwrap()[3], Some(2024.0));
    assert_eq!(
        table.text("kind").unwrap(),
        [Some("a"), Some("a b"), Some("a b"), None].map(|k| k.map(str::to_owned))
    );
    let columns = read_without_vectors(folder.path(), &ReadOptions::default()).unwrap();
    assert_eq!(columns.column_names(), ["text", "stars", "embedding", "year", "kind"]);
    let deep = folder.path().join("year=2023/**/*.csv");
    assert_eq!(plain(&deep).unwrap().n_rows(), 3);
    assert!(
        plain(&folder.path().join("nothing-*.csv")).unwrap_err().to_string().contains("no file has a name")
    );
}

#[test]
fn compressed_text_is_read_and_comments_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let lines = "# exported on 2024-01-01\n# by hand\ntext,embedding\na,\"[0.5, 1]\"\nb,\"[2, x]\"\n";
    let packed = zstd::encode_all(lines.as_bytes(), 3).unwrap();
    let path = written(folder.path(), "rows.csv.zst", packed);
    let error = plain(&path).unwrap_err().to_string();
    assert!(error.contains("row 1 (line 5), column embedding"), "{error}");
    let table = read(&path, &ReadOptions { drop_missing: true, ..Default::default() }).unwrap();
    assert_eq!((table.n_rows(), table.left_out()), (1, 1));
}

#[test]
fn quoted_words_stay_and_unquoted_ones_are_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(
        folder.path(),
        "r.csv",
        "name,n,v\n\"NA\",1,\"[1, 2]\"\nNA,<NA>,\"[1, 2]\"\n\\N,2,\"[1, 2]\"\n",
    );
    let table = plain(&path).unwrap();
    assert_eq!(table.text("name").unwrap(), [Some("NA".to_owned()), None, None]);
    assert_eq!(table.numbers("n").unwrap(), [Some(1.0), None, Some(2.0)]);
}

#[test]
fn structs_and_matrices_of_one_row_are_vectors() {
    let folder = tempfile::tempdir().unwrap();
    let lines = "{\"text\":\"a\",\"embedding\":{\"values\":[0.5,1]}}\n{\"text\":\"b\",\"embedding\":{\"values\":[2,3]}}\n";
    let table = plain(&written(folder.path(), "v.jsonl", lines)).unwrap();
    assert_eq!((table.vector_column(), table.dims(), table.column_names()), ("embedding", 2, vec!["text"]));
    let rows = "text,embedding\na,\"[[0.5, 1]]\"\nb,\"[[2, 3]]\"\n";
    assert_eq!(plain(&written(folder.path(), "m.csv", rows)).unwrap().vectors(), table.vectors());
}
