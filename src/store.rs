//! Models on disk: numbers as safetensors, what they mean as JSON in the same file's header.
//!
//! A file says which kind of model it is and in which version of its format; a file of another
//! kind or of an unknown version is refused with a message, never guessed at.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use ndarray::Array2;
use safetensors::{Dtype, SafeTensors};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::memory::read_whole;
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

/// A model that is saved as safetensors, alone or within a larger file.
pub(crate) trait Persist: Sized {
    /// What the model is on disk.
    const LAYOUT: Layout;

    /// The model taken apart.
    fn parts(&self) -> Result<Parts>;

    /// The model from its parts.
    fn restore(about: Value, stored: &Stored) -> Result<Self>;

    /// Saves the model alone.
    fn save_alone(&self, path: &Path) -> Result<()> {
        let parts = self.parts().map_err(|error| error.file(path))?;
        save(path, Self::LAYOUT, &parts.about, &parts.matrices())
    }

    /// Loads a model that was saved alone.
    fn load_alone(path: &Path) -> Result<Self> {
        let stored = Stored::open(path, Self::LAYOUT)?;
        Self::restore(stored.about()?, &stored)
    }
}

/// A model taken apart: its matrices, and what is to be known about them.
pub(crate) struct Parts {
    pub about: Value,
    pub matrices: Vec<(&'static str, Array2<f32>)>,
}

impl Parts {
    pub fn matrices(&self) -> Vec<(&str, &Array2<f32>)> {
        self.matrices.iter().map(|(name, matrix)| (*name, matrix)).collect()
    }
}

/// The public `save` and `load` of a model that can [`Persist`].
macro_rules! persist {
    ($model:ty) => {
        impl $model {
            /// Saves the model as safetensors with its metadata as JSON. The file appears whole or not at
            /// all, and is the same to the last bit for the same model.
            ///
            /// # Errors
            /// When the file cannot be written.
            pub fn save(&self, path: impl AsRef<std::path::Path>) -> $crate::error::Result<()> {
                $crate::store::Persist::save_alone(self, path.as_ref())
            }

            /// Loads a model that `save` wrote.
            ///
            /// # Errors
            /// When the file is missing, damaged, of another kind of model or of an unknown version.
            pub fn load(path: impl AsRef<std::path::Path>) -> $crate::error::Result<$model> {
                <$model as $crate::store::Persist>::load_alone(path.as_ref())
            }
        }
    };
}
pub(crate) use persist;

/// # Errors
/// When the metadata cannot be written as JSON.
pub(crate) fn in_json(about: &impl Serialize) -> Result<Value> {
    serde_json::to_value(about).map_err(|error| Error::input("the model cannot be saved").source(error))
}

/// Writes named matrices and what is to be known about them. The header is written here because the
/// `safetensors` crate takes its metadata from a hash map, in another order in each run.
pub(crate) fn save(
    path: &Path,
    layout: Layout,
    about: &impl Serialize,
    matrices: &[(&str, &Array2<f32>)],
) -> Result<()> {
    let tensors: Vec<_> = matrices.iter().map(|(name, matrix)| (*name, Tensor::F32(matrix))).collect();
    save_tensors(path, layout, about, &tensors)
}

/// Numbers of one kind.
pub(crate) enum Tensor<'a> {
    F32(&'a Array2<f32>),
    F64(&'a Array2<f64>),
    U32(&'a [u32]),
}

impl Tensor<'_> {
    fn dtype(&self) -> &'static str {
        match self {
            Tensor::F32(_) => "F32",
            Tensor::F64(_) => "F64",
            Tensor::U32(_) => "U32",
        }
    }

    fn shape(&self) -> Vec<usize> {
        match self {
            Tensor::F32(matrix) => matrix.shape().to_vec(),
            Tensor::F64(matrix) => matrix.shape().to_vec(),
            Tensor::U32(numbers) => vec![numbers.len()],
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Tensor::F32(matrix) => matrix.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Tensor::F64(matrix) => matrix.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Tensor::U32(numbers) => numbers.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }

    fn size(&self) -> usize {
        let width = if matches!(self, Tensor::F64(_)) { 8 } else { 4 };
        self.shape().iter().product::<usize>() * width
    }
}

/// As [`save`], of numbers of any kind.
pub(crate) fn save_tensors(
    path: &Path,
    layout: Layout,
    about: &impl Serialize,
    tensors: &[(&str, Tensor<'_>)],
) -> Result<()> {
    let failed = |error: &dyn std::fmt::Display| {
        Error::input("the model cannot be saved").file(path).seen(error.to_string())
    };
    let metadata = BTreeMap::from([
        (KIND, layout.kind.to_owned()),
        (VERSION, layout.version.to_string()),
        (ABOUT, serde_json::to_string(about).map_err(|error| failed(&error))?),
    ]);
    let mut header = BTreeMap::from([("__metadata__", serde_json::json!(metadata))]);
    let mut end = 0;
    for (name, tensor) in tensors {
        let start = end;
        end += tensor.size();
        let about = serde_json::json!({
            "dtype": tensor.dtype(),
            "shape": tensor.shape(),
            "data_offsets": [start, end],
        });
        header.insert(name, about);
    }
    let mut header = serde_json::to_vec(&header).map_err(|error| failed(&error))?;
    // The numbers begin at a multiple of 8 bytes.
    header.resize(header.len().next_multiple_of(8), b' ');
    write_whole(path, |out| {
        let mut write =
            |bytes: &[u8]| out.write_all(bytes).map_err(|error| Error::io("cannot write", error).file(path));
        write(&(header.len() as u64).to_le_bytes())?;
        write(&header)?;
        for (_, tensor) in tensors {
            write(&tensor.bytes())?;
        }
        Ok(())
    })
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
        let bytes = read_whole(path)?;
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| damaged(path).source(error))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let said = |key: &str| metadata.get(key).map(String::as_str).unwrap_or_default();
        if said(KIND) != layout.kind {
            return Err(Error::input(format!("no {} model", layout.kind)).file(path).seen(
                if said(KIND).is_empty() { "a safetensors file of another origin" } else { said(KIND) },
            ));
        }
        if !said(VERSION).parse().is_ok_and(|version: u32| (1..=layout.version).contains(&version)) {
            return Err(Error::input("an unknown format version")
                .file(path)
                .seen(format!("version {}, where {} is the newest known", said(VERSION), layout.version))
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
        let (shape, bytes) = self.tensor(name, Dtype::F32)?;
        let values = bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        self.in_shape(name, &shape, values)
    }

    /// A matrix of `f64` by its name.
    pub fn matrix_f64(&self, name: &str) -> Result<Array2<f64>> {
        let (shape, bytes) = self.tensor(name, Dtype::F64)?;
        let values = bytes.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        self.in_shape(name, &shape, values)
    }

    /// Whole numbers by their name.
    pub fn whole_numbers(&self, name: &str) -> Result<Vec<u32>> {
        let (_, bytes) = self.tensor(name, Dtype::U32)?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect())
    }

    fn tensor(&self, name: &str, dtype: Dtype) -> Result<(Vec<usize>, &[u8])> {
        let tensors =
            SafeTensors::deserialize(&self.bytes).map_err(|error| damaged(&self.path).source(error))?;
        let tensor = tensors.tensor(name).map_err(|error| damaged(&self.path).source(error))?;
        if tensor.dtype() != dtype {
            return Err(damaged(&self.path).seen(format!("{name} is {:?}", tensor.dtype())));
        }
        Ok((tensor.shape().to_vec(), tensor.data()))
    }

    fn in_shape<T>(&self, name: &str, shape: &[usize], values: Vec<T>) -> Result<Array2<T>> {
        let &[rows, columns] = shape else {
            return Err(damaged(&self.path).seen(format!("{name} has {} dimensions", shape.len())));
        };
        Array2::from_shape_vec((rows, columns), values).map_err(|error| damaged(&self.path).source(error))
    }
}

fn damaged(path: &Path) -> Error {
    Error::input("a damaged model file").file(path).advice("fit and save the model again")
}
