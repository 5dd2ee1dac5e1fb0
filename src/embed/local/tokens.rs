//! Texts to token ids.

use std::path::Path;

use serde_json::{Map, Value, json};
use tokenizers::{Tokenizer, TruncationDirection, TruncationParams, TruncationStrategy};
use xxhash_rust::xxh3::xxh3_64;

use super::settings::{Settings, missing, read_bounded};
use crate::error::{Error, Result};
use crate::guard::caught;

/// The largest vocabularies in use take about 20 MB.
const MOST_TOKENIZER: u64 = 128 << 20;

/// The tokenizer of a model.
#[derive(Debug)]
pub(super) struct Tokens {
    tokenizer: Tokenizer,
    vocabulary: usize,
    /// Tokens of a text at most.
    most: usize,
    lowercase_first: bool,
    fingerprint: u64,
}

/// A text as the model reads it.
pub(super) struct Encoded {
    pub ids: Vec<u32>,
    pub truncated: bool,
}

impl Tokens {
    pub fn read(folder: &Path, settings: &Settings) -> Result<Tokens> {
        let (json, list) = (folder.join("tokenizer.json"), folder.join("vocab.txt"));
        let (path, bytes) = if let Some(bytes) = read_bounded(&json, MOST_TOKENIZER)? {
            (json, bytes)
        } else if let Some(bytes) = read_bounded(&list, MOST_TOKENIZER)? {
            let bytes =
                word_piece(&bytes, settings.lowercase_vocabulary).map_err(|error| error.file(&list))?;
            (list, bytes)
        } else {
            return Err(missing(&json));
        };
        let refused =
            |error: &dyn std::fmt::Display| Error::input("no tokenizer").file(&path).seen(error.to_string());
        // The crate panics on some damaged files, when they are read or only when they are used.
        let read = caught(|| Tokenizer::from_bytes(&bytes)).map_err(|panic| refused(&panic))?;
        let mut tokenizer = read.map_err(|error| refused(&error))?;
        // The files' own cut and padding serve one program's batches, not the model.
        tokenizer.with_padding(None);
        let most = TruncationParams {
            max_length: settings.max_tokens,
            strategy: TruncationStrategy::LongestFirst,
            stride: 0,
            direction: TruncationDirection::Right,
        };
        caught(|| tokenizer.with_truncation(Some(most)).map(drop).map_err(|error| refused(&error)))
            .map_err(|panic| refused(&panic))??;
        Ok(Tokens {
            tokenizer,
            vocabulary: settings.vocabulary,
            most: settings.max_tokens,
            lowercase_first: settings.lowercase_first,
            fingerprint: xxh3_64(&bytes),
        })
    }

    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    pub fn encode(&self, text: &str) -> Result<Encoded> {
        let lowered = self.lowercase_first.then(|| text.to_lowercase());
        let refused = |seen: String| Error::input("a text that cannot be tokenized").seen(seen);
        let encoding = caught(|| self.tokenizer.encode_fast(lowered.as_deref().unwrap_or(text), true))
            .map_err(|panic| refused(format!("the tokenizer is damaged: {panic}")))?
            .map_err(|error| refused(error.to_string()))?;
        let ids = encoding.get_ids().to_vec();
        if ids.is_empty() {
            return Err(
                Error::input("a text without a token").advice("the tokenizer adds no marks of its own")
            );
        }
        if ids.len() > self.most {
            return Err(Error::input("the tokenizer is not that of the weights")
                .seen(format!("{} tokens, of which the model takes {}", ids.len(), self.most))
                .advice("it adds more marks than a text may have tokens: download the model again"));
        }
        if let Some(id) = ids.iter().find(|id| **id as usize >= self.vocabulary) {
            return Err(Error::input("the tokenizer is not that of the weights")
                .seen(format!("token {id}, and {} rows of the vocabulary", self.vocabulary)));
        }
        Ok(Encoded { ids, truncated: !encoding.get_overflowing().is_empty() })
    }
}

/// BERT's own tokenizer from its list of word pieces, one a line.
fn word_piece(list: &[u8], lowercase: bool) -> Result<Vec<u8>> {
    let list = std::str::from_utf8(list)
        .map_err(|error| Error::input("a vocabulary that is not UTF-8").source(error))?;
    let vocabulary: Map<String, Value> =
        list.lines().enumerate().map(|(id, piece)| (piece.to_owned(), json!(id))).collect();
    let id = |mark: &str| {
        vocabulary
            .get(mark)
            .cloned()
            .ok_or_else(|| Error::input("a vocabulary without BERT's marks").seen(format!("no {mark}")))
    };
    let special = |mark: &str| -> Result<Value> {
        Ok(json!({
            "id": id(mark)?, "content": mark, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true
        }))
    };
    let marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    let added = marks
        .iter()
        .filter(|mark| vocabulary.contains_key(**mark))
        .map(|mark| special(mark))
        .collect::<Result<Vec<_>>>()?;
    let (cls, sep, _) = (id("[CLS]")?, id("[SEP]")?, id("[UNK]")?);
    let tokenizer = json!({
        "version": "1.0",
        "added_tokens": added,
        "normalizer": {
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": lowercase
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", sep], "cls": ["[CLS]", cls]},
        "decoder": null,
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary
        }
    });
    Ok(tokenizer.to_string().into_bytes())
}
