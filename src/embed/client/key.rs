//! The key of a server: read once, sent, and shown to nobody.

use std::fmt;

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
    /// When the variable holds what cannot be sent: bytes that are no text, spaces or control characters
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

    /// A text without the key, where a server repeats it.
    pub(super) fn strip(&self, text: &str) -> String {
        text.replace(&self.secret, "[key]")
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}, hidden)", self.variable)
    }
}
