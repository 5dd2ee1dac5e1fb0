//! `embedlab classify`: can the embedding predict a class.

use std::path::PathBuf;

use embedlab::Result;
use embedlab::chart::{HeatMap, PrecisionRecallCurves, Style};
use embedlab::model::classify;

use super::held_out::How;
use super::input::Input;
use super::output::{grouped, printable};
use super::{Common, Outcome, Output};

const EXAMPLES: &str = "\
Examples:
  embedlab classify reviews.csv --label Score
  embedlab classify reviews.parquet --drop-duplicates --picture curves.svg --confusion confusion.png
  embedlab classify reviews.parquet --stratify --json | jq '{accuracy, baseline}'";

/// Predict a class from the embedding, and say how well
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    how: How,
    /// Draw precision against recall, a curve for each class
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// Draw the confusion matrix
    #[arg(long, value_name = "FILE")]
    confusion: Option<PathBuf>,
}

pub fn run(args: &Args, common: &Common, output: &Output) -> Result<Outcome> {
    for path in [&args.picture, &args.confusion].into_iter().flatten() {
        super::output::writable(path)?;
    }
    let prepared = args.how.prepare(&args.input, output)?;
    let labels = prepared.table.labels(&prepared.label)?;
    let classes: Vec<usize> = labels.codes.iter().flatten().map(|code| *code as usize).collect();
    let found = {
        let _busy = output.busy("growing trees");
        let texts = prepared.texts.as_deref();
        let options = args.how.options(common);
        classify(prepared.table.vectors(), &classes, &labels.names, &prepared.split, texts, &options)?
    };
    if let Some(path) = &args.picture {
        let style = Style::new(format!("{} predicted from the embedding", prepared.label));
        PrecisionRecallCurves::new(&found.curves).draw(&style)?.save(path)?;
        output.note(format!("drew {}", path.display()));
    }
    if let Some(path) = &args.confusion {
        let names: Vec<String> = found.report.classes.iter().map(|class| class.label.clone()).collect();
        let style = Style::new(format!("Confusion of {}", prepared.label));
        HeatMap::new(&found.report.confusion, &names).draw(&style)?.save(path)?;
        output.note(format!("drew {}", path.display()));
    }
    for undefined in &found.report.undefined {
        output.warn(undefined);
    }
    if let Some(caution) = found.intervals.accuracy.caution() {
        output.warn(caution);
    }
    output.result(&found, |out| {
        writeln!(
            out,
            "{} from {} rows, judged on {} others; fitted in {:.2} s\n",
            prepared.label,
            grouped(found.n_train),
            grouped(found.n_test),
            found.fit_seconds
        )?;
        for line in found.report.to_text(2).lines() {
            writeln!(out, "{}", printable(line))?;
        }
        if let Some(score) = found.curves.micro.precision_recall.average_precision {
            writeln!(out, "\naverage precision, micro: {score:.3}")?;
        }
        let accuracy = &found.intervals.accuracy;
        let majority = printable(&found.baseline.label);
        writeln!(
            out,
            "accuracy {:.3} (95 %: {:.3} to {:.3}); always saying {majority}: {:.3}",
            found.report.accuracy, accuracy.low, accuracy.high, found.baseline.majority.accuracy
        )?;
        if let (Some(unseen), Some(baseline)) = (&found.unseen, found.unseen_baseline) {
            writeln!(
                out,
                "on the {} test texts that do not stand in training: {:.3}; always saying {majority}: {baseline:.3}",
                unseen.n, unseen.accuracy
            )?;
        }
        let versus = &found.against_majority;
        let verdict = match (versus.p_value < 0.05, versus.difference > 0.0) {
            (true, true) => "The forest is right more often than",
            (true, false) => "The forest is right LESS often than",
            (false, _) => "The forest is not told apart from",
        };
        writeln!(out, "\n{verdict} always saying {majority} (p = {:.3}).", versus.p_value)
    })?;
    Ok(Outcome::Done)
}
