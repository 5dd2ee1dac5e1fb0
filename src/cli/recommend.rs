//! `embedlab recommend`: how much user and product vectors say, and products for one user.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use embedlab::chart::Style;
use embedlab::data::Roles;
use embedlab::metric::Interval;
use embedlab::recommend::{Evaluation, EvaluationOptions, Ratings, RecommendOptions, evaluate, recommend};
use embedlab::report::star_picture;
use embedlab::rows::RowSource;
use embedlab::split::train_test_split;
use embedlab::table::{Labels, Table};
use embedlab::{Error, Result};

use super::beside::write_beside;
use super::columns::{item_column, rating_column, text_column, user_column};
use super::input::{TableInput, Wanted};
use super::output::{Rows, grouped, printable};
use super::outputs::Outputs;
use super::profile;
use super::{Outcome, Output};

const EXAMPLES: &str = "\
Without --for, profiles are made of the training rows and asked about the test rows. (The guide's text
averages over all rows, so that a profile holds the row it is tested on; its notebook does not.)
Rows are counted from 0.

Examples:
  embedlab recommend reviews.parquet
  embedlab recommend reviews.parquet --user UserId --item ProductId --rating Score --picture stars.svg
  embedlab recommend reviews.parquet --for A1ISR2CSMG8EL -k 10
  embedlab recommend reviews.csv --json | jq '.correlation, .caution'";

/// Recommend products: does similarity predict the ratings of held-out rows, and what would a user
/// like
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: TableInput,
    #[command(flatten)]
    columns: Columns,
    #[command(flatten)]
    profiles: profile::How,
    /// List products for this user instead of the test
    #[arg(long = "for", value_name = "USER")]
    user_for: Option<String>,
    /// Length of the rankings (k of nDCG and recall); products to list
    #[arg(short, long, value_name = "K", default_value_t = 10)]
    k: usize,
    #[command(flatten)]
    test: Test,
    /// Ratings from this value on are relevant [default: above the middle of the ratings]
    #[arg(long, value_name = "RATING")]
    relevant: Option<f64>,
    /// The column with the texts [default: combined, text, content, .., or the column with the longest texts]
    #[arg(long, value_name = "COL")]
    text: Option<String>,
    /// Write the scored test rows with columns `similarity` and `percentile`
    #[arg(short, long, value_name = "FILE", conflicts_with = "user_for")]
    output: Option<PathBuf>,
    /// Draw the percentiles by rating, .png or .svg
    #[arg(long, value_name = "FILE", conflicts_with = "user_for")]
    picture: Option<PathBuf>,
}

/// Who rated what; shared with `report`.
#[derive(clap::Args)]
pub struct Columns {
    /// The column with the users [default: UserId, user_id, user, ..]
    #[arg(long, value_name = "COL")]
    pub user: Option<String>,
    /// The column with the products [default: ProductId, product_id, item_id, ..]
    #[arg(long, value_name = "COL")]
    pub item: Option<String>,
    /// The column with the ratings [default: Score, rating, stars, label, ..]
    #[arg(long, value_name = "COL")]
    pub rating: Option<String>,
}

/// The split; shared with `zero-shot`.
#[derive(clap::Args)]
pub struct Test {
    /// Share of the rows that is held out
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    pub test_size: f64,
    /// The seed of the split, as scikit-learn's random_state
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub test_seed: u32,
}

/// The named or found columns of a table.
pub struct Rated {
    pub users: Labels,
    pub items: Labels,
    pub ratings: Vec<Option<f64>>,
    pub rating: String,
}

impl Columns {
    /// The columns that hold users, items and ratings; `None` when one is not named and not found.
    pub fn find(&self, table: &Table) -> Result<Option<Rated>> {
        let user = user_column(table, self.user.as_deref())?;
        let item = item_column(table, self.item.as_deref())?;
        let rating = rating_column(table, self.rating.as_deref())?;
        let (Some(user), Some(item), Some(rating)) = (user, item, rating) else { return Ok(None) };
        Ok(Some(Rated {
            users: table.labels(&user)?,
            items: table.labels(&item)?,
            ratings: table.numbers(&rating)?,
            rating,
        }))
    }
}

impl Rated {
    pub fn ratings(&self) -> Ratings<'_> {
        Ratings { users: &self.users, items: &self.items, ratings: &self.ratings }
    }
}

pub fn run(args: &Args, output: &Output) -> Result<Outcome> {
    Outputs::of([args.input.file.as_path()])
        .table(args.output.as_deref(), None)?
        .picture(args.picture.as_deref())?;
    match &args.user_for {
        Some(user) => list(args, user, output),
        None => test(args, output),
    }
}

fn rated(args: &Args, table: &Table) -> Result<Rated> {
    let in_file = |error: Error| error.file(&args.input.file);
    args.columns.find(table).map_err(in_file)?.ok_or_else(|| {
        in_file(
            Error::argument("no columns with users, products and ratings were found")
                .seen(format!("the columns are {}", table.column_names().join(", ")))
                .advice("name them with --user, --item and --rating"),
        )
    })
}

fn test(args: &Args, output: &Output) -> Result<Outcome> {
    let in_file = |error: Error| error.file(&args.input.file);
    let busy = output.busy(format!("reading {}", args.input.name()));
    let wanted = Wanted { blocks: true, ..Default::default() };
    let rows = args.input.open(&wanted, Roles::default(), output)?;
    let columns = rows.table();
    let rated = rated(args, columns)?;
    let weights = args.profiles.weights(columns).map_err(in_file)?;
    let split = train_test_split(rows.n_rows(), args.test.test_size, args.test.test_seed)?;
    let options = EvaluationOptions {
        profiles: args.profiles.options(weights.as_deref(), 1),
        k: args.k,
        relevant: args.relevant,
    };
    let found = evaluate(&rows, &rated.ratings(), &split, &options).map_err(in_file)?;
    drop(busy);
    if let Some(path) = &args.picture {
        star_picture(&found, &rated.rating, Style::new("Similarity of user and product by rating"))?
            .save(path)?;
        output.note(format_args!("drew {}", path.display()));
    }
    if let Some(path) = &args.output {
        let positions: Vec<usize> = found.rows.iter().map(|pair| pair.row).collect();
        let table = args.input.read(output)?.take(&positions)?;
        let column = |value: fn(&embedlab::recommend::Pair) -> f64| -> ArrayRef {
            Arc::new(found.rows.iter().map(|pair| Some(value(pair))).collect::<Float64Array>())
        };
        let more = vec![
            ("similarity", column(|pair| pair.similarity)),
            ("percentile", column(|pair| pair.percentile)),
        ];
        write_beside(&table, more, path, output)?;
    }
    output.result(&found, |out| print(&found, &rated.rating, out))?;
    Ok(Outcome::Done)
}

fn interval(interval: Option<Interval>) -> String {
    interval.map_or_else(String::new, |interval| format!("{:.3} to {:.3}", interval.low, interval.high))
}

fn print(found: &Evaluation, rating: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{} users and {} products from {} training rows",
        grouped(found.users),
        grouped(found.items),
        grouped(found.n_train)
    )?;
    writeln!(
        out,
        "{} of {} test rows have both; {} are cold-start ({} a new user, {} a new product, {} both)",
        grouped(found.pairs),
        grouped(found.n_test),
        grouped(found.cold.rows),
        grouped(found.cold.user_only),
        grouped(found.cold.item_only),
        grouped(found.cold.both)
    )?;
    if found.incomplete > 0 {
        writeln!(out, "{} rows lack a user, a product or a rating", grouped(found.incomplete))?;
    }
    if let Some(caution) = &found.caution {
        writeln!(out, "{caution}")?;
    }
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"));
    let k = found.scorers.first().map_or(0, |scorer| scorer.ranking.k);
    let headers = [
        "".to_owned(),
        format!("correlation with {rating}"),
        "95 %".to_owned(),
        "rank corr.".to_owned(),
        format!("nDCG@{k}"),
        format!("hit@{k}"),
        format!("recall@{k}"),
    ];
    let mut rows = Rows::new(&headers.each_ref().map(String::as_str), &[1, 2, 3, 4, 5, 6]);
    for scorer in &found.scorers {
        rows.push(vec![
            scorer.name.replace('_', " "),
            number(scorer.pearson),
            interval(scorer.pearson_interval),
            number(scorer.spearman),
            number(scorer.ranking.ndcg),
            number(scorer.ranking.hit),
            number(scorer.ranking.recall),
        ]);
    }
    writeln!(out, "\n{rows}")?;
    if let Some(scorer) = found.scorers.first() {
        writeln!(
            out,
            "rankings: {} users with a test product rated {} or better",
            grouped(scorer.ranking.n),
            found.relevant
        )?;
    }
    let mut rows = Rows::new(&[rating, "rows", "median percentile"], &[0, 1, 2]);
    for label in &found.by_label {
        rows.push(vec![label.label.to_string(), grouped(label.n), format!("{:.3}", label.median_percentile)]);
    }
    writeln!(out, "\n{rows}")
}

fn list(args: &Args, user: &str, output: &Output) -> Result<Outcome> {
    let in_file = |error: Error| error.file(&args.input.file);
    let table = args.input.read(output)?;
    let rated = rated(args, &table)?;
    let user = rated.ratings().user(user).map_err(in_file)?;
    let weights = args.profiles.weights(&table).map_err(in_file)?;
    let default = RecommendOptions::default();
    let options = RecommendOptions {
        k: args.k,
        profiles: args.profiles.options(weights.as_deref(), default.profiles.min_count),
        ..default
    };
    let texts = text_column(&table, args.text.as_deref())?.map(|name| table.text(&name)).transpose()?;
    let found =
        recommend(table.vectors(), &rated.ratings(), texts.as_deref(), user, &options).map_err(|error| {
            let few = rated.users.codes.iter().filter(|code| **code == Some(user)).count()
                < options.profiles.min_count;
            in_file(if few { error.advice("give --min-count 1 to have it all the same") } else { error })
        })?;
    output.result(&found, |out| {
        writeln!(
            out,
            "user {}: {} rows; {} products not yet rated",
            printable(&found.user),
            grouped(found.rated),
            grouped(found.candidates)
        )?;
        for item in &found.items {
            let mean = item.mean_rating.map_or_else(String::new, |mean| format!(", {mean:.2} on average"));
            writeln!(
                out,
                "\n{}  similarity {:.3}; {} rows{mean}",
                printable(&item.item),
                item.similarity,
                grouped(item.n)
            )?;
            for row in &item.rows {
                let text: String = row.text.iter().flat_map(|text| text.chars()).take(90).collect();
                writeln!(out, "  row {}: {}", row.row, printable(&text).trim_end())?;
            }
        }
        Ok(())
    })?;
    Ok(Outcome::Done)
}
