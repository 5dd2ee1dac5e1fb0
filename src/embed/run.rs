//! From texts to vectors by a server: cache, batches, rows that fail.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use ndarray::{Array2, ArrayView2};
use tokio::task::JoinSet;

use super::client::{Asker, Batch, Failure, Kind, Vectors};
use super::plan::{FailedRow, Part, Plan};
use super::{Cache, CacheKey, Client, EmbedOptions, LongTexts, weighted_mean};
use crate::error::{Error, Result};

/// The vectors of some texts, and what they took.
#[derive(Debug, Clone, Default)]
pub struct Embedded {
    /// One vector for each entry of `origins`.
    pub vectors: Array2<f32>,
    /// Which row each vector belongs to, in order.
    pub origins: Vec<Origin>,
    /// Rows without a vector, in order.
    pub failed: Vec<FailedRow>,
    /// Tokens that were sent and answered.
    pub tokens: usize,
    /// Rows whose vectors were in the cache.
    pub cached: usize,
    /// Whether it was stopped before its end; rows are then missing that have not failed.
    pub stopped: bool,
}

/// Where a vector comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The row, counted from 0.
    pub row: usize,
    /// With [`LongTexts::Split`], for a row of several pieces: the piece, counted from 0, and its text.
    pub piece: Option<(usize, String)>,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Different texts that are to be asked for, and those that are done.
    pub texts: usize,
    /// Texts that are answered or have failed.
    pub done: usize,
    /// Tokens that were sent and answered.
    pub tokens: usize,
}

/// Texts that failed for good in a row of requests without an answer, before all is given up.
const GIVE_UP_AFTER: usize = 3;

/// Requests that were refused before any was answered, before all is given up.
const MOST_REFUSED: usize = 16;

/// Embeds texts by a server. Equal texts are asked for once; what the cache has is not asked for, and what
/// the server answers is in the cache before anything else happens.
///
/// A row that fails does not stop the others, unless `options.strict`. A request that the server refuses is
/// halved until the rows at fault are alone.
///
/// # Errors
/// When no request can succeed: a refused key, a used-up quota, an unknown model, a server that is not there
/// or fails again and again; when the cache cannot be written. What was answered before is in the cache.
pub fn embed(
    texts: &[String],
    options: &EmbedOptions,
    client: &Client,
    cache: Option<&Arc<Cache>>,
    progress: impl FnMut(Progress),
) -> Result<Embedded> {
    options.check()?;
    let plan = Plan::new(texts, options);
    if let Some(failed) = plan.failed.first().filter(|_| options.strict) {
        return Err(Error::input(failed.reason.clone()).row(failed.row));
    }
    let asker = client.asker();
    let keys: Vec<CacheKey> = plan.texts.iter().map(|text| CacheKey::new(text, options.dimensions)).collect();
    let mut vectors = match cache {
        Some(cache) => cache.get(&keys)?,
        None => plan.texts.iter().map(|_| None).collect(),
    };
    if let Some(dims) = options.expected_dims {
        // Stored by a server that gave something else under this name.
        vectors
            .iter_mut()
            .filter(|found| found.as_ref().is_some_and(|v| v.len() != dims))
            .for_each(|v| *v = None);
    } else if let Some(first) = vectors.iter().flatten().next() {
        asker.agree_on(first.len());
    }
    let from_cache: Vec<bool> = vectors.iter().map(Option::is_some).collect();
    let missing: Vec<usize> = (0..vectors.len()).filter(|text| vectors[*text].is_none()).collect();
    let mut run = Run {
        plan: &plan,
        options,
        asker,
        cache,
        keys: &keys,
        vectors,
        reasons: HashMap::new(),
        progress: Progress { texts: missing.len(), done: 0, tokens: 0 },
        report: progress,
        answered: false,
        in_vain: 0,
        refused: 0,
        most: options.batch_size,
    };
    let result = client.run(run.all(&missing));
    let Run { mut vectors, reasons, progress, .. } = run;
    if let Err(error) = result {
        let kept = vectors.iter().flatten().count();
        return Err(if cache.is_some() && kept > 0 {
            error.advice(format!(
                "{kept} of {} texts are in the cache and will not be asked for again",
                vectors.len()
            ))
        } else {
            error
        });
    }
    Ok(assemble(&plan, options, &mut vectors, &reasons, &from_cache, progress.tokens))
}

/// What embedding some texts would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// Different texts that would be sent.
    pub texts: usize,
    /// Their tokens.
    pub tokens: usize,
    /// Rows whose vectors are in the cache.
    pub cached: usize,
    /// Rows that would fail: empty ones, and those that are too long.
    pub failing: usize,
}

/// Counts what [`embed()`] would ask for; nothing is sent.
///
/// # Errors
/// When the cache cannot be read, or an option is 0.
pub fn estimate(texts: &[String], options: &EmbedOptions, cache: Option<&Cache>) -> Result<Estimate> {
    options.check()?;
    let plan = Plan::new(texts, options);
    let known: Vec<bool> = match cache {
        Some(cache) => {
            let keys: Vec<CacheKey> =
                plan.texts.iter().map(|text| CacheKey::new(text, options.dimensions)).collect();
            cache.get(&keys)?.iter().map(Option::is_some).collect()
        }
        None => vec![false; plan.texts.len()],
    };
    let is_cached = |parts: &&[Part]| parts.iter().all(|part| known[part.text]);
    Ok(Estimate {
        texts: known.iter().filter(|known| !**known).count(),
        tokens: plan.tokens.iter().zip(&known).filter(|(_, known)| !**known).map(|(tokens, _)| tokens).sum(),
        cached: plan.parts.chunk_by(|a, b| a.row == b.row).filter(is_cached).count(),
        failing: plan.failed.len(),
    })
}

struct Run<'a, R> {
    plan: &'a Plan,
    options: &'a EmbedOptions,
    asker: Arc<Asker>,
    cache: Option<&'a Arc<Cache>>,
    keys: &'a [CacheKey],
    /// By text.
    vectors: Vec<Option<Vec<f32>>>,
    /// Why a text has no vector.
    reasons: HashMap<usize, String>,
    progress: Progress,
    report: R,
    answered: bool,
    /// Requests that failed for good since the last answer.
    in_vain: usize,
    /// Requests that were refused before the first answer.
    refused: usize,
    /// Maximum texts per request, as far as the server is known.
    most: usize,
}

impl<R: FnMut(Progress)> Run<'_, R> {
    /// Asks for all missing texts, with some requests in flight at a time. After a failure that is final
    /// the requests in flight are still awaited: they are paid for.
    async fn all(&mut self, missing: &[usize]) -> Result<()> {
        let tokens = self.options.batch_tokens.min(self.asker.most_tokens());
        let mut waiting: VecDeque<Vec<usize>> = self.plan.batches(missing, self.most, tokens).into();
        let mut flying = JoinSet::new();
        let mut end = Ok(());
        (self.report)(self.progress);
        loop {
            while end.is_ok() && !self.asker.is_stopping() && flying.len() < self.options.concurrency {
                let Some(mut texts) = waiting.pop_front() else { break };
                if texts.len() > self.most {
                    waiting.push_front(texts.split_off(self.most));
                }
                let (batch, asker) = (self.batch(&texts), self.asker.clone());
                flying.spawn(async move { (texts, asker.vectors(&batch).await) });
            }
            let Some(landed) = flying.join_next().await else { return end };
            let done = match landed {
                Ok((texts, Ok(found))) => self.store(texts, found).await,
                Ok((texts, Err(failure))) => self.fail(texts, failure, &mut waiting),
                Err(error) => Err(Error::input("a request broke down").source(error)),
            };
            end = end.and(done);
            (self.report)(self.progress);
        }
    }

    fn batch(&self, texts: &[usize]) -> Batch {
        Batch {
            model: self.options.model.clone(),
            texts: texts.iter().map(|text| self.plan.texts[*text].clone()).collect(),
            tokens: texts.iter().map(|text| self.plan.tokens[*text]).sum(),
            dimensions: self.options.dimensions,
            expected_dims: self.options.expected_dims,
        }
    }

    /// Keeps what was answered, on disk first.
    async fn store(&mut self, texts: Vec<usize>, found: Vectors) -> Result<()> {
        (self.answered, self.in_vain) = (true, 0);
        let counted: usize = texts.iter().map(|text| self.plan.tokens[*text]).sum();
        // Where no tokenizer here knows the model, its server does.
        let tokens = if self.options.encoding.is_some() { None } else { found.tokens };
        self.progress.tokens = self.progress.tokens.saturating_add(tokens.unwrap_or(counted));
        self.progress.done += texts.len();
        let vectors = match self.cache {
            None => found.vectors,
            Some(cache) => {
                let (cache, keys) =
                    (cache.clone(), texts.iter().map(|text| self.keys[*text]).collect::<Vec<_>>());
                let put = move || {
                    let pairs = keys.into_iter().zip(found.vectors.iter().map(Vec::as_slice));
                    let pairs: Vec<(CacheKey, &[f32])> =
                        pairs.filter(|(_, vector)| !is_zero(vector)).collect();
                    let stored = cache.put(&pairs);
                    (stored, found.vectors)
                };
                let (stored, vectors) = tokio::task::spawn_blocking(put)
                    .await
                    .map_err(|error| Error::input("the cache broke down").source(error))?;
                stored?;
                vectors
            }
        };
        let zeros: Vec<usize> =
            texts.iter().zip(&vectors).filter(|(_, vector)| is_zero(vector)).map(|(text, _)| *text).collect();
        texts.into_iter().zip(vectors).for_each(|(text, vector)| self.vectors[text] = Some(vector));
        for text in &zeros {
            self.vectors[*text] = None;
            self.reasons.insert(*text, ZEROS.to_owned());
        }
        if self.options.strict && !zeros.is_empty() {
            return Err(Error::input("the server gave no embeddings").seen(ZEROS));
        }
        Ok(())
    }

    fn fail(
        &mut self,
        mut texts: Vec<usize>,
        failure: Failure,
        waiting: &mut VecDeque<Vec<usize>>,
    ) -> Result<()> {
        match failure.kind {
            Kind::Stopped => return Ok(()),
            Kind::Hopeless => return Err(failure.into_error()),
            Kind::Rejected { too_large } => {
                self.refused += usize::from(!self.answered);
                if self.refused >= MOST_REFUSED {
                    return Err(failure.into_error());
                }
                if texts.len() > 1 {
                    let half = texts.len() / 2;
                    if too_large {
                        self.most = self.most.min(half);
                    }
                    waiting.push_front(texts.split_off(half));
                    waiting.push_front(texts);
                    return Ok(());
                }
            }
            Kind::Passing { .. } | Kind::Useless => {
                self.in_vain += 1;
                if self.in_vain >= GIVE_UP_AFTER.max(self.options.concurrency) {
                    return Err(failure.into_error());
                }
            }
        }
        if self.options.strict {
            return Err(failure.into_error());
        }
        self.progress.done += texts.len();
        self.reasons.extend(texts.into_iter().map(|text| (text, failure.message.clone())));
        Ok(())
    }
}

/// What is not an embedding: it has no direction, and no text is near it.
const ZEROS: &str = "the server gave a vector of zeros";

fn is_zero(vector: &[f32]) -> bool {
    vector.iter().all(|x| *x == 0.0)
}

/// Puts rows together from their parts.
fn assemble(
    plan: &Plan,
    options: &EmbedOptions,
    vectors: &mut [Option<Vec<f32>>],
    reasons: &HashMap<usize, String>,
    from_cache: &[bool],
    tokens: usize,
) -> Embedded {
    let dims = vectors.iter().flatten().next().map_or(0, Vec::len);
    let mut embedded = Embedded { failed: plan.failed.clone(), tokens, ..Default::default() };
    let mut numbers: Vec<f32> = Vec::new();
    // How often a text is still needed, so that it is freed when it no longer is.
    let mut needed = vec![0_usize; vectors.len()];
    plan.parts.iter().for_each(|part| needed[part.text] += 1);
    for parts in plan.parts.chunk_by(|a, b| a.row == b.row) {
        let row = parts[0].row;
        if let Some(reason) = parts.iter().find_map(|part| reasons.get(&part.text)) {
            embedded.failed.push(FailedRow { row, reason: reason.clone() });
        } else if parts.iter().any(|part| vectors[part.text].is_none()) {
            embedded.stopped = true;
        } else {
            embedded.cached += usize::from(parts.iter().all(|part| from_cache[part.text]));
            add_row(plan, options, parts, vectors, &mut numbers, &mut embedded.origins);
        }
        for part in parts {
            needed[part.text] -= 1;
            if needed[part.text] == 0 {
                vectors[part.text] = None;
            }
        }
    }
    embedded.failed.sort_by_key(|failed| failed.row);
    embedded.vectors = Array2::from_shape_vec((embedded.origins.len(), dims), numbers).unwrap_or_default();
    embedded
}

fn add_row(
    plan: &Plan,
    options: &EmbedOptions,
    parts: &[Part],
    vectors: &[Option<Vec<f32>>],
    numbers: &mut Vec<f32>,
    origins: &mut Vec<Origin>,
) {
    let row = parts[0].row;
    let found: Vec<&[f32]> = parts.iter().filter_map(|part| vectors[part.text].as_deref()).collect();
    if found.len() == 1 {
        numbers.extend_from_slice(found[0]);
        origins.push(Origin { row, piece: None });
    } else if options.long == LongTexts::Split {
        for (piece, (part, vector)) in parts.iter().zip(found).enumerate() {
            numbers.extend_from_slice(vector);
            origins.push(Origin { row, piece: Some((piece, plan.texts[part.text].to_string())) });
        }
    } else {
        let tokens: Vec<usize> = parts.iter().map(|part| plan.tokens[part.text]).collect();
        let joined = found.concat();
        if let Ok(pieces) = ArrayView2::from_shape((tokens.len(), joined.len() / tokens.len()), &joined) {
            numbers.extend(weighted_mean(pieces, &tokens));
        }
        origins.push(Origin { row, piece: None });
    }
}
