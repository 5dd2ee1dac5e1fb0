//! Scores.

mod agreement;

pub use agreement::{Agreement, agreement};
