//! Items for every user.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rayon::prelude::*;

use super::items::RecommendOptions;
use super::pairs::{Cosines, Ratings, vector};
use super::places::{ITEMS, USERS, margin};
use super::{ProfileOptions, Profiles, profiles};
use crate::error::Result;
use crate::rows::RowSource;
use crate::rows::product::dot_products;

/// Bytes that the profiles of one batch of users may take while they are made.
const BATCH_BYTES: usize = 128 << 20;

/// What [`recommend_for_all`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct ForUsers {
    /// One list for each user with a profile, by the user's code.
    pub lists: Vec<UserList>,
    /// Users without a profile: too few rows, no weight, or zeros.
    pub without_profile: usize,
    /// Items with a profile.
    pub items: usize,
    /// The rows of each item, by its code.
    pub counts: Vec<usize>,
    /// The mean rating of each item, by its code; `None` without any.
    pub mean_ratings: Vec<Option<f64>>,
}

/// The items for one user.
#[derive(Debug, Clone, PartialEq)]
pub struct UserList {
    /// The code of the user.
    pub user: u32,
    /// Items that the user has not rated: their codes and the cosines of the two profiles. The nearest first; equal
    /// ones by code.
    pub items: Vec<(u32, f64)>,
}

/// What [`recommend`](super::recommend()) lists, for every user: the `k` items that each has not rated, by the cosine of
/// the two profiles. `tell` hears how many users are done, of how many.
///
/// Memory: the profiles of all items and of one batch of users, and the lists. One pass over the rows for the items, and
/// one for each batch of users; then one product of users x items, in blocks. An item whose profile is zero has no
/// cosine and is in no list.
///
/// # Errors
/// When lists do not have one entry a row, and as [`profiles`].
///
/// ```
/// use embedlab::recommend::{Ratings, RecommendOptions, recommend_for_all};
/// use embedlab::table;
/// let reviews = table::read("examples/data/food_reviews.parquet".as_ref(), &Default::default())?;
/// let (users, products) = (reviews.labels("UserId")?, reviews.labels("ProductId")?);
/// let stars = reviews.numbers("Score")?;
/// let ratings = Ratings { users: &users, items: &products, ratings: &stars };
/// let found = recommend_for_all(&reviews.vectors(), &ratings, &RecommendOptions::default(), &|_, _| ())?;
/// assert_eq!(found.lists.len() + found.without_profile, users.names.len());
/// assert!(found.lists.iter().all(|list| list.items.len() == 10));
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn recommend_for_all(
    source: &(impl RowSource + ?Sized),
    ratings: &Ratings<'_>,
    options: &RecommendOptions<'_>,
    tell: &(dyn Fn(usize, usize) + Sync),
) -> Result<ForUsers> {
    ratings.check(source.n_rows())?;
    let of_items = ProfileOptions { min_count: 1, ..options.profiles };
    let items = profiles(source, &ratings.items.codes, ratings.items.names.len(), &of_items)?;
    let known: Vec<u32> = (0..items.known.len() as u32).filter(|item| is_direction(&items, *item)).collect();
    let mut rated: Vec<(u32, u32)> = ratings
        .users
        .codes
        .iter()
        .zip(&ratings.items.codes)
        .filter_map(|(user, item)| Some(((*user)?, (*item)?)))
        .collect();
    rated.sort_unstable();
    rated.dedup();

    let n_users = ratings.users.names.len();
    let batch = (BATCH_BYTES / (12 * source.dims().max(1))).max(USERS);
    let of_user = ProfileOptions { shrinkage: 0.0, ..options.profiles };
    let done = AtomicUsize::new(0);
    let mut lists = Vec::new();
    for first in (0..n_users as u32).step_by(batch) {
        let n = batch.min(n_users - first as usize);
        let within = |user: &u32| (first..first + n as u32).contains(user);
        let codes: Vec<Option<u32>> =
            ratings.users.codes.iter().map(|user| user.filter(within).map(|user| user - first)).collect();
        let users = profiles(source, &codes, n, &of_user)?;
        let chosen: Vec<u32> = (0..n as u32).filter(|user| is_direction(&users, *user)).collect();
        let cosines = Cosines::new(&users, &items);
        let of_block = |block: &[u32]| {
            let lists = nearest_items(&cosines, block, first, &known, &rated, options.k);
            tell(done.fetch_add(block.len(), Relaxed) + block.len(), n_users);
            lists
        };
        let found: Vec<Vec<UserList>> = chosen.par_chunks(USERS).map(of_block).collect();
        lists.extend(found.into_iter().flatten());
        // Users without a profile are done, too.
        done.store(first as usize + n, Relaxed);
    }
    let (counts, mean_ratings) = ratings.of_items();
    Ok(ForUsers { without_profile: n_users - lists.len(), items: known.len(), lists, counts, mean_ratings })
}

fn is_direction(profiles: &Profiles, group: u32) -> bool {
    profiles.known[group as usize] && vector(profiles, group as usize).iter().any(|value| *value != 0.0)
}

/// The lists of a block of users, whose codes begin at `first`: products in `f32`, and in `f64` for what may be in a
/// list.
fn nearest_items(
    cosines: &Cosines<'_>,
    block: &[u32],
    first: u32,
    known: &[u32],
    rated: &[(u32, u32)],
    k: usize,
) -> Vec<UserList> {
    let margin = margin(cosines.dims());
    let users: Vec<f32> =
        block.iter().flat_map(|user| vector(cosines.users, *user as usize)).copied().collect();
    let mut lists: Vec<UserList> =
        block.iter().map(|user| UserList { user: first + user, items: Vec::new() }).collect();
    let (mut rows, mut products) = (Vec::new(), Vec::new());
    for items in known.chunks(ITEMS).filter(|_| k > 0) {
        rows.clear();
        items.iter().for_each(|item| rows.extend_from_slice(vector(cosines.items, *item as usize)));
        dot_products(&rows, &users, cosines.dims(), &mut products);
        for ((list, user), products) in lists.iter_mut().zip(block).zip(products.chunks_exact(items.len())) {
            for (item, product) in items.iter().zip(products) {
                let about = f64::from(*product) / cosines.lengths(*user, *item);
                let full = list.items.len() == k;
                let beyond = |last: &(u32, f64)| about.is_finite() && about + margin < last.1;
                if (full && list.items.last().is_some_and(beyond))
                    || rated.binary_search(&(list.user, *item)).is_ok()
                {
                    continue;
                }
                let similarity = cosines.of(*user, *item);
                // Items come by code: an equal one goes behind.
                let place = list.items.partition_point(|other| other.1 >= similarity);
                if place < k && similarity.is_finite() {
                    list.items.insert(place, (*item, similarity));
                    list.items.truncate(k);
                }
            }
        }
    }
    lists
}
