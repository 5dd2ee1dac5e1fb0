//! How well a class is predicted from the embedding.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use schemars::JsonSchema;
use serde::Serialize;

#[cfg(feature = "charts")]
use super::cluster_pictures::palette;
use super::out_of_fold::probabilities;
use super::splits::{KeptTogether, Splits};
#[cfg(feature = "charts")]
use super::supervised::importance_picture;
use super::supervised::{
    SupervisedOptions, Training, for_page, interval, named, numbers_column, spread, test_rows, tested,
    with_caution, with_features, with_leak, with_verdict,
};
use super::{Analysis, Context, Cost, InReport, Needs, NewColumns, PictureKind};
#[cfg(feature = "charts")]
use crate::chart::{HeatMap, Picture, PrecisionRecallCurves, Style};
use crate::data::{Budget, Data, DrawnRows, Role};
use crate::error::{Error, Result};
use crate::metric::AverageScores;
use crate::model::{ClassificationAnalysis, classify, cross_validate_classes};
use crate::number::fixed;
use crate::view::{Block, Cell, Grid, KeyFigure, Look, Section};

/// Classes of which a page shows the curves and the confusion.
const MOST_ON_PAGE: usize = 50;

/// The analysis `classify`.
pub struct Classify;

/// A classification of a column.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Classified {
    /// The column that is predicted.
    pub label: String,
    /// How well.
    #[serde(flatten)]
    pub found: ClassificationAnalysis,
    /// Rows that stand on one side because they are similar; left out without `split_by_similarity`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_together: Option<KeptTogether>,
    /// The random sample that stands for all rows, where those did not fit in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drawn: Option<DrawnRows>,
    /// The rows of the data that were tested, in the order of the splits.
    #[serde(skip)]
    pub rows: Vec<usize>,
}

impl Analysis for Classify {
    const NAME: &'static str = "classify";
    const ABOUT: &'static str = "Predict a class from the embedding, and test it on held-out rows";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab classify reviews.csv --label Score
  embedlab classify reviews.parquet --drop-duplicates --picture curves.svg --confusion confusion.png
  embedlab classify reviews.parquet --model boost --cv 5 -o predicted.parquet
  embedlab classify reviews.parquet --stratify --json | jq '{accuracy, baseline}'";
    const NEEDS: Needs = Needs::Matrix;
    const ROLES: &'static [Role] = &[Role::Text, Role::Label];
    const WRITES: Option<&'static str> = Some("Write the test rows with their predictions");
    const WRITES_SOME: bool = true;
    const PICTURES: &'static [PictureKind] = &[
        PictureKind { flag: "picture", help: "Draw the precision-recall curve of each class (.png .svg)" },
        PictureKind { flag: "confusion", help: "Draw the confusion matrix (.png .svg)" },
        PictureKind { flag: "importance", help: "Draw the feature importance (.png .svg)" },
    ];
    type Options = SupervisedOptions;
    type Outcome = Classified;

    fn memory(options: &SupervisedOptions, rows: usize, dims: usize) -> u64 {
        options.model.kind.memory(rows, dims)
    }

    fn cost(options: &SupervisedOptions, rows: usize, dims: usize, memory: Budget) -> Result<Cost> {
        Ok(Cost::all_rows_or_sample(rows, dims, memory, |rows| Self::memory(options, rows, dims)))
    }

    fn run(data: &Data, options: &SupervisedOptions, context: &Context<'_>) -> Result<Classified> {
        let training = Training::new(data, &options.learn, context)?;
        let at = |error: Error| training.locate(error.column(&training.label));
        let classes = training.classes()?;
        let Splits { splits, groups, kept_together } = training.splits(&options.test, true)?;
        let n_tested: usize = splits.iter().map(|split| split.test.len()).sum();
        data.memory().require_work("classify", probabilities(n_tested, classes.names.len()), 0)?;
        let (inputs, info) = (training.inputs()?, training.info(options, groups.as_deref()));
        let model = crate::model::ModelOptions { seed: context.seed, ..options.model.clone() };
        let found = match splits.as_slice() {
            [split] => {
                classes.require_two(&split.train).map_err(at)?;
                classify(inputs, &classes, split, &info, &model)
            }
            folds => {
                folds.iter().try_for_each(|fold| classes.require_two(&fold.train)).map_err(at)?;
                cross_validate_classes(inputs, &classes, folds, &info, &model)
            }
        };
        let found = found.map_err(|error| training.locate(error))?;
        let rows = found.held_out.test_rows.iter().map(|row| training.rows[*row]).collect();
        Ok(Classified { label: training.label.clone(), found, kept_together, drawn: data.drawn(), rows })
    }

    fn view(outcome: &Classified, look: Look) -> Result<Section> {
        let (found, label) = (&outcome.found, outcome.label.as_str());
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
        if let Some(drawn) = outcome.drawn {
            section = section.with(Block::note(drawn.sentence()));
        }
        if let Some(kept) = outcome.kept_together {
            section = section.with(Block::note(kept.sentence()));
        }
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
            let precision =
                if class.predicted > 0 { Cell::Number(class.precision, 3) } else { Cell::Missing };
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
            let of: Vec<&str> = report
                .undefined
                .iter()
                .filter(|one| one.score == score)
                .map(|one| one.label.as_str())
                .collect();
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
        #[cfg(feature = "charts")]
        {
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
        }
        Ok(section)
    }

    fn columns(outcome: &Classified) -> Result<NewColumns> {
        let found = &outcome.found;
        let names = found.predicted.iter().map(|class| Some(found.names[*class].as_str()));
        let predicted: ArrayRef = Arc::new(StringArray::from_iter(names));
        let probabilities =
            found.names.iter().zip(found.probabilities.columns()).map(|(name, column)| {
                (format!("probability_{name}"), numbers_column(column.iter().copied()))
            });
        let columns = [("predicted".to_owned(), predicted)].into_iter().chain(probabilities).collect();
        test_rows(&outcome.rows, columns)
    }

    #[cfg(feature = "charts")]
    fn picture(outcome: &Classified, flag: &str, _data: &Data, _seed: u64, style: Style) -> Result<Picture> {
        let found = &outcome.found;
        match flag {
            "importance" => importance_picture(&found.held_out, style),
            "confusion" => {
                let names: Vec<String> =
                    found.report.classes.iter().map(|class| class.label.clone()).collect();
                HeatMap::new(&found.report.confusion, &names).draw(&style)
            }
            _ => PrecisionRecallCurves::new(&found.curves).palette(palette(&found.names)).draw(&style),
        }
    }

    fn in_report(data: &Data) -> InReport<SupervisedOptions> {
        let names = |label: &str| data.table().labels(label).map_or(0, |labels| labels.names.len());
        match (data.column_of(Role::Label), for_page(data)) {
            (_, Err(why)) => InReport::LeftOut(why),
            (Some(label), Ok(options)) if names(label) <= MOST_ON_PAGE => InReport::Yes(options),
            (Some(label), _) => InReport::LeftOut(format!("{label} has more than {MOST_ON_PAGE} values")),
            (None, _) => InReport::LeftOut("there is no column of classes".to_owned()),
        }
    }
}
