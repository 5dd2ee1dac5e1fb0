//! The command line: one file per command, each with its arguments, its run and its output.

mod analysis;
mod beside;
mod code;
mod completions;
mod convert;
mod cost;
mod describe;
mod embed;
mod embedder;
mod index;
mod input;
mod man;
mod map;
mod mteb;
mod on;
mod output;
mod outputs;
mod page;
mod plan;
mod predict;
mod report;
mod schema;
mod search;
mod server;
mod signals;
#[cfg(feature = "sql")]
mod sql;
mod stimuli;
mod texts;
mod tokens;
mod train;
mod zero_shot;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use embedlab::analysis::registry;
use embedlab::{Error, ErrorKind, Result};

use output::Output;

/// What a command comes back with when nothing went wrong.
pub enum Outcome {
    Done,
    /// The command ran, and what it checked is not as it should be.
    CheckFailed,
    /// What could be done is done; rows that failed were named.
    RowsFailed,
    /// The user stopped it.
    Interrupted,
    /// The plan that was asked for says that the work would not fit in memory.
    DoesNotFit,
}

/// Cluster, classify, search, recommend and map text embeddings.
#[derive(Parser)]
#[command(version, propagate_version = true, max_term_width = 100, after_help = BEGIN, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

const BEGIN: &str = "\
Begin with:
  embedlab inspect reviews.csv                 what is in the file
  embedlab cluster reviews.csv --k 4           which clusters are there
  embedlab classify reviews.csv --label Score  whether a model can tell the label
  embedlab report reviews.csv -o report.html   all of it as one page

Exit codes: 0 done, 1 a check failed, 2 bad usage or bad input, 3 would not fit in memory,
130 stopped by Ctrl-C.";

/// Options that every command has.
#[derive(clap::Args)]
#[command(next_help_heading = "Global")]
pub struct Common {
    /// Print one JSON object on stdout and nothing else
    #[arg(long, global = true)]
    json: bool,
    /// No progress and no notes on stderr; warnings and errors are still shown
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Number of threads; 0 means all. Results do not depend on it
    #[arg(short, long, global = true, value_name = "N", default_value_t = 0, env = "EMBEDLAB_JOBS")]
    jobs: usize,
    /// Random seed
    #[arg(long, global = true, value_name = "N", default_value_t = 42)]
    seed: u64,
}

impl Common {
    /// Random seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }
}

/// What single commands add to their analysis.
const EXTRAS: [analysis::Extra; 6] =
    [describe::DESCRIBE, map::MAP, search::NEIGHBORS, search::SEARCH, stimuli::LIST, zero_shot::ZERO_SHOT];

fn extra(name: &str) -> Option<&'static analysis::Extra> {
    EXTRAS.iter().find(|extra| extra.name == name)
}

/// The whole command line: the commands of the analyses, and those that are none.
fn command_line() -> clap::Command {
    let mut command = Cli::command();
    for analysis in registry().iter().filter(|analysis| !analysis.name().starts_with(mteb::PREFIX)) {
        command = command.subcommand(self::analysis::command(*analysis, extra(analysis.name())));
    }
    let names: Vec<String> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    for name in names {
        command = command.mut_subcommand(name, input::with_several_files);
    }
    if command.find_subcommand("sql").is_some() {
        command = command.mut_subcommand("sql", |command| on::augment("sql", command));
    }
    command = command.subcommand(mteb::command());
    for (place, name) in ORDER.iter().enumerate() {
        if command.find_subcommand(name).is_some() {
            command = command.mut_subcommand(name, |command| command.display_order(place));
        }
    }
    command
}

/// The commands in the order of the help.
const ORDER: [&str; 40] = [
    "inspect",
    "check",
    "convert",
    "evaluate",
    "outliers",
    "duplicates",
    "label-errors",
    "diversity",
    "drift",
    "compare",
    "compress",
    "similarities",
    "calibrate",
    "customize",
    "align",
    "bias",
    "cluster",
    "classify",
    "regress",
    "train",
    "predict",
    "zero-shot",
    "map",
    "search",
    "neighbors",
    "knn",
    "sql",
    "mteb",
    "profile",
    "recommend",
    "embed",
    "tokens",
    "cost",
    "code",
    "report",
    "scheduler",
    "executor",
    "schema",
    "completions",
    "man",
];

#[derive(Subcommand)]
#[expect(clippy::large_enum_variant, reason = "one value, made once")]
enum Command {
    Convert(convert::Args),
    Embed(embed::Args),
    Tokens(tokens::Args),
    Cost(cost::Args),
    Train(train::Args),
    #[command(visible_alias = "apply")]
    Predict(predict::Args),
    Code(code::Args),
    Report(report::Args),
    Scheduler(on::SchedulerArgs),
    Executor(on::ExecutorArgs),
    Schema(schema::Args),
    #[cfg(feature = "sql")]
    Sql(sql::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// Runs the command that the arguments name.
pub fn run() -> ExitCode {
    if let Some(ended) = on::handed_over(std::env::args_os().skip(1)) {
        return ended;
    }
    let matches = command_line().get_matches();
    let common = match Common::from_arg_matches(&matches) {
        Ok(common) => common,
        Err(error) => error.exit(),
    };
    if let Err(error) = rayon::ThreadPoolBuilder::new().num_threads(common.jobs).build_global() {
        let _ = writeln!(std::io::stderr(), "error: cannot start {} threads: {error}", common.jobs);
        return ExitCode::from(2);
    }
    signals::listen();
    embedlab::hide_caught_panics();
    let output = Output::new(&common);
    let _kept = embedlab::table::keep_files();
    let result = run_command(&matches, &common, &output);
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::CheckFailed) => ExitCode::from(1),
        Ok(Outcome::RowsFailed) => ExitCode::from(2),
        Ok(Outcome::Interrupted) => ExitCode::from(130),
        Ok(Outcome::DoesNotFit) => ExitCode::from(3),
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            report_error(&error, common.json);
            exit_code(&error)
        }
    }
}

/// Says why a command ends. A stderr that is full or closed changes nothing about the exit code.
fn report_error(error: &Error, json: bool) {
    let _ = writeln!(std::io::stderr(), "error: {error}");
    if json {
        let json = serde_json::json!({ "error": { "code": error.code(), "message": error.to_string() } });
        let _ = writeln!(std::io::stdout(), "{json}");
    }
}

fn run_command(matches: &clap::ArgMatches, common: &Common, output: &Output) -> Result<Outcome> {
    if let Some(("mteb", matches)) = matches.subcommand() {
        return mteb::run(matches, common, output);
    }
    if let Some((name, matches)) = matches.subcommand()
        && let Some(analysis) = embedlab::analysis::find(name)
    {
        return analysis::run(analysis, extra(name), matches, common, output);
    }
    let cli = Cli::from_arg_matches(matches).unwrap_or_else(|error| error.exit());
    #[cfg(feature = "sql")]
    let of_command = matches.subcommand().map_or(matches, |(_, matches)| matches);
    match cli.command {
        Command::Convert(args) => convert::run(&args, output),
        Command::Embed(args) => embed::run(&args, common, output),
        Command::Tokens(args) => tokens::run(&args, common, output),
        Command::Cost(args) => cost::run(&args, common, output),
        Command::Train(args) => train::run(&args, common, output),
        Command::Predict(args) => predict::run(&args, output),
        Command::Code(args) => code::run(&args, common, output),
        Command::Report(args) => report::run(&args, common, output),
        Command::Scheduler(_) | Command::Executor(_) => Err(on::not_first()),
        Command::Schema(args) => schema::run(&args, output),
        #[cfg(feature = "sql")]
        Command::Sql(args) => sql::run(&args, of_command, output),
        Command::Completions(args) => completions::run(&args, command_line(), output),
        Command::Man(args) => man::run(&args, command_line(), output),
    }
}

fn exit_code(error: &Error) -> ExitCode {
    match error.kind() {
        ErrorKind::Memory => ExitCode::from(3),
        _ => ExitCode::from(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        command_line().debug_assert();
    }

    #[test]
    fn every_command_shows_two_examples() {
        for command in command_line().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples = help.lines().filter(|line| line.trim_start().starts_with("embedlab ")).count();
            assert!(examples >= 2, "{} has {examples} examples", command.get_name());
        }
    }
}
