//! Files of web servers: one GET with a range at a time, for an address that may be signed for GET alone.

use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, IF_MATCH, LAST_MODIFIED, RANGE, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use tokio::time::sleep;

use super::about::About;
use super::failure::Failure;
use super::store::{Limits, is_loopback};

/// Bytes that the first request asks for: enough to tell the format.
const FIRST: u64 = 4096;

/// A wait that a server may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// A file of a web server.
#[derive(Debug, Clone)]
pub(super) struct Web {
    client: Client,
    url: Url,
    limits: Limits,
}

impl Web {
    pub fn new(address: &str, limits: Limits) -> Result<Web, Failure> {
        // Its words may repeat the address.
        let url = Url::parse(address).map_err(|error| Failure::Settings(error.to_string()))?;
        // reqwest panics without a provider; a second installation is refused and does no harm.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let host = url.host_str().unwrap_or_default();
        let mut builder = Client::builder()
            .user_agent(concat!("embedlab/", env!("CARGO_PKG_VERSION")))
            .retry(reqwest::retry::never())
            .connect_timeout(limits.connect())
            .read_timeout(limits.timeout)
            .timeout(limits.whole());
        if is_loopback(host) {
            builder = builder.no_proxy();
            if url.scheme() == "http" {
                // The system's certificates are not needed, and their absence would be an error.
                builder = builder.tls_certs_only([]);
            }
        }
        let client = builder.build().map_err(Failure::of_web)?;
        Ok(Web { client, url, limits })
    }

    /// What the server says about the file, and its first bytes where it gives ranges.
    pub async fn look(&self) -> Result<(About, Option<Bytes>), Failure> {
        self.again(|| self.look_once()).await
    }

    /// Bytes of the file as it was when it was looked at.
    pub async fn range(&self, range: Range<u64>, about: &About) -> Result<Bytes, Failure> {
        self.again(|| self.range_once(range.clone(), about)).await
    }

    /// The answer with the whole file.
    pub async fn whole(&self) -> Result<Response, Failure> {
        self.again(|| self.whole_once()).await
    }

    async fn look_once(&self) -> Result<(About, Option<Bytes>), Failure> {
        let response = self.get(Some(0..FIRST), None).await?;
        let headers = response.headers().clone();
        let about = About { size: response.content_length(), tag: tag(&headers), ranges: false };
        match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let (_, size) = content_range(&headers).ok_or(Failure::NoRanges)?;
                let first = body(response, FIRST.min(size)).await?;
                Ok((About { size: Some(size), ranges: true, ..about }, Some(first)))
            }
            // There is no first byte.
            StatusCode::RANGE_NOT_SATISFIABLE => Ok((About { size: Some(0), ..about }, None)),
            status if status.is_success() => Ok((about, None)),
            status => Err(Failure::Status(status.as_u16(), String::new())),
        }
    }

    async fn range_once(&self, range: Range<u64>, about: &About) -> Result<Bytes, Failure> {
        let response = self.get(Some(range.clone()), about.tag.as_deref()).await?;
        let headers = response.headers().clone();
        match response.status() {
            StatusCode::PARTIAL_CONTENT => {}
            status if status.is_success() && tag(&headers) != about.tag => return Err(Failure::Changed),
            status if status.is_success() => return Err(Failure::NoRanges),
            status => return Err(Failure::of_status(status.as_u16(), String::new())),
        }
        let same = tag(&headers) == about.tag;
        match content_range(&headers) {
            Some((start, size)) if same && start == range.start && Some(size) == about.size => {}
            _ => return Err(Failure::Changed),
        }
        body(response, range.end - range.start).await
    }

    async fn whole_once(&self) -> Result<Response, Failure> {
        let response = self.get(None, None).await?;
        match response.status() {
            status if status.is_success() => Ok(response),
            status => Err(Failure::of_status(status.as_u16(), String::new())),
        }
    }

    async fn get(&self, range: Option<std::ops::Range<u64>>, tag: Option<&str>) -> Result<Response, Failure> {
        let mut request = self.client.get(self.url.clone());
        if let Some(range) = range {
            request = request.header(RANGE, format!("bytes={}-{}", range.start, range.end.saturating_sub(1)));
        }
        // Only a strong tag says that bytes are the same; a date is none.
        if let Some(tag) = tag.filter(|tag| tag.starts_with('"')) {
            request = request.header(IF_MATCH, tag);
        }
        let response = request.send().await.map_err(Failure::of_web)?;
        if response.status() == StatusCode::TOO_MANY_REQUESTS || response.status().is_server_error() {
            let asked = response.headers().get(RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.parse().ok());
            if let Some(seconds) = asked {
                sleep(Duration::from_secs(seconds).min(LONGEST_WAIT)).await;
            }
        }
        Ok(response)
    }

    /// Tries as often as the limits allow.
    async fn again<T, F>(&self, once: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let start = Instant::now();
        let mut wait = Duration::from_millis(100);
        for _ in 0..self.limits.retries() {
            match once().await {
                Err(failure) if failure.is_passing() && start.elapsed() < self.limits.retrying() => {
                    sleep(wait).await;
                    wait *= 2;
                }
                done => return done,
            }
        }
        once().await
    }
}

/// A body of this many bytes.
async fn body(mut response: Response, length: u64) -> Result<Bytes, Failure> {
    let mut bytes = BytesMut::with_capacity(usize::try_from(length).unwrap_or(0));
    while let Some(chunk) = response.chunk().await.map_err(Failure::of_web)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > length {
            return Err(Failure::CutOff("more bytes than were asked for".to_owned()));
        }
    }
    match bytes.len() as u64 == length {
        true => Ok(bytes.freeze()),
        false => Err(Failure::CutOff(format!("{} of {length} bytes", bytes.len()))),
    }
}

/// What tells one state of a file from another: the ETag, else the date.
fn tag(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    text(ETAG).or_else(|| text(LAST_MODIFIED))
}

/// Where a part begins, and how large the whole is.
fn content_range(headers: &HeaderMap) -> Option<(u64, u64)> {
    let text = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    let (range, size) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-')?.0.parse().ok()?, size.parse().ok()?))
}
