//! `embedlab embed`: vectors for the texts of a table.

mod here;
mod models;
mod remote;
mod task;

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use clap::{ArgMatches, Command, ValueEnum};
use embedlab::embed::{Borders, Encoding, LongTexts};
use embedlab::output::{is_stream, same};
use embedlab::table::{Format, Table};
use embedlab::{Error, Result};
use ndarray::Array2;

use super::beside::write_as;
use super::embedder::{beside, on_disk, unknown};
use super::input::FormatName;
use super::outputs::Outputs;
use super::server::{Pace, Server};
use super::texts::{Source, Texts, replacing};
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

With --task texts become vectors as MTEB makes them, with the prompts of their model: E5's \"query: \" and
\"passage: \", for example. What comes before the texts is said. embedlab mteb scores the tables.

Examples:
  embedlab embed reviews.csv --text combined --model lsa -o reviews.parquet
  embedlab embed reviews.csv --model text-embedding-3-small -o reviews.parquet
  embedlab embed reviews.csv --template 'Title: {Summary}; Content: {Text}' --recent 1000 -o reviews.parquet
  embedlab embed pages.jsonl --model nomic-embed-text --base-url http://localhost:11434/v1 --long average -o pages.parquet
  embedlab embed reviews.csv --model all-MiniLM-L6-v2/ -o reviews.parquet
  embedlab embed reviews.parquet --model lsa --replace -o reviews.parquet
  embedlab embed corpus.jsonl --task retrieval --model e5-small-v2/ -o corpus.parquet \\
      --second queries.jsonl --second-output queries.parquet
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

/// Compute embeddings of texts
#[derive(clap::Args, Clone)]
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
    /// Vector dimensions: for lsa the maximum [default: 256]; for a server's model the size to shorten to [default: the model's]
    #[arg(long, value_name = "N")]
    dims: Option<usize>,
    /// The table to write, with the vectors in a column `embedding` and the model's name in `model`; - is standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The format to write [default: from the name; csv for standard output]
    #[arg(long, value_name = "FORMAT")]
    to: Option<FormatName>,
    /// Name of the new vector column; existing vectors are kept
    #[arg(long = "as", value_name = "COL", conflicts_with = "replace")]
    named: Option<String>,
    /// Replace the vectors of the file
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    task: task::Task,
    #[command(flatten)]
    long: Long,
    /// Stop at the first row that fails
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    pace: Pace,
}

/// What becomes of texts with more tokens than the model takes.
#[derive(clap::Args, Clone)]
pub struct Long {
    /// Texts that are too long: fail the row, truncate, average the vectors of the pieces, or split into rows
    #[arg(long = "long", help_heading = "Long texts", value_name = "WHAT", default_value = "refuse")]
    what: LongName,
    /// Where a text may be split
    #[arg(long, help_heading = "Long texts", value_name = "WHERE", default_value = "token")]
    cut: CutName,
    /// Maximum tokens of a text or a piece [default: the model's]
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
    /// Whether a text may become several rows.
    fn splits(&self) -> bool {
        matches!(self.what, LongName::Split)
    }

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
    let runs = args.both()?;
    Run::check_outputs(&runs)?;
    if args.model == "lsa" {
        return here::run(&runs, None, common, output);
    }
    if let Some(embedder) = on_disk(&args.model, &args.server, args.download, Some(output))? {
        if args.dims.is_some() {
            return Err(Error::argument("the model's vectors cannot be shortened")
                .seen(format!("--dims, and {} with {} dimensions", embedder.model(), embedder.dims()))
                .advice("leave --dims out"));
        }
        return here::run(&runs, Some(embedder), common, output);
    }
    let models = args.server.known()?;
    if models.get(&args.model).is_none() && !args.server.is_named() {
        return Err(unknown(&models, &args.model));
    }
    remote::run(&runs, &models, common, output)
}

impl Run {
    /// Refuses outputs that cannot be kept, before anything is computed or paid.
    fn check_outputs(runs: &[Run]) -> Result<()> {
        let mut outputs = Outputs::of(runs.iter().flat_map(|run| run.source.input.paths()));
        for run in runs {
            let format = run.to.map(Format::from);
            outputs = if runs.len() == 1 && run.source.keeps_all_rows() && !run.long.splits() {
                outputs.rows(Some(&run.output), format)?
            } else {
                outputs.table(Some(&run.output), format)?
            };
        }
        let learned = runs.first().filter(|run| run.model == "lsa" && !is_stream(&run.output));
        outputs.model(learned.map(|run| beside(&run.output)).as_deref())?;
        Ok(())
    }

    /// The texts of the file; refuses a file whose vectors would be in the way of new ones.
    fn texts(&self, encoding: Encoding, output: &Output) -> Result<Texts> {
        let mut texts = self.as_task(self.source.texts(encoding, output)?, output)?;
        let name = self.vector_column();
        let old = &texts.vectors;
        let taken = texts.table.columns().column_by_name(name).is_some();
        if self.replace {
            for column in old.iter().map(String::as_str).chain([name]) {
                texts.table = texts.table.without_column(column)?;
            }
        } else if taken || (self.named.is_none() && !old.is_empty()) {
            let what = if taken { name.to_owned() } else { old.join(", ") };
            let error = Error::argument("the file has vectors already")
                .column(what)
                .advice("put the new ones in their place with --replace, or beside them with --as NAME");
            return Err(self.source.input.named_in(error));
        } else if !old.is_empty() {
            output.note(format_args!(
                "the file keeps its vectors ({}); name the column to use with --vector in what follows",
                embedlab::text::names(old)
            ));
        }
        Ok(texts)
    }

    fn vector_column(&self) -> &str {
        self.named.as_deref().unwrap_or("embedding")
    }

    /// The columns with their vectors and the model's name in a column `model`.
    fn joined(&self, columns: &Table, vectors: Array2<f32>, model: &str, output: &Output) -> Result<Table> {
        let names: ArrayRef = Arc::new(StringArray::from(vec![model; columns.n_rows()]));
        replacing(columns, "model", names, output)?.with_vectors(vectors, self.vector_column())
    }

    /// Writes the result; a part of the rows never takes the place of the input.
    fn write(&self, table: &Table, all: bool, output: &Output) -> Result<PathBuf> {
        let mut path = self.output.clone();
        if !all && same(&path, self.source.input.file()) {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy()));
            path = path.with_file_name(format!("{stem}.embedded{}", extension.unwrap_or_default()));
            output.warn(format_args!(
                "the input has rows that the output lacks: the output is {} and the input stays",
                path.display()
            ));
        }
        write_as(table, &path, self.to.map(Format::from), output)?;
        Ok(path)
    }
}
