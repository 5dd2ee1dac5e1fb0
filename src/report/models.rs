//! The sections about models: a label as a number, and as a class.

use crate::analysis::palette;
use crate::chart::{Bars, HeatMap, PrecisionRecallCurves, Predicted};
use crate::error::Result;
use crate::metric::{AverageScores, Comparison, Interval, RegressionScores};
use crate::model::{ClassificationAnalysis, HeldOut, RegressionAnalysis, Verdict};
use crate::number::{counted, fixed, grouped, p_equals, range};
use crate::view::{Block, Cell, Grid, KeyFigure, Look, Section};

/// Labels that are named in one sentence.
const MOST_NAMED: usize = 20;

/// How well a number is predicted from the embedding: scores beside constants, and the picture.
///
/// # Errors
/// When a picture cannot be drawn or the results cannot be written as JSON.
pub fn regression(found: &RegressionAnalysis, label: &str, look: Look) -> Result<Section> {
    let (scores, baseline) = (&found.scores, &found.baseline);
    let median = format!("always predicting {}", baseline.constants.median.value);
    let mut figures = vec![
        KeyFigure::new(fixed(scores.mae, 3), "mean absolute error (MAE)").note(format!(
            "{}; {median}: {}",
            interval(found.intervals.mae),
            fixed(baseline.mae, 3)
        )),
        KeyFigure::new(fixed(scores.mse, 3), "mean squared error (MSE)").note(format!(
            "{}; always predicting the mean: {}",
            interval(found.intervals.mse),
            fixed(baseline.mse, 3)
        )),
    ];
    if let Some(r2) = scores.r2 {
        figures.push(KeyFigure::new(fixed(r2, 3), "R²").note("1 is perfect, 0 is the mean"));
    }
    if let Some(stars) = &found.stars {
        let score =
            |score: Option<f64>| score.map_or_else(|| "undefined".to_owned(), |score| fixed(score, 3));
        figures.push(
            KeyFigure::new(format!("{:.1} %", 100.0 * stars.scores.within_one), "within one")
                .note(interval(stars.intervals.within_one)),
        );
        figures.push(
            KeyFigure::new(score(stars.scores.quadratic_weighted_kappa), "quadratic weighted kappa")
                .note(format!("Kendall's tau {}", score(stars.scores.kendall_tau))),
        );
    }
    let mut section = Section::new("regression", format!("Predicting {label}: regression"))
        .with(Block::paragraph(tested(&found.held_out, label, found.folds.len())))
        .with(Block::key_figures(figures));
    section = with_caution(section, [found.intervals.mae, found.intervals.mse]);
    let unseen = found.unseen.as_ref().map(|unseen| {
        format!(
            "the MAE is {} ({}); {median}: {}",
            fixed(unseen.scores.mae, 3),
            interval(unseen.intervals.mae),
            fixed(unseen.baseline.mae, 3)
        )
    });
    section = with_leak(section, &found.held_out, unseen);
    section = with_verdict(section, found.verdict, found.against_median.as_ref(), &found.held_out, &median);
    let model = found.held_out.model.name();
    let row = |name: String, scores: &RegressionScores, of: Option<[Interval; 2]>| {
        let [mae, mse] = match of {
            None => [Cell::Missing, Cell::Missing],
            Some(of) => of.map(|interval| Cell::Range(interval.low, interval.high, 3)),
        };
        let n = Cell::count(scores.n);
        let (here, squared) = (Cell::Number(scores.mae, 3), Cell::Number(scores.mse, 3));
        [Cell::text(name), n, here, mae, squared, mse, Cell::number(scores.r2, 3)]
    };
    let intervals = &found.intervals;
    let mut table = Grid::new(["", "test rows", "MAE", "95 %", "MSE", "95 %", "R²"])
        .row(row(model.to_owned(), scores, Some([intervals.mae, intervals.mse])))
        .row(row("always the mean".to_owned(), &baseline.constants.mean.scores, None))
        .row(row("always the median".to_owned(), &baseline.constants.median.scores, None));
    if let Some(unseen) = &found.unseen {
        let (intervals, constants) = (&unseen.intervals, &unseen.baseline.constants);
        table = table
            .row(row(format!("{model}, unseen rows"), &unseen.scores, Some([intervals.mae, intervals.mse])))
            .row(row("always the mean, unseen rows".to_owned(), &constants.mean.scores, None))
            .row(row("always the median, unseen rows".to_owned(), &constants.median.scores, None));
    }
    section = section.with(table);
    if !found.folds.is_empty() {
        section = section.with(Block::paragraph(format!(
            "Over the folds: MAE {}, MSE {}.",
            spread(found.folds.iter().map(|fold| fold.scores.mae)),
            spread(found.folds.iter().map(|fold| fold.scores.mse))
        )));
    }
    section = with_features(section, &found.held_out, "R²", &[], look)?;
    section = section.picture(
        look,
        &format!("{label} predicted from the embedding"),
        format!(
            "Predicted against true {label} on the test rows. The thin line is a prediction without error."
        ),
        |style| Predicted::new(&found.truth, &found.predicted).unit(label).draw(&style),
    )?;
    super::with_data(section, found)
}

/// How well a class is predicted from the embedding: the report, the curves, the confusion.
///
/// # Errors
/// When a picture cannot be drawn or the results cannot be written as JSON.
pub fn classification(found: &ClassificationAnalysis, label: &str, look: Look) -> Result<Section> {
    let report = &found.report;
    let constant = format!("always predicting {}", found.baseline.label);
    let mut figures = vec![
        KeyFigure::new(fixed(report.accuracy, 3), "accuracy").note(format!(
            "{}; {constant}: {}",
            interval(found.intervals.accuracy),
            fixed(found.baseline.accuracy, 3)
        )),
        KeyFigure::new(fixed(report.macro_average.f1, 3), "macro F1").note("every class counts the same"),
    ];
    if let Some(precision) = found.micro_average_precision {
        let mut figure = KeyFigure::new(fixed(precision, 3), "average precision, micro");
        if let Some(baseline) = found.baseline.micro_average_precision {
            figure = figure.note(format!("with the shares of the classes alone: {}", fixed(baseline, 3)));
        }
        figures.push(figure);
    }
    let mut section = Section::new("classification", format!("Predicting {label}: classification"))
        .with(Block::paragraph(tested(&found.held_out, label, found.folds.len())))
        .with(Block::key_figures(figures));
    section = with_caution(section, [found.intervals.accuracy]);
    let unseen = found.unseen.as_ref().map(|unseen| {
        format!(
            "the accuracy is {} ({}); {constant}: {}",
            fixed(unseen.scores.accuracy, 3),
            interval(unseen.intervals.accuracy),
            fixed(unseen.baseline.accuracy, 3)
        )
    });
    section = with_leak(section, &found.held_out, unseen);
    section =
        with_verdict(section, found.verdict, found.against_majority.as_ref(), &found.held_out, &constant);
    let mut table = Grid::new([label, "precision", "recall", "F1", "test rows"]);
    for class in &report.classes {
        let precision = if class.predicted > 0 { Cell::Number(class.precision, 3) } else { Cell::Missing };
        let recall = if class.support > 0 { Cell::Number(class.recall, 3) } else { Cell::Missing };
        let (f1, support) = (Cell::Number(class.f1, 3), Cell::Count(class.support));
        table = table.row([Cell::text(class.label.clone()), precision, recall, f1, support]);
    }
    let average = |name: &str, average: &AverageScores| {
        let [precision, recall, f1] =
            [average.precision, average.recall, average.f1].map(|score| Cell::Number(score, 3));
        [Cell::text(name), precision, recall, f1, Cell::Count(average.support)]
    };
    table = table
        .row(average("macro average", &report.macro_average))
        .row(average("weighted average", &report.weighted));
    section = section.with(table);
    for (score, why) in [("precision", "never predicted"), ("recall", "without test rows")] {
        let of: Vec<&str> =
            report.undefined.iter().filter(|one| one.score == score).map(|one| one.label.as_str()).collect();
        if !of.is_empty() {
            section = section.with(Block::warning(format!(
                "The {score} of {} is undefined ({why}) and counts as 0 in the averages.",
                named(&of)
            )));
        }
    }
    if !found.folds.is_empty() {
        section = section.with(Block::paragraph(format!(
            "Over the folds: accuracy {}, macro F1 {}.",
            spread(found.folds.iter().map(|fold| fold.scores.accuracy)),
            spread(found.folds.iter().map(|fold| fold.scores.macro_f1))
        )));
    }
    section = with_features(section, &found.held_out, "accuracy", &found.names, look)?;
    let names: Vec<String> = report.classes.iter().map(|class| class.label.clone()).collect();
    section = section
        .picture(
            look,
            &format!("{label} predicted from the embedding"),
            "Precision against recall: a curve for each class, the micro average, and lines of equal F1.",
            |style| PrecisionRecallCurves::new(&found.curves).palette(palette(&found.names)).draw(&style),
        )?
        .picture(
            look,
            &format!("Confusion of {label}"),
            "True classes in rows, predicted ones in columns.",
            |style| HeatMap::new(&report.confusion, &names).draw(&style),
        )?;
    super::with_data(section, found)
}

/// What was fitted and on which rows it was tested.
fn tested(held_out: &HeldOut, label: &str, n_folds: usize) -> String {
    let (model, seconds) = (held_out.model.name(), fixed(held_out.fit_seconds, 2));
    match n_folds {
        0 => format!(
            "{label} by {model} from {}, tested on {} others; fitted in {seconds} s.",
            counted(held_out.n_train, "row"),
            grouped(held_out.n_test as u64)
        ),
        _ => format!(
            "{label} by {model}: {} in {n_folds} folds, each tested on a model that was not fitted to it; fitted \
             in {seconds} s.",
            counted(held_out.n_test, "row")
        ),
    }
}

fn with_caution<const N: usize>(section: Section, intervals: [Interval; N]) -> Section {
    match intervals.iter().find_map(Interval::caution) {
        Some(caution) => section.with(Block::warning(caution)),
        None => section,
    }
}

/// How many test rows the model has seen, and what it scores on the others.
fn with_leak(section: Section, held_out: &HeldOut, on_unseen: Option<String>) -> Section {
    let Some(leaked) = held_out.leaked.filter(|leaked| *leaked > 0) else {
        return match held_out.leaked {
            Some(_) => section,
            None => section.with(Block::note(
                "Whether test rows also occur in training could not be checked: there are no texts, and the \
                 vectors are zeros.",
            )),
        };
    };
    let of = format!("{} of {} test rows", grouped(leaked as u64), grouped(held_out.n_test as u64));
    let unseen = held_out.n_test - leaked;
    section.with(Block::warning(match on_unseen {
        Some(scores) => format!(
            "{of} also occur in the training rows (the same text or vector), so the scores on all rows are too \
             good. On the {} unseen rows {scores}.",
            grouped(unseen as u64)
        ),
        None => format!(
            "{of} also occur in the training rows (the same text or vector). No test row is unseen, so there is no \
             honest score: remove duplicates with --drop-duplicates, or keep them together with --group-by."
        ),
    }))
}

fn with_verdict(
    section: Section,
    verdict: Verdict,
    comparison: Option<&Comparison>,
    held_out: &HeldOut,
    constant: &str,
) -> Section {
    let rows = match held_out.unseen {
        Some(_) => "on the unseen rows",
        None => "on the test rows",
    };
    let found = match verdict {
        Verdict::Better => "Better than",
        Verdict::Worse => "WORSE than",
        Verdict::NotDifferent => "Not significantly different from",
        Verdict::NoUnseenRows => {
            return section
                .with(Block::note(format!("No verdict against {constant}: no test row is unseen.")));
        }
    };
    let Some(comparison) = comparison else { return section };
    section.with(Block::note(format!(
        "{found} {constant} {rows} (paired test, {}; difference {}, 95 % {}).",
        p_equals(comparison.p_value),
        fixed(comparison.difference, 3),
        range(comparison.interval.low, comparison.interval.high, 3)
    )))
}

/// The importance of groups of features, and the tree of a single tree.
fn with_features(
    mut section: Section,
    held_out: &HeldOut,
    score: &str,
    classes: &[String],
    look: Look,
) -> Result<Section> {
    if held_out.importance.len() > 1 {
        let mut table = Grid::new(["shuffled", &format!("drop of {score}"), "±", "gain"]);
        for group in &held_out.importance {
            let gain = group.gain.map_or(Cell::Missing, |gain| Cell::text(format!("{:.1} %", 100.0 * gain)));
            let (drop, spread) = (Cell::Number(group.drop, 3), Cell::Number(group.spread, 3));
            table = table.row([Cell::text(group.feature.clone()), drop, spread, gain]);
        }
        section = section.with(table).picture(
            look,
            "Feature importance",
            format!("Drop of {score} when the values of a feature are shuffled among the test rows."),
            |style| {
                let names: Vec<String> =
                    held_out.importance.iter().map(|group| group.feature.clone()).collect();
                let drops: Vec<f64> = held_out.importance.iter().map(|group| group.drop).collect();
                Bars::new(&names, &drops).draw(&style)
            },
        )?;
    }
    if let Some(tree) = &held_out.tree {
        let name = |feature: usize| {
            held_out.feature_names.get(feature).cloned().unwrap_or_else(|| format!("feature {feature}"))
        };
        let mut table = Grid::new(["tree"]);
        for line in tree.to_text(name, classes).lines() {
            let text = line.trim_start_matches(' ');
            // Spaces that neither a terminal nor a page takes away.
            let indent = "\u{a0}".repeat(line.len() - text.len());
            table = table.row([Cell::text(format!("{indent}{text}"))]);
        }
        section = section.with(table);
    }
    Ok(section)
}

/// A mean and a standard deviation over folds.
fn spread(values: impl Iterator<Item = f64>) -> String {
    let values: Vec<f64> = values.collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (values.len() - 1).max(1) as f64;
    format!("{} ± {}", fixed(mean, 3), fixed(variance.sqrt(), 3))
}

/// Names in a sentence; of many the first and how many more.
fn named(names: &[&str]) -> String {
    let shown = names.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST_NAMED) {
        0 => shown,
        more => format!("{shown} and {} more", grouped(more as u64)),
    }
}

fn interval(interval: Interval) -> String {
    format!("95 %: {}", range(interval.low, interval.high, 3))
}
