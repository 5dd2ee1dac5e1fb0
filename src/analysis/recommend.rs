//! Products for users by the similarity of profiles, and how far that can be trusted.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray, UInt64Array};
use arrow::record_batch::RecordBatch;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(feature = "charts")]
use super::palette;
use super::{Analysis, Context, InReport, Needs, NewColumns, PictureKind};
#[cfg(feature = "charts")]
use crate::chart::{BoxPlot, Palette, Picture, Style};
use crate::data::{Data, NewColumn, Role};
use crate::error::{Error, Result};
use crate::number::{counted, grouped, range};
use crate::recommend::{
    Evaluation, EvaluationOptions, ForUsers, Pair, ProfileOptions, Ratings, RecommendOptions,
    Recommendations, evaluate_telling, recommend, recommend_for_all,
};
use crate::rows::RowSource;
use crate::split::train_test_split;
use crate::table::{Labels, Table};
use crate::view::{Block, Cell, Grid, KeyFigure, Look, Section};

/// Users whose lists a view shows, and items of each.
const LISTED_USERS: usize = 5;
const LISTED_ITEMS: usize = 3;

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
            RecommendationResult::All(found) => Ok(all_section(found)),
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
                star_picture(&found.evaluation, &found.rating, Style::new(PICTURE_TITLE))
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

/// The view of a test; also that of a notebook.
pub(crate) fn tested_section(found: &Evaluation, rating: &str, look: Look) -> Result<Section> {
    let mut section = Section::new(Recommend::NAME, "Users and products")
        .headline(headline(found, rating))
        .with(Block::paragraph(format!(
            "The profile of a user or a product is the mean vector of its {}. Test rows are not part of it.",
            counted(found.n_train, "training row")
        )))
        .with(Block::key_figures(figures(found, rating)));
    if let Some(caution) = &found.caution {
        let mut text = caution.clone();
        if let Some(first) = text.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        section = section.with(Block::warning(format!("{text}.")));
    }
    if found.incomplete > 0 {
        let text =
            format!("{} without a user, a product or a rating left out.", counted(found.incomplete, "row"));
        section = section.with(Block::note(text));
    }
    section = section.with(scorers(found, rating));
    if !found.by_label.is_empty() {
        let grid = found.by_label.iter().fold(
            Grid::new([rating, "test rows", "median percentile"]),
            |grid, label| {
                let name = Cell::text(label.label.to_string());
                grid.row([name, Cell::count(label.n), Cell::Number(label.median_percentile, 3)])
            },
        );
        section = section.with(grid.caption(format!("Percentile of the similarity by {rating}")));
    }
    #[cfg(feature = "charts")]
    if !found.rows.is_empty() {
        let caption = format!(
            "The similarity of user and product on the test rows, as a percentile, by {rating}. If it told {rating}, the \
             boxes would rise from left to right; the dashed line is the middle."
        );
        section =
            section.picture(look, PICTURE_TITLE, caption, |style| star_picture(found, rating, style))?;
    }
    #[cfg(not(feature = "charts"))]
    let _ = look;
    Ok(section)
}

fn headline(found: &Evaluation, rating: &str) -> String {
    match found.correlation_interval {
        Some(interval) if interval.low > 0.0 && found.caution.is_none() => {
            format!("{rating} rises with the similarity of user and product.")
        }
        _ => format!("The test does not show that {rating} rises with the similarity of user and product."),
    }
}

#[cfg(feature = "charts")]
const PICTURE_TITLE: &str = "Similarity of user and product by rating";

/// A box of the percentiles of the similarity for each rating.
///
/// # Errors
/// When it cannot be drawn.
#[cfg(feature = "charts")]
pub fn star_picture(found: &Evaluation, rating: &str, style: Style) -> Result<Picture> {
    let correlation = found.correlation.map_or("undefined".to_owned(), |value| format!("{value:.3}"));
    let subtitle = format!("{} test rows; correlation {correlation}", grouped(found.rows.len() as u64));
    if found.by_label.len() > MOST_BOXES {
        let (names, values) = in_ranges(found);
        return BoxPlot::new(&names, &values, "percentile of the similarity")
            .range(0.0, 1.0)
            .reference(0.5)
            .draw(&style.subtitle(subtitle));
    }
    let labels: Vec<String> = found.by_label.iter().map(|label| label.label.to_string()).collect();
    // All five stars have their place and colour, also those without a test row.
    let stars = ["1", "2", "3", "4", "5"].map(String::from);
    let labels = if labels.iter().all(|label| stars.contains(label)) { stars.to_vec() } else { labels };
    let values: Vec<Vec<f64>> = labels
        .iter()
        .map(|label| {
            let of = found.rows.iter().filter(|pair| pair.rating.to_string() == *label);
            of.map(|pair| pair.percentile).collect()
        })
        .collect();
    let palette = palette(&labels);
    let name = |label: &String| match (palette == Palette::Stars, label.as_str()) {
        (true, "1") => "1 star".to_owned(),
        (true, _) => format!("{label} stars"),
        (false, _) => format!("{rating} {label}"),
    };
    let names: Vec<String> = labels.iter().map(name).collect();
    BoxPlot::new(&names, &values, "percentile of the similarity")
        .palette(palette)
        .range(0.0, 1.0)
        .reference(0.5)
        .draw(&style.subtitle(subtitle))
}

/// More different ratings than this are drawn in ranges.
#[cfg(feature = "charts")]
const MOST_BOXES: usize = 12;
/// So many of equal width.
#[cfg(feature = "charts")]
const RANGES: usize = 10;

/// The percentiles of the similarity by ranges of the rating, those without a row left out.
#[cfg(feature = "charts")]
fn in_ranges(found: &Evaluation) -> (Vec<String>, Vec<Vec<f64>>) {
    let ratings = || found.rows.iter().map(|pair| pair.rating);
    let low = ratings().fold(f64::INFINITY, f64::min);
    let width = (ratings().fold(f64::NEG_INFINITY, f64::max) - low) / RANGES as f64;
    let mut values = vec![Vec::new(); RANGES];
    for pair in &found.rows {
        let range = ((pair.rating - low) / width) as usize;
        values[range.min(RANGES - 1)].push(pair.percentile);
    }
    let name = |at: usize| range(low + at as f64 * width, low + (at + 1) as f64 * width, 2);
    (0..RANGES).filter(|at| !values[*at].is_empty()).map(|at| (name(at), values[at].clone())).unzip()
}

fn figures(found: &Evaluation, rating: &str) -> Vec<KeyFigure> {
    let ends =
        found.correlation_interval.map(|interval| format!("95 %: {}", range(interval.low, interval.high, 3)));
    vec![
        KeyFigure::new(grouped(found.users as u64), "users"),
        KeyFigure::new(grouped(found.items as u64), "products"),
        KeyFigure::new(grouped(found.pairs as u64), "test rows with both").note(format!(
            "of {}; cold-start: {} a new user, {} a new product, {} both",
            grouped(found.n_test as u64),
            grouped(found.cold.user_only as u64),
            grouped(found.cold.item_only as u64),
            grouped(found.cold.both as u64)
        )),
        KeyFigure::new(Cell::number(found.correlation, 3).shown(), format!("correlation with {rating}"))
            .note(ends.unwrap_or_default()),
    ]
}

fn scorers(found: &Evaluation, rating: &str) -> Grid {
    let k = found.scorers.first().map_or(0, |scorer| scorer.ranking.k);
    let users = found.scorers.first().map_or(0, |scorer| scorer.ranking.n);
    let headers = [
        "score".to_owned(),
        format!("correlation with {rating}"),
        "95 %".to_owned(),
        "rank corr.".to_owned(),
        format!("nDCG@{k}"),
        format!("hit@{k}"),
        format!("recall@{k}"),
    ];
    let grid = found.scorers.iter().fold(Grid::new(headers), |grid, scorer| {
        let interval = scorer.pearson_interval;
        grid.row([
            Cell::text(scorer.name.replace('_', " ")),
            Cell::number(scorer.pearson, 3),
            interval.map_or(Cell::Missing, |interval| Cell::Range(interval.low, interval.high, 3)),
            Cell::number(scorer.spearman, 3),
            Cell::number(scorer.ranking.ndcg, 3),
            Cell::number(scorer.ranking.hit, 3),
            Cell::number(scorer.ranking.recall, 3),
        ])
    });
    grid.caption(format!(
        "The similarity and what it must beat, on the same rows. Rankings: of {} with a relevant test product, among all \
         products not rated in training; relevant from {} on",
        counted(users, "user"),
        found.relevant
    ))
}

/// The view of the products for one user; also that of a notebook.
pub(crate) fn user_section(found: &Recommendations) -> Section {
    let text = format!(
        "User {}: {}; {} not yet rated.",
        found.user,
        counted(found.rated, "row"),
        counted(found.candidates, "product")
    );
    let headers = ["product", "similarity", "mean rating", "rows", "nearest row", "its text"];
    let grid = found.items.iter().fold(Grid::new(headers), |grid, item| {
        let nearest = item.rows.first();
        grid.row([
            Cell::text(&item.item),
            Cell::Number(item.similarity, 3),
            Cell::number(item.mean_rating, 2),
            Cell::count(item.n),
            nearest.map_or(Cell::Missing, |row| Cell::text(row.row.to_string())),
            nearest.and_then(|row| row.text.as_deref()).map_or(Cell::Missing, Cell::excerpt),
        ])
    });
    let section = Section::new(Recommend::NAME, "Recommended products").with(Block::paragraph(text));
    if found.items.is_empty() { section.with(Block::note("No product is left.")) } else { section.with(grid) }
}

fn all_section(found: &AllRecommendations) -> Section {
    let without = match found.users_without_profile {
        0 => String::new(),
        n => format!(
            " {} too few rows for a profile.",
            if n == 1 { "1 user has".to_owned() } else { format!("{} users have", grouped(n as u64)) }
        ),
    };
    let text = format!(
        "Up to {} for each of {}, of {}.{without}",
        counted(found.k, "product"),
        counted(found.users, "user"),
        counted(found.products, "product")
    );
    let section = Section::new(Recommend::NAME, "Recommended products").with(Block::paragraph(text));
    let grid = found.recommendations.iter().take(LISTED_USERS).fold(
        Grid::new(["user", "product", "similarity", "mean rating", "rows"]),
        |grid, list| {
            list.items.iter().take(LISTED_ITEMS).fold(grid, |grid, item| {
                grid.row([
                    Cell::text(&list.user),
                    Cell::text(&item.item),
                    Cell::Number(item.similarity, 3),
                    Cell::number(item.mean_rating, 2),
                    Cell::count(item.n),
                ])
            })
        },
    );
    if grid.rows.is_empty() {
        return section.with(Block::note("No user has a profile."));
    }
    section.with(grid.caption("The first users; -o writes all lists"))
}
