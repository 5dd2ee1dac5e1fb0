//! The section about zero-shot labels.

use super::themed;
use crate::chart::{Picture, PrecisionRecallCurves, Style, ThresholdPlot};
use crate::error::Result;
use crate::number::grouped;
use crate::view::Section;
use crate::view::{Block, KeyFigure};
use crate::view::{Cell, Grid};
use crate::zero_shot::{LabelEvaluation, Thresholds, Truth};

/// How the labels fare against true ones: the report, the curves, the threshold, the prompts.
///
/// # Errors
/// When a picture cannot be drawn or the results cannot be written as JSON.
pub fn labels(found: &LabelEvaluation, truth: &Truth) -> Result<Section> {
    let mut figures = vec![
        KeyFigure::new(format!("{:.3}", found.accuracy), "accuracy").note(format!(
            "{:.3} to {:.3}; always the most frequent label: {:.3}",
            found.accuracy_interval.low, found.accuracy_interval.high, found.baseline_accuracy
        )),
        KeyFigure::new(format!("{:.3}", found.balanced_accuracy), "balanced accuracy"),
    ];
    if let Some(precision) = found.average_precision {
        let of =
            found.positive.as_ref().map_or("mean over the labels".to_owned(), |name| format!("of {name}"));
        figures.push(KeyFigure::new(format!("{precision:.3}"), "average precision").note(of));
    }
    let mut section = Section::new("labels", "Labels without training")
        .with(Block::paragraph(
            "Each row has the label whose texts it is most like, by the mean cosine. Nothing was trained, so all rows with \
             a true label are test rows.",
        ))
        .with(Block::key_figures(figures));
    if let Some(text) = dropped(truth) {
        section = section.with(Block::note(text));
    }
    if found.accuracy < found.baseline_accuracy {
        section = section.with(Block::warning(
            "The accuracy is below that of always giving the most frequent label. Look at the balanced accuracy and at \
             the threshold.",
        ));
    }
    let mut table =
        Grid::new(["label", "precision", "recall", "F1", "rows", "predicted", "average precision"]);
    for class in &found.classes {
        table = table.row([
            Cell::text(&class.scores.label),
            Cell::Number(class.scores.precision, 2),
            Cell::Number(class.scores.recall, 2),
            Cell::Number(class.scores.f1, 2),
            Cell::Count(class.scores.support),
            Cell::Count(class.scores.predicted),
            class.average_precision.map_or(Cell::Missing, |value| Cell::Number(value, 3)),
        ]);
    }
    section = section.with(table).with(themed(
        "Precision over recall; the area under a curve is its average precision.",
        |style| curves(found).draw(&style.subtitle(format!("{} rows", grouped(found.n as u64)))),
        "Precision and recall",
    )?);
    if let Some(thresholds) = &found.threshold {
        section = section
            .with(themed(
                "Scores on the training part over the threshold of the margin: the score of the positive label minus that \
                 of the other.",
                |style| threshold_picture(thresholds, style),
                "Threshold of the margin",
            )?)
            .with(Block::paragraph(format!(
                "The best threshold of the {} training rows is {:.4}. On the {} test rows it gives a balanced accuracy \
                 of {:.3}, where 0 gives {:.3}.",
                grouped(thresholds.n_train as u64),
                thresholds.best,
                grouped(thresholds.n_test as u64),
                thresholds.test.balanced_accuracy,
                thresholds.test_at_zero.balanced_accuracy
            )));
    }
    if let Some(why) = &found.no_threshold {
        section = section.with(Block::note(format!("No best threshold: {why}.")));
    }
    if !found.prompts.is_empty() {
        section = section.with(prompts(found));
    }
    super::with_data(section, found)
}

fn curves(found: &LabelEvaluation) -> PrecisionRecallCurves {
    match found.positive_curve() {
        Some((name, curve)) => PrecisionRecallCurves::one(name, curve),
        None => PrecisionRecallCurves::new(&found.curves),
    }
}

/// The scores of the training part over the threshold, with 0 and the best one marked.
///
/// # Errors
/// When it cannot be drawn.
pub fn threshold_picture(found: &Thresholds, style: Style) -> Result<Picture> {
    let list = |value: fn(&crate::zero_shot::ThresholdPoint) -> f64| -> Vec<f64> {
        found.tried.iter().map(value).collect()
    };
    let thresholds = list(|point| point.threshold);
    let accuracy = list(|point| point.scores.accuracy);
    let balanced = list(|point| point.scores.balanced_accuracy);
    let f1 = list(|point| point.scores.f1);
    let subtitle = format!("{} training rows", grouped(found.n_train as u64));
    ThresholdPlot::new(&thresholds, "a row is positive above this margin")
        .line("accuracy", &accuracy)
        .line("balanced accuracy", &balanced)
        .line("F1 of the positive label", &f1)
        .mark(0.0, "0")
        .mark(found.best, format!("best {:.3}", found.best))
        .draw(&style.subtitle(subtitle))
}

fn dropped(truth: &Truth) -> Option<String> {
    let mut parts: Vec<String> = truth
        .dropped
        .iter()
        .map(|dropped| format!("{} with the value {}", grouped(dropped.rows as u64), dropped.value))
        .collect();
    if truth.empty > 0 {
        parts.push(format!("{} without a value", grouped(truth.empty as u64)));
    }
    (!parts.is_empty()).then(|| {
        format!("{} rows have a true label. Dropped: {}.", grouped(truth.kept as u64), parts.join(", "))
    })
}

fn prompts(found: &LabelEvaluation) -> Grid {
    let mut table = Grid::new(["label", "prompt", "alone", "adds"])
        .caption("Which prompts help: average precision on the training part with this prompt alone, and what it adds to the others");
    for prompt in &found.prompts {
        let text = prompt.text.clone().unwrap_or_else(|| format!("prompt {}", prompt.prompt));
        table = table.row([
            Cell::text(&prompt.label),
            Cell::text(text),
            Cell::Number(prompt.alone, 3),
            prompt.gain.map_or(Cell::Missing, |gain| Cell::Number(gain, 3)),
        ]);
    }
    table
}
