//! What has been found, for as long as somebody keeps it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt;

use super::failure::Failure;
use super::object::Object;
use super::runtime::run;
use super::store::{Limits, Opened, list, open as open_store};
use crate::address::{self, Address, Store};
use crate::error::Result;

/// Requests that are on their way together.
const AT_ONCE: usize = 32;

/// What is at an address.
#[derive(Debug, Clone)]
pub(crate) enum Found {
    /// A file.
    Object(Arc<Object>),
    /// What is below a folder, or below the folders that a pattern begins with; in no order.
    Below(Arc<[Arc<Object>]>),
}

#[derive(Default)]
struct Memory {
    /// How many keep it.
    holders: usize,
    found: HashMap<PathBuf, Found>,
    stores: HashMap<String, Opened>,
}

static MEMORY: Mutex<Option<Memory>> = Mutex::new(None);

fn memory() -> MutexGuard<'static, Option<Memory>> {
    MEMORY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps what is found until the last of these is dropped: temporary copies go then.
#[must_use = "files are kept until this is dropped"]
pub(crate) struct Kept(());

/// Keeps what is found from now on.
pub(crate) fn keep() -> Kept {
    memory().get_or_insert_default().holders += 1;
    Kept(())
}

impl Drop for Kept {
    fn drop(&mut self) {
        let mut all = memory();
        let last = all.as_mut().is_none_or(|memory| {
            memory.holders = memory.holders.saturating_sub(1);
            memory.holders == 0
        });
        // Copies are removed without the lock.
        let gone = if last { all.take() } else { None };
        drop(all);
        drop(gone);
    }
}

/// What is at an address.
///
/// # Errors
/// When it is no address, nothing is there, or the server does not give it.
pub(crate) fn find(path: &Path) -> Result<Found> {
    if let Some(found) = memory().as_ref().and_then(|memory| memory.found.get(path)) {
        return Ok(found.clone());
    }
    let address = address::parse(path)?;
    let limits = Limits::from_environment();
    let mut signed = false;
    let found = look(path, &address, limits, &mut signed)
        .map_err(|failure| failure.into_error(path, signed, limits.timeout))?;
    if let Some(memory) = memory().as_mut() {
        if let Found::Below(objects) = &found {
            // One that was listed without a tag is asked for again.
            for object in objects.iter().filter(|object| object.is_tagged()) {
                memory.found.insert(object.path().to_owned(), Found::Object(object.clone()));
            }
        }
        memory.found.insert(path.to_owned(), found.clone());
    }
    Ok(found)
}

/// Asks for the beginnings of files that were found, and for the ends of those that are marked, many at once: one after the
/// other each would wait for its answer.
pub(crate) fn prepare<'a>(files: impl Iterator<Item = (&'a Path, bool)>) {
    let known = |(path, with_end): (&Path, bool)| match memory().as_ref()?.found.get(path)? {
        Found::Object(object) if object.has_ranges() => Some((object.clone(), with_end)),
        _ => None,
    };
    let wanted: Vec<(Arc<Object>, bool)> = files.filter_map(known).collect();
    if wanted.len() < 2 {
        return;
    }
    let ask = |(object, with_end): (Arc<Object>, bool)| object.prepare(with_end);
    let all = futures_util::stream::iter(wanted).for_each_concurrent(AT_ONCE, ask);
    // Whoever needs what failed asks again.
    let _ = run(async move {
        all.await;
        Ok(())
    });
}

/// The file at an address.
///
/// # Errors
/// As [`find`], and when it is a folder.
pub(crate) fn open(path: &Path) -> Result<Arc<Object>> {
    match find(path)? {
        Found::Object(object) => Ok(object),
        Found::Below(_) => {
            let limits = Limits::from_environment();
            Err(Failure::of_status(404, String::new()).into_error(path, false, limits.timeout))
        }
    }
}

fn look(path: &Path, address: &Address, limits: Limits, signed: &mut bool) -> Result<Found, Failure> {
    if address.store == Store::Web {
        return Ok(Found::Object(Arc::new(Object::of_web(path, limits)?)));
    }
    let opened = store(address, limits)?;
    *signed = opened.signed;
    let key = address.key.as_str();
    if address::is_pattern(path) {
        let fixed = key.find(['*', '?', '[']).and_then(|at| key.get(..at)).unwrap_or_default();
        let folder = fixed.rsplit_once('/').map_or("", |(folder, _)| folder);
        return below(address, folder, &opened, limits);
    }
    if key.is_empty() || key.ends_with('/') {
        return below(address, key.trim_end_matches('/'), &opened, limits);
    }
    match Object::of_store(path, key, &opened, limits) {
        Ok(object) => Ok(Found::Object(Arc::new(object))),
        // A folder without the slash; the list also tells whether there is a bucket.
        Err(failure) if failure.is_missing() => match below(address, key, &opened, limits)? {
            Found::Below(objects) if objects.is_empty() => Err(failure),
            found => Ok(found),
        },
        Err(failure) => Err(failure),
    }
}

fn below(address: &Address, folder: &str, opened: &Opened, limits: Limits) -> Result<Found, Failure> {
    let (store, folder) = (opened.store.clone(), folder.to_owned());
    let listed = run(async move { list(store, folder).await })?;
    let objects = listed.into_iter().map(|meta| {
        let path = PathBuf::from(format!("{}/{}", address.root, meta.location));
        Arc::new(Object::listed(path, opened, limits, meta))
    });
    Ok(Found::Below(objects.collect()))
}

/// The store of an address, opened once while it is kept, for its connections.
fn store(address: &Address, limits: Limits) -> Result<Opened, Failure> {
    if let Some(opened) = memory().as_ref().and_then(|memory| memory.stores.get(&address.root)) {
        return Ok(opened.clone());
    }
    let opened = open_store(address, limits)?;
    if let Some(memory) = memory().as_mut() {
        memory.stores.insert(address.root.clone(), opened.clone());
    }
    Ok(opened)
}
