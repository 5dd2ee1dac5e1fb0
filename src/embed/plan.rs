//! What is to be asked for: each different text once, cut where it is too long.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;

use super::{Borders, Encoding, LongTexts, Models, Piece, pieces, truncate};
use crate::error::{Error, Result};

/// How texts become requests.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbedOptions {
    /// The model, as the server knows it.
    pub model: String,
    /// Asks the server for vectors of this many dimensions. Default: the model's own.
    pub dimensions: Option<usize>,
    /// The length that vectors must have, where it is known before the first answer.
    pub expected_dims: Option<usize>,
    /// How tokens are counted; where it is none, cl100k_base is an estimate.
    pub encoding: Option<Encoding>,
    /// Tokens that one text may have. Default: the model's; no limit for a model that is not known.
    pub max_input_tokens: Option<usize>,
    /// Whether newlines become spaces. Default: the model's advice.
    pub newlines_to_spaces: bool,
    /// What becomes of longer texts. Default: their rows fail.
    pub long: LongTexts,
    /// Where longer texts are cut.
    pub borders: Borders,
    /// Whether the first row that fails ends it all. Default: no.
    pub strict: bool,
    /// Maximum texts per request. Default: 2,048, OpenAI's limit.
    pub batch_size: usize,
    /// Maximum tokens per request. Default: 300,000, OpenAI's limit.
    pub batch_tokens: usize,
    /// Maximum concurrent requests. Default: 4.
    pub concurrency: usize,
}

impl EmbedOptions {
    /// The options for a model; what is known of it is taken from `models`.
    pub fn new(model: impl Into<String>, models: &Models) -> EmbedOptions {
        let model = model.into();
        let known = models.get(&model);
        EmbedOptions {
            dimensions: None,
            expected_dims: known.map(|known| known.dimensions),
            encoding: known.and_then(|known| known.encoding),
            max_input_tokens: known.map(|known| known.max_input_tokens),
            newlines_to_spaces: known.is_some_and(|known| known.newlines_to_spaces),
            long: LongTexts::Refuse,
            borders: Borders::Token,
            strict: false,
            batch_size: 2048,
            batch_tokens: 300_000,
            concurrency: 4,
            model,
        }
    }

    /// Asks for vectors of this many dimensions, which servers make by shortening longer ones.
    pub fn shortened_to(self, dimensions: usize) -> EmbedOptions {
        EmbedOptions { dimensions: Some(dimensions), expected_dims: Some(dimensions), ..self }
    }

    /// Checks what a user can set.
    pub(super) fn check(&self) -> Result<()> {
        let zero = [
            ("a batch", self.batch_size),
            ("the tokens of a batch", self.batch_tokens),
            ("the requests in flight", self.concurrency),
            ("the tokens of a text", self.max_input_tokens.unwrap_or(1)),
            ("the dimensions", self.dimensions.unwrap_or(1)),
        ];
        match zero.into_iter().find(|(_, number)| *number == 0) {
            Some((what, _)) => Err(Error::argument(format!("{what}: 0")).advice("give at least 1")),
            None => Ok(()),
        }
    }

    fn counting(&self) -> Encoding {
        self.encoding.unwrap_or(Encoding::Cl100kBase)
    }
}

/// A row without a vector, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedRow {
    /// The row's position, counted from 0.
    pub row: usize,
    /// What was wrong with it, or what the server said.
    pub reason: String,
}

/// A part of a row, and which of the different texts it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub row: usize,
    pub text: usize,
}

/// Different texts, and the rows that are made of them.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub texts: Vec<Arc<str>>,
    pub tokens: Vec<usize>,
    /// In the order of rows, and within a row in the order of its parts.
    pub parts: Vec<Part>,
    /// Rows that cannot be asked for.
    pub failed: Vec<FailedRow>,
}

impl Plan {
    pub fn new(texts: &[String], options: &EmbedOptions) -> Plan {
        let cut: Vec<Result<Vec<(String, usize)>>> =
            texts.par_iter().map(|text| parts_of(text, options)).collect();
        let mut plan = Plan::default();
        let mut places: HashMap<Arc<str>, usize> = HashMap::new();
        for (row, parts) in cut.into_iter().enumerate() {
            match parts {
                Err(error) => plan.failed.push(FailedRow { row, reason: error.to_string() }),
                Ok(parts) => {
                    for (text, tokens) in parts {
                        let text: Arc<str> = text.into();
                        let place = *places.entry(text.clone()).or_insert_with(|| {
                            plan.texts.push(text);
                            plan.tokens.push(tokens);
                            plan.texts.len() - 1
                        });
                        plan.parts.push(Part { row, text: place });
                    }
                }
            }
        }
        plan
    }

    /// Texts in their order, packed into requests that keep both limits; one that is larger than the limit
    /// of tokens goes alone.
    pub fn batches(&self, missing: &[usize], size: usize, tokens: usize) -> Vec<Vec<usize>> {
        let mut batches: Vec<Vec<usize>> = Vec::new();
        let mut sum = 0;
        for text in missing {
            let need = self.tokens[*text];
            match batches.last_mut() {
                Some(batch) if batch.len() < size && sum + need <= tokens => {
                    batch.push(*text);
                    sum += need;
                }
                _ => {
                    batches.push(vec![*text]);
                    sum = need;
                }
            }
        }
        batches
    }
}

/// The texts that a row's text is sent as.
fn parts_of(text: &str, options: &EmbedOptions) -> Result<Vec<(String, usize)>> {
    if text.trim().is_empty() {
        return Err(Error::input(if text.is_empty() { "an empty text" } else { "a text of spaces only" }));
    }
    let text = if options.newlines_to_spaces { text.replace('\n', " ") } else { text.to_owned() };
    let encoding = options.counting();
    let all = |parts: Vec<Piece<'_>>| {
        // A piece of spaces alone has no vector.
        let full = parts.into_iter().filter(|piece| !piece.text.trim().is_empty());
        full.map(|piece| (piece.text.to_owned(), piece.tokens)).collect()
    };
    let Some(most) = options.max_input_tokens else {
        return Ok(vec![(text.clone(), encoding.count(&text)?)]);
    };
    match options.long {
        LongTexts::Refuse => {
            let tokens = encoding.count(&text)?;
            // An estimate is not a reason to refuse; the server will say so.
            if tokens > most && options.encoding.is_some() {
                return Err(Error::input("a text that is too long")
                    .seen(format!("{tokens} tokens, where {} takes {most}", options.model))
                    .advice("allow --long truncate, average or split"));
            }
            Ok(vec![(text, tokens)])
        }
        LongTexts::Truncate => Ok(all(vec![truncate(&text, encoding, most)?])),
        LongTexts::Average | LongTexts::Split => Ok(all(pieces(&text, encoding, most, options.borders)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(texts: &[&str], change: impl FnOnce(&mut EmbedOptions)) -> Plan {
        let mut options = EmbedOptions::new("text-embedding-ada-002", &Models::default());
        change(&mut options);
        Plan::new(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>(), &options)
    }

    #[test]
    fn equal_texts_are_asked_for_once_and_empty_ones_never() {
        let plan = plan(&["tea", "", "cake", "tea", " \n"], |_| {});
        assert_eq!(plan.texts.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["tea", "cake"]);
        assert_eq!(
            plan.parts.iter().map(|part| (part.row, part.text)).collect::<Vec<_>>(),
            [(0, 0), (2, 1), (3, 0)]
        );
        assert_eq!(plan.failed.iter().map(|failed| failed.row).collect::<Vec<_>>(), [1, 4]);
    }

    #[test]
    fn long_texts_follow_the_policy() {
        let long = "AGI ".repeat(5000);
        let parts = |policy| {
            let plan = plan(&[&long, "tea"], |options| options.long = policy);
            (plan.parts.len(), plan.tokens.clone(), plan.failed.len())
        };
        assert_eq!(parts(LongTexts::Refuse), (1, vec![1], 1));
        assert_eq!(parts(LongTexts::Truncate), (2, vec![8191, 1], 0));
        assert_eq!(parts(LongTexts::Split), (3, vec![8191, 1810, 1], 0));
        let refused = &plan(&[&long], |_| {}).failed[0].reason;
        assert!(refused.contains("10001 tokens, where text-embedding-ada-002 takes 8191"), "{refused}");
    }

    #[test]
    fn newlines_are_replaced_for_the_models_that_want_it() {
        let texts = |model: &str| {
            let options = EmbedOptions::new(model, &Models::default());
            Plan::new(&["a\nb".to_owned()], &options).texts[0].to_string()
        };
        assert_eq!(texts("text-similarity-ada-001"), "a b");
        assert_eq!(texts("code-search-ada-code-001"), "a\nb");
        assert_eq!(texts("text-embedding-ada-002"), "a\nb");
    }

    #[test]
    fn batches_keep_both_limits_and_a_giant_goes_alone() {
        let plan = Plan { tokens: vec![5, 5, 5, 50, 1, 1], ..Default::default() };
        let all = [0, 1, 2, 3, 4, 5];
        assert_eq!(plan.batches(&all, 9, 10), [vec![0, 1], vec![2], vec![3], vec![4, 5]]);
        assert_eq!(plan.batches(&all, 2, 1000), [[0, 1], [2, 3], [4, 5]]);
        assert!(plan.batches(&[], 2, 10).is_empty());
    }
}
