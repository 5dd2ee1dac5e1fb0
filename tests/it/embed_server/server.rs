//! A server of embeddings whose every answer a test decides.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::HeaderMap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use xxhash_rust::xxh3::xxh3_64_with_seed;

pub const DIMS: usize = 16;

/// What was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Value,
    pub texts: Vec<String>,
    /// How often a request with this first text was asked before.
    pub earlier: usize,
}

/// What to answer.
#[derive(Debug, Clone)]
pub enum Reply {
    /// The vectors, as asked for.
    Right,
    /// The vectors in another order, with their indices.
    Shuffled,
    /// The vectors, as numbers whatever was asked for, without indices.
    Plain,
    /// The vectors, in many small pieces.
    Slow,
    /// All vectors but the last.
    Short,
    /// Vectors of one number too few.
    Wrong,
    /// A web page that claims success.
    Html,
    /// A beginning of an answer, then nothing: the connection is cut.
    CutWithin,
    /// The connection is cut before any answer.
    CutBefore,
    /// Headers, and then nothing for ever.
    Stall,
    Status(u16, Vec<(&'static str, String)>, String),
    /// This body, whatever was asked.
    Body(String),
}

impl Reply {
    pub fn is_right(&self) -> bool {
        matches!(self, Reply::Right | Reply::Shuffled | Reply::Plain | Reply::Slow)
    }

    pub fn status(code: u16) -> Reply {
        Reply::Status(code, Vec::new(), json!({"error": {"message": format!("status {code}")}}).to_string())
    }
}

/// What a server has seen.
#[derive(Default)]
pub struct Seen {
    pub requests: Vec<(Instant, Asked)>,
    /// How often each text was answered in a right answer.
    pub answered: HashMap<String, usize>,
}

pub struct Server {
    pub url: String,
    seen: Arc<Mutex<Seen>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

type Behaviour = dyn Fn(&Asked) -> Reply + Send + Sync;

impl Server {
    /// Starts a server on a free port.
    pub fn start(behaviour: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Server {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = channel::<SocketAddr>();
        let behaviour: Arc<Behaviour> = Arc::new(behaviour);
        let for_thread = seen.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    () = serve(listener, for_thread, behaviour) => {}
                    _ = stopped => {}
                }
            });
        });
        let url = format!("http://{}/v1", told.recv().unwrap());
        Server { url, seen, stop: Some(stop), thread: Some(thread) }
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
        let _ = self.thread.take().unwrap().join();
    }
}

async fn serve(listener: TcpListener, seen: Arc<Mutex<Seen>>, behaviour: Arc<Behaviour>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (seen, behaviour) = (seen.clone(), behaviour.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, seen.clone(), behaviour.clone()));
            // A connection that is cut is an error here, and meant.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// An error that makes hyper cut the connection.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cut")
    }
}

impl std::error::Error for Cut {}

async fn answer(
    request: Request<Incoming>,
    seen: Arc<Mutex<Seen>>,
    behaviour: Arc<Behaviour>,
) -> Result<Response<BoxBody<Bytes, Cut>>, Cut> {
    let at = Instant::now();
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let texts: Vec<String> = body["input"]
        .as_array()
        .map(|texts| texts.iter().map(|text| text.as_str().unwrap().to_owned()).collect())
        .unwrap_or_default();
    let (asked, reply) = {
        let mut seen = seen.lock().unwrap();
        let same = |(_, asked): &&(Instant, Asked)| asked.texts.first() == texts.first();
        let earlier = seen.requests.iter().filter(same).count();
        let path = parts.uri.to_string();
        let asked = Asked { path, headers: parts.headers, body, texts, earlier };
        let reply = behaviour(&asked);
        if reply.is_right() {
            for text in &asked.texts {
                *seen.answered.entry(text.clone()).or_default() += 1;
            }
        }
        seen.requests.push((at, asked.clone()));
        (asked, reply)
    };
    let whole =
        |text: String| Full::new(Bytes::from(text)).map_err(|never: Infallible| match never {}).boxed();
    let body = match reply {
        Reply::Status(code, headers, text) => {
            let mut response = Response::builder().status(code);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            return Ok(response.body(whole(text)).unwrap());
        }
        Reply::CutBefore => return Err(Cut),
        Reply::Body(text) => whole(text),
        Reply::Html => whole("<!doctype html><html><title>Busy</title></html>".to_owned()),
        Reply::Slow => pieces(vectors(&asked, &Reply::Right), 40, End::Whole),
        Reply::CutWithin => pieces(vectors(&asked, &Reply::Right), 2, End::Cut),
        Reply::Stall => pieces(vectors(&asked, &Reply::Right), 2, End::Never),
        reply => whole(vectors(&asked, &reply)),
    };
    Ok(Response::new(body))
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    Whole,
    Cut,
    Never,
}

/// A body in `n` pieces with a pause between them, of which the last is missing unless it is to be whole.
fn pieces(text: String, n: usize, end: End) -> BoxBody<Bytes, Cut> {
    let bytes = text.into_bytes();
    let size = bytes.len().div_ceil(n).max(1);
    let mut left: std::collections::VecDeque<Bytes> =
        bytes.chunks(size).map(Bytes::copy_from_slice).collect();
    if end != End::Whole {
        left.pop_back();
    }
    let (send, receive) = tokio::sync::mpsc::channel::<Result<Frame<Bytes>, Cut>>(1);
    tokio::spawn(async move {
        for piece in left {
            tokio::time::sleep(Duration::from_micros(200)).await;
            if send.send(Ok(Frame::data(piece))).await.is_err() {
                return;
            }
        }
        match end {
            End::Whole => {}
            End::Cut => {
                let _ = send.send(Err(Cut)).await;
            }
            End::Never => send.closed().await,
        }
    });
    BodyExt::boxed(StreamBody::new(Receiver(receive)))
}

struct Receiver(tokio::sync::mpsc::Receiver<Result<Frame<Bytes>, Cut>>);

impl futures_core::Stream for Receiver {
    type Item = Result<Frame<Bytes>, Cut>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

fn vectors(asked: &Asked, reply: &Reply) -> String {
    let dims = asked.body["dimensions"].as_u64().map_or(DIMS, |dims| dims as usize);
    let base64 = asked.body["encoding_format"] == "base64" && !matches!(reply, Reply::Plain);
    let mut data: Vec<Value> = asked
        .texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let mut vector = vector(text, dims);
            if matches!(reply, Reply::Wrong) {
                vector.pop();
            }
            let embedding = if base64 {
                json!(STANDARD.encode(vector.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>()))
            } else {
                json!(vector)
            };
            if matches!(reply, Reply::Plain) {
                json!({"embedding": embedding})
            } else {
                json!({"object": "embedding", "index": index, "embedding": embedding})
            }
        })
        .collect();
    match reply {
        Reply::Shuffled => data.reverse(),
        Reply::Short => {
            data.pop();
        }
        _ => {}
    }
    let tokens = 7 * asked.texts.len();
    json!({"object": "list", "data": data, "model": asked.body["model"], "usage": {"total_tokens": tokens}})
        .to_string()
}

/// The vector that this server has for a text, of length 1.
pub fn vector(text: &str, dims: usize) -> Vec<f32> {
    let number =
        |at: usize| (xxh3_64_with_seed(text.as_bytes(), at as u64) >> 40) as f32 / (1 << 24) as f32 - 0.5;
    let vector: Vec<f32> = (0..dims).map(number).collect();
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.into_iter().map(|x| x / length).collect()
}
