//! Rows that stand in a file more than once.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray, UInt64Array};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::given_graph::read_graph;
use super::{Analysis, Context, Cost, Needs, NewColumns, TableKind, matrices};
use crate::calibration::Calibration;
use crate::data::{Budget, Data, NewColumn, Role};
use crate::error::{Error, Result};
use crate::number::{counted, fixed};
use crate::quality::{
    DuplicateOptions, Duplicates, Keep, Known, KnownBy, NEAR_DUPLICATE_COSINE, NearRule, find_duplicates,
    find_duplicates_in_blocks, known_from, near_block_rows,
};
use crate::rows::{DistinctRows, RowSource};
use crate::table::Origin;
use crate::view::{Block, Cell, Grid, Look, Section};

/// The rows and what they are measured by, in matrices of the rows.
const COPIES: f64 = 2.1;

/// Groups that a view lists.
const LISTED: usize = 10;

/// Which row of a group is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum KeepRule {
    /// The first one.
    #[default]
    First,
    /// The last one.
    Last,
    /// The one with the longest text.
    Longest,
    /// The one with the largest number in the column of --best.
    Best,
}

/// Options of [`DuplicateSearch`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct DuplicateSearchOptions {
    /// The cosine from which two rows are near duplicates [default: 0.95]; with --rule relative the share of the
    /// median distance to the nearest row [default: 0.13]
    #[cfg_attr(feature = "cli", arg(long, value_name = "X"))]
    pub threshold: Option<f64>,
    /// When different vectors are near duplicates
    #[cfg_attr(feature = "cli", arg(long, value_enum, default_value_t = Self::default().rule))]
    pub rule: NearRule,
    /// Look for exact duplicates only
    #[cfg_attr(feature = "cli", arg(long, conflicts_with_all = ["threshold", "rule"]))]
    pub exact_only: bool,
    /// Which row of a group is kept
    #[cfg_attr(feature = "cli", arg(long, value_enum, default_value_t = Self::default().keep))]
    pub keep: KeepRule,
    /// The column of numbers for --keep best
    #[cfg_attr(feature = "cli", arg(long, value_name = "COL"))]
    pub best: Option<String>,
    /// Find the rows that this other file holds already, in place of duplicates within the file
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "OTHER", conflicts_with_all = ["rule", "keep", "best"])
    )]
    pub against: Option<PathBuf>,
    /// Take the nearest rows from this file, made by `embedlab knn`
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE", conflicts_with_all = ["exact_only", "against"]))]
    pub graph: Option<PathBuf>,
    /// Tell the probability of a match, by what embedlab calibrate saved
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE"))]
    pub calibration: Option<PathBuf>,
}

/// Which rows are the same.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DuplicateList {
    /// Rows with the same text.
    pub exact_text: Vec<Vec<usize>>,
    /// Rows with the same numbers.
    pub exact_vector: Vec<Vec<usize>>,
    /// Rows that hang together by near pairs; exact copies are near as well.
    pub near: Vec<Vec<usize>>,
    /// How many pairs of different vectors are near.
    pub pairs: usize,
    /// The cosine, or the distance, that near pairs reach; `null` when only exact ones were looked for.
    pub threshold: Option<f64>,
    /// The probability that two rows at the threshold are the same, by the calibration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Rows that are kept.
    pub kept: usize,
    /// Rows that are removed.
    pub removed: usize,
    /// The rows that the other file holds already; without another file empty.
    pub known: Vec<KnownRow>,
    #[serde(skip)]
    against: bool,
    #[serde(skip)]
    keep: Vec<usize>,
    #[serde(skip)]
    within: Option<(Duplicates, Origin)>,
    #[serde(skip)]
    examples: Vec<(Vec<usize>, Option<String>)>,
}

/// A row that the other file holds already.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct KnownRow {
    /// Which row, and why.
    #[serde(flatten)]
    pub known: Known,
    /// The probability that both are the same, by the calibration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
}

/// The analysis `duplicates`.
pub struct DuplicateSearch;

impl Analysis for DuplicateSearch {
    const NAME: &'static str = "duplicates";
    const ABOUT: &'static str =
        "Find rows with the same text, the same vector, or almost the same, and write the file without them";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab duplicates reviews.parquet
  embedlab duplicates reviews.parquet --threshold 0.9 -o clean.parquet --pairs pairs.csv
  embedlab duplicates reviews.parquet --keep best --best Helpful -o clean.parquet
  embedlab duplicates test.parquet --against train.parquet -o unseen.parquet

A group is a chain of pairs, so two of its rows may be less similar than the threshold.";
    const NEEDS: Needs = Needs::Blocks;
    const ROLES: &'static [Role] = &[Role::Text];
    const WRITES: Option<&'static str> = Some("Write the rows that are kept");
    const WRITES_SOME: bool = true;
    const TABLES: &'static [TableKind] = &[TableKind {
        flag: "pairs",
        help: "Write the pairs that make the groups: row, other, by, cosine (.csv .parquet ..)",
    }];
    type Options = DuplicateSearchOptions;
    type Outcome = DuplicateList;

    fn memory(_options: &DuplicateSearchOptions, rows: usize, _dims: usize) -> u64 {
        // The hash, the place and the group of each row.
        72 * rows as u64
    }

    fn cost(options: &DuplicateSearchOptions, rows: usize, dims: usize, memory: Budget) -> Result<Cost> {
        let work = Self::memory(options, rows, dims);
        let products = if options.exact_only { 0.0 } else { (rows as f64).powi(2) * dims as f64 / 2.0 };
        Ok(match in_blocks(options, rows, dims, memory) {
            None => Cost::all_rows().work(work + matrices(COPIES - 1.0, rows, dims)),
            Some(_) if options.exact_only => Cost::blocks(1).work(work),
            Some(bytes) => {
                let blocks = rows.div_ceil(near_block_rows(rows, dims, bytes));
                Cost::blocks(1 + blocks).work(work + bytes)
            }
        }
        .products(products))
    }

    fn run(data: &Data, options: &DuplicateSearchOptions, _context: &Context<'_>) -> Result<DuplicateList> {
        let calibration = options.calibration.as_ref().map(Calibration::load).transpose()?;
        if let Some(calibration) = &calibration {
            calibration.require_dims(data.dims())?;
        }
        match &options.against {
            Some(path) => against(data, path, options, calibration.as_ref()),
            None => within(data, options, calibration.as_ref()),
        }
    }

    fn view(found: &DuplicateList, _look: Look) -> Result<Section> {
        let all = found.kept + found.removed;
        let removed = |groups: &[Vec<usize>]| groups.iter().map(|group| group.len() - 1).sum::<usize>();
        let mut section = Section::new(Self::NAME, "Duplicates");
        if found.against {
            section = section.with(Block::paragraph(format!(
                "{} of {} {} in the other file already; {} new.",
                found.removed,
                counted(all, "row"),
                if found.removed == 1 { "is" } else { "are" },
                if found.kept == 1 { "1 is".to_owned() } else { format!("{} are", found.kept) }
            )));
        } else {
            let mut grid = Grid::new(["the same", "groups", "rows to remove"]);
            for (name, groups) in
                [("text", &found.exact_text), ("vector", &found.exact_vector), ("nearly", &found.near)]
            {
                if name != "nearly" || found.threshold.is_some() {
                    grid =
                        grid.row([Cell::text(name), Cell::count(groups.len()), Cell::count(removed(groups))]);
                }
            }
            section = section.with(grid).with(Block::paragraph(format!(
                "{} of {} would be removed.",
                found.removed,
                counted(all, "row")
            )));
        }
        if let (Some(probability), Some(threshold)) = (found.probability, found.threshold) {
            section = section.with(Block::note(format!(
                "Two rows with a cosine of {} are the same with a probability of {}, by the calibration.",
                fixed(threshold, 3),
                fixed(probability, 3)
            )));
        }
        if found.examples.is_empty() {
            return Ok(section);
        }
        let rows = |rows: &[usize]| {
            let mut names: Vec<String> = rows.iter().take(6).map(usize::to_string).collect();
            if rows.len() > 6 {
                names.push("…".to_owned());
            }
            names.join(", ")
        };
        let grid = found.examples.iter().fold(Grid::new(["rows", "text"]), |grid, (group, text)| {
            let text = text.as_ref().map_or(Cell::Missing, |text| Cell::excerpt(text));
            grid.row([Cell::text(rows(group)), text])
        });
        Ok(section.with(grid.caption(if found.against {
            "Rows that the other file holds already"
        } else {
            "Largest groups"
        })))
    }

    fn columns(found: &DuplicateList) -> Result<NewColumns> {
        Ok(NewColumns { rows: Some(found.keep.clone()), columns: Vec::new() })
    }

    fn beside(found: &DuplicateList, _flag: &str) -> Result<Vec<NewColumn>> {
        let links: Vec<Known> = match &found.within {
            Some((duplicates, origin)) => {
                let of_file = |row: usize| origin.row(row).1;
                let links = duplicates.links().into_iter();
                links
                    .map(|link| Known { row: of_file(link.row), other: of_file(link.other), ..link })
                    .collect()
            }
            None => found.known.iter().map(|known| known.known).collect(),
        };
        let rows = |of: fn(&Known) -> usize| -> ArrayRef {
            Arc::new(links.iter().map(|link| Some(of(link) as u64)).collect::<UInt64Array>())
        };
        let by: StringArray = links
            .iter()
            .map(|link| {
                Some(match link.by {
                    KnownBy::ExactText => "exact_text",
                    KnownBy::ExactVector => "exact_vector",
                    KnownBy::Near => "near",
                })
            })
            .collect();
        let cosines: Float64Array = links.iter().map(|link| link.cosine).collect();
        Ok(vec![
            NewColumn::new("row", rows(|link| link.row)),
            NewColumn::new("other", rows(|link| link.other)),
            NewColumn::new("by", Arc::new(by)),
            NewColumn::new("cosine", Arc::new(cosines)),
        ])
    }

    fn reads(options: &DuplicateSearchOptions) -> Vec<PathBuf> {
        [&options.against, &options.graph, &options.calibration].into_iter().flatten().cloned().collect()
    }
}

/// The rows that another file holds already.
fn against(
    data: &Data,
    path: &Path,
    options: &DuplicateSearchOptions,
    calibration: Option<&Calibration>,
) -> Result<DuplicateList> {
    let probability = |cosine: f64| calibration.map(|calibration| calibration.probability(cosine));
    if options.rule != NearRule::Cosine || options.keep != KeepRule::First || options.best.is_some() {
        return Err(Error::argument("options that do not fit --against")
            .advice("leave out --rule, --keep and --best: all rows that the other file lacks are kept"));
    }
    let rows = data.matrix()?;
    let texts = data.texts()?;
    let n = rows.nrows();
    let other = data.open_beside(path)?;
    let near = (!options.exact_only).then(|| options.threshold.unwrap_or(NEAR_DUPLICATE_COSINE));
    let other_texts = other.texts()?;
    let known = known_from(rows, texts.as_deref(), other.matrix()?, other_texts.as_deref(), near)
        .map_err(|error| if error.file_name().is_some() { error } else { error.file(path) })?;
    let mut kept = vec![true; n];
    known.iter().for_each(|known| kept[known.row] = false);
    let examples = known
        .iter()
        .take(LISTED)
        .map(|known| (vec![data.row_of_file(known.row)], text_of(&texts, known.row)))
        .collect();
    let known: Vec<KnownRow> = known
        .into_iter()
        .map(|known| KnownRow {
            probability: known.cosine.and_then(probability),
            known: Known { row: data.row_of_file(known.row), other: other.row_of_file(known.other), ..known },
        })
        .collect();
    Ok(DuplicateList {
        exact_text: Vec::new(),
        exact_vector: Vec::new(),
        near: Vec::new(),
        pairs: known.iter().filter(|known| known.known.by == KnownBy::Near).count(),
        threshold: near,
        probability: near.and_then(probability),
        kept: n - known.len(),
        removed: known.len(),
        within: None,
        known,
        against: true,
        keep: (0..n).filter(|row| kept[*row]).collect(),
        examples,
    })
}

/// The bytes for blocks of the rows, where all of them and a copy to measure them by do not fit in memory; `None` where they
/// do, and for what needs all rows at once.
fn in_blocks(options: &DuplicateSearchOptions, rows: usize, dims: usize, memory: Budget) -> Option<u64> {
    let whole = options.against.is_some()
        || options.graph.is_some()
        || (options.rule != NearRule::Cosine && !options.exact_only);
    let limit = memory.limit().filter(|limit| matrices(COPIES, rows, dims) > *limit)?;
    // A fourth is left for pairs and groups.
    (!whole).then_some(limit / 2)
}

/// The rows that repeat others of the same file.
fn within(
    data: &Data,
    options: &DuplicateSearchOptions,
    calibration: Option<&Calibration>,
) -> Result<DuplicateList> {
    let probability = |cosine: f64| calibration.map(|calibration| calibration.probability(cosine));
    let texts = data.texts()?;
    let n = data.n_rows();
    let threshold = options.exact_only && options.threshold.is_some();
    Error::refuse_unused("exact only", &[("--threshold", threshold)])?;
    let numbers = match (&options.best, options.keep) {
        (Some(column), KeepRule::Best) => data.table().numbers(column)?,
        (None, KeepRule::Best) => {
            return Err(
                Error::argument("--keep best needs a column of numbers").advice("name it with --best COL")
            );
        }
        (Some(_), _) => {
            return Err(Error::argument("--best without --keep best").advice("add --keep best"));
        }
        _ => Vec::new(),
    };
    let keep = match (options.keep, &texts) {
        (KeepRule::First, _) => Keep::First,
        (KeepRule::Last, _) => Keep::Last,
        (KeepRule::Best, _) => Keep::Best(&numbers),
        (KeepRule::Longest, Some(texts)) => Keep::Longest(texts),
        (KeepRule::Longest, None) => {
            data.require(Role::Text)?;
            Keep::First
        }
    };
    let graph = match &options.graph {
        Some(path) => Some(read_graph(path, data.matrix()?, &DistinctRows::of(data)?)?),
        None => None,
    };
    let near = DuplicateOptions {
        near: !options.exact_only,
        rule: options.rule,
        threshold: options.threshold,
        graph: graph.as_ref(),
    };
    let bytes = match data.is_streamed() {
        true => in_blocks(options, n, data.dims(), data.memory()),
        false => None,
    };
    let found = match bytes {
        Some(bytes) => find_duplicates_in_blocks(data, texts.as_deref(), &near, bytes)?,
        None => find_duplicates(data.matrix()?, texts.as_deref(), &near)?,
    };
    let kept = found.kept(n, keep);
    let of_file = |row: usize| data.row_of_file(row);
    let named = |groups: &[Vec<usize>]| -> Vec<Vec<usize>> {
        groups.iter().map(|group| group.iter().map(|row| of_file(*row)).collect()).collect()
    };
    let mut groups = found.groups(n);
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    groups.truncate(LISTED);
    let keep: Vec<usize> = (0..n).filter(|row| kept[*row]).collect();
    Ok(DuplicateList {
        exact_text: named(&found.exact_text),
        exact_vector: named(&found.exact_vector),
        near: named(&found.near),
        pairs: found.near_pairs.len(),
        probability: found.threshold.filter(|_| options.rule == NearRule::Cosine).and_then(probability),
        threshold: found.threshold,
        kept: keep.len(),
        removed: n - keep.len(),
        known: Vec::new(),
        against: false,
        keep,
        examples: groups
            .iter()
            .map(|group| (group.iter().map(|row| of_file(*row)).collect(), text_of(&texts, group[0])))
            .collect(),
        within: Some((found, data.table().origin().clone())),
    })
}

fn text_of(texts: &Option<Vec<Option<String>>>, row: usize) -> Option<String> {
    texts.as_ref().and_then(|texts| texts.get(row).cloned().flatten())
}
