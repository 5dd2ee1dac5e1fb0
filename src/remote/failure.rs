//! Why a request failed, in words that name no secret.

use std::path::Path;
use std::time::Duration;

use object_store::client::{HttpError, HttpErrorKind};

use crate::address::{self, Store};
use crate::error::Error;

/// Why a request failed, after all attempts.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Failure {
    /// The server answered with this status, and called the reason so.
    Status(u16, String),
    /// No connection.
    Unreachable(String),
    /// No answer in time.
    Timeout,
    /// The object is another than when it was first looked at.
    Changed,
    /// Fewer bytes than there are.
    CutOff(String),
    /// The whole object where a range was asked for.
    NoRanges,
    /// The bucket is in another region.
    Elsewhere,
    /// What the environment says about the store cannot be used.
    Settings(String),
    /// Anything else.
    Other(String),
}

impl Failure {
    /// What went wrong in a store. Its own words hold addresses, so that only what is known to be harmless is kept.
    pub fn of_store(error: &object_store::Error) -> Failure {
        let mut cause: &(dyn std::error::Error + 'static) = error;
        loop {
            if let Some(http) = cause.downcast_ref::<HttpError>() {
                let said = last_cause(http);
                return match http.kind() {
                    HttpErrorKind::Timeout => Failure::Timeout,
                    HttpErrorKind::Connect => Failure::Unreachable(said),
                    HttpErrorKind::Interrupted | HttpErrorKind::Decode | HttpErrorKind::Request => {
                        Failure::CutOff(said)
                    }
                    _ => Failure::Other(said),
                };
            }
            let Some(source) = cause.source() else { break };
            cause = source;
        }
        // The types behind these words are private to the crate.
        let said = cause.to_string();
        if let Some(status) = said.split_once("status code: ").and_then(|(_, rest)| rest.get(..3)) {
            let status = status.parse().unwrap_or(0);
            return Failure::of_status(status, reason_in(&said));
        }
        match error {
            object_store::Error::NotFound { .. } => Failure::of_status(404, String::new()),
            object_store::Error::Precondition { .. } => Failure::Changed,
            object_store::Error::InvalidPath { .. } => Failure::Other("no name of an object".to_owned()),
            _ if said.contains("non-partial response") => Failure::NoRanges,
            _ if said.contains("without LOCATION") => Failure::Elsewhere,
            _ if said.contains("Requested") && said.contains("got") => Failure::Changed,
            _ => Failure::Other(said),
        }
    }

    /// What a status other than success means.
    pub fn of_status(status: u16, said: String) -> Failure {
        match status {
            412 | 416 => Failure::Changed,
            301 | 307 | 308 => Failure::Elsewhere,
            _ => Failure::Status(status, said),
        }
    }

    /// What a broken connection to a web server means.
    pub fn of_web(error: reqwest::Error) -> Failure {
        let error = error.without_url();
        let said = last_cause(&error);
        match () {
            () if error.is_timeout() => Failure::Timeout,
            () if error.is_connect() => Failure::Unreachable(said),
            () if error.is_body() || error.is_decode() || error.is_request() => Failure::CutOff(said),
            () => Failure::Other(said),
        }
    }

    /// Whether another attempt may succeed.
    pub fn is_passing(&self) -> bool {
        match self {
            Failure::Status(status, _) => matches!(status, 408 | 425 | 429 | 500..=599),
            Failure::Unreachable(_) | Failure::Timeout | Failure::CutOff(_) => true,
            _ => false,
        }
    }

    /// Whether there is no such object, or no such bucket.
    pub fn is_missing(&self) -> bool {
        matches!(self, Failure::Status(404 | 410, _))
    }

    /// The error for a user.
    pub fn into_error(self, path: &Path, signed: bool, timeout: Duration) -> Error {
        let store = address::parse(path).map_or(Store::Web, |address| address.store);
        let error = |what: &str, code| Error::input(what).with_code(code).file(path);
        match self {
            Failure::Status(status @ (401 | 403), said) => {
                let (what, code) = match signed {
                    true => ("the store refuses the credentials", "credentials-refused"),
                    false => ("the store wants credentials", "credentials-missing"),
                };
                error(what, code).seen(seen(status, &said)).advice(credentials(store))
            }
            Failure::Status(404 | 410, said) if said.contains("Bucket") || said.contains("Container") => {
                error("no such bucket", "bucket-not-found").seen(said).advice("check the name of the bucket")
            }
            Failure::Status(status @ (404 | 410), said) => error("no such file", "file-not-found")
                .seen(seen(status, &said))
                .advice("check the address; a folder of a store ends in /, a pattern has * in it"),
            Failure::Status(status @ (429 | 503), said) => error("the server is too busy", "server-busy")
                .seen(format!("{} again and again", seen(status, &said)))
                .advice("try again later, or with fewer threads (--jobs 1)"),
            Failure::Status(status, said) => error("the server gives no file", "server-failed")
                .seen(seen(status, &said))
                .advice("try again later; if it stays, ask who runs the server"),
            Failure::Unreachable(said) => error("the server cannot be reached", "server-unreachable")
                .seen(said)
                .advice("check the host, the endpoint (AWS_ENDPOINT_URL) and the network"),
            Failure::Timeout => error("the server does not answer", "server-timeout")
                .seen(format!("nothing within {} s, again and again", timeout.as_secs_f64()))
                .advice("check the network, or allow more with EMBEDLAB_REMOTE_TIMEOUT=120 (seconds)"),
            Failure::Changed => error("the file has changed while it was read", "object-changed")
                .advice("run again when nothing writes to it, or on a copy"),
            Failure::CutOff(said) => error("the file ends before its end", "object-cut-off")
                .seen(said)
                .advice("try again; if it stays, download the file and read it from disk"),
            Failure::NoRanges => error("the server gives no parts of files", "no-ranges")
                .advice("download the file and read it from disk"),
            Failure::Elsewhere => error("the store points elsewhere", "wrong-region")
                .advice("set AWS_REGION to the region of the bucket, or AWS_ENDPOINT_URL to its server"),
            Failure::Settings(said) => Error::argument("the settings of the store cannot be used")
                .with_code("store-settings")
                .file(path)
                .seen(said)
                .advice(credentials(store)),
            Failure::Other(said) => error("the file cannot be read", "server-failed")
                .seen(said)
                .advice("check the address; if it is right, download the file and read it from disk"),
        }
    }
}

fn seen(status: u16, said: &str) -> String {
    if said.is_empty() { format!("HTTP {status}") } else { format!("HTTP {status} {said}") }
}

fn credentials(store: Store) -> &'static str {
    match store {
        Store::S3 => {
            "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY (AWS_SESSION_TOKEN) and AWS_REGION; profiles are not read: aws \
             configure export-credentials --format env prints them; AWS_SKIP_SIGNATURE=true reads a public bucket"
        }
        Store::Google => {
            "set GOOGLE_APPLICATION_CREDENTIALS or GOOGLE_SERVICE_ACCOUNT to the file with the key"
        }
        Store::Azure => {
            "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN"
        }
        Store::Web => "give an address that may be read, such as a signed one, or download the file first",
    }
}

/// What a store's answer calls the reason: `<Code>NoSuchBucket</Code>`.
fn reason_in(body: &str) -> String {
    let code = body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    let code = code.map(|(code, _)| code).unwrap_or_default();
    code.chars().filter(|c| c.is_ascii_alphanumeric()).take(60).collect()
}

fn last_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
