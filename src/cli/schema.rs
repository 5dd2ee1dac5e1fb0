//! `embedlab schema`: the JSON Schema of results.

use embedlab::analysis::{find, registry, schema};
use embedlab::error::nearest_name;
use embedlab::{Error, Result};

use super::{Outcome, Output};

const EXAMPLES: &str = "\
Examples:
  embedlab schema cluster
  embedlab schema | jq keys";

/// Print the JSON Schema of the result of an analysis, or of all
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The analysis [default: all]
    #[arg(value_name = "ANALYSIS")]
    name: Option<String>,
}

pub fn run(args: &Args, output: &Output) -> Result<Outcome> {
    let schema = match &args.name {
        None => schema(),
        Some(name) => match find(name) {
            Some(analysis) => analysis.schema().to_value(),
            None => {
                let names: Vec<&str> = registry().iter().map(|analysis| analysis.name()).collect();
                let error = Error::argument("no such analysis").seen(name);
                return Err(match nearest_name(name, names.iter().copied()) {
                    Some(near) => error.advice(format!("did you mean {near}?")),
                    None => error.advice(format!("the analyses are {}", names.join(", "))),
                });
            }
        },
    };
    output.result(&schema, |out| writeln!(out, "{schema:#}"))?;
    Ok(Outcome::Done)
}
