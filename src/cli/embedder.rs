//! From the texts of a command line to vectors: which embedder, and whether it is that of the rows.

use std::path::{Path, PathBuf};

use embedlab::embed::{Embedder, Lsa};
use embedlab::table::Table;
use embedlab::{Error, Result};
use ndarray::Array2;

use super::beside::model_of;

/// The embedder for texts on the command line.
#[derive(clap::Args)]
pub struct With {
    /// The embedder of the rows, a file that embedlab embed wrote [default: the file beside the rows that ends in .lsa.safetensors]
    #[arg(long = "model", value_name = "FILE")]
    model: Option<PathBuf>,
}

impl With {
    /// The vectors of texts by the embedder that made those of `rows`; without one, the error names what
    /// can be given `instead`.
    pub fn embed(&self, texts: &[String], rows: &Table, file: &Path, instead: &str) -> Result<Array2<f32>> {
        let beside = beside(file);
        let path = match &self.model {
            Some(path) => path.clone(),
            None if beside.exists() => beside,
            None => {
                return Err(Error::argument("no embedder for texts")
                    .seen(format!("neither --model nor {}", beside.display()))
                    .advice(format!("make one with embedlab embed FILE --model lsa, or give {instead}")));
            }
        };
        let embedder = Lsa::load(&path)?;
        let refused = |seen: String| {
            Error::input("the embedder is not that of the rows")
                .file(&path)
                .seen(seen)
                .advice("embed rows and texts with the same model")
        };
        match model_of(rows) {
            Some(model) if model != embedder.model() => {
                return Err(refused(format!("{}, and {model} in the rows", embedder.model())));
            }
            _ if embedder.dims() != rows.dims() => {
                return Err(refused(format!(
                    "{} dimensions, and {} in the rows",
                    embedder.dims(),
                    rows.dims()
                )));
            }
            _ => {}
        }
        let vectors = embedder.embed(texts)?;
        for (text, vector) in texts.iter().zip(vectors.rows()) {
            if vector.iter().all(|value| *value == 0.0) {
                return Err(Error::argument("a text without a word that the embedder knows").seen(text));
            }
        }
        Ok(vectors)
    }
}

/// Where the embedder of a file stands: `reviews.parquet` has `reviews.lsa.safetensors`.
pub fn beside(file: &Path) -> PathBuf {
    file.with_extension("lsa.safetensors")
}
