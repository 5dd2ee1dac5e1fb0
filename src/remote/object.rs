//! One file of a store or a web server, as it was when it was first looked at.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use object_store::path::Path as ObjectPath;
use object_store::{GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt};

use super::about::About;
use super::failure::Failure;
use super::runtime::{Pending, begin, run};
use super::store::{Limits, Opened};
use super::web::Web;
use crate::error::Error;
use crate::output::TemporaryFolder;

/// First bytes that are kept: they tell the format.
pub(super) const FIRST: u64 = 4096;
/// Last bytes that are kept: most Parquet files say there what is in them.
const LAST: u64 = 64 << 10;

/// Who has a file.
#[derive(Debug)]
pub(super) enum From {
    Store(Arc<dyn ObjectStore>, ObjectPath),
    Web(Web),
}

/// A file of a store or a web server.
#[derive(Debug)]
pub(crate) struct Object {
    path: PathBuf,
    pub(super) from: From,
    signed: bool,
    limits: Limits,
    pub(super) about: About,
    pub(super) first: OnceLock<Bytes>,
    last: OnceLock<Bytes>,
    /// The first failure of a part: what a reader makes of it says less.
    failed: OnceLock<Failure>,
    pub(super) copy: Mutex<Option<Copy>>,
}

#[derive(Debug)]
pub(super) struct Copy {
    pub file: PathBuf,
    pub _folder: TemporaryFolder,
}

impl Object {
    /// A file of a store that was listed.
    pub(super) fn listed(path: PathBuf, opened: &Opened, limits: Limits, meta: ObjectMeta) -> Object {
        let about = About { size: Some(meta.size), tag: meta.e_tag, ranges: true };
        let from = From::Store(opened.store.clone(), meta.location);
        Object::new(path, from, opened.signed, limits, about)
    }

    /// Asks a store for a file.
    pub(super) fn of_store(
        path: &Path,
        key: &str,
        opened: &Opened,
        limits: Limits,
    ) -> Result<Object, Failure> {
        let key = ObjectPath::parse(key).map_err(|_| Failure::Other("no name of a file".to_owned()))?;
        let (store, opened) = (opened.store.clone(), opened.clone());
        let meta = run(async move { store.head(&key).await.map_err(|error| Failure::of_store(&error)) })?;
        Ok(Object::listed(path.to_owned(), &opened, limits, meta))
    }

    /// Asks a web server for a file.
    pub(super) fn of_web(path: &Path, limits: Limits) -> Result<Object, Failure> {
        let web = Web::new(path.to_str().unwrap_or_default(), limits)?;
        let asked = web.clone();
        let (about, first) = run(async move { asked.look().await })?;
        let object = Object::new(path.to_owned(), From::Web(web), false, limits, about);
        if let Some(first) = first {
            let _ = object.first.set(first);
        }
        Ok(object)
    }

    fn new(path: PathBuf, from: From, signed: bool, limits: Limits, about: About) -> Object {
        Object {
            path,
            from,
            signed,
            limits,
            about,
            first: OnceLock::new(),
            last: OnceLock::new(),
            failed: OnceLock::new(),
            copy: Mutex::new(None),
        }
    }

    /// The address.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether another state of the file can be told from this one.
    pub(super) fn is_tagged(&self) -> bool {
        self.tag().is_some()
    }

    /// Its ETag.
    pub fn tag(&self) -> Option<&str> {
        self.about.tag.as_deref()
    }

    /// Whether parts of it can be read.
    pub fn has_ranges(&self) -> bool {
        self.about.ranges && self.about.size.is_some()
    }

    /// Its bytes; 0 where the server does not tell.
    pub fn size(&self) -> u64 {
        self.about.size.unwrap_or(0)
    }

    /// Whether it is known to be empty.
    pub fn is_empty(&self) -> bool {
        self.about.size == Some(0)
    }

    /// The error for a failure of this file.
    pub(super) fn error(&self, failure: Failure) -> Error {
        failure.into_error(&self.path, self.signed, self.limits.timeout)
    }

    /// Names the file in an error; where a part of it could not be read, that is the error.
    pub fn named(&self, error: Error) -> Error {
        match self.failed.get() {
            Some(failure) => self.error(failure.clone()),
            None => error.file(&self.path),
        }
    }

    /// Bytes that stand at the beginning or the end, from `at` on, where these are kept.
    pub(super) fn at_an_end(self: &Arc<Self>, at: u64) -> Result<Option<Bytes>, Failure> {
        let size = self.size();
        if let Some(first) = self.first.get()
            && let Some(bytes) = from(first, 0, at)
        {
            return Ok(Some(bytes));
        }
        let start = size.saturating_sub(LAST);
        if at < start || at >= size {
            return Ok(None);
        }
        let last = match self.last.get() {
            Some(last) => last.clone(),
            None => {
                let last = self.bytes(start..size)?;
                self.last.get_or_init(|| last).clone()
            }
        };
        Ok(from(&last, start, at))
    }

    /// Reads its first bytes, and its last ones where these say what is in it. What fails is met again by who needs it.
    pub(super) async fn prepare(self: Arc<Self>, with_end: bool) {
        let size = self.size();
        if self.first.get().is_none()
            && let Ok(first) = self.range(0..FIRST.min(size)).await
        {
            let _ = self.first.set(first);
        }
        if with_end
            && self.last.get().is_none()
            && let Ok(last) = self.range(size.saturating_sub(LAST)..size).await
        {
            let _ = self.last.set(last);
        }
    }

    /// A part of it, waited for.
    pub(super) fn bytes(self: &Arc<Self>, range: Range<u64>) -> Result<Bytes, Failure> {
        self.begin(range).and_then(Pending::wait).inspect_err(|failure| self.note(failure))
    }

    /// A part of it, on its way.
    pub(super) fn begin(self: &Arc<Self>, range: Range<u64>) -> Result<Pending<Bytes>, Failure> {
        let object = self.clone();
        begin(async move { object.range(range).await })
    }

    /// Keeps the first failure.
    pub(super) fn note(&self, failure: &Failure) {
        let _ = self.failed.set(failure.clone());
    }

    async fn range(&self, range: Range<u64>) -> Result<Bytes, Failure> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let length = range.end - range.start;
        let bytes = match &self.from {
            From::Web(web) => web.range(range, &self.about).await?,
            From::Store(store, key) => {
                let options =
                    GetOptions::default().with_range(Some(range)).with_if_match(self.about.tag.clone());
                let failed = |error: object_store::Error| Failure::of_store(&error);
                let part = store.get_opts(key, options).await.map_err(failed)?;
                if part.meta.e_tag != self.about.tag || Some(part.meta.size) != self.about.size {
                    return Err(Failure::Changed);
                }
                part.bytes().await.map_err(failed)?
            }
        };
        match bytes.len() as u64 == length {
            true => Ok(bytes),
            false => Err(Failure::CutOff(format!("{} of {length} bytes", bytes.len()))),
        }
    }
}

/// The bytes from `at` on, of bytes that begin at `start`.
fn from(bytes: &Bytes, start: u64, at: u64) -> Option<Bytes> {
    let skip = usize::try_from(at.checked_sub(start)?).ok().filter(|skip| *skip < bytes.len())?;
    Some(bytes.slice(skip..))
}
