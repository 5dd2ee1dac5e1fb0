//! What a server says about a file.

/// What is known of a file.
#[derive(Debug, Clone)]
pub(super) struct About {
    /// Bytes; `None` where the server does not tell.
    pub size: Option<u64>,
    /// What tells one state of it from another.
    pub tag: Option<String>,
    /// Whether parts of it can be asked for.
    pub ranges: bool,
}
