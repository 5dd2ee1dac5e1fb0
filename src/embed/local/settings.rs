//! What the JSON files of a model's folder say.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::embed::Prompts;
use crate::error::{Error, Result, excerpt};

/// Longer files are none of these: a folder that lies must not fill the memory.
const MOST_JSON: u64 = 4 << 20;

/// The shape of a model and how its vectors are made.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    pub hidden: usize,
    pub layers: usize,
    pub heads: usize,
    pub intermediate: usize,
    pub vocabulary: usize,
    pub positions: usize,
    pub types: usize,
    pub epsilon: f64,
    pub activation: Activation,
    pub max_tokens: usize,
    pub lowercase_first: bool,
    /// What `tokenizer_config.json` says for a folder that has only `vocab.txt`.
    pub lowercase_vocabulary: bool,
    pub pooling: Pooling,
    pub normalize: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Activation {
    Gelu,
    GeluTanh,
    Relu,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pooling {
    Mean,
    First,
}

#[derive(Deserialize)]
struct Config {
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    vocab_size: usize,
    max_position_embeddings: usize,
    #[serde(default = "two")]
    type_vocab_size: usize,
    #[serde(default = "small")]
    layer_norm_eps: f64,
    #[serde(default = "gelu")]
    hidden_act: String,
    #[serde(default)]
    position_embedding_type: Option<String>,
    #[serde(default)]
    is_decoder: bool,
}

fn two() -> usize {
    2
}

fn small() -> f64 {
    1e-12
}

fn gelu() -> String {
    "gelu".to_owned()
}

#[derive(Deserialize, Default)]
struct SentenceConfig {
    max_seq_length: Option<usize>,
    #[serde(default)]
    do_lower_case: bool,
}

#[derive(Deserialize, Default)]
struct TokenizerConfig {
    /// A number that may be as large as 1e30 for "no limit".
    model_max_length: Option<f64>,
    do_lower_case: Option<bool>,
}

#[derive(Deserialize)]
struct Module {
    #[serde(default)]
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

/// Either `pooling_mode`, or one switch for each way.
#[derive(Deserialize, Default)]
struct PoolingConfig {
    pooling_mode: Option<serde_json::Value>,
    #[serde(flatten)]
    others: serde_json::Map<String, serde_json::Value>,
}

impl Settings {
    pub fn read(folder: &Path) -> Result<Settings> {
        let path = folder.join("config.json");
        let said: serde_json::Value = read_json(&path)?.ok_or_else(|| missing(&path))?;
        let refuse = |what: &str, seen: String| {
            Err(Error::input(what)
                .file(&path)
                .seen(seen)
                .advice("take a model of the BERT class, such as all-MiniLM-L6-v2"))
        };
        let kind = said.get("model_type").and_then(serde_json::Value::as_str).unwrap_or("bert");
        if kind != "bert" {
            return refuse("a model of another architecture", format!("model_type {}", excerpt(kind)));
        }
        let config: Config = serde_json::from_value(said)
            .map_err(|error| Error::input("no description of a BERT model").file(&path).source(error))?;
        if config.is_decoder {
            return refuse("a model of another architecture", "a decoder".to_owned());
        }
        if let Some(other) = config.position_embedding_type.filter(|kind| kind != "absolute") {
            return refuse("positions that are not absolute", excerpt(&other));
        }
        let activation = match config.hidden_act.as_str() {
            "gelu" => Activation::Gelu,
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Activation::GeluTanh,
            "relu" => Activation::Relu,
            other => return refuse("an activation that is not known here", excerpt(other)),
        };
        let sizes = [
            ("hidden_size", config.hidden_size),
            ("num_hidden_layers", config.num_hidden_layers),
            ("num_attention_heads", config.num_attention_heads),
            ("intermediate_size", config.intermediate_size),
            ("vocab_size", config.vocab_size),
            ("max_position_embeddings", config.max_position_embeddings),
            ("type_vocab_size", config.type_vocab_size),
        ];
        if let Some((name, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            return refuse("a model without a size", format!("{name} is 0"));
        }
        if !config.hidden_size.is_multiple_of(config.num_attention_heads) {
            let seen = format!("{} numbers and {} heads", config.hidden_size, config.num_attention_heads);
            return refuse("a vector that the heads do not share evenly", seen);
        }
        if !(config.layer_norm_eps >= 0.0 && config.layer_norm_eps < 1.0) {
            return refuse("no small number", format!("layer_norm_eps {}", config.layer_norm_eps));
        }
        let (pooling, normalize) = pooling(folder)?;
        let sentence: SentenceConfig =
            read_json(&folder.join("sentence_bert_config.json"))?.unwrap_or_default();
        let tokenizer: TokenizerConfig =
            read_json(&folder.join("tokenizer_config.json"))?.unwrap_or_default();
        let positions = config.max_position_embeddings;
        let max_tokens = sentence
            .max_seq_length
            .or(tokenizer.model_max_length.map(|length| length.clamp(0.0, positions as f64) as usize))
            .unwrap_or(positions)
            .min(positions);
        if max_tokens < 3 {
            return Err(Error::input("the model does not embed text")
                .file(folder)
                .seen(format!("at most {max_tokens} tokens, two of them its own marks")));
        }
        Ok(Settings {
            hidden: config.hidden_size,
            layers: config.num_hidden_layers,
            heads: config.num_attention_heads,
            intermediate: config.intermediate_size,
            vocabulary: config.vocab_size,
            positions,
            types: config.type_vocab_size,
            epsilon: config.layer_norm_eps,
            activation,
            max_tokens,
            lowercase_first: sentence.do_lower_case,
            lowercase_vocabulary: tokenizer.do_lower_case.unwrap_or(true),
            pooling,
            normalize,
        })
    }

    /// A short hash of the files' hash and of the settings that change vectors.
    pub fn fingerprint(&self, files: u64) -> u32 {
        let said = format!("{self:?}");
        xxh3_64_with_seed(said.as_bytes(), files) as u32
    }
}

/// What the folder says of prompts.
#[derive(Deserialize, Default)]
struct Said {
    prompts: Option<BTreeMap<String, Option<String>>>,
    default_prompt_name: Option<String>,
}

/// The prompts that a folder brings; none where it has no such file.
pub(super) fn prompts(folder: &Path) -> Result<Option<Prompts>> {
    let said: Option<Said> = read_json(&folder.join("config_sentence_transformers.json"))?;
    Ok(said.and_then(|said| {
        let prompts = said.prompts?.into_iter().filter_map(|(key, prompt)| Some((key, prompt?))).collect();
        Some(Prompts::of_folder(prompts, said.default_prompt_name))
    }))
}

/// How one vector is made of a text's tokens, and whether it is scaled to length 1.
fn pooling(folder: &Path) -> Result<(Pooling, bool)> {
    let path = folder.join("modules.json");
    let modules: Option<Vec<Module>> = read_json(&path)?;
    let mut place = "1_Pooling".to_owned();
    let mut normalize = true;
    if let Some(modules) = modules {
        normalize = false;
        for module in modules {
            match module.kind.rsplit('.').next().unwrap_or_default() {
                "Transformer" => {}
                "Pooling" => place = module.path,
                "Normalize" => normalize = true,
                _ => {
                    return Err(Error::input("unsupported step after the model")
                        .file(&path)
                        .seen(excerpt(&module.kind))
                        .advice("take a model of Transformer, Pooling and Normalize only"));
                }
            }
        }
    }
    if !Path::new(&place).components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(Error::input("a path out of the model's folder").file(&path).seen(excerpt(&place)));
    }
    let path = folder.join(place).join("config.json");
    let config: PoolingConfig = read_json(&path)?.unwrap_or_default();
    let ways: Vec<String> = match &config.pooling_mode {
        Some(serde_json::Value::String(way)) => vec![way.clone()],
        Some(other) => vec![other.to_string()],
        None => config
            .others
            .iter()
            .filter(|(_, value)| **value == serde_json::Value::Bool(true))
            .filter_map(|(name, _)| name.strip_prefix("pooling_mode_"))
            .map(|name| name.trim_end_matches("_tokens").trim_end_matches("_token").to_owned())
            .collect(),
    };
    let ways: Vec<&str> = ways.iter().map(String::as_str).collect();
    match ways.as_slice() {
        [] | ["mean"] => Ok((Pooling::Mean, normalize)),
        ["cls"] => Ok((Pooling::First, normalize)),
        others => Err(Error::input("unsupported pooling")
            .file(&path)
            .seen(excerpt(&others.join(", ")))
            .advice("take a model that takes the mean of the tokens or the first one")),
    }
}

/// A JSON file, or nothing where there is none.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let Some(text) = read_bounded(path, MOST_JSON)? else { return Ok(None) };
    let parsed = serde_json::from_slice(&text)
        .map_err(|error| Error::input("not the JSON that was expected").file(path).source(error))?;
    Ok(Some(parsed))
}

/// A whole file of at most `most` bytes, or nothing where there is none.
pub(super) fn read_bounded(path: &Path, most: u64) -> Result<Option<Vec<u8>>> {
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("cannot open", error).file(path)),
    };
    let mut bytes = Vec::new();
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Error::io("cannot read", error).file(path))?;
    if bytes.len() as u64 > most {
        return Err(Error::input("too large for what it is called")
            .file(path)
            .seen(format!("more than {} MB", most >> 20)));
    }
    Ok(Some(bytes))
}

/// The error for a file that a model cannot be without.
pub(super) fn missing(path: &Path) -> Error {
    Error::input("a file of the model is missing")
        .file(path)
        .advice("a model's folder has config.json, model.safetensors and tokenizer.json or vocab.txt")
}
