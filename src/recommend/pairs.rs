//! Who rated what, and how: the rows of a table as pairs of a user and an item.

use schemars::JsonSchema;
use serde::Serialize;

use super::Profiles;
use crate::error::{Error, Result, nearest_name};
use crate::table::Labels;

/// The user, the item and the rating of each row; all of them may be missing.
#[derive(Debug, Clone, Copy)]
pub struct Ratings<'r> {
    /// Who rated.
    pub users: &'r Labels,
    /// What was rated.
    pub items: &'r Labels,
    /// How: higher is better.
    pub ratings: &'r [Option<f64>],
}

/// One row that has all three.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rated {
    pub row: usize,
    pub user: u32,
    pub item: u32,
    pub rating: f64,
}

/// Test rows that cannot be scored, because training knows nothing of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Cold {
    /// All of them.
    pub rows: usize,
    /// The item has a profile, the user has none.
    pub user_only: usize,
    /// The user has a profile, the item has none.
    pub item_only: usize,
    /// Neither has one.
    pub both: usize,
}

impl Cold {
    pub(super) fn count(&mut self, user_known: bool, item_known: bool) {
        self.rows += usize::from(!(user_known && item_known));
        self.user_only += usize::from(!user_known && item_known);
        self.item_only += usize::from(user_known && !item_known);
        self.both += usize::from(!user_known && !item_known);
    }
}

impl Ratings<'_> {
    /// # Errors
    /// When the lists do not have one entry a row, or a rating is not finite.
    pub(super) fn check(&self, n_rows: usize) -> Result<()> {
        for (what, n) in [
            ("users", self.users.codes.len()),
            ("items", self.items.codes.len()),
            ("ratings", self.ratings.len()),
        ] {
            if n != n_rows {
                return Err(Error::argument(format!("{what} and rows differ in number"))
                    .seen(format!("{n} {what}, {n_rows} rows")));
            }
        }
        match self.ratings.iter().position(|rating| rating.is_some_and(|rating| !rating.is_finite())) {
            Some(row) => Err(Error::input("a rating that is not finite")
                .with_code("not-finite")
                .row(row)
                .seen(format!("{:?}", self.ratings[row].unwrap_or_default()))
                .advice("leave the cell empty")),
            None => Ok(()),
        }
    }

    pub(super) fn row(&self, row: usize) -> Option<Rated> {
        let rated = (self.users.codes[row]?, self.items.codes[row]?, self.ratings[row]?);
        Some(Rated { row, user: rated.0, item: rated.1, rating: rated.2 })
    }

    /// The rows of each item, and the mean of its ratings; `None` without any.
    pub(super) fn of_items(&self) -> (Vec<usize>, Vec<Option<f64>>) {
        let n = self.items.names.len();
        let (mut counts, mut sums, mut rated) = (vec![0; n], vec![0.0; n], vec![0_usize; n]);
        for (item, rating) in self.items.codes.iter().zip(self.ratings) {
            let Some(item) = item.map(|item| item as usize) else { continue };
            counts[item] += 1;
            if let Some(rating) = rating {
                sums[item] += rating;
                rated[item] += 1;
            }
        }
        let mean = |(sum, n): (f64, usize)| (n > 0).then(|| sum / n as f64);
        (counts, sums.into_iter().zip(rated).map(mean).collect())
    }

    /// The code of a user.
    ///
    /// # Errors
    /// When there is no such user; the message offers the nearest name.
    pub fn user(&self, name: &str) -> Result<u32> {
        match self.users.find(name) {
            Some(code) => Ok(code),
            None => {
                let error = Error::argument("no such user")
                    .with_code("user-not-found")
                    .seen(crate::error::excerpt(name));
                Err(match nearest_name(name, self.users.names.iter().map(String::as_str)) {
                    Some(near) => error.advice(format!("did you mean {near}?")),
                    None => {
                        let one = self.users.names.first().map_or("", String::as_str);
                        error.advice(format!(
                            "name one of the {} users, such as {one}",
                            self.users.names.len()
                        ))
                    }
                })
            }
        }
    }
}

/// Cosines between the profiles of users and items, with the lengths taken once.
pub(super) struct Cosines<'p> {
    pub users: &'p Profiles,
    pub items: &'p Profiles,
    user_squares: Vec<f64>,
    item_squares: Vec<f64>,
}

impl<'p> Cosines<'p> {
    pub fn new(users: &'p Profiles, items: &'p Profiles) -> Self {
        Cosines { users, items, user_squares: squares(users), item_squares: squares(items) }
    }

    pub fn dims(&self) -> usize {
        self.users.vectors.ncols()
    }

    /// The product of the two lengths.
    pub fn lengths(&self, user: u32, item: u32) -> f64 {
        (self.user_squares[user as usize] * self.item_squares[item as usize]).sqrt()
    }

    /// NaN when one of them is zero.
    pub fn of(&self, user: u32, item: u32) -> f64 {
        let lengths = self.lengths(user, item);
        let product = dot(vector(self.users, user as usize), vector(self.items, item as usize));
        if lengths > 0.0 { product / lengths } else { f64::NAN }
    }
}

fn squares(profiles: &Profiles) -> Vec<f64> {
    (0..profiles.known.len()).map(|group| dot(vector(profiles, group), vector(profiles, group))).collect()
}

/// Profiles are made in standard layout.
pub(super) fn vector(profiles: &Profiles, group: usize) -> &[f32] {
    let dims = profiles.vectors.ncols();
    profiles.vectors.as_slice().map_or(&[], |values| &values[group * dims..(group + 1) * dims])
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    crate::rows::simd::dot_f64(a, b)
}
