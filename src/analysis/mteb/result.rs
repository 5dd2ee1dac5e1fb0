//! The result of a task, and its one wording.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray};
use arrow::record_batch::RecordBatch;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::benchmark::{Difference, Scored, compare, intervals};
use crate::error::{Error, Result};
use crate::metric::FEWEST;
use crate::number::{fixed, p_value, percent, range};
use crate::table::{self, Table, WriteOptions};
use crate::view::{Block, Cell, Grid, KeyFigure, Section};

/// Scores that are listed at once; retrieval has more than a hundred.
const LISTED: usize = 30;

/// Units with the lowest scores that are listed.
const HARDEST: usize = 10;

/// The result of one task.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct BenchmarkResult {
    /// The task.
    pub task: &'static str,
    /// The score that MTEB ranks models by; `null` when it is undefined.
    pub main_score: Option<f64>,
    /// Its name among `scores`.
    pub main_score_name: String,
    /// Lower end of its 95 % interval (bootstrap).
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// What the interval is over: pairs, queries, rows, texts, draws, or rows and draws.
    pub interval_over: &'static str,
    /// All scores by MTEB's names.
    pub scores: BTreeMap<String, Option<f64>>,
    /// The 95 % intervals of scores that are means or correlations.
    pub intervals: BTreeMap<String, Ends>,
    /// Rows, pairs or queries that were scored.
    pub n: usize,
    /// The main score of each draw, where the protocol draws.
    pub draws: Vec<f64>,
    /// How much the order of equal scores decides.
    pub ties: Option<TieShare>,
    /// Whether the protocol is MTEB's without exception.
    pub comparable: bool,
    /// Why it is not.
    pub not_comparable_because: Vec<String>,
    /// The difference from a second set of vectors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<Against>,
    /// What has the lowest scores, the lowest first.
    pub hardest: Vec<Hardest>,
    /// What was left out.
    pub left_out: Vec<LeftOut>,
    #[serde(skip)]
    each: Each,
}

/// The ends of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ends {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// How much the order of equal scores decides.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct TieShare {
    /// The share of units whose score depends on it.
    pub share: f64,
}

/// The difference from a second set of vectors on the same units.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Against {
    /// Its file.
    pub file: String,
    /// Its main score.
    pub main_score: f64,
    /// First minus second.
    pub difference: f64,
    /// Lower end of the 95 % interval (paired bootstrap).
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// How often vectors that are equally good would differ so.
    pub p: f64,
}

/// A unit with a low score.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Hardest {
    /// Its id, or its row.
    pub id: String,
    /// Its score.
    pub score: f64,
    /// Its text, where there is one.
    pub text: Option<String>,
}

/// Units that were left out.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LeftOut {
    /// What they are.
    pub what: String,
    /// How many.
    pub count: usize,
    /// Some of them.
    pub examples: Vec<String>,
}

/// The table that `-o` writes: a line for each unit.
#[derive(Debug, Clone, Default)]
struct Each {
    ids: Vec<String>,
    columns: Vec<(&'static str, Vec<Option<f64>>)>,
}

/// What a task computes, before it is judged.
pub struct Outcome {
    /// The scores.
    pub scored: Scored,
    /// The id of each unit, in the order of [`Scored::each`].
    pub ids: Vec<String>,
    /// The text of each unit, where there is one.
    pub texts: Vec<Option<String>>,
    /// Which list of [`Scored::each`] says how well a unit did, where units have a score of their own.
    pub hardest_by: Option<&'static str>,
    /// Why the score is not MTEB's without exception.
    pub exceptions: Vec<String>,
    /// What was left out.
    pub left_out: Vec<LeftOut>,
}

impl Outcome {
    /// Scores of units that have only their number.
    pub(super) fn new(scored: Scored) -> Outcome {
        let n = scored.each.first().map_or(0, |(_, values)| values.len());
        Outcome {
            scored,
            ids: (0..n).map(|unit| unit.to_string()).collect(),
            texts: Vec::new(),
            hardest_by: None,
            exceptions: Vec::new(),
            left_out: Vec::new(),
        }
    }
}

impl BenchmarkResult {
    /// # Errors
    /// When the named main score does not exist, or the two sets of vectors cannot be compared.
    pub(super) fn new(
        task: &'static str,
        outcome: Outcome,
        main: Option<&str>,
        other: Option<(&Path, Outcome)>,
        seed: u64,
    ) -> Result<BenchmarkResult> {
        let Outcome { scored, ids, texts, hardest_by, mut exceptions, left_out } = outcome;
        let main = main.unwrap_or(scored.main);
        if !scored.scores.iter().any(|(name, _)| name == main) {
            let names: Vec<&str> = scored.scores.iter().map(|(name, _)| name.as_str()).collect();
            return Err(Error::argument("the task has no such score")
                .with_code("unknown-score")
                .seen(main)
                .advice(format!("choose one of {}", crate::text::names(&names))));
        }
        if !left_out.is_empty() {
            exceptions.push("some of the data was left out".to_owned());
        }
        let found = intervals(&scored, seed)?;
        let ends = |name: &str| found.get(name).map(|one| Ends { low: one.low, high: one.high });
        let against = other
            .map(|(path, other)| {
                let Difference { first, second, interval, p } = compare(&scored, &other.scored, main, seed)?;
                Ok::<_, Error>(Against {
                    file: path.display().to_string(),
                    main_score: second,
                    difference: first - second,
                    low: interval.low,
                    high: interval.high,
                    p,
                })
            })
            .transpose()?;
        let hardest = hardest_by
            .and_then(|name| scored.each.iter().find(|(known, _)| *known == name))
            .map_or_else(Vec::new, |(_, values)| lowest(values, &ids, &texts));
        Ok(BenchmarkResult {
            task,
            main_score: scored.score(main),
            main_score_name: main.to_owned(),
            low: ends(main).map(|ends| ends.low),
            high: ends(main).map(|ends| ends.high),
            interval_over: scored.resampling.over,
            intervals: scored
                .resampled()
                .iter()
                .filter_map(|name| Some((name.clone(), ends(name)?)))
                .collect(),
            scores: scored.scores.iter().cloned().collect(),
            n: scored.n,
            draws: scored.draws,
            ties: scored.ties.map(|share| TieShare { share }),
            comparable: exceptions.is_empty(),
            not_comparable_because: exceptions,
            against,
            hardest,
            left_out,
            each: Each { ids, columns: scored.each },
        })
    }

    /// Writes the table of units.
    pub(super) fn save(&self, path: &Path) -> Result<()> {
        let ids: ArrayRef = Arc::new(StringArray::from_iter_values(&self.each.ids));
        let numbers = |values: &[Option<f64>]| -> ArrayRef {
            Arc::new(Float64Array::from_iter(values.iter().copied()))
        };
        let columns = std::iter::once(("id", ids))
            .chain(self.each.columns.iter().map(|(name, values)| (*name, numbers(values))));
        let batch = RecordBatch::try_from_iter(columns)
            .map_err(|error| Error::argument("no table of units").source(error))?;
        table::write(&Table::from_columns(batch), path, &WriteOptions::default()).map(|_| ())
    }

    /// The one wording of the result.
    pub(super) fn view(&self, id: &str) -> Section {
        let name = &self.main_score_name;
        let score = |value: Option<f64>| value.map_or("undefined".to_owned(), |value| fixed(value, 4));
        let mut main = KeyFigure::new(score(self.main_score), name.clone());
        if let (Some(low), Some(high)) = (self.low, self.high) {
            main = main.note(format!("95 %: {}, over {}", range(low, high, 4), self.interval_over));
        }
        let mut figures =
            vec![main, KeyFigure::new(crate::number::grouped(self.n as u64), "scored").note(self.unit())];
        if self.draws.len() > 1 {
            let n = self.draws.len() as f64;
            let mean = self.draws.iter().sum::<f64>() / n;
            let deviation = (self.draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / n).sqrt();
            figures.push(
                KeyFigure::new(fixed(deviation, 4), "standard deviation").note(format!("of {n} draws")),
            );
        }
        if let Some(ties) = self.ties {
            figures.push(KeyFigure::new(percent(ties.share), "decided by ties"));
        }
        let mut section = Section::new(id, title(self.task)).with(Block::key_figures(figures));
        if let Some(against) = &self.against {
            let verdict = match (against.low > 0.0, against.high < 0.0) {
                (true, _) => "These vectors are better.",
                (_, true) => "These vectors are worse.",
                _ => "The two cannot be told apart.",
            };
            section = section.with(Block::paragraph(format!(
                "{verdict} {} has {}: a difference of {} (95 %: {}, p {}).",
                against.file,
                fixed(against.main_score, 4),
                fixed(against.difference, 4),
                range(against.low, against.high, 4),
                p_value(against.p)
            )));
        }
        if self.n < FEWEST {
            section = section.with(Block::warning(format!(
                "Too few to tell: {} scored, at least {FEWEST} are needed for an interval.",
                self.n
            )));
        }
        for left_out in &self.left_out {
            section = section.with(Block::warning(format!("{} {}.", left_out.count, left_out.what)));
        }
        for reason in &self.not_comparable_because {
            section = section.with(Block::warning(format!("Not comparable with MTEB's scores: {reason}.")));
        }
        let mut grid = Grid::new(["score", "value", "95 %"]);
        for (name, value) in self.scores.iter().filter(|(name, _)| !name.starts_with("nauc_")).take(LISTED) {
            let interval =
                self.intervals.get(name).map_or(Cell::Missing, |ends| Cell::Range(ends.low, ends.high, 4));
            grid = grid.row([Cell::text(name), Cell::number(*value, 5), interval]);
        }
        let left = self.scores.len().saturating_sub(grid.rows.len());
        section = section.with(grid);
        if left > 0 {
            section = section.with(Block::note(format!("{left} more scores with --json.")));
        }
        if !self.hardest.is_empty() {
            let hardest = self.hardest.iter().fold(Grid::new(["id", "score", "text"]), |grid, one| {
                grid.row([
                    Cell::excerpt(&one.id),
                    Cell::Number(one.score, 4),
                    one.text.as_ref().map_or(Cell::Missing, |text| Cell::excerpt(text)),
                ])
            });
            section = section.with(hardest.caption("The lowest scores"));
        }
        section.with(Block::note(
            "The leaderboard's scores are those of its own data sets and splits: only scores on the same rows can be compared.",
        ))
    }

    /// What was scored, in the plural.
    fn unit(&self) -> &'static str {
        if self.interval_over.ends_with("draws") { "rows" } else { self.interval_over }
    }
}

fn title(task: &str) -> String {
    match task {
        "sts" => "Semantic textual similarity".to_owned(),
        _ => {
            let mut title = task.replace('-', " ");
            title[..1].make_ascii_uppercase();
            title
        }
    }
}

/// The units with the lowest values; none when all have the same.
fn lowest(values: &[Option<f64>], ids: &[String], texts: &[Option<String>]) -> Vec<Hardest> {
    let mut order: Vec<(usize, f64)> =
        values.iter().enumerate().filter_map(|(unit, value)| Some((unit, (*value)?))).collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    match (order.first(), order.last()) {
        (Some(first), Some(last)) if first.1 < last.1 => {}
        _ => return Vec::new(),
    }
    let hard = |(unit, score): (usize, f64)| Hardest {
        id: ids.get(unit).cloned().unwrap_or_default(),
        score,
        text: texts.get(unit).cloned().flatten(),
    };
    order.into_iter().take(HARDEST).map(hard).collect()
}
