//! What is there without the feature `object-stores`: a refusal in words.

use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Error, Result};

/// There is none.
#[derive(Debug)]
pub(crate) enum Object {}

impl Object {
    pub fn path(&self) -> &Path {
        match *self {}
    }

    pub fn has_ranges(&self) -> bool {
        match *self {}
    }

    pub fn size(&self) -> u64 {
        match *self {}
    }

    pub fn tag(&self) -> Option<&str> {
        match *self {}
    }

    pub fn is_empty(&self) -> bool {
        match *self {}
    }

    pub fn named(&self, _: Error) -> Error {
        match *self {}
    }

    pub fn first(self: &Arc<Self>) -> Result<Bytes> {
        match **self {}
    }

    pub fn local(self: &Arc<Self>) -> Result<PathBuf> {
        match **self {}
    }
}

/// There is none.
#[derive(Debug, Clone)]
pub(crate) enum Ahead {}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Beginning {
    Full,
    Little,
}

impl Ahead {
    pub fn new(object: &Arc<Object>, _: Vec<Range<u64>>, _: Beginning, _: usize) -> Ahead {
        match **object {}
    }

    pub fn object(&self) -> &Arc<Object> {
        match *self {}
    }

    pub fn bytes(&self, _: u64, _: usize) -> Result<Option<Bytes>> {
        match *self {}
    }

    pub fn read_from(&self, _: u64) -> ReadFrom {
        match *self {}
    }
}

/// There is none.
#[derive(Debug)]
pub(crate) enum ReadFrom {}

impl Read for ReadFrom {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        match *self {}
    }
}

/// There is none.
#[derive(Debug, Clone)]
pub(crate) enum Found {
    Object(Arc<Object>),
    Below(Arc<[Arc<Object>]>),
}

/// Nothing is kept.
pub(crate) struct Kept(());

pub(crate) fn keep() -> Kept {
    Kept(())
}

pub(crate) fn prepare<'a>(_: impl Iterator<Item = (&'a Path, bool)>) {}

/// # Errors
/// Always.
pub(crate) fn find(path: &Path) -> Result<Found> {
    open(path).map(Found::Object)
}

/// # Errors
/// Always.
pub(crate) fn open(path: &Path) -> Result<Arc<Object>> {
    crate::address::parse(path)?;
    Err(Error::argument("this build reads no addresses")
        .with_code("feature-off")
        .file(path)
        .advice("build it with the feature object-stores, or download the file first"))
}
