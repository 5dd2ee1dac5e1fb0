//! Models by name, from a hub on loopback.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use embedlab::embed::{Embedder, Hub, LocalModel};

const NAME: &str = "someone/tiny-bert";

/// A server that gives some files and remembers what was asked for.
struct Server {
    endpoint: String,
    asked: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone)]
enum Answer {
    File(Vec<u8>),
    Status(u16),
    MovedTo(String),
    /// Says that it has more bytes than it gives.
    Cut(Vec<u8>),
    /// Only says how long it is.
    Claims(u64),
}

fn model_files() -> HashMap<String, Answer> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/local_model");
    ["config.json", "1_Pooling/config.json", "sentence_bert_config.json", "vocab.txt", "model.safetensors"]
        .into_iter()
        .map(|name| {
            (format!("/{NAME}/resolve/main/{name}"), Answer::File(std::fs::read(folder.join(name)).unwrap()))
        })
        .collect()
}

impl Server {
    fn new(files: HashMap<String, Answer>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { break };
                let (files, seen) = (files.clone(), Arc::clone(&seen));
                std::thread::spawn(move || serve(stream, &files, &seen));
            }
        });
        Server { endpoint, asked }
    }

    fn hub(&self, cache: &Path) -> Hub {
        Hub { endpoint: self.endpoint.clone(), cache: cache.to_owned(), ..Default::default() }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

fn serve(mut stream: TcpStream, files: &HashMap<String, Answer>, seen: &Mutex<Vec<String>>) {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
        request.push(byte[0]);
    }
    let request = String::from_utf8_lossy(&request);
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let head = |status: u16, length: u64, more: &str| {
        format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{more}\r\n")
    };
    let answer = files.get(&path).cloned().unwrap_or(Answer::Status(404));
    seen.lock().unwrap().push(path);
    let (head, body) = match answer {
        Answer::File(body) => (head(200, body.len() as u64, ""), body),
        Answer::Status(status) => (head(status, 0, ""), Vec::new()),
        Answer::MovedTo(place) => (head(302, 0, &format!("location: {place}\r\n")), Vec::new()),
        Answer::Cut(body) => (head(200, body.len() as u64 * 2, ""), body),
        Answer::Claims(length) => (head(200, length, ""), Vec::new()),
    };
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}

#[test]
fn a_model_is_fetched_once_and_opened() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::new(model_files());
    let hub = server.hub(cache.path());
    assert_eq!(hub.kept(NAME).unwrap(), None);
    let mut whole = 0;
    let folder =
        hub.fetch(NAME, &mut |progress| whole += u32::from(Some(progress.bytes) == progress.total)).unwrap();
    assert!(whole >= 5, "{whole}");
    assert!(server.asked().iter().all(|path| path.starts_with("/someone/tiny-bert/resolve/main/")));
    let model = LocalModel::open(&folder).unwrap();
    assert!(model.model().starts_with("tiny-bert-"));
    assert_eq!(model.embed(&["dog food".to_owned()]).unwrap().dim(), (1, 16));

    assert_eq!(hub.kept(NAME).unwrap().as_deref(), Some(folder.as_path()));
    assert_eq!(hub.fetch(NAME, &mut |_| panic!("nothing is left to fetch")).unwrap(), folder);
    assert!(server.asked().is_empty());
}

#[test]
fn a_broken_download_leaves_no_half_file_and_goes_on() {
    let cache = tempfile::tempdir().unwrap();
    let mut files = model_files();
    let weights = format!("/{NAME}/resolve/main/model.safetensors");
    let Some(Answer::File(bytes)) = files.insert(weights.clone(), Answer::Status(503)) else { panic!() };
    files.insert(weights.clone(), Answer::Cut(bytes[..1000].to_vec()));
    let broken = Server::new(files);
    let error = broken.hub(cache.path()).fetch(NAME, &mut |_| ()).unwrap_err().to_string();
    assert!(error.contains("model.safetensors") && error.contains("broke off"), "{error}");
    let folder = cache.path().join(NAME);
    let left: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().any(|name| name == "config.json"), "{left:?}");
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("tmp") && name != "model.safetensors"));

    let mended = Server::new(model_files());
    mended.hub(cache.path()).fetch(NAME, &mut |_| ()).unwrap();
    let asked = mended.asked();
    assert!(
        asked.contains(&weights)
            && !asked.iter().any(|path| path.ends_with("/config.json") && !path.contains("1_Pooling"))
    );
    LocalModel::open(folder).unwrap();
}

#[test]
fn a_file_may_stand_on_another_server() {
    let cache = tempfile::tempdir().unwrap();
    let mut files = model_files();
    let weights = format!("/{NAME}/resolve/main/model.safetensors");
    let there = Server::new(HashMap::from([("/blob".to_owned(), files[&weights].clone())]));
    files.insert(weights, Answer::MovedTo(format!("{}/blob", there.endpoint)));
    let here = Server::new(files);
    let folder = here.hub(cache.path()).fetch(NAME, &mut |_| ()).unwrap();
    LocalModel::open(folder).unwrap();
}

#[test]
fn what_cannot_be_fetched_is_said() {
    let weights = format!("/{NAME}/resolve/main/model.safetensors");
    let config = format!("/{NAME}/resolve/main/config.json");
    for (path, answer, says) in [
        (&weights, Answer::Status(404), "no model.safetensors"),
        (&weights, Answer::Claims(u64::MAX / 2), "too large"),
        (&config, Answer::Status(404), "no such model"),
        (&config, Answer::Status(401), "not a public one"),
        (&config, Answer::Status(500), "500"),
        (&config, Answer::Claims(1 << 40), "too large"),
    ] {
        let cache = tempfile::tempdir().unwrap();
        let mut files = model_files();
        files.insert(path.clone(), answer);
        let server = Server::new(files);
        let error = server.hub(cache.path()).fetch(NAME, &mut |_| ()).unwrap_err().to_string();
        assert!(error.contains(says), "{error}\nwhere {says} was expected");
    }
    let hub =
        Hub { endpoint: "http://127.0.0.1:9".to_owned(), cache: "nowhere".into(), ..Default::default() };
    let error = hub.fetch(NAME, &mut |_| ()).unwrap_err().to_string();
    assert!(error.contains("127.0.0.1:9") && error.contains("check the connection"), "{error}");
    let error =
        Hub { endpoint: "hub".to_owned(), ..hub.clone() }.fetch(NAME, &mut |_| ()).unwrap_err().to_string();
    assert!(error.contains("without a scheme"), "{error}");
    for name in ["", "a/b/c", "../up", "a/..", "a b", "/etc", "a/", "a\\b", ".hidden"] {
        assert!(hub.fetch(name, &mut |_| ()).unwrap_err().to_string().contains("not the name"), "{name}");
    }
}
