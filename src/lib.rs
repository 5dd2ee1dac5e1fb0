//! Turns stored text embeddings into answers and pictures.
//!
//! Data flows one way: [`table`] reads stored embeddings, [`rows`] passes over them in blocks,
//! the analyses ([`cluster`], [`forest`], [`model`], [`zero_shot`], [`recommend`], [`search`], [`map`]) take a
//! matrix and give plain results, [`chart`] and
//! [`report`] show them. [`metric`] scores whatever needs a score.

#![warn(missing_docs)]

pub mod chart;
pub mod cluster;
pub mod embed;
pub mod error;
pub mod forest;
pub mod map;
pub mod metric;
pub mod model;
pub mod notebook;
pub mod recommend;
pub mod report;
pub mod rows;
pub mod search;
mod store;
pub mod table;
pub mod zero_shot;

pub use error::{Error, ErrorKind, Result};
/// The arrays that this crate takes and gives, in the version that it speaks.
pub use ndarray;

/// The README's Rust code, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
