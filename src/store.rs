//! Models on disk: numbers as safetensors, what they mean as JSON in the same file's header.
//!
//! A file says which kind of model it is and in which version of its format; a file of another
//! kind or of an unknown version is refused with a message, never guessed at.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use ndarray::Array2;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::output::write_whole;

const KIND: &str = "embedlab.kind";
const VERSION: &str = "embedlab.version";
const ABOUT: &str = "embedlab.about";

/// The kind of a model and the version of its format.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub kind: &'static str,
    pub version: u32,
}

/// Writes named matrices and what is to be known about them.
pub(crate) fn save(
    path: &Path,
    layout: Layout,
    about: &impl Serialize,
    matrices: &[(&str, &Array2<f32>)],
) -> Result<()> {
    let failed = |error: &dyn std::fmt::Display| {
        Error::input("the model cannot be saved").file(path).seen(error.to_string())
    };
    let about = serde_json::to_string(about).map_err(|error| failed(&error))?;
    let metadata = HashMap::from([
        (KIND.to_owned(), layout.kind.to_owned()),
        (VERSION.to_owned(), layout.version.to_string()),
        (ABOUT.to_owned(), about),
    ]);
    let bytes: Vec<(&str, Vec<usize>, Vec<u8>)> = matrices
        .iter()
        .map(|(name, matrix)| {
            (*name, matrix.shape().to_vec(), matrix.iter().flat_map(|value| value.to_le_bytes()).collect())
        })
        .collect();
    let tensors = bytes
        .iter()
        .map(|(name, shape, bytes)| {
            Ok((*name, TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(|error| failed(&error))?))
        })
        .collect::<Result<Vec<_>>>()?;
    let file = safetensors::serialize(tensors, Some(metadata)).map_err(|error| failed(&error))?;
    write_whole(path, |out| out.write_all(&file).map_err(|error| Error::io("cannot write", error).file(path)))
}

/// A file that [`save`] wrote, read back.
pub(crate) struct Stored {
    bytes: Vec<u8>,
    about: String,
    path: std::path::PathBuf,
}

impl Stored {
    /// Reads a file and checks its kind and version.
    pub fn open(path: &Path, layout: Layout) -> Result<Stored> {
        let bytes = std::fs::read(path).map_err(|error| Error::io("cannot open", error).file(path))?;
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| damaged(path).source(error))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let said = |key: &str| metadata.get(key).map(String::as_str).unwrap_or_default();
        if said(KIND) != layout.kind {
            return Err(Error::input(format!("no {} model", layout.kind)).file(path).seen(
                if said(KIND).is_empty() { "a safetensors file of another origin" } else { said(KIND) },
            ));
        }
        if said(VERSION) != layout.version.to_string() {
            return Err(Error::input("a format version that is not known here")
                .file(path)
                .seen(format!("version {}, where {} is known", said(VERSION), layout.version))
                .advice("update embedlab, or fit the model again"));
        }
        let about = said(ABOUT).to_owned();
        Ok(Stored { bytes, about, path: path.to_owned() })
    }

    /// The error for content that does not fit together.
    pub fn damaged(&self, seen: impl Into<String>) -> Error {
        damaged(&self.path).seen(seen)
    }

    /// What was said about the matrices.
    pub fn about<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.about).map_err(|error| damaged(&self.path).source(error))
    }

    /// A matrix by its name.
    pub fn matrix(&self, name: &str) -> Result<Array2<f32>> {
        let tensors =
            SafeTensors::deserialize(&self.bytes).map_err(|error| damaged(&self.path).source(error))?;
        let tensor = tensors.tensor(name).map_err(|error| damaged(&self.path).source(error))?;
        let &[rows, columns] = tensor.shape() else {
            return Err(damaged(&self.path).seen(format!("{name} has {} dimensions", tensor.shape().len())));
        };
        if tensor.dtype() != Dtype::F32 {
            return Err(damaged(&self.path).seen(format!("{name} is {:?}", tensor.dtype())));
        }
        let values =
            tensor.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        Array2::from_shape_vec((rows, columns), values).map_err(|error| damaged(&self.path).source(error))
    }
}

fn damaged(path: &Path) -> Error {
    Error::input("a damaged model file").file(path).advice("fit and save the model again")
}
