//! `embedlab neighbors`: which rows are most like a row; [`search`](super::search) with the guide's rule for texts.

use embedlab::analysis::found_rows;
use embedlab::view::terminal;
use embedlab::{Error, Result};

use super::input::Input;
use super::outputs::Outputs;
use super::query::{Find, QueryArgs};
use super::{Common, Outcome, Output};

const EXAMPLES: &str = "\
Rows are counted from 0: the guide's article 0 is the first row of the file.

Examples:
  embedlab neighbors reviews.parquet --row 0 -k 5
  embedlab neighbors reviews.parquet --like 3,8 --unlike 5 --metric l2
  embedlab neighbors reviews.parquet --row 12 --mmr 0.5
  embedlab neighbors reviews.parquet --from queries.parquet --row 2 --json | jq '.neighbors[].row'";

/// Find the rows most similar to a row; rows with the same text
/// are passed over
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// A text to start from
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["row", "like", "from"])]
    query: Option<String>,
    #[command(flatten)]
    how: QueryArgs,
    /// How many neighbours
    #[arg(short, long, value_name = "K", default_value_t = 5)]
    k: usize,
}

pub fn run(args: &Args, common: &Common, output: &Output) -> Result<Outcome> {
    Outputs::of([Some(args.input.file.as_path()), args.how.query_file()].into_iter().flatten())
        .table(args.how.output.as_deref(), None)?;
    let found = Find {
        input: &args.input,
        query: &args.how,
        text: args.query.as_deref(),
        k: args.k,
        pass_over_texts: true,
        index: None,
    }
    .run(common, output)?;
    let section = found_rows(&found);
    // The same result as that of a search; its rows are called neighbours here.
    let mut json = serde_json::to_value(&found)
        .map_err(|error| Error::input("the result cannot be written as JSON").source(error))?;
    if let Some(object) = json.as_object_mut()
        && let Some(hits) = object.remove("hits")
    {
        object.insert("neighbors".to_owned(), hits);
    }
    output.result(&json, |out| write!(out, "{}", terminal(&section, super::output::width())))?;
    Ok(Outcome::Done)
}
