//! Rows on disk, and scheduler and executors within the test's process.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use embedlab::Result;
use embedlab::data::{Data, OpenOptions};
use embedlab::distributed::{Place, VERSION};
use embedlab::table::{Table, write};
use embedlab_distributed::executor::{self, ExecutorOptions};
use embedlab_distributed::scheduler::{self, SchedulerOptions};
use embedlab_distributed::{Cluster, ClusterOptions};
use ndarray::Array2;

/// Rows around five points.
pub fn rows(n: usize, dims: usize) -> Array2<f32> {
    Array2::from_shape_fn((n, dims), |(i, j)| {
        let noise = ((i * 7919 + j * 104_729) % 1009) as f32 / 1009.0;
        (if j == i % 5 { 3.0 } else { 0.0 }) + noise
    })
}

pub fn written(folder: &Path, rows: &Array2<f32>) -> PathBuf {
    let path = folder.join("rows.parquet");
    let _ = write(&Table::from_vectors(rows.clone()), &path, &Default::default()).unwrap();
    path
}

/// Three files with the columns `id`, `Kind` and `embedding`; the pattern that stands for them.
pub fn parts(folder: &Path) -> String {
    for part in 0..3 {
        let source = written(folder, &rows(3000 + 500 * part, 5));
        let sql = format!(
            "select id, id % 7 as \"Kind\", embedding \
             from (select cast(row_number() over () as int) + {part} * 10000 as id, embedding from '{}')",
            source.display()
        );
        let table = embedlab::sql::query(&sql, &Default::default()).unwrap().table().unwrap();
        let _ = write(&table, &folder.join(format!("part-{part}.parquet")), &Default::default()).unwrap();
    }
    folder.join("part-*.parquet").display().to_string()
}

/// Rows that are not in memory.
pub fn streamed(path: &Path) -> Data {
    Data::open(path, &OpenOptions { stream: true, ..Default::default() }).unwrap()
}

fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Runtime::new().unwrap())
}

/// A scheduler on a free port; its address.
pub fn scheduler(version: &str) -> String {
    let listener = runtime().block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let options = SchedulerOptions {
        executor_timeout: Duration::from_secs(4),
        version: version.to_owned(),
        ..Default::default()
    };
    runtime().spawn(async move { scheduler::start(listener, options).await.unwrap() });
    address
}

/// An executor of a scheduler, with its folder.
pub fn executor(on: &str, version: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (host, port) = on.rsplit_once(':').unwrap();
    let options = ExecutorOptions {
        scheduler: (host.to_owned(), port.parse().unwrap()),
        bind: IpAddr::from([127, 0, 0, 1]),
        advertise: Some("127.0.0.1".into()),
        port: 0,
        task_port: 0,
        tasks: 2,
        folder: folder.path().to_owned(),
        heartbeat: Duration::from_secs(1),
        connect: Duration::from_secs(20),
        version: version.to_owned(),
    };
    runtime().spawn(async move { executor::start(options).await.unwrap() });
    folder
}

pub fn options() -> ClusterOptions {
    ClusterOptions { deadline: Duration::from_secs(120), wait: Duration::from_secs(30), ..Default::default() }
}

/// The rows of a file on a cluster of this version.
pub fn on_cluster(on: &str, path: &Path, options: ClusterOptions) -> Result<Data> {
    let data = streamed(path);
    let place = Place::of(&data, &[path.to_owned()], None)?;
    let cluster = Arc::new(Cluster::connect(on, options)?);
    Ok(data.with_engine(cluster.over(place)))
}

/// A scheduler with so many executors, all of this version.
pub fn cluster(executors: usize) -> (String, Vec<tempfile::TempDir>) {
    let on = scheduler(VERSION);
    let folders = (0..executors).map(|_| executor(&on, VERSION)).collect();
    (on, folders)
}
