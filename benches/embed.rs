//! The client against a server on loopback that answers at once, with and without the cache on disk:
//! `cargo bench --bench embed [-- rows]`. The aim: 50,000 rows of 1,536 numbers a minute.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use embedlab::embed::{Cache, Client, ClientOptions, EmbedOptions, Models, embed};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

const DIMS: usize = 1536;
const BATCH: usize = 2048;

/// Answers any number of texts with the same vector, made once.
async fn answer(request: Request<Incoming>, item: Arc<str>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let texts = body.windows(9).filter(|window| *window == b"\"a review").count();
    let mut text = String::with_capacity(texts * (item.len() + 32) + 64);
    text.push_str("{\"data\": [");
    for index in 0..texts {
        let comma = if index == 0 { "" } else { "," };
        text.push_str(&format!("{comma}{{\"index\": {index}, \"embedding\": \"{item}\"}}"));
    }
    text.push_str("]}");
    Ok(Response::new(Full::new(Bytes::from(text))))
}

fn serve() -> String {
    let (tell, told) = channel();
    let numbers = (0..DIMS).flat_map(|at| ((at as f32).sin() / 28.0).to_le_bytes()).collect::<Vec<u8>>();
    let item: Arc<str> = STANDARD.encode(numbers).into();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            tell.send(listener.local_addr().expect("an address")).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                let item = item.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(request, item.clone()));
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await
                });
            }
        });
    });
    format!("http://{}/v1", told.recv().expect("an address"))
}

fn main() {
    let rows = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(50_000);
    let texts: Vec<String> =
        (0..rows).map(|row| format!("a review, number {row}, of tea and of cake")).collect();
    let options =
        EmbedOptions { batch_size: BATCH, ..EmbedOptions::new("text-embedding-3-small", &Models::default()) };
    let url = serve();
    let client = Client::new(ClientOptions { base_url: url, ..Default::default() }).expect("a client");
    for run in 0..3 {
        for kept in [false, true] {
            let folder = tempfile::tempdir().expect("a folder");
            let cache = kept
                .then(|| Arc::new(Cache::open(folder.path(), "http://localhost", "bench").expect("a cache")));
            let start = Instant::now();
            let found = embed(&texts, &options, &client, cache.as_ref(), |_| {}).expect("vectors");
            let seconds = start.elapsed().as_secs_f64();
            assert_eq!(found.vectors.dim(), (rows, DIMS));
            println!(
                "{{\"bench\": \"embed, {}\", \"size\": \"{rows} x {DIMS}\", \"run\": {run}, \"seconds\": {seconds:.3}, \"rows_per_minute\": {:.0}}}",
                if kept { "cache on disk" } else { "no cache" },
                60.0 * rows as f64 / seconds
            );
            if let Some(cache) = &cache {
                let start = Instant::now();
                let again = embed(&texts, &options, &client, Some(cache), |_| {}).expect("vectors");
                assert_eq!(again.cached, rows);
                println!(
                    "{{\"bench\": \"embed, all in the cache\", \"size\": \"{rows} x {DIMS}\", \"run\": {run}, \"seconds\": {:.3}}}",
                    start.elapsed().as_secs_f64()
                );
            }
        }
    }
}
