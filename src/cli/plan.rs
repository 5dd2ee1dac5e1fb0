//! `--plan`: what a command will do, and nothing done; and the refusal of what would not fit.

use std::ops::ControlFlow;

use embedlab::Result;
use embedlab::analysis::{Cost, Held};
use embedlab::data::Budget;
use embedlab::view::terminal;

use super::input::{TableInput, Wanted};
use super::output::width;
use super::{Outcome, Output};

/// Looks at the cost of a command before it begins. `Break` ends it: the plan was asked for, and is shown. `Continue` says how
/// the rows are opened: a sample where all do not fit, and within what is left of the memory.
///
/// # Errors
/// When the work would not fit in the memory that it may take.
pub fn planned(
    command: &str,
    input: &TableInput,
    wanted: Wanted,
    output: &Output,
    cost: impl FnOnce(usize, usize, Budget) -> Result<Cost>,
) -> Result<ControlFlow<Outcome, Wanted>> {
    let Some(plan) = input.plan(command, &wanted, cost)? else { return Ok(ControlFlow::Continue(wanted)) };
    if input.wants_plan() {
        output.result(&plan, |out| write!(out, "{}", terminal(&plan.section(), width())))?;
        return Ok(ControlFlow::Break(if plan.fits { Outcome::Done } else { Outcome::DoesNotFit }));
    }
    if let Some(error) = plan.refusal() {
        return Err(error.file(input.file()));
    }
    let fit = match plan.held {
        Held::Sample(rows) => Some(rows),
        Held::Blocks | Held::All => None,
    };
    let memory = Some(input.memory_for_rows(plan.memory.columns));
    Ok(ControlFlow::Continue(Wanted { fit, memory, ..wanted }))
}
