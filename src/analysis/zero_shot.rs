//! Which label fits each row, without training.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Float64Array, StringArray};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::flattened::part;
use super::label_options::LabelOptions;
#[cfg(feature = "charts")]
use super::label_scores::scores_picture;
use super::label_scores::{headed, with_scores};
use super::{Analysis, Context, Needs, NewColumns, PictureKind};
use crate::calibration::Calibration;
#[cfg(feature = "charts")]
use crate::chart::{Picture, Style};
use crate::data::{Data, NewColumn, Role};
use crate::error::{Error, Result};
use crate::number::{counted, grouped};
use crate::rows::RowSource;
use crate::view::{Block, Cell, Grid, Look, Section};
use crate::zero_shot::{Goal, LabelEvaluation, LabelEvaluationOptions, Truth, evaluate, zero_shot};

/// Options of [`ZeroShotLabels`]: the labels, and how they are judged.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(try_from = "Map<String, Value>")]
pub struct ZeroShotOptions {
    /// The labels.
    #[serde(flatten)]
    #[cfg_attr(feature = "cli", command(flatten))]
    pub labels: LabelOptions,
    /// How they are judged.
    #[serde(flatten)]
    #[cfg_attr(feature = "cli", command(flatten))]
    pub judged: JudgeOptions,
}

impl TryFrom<Map<String, Value>> for ZeroShotOptions {
    type Error = serde_json::Error;

    fn try_from(mut all: Map<String, Value>) -> std::result::Result<Self, serde_json::Error> {
        Ok(ZeroShotOptions { labels: part(&mut all)?, judged: serde_json::from_value(Value::Object(all))? })
    }
}

/// How labels are judged against true ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct JudgeOptions {
    /// The column with true labels; default: the label column
    #[cfg_attr(feature = "cli", arg(skip))]
    pub truth: Option<String>,
    /// With two labels: rows are positive when cos(positive) - cos(negative) is larger than this [default: 0]
    #[cfg_attr(feature = "cli", arg(long, value_name = "MARGIN", allow_negative_numbers = true))]
    pub threshold: Option<f64>,
    /// Write the probability of a match too, by what embedlab calibrate saved
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE"))]
    pub calibration: Option<PathBuf>,
    /// Metric that the threshold is tuned for, on the training rows
    #[cfg_attr(feature = "cli", arg(long, value_name = "GOAL", value_enum, default_value_t = Self::default().goal))]
    pub goal: Goal,
    /// Share of the rows with a true label that the tuned threshold is tested on
    #[cfg_attr(feature = "cli", arg(long, value_name = "SHARE", default_value_t = Self::default().test_size))]
    pub test_size: f64,
    /// The seed of the split, as scikit-learn's random_state
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", default_value_t = Self::default().test_seed))]
    pub test_seed: u32,
}

impl Default for JudgeOptions {
    fn default() -> Self {
        JudgeOptions {
            truth: None,
            threshold: None,
            calibration: None,
            goal: Goal::BalancedAccuracy,
            test_size: 0.2,
            test_seed: 42,
        }
    }
}

/// The label of each row, and how often it is right.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LabelledRows {
    /// Rows.
    pub rows: usize,
    /// The labels.
    pub labels: Vec<String>,
    /// Rows that got each label.
    pub predicted: Vec<usize>,
    /// Rows of zeros, which have no direction and so no label.
    pub zero_rows: usize,
    /// What the true values say.
    #[serde(flatten)]
    pub truth: Option<Truth>,
    /// How the labels fare against them.
    #[serde(flatten)]
    pub evaluation: Option<LabelEvaluation>,
    /// The number of the label of each row.
    #[serde(skip)]
    pub of_rows: Vec<Option<usize>>,
    /// Its score: the mean cosine with the texts of the label; with two labels the margin of the positive one.
    #[serde(skip)]
    pub scores: Vec<Option<f64>>,
    /// The probability of its mean cosine with the texts of the label, with a calibration.
    #[serde(skip)]
    pub probabilities: Option<Vec<Option<f64>>>,
}

/// The analysis `zero-shot`.
pub struct ZeroShotLabels;

impl Analysis for ZeroShotLabels {
    const NAME: &'static str = "zero-shot";
    const ABOUT: &'static str = "Label rows by the nearest label vector, without training";
    const EXAMPLES: &'static str = "\
The labels file holds a vector for each text of a label, with the label's name in the column `label`:
several texts of a label are averaged. The label column is compared, if its values are labels.

Examples:
  embedlab zero-shot reviews.parquet --labels labels.parquet --set kinds --label Kind
  embedlab zero-shot reviews.parquet --labels labels.parquet --set sentiment-long --label Score \\
      --map \"1=negative,2=negative,4=positive,5=positive\" --picture curve.svg
  embedlab zero-shot reviews.parquet --labels labels.parquet --set kinds -o labelled.csv
  embedlab zero-shot reviews.csv --labels labels.csv --json | jq '.accuracy, .classes'";
    const NEEDS: Needs = Needs::Blocks;
    const ROLES: &'static [Role] = &[Role::Label];
    const WRITES: Option<&'static str> =
        Some("Write the rows with the columns zero_shot and zero_shot_score (with two labels the margin)");
    const PICTURES: &'static [PictureKind] = &[
        PictureKind {
            flag: "picture",
            help: "Draw the precision-recall curve (.png .svg); needs true labels",
        },
        PictureKind {
            flag: "threshold-picture",
            help: "Draw precision, recall and F1 by threshold (.png .svg); needs two labels and true labels",
        },
    ];
    type Options = ZeroShotOptions;
    type Outcome = LabelledRows;

    fn run(data: &Data, options: &ZeroShotOptions, context: &Context<'_>) -> Result<LabelledRows> {
        let (given, judged) = (&options.labels, &options.judged);
        let labels = given.vectors(data)?;
        let positive = given.positive(&labels)?;
        let calibration = judged.calibration.as_ref().map(Calibration::load).transpose()?;
        calibration.iter().try_for_each(|calibration| calibration.require_dims(data.dims()))?;
        let mut found = zero_shot(data, &labels)?;
        if let Some(threshold) = judged.threshold {
            let Some(label) = positive.or_else(|| labels.positive()) else {
                return Err(Error::argument("a threshold needs two labels")
                    .seen(format!("{} labels", labels.names().len())));
            };
            found = found.with_threshold(label, threshold);
        }
        match found.zero_rows {
            0 => {}
            1 => context.warn("1 vector of zeros has no label"),
            n => context.warn(format!("{} vectors of zeros have no label", grouped(n as u64))),
        }
        let truth = given.truth(data, judged.truth.as_deref(), &labels, context)?;
        let how = LabelEvaluationOptions {
            positive,
            goal: judged.goal,
            test_size: judged.test_size,
            seed: judged.test_seed,
            ..LabelEvaluationOptions::default()
        };
        let evaluation = truth.as_ref().map(|truth| evaluate(&found, truth, &labels, &how)).transpose()?;
        let mut predicted = vec![0; labels.names().len()];
        found.predicted.iter().flatten().for_each(|label| predicted[*label] += 1);
        let scores = match positive.or_else(|| labels.positive()) {
            Some(positive) => {
                let margins = found.margins(positive).into_iter();
                margins.map(|margin| (!margin.is_nan()).then_some(margin)).collect()
            }
            None => {
                let labels = found.predicted.iter().enumerate();
                labels.map(|(row, label)| label.map(|label| found.scores[[row, label]])).collect()
            }
        };
        let probabilities = calibration.map(|calibration| {
            let labels = found.predicted.iter().enumerate();
            let of = |(row, label): (usize, &Option<usize>)| {
                label.map(|label| calibration.probability(found.scores[[row, label]]))
            };
            labels.map(of).collect()
        });
        Ok(LabelledRows {
            probabilities,
            rows: found.predicted.len(),
            labels: labels.names().to_vec(),
            predicted,
            zero_rows: found.zero_rows,
            truth,
            evaluation,
            of_rows: found.predicted,
            scores,
        })
    }

    fn view(found: &LabelledRows, look: Look) -> Result<Section> {
        let mut section = headed(found.evaluation.as_ref()).with(Block::paragraph(
            "Each row has the label whose texts it is most like, by the mean cosine. Nothing was trained, so all rows with \
             a true label are test rows.",
        ));
        let labelled = found.rows - found.zero_rows;
        let grid = Grid::new(["label", "rows", "share"]).caption(counted(found.rows, "row"));
        let counts = found.labels.iter().zip(&found.predicted).fold(grid, |grid, (label, rows)| {
            let share = *rows as f64 / labelled.max(1) as f64;
            grid.row([Cell::text(label.as_str()), Cell::count(*rows), Cell::Share(share)])
        });
        section = section.with(counts);
        if let Some(text) = found.truth.as_ref().and_then(dropped) {
            section = section.with(Block::note(text));
        }
        match &found.evaluation {
            Some(scores) => with_scores(section, scores, look),
            None => Ok(section),
        }
    }

    fn columns(found: &LabelledRows) -> Result<NewColumns> {
        let name = |label: &Option<usize>| label.map(|label| found.labels[label].as_str());
        let names: StringArray = found.of_rows.iter().map(name).collect();
        let scores: Float64Array = found.scores.iter().copied().collect();
        let mut columns = vec![
            NewColumn::new("zero_shot", Arc::new(names)),
            NewColumn::new("zero_shot_score", Arc::new(scores)),
        ];
        if let Some(found) = &found.probabilities {
            let values: Float64Array = found.iter().copied().collect();
            columns.push(NewColumn::new("zero_shot_probability", Arc::new(values)));
        }
        Ok(NewColumns { rows: None, columns })
    }

    fn reads(options: &ZeroShotOptions) -> Vec<PathBuf> {
        options.labels.labels.iter().chain(&options.judged.calibration).cloned().collect()
    }

    #[cfg(feature = "charts")]
    fn picture(found: &LabelledRows, flag: &str, _data: &Data, _seed: u64, style: Style) -> Result<Picture> {
        let scores = found.evaluation.as_ref().ok_or_else(|| {
            Error::argument("a picture needs true labels")
                .advice("give --label COL, and --map if its values are not label names")
        })?;
        scores_picture(scores, flag, style)
    }
}

/// Rows that have no true label, in words.
fn dropped(truth: &Truth) -> Option<String> {
    let mut parts: Vec<String> = truth
        .dropped
        .iter()
        .map(|dropped| format!("{} with the value {}", grouped(dropped.rows as u64), dropped.value))
        .collect();
    if truth.empty > 0 {
        parts.push(format!("{} without a value", grouped(truth.empty as u64)));
    }
    (!parts.is_empty())
        .then(|| format!("{} have a true label. Dropped: {}.", counted(truth.kept, "row"), parts.join(", ")))
}
