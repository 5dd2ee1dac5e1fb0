//! What models want before a text: the prompts under which MTEB scores them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The kinds of MTEB's tasks, for which a model may have prompts of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// How similar the two texts of a pair are
    Sts,
    /// Whether two texts mean the same
    Pair,
    /// Translations of each other
    Bitext,
    /// Documents that answer a query
    Retrieval,
    /// The order of a few documents for a query
    Reranking,
    /// How good a summary is
    Summarization,
    /// Classes by the texts of their names
    ZeroShot,
    /// Classes by a linear model
    Classification,
    /// Several labels of a text
    Multilabel,
    /// A number of a text
    Regression,
    /// Groups of texts
    Clustering,
}

impl TaskKind {
    /// All of them.
    pub const ALL: [TaskKind; 11] = [
        TaskKind::Sts,
        TaskKind::Pair,
        TaskKind::Bitext,
        TaskKind::Retrieval,
        TaskKind::Reranking,
        TaskKind::Summarization,
        TaskKind::ZeroShot,
        TaskKind::Classification,
        TaskKind::Multilabel,
        TaskKind::Regression,
        TaskKind::Clustering,
    ];

    /// MTEB's name of it, by which models name their prompts.
    pub fn mteb_name(self) -> &'static str {
        match self {
            TaskKind::Sts => "STS",
            TaskKind::Pair => "PairClassification",
            TaskKind::Bitext => "BitextMining",
            TaskKind::Retrieval => "Retrieval",
            TaskKind::Reranking => "Reranking",
            TaskKind::Summarization => "Summarization",
            TaskKind::ZeroShot => "ZeroShotClassification",
            TaskKind::Classification => "Classification",
            TaskKind::Multilabel => "MultilabelClassification",
            TaskKind::Regression => "Regression",
            TaskKind::Clustering => "Clustering",
        }
    }

    /// Whether it has queries and documents, which a model may embed differently.
    pub fn has_sides(self) -> bool {
        matches!(self, TaskKind::Retrieval | TaskKind::Reranking)
    }
}

/// What a text of retrieval or reranking is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// What is searched for
    Query,
    /// What is searched
    Document,
}

impl Side {
    fn key(self) -> &'static str {
        match self {
            Side::Query => "query",
            Side::Document => "document",
        }
    }
}

/// The prompts of a model, by MTEB's keys: a kind of task (`STS`), a side (`query`, `document`), both
/// (`Retrieval-query`), or `default` for all that is not named. None of them: texts are embedded as they are.
///
/// ```
/// use embedlab::embed::{Prompts, Side, TaskKind};
///
/// let e5 = Prompts::known("intfloat/e5-small-v2").ok_or("unknown")?;
/// assert_eq!(e5.of(TaskKind::Retrieval, Some(Side::Query)), Some("query: "));
/// assert_eq!(e5.of(TaskKind::Retrieval, Some(Side::Document)), Some("passage: "));
/// assert_eq!(e5.of(TaskKind::Clustering, None), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Prompts(BTreeMap<String, String>);

/// Models that have the same prompts.
struct Family {
    /// The last part of their names, in small letters.
    models: &'static [&'static str],
    prompts: &'static [(&'static str, &'static str)],
}

const SEARCHING: &str = "Represent this sentence for searching relevant passages: ";

/// The prompts that MTEB 2.26.24 gives to models (`mteb/models/model_implementations`), and those of
/// Snowflake's models, which their folders bring.
const FAMILIES: [Family; 6] = [
    Family {
        models: &[
            "e5-small",
            "e5-base",
            "e5-large",
            "e5-small-v2",
            "e5-base-v2",
            "e5-large-v2",
            "multilingual-e5-small",
            "multilingual-e5-base",
            "multilingual-e5-large",
        ],
        prompts: &[("query", "query: "), ("document", "passage: ")],
    },
    Family {
        models: &[
            "bge-small-en",
            "bge-base-en",
            "bge-large-en",
            "bge-small-en-v1.5",
            "bge-base-en-v1.5",
            "bge-large-en-v1.5",
            "mxbai-embed-large",
            "mxbai-embed-large-v1",
            "uae-large-v1",
            "snowflake-arctic-embed",
            "snowflake-arctic-embed-xs",
            "snowflake-arctic-embed-s",
            "snowflake-arctic-embed-m",
            "snowflake-arctic-embed-m-long",
            "snowflake-arctic-embed-m-v1.5",
            "snowflake-arctic-embed-l",
        ],
        prompts: &[("query", SEARCHING)],
    },
    Family {
        models: &[
            "bge-small-zh",
            "bge-base-zh",
            "bge-large-zh",
            "bge-small-zh-v1.5",
            "bge-base-zh-v1.5",
            "bge-large-zh-v1.5",
        ],
        prompts: &[("query", "为这个句子生成表示以用于检索相关文章：")],
    },
    Family {
        models: &[
            "snowflake-arctic-embed2",
            "snowflake-arctic-embed-m-v2.0",
            "snowflake-arctic-embed-l-v2.0",
        ],
        prompts: &[("query", "query: ")],
    },
    Family {
        models: &["nomic-embed-text", "nomic-embed-text-v1", "nomic-embed-text-v1.5"],
        prompts: &[
            ("query", "search_query: "),
            ("document", "search_document: "),
            ("Classification", "classification: "),
            ("MultilabelClassification", "classification: "),
            ("PairClassification", "classification: "),
            ("Reranking", "classification: "),
            ("STS", "classification: "),
            ("Summarization", "classification: "),
            ("Clustering", "clustering: "),
            ("default", "search_document: "),
        ],
    },
    // Models that want none.
    Family {
        models: &[
            "all-minilm",
            "all-minilm-l6-v2",
            "all-minilm-l12-v2",
            "all-mpnet-base-v2",
            "all-distilroberta-v1",
            "multi-qa-minilm-l6-cos-v1",
            "multi-qa-mpnet-base-dot-v1",
            "paraphrase-minilm-l6-v2",
            "paraphrase-multilingual-minilm-l12-v2",
            "paraphrase-multilingual-mpnet-base-v2",
            "labse",
            "gte-small",
            "gte-base",
            "gte-large",
            "bge-m3",
        ],
        prompts: &[],
    },
];

/// What the names of OpenAI's models begin with; they want no prompts.
const OPENAI: [&str; 4] = ["text-embedding-", "text-similarity-", "text-search-", "code-search-"];

impl Prompts {
    /// Prompts by their keys.
    pub fn new(prompts: impl IntoIterator<Item = (String, String)>) -> Prompts {
        Prompts(prompts.into_iter().collect())
    }

    /// The prompts of a public model, by its name at Hugging Face, that of its folder, or that of a server such as
    /// Ollama; `None` for one that is not known, empty for one that wants none.
    pub fn known(model: &str) -> Option<Prompts> {
        let name = base_name(model);
        if OPENAI.iter().any(|begin| name.starts_with(begin)) {
            return Some(Prompts::default());
        }
        let family = FAMILIES.iter().find(|family| family.models.contains(&name.as_str()))?;
        Some(Prompts::new(family.prompts.iter().map(|(key, prompt)| ((*key).into(), (*prompt).into()))))
    }

    /// What a model's folder says in `config_sentence_transformers.json`; `passage` and `corpus` are other names of
    /// `document` there.
    #[cfg(feature = "local-models")]
    pub(super) fn of_folder(mut said: BTreeMap<String, String>, default: Option<String>) -> Prompts {
        if let Some(document) = ["document", "passage", "corpus"].iter().find_map(|name| said.get(*name)) {
            said.insert("document".into(), document.clone());
        }
        if let Some(prompt) = default.and_then(|name| said.get(&name).cloned()) {
            said.insert("default".into(), prompt);
        }
        said.retain(|key, _| is_key(key));
        Prompts(said)
    }

    /// What comes before each text of a task, by MTEB's order: the prompt of task and side, of the task, of the side.
    pub fn of(&self, task: TaskKind, side: Option<Side>) -> Option<&str> {
        let side = side.map(Side::key);
        let both = side.map(|side| format!("{}-{side}", task.mteb_name()));
        let keys = [both.as_deref(), Some(task.mteb_name()), side, Some("default")];
        let found = keys.into_iter().flatten().find_map(|key| self.0.get(key))?;
        (!found.is_empty()).then_some(found)
    }

    /// The first key that names nothing.
    #[cfg(feature = "embed")]
    pub(super) fn unknown_key(&self) -> Option<&str> {
        self.0.keys().map(String::as_str).find(|key| !is_key(key))
    }
}

#[cfg(any(feature = "embed", feature = "local-models", test))]
fn is_key(key: &str) -> bool {
    let task = |name: &str| TaskKind::ALL.iter().any(|task| task.mteb_name() == name);
    let side = |name: &str| matches!(name, "query" | "document");
    key == "default"
        || task(key)
        || side(key)
        || key.rsplit_once('-').is_some_and(|(name, of)| task(name) && side(of))
}

/// The last part of a model's name or folder in small letters, without a server's tag (`:latest`).
fn base_name(model: &str) -> String {
    let parts: Vec<&str> = model.split(['/', '\\']).filter(|part| !part.is_empty()).collect();
    // Hugging Face's cache: models--owner--name/snapshots/commit.
    let kept = parts.iter().rev().find_map(|part| part.strip_prefix("models--")?.rsplit("--").next());
    let name = kept.or(parts.last().copied()).unwrap_or_default();
    name.split(':').next().unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(model: &str, task: TaskKind, side: Option<Side>) -> Option<String> {
        Prompts::known(model).unwrap().of(task, side).map(str::to_owned)
    }

    #[test]
    fn the_prompt_of_a_task_comes_before_that_of_a_side() {
        let (query, document) = (Some(Side::Query), Some(Side::Document));
        let nomic = |task, side| prompt("nomic-embed-text:latest", task, side);
        assert_eq!(nomic(TaskKind::Retrieval, query).as_deref(), Some("search_query: "));
        assert_eq!(nomic(TaskKind::Retrieval, document).as_deref(), Some("search_document: "));
        assert_eq!(nomic(TaskKind::Reranking, query).as_deref(), Some("classification: "));
        assert_eq!(nomic(TaskKind::Clustering, None).as_deref(), Some("clustering: "));
        assert_eq!(nomic(TaskKind::Bitext, None).as_deref(), Some("search_document: "));
        assert_eq!(prompt("BAAI/bge-small-en-v1.5", TaskKind::Retrieval, query).as_deref(), Some(SEARCHING));
        assert_eq!(prompt("BAAI/bge-small-en-v1.5", TaskKind::Retrieval, document), None);
        assert_eq!(prompt("all-MiniLM-L6-v2/", TaskKind::Retrieval, query), None);
        let both = Prompts::new([("query".into(), "q: ".into()), ("Reranking-query".into(), "r: ".into())]);
        assert_eq!(both.of(TaskKind::Reranking, query), Some("r: "));
        assert_eq!(both.of(TaskKind::Retrieval, query), Some("q: "));
    }

    #[test]
    fn a_model_is_known_by_its_name_its_folder_and_its_place_in_a_cache() {
        for name in
            ["intfloat/e5-base-v2", "/models/E5-base-v2/", "models--intfloat--e5-base-v2/snapshots/0a1b"]
        {
            assert_eq!(
                prompt(name, TaskKind::Retrieval, Some(Side::Query)).as_deref(),
                Some("query: "),
                "{name}"
            );
        }
        assert_eq!(Prompts::known("somebodys-model"), None);
        assert_eq!(Prompts::known(""), None);
    }

    #[test]
    fn every_key_of_the_families_names_a_task_or_a_side_and_no_model_stands_twice() {
        let mut names: Vec<&str> = FAMILIES.iter().flat_map(|family| family.models).copied().collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        assert!(names.iter().all(|name| *name == name.to_lowercase()));
        assert!(FAMILIES.iter().flat_map(|family| family.prompts).all(|(key, _)| is_key(key)));
        assert!(!is_key("passage") && !is_key("Retrieval-passage") && is_key("Retrieval-query"));
    }

    #[cfg(feature = "local-models")]
    #[test]
    fn a_folder_may_call_documents_passages_and_name_a_default() {
        let said = [("query", "q: "), ("passage", "p: "), ("news", "n: ")];
        let said = said.map(|(key, prompt)| (key.to_owned(), prompt.to_owned()));
        let prompts = Prompts::of_folder(said.into(), Some("news".into()));
        assert_eq!(prompts.of(TaskKind::Retrieval, Some(Side::Document)), Some("p: "));
        assert_eq!(prompts.of(TaskKind::Sts, None), Some("n: "));
        assert_eq!(prompts.unknown_key(), None);
    }
}
