//! `--on`, `scheduler` and `executor`: what several machines do is in a program of its own, `embedlab-distributed`, which
//! is found beside this one or on the PATH.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use clap::{Arg, ArgMatches};
use embedlab::data::Data;
use embedlab::distributed::{Place, VERSION, coded};
use embedlab::rows::{Engine, Pass};
use embedlab::{Error, Result};
use serde_json::{Value, json};

use super::input::{TableInput, Wanted};
use super::output::Output;

/// Commands whose passes over the rows, or whose query, can run on other machines.
const COMMANDS: [&str; 6] = ["check", "cluster", "evaluate", "profile", "sql", "zero-shot"];

/// The program.
const PROGRAM: &str = "embedlab-distributed";

/// Commands that are that program's.
const ITS_OWN: [&str; 2] = ["scheduler", "executor"];

/// Adds `--on` to the commands that know it.
pub fn augment(name: &str, command: clap::Command) -> clap::Command {
    if !COMMANDS.contains(&name) {
        return command;
    }
    let seconds = |flag: &'static str, help: &'static str, default: &'static str| {
        let arg = Arg::new(flag).long(flag).value_name("SECONDS").value_parser(clap::value_parser!(u64));
        arg.default_value(default)
            .requires("on")
            .help(help)
            .hide_short_help(true)
            .help_heading("Several machines")
    };
    let (does, takes) = match name {
        "sql" => ("run the query", "How long the query may take"),
        _ => ("pass over the rows", "How long one pass may take"),
    };
    let on = Arg::new("on").long("on").value_name("HOST:PORT").help_heading("Several machines");
    command
        .arg(on.help(format!("Let the executors of this scheduler {does} (see embedlab scheduler)")))
        .arg(seconds("deadline", takes, "3600"))
        .arg(seconds("wait", "How long to wait for the first executor", "30"))
}

/// The same data, passed over by the machines of `--on`, if it was given.
///
/// # Errors
/// When the program is not there, the machines cannot be reached or are of another version, or the rows are not all those of
/// files.
pub fn engaged(
    input: &TableInput,
    wanted: &Wanted,
    matches: &ArgMatches,
    output: &Output,
    data: Data,
) -> Result<Data> {
    let Some(there) = There::of(matches) else { return Ok(data) };
    if !input.reads_plainly() {
        return Err(Error::argument("other machines read all rows of files as they are")
            .advice("leave out what selects rows and how the file is read, or convert it to Parquet first"));
    }
    let place = if wanted.non_finite { Place::with_non_finite } else { Place::of };
    let place = place(&data, &input.paths(), input.vector())?;
    let helper = Helper::start(&there)?;
    helper.ask(&json!({ "connect": { "version": VERSION, "place": place } }), &[])?;
    there.note(output);
    Ok(data.with_engine(Arc::new(helper)))
}

/// The result of a query that the machines of `--on` have run; `None` without it.
///
/// # Errors
/// When the program is not there, the machines cannot be reached or are of another version, or the query fails.
#[cfg(feature = "sql")]
pub fn queried(
    sql: &str,
    keep: Option<usize>,
    matches: &ArgMatches,
    output: &Output,
) -> Result<Option<embedlab::sql::QueryResult>> {
    let Some(there) = There::of(matches) else { return Ok(None) };
    let helper = Helper::start(&there)?;
    let ask = json!({ "query": { "version": VERSION, "sql": sql, "keep": keep } });
    let parts = helper.ask(&ask, &[])?;
    there.note(output);
    embedlab::sql::QueryResult::of_parts(&parts).map(Some)
}

/// A scheduler, and how long it is waited for.
struct There<'a> {
    on: &'a str,
    deadline: u64,
    wait: u64,
}

impl<'a> There<'a> {
    /// What [`augment`] has added to a command, if it was given.
    fn of(matches: &'a ArgMatches) -> Option<Self> {
        let on = matches.try_get_one::<String>("on").ok().flatten()?;
        let seconds = |flag: &str| matches.try_get_one::<u64>(flag).ok().flatten().copied().unwrap_or(30);
        Some(There { on, deadline: seconds("deadline"), wait: seconds("wait") })
    }

    fn note(&self, output: &Output) {
        output.note(format_args!("on the executors of {}", self.on));
    }
}

/// Runs `embedlab scheduler ..` and `embedlab executor ..`; `None` for other commands, and for help, which this program has
/// without the other.
pub fn handed_over(mut arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let first = arguments.next()?;
    let arguments: Vec<OsString> = arguments.collect();
    let help = arguments.iter().any(|argument| argument == "-h" || argument == "--help");
    if help || !ITS_OWN.iter().any(|name| first == OsStr::new(name)) {
        return None;
    }
    let mut program = Command::new(program());
    program.arg(first).args(arguments);
    let error = missing(replaced_by(&mut program));
    let _ = writeln!(std::io::stderr(), "error: {error}");
    Some(ExitCode::from(2))
}

/// Lets a program take the place of this one, which comes back only where that fails.
#[cfg(unix)]
fn replaced_by(program: &mut Command) -> std::io::Error {
    std::os::unix::process::CommandExt::exec(program)
}

#[cfg(not(unix))]
fn replaced_by(program: &mut Command) -> std::io::Error {
    match program.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(2)),
        Err(error) => error,
    }
}

/// Beside this program, else on the PATH.
fn program() -> PathBuf {
    let name = format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX);
    let beside = std::env::current_exe().map(|own| own.with_file_name(&name));
    beside.ok().filter(|path| path.is_file()).unwrap_or_else(|| name.into())
}

fn missing(error: std::io::Error) -> Error {
    Error::io(format!("cannot run {PROGRAM}"), error).with_code("program-missing").advice(
        "several machines need this program beside embedlab or on the PATH: build it in embedlab's source with \
         `cargo build --release -p embedlab-distributed`",
    )
}

/// The program as the other end of a pipe.
struct Helper {
    pipes: Mutex<Pipes>,
}

struct Pipes {
    child: Child,
    ask: Option<ChildStdin>,
    answer: ChildStdout,
}

impl Helper {
    fn start(there: &There) -> Result<Helper> {
        let mut command = Command::new(program());
        command.args(["client", "--on", there.on]);
        command.args(["--deadline", &there.deadline.to_string(), "--wait", &there.wait.to_string()]);
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = started.map_err(missing)?;
        match (child.stdin.take(), child.stdout.take()) {
            (ask, Some(answer)) => Ok(Helper { pipes: Mutex::new(Pipes { child, ask, answer }) }),
            _ => Err(Error::argument("no pipe to embedlab-distributed")),
        }
    }

    /// Sends a question and reads the parts of the answer.
    fn ask(&self, header: &Value, body: &[u8]) -> Result<Vec<Vec<u8>>> {
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        let (header, body) = pipes.exchange(header.to_string().as_bytes(), body).map_err(|error| {
            Error::io(format!("{PROGRAM} has ended"), error)
                .with_code("program-ended")
                .advice("what it said stands above; run the command again")
        })?;
        let damaged = || {
            Error::input(format!("{PROGRAM} is of another version"))
                .with_code("version-differs")
                .advice("build both programs from the same source")
        };
        let header: Value = serde_json::from_slice(&header).map_err(|_| damaged())?;
        if let Some(error) = header.get("error") {
            let said = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            return Err(coded(&said("code"), said("message")));
        }
        let lengths: Vec<usize> = header
            .get("parts")
            .and_then(|parts| serde_json::from_value(parts.clone()).ok())
            .ok_or_else(damaged)?;
        let mut rest = &body[..];
        let parts = lengths.into_iter().map(|length| {
            let (part, after) = rest.split_at_checked(length).ok_or_else(damaged)?;
            rest = after;
            Ok(part.to_vec())
        });
        parts.collect()
    }
}

impl Pipes {
    fn exchange(&mut self, header: &[u8], body: &[u8]) -> std::io::Result<(Vec<u8>, Vec<u8>)> {
        let ask = self.ask.as_mut().ok_or(std::io::ErrorKind::BrokenPipe)?;
        let length = u32::try_from(header.len()).map_err(std::io::Error::other)?.to_le_bytes();
        for bytes in [&length[..], header, &(body.len() as u64).to_le_bytes(), body] {
            ask.write_all(bytes)?;
        }
        ask.flush()?;
        let mut length = [0; 4];
        self.answer.read_exact(&mut length)?;
        let header = self.take(u64::from(u32::from_le_bytes(length)))?;
        let mut length = [0; 8];
        self.answer.read_exact(&mut length)?;
        Ok((header, self.take(u64::from_le_bytes(length))?))
    }

    fn take(&mut self, length: u64) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = Read::by_ref(&mut self.answer).take(length).read_to_end(&mut bytes)?;
        if read as u64 == length { Ok(bytes) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) }
    }
}

impl Drop for Pipes {
    /// The program ends when its input does.
    fn drop(&mut self) {
        drop(self.ask.take());
        let _ = self.child.wait();
    }
}

impl Engine for Helper {
    fn pass(&self, pass: &Pass) -> Result<Vec<Vec<u8>>> {
        let header = json!({ "pass": { "name": pass.name, "merged": pass.merged, "rows": pass.rows } });
        self.ask(&header, &pass.params)
    }
}

/// Take passes of other commands and hand them to executors, on this or other machines
///
/// It is run by the program embedlab-distributed.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  embedlab scheduler --bind 127.0.0.1:50050
  embedlab scheduler --bind 0.0.0.0:50050 --advertise node1 --log info
All options: embedlab-distributed scheduler --help")]
pub struct SchedulerArgs {
    /// Its options
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    _options: Vec<OsString>,
}

/// Take tasks of a scheduler: read rows, and answer with sums
///
/// It is run by the program embedlab-distributed.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  embedlab executor --scheduler 127.0.0.1:50050
  embedlab executor --scheduler node1:50050 --bind 0.0.0.0 --work-dir /scratch
All options: embedlab-distributed executor --help")]
pub struct ExecutorArgs {
    /// Its options
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    _options: Vec<OsString>,
}

/// What is said of these commands where they did not come first, and so were not handed over.
pub fn not_first() -> Error {
    Error::argument("the options of scheduler and executor follow on their names")
        .advice("write `embedlab scheduler --bind HOST:PORT`")
}
