//! A lexical embedder: latent semantic analysis of words and pieces of words.

use std::path::Path;

use ndarray::{Array2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::sparse::right_vectors;
use super::terms::Vocabulary;
use super::{Embedder, Prompts};
use crate::error::{Error, Result};
use crate::progress::steps;
use crate::store::{Layout, Stored, save};

const LAYOUT: Layout = Layout { kind: "lexical embedder", version: 1 };

/// How a lexical embedder is fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LsaOptions {
    /// Numbers of a vector, at most; fewer when the texts have no more directions. Default: 256.
    pub dims: usize,
    /// Terms that are known, at most. Default: 20,000.
    pub max_terms: usize,
    /// The seed of the decomposition; it moves the vectors by rounding only. Default: 42.
    pub seed: u64,
}

impl Default for LsaOptions {
    fn default() -> Self {
        LsaOptions { dims: 256, max_terms: 20_000, seed: 42 }
    }
}

/// A lexical embedder, fitted on texts: no model is downloaded and no key is needed.
///
/// Words and pieces of words (3 and 4 characters within a word) are weighted by TF-IDF and projected
/// onto the directions that the texts vary most in (latent semantic analysis). Texts that share words,
/// or words that occur with the same words, come out alike. It knows nothing of meaning beyond these
/// texts: a neural model is better where there is one. The same texts give the same vectors.
///
/// ```
/// use embedlab::embed::{Embedder, Lsa, LsaOptions};
/// let texts = ["green tea", "black tea", "dog food", "food for my dog"].map(String::from);
/// let lsa = Lsa::fit(&texts, &LsaOptions { dims: 2, ..Default::default() })?;
/// let vectors = lsa.embed(&texts)?;
/// let cosine = |a: usize, b: usize| vectors.row(a).dot(&vectors.row(b));
/// assert!(cosine(0, 1) > cosine(0, 2));
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// Reference: Deerwester and others, "Indexing by latent semantic analysis" (1990); scikit-learn's
/// `TfidfVectorizer` and `TruncatedSVD`.
#[derive(Debug, Clone, PartialEq)]
pub struct Lsa {
    vocabulary: Vocabulary,
    /// Terms x dims.
    components: Array2<f32>,
    n_texts: usize,
}

impl Lsa {
    /// Fits an embedder to texts.
    ///
    /// # Errors
    /// When there are no texts or none has a word, or `dims` is 0.
    pub fn fit(texts: &[String], options: &LsaOptions) -> Result<Lsa> {
        if options.dims == 0 || options.max_terms == 0 {
            return Err(Error::argument("dims or max_terms is 0").advice("give at least 1"));
        }
        let vocabulary = Vocabulary::learn(texts, options.max_terms);
        if vocabulary.terms.is_empty() {
            return Err(Error::input("no words to learn from").seen(format!("{} texts", texts.len())));
        }
        let rows: Vec<Vec<(u32, f32)>> = texts.par_iter().map(|text| vocabulary.weigh(text)).collect();
        let components = right_vectors(&rows, vocabulary.terms.len(), options.dims, options.seed)?;
        if components.ncols() == 0 {
            return Err(Error::input("no words to learn from").seen(format!("{} texts", texts.len())));
        }
        Ok(Lsa { vocabulary, components, n_texts: texts.len() })
    }

    /// The number of texts that it was fitted to.
    pub fn n_texts(&self) -> usize {
        self.n_texts
    }

    /// The number of terms that it knows.
    pub fn n_terms(&self) -> usize {
        self.vocabulary.terms.len()
    }

    /// Saves the embedder. The file appears whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let about = About {
            n_texts: self.n_texts,
            terms: self.vocabulary.terms.clone(),
            weights: self.vocabulary.weights.clone(),
        };
        save(path.as_ref(), LAYOUT, &about, &[("components", &self.components)])
    }

    /// Loads an embedder that [`save`](Lsa::save) wrote.
    ///
    /// # Errors
    /// When the file is missing, damaged, of another kind or of an unknown version.
    pub fn load(path: impl AsRef<Path>) -> Result<Lsa> {
        let stored = Stored::open(path.as_ref(), LAYOUT)?;
        let About { n_texts, terms, weights } = stored.about()?;
        let components = stored.matrix("components")?;
        if terms.is_empty()
            || terms.len() != weights.len()
            || components.nrows() != terms.len()
            || components.ncols() == 0
            || components.iter().chain(&weights).any(|value| !value.is_finite())
        {
            return Err(stored.damaged("terms that do not fit their vectors"));
        }
        Ok(Lsa { vocabulary: Vocabulary::new(terms, weights), components, n_texts })
    }
}

impl Embedder for Lsa {
    /// `lsa-` with the dimensions and a hash of what was learned.
    fn model(&self) -> String {
        let bytes: Vec<u8> = self.components.iter().flat_map(|value| value.to_le_bytes()).collect();
        format!("lsa-{}-{:08x}", self.dims(), xxh3_64(&bytes) as u32)
    }

    fn dims(&self) -> usize {
        self.components.ncols()
    }

    /// Vectors of length 1; zeros for a text without a known word.
    fn embed(&self, texts: &[String]) -> Result<Array2<f32>> {
        let mut vectors = Array2::zeros((texts.len(), self.dims()));
        let steps = steps("texts", texts.len());
        vectors.axis_iter_mut(Axis(0)).into_par_iter().zip(texts).for_each(|(mut vector, text)| {
            steps.add(1);
            let mut sums = vec![0.0_f64; self.components.ncols()];
            for (term, weight) in self.vocabulary.weigh(text) {
                let direction = self.components.row(term as usize);
                sums.iter_mut().zip(direction).for_each(|(sum, x)| *sum += f64::from(weight) * f64::from(*x));
            }
            let length = sums.iter().map(|x| x * x).sum::<f64>().sqrt();
            if length > 0.0 {
                vector.iter_mut().zip(sums).for_each(|(to, from)| *to = (from / length) as f32);
            }
        });
        Ok(vectors)
    }

    /// It wants none.
    fn prompts(&self) -> Result<Option<Prompts>> {
        Ok(Some(Prompts::default()))
    }
}

#[derive(Serialize, Deserialize)]
struct About {
    n_texts: usize,
    terms: Vec<String>,
    weights: Vec<f32>,
}
