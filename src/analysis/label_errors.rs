//! Labels that are probably wrong.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{BooleanArray, Float32Array, StringArray};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::given_graph::needed_graph;
use super::out_of_fold::{Folds, out_of_fold, probabilities};
use super::{Analysis, Context, Needs, NewColumns};
use crate::data::{Data, NewColumn, OpenOptions, Role};
use crate::error::{Error, Result};
use crate::model::ModelKind;
use crate::number::counted;
use crate::quality::{VALUE_NEIGHBORS, knn_shapley, label_errors};
use crate::rows::{Graph, Metric};
use crate::view::{Block, Cell, Grid, Look, Section};

/// Rows that a view lists.
const LISTED: usize = 20;

/// The model that gives the probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum LabelModel {
    /// Logistic regression.
    #[default]
    Logistic,
    /// A random forest.
    Forest,
    /// The nearest neighbours.
    Knn,
}

impl LabelModel {
    fn kind(self) -> ModelKind {
        match self {
            LabelModel::Logistic => ModelKind::Logistic,
            LabelModel::Forest => ModelKind::Forest,
            LabelModel::Knn => ModelKind::Knn,
        }
    }
}

/// Options of [`LabelErrorSearch`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct LabelErrorOptions {
    /// The model that predicts each row from the others, in five folds
    #[cfg_attr(feature = "cli", arg(long, value_enum, default_value_t = Self::default().model))]
    pub model: LabelModel,
    /// Take the probabilities of this file: a row for each row, a column for each class in sorted order
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE", conflicts_with = "model"))]
    pub probabilities: Option<PathBuf>,
    /// Also give the value of each row to a vote of its nearest rows (KNN-Shapley)
    #[cfg_attr(feature = "cli", arg(long))]
    pub value: bool,
    /// Keep rows in one fold that are linked by a chain of pairs with at least this cosine, such as 0.95; copies always are
    #[cfg_attr(feature = "cli", arg(long, value_name = "COSINE", conflicts_with = "probabilities"))]
    pub split_by_similarity: Option<f64>,
    /// Take the nearest rows for --value from this file, made by `embedlab knn`
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE", requires = "value"))]
    pub graph: Option<PathBuf>,
}

/// Rows whose label is probably wrong.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LabelErrorList {
    /// How many rows.
    pub n_errors: usize,
    /// They, the least confident label first.
    pub errors: Vec<LabelErrorRow>,
    /// Estimated counts: given label x likely true label.
    pub joint: Vec<Vec<u64>>,
    /// The classes, in the order of the joint.
    pub classes: Vec<String>,
    /// The share of the rows with a label that are probably wrong.
    pub share: f64,
    #[serde(skip)]
    columns: Columns,
    #[serde(skip)]
    texts: Vec<Option<String>>,
}

/// One of them.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LabelErrorRow {
    /// The row of the file, from 0.
    pub row: usize,
    /// Its label.
    pub given: String,
    /// The likeliest label.
    pub likely: String,
    /// The probability of its label.
    pub self_confidence: f64,
    /// (probability of its label - largest other probability + 1) / 2.
    pub margin: f64,
}

#[derive(Debug, Clone, Default)]
struct Columns {
    flags: Vec<Option<bool>>,
    quality: Vec<Option<f32>>,
    likely: Vec<Option<String>>,
    value: Option<Vec<Option<f32>>>,
}

/// The analysis `label-errors`.
pub struct LabelErrorSearch;

impl Analysis for LabelErrorSearch {
    const NAME: &'static str = "label-errors";
    const ABOUT: &'static str = "Find labels that are probably wrong, by confident learning";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab label-errors reviews.parquet --label Score
  embedlab label-errors reviews.parquet --label Score --model forest -o checked.parquet

A model that predicts poorly doubts many right labels: look at its accuracy (embedlab classify) first.";
    const NEEDS: Needs = Needs::Matrix;
    const ROLES: &'static [Role] = &[Role::Label, Role::Text];
    const WRITES: Option<&'static str> =
        Some("Write the rows with the columns is_label_error, label_quality, likely_label (and label_value)");
    type Options = LabelErrorOptions;
    type Outcome = LabelErrorList;

    fn run(data: &Data, options: &LabelErrorOptions, context: &Context<'_>) -> Result<LabelErrorList> {
        let labels = data.labels()?;
        let rows = data.matrix()?;
        let some: Vec<usize> = (0..labels.codes.len()).filter(|row| labels.codes[*row].is_some()).collect();
        if some.len() < labels.codes.len() {
            context.warn(format!(
                "{} without a label left out",
                counted(labels.codes.len() - some.len(), "row")
            ));
        }
        let classes: Vec<usize> =
            some.iter().filter_map(|row| labels.codes[*row]).map(|code| code as usize).collect();
        let picked = rows.select(ndarray::Axis(0), &some);
        let found = match &options.probabilities {
            Some(path) => {
                let given = Data::open(path, &OpenOptions::default())?;
                let given = given.matrix()?.mapv(f64::from);
                if given.nrows() != rows.nrows() || given.ncols() != labels.names.len() {
                    return Err(Error::argument("probabilities that do not fit the labels")
                        .file(path)
                        .seen(format!(
                            "{} rows of {} probabilities, {} rows of {} classes",
                            given.nrows(),
                            given.ncols(),
                            rows.nrows(),
                            labels.names.len()
                        ))
                        .advice("give a row for each row and a column for each class, in sorted order"));
                }
                given.select(ndarray::Axis(0), &some)
            }
            None => {
                let bytes = probabilities(some.len(), labels.names.len());
                data.memory().require_work("label-errors", bytes, 0)?;
                let folds = Folds { seed: context.seed, split_by_similarity: options.split_by_similarity };
                out_of_fold(picked.view(), &classes, &labels.names, options.model.kind(), folds)?
            }
        };
        let found = label_errors(&classes, found.view())?;
        let mut columns = Columns {
            flags: vec![None; rows.nrows()],
            quality: vec![None; rows.nrows()],
            likely: vec![None; rows.nrows()],
            value: None,
        };
        for (at, row) in some.iter().enumerate() {
            columns.flags[*row] = Some(false);
            columns.quality[*row] = Some(found.self_confidence[at] as f32);
            columns.likely[*row] = Some(labels.names[found.likely[at]].clone());
        }
        found.errors.iter().for_each(|error| columns.flags[some[error.row]] = Some(true));
        if options.value {
            let graph = match &options.graph {
                Some(path) => {
                    let graph = needed_graph(Some(path), rows, VALUE_NEIGHBORS, Metric::Cosine)?.among(&some);
                    if graph.k() < VALUE_NEIGHBORS.min(some.len() - 1) {
                        return Err(Error::argument("a graph of too few neighbours with a label")
                            .file(path)
                            .seen(format!("{} of {VALUE_NEIGHBORS}", graph.k()))
                            .advice("make one with more neighbours: `embedlab knn FILE -k N`"));
                    }
                    graph
                }
                None => Graph::of(picked.view(), VALUE_NEIGHBORS, Metric::Cosine)?,
            };
            let mut values = vec![None; rows.nrows()];
            for (value, row) in knn_shapley(&graph, &classes, VALUE_NEIGHBORS)?.into_iter().zip(&some) {
                values[*row] = Some(value as f32);
            }
            columns.value = Some(values);
        }
        let texts = data.texts()?.unwrap_or_default();
        let text = |row: usize| texts.get(row).cloned().flatten();
        Ok(LabelErrorList {
            n_errors: found.errors.len(),
            share: found.errors.len() as f64 / some.len().max(1) as f64,
            texts: found.errors.iter().take(LISTED).map(|error| text(some[error.row])).collect(),
            errors: found
                .errors
                .iter()
                .map(|error| LabelErrorRow {
                    row: data.row_of_file(some[error.row]),
                    given: labels.names[error.given].clone(),
                    likely: labels.names[error.likely].clone(),
                    self_confidence: error.self_confidence,
                    margin: error.margin,
                })
                .collect(),
            joint: found.joint,
            classes: labels.names,
            columns,
        })
    }

    fn view(found: &LabelErrorList, _look: Look) -> Result<Section> {
        let text = format!(
            "{} probably wrong ({:.1} %).",
            if found.n_errors == 1 {
                "1 label is".to_owned()
            } else {
                format!("{} labels are", found.n_errors)
            },
            100.0 * found.share
        );
        let list = found.errors.iter().zip(&found.texts).fold(
            Grid::new(["row", "label", "likely", "confidence", "text"])
                .caption("Least confident labels first"),
            |grid, (error, text)| {
                grid.row([
                    Cell::count(error.row),
                    Cell::text(&error.given),
                    Cell::text(&error.likely),
                    Cell::Number(error.self_confidence, 3),
                    text.as_ref().map_or(Cell::Missing, |text| Cell::excerpt(text)),
                ])
            },
        );
        let mut section = Section::new(Self::NAME, "Label errors").with(Block::paragraph(text));
        if found.n_errors > 0 {
            section = section.with(list);
        }
        if found.classes.len() <= 12 {
            let headers = std::iter::once("given \\ likely".to_owned()).chain(found.classes.iter().cloned());
            let grid =
                found.joint.iter().zip(&found.classes).fold(Grid::new(headers), |grid, (row, name)| {
                    grid.row(
                        std::iter::once(Cell::text(name)).chain(row.iter().map(|count| Cell::Count(*count))),
                    )
                });
            section = section.with(grid.caption("Estimated counts of given and true labels"));
        }
        Ok(section.with(Block::note(
            "Check these rows by hand: confident learning ranks labels, it does not know the truth.",
        )))
    }

    fn columns(found: &LabelErrorList) -> Result<NewColumns> {
        let Columns { flags, quality, likely, value } = &found.columns;
        let mut columns = vec![
            NewColumn::new("is_label_error", Arc::new(BooleanArray::from(flags.clone()))),
            NewColumn::new("label_quality", Arc::new(Float32Array::from(quality.clone()))),
            NewColumn::new("likely_label", Arc::new(StringArray::from(likely.clone()))),
        ];
        if let Some(value) = value {
            columns.push(NewColumn::new("label_value", Arc::new(Float32Array::from(value.clone()))));
        }
        Ok(NewColumns { rows: None, columns })
    }
}
