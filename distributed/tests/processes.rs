//! One scheduler and three executors as processes, and the command `embedlab`: what it says while they live, and when they
//! die. They take minutes: `cargo build --features sql && cargo test -p embedlab-distributed --test processes -- --ignored`.

#[allow(dead_code, reason = "the tests of reading use the rest")]
#[path = "../../tests/it/remote/s3.rs"]
mod s3;
#[allow(dead_code, reason = "in_process uses the rest")]
mod support;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{parts, rows, written};

/// A process that dies with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    fn signal(&self, name: &str) {
        let told = Command::new("kill").args([name, &self.0.id().to_string()]).status().unwrap();
        assert!(told.success());
    }
}

/// The command, which `cargo build` has put beside the program.
fn embedlab() -> Command {
    let own = Path::new(env!("CARGO_BIN_EXE_embedlab-distributed"));
    let command = own.with_file_name("embedlab");
    assert!(command.is_file(), "{} is missing: run `cargo build` first", command.display());
    Command::new(command)
}

/// Starts a server, waits for the line that says that it is ready, and keeps what it logs.
fn server(arguments: &[&str], log: &Path, store: &Environment) -> (Server, String) {
    let log = std::fs::File::create(log).unwrap();
    let mut child = embedlab()
        .envs(store.iter().cloned())
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (Server(child), line.trim().to_owned())
}

/// Where an object store is, and who asks it.
type Environment = Vec<(&'static str, String)>;

fn environment(store: &s3::S3) -> Environment {
    vec![
        ("AWS_ACCESS_KEY_ID", s3::KEY.into()),
        ("AWS_SECRET_ACCESS_KEY", s3::SECRET.into()),
        ("AWS_REGION", "us-east-1".into()),
        ("AWS_ENDPOINT_URL", store.url.clone()),
        ("AWS_ALLOW_HTTP", "true".into()),
    ]
}

struct Cluster {
    folder: tempfile::TempDir,
    scheduler: Server,
    executors: Vec<Server>,
    on: String,
}

impl Cluster {
    fn of(executors: usize) -> Cluster {
        Cluster::with(executors, &Environment::new())
    }

    /// Whose executors can read an object store.
    fn with(executors: usize, store: &Environment) -> Cluster {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("scheduler.log");
        let arguments = ["scheduler", "--bind", "127.0.0.1:0", "--executor-timeout", "4", "--log", "info"];
        let (scheduler, line) = server(&arguments, &log, store);
        let on = line.strip_prefix("scheduler on ").unwrap().to_owned();
        let executors =
            (0..executors).map(|i| executor(&on, &folder.path().join(format!("{i}")), &[], store)).collect();
        Cluster { folder, scheduler, executors, on }
    }

    /// How many queries the scheduler has taken.
    fn queries(&self) -> usize {
        let log = std::fs::read_to_string(self.folder.path().join("scheduler.log")).unwrap();
        log.matches("Job submitted: [").count()
    }

    /// Waits until there are so many.
    fn wait_for_queries(&self, count: usize) {
        let began = Instant::now();
        while self.queries() < count {
            assert!(began.elapsed() < Duration::from_secs(120), "{} queries, not {count}", self.queries());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn executor(on: &str, folder: &Path, more: &[&str], store: &Environment) -> Server {
    std::fs::create_dir_all(folder).unwrap();
    let work = folder.join("work");
    let work = work.to_str().unwrap();
    let mut arguments = vec!["executor", "--scheduler", on, "--heartbeat", "1", "-j", "1"];
    if !more.contains(&"--work-dir") {
        arguments.extend(["--work-dir", work]);
    }
    arguments.extend(more);
    server(&arguments, &folder.join("log"), store).0
}

const ITERATIONS: usize = 12;

/// Full k-means of some iterations, and what it has found.
fn clustered(path: &Path, on: Option<&str>, more: &[&str]) -> Command {
    let mut command = embedlab();
    command
        .arg("cluster")
        .arg(path)
        .args(["--json", "--quiet", "--passes", "full", "-k", "16", "--n-init", "1"]);
    command.args(["--tol", "0", "--max-iter", &ITERATIONS.to_string()]).args(more);
    if let Some(on) = on {
        command.args(["--on", on]);
    }
    command
}

fn found(output: Output) -> Value {
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn same(there: &Value, here: &Value) {
    for key in ["sizes", "labels", "iterations", "duplicate_rows", "k"] {
        assert_eq!(there[key], here[key], "{key}");
    }
    let inertia = |found: &Value| found["inertia"].as_f64().unwrap();
    assert!((inertia(there) - inertia(here)).abs() < 1e-9 * inertia(here));
}

/// Rows whose iterations do not come to rest at once.
fn data(folder: &Path) -> PathBuf {
    written(folder, &rows(50_000, 24))
}

fn error_of(output: &Output) -> (Option<i32>, String, String) {
    let json: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let code = json["error"]["code"].as_str().unwrap_or_default().to_owned();
    (output.status.code(), code, String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
#[ignore = "minutes"]
fn three_executors_find_what_one_process_finds_and_one_may_be_killed() {
    let folder = tempfile::tempdir().unwrap();
    let path = data(folder.path());
    let here = found(clustered(&path, None, &[]).output().unwrap());
    let mut cluster = Cluster::of(3);
    same(&found(clustered(&path, Some(&cluster.on), &[]).output().unwrap()), &here);

    let before = cluster.queries();
    let running = clustered(&path, Some(&cluster.on), &[])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    cluster.wait_for_queries(before + 6);
    cluster.executors[0].0.kill().unwrap();
    same(&found(running.wait_with_output().unwrap()), &here);

    // A stopped process is worse than a dead one: its sockets stay open.
    let running = clustered(&path, Some(&cluster.on), &[])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(2));
    cluster.executors[1].signal("-STOP");
    let output = running.wait_with_output().unwrap();
    cluster.executors[1].signal("-CONT");
    same(&found(output), &here);
}

#[test]
#[ignore = "minutes"]
fn a_query_of_sql_runs_on_three_executors_as_in_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let all = parts(folder.path());
    let cluster = Cluster::of(3);
    let sql = format!(
        "select kind, count(*) as n, vector_avg(embedding) as mean from '{all}' group by kind order by kind"
    );
    let asked = |sql: &str, more: &[&str]| {
        embedlab().args(["sql", sql, "--json", "--quiet"]).args(more).output().unwrap()
    };
    let there = ["--on", &cluster.on, "--deadline", "60"];
    assert_eq!(found(asked(&sql, &there)), found(asked(&sql, &[])));
    assert!(cluster.queries() >= 2);
    let output = asked(&sql.replace("mean", "mean, nothing"), &there);
    assert_eq!(error_of(&output).1, "column-not-found");
}

#[test]
#[ignore = "minutes"]
fn the_files_of_an_object_store_are_read_by_the_executors() {
    let folder = tempfile::tempdir().unwrap();
    let path = data(folder.path());
    let here = found(clustered(&path, None, &[]).output().unwrap());
    let store = s3::S3::start();
    let address = PathBuf::from(store.put("parts/rows.parquet", &std::fs::read(&path).unwrap()));
    let environment = environment(&store);
    let mut cluster = Cluster::with(3, &environment);
    let on_store = |on: &str| clustered(&address, Some(on), &[]).envs(environment.clone()).output().unwrap();
    same(&found(on_store(&cluster.on)), &here);

    // Executors without credentials, of which none is ever said.
    cluster.executors.clear();
    let folder = cluster.folder.path().join("without");
    let without: Environment =
        environment.iter().filter(|(name, _)| !name.contains("KEY")).cloned().collect();
    cluster.executors.push(executor(&cluster.on, &folder, &[], &without));
    let (status, code, words) = error_of(&on_store(&cluster.on));
    assert_eq!(status, Some(2), "{words}");
    assert!(words.contains("rows.parquet") && !words.contains(s3::SECRET), "{code}: {words}");
}

#[test]
#[ignore = "minutes"]
fn the_ten_lines_of_the_readme_run_as_they_stand() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = std::fs::read_to_string(root.join("README.md")).unwrap();
    let (_, section) = page.split_once("## When it outgrows one machine\n").unwrap();
    let (_, block) = section.split_once("```sh needs embedlab-distributed\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    // What builds the programs and finds them is done already.
    let lines: Vec<&str> = block.lines().skip_while(|line| !line.starts_with("embedlab")).collect();
    assert_eq!((block.lines().count(), lines.len()), (7, 5));
    let own = Path::new(env!("CARGO_BIN_EXE_embedlab-distributed")).parent().unwrap();
    let path = format!("{}:{}", own.display(), std::env::var("PATH").unwrap());
    let script = lines.join("\n").replace("50050", &free_port());
    let ran =
        Command::new("bash").args(["-ec", &script]).current_dir(root).env("PATH", path).output().unwrap();
    let (said, words) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success() && said.contains("of 660 rows"), "{said} {words}");
}

fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

#[test]
#[ignore = "minutes"]
fn a_scheduler_that_dies_ends_the_command_with_a_message() {
    let folder = tempfile::tempdir().unwrap();
    let path = data(folder.path());
    let mut cluster = Cluster::of(1);
    let running = clustered(&path, Some(&cluster.on), &[])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    cluster.wait_for_queries(3);
    cluster.scheduler.0.kill().unwrap();
    let began = Instant::now();
    let output = running.wait_with_output().unwrap();
    let (status, code, words) = error_of(&output);
    assert_eq!((status, &code[..]), (Some(2), "scheduler-lost"), "{words}");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[test]
#[ignore = "minutes"]
fn when_all_executors_die_the_command_ends_with_a_message() {
    let folder = tempfile::tempdir().unwrap();
    let path = data(folder.path());
    let mut cluster = Cluster::of(2);
    let running = clustered(&path, Some(&cluster.on), &["--deadline", "60"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    cluster.wait_for_queries(3);
    cluster.executors.iter_mut().for_each(|executor| executor.0.kill().unwrap());
    let began = Instant::now();
    let (status, code, words) = error_of(&running.wait_with_output().unwrap());
    assert_eq!(status, Some(2), "{words}");
    assert!(["cluster-failed", "no-executor"].contains(&&code[..]), "{code}: {words}");
    assert!(began.elapsed() < Duration::from_secs(70), "{:?}", began.elapsed());
}

#[test]
#[ignore = "minutes"]
fn a_full_disk_ends_the_command_with_a_message_and_not_with_a_wrong_number() {
    let folder = tempfile::tempdir().unwrap();
    let path = data(folder.path());
    let small = folder.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=16k", "tmpfs"]).arg(&small).status();
    if !mounted.is_ok_and(|mounted| mounted.success()) {
        eprintln!("no small disk can be mounted here: skipped");
        return;
    }
    let cluster = Cluster::of(0);
    let executor =
        executor(&cluster.on, folder.path(), &["--work-dir", small.to_str().unwrap()], &Environment::new());
    let output = clustered(&path, Some(&cluster.on), &["--deadline", "60"]).output().unwrap();
    drop(executor);
    assert!(Command::new("umount").arg(&small).status().unwrap().success());
    let (status, code, words) = error_of(&output);
    assert_eq!((status, &code[..]), (Some(2), "cluster-failed"), "{words}");
}
