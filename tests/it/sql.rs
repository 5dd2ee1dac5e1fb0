//! `embedlab sql`: queries over files and their vectors.

use std::path::Path;

use embedlab::table::{self, Table};
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::{Value, json};

use crate::support::{SAMPLE, embedlab, json as json_of, root, write};

#[track_caller]
fn rows(sql: &str) -> Vec<Value> {
    let found = json_of(embedlab().args(["sql", sql, "--json"]));
    found["rows"].as_array().unwrap().clone()
}

/// The command fails with this code; gives what it says.
#[track_caller]
fn refused(sql: &str, code: &str) -> String {
    let output = embedlab().args(["sql", sql, "--json"]).assert().code(2).get_output().clone();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["error"]["code"], code, "{said}");
    said["error"]["message"].as_str().unwrap().to_owned()
}

fn sample() -> Table {
    table::read(SAMPLE.as_ref(), &Default::default()).unwrap()
}

#[test]
fn groups_of_a_parquet_file_have_their_means_and_counts() {
    let sql =
        format!("select ProductId, vector_avg(embedding) as mean, count(*) as n from '{SAMPLE}' group by 1");
    let found = rows(&sql);
    let products = sample().labels("ProductId").unwrap();
    let means =
        embedlab::rows::group_means(&sample().vectors(), &products.codes, products.names.len()).unwrap();
    assert_eq!(found.len(), products.names.len());
    for row in &found {
        let product = products.find(row["ProductId"].as_str().unwrap()).unwrap() as usize;
        assert_eq!(row["n"], means.counts[product]);
        for (own, other) in row["mean"].as_array().unwrap().iter().zip(means.means.row(product)) {
            assert!((own.as_f64().unwrap() - f64::from(*other)).abs() < 1e-7);
        }
    }
    // In the order in which they are first seen.
    let first = sample().text("ProductId").unwrap()[0].clone().unwrap();
    assert_eq!(found[0]["ProductId"], first.as_str());
}

#[test]
fn every_format_gives_what_the_parquet_file_gives() {
    let folder = tempfile::tempdir().unwrap();
    let part = sample().take(&(0..50).collect::<Vec<_>>()).unwrap();
    let sql = |file: &str| {
        let norms = "sum(vector_norm(embedding)) as norms, vector_sum(embedding)[7] as seventh";
        rows(&format!("select count(*) as n, {norms} from '{file}'")).remove(0)
    };
    let mut expected = None;
    for extension in ["parquet", "csv", "tsv", "jsonl", "arrow", "npy", "npz", "safetensors"] {
        let path = folder.path().join(format!("part.{extension}"));
        let _ = table::write(&part, &path, &Default::default()).unwrap();
        let found = sql(&path.to_string_lossy());
        assert_eq!(found["n"], 50);
        assert_eq!(expected.get_or_insert(found.clone()), &found, "{extension}");
    }
}

#[test]
fn folders_and_patterns_are_one_table_with_the_columns_of_their_folders() {
    let folder = tempfile::tempdir().unwrap();
    let whole = sample();
    for (year, part) in [(2023, 0..300), (2024, 300..660)] {
        let inside = folder.path().join(format!("year={year}"));
        std::fs::create_dir(&inside).unwrap();
        let part = whole.take(&part.collect::<Vec<_>>()).unwrap();
        let _ = table::write(&part, &inside.join("part-0.parquet"), &Default::default()).unwrap();
    }
    let name = folder.path().to_string_lossy();
    for table in [name.to_string(), format!("{name}/year=*/*.parquet")] {
        let found = rows(&format!("select year, count(*) as n from '{table}' group by year order by year"));
        assert_eq!(found, [json!({"year": 2023, "n": 300}), json!({"year": 2024, "n": 360})]);
        let later = rows(&format!("select count(*) as n from '{table}' where year > 2023 and Score >= 4"));
        assert!(later[0]["n"].as_u64().unwrap() < 360);
    }
    // The rows are in the order of the files.
    let ids = rows(&format!("select ProductId from '{name}' limit 3"));
    let expected: Vec<Value> = rows(&format!("select ProductId from '{SAMPLE}' limit 3"));
    assert_eq!(ids, expected);
    let other = folder.path().join("year=2024/part-1.parquet");
    let _ = table::write(&Table::from_vectors(ndarray_of(3, 5)), &other, &Default::default()).unwrap();
    let said = refused(&format!("select * from '{name}'"), "parts-differ");
    assert!(said.contains("part-1.parquet"), "{said}");
}

fn ndarray_of(n: usize, d: usize) -> embedlab::ndarray::Array2<f32> {
    embedlab::ndarray::Array2::from_shape_fn((n, d), |(i, j)| (i * d + j) as f32)
}

#[test]
fn a_row_without_a_usable_vector_is_null() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "a.csv", "Kind,embedding\na,\"[1, 2]\"\nb,\na,\"[3, 4]\"\n");
    let found = rows(&format!(
        "select Kind, embedding is null as missing, vector_norm(embedding) as n from '{file}'"
    ));
    assert_eq!(found[1], json!({"Kind": "b", "missing": true, "n": null}));
    let sql = format!("select vector_avg(embedding) as m from '{file}'");
    assert_eq!(rows(&sql)[0]["m"], json!([2.0, 3.0]));
    embedlab().args(["sql", &sql]).assert().success().stderr(contains("1 row without a usable vector"));
    let texts = write(folder.path(), "texts.csv", "Kind,Text\na,x\nb,y\n");
    assert_eq!(rows(&format!("select count(*) as n from '{texts}'"))[0]["n"], 2);
}

#[test]
fn vectors_as_text_and_in_columns_of_their_own_are_vectors_in_parquet_too() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.parquet");
    let sql = "select 1 as Id, '[3.0, 4.0]' as embedding union all select 2, '[6.0, 8.0]'";
    embedlab().args(["sql", sql, "-o"]).arg(&text).assert().success();
    let found =
        rows(&format!("select Id, vector_norm(embedding) as n from '{}' order by Id", text.display()));
    assert_eq!(found, [json!({"Id": 1, "n": 5.0}), json!({"Id": 2, "n": 10.0})]);
    let spread = folder.path().join("spread.parquet");
    let sql = "select 3.0 as emb_0, 4.0 as emb_1, 12.0 as emb_2, 'x' as Kind";
    embedlab().args(["sql", sql, "-o"]).arg(&spread).assert().success();
    let found = rows(&format!("select vector_norm(emb) as n from '{}'", spread.display()));
    assert_eq!(found[0]["n"], 13.0);
}

#[test]
fn a_result_is_written_in_every_format_with_its_vectors() {
    let folder = tempfile::tempdir().unwrap();
    let sql = format!(
        "select Kind, count(*) as n, vector_avg(embedding) as mean from '{SAMPLE}' group by 1 order by 1"
    );
    let mut expected: Option<Table> = None;
    for extension in ["parquet", "csv", "tsv", "jsonl", "arrow", "npy", "npz", "safetensors"] {
        let path = folder.path().join(format!("out.{extension}"));
        embedlab().args(["sql", &sql, "-q", "-o"]).arg(&path).assert().success();
        let table = table::read(&path, &Default::default()).unwrap();
        let expected = expected.get_or_insert_with(|| table.clone());
        assert_eq!(table.vectors(), expected.vectors(), "{extension}");
        assert_eq!(table.dims(), 384);
    }
    assert_eq!(expected.unwrap().vector_column(), "mean");
    embedlab()
        .args([
            "sql",
            &format!("select Kind, count(*) as n from '{SAMPLE}' where Kind = 'coffee' group by 1"),
            "-o",
            "-",
        ])
        .assert()
        .success()
        .stdout("Kind,n\ncoffee,59\n");
    let none = folder.path().join("none.parquet");
    embedlab()
        .args(["sql", &format!("select * from '{SAMPLE}' where Score > 9"), "-o"])
        .arg(&none)
        .assert()
        .success();
    assert_eq!(rows(&format!("select count(*) as n from '{}'", none.display()))[0]["n"], 0);
    let npy = folder.path().join("x.npy");
    embedlab()
        .args(["sql", "select 1 as a", "-o"])
        .arg(&npy)
        .assert()
        .code(2)
        .stderr(contains("no column of the result"));
    assert!(!npy.exists());
    let copy = folder.path().join("copy.parquet");
    std::fs::copy(root().join(SAMPLE), &copy).unwrap();
    let sql = format!("select Kind from '{}'", copy.display());
    embedlab()
        .args(["sql", &sql, "-o"])
        .arg(&copy)
        .assert()
        .code(2)
        .stderr(contains("would replace an input"));
}

#[test]
fn rows_are_shown_short_and_the_rest_is_counted() {
    let sql = format!("select ProductId, Kind, embedding from '{SAMPLE}'");
    embedlab()
        .args(["sql", &sql, "--rows", "3"])
        .assert()
        .success()
        .stdout(contains(".. 384]").and(contains("657 more rows; --rows 0 shows all")));
    let all = embedlab()
        .args(["sql", &format!("select ProductId from '{SAMPLE}'"), "--rows", "0"])
        .assert()
        .success();
    assert_eq!(String::from_utf8_lossy(&all.get_output().stdout).lines().count(), 1 + 660 + 2);
    let none = embedlab()
        .args(["sql", &format!("select ProductId from '{SAMPLE}' where Score > 9")])
        .assert()
        .success();
    none.stdout(contains("0 rows"));
    let found = json_of(embedlab().args([
        "sql",
        &format!("select ProductId from '{SAMPLE}' where Score > 9"),
        "--json",
    ]));
    assert_eq!(found, json!({"columns": ["ProductId"], "rows": [], "n_rows": 0}));
}

#[test]
fn results_have_the_same_bits_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let many: Vec<usize> = (0..17_000).map(|row| row * 7 % 660).collect();
    let file = folder.path().join("many.parquet");
    let _ = table::write(&sample().take(&many).unwrap(), &file, &Default::default()).unwrap();
    let centroids = "(select array_agg(embedding) from (select embedding from 'FILE' limit 3))";
    for sql in [
        "select ProductId, vector_avg(embedding) as m, vector_sum(embedding) as s, avg(Score / 3.0) as a, \
         sum(vector_norm(embedding)) as n from 'FILE' group by 1",
        "select Text, vector_norm(embedding) as n from 'FILE' where Score > 3 limit 100",
        &format!("select kmeans_step(embedding, {centroids}) as s from 'FILE'"),
        &format!("select kmeans_assign(embedding, {centroids}) as c, count(*) as n from 'FILE' group by 1"),
    ] {
        let sql = sql.replace("FILE", &file.to_string_lossy());
        let run = |jobs: &str| {
            embedlab()
                .args(["sql", &sql, "--json", "-j", jobs])
                .assert()
                .success()
                .get_output()
                .stdout
                .clone()
        };
        let one = run("1");
        assert!(!one.is_empty());
        for jobs in ["2", "7"] {
            assert!(run(jobs) == one, "-j {jobs}: {sql}");
        }
    }
}

#[test]
fn mistakes_are_told_in_words() {
    let said = refused(&format!("select Scroe from '{SAMPLE}'"), "column-not-found");
    assert!(said.contains("did you mean Score?"), "{said}");
    let said = refused(&format!("select vector_mean(embedding) from '{SAMPLE}'"), "function-not-found");
    assert!(said.contains("did you mean vector_"), "{said}");
    let said = refused("select * from 'no_such.parquet'", "file-not-found");
    assert!(said.contains("no_such.parquet"), "{said}");
    refused("select * from 'no/such/*.parquet'", "file-not-found");
    let said = refused("select * from reviews.parquet", "table-not-found");
    assert!(said.contains("in quotes: from 'reviews.parquet'"), "{said}");
    refused("select * from nothing", "table-not-found");
    let said = refused(&format!("selct * from '{SAMPLE}'"), "sql-syntax");
    assert!(said.contains("Line: 1, Column: 1"), "{said}");
    let said =
        refused(&format!("select vector_l2_distance(embedding, [1.0]) from '{SAMPLE}'"), "vector-length");
    assert!(said.contains("384 numbers in embedding, 1 in the constant"), "{said}");
    refused(&format!("select a.Kind from '{SAMPLE}' a, '{SAMPLE}' b where Kind = 'x'"), "column-ambiguous");
}

#[test]
fn names_may_be_written_in_any_case() {
    let sql = format!(
        "select KIND, avg(score) as score from '{SAMPLE}' where kind = 'coffee' group by Kind order by score"
    );
    assert_eq!(rows(&sql)[0]["Kind"], "coffee");
    refused(&format!("select \"kind\" from '{SAMPLE}'"), "column-not-found");
}

#[test]
fn only_queries_are_run() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("out.csv");
    for sql in [
        format!("copy (select 1) to '{}'", target.display()),
        format!("create external table t stored as parquet location '{SAMPLE}'"),
        "create table t as select 1".to_owned(),
        "set datafusion.execution.batch_size = 1".to_owned(),
        format!("insert into '{SAMPLE}' values (1)"),
        format!("select 1; drop table '{SAMPLE}'"),
        "select 1 into t".to_owned(),
        "explain analyze select 1".to_owned(),
        String::new(),
    ] {
        refused(&sql, "not-a-query");
    }
    assert!(!target.exists());
}

#[test]
fn a_plan_is_shown_and_nothing_is_done() {
    let sql = format!("select Kind, vector_avg(embedding) from '{SAMPLE}' where Score > 3 group by 1");
    embedlab()
        .args(["sql", &sql, "--plan"])
        .assert()
        .success()
        .stdout(contains("group: ").and(contains("keep rows where: Score@")).and(contains("read: ")));
    let plan = json_of(embedlab().args(["sql", &sql, "--plan", "--json"]));
    assert!(plan["plan"].as_array().unwrap().len() > 3);
}

#[test]
fn what_does_not_fit_in_memory_ends_with_3_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let temporary = folder.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let out = folder.path().join("out.parquet");
    for sql in [
        format!(
            "select a.embedding, b.embedding as other from '{SAMPLE}' a, '{SAMPLE}' b order by a.Text, b.Text"
        ),
        format!(
            "select a.Text, b.Text as other, vector_sum(a.embedding) from '{SAMPLE}' a, '{SAMPLE}' b group by 1, 2"
        ),
    ] {
        embedlab()
            .args(["sql", &sql, "--memory", "128M", "-o"])
            .arg(&out)
            .env("TMPDIR", &temporary)
            .assert()
            .code(3)
            .stderr(contains("the query does not fit in memory").and(contains("--memory")));
    }
    assert!(!out.exists());
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
    let sql = format!("select ProductId, vector_avg(embedding) from '{SAMPLE}' group by 1");
    embedlab().args(["sql", &sql, "--memory", "128M"]).assert().success();
}

#[test]
fn damaged_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(root().join(SAMPLE)).unwrap();
    let cut = write(folder.path(), "cut.parquet", &bytes[..bytes.len() / 2]);
    embedlab().args(["sql", &format!("select * from '{cut}'")]).assert().code(2);
    for at in (4..bytes.len()).step_by(bytes.len() / 23) {
        let mut mutated = bytes.clone();
        mutated[at..].iter_mut().take(64).for_each(|byte| *byte ^= 0x5a);
        let file = write(folder.path(), "mutated.parquet", &mutated);
        let run = embedlab().args(["sql", &format!("select * from '{file}'"), "--json"]).output().unwrap();
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(matches!(run.status.code(), Some(0 | 2 | 3)), "byte {at}: {said}");
        assert!(!said.contains("panicked"), "byte {at}: {said}");
    }
}

#[test]
fn the_commands_of_the_page_run_as_they_are_written() {
    let page = std::fs::read_to_string(root().join("docs/sql.md")).unwrap();
    let block = page.split("```sh needs the feature sql\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("examples/data")).unwrap();
    std::fs::copy(root().join(SAMPLE), folder.path().join(SAMPLE)).unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_embedlab")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let run = std::process::Command::new("sh")
        .args(["-e", "-c", block])
        .env("PATH", path)
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(
        table::read(&folder.path().join("products.parquet"), &Default::default()).unwrap().dims(),
        384
    );
}

#[test]
fn help_shows_the_functions_and_examples() {
    embedlab()
        .args(["sql", "--help"])
        .assert()
        .success()
        .stdout(contains("vector_cosine_similarity(a, b)").and(contains("--memory <SIZE>")));
}
