//! A server's model as an embedder.

use std::sync::Arc;

use ndarray::Array2;

use super::{Cache, Client, EmbedOptions, Embedder, embed};
use crate::error::{Error, Result};

/// A model that a server has, such as OpenAI's text-embedding-3-small.
pub struct Remote {
    client: Client,
    options: EmbedOptions,
    cache: Option<Arc<Cache>>,
}

impl Remote {
    /// A model of a server; with a cache, what was asked for before is not asked for again.
    pub fn new(client: Client, options: EmbedOptions, cache: Option<Cache>) -> Remote {
        Remote { client, options: EmbedOptions { strict: true, ..options }, cache: cache.map(Arc::new) }
    }
}

impl Embedder for Remote {
    fn model(&self) -> String {
        self.options.model.clone()
    }

    /// The dimensions of a vector; 0 while neither the model nor an answer has said.
    fn dims(&self) -> usize {
        self.options.expected_dims.or_else(|| self.client.asker().agreed()).unwrap_or(0)
    }

    /// # Errors
    /// As [`embed()`](super::embed()); a text that has no vector is an error too.
    fn embed(&self, texts: &[String]) -> Result<Array2<f32>> {
        let found = embed(texts, &self.options, &self.client, self.cache.as_ref(), |_| {})?;
        if found.stopped {
            return Err(Error::input("stopped before all texts were embedded"));
        }
        Ok(found.vectors)
    }
}
