//! A model with all that is needed to predict for a new file.

use std::path::Path;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Classifier, Column, FeatureEncoder, ModelKind, Regressor};
use crate::error::{Error, Result};
use crate::store::{Layout, Stored, in_json, save};

const LAYOUT: Layout = Layout { kind: "trained model", version: 2 };

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
