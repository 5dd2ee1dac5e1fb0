//! A matrix for one's own notion of what is alike.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::flattened::two_parts;
use super::pair_source::PairOptions;
use super::{Analysis, Context, Needs, PictureKind};
#[cfg(feature = "charts")]
use crate::chart::{Distributions, Picture, Style, ThresholdPlot};
use crate::data::{Data, Role};
use crate::error::Result;
use crate::number::{counted, fixed, percent, range};
use crate::pairs::Estimate;
use crate::transform::{Accuracy, CustomizeParams, Epoch, LinearMap, Tried, customize};
use crate::view::{Block, Cell, Grid, KeyFigure, Look, Section};

/// How the matrix is learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct MatrixOptions {
    /// Dimensions of the result to try [default: those of the vectors]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N,..", value_delimiter = ','))]
    pub dims: Vec<usize>,
    /// Learning rates to try
    #[cfg_attr(feature = "cli", arg(long, value_name = "X,..", value_delimiter = ',', default_values_t = Self::default().learning_rates))]
    pub learning_rates: Vec<f64>,
    /// Passes over the pairs at most
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", default_value_t = Self::default().epochs))]
    pub epochs: usize,
    /// Pairs of a step
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", default_value_t = Self::default().batch_size))]
    pub batch_size: usize,
    /// Share of the numbers of a vector that is left out in each step
    #[cfg_attr(feature = "cli", arg(long, value_name = "SHARE", default_value_t = Self::default().dropout))]
    pub dropout: f64,
}

impl Default for MatrixOptions {
    fn default() -> Self {
        let CustomizeParams { dims, learning_rates, epochs, batch_size, dropout, .. } = Default::default();
        MatrixOptions { dims, learning_rates, epochs, batch_size, dropout }
    }
}

/// Options of [`Customize`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(try_from = "Map<String, Value>")]
pub struct CustomizeOptions {
    /// Where the pairs come from.
    #[serde(flatten)]
    #[cfg_attr(feature = "cli", command(flatten))]
    pub source: PairOptions,
    /// How the matrix is learned.
    #[serde(flatten)]
    #[cfg_attr(feature = "cli", command(flatten))]
    pub matrix: MatrixOptions,
}

impl TryFrom<Map<String, Value>> for CustomizeOptions {
    type Error = serde_json::Error;

    fn try_from(all: Map<String, Value>) -> std::result::Result<Self, serde_json::Error> {
        two_parts(all).map(|(source, matrix)| CustomizeOptions { source, matrix })
    }
}

/// A learned matrix, and what it is worth on pairs that were held out.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CustomizeReport {
    /// All pairs.
    pub pairs: usize,
    /// How many of them are the same.
    pub positives: usize,
    /// How many were held out.
    pub test_pairs: usize,
    /// Accuracy of the cosine as it was, on the test pairs.
    pub accuracy_before: Accuracy,
    /// Accuracy of the cosine after the matrix.
    pub accuracy_after: Accuracy,
    /// After less before, on the same pairs.
    pub difference: Estimate,
    /// The dimensions of the result.
    pub dims: usize,
    /// The learning rate that was taken.
    pub learning_rate: f64,
    /// How many epochs.
    pub epochs: usize,
    /// All settings; `loss` is that of validation pairs within the training pairs.
    pub tried: Vec<Tried>,
    /// The losses of the setting that was taken, by epoch.
    pub losses: Vec<Epoch>,
    #[serde(skip)]
    map: LinearMap,
    #[serde(skip)]
    #[cfg_attr(not(feature = "charts"), allow(dead_code))]
    test: Vec<(f64, f64, bool)>,
}

/// The analysis `customize`.
pub struct Customize;

impl Analysis for Customize {
    const NAME: &'static str = "customize";
    const ABOUT: &'static str = "Learn a matrix that brings pairs that are alike together, and others apart";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab customize reviews.parquet --pairs pairs.csv -o matrix.safetensors
  embedlab customize reviews.parquet --same Product --dims 384,128 --picture cosines.svg
  embedlab apply matrix.safetensors reviews.parquet -o customized.parquet

A file of pairs that are all the same gets as many random pairs that are not. Accuracy is that of a threshold that was
chosen on the training pairs.";
    const NEEDS: Needs = Needs::Matrix;
    const ROLES: &'static [Role] = &[Role::Text];
    const PICTURES: &'static [PictureKind] = &[
        PictureKind { flag: "picture", help: "Draw the cosines before and after (.png .svg)" },
        PictureKind {
            flag: "thresholds",
            help: "Draw the accuracy by threshold, before and after (.png .svg)",
        },
    ];
    const SAVES: Option<&'static str> = Some("Save the matrix (.safetensors), for embedlab apply");
    type Options = CustomizeOptions;
    type Outcome = CustomizeReport;

    fn run(data: &Data, options: &CustomizeOptions, context: &Context<'_>) -> Result<CustomizeReport> {
        let pairs = options.source.pairs(data, true, context)?;
        let MatrixOptions { dims, learning_rates, epochs, batch_size, dropout } = options.matrix.clone();
        let params =
            CustomizeParams { dims, learning_rates, epochs, batch_size, dropout, seed: context.seed };
        let found = customize(data.matrix()?, &pairs, &params)?;
        if found.difference.low <= 0.0 {
            context.warn(
                "the matrix is not better than the vectors as they are, as far as these pairs can tell",
            );
        }
        let test = pairs.side(true);
        let losses = found.tried.iter().find(|tried| tried.setting == found.setting);
        Ok(CustomizeReport {
            pairs: pairs.rows.len(),
            positives: pairs.positives(),
            test_pairs: test.len(),
            accuracy_before: found.before,
            accuracy_after: found.after,
            difference: found.difference,
            dims: found.setting.dims,
            learning_rate: found.setting.learning_rate,
            epochs: found.epochs,
            losses: losses.map(|tried| tried.epochs.clone()).unwrap_or_default(),
            tried: found.tried,
            map: found.map,
            test: test
                .iter()
                .map(|pair| (found.cosines_before[*pair], found.cosines_after[*pair], pairs.same[*pair]))
                .collect(),
        })
    }

    fn view(found: &CustomizeReport, look: Look) -> Result<Section> {
        let (before, after) = (found.accuracy_before.share, found.accuracy_after.share);
        let section = Section::new(Self::NAME, "Customized vectors")
            .headline(format!(
                "The matrix tells {} of the held-out pairs right, the vectors as they are {}.",
                percent(after.value),
                percent(before.value)
            ))
            .with(Block::key_figures([
                KeyFigure::new(fixed(before.value, 3), "accuracy before")
                    .note(format!("95 %: {}", range(before.low, before.high, 3))),
                KeyFigure::new(fixed(after.value, 3), "accuracy after")
                    .note(format!("95 %: {}", range(after.low, after.high, 3))),
                KeyFigure::new(fixed(found.difference.value, 3), "difference")
                    .note(format!("95 %: {}", range(found.difference.low, found.difference.high, 3))),
            ]))
            .with(Block::paragraph(format!(
                "{} to {} dimensions, {} at a learning rate of {}; judged on {} of {}.",
                found.map.matrix.nrows(),
                found.dims,
                counted(found.epochs, "epoch"),
                found.learning_rate,
                found.test_pairs,
                counted(found.pairs, "pair")
            )))
            .with(
                found
                    .tried
                    .iter()
                    .fold(Grid::new(["dimensions", "learning rate", "best epoch", "loss"]), |grid, tried| {
                        grid.row([
                            Cell::count(tried.setting.dims),
                            Cell::Number(tried.setting.learning_rate, 3),
                            Cell::count(tried.best_epoch),
                            Cell::Number(tried.loss, 4),
                        ])
                    })
                    .caption("Settings; epoch 0 is no learning, the loss is that of validation pairs"),
            );
        #[cfg(feature = "charts")]
        let section = section
            .picture(look, "Cosines before and after", "Held-out pairs.", |style| {
                draw(found, "picture", style)
            })?
            .picture(look, "Accuracy by threshold", "Held-out pairs.", |style| {
                draw(found, "thresholds", style)
            })?;
        #[cfg(not(feature = "charts"))]
        let _ = look;
        Ok(section)
    }

    #[cfg(feature = "charts")]
    fn picture(
        found: &CustomizeReport,
        flag: &str,
        _data: &Data,
        _seed: u64,
        style: Style,
    ) -> Result<Picture> {
        draw(found, flag, style)
    }

    fn save(found: &CustomizeReport, path: &std::path::Path) -> Result<()> {
        found.map.save(path)
    }
}

#[cfg(feature = "charts")]
fn draw(found: &CustomizeReport, flag: &str, style: Style) -> Result<Picture> {
    let style = style.subtitle(counted(found.test_pairs, "held-out pair"));
    if flag == "thresholds" {
        let thresholds: Vec<f64> = (-100..=100).map(|step| f64::from(step) / 100.0).collect();
        let line = |after: bool| -> Vec<f64> {
            let right = |threshold: &f64| {
                let of =
                    |(x, y, same): &(f64, f64, bool)| (if after { *y } else { *x } > *threshold) == *same;
                found.test.iter().filter(|pair| of(pair)).count() as f64 / found.test.len().max(1) as f64
            };
            thresholds.iter().map(right).collect()
        };
        let (before, after) = (line(false), line(true));
        return ThresholdPlot::new(&thresholds, "cosine")
            .line("accuracy before", &before)
            .line("accuracy after", &after)
            .mark(found.accuracy_before.threshold, "before")
            .mark(found.accuracy_after.threshold, "after")
            .draw(&style);
    }
    let of = |after: bool, kind: bool| -> Vec<f64> {
        let of_kind = found.test.iter().filter(|pair| pair.2 == kind);
        of_kind.map(|pair| if after { pair.1 } else { pair.0 }).collect()
    };
    let all = [of(false, true), of(false, false), of(true, true), of(true, false)];
    Distributions::new("cosine")
        .panel("before", &[("the same", &all[0]), ("not the same", &all[1])])
        .panel("after", &[("the same", &all[2]), ("not the same", &all[3])])
        .draw(&style)
}
