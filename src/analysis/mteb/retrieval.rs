//! `mteb retrieval` and `mteb reranking`: a corpus, queries and judgements, or a run.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ids::{Ids, Missing, Unknown};
use super::judgements::{Holds, Line, read};
use super::result::{LeftOut, Outcome};
use super::{Task, TaskOptions, sides};
use crate::analysis::Context;
use crate::benchmark::{Query, RetrievalOptions, Similarity, Ties, rerank, retrieval, search};
use crate::data::{Data, Role};
use crate::error::{Error, Result, excerpt};

/// Options of [`Retrieval`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct RetrievalTaskOptions {
    /// Where queries and judgements are.
    #[cfg_attr(feature = "cli", command(flatten))]
    pub judged: JudgedOptions,
    /// What all tasks have.
    #[cfg_attr(feature = "cli", command(flatten))]
    pub task: TaskOptions,
}

/// Options of [`Reranking`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct RerankingOptions {
    /// The documents that are ranked for each query: a TREC run, or a table of query-id and corpus-id [default: those
    /// that were judged]
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE"))]
    pub candidates: Option<PathBuf>,
    /// Where queries and judgements are.
    #[cfg_attr(feature = "cli", command(flatten))]
    pub judged: JudgedOptions,
    /// What all tasks have.
    #[cfg_attr(feature = "cli", command(flatten))]
    pub task: TaskOptions,
}

/// Where queries and judgements are, and how documents are ranked.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct JudgedOptions {
    /// The vectors of the queries
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE"))]
    pub queries: Option<PathBuf>,
    /// Relevance judgements: TREC's qrels, BEIR's TSV, or a table of query-id, corpus-id, score
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE"))]
    pub qrels: Option<PathBuf>,
    /// A TREC run to score, or a table of query-id, corpus-id, score, in place of vectors
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE", conflicts_with = "queries"))]
    pub run: Option<PathBuf>,
    /// The column with the ids of documents and queries [default: _id, id, docid, sha256; else their row numbers]
    #[cfg_attr(feature = "cli", arg(long, value_name = "COL"))]
    pub id: Option<String>,
    /// Leave out a document with the id of its query, as BEIR does and trec_eval does not
    #[cfg_attr(feature = "cli", arg(long))]
    pub ignore_identical_ids: bool,
    /// How documents of equal score are ordered
    #[cfg_attr(feature = "cli", arg(long, value_enum, default_value_t))]
    pub ties: Ties,
    /// What happens to judgements and candidates of documents or queries that are not there
    #[cfg_attr(feature = "cli", arg(long, value_enum, default_value_t))]
    pub unknown: Missing,
    /// How similar vectors are to their model
    #[cfg_attr(feature = "cli", arg(long, value_enum, default_value_t))]
    pub similarity: Similarity,
    /// The vectors of the queries by the model of --against
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE", requires = "against"))]
    pub against_queries: Option<PathBuf>,
}

/// The task `retrieval`.
pub struct Retrieval;

impl Task for Retrieval {
    const NAME: &'static str = "mteb-retrieval";
    const ABOUT: &'static str = "Rank a corpus for queries and score the ranking (MTEB: retrieval)";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab mteb retrieval corpus.parquet --queries queries.parquet --qrels qrels/test.tsv
  embedlab mteb retrieval corpus.parquet --queries queries.parquet --qrels qrels.trec --id docno
  embedlab mteb retrieval --run bm25.run --qrels qrels.trec";
    const ROLES: &'static [Role] = &[Role::Text];
    type Options = RetrievalTaskOptions;

    fn shared(options: &RetrievalTaskOptions) -> &TaskOptions {
        &options.task
    }

    fn files(options: &RetrievalTaskOptions) -> Vec<Option<&PathBuf>> {
        options.judged.files()
    }

    fn second(
        data: &Data,
        options: &RetrievalTaskOptions,
        path: &Path,
    ) -> Result<(Data, RetrievalTaskOptions)> {
        let (data, judged) = options.judged.second(data, path)?;
        Ok((data, RetrievalTaskOptions { judged, ..options.clone() }))
    }

    fn score(data: &Data, options: &RetrievalTaskOptions, _context: &Context<'_>) -> Result<Outcome> {
        score(data, &options.judged, None, "ndcg_at_10")
    }
}

/// The task `reranking`.
pub struct Reranking;

impl Task for Reranking {
    const NAME: &'static str = "mteb-reranking";
    const ABOUT: &'static str = "Rank a few documents for each query and score the ranking (MTEB: reranking)";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab mteb reranking corpus.parquet --queries queries.parquet --qrels qrels.tsv
  embedlab mteb reranking corpus.parquet --queries queries.parquet --qrels qrels.tsv --candidates bm25.run";
    const ROLES: &'static [Role] = &[Role::Text];
    type Options = RerankingOptions;

    fn shared(options: &RerankingOptions) -> &TaskOptions {
        &options.task
    }

    fn files(options: &RerankingOptions) -> Vec<Option<&PathBuf>> {
        [options.judged.files(), vec![options.candidates.as_ref()]].concat()
    }

    fn second(data: &Data, options: &RerankingOptions, path: &Path) -> Result<(Data, RerankingOptions)> {
        let (data, judged) = options.judged.second(data, path)?;
        Ok((data, RerankingOptions { judged, ..options.clone() }))
    }

    fn score(data: &Data, options: &RerankingOptions, _context: &Context<'_>) -> Result<Outcome> {
        let candidates = options.candidates.as_deref();
        score(data, &options.judged, Some(candidates), "map_at_1000")
    }
}

impl JudgedOptions {
    fn files(&self) -> Vec<Option<&PathBuf>> {
        vec![self.queries.as_ref(), self.qrels.as_ref(), self.run.as_ref(), self.against_queries.as_ref()]
    }

    /// Another run, or another corpus with its queries.
    fn second(&self, data: &Data, path: &Path) -> Result<(Data, JudgedOptions)> {
        if self.run.is_some() {
            return Ok((sides::nothing(), JudgedOptions { run: Some(path.to_owned()), ..self.clone() }));
        }
        let queries = self.against_queries.clone().or_else(|| self.queries.clone());
        Ok((sides::same_rows(data, path)?, JudgedOptions { queries, ..self.clone() }))
    }
}

/// `candidates` is there for reranking; within, the file of them, if there is one.
fn score(
    data: &Data,
    options: &JudgedOptions,
    candidates: Option<Option<&Path>>,
    main: &'static str,
) -> Result<Outcome> {
    let Some(qrels) = &options.qrels else {
        return Err(Error::argument("no judgements")
            .with_code("missing-option")
            .advice("name the relevance judgements with --qrels FILE"));
    };
    let judgements = read(qrels, Holds::Judgements)?;
    let mut left_out = Vec::new();
    let (mut queries, documents, texts) = match (&options.run, &options.queries) {
        (Some(run), _) => of_run(run, qrels, &judgements, &mut left_out)?,
        (None, Some(path)) => of_vectors(data, path, qrels, &judgements, candidates, options, &mut left_out)?,
        (None, None) => {
            return Err(Error::argument("no queries")
                .with_code("missing-option")
                .advice("name the vectors of the queries with --queries FILE, or a run with --run FILE"));
        }
    };
    if options.ignore_identical_ids {
        for query in &mut queries {
            query.found.retain(|(document, _)| documents[*document] != query.id);
        }
    }
    let scored = retrieval(&queries, &documents, &RetrievalOptions { ties: options.ties, main })?;
    let mut exceptions = Vec::new();
    if options.ties == Ties::Average {
        exceptions.push("equal scores are averaged over all orders, where MTEB orders them by id".to_owned());
    }
    let relevant = |query: &&Query| query.judged.iter().any(|(_, relevance)| *relevance > 0);
    let ids: Vec<String> = queries.iter().filter(relevant).map(|query| query.id.clone()).collect();
    Ok(Outcome {
        texts: ids.iter().map(|id| texts.get(id).cloned()).collect(),
        ids,
        hardest_by: Some(if candidates.is_some() { "map_at_1000" } else { "ndcg_at_10" }),
        exceptions,
        left_out,
        ..Outcome::new(scored)
    })
}

/// Queries, the ids of documents, the texts of queries.
type Found = (Vec<Query>, Vec<String>, HashMap<String, String>);

/// The judgements of each query, by document number.
fn judged(
    judgements: &[Line],
    path: &Path,
    document: impl Fn(&Line) -> Option<usize>,
) -> Result<HashMap<String, Vec<(usize, u32)>>> {
    let mut of: HashMap<String, Vec<(usize, u32)>> = HashMap::new();
    let mut seen: HashMap<(&str, usize), f64> = HashMap::new();
    for line in judgements {
        let Some(number) = document(line) else { continue };
        match seen.insert((&line.query, number), line.number) {
            None => of.entry(line.query.clone()).or_default().push((number, line.number as u32)),
            Some(first) if first == line.number => {}
            Some(first) => {
                let error =
                    Error::input("a document that was judged twice for one query").with_code("duplicate-id");
                let seen = format!("{first} and {} for {}", line.number, excerpt(&line.document));
                return Err(line.locate(error.seen(seen), path));
            }
        }
    }
    Ok(of)
}

fn of_vectors(
    corpus: &Data,
    queries: &Path,
    qrels: &Path,
    judgements: &[Line],
    candidates: Option<Option<&Path>>,
    options: &JudgedOptions,
    left_out: &mut Vec<LeftOut>,
) -> Result<Found> {
    sides::directions(corpus)?;
    let data = sides::open(queries)?;
    let documents = Ids::of(corpus, options.id.as_deref())?;
    // A column that only the corpus has names its documents alone.
    let own = options.id.as_deref().filter(|name| data.table().column_names().contains(name));
    let ids = Ids::of(&data, own)?;
    let mut unknown = Unknown::new("documents of the judgements that are not in the corpus", qrels);
    let mut strangers = Unknown::new("queries of the judgements that are not among the queries", qrels);
    for line in judgements {
        if documents.row(&line.document).is_none() {
            unknown.add(&line.document, line.row, line.line);
        }
        if ids.row(&line.query).is_none() {
            strangers.add(&line.query, line.row, line.line);
        }
    }
    unknown.finish(options.unknown, left_out)?;
    strangers.finish(options.unknown, left_out)?;
    let mut of = judged(judgements, qrels, |line| documents.row(&line.document))?;
    let mut rows: Vec<usize> = Vec::new();
    let mut found: Vec<Query> = Vec::new();
    for (row, id) in ids.names.iter().enumerate() {
        let judged = of.remove(id).unwrap_or_default();
        if judged.iter().any(|(_, relevance)| *relevance > 0) {
            rows.push(row);
            found.push(Query { id: id.clone(), judged, found: Vec::new() });
        }
    }
    let vectors = data.matrix()?.select(ndarray::Axis(0), &rows);
    let hits = match candidates {
        None => search(corpus.matrix()?, vectors.view(), options.similarity)?,
        Some(path) => {
            let lists = lists(path, &found, &documents, options.unknown, left_out)?;
            rerank(corpus.matrix()?, vectors.view(), &lists, options.similarity)?
        }
    };
    found.iter_mut().zip(hits).for_each(|(query, hits)| query.found = hits);
    let texts = sides::texts(&data)?;
    let texts = ids.names.iter().cloned().zip(texts).filter_map(|(id, text)| Some((id, text?))).collect();
    Ok((found, documents.names, texts))
}

/// The documents that are ranked for each query.
fn lists(
    path: Option<&Path>,
    queries: &[Query],
    documents: &Ids,
    missing: Missing,
    left_out: &mut Vec<LeftOut>,
) -> Result<Vec<Vec<usize>>> {
    let Some(path) = path else {
        return Ok(queries
            .iter()
            .map(|query| query.judged.iter().map(|(document, _)| *document).collect())
            .collect());
    };
    let place: HashMap<&str, usize> =
        queries.iter().enumerate().map(|(at, query)| (query.id.as_str(), at)).collect();
    let mut lists = vec![Vec::new(); queries.len()];
    let mut unknown = Unknown::new("candidates that are not in the corpus", path);
    for line in read(path, Holds::Candidates)? {
        let Some(query) = place.get(line.query.as_str()) else { continue };
        match documents.row(&line.document) {
            Some(document) => lists[*query].push(document),
            None => unknown.add(&line.document, line.row, line.line),
        }
    }
    unknown.finish(missing, left_out)?;
    Ok(lists)
}

/// The queries of a run that were judged: trec_eval scores those that are in both files.
fn of_run(run: &Path, qrels: &Path, judgements: &[Line], left_out: &mut Vec<LeftOut>) -> Result<Found> {
    let lines = read(run, Holds::Run)?;
    let mut documents: Vec<String> = Vec::new();
    let mut place: HashMap<String, usize> = HashMap::new();
    for line in lines.iter().chain(judgements) {
        place.entry(line.document.clone()).or_insert_with(|| {
            documents.push(line.document.clone());
            documents.len() - 1
        });
    }
    let mut of = judged(judgements, qrels, |line| place.get(&line.document).copied())?;
    let mut at: HashMap<String, usize> = HashMap::new();
    let mut queries: Vec<Query> = Vec::new();
    for line in lines {
        let query = *at.entry(line.query.clone()).or_insert_with(|| {
            queries.push(Query { id: line.query.clone(), ..Query::default() });
            queries.len() - 1
        });
        queries[query].found.push((place[&line.document], line.number));
    }
    let all = queries.len();
    for query in &mut queries {
        query.judged = of.remove(&query.id).unwrap_or_default();
    }
    let mut note = |what: &str, count: usize, examples: Vec<String>| {
        if count > 0 {
            left_out.push(LeftOut { what: what.to_owned(), count, examples });
        }
    };
    queries.retain(|query| !query.judged.is_empty());
    note(
        "queries of the run without judgements, which trec_eval leaves out",
        all - queries.len(),
        Vec::new(),
    );
    let absent: Vec<String> = of.into_keys().collect();
    note("judged queries that the run does not answer, which trec_eval leaves out", absent.len(), Vec::new());
    Ok((queries, documents, HashMap::new()))
}
