//! Which servers are asked, and over what connection.

use std::time::Duration;

use reqwest::{Url, redirect};

use super::{Waits, one_line};
use crate::error::{Error, Result};
use crate::text::without_secrets;

/// The address of a server.
pub(super) fn address(text: &str) -> Result<Url> {
    let refused = |what: &str| {
        Error::argument(what.to_owned())
            .advice("give an address such as https://api.openai.com/v1 or http://localhost:11434/v1")
    };
    if !text.starts_with("http://") && !text.starts_with("https://") {
        return Err(refused("a base URL without http:// or https://").seen(one_line(&without_secrets(text))));
    }
    let url = Url::parse(text).map_err(|error| refused("no base URL").seen(error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        // What is there may be a secret; it is not repeated.
        return Err(refused("a base URL with a user or a password in it")
            .advice("leave them out; the key is read from a variable"));
    }
    Ok(url)
}

/// Whether a server is on this machine.
fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Whether a key may go to this server though nobody said so for this server: it cannot be overheard.
///
/// # Errors
/// When the address is none.
pub fn is_private(base_url: &str) -> Result<bool> {
    let url = address(base_url)?;
    Ok(url.scheme() == "https" || is_loopback(&url))
}

/// The connection that the client and the hub of models share.
pub(in crate::embed) fn connection() -> reqwest::ClientBuilder {
    // reqwest panics without a provider; a second installation is refused and does no harm.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().user_agent(concat!("embedlab/", env!("CARGO_PKG_VERSION")))
}

pub(super) fn http(base: &Url, waits: &Waits) -> Result<reqwest::Client> {
    let mut builder = connection()
        // A redirect would carry texts and key elsewhere.
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .timeout(waits.timeout)
        .connect_timeout(waits.timeout.min(Duration::from_secs(10)));
    if base.scheme() == "http" {
        // The system's certificates are not needed, and their absence would be an error.
        builder = builder.tls_certs_only([]);
    }
    if is_loopback(base) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| {
        let mut cause: &dyn std::error::Error = &error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        Error::argument("cannot set up the connection").seen(cause.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_a_scheme_and_no_secret() {
        for text in ["", "localhost:11434/v1", "ftp://host/v1", "http://", "https://user:pass@host/v1"] {
            let error = address(text).unwrap_err().to_string();
            assert!(!error.contains("pass@"), "{error}");
        }
        assert!(
            address("api.openai.com/v1").unwrap_err().to_string().contains("without http:// or https://")
        );
    }

    #[test]
    fn a_key_goes_unasked_only_where_nobody_can_overhear_it() {
        assert!(is_private("https://example.com/v1").unwrap());
        assert!(is_private("http://localhost:8080").unwrap() && is_private("http://[::1]:8080").unwrap());
        assert!(!is_private("http://192.168.0.7:8080/v1").unwrap());
    }
}
