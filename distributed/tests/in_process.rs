//! Scheduler and executors in one process, over their real sockets.

mod support;

use std::time::{Duration, Instant};

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use embedlab::cluster::{ClusterColumns, ClusterOptions as Options, Geometry, KMeans, Passes, analyse};
use embedlab::data::Data;
use embedlab::distributed::VERSION;
use embedlab::recommend::profiles;
use embedlab::rows::{LEAF_ROWS, moments, select_rows};
use embedlab::sql::{QueryResult, logical_plan, pack, query, unpack};
use embedlab::table::check_rows;
use embedlab_distributed::failure::of_query;
use embedlab_distributed::{Cluster, ClusterOptions};
use support::{cluster, executor, on_cluster, options, parts, rows, scheduler, streamed, written};

#[test]
fn a_cluster_gives_the_bits_of_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows(17 * LEAF_ROWS - 100, 6);
    let path = written(folder.path(), &rows);
    let (on, _folders) = cluster(2);
    let there = on_cluster(&on, &path, options()).unwrap();
    let here = streamed(&path);
    assert_eq!(moments(&there).unwrap(), moments(&here).unwrap());
    let wanted = [30_001, 3, 3, 0, 12_345];
    assert_eq!(select_rows(&there, &wanted).unwrap(), select_rows(&here, &wanted).unwrap());

    let columns = ClusterColumns::default();
    let two = Options {
        k: Some(5.into()),
        passes: Some(Passes::Two),
        fit_rows: Some(500),
        n_init: Some(2),
        ..Default::default()
    };
    let (a, b) = (analyse(&there, &columns, &two, 42).unwrap(), analyse(&here, &columns, &two, 42).unwrap());
    assert_eq!((a.labels, a.duplicate_rows), (b.labels, b.duplicate_rows));
    assert_eq!(a.inertia.unwrap().to_bits(), b.inertia.unwrap().to_bits());

    for geometry in [Geometry::Euclidean, Geometry::Spherical] {
        let params = KMeans::params(7).n_init(1).geometry(geometry).max_iter(5);
        let (there, here) = (params.fit_rows(&there).unwrap(), params.fit_rows(&here).unwrap());
        assert_eq!((there.labels, there.n_iter), (here.labels, here.n_iter));
        let by = if geometry == Geometry::Euclidean { 1e-9 } else { 1e-6 };
        assert!((there.inertia - here.inertia).abs() < by * here.inertia);
    }
}

#[test]
fn profiles_and_the_check_have_the_bits_of_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows(17 * LEAF_ROWS - 100, 6);
    let path = written(folder.path(), &rows);
    let (on, _folders) = cluster(2);
    let there = on_cluster(&on, &path, options()).unwrap();
    let here = streamed(&path);
    // Sums of few groups are merged on the way, those of many are not.
    for n_groups in [9, 5000] {
        let groups: Vec<Option<u32>> = (0..rows.nrows()).map(|row| Some((row % n_groups) as u32)).collect();
        let of = |data: &Data| profiles(data, &groups, n_groups, &Default::default()).unwrap();
        assert_eq!(of(&there), of(&here));
    }
    assert_eq!(check_rows(&there).unwrap(), check_rows(&here).unwrap());
}

#[test]
fn a_scheduler_and_an_executor_of_another_version_are_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), &rows(5000, 3));
    let other = scheduler("0.0.9");
    let error = on_cluster(&other, &path, options()).err().unwrap();
    assert_eq!(error.code(), "version-differs");
    let words = error.to_string();
    assert!(words.contains("the scheduler") && words.contains("0.0.9") && words.contains(VERSION), "{words}");

    let on = scheduler(VERSION);
    let _folder = executor(&on, "0.0.8");
    let error = on_cluster(&on, &path, options()).err().unwrap();
    assert_eq!(error.code(), "version-differs");
    let words = error.to_string();
    assert!(words.contains("an executor") && words.contains("0.0.8"), "{words}");
}

#[test]
fn no_scheduler_and_no_executor_are_said_soon() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), &rows(5000, 3));
    let wait = ClusterOptions { wait: Duration::from_secs(2), ..options() };
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let began = Instant::now();
    assert_eq!(on_cluster(&free, &path, wait.clone()).err().unwrap().code(), "scheduler-unreachable");
    let on = scheduler(VERSION);
    let error = on_cluster(&on, &path, wait).err().unwrap();
    assert_eq!(error.code(), "no-executor", "{error}");
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn an_error_of_a_file_comes_back_with_its_code_and_its_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), &rows(5000, 3));
    let (on, _folders) = cluster(1);
    let data = on_cluster(&on, &path, options()).unwrap();
    moments(&data).unwrap();
    // A file of another size under the same path, while the command goes on.
    written(folder.path(), &rows(4000, 3));
    let error = moments(&data).unwrap_err();
    assert_eq!(error.code(), "file-differs", "{error}");
    assert!(error.to_string().contains("rows.parquet"), "{error}");
}

#[test]
fn a_pass_that_takes_too_long_ends_by_its_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), &rows(60_000, 64));
    let (on, _folders) = cluster(1);
    let data =
        on_cluster(&on, &path, ClusterOptions { deadline: Duration::from_millis(50), ..options() }).unwrap();
    let began = Instant::now();
    let error = moments(&data).unwrap_err();
    assert_eq!(error.code(), "deadline", "{error}");
    assert!(began.elapsed() < Duration::from_secs(15));
}

/// The rows of a result, in an order of their own unless the query gives one.
fn rows_of(found: &QueryResult, sorted: bool) -> Vec<String> {
    let mut rows: Vec<String> =
        found.rows().unwrap().into_iter().map(|row| serde_json::Value::Object(row).to_string()).collect();
    if !sorted {
        rows.sort();
    }
    rows
}

#[test]
fn queries_of_sql_give_the_bits_of_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let all = parts(folder.path());
    let one = all.replace('*', "1");
    let (on, _folders) = cluster(2);
    let there = Cluster::connect(&on, options()).unwrap();
    for sql in [
        format!(
            "select Kind, count(*) as n, vector_avg(embedding) as mean, vector_sum(embedding) as sum from '{all}' group by kind"
        ),
        format!("select vector_avg(embedding) as mean from '{all}'"),
        format!(
            "select kind, id, vector_norm(embedding) as n from '{all}' where id % 7 = 3 order by id, kind limit 20"
        ),
        format!(
            "select kmeans_step(embedding, [[0.1, 0.2, 0.3, 0.4, 0.5], [3.0, 0.1, 0.2, 0.3, 0.4]]) as step from '{all}'"
        ),
        format!(
            "select kmeans_assign(embedding, [[0.1, 0.2, 0.3, 0.4, 0.5], [3.0, 0.1, 0.2, 0.3, 0.4]]) as c, count(*) as n from '{all}' group by 1"
        ),
        format!(
            "select a.id, vector_cosine_similarity(a.embedding, b.embedding) as c from '{all}' a join '{one}' b on a.id = b.id where a.kind = 2"
        ),
        format!(
            "select id, vector_cosine_similarity(embedding, (select vector_avg(embedding) from '{all}')) as c from '{all}' order by c desc, id limit 5"
        ),
        format!("select count(*) as n from '{all}' where id in (select id from '{one}' where kind = 1)"),
        format!(
            "select count(*) as n from '{all}' a where not exists (select 1 from '{one}' b where b.id = a.id)"
        ),
        format!(
            "with a as (select kind, max(id) as m from '{all}' group by kind having count(*) > 3) select sum(m) as s from a"
        ),
        format!(
            "select kind, id, row_number() over (partition by kind order by id, embedding[1]) as r from '{all}' where id % 100 = 1"
        ),
        format!(
            "select id from '{one}' where id < 10009 union all select kind from '{one}' where id < 10005"
        ),
        format!(
            "select distinct kind, cast(kind as varchar) || '!' as word, make_array(kind, 2) as pair from '{all}'"
        ),
        format!("select id, kind from '{all}' where 1 = 0"),
        format!("select count(*) as n from '{all}' where 1 = 0"),
        "select 1 as a, [0.5, 1.5] as v".to_owned(),
    ] {
        let (found, here) = (there.sql(&sql, None), query(&sql, &Default::default()).unwrap());
        let found = found.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!((found.n_rows, found.columns()), (here.n_rows, here.columns()), "{sql}");
        let sorted = sql.contains(" limit ");
        assert_eq!(rows_of(&found, sorted), rows_of(&here, sorted), "{sql}");
    }
    let some = there.sql(&format!("select id from '{all}'"), Some(5)).unwrap();
    let kept: usize = some.batches.iter().map(|batch| batch.num_rows()).sum();
    assert_eq!(
        (kept, some.n_rows),
        (5, query(&format!("select id from '{all}'"), &Default::default()).unwrap().n_rows)
    );
}

#[test]
fn a_query_that_fails_has_the_code_of_one_process_or_a_word_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let all = parts(folder.path());
    let (on, _folders) = cluster(2);
    let there = Cluster::connect(&on, options()).unwrap();
    for sql in [
        format!("select Kin from '{all}'"),
        format!("select vector_average(embedding) from '{all}'"),
        format!("select vector_avg(id) from '{all}'"),
        format!("select vector_l2_distance(embedding, [1.0]) as d from '{all}'"),
        format!("select kmeans_step(embedding, [[1.0, 2.0]]) as d from '{all}'"),
        format!("select 1 / (id - id) as d from '{all}'"),
        "select count(*) from 'nowhere'".to_owned(),
        "select a from".to_owned(),
        "drop table a".to_owned(),
    ] {
        let began = Instant::now();
        let (error, here) =
            (there.sql(&sql, None).unwrap_err(), query(&sql, &Default::default()).unwrap_err());
        assert_eq!(error.code(), here.code(), "{sql}: {error}");
        assert!(began.elapsed() < Duration::from_secs(20), "{sql}");
    }
    let recursive =
        "with recursive a as (select 1 as n union all select n + 1 from a where n < 4) select n from a";
    for (sql, code) in
        [(recursive, "sql-unsupported"), ("select count(*) from 's3://bucket/a.parquet'", "not-on-machines")]
    {
        let error = there.sql(sql, None).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
    let soon =
        Cluster::connect(&on, ClusterOptions { deadline: Duration::from_millis(5), ..options() }).unwrap();
    assert_eq!(soon.sql(&format!("select count(*) from '{all}'"), None).unwrap_err().code(), "deadline");
}

#[test]
fn a_query_of_a_command_of_another_version_is_refused() {
    let ask = br#"{ "query": { "version": "0.0.9", "sql": "select 1", "keep": null } }"#;
    let message = [&(ask.len() as u32).to_le_bytes()[..], ask, &0_u64.to_le_bytes()].concat();
    let mut answer = Vec::new();
    embedlab_distributed::pipe::serve("127.0.0.1:1", &options(), &message[..], &mut answer).unwrap();
    let words = String::from_utf8_lossy(&answer).into_owned();
    assert!(words.contains("version-differs") && words.contains("0.0.9"), "{words}");
}

#[test]
fn a_file_that_is_missing_or_another_one_is_an_error_and_never_fewer_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), &rows(3000, 3));
    let (plan, _) = logical_plan(&format!("select * from '{}'", path.display())).unwrap();
    let mut sent = None;
    plan.apply(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            sent = Some(pack(source_as_provider(&scan.source)?.as_ref()).unwrap());
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .unwrap();
    let read = || {
        let table = unpack(sent.as_ref().unwrap()).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let rows = async { SessionContext::new().read_table(table)?.collect().await };
        let rows = runtime.block_on(rows).map_err(|error| {
            let task = format!("Task failed due to runtime execution error: {error:?}");
            of_query(&task).unwrap().code()
        });
        rows.map(|batches| batches.iter().map(|batch| batch.num_rows()).sum::<usize>())
    };
    assert_eq!(read(), Ok(3000));
    for rows_there in [2000, 4000] {
        written(folder.path(), &rows(rows_there, 3));
        assert_eq!(read(), Err("file-differs"), "{rows_there}");
    }
    std::fs::remove_file(&path).unwrap();
    assert_eq!(read(), Err("file-not-found"));
}
