//! k-means models on disk.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Geometry, KMeans};
use crate::error::{Error, Result};
use crate::store::{Layout, Stored, save};

const LAYOUT: Layout = Layout { kind: "k-means", version: 1 };

#[derive(Serialize, Deserialize)]
struct ModelMetadata {
    geometry: Geometry,
    inertia: f64,
    n_iter: usize,
    /// Absent in models of before.
    #[serde(default)]
    names: Vec<String>,
}

impl KMeans {
    /// Saves the model as safetensors (the centroids) with its metadata, names among them, as JSON; the labels of the
    /// training rows are not part of it. The file appears whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let about = ModelMetadata {
            geometry: self.geometry,
            inertia: self.inertia,
            n_iter: self.n_iter,
            names: self.names.clone(),
        };
        save(path.as_ref(), LAYOUT, &about, &[("centroids", &self.centroids)])
    }

    /// Loads a model that [`KMeans::save`] wrote.
    ///
    /// # Errors
    /// When the file is missing, damaged, of another kind of model or of an unknown version.
    pub fn load(path: impl AsRef<Path>) -> Result<KMeans> {
        let path = path.as_ref();
        let stored = Stored::open(path, LAYOUT)?;
        let ModelMetadata { geometry, inertia, n_iter, names } = stored.about()?;
        let centroids = stored.matrix("centroids")?;
        if centroids.is_empty() || centroids.iter().any(|value| !value.is_finite()) {
            return Err(Error::input("a model without usable centroids").file(path));
        }
        if !names.is_empty() && names.len() != centroids.nrows() {
            return Err(stored.damaged(format!("{} names of {} clusters", names.len(), centroids.nrows())));
        }
        Ok(KMeans { centroids, labels: Vec::new(), inertia, n_iter, geometry, names })
    }
}
