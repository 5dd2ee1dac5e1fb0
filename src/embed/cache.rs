//! Vectors on disk, so that no text is paid for twice.

use std::path::{Path, PathBuf};

use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition};
use ring::digest::{SHA256, digest};
use xxhash_rust::xxh3::xxh3_64;

use crate::error::{Error, Result};
use crate::guard::caught;
use crate::text::without_secrets;

/// Version 2 tells servers apart.
const VERSION: &str = "2";

const ABOUT: TableDefinition<'_, &str, &str> = TableDefinition::new("about");
const VECTORS: TableDefinition<'_, &[u8; 36], &[u8]> = TableDefinition::new("vectors");

/// Bytes of a file that are kept in memory.
const MEMORY: usize = 32 << 20;

/// The vectors of one model of one server on disk, by dimensions and text: a file of its own in a folder
/// that runs share. Two servers that have a model of the same name never share vectors.
///
/// What was [put](Cache::put) is on disk when the call returns, whatever happens to the process or the
/// machine afterwards. Only one process can have the file open; another gets a clear error. Texts and
/// keys are not in it, only hashes (SHA-256) and vectors.
pub struct Cache {
    /// There until it is dropped.
    database: Option<Database>,
    path: PathBuf,
}

/// Closing a damaged file may panic too.
impl Drop for Cache {
    fn drop(&mut self) {
        let _ = caught(|| drop(self.database.take()));
    }
}

/// A text as the cache knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CacheKey([u8; 36]);

impl CacheKey {
    /// The key of a text, exactly as it is sent, and the dimensions that are asked for (none: the model's
    /// own).
    pub fn new(text: &str, dimensions: Option<usize>) -> CacheKey {
        let mut key = [0; 36];
        key[..4].copy_from_slice(&(dimensions.unwrap_or(0) as u32).to_be_bytes());
        key[4..].copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        CacheKey(key)
    }
}

impl Cache {
    /// The folder for caches where the user names none: `embedlab` in the user's cache folder.
    pub fn default_folder() -> Option<PathBuf> {
        dirs::cache_dir().map(|folder| folder.join("embedlab"))
    }

    /// The file of a model of a server in a folder. The server is its address; a query in it, which may hold
    /// a key, makes no difference.
    pub fn file(folder: &Path, server: &str, model: &str) -> PathBuf {
        let plain: String = model
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' })
            .take(80)
            .collect();
        // Names that differ only in what was replaced get files of their own.
        let hash = xxh3_64(format!("{}\n{model}", place_of(server)).as_bytes());
        folder.join(format!("{plain}-{hash:016x}.redb"))
    }

    /// Opens the cache of a model of a server, or makes it.
    ///
    /// # Errors
    /// When another process has it open, it is of another format version or no cache at all, or the file
    /// system refuses.
    pub fn open(folder: &Path, server: &str, model: &str) -> Result<Cache> {
        std::fs::create_dir_all(folder)
            .map_err(|error| Error::io("cannot make the folder of the cache", error).file(folder))?;
        let path = Cache::file(folder, server, model);
        let database = unpanicked(&path, || {
            Database::builder().set_cache_size(MEMORY).create(&path).map_err(|error| opening(error, &path))
        })?;
        let cache = Cache { database: Some(database), path };
        cache.check_version(server, model)?;
        Ok(cache)
    }

    fn database(&self) -> Result<&Database> {
        self.database.as_ref().ok_or_else(|| Error::input("the cache is closed").file(&self.path))
    }

    fn check_version(&self, server: &str, model: &str) -> Result<()> {
        unpanicked(&self.path, || {
            let failed = |error: redb::Error| self.failed("cannot open the cache", error);
            let write = self.database()?.begin_write().map_err(|error| failed(error.into()))?;
            {
                let mut about = write.open_table(ABOUT).map_err(|error| failed(error.into()))?;
                let version = about
                    .get("version")
                    .map_err(|error| failed(error.into()))?
                    .map(|value| value.value().to_owned());
                match version.as_deref() {
                    Some(VERSION) => {}
                    Some(other) => {
                        return Err(Error::input("a cache of a different format version")
                            .file(&self.path)
                            .seen(format!("version {other}, where {VERSION} is known"))
                            .advice(ANOTHER));
                    }
                    None => {
                        about.insert("version", VERSION).map_err(|error| failed(error.into()))?;
                        about.insert("model", model).map_err(|error| failed(error.into()))?;
                        let server = without_secrets(place_of(server)).into_owned();
                        about.insert("server", server.as_str()).map_err(|error| failed(error.into()))?;
                    }
                }
                write.open_table(VECTORS).map_err(|error| failed(error.into()))?;
            }
            write.commit().map_err(|error| failed(error.into()))
        })
    }

    /// The vectors of some texts; none for a text that is not there. A stored vector that is damaged or holds
    /// zeros only counts as not there.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn get(&self, keys: &[CacheKey]) -> Result<Vec<Option<Vec<f32>>>> {
        unpanicked(&self.path, || {
            let failed = |error: redb::Error| self.failed("cannot read the cache", error);
            let read = self.database()?.begin_read().map_err(|error| failed(error.into()))?;
            let vectors = read.open_table(VECTORS).map_err(|error| failed(error.into()))?;
            keys.iter()
                .map(|key| {
                    let stored = vectors.get(&key.0).map_err(|error| failed(error.into()))?;
                    Ok(stored.and_then(|stored| unpack(stored.value())))
                })
                .collect()
        })
    }

    /// Stores vectors; they are on disk when this returns.
    ///
    /// # Errors
    /// When the file cannot be written, such as on a full disk; what was stored before stays.
    pub fn put(&self, vectors: &[(CacheKey, &[f32])]) -> Result<()> {
        unpanicked(&self.path, || {
            let failed = |error: redb::Error| self.failed("cannot write the cache", error);
            let write = self.database()?.begin_write().map_err(|error| failed(error.into()))?;
            {
                let mut table = write.open_table(VECTORS).map_err(|error| failed(error.into()))?;
                for (key, vector) in vectors {
                    table.insert(&key.0, pack(vector).as_slice()).map_err(|error| failed(error.into()))?;
                }
            }
            write.commit().map_err(|error| failed(error.into()))
        })
    }

    fn failed(&self, what: &str, error: redb::Error) -> Error {
        let error = match error {
            redb::Error::Io(error) => Error::io(what, error),
            error => Error::input(what).source(error).advice(ANOTHER),
        };
        error.file(&self.path)
    }
}

const ANOTHER: &str = "name another folder with --cache-dir, or remove this file";

fn opening(error: DatabaseError, path: &Path) -> Error {
    let error = match error {
        DatabaseError::DatabaseAlreadyOpen => Error::input("another process uses this cache")
            .advice("wait until it is done, or name another folder with --cache-dir"),
        DatabaseError::UpgradeRequired(version) => Error::input("a cache of a different format version")
            .seen(format!("redb's file format {version}"))
            .advice(ANOTHER),
        DatabaseError::Storage(redb::StorageError::Io(error))
            if error.kind() == std::io::ErrorKind::InvalidData =>
        {
            Error::input("no cache, or a damaged one").source(error).advice(ANOTHER)
        }
        DatabaseError::Storage(redb::StorageError::Io(error)) => Error::io("cannot open the cache", error),
        error => Error::input("the cache cannot be opened").source(error).advice(ANOTHER),
    };
    error.file(path)
}

/// redb panics on some damaged files, where a user should be told so.
fn unpanicked<T>(path: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    caught(work).unwrap_or_else(|_| Err(Error::input("a damaged cache").file(path).advice(ANOTHER)))
}

/// An address without what follows its path, and without slashes at its end.
fn place_of(server: &str) -> &str {
    let end = server.find(['?', '#']).unwrap_or(server.len());
    server[..end].trim_end_matches('/')
}

/// The numbers and a hash of them.
fn pack(vector: &[f32]) -> Vec<u8> {
    let mut bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
    bytes.extend(xxh3_64(&bytes).to_le_bytes());
    bytes
}

fn unpack(bytes: &[u8]) -> Option<Vec<f32>> {
    let (numbers, hash) = bytes.split_at_checked(bytes.len().checked_sub(8)?)?;
    let (numbers, rest) =
        if xxh3_64(numbers).to_le_bytes() == hash { numbers.as_chunks::<4>() } else { return None };
    let vector: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    (rest.is_empty() && vector.iter().any(|x| *x != 0.0)).then_some(vector)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = "https://example.com/v1";

    #[test]
    fn vectors_come_back_by_text_and_dimensions() {
        let folder = tempfile::tempdir().unwrap();
        let key = |text: &str, dims| CacheKey::new(text, dims);
        {
            let cache = Cache::open(folder.path(), SERVER, "model").unwrap();
            cache.put(&[(key("tea", None), &[0.1, -2.0]), (key("tea", Some(1)), &[3.0])]).unwrap();
        }
        let cache = Cache::open(folder.path(), SERVER, "model").unwrap();
        let found = cache.get(&[key("tea", Some(1)), key("cake", None), key("tea", None)]).unwrap();
        assert_eq!(found, [Some(vec![3.0]), None, Some(vec![0.1, -2.0])]);
        // Another model is another file.
        let other = Cache::open(folder.path(), SERVER, "other/model").unwrap();
        assert_eq!(other.get(&[key("tea", None)]).unwrap(), [None]);
        assert_ne!(Cache::file(folder.path(), SERVER, "a/b"), Cache::file(folder.path(), SERVER, "a_b"));
    }

    #[test]
    fn another_server_with_a_model_of_the_same_name_has_a_cache_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let key = CacheKey::new("tea", None);
        Cache::open(folder.path(), SERVER, "model")
            .unwrap()
            .put(&[(key, &[1.0]), (CacheKey::new("x", None), &[0.0])])
            .unwrap();
        let found =
            |server: &str, key| Cache::open(folder.path(), server, "model").unwrap().get(&[key]).unwrap();
        assert_eq!(found("http://localhost:1/v1", key), [None]);
        assert_eq!(found("https://example.com/v2", key), [None]);
        assert_eq!(found("https://example.com/v1/?api-key=another", key), [Some(vec![1.0])]);
        // Zeros that a server once gave are asked for again.
        assert_eq!(found(SERVER, CacheKey::new("x", None)), [None]);
    }

    #[test]
    fn a_file_in_use_of_another_version_or_of_another_kind_is_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let said = || {
            Cache::open(folder.path(), SERVER, "model")
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default()
        };
        {
            let _first = Cache::open(folder.path(), SERVER, "model").unwrap();
            assert!(said().contains("another process uses this cache"), "{}", said());
        }
        let path = Cache::file(folder.path(), SERVER, "model");
        {
            let database = Database::open(&path).unwrap();
            let write = database.begin_write().unwrap();
            write.open_table(ABOUT).unwrap().insert("version", "9").unwrap();
            write.commit().unwrap();
        }
        assert!(said().contains("version 9, where 2 is known"), "{}", said());
        for bad in [&b"not a cache at all, only text"[..], &[0; 8192]] {
            std::fs::write(&path, bad).unwrap();
            assert!(said().contains("--cache-dir"), "{}", said());
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(said().contains("cannot open the cache"), "{}", said());
    }

    #[test]
    fn a_damaged_vector_counts_as_not_there() {
        let whole = pack(&[1.0, 2.0]);
        assert_eq!(unpack(&whole), Some(vec![1.0, 2.0]));
        for length in 0..whole.len() {
            assert_eq!(unpack(&whole[..length]), None);
        }
        let mut turned = whole;
        turned[1] ^= 4;
        assert_eq!(unpack(&turned), None);
    }
}
