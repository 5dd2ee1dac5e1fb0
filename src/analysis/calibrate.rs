//! From which cosine on two rows are a match.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::flattened::two_parts;
use super::pair_source::PairOptions;
use super::{Analysis, Context, Needs, PictureKind};
use crate::calibration::{
    CalibrateOptions, Calibration, Goal, Logistic, MapKind, ReliabilityBin, Threshold, calibrate, cosines,
};
#[cfg(feature = "charts")]
use crate::chart::{Distributions, Picture, Style, UnitSquare};
use crate::data::{Data, Role};
use crate::error::{Error, Result};
#[cfg(feature = "charts")]
use crate::metric::roc;
use crate::number::{counted, fixed, percent, range};
use crate::pairs::Estimate;
use crate::view::{Block, Cell, Grid, KeyFigure, Look, Section};

/// What belongs to the calibration alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct MapOptions {
    /// The map from cosine to probability
    #[cfg_attr(feature = "cli", arg(long, value_enum, default_value_t = Self::default().map))]
    pub map: MapKind,
    /// The share of matches among the pairs that will be judged [default: as in the pairs]
    #[cfg_attr(feature = "cli", arg(long, value_name = "SHARE"))]
    pub prior: Option<f64>,
    /// A threshold for this share of false positives
    #[cfg_attr(feature = "cli", arg(long, value_name = "SHARE", default_value_t = Self::default().false_positive_rate))]
    pub false_positive_rate: f64,
    /// A threshold for this precision
    #[cfg_attr(feature = "cli", arg(long, value_name = "SHARE", default_value_t = Self::default().precision))]
    pub precision: f64,
}

impl Default for MapOptions {
    fn default() -> Self {
        MapOptions { map: MapKind::default(), prior: None, false_positive_rate: 0.01, precision: 0.95 }
    }
}

/// Options of [`Calibrate`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(try_from = "Map<String, Value>")]
pub struct CalibrationOptions {
    /// Where the pairs come from.
    #[serde(flatten)]
    #[cfg_attr(feature = "cli", command(flatten))]
    pub source: PairOptions,
    /// What is fitted to them.
    #[serde(flatten)]
    #[cfg_attr(feature = "cli", command(flatten))]
    pub map: MapOptions,
}

impl TryFrom<Map<String, Value>> for CalibrationOptions {
    type Error = serde_json::Error;

    fn try_from(all: Map<String, Value>) -> std::result::Result<Self, serde_json::Error> {
        two_parts(all).map(|(source, map)| CalibrationOptions { source, map })
    }
}

/// What pairs say about the cosine. Figures are of pairs that were held out.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CalibrationReport {
    /// All pairs.
    pub pairs: usize,
    /// How many of them are the same.
    pub positives: usize,
    /// How many were held out for the figures.
    pub test_pairs: usize,
    /// The share of matches for which probabilities and precision hold.
    pub prior: f64,
    /// The chance that a pair that is the same has a higher cosine than one that is not.
    pub auc: Estimate,
    /// Thresholds: chosen on the training pairs, judged on the test pairs.
    pub thresholds: Vec<Threshold>,
    /// Which map gives the probability.
    pub map: MapKind,
    /// The logistic map.
    pub logistic: Logistic,
    /// The mean distance of predicted probability and observed share.
    pub calibration_error: f64,
    /// The mean squared error of the probability.
    pub brier: f64,
    /// Predicted against observed, in tenths.
    pub reliability: Vec<ReliabilityBin>,
    #[serde(skip)]
    calibration: Calibration,
    #[serde(skip)]
    #[cfg_attr(not(feature = "charts"), allow(dead_code))]
    test: (Vec<f64>, Vec<bool>),
}

/// The analysis `calibrate`.
pub struct Calibrate;

impl Analysis for Calibrate {
    const NAME: &'static str = "calibrate";
    const ABOUT: &'static str = "Find from which cosine on two rows are a match, and how probable it is";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab calibrate reviews.parquet --pairs pairs.csv -o calibration.json
  embedlab calibrate reviews.parquet --same Product --prior 0.01 --picture cosines.svg
  embedlab search reviews.parquet --row 0 --calibration calibration.json

Probabilities and precision hold for the share of matches that the pairs have, or that --prior says: among all pairs
of a file matches are far rarer than among chosen pairs.";
    const NEEDS: Needs = Needs::Matrix;
    const ROLES: &'static [Role] = &[Role::Text];
    const PICTURES: &'static [PictureKind] = &[
        PictureKind { flag: "picture", help: "Draw the distributions of the cosine (.png .svg)" },
        PictureKind { flag: "roc", help: "Draw the ROC curve (.png .svg)" },
        PictureKind { flag: "reliability", help: "Draw predicted against observed (.png .svg)" },
    ];
    const SAVES: Option<&'static str> = Some("Save the calibration (.json)");
    const SAVES_AS: &'static [&'static str] = &["json"];
    type Options = CalibrationOptions;
    type Outcome = CalibrationReport;

    fn run(data: &Data, options: &CalibrationOptions, context: &Context<'_>) -> Result<CalibrationReport> {
        let pairs = options.source.pairs(data, false, context)?;
        let cosines: Vec<f64> = cosines(data.matrix()?, &pairs.rows)
            .into_iter()
            .map(|cosine| {
                cosine.ok_or_else(|| Error::input("a row of zeros has no cosine").with_code("zero-row"))
            })
            .collect::<Result<_>>()?;
        let MapOptions { map, prior, false_positive_rate, precision } = options.map;
        let goals = vec![Goal::F1, Goal::FalsePositiveRate(false_positive_rate), Goal::Precision(precision)];
        let mut found = calibrate(&cosines, &pairs, &CalibrateOptions { map, prior, goals })?;
        found.calibration.dims = Some(data.matrix()?.ncols());
        if found.calibration.logistic.slope <= 0.0 {
            context.warn(
                "pairs that are the same have no higher cosine than others: the cosine says nothing here",
            );
        }
        let test = pairs.side(true);
        Ok(CalibrationReport {
            pairs: pairs.rows.len(),
            positives: pairs.positives(),
            test_pairs: test.len(),
            prior: found.calibration.prior,
            auc: found.auc,
            thresholds: found.thresholds,
            map,
            logistic: found.calibration.logistic,
            calibration_error: found.calibration_error,
            brier: found.brier,
            reliability: found.reliability,
            calibration: found.calibration,
            test: test.iter().map(|pair| (cosines[*pair], pairs.same[*pair])).unzip(),
        })
    }

    fn view(found: &CalibrationReport, look: Look) -> Result<Section> {
        let best = found.thresholds.iter().find(|threshold| threshold.goal == Goal::F1);
        let headline = match best.and_then(|best| Some((best.cosine?, best.precision?, best.recall?))) {
            Some((cosine, precision, recall)) => format!(
                "From a cosine of {} on, {} of the pairs are a match, and {} of the matches are found.",
                fixed(cosine, 3),
                percent(precision),
                percent(recall)
            ),
            None => "No threshold divides these pairs.".to_owned(),
        };
        let section = Section::new(Self::NAME, "Calibration").headline(headline).with(Block::key_figures([
            KeyFigure::new(fixed(found.auc.value, 3), "AUC")
                .note(format!("95 %: {}", range(found.auc.low, found.auc.high, 3))),
            KeyFigure::new(fixed(found.calibration_error, 3), "calibration error")
                .note("mean distance of predicted and observed"),
            KeyFigure::new(percent(found.prior), "share of matches").note("for which all of this holds"),
        ]));
        let thresholds = found.thresholds.iter().fold(
            Grid::new(["goal", "cosine", "precision", "recall", "reached", "95 %"]),
            |grid, threshold| {
                grid.row([
                    Cell::text(match threshold.goal {
                        Goal::F1 => "largest F1".to_owned(),
                        Goal::FalsePositiveRate(share) => format!("false positives ≤ {share}"),
                        Goal::Precision(share) => format!("precision ≥ {share}"),
                    }),
                    Cell::number(threshold.cosine, 3),
                    Cell::number(threshold.precision, 3),
                    Cell::number(threshold.recall, 3),
                    Cell::number(threshold.value, 3),
                    match (threshold.low, threshold.high) {
                        (Some(low), Some(high)) => Cell::Range(low, high, 3),
                        _ => Cell::Missing,
                    },
                ])
            },
        );
        let section = section
            .with(thresholds.caption(format!(
                "Thresholds, judged on {} that were held out",
                counted(found.test_pairs, "pair")
            )))
            .with(found.reliability.iter().fold(
                Grid::new(["predicted", "observed", "95 %", "pairs"]),
                |grid, bin| {
                    grid.row([
                        Cell::Number(bin.predicted, 3),
                        Cell::Number(bin.observed, 3),
                        Cell::Range(bin.low, bin.high, 3),
                        Cell::count(bin.pairs),
                    ])
                },
            ))
            .with(Block::note(format!(
                "Probabilities hold where {} of the compared pairs are a match; --prior sets another share. Another model needs another calibration.",
                percent(found.prior)
            )));
        #[cfg(feature = "charts")]
        let section = section
            .picture(look, "Cosine of pairs", "How pairs that are the same differ from others.", |style| {
                draw(found, "picture", style)
            })?
            .picture(look, "ROC curve", "Recall against false positives, at every threshold.", |style| {
                draw(found, "roc", style)
            })?
            .picture(look, "Reliability", "Predicted probability against the observed share.", |style| {
                draw(found, "reliability", style)
            })?;
        #[cfg(not(feature = "charts"))]
        let _ = look;
        Ok(section)
    }

    #[cfg(feature = "charts")]
    fn picture(
        found: &CalibrationReport,
        flag: &str,
        _data: &Data,
        _seed: u64,
        style: Style,
    ) -> Result<Picture> {
        draw(found, flag, style)
    }

    fn save(found: &CalibrationReport, path: &std::path::Path) -> Result<()> {
        found.calibration.save(path)
    }
}

#[cfg(feature = "charts")]
fn draw(found: &CalibrationReport, flag: &str, style: Style) -> Result<Picture> {
    let (cosines, same) = &found.test;
    let style = style.subtitle(counted(found.test_pairs, "held-out pair"));
    match flag {
        "roc" => {
            let curve = roc(same, cosines)?;
            let points: Vec<(f64, f64)> = curve
                .false_positive_rate
                .iter()
                .copied()
                .zip(curve.true_positive_rate.iter().copied())
                .collect();
            UnitSquare::new("false-positive rate", "recall")
                .curve(format!("cosine, AUC {}", fixed(found.auc.value, 3)), &points)
                .draw(&style)
        }
        "reliability" => {
            let points: Vec<(f64, f64, f64, f64)> = found
                .reliability
                .iter()
                .map(|bin| (bin.predicted, bin.observed, bin.low, bin.high))
                .collect();
            UnitSquare::new("predicted probability", "observed share")
                .points("pairs in tenths, with 95 % interval", &points)
                .draw(&style)
        }
        _ => {
            let of = |kind: bool| -> Vec<f64> {
                cosines
                    .iter()
                    .zip(same)
                    .filter(|(_, same)| **same == kind)
                    .map(|(cosine, _)| *cosine)
                    .collect()
            };
            let (matches, others) = (of(true), of(false));
            Distributions::new("cosine")
                .panel("share of the pairs", &[("the same", &matches), ("not the same", &others)])
                .draw(&style)
        }
    }
}
