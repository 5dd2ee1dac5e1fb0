//! `embedlab classify`: can the embedding predict a class.

use std::path::PathBuf;

use embedlab::Result;
use embedlab::chart::{HeatMap, PrecisionRecallCurves, Style};
use embedlab::metric::Undefined;
use embedlab::model::{classify, cross_validate_classes};

use super::held_out::{How, Predicted, importance_rows, spread};
use super::input::Input;
use super::output::{grouped, printable};
use super::{Common, Outcome, Output};

const EXAMPLES: &str = "\
Examples:
  embedlab classify reviews.csv --label Score
  embedlab classify reviews.parquet --drop-duplicates --picture curves.svg --confusion confusion.png
  embedlab classify reviews.parquet --model boost --cv 5 -o predicted.parquet
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
    args.how.outputs(&args.input)?.picture(args.picture.as_deref())?.picture(args.confusion.as_deref())?;
    let prepared = args.how.prepare(&args.input, true, output)?;
    let rows = &prepared.rows;
    let (classes, names) = rows.classes()?;
    let options = args.how.options(common);
    let found = {
        let _busy = output.busy(format!("fitting: {}", options.kind.name()));
        let (features, beside) = (rows.features.view(), prepared.beside());
        match prepared.splits.as_slice() {
            [split] => classify(features, &classes, &names, split, &beside, &options)?,
            folds => cross_validate_classes(features, &classes, &names, folds, &beside, &options)?,
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
    args.how.write(&rows.table, &found.test_rows, columns, output)?;
    args.how.draw_importance(rows, &found.importance, &found.top_features, "accuracy", output)?;
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
    warn_of_undefined(&found.report.undefined, output);
    if let Some(caution) = found.intervals.accuracy.caution() {
        output.warn(caution);
    }
    output.result(&found, |out| {
        if prepared.is_cv {
            let n = grouped(found.n_test);
            writeln!(
                out,
                "{} of {n} rows, each by a model that has not seen it ({} folds); fitted in {:.2} s\n",
                rows.label,
                found.folds.len(),
                found.fit_seconds
            )?;
        } else {
            writeln!(
                out,
                "{} from {} rows, judged on {} others; fitted in {:.2} s\n",
                rows.label,
                grouped(found.n_train),
                grouped(found.n_test),
                found.fit_seconds
            )?;
        }
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
        if prepared.is_cv {
            writeln!(
                out,
                "over the folds: accuracy {}, macro F1 {}",
                spread(found.folds.iter().map(|fold| fold.accuracy)),
                spread(found.folds.iter().map(|fold| fold.macro_f1))
            )?;
        }
        if let Some(importance) = importance_rows(&found.importance, "accuracy") {
            writeln!(out, "\n{importance}")?;
        }
        if let Some(tree) = &found.tree {
            let text = tree.to_text(|feature| rows.feature_name(feature), &found.names);
            writeln!(out)?;
            for line in text.lines() {
                writeln!(out, "{}", printable(line))?;
            }
        }
        let versus = &found.against_majority;
        let verdict = match (versus.p_value < 0.05, versus.difference > 0.0) {
            (true, true) => "is right more often than",
            (true, false) => "is right LESS often than",
            (false, _) => "is not told apart from",
        };
        writeln!(out, "\nThe model ({}) {verdict} always saying {majority} (p = {:.3}).", found.model.name(), versus.p_value)
    })?;
    Ok(Outcome::Done)
}

/// One warning for all classes without a precision, and one for those without a recall.
fn warn_of_undefined(undefined: &[Undefined], output: &Output) {
    for (score, why) in [("precision", "never predicted"), ("recall", "without rows")] {
        let classes: Vec<&str> =
            undefined.iter().filter(|one| one.score == score).map(|one| one.label.as_str()).collect();
        if !classes.is_empty() {
            let classes = classes.join(", ");
            output.warn(format_args!(
                "the {score} of {} is undefined ({why}) and counts as 0",
                printable(&classes)
            ));
        }
    }
}
