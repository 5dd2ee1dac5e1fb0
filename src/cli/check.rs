//! `embedlab check`: whether a file can be trusted.

use embedlab::Result;
use embedlab::table::Severity;

use super::input::Input;
use super::inspect::Inspection;
use super::{Outcome, Output};

const EXAMPLES: &str = "\
Examples:
  embedlab check reviews.parquet
  embedlab check reviews.parquet --strict && echo clean

Exit code 1 when something is wrong.";

/// Look for NaN, zero rows, duplicates and constant dimensions; exit code 1 when something is wrong
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// Fail on warnings too, such as duplicate rows
    #[arg(long)]
    strict: bool,
}

pub fn run(args: &Args, output: &Output) -> Result<Outcome> {
    let inspection = Inspection::of(&args.input, output)?;
    output.result(&inspection, |out| inspection.write(out))?;
    let fails = |severity: Severity| match severity {
        Severity::Error => true,
        Severity::Warning => args.strict,
        _ => false,
    };
    let failed = inspection.check.problems.iter().any(|problem| fails(problem.severity));
    Ok(if failed { Outcome::CheckFailed } else { Outcome::Done })
}
