//! A matrix and an offset.

use std::path::Path;

use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::rows::{BLOCK_ROWS, RowSource, require_finite};
use crate::store::{Layout, Stored, save};

const LAYOUT: Layout = Layout { kind: "linear map", version: 1 };

/// Takes a row x to x · matrix + offset.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearMap {
    /// Dimensions of the rows x dimensions of the result.
    pub matrix: Array2<f32>,
    /// As many numbers as the result has dimensions.
    pub offset: Array1<f32>,
    /// What made it, in words.
    pub made_by: String,
}

#[derive(Serialize, Deserialize)]
struct Metadata {
    made_by: String,
}

impl LinearMap {
    /// The rows (n x dimensions) in the other space.
    ///
    /// # Errors
    /// For rows of other dimensions, and for numbers that are not finite.
    pub fn apply(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        self.require_dims(rows.ncols())?;
        require_finite(rows)?;
        let mut out = Array2::zeros((rows.nrows(), self.matrix.ncols()));
        out.axis_chunks_iter_mut(Axis(0), BLOCK_ROWS)
            .into_par_iter()
            .zip(rows.axis_chunks_iter(Axis(0), BLOCK_ROWS))
            .for_each(|(mut out, rows)| out.assign(&(rows.dot(&self.matrix) + &self.offset)));
        Ok(out)
    }

    /// The rows of a source in the other space, each block mapped when it is read.
    ///
    /// # Errors
    /// For rows of other dimensions.
    pub fn over<'a, S: RowSource + ?Sized>(&'a self, source: &'a S) -> Result<MappedSource<'a, S>> {
        self.require_dims(source.dims())?;
        Ok(MappedSource { map: self, source })
    }

    fn require_dims(&self, dims: usize) -> Result<()> {
        if dims == self.matrix.nrows() {
            return Ok(());
        }
        Err(Error::argument("the rows and the map have different dimensions")
            .with_code("dimensions")
            .seen(format!("{dims} in the rows, {} in the map", self.matrix.nrows()))
            .advice("use vectors of the embedding model that the map was made for"))
    }

    /// Saves the map as safetensors. The file appears whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let offset = self.offset.clone().insert_axis(Axis(0));
        let about = Metadata { made_by: self.made_by.clone() };
        save(path.as_ref(), LAYOUT, &about, &[("matrix", &self.matrix), ("offset", &offset)])
    }

    /// Loads a map that [`LinearMap::save`] wrote.
    ///
    /// # Errors
    /// When the file is missing, damaged, of another kind or of an unknown version.
    pub fn load(path: impl AsRef<Path>) -> Result<LinearMap> {
        let stored = Stored::open(path.as_ref(), LAYOUT)?;
        let Metadata { made_by } = stored.about()?;
        let (matrix, offset) = (stored.matrix("matrix")?, stored.matrix("offset")?);
        if offset.dim() != (1, matrix.ncols()) || matrix.is_empty() {
            return Err(stored.damaged(format!(
                "a matrix of {:?} with an offset of {:?}",
                matrix.dim(),
                offset.dim()
            )));
        }
        if matrix.iter().chain(&offset).any(|value| !value.is_finite()) {
            return Err(stored.damaged("numbers that are not finite"));
        }
        Ok(LinearMap { matrix, offset: offset.remove_axis(Axis(0)), made_by })
    }
}

/// Rows of a source as a [`LinearMap`] takes them to another space.
pub struct MappedSource<'a, S: ?Sized> {
    map: &'a LinearMap,
    source: &'a S,
}

impl<S: RowSource + ?Sized> RowSource for MappedSource<'_, S> {
    fn n_rows(&self) -> usize {
        self.source.n_rows()
    }

    fn dims(&self) -> usize {
        self.map.matrix.ncols()
    }

    fn chunks(&self, rows: usize) -> Result<Box<dyn Iterator<Item = Result<Array2<f32>>> + '_>> {
        let mut first = 0;
        Ok(Box::new(self.source.chunks(rows)?.map(move |chunk| {
            let chunk = chunk?;
            let mapped = self.map.apply(chunk.view()).map_err(|error| match error.row_number() {
                Some(row) => error.row(first + row),
                None => error,
            })?;
            first += chunk.nrows();
            Ok(mapped)
        })))
    }
}
