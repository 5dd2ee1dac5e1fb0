//! Texts as OpenAI's models count them.

use std::collections::HashSet;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tiktoken_rs::CoreBPE;

use crate::error::{Error, Result};
use crate::progress::steps;

/// A way to cut texts into tokens, byte-pair encodings of OpenAI's tiktoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Encoding {
    /// text-embedding-ada-002 and text-embedding-3, GPT-3.5, GPT-4.
    #[serde(rename = "cl100k_base")]
    Cl100kBase,
    /// GPT-4o and later.
    #[serde(rename = "o200k_base")]
    O200kBase,
    /// Codex, text-davinci-002 and -003.
    #[serde(rename = "p50k_base")]
    P50kBase,
    /// GPT-2 and GPT-3, the first generation of embedding models.
    #[serde(rename = "r50k_base")]
    R50kBase,
}

impl Encoding {
    /// The name that tiktoken has for it.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Cl100kBase => "cl100k_base",
            Encoding::O200kBase => "o200k_base",
            Encoding::P50kBase => "p50k_base",
            Encoding::R50kBase => "r50k_base",
        }
    }

    fn vocabulary(self) -> &'static CoreBPE {
        match self {
            Encoding::Cl100kBase => tiktoken_rs::cl100k_base_singleton(),
            Encoding::O200kBase => tiktoken_rs::o200k_base_singleton(),
            Encoding::P50kBase => tiktoken_rs::p50k_base_singleton(),
            Encoding::R50kBase => tiktoken_rs::r50k_base_singleton(),
        }
    }

    /// The tokens of a text. What looks like a control token, such as `<|endoftext|>`, is plain text.
    ///
    /// ```
    /// use embedlab::embed::Encoding;
    /// assert_eq!(Encoding::Cl100kBase.encode("tiktoken is great!")?, [83, 1609, 5963, 374, 2294, 0]);
    /// # Ok::<(), embedlab::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the tokenizer gives up on a text, such as one with a million spaces in a row.
    pub fn encode(self, text: &str) -> Result<Vec<u32>> {
        // `encode_ordinary` would panic where this returns an error.
        let (tokens, _) = self
            .vocabulary()
            .encode(text, &HashSet::new())
            .map_err(|error| Error::input("a text that cannot be cut into tokens").source(error))?;
        Ok(tokens)
    }

    /// The number of tokens of a text.
    ///
    /// # Errors
    /// As [`encode`](Encoding::encode).
    pub fn count(self, text: &str) -> Result<usize> {
        Ok(self.encode(text)?.len())
    }

    /// The number of tokens of each text, in parallel.
    pub fn counts(self, texts: &[String]) -> Vec<Result<usize>> {
        let steps = steps("texts", texts.len());
        let count = |text: &String| {
            steps.add(1);
            self.count(text)
        };
        texts.par_iter().map(count).collect()
    }

    /// The byte at which each token of a text ends. A token can end within a character.
    ///
    /// # Errors
    /// As [`encode`](Encoding::encode).
    pub fn ends(self, text: &str) -> Result<Vec<usize>> {
        let tokens = self.encode(text)?;
        let mut end = 0;
        let ends: Vec<usize> = self
            .vocabulary()
            ._decode_native_and_split(tokens)
            .map(|bytes| {
                end += bytes.len();
                end
            })
            .collect();
        if end == text.len() {
            Ok(ends)
        } else {
            Err(Error::input("a text whose tokens do not cover it").seen(self.name()))
        }
    }
}
