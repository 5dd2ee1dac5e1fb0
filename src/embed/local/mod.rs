//! A model folder on disk: BERT-class sentence encoders, without a server and without a key.

mod attention;
mod bert;
mod kernel;
mod settings;
mod tokens;
mod weights;

use std::path::{Path, PathBuf};

use ndarray::Array2;
use rayon::prelude::*;

use self::bert::{Bert, Workspace};
use self::settings::{Pooling, Settings};
use self::tokens::Tokens;
use super::{Embedder, Prompts};
use crate::error::{Error, Result, excerpt};

/// Tokens of one batch: enough that reading the weights once for all of them costs little, few enough
/// that a batch's numbers stay in the second-level cache. A longer text is a batch by itself.
const BATCH_TOKENS: usize = 512;

/// A sentence encoder of the BERT class (MiniLM, BGE, E5, GTE, all-mpnet's relatives with `model_type`
/// `bert`), read from a folder as Hugging Face keeps it.
///
/// | file | what is taken from it |
/// | --- | --- |
/// | `config.json` | the shape of the model |
/// | `model.safetensors` | its weights, as `f32`, `f16` or `bf16` |
/// | `tokenizer.json`, or `vocab.txt` | the tokenizer |
/// | `modules.json`, `1_Pooling/config.json` | mean of the tokens or first token; scaled to length 1 or not. Default: mean, length 1 |
/// | `sentence_bert_config.json`, `tokenizer_config.json` | the longest text in tokens; a longer one is cut, as the reference does |
/// | `config_sentence_transformers.json` | the prompts for tasks, which are not put before texts by themselves |
///
/// Texts are packed side by side without padding and computed in `f32`, one batch per thread; the same
/// texts give the same bits on any number of threads. A text without a word still has a vector, that of
/// the empty text.
///
/// ```no_run
/// use embedlab::embed::{Embedder, LocalModel};
/// let model = LocalModel::open("all-MiniLM-L6-v2")?;
/// let texts = ["good dog food", "bad tea"].map(String::from);
/// let embedded = model.embed_counted(&texts)?;
/// assert_eq!(embedded.vectors.dim(), (2, model.dims()));
/// assert_eq!(embedded.truncated, 0);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// Reference: Devlin and others, "BERT" (2019); Reimers and Gurevych, "Sentence-BERT" (2019); compared
/// with sentence-transformers on the same weights.
#[derive(Debug)]
pub struct LocalModel {
    name: String,
    folder: PathBuf,
    settings: Settings,
    tokens: Tokens,
    bert: Bert,
}

/// The vectors of some texts, and what became of the texts.
#[derive(Debug, Clone, PartialEq)]
pub struct LocalVectors {
    /// One vector per text (n x d).
    pub vectors: Array2<f32>,
    /// Tokens of each text that the model read, its special tokens included.
    pub tokens: Vec<usize>,
    /// Texts that were longer than the model reads, and were cut.
    pub truncated: usize,
}

impl LocalModel {
    /// Reads a model's folder.
    ///
    /// # Errors
    /// A file that is missing, damaged or too large to be what its name says; another architecture than
    /// BERT; weights of other shapes than `config.json` claims; unsupported pooling.
    pub fn open(folder: impl AsRef<Path>) -> Result<LocalModel> {
        let folder = folder.as_ref();
        if !folder.is_dir() {
            return Err(Error::argument("no model folder")
                .file(folder)
                .seen(if folder.exists() { "a file" } else { "nothing there" })
                .advice("give a folder with config.json, tokenizer.json and model.safetensors"));
        }
        let settings = Settings::read(folder)?;
        let tokens = Tokens::read(folder, &settings)?;
        let weights = weights::Weights::open(&folder.join("model.safetensors"))?;
        let bert = Bert::load(&weights, &settings)?;
        let hash = settings.fingerprint(tokens.fingerprint() ^ weights.fingerprint());
        let name = format!("{}-{hash:08x}", base_name(folder));
        Ok(LocalModel { name, folder: folder.to_owned(), settings, tokens, bert })
    }

    /// The longest text that the model reads, in tokens, its special tokens included.
    pub fn max_tokens(&self) -> usize {
        self.settings.max_tokens
    }

    /// The vectors of texts, with the tokens of each and how many texts were cut.
    ///
    /// # Errors
    /// When the tokenizer does not fit the weights, or a vector comes out as NaN or infinite.
    pub fn embed_counted(&self, texts: &[String]) -> Result<LocalVectors> {
        let encoded = texts
            .par_iter()
            .enumerate()
            .map(|(row, text)| self.tokens.encode(text).map_err(|error| error.file(&self.folder).row(row)))
            .collect::<Result<Vec<_>>>()?;
        let batches = batches(encoded.iter().map(|text| text.ids.len()));
        let dims = self.dims();
        let parts: Vec<Vec<f32>> = batches
            .into_par_iter()
            .map_init(Workspace::default, |workspace, rows| {
                let texts: Vec<&[u32]> = encoded[rows].iter().map(|text| text.ids.as_slice()).collect();
                self.bert.encode(&texts, workspace);
                let mut vectors = vec![0.0; texts.len() * dims];
                let mut hidden = workspace.hidden();
                for (ids, out) in texts.iter().zip(vectors.chunks_exact_mut(dims)) {
                    let (own, rest) = hidden.split_at(ids.len() * dims);
                    self.settings.pooling.pool(own, out);
                    if self.settings.normalize {
                        kernel::scale_to_length_1(out);
                    }
                    hidden = rest;
                }
                vectors
            })
            .collect();
        let vectors = Array2::from_shape_vec((texts.len(), dims), parts.concat())
            .map_err(|error| Error::memory("the vectors do not fit together").source(error))?;
        if let Some(row) = vectors.rows().into_iter().position(|row| row.iter().any(|x| !x.is_finite())) {
            return Err(Error::input("the model gives no numbers for a text")
                .file(&self.folder)
                .row(row)
                .seen(excerpt(&texts[row]))
                .advice("its weights may be damaged; fetch the model again"));
        }
        Ok(LocalVectors {
            vectors,
            tokens: encoded.iter().map(|text| text.ids.len()).collect(),
            truncated: encoded.iter().filter(|text| text.truncated).count(),
        })
    }
}

impl Embedder for LocalModel {
    /// The folder's name and a hash of whatever the vectors depend on: weights, tokenizer, pooling.
    fn model(&self) -> String {
        self.name.clone()
    }

    fn dims(&self) -> usize {
        self.settings.hidden
    }

    fn embed(&self, texts: &[String]) -> Result<Array2<f32>> {
        self.embed_counted(texts).map(|embedded| embedded.vectors)
    }

    /// What `config_sentence_transformers.json` says.
    fn prompts(&self) -> Result<Option<Prompts>> {
        settings::prompts(&self.folder)
    }
}

/// Consecutive texts of at most [`BATCH_TOKENS`] in all; the cut depends on the texts alone.
fn batches(lengths: impl Iterator<Item = usize>) -> Vec<std::ops::Range<usize>> {
    let mut batches: Vec<std::ops::Range<usize>> = Vec::new();
    let mut tokens = 0;
    for (row, length) in lengths.enumerate() {
        match batches.last_mut() {
            Some(batch) if tokens + length <= BATCH_TOKENS => {
                batch.end = row + 1;
                tokens += length;
            }
            _ => {
                batches.push(row..row + 1);
                tokens = length;
            }
        }
    }
    batches
}

fn base_name(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    whole.file_name().map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned())
}

impl Pooling {
    /// One vector from those of a text's tokens (n x d).
    fn pool(self, tokens: &[f32], out: &mut [f32]) {
        match self {
            Pooling::First => out.copy_from_slice(&tokens[..out.len()]),
            Pooling::Mean => kernel::mean_row(tokens, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_holds_consecutive_texts_up_to_its_tokens() {
        let half = BATCH_TOKENS / 2;
        let lengths = [half, half, 1, 2 * BATCH_TOKENS, 3, half];
        assert_eq!(batches(lengths.into_iter()), [0..2, 2..3, 3..4, 4..6]);
        assert!(batches(std::iter::empty()).is_empty());
    }
}
