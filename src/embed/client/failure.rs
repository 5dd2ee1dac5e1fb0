//! What an answer that is none means: try again, give up these rows, or give up.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::text::printable;

/// Why a request failed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    /// What the server or the connection said, without the key.
    pub message: String,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// Another attempt may succeed, not before `after`.
    Passing { after: Option<Duration>, rate_limited: bool },
    /// A whole answer that is of no use. It is paid for, so that few more are asked for.
    Useless,
    /// The server refuses this request; another, such as one with fewer texts, may succeed.
    Rejected { too_large: bool },
    /// No request can succeed.
    Hopeless,
    /// The user wants no more.
    Stopped,
}

impl Failure {
    pub fn passing(message: impl Into<String>) -> Failure {
        let kind = Kind::Passing { after: None, rate_limited: false };
        Failure { message: message.into(), kind }
    }

    pub fn useless(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), kind: Kind::Useless }
    }

    pub fn hopeless(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), kind: Kind::Hopeless }
    }

    pub fn stopped() -> Failure {
        Failure { message: "stopped".into(), kind: Kind::Stopped }
    }

    pub fn is_passing(&self) -> bool {
        matches!(self.kind, Kind::Passing { .. } | Kind::Useless)
    }

    pub fn is_rejected(&self) -> bool {
        matches!(self.kind, Kind::Rejected { .. })
    }

    /// How long the server wants to be left alone.
    pub fn after(&self) -> Option<Duration> {
        match self.kind {
            Kind::Passing { after, .. } => after,
            _ => None,
        }
    }

    pub fn into_error(self) -> Error {
        Error::input("the server gave no embeddings").seen(self.message)
    }

    /// What a status other than success means.
    pub fn of_status(status: StatusCode, headers: &HeaderMap, body: &str, hide: &Hide<'_>) -> Failure {
        let (said, code) = explained(body, hide);
        let message = |what: &str| {
            let said = if said.is_empty() { String::new() } else { format!(": {said}") };
            format!("{what} (HTTP {}){said}", status.as_u16())
        };
        let passing = |what: &str, rate_limited| {
            let after = retry_after(headers, SystemTime::now());
            let asks = after.filter(|after| *after >= Duration::from_secs(1));
            let asks = asks.map(|after| format!("; it asks to wait for {} s", after.as_secs()));
            Failure {
                message: message(what) + &asks.unwrap_or_default(),
                kind: Kind::Passing { after, rate_limited },
            }
        };
        match status.as_u16() {
            429 if is_exhausted(&code) => Failure::hopeless(message("the quota is used up")),
            429 => passing("too many requests or tokens", true),
            408 | 409 | 425 | 500..=599 => passing("the server failed", false),
            400 | 413 | 422 => Failure {
                message: message("the server refuses the request"),
                kind: Kind::Rejected { too_large: status.as_u16() == 413 },
            },
            401 | 403 => Failure::hopeless(message("the server refuses the key")),
            404 => Failure::hopeless(message("the server has no such address or model")),
            300..=399 => Failure::hopeless(message("the server points elsewhere, and is not followed")),
            _ => Failure::hopeless(message("the server refuses the request")),
        }
    }

    /// What a broken connection means. A server that was never reached is not tried again.
    pub fn of_connection(error: reqwest::Error, timeout: Duration, ever_answered: bool) -> Failure {
        if error.is_timeout() {
            return Failure::passing(format!("no whole answer within {} s", timeout.as_secs_f64()));
        }
        let error = error.without_url();
        let mut cause: &dyn std::error::Error = &error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        let message = one_line(&cause.to_string());
        if error.is_builder() || (error.is_connect() && !ever_answered) {
            Failure::hopeless(format!("the server cannot be reached: {message}"))
        } else {
            Failure::passing(format!("the connection broke: {message}"))
        }
    }
}

/// Takes secrets out of a text.
pub(super) type Hide<'a> = dyn Fn(&str) -> String + 'a;

/// The message and the code (or type) of a server's error, whatever its shape.
///
/// Secrets are taken out of the whole message: of one that is cut first, half a key could stay.
fn explained(body: &str, hide: &Hide<'_>) -> (String, String) {
    let Ok(value) = serde_json::from_str::<Value>(body) else {
        return (plain(&hide(body)), String::new());
    };
    let error = value.get("error").unwrap_or(&value);
    let text =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let said = match error {
        Value::String(said) => said.clone(),
        error => ["message", "detail", "error"].map(|key| text(error, key)).concat(),
    };
    (one_line(&hide(&said)), format!("{} {}", text(error, "code"), text(error, "type")))
}

/// A page's words, or the start of a text that is not JSON.
fn plain(body: &str) -> String {
    if !body.trim_start().starts_with('<') {
        return one_line(body);
    }
    let title = body.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    title.map_or_else(|| "a web page".to_owned(), |(title, _)| format!("a web page, {}", one_line(title)))
}

/// A server's words for a message of ours: one line, 300 characters at most, nothing that steers a terminal.
pub(crate) fn one_line(text: &str) -> String {
    let flat = printable(text);
    flat.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
}

/// Errors that stay until somebody pays.
fn is_exhausted(code: &str) -> bool {
    ["insufficient_quota", "billing_hard_limit", "billing_not_active", "quota_exceeded"]
        .iter()
        .any(|known| code.contains(known))
}

/// The wait that a server asks for: milliseconds (OpenAI, Azure), seconds, or a date.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let seconds =
        |number: f64| (number.is_finite() && number >= 0.0).then(|| Duration::try_from_secs_f64(number));
    if let Some(wait) = text("retry-after-ms").and_then(|ms| ms.parse::<f64>().ok()) {
        return seconds(wait / 1000.0).and_then(Result::ok);
    }
    let value = text("retry-after")?;
    match value.parse::<f64>() {
        Ok(number) => seconds(number).and_then(Result::ok),
        Err(_) => {
            let date = httpdate::parse_http_date(value).ok()?;
            Some(date.duration_since(now).unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn status(code: u16, body: &str) -> Failure {
        Failure::of_status(StatusCode::from_u16(code).unwrap(), &HeaderMap::new(), body, &str::to_owned)
    }

    #[test]
    fn a_wait_is_read_as_seconds_milliseconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let wait =
            |name, value: &str| retry_after(&headers(&[(name, value)]), now).map(|wait| wait.as_millis());
        assert_eq!(wait("retry-after", "7"), Some(7000));
        assert_eq!(wait("retry-after", " 0.25 "), Some(250));
        assert_eq!(wait("retry-after-ms", "120"), Some(120));
        // One minute later, and a minute ago.
        assert_eq!(wait("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT"), Some(60_000));
        assert_eq!(wait("retry-after", "Sun, 06 Nov 1994 08:48:37 GMT"), Some(0));
        for nonsense in ["", "-1", "soon", "NaN", "inf", "1e300"] {
            assert_eq!(wait("retry-after", nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn only_what_can_pass_is_tried_again() {
        for code in [408, 429, 500, 502, 503, 504] {
            assert!(status(code, "").is_passing(), "{code}");
        }
        for code in [301, 401, 403, 404, 405] {
            assert_eq!(status(code, "").kind, Kind::Hopeless, "{code}");
        }
        for code in [400, 413, 422] {
            assert!(status(code, "").is_rejected(), "{code}");
        }
        let quota =
            r#"{"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}"#;
        assert_eq!(status(429, quota).kind, Kind::Hopeless);
        assert!(status(429, quota).message.ends_with("(HTTP 429): You exceeded your current quota"));
    }

    #[test]
    fn a_servers_words_are_kept_in_whatever_shape_and_cannot_steer_a_terminal() {
        let said = |body: &str| status(400, body).message;
        assert!(said(r#"{"error": "model not found"}"#).ends_with(": model not found"));
        assert!(said(r#"{"detail": "bad\u001b[31m\ninput"}"#).ends_with(": bad<1b>[31m input"));
        assert!(said("<html><title>Sign in</title></html>").ends_with(": a web page, Sign in"));
        assert!(said("").ends_with("(HTTP 400)"));
        assert!(said(&"x".repeat(5000)).len() < 400);
    }
}
