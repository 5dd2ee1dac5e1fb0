//! `--plan`: what a command will do, and nothing done; and the refusal of what would not fit.

use embedlab::Result;
use embedlab::analysis::{Cost, Plan};
use embedlab::data::Budget;
use embedlab::view::terminal;

use super::input::{TableInput, Wanted};
use super::output::width;
use super::{Outcome, Output};

/// Looks at the cost of a command before it begins. `Some` ends it: the plan was asked for, and is shown.
///
/// # Errors
/// When the work would not fit in the memory that it may take.
pub fn planned(
    command: &str,
    input: &TableInput,
    wanted: &Wanted,
    output: &Output,
    cost: impl FnOnce(usize, usize, Budget) -> Result<Cost>,
) -> Result<(Option<Plan>, Option<Outcome>)> {
    let Some(plan) = input.plan(command, wanted, cost)? else { return Ok((None, None)) };
    if input.wants_plan() {
        output.result(&plan, |out| write!(out, "{}", terminal(&plan.section(), width())))?;
        let outcome = if plan.fits { Outcome::Done } else { Outcome::DoesNotFit };
        return Ok((Some(plan), Some(outcome)));
    }
    match plan.refusal() {
        Some(error) => Err(error.file(input.file())),
        None => Ok((Some(plan), None)),
    }
}
