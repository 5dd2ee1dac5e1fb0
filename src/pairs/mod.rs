//! Pairs of rows that are known to be the same thing or not: where they come from, how they are divided so that no text
//! stands on both sides, and how sure a share of them is.

mod alike;
mod estimate;
mod labelled;

pub use alike::alike_texts;
pub use estimate::{Estimate, area_under_roc, difference, ratio};
pub use labelled::{Pairs, copies};
