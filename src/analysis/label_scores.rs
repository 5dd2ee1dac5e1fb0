//! How labels fare against true ones: words, tables and pictures.

#[cfg(feature = "charts")]
use crate::chart::{Picture, PrecisionRecallCurves, Style, ThresholdPlot};
#[cfg(feature = "charts")]
use crate::error::Error;
use crate::error::Result;
use crate::number::{counted, fixed, grouped, range};
use crate::view::{Block, Cell, Grid, KeyFigure, Look, Section};
use crate::zero_shot::LabelEvaluation;
#[cfg(feature = "charts")]
use crate::zero_shot::{ThresholdPoint, Thresholds};

/// The scores of labels against true ones, of each label, over the threshold, and of each prompt.
#[cfg(feature = "charts")]
pub(crate) fn label_scores(found: &LabelEvaluation, look: Look) -> Result<Section> {
    with_scores(headed(Some(found)), found, look)
}

/// The section with its title and, where there are scores, the result in a sentence.
pub(super) fn headed(found: Option<&LabelEvaluation>) -> Section {
    let section = Section::new("zero-shot", "Labels without training");
    match found {
        None => section,
        Some(found) => section.headline(format!(
            "The accuracy is {}; always the most frequent label: {}.",
            fixed(found.accuracy, 3),
            fixed(found.baseline_accuracy, 3)
        )),
    }
}

/// Adds the scores to a section.
pub(super) fn with_scores(mut section: Section, found: &LabelEvaluation, look: Look) -> Result<Section> {
    let mut figures = vec![
        KeyFigure::new(fixed(found.accuracy, 3), "accuracy").note(format!(
            "{}; always the most frequent label: {}",
            range(found.accuracy_interval.low, found.accuracy_interval.high, 3),
            fixed(found.baseline_accuracy, 3)
        )),
        KeyFigure::new(fixed(found.balanced_accuracy, 3), "balanced accuracy")
            .note("the mean recall of the labels"),
    ];
    if let Some(precision) = found.average_precision {
        let of =
            found.positive.as_ref().map_or("mean over the labels".to_owned(), |name| format!("of {name}"));
        figures.push(KeyFigure::new(fixed(precision, 3), "average precision").note(of));
    }
    section = section.with(Block::key_figures(figures));
    if found.zero_rows > 0 {
        section = section.with(Block::note(format!(
            "{} of zeros left out of the scores.",
            counted(found.zero_rows, "row")
        )));
    }
    if found.accuracy < found.baseline_accuracy {
        section = section.with(Block::warning(
            "The accuracy is below that of always giving the most frequent label. Look at the balanced accuracy and at \
             the threshold.",
        ));
    }
    if let Some(rows) = found.curve_rows {
        section = section.with(Block::note(format!(
            "Average precisions and curves are those of a random sample of {}.",
            counted(rows, "row")
        )));
    }
    section = section.with(classes(found));
    #[cfg(feature = "charts")]
    {
        let caption = "Precision over recall; the area under a curve is its average precision.";
        section = section.picture(look, "Precision and recall", caption, |style| curves(found, style))?;
    }
    if let Some(thresholds) = &found.threshold {
        #[cfg(feature = "charts")]
        {
            let caption = "Scores on the training part over the threshold of the margin: the score of the positive label \
                           minus that of the other.";
            section = section.picture(look, "Threshold of the margin", caption, |style| {
                threshold_picture(thresholds, style)
            })?;
        }
        section = section.with(Block::paragraph(format!(
            "The best threshold of the {} training rows is {}. On the {} test rows it gives a balanced accuracy of {} \
             (a threshold of 0: {}) and an accuracy of {} (0: {}).",
            grouped(thresholds.n_train as u64),
            fixed(thresholds.best, 4),
            grouped(thresholds.n_test as u64),
            fixed(thresholds.test.balanced_accuracy, 3),
            fixed(thresholds.test_at_zero.balanced_accuracy, 3),
            fixed(thresholds.test.accuracy, 3),
            fixed(thresholds.test_at_zero.accuracy, 3)
        )));
    }
    if let Some(why) = &found.no_threshold {
        section = section.with(Block::note(format!("No best threshold: {why}.")));
    }
    if !found.prompts.is_empty() {
        section = section.with(prompts(found));
    }
    #[cfg(not(feature = "charts"))]
    let _ = look;
    Ok(section)
}

fn classes(found: &LabelEvaluation) -> Grid {
    let headers = ["label", "precision", "recall", "F1", "rows", "predicted", "average precision"];
    found.classes.iter().fold(Grid::new(headers), |grid, class| {
        let scores = &class.scores;
        grid.row([
            Cell::text(scores.label.as_str()),
            if scores.predicted > 0 { Cell::Number(scores.precision, 2) } else { Cell::Missing },
            if scores.support > 0 { Cell::Number(scores.recall, 2) } else { Cell::Missing },
            Cell::Number(scores.f1, 2),
            Cell::Count(scores.support),
            Cell::Count(scores.predicted),
            Cell::number(class.average_precision, 3),
        ])
    })
}

fn prompts(found: &LabelEvaluation) -> Grid {
    let caption = "Which prompts help: average precision on the training part with this prompt alone, and what it adds to \
                   the others";
    let grid = Grid::new(["label", "alone", "adds", "prompt"]).caption(caption);
    found.prompts.iter().fold(grid, |grid, prompt| {
        let text = prompt.text.clone().unwrap_or_else(|| format!("prompt {}", prompt.prompt));
        grid.row([
            Cell::text(prompt.label.as_str()),
            Cell::Number(prompt.alone, 3),
            Cell::number(prompt.gain, 3),
            Cell::text(text),
        ])
    })
}

/// The precision-recall curves: of the positive label, or of all.
#[cfg(feature = "charts")]
pub(super) fn curves(found: &LabelEvaluation, style: Style) -> Result<Picture> {
    let curves = match found.positive_curve() {
        Some((name, curve)) => PrecisionRecallCurves::one(name, curve),
        None => PrecisionRecallCurves::new(&found.curves),
    };
    curves.draw(&style.subtitle(format!("{}, zero-shot", counted(found.n, "row"))))
}

/// The scores of the training part over the threshold, with 0 and the best one marked.
#[cfg(feature = "charts")]
pub(super) fn threshold_picture(found: &Thresholds, style: Style) -> Result<Picture> {
    let list = |value: fn(&ThresholdPoint) -> f64| -> Vec<f64> { found.tried.iter().map(value).collect() };
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

/// A picture of the scores, by the option that names its file.
#[cfg(feature = "charts")]
pub(super) fn scores_picture(found: &LabelEvaluation, flag: &str, style: Style) -> Result<Picture> {
    if flag == "picture" {
        return curves(found, style);
    }
    match &found.threshold {
        Some(thresholds) => threshold_picture(thresholds, style),
        None => Err(Error::argument("no threshold to draw")
            .seen(found.no_threshold.clone().unwrap_or_else(|| "it needs two labels".to_owned()))),
    }
}
