//! A model with all that is needed to predict for a new file.

use std::path::Path;

use ndarray::{Array2, ArrayView2, ShapeBuilder, s};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Classifier, Column, FeatureEncoder, ModelKind, Regressor};
use crate::error::{Error, Result};
use crate::rows::{LEAF_ROWS, RowSource, for_each_chunk};
use crate::store::{Layout, Stored, in_json, save};
use crate::targets::likeliest;

const LAYOUT: Layout = Layout { kind: "trained model", version: 2 };

/// Rows whose features are in memory at once; the same for any source, so that predictions have the same bits.
const CHUNK_ROWS: usize = 4 * LEAF_ROWS;

/// What a trained model predicts.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    /// A number.
    Regress(Regressor),
    /// A class.
    Classify {
        /// The model.
        model: Classifier,
        /// The names of the classes.
        names: Vec<String>,
    },
}

/// What a model predicts for rows.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicted {
    /// A number for each row.
    Numbers(Vec<f64>),
    /// A class for each row.
    Classes {
        /// The names of the classes.
        names: Vec<String>,
        /// The position of the class of each row among them.
        classes: Vec<usize>,
        /// The probability of each class, n x classes.
        probabilities: Array2<f64>,
    },
}

/// What is predicted for some rows.
enum Chunk {
    Numbers(Vec<f64>),
    Probabilities(Array2<f64>),
}

/// Where the features come from and what they mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The column that is predicted.
    pub label: String,
    /// The values of an embedding.
    pub dims: usize,
    /// The columns beside it.
    pub encoder: FeatureEncoder,
    /// The rows that it was fitted to.
    pub n_rows: usize,
    /// The model that made the embeddings, where the file says so.
    pub embedding_model: Option<String>,
}

/// A trained model: fitted, and told which columns it needs.
///
/// Saved as safetensors (numbers) with its metadata as JSON and a format version.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedModel {
    /// Where its features come from.
    pub recipe: Recipe,
    /// The fitted model.
    pub task: Task,
}

#[derive(Serialize, Deserialize)]
struct Metadata {
    recipe: Recipe,
    kind: ModelKind,
    /// The names of the classes; none for a model of numbers.
    classes: Option<Vec<String>>,
    model: Value,
}

impl SavedModel {
    /// The kind of the model.
    pub fn kind(&self) -> ModelKind {
        match &self.task {
            Task::Regress(model) => model.kind(),
            Task::Classify { model, .. } => model.kind(),
        }
    }

    /// The features of new rows: their embedding (n x d) and columns as the recipe names them.
    ///
    /// # Errors
    /// When dimensions or columns are others than the model's.
    pub fn features(&self, rows: ArrayView2<'_, f32>, columns: &[(String, Column)]) -> Result<Array2<f32>> {
        if rows.ncols() != self.recipe.dims {
            return Err(Error::argument("the rows and the model have different dimensions")
                .with_code("dimensions")
                .seen(format!("{} in the rows, {} in the model", rows.ncols(), self.recipe.dims))
                .advice("use vectors of the same embedding model"));
        }
        self.recipe.encoder.with_embedding(rows, columns)
    }

    /// What the model predicts for rows (n x d) and columns as the recipe names them, one value a row; the rows are read
    /// in chunks and need not be in memory.
    ///
    /// # Errors
    /// As [`features`](SavedModel::features), and whatever the source meets while reading.
    pub fn predict_rows(
        &self,
        source: &(impl RowSource + ?Sized),
        columns: &[(String, Column)],
    ) -> Result<Predicted> {
        let mut numbers = Vec::new();
        let n_classes = match &self.task {
            Task::Regress(_) => 0,
            Task::Classify { names, .. } => names.len(),
        };
        let mut classes = Vec::new();
        // Column by column: each becomes a column of a table without a copy.
        let mut probabilities = Array2::zeros((source.n_rows(), n_classes).f());
        for_each_chunk(source, CHUNK_ROWS, |first, rows| {
            let here = first..first + rows.nrows();
            let columns: Vec<(String, Column)> =
                columns.iter().map(|(name, column)| (name.clone(), column.slice(here.clone()))).collect();
            let found = self.predict_chunk(rows, &columns).map_err(|error| match error.row_number() {
                Some(row) => error.row(first + row),
                None => error,
            })?;
            match found {
                Chunk::Numbers(more) => numbers.extend(more),
                Chunk::Probabilities(more) => {
                    classes.extend(likeliest(&more));
                    probabilities.slice_mut(s![here, ..]).assign(&more);
                }
            }
            Ok(())
        })?;
        match &self.task {
            Task::Regress(_) => Ok(Predicted::Numbers(numbers)),
            Task::Classify { names, .. } => {
                Ok(Predicted::Classes { names: names.clone(), classes, probabilities })
            }
        }
    }

    fn predict_chunk(&self, rows: ArrayView2<'_, f32>, columns: &[(String, Column)]) -> Result<Chunk> {
        let features = self.features(rows, columns)?;
        match &self.task {
            Task::Regress(model) => model.predict(features.view()).map(Chunk::Numbers),
            Task::Classify { model, names } => {
                model.predict_probabilities(features.view(), names.len()).map(Chunk::Probabilities)
            }
        }
    }

    /// Saves the model. The file appears whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let (parts, classes) = match &self.task {
            Task::Regress(model) => (model.parts(), None),
            Task::Classify { model, names } => (model.parts(), Some(names.clone())),
        };
        let parts = parts.map_err(|error| error.file(path))?;
        let about = in_json(&Metadata {
            recipe: self.recipe.clone(),
            kind: self.kind(),
            classes,
            model: parts.about,
        })?;
        let matrices: Vec<(&str, &Array2<f32>)> =
            parts.matrices.iter().map(|(name, matrix)| (*name, matrix)).collect();
        save(path, LAYOUT, &about, &matrices)
    }

    /// Loads a model that [`save`](SavedModel::save) wrote.
    ///
    /// # Errors
    /// When the file is missing, damaged, of another kind or of an unknown version.
    pub fn load(path: impl AsRef<Path>) -> Result<SavedModel> {
        let stored = Stored::open(path.as_ref(), LAYOUT)?;
        let Metadata { recipe, kind, classes, model } = stored.about()?;
        let (task, n_features) = match classes {
            None => {
                let model = Regressor::restore(kind, model, &stored)?;
                let n_features = model.n_features();
                (Task::Regress(model), n_features)
            }
            Some(names) => {
                let model = Classifier::restore(kind, model, &stored)?;
                if model.n_classes() > names.len() {
                    return Err(stored.damaged("classes without a name"));
                }
                let n_features = model.n_features();
                (Task::Classify { model, names }, n_features)
            }
        };
        if recipe.dims.checked_add(recipe.encoder.n_features()) != Some(n_features) {
            return Err(stored.damaged("features that do not fit the model"));
        }
        Ok(SavedModel { recipe, task })
    }
}
