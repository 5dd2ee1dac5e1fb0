//! The command is killed at any moment and started again; it is stopped by Ctrl-C.

use std::collections::HashSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use embedlab::embed::{Cache, CacheKey};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::server::{DIMS, Reply, Server};
use super::{QUICK, json, right_vectors, texts};

const MODEL: &str = "text-embedding-3-small";
const BATCH: usize = 20;
const CONCURRENCY: usize = 3;

fn write_texts(path: &Path, texts: &[String]) {
    let lines: String = texts.iter().map(|text| format!("\"{text}\"\n")).collect();
    std::fs::write(path, format!("text\n{lines}")).unwrap();
}

fn arguments(input: &Path, url: &str, cache: &Path, output: &Path) -> Vec<String> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut arguments: Vec<String> =
        ["embed", "--text", "text", "--model", MODEL, "--json", "-q"].map(String::from).into();
    arguments.extend([text(input), "--base-url".into(), url.into(), "--cache-dir".into(), text(cache)]);
    arguments.extend(["-o".into(), text(output), "--dims".into(), DIMS.to_string()]);
    arguments.extend([
        "--batch-size".into(),
        BATCH.to_string(),
        "--concurrency".into(),
        CONCURRENCY.to_string(),
    ]);
    arguments.extend(QUICK.map(String::from));
    arguments
}

/// Starts the command without waiting for it.
fn start(arguments: &[String]) -> Child {
    Command::new(assert_cmd::cargo::cargo_bin("embedlab"))
        .args(arguments)
        .env_remove("OPENAI_API_KEY")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// A server that says so when it has got a request, and answers one in four with a failure.
fn telling_server() -> (Server, Receiver<()>) {
    let (tell, told) = channel();
    let tell = Mutex::new(tell);
    let server = Server::start(move |asked| {
        let _ = tell.lock().unwrap().send(());
        match (asked.texts[0].len() + asked.earlier) % 4 {
            0 if asked.earlier < 3 => Reply::status(503),
            1 => Reply::Shuffled,
            _ => Reply::Right,
        }
    });
    (server, told)
}

#[test]
fn killed_at_twenty_moments_and_resumed_it_gives_the_same_file_and_pays_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    // More requests than all kills together wait for.
    let texts = texts(8000);
    write_texts(&path("in.csv"), &texts);
    let keys: Vec<CacheKey> = texts.iter().map(|text| CacheKey::new(text, Some(DIMS))).collect();
    let (server, told) = telling_server();
    let arguments = arguments(&path("in.csv"), &server.url, &path("cache"), &path("out.csv"));
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let mut stored: HashSet<String> = HashSet::new();
    for kill in 0..20 {
        let from = server.seen().requests.len();
        while told.try_recv().is_ok() {}
        let mut child = start(&arguments);
        // Some kills come before the first request, some within the work on an answer.
        let mut wanted = random.gen_range(0..20);
        while wanted > 0 && child.try_wait().unwrap().is_none() {
            wanted -= usize::from(told.recv_timeout(Duration::from_millis(20)).is_ok());
        }
        for _ in 0..random.gen_range(0..3000) {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let asked_again = server.seen().requests[from..]
            .iter()
            .flat_map(|(_, asked)| asked.texts.clone())
            .find(|text| stored.contains(text));
        assert_eq!(asked_again, None, "asked for again after kill {kill}");
        let cache = Cache::open(&path("cache"), &server.url, MODEL).unwrap();
        let found = cache.get(&keys).unwrap();
        let now: HashSet<String> = texts
            .iter()
            .zip(found)
            .filter(|(_, found)| found.is_some())
            .map(|(text, _)| text.clone())
            .collect();
        assert!(now.is_superset(&stored), "something was lost by kill {kill}");
        stored = now;
        assert!(!path("out.csv").exists() || stored.len() == texts.len());
    }
    assert!(stored.len() > 500, "{}", stored.len());
    let from = server.seen().requests.len();
    let said = json(super::embedlab().args(&arguments));
    assert_eq!((&said["rows"], &said["cached"]), (&8000.into(), &stored.len().into()));
    {
        let seen = server.seen();
        assert!(
            seen.requests[from..]
                .iter()
                .flat_map(|(_, asked)| &asked.texts)
                .all(|text| !stored.contains(text))
        );
        // What a kill can cost is what was in flight.
        let twice: usize = seen.answered.values().map(|times| times - 1).sum();
        assert!(twice <= 20 * BATCH * CONCURRENCY, "{twice}");
    }
    assert_eq!(right_vectors(&path("out.csv")), 8000);
    // The file of a run that nobody disturbed, from nothing.
    let (quiet, _told) = telling_server();
    json(super::embedlab().args(self::arguments(
        &path("in.csv"),
        &quiet.url,
        &path("other"),
        &path("quiet.csv"),
    )));
    assert!(std::fs::read(path("out.csv")).unwrap() == std::fs::read(path("quiet.csv")).unwrap());
    // Everything is there: nothing is asked, and the key is not needed.
    let before = quiet.seen().requests.len();
    let again = json(super::embedlab().args(self::arguments(
        &path("in.csv"),
        &quiet.url,
        &path("other"),
        &path("again.csv"),
    )));
    assert_eq!((&again["cached"], &again["tokens"], &again["usd"]), (&8000.into(), &0.into(), &0.0.into()));
    assert_eq!(quiet.seen().requests.len(), before);
}

#[cfg(unix)]
#[test]
fn ctrl_c_finishes_what_is_in_flight_saves_it_and_ends_with_130() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let texts = texts(400);
    write_texts(&path("in.csv"), &texts);
    // The answer to the first request waits until the signal is sent.
    let (tell, told) = channel();
    let (let_go, wait) = channel::<()>();
    let (tell, wait) = (Mutex::new(tell), Arc::new(Mutex::new(wait)));
    let server = Server::start(move |_| {
        let _ = tell.lock().unwrap().send(());
        let _ = wait.lock().unwrap().recv();
        Reply::Right
    });
    let mut arguments = arguments(&path("in.csv"), &server.url, &path("cache"), &path("out.csv"));
    arguments.extend(["--concurrency".into(), "1".into()]);
    let at = arguments.iter().position(|argument| argument == "--concurrency").unwrap();
    arguments.drain(at..at + 2);
    let child = Command::new(assert_cmd::cargo::cargo_bin("embedlab"))
        .args(&arguments)
        .env_remove("OPENAI_API_KEY")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    told.recv().unwrap();
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    // The command says that it has seen the signal before the answer comes.
    let mut child = child;
    let mut said = String::new();
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    std::io::BufRead::read_line(&mut stderr, &mut said).unwrap();
    assert!(said.contains("finishing the requests in flight"), "{said}");
    drop(let_go);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&said["rows"], &said["stopped"], &said["output"]),
        (&BATCH.into(), &true.into(), &serde_json::Value::Null)
    );
    assert!(!path("out.csv").exists());
    assert_eq!(server.seen().requests.len(), 1);
    let said = json(super::embedlab().args(&arguments));
    assert_eq!((&said["rows"], &said["cached"]), (&400.into(), &BATCH.into()));
    assert_eq!(right_vectors(&path("out.csv")), 400);
}
