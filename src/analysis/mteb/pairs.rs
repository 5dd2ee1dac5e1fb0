//! `mteb sts` and `mteb pair`: pairs of rows with a score or a label.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ids::{Ids, Missing, Unknown};
use super::result::{LeftOut, Outcome};
use super::{Task, TaskOptions, sides};
use crate::analysis::Context;
use crate::benchmark::{Similarity, pair_classification, sts};
use crate::data::{Data, Role};
use crate::error::{Error, Result};

/// Columns of a file of pairs.
const FIRST: [&str; 3] = ["a", "sentence1", "text1"];
const SECOND: [&str; 3] = ["b", "sentence2", "text2"];

/// Options of [`Sts`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct StsOptions {
    /// Table of pairs: columns a and b hold row numbers of FILE, or ids, and one column a score
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE"))]
    pub pairs: Option<PathBuf>,
    /// The column of --pairs with the score [default: score, label]
    #[cfg_attr(feature = "cli", arg(long, value_name = "COL"))]
    pub score: Option<String>,
    /// The column of FILE with ids [default: _id, id, docid, sha256; else rows are named by their number]
    #[cfg_attr(feature = "cli", arg(long, value_name = "COL"))]
    pub id: Option<String>,
    /// What happens to ids that name no row
    #[cfg_attr(feature = "cli", arg(long, value_enum, default_value_t))]
    pub unknown: Missing,
    /// How similar vectors are to their model
    #[cfg_attr(feature = "cli", arg(long, value_enum, default_value_t))]
    pub similarity: Similarity,
    /// What all tasks have.
    #[cfg_attr(feature = "cli", command(flatten))]
    pub task: TaskOptions,
}

/// Options of [`Pair`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct PairOptions {
    /// Table of pairs: columns a and b hold row numbers of FILE, or ids, and one column 1 for pairs that belong together
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE"))]
    pub pairs: Option<PathBuf>,
    /// The column of --pairs with 0 or 1 [default: label, labels, score]
    #[cfg_attr(feature = "cli", arg(long, value_name = "COL"))]
    pub label: Option<String>,
    /// The column of FILE with ids [default: _id, id, docid, sha256; else rows are named by their number]
    #[cfg_attr(feature = "cli", arg(long, value_name = "COL"))]
    pub id: Option<String>,
    /// What happens to ids that name no row
    #[cfg_attr(feature = "cli", arg(long, value_enum, default_value_t))]
    pub unknown: Missing,
    /// How similar vectors are to their model
    #[cfg_attr(feature = "cli", arg(long, value_enum, default_value_t))]
    pub similarity: Similarity,
    /// What all tasks have.
    #[cfg_attr(feature = "cli", command(flatten))]
    pub task: TaskOptions,
}

/// The task `sts`.
pub struct Sts;

impl Task for Sts {
    const NAME: &'static str = "mteb-sts";
    const ABOUT: &'static str =
        "Correlate the similarity of pairs of rows with scores that people gave (MTEB: STS)";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab mteb sts sentences.parquet --pairs pairs.csv
  embedlab mteb sts sentences.parquet --pairs pairs.tsv --score gold --id sentence_id --against other.parquet";
    const ROLES: &'static [Role] = &[Role::Text];
    type Options = StsOptions;

    fn shared(options: &StsOptions) -> &TaskOptions {
        &options.task
    }

    fn files(options: &StsOptions) -> Vec<Option<&PathBuf>> {
        vec![options.pairs.as_ref()]
    }

    fn score(data: &Data, options: &StsOptions, _context: &Context<'_>) -> Result<Outcome> {
        let path = required(options.pairs.as_deref())?;
        let column = options.score.as_deref().map_or(vec!["score", "label"], |name| vec![name]);
        let pairs = Pairs::read(data, path, &column, options.id.as_deref(), options.unknown)?;
        let rows = data.matrix()?;
        let scored = sts(rows, rows, &pairs.rows, &pairs.values, options.similarity)?;
        pairs.outcome(data, scored)
    }
}

/// The task `pair`.
pub struct Pair;

impl Task for Pair {
    const NAME: &'static str = "mteb-pair";
    const ABOUT: &'static str =
        "Tell pairs of rows that belong together by their similarity (MTEB: pair classification)";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab mteb pair sentences.parquet --pairs pairs.csv
  embedlab mteb pair sentences.parquet --pairs pairs.csv --label is_duplicate --id sentence_id";
    const ROLES: &'static [Role] = &[Role::Text];
    type Options = PairOptions;

    fn shared(options: &PairOptions) -> &TaskOptions {
        &options.task
    }

    fn files(options: &PairOptions) -> Vec<Option<&PathBuf>> {
        vec![options.pairs.as_ref()]
    }

    fn score(data: &Data, options: &PairOptions, _context: &Context<'_>) -> Result<Outcome> {
        let path = required(options.pairs.as_deref())?;
        let column = options.label.as_deref().map_or(vec!["label", "labels", "score"], |name| vec![name]);
        let pairs = Pairs::read(data, path, &column, options.id.as_deref(), options.unknown)?;
        if let Some(at) = pairs.values.iter().position(|value| *value != 0.0 && *value != 1.0) {
            return Err(Error::input("a label that is neither 0 nor 1")
                .with_code("label-invalid")
                .file(path)
                .row(pairs.lines[at])
                .seen(pairs.values[at].to_string())
                .advice("1 is for pairs that belong together"));
        }
        let labels: Vec<bool> = pairs.values.iter().map(|value| *value == 1.0).collect();
        let rows = data.matrix()?;
        let scored = pair_classification(rows, rows, &pairs.rows, &labels, options.similarity)?;
        pairs.outcome(data, scored)
    }
}

fn required(path: Option<&Path>) -> Result<&Path> {
    path.ok_or_else(|| {
        Error::argument("no pairs")
            .with_code("missing-option")
            .advice("name the table of pairs with --pairs FILE")
    })
}

/// Pairs of rows with a number each.
struct Pairs {
    rows: Vec<(usize, usize)>,
    values: Vec<f64>,
    /// The row of each pair in its file.
    lines: Vec<usize>,
    left_out: Vec<LeftOut>,
}

impl Pairs {
    fn read(data: &Data, path: &Path, value: &[&str], id: Option<&str>, missing: Missing) -> Result<Pairs> {
        sides::directions(data)?;
        let table = sides::columns(path)?;
        let (first, second) = (
            table.text(sides::one_of(&table, path, &FIRST, "the first row of a pair")?)?,
            table.text(sides::one_of(&table, path, &SECOND, "the second row of a pair")?)?,
        );
        let value = sides::one_of(&table, path, value, "the score")?;
        let values = table.numbers(value).map_err(|error| error.file(path))?;
        let ids = Ids::of(data, id)?;
        let mut unknown = Unknown::new("ids of pairs that name no row", path);
        let mut pairs =
            Pairs { rows: Vec::new(), values: Vec::new(), lines: Vec::new(), left_out: Vec::new() };
        for (row, ((first, second), number)) in first.iter().zip(&second).zip(&values).enumerate() {
            let (Some(first), Some(second)) = (first, second) else {
                return Err(Error::input("a pair without a second side")
                    .with_code("missing-id")
                    .file(path)
                    .row(row));
            };
            let Some(number) = number.filter(|number| number.is_finite()) else {
                return Err(Error::input("a pair without a number")
                    .with_code("number-invalid")
                    .file(path)
                    .row(row)
                    .column(value)
                    .advice("every pair needs a score"));
            };
            let (a, b) = (ids.row(first), ids.row(second));
            for (id, _) in [(first, a), (second, b)].into_iter().filter(|(_, row)| row.is_none()) {
                unknown.add(id, Some(row), None);
            }
            if let (Some(a), Some(b)) = (a, b) {
                pairs.rows.push((a, b));
                pairs.values.push(number);
                pairs.lines.push(row);
            }
        }
        unknown.finish(missing, &mut pairs.left_out)?;
        Ok(pairs)
    }

    fn outcome(self, data: &Data, scored: crate::benchmark::Scored) -> Result<Outcome> {
        let texts = sides::texts(data)?;
        let of = |row: usize| texts.get(row).cloned().flatten();
        let both = |(a, b): &(usize, usize)| Some(format!("{} | {}", of(*a)?, of(*b)?));
        Ok(Outcome {
            ids: self.lines.iter().map(usize::to_string).collect(),
            texts: self.rows.iter().map(both).collect(),
            left_out: self.left_out,
            ..Outcome::new(scored)
        })
    }
}
