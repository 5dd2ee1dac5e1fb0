//! The key of a server: read once, sent, and shown to nobody.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;

use crate::error::{Error, Result};

/// A secret key for a server. It has no way to be printed or serialised.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    secret: String,
    variable: String,
}

impl ApiKey {
    /// The key in an environment variable; none where the variable is not set or empty.
    ///
    /// # Errors
    /// When the variable holds what cannot be sent: bytes that are not text, spaces or control characters
    /// within the key.
    pub fn from_env(variable: &str) -> Result<Option<ApiKey>> {
        let unusable = |seen: &str| {
            Error::argument(format!("the key in {variable} cannot be sent"))
                .seen(seen)
                .advice("set the variable again, to the key alone")
        };
        match std::env::var(variable) {
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => Err(unusable("no text")),
            Ok(value) if value.trim().is_empty() => Ok(None),
            Ok(value) => {
                let secret = value.trim().to_owned();
                if !secret.chars().all(|c| c.is_ascii_graphic()) {
                    return Err(unusable("a space, a control character or a letter beyond ASCII in it"));
                }
                Ok(Some(ApiKey { secret, variable: variable.to_owned() }))
            }
        }
    }

    /// The variable that it was read from.
    pub fn variable(&self) -> &str {
        &self.variable
    }

    /// A header's value with the key after a prefix, marked so that no log shows it.
    pub(super) fn header(&self, prefix: &str) -> Result<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("{prefix}{}", self.secret))
            .map_err(|_| Error::argument(format!("the key in {} cannot be sent", self.variable)))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// A text without the key, where a server repeats it: whole, in part, broken over lines, or as base64.
    pub(super) fn strip(&self, text: &str) -> String {
        let whole = text.replace(&self.secret, SHOWN);
        // What a header holds, encoded; its ends depend on what comes before it and after.
        let encoded = ["", "-", "--"].map(|before| STANDARD.encode(format!("{before}{}", self.secret)));
        let encoded = encoded.iter().map(|code| code.get(4..code.len().saturating_sub(4)).unwrap_or(""));
        std::iter::once(self.secret.as_str())
            .chain(encoded)
            .fold(whole, |text, secret| without_parts(&text, secret))
    }
}

/// What is written in place of the key.
const SHOWN: &str = "[key]";

/// This many consecutive characters of a key are removed wherever they are.
const PART: usize = 8;

/// A text without the parts of a secret, spaces and line breaks within them overlooked.
fn without_parts(text: &str, secret: &str) -> String {
    let secret: Vec<char> = secret.chars().collect();
    let letters: Vec<(usize, char)> = text.char_indices().filter(|(_, c)| !c.is_whitespace()).collect();
    let parts: std::collections::HashSet<&[char]> = secret.windows(PART).collect();
    let plain: Vec<char> = letters.iter().map(|(_, c)| *c).collect();
    let mut hidden = vec![false; plain.len()];
    for (at, window) in plain.windows(PART).enumerate() {
        if parts.contains(window) {
            hidden[at..at + PART].fill(true);
        }
    }
    let mut kept = String::with_capacity(text.len());
    let mut from = 0;
    let mut at = 0;
    while at < plain.len() {
        let run = hidden[at..].iter().take_while(|hidden| **hidden).count();
        if run > 0 {
            let (last, c) = letters[at + run - 1];
            kept.push_str(&text[from..letters[at].0]);
            kept.push_str(SHOWN);
            from = last + c.len_utf8();
        }
        at += run.max(1);
    }
    kept + &text[from..]
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}, hidden)", self.variable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_of_a_key_stays_however_a_server_repeats_it() {
        let secret = "sk-SECRETSECRETSECRETSECRETSECRET12345";
        let key = ApiKey { secret: secret.to_owned(), variable: "KEY".to_owned() };
        let code = STANDARD.encode(format!("Bearer {secret}"));
        for said in [
            format!("wrong key {secret}!"),
            format!("wrong key {}", &secret[..25]),
            format!("wrong key {}\n{}", &secret[..20], &secret[20..]),
            format!("wrong key {}...{}", &secret[..10], &secret[30..]),
            format!("wrong key {code}"),
        ] {
            let shown = key.strip(&said);
            assert!(shown.starts_with("wrong key ") && shown.contains("[key]"), "{shown}");
            assert!(!shown.contains("SECRETS") && !shown.contains(&code[12..24]), "{shown}");
        }
        assert_eq!(key.strip("no key in it"), "no key in it");
    }
}
