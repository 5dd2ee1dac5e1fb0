//! `embedlab classify`: can the embedding predict a class.

use std::path::PathBuf;

use embedlab::chart::{HeatMap, PrecisionRecallCurves, Style};
use embedlab::model::{classify, cross_validate_classes};
use embedlab::view::Look;
use embedlab::{Error, Result, report};

use super::held_out::{How, Predicted, show};
use super::input::TableInput;
use super::{Common, Outcome, Output};

const EXAMPLES: &str = "\
Examples:
  embedlab classify reviews.csv --label Score
  embedlab classify reviews.parquet --drop-duplicates --picture curves.svg --confusion confusion.png
  embedlab classify reviews.parquet --model boost --cv 5 -o predicted.parquet
  embedlab classify reviews.parquet --stratify --json | jq '{accuracy, baseline}'";

/// Predict a class from the embedding, and test it on held-out rows
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: TableInput,
    #[command(flatten)]
    how: How,
    /// Draw the precision-recall curve of each class
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// Draw the confusion matrix
    #[arg(long, value_name = "FILE")]
    confusion: Option<PathBuf>,
}

pub fn run(args: &Args, common: &Common, output: &Output) -> Result<Outcome> {
    args.how.outputs(&args.input)?.picture(args.picture.as_deref())?.picture(args.confusion.as_deref())?;
    let prepared = args.how.prepare(&args.input, true, output)?;
    let rows = &prepared.rows;
    let in_file = |error: Error| error.file(&args.input.file).column(&rows.label);
    let classes = rows.classes().map_err(in_file)?;
    let names = &classes.names;
    let options = args.how.options(common);
    let found = {
        let _busy = output.busy(format!("fitting: {}", options.kind.name()));
        let (inputs, info) = (rows.inputs()?, prepared.info());
        match prepared.splits.as_slice() {
            [split] => classify(inputs, &classes, split, &info, &options).map_err(in_file)?,
            folds => cross_validate_classes(inputs, &classes, folds, &info, &options).map_err(in_file)?,
        }
    };
    let mut columns = vec![(
        "predicted".to_owned(),
        found.predicted.iter().map(|class| Predicted::Class(names[*class].clone())).collect(),
    )];
    for (name, probabilities) in names.iter().zip(found.probabilities.columns()) {
        let column = probabilities.iter().map(|probability| Predicted::Number(*probability)).collect();
        columns.push((format!("probability_{name}"), column));
    }
    args.how.write(&rows.table, &found.held_out.test_rows, columns, output)?;
    args.how.draw_importance(&found.held_out, "accuracy", output)?;
    if let Some(path) = &args.picture {
        let style = Style::new(format!("{} predicted from the embedding", rows.label));
        PrecisionRecallCurves::new(&found.curves).draw(&style)?.save(path)?;
        output.note(format!("drew {}", path.display()));
    }
    if let Some(path) = &args.confusion {
        let names: Vec<String> = found.report.classes.iter().map(|class| class.label.clone()).collect();
        let style = Style::new(format!("Confusion of {}", rows.label));
        HeatMap::new(&found.report.confusion, &names).draw(&style)?.save(path)?;
        output.note(format!("drew {}", path.display()));
    }
    let section = report::classification(&found, &rows.label, Look::Text)?;
    show(&found, &section, output)
}
