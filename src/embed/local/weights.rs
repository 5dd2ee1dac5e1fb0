//! The tensors of a model's safetensors file, checked against the shapes that are expected.

use std::path::{Path, PathBuf};

use half::{bf16, f16};
use memmap2::Mmap;
use safetensors::{Dtype, SafeTensors};
use xxhash_rust::xxh3::xxh3_64;

use super::settings::missing;
use crate::error::{Error, Result};
use crate::table::map_file;

/// A weights file, mapped. What is taken from it has the shape that was asked for, so that a folder
/// that lies about sizes can ask for no more memory than its file has numbers.
pub(super) struct Weights {
    path: PathBuf,
    bytes: Mmap,
}

impl Weights {
    pub fn open(path: &Path) -> Result<Weights> {
        if !path.exists() {
            let python = path.with_file_name("pytorch_model.bin");
            let error = missing(path);
            return Err(if python.exists() {
                error.seen("a pytorch_model.bin, which is a program and is not opened").advice(
                    "save the model as safetensors: model.save_pretrained(folder, safe_serialization=True)",
                )
            } else {
                error
            });
        }
        let weights = Weights { path: path.to_owned(), bytes: map_file(path)? };
        weights.tensors()?;
        Ok(weights)
    }

    fn tensors(&self) -> Result<SafeTensors<'_>> {
        SafeTensors::deserialize(&self.bytes).map_err(|error| {
            Error::input("a damaged weights file")
                .file(&self.path)
                .source(error)
                .advice("fetch the model again")
        })
    }

    pub fn fingerprint(&self) -> u64 {
        xxh3_64(&self.bytes)
    }

    /// The tensors by name, for taking several.
    pub fn reader(&self) -> Result<Reader<'_>> {
        let tensors = self.tensors()?;
        // A model that was saved with a head keeps the encoder under `bert.`.
        let prefix =
            if tensors.tensor("bert.embeddings.word_embeddings.weight").is_ok() { "bert." } else { "" };
        Ok(Reader { path: &self.path, tensors, prefix })
    }
}

pub(super) struct Reader<'a> {
    path: &'a Path,
    tensors: SafeTensors<'a>,
    prefix: &'static str,
}

impl Reader<'_> {
    /// A tensor as `f32` in row-major order; refused unless it has this shape.
    pub fn take(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let named = |name: &str| self.tensors.tensor(&format!("{}{name}", self.prefix));
        // The first BERT files call the scale and shift of a norm gamma and beta.
        let older = match name.strip_suffix("LayerNorm.weight") {
            Some(start) => Some(format!("{start}LayerNorm.gamma")),
            None => name.strip_suffix("LayerNorm.bias").map(|start| format!("{start}LayerNorm.beta")),
        };
        let tensor =
            named(name).or_else(|error| older.map_or(Err(error), |older| named(&older))).map_err(|_| {
                Error::input("the weights lack a tensor")
                    .file(self.path)
                    .seen(name)
                    .advice("config.json must be that of the weights, and the model of the BERT class")
            })?;
        if tensor.shape() != shape {
            return Err(Error::input("a tensor of another shape")
                .file(self.path)
                .seen(format!("{name} is {:?} where {shape:?} was expected", tensor.shape()))
                .advice("config.json must be that of the weights"));
        }
        let data = tensor.data();
        let values: Vec<f32> = match tensor.dtype() {
            Dtype::F32 => data.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
            Dtype::F16 => {
                data.as_chunks::<2>().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect()
            }
            Dtype::BF16 => {
                data.as_chunks::<2>().0.iter().map(|bytes| bf16::from_le_bytes(*bytes).to_f32()).collect()
            }
            other => {
                return Err(Error::input("unsupported type of weights")
                    .file(self.path)
                    .seen(format!("{name} is {other:?}"))
                    .advice("save the model as float32, float16 or bfloat16"));
            }
        };
        if !values.iter().all(|value| value.is_finite()) {
            return Err(Error::input("weights that are not numbers")
                .file(self.path)
                .seen(format!("NaN or infinity in {name}"))
                .advice("fetch the model again"));
        }
        Ok(values)
    }
}
