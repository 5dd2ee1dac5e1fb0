//! `embedlab embed`: vectors for the texts of a table.

mod here;
mod models;
mod remote;

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::StringArray;
use clap::{ArgMatches, Command, ValueEnum};
use embedlab::embed::{Borders, LongTexts};
use embedlab::table::Table;
use embedlab::{Error, Result};
use ndarray::Array2;

use super::embedder::{on_disk, unknown};
use super::server::{Pace, Server};
use super::texts::{Source, with_column};
use super::{Common, Outcome, Output};

const EXAMPLES: &str = "\
The model lsa is lexical: words and pieces of words, learned from the texts themselves. It needs no key
and no download, and is kept beside the output for queries and new rows. A folder with a BERT-class model
needs no key either; with --download it may be the name of one at Hugging Face. Any other name is a model
of a server: OpenAI's, with the key in OPENAI_API_KEY, or one that --base-url names. What a server answers is
kept in a cache: a run that was stopped, at any moment, goes on where it was when it is started again.

A row that fails (an empty text, one that is too long, one that the server refuses) is named at the end
with its reason and left out of the output; the exit code is then 2. With --strict it ends the run. Ctrl-C
lets the requests in flight finish and ends with 130.

Examples:
  embedlab embed reviews.csv --text combined --model lsa -o reviews.parquet
  embedlab embed reviews.csv --model text-embedding-3-small -o reviews.parquet
  embedlab embed reviews.csv --template 'Title: {Summary}; Content: {Text}' --recent 1000 -o reviews.parquet
  embedlab embed pages.jsonl --model nomic-embed-text --base-url http://localhost:11434/v1 --long average -o pages.parquet
  embedlab embed reviews.csv --model all-MiniLM-L6-v2/ -o reviews.parquet
  embedlab embed models";

/// `embed FILE`, or `embed models`. By hand, for a derived optional group of arguments cannot hold groups.
pub enum Args {
    Models(models::Args),
    Run(Box<Run>),
}

impl clap::FromArgMatches for Args {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Args, clap::Error> {
        match matches.subcommand() {
            Some((MODELS, matches)) => models::Args::from_arg_matches(matches).map(Args::Models),
            _ => Run::from_arg_matches(matches).map(|run| Args::Run(Box::new(run))),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> std::result::Result<(), clap::Error> {
        *self = Args::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for Args {
    fn augment_args(command: Command) -> Command {
        Run::augment_args(command)
            .subcommand(models::Args::augment_args(Command::new(MODELS)))
            .args_conflicts_with_subcommands(true)
            .subcommand_negates_reqs(true)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Args::augment_args(command)
    }
}

const MODELS: &str = "models";

/// Turn texts into vectors
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Run {
    #[command(flatten)]
    source: Source,
    /// lsa to fit a lexical model to these texts, the file of one that was fitted before, a folder with a model (config.json, tokenizer.json, model.safetensors), or the name of a server's model
    #[arg(long, value_name = "MODEL", default_value = "lsa")]
    model: String,
    /// Download the model from Hugging Face (owner/name) if it is not on this machine yet
    #[arg(long)]
    download: bool,
    /// Numbers of a vector: of lsa at most [default: 256]; of a server's model that can shorten them [default: the model's]
    #[arg(long, value_name = "N")]
    dims: Option<usize>,
    /// The table to write, with the vectors in a column `embedding` and the model's name in `model`
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    long: Long,
    /// End at the first row that fails
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    pace: Pace,
}

/// What becomes of texts with more tokens than the model takes.
#[derive(clap::Args)]
pub struct Long {
    /// What becomes of a text that is too long: its row fails, its first tokens are taken, its pieces' vectors are averaged, or its pieces become rows
    #[arg(long = "long", help_heading = "Long texts", value_name = "WHAT", default_value = "refuse")]
    what: LongName,
    /// Where a text may be cut
    #[arg(long, help_heading = "Long texts", value_name = "WHERE", default_value = "token")]
    cut: CutName,
    /// Tokens that a text or a piece may have [default: the model's]
    #[arg(long, help_heading = "Long texts", value_name = "N")]
    max_tokens: Option<usize>,
    /// Replace newlines by spaces [default: for the first generation's models for texts]
    #[arg(long, help_heading = "Long texts", value_name = "yes|no", value_parser = yes_or_no)]
    newlines_to_spaces: Option<bool>,
}

#[derive(Clone, Copy, ValueEnum)]
enum LongName {
    Refuse,
    Truncate,
    Average,
    Split,
}

#[derive(Clone, Copy, ValueEnum)]
enum CutName {
    Token,
    Sentence,
    Paragraph,
}

fn yes_or_no(text: &str) -> std::result::Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("yes or no".to_owned()),
    }
}

impl Long {
    /// Sets what these options say.
    pub fn apply(&self, options: &mut embedlab::embed::EmbedOptions) {
        options.long = match self.what {
            LongName::Refuse => LongTexts::Refuse,
            LongName::Truncate => LongTexts::Truncate,
            LongName::Average => LongTexts::Average,
            LongName::Split => LongTexts::Split,
        };
        options.borders = match self.cut {
            CutName::Token => Borders::Token,
            CutName::Sentence => Borders::Sentence,
            CutName::Paragraph => Borders::Paragraph,
        };
        options.max_input_tokens = self.max_tokens.or(options.max_input_tokens);
        options.newlines_to_spaces = self.newlines_to_spaces.unwrap_or(options.newlines_to_spaces);
    }
}

pub fn run(args: &Args, common: &Common, output: &Output) -> Result<Outcome> {
    let args = match args {
        Args::Models(args) => return models::run(args, output),
        Args::Run(args) => args,
    };
    super::output::writable(&args.output)?;
    if args.model == "lsa" {
        return here::run(args, None, common, output);
    }
    if let Some(embedder) = on_disk(&args.model, &args.server, args.download, Some(output))? {
        if args.dims.is_some() {
            return Err(Error::argument("the model's vectors have the length that they have")
                .seen(format!("--dims, and {} of {} numbers", embedder.model(), embedder.dims()))
                .advice("leave --dims out"));
        }
        return here::run(args, Some(embedder), common, output);
    }
    let models = args.server.known()?;
    if models.get(&args.model).is_none() && !args.server.is_named() {
        return Err(unknown(&models, &args.model));
    }
    remote::run(args, &models, common, output)
}

/// The columns with their vectors and the model's name in a column `model`.
fn joined(columns: &Table, vectors: Array2<f32>, model: &str) -> Result<Table> {
    let names = StringArray::from(vec![model; columns.n_rows()]);
    let columns = with_column(columns, "model", Arc::new(names))?;
    Table::new(vectors, columns.columns().clone(), "embedding")
}
