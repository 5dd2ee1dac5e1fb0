//! `embedlab regress`: can the embedding predict a number.

use std::path::PathBuf;

use embedlab::chart::{Predicted, Style};
use embedlab::model::{cross_validate_numbers, regress};
use embedlab::view::Look;
use embedlab::{Result, report};

use super::held_out::{How, Predicted as Said, show};
use super::input::TableInput;
use super::{Common, Outcome, Output};

const EXAMPLES: &str = "\
Examples:
  embedlab regress reviews.csv --label Score
  embedlab regress reviews.parquet --drop-duplicates --picture predicted.svg
  embedlab regress reviews.parquet --model ridge --cv 5
  embedlab regress reviews.parquet --features price,brand --importance importance.svg
  embedlab regress reviews.parquet --group-by UserId --json | jq '{mae, baseline}'";

/// Predict a number, such as stars, from the embedding, and test it on held-out rows
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: TableInput,
    #[command(flatten)]
    how: How,
    /// Draw the predicted against the true numbers
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
}

pub fn run(args: &Args, common: &Common, output: &Output) -> Result<Outcome> {
    args.how.outputs(&args.input)?.picture(args.picture.as_deref())?;
    let prepared = args.how.prepare(&args.input, false, output)?;
    let rows = &prepared.rows;
    let targets = rows.targets().map_err(|error| error.file(&args.input.file))?;
    let options = args.how.options(common);
    let found = {
        let _busy = output.busy(format!("fitting: {}", options.kind.name()));
        let (inputs, info) = (rows.inputs()?, prepared.info());
        match prepared.splits.as_slice() {
            [split] => regress(inputs, &targets, split, &info, &options)?,
            folds => cross_validate_numbers(inputs, &targets, folds, &info, &options)?,
        }
    };
    let said = found.predicted.iter().map(|number| Said::Number(*number)).collect();
    args.how.write(&rows.table, &found.held_out.test_rows, vec![("predicted".to_owned(), said)], output)?;
    args.how.draw_importance(&found.held_out, "R2", output)?;
    if let Some(path) = &args.picture {
        let style = Style::new(format!("{} predicted from the embedding", rows.label));
        Predicted::new(&found.truth, &found.predicted).unit(&rows.label).draw(&style)?.save(path)?;
        output.note(format!("drew {}", path.display()));
    }
    let section = report::regression(&found, &rows.label, Look::Text)?;
    show(&found, &section, output)
}
