//! The score card: how good embeddings are, and what is wrong in a file.

mod card;
mod graphs;
mod labels;
mod looked;
#[cfg(feature = "charts")]
mod pictures;
mod queries;
mod room;
mod verdicts;
mod view;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use card::{DuplicateCounts, LabelCard, Neighbors, OutlierCount, Probe, QueryCard, Sample, ScoreCard};
use graphs::{MOST_ROWS, SAMPLED_QUERIES};
use labels::label_card;
use looked::Looked;
use queries::query_card;
use room::{Room, Way, whole};
use verdicts::findings;

#[cfg(feature = "charts")]
use super::PictureKind;
use super::out_of_fold::Folds;
use super::{Analysis, Context, Cost, Held, InReport, Needs};
#[cfg(feature = "charts")]
use crate::chart::{Picture, Style};
use crate::data::{Budget, Data, Role};
use crate::error::{Error, Result};
use crate::quality::{HUBNESS_NEIGHBORS, Hub, Level, Thresholds};
use crate::rows::RowSource;
use crate::view::{Look, Section};

/// From which level on the command fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum FailOn {
    /// On a warning or a failure.
    Warn,
    /// On a failure.
    Fail,
}

/// Options of [`Evaluate`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct EvaluateOptions {
    /// Nearest rows for hubness, outliers and labels
    #[cfg_attr(feature = "cli", arg(long, short = 'k', value_name = "N", default_value_t = Self::default().k))]
    pub k: usize,
    /// Take the Euclidean graph of this file, made by `embedlab knn`, which needs all rows in memory; without one, above
    /// 100,000 rows the nearest rows are found for a random sample of 10,000, and where the rows do not fit in memory for
    /// as many as do
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE"))]
    pub graph: Option<PathBuf>,
    /// Keep rows in one fold of the label's probes that are linked by at least this cosine, such as 0.95; copies always are
    #[cfg_attr(feature = "cli", arg(long, value_name = "COSINE"))]
    pub split_by_similarity: Option<f64>,
    /// Also look at these queries against the rows
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE"))]
    pub queries: Option<PathBuf>,
    /// Other limits of the findings, as a TOML file
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE.toml"))]
    pub thresholds: Option<PathBuf>,
    /// Exit with 1 when a finding is at least this bad
    #[cfg_attr(feature = "cli", arg(long, value_enum, value_name = "LEVEL"))]
    pub fail_on: Option<FailOn>,
}

impl Default for EvaluateOptions {
    fn default() -> Self {
        EvaluateOptions {
            k: HUBNESS_NEIGHBORS,
            graph: None,
            split_by_similarity: None,
            queries: None,
            thresholds: None,
            fail_on: None,
        }
    }
}

/// The analysis `evaluate`.
pub struct Evaluate;

impl Analysis for Evaluate {
    const NAME: &'static str = "evaluate";
    const ABOUT: &'static str =
        "Tell how good the embeddings are and what is wrong in the file, with a verdict";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab evaluate reviews.parquet
  embedlab evaluate reviews.parquet --label Score -o card.html
  embedlab evaluate reviews.parquet --fail-on fail --thresholds limits.toml
  embedlab evaluate reviews.parquet --queries queries.parquet --json

Each finding says what is usual for text embedding models. Take it as a reason to look, not as a grade.";
    const NEEDS: Needs = Needs::Blocks;
    const ROLES: &'static [Role] = &[Role::Text, Role::Label];
    #[cfg(feature = "charts")]
    const PICTURES: &'static [PictureKind] = pictures::KINDS;
    type Options = EvaluateOptions;
    type Outcome = ScoreCard;

    /// The least of what all rows in memory take and of what passes over them take.
    fn memory(options: &EvaluateOptions, rows: usize, dims: usize) -> u64 {
        whole(rows, dims).min(Room::least(options, rows, dims).work())
    }

    fn cost(options: &EvaluateOptions, rows: usize, dims: usize, memory: Budget) -> Result<Cost> {
        if let Way::Blocks(room) = Way::of(options, rows, dims, memory) {
            return Ok(room.cost(dims));
        }
        let cost = Cost::all_rows_or_sample(rows, dims, memory, |rows| whole(rows, dims));
        let used = match cost.held {
            Held::Sample(drawn) if options.graph.is_none() => drawn,
            Held::Sample(_) => return Ok(Cost::all_rows().work(whole(rows, dims))),
            // In blocks less would be enough.
            Held::All if Way::of(options, rows, dims, memory) == Way::Neither && options.graph.is_none() => {
                return Ok(Room::least(options, rows, dims).cost(dims));
            }
            Held::All | Held::Blocks => rows,
        };
        let queries = if used > MOST_ROWS { SAMPLED_QUERIES } else { used };
        let cost = cost.products(2.0 * used as f64 * queries as f64 * dims as f64);
        Ok(if used > MOST_ROWS {
            cost.sampled("rows that are asked for their nearest", queries)
        } else {
            cost
        })
    }

    fn run(data: &Data, options: &EvaluateOptions, context: &Context<'_>) -> Result<ScoreCard> {
        let thresholds = match &options.thresholds {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| Error::io("cannot open", error).file(path))?;
                Thresholds::with(&text).map_err(|error| error.file(path))?
            }
            None => Thresholds::usual()?,
        };
        let mut card = score_card(data, options, Looked::at(data, options, context.seed)?, context)?;
        card.findings = findings(&card, &thresholds);
        let worst = card.findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok);
        card.failed = match options.fail_on {
            Some(FailOn::Warn) => worst >= Level::Warn,
            Some(FailOn::Fail) => worst >= Level::Fail,
            None => false,
        };
        Ok(card)
    }

    fn view(card: &ScoreCard, look: Look) -> Result<Section> {
        view::view(Self::NAME, card, look)
    }

    #[cfg(feature = "charts")]
    fn picture(card: &ScoreCard, flag: &str, _data: &Data, _seed: u64, style: Style) -> Result<Picture> {
        pictures::draw(card, flag, style)
    }

    fn reads(options: &EvaluateOptions) -> Vec<PathBuf> {
        [&options.graph, &options.queries, &options.thresholds].into_iter().flatten().cloned().collect()
    }

    fn in_report(data: &Data) -> InReport<EvaluateOptions> {
        if data.table().n_rows() > 20_000 {
            return InReport::LeftOut(
                "the score card of so many rows takes long: use `embedlab evaluate`".into(),
            );
        }
        InReport::Yes(EvaluateOptions::default())
    }

    fn is_failure(card: &ScoreCard) -> bool {
        card.failed
    }
}

/// The card of what was found, without its verdicts.
fn score_card(
    data: &Data,
    options: &EvaluateOptions,
    looked: Looked<'_>,
    context: &Context<'_>,
) -> Result<ScoreCard> {
    let mut found = looked.figures;
    let labels = match data.column_of(Role::Label) {
        Some(column) => {
            let folds = Folds { seed: context.seed, split_by_similarity: options.split_by_similarity };
            label_card(column, (data, &looked.reach), &looked.near, options.k, folds, context)?
        }
        None => None,
    };
    if let Some(error) = labels.as_ref().and_then(|labels| labels.agreement_error) {
        found.standard_errors.insert("agreement".to_owned(), error);
    }
    let queries = match &options.queries {
        Some(path) => {
            let queries = data.open_beside(path)?;
            let card = query_card(data, looked.near.lists(), queries.matrix()?, options.k);
            Some(card.map_err(|error| error.file(path))?)
        }
        None => None,
    };
    let occurrences = std::mem::take(&mut found.hubness.occurrences);
    let hubs = found.hubness.worst_hubs;
    Ok(ScoreCard {
        rows: data.n_rows(),
        drawn: data.drawn(),
        dims: data.dims(),
        geometry: looked.shape,
        intrinsic_dimension: found.intrinsic_dimension,
        duplicates: DuplicateCounts {
            exact_text: looked.repeated_texts,
            exact_vector: looked.repeated,
            near: found.near,
        },
        outliers: found.outliers,
        row_order: found.row_order,
        hub_texts: data.texts_of(&hubs.iter().map(|hub| hub.row).collect::<Vec<_>>())?,
        neighbors: Neighbors {
            k: found.hubness.k,
            hubness_skew: found.hubness.hubness_skew,
            robin_hood: found.hubness.robin_hood,
            anti_hubs: found.hubness.anti_hubs,
            hubs: found.hubness.hubs,
            islands: found.hubness.islands,
            island_share: found.hubness.island_share,
            worst_hubs: hubs
                .iter()
                .map(|hub| Hub { row: data.row_of_file(hub.row), count: hub.count })
                .collect(),
        },
        labels,
        queries,
        sample: looked
            .near
            .sampled()
            .map(|queries| Sample { queries, standard_errors: found.standard_errors }),
        cosines: looked.cosines,
        occurrences,
        findings: Vec::new(),
        failed: false,
    })
}
