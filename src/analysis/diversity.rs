//! How different the rows are from each other.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Analysis, Context, Needs, PictureKind};
#[cfg(feature = "charts")]
use crate::chart::{Histogram, Picture, Style};
use crate::data::{Data, Role};
use crate::error::Result;
#[cfg(feature = "charts")]
use crate::number::counted;
use crate::number::fixed;
use crate::quality::{Bin, GroupDiversity, diversity, diversity_of_groups, pair_cosines};
use crate::view::{Block, Cell, Grid, KeyFigure, Look, Section};

/// Pairs in the picture.
const DRAWN_PAIRS: usize = 20_000;

/// Options of [`DiversityMeasure`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct DiversityOptions {
    /// Also measure each group of rows with the same value in this column
    #[cfg_attr(feature = "cli", arg(long, value_name = "COL"))]
    pub by: Option<String>,
}

/// How different rows are.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DiversityReport {
    /// Rows with a direction.
    pub rows: usize,
    /// The mean cosine of all pairs.
    pub mean_similarity: Option<f64>,
    /// How many different rows there seem to be.
    pub vendi: Option<f64>,
    /// The same of order 2.
    pub vendi_2: Option<f64>,
    /// ln det(I + K) of the cosines K.
    pub log_det: Option<f64>,
    /// Vendi over the most there can be.
    pub coverage: Option<f64>,
    /// The shares of pairs by cosine.
    pub histogram: Vec<Bin>,
    /// Each group by itself.
    pub groups: Vec<GroupDiversity>,
    #[serde(skip)]
    #[cfg_attr(not(feature = "charts"), expect(dead_code, reason = "it is for pictures"))]
    drawn: Vec<f32>,
}

/// The analysis `diversity`.
pub struct DiversityMeasure;

impl Analysis for DiversityMeasure {
    const NAME: &'static str = "diversity";
    const ABOUT: &'static str = "Measure how different the rows are from each other, also by group";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab diversity reviews.parquet
  embedlab diversity reviews.parquet --by Score

The Vendi score is how many different rows there seem to be; it cannot exceed the dimensions or the rows.";
    const NEEDS: Needs = Needs::Matrix;
    const ROLES: &'static [Role] = &[];
    const PICTURES: &'static [PictureKind] =
        &[PictureKind { flag: "picture", help: "Draw the distribution of the cosine of pairs (.png .svg)" }];
    type Options = DiversityOptions;
    type Outcome = DiversityReport;

    fn run(data: &Data, options: &DiversityOptions, context: &Context<'_>) -> Result<DiversityReport> {
        let rows = data.matrix()?;
        let found = diversity(rows, context.seed)?;
        let groups = match &options.by {
            Some(column) => {
                let labels = data.table().labels(column)?;
                diversity_of_groups(rows, &labels.codes, &labels.names)?
            }
            None => Vec::new(),
        };
        Ok(DiversityReport {
            rows: found.rows,
            mean_similarity: found.mean_similarity,
            vendi: found.vendi,
            vendi_2: found.vendi_2,
            log_det: found.log_det,
            coverage: found.coverage,
            histogram: found.histogram,
            groups,
            drawn: pair_cosines(rows, DRAWN_PAIRS, context.seed)?,
        })
    }

    fn view(found: &DiversityReport, look: Look) -> Result<Section> {
        let shown = |x: Option<f64>, decimals| x.map_or("–".to_owned(), |x| fixed(x, decimals));
        let mut section = Section::new(Self::NAME, "Diversity").with(Block::key_figures([
            KeyFigure::new(shown(found.mean_similarity, 3), "mean similarity").note("cosine of all pairs"),
            KeyFigure::new(shown(found.vendi, 1), "Vendi score").note(format!("of {} rows", found.rows)),
            KeyFigure::new(shown(found.vendi_2, 1), "Vendi score, order 2"),
            KeyFigure::new(shown(found.log_det, 1), "log-determinant"),
        ]));
        let filled = found.histogram.iter().filter(|bin| bin.share > 0.0);
        let grid = filled.fold(Grid::new(["cosine from", "to", "share of pairs"]), |grid, bin| {
            grid.row([Cell::Number(bin.from, 2), Cell::Number(bin.to, 2), Cell::Share(bin.share)])
        });
        section =
            section.with(grid.caption("Cosine of pairs: a peak near 1 means rows that repeat each other"));
        #[cfg(feature = "charts")]
        if !found.drawn.is_empty() {
            section = section.picture(
                look,
                "Similarity of pairs",
                "How to read it: the farther to the left the pairs are, the more different the rows; a second peak near 1 are copies.",
                |style| draw(found, style),
            )?;
        }
        #[cfg(not(feature = "charts"))]
        let _ = look;
        if !found.groups.is_empty() {
            let headers =
                ["group", "rows", "similarity", "95 %", "Vendi", "most like", "cosine to it", "redundant"];
            let grid = found.groups.iter().fold(Grid::new(headers), |grid, group| {
                grid.row([
                    Cell::text(&group.group),
                    Cell::count(group.rows),
                    Cell::number(group.mean_similarity, 3),
                    group.low.zip(group.high).map_or(Cell::Missing, |(low, high)| Cell::Range(low, high, 3)),
                    Cell::number(group.vendi, 1),
                    group.nearest.as_ref().map_or(Cell::Missing, Cell::text),
                    Cell::number(group.nearest_similarity, 3),
                    Cell::text(if group.redundant { "yes" } else { "no" }),
                ])
            });
            section = section.with(grid.caption(
                "A group is redundant when its rows are as similar to another group's as to each other",
            ));
        }
        Ok(section)
    }

    #[cfg(feature = "charts")]
    fn picture(
        found: &DiversityReport,
        _flag: &str,
        _data: &Data,
        _seed: u64,
        style: Style,
    ) -> Result<Picture> {
        draw(found, style)
    }
}

#[cfg(feature = "charts")]
fn draw(found: &DiversityReport, style: Style) -> Result<Picture> {
    let subtitle = format!("{} drawn at random", counted(found.drawn.len(), "pair"));
    Histogram::new(&found.drawn, "cosine").unit("pairs").draw(&style.subtitle(subtitle))
}
