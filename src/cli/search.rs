//! `embedlab search`: the rows nearest to a text, to rows, or to a vector.

use embedlab::Result;
use embedlab::analysis::found_rows;
use embedlab::view::terminal;

use super::index::IndexArgs;
use super::input::Input;
use super::outputs::Outputs;
use super::query::{Find, QueryArgs};
use super::{Common, Outcome, Output};

const EXAMPLES: &str = "\
Rows are counted from 0. A filter is an expression of SQL on the columns; put text in single quotes.

Examples:
  embedlab search reviews.parquet 'good dog food'
  embedlab search reviews.parquet --row 3 --where \"Score >= 4 and Kind = 'tea'\"
  embedlab search reviews.parquet --like 3,8 --unlike 5 --mmr 0.5
  embedlab search reviews.parquet --from queries.parquet --row 0 -k 20 -o hits.parquet
  embedlab search reviews.parquet 'stale chips' --index --json | jq '.hits[].row'";

/// Find the rows nearest to a text or a stored vector
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// The text to search for
    #[arg(value_name = "QUERY", conflicts_with_all = ["row", "from", "like"])]
    query: Option<String>,
    #[command(flatten)]
    how: QueryArgs,
    /// How many rows
    #[arg(short, long, value_name = "K", default_value_t = 10)]
    k: usize,
    #[command(flatten)]
    index: IndexArgs,
}

pub fn run(args: &Args, common: &Common, output: &Output) -> Result<Outcome> {
    Outputs::of([Some(args.input.file.as_path()), args.how.query_file()].into_iter().flatten())
        .table(args.how.output.as_deref(), None)?;
    let found = Find {
        input: &args.input,
        query: &args.how,
        text: args.query.as_deref(),
        k: args.k,
        pass_over_texts: false,
        index: Some(&args.index),
    }
    .run(common, output)?;
    let section = found_rows(&found);
    output.result(&found, |out| write!(out, "{}", terminal(&section, super::output::width())))?;
    Ok(Outcome::Done)
}
