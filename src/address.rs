//! Names of files that are not on this machine: `s3://bucket/key`, `gs://`, `az://`, `https://`.
//!
//! They go through the code as paths, which keep their text. Nothing here asks a network.

use std::path::Path;

use crate::error::{Error, Result};
use crate::text::without_secrets;

/// Who answers for an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Store {
    /// S3 and servers that speak its protocol.
    S3,
    /// Google Cloud Storage.
    Google,
    /// Azure Blob Storage.
    Azure,
    /// A web server, which has no list of its files.
    Web,
}

/// An address in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub store: Store,
    /// The scheme and what follows it up to the first slash: `s3://bucket`.
    pub root: String,
    /// The bucket or container, with the account where the address names it; of a web server the host.
    pub bucket: String,
    /// What is in the bucket: without the first slash, with the query of a web address.
    pub key: String,
}

/// Whether a path is an address: it begins with a scheme, such as `s3://`.
///
/// ```
/// use embedlab::table::is_address;
/// assert!(is_address("s3://bucket/reviews.parquet".as_ref()));
/// assert!(!is_address("reviews.parquet".as_ref()) && !is_address("c://x".as_ref()));
/// ```
pub fn is_address(path: &Path) -> bool {
    path.to_str().and_then(split).is_some()
}

/// What a file is called in titles: the last part of its path, without the query of an address.
///
/// ```
/// use embedlab::table::file_name;
/// assert_eq!(file_name("data/reviews.csv".as_ref()), "reviews.csv");
/// assert_eq!(file_name("https://host/a/reviews.csv?sig=a/b".as_ref()), "reviews.csv");
/// assert_eq!(file_name("s3://bucket/year=2024/".as_ref()), "year=2024");
/// ```
pub fn file_name(path: &Path) -> String {
    let is_host = parse(path).is_ok_and(|address| address.key.is_empty());
    let name = without_query(path).file_name().filter(|_| !is_host);
    name.map_or_else(|| shown(path), |name| name.to_string_lossy().into_owned())
}

/// A path as it is written for readers: without the user, the password and the query of an address.
pub(crate) fn shown(path: &Path) -> String {
    without_secrets(&path.display().to_string()).into_owned()
}

/// The path without the query and the fragment of a web address, in which slashes and points mean nothing.
pub(crate) fn without_query(path: &Path) -> &Path {
    match path.to_str() {
        Some(text) if split(text).is_some_and(|(scheme, _)| ["http", "https"].contains(&scheme)) => {
            Path::new(text.split(['?', '#']).next().unwrap_or(text))
        }
        _ => path,
    }
}

/// Whether an address of a store is a pattern. A web server has no list, and `?` begins a query there.
pub(crate) fn is_pattern(path: &Path) -> bool {
    parse(path).is_ok_and(|address| address.store != Store::Web && address.key.contains(['*', '?', '[']))
}

/// The parts of an address.
///
/// # Errors
/// When no such store is known, or there is no bucket in it.
pub(crate) fn parse(path: &Path) -> Result<Address> {
    let text = path.to_str().unwrap_or_default();
    let refused = |what: &str| {
        Error::argument(what)
            .with_code("address")
            .file(path)
            .advice("give s3://bucket/key, gs://bucket/key, az://container/key, https://host/file, or a path")
    };
    let Some((scheme, rest)) = split(text) else { return Err(refused("not an address")) };
    let store = match scheme {
        "s3" | "s3a" => Store::S3,
        "gs" => Store::Google,
        "az" | "abfs" | "abfss" => Store::Azure,
        "http" | "https" => Store::Web,
        _ => return Err(refused("an address of a kind that is not read")),
    };
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(refused("an address without a bucket or a host"));
    }
    let root = text.get(..scheme.len() + 3 + bucket.len()).unwrap_or(text);
    Ok(Address { store, root: root.to_owned(), bucket: bucket.to_owned(), key: key.to_owned() })
}

/// The refusal of an output that is an address.
///
/// # Errors
/// When it is one.
pub(crate) fn refuse_output(path: &Path) -> Result<()> {
    if !is_address(path) {
        return Ok(());
    }
    Err(Error::argument("an output cannot be written to an address")
        .with_code("output-address")
        .file(path)
        .advice("write to a file, then copy it there (aws s3 cp, gcloud storage cp, azcopy)"))
}

/// The scheme, in small letters of two or more, and what follows it.
fn split(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c));
    is_scheme.then_some((scheme, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_store_a_bucket_and_a_key() {
        let parts = |text: &str| {
            let found = parse(Path::new(text)).unwrap();
            (found.store, found.root, found.bucket, found.key)
        };
        let owned = |text: &str| text.to_owned();
        assert_eq!(
            parts("s3://b/year=2024/x.parquet"),
            (Store::S3, owned("s3://b"), owned("b"), owned("year=2024/x.parquet"))
        );
        assert_eq!(parts("gs://b"), (Store::Google, owned("gs://b"), owned("b"), owned("")));
        assert_eq!(
            parts("abfss://c@acc.dfs.core.windows.net/x"),
            (
                Store::Azure,
                owned("abfss://c@acc.dfs.core.windows.net"),
                owned("c@acc.dfs.core.windows.net"),
                owned("x")
            )
        );
        for text in ["s3://", "s3:///x", "ftp://h/x", "file:///x"] {
            assert_eq!(parse(Path::new(text)).unwrap_err().code(), "address", "{text}");
        }
        assert!(!is_address(Path::new("C://x")) && !is_address(Path::new("a/b://c")));
    }

    #[test]
    fn the_query_of_a_web_address_is_no_part_of_its_name_and_no_pattern() {
        let web = Path::new("https://h/x.csv.gz?sig=a/b=c.d");
        assert_eq!((without_query(web), is_pattern(web)), (Path::new("https://h/x.csv.gz"), false));
        assert!(is_pattern(Path::new("s3://b/part-?.parquet")) && !is_pattern(Path::new("s3://b/x")));
    }
}
