//! A server of files whose every answer a test decides; it counts what it gives.

use std::net::SocketAddr;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// What was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    /// With the query.
    pub path: String,
    pub range: Option<(usize, usize)>,
    pub if_match: Option<String>,
    /// How many requests came before.
    pub earlier: usize,
}

/// What to answer.
#[derive(Clone)]
pub enum Reply {
    /// The file, or the part that was asked for, with this ETag.
    File(Arc<Vec<u8>>, &'static str),
    /// The whole file, whatever part was asked for.
    Whole(Arc<Vec<u8>>),
    /// The beginning of what was asked for; then the connection is cut.
    Cut(Arc<Vec<u8>>, &'static str),
    /// No answer, ever.
    Stall,
    Status(u16, String),
}

#[derive(Debug, Default)]
pub struct Seen {
    pub requests: Vec<Asked>,
    /// Bytes of bodies that were given.
    pub bytes: usize,
}

type Behaviour = dyn Fn(&Asked) -> Reply + Send + Sync;

pub struct Server {
    pub url: String,
    seen: Arc<Mutex<Seen>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    /// Starts a server on a free port.
    pub fn start(behaviour: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Server {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (stop, mut stopped) = oneshot::channel();
        let (tell, told) = channel::<SocketAddr>();
        let behaviour: Arc<Behaviour> = Arc::new(behaviour);
        let shared = seen.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                loop {
                    let stream = tokio::select! {
                        accepted = listener.accept() => accepted.unwrap().0,
                        _ = &mut stopped => return,
                    };
                    let (seen, behaviour) = (shared.clone(), behaviour.clone());
                    tokio::spawn(async move {
                        let service = service_fn(move |asked| answer(asked, seen.clone(), behaviour.clone()));
                        // A connection that is cut is an error here, and meant.
                        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                    });
                }
            });
        });
        let url = format!("http://{}", told.recv().unwrap());
        Server { url, seen, stop: Some(stop), thread: Some(thread) }
    }

    /// One file at every path.
    pub fn of_file(bytes: Vec<u8>) -> Server {
        let bytes = Arc::new(bytes);
        Server::start(move |_| Reply::File(bytes.clone(), "\"one\""))
    }

    pub fn requests(&self) -> Vec<Asked> {
        self.seen.lock().unwrap().requests.clone()
    }

    pub fn bytes(&self) -> usize {
        self.seen.lock().unwrap().bytes
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
        let _ = self.thread.take().unwrap().join();
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
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let range = header("range").map(|range| {
        let (start, end) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
        (start.parse().unwrap(), end.parse::<usize>().unwrap() + 1)
    });
    let (asked, reply) = {
        let mut seen = seen.lock().unwrap();
        let asked = Asked {
            method: request.method().to_string(),
            path: request.uri().to_string(),
            range,
            if_match: header("if-match"),
            earlier: seen.requests.len(),
        };
        let reply = behaviour(&asked);
        seen.requests.push(asked.clone());
        (asked, reply)
    };
    let full = |bytes: Bytes| Full::new(bytes).map_err(|never| match never {}).boxed();
    let (bytes, tag, cut) = match reply {
        Reply::Stall => std::future::pending().await,
        Reply::Status(code, body) => {
            return Ok(Response::builder().status(code).body(full(body.into())).unwrap());
        }
        Reply::Whole(bytes) => {
            seen.lock().unwrap().bytes += bytes.len();
            return Ok(Response::new(full(bytes.to_vec().into())));
        }
        Reply::File(bytes, tag) => (bytes, tag, false),
        Reply::Cut(bytes, tag) => (bytes, tag, true),
    };
    let response = Response::builder()
        .header("etag", tag)
        .header("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")
        .header("accept-ranges", "bytes");
    if asked.if_match.as_deref().is_some_and(|wanted| wanted != tag) {
        return Ok(response.status(412).body(full(Bytes::new())).unwrap());
    }
    if asked.method == "HEAD" {
        return Ok(response.header("content-length", bytes.len()).body(full(Bytes::new())).unwrap());
    }
    let (start, end) = asked.range.map_or((0, bytes.len()), |(start, end)| (start, end.min(bytes.len())));
    let part = Bytes::copy_from_slice(&bytes[start..end]);
    seen.lock().unwrap().bytes += part.len();
    let response = match asked.range {
        Some(_) => {
            let range = format!("bytes {start}-{}/{}", end - 1, bytes.len());
            response.status(206).header("content-range", range)
        }
        None => response,
    };
    let response = response.header("content-length", part.len());
    if !cut {
        return Ok(response.body(full(part)).unwrap());
    }
    let frames = [Ok(Frame::data(part.slice(..part.len() / 2))), Err(Cut)];
    Ok(response.body(BodyExt::boxed(StreamBody::new(Frames(frames.into_iter())))).unwrap())
}

struct Frames(std::array::IntoIter<Result<Frame<Bytes>, Cut>, 2>);

impl futures_core::Stream for Frames {
    type Item = Result<Frame<Bytes>, Cut>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.next())
    }
}
