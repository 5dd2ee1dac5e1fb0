//! How similar the rows are to each other.

use ndarray::{Array2, Axis};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Analysis, Context, InReport, Needs, PictureKind};
#[cfg(feature = "charts")]
use crate::chart::{Histogram, Picture, Style};
use crate::data::{Data, Role};
use crate::error::{Error, Result};
use crate::number::{counted, fixed, grouped};
use crate::quality::pair_cosines;
use crate::rows::{RowSource, group_means};
use crate::view::{Block, Cell, Grid, KeyFigure, Look, Section};

/// Options of [`Similarities`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct SimilaritiesOptions {
    /// Pairs of rows to draw
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", default_value_t = Self::default().pairs))]
    pub pairs: usize,
}

impl Default for SimilaritiesOptions {
    fn default() -> Self {
        SimilaritiesOptions { pairs: 20_000 }
    }
}

/// The distribution of the cosine of pairs of different rows.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SimilarityDistribution {
    /// Rows with a direction: not all zeros.
    pub rows: usize,
    /// Rows of zeros, which have no cosine.
    pub zero_rows: usize,
    /// The mean cosine of all pairs of different rows, exact.
    pub mean: f64,
    /// Pairs drawn for what follows.
    pub pairs: usize,
    /// Their standard deviation.
    pub standard_deviation: f64,
    /// The cosine below which a share of the pairs lies.
    pub quantiles: Vec<Quantile>,
    #[serde(skip)]
    #[cfg_attr(not(feature = "charts"), expect(dead_code, reason = "it is for pictures"))]
    drawn: Vec<f32>,
}

/// A quantile.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Quantile {
    /// The share of the pairs.
    pub share: f64,
    /// The cosine.
    pub cosine: f64,
}

/// The analysis `similarities`.
pub struct Similarities;

impl Analysis for Similarities {
    const NAME: &'static str = "similarities";
    const ABOUT: &'static str =
        "Show how similar the rows are to each other: the distribution of the cosine of pairs";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab similarities reviews.parquet
  embedlab similarities reviews.parquet --pairs 100000 --picture similarities.svg";
    const NEEDS: Needs = Needs::Matrix;
    const ROLES: &'static [Role] = &[];
    const PICTURES: &'static [PictureKind] =
        &[PictureKind { flag: "picture", help: "Draw the distribution (.png .svg)" }];
    type Options = SimilaritiesOptions;
    type Outcome = SimilarityDistribution;

    fn run(
        data: &Data,
        options: &SimilaritiesOptions,
        context: &Context<'_>,
    ) -> Result<SimilarityDistribution> {
        let rows = data.matrix()?;
        crate::rows::require_finite(rows)?;
        let unit: Vec<usize> =
            (0..rows.nrows()).filter(|row| rows.row(*row).iter().any(|x| *x != 0.0)).collect();
        if unit.len() < 2 || options.pairs == 0 {
            return Err(Error::argument("at least two rows that are not zero and one pair are needed")
                .with_code("too-few-rows")
                .seen(counted(unit.len(), "row")));
        }
        let n = unit.len() as f64;
        let mut directions: Array2<f32> = rows.select(Axis(0), &unit);
        directions.axis_iter_mut(Axis(0)).into_par_iter().for_each(|mut row| {
            let norm = row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
            row.mapv_inplace(|x| (f64::from(x) / norm) as f32);
        });
        // The sum of all n x n cosines is the squared norm of the sum of the unit rows.
        let mean = group_means(&directions, &vec![Some(0); unit.len()], 1)?;
        let squared: f64 = mean.means.row(0).iter().map(|x| f64::from(*x).powi(2)).sum();
        let drawn = pair_cosines(rows, options.pairs, context.seed)?;
        let mut sorted = drawn.clone();
        sorted.par_sort_unstable_by(f32::total_cmp);
        let center = drawn.iter().map(|x| f64::from(*x)).sum::<f64>() / drawn.len() as f64;
        let variance =
            drawn.iter().map(|x| (f64::from(*x) - center).powi(2)).sum::<f64>() / drawn.len() as f64;
        let quantile = |share: f64| Quantile {
            share,
            cosine: f64::from(sorted[((sorted.len() - 1) as f64 * share).round() as usize]),
        };
        Ok(SimilarityDistribution {
            rows: unit.len(),
            zero_rows: data.n_rows() - unit.len(),
            mean: (n * squared - 1.0) / (n - 1.0),
            pairs: drawn.len(),
            standard_deviation: variance.sqrt(),
            quantiles: [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99].map(quantile).to_vec(),
            drawn,
        })
    }

    fn view(found: &SimilarityDistribution, look: Look) -> Result<Section> {
        let headline = format!("Two rows have a cosine of {} on average.", fixed(found.mean, 2));
        let mut section =
            Section::new(Self::NAME, "Similarities").headline(headline).with(Block::key_figures([
                KeyFigure::new(fixed(found.mean, 3), "mean cosine")
                    .note(format!("exact, of all pairs of {}", counted(found.rows, "row"))),
                KeyFigure::new(fixed(found.standard_deviation, 3), "standard deviation")
                    .note(format!("of {} pairs drawn", grouped(found.pairs as u64))),
            ]));
        if found.zero_rows > 0 {
            let text = format!(
                "{} of zeros left out: a zero vector has no cosine.",
                counted(found.zero_rows, "row")
            );
            section = section.with(Block::warning(text));
        }
        let quantiles =
            found.quantiles.iter().fold(Grid::new(["pairs below", "cosine"]), |grid, quantile| {
                grid.row([Cell::Share(quantile.share), Cell::Number(quantile.cosine, 3)])
            });
        section = section.with(quantiles).with(Block::note(
            "A cosine means something only beside this distribution: many models give unrelated texts a cosine far above 0.",
        ));
        #[cfg(feature = "charts")]
        let section =
            section.picture(look, "Similarity of pairs", "The cosine of pairs of rows.", |style| {
                draw(found, style)
            })?;
        #[cfg(not(feature = "charts"))]
        let _ = look;
        Ok(section)
    }

    fn in_report(_data: &Data) -> InReport<SimilaritiesOptions> {
        InReport::Yes(SimilaritiesOptions::default())
    }

    #[cfg(feature = "charts")]
    fn picture(
        found: &SimilarityDistribution,
        _flag: &str,
        _data: &Data,
        _seed: u64,
        style: Style,
    ) -> Result<Picture> {
        draw(found, style)
    }
}

#[cfg(feature = "charts")]
fn draw(found: &SimilarityDistribution, style: Style) -> Result<Picture> {
    Histogram::new(&found.drawn, "cosine").unit("pairs").draw(&style.subtitle(counted(found.pairs, "pair")))
}
