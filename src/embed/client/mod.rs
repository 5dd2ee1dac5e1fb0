//! A client for servers that speak OpenAI's API: OpenAI, Azure, Ollama, llama.cpp, vLLM,
//! text-embeddings-inference.

mod budget;
mod connection;
mod failure;
mod key;
mod on_wait;
mod retry;
mod wire;

pub use connection::is_private;
pub use key::ApiKey;
pub use on_wait::OnWait;
pub use retry::Waits;

pub(super) use connection::connection;
pub(crate) use failure::{Failure, Kind, one_line};
pub(super) use wire::Vectors;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use backon::Retryable;
use bytes::Bytes;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use self::budget::Budget;
use self::connection::{address, http};
use self::retry::RandomExponential;
use self::wire::Asked;
use crate::error::{Error, Result};
use crate::text::without_secrets;

/// OpenAI's own server.
pub const OPENAI: &str = "https://api.openai.com/v1";

/// Bytes that a number of a vector may take in an answer, digits and a comma.
const BYTES_PER_NUMBER: usize = 32;

/// Numbers that a vector may have while its length is not known.
const MOST_DIMENSIONS: usize = 16_384;

/// How often a request whose answer was of no use is sent again: every such answer is paid for.
const MORE_USELESS: usize = 2;

/// Bytes of an answer beside its vectors, of an error, of a chat answer.
const BYTES_BESIDE: usize = 1 << 20;

/// Which server to ask, and how much.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// The address before `/embeddings`. A query (`?api-version=..`) is kept. Default: [`OPENAI`].
    pub base_url: String,
    /// The key. Default: none.
    pub key: Option<ApiKey>,
    /// Whether the key goes into the header `api-key` instead of `Authorization: Bearer`.
    /// Default: only for hosts of Azure.
    pub api_key_header: Option<bool>,
    /// Requests within a minute, failed ones counted. Default: no limit.
    pub requests_per_minute: Option<f64>,
    /// Tokens within a minute. Default: no limit.
    pub tokens_per_minute: Option<f64>,
    /// Waits and limits of time.
    pub waits: Waits,
    /// The seed of the random waits. Default: 42.
    pub seed: u64,
    /// Hears of waits of three seconds and more after a failure. Default: nobody.
    pub on_wait: Option<OnWait>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        ClientOptions {
            base_url: OPENAI.to_owned(),
            key: None,
            api_key_header: None,
            requests_per_minute: None,
            tokens_per_minute: None,
            waits: Waits::default(),
            seed: 42,
            on_wait: None,
        }
    }
}

/// A client for one server. Everything that is asked through it shares its budgets.
#[derive(Debug)]
pub struct Client {
    runtime: Runtime,
    asker: Arc<Asker>,
}

/// Tells a [`Client`] that no more is wanted: requests in flight are finished, nothing else is sent.
#[derive(Debug, Clone)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Stop {
    /// Lets the client finish what is in flight, and no more.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Client {
    /// A client for the server of the options; nothing is sent.
    ///
    /// # Errors
    /// When the address is none (without `http://` or `https://`, or with a user in it), a limit is no
    /// positive number, or the system's certificates cannot be read. Also within a Tokio runtime: the client
    /// waits for its answers.
    pub fn new(options: ClientOptions) -> Result<Client> {
        if tokio::runtime::Handle::try_current().is_ok() {
            return Err(Error::argument("the client cannot be used within an asynchronous runtime")
                .advice("use it on a thread of its own"));
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::io("cannot start the client", error))?;
        Ok(Client { runtime, asker: Arc::new(Asker::new(options)?) })
    }

    /// A handle that stops the client, for another thread.
    pub fn stop_handle(&self) -> Stop {
        Stop(self.asker.stopping.clone())
    }

    /// Requests that were sent, failed ones included.
    pub fn requests(&self) -> usize {
        self.asker.requests.load(Ordering::Relaxed)
    }

    /// Requests that were sent again after one that failed.
    pub fn retries(&self) -> usize {
        self.asker.retries.load(Ordering::Relaxed)
    }

    /// Runs asynchronous work to its end.
    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    pub(crate) fn asker(&self) -> Arc<Asker> {
        self.asker.clone()
    }
}

/// What all requests of a client share.
#[derive(Debug)]
pub(crate) struct Asker {
    http: reqwest::Client,
    base: Url,
    headers: HeaderMap,
    key: Option<ApiKey>,
    waits: Waits,
    seed: u64,
    on_wait: Option<OnWait>,
    tokens_per_minute: Option<f64>,
    gate: Mutex<Gate>,
    stopping: Arc<watch::Sender<bool>>,
    /// Whether the server does not know base64, and whether it is known to know it.
    floats: AtomicBool,
    base64: AtomicBool,
    ever_answered: AtomicBool,
    /// The length of a vector, once an answer was taken.
    dims: OnceLock<usize>,
    requests: AtomicUsize,
    retries: AtomicUsize,
    drawn: AtomicU64,
}

/// What a request must pass before it is sent.
#[derive(Debug)]
struct Gate {
    requests: Option<Budget>,
    tokens: Option<Budget>,
    closed_until: Instant,
}

/// A request for vectors.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    pub model: String,
    pub texts: Vec<Arc<str>>,
    /// Tokens of all texts.
    pub tokens: usize,
    pub dimensions: Option<usize>,
    /// The length that a vector must have, where it is known before the first answer.
    pub expected_dims: Option<usize>,
}

impl Asker {
    fn new(options: ClientOptions) -> Result<Asker> {
        let base = address(&options.base_url)?;
        for (limit, name) in
            [(options.requests_per_minute, "requests"), (options.tokens_per_minute, "tokens")]
        {
            if limit.is_some_and(|limit| !limit.is_finite() || limit < 1.0) {
                return Err(Error::argument(format!("invalid limit of {name}"))
                    .seen(limit.unwrap_or_default().to_string())
                    .advice("give 1 or more a minute"));
            }
        }
        let now = Instant::now();
        let budget = |limit: Option<f64>| limit.map(|limit| Budget::new(limit, options.waits.minute, now));
        let host = base.host_str().unwrap_or_default();
        let azure =
            host.ends_with(".azure.com") || host.ends_with(".azure.us") || host.ends_with(".azure.cn");
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = &options.key {
            if options.api_key_header.unwrap_or(azure) {
                headers.insert(HeaderName::from_static("api-key"), key.header("")?);
            } else {
                headers.insert(AUTHORIZATION, key.header("Bearer ")?);
            }
        }
        Ok(Asker {
            http: http(&base, &options.waits)?,
            base,
            headers,
            key: options.key,
            waits: options.waits,
            seed: options.seed,
            on_wait: options.on_wait,
            tokens_per_minute: options.tokens_per_minute,
            gate: Mutex::new(Gate {
                requests: budget(options.requests_per_minute),
                tokens: budget(options.tokens_per_minute),
                closed_until: now,
            }),
            stopping: Arc::new(watch::Sender::new(false)),
            floats: AtomicBool::new(false),
            base64: AtomicBool::new(false),
            ever_answered: AtomicBool::new(false),
            dims: OnceLock::new(),
            requests: AtomicUsize::new(0),
            retries: AtomicUsize::new(0),
            drawn: AtomicU64::new(0),
        })
    }

    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// The length of vectors, as far as answers have told it.
    pub fn agreed(&self) -> Option<usize> {
        self.dims.get().copied()
    }

    /// Tells the length of vectors before the first answer.
    pub fn agree_on(&self, dims: usize) {
        self.dims.get_or_init(|| dims);
    }

    /// Tokens of one request at most, so that a budget is spread over its minute.
    pub fn most_tokens(&self) -> usize {
        self.tokens_per_minute.map_or(usize::MAX, |limit| (limit * budget::BURST).max(1.0) as usize)
    }

    /// The vectors of a batch, in its order; in base64, or as numbers where the server knows no base64.
    pub(in crate::embed) async fn vectors(&self, batch: &Batch) -> Result<Vectors, Failure> {
        let floats = self.floats.load(Ordering::Relaxed);
        let first = self.vectors_as(batch, floats).await;
        match first {
            Err(failure) if failure.is_rejected() && !floats && !self.base64.load(Ordering::Relaxed) => {
                let second = self.vectors_as(batch, true).await;
                if second.is_ok() {
                    self.floats.store(true, Ordering::Relaxed);
                }
                second
            }
            other => other,
        }
    }

    async fn vectors_as(&self, batch: &Batch, floats: bool) -> Result<Vectors, Failure> {
        let texts: Vec<&str> = batch.texts.iter().map(AsRef::as_ref).collect();
        let asked = Asked {
            model: &batch.model,
            input: &texts,
            encoding_format: if floats { "float" } else { "base64" },
            dimensions: batch.dimensions,
        };
        let body = serde_json::to_vec(&asked).map_err(|error| Failure::hopeless(error.to_string()))?;
        let known = batch.expected_dims.or_else(|| self.agreed());
        let numbers = texts.len() * known.unwrap_or(MOST_DIMENSIONS);
        let bound = numbers * BYTES_PER_NUMBER;
        let read = |body: &[u8]| {
            // Another answer may have told the length meanwhile.
            let dims = batch.expected_dims.or_else(|| self.agreed());
            let found = wire::read(body, texts.len(), dims)?;
            if let Some(vector) = found.vectors.first() {
                let agreed = *self.dims.get_or_init(|| vector.len());
                if agreed != vector.len() {
                    let seen = vector.len();
                    return Err(Failure::useless(format!(
                        "a vector of {seen} dimensions where {agreed} were expected"
                    )));
                }
            }
            if !floats {
                self.base64.store(true, Ordering::Relaxed);
            }
            Ok(found)
        };
        self.ask("embeddings", body.into(), batch.tokens, bound, &read).await
    }

    /// Sends a request, as often as its failures allow, and reads the answer, which may have `bound` bytes
    /// beyond the first megabyte.
    pub async fn ask<T>(
        &self,
        path: &str,
        body: Bytes,
        tokens: usize,
        bound: usize,
        read: &(impl Fn(&[u8]) -> Result<T, Failure> + Sync),
    ) -> Result<T, Failure> {
        // A stream of random waits for each request.
        let seed = self.seed.wrapping_add(self.drawn.fetch_add(1, Ordering::Relaxed));
        let stopping = self.stopping.clone();
        let useless = AtomicUsize::new(0);
        (|| self.attempt(path, body.clone(), tokens, bound, read))
            .retry(RandomExponential::new(self.waits, seed))
            .sleep(move |wait| {
                let stopping = stopping.clone();
                async move { wait_or_stop(&stopping, wait).await }
            })
            .when(|failure: &Failure| {
                failure.is_passing()
                    && (failure.kind != Kind::Useless
                        || useless.fetch_add(1, Ordering::Relaxed) < MORE_USELESS)
            })
            .adjust(|failure, wait| wait.map(|wait| wait.max(failure.after().unwrap_or_default())))
            .notify(|failure, wait| {
                self.retries.fetch_add(1, Ordering::Relaxed);
                self.tell_of_wait(&failure.message, wait);
            })
            .await
    }

    async fn attempt<T>(
        &self,
        path: &str,
        body: Bytes,
        tokens: usize,
        bound: usize,
        read: &(impl Fn(&[u8]) -> Result<T, Failure> + Sync),
    ) -> Result<T, Failure> {
        self.pass(tokens).await?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        let broken = |error: reqwest::Error| {
            let failure =
                Failure::of_connection(error, self.waits.timeout, self.ever_answered.load(Ordering::Relaxed));
            self.without_key(failure)
        };
        let request = self.http.post(self.url(path)).headers(self.headers.clone()).body(body);
        let mut response = request.send().await.map_err(broken)?;
        let status = response.status();
        let bound = if status.is_success() { bound + BYTES_BESIDE } else { BYTES_BESIDE };
        let mut answer =
            Vec::with_capacity(response.content_length().unwrap_or(0).min(bound as u64) as usize);
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if answer.len() + chunk.len() > bound {
                return Err(Failure::passing(format!("an answer of more than {} MB", bound >> 20)));
            }
            answer.extend_from_slice(&chunk);
        }
        if !status.is_success() {
            let said = String::from_utf8_lossy(&answer);
            let hide = |text: &str| {
                let text = self.key.as_ref().map_or_else(|| text.to_owned(), |key| key.strip(text));
                without_secrets(&text).into_owned()
            };
            let mut failure = Failure::of_status(status, response.headers(), &said, &hide);
            if let Kind::Passing { after, rate_limited } = failure.kind {
                let after = after.unwrap_or_default();
                if after > self.waits.most_asked {
                    // No other request would fare better meanwhile.
                    failure.kind = Kind::Hopeless;
                } else if rate_limited {
                    let pause = self.waits.pause.max(after);
                    self.tell_of_wait(&failure.message, pause);
                    let mut gate = self.gate();
                    gate.closed_until = gate.closed_until.max(Instant::now() + pause);
                }
            }
            return Err(self.without_key(failure));
        }
        let found = read(&answer).map_err(|failure| self.without_key(failure))?;
        self.ever_answered.store(true, Ordering::Relaxed);
        Ok(found)
    }

    /// Waits until both budgets allow a request of this many tokens.
    async fn pass(&self, tokens: usize) -> Result<(), Failure> {
        loop {
            if self.is_stopping() {
                return Err(Failure::stopped());
            }
            let wait = {
                let mut gate = self.gate();
                let now = Instant::now();
                let closed = gate.closed_until.saturating_duration_since(now);
                let requests = gate.requests.as_mut().map_or(Duration::ZERO, |budget| budget.wait(1.0, now));
                let need = tokens as f64;
                let tokens = gate.tokens.as_mut().map_or(Duration::ZERO, |budget| budget.wait(need, now));
                let wait = closed.max(requests).max(tokens);
                if wait.is_zero() {
                    gate.requests.iter_mut().for_each(|budget| budget.take(1.0, now));
                    gate.tokens.iter_mut().for_each(|budget| budget.take(need, now));
                    return Ok(());
                }
                wait
            };
            wait_or_stop(&self.stopping, wait).await;
        }
    }

    /// Says that nothing is sent for a while, and why.
    fn tell_of_wait(&self, reason: &str, wait: Duration) {
        if let Some(on_wait) = &self.on_wait {
            let reason = self.key.as_ref().map_or_else(|| reason.to_owned(), |key| key.strip(reason));
            on_wait.tell(&reason, wait);
        }
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let before = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{before}/{path}"));
        url
    }

    /// The failure without the key, should the server have repeated it; a refused key names its variable.
    fn without_key(&self, mut failure: Failure) -> Failure {
        let refused = failure.message.starts_with("the server refuses the key");
        match &self.key {
            Some(key) => {
                failure.message = key.strip(&failure.message);
                if refused {
                    failure.message = format!("{}; check the key in {}", failure.message, key.variable());
                }
            }
            None if refused => {
                failure.message = format!(
                    "{}; none was sent: set OPENAI_API_KEY, or name another variable with --key-env",
                    failure.message
                );
            }
            None => {}
        }
        failure
    }
}

async fn wait_or_stop(stopping: &watch::Sender<bool>, wait: Duration) {
    let mut stopped = stopping.subscribe();
    tokio::select! {
        () = sleep(wait) => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_joined_before_the_query() {
        let url = |base: &str| {
            let options = ClientOptions { base_url: base.to_owned(), ..Default::default() };
            Asker::new(options).unwrap().url("embeddings").to_string()
        };
        assert_eq!(url("http://localhost:1/v1"), "http://localhost:1/v1/embeddings");
        assert_eq!(url("http://localhost:1/v1/"), "http://localhost:1/v1/embeddings");
        assert_eq!(
            url("http://localhost:1/openai/deployments/ada?api-version=2023-05-15"),
            "http://localhost:1/openai/deployments/ada/embeddings?api-version=2023-05-15"
        );
    }
}
