//! Whether a file has changed against an earlier one.

use std::path::PathBuf;

use ndarray::{ArrayView2, Axis};
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::drift_groups::{Both, ClusterShare, NewRegion, new_regions, shares};
use super::given_graph::needed_graph;
use super::out_of_fold::{Folds, out_of_fold};
use super::{Analysis, Context, Needs};
use crate::data::{Data, Role};
use crate::error::{Error, Result};
use crate::metric::{BootstrapOptions, roc, roc_area_interval};
use crate::model::ModelKind;
use crate::number::{counted, fixed, p_equals, percent};
use crate::quality::{mmd, outside};
use crate::rows::{Metric, group_means};
use crate::view::{Block, Cell, Grid, KeyFigure, Look, Section};

/// The most rows of each side for what compares all pairs, or fits models.
const MOST_ROWS: usize = 2000;

/// New rows that a view lists.
const LISTED: usize = 10;

/// Options of [`Drift`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct DriftOptions {
    /// The later file
    #[cfg_attr(feature = "cli", arg(index = 2, value_name = "OTHER"))]
    pub other: Option<PathBuf>,
    /// Shuffles of the permutation test
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", default_value_t = Self::default().permutations))]
    pub permutations: usize,
    /// Clusters of the first file whose shares are compared
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", default_value_t = Self::default().clusters))]
    pub clusters: usize,
    /// Take the nearest rows of the first file from this file, made by `embedlab knn`
    #[cfg_attr(feature = "cli", arg(long, value_name = "GRAPH"))]
    pub graph: Option<PathBuf>,
    /// Exit with 1 when the permutation test gives less than this
    #[cfg_attr(feature = "cli", arg(long, value_name = "P"))]
    pub fail_on: Option<f64>,
}

impl Default for DriftOptions {
    fn default() -> Self {
        DriftOptions { other: None, permutations: 999, clusters: 10, graph: None, fail_on: None }
    }
}

/// How two files differ.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DriftReport {
    /// Rows of the first file.
    pub n_a: usize,
    /// Rows of the second.
    pub n_b: usize,
    /// Rows of each that the test and the classifier have seen.
    pub compared: (usize, usize),
    /// Unbiased MMD².
    pub mmd2: f64,
    /// Its p-value by permutation.
    pub mmd_p: f64,
    /// How well a logistic regression tells the files apart.
    pub auc: Option<Auc>,
    /// The cosine of the two mean rows, and their distance.
    pub mean_shift: MeanShift,
    /// The clusters of the first file.
    pub shares: Vec<ClusterShare>,
    /// Rows of the second file that are far from all rows of the first, farthest first.
    pub new_rows: Vec<NewRow>,
    /// The share of those; 0.01 is usual when nothing has changed.
    pub new_share: f64,
    /// Groups that those rows make, largest first, at most ten.
    pub new_regions: Vec<NewRegion>,
    #[serde(skip)]
    failed: bool,
    #[serde(skip)]
    texts: Vec<Option<String>>,
}

/// An area under a ROC curve: 0.5 is no difference.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Auc {
    /// The area.
    pub value: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// How the mean row has moved.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct MeanShift {
    /// The cosine of the two means; `null` when one is zero.
    pub cosine: Option<f64>,
    /// Their Euclidean distance.
    pub distance: f64,
}

/// A row that is far from all rows of the first file.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct NewRow {
    /// The row of the second file, from 0.
    pub row: usize,
    /// Its cosine distance to the nearest row of the first.
    pub distance: f64,
    /// That row of the first file.
    pub nearest: usize,
}

/// The analysis `drift`.
pub struct Drift;

impl Analysis for Drift {
    const NAME: &'static str = "drift";
    const ABOUT: &'static str = "Tell whether the rows of a second file come from the same distribution";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab drift january.parquet february.parquet
  embedlab drift january.parquet february.parquet --fail-on 0.01

A small p-value says that there is a difference; the AUC says how large it is: 0.5 none, 1 complete.";
    const NEEDS: Needs = Needs::Matrix;
    const ROLES: &'static [Role] = &[Role::Text];
    type Options = DriftOptions;
    type Outcome = DriftReport;

    fn run(data: &Data, options: &DriftOptions, context: &Context<'_>) -> Result<DriftReport> {
        let Some(path) = &options.other else {
            return Err(
                Error::argument("drift compares two files").advice("name the second file after the first")
            );
        };
        if options.fail_on.is_some_and(|p| !(0.0..=1.0).contains(&p)) {
            return Err(Error::argument("--fail-on takes a p-value, 0 to 1").advice("0.01 is usual"));
        }
        let second = data.open_beside(path)?;
        let (a, b) = (data.matrix()?, second.matrix()?);
        if a.ncols() != b.ncols() {
            return Err(Error::argument("two files of different dimensions")
                .with_code("dimensions-differ")
                .file(path)
                .seen(format!("{} and {}", a.ncols(), b.ncols()))
                .advice("compare vectors of the same model"));
        }
        let sample = |rows: ArrayView2<'_, f32>, stream: u64| {
            if rows.nrows() <= MOST_ROWS {
                return rows.to_owned();
            }
            let mut random = ChaCha8Rng::seed_from_u64(context.seed);
            random.set_stream(stream);
            let mut picked = index::sample(&mut random, rows.nrows(), MOST_ROWS).into_vec();
            picked.sort_unstable();
            rows.select(Axis(0), &picked)
        };
        let (small_a, small_b) = (sample(a, 1), sample(b, 2));
        let test = mmd(small_a.view(), small_b.view(), options.permutations, context.seed)?;
        let pooled = ndarray::concatenate(Axis(0), &[small_a.view(), small_b.view()])
            .map_err(|error| Error::argument("two files that do not fit together").source(error))?;
        let classes: Vec<usize> =
            (0..pooled.nrows()).map(|row| usize::from(row >= small_a.nrows())).collect();
        let auc = auc(pooled.view(), &classes, context)?;
        let mean = |rows: ArrayView2<'_, f32>| {
            group_means(&rows, &vec![Some(0); rows.nrows()], 1).map(|means| means.means)
        };
        let (mean_a, mean_b) = (mean(a)?, mean(b)?);
        let squared = |x: &ndarray::Array2<f32>| x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
        let product: f64 = mean_a.iter().zip(&mean_b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        let lengths = (squared(&mean_a) * squared(&mean_b)).sqrt();
        let graph = needed_graph(options.graph.as_deref(), a, 1, Metric::Cosine)?;
        let own: Vec<f64> = graph.distances_at(0).collect();
        let new = outside(&a, &own, b)?;
        let (texts_a, texts_b) = (data.texts()?, second.texts()?);
        let texts = texts_b.clone().unwrap_or_default();
        let both = Both { a, b, texts: texts_a.zip(texts_b).map(|(a, b)| [a, b].concat()) };
        Ok(DriftReport {
            n_a: a.nrows(),
            n_b: b.nrows(),
            compared: (small_a.nrows(), small_b.nrows()),
            mmd2: test.mmd2,
            mmd_p: test.p,
            auc,
            mean_shift: MeanShift {
                cosine: (lengths > 0.0).then(|| (product / lengths).clamp(-1.0, 1.0)),
                distance: squared(&(&mean_a - &mean_b)).sqrt(),
            },
            shares: shares(&both, options.clusters, context)?,
            new_regions: new_regions(&both, &new, &second)?,
            new_share: new.rows.len() as f64 / b.nrows().max(1) as f64,
            texts: new.rows.iter().take(LISTED).map(|row| texts.get(*row).cloned().flatten()).collect(),
            new_rows: new
                .rows
                .iter()
                .map(|row| NewRow {
                    row: second.row_of_file(*row),
                    distance: new.distances[*row],
                    nearest: data.row_of_file(new.nearest[*row]),
                })
                .collect(),
            failed: options.fail_on.is_some_and(|limit| test.p < limit),
        })
    }

    fn view(found: &DriftReport, _look: Look) -> Result<Section> {
        let verdict = if found.mmd_p < 0.01 {
            "The two files differ"
        } else if found.mmd_p < 0.05 {
            "The two files may differ"
        } else {
            "No difference is seen"
        };
        let verdict = format!("{verdict} ({}).", p_equals(found.mmd_p));
        let mut figures = vec![
            KeyFigure::new(fixed(found.mmd_p, 3), "p-value").note("MMD, permutation test"),
            KeyFigure::new(fixed(found.mmd2, 5), "MMD²"),
        ];
        if let Some(auc) = found.auc {
            figures.push(KeyFigure::new(fixed(auc.value, 3), "AUC").note(format!(
                "95 %: {} to {}",
                fixed(auc.low, 3),
                fixed(auc.high, 3)
            )));
        }
        figures.push(KeyFigure::new(percent(found.new_share), "new rows").note("1 % is usual without drift"));
        let mut section = Section::new(Self::NAME, "Drift")
            .with(Block::paragraph(format!(
                "{verdict} The first has {}, the second {}.",
                counted(found.n_a, "row"),
                counted(found.n_b, "row")
            )))
            .headline(verdict)
            .with(Block::key_figures(figures));
        if found.compared != (found.n_a, found.n_b) {
            section = section.with(Block::note(format!(
                "The test and the classifier have seen a random {} and {} rows.",
                found.compared.0, found.compared.1
            )));
        }
        let shares = found.shares.iter().fold(
            Grid::new(["cluster", "share before", "share now", "95 %", "words"]),
            |grid, share| {
                grid.row([
                    Cell::count(share.cluster),
                    Cell::Share(share.share_a),
                    Cell::Share(share.share_b),
                    Cell::Range(share.low, share.high, 3),
                    Cell::text(share.terms.join(", ")),
                ])
            },
        );
        if !found.shares.is_empty() {
            section =
                section.with(shares.caption("Clusters of the first file, and their share of both files"));
        }
        if !found.new_regions.is_empty() {
            let new = found.new_regions.iter().fold(
                Grid::new(["rows", "share now", "95 %", "words", "first row"]),
                |grid, region| {
                    grid.row([
                        Cell::count(region.rows.len()),
                        Cell::Share(region.share),
                        Cell::Range(region.low, region.high, 3),
                        Cell::text(region.terms.join(", ")),
                        Cell::number(region.rows.first().map(|row| *row as f64), 0),
                    ])
                },
            );
            let caption =
                "New regions: rows of the second file that are near each other and far from the first";
            section = section.with(new.caption(caption));
        }
        if !found.new_rows.is_empty() {
            let new = found.new_rows.iter().zip(&found.texts).fold(
                Grid::new(["row", "distance to the nearest", "text"]),
                |grid, (row, text)| {
                    grid.row([
                        Cell::count(row.row),
                        Cell::Number(row.distance, 3),
                        text.as_ref().map_or(Cell::Missing, |text| Cell::excerpt(text)),
                    ])
                },
            );
            section = section.with(new.caption("Rows of the second file that are farthest from the first"));
        }
        Ok(section)
    }

    fn reads(options: &DriftOptions) -> Vec<PathBuf> {
        options.other.iter().chain(&options.graph).cloned().collect()
    }

    fn is_failure(found: &DriftReport) -> bool {
        found.failed
    }
}

/// The AUC of a logistic regression in five folds; copies stay on one side, so that nothing is known by heart.
fn auc(rows: ArrayView2<'_, f32>, classes: &[usize], context: &Context<'_>) -> Result<Option<Auc>> {
    if classes.iter().filter(|class| **class == 0).count().min(classes.iter().sum()) < 10 {
        context.warn("fewer than 10 rows in one file: no classifier");
        return Ok(None);
    }
    let names = ["a", "b"].map(str::to_owned);
    let folds = Folds { seed: context.seed, split_by_similarity: None };
    let found = out_of_fold(rows, classes, &names, ModelKind::Logistic, folds)?;
    let truth: Vec<bool> = classes.iter().map(|class| *class == 1).collect();
    let scores: Vec<f64> = found.column(1).to_vec();
    let Some(value) = roc(&truth, &scores)?.area else { return Ok(None) };
    let options = BootstrapOptions { seed: context.seed, ..Default::default() };
    let interval = roc_area_interval(&truth, &scores, &options)?;
    Ok(Some(Auc { value, low: interval.low, high: interval.high }))
}
