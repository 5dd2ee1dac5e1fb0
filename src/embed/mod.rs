//! From texts to vectors.
//!
//! [`embed()`] asks a server that speaks OpenAI's API, through a [`Client`] that retries and keeps to
//! budgets and a [`Cache`] that never pays twice; [`Lsa`] needs no server. [`Encoding`] counts tokens,
//! [`pieces()`] cuts what is too long, [`Models`] knows limits and prices.

mod cache;
mod chat;
mod client;
#[cfg(feature = "local-models")]
mod hub;
#[cfg(feature = "local-models")]
mod local;
mod long;
mod lsa;
mod models;
mod plan;
mod remote;
mod run;
mod sparse;
mod template;
mod terms;
mod tokens;

pub use cache::{Cache, CacheKey};
pub use chat::describe;
pub use client::{ApiKey, Client, ClientOptions, OPENAI, Stop, Waits, is_private};
#[cfg(feature = "local-models")]
pub use hub::{Hub, HubProgress};
#[cfg(feature = "local-models")]
pub use local::{LocalModel, LocalVectors};
pub use long::{Borders, LongTexts, Piece, pieces, truncate, weighted_mean};
pub use lsa::{Lsa, LsaOptions};
pub use models::{EmbeddingModel, Models};
pub use plan::{EmbedOptions, FailedRow};
pub use remote::Remote;
pub use run::{Embedded, Estimate, Origin, Progress, embed, estimate};
pub use template::{Template, most_recent};
pub use tokens::Encoding;

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
