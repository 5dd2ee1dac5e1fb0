//! `--plan`: what a command will do, and nothing done; and the refusal of what would not fit.

use embedlab::Result;
use embedlab::analysis::{Cost, Held, Plan};
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

/// How the rows are opened that a plan is made for: a sample where all do not fit, and within what is left of the memory.
pub fn followed(plan: &Plan, wanted: Wanted, input: &TableInput) -> Wanted {
    let fit = match plan.held {
        Held::Sample(rows) => Some(rows),
        Held::Blocks | Held::All => None,
    };
    Wanted { fit, memory: Some(input.memory_for_rows(plan.memory.columns)), ..wanted }
}
