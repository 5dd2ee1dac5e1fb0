//! Products for users by the similarity of profiles, and how far that can be trusted.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray, UInt64Array};
use arrow::record_batch::RecordBatch;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod view;

#[cfg(feature = "charts")]
pub use view::star_picture;
pub(crate) use view::{tested_section, user_section};

use super::{Analysis, Context, InReport, Needs, NewColumns, PictureKind};
#[cfg(feature = "charts")]
use crate::chart::{Picture, Style};
use crate::data::{Data, NewColumn, Role};
use crate::error::{Error, Result};
use crate::recommend::{
    Evaluation, EvaluationOptions, ForUsers, Pair, ProfileOptions, Ratings, RecommendOptions,
    Recommendations, evaluate_telling, recommend, recommend_for_all,
};
use crate::rows::RowSource;
use crate::split::train_test_split;
use crate::table::{Labels, Table};
use crate::view::{Look, Section};

/// Options of [`Recommend`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct RecommendationOptions {
    /// List products for this user instead of the test
    #[cfg_attr(feature = "cli", arg(long = "for", value_name = "USER"))]
    pub for_user: Option<String>,
    /// List products for every user instead of the test
    #[cfg_attr(feature = "cli", arg(long))]
    pub for_all: bool,
    /// Length of the rankings (k of nDCG and recall); products to list
    #[cfg_attr(feature = "cli", arg(short, long, value_name = "K", default_value_t = Self::default().k))]
    pub k: usize,
    /// Ratings from this value on are relevant [default: above the middle of the ratings]
    #[cfg_attr(feature = "cli", arg(long, value_name = "RATING"))]
    pub relevant: Option<f64>,
    /// Share of the rows that is held out
    #[cfg_attr(feature = "cli", arg(long, value_name = "SHARE", default_value_t = Self::default().test_size))]
    pub test_size: f64,
    /// The seed of the split, as scikit-learn's random_state
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", default_value_t = Self::default().test_seed))]
    pub test_seed: u32,
    /// Users and products of fewer rows have no profile [default: 1; 2 for the users of --for and --for-all]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N"))]
    pub min_count: Option<usize>,
    /// Column of row weights; an empty cell weighs 0
    #[cfg_attr(feature = "cli", arg(long, value_name = "COL"))]
    pub weight: Option<String>,
    /// Shrinkage: add this many rows of the overall mean to each profile
    #[cfg_attr(feature = "cli", arg(long, value_name = "ROWS", default_value_t = Self::default().shrink))]
    pub shrink: f64,
}

impl Default for RecommendationOptions {
    fn default() -> Self {
        RecommendationOptions {
            for_user: None,
            for_all: false,
            k: 10,
            relevant: None,
            test_size: 0.2,
            test_seed: 42,
            min_count: None,
            weight: None,
            shrink: 0.0,
        }
    }
}

/// What `recommend` found, by what was asked.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum RecommendationResult {
    /// Whether ratings of held-out rows rise with the similarity.
    Test(Box<TestedRecommendations>),
    /// Products for one user.
    User(Recommendations),
    /// Products for every user.
    All(AllRecommendations),
}

/// Whether ratings of held-out rows rise with the similarity.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TestedRecommendations {
    /// What was found.
    #[serde(flatten)]
    pub evaluation: Evaluation,
    /// The rating column.
    pub rating: String,
}

/// Products for every user.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AllRecommendations {
    /// Users with a list.
    pub users: usize,
    /// Users without one: too few rows.
    pub users_without_profile: usize,
    /// Products among which was searched.
    pub products: usize,
    /// Products of a list, at most.
    pub k: usize,
    /// The lists.
    pub recommendations: Vec<UserRecommendations>,
}

/// Products for one of all users.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct UserRecommendations {
    /// The user.
    pub user: String,
    /// The nearest first.
    pub items: Vec<ListedItem>,
}

/// A product of a list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ListedItem {
    /// Its name.
    pub item: String,
    /// The cosine of the two profiles.
    pub similarity: f64,
    /// Its rows.
    pub n: usize,
    /// The mean of its ratings; null without any.
    pub mean_rating: Option<f64>,
}

/// The analysis `recommend`.
pub struct Recommend;

impl Analysis for Recommend {
    const NAME: &'static str = "recommend";
    const ABOUT: &'static str = "Recommend products: does similarity predict the ratings of held-out rows, and what \
                                 would users like";
    const EXAMPLES: &'static str = "\
Without --for and --for-all, profiles are made of the training rows and asked about the test rows. (The guide's
text averages over all rows, so that a profile holds the row it is tested on; its notebook does not.)

Examples:
  embedlab recommend reviews.parquet
  embedlab recommend reviews.parquet --user UserId --item ProductId --rating Score --picture stars.svg
  embedlab recommend reviews.parquet --for A1ISR2CSMG8EL -k 10 -o next.csv
  embedlab recommend reviews.parquet --for-all -k 20 -o lists.parquet
  embedlab recommend reviews.csv --json | jq '.correlation, .caution'";
    const NEEDS: Needs = Needs::Blocks;
    const ROLES: &'static [Role] = &[Role::User, Role::Item, Role::Rating, Role::Text];
    const WRITES: Option<&'static str> = Some(
        "Write the test rows with columns `similarity` and `percentile`; with --for and --for-all the lists: user, \
         rank, item, similarity, n, mean_rating",
    );
    const WRITES_SOME: bool = true;
    const PICTURES: &'static [PictureKind] =
        &[PictureKind { flag: "picture", help: "Draw the percentiles by rating (.png .svg)" }];
    type Options = RecommendationOptions;
    type Outcome = RecommendationResult;

    fn run(
        data: &Data,
        options: &RecommendationOptions,
        context: &Context<'_>,
    ) -> Result<RecommendationResult> {
        let lists = options.for_user.is_some() || options.for_all;
        if options.for_user.is_some() && options.for_all {
            return Err(Error::argument("one user and all users").advice("leave --for or --for-all out"));
        }
        if lists && options.relevant.is_some() {
            return Err(Error::argument("--relevant belongs to the test")
                .advice("leave it out with --for and --for-all"));
        }
        let rated = Rated::of(data)?;
        let ratings = rated.ratings();
        let weights = match &options.weight {
            None => None,
            Some(name) => Some(weights(data.table(), name)?),
        };
        let profiles = |min_count: usize| ProfileOptions {
            min_count: options.min_count.unwrap_or(min_count),
            weights: weights.as_deref(),
            shrinkage: options.shrink,
        };
        if !lists {
            let split = train_test_split(data.n_rows(), options.test_size, options.test_seed)?;
            let how = EvaluationOptions { profiles: profiles(1), k: options.k, relevant: options.relevant };
            let tell = |done, all| context.at("ranking users", done, all, "");
            let evaluation = evaluate_telling(data, &ratings, &split, &how, &tell)?;
            let rating = data.require(Role::Rating)?.to_owned();
            return Ok(RecommendationResult::Test(Box::new(TestedRecommendations { evaluation, rating })));
        }
        let default = RecommendOptions::default();
        let how =
            RecommendOptions { k: options.k, profiles: profiles(default.profiles.min_count), ..default };
        match &options.for_user {
            Some(user) => for_user(data, &ratings, user, &how).map(RecommendationResult::User),
            None => {
                let tell = |done, all| context.at("listing products", done, all, "");
                let found = recommend_for_all(data, &ratings, &how, &tell)?;
                Ok(RecommendationResult::All(named(found, &rated, options.k)))
            }
        }
    }

    fn view(outcome: &RecommendationResult, look: Look) -> Result<Section> {
        match outcome {
            RecommendationResult::Test(found) => tested_section(&found.evaluation, &found.rating, look),
            RecommendationResult::User(found) => Ok(user_section(found)),
            RecommendationResult::All(found) => Ok(view::all_section(found)),
        }
    }

    fn columns(outcome: &RecommendationResult) -> Result<NewColumns> {
        let RecommendationResult::Test(found) = outcome else { return Ok(NewColumns::default()) };
        let rows = &found.evaluation.rows;
        let column = |name: &str, value: fn(&Pair) -> f64| {
            let values: Float64Array = rows.iter().map(|pair| Some(value(pair))).collect();
            NewColumn::new(name, Arc::new(values))
        };
        Ok(NewColumns {
            rows: Some(rows.iter().map(|pair| pair.row).collect()),
            columns: vec![
                column("similarity", |pair| pair.similarity),
                column("percentile", |pair| pair.percentile),
            ],
        })
    }

    fn table(outcome: &RecommendationResult) -> Result<Option<Table>> {
        match outcome {
            RecommendationResult::Test(_) => Ok(None),
            RecommendationResult::User(found) => {
                let items = found.items.iter().map(|item| ListedItem {
                    item: item.item.clone(),
                    similarity: item.similarity,
                    n: item.n,
                    mean_rating: item.mean_rating,
                });
                lists_table(&[UserRecommendations { user: found.user.clone(), items: items.collect() }])
                    .map(Some)
            }
            RecommendationResult::All(found) => lists_table(&found.recommendations).map(Some),
        }
    }

    fn in_report(data: &Data) -> InReport<RecommendationOptions> {
        match [Role::User, Role::Item, Role::Rating].into_iter().find(|role| data.column_of(*role).is_none())
        {
            None => InReport::Yes(RecommendationOptions::default()),
            Some(role) => InReport::LeftOut(format!("there is no {} column", role.name())),
        }
    }

    #[cfg(feature = "charts")]
    fn picture(
        outcome: &RecommendationResult,
        _flag: &str,
        _data: &Data,
        _seed: u64,
        _style: Style,
    ) -> Result<Picture> {
        match outcome {
            RecommendationResult::Test(found) => {
                star_picture(&found.evaluation, &found.rating, Style::new(view::PICTURE_TITLE))
            }
            _ => {
                Err(Error::argument("no picture of lists")
                    .advice("leave --picture out, or --for and --for-all"))
            }
        }
    }
}

/// Who rated what, and how.
struct Rated {
    users: Labels,
    items: Labels,
    ratings: Vec<Option<f64>>,
}

impl Rated {
    fn of(data: &Data) -> Result<Rated> {
        let table = data.table();
        Ok(Rated {
            users: table.labels(data.require(Role::User)?)?,
            items: table.labels(data.require(Role::Item)?)?,
            ratings: table.numbers(data.require(Role::Rating)?)?,
        })
    }

    fn ratings(&self) -> Ratings<'_> {
        Ratings { users: &self.users, items: &self.items, ratings: &self.ratings }
    }
}

fn weights(table: &Table, name: &str) -> Result<Vec<f64>> {
    Ok(table.numbers(name)?.into_iter().map(|weight| weight.unwrap_or(0.0)).collect())
}

/// Products for one user, with rows of the file and their texts.
fn for_user(
    data: &Data,
    ratings: &Ratings<'_>,
    user: &str,
    how: &RecommendOptions<'_>,
) -> Result<Recommendations> {
    let user = ratings.user(user)?;
    let mut found = recommend(data, ratings, None, user, how).map_err(|error| {
        let few =
            ratings.users.codes.iter().filter(|code| **code == Some(user)).count() < how.profiles.min_count;
        if few { error.advice("give --min-count 1 to have it all the same") } else { error }
    })?;
    for row in found.items.iter_mut().flat_map(|item| &mut item.rows) {
        row.text = data.texts_of(&[row.row])?.pop().flatten();
        row.row = data.row_of_file(row.row);
    }
    Ok(found)
}

/// The lists with the names of users and items.
fn named(found: ForUsers, rated: &Rated, k: usize) -> AllRecommendations {
    let item = |(item, similarity): &(u32, f64)| ListedItem {
        item: rated.items.names[*item as usize].clone(),
        similarity: *similarity,
        n: found.counts[*item as usize],
        mean_rating: found.mean_ratings[*item as usize],
    };
    let list = |list: &crate::recommend::UserList| UserRecommendations {
        user: rated.users.names[list.user as usize].clone(),
        items: list.items.iter().map(item).collect(),
    };
    AllRecommendations {
        users: found.lists.len(),
        users_without_profile: found.without_profile,
        products: found.items,
        k,
        recommendations: found.lists.iter().map(list).collect(),
    }
}

/// One row for each product of each list.
fn lists_table(lists: &[UserRecommendations]) -> Result<Table> {
    let all: Vec<(&str, u64, &ListedItem)> = lists
        .iter()
        .flat_map(|list| list.items.iter().zip(1..).map(|(item, rank)| (list.user.as_str(), rank, item)))
        .collect();
    let columns: [(&str, ArrayRef); 6] = [
        ("user", Arc::new(StringArray::from_iter_values(all.iter().map(|(user, ..)| user)))),
        ("rank", Arc::new(UInt64Array::from_iter_values(all.iter().map(|(_, rank, _)| *rank)))),
        ("item", Arc::new(StringArray::from_iter_values(all.iter().map(|(.., item)| &item.item)))),
        (
            "similarity",
            Arc::new(Float64Array::from_iter_values(all.iter().map(|(.., item)| item.similarity))),
        ),
        ("n", Arc::new(UInt64Array::from_iter_values(all.iter().map(|(.., item)| item.n as u64)))),
        ("mean_rating", Arc::new(all.iter().map(|(.., item)| item.mean_rating).collect::<Float64Array>())),
    ];
    let columns = RecordBatch::try_from_iter(columns)
        .map_err(|error| Error::input("the lists cannot be written as a table").source(error))?;
    Ok(Table::from_columns(columns))
}
