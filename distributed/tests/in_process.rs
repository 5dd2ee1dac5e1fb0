//! Scheduler and executors in one process, over their real sockets.

mod support;

use std::time::{Duration, Instant};

use embedlab::cluster::{ClusterColumns, ClusterOptions as Options, Geometry, KMeans, Passes, analyse};
use embedlab::data::Data;
use embedlab::distributed::VERSION;
use embedlab::recommend::profiles;
use embedlab::rows::{LEAF_ROWS, moments, select_rows};
use embedlab::table::check_rows;
use embedlab_distributed::ClusterOptions;
use support::{cluster, executor, on_cluster, options, rows, scheduler, streamed, written};

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
