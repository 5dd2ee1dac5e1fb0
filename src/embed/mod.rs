//! From texts to vectors.

#[cfg(feature = "local-models")]
mod hub;
#[cfg(feature = "local-models")]
mod local;
mod lsa;
mod sparse;
mod terms;

#[cfg(feature = "local-models")]
pub use hub::{Hub, HubProgress};
#[cfg(feature = "local-models")]
pub use local::{LocalModel, LocalVectors};
pub use lsa::{Lsa, LsaOptions};

use ndarray::Array2;

use crate::error::Result;

/// Something that turns texts into vectors.
pub trait Embedder: Sync {
    /// The name of the model; vectors of different models must not be compared.
    fn model(&self) -> String;

    /// The numbers of a vector.
    fn dims(&self) -> usize;

    /// One vector for each text (n x d).
    ///
    /// # Errors
    /// When a text cannot be embedded.
    fn embed(&self, texts: &[String]) -> Result<Array2<f32>>;
}
