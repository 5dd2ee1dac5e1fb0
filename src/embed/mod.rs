//! From texts to vectors.
//!
//! [`embed()`] asks a server that speaks OpenAI's API, through a [`Client`] that retries and keeps to
//! budgets and a [`Cache`] that never pays twice; [`Lsa`] needs no server. [`Encoding`] counts tokens,
//! [`pieces()`] cuts what is too long, [`Models`] knows limits and prices.
//!
//! ```
//! use embedlab::embed::{Embedder, EmbedOptions, Encoding, Lsa, LsaOptions, Models, estimate};
//!
//! let texts = ["green tea", "black tea", "dog food", "food for my dog"].map(String::from);
//! assert_eq!(Encoding::Cl100kBase.count("tiktoken is great!")?, 6);
//!
//! // What a server's model would cost; nothing is sent.
//! let models = Models::default();
//! let take = estimate(&texts, &EmbedOptions::new("text-embedding-3-small", &models), None)?;
//! assert_eq!((take.texts, take.failing), (4, 0));
//! let usd = models.get("text-embedding-3-small").and_then(|model| model.usd(take.tokens));
//! assert!(usd.unwrap() < 1e-6);
//!
//! // Vectors without a server.
//! let lsa = Lsa::fit(&texts, &LsaOptions { dims: 2, ..Default::default() })?;
//! assert_eq!(lsa.embed(&texts)?.dim(), (4, 2));
//! # Ok::<(), embedlab::Error>(())
//! ```
//!
//! A server's model is a [`Remote`], a folder with a model a `LocalModel` (feature `local-models`, on by
//! default). Without the feature `embed` there are [`Lsa`] and [`Embedder`] alone. See [from Python](crate::guide::from_python).

#[cfg(feature = "embed")]
mod cache;
#[cfg(feature = "embed")]
pub(crate) mod client;
#[cfg(feature = "local-models")]
mod hub;
#[cfg(feature = "local-models")]
mod local;
#[cfg(feature = "embed")]
mod long;
mod lsa;
#[cfg(feature = "embed")]
mod models;
#[cfg(feature = "embed")]
mod plan;
mod prompts;
#[cfg(feature = "embed")]
mod remote;
#[cfg(feature = "embed")]
mod run;
mod sparse;
mod terms;
#[cfg(feature = "embed")]
mod tokens;

#[cfg(feature = "embed")]
pub use cache::{Cache, CacheKey};
#[cfg(feature = "embed")]
pub use client::{ApiKey, Client, ClientOptions, OPENAI, OnWait, Stop, Waits, is_private};
#[cfg(feature = "local-models")]
pub use hub::{Hub, HubProgress};
#[cfg(feature = "local-models")]
pub use local::{LocalModel, LocalVectors};
#[cfg(feature = "embed")]
pub use long::{Borders, LongTexts, Piece, pieces, truncate, weighted_mean};
pub use lsa::{Lsa, LsaOptions};
#[cfg(feature = "embed")]
pub use models::{EmbeddingModel, Models};
#[cfg(feature = "embed")]
pub use plan::{EmbedOptions, FailedRow};
pub use prompts::{Prompts, Side, TaskKind};
#[cfg(feature = "embed")]
pub use remote::Remote;
#[cfg(feature = "embed")]
pub use run::{Embedded, Estimate, Origin, Progress, embed, estimate};
#[cfg(feature = "embed")]
pub use tokens::Encoding;

use ndarray::Array2;

use crate::error::Result;

/// Something that turns texts into vectors.
pub trait Embedder: Sync {
    /// The name of the model; vectors of different models must not be compared.
    fn model(&self) -> String;

    /// The dimensions of a vector.
    fn dims(&self) -> usize;

    /// One vector for each text (n x d).
    ///
    /// # Errors
    /// When a text cannot be embedded.
    fn embed(&self, texts: &[String]) -> Result<Array2<f32>>;

    /// What the model itself says of prompts; `None` where it says nothing.
    ///
    /// # Errors
    /// When what it says cannot be read.
    fn prompts(&self) -> Result<Option<Prompts>> {
        Ok(None)
    }
}
