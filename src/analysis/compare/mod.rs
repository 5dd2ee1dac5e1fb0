//! Two sets of vectors of the same rows: may the model be changed?

mod gate;
mod inputs;
#[cfg(feature = "charts")]
mod maps;
mod view;

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Analysis, Context, Cost, Needs, NewColumns};
use crate::compare::{
    PairedScore, Sides, Space, cka, distance_correlation, information_imbalance, neighbor_overlap,
    paired_retrieval, paired_scores,
};
use crate::data::{Budget, Data, NewColumn, Role};
use crate::error::{Error, Result};
use crate::metric::{BootstrapOptions, bootstrap};
use crate::quality::{HUBNESS_NEIGHBORS, INTRINSIC_NEIGHBORS};
use crate::rows::{Metric, RowSource, all_rows};
use crate::table::Labels;
use crate::view::{Look, Section};

/// Above this many rows a random sample of as many is compared.
const MOST_ROWS: usize = 100_000;

/// Passes over each file: its graph, its shape, and what both are measured by together.
const PASSES: usize = 16;

/// Rows that changed most, in the result.
const LISTED: usize = 20;

/// Options of [`Compare`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct CompareOptions {
    /// The second file: the same rows by another model
    #[cfg_attr(feature = "cli", arg(index = 2, value_name = "OTHER"))]
    pub other: Option<PathBuf>,
    /// The vector column of the second file
    #[cfg_attr(feature = "cli", arg(long, value_name = "COL"))]
    pub other_vector: Option<String>,
    /// Match the rows by this column of both files; default: by their order
    #[cfg_attr(feature = "cli", arg(long, value_name = "COL"))]
    pub id: Option<String>,
    /// Nearest rows of each row
    #[cfg_attr(feature = "cli", arg(long, short = 'k', value_name = "N", default_value_t = Self::default().k))]
    pub k: usize,
    /// Queries by the first model and the same queries by the second
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "FILE,FILE", value_delimiter = ',', requires = "qrels")
    )]
    pub queries: Vec<PathBuf>,
    /// Which rows are worth finding for which query (TREC or BEIR qrels; ids of --id, else row numbers)
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE", requires = "queries"))]
    pub qrels: Option<PathBuf>,
    /// Exit with 1 when a figure is below its limit; of scores the second minus the first, as in
    /// overlap=0.6,accuracy=-0.01
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "NAME=LIMIT", value_delimiter = ',', value_parser = gate::limit, allow_hyphen_values = true)
    )]
    pub fail_under: Vec<(String, f64)>,
}

impl Default for CompareOptions {
    fn default() -> Self {
        CompareOptions {
            other: None,
            other_vector: None,
            id: None,
            k: HUBNESS_NEIGHBORS,
            queries: Vec::new(),
            qrels: None,
            fail_under: Vec::new(),
        }
    }
}

/// How two sets of vectors of the same rows differ.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ComparisonReport {
    /// Rows that both have.
    pub rows: usize,
    /// Rows that only the first file has.
    pub only_a: usize,
    /// Rows that only the second file has.
    pub only_b: usize,
    /// Numbers of each row, in the first file and in the second.
    pub dims: (usize, usize),
    /// The rows that were compared, when not all.
    pub sampled_rows: Option<usize>,
    /// The nearest rows in common.
    pub neighbor_overlap: NeighborOverlap,
    /// Which of the two loses what; `null` with fewer than two rows.
    pub information_imbalance: Option<crate::compare::InformationImbalance>,
    /// Linear centred kernel alignment.
    pub cka: Option<f64>,
    /// The same from unbiased estimates.
    pub cka_debiased: Option<f64>,
    /// Spearman's correlation of the distances of pairs of rows.
    pub distance_correlation: Option<f64>,
    /// The score cards side by side.
    pub scores: Vec<PairedScore>,
    /// The rows with the fewest nearest rows in common.
    pub most_changed: Vec<ChangedRow>,
    /// What `fail_under` asked for and was not reached.
    pub below: Vec<String>,
    #[cfg(feature = "charts")]
    #[serde(skip)]
    maps: maps::MapRows,
    #[serde(skip)]
    names: (String, String),
    #[serde(skip)]
    texts: Vec<Option<String>>,
    /// The overlap of each row of the data.
    #[serde(skip)]
    overlaps: Vec<Option<f64>>,
}

/// The share of the nearest rows that both sets have in common.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct NeighborOverlap {
    /// Nearest rows of each row.
    pub k: usize,
    /// The mean share.
    pub value: f64,
    /// Lower end of its 95 % interval (bootstrap over rows).
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// The share that two unrelated sets have in common.
    pub by_chance: f64,
}

/// A row whose nearest rows are others.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct ChangedRow {
    /// The row of the first file, from 0.
    pub row: usize,
    /// The share of its nearest rows in common.
    pub overlap: f64,
}

/// The analysis `compare`.
pub struct Compare;

impl Analysis for Compare {
    const NAME: &'static str = "compare";
    const ABOUT: &'static str =
        "Compare two models' vectors of the same rows: what changes, and what is lost";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab compare old.parquet new.parquet --label Score
  embedlab compare old.parquet new.parquet --id Id -o changed.csv --save maps.html
  embedlab compare old.parquet new.parquet --fail-under overlap=0.6,accuracy=-0.01

Row by row the two files hold the same texts. Differences are the second file minus the first.";
    const NEEDS: Needs = Needs::Blocks;
    const ROLES: &'static [Role] = &[Role::Text, Role::Label];
    const WRITES: Option<&'static str> =
        Some("Write the rows with the share of their nearest rows in common");
    #[cfg(feature = "charts")]
    const SAVES: Option<&'static str> = Some("Write a page with the two maps side by side (.html)");
    #[cfg(feature = "charts")]
    const SAVES_AS: &'static [&'static str] = &["html"];
    type Options = CompareOptions;
    type Outcome = ComparisonReport;

    fn memory(options: &CompareOptions, rows: usize, dims: usize) -> u64 {
        let (rows, near) = (rows.min(MOST_ROWS), INTRINSIC_NEIGHBORS.max(options.k));
        // One graph while it is made, the other, and what the shapes of both are taken from.
        (rows * (48 * near + 500) + 48 * dims * dims + 50_000_000) as u64
    }

    fn cost(options: &CompareOptions, rows: usize, dims: usize, _memory: Budget) -> Result<Cost> {
        let used = rows.min(MOST_ROWS);
        let cost = Cost { passes: PASSES, ..Cost::all_rows() }.at_most();
        let cost = cost.work(Self::memory(options, rows, dims)).products((used as f64).powi(2) * dims as f64);
        Ok(if used < rows { cost.sampled("rows that are compared", used) } else { cost })
    }

    fn run(data: &Data, options: &CompareOptions, context: &Context<'_>) -> Result<ComparisonReport> {
        if options.k == 0 {
            return Err(Error::argument("no nearest rows to compare").advice("ask for -k 10"));
        }
        gate::check(&options.fail_under)?;
        let pair = inputs::pair(data, options, context)?;
        let both = (data.picked(&pair.rows_a)?, pair.second.picked(&pair.rows_b)?);
        let (a, b) = (both.0.as_ref(), both.1.as_ref());
        let n = pair.rows_a.len();
        // Only one of the two is in memory at a time, and only for its graph.
        let space = |rows: &dyn RowSource| {
            let space = Space::of(all_rows(rows)?.view(), options.k, context.seed)?;
            context.check_stop().map(|()| space)
        };
        let (space_a, space_b) = (space(a)?, space(b)?);
        let overlap = neighbor_overlap(&space_a.cosine, &space_b.cosine, options.k);
        let k = options.k.min(space_a.cosine.k()).min(space_b.cosine.k());
        let seed = context.seed;
        let interval = bootstrap(n, &BootstrapOptions { seed, ..Default::default() }, |times| {
            let drawn = times.iter().zip(&overlap);
            drawn.map(|(times, overlap)| f64::from(*times) * overlap).sum::<f64>() / n as f64
        })?;
        let labels = labels(data, &pair.rows_a)?;
        let sides = Sides { a: (a, &space_a), b: (b, &space_b) };
        let (mut scores, warnings) = paired_scores(&sides, labels.as_ref(), options.k, seed)?;
        warnings.into_iter().for_each(|warning| context.warn(warning));
        if let Some(asked) = inputs::queries(data, options, &pair)? {
            let (queries_a, queries_b) = (asked.a.matrix()?, asked.b.matrix()?);
            scores.extend(paired_retrieval((a, queries_a), (b, queries_b), &asked.judgements, seed)?);
        }
        let alignment = cka(a, b)?;
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|x, y| overlap[*x].total_cmp(&overlap[*y]).then(x.cmp(y)));
        order.truncate(LISTED);
        let texts = data.texts()?.unwrap_or_default();
        let mut overlaps = vec![None; data.table().n_rows()];
        pair.rows_a.iter().zip(&overlap).for_each(|(row, overlap)| overlaps[*row] = Some(*overlap));
        let mut found = ComparisonReport {
            rows: pair.matched,
            only_a: pair.only_a,
            only_b: pair.only_b,
            dims: (a.dims(), b.dims()),
            sampled_rows: (n < pair.matched).then_some(n),
            neighbor_overlap: NeighborOverlap {
                k,
                value: overlap.iter().sum::<f64>() / n as f64,
                low: interval.low,
                high: interval.high,
                by_chance: if n > 1 { (k as f64 / (n - 1) as f64).min(1.0) } else { 0.0 },
            },
            information_imbalance: information_imbalance(a, b, Metric::Cosine, seed)?,
            cka: alignment.plain,
            cka_debiased: alignment.debiased,
            distance_correlation: distance_correlation(a, b, Metric::Cosine, seed)?,
            scores,
            texts: order.iter().map(|row| texts.get(pair.rows_a[*row]).cloned().flatten()).collect(),
            most_changed: order
                .iter()
                .map(|row| ChangedRow { row: data.row_of_file(pair.rows_a[*row]), overlap: overlap[*row] })
                .collect(),
            below: Vec::new(),
            #[cfg(feature = "charts")]
            maps: maps::MapRows::new(
                (a, b),
                &overlap,
                |row| {
                    let row = pair.rows_a[row];
                    (data.row_of_file(row), texts.get(row).cloned().flatten())
                },
                seed,
            )?,
            names: (data.name().to_owned(), pair.second.name().to_owned()),
            overlaps,
        };
        found.below = gate::below(&found, &options.fail_under)?;
        Ok(found)
    }

    fn view(found: &ComparisonReport, look: Look) -> Result<Section> {
        view::section(found, look)
    }

    fn columns(found: &ComparisonReport) -> Result<NewColumns> {
        let values: ArrayRef = Arc::new(found.overlaps.iter().copied().collect::<Float64Array>());
        Ok(NewColumns { rows: None, columns: vec![NewColumn::new("neighbor_overlap", values)] })
    }

    #[cfg(feature = "charts")]
    fn save(found: &ComparisonReport, path: &std::path::Path) -> Result<()> {
        found.maps.page([&found.names.0, &found.names.1])?.save(path)
    }

    fn is_failure(found: &ComparisonReport) -> bool {
        !found.below.is_empty()
    }
}

/// The labels of the compared rows, when there is a label column.
fn labels(data: &Data, rows: &[usize]) -> Result<Option<Labels>> {
    let Some(column) = data.column_of(Role::Label) else { return Ok(None) };
    let all = data.table().labels(column)?;
    Ok(Some(Labels { codes: rows.iter().map(|row| all.codes[*row]).collect(), names: all.names }))
}
