//! `bias --list`: the texts of association tests, to be embedded.

use std::collections::HashSet;

use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches};
use embedlab::Result;
use embedlab::analysis::BiasOptions;
use serde_json::json;

use super::Outcome;
use super::analysis::{Extra, conflict};
use super::output::Output;

/// What `bias` has besides its analysis.
pub const LIST: Extra = Extra { without_file: Some(("list", list)), ..Extra::new("bias", augment) };

fn augment(command: Command) -> Command {
    let list = Arg::new("list").long("list").action(ArgAction::SetTrue);
    command.arg(list.help("Write the texts of the tests as CSV, to embed them; no file is read"))
}

/// Writes each text once, in the order of the tests.
fn list(matches: &ArgMatches, output: &Output) -> Result<Outcome> {
    let options = BiasOptions::from_arg_matches(matches).map_err(conflict)?;
    let mut seen = HashSet::new();
    let all = options.tests()?.into_iter().flat_map(|test| test.sets).flatten();
    let texts: Vec<String> = all.filter(|text| seen.insert(text.clone())).collect();
    output.result(&json!({ "texts": texts }), |out| {
        writeln!(out, "text")?;
        texts.iter().try_for_each(|text| writeln!(out, "{}", quoted(text)))
    })?;
    Ok(Outcome::Done)
}

/// A cell of CSV.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
