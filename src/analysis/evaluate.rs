//! The score card: how good embeddings are, and what is wrong in a file.

use std::path::PathBuf;

use ndarray::{ArrayView2, Axis};
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::knn::given_graph;
use super::label_errors::predicted;
use super::{Analysis, Context, InReport, Needs};
use crate::cluster::{KMeans, SilhouetteOptions, silhouette};
use crate::data::{Data, OpenOptions, Role};
use crate::error::{Error, Result};
use crate::metric::agreement;
use crate::model::ModelKind;
use crate::number::{counted, fixed, percent};
use crate::quality::{
    DistinctRows, Finding, Geometry, GeometryOptions, Graph, HUBNESS_NEIGHBORS, Hub, INTRINSIC_NEIGHBORS,
    IntrinsicDimension, Level, NEAR_DUPLICATE_COSINE, OUTLIER_NEIGHBORS, OUTLIER_THRESHOLD, Pair, Thresholds,
    equal_texts, geometry, hubness, intrinsic_dimension, knn_outliers, label_errors, near_groups, near_pairs,
    outside, removed_of, row_order,
};
use crate::rows::Metric;
use crate::view::{Block, Cell, Grid, KeyFigure, Look, Quote, Section};

/// Above this many rows neighbours are looked for among a random sample of as many.
const MOST_ROWS: usize = 100_000;

/// The most rows that probes of the label see.
const MOST_PROBED: usize = 5_000;

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
    /// Take the Euclidean graph of this file, made by `embedlab knn`
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE"))]
    pub graph: Option<PathBuf>,
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
        EvaluateOptions { k: HUBNESS_NEIGHBORS, graph: None, queries: None, thresholds: None, fail_on: None }
    }
}

/// The score card.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ScoreCard {
    /// Rows.
    pub rows: usize,
    /// Numbers of each.
    pub dims: usize,
    /// The shape of the cloud.
    pub geometry: Geometry,
    /// Its intrinsic dimension.
    pub intrinsic_dimension: IntrinsicDimension,
    /// Hubs and islands.
    pub neighbors: Neighbors,
    /// Rows that would be removed as duplicates.
    pub duplicates: DuplicateCounts,
    /// Odd rows.
    pub outliers: OutlierCount,
    /// Whether the file is in a random order; `null` for too few rows.
    pub row_order: Option<crate::quality::RowOrder>,
    /// What the vectors say about the label; `null` without one.
    pub labels: Option<LabelCard>,
    /// The queries against the rows; `null` without any.
    pub queries: Option<QueryCard>,
    /// The rows that neighbours were looked for among, when not all.
    pub sampled_rows: Option<usize>,
    /// Verdicts, the worst first.
    pub findings: Vec<Finding>,
    #[serde(skip)]
    failed: bool,
    #[serde(skip)]
    hub_texts: Vec<Option<String>>,
}

/// Hubs and islands of the graph of cosine distances.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Neighbors {
    /// Neighbours of each row.
    pub k: usize,
    /// Skewness of how often rows are neighbours.
    pub hubness_skew: Option<f64>,
    /// The share of occurrences that would have to move for all rows to occur equally often.
    pub robin_hood: Option<f64>,
    /// The share of rows that are neighbours of none.
    pub anti_hubs: Option<f64>,
    /// The share of occurrences held by rows with at least 2 k of them.
    pub hubs: Option<f64>,
    /// Small connected parts of the graph.
    pub islands: usize,
    /// The share of rows in them.
    pub island_share: f64,
    /// The rows that come back most often.
    pub worst_hubs: Vec<Hub>,
}

/// Rows that would be removed.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct DuplicateCounts {
    /// With an earlier text; `null` without texts.
    pub exact_text: Option<usize>,
    /// With the numbers of an earlier row.
    pub exact_vector: usize,
    /// Nearly an earlier row (cosine of at least 0.95).
    pub near: usize,
}

/// Odd rows by the mean distance to their nearest rows.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct OutlierCount {
    /// How many; `null` for too few rows.
    pub n: Option<usize>,
    /// The mean distance above which a row is odd.
    pub threshold: Option<f64>,
}

/// The accuracy of a model in five folds.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Probe {
    /// The share of right predictions.
    pub accuracy: f64,
    /// Lower end of its 95 % interval (bootstrap).
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// What the vectors say about a label.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LabelCard {
    /// The column.
    pub column: String,
    /// Rows with a label.
    pub rows: usize,
    /// The rows that the probes have seen.
    pub probed_rows: usize,
    /// The share of the most frequent class.
    pub majority: f64,
    /// Nearest neighbours.
    pub knn: Option<Probe>,
    /// Logistic regression.
    pub logistic: Option<Probe>,
    /// A random forest.
    pub forest: Option<Probe>,
    /// How much nearer rows are to their own class than to the next (cosine).
    pub silhouette: Option<f64>,
    /// V-measure of as many clusters as there are classes.
    pub v_measure: Option<f64>,
    /// The share of the nearest rows with the same label.
    pub agreement: Option<f64>,
    /// The same for any two rows.
    pub agreement_by_chance: Option<f64>,
    /// Labels that are probably wrong, among the probed rows.
    pub label_errors: Option<usize>,
}

/// Queries against the rows.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct QueryCard {
    /// Queries.
    pub n: usize,
    /// The share farther from all rows than 99 % of the rows are from their nearest.
    pub outside: f64,
    /// Skewness of how often rows are among the nearest of queries.
    pub hubness_skew: Option<f64>,
    /// The share of rows that are among the nearest of some query.
    pub coverage: f64,
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
  embedlab evaluate reviews.parquet --label Score --fail-on fail
  embedlab evaluate reviews.parquet --queries queries.parquet --json

Each finding says what is usual for text embedding models. Take it as a reason to look, not as a grade.";
    const NEEDS: Needs = Needs::Matrix;
    const ROLES: &'static [Role] = &[Role::Text, Role::Label];
    type Options = EvaluateOptions;
    type Outcome = ScoreCard;

    fn run(data: &Data, options: &EvaluateOptions, context: &Context<'_>) -> Result<ScoreCard> {
        let thresholds = match &options.thresholds {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| Error::io("cannot open", error).file(path))?;
                Thresholds::with(&text).map_err(|error| error.file(path))?
            }
            None => Thresholds::usual()?,
        };
        let all = data.matrix()?;
        let shape = geometry(&all, &GeometryOptions { seed: context.seed })?;
        let picked = sample(all.nrows(), MOST_ROWS, context.seed);
        if picked.is_some() && options.graph.is_some() {
            return Err(Error::argument("a graph of more rows than are looked at")
                .seen(all.nrows().to_string())
                .advice(format!("leave out --graph; above {MOST_ROWS} rows a random sample is taken")));
        }
        let held = picked.as_ref().map(|picked| all.select(Axis(0), picked));
        let rows = held.as_ref().map_or(all, |held| held.view());
        let row_of = |row: usize| data.row_of_file(picked.as_ref().map_or(row, |picked| picked[row]));
        if let Some(picked) = &picked {
            context.warn(format!("neighbours are those among a random {} rows", picked.len()));
        }
        let graphs = Graphs::of(rows, &shape, options)?;
        let found = hubness(&graphs.cosine, options.k);
        let texts = data.texts()?;
        let text = |row: usize| texts.as_ref().and_then(|texts| texts.get(row).cloned().flatten());
        let place = |row: usize| picked.as_ref().map_or(row, |picked| picked[row]);
        let odd = (rows.nrows() > 1)
            .then(|| knn_outliers(&graphs.cosine, OUTLIER_NEIGHBORS, OUTLIER_THRESHOLD))
            .transpose()?;
        let distinct = &graphs.distinct;
        let labels = match data.column_of(Role::Label) {
            Some(column) => label_card(column, data, rows, &graphs.cosine, &place, options.k, context)?,
            None => None,
        };
        let queries = match &options.queries {
            Some(path) => {
                let queries = Data::open(path, &OpenOptions::default())?;
                Some(
                    query_card(rows, &graphs.cosine, queries.matrix()?, options.k)
                        .map_err(|error| error.file(path))?,
                )
            }
            None => None,
        };
        let mut card = ScoreCard {
            rows: all.nrows(),
            dims: all.ncols(),
            intrinsic_dimension: intrinsic_dimension(&graphs.euclidean, distinct)?,
            duplicates: DuplicateCounts {
                exact_text: texts.as_ref().map(|texts| removed_of(&equal_texts(texts))),
                exact_vector: distinct.repeated(),
                near: removed_of(&near_groups(distinct, &graphs.near_pairs(rows)?)),
            },
            outliers: OutlierCount {
                n: odd.as_ref().map(crate::quality::Outliers::count),
                threshold: odd.map(|odd| odd.threshold),
            },
            row_order: row_order(&graphs.cosine),
            hub_texts: found.worst_hubs.iter().map(|hub| text(place(hub.row))).collect(),
            neighbors: Neighbors {
                k: found.k,
                hubness_skew: found.hubness_skew,
                robin_hood: found.robin_hood,
                anti_hubs: found.anti_hubs,
                hubs: found.hubs,
                islands: found.islands,
                island_share: found.island_share,
                worst_hubs: found
                    .worst_hubs
                    .iter()
                    .map(|hub| Hub { row: row_of(hub.row), count: hub.count })
                    .collect(),
            },
            labels,
            queries,
            sampled_rows: picked.as_ref().map(Vec::len),
            geometry: shape,
            findings: Vec::new(),
            failed: false,
        };
        card.findings = findings(&card, &thresholds, rows.nrows());
        let worst = card.findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok);
        card.failed = match options.fail_on {
            Some(FailOn::Warn) => worst >= Level::Warn,
            Some(FailOn::Fail) => worst >= Level::Fail,
            None => false,
        };
        Ok(card)
    }

    fn view(card: &ScoreCard, look: Look) -> Result<Section> {
        view(card, look)
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

/// A random `most` of `n` rows, ascending; `None` when there are no more.
fn sample(n: usize, most: usize, seed: u64) -> Option<Vec<usize>> {
    (n > most).then(|| {
        let mut picked = index::sample(&mut ChaCha8Rng::seed_from_u64(seed), n, most).into_vec();
        picked.sort_unstable();
        picked
    })
}

/// The exact graphs that all numbers come from.
struct Graphs {
    distinct: DistinctRows,
    /// Of the distinct vectors, with 100 neighbours.
    euclidean: Graph,
    /// Of the distinct vectors.
    cosine_of_distinct: Graph,
    /// Of all rows.
    cosine: Graph,
}

impl Graphs {
    fn of(rows: ArrayView2<'_, f32>, shape: &Geometry, options: &EvaluateOptions) -> Result<Graphs> {
        let distinct = DistinctRows::of(&rows)?;
        let k = options.k.max(OUTLIER_NEIGHBORS);
        let euclidean = match given_graph(&options.graph, rows, &distinct)? {
            Some(graph) if graph.metric() != Metric::L2 => {
                return Err(Error::argument("the score card needs a Euclidean graph")
                    .advice("make it with `embedlab knn FILE --metric euclidean`"));
            }
            Some(graph) => graph.of_first_rows(&distinct),
            None => Graph::of_distinct(rows, &distinct, INTRINSIC_NEIGHBORS.max(k), Metric::L2)?,
        };
        let enough = k.min(distinct.len().saturating_sub(1));
        // Rows of length 1 are ranked alike by both distances.
        let cosine_of_distinct = if shape.norm.is_unit() && euclidean.k() >= enough {
            euclidean.measured_again(rows, Some(&distinct), Metric::Cosine)?
        } else {
            Graph::of_distinct(rows, &distinct, k, Metric::Cosine)?
        };
        let cosine = cosine_of_distinct.expanded(&distinct, k);
        Ok(Graphs { distinct, euclidean, cosine_of_distinct, cosine })
    }

    /// All near pairs: out of the graph, unless a row has more of them than it has neighbours.
    fn near_pairs(&self, rows: ArrayView2<'_, f32>) -> Result<Vec<Pair>> {
        let limit = 1.0 - NEAR_DUPLICATE_COSINE + 1e-9;
        let graph = &self.cosine_of_distinct;
        let all = graph.n_rows().saturating_sub(1);
        let full =
            |row: usize| graph.k() < all && graph.distances(row).last().is_some_and(|last| *last <= limit);
        if (0..graph.n_rows()).any(full) {
            return near_pairs(rows, &self.distinct, Metric::Cosine, 1.0 - NEAR_DUPLICATE_COSINE);
        }
        let first = self.distinct.first_rows();
        let mut pairs = Vec::new();
        for row in 0..graph.n_rows() {
            for (other, distance) in graph.rows(row).iter().zip(graph.distances(row)) {
                if *distance <= limit {
                    let (a, b) = (first[row] as usize, first[*other as usize] as usize);
                    pairs.push(Pair { a: a.min(b), b: a.max(b), distance: *distance });
                }
            }
        }
        Ok(pairs)
    }
}

fn label_card(
    column: &str,
    data: &Data,
    rows: ArrayView2<'_, f32>,
    graph: &Graph,
    place: &dyn Fn(usize) -> usize,
    k: usize,
    context: &Context<'_>,
) -> Result<Option<LabelCard>> {
    let labels = data.table().labels(column)?;
    let codes: Vec<Option<u32>> = (0..rows.nrows()).map(|row| labels.codes[place(row)]).collect();
    let some: Vec<usize> = (0..codes.len()).filter(|row| codes[*row].is_some()).collect();
    let mut counts = vec![0_usize; labels.names.len()];
    codes.iter().flatten().for_each(|code| counts[*code as usize] += 1);
    let classes = counts.iter().filter(|count| **count > 0).count();
    if classes < 2 || 2 * classes > some.len() {
        context.warn(format!(
            "the column {column} has {} for {}, so it is not looked at as a label",
            counted(classes, "class"),
            counted(some.len(), "row")
        ));
        return Ok(None);
    }
    let n = some.len() as f64;
    let (mut same, mut looked) = (0_usize, 0_usize);
    for row in &some {
        for near in graph.rows(*row).iter().take(k) {
            if let Some(code) = codes[*near as usize] {
                looked += 1;
                same += usize::from(Some(code) == codes[*row]);
            }
        }
    }
    let pairs: f64 = counts.iter().map(|count| *count as f64 * (*count as f64 - 1.0)).sum();
    // Probes fit models: a sample is enough for them, and says so.
    let probed: Vec<usize> = match sample(some.len(), MOST_PROBED, context.seed) {
        Some(picked) => picked.into_iter().map(|at| some[at]).collect(),
        None => some.clone(),
    };
    let picked = rows.select(Axis(0), &probed);
    let truth: Vec<usize> = probed.iter().filter_map(|row| codes[*row]).map(|code| code as usize).collect();
    let probe = |kind: ModelKind| {
        context.check_stop()?;
        match predicted(picked.view(), &truth, &labels.names, kind, context.seed) {
            Ok(found) => Ok(Some(found)),
            Err(error) => {
                context.warn(format!("no {} of the label: {error}", kind.name()));
                Ok::<_, Error>(None)
            }
        }
    };
    let scored = |found: &Option<crate::model::ClassificationAnalysis>| {
        found.as_ref().map(|found| Probe {
            accuracy: found.report.accuracy,
            low: found.intervals.accuracy.low,
            high: found.intervals.accuracy.high,
        })
    };
    let logistic = probe(ModelKind::Logistic)?;
    let errors = match &logistic {
        Some(found) => Some(label_errors(&found.truth, found.probabilities.view())?.errors.len()),
        None => None,
    };
    let options = SilhouetteOptions {
        geometry: crate::cluster::Geometry::Spherical,
        seed: context.seed,
        ..Default::default()
    };
    let silhouette = silhouette(&rows, &codes, &options).ok().map(|found| found.mean);
    let clusters = KMeans::params(classes)
        .geometry(crate::cluster::Geometry::Spherical)
        .seed(context.seed)
        .fit_rows(&picked)
        .and_then(|model| model.predict_rows(&picked));
    let v_measure = clusters.ok().and_then(|clusters| {
        let pairs: Vec<(u32, u32)> = truth
            .iter()
            .zip(clusters)
            .filter_map(|(class, cluster)| Some((*class as u32, cluster?)))
            .collect();
        let (classes, clusters): (Vec<u32>, Vec<u32>) = pairs.into_iter().unzip();
        agreement(&classes, &clusters).ok().map(|found| found.v_measure)
    });
    Ok(Some(LabelCard {
        column: column.to_owned(),
        rows: some.len(),
        probed_rows: probed.len(),
        majority: counts.iter().copied().max().unwrap_or(0) as f64 / n,
        knn: scored(&probe(ModelKind::Knn)?),
        logistic: scored(&logistic),
        forest: scored(&probe(ModelKind::Forest)?),
        silhouette,
        v_measure,
        agreement: (looked > 0).then(|| same as f64 / looked as f64),
        agreement_by_chance: (n > 1.0).then(|| pairs / (n * (n - 1.0))),
        label_errors: errors,
    }))
}

fn query_card(
    rows: ArrayView2<'_, f32>,
    graph: &Graph,
    queries: ArrayView2<'_, f32>,
    k: usize,
) -> Result<QueryCard> {
    let own: Vec<f64> = graph.distances_at(0).collect();
    let far = outside(rows, &own, queries)?;
    let near = crate::quality::nearest_rows(rows, queries, k, Metric::Cosine)?;
    let mut counts = vec![0_usize; rows.nrows()];
    near.iter().flatten().for_each(|hit| counts[hit.row] += 1);
    let n = queries.nrows();
    Ok(QueryCard {
        n,
        outside: far.rows.len() as f64 / n.max(1) as f64,
        hubness_skew: crate::quality::skewness(&counts),
        coverage: counts.iter().filter(|count| **count > 0).count() as f64 / rows.nrows().max(1) as f64,
    })
}

fn findings(card: &ScoreCard, thresholds: &Thresholds, looked: usize) -> Vec<Finding> {
    let n = card.rows.max(1) as f64;
    let most = card.dims.min(card.rows.saturating_sub(1)).max(1) as f64;
    let looked = looked.max(1) as f64;
    let duplicates = card.duplicates.exact_text.unwrap_or(0) as f64 / n;
    let labels = card.labels.as_ref();
    let probes = labels.map(|labels| [labels.knn, labels.logistic, labels.forest]);
    let best = probes.and_then(|probes| probes.iter().flatten().map(|probe| probe.low).reduce(f64::max));
    let figures = [
        ("mean_cosine", card.geometry.mean_cosine),
        ("participation_ratio_share", card.geometry.participation_ratio.map(|ratio| ratio / most)),
        ("rogue_dimension", card.geometry.rogue_dimension),
        ("dead_dimensions", Some(card.geometry.dead_dimensions as f64 / card.dims.max(1) as f64)),
        ("zero_rows", Some(card.geometry.zero_rows as f64 / n)),
        ("intrinsic_dimension", card.intrinsic_dimension.gride.last().map(|gride| gride.id)),
        ("hubness_skew", card.neighbors.hubness_skew),
        ("anti_hubs", card.neighbors.anti_hubs),
        ("islands", Some(card.neighbors.island_share)),
        ("exact_duplicates", Some(duplicates.max(card.duplicates.exact_vector as f64 / looked))),
        ("near_duplicates", Some(card.duplicates.near as f64 / looked)),
        ("outliers", card.outliers.n.map(|count| count as f64 / looked)),
        ("row_order", card.row_order.map(|order| order.p_value)),
        ("label_signal", labels.and_then(|labels| Some(best? - labels.majority))),
        (
            "label_errors",
            labels.and_then(|labels| Some(labels.label_errors? as f64 / labels.probed_rows.max(1) as f64)),
        ),
    ];
    let mut findings: Vec<Finding> =
        figures.into_iter().filter_map(|(id, value)| thresholds.judge(id, value)).collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    findings
}

fn view(card: &ScoreCard, look: Look) -> Result<Section> {
    let shown = |x: Option<f64>, decimals| x.map_or("–".to_owned(), |x| fixed(x, decimals));
    let count = |level: Level| card.findings.iter().filter(|finding| finding.level == level).count();
    let verdict = match (count(Level::Fail), count(Level::Warn)) {
        (0, 0) => "Nothing unusual was found.".to_owned(),
        (0, warnings) => format!("{} to look at.", counted(warnings, "finding")),
        (failures, warnings) => {
            format!(
                "{} of concern, {} to look at.",
                counted(failures, "finding"),
                counted(warnings, "finding")
            )
        }
    };
    let shape = &card.geometry;
    let mut section = Section::new(Evaluate::NAME, "Score card").with(Block::paragraph(verdict)).with(
        Block::key_figures([
            KeyFigure::new(shown(shape.mean_cosine, 3), "mean cosine")
                .note(format!("{} after centring", shown(shape.mean_cosine_centered, 3))),
            KeyFigure::new(shown(shape.participation_ratio, 1), "participation ratio")
                .note(format!("of {} dimensions", card.dims)),
            KeyFigure::new(shown(card.intrinsic_dimension.twonn, 1), "intrinsic dimension").note("TwoNN"),
            KeyFigure::new(shown(card.neighbors.hubness_skew, 2), "hubness")
                .note(format!("skewness, k = {}", card.neighbors.k)),
        ]),
    );
    let grid = card.findings.iter().fold(
        Grid::new(["verdict", "figure", "value", "what to do"]),
        |grid, finding| {
            let level = match finding.level {
                Level::Ok => "ok",
                Level::Warn => "warn",
                Level::Fail => "FAIL",
            };
            grid.row([
                Cell::text(level),
                Cell::text(&finding.message),
                Cell::Number(finding.value, 3),
                Cell::text(&finding.advice),
            ])
        },
    );
    section = section.with(grid);
    let rows = [
        ("mean vector norm", shape.mean_vector_norm, 3, "0: all directions, 1: one direction"),
        ("IsoScore", shape.isoscore, 3, "the participation ratio on a scale of 0 to 1"),
        ("RankMe", shape.rankme, 1, "dimensions in use, not centred"),
        ("NESum", shape.nesum, 1, "variance over the largest eigenvalue"),
        ("stable rank", shape.stable_rank, 1, "not centred"),
        ("alpha-ReQ", shape.alpha_req.map(|law| law.alpha), 2, "near 1 is usual, far above is collapsed"),
        ("Vendi score", shape.vendi, 1, "how many different rows there seem to be"),
        ("uniformity", shape.uniformity.map(|found| found.value), 3, "lower is more even"),
        ("intrinsic dimension, MLE", card.intrinsic_dimension.mle, 1, "k = 20"),
        (
            "intrinsic dimension, ABIDE",
            card.intrinsic_dimension.abide,
            1,
            "at a scale of its own for each row",
        ),
        ("robin hood", card.neighbors.robin_hood, 3, "0: all rows are found equally often"),
        ("anti-hubs", card.neighbors.anti_hubs, 3, "share of rows that no row has among its nearest"),
    ];
    let grid = rows.into_iter().fold(Grid::new(["number", "value", "how to read it"]), |grid, row| {
        grid.row([Cell::text(row.0), Cell::number(row.1, row.2), Cell::text(row.3)])
    });
    section = section.with(grid);
    let grid = card.intrinsic_dimension.gride.iter().fold(
        Grid::new(["neighbours", "dimension", "±"]),
        |grid, gride| {
            grid.row([
                Cell::text(format!("{} and {}", gride.n1, gride.n2)),
                Cell::Number(gride.id, 2),
                Cell::Number(gride.error, 2),
            ])
        },
    );
    if !card.intrinsic_dimension.gride.is_empty() {
        section = section.with(grid.caption(
            "Intrinsic dimension by scale (GRIDE): a plateau is the dimension, a steep fall is noise at small scales",
        ));
    }
    if let Some(labels) = &card.labels {
        section = section.with(label_grid(labels));
    }
    if let Some(queries) = card.queries {
        section = section.with(Block::paragraph(format!(
            "Queries: {} of {} are outside of what the rows cover; {} of the rows are found by some query.",
            percent(queries.outside),
            queries.n,
            percent(queries.coverage)
        )));
    }
    let hubs: Vec<Quote> = card
        .neighbors
        .worst_hubs
        .iter()
        .zip(&card.hub_texts)
        .take(5)
        .filter_map(|(hub, text)| {
            Some(Quote::new(
                text.clone()?,
                format!("row {}, among the nearest of {} rows", hub.row, hub.count),
            ))
        })
        .collect();
    if !hubs.is_empty() {
        section = section.with(Block::details("Rows that come back most often", [Block::quotes(hubs)]));
    }
    #[cfg(feature = "charts")]
    let section = if shape.spectrum.is_empty() {
        section
    } else {
        section.picture(look, "Spectrum", "The share of the variance along each principal component, largest first: a steep fall means that few dimensions carry the differences.", |style| {
            let first: Vec<f64> = shape.spectrum.iter().take(20).copied().collect();
            let names: Vec<String> = (1..=first.len()).map(|rank| rank.to_string()).collect();
            crate::chart::Bars::new(&names, &first).shares(true).draw(&style)
        })?
    };
    #[cfg(not(feature = "charts"))]
    let _ = look;
    Ok(section)
}

fn label_grid(labels: &LabelCard) -> Grid {
    let probe = |name: &str, probe: Option<Probe>| match probe {
        Some(probe) => [
            Cell::text(name),
            Cell::Number(probe.accuracy, 3),
            Cell::Range(probe.low, probe.high, 3),
            Cell::text("accuracy in five folds"),
        ],
        None => [Cell::text(name), Cell::Missing, Cell::Missing, Cell::text("")],
    };
    let plain = |name: &str, value: Option<f64>, about: &str| {
        [Cell::text(name), Cell::number(value, 3), Cell::Missing, Cell::text(about)]
    };
    Grid::new(["label", "value", "95 %", "how to read it"])
        .caption(format!("What the vectors say about {}", labels.column))
        .row(plain("majority", Some(labels.majority), "what guessing the most frequent class scores"))
        .row(probe("nearest neighbours", labels.knn))
        .row(probe("logistic regression", labels.logistic))
        .row(probe("forest", labels.forest))
        .row(plain("agreement", labels.agreement, "share of the nearest rows with the same label"))
        .row(plain("agreement by chance", labels.agreement_by_chance, "the same for any two rows"))
        .row(plain("silhouette", labels.silhouette, "near 0: the classes overlap"))
        .row(plain("V-measure", labels.v_measure, "clusters against classes, 0 to 1"))
        .row(plain(
            "label errors",
            labels.label_errors.map(|count| count as f64),
            "labels that are probably wrong",
        ))
}
