//! Parts of a file that are read one after the other, asked for in large ranges and before they are needed.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, Bytes, BytesMut};

use super::failure::Failure;
use super::object::Object;
use super::runtime::Pending;
use crate::error::{Error, Result};

/// Bytes of one request.
const WINDOW: u64 = 8 << 20;
/// Bytes of the first request where only a beginning may be wanted; the next asks for four times as many.
const LITTLE: u64 = 256 << 10;
/// Bytes between two parts that are read rather than asked around.
const GAP: u64 = 1 << 20;

/// How much of each part is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// All of it.
    Full,
    /// Perhaps only its beginning.
    Little,
}

/// Parts of a file, each read from its beginning to its end; clones share what has been read.
#[derive(Debug, Clone)]
pub(crate) struct Ahead(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    object: Arc<Object>,
    /// In order; small neighbours are one where all of them is wanted.
    parts: Vec<Part>,
    first: u64,
    /// How many parts before the one that is read are still held; 0: the parts follow one another, and the next one is
    /// asked for before it is reached.
    behind: usize,
}

#[derive(Debug)]
struct Part {
    range: Range<u64>,
    held: Mutex<Held>,
}

/// What is held of a part: one stretch, and the next one on its way.
#[derive(Debug, Default)]
struct Held {
    start: u64,
    bytes: Bytes,
    asked: u64,
    next: Option<(Range<u64>, Pending<Bytes>)>,
}

impl Held {
    fn from(&self, at: u64) -> Option<Bytes> {
        let skip =
            usize::try_from(at.checked_sub(self.start)?).ok().filter(|skip| *skip < self.bytes.len())?;
        Some(self.bytes.slice(skip..))
    }
}

impl Ahead {
    /// Reads parts of a file. `behind` parts before the one that is read stay in memory, for readers of several columns;
    /// with 0 the parts follow one another.
    pub fn new(
        object: &Arc<Object>,
        mut parts: Vec<Range<u64>>,
        beginning: Beginning,
        behind: usize,
    ) -> Ahead {
        parts.sort_by_key(|part| part.start);
        let mut joined: Vec<Range<u64>> = Vec::with_capacity(parts.len());
        for part in parts {
            let part = part.start.min(object.size())..part.end.min(object.size());
            match joined.last_mut() {
                Some(last)
                    if beginning == Beginning::Full
                        && part.end.saturating_sub(last.start) <= WINDOW
                        && part.start.saturating_sub(last.end) <= GAP =>
                {
                    last.end = last.end.max(part.end);
                }
                _ => joined.push(part),
            }
        }
        let parts = joined.into_iter().map(|range| Part { range, held: Mutex::default() }).collect();
        let first = if beginning == Beginning::Full { WINDOW } else { LITTLE };
        Ahead(Arc::new(Inner { object: object.clone(), parts, first, behind }))
    }

    /// The file.
    pub fn object(&self) -> &Arc<Object> {
        &self.0.object
    }

    /// Some bytes from `at` on, at least one; none at the end of the file.
    pub(super) fn some(&self, at: u64) -> Result<Bytes, Failure> {
        let Inner { object, parts, .. } = &*self.0;
        let after = parts.partition_point(|part| part.range.start <= at);
        let found = after.checked_sub(1).and_then(|i| Some((i, parts.get(i)?)));
        let Some((i, part)) = found.filter(|(_, part)| part.range.contains(&at)) else {
            if let Some(bytes) = object.at_an_end(at)? {
                return Ok(bytes);
            }
            return object.bytes(at..object.size().min(at.saturating_add(LITTLE)));
        };
        let mut held = lock(&part.held);
        if let Some(bytes) = held.from(at) {
            return Ok(bytes);
        }
        let ready = held.next.take().filter(|(range, _)| range.contains(&at));
        let (range, bytes) = match ready {
            Some((range, pending)) => (range, pending.wait().inspect_err(|failure| object.note(failure))?),
            None => {
                let most = held.asked.max(self.0.first);
                // Columns that are one part are not always read in the order of the file.
                let is_one = self.0.first == WINDOW && part.range.end - part.range.start <= WINDOW;
                let start = if is_one { part.range.start } else { at };
                let range = start..part.range.end.min(start.saturating_add(most));
                (range.clone(), object.bytes(range)?)
            }
        };
        held.asked = held.asked.max(self.0.first).saturating_mul(4).min(WINDOW);
        (held.start, held.bytes) = (range.start, bytes);
        if self.0.first == WINDOW {
            if range.end < part.range.end {
                held.next = self.begin(range.end, part);
            } else if self.0.behind == 0
                && let Some(next) = parts.get(i + 1)
            {
                let mut later = lock(&next.held);
                if later.bytes.is_empty() && later.next.is_none() {
                    later.next = self.begin(next.range.start, next);
                }
            }
        }
        if let Some(old) = i.checked_sub(self.0.behind + 1).and_then(|old| parts.get(old)) {
            *lock(&old.held) = Held::default();
        }
        held.from(at).ok_or_else(|| Failure::CutOff("an empty part".to_owned()))
    }

    /// Asks for the next stretch of a part; where that fails, it is asked for when it is needed.
    fn begin(&self, start: u64, part: &Part) -> Option<(Range<u64>, Pending<Bytes>)> {
        let range = start..part.range.end.min(start.saturating_add(WINDOW));
        let pending = self.0.object.begin(range.clone()).ok()?;
        Some((range, pending))
    }

    /// So many bytes; `None` beyond the end of the file.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn bytes(&self, start: u64, length: usize) -> Result<Option<Bytes>> {
        let end = start.saturating_add(length as u64);
        if end > self.0.object.size() {
            return Ok(None);
        }
        let failed = |failure| self.0.object.error(failure);
        let mut first = self.some(start).map_err(failed)?;
        if first.len() >= length {
            first.truncate(length);
            return Ok(Some(first));
        }
        let mut all = BytesMut::with_capacity(length);
        all.extend_from_slice(&first);
        while all.len() < length {
            let more = self.some(start + all.len() as u64).map_err(failed)?;
            if more.is_empty() {
                return Ok(None);
            }
            let wanted = more.len().min(length - all.len());
            all.extend_from_slice(more.get(..wanted).unwrap_or_default());
        }
        Ok(Some(all.freeze()))
    }

    /// A reader from a place on.
    pub fn read_from(&self, at: u64) -> ReadFrom {
        ReadFrom { ahead: self.clone(), at, bytes: Bytes::new() }
    }
}

fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads a file from a place on.
#[derive(Debug)]
pub(crate) struct ReadFrom {
    ahead: Ahead,
    at: u64,
    bytes: Bytes,
}

impl Read for ReadFrom {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.bytes.is_empty() {
            let object = self.ahead.object();
            if self.at >= object.size() {
                return Ok(0);
            }
            let failed = |failure| -> Error { object.error(failure) };
            self.bytes = self.ahead.some(self.at).map_err(failed).map_err(io::Error::other)?;
        }
        let read = self.bytes.len().min(out.len());
        self.bytes.copy_to_slice(out.get_mut(..read).unwrap_or_default());
        self.at += read as u64;
        Ok(read)
    }
}
