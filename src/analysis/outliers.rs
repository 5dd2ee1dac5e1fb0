//! Rows that are unlike all others.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{BooleanArray, Float32Array};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::given_graph::needed_graph;
use super::{Analysis, Context, InReport, Needs, NewColumns};
use crate::data::{Data, NewColumn, Role};
use crate::error::{Error, Result};
use crate::number::counted;
use crate::quality::{
    IsolationForestOptions, OUTLIER_NEIGHBORS, OUTLIER_THRESHOLD, OutlierMethod, isolation_forest,
    knn_outliers, local_outlier_factor,
};
use crate::rows::Metric;
use crate::view::{Block, Cell, Grid, Look, Section};

/// Rows that a view lists.
const LISTED: usize = 20;

/// Options of [`OutlierSearch`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct OutlierOptions {
    /// How outliers are found: by the mean distance to the nearest rows, by the local outlier factor, or by an
    /// isolation forest
    #[cfg_attr(feature = "cli", arg(long, value_enum, default_value_t = Self::default().method))]
    pub method: OutlierMethod,
    /// Nearest rows of each row; an isolation forest takes none [default: 10]
    #[cfg_attr(feature = "cli", arg(long, short = 'k', value_name = "N"))]
    pub k: Option<usize>,
    /// From where on a row is an outlier. For knn a lower value flags fewer rows [default: 0.37, which is 1.7
    /// interquartile ranges above the third quartile]; for lof the factor [default: 1.5]; for isolation-forest its
    /// score [default: 0.6]
    #[cfg_attr(feature = "cli", arg(long, value_name = "X"))]
    pub threshold: Option<f64>,
    /// Take the nearest rows from this file, made by `embedlab knn`
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE"))]
    pub graph: Option<PathBuf>,
}

impl Default for OutlierOptions {
    fn default() -> Self {
        OutlierOptions { method: OutlierMethod::Knn, k: None, threshold: None, graph: None }
    }
}

/// Scores of rows, low for outliers.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct OutlierList {
    /// How the scores were made.
    pub method: OutlierMethod,
    /// Neighbours that were looked at; `null` for a forest.
    pub k: Option<usize>,
    /// The distance, factor or score above which a row is an outlier.
    pub threshold: f64,
    /// How many rows are outliers.
    pub n_outliers: usize,
    /// All rows, lowest score first.
    pub rows: Vec<OutlierRow>,
    #[serde(skip)]
    order: Vec<usize>,
    #[serde(skip)]
    flags: Vec<bool>,
    #[serde(skip)]
    texts: Vec<Option<String>>,
}

/// The score of a row.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct OutlierRow {
    /// The row of the file, from 0.
    pub row: usize,
    /// 0 to 1; low is unusual.
    pub score: f64,
}

/// The analysis `outliers`.
pub struct OutlierSearch;

impl Analysis for OutlierSearch {
    const NAME: &'static str = "outliers";
    const ABOUT: &'static str = "Find the rows that are unlike all others, with a score for each row";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab outliers reviews.parquet
  embedlab outliers reviews.parquet -o scored.parquet
  embedlab outliers reviews.parquet --method lof -k 20

A score is between 0 and 1, and low is unusual. It compares the rows of one file; it is no probability.";
    const NEEDS: Needs = Needs::Matrix;
    const ROLES: &'static [Role] = &[Role::Text];
    const WRITES: Option<&'static str> = Some("Write the rows with the columns outlier_score and is_outlier");
    type Options = OutlierOptions;
    type Outcome = OutlierList;

    fn run(data: &Data, options: &OutlierOptions, context: &Context<'_>) -> Result<OutlierList> {
        let forest = options.method == OutlierMethod::IsolationForest;
        Error::refuse_unused("isolation-forest", &[("-k", forest && options.k.is_some())])?;
        let rows = data.matrix()?;
        let k = options.k.unwrap_or(OUTLIER_NEIGHBORS);
        let graph = |k: usize| {
            let metric = if rows.ncols() > 3 { Metric::Cosine } else { Metric::L2 };
            if k >= rows.nrows() && rows.nrows() > 1 {
                context.warn(format!(
                    "only {} other rows, so fewer than {k} neighbours are looked at",
                    rows.nrows() - 1
                ));
            }
            needed_graph(options.graph.as_deref(), rows, k, metric)
        };
        let found = match options.method {
            OutlierMethod::Knn => {
                knn_outliers(&graph(k)?, k, options.threshold.unwrap_or(OUTLIER_THRESHOLD))?
            }
            OutlierMethod::Lof => local_outlier_factor(
                &graph(k)?,
                k,
                options.threshold.unwrap_or(crate::quality::LOF_THRESHOLD),
            )?,
            OutlierMethod::IsolationForest => {
                if options.graph.is_some() {
                    return Err(Error::argument("an isolation forest looks at no nearest rows")
                        .advice("leave out --graph"));
                }
                let forest = IsolationForestOptions::default();
                let threshold = options.threshold.unwrap_or(forest.threshold);
                isolation_forest(rows, &IsolationForestOptions { threshold, seed: context.seed, ..forest })?
            }
        };
        let order = found.order();
        let texts = data.texts()?.unwrap_or_default();
        Ok(OutlierList {
            method: found.method,
            k: found.k,
            threshold: found.threshold,
            n_outliers: found.count(),
            rows: order
                .iter()
                .map(|row| OutlierRow { row: data.row_of_file(*row), score: found.scores[*row] })
                .collect(),
            texts: order.iter().take(LISTED).map(|row| texts.get(*row).cloned().flatten()).collect(),
            flags: found.flags,
            order,
        })
    }

    fn view(found: &OutlierList, _look: Look) -> Result<Section> {
        let how = match found.method {
            OutlierMethod::Knn => "by the mean distance to their nearest rows",
            OutlierMethod::Lof => "by the local outlier factor",
            OutlierMethod::IsolationForest => "by an isolation forest",
        };
        let text = format!("{} of {} stand out {how}.", found.n_outliers, counted(found.rows.len(), "row"));
        let grid = found.rows.iter().zip(&found.texts).zip(&found.order).fold(
            Grid::new(["row", "score", "outlier", "text"]).caption("Most unusual rows first"),
            |grid, ((row, text), at)| {
                grid.row([
                    Cell::count(row.row),
                    Cell::Number(row.score, 3),
                    Cell::text(if found.flags[*at] { "yes" } else { "no" }),
                    text.as_ref().map_or(Cell::Missing, |text| Cell::excerpt(text)),
                ])
            },
        );
        Ok(Section::new(Self::NAME, "Outliers").with(Block::paragraph(text)).with(grid).with(Block::note(
            "Read the texts before removing rows: a rare row may be the one that matters.",
        )))
    }

    fn columns(found: &OutlierList) -> Result<NewColumns> {
        let mut scores = vec![0.0_f32; found.order.len()];
        for (row, at) in found.rows.iter().zip(&found.order) {
            scores[*at] = row.score as f32;
        }
        let columns = vec![
            NewColumn::new("outlier_score", Arc::new(Float32Array::from(scores))),
            NewColumn::new("is_outlier", Arc::new(BooleanArray::from(found.flags.clone()))),
        ];
        Ok(NewColumns { rows: None, columns })
    }

    fn in_report(_data: &Data) -> InReport<OutlierOptions> {
        InReport::Never
    }
}
