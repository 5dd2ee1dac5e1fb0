//! What `classify`, `regress` and `train` share: the columns that a model learns from, the rows that it is tested
//! on, and the words about both.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::ArrayRef;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::flattened::part;
use super::splits::{Splits, TestOptions};
use super::{Context, NewColumns};
use crate::address::shown;
#[cfg(feature = "charts")]
use crate::chart::{Bars, Picture, Style};
use crate::data::{Data, NewColumn, Role};
use crate::error::{Error, Result};
use crate::metric::{Comparison, Interval};
use crate::model::{
    Classes, Column, HeldOut, Inputs, ModelKind, ModelOptions, NameVectors, SampleInfo, Verdict,
};
use crate::number::{counted, fixed, grouped, p_equals, range};
use crate::table::{self, Table};
use crate::view::{Block, Cell, Grid, Look, Section};

/// Fewer rows than this are too few for a page to hold some back.
const LEAST_ROWS: usize = 50;

/// Rows times dimensions from which on a page's forest looks at fewer features: all of them take minutes, and gain
/// little there.
const LARGE: usize = 4_000_000;

/// Labels that are named in one sentence.
const MOST_NAMED: usize = 20;

/// Which columns a model learns from, besides the vectors.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct LearnOptions {
    /// Additional feature columns: numbers (scaled), or categories (one-hot)
    #[cfg_attr(feature = "cli", arg(long, value_name = "COL,COL", value_delimiter = ','))]
    pub features: Vec<String>,
    /// Vectors of the categories of a column of --features, as COLUMN=FILE; the file has one row for each category
    #[cfg_attr(feature = "cli", arg(long, value_name = "COL=FILE", value_parser = column_and_file))]
    pub name_vectors: Vec<(String, PathBuf)>,
    /// Column of row weights
    #[cfg_attr(feature = "cli", arg(long, value_name = "COL"))]
    pub weight: Option<String>,
    /// Drop rows without a label; on the command line --drop-missing of the input does
    #[cfg_attr(feature = "cli", arg(skip))]
    pub drop_missing: bool,
}

/// Options of `classify` and of `regress`: the model, what it learns from, what it is tested on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(try_from = "Map<String, Value>")]
pub struct SupervisedOptions {
    /// The model.
    #[serde(flatten)]
    #[cfg_attr(feature = "cli", command(flatten))]
    pub model: ModelOptions,
    /// What it learns from.
    #[serde(flatten)]
    #[cfg_attr(feature = "cli", command(flatten))]
    pub learn: LearnOptions,
    /// What it is tested on.
    #[serde(flatten)]
    #[cfg_attr(feature = "cli", command(flatten))]
    pub test: TestOptions,
}

impl TryFrom<Map<String, Value>> for SupervisedOptions {
    type Error = serde_json::Error;

    fn try_from(mut all: Map<String, Value>) -> std::result::Result<Self, serde_json::Error> {
        Ok(SupervisedOptions {
            learn: part(&mut all)?,
            test: part(&mut all)?,
            model: serde_json::from_value(Value::Object(all))?,
        })
    }
}

#[cfg(feature = "cli")]
fn column_and_file(text: &str) -> std::result::Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((column, file)) if !column.is_empty() && !file.is_empty() => {
            Ok((column.to_owned(), file.into()))
        }
        _ => Err("give COLUMN=FILE, such as brand=brands.parquet".to_owned()),
    }
}

/// The rows with a label, and what a model learns from them.
pub struct Training {
    /// The rows with a label.
    pub table: Table,
    /// The label's column.
    pub label: String,
    /// The row of the data of each row.
    pub rows: Vec<usize>,
    texts: Option<Vec<Option<String>>>,
    weights: Option<Vec<f64>>,
    columns: Vec<(String, Column)>,
    name_vectors: NameVectors,
}

impl Training {
    /// The rows of the data that have a label.
    ///
    /// # Errors
    /// When there is no label column, a row has no label and is not to be left out, or a column does not fit.
    pub fn new(data: &Data, options: &LearnOptions, context: &Context<'_>) -> Result<Training> {
        let label = match data.column_of(Role::Label).or_else(|| data.column_of(Role::Rating)) {
            Some(label) => label.to_owned(),
            None => data.require(Role::Label)?.to_owned(),
        };
        let table = data.table();
        let labels = table.text(&label)?;
        let rows: Vec<usize> = (0..table.n_rows()).filter(|row| labels[*row].is_some()).collect();
        let missing = table.n_rows() - rows.len();
        if missing > 0 && !(options.drop_missing || data.drops_missing()) {
            return Err(Error::input("rows without a label")
                .column(&label)
                .seen(format!("{missing} of {} rows", labels.len()))
                .advice("drop them with --drop-missing"));
        }
        let table = match (missing, data.is_streamed()) {
            (0, false) => table.clone(),
            _ => {
                let whole = data.with_columns(Vec::new())?;
                context.note(match missing {
                    0 => "all rows are read into memory".to_owned(),
                    _ => format!("dropped {missing} of {} rows: they have no label", labels.len()),
                });
                whole.take(&rows)?
            }
        };
        if options.features.contains(&label) {
            return Err(Error::argument("the label cannot be one of the features").column(&label));
        }
        let texts = data.column_of(Role::Text).map(|text| table.text(text)).transpose()?;
        let weights = options.weight.as_deref().map(|weight| numbers(&table, weight)).transpose()?;
        let columns = columns_of(&table, &options.features, |column| {
            table.column(column).is_ok_and(|column| column.data_type().is_numeric())
        })?;
        let name_vectors = name_vectors(options, context)?;
        Ok(Training { table, label, rows, texts, weights, columns, name_vectors })
    }

    /// The targets as numbers.
    ///
    /// # Errors
    /// When the label is no column of numbers, or a row has none.
    pub fn targets(&self) -> Result<Vec<f64>> {
        numbers(&self.table, &self.label)
    }

    /// The targets as classes.
    ///
    /// # Errors
    /// When the label has no text form.
    pub fn classes(&self) -> Result<Classes> {
        Classes::try_from(self.table.labels(&self.label)?).map_err(|error| self.locate(error))
    }

    /// The embedding and the columns beside it.
    ///
    /// # Errors
    /// When a number is not finite.
    pub fn inputs(&self) -> Result<Inputs<'_>> {
        Inputs::new(self.table.vectors(), &self.columns, &self.name_vectors)
            .map_err(|error| self.locate(error))
    }

    /// The weights of the rows.
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// An error about a row names the row of the file; one about labels the column.
    pub fn locate(&self, error: Error) -> Error {
        self.table.origin().locate(error)
    }

    /// The splits, one or the folds of a cross-validation, and the groups of the rows.
    pub(super) fn splits(&self, options: &TestOptions, classes: bool) -> Result<Splits> {
        let groups = options.group_by.as_deref().map(|column| codes(&self.table, column)).transpose()?;
        Splits::of(self.table.vectors(), groups, || codes(&self.table, &self.label), options, classes)
    }

    /// What is known about the rows besides their inputs.
    pub(super) fn info<'a>(
        &'a self,
        options: &SupervisedOptions,
        groups: Option<&'a [u32]>,
    ) -> SampleInfo<'a> {
        let linear = matches!(options.model.kind, ModelKind::Ridge | ModelKind::Logistic);
        SampleInfo {
            texts: self.texts.as_deref(),
            weights: self.weights.as_deref(),
            groups,
            importance: options.test.cv.is_none() && (linear || !self.columns.is_empty()),
        }
    }
}

/// The columns that a model asks for; `is_number` tells of each which kind is meant.
///
/// # Errors
/// When a column is missing or of another kind.
pub fn columns_of(
    table: &Table,
    names: &[String],
    is_number: impl Fn(&str) -> bool,
) -> Result<Vec<(String, Column)>> {
    names
        .iter()
        .map(|name| {
            table.column(name)?;
            let column = match is_number(name) {
                true => Column::Numbers(table.numbers(name)?),
                false => Column::Names(table.text(name)?),
            };
            Ok((name.clone(), column))
        })
        .collect()
}

/// A column with a number in every row.
fn numbers(table: &Table, column: &str) -> Result<Vec<f64>> {
    let numbers = table.numbers(column)?;
    match numbers.iter().position(Option::is_none) {
        Some(row) => {
            Err(table.origin().locate(Error::input("a row without a number").column(column).row(row)))
        }
        None => Ok(numbers.into_iter().flatten().collect()),
    }
}

fn codes(table: &Table, column: &str) -> Result<Vec<u32>> {
    let codes = table.labels(column)?.codes;
    let missing = codes.iter().filter(|code| code.is_none()).count();
    if missing > 0 {
        return Err(Error::input("rows without a value")
            .column(column)
            .seen(format!("{missing} of {} rows", codes.len())));
    }
    Ok(codes.into_iter().flatten().collect())
}

/// The vectors of names, by column and name.
fn name_vectors(options: &LearnOptions, context: &Context<'_>) -> Result<NameVectors> {
    let mut found: NameVectors = BTreeMap::new();
    for (column, file) in &options.name_vectors {
        if !options.features.contains(column) {
            return Err(Error::argument("vectors of names for a column that is not a feature")
                .column(column)
                .advice(format!("add it: --features {column}")));
        }
        let table = table::read(file, &Default::default())?;
        let name = match table.column(column) {
            Ok(_) => Some(column.clone()),
            Err(_) => table.column_names().first().map(|name| (*name).to_owned()),
        };
        let name = name.ok_or_else(|| Error::input("no column with the names").file(file))?;
        context.note(format!("names of {column} from the column {name} of {}", shown(file)));
        let names = table.text(&name)?;
        let of = names
            .into_iter()
            .zip(table.vectors().rows())
            .filter_map(|(name, vector)| Some((name?, vector.to_vec())))
            .collect();
        found.insert(column.clone(), of);
    }
    Ok(found)
}

/// Why a page about everything leaves the label out, or the options with which it tells of it.
pub(super) fn for_page(data: &Data) -> std::result::Result<SupervisedOptions, String> {
    let Some(label) = data.column_of(Role::Label).or_else(|| data.column_of(Role::Rating)) else {
        return Err("there is no label column".to_owned());
    };
    let labels = data.table().labels(label).map_err(|error| error.to_string())?;
    let n = labels.codes.iter().flatten().count();
    if n < LEAST_ROWS {
        return Err(format!("{} with a {label} are too few to hold some back", counted(n, "row")));
    }
    if labels.names.len() < 2 {
        return Err(format!("{label} has one value only"));
    }
    let large = n * crate::rows::RowSource::dims(data) > LARGE;
    Ok(SupervisedOptions {
        model: ModelOptions {
            max_features: large.then_some(crate::forest::MaxFeatures::Sqrt),
            ..Default::default()
        },
        learn: LearnOptions { drop_missing: true, ..Default::default() },
        ..Default::default()
    })
}

/// The test rows in the order of the data, with columns whose values are in the order of the splits.
pub(super) fn test_rows(rows: &[usize], columns: Vec<(String, ArrayRef)>) -> Result<NewColumns> {
    let mut order: Vec<u32> = (0..rows.len() as u32).collect();
    order.sort_unstable_by_key(|place| rows[*place as usize]);
    let places = arrow::array::UInt32Array::from(order.clone());
    let columns = columns
        .into_iter()
        .map(|(name, values)| {
            let values = arrow::compute::take(&values, &places, None)
                .map_err(|error| Error::input("the predictions cannot be put in order").source(error))?;
            Ok(NewColumn::new(name, values))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(NewColumns { rows: Some(order.into_iter().map(|place| rows[place as usize]).collect()), columns })
}

/// A column of numbers.
pub(super) fn numbers_column(values: impl IntoIterator<Item = f64>) -> ArrayRef {
    Arc::new(arrow::array::Float64Array::from_iter_values(values))
}

/// What was fitted and on which rows it was tested.
pub(super) fn tested(held_out: &HeldOut, label: &str, n_folds: usize) -> String {
    let (model, seconds) = (held_out.model.name(), fixed(held_out.fit_seconds, 2));
    match n_folds {
        0 => format!(
            "{label} by {model} from {}, tested on {} others; fitted in {seconds} s.",
            counted(held_out.n_train, "row"),
            grouped(held_out.n_test as u64)
        ),
        _ => format!(
            "{label} by {model}: {} in {n_folds} folds, each tested on a model that was not fitted to it; fitted \
             in {seconds} s.",
            counted(held_out.n_test, "row")
        ),
    }
}

pub(super) fn with_caution<const N: usize>(section: Section, intervals: [Interval; N]) -> Section {
    match intervals.iter().find_map(Interval::caution) {
        Some(caution) => section.with(Block::warning(caution)),
        None => section,
    }
}

/// How many test rows the model has seen, and what it scores on the others.
pub(super) fn with_leak(section: Section, held_out: &HeldOut, on_unseen: Option<String>) -> Section {
    let Some(leaked) = held_out.leaked.filter(|leaked| *leaked > 0) else {
        return match held_out.leaked {
            Some(_) => section,
            None => section.with(Block::note(
                "Whether test rows also occur in training could not be checked: there are no texts, and the \
                 vectors are zeros.",
            )),
        };
    };
    let of = format!("{} of {} test rows", grouped(leaked as u64), grouped(held_out.n_test as u64));
    let unseen = held_out.n_test - leaked;
    section.with(Block::warning(match on_unseen {
        Some(scores) => format!(
            "{of} also occur in the training rows (the same text or vector), so the scores on all rows are too \
             good. On the {} unseen rows {scores}.",
            grouped(unseen as u64)
        ),
        None => format!(
            "{of} also occur in the training rows (the same text or vector). No test row is unseen, so there is no \
             honest score: remove duplicates with --drop-duplicates, or keep them together with --group-by."
        ),
    }))
}

pub(super) fn with_verdict(
    section: Section,
    verdict: Verdict,
    comparison: Option<&Comparison>,
    held_out: &HeldOut,
    constant: &str,
) -> Section {
    let rows = match held_out.unseen {
        Some(_) => "on the unseen rows",
        None => "on the test rows",
    };
    let found = match verdict {
        Verdict::Better => "Better than",
        Verdict::Worse => "WORSE than",
        Verdict::NotDifferent => "Not significantly different from",
        Verdict::NoUnseenRows => {
            return section
                .with(Block::note(format!("No verdict against {constant}: no test row is unseen.")));
        }
    };
    let Some(comparison) = comparison else { return section };
    section.with(Block::note(format!(
        "{found} {constant} {rows} (paired test, {}; difference {}, 95 % {}).",
        p_equals(comparison.p_value),
        fixed(comparison.difference, 3),
        range(comparison.interval.low, comparison.interval.high, 3)
    )))
}

/// The importance of groups of features, and the tree of a single tree.
pub(super) fn with_features(
    mut section: Section,
    held_out: &HeldOut,
    score: &str,
    classes: &[String],
    look: Look,
) -> Result<Section> {
    if held_out.importance.len() > 1 {
        let mut table = Grid::new(["shuffled", &format!("drop of {score}"), "±", "gain"]);
        for group in &held_out.importance {
            let gain = group.gain.map_or(Cell::Missing, |gain| Cell::text(format!("{:.1} %", 100.0 * gain)));
            let (drop, spread) = (Cell::Number(group.drop, 3), Cell::Number(group.spread, 3));
            table = table.row([Cell::text(group.feature.clone()), drop, spread, gain]);
        }
        section = section.with(table);
        #[cfg(feature = "charts")]
        {
            section = section.picture(
                look,
                "Feature importance",
                format!("Drop of {score} when the values of a feature are shuffled among the test rows."),
                |style| importance_picture(held_out, style),
            )?;
        }
    }
    #[cfg(not(feature = "charts"))]
    let _ = look;
    if let Some(tree) = &held_out.tree {
        let name = |feature: usize| {
            held_out.feature_names.get(feature).cloned().unwrap_or_else(|| format!("feature {feature}"))
        };
        let mut table = Grid::new(["tree"]);
        for line in tree.to_text(name, classes).lines() {
            let text = line.trim_start_matches(' ');
            // Spaces that neither a terminal nor a page takes away.
            let indent = "\u{a0}".repeat(line.len() - text.len());
            table = table.row([Cell::text(format!("{indent}{text}"))]);
        }
        section = section.with(table);
    }
    Ok(section)
}

/// A mean and a standard deviation over folds.
pub(super) fn spread(values: impl Iterator<Item = f64>) -> String {
    let values: Vec<f64> = values.collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (values.len() - 1).max(1) as f64;
    format!("{} ± {}", fixed(mean, 3), fixed(variance.sqrt(), 3))
}

/// Names in a sentence; of many the first and how many more.
pub(super) fn named(names: &[&str]) -> String {
    let shown = names.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST_NAMED) {
        0 => shown,
        more => format!("{shown} and {} more", grouped(more as u64)),
    }
}

pub(super) fn interval(interval: Interval) -> String {
    format!("95 %: {}", range(interval.low, interval.high, 3))
}

/// The drop of the score by group of features or, for the embedding alone, the gain of single features.
#[cfg(feature = "charts")]
pub(super) fn importance_picture(held_out: &HeldOut, style: Style) -> Result<Picture> {
    let (groups, top) = (&held_out.importance, &held_out.top_features);
    let (names, values): (Vec<String>, Vec<f64>) = if groups.len() > 1 || top.is_empty() {
        groups.iter().map(|group| (group.feature.clone(), group.drop)).unzip()
    } else {
        top.iter().map(|feature| (feature.name.clone(), feature.gain)).unzip()
    };
    if names.is_empty() {
        return Err(Error::argument(format!("no feature importance of {}", held_out.model.name()))
            .advice("name columns with --features, or choose another model; not with --cv"));
    }
    Bars::new(&names, &values).draw(&style)
}
