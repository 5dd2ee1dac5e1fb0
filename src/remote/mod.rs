//! Files of object stores and web servers: found, listed, read in ranges, or copied to a temporary file.
//!
//! What a file is when it is first looked at (its size and its ETag) holds until the last reader of it is gone; one that
//! changes in between is an error. While somebody keeps files ([`keep`]), each is looked at and copied once.

#[cfg(feature = "object-stores")]
mod about;
#[cfg(feature = "object-stores")]
mod ahead;
#[cfg(feature = "object-stores")]
mod copy;
#[cfg(feature = "object-stores")]
mod failure;
#[cfg(feature = "object-stores")]
mod keep;
#[cfg(feature = "object-stores")]
mod object;
#[cfg(feature = "object-stores")]
mod runtime;
#[cfg(feature = "object-stores")]
mod store;
#[cfg(feature = "object-stores")]
mod web;

#[cfg(not(feature = "object-stores"))]
mod off;

#[cfg(feature = "object-stores")]
pub(crate) use self::{
    ahead::{Ahead, Beginning, ReadFrom},
    keep::{Found, Kept, find, keep, open, prepare},
    object::Object,
};
#[cfg(not(feature = "object-stores"))]
pub(crate) use off::{Ahead, Beginning, Found, Kept, Object, ReadFrom, find, keep, open, prepare};
