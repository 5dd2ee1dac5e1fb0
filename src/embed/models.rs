//! Embedding models of OpenAI's three generations, and those that a user adds.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Encoding, Prompts};
use crate::error::{Error, Result, excerpt, nearest_name};
use crate::memory::read_whole;

/// What is known of a model before it is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingModel {
    /// The name, as the server takes it.
    pub name: String,
    /// Numbers of a vector.
    pub dimensions: usize,
    /// Tokens that one text may have.
    pub max_input_tokens: usize,
    /// How texts become tokens; none where no tokenizer here knows it (tokens are then estimated).
    #[serde(default)]
    pub encoding: Option<Encoding>,
    /// The last month that the model has seen texts of, as `YYYY-MM`.
    #[serde(default)]
    pub knowledge_cutoff: Option<String>,
    /// US dollars for a million tokens.
    #[serde(default)]
    pub usd_per_million_tokens: Option<f64>,
    /// Whether newlines are better replaced by spaces: the first generation's models for texts (not for
    /// code) are worse with them.
    #[serde(default)]
    pub newlines_to_spaces: bool,
    /// Whether the server can shorten the vectors (the request's `dimensions`).
    #[serde(default)]
    pub shortens: bool,
    /// The model for queries, where this one is for the documents that are searched; the two have one
    /// space of vectors.
    #[serde(default)]
    pub query_model: Option<String>,
    /// What comes before the texts of a task. Default: what [`Prompts::known`] knows of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompts: Option<Prompts>,
}

/// The models that are known by name.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Models(Vec<EmbeddingModel>);

/// Dimensions of the first generation.
const FIRST: [(&str, usize); 4] = [("ada", 1024), ("babbage", 2048), ("curie", 4096), ("davinci", 12_288)];

impl Default for Models {
    /// OpenAI's models: 16 of the first generation, text-embedding-ada-002, and text-embedding-3.
    ///
    /// Prices are those of each model's own time: ada-002's that of early 2023 ($0.40; it became $0.10
    /// later), text-embedding-3's those of 2024; the first generation, withdrawn in 2024, has none. A user's
    /// file with the same name replaces them.
    fn default() -> Models {
        let later = |name: &str, dimensions, usd: f64, shortens| EmbeddingModel {
            name: name.into(),
            dimensions,
            max_input_tokens: 8191,
            encoding: Some(Encoding::Cl100kBase),
            knowledge_cutoff: Some("2021-09".into()),
            usd_per_million_tokens: Some(usd),
            newlines_to_spaces: false,
            shortens,
            query_model: None,
            prompts: None,
        };
        let mut models = vec![
            later("text-embedding-3-small", 1536, 0.02, true),
            later("text-embedding-3-large", 3072, 0.13, true),
            later("text-embedding-ada-002", 1536, 0.40, false),
        ];
        let first = |name: String, dimensions, is_code: bool, query_model| EmbeddingModel {
            name,
            dimensions,
            max_input_tokens: 2046,
            encoding: Some(Encoding::R50kBase),
            knowledge_cutoff: Some("2020-08".into()),
            usd_per_million_tokens: None,
            newlines_to_spaces: !is_code,
            shortens: false,
            query_model,
            prompts: None,
        };
        for (size, dimensions) in FIRST {
            models.push(first(format!("text-similarity-{size}-001"), dimensions, false, None));
        }
        for (size, dimensions) in FIRST {
            let query = format!("text-search-{size}-query-001");
            let documents = format!("text-search-{size}-doc-001");
            models.push(first(documents, dimensions, false, Some(query.clone())));
            models.push(first(query, dimensions, false, None));
        }
        for (size, dimensions) in &FIRST[..2] {
            let query = format!("code-search-{size}-text-001");
            let code = format!("code-search-{size}-code-001");
            models.push(first(code, *dimensions, true, Some(query.clone())));
            models.push(first(query, *dimensions, false, None));
        }
        Models(models)
    }
}

impl Models {
    /// Adds the models of a JSON file: an array of objects with the fields of [`EmbeddingModel`], of
    /// which `name`, `dimensions` and `max_input_tokens` are needed. A model of a known name replaces it.
    ///
    /// # Errors
    /// When the file cannot be read, is not such an array, or a number in it makes no sense.
    pub fn add_file(&mut self, path: &Path) -> Result<()> {
        let text = read_whole(path)?;
        let added: Vec<EmbeddingModel> = serde_json::from_slice(&text).map_err(|error| {
            Error::input("no list of models").file(path).source(error).advice(
                "write [{\"name\": \"..\", \"dimensions\": 768, \"max_input_tokens\": 512}, ..]; \
                 embedlab embed models --json shows every field",
            )
        })?;
        for model in added {
            let usd = model.usd_per_million_tokens.unwrap_or(0.0);
            if model.name.trim().is_empty() || model.dimensions == 0 || model.max_input_tokens == 0 {
                return Err(Error::input("a model without a name, dimensions or tokens").file(path));
            }
            if !usd.is_finite() || usd < 0.0 {
                return Err(Error::input("invalid price").file(path).seen(model.name));
            }
            if let Some(key) = model.prompts.as_ref().and_then(Prompts::unknown_key) {
                return Err(Error::input("a prompt for no task and no side")
                    .file(path)
                    .seen(excerpt(key))
                    .advice("use query, document, default, or MTEB's kinds of tasks, such as STS or Retrieval-query"));
            }
            match self.0.iter_mut().find(|known| known.name == model.name) {
                Some(known) => *known = model,
                None => self.0.push(model),
            }
        }
        Ok(())
    }

    /// A model by its name.
    pub fn get(&self, name: &str) -> Option<&EmbeddingModel> {
        self.0.iter().find(|model| model.name == name)
    }

    /// All of them: the newest of OpenAI's first, a user's last.
    pub fn all(&self) -> &[EmbeddingModel] {
        &self.0
    }

    /// The prompts of a model: those that its entry gives, else those that are known of its name.
    pub fn prompts(&self, name: &str) -> Option<Prompts> {
        self.get(name).and_then(|model| model.prompts.clone()).or_else(|| Prompts::known(name))
    }

    /// The error for a name that is not known; it offers the nearest one.
    pub fn unknown(&self, name: &str) -> Error {
        let error = Error::argument("unknown model").seen(name);
        let instead =
            "or give --base-url for a server of your own; embedlab embed models lists what is known";
        match nearest_name(name, self.0.iter().map(|model| model.name.as_str())) {
            Some(near) => error.advice(format!("did you mean {near}? {instead}")),
            None => error.advice(format!("name a known one, {instead}")),
        }
    }
}

impl EmbeddingModel {
    /// The price of this many tokens in US dollars, where the model's price is known.
    pub fn usd(&self, tokens: usize) -> Option<f64> {
        self.usd_per_million_tokens.map(|price| price * tokens as f64 / 1e6)
    }

    /// Pages for a dollar, with 800 tokens a page as OpenAI's guide counts.
    pub fn pages_per_dollar(&self) -> Option<f64> {
        let price = self.usd_per_million_tokens.filter(|price| *price > 0.0)?;
        Some(1e6 / price / TOKENS_PER_PAGE)
    }
}

/// OpenAI's guide: "about 800 tokens per page".
const TOKENS_PER_PAGE: f64 = 800.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_generations_are_those_of_the_guide() {
        let models = Models::default();
        let first = models.all().iter().filter(|model| model.name.ends_with("-001")).count();
        assert_eq!((models.all().len(), first), (19, 16));
        let pages = |name: &str| models.get(name).and_then(EmbeddingModel::pages_per_dollar).map(f64::round);
        assert_eq!(pages("text-embedding-ada-002"), Some(3125.0));
        assert_eq!(pages("text-embedding-3-small"), Some(62_500.0));
        assert_eq!(pages("text-embedding-3-large"), Some(9615.0));
        for model in models.all() {
            if let Some(query) = &model.query_model {
                assert_eq!(models.get(query).map(|query| query.dimensions), Some(model.dimensions));
            }
        }
        assert!(!models.get("code-search-ada-code-001").is_some_and(|model| model.newlines_to_spaces));
    }

    #[test]
    fn a_file_adds_and_replaces_models_and_nonsense_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("models.json");
        let add = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let mut models = Models::default();
            models.add_file(&path).map(|()| models)
        };
        let models = add(r#"[{"name": "nomic-embed-text", "dimensions": 768, "max_input_tokens": 8192},
            {"name": "text-embedding-ada-002", "dimensions": 1536, "max_input_tokens": 8191,
             "usd_per_million_tokens": 0.1, "encoding": "cl100k_base"}]"#)
        .unwrap();
        assert_eq!(models.get("nomic-embed-text").map(|model| model.encoding), Some(None));
        assert_eq!(models.get("text-embedding-ada-002").and_then(|model| model.usd(1_000_000)), Some(0.1));
        assert_eq!(models.all().len(), 20);
        for bad in [
            "",
            "{}",
            r#"[{"name": "x", "dimensions": 0, "max_input_tokens": 1}]"#,
            r#"[{"name": "x", "dimensions": 1, "max_input_tokens": 1, "price": 1}]"#,
            r#"[{"name": "x", "dimensions": 1, "max_input_tokens": 1, "usd_per_million_tokens": -1}]"#,
            r#"[{"name": "x", "dimensions": 1, "max_input_tokens": 1, "encoding": "utf8"}]"#,
            r#"[{"name": "x", "dimensions": 1, "max_input_tokens": 1, "prompts": {"passage": "p: "}}]"#,
        ] {
            assert!(add(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_unknown_model_is_answered_with_the_nearest_name() {
        let error = Models::default().unknown("text-embedding-3-smal").to_string();
        assert!(error.contains("did you mean text-embedding-3-small?"), "{error}");
    }
}
