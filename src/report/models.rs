//! The sections about models: a label as a number, and as a class.

use super::clusters::{palette, themed};
use crate::chart::{Bars, HeatMap, Picture, PrecisionRecallCurves, Predicted, Style};
use crate::error::Result;
use crate::metric::{Interval, RegressionScores};
use crate::model::{ClassificationAnalysis, RegressionAnalysis};
use crate::number::grouped;
use crate::view::Section;
use crate::view::{Block, KeyFigure};
use crate::view::{Cell, Grid};

/// How well a number is predicted from the embedding: scores beside constants, and the picture.
///
/// # Errors
/// When a picture cannot be drawn or the results cannot be written as JSON.
pub fn regression(found: &RegressionAnalysis, label: &str) -> Result<Section> {
    let (scores, baseline) = (&found.scores, &found.baseline);
    let mut figures = vec![
        KeyFigure::new(format!("{:.3}", scores.mae), "mean absolute error").note(format!(
            "{}; always {}: {:.3}",
            ends(found.intervals.mae),
            baseline.constants.median.value,
            baseline.mae
        )),
        KeyFigure::new(format!("{:.3}", scores.mse), "mean squared error").note(format!(
            "{}; always the mean: {:.3}",
            ends(found.intervals.mse),
            baseline.mse
        )),
    ];
    if let Some(r2) = scores.r2 {
        figures.push(KeyFigure::new(format!("{r2:.3}"), "R²").note("1 is perfect, 0 is the mean"));
    }
    if let Some(stars) = &found.stars {
        let share = format!("{:.1} %", 100.0 * stars.scores.within_one);
        figures.push(KeyFigure::new(share, "within one").note(ends(stars.intervals.within_one)));
    }
    let mut section = Section::new("regression", format!("{label} as a number"))
        .with(Block::paragraph(how(found.model.name(), found.n_train, found.n_test)))
        .with(Block::key_figures(figures));
    if let Some(text) = leak(found.leaked, found.n_test) {
        section = section.with(Block::warning(text));
    }
    let versus = &found.against_median;
    section = section.with(Block::note(verdict(
        versus.p_value,
        versus.difference < 0.0,
        &format!("always saying {}", baseline.constants.median.value),
    )));
    let mut table = Grid::new(["on the test rows", "MAE", "MSE", "R²"]);
    let row = |name: String, scores: &RegressionScores| {
        let r2 = scores.r2.map_or(Cell::Missing, |r2| Cell::Number(r2, 3));
        [Cell::text(name), Cell::Number(scores.mae, 3), Cell::Number(scores.mse, 3), r2]
    };
    table = table
        .row(row(found.model.name().to_owned(), scores))
        .row(row("always the mean".to_owned(), &baseline.constants.mean.scores))
        .row(row("always the median".to_owned(), &baseline.constants.median.scores));
    if let (Some(unseen), Some(baseline)) = (&found.unseen, &found.unseen_baseline) {
        table = table
            .row(row(format!("{}, {} unseen texts", found.model.name(), unseen.n), unseen))
            .row(row("always the mean, unseen texts".to_owned(), &baseline.constants.mean.scores))
            .row(row("always the median, unseen texts".to_owned(), &baseline.constants.median.scores));
    }
    section = section.with(table).with(themed(
        format!(
            "Predicted against true {label} on the test rows. Without error all would lie on the thin line."
        ),
        |style| Predicted::new(&found.truth, &found.predicted).unit(label).draw(&style),
        &format!("{label} predicted from the embedding"),
    )?);
    super::with_data(section, found)
}

/// How well a class is predicted from the embedding: the report, the curves, the confusion.
///
/// # Errors
/// When a picture cannot be drawn or the results cannot be written as JSON.
pub fn classification(found: &ClassificationAnalysis, label: &str) -> Result<Section> {
    let report = &found.report;
    let mut figures = vec![
        KeyFigure::new(format!("{:.3}", report.accuracy), "accuracy").note(format!(
            "{}; always {}: {:.3}",
            ends(found.intervals.accuracy),
            found.baseline.label,
            found.baseline.majority.accuracy
        )),
        KeyFigure::new(format!("{:.3}", report.macro_average.f1), "macro F1")
            .note("every class counts the same"),
    ];
    if let Some(precision) = found.curves.micro.precision_recall.average_precision {
        figures.push(KeyFigure::new(format!("{precision:.3}"), "average precision, micro"));
    }
    let mut section = Section::new("classification", format!("{label} as a class"))
        .with(Block::paragraph(how(found.model.name(), found.n_train, found.n_test)))
        .with(Block::key_figures(figures));
    if let Some(text) = leak(found.leaked, found.n_test) {
        section = section.with(Block::warning(match (&found.unseen, found.unseen_baseline) {
            (Some(unseen), Some(baseline)) => format!(
                "{text} On the {} others the accuracy is {:.3}; always saying {}: {baseline:.3}.",
                unseen.n, unseen.accuracy, found.baseline.label
            ),
            _ => text,
        }));
    }
    let versus = &found.against_majority;
    let constant = format!("always saying {}", found.baseline.label);
    section = section.with(Block::note(verdict(versus.p_value, versus.difference > 0.0, &constant)));
    let mut table = Grid::new([label, "precision", "recall", "F1", "test rows"]);
    for class in &report.classes {
        table = table.row([
            Cell::text(class.label.clone()),
            Cell::Number(class.precision, 3),
            Cell::Number(class.recall, 3),
            Cell::Number(class.f1, 3),
            Cell::Count(class.support),
        ]);
    }
    for (name, average) in
        [("mean of the classes", &report.macro_average), ("weighted by rows", &report.weighted)]
    {
        table = table.row([
            Cell::text(name),
            Cell::Number(average.precision, 3),
            Cell::Number(average.recall, 3),
            Cell::Number(average.f1, 3),
            Cell::Count(found.n_test as u64),
        ]);
    }
    if !report.undefined.is_empty() {
        table = table.caption("A class that was never predicted has no precision; it counts as 0.");
    }
    let names: Vec<String> = report.classes.iter().map(|class| class.label.clone()).collect();
    section = section
        .with(table)
        .with(themed(
            "Precision against recall: a curve for each class, the micro average, and lines of equal F1.",
            |style| PrecisionRecallCurves::new(&found.curves).palette(palette(&found.names)).draw(&style),
            &format!("{label} predicted from the embedding"),
        )?)
        .with(themed(
            "True classes in rows, predicted ones in columns.",
            |style| HeatMap::new(&report.confusion, &names).draw(&style),
            &format!("Confusion of {label}"),
        )?);
    if !found.importance.is_empty() {
        section = section.with(themed(
            "How much accuracy is lost when the values of a feature are shuffled among the test rows.",
            |style| importance_picture(found, style),
            "What the model leans on",
        )?);
    }
    super::with_data(section, found)
}

fn importance_picture(found: &ClassificationAnalysis, style: Style) -> Result<Picture> {
    let names: Vec<String> = found.importance.iter().map(|group| group.feature.clone()).collect();
    let drops: Vec<f64> = found.importance.iter().map(|group| group.drop).collect();
    Bars::new(&names, &drops).draw(&style)
}

fn how(model: &str, n_train: usize, n_test: usize) -> String {
    format!(
        "Fitted ({model}) to {} rows and judged on {} others, drawn at random.",
        grouped(n_train as u64),
        grouped(n_test as u64)
    )
}

fn leak(leaked: usize, n_test: usize) -> Option<String> {
    (leaked > 0).then(|| {
        format!(
            "{} of the {} test texts also stand in training: what is right there may be remembered.",
            grouped(leaked as u64),
            grouped(n_test as u64)
        )
    })
}

fn verdict(p_value: f64, better: bool, constant: &str) -> String {
    match (p_value < 0.05, better) {
        (true, true) => format!("Better than {constant} (paired test, p = {p_value:.3})."),
        (true, false) => format!("WORSE than {constant} (paired test, p = {p_value:.3})."),
        (false, _) => {
            format!("Not told apart from {constant} on these test rows (paired test, p = {p_value:.3}).")
        }
    }
}

fn ends(interval: Interval) -> String {
    format!("{:.3} to {:.3}", interval.low, interval.high)
}
