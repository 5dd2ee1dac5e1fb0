//! Profiles of users and products, what they recommend, and how far that can be trusted.
//!
//! - [`profiles`]: the mean vector of each user, product or other group
//! - [`evaluate`]: do held-out ratings rise with the similarity of user and product, and does that
//!   beat popularity, the mean rating and chance
//! - [`recommend`]: the items that one user has not rated, nearest first
//! - [`neighbors`]: the rows most like some rows, and unlike others

mod evaluate;
mod items;
mod neighbors;
mod pairs;
mod profile;
mod scorer;

pub use evaluate::{ByLabel, Evaluation, EvaluationOptions, Pair, evaluate};
pub use items::{Item, RecommendOptions, Recommendations, SpeakingRow, recommend};
pub use neighbors::{NeighborOptions, Neighbors, Query, neighbors};
pub use pairs::{Cold, Ratings};
pub use profile::{ProfileOptions, Profiles, profiles};
pub use scorer::ScorerResult;
