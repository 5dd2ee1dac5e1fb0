//! `embedlab zero-shot`: labels by the similarity to their own vectors.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray};
use clap::ValueEnum;
use embedlab::chart::{PrecisionRecallCurves, Style};
use embedlab::report::threshold_picture;
use embedlab::table::{self, ReadOptions, Table};
use embedlab::zero_shot::{
    Goal, LabelEvaluation, LabelEvaluationOptions, LabelVectors, Truth, ZeroShot, evaluate, map_truth,
    zero_shot,
};
use embedlab::{Error, Result};
use serde::Serialize;

use super::beside::{same_space, write_beside};
use super::columns::label_column;
use super::embedder::With;
use super::input::TableInput;
use super::output::{Rows, grouped, printable};
use super::outputs::Outputs;
use super::{Outcome, Output};

const EXAMPLES: &str = "\
The labels file holds a vector for each text of a label, with the label's name in the column `label`:
several texts of a label are averaged.

Examples:
  embedlab zero-shot reviews.parquet --labels labels.parquet --set kinds --label Kind
  embedlab zero-shot reviews.parquet --labels labels.parquet --set sentiment-long --label Score \\
      --map \"1=negative,2=negative,4=positive,5=positive\" --picture curve.svg
  embedlab zero-shot reviews.parquet --labels labels.parquet --set kinds -o labelled.csv
  embedlab zero-shot reviews.csv --labels labels.csv --json | jq '.accuracy, .classes'";

/// Label rows by the nearest label vector, without training
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: TableInput,
    #[command(flatten)]
    labels: Labels,
    /// The column with true values [default: Score, rating, label, .., if its values are labels]
    #[arg(long, value_name = "COL")]
    label: Option<String>,
    /// With two labels: rows are positive when cos(positive) - cos(negative) is larger than this [default: 0]
    #[arg(long, value_name = "MARGIN", allow_negative_numbers = true)]
    threshold: Option<f64>,
    /// Metric that the threshold is tuned for, on the training rows
    #[arg(long, value_name = "GOAL", default_value = "balanced-accuracy")]
    goal: GoalName,
    #[command(flatten)]
    test: Test,
    /// Write the rows with columns `zero_shot` and `zero_shot_score` (with two labels the margin)
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Draw the precision-recall curve, .png or .svg (needs true labels)
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// Draw precision, recall and F1 by threshold, .png or .svg (needs two labels and true labels)
    #[arg(long, value_name = "FILE")]
    threshold_picture: Option<PathBuf>,
}

/// Labels and true labels; shared with `report`.
#[derive(clap::Args)]
pub struct Labels {
    /// A file with the vectors of the labels, in any format that FILE may have
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Use only the rows of the labels file whose column `set` holds this
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
    /// A label by its text, NAME=TEXT or TEXT; may be repeated, also for the same label
    #[arg(long, value_name = "NAME=TEXT", conflicts_with = "labels")]
    label_text: Vec<String>,
    #[command(flatten)]
    with: With,
    /// Which true value means which label; rows of other values are dropped and counted
    #[arg(long, value_name = "VALUE=LABEL,..", value_delimiter = ',', value_parser = pair)]
    map: Vec<(String, String)>,
    /// Which of two labels is the positive one [default: by its name, else the second]
    #[arg(long, value_name = "LABEL")]
    positive: Option<String>,
}

/// The split.
#[derive(clap::Args)]
struct Test {
    /// Share of the rows that is held out
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    test_size: f64,
    /// The seed of the split, as scikit-learn's random_state
    #[arg(long, value_name = "N", default_value_t = 42)]
    test_seed: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum GoalName {
    BalancedAccuracy,
    Accuracy,
    F1,
}

impl From<GoalName> for Goal {
    fn from(name: GoalName) -> Goal {
        match name {
            GoalName::BalancedAccuracy => Goal::BalancedAccuracy,
            GoalName::Accuracy => Goal::Accuracy,
            GoalName::F1 => Goal::F1,
        }
    }
}

fn pair(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once('=') {
        Some((value, label)) if !label.trim().is_empty() => {
            Ok((value.trim().to_owned(), label.trim().to_owned()))
        }
        _ => Err(format!("`{text}` does not say which value means which label; write 5=positive")),
    }
}

impl Labels {
    /// Whether labels were given at all.
    pub fn given(&self) -> bool {
        self.labels.is_some() || !self.label_text.is_empty()
    }

    /// The vectors of the labels.
    pub fn vectors(&self, rows: &Table, rows_file: &Path) -> Result<LabelVectors> {
        if !self.label_text.is_empty() {
            let (names, texts): (Vec<String>, Vec<String>) = self
                .label_text
                .iter()
                .map(|said| match said.split_once('=') {
                    Some((name, text)) => (name.trim().to_owned(), text.trim().to_owned()),
                    None => (said.clone(), said.clone()),
                })
                .unzip();
            let vectors = self.with.embed(&texts, rows, rows_file, "their vectors with --labels FILE")?;
            return LabelVectors::new(&names, Some(texts.into_iter().map(Some).collect()), vectors);
        }
        let Some(file) = &self.labels else {
            return Err(Error::argument("no labels").advice(
                "write them into a file, embed it by the model of the rows (embedlab embed labels.csv --model MODEL -o \
                 labels.parquet), and give it with --labels",
            ));
        };
        let in_file = |error: Error| error.file(file);
        let mut table = table::read(file, &ReadOptions::default())?;
        same_space(rows, &table, file, "labels")?;
        if let Some(chosen) = self.chosen(&table).map_err(in_file)? {
            table = table.take(&chosen)?;
        }
        let names = table.text("label").map_err(in_file)?;
        let missing = names.iter().position(Option::is_none);
        if let Some(row) = missing {
            return Err(in_file(Error::input("a label without a name").row(row).column("label")));
        }
        let names: Vec<String> = names.into_iter().flatten().collect();
        let texts = table.column("text").is_ok().then(|| table.text("text")).transpose()?;
        LabelVectors::new(&names, texts, table.into_vectors()).map_err(in_file)
    }

    /// The rows of the set, if the file has several.
    fn chosen(&self, table: &Table) -> Result<Option<Vec<usize>>> {
        let sets = match (&self.set, table.column("set")) {
            (None, Err(_)) => return Ok(None),
            _ => table.labels("set")?,
        };
        let known = sets.names.join(", ");
        let Some(name) = &self.set else {
            return match sets.names.len() {
                0 | 1 => Ok(None),
                _ => Err(Error::argument("several sets of labels")
                    .column("set")
                    .seen(known)
                    .advice("choose one with --set NAME")),
            };
        };
        let code = sets.names.iter().position(|set| set == name).ok_or_else(|| {
            Error::argument("no such set of labels")
                .column("set")
                .seen(name.clone())
                .advice(format!("the sets are {known}"))
        })?;
        let rows = 0..sets.codes.len();
        Ok(Some(rows.filter(|row| sets.codes[*row] == Some(code as u32)).collect()))
    }

    /// The true labels of a column; `None` when none was named and the usual one holds other values.
    pub fn truth(
        &self,
        table: &Table,
        column: Option<&str>,
        labels: &LabelVectors,
        output: &Output,
    ) -> Result<Option<Truth>> {
        let named = column.is_some() || !self.map.is_empty();
        let Some(found) = label_column(table, column)? else {
            return if named {
                Err(Error::argument("no column with true values was found")
                    .advice("name it with --label COL"))
            } else {
                Ok(None)
            };
        };
        match map_truth(&table.labels(&found)?, &self.map, labels.names()) {
            Ok(truth) => {
                if column.is_none() {
                    output.note(format_args!("using the column {found} for true labels"));
                }
                Ok(Some(truth))
            }
            Err(error) if named => Err(error.column(found)),
            Err(_) => {
                output.note(format_args!(
                    "{found} has no value equal to a label name; give --label COL or --map for scores"
                ));
                Ok(None)
            }
        }
    }

    /// The number of the positive label, when one was named.
    pub fn positive(&self, labels: &LabelVectors) -> Result<Option<usize>> {
        let Some(name) = &self.positive else { return Ok(None) };
        let names = labels.names();
        if names.len() != 2 {
            return Err(
                Error::argument("--positive needs two labels").seen(format!("{} labels", names.len()))
            );
        }
        names.iter().position(|label| label == name).map(Some).ok_or_else(|| {
            Error::argument("no such label")
                .seen(name.clone())
                .advice(format!("the labels are {}", names.join(", ")))
        })
    }
}

#[derive(Serialize)]
struct Found<'f> {
    rows: usize,
    labels: &'f [String],
    /// Rows that got each label.
    predicted: Vec<usize>,
    /// Rows of zeros, which have no direction and so no label.
    zero_rows: usize,
    #[serde(flatten)]
    truth: Option<&'f Truth>,
    #[serde(flatten)]
    evaluation: Option<&'f LabelEvaluation>,
}

pub fn run(args: &Args, output: &Output) -> Result<Outcome> {
    Outputs::of(args.input.paths())
        .rows(args.output.as_deref(), None)?
        .picture(args.picture.as_deref())?
        .picture(args.threshold_picture.as_deref())?;
    let in_file = |error: Error| error.file(args.input.file());
    let table = args.input.read(output)?;
    let labels = args.labels.vectors(&table, args.input.file())?;
    let positive = args.labels.positive(&labels)?;
    let mut found = zero_shot(&table.vectors(), &labels).map_err(in_file)?;
    if let Some(threshold) = args.threshold {
        let Some(label) = positive.or_else(|| labels.positive()) else {
            return Err(Error::argument("a threshold needs two labels")
                .seen(format!("{} labels", labels.names().len())));
        };
        found = found.with_threshold(label, threshold);
    }
    if found.zero_rows > 0 {
        output.warn(format_args!("{} vectors of zeros have no label", grouped(found.zero_rows)));
    }
    let truth = args.labels.truth(&table, args.label.as_deref(), &labels, output).map_err(in_file)?;
    let options = LabelEvaluationOptions {
        positive,
        goal: args.goal.into(),
        test_size: args.test.test_size,
        seed: args.test.test_seed,
        ..LabelEvaluationOptions::default()
    };
    let evaluation = truth
        .as_ref()
        .map(|truth| evaluate(&found, truth, &labels, &options))
        .transpose()
        .map_err(in_file)?;
    pictures(args, evaluation.as_ref(), output)?;
    if let Some(path) = &args.output {
        write_labels(&table, &found, &labels, positive, path, output)?;
    }
    let mut predicted = vec![0; labels.names().len()];
    found.predicted.iter().flatten().for_each(|label| predicted[*label] += 1);
    let result = Found {
        rows: table.n_rows(),
        labels: labels.names(),
        predicted,
        zero_rows: found.zero_rows,
        truth: truth.as_ref(),
        evaluation: evaluation.as_ref(),
    };
    output.result(&result, |out| print(&result, out))?;
    Ok(Outcome::Done)
}

fn pictures(args: &Args, evaluation: Option<&LabelEvaluation>, output: &Output) -> Result<()> {
    let known = || {
        evaluation.ok_or_else(|| {
            Error::argument("a picture needs true labels")
                .advice("give --label COL, and --map if its values are not label names")
        })
    };
    if let Some(path) = &args.picture {
        let found = known()?;
        let curves = match found.positive_curve() {
            Some((name, curve)) => PrecisionRecallCurves::one(name, curve),
            None => PrecisionRecallCurves::new(&found.curves),
        };
        let subtitle = format!("{} rows, zero-shot", grouped(found.n));
        curves.draw(&Style::new("Precision and recall").subtitle(subtitle))?.save(path)?;
        output.note(format_args!("drew {}", path.display()));
    }
    if let Some(path) = &args.threshold_picture {
        let found = known()?;
        let Some(thresholds) = &found.threshold else {
            let error = Error::argument("no threshold to draw");
            return Err(
                error.seen(found.no_threshold.clone().unwrap_or_else(|| "it needs two labels".to_owned()))
            );
        };
        threshold_picture(thresholds, Style::new("Threshold of the margin"))?.save(path)?;
        output.note(format_args!("drew {}", path.display()));
    }
    Ok(())
}

fn write_labels(
    table: &Table,
    found: &ZeroShot,
    labels: &LabelVectors,
    positive: Option<usize>,
    path: &std::path::Path,
    output: &Output,
) -> Result<()> {
    let names: StringArray =
        found.predicted.iter().map(|label| label.map(|label| labels.names()[label].as_str())).collect();
    let scores: Float64Array = match positive.or_else(|| labels.positive()) {
        Some(positive) => {
            found.margins(positive).into_iter().map(|margin| (!margin.is_nan()).then_some(margin)).collect()
        }
        None => {
            let score = |(row, label): (usize, &Option<usize>)| label.map(|label| found.scores[[row, label]]);
            found.predicted.iter().enumerate().map(score).collect()
        }
    };
    let more: Vec<(&str, ArrayRef)> =
        vec![("zero_shot", Arc::new(names)), ("zero_shot_score", Arc::new(scores))];
    write_beside(table, more, path, output)
}

fn print(found: &Found<'_>, out: &mut dyn Write) -> io::Result<()> {
    let counts: Vec<String> = found
        .labels
        .iter()
        .zip(&found.predicted)
        .map(|(label, rows)| format!("{} {}", printable(label), grouped(*rows)))
        .collect();
    writeln!(out, "{} rows: {}", grouped(found.rows), counts.join(", "))?;
    if found.zero_rows > 0 {
        writeln!(out, "{} vectors of zeros have no direction, and no label", grouped(found.zero_rows))?;
    }
    let (Some(truth), Some(scores)) = (found.truth, found.evaluation) else { return Ok(()) };
    write!(out, "{} rows have a true label", grouped(truth.kept))?;
    for dropped in &truth.dropped {
        write!(out, "; dropped {} rows with {}", grouped(dropped.rows), printable(&dropped.value))?;
    }
    if truth.empty > 0 {
        write!(out, "; {} without a value", grouped(truth.empty))?;
    }
    let (low, high) = (scores.accuracy_interval.low, scores.accuracy_interval.high);
    writeln!(
        out,
        "\naccuracy {:.3} ({low:.3} to {high:.3}), balanced {:.3}; always the most frequent label: {:.3}",
        scores.accuracy, scores.balanced_accuracy, scores.baseline_accuracy
    )?;
    if let Some(precision) = scores.average_precision {
        let of = scores
            .positive
            .as_ref()
            .map_or_else(|| "mean over the labels".to_owned(), |label| format!("of {}", printable(label)));
        writeln!(out, "average precision {precision:.3} ({of})")?;
    }
    writeln!(out, "\n{}", printable_lines(&scores.report.to_text(2)))?;
    if let Some(threshold) = &scores.threshold {
        writeln!(
            out,
            "best threshold of {} training rows: {:.4}; on {} test rows balanced accuracy {:.3} (0 gives {:.3}), \
             accuracy {:.3} (0 gives {:.3})",
            grouped(threshold.n_train),
            threshold.best,
            grouped(threshold.n_test),
            threshold.test.balanced_accuracy,
            threshold.test_at_zero.balanced_accuracy,
            threshold.test.accuracy,
            threshold.test_at_zero.accuracy
        )?;
    }
    if let Some(why) = &scores.no_threshold {
        writeln!(out, "no best threshold: {why}")?;
    }
    if !scores.prompts.is_empty() {
        writeln!(out, "\naverage precision on the training rows, by prompt")?;
        let mut rows = Rows::new(&["label", "alone", "adds", "prompt"], &[1, 2]);
        for prompt in &scores.prompts {
            rows.push(vec![
                prompt.label.clone(),
                format!("{:.3}", prompt.alone),
                prompt.gain.map_or_else(String::new, |gain| format!("{gain:+.3}")),
                prompt.text.clone().unwrap_or_else(|| format!("prompt {}", prompt.prompt)),
            ]);
        }
        writeln!(out, "{rows}")?;
    }
    Ok(())
}

fn printable_lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}
