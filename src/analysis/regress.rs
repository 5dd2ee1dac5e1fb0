//! How well a number, such as stars, is predicted from the embedding.

use schemars::JsonSchema;
use serde::Serialize;

use super::splits::{KeptTogether, Splits};
#[cfg(feature = "charts")]
use super::supervised::importance_picture;
use super::supervised::{
    SupervisedOptions, Training, for_page, interval, numbers_column, spread, test_rows, tested, with_caution,
    with_features, with_leak, with_verdict,
};
use super::{Analysis, Context, Cost, InReport, Needs, NewColumns, PictureKind};
#[cfg(feature = "charts")]
use crate::chart::{Picture, Predicted, Style};
use crate::data::{Budget, Data, DrawnRows, Role};
use crate::error::Result;
use crate::metric::{Interval, RegressionScores};
use crate::model::{RegressionAnalysis, cross_validate_numbers, regress};
use crate::number::fixed;
use crate::view::{Block, Cell, Grid, KeyFigure, Look, Section};

/// The analysis `regress`.
pub struct Regress;

/// A regression of a column.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Regressed {
    /// The column that is predicted.
    pub label: String,
    /// How well.
    #[serde(flatten)]
    pub found: RegressionAnalysis,
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

impl Analysis for Regress {
    const NAME: &'static str = "regress";
    const ABOUT: &'static str =
        "Predict a number, such as stars, from the embedding, and test it on held-out rows";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab regress reviews.csv --label Score
  embedlab regress reviews.parquet --drop-duplicates --picture predicted.svg
  embedlab regress reviews.parquet --model ridge --cv 5
  embedlab regress reviews.parquet --features price,brand --importance importance.svg
  embedlab regress reviews.parquet --group-by UserId --json | jq '{mae, baseline}'";
    const NEEDS: Needs = Needs::Matrix;
    const ROLES: &'static [Role] = &[Role::Text, Role::Label];
    const WRITES: Option<&'static str> = Some("Write the test rows with their predictions");
    const WRITES_SOME: bool = true;
    const PICTURES: &'static [PictureKind] = &[
        PictureKind { flag: "picture", help: "Draw the predicted against the true numbers (.png .svg)" },
        PictureKind { flag: "importance", help: "Draw the feature importance (.png .svg)" },
    ];
    type Options = SupervisedOptions;
    type Outcome = Regressed;

    fn memory(options: &SupervisedOptions, rows: usize, dims: usize) -> u64 {
        options.model.kind.memory(rows, dims)
    }

    fn cost(options: &SupervisedOptions, rows: usize, dims: usize, memory: Budget) -> Result<Cost> {
        Ok(Cost::all_rows_or_sample(rows, dims, memory, |rows| Self::memory(options, rows, dims)))
    }

    fn run(data: &Data, options: &SupervisedOptions, context: &Context<'_>) -> Result<Regressed> {
        let training = Training::new(data, &options.learn, context)?;
        let targets = training.targets()?;
        let Splits { splits, groups, kept_together } = training.splits(&options.test, false)?;
        let (inputs, info) = (training.inputs()?, training.info(options, groups.as_deref()));
        let model = crate::model::ModelOptions { seed: context.seed, ..options.model.clone() };
        let found = match splits.as_slice() {
            [split] => regress(inputs, &targets, split, &info, &model),
            folds => cross_validate_numbers(inputs, &targets, folds, &info, &model),
        };
        let found = found.map_err(|error| training.locate(error))?;
        let rows = found.held_out.test_rows.iter().map(|row| training.rows[*row]).collect();
        Ok(Regressed { label: training.label.clone(), found, kept_together, drawn: data.drawn(), rows })
    }

    fn view(outcome: &Regressed, look: Look) -> Result<Section> {
        let (found, label) = (&outcome.found, outcome.label.as_str());
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
        if let Some(drawn) = outcome.drawn {
            section = section.with(Block::note(drawn.sentence()));
        }
        if let Some(kept) = outcome.kept_together {
            section = section.with(Block::note(kept.sentence()));
        }
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
        section =
            with_verdict(section, found.verdict, found.against_median.as_ref(), &found.held_out, &median);
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
                .row(row(
                    format!("{model}, unseen rows"),
                    &unseen.scores,
                    Some([intervals.mae, intervals.mse]),
                ))
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
        #[cfg(feature = "charts")]
        {
            section = section.picture(
            look,
            &format!("{label} predicted from the embedding"),
            format!(
                "Predicted against true {label} on the test rows. The thin line is a prediction without error."
            ),
            |style| Predicted::new(&found.truth, &found.predicted).unit(label).draw(&style),
        )?;
        }
        Ok(section)
    }

    fn columns(outcome: &Regressed) -> Result<NewColumns> {
        let predicted = numbers_column(outcome.found.predicted.iter().copied());
        test_rows(&outcome.rows, vec![("predicted".to_owned(), predicted)])
    }

    #[cfg(feature = "charts")]
    fn picture(outcome: &Regressed, flag: &str, _data: &Data, _seed: u64, style: Style) -> Result<Picture> {
        let found = &outcome.found;
        match flag {
            "importance" => importance_picture(&found.held_out, style),
            _ => Predicted::new(&found.truth, &found.predicted).unit(&outcome.label).draw(&style),
        }
    }

    fn in_report(data: &Data) -> InReport<SupervisedOptions> {
        let numeric =
            |name: &str| data.table().column(name).is_ok_and(|column| column.data_type().is_numeric());
        match (data.column_of(Role::Label).or_else(|| data.column_of(Role::Rating)), for_page(data)) {
            (_, Err(why)) => InReport::LeftOut(why),
            (Some(label), Ok(options)) if numeric(label) => InReport::Yes(options),
            (label, _) => InReport::LeftOut(format!("{} holds no numbers", label.unwrap_or("the label"))),
        }
    }
}
