//! The graph of nearest rows, kept in a file for the commands that need it.

use std::io::Write;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Analysis, Context, Needs};
use crate::data::{Data, Role};
use crate::error::{Error, Result};
use crate::number::fixed;
use crate::rows::graph::metric_name;
use crate::rows::{DistinctRows, Graph, Metric};
use crate::view::{Block, KeyFigure, Look, Section};

/// The distance of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum GraphMetric {
    /// Euclidean distance.
    #[default]
    Euclidean,
    /// One minus the cosine.
    Cosine,
}

/// Options of [`Knn`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct KnnOptions {
    /// Nearest rows of each row
    #[cfg_attr(feature = "cli", arg(long, short = 'k', value_name = "N", default_value_t = Self::default().k))]
    pub k: usize,
    /// The distance
    #[cfg_attr(feature = "cli", arg(long, value_enum, default_value_t = Self::default().metric))]
    pub metric: GraphMetric,
}

impl Default for KnnOptions {
    fn default() -> Self {
        KnnOptions { k: 100, metric: GraphMetric::Euclidean }
    }
}

/// What a graph is like.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct KnnSummary {
    /// Rows.
    pub rows: usize,
    /// Neighbours of each.
    pub k: usize,
    /// The distance.
    pub metric: &'static str,
    /// The median distance to the nearest row.
    pub median_nearest: Option<f64>,
    /// The median distance to the last neighbour.
    pub median_last: Option<f64>,
    #[serde(skip)]
    file: Vec<u8>,
}

/// The analysis `knn`.
pub struct Knn;

impl Analysis for Knn {
    const NAME: &'static str = "knn";
    const ABOUT: &'static str = "Find the nearest rows of every row, exactly, and keep them in a file";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab knn reviews.parquet -o graph.arrow
  embedlab evaluate reviews.parquet --graph graph.arrow

The file holds ids (list of uint32) and distances (list of float32), a row for each row.";
    const NEEDS: Needs = Needs::Matrix;
    const ROLES: &'static [Role] = &[];
    const SAVES: Option<&'static str> = Some("Write the graph (.arrow)");
    const SAVES_AS: &'static [&'static str] = &["arrow"];
    type Options = KnnOptions;
    type Outcome = KnnSummary;

    fn run(data: &Data, options: &KnnOptions, context: &Context<'_>) -> Result<KnnSummary> {
        let rows = data.matrix()?;
        let metric = match options.metric {
            GraphMetric::Euclidean => Metric::L2,
            GraphMetric::Cosine => Metric::Cosine,
        };
        let distinct = DistinctRows::of(&rows)?;
        let graph = Graph::of_distinct(rows, &distinct, options.k, metric)?.expanded(&distinct, options.k);
        if graph.k() < options.k {
            context.warn(format!("only {} other rows for {} neighbours", graph.k(), options.k));
        }
        let median = |place: usize| {
            let mut distances: Vec<f64> = graph.distances_at(place).collect();
            distances.sort_unstable_by(f64::total_cmp);
            crate::metric::quantile(&distances, 0.5)
        };
        let some = graph.k() > 0;
        Ok(KnnSummary {
            rows: graph.n_rows(),
            k: graph.k(),
            metric: metric_name(metric),
            median_nearest: some.then(|| median(0)),
            median_last: some.then(|| median(graph.k() - 1)),
            file: graph.to_arrow(&distinct)?,
        })
    }

    fn view(found: &KnnSummary, _look: Look) -> Result<Section> {
        let shown = |x: Option<f64>| x.map_or("–".to_owned(), |x| fixed(x, 4));
        Ok(Section::new(Self::NAME, "Nearest rows").with(Block::key_figures([
            KeyFigure::new(found.rows.to_string(), "rows").note(format!("{} neighbours each", found.k)),
            KeyFigure::new(shown(found.median_nearest), "to the nearest")
                .note(format!("median {}", found.metric)),
            KeyFigure::new(shown(found.median_last), "to the last").note("median"),
        ])))
    }

    fn save(found: &KnnSummary, path: &std::path::Path) -> Result<()> {
        crate::output::write_whole(path, |out| {
            out.write_all(&found.file).map_err(|error| Error::io("cannot write", error).file(path))
        })
    }
}
