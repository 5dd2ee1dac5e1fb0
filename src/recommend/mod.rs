//! Profiles of users and products, what they recommend, and how far that can be trusted.
//!
//! - [`profiles`]: the mean vector of each user, product or other group
//! - [`evaluate`]: do held-out ratings rise with the similarity of user and product, and does that
//!   beat popularity, the mean rating and chance
//! - [`recommend`]: the items that one user has not rated, nearest first; [`recommend_for_all`]: the same for every user
//! - [`neighbors`]: the rows most like some rows, and unlike others
//!
//! ```
//! use embedlab::recommend::{Ratings, evaluate, recommend};
//! use embedlab::{split, table};
//!
//! let reviews = table::read("examples/data/food_reviews.parquet".as_ref(), &Default::default())?;
//! let (users, products) = (reviews.labels("UserId")?, reviews.labels("ProductId")?);
//! let stars = reviews.numbers("Score")?;
//! let ratings = Ratings { users: &users, items: &products, ratings: &stars };
//!
//! // Profiles of the training rows, asked about the test rows.
//! let split = split::train_test_split(reviews.n_rows(), 0.2, 42)?;
//! let found = evaluate(&reviews.vectors(), &ratings, &split, &Default::default())?;
//! assert_eq!((found.n_test, found.pairs, found.cold.rows), (132, 129, 3));
//! let names: Vec<&str> = found.scorers.iter().map(|scorer| scorer.name).collect();
//! assert_eq!(names, ["similarity", "popularity", "item_mean", "random"]);
//!
//! // The next products for one user, of those that this user has not rated.
//! let user = ratings.user("A1CZZ9FNAKM78")?;
//! let next = recommend(reviews.vectors(), &ratings, None, user, &Default::default())?;
//! assert_eq!((next.rated, next.items.len()), (13, 10));
//! # Ok::<(), embedlab::Error>(())
//! ```

mod evaluate;
mod interval;
mod items;
mod lists;
mod pairs;
mod places;
mod profile;
mod scorer;

pub use evaluate::{ByLabel, Evaluation, EvaluationOptions, Pair, evaluate, evaluate_telling};
pub use items::{Item, RecommendOptions, Recommendations, SpeakingRow, recommend};
pub use lists::{ForUsers, UserList, recommend_for_all};
pub use pairs::{Cold, Ratings};
pub use profile::{ProfileOptions, Profiles, profiles};
pub use scorer::ScorerResult;

pub use crate::search::{NeighborOptions, Neighbors, Query, neighbors};
