//! What `search` and `neighbors` have besides their analyses: the embedder of a text, and the index.

use clap::{Args, Command, FromArgMatches};
use embedlab::analysis::{
    FoundRow, QueryOptions, Search, SearchOptions, SearchResult, SearchSummary, UsedIndex, any_outcome,
};
use embedlab::data::Data;
use embedlab::rows::Metric;
use embedlab::table::Table;
use embedlab::{Error, Result};
use ndarray::ArrayView1;
use serde_json::Value;

use super::analysis::{Answered, Call, Extra, conflict};
use super::embedder::With;
use super::index::{Answer, IndexArgs};
use super::input::Wanted;

/// What `search` has besides its analysis.
pub const SEARCH: Extra = Extra {
    answer: Some(by_index),
    complete: Some(with_the_vector),
    ..Extra::new("search", |command: Command| IndexArgs::augment_args(With::augment_args(command)))
};

/// What `neighbors` has besides its analysis.
pub const NEIGHBORS: Extra = Extra {
    complete: Some(with_the_vector),
    ..Extra::new("neighbors", |command: Command| With::augment_args(command))
};

/// Gives the text of a query its vector.
fn with_the_vector(call: &Call<'_>, options: &mut Value, data: &Data) -> Result<()> {
    if let Some(text) = options["query"].as_str() {
        options["vector"] = embedded(call, text, data)?.into();
    }
    Ok(())
}

/// The vector of a text by the model of the rows.
fn embedded(call: &Call<'_>, text: &str, rows: &impl super::beside::Embedded) -> Result<Vec<f32>> {
    let with = With::from_arg_matches(call.matches).map_err(conflict)?;
    let instead = "a stored vector with --row N or --from FILE";
    Ok(with.embed(&[text.to_owned()], rows, call.input.file(), instead)?.row(0).to_vec())
}

/// The answer of the index, where one is wanted and is of use.
fn by_index(call: &Call<'_>, options: &Value) -> Result<Option<Answered>> {
    let index = IndexArgs::from_arg_matches(call.matches).map_err(conflict)?;
    if !index.is_wanted() {
        return Ok(None);
    }
    let options: SearchOptions = serde_json::from_value(options.clone())
        .map_err(|error| Error::argument("options that search does not have").source(error))?;
    let of = &options.of;
    let plain = of.mmr.is_none()
        && of.like.is_empty()
        && of.unlike.is_empty()
        && !call.input.selects()
        && !call.input.drops_missing();
    if !plain {
        call.output.note(
            "the index is not used: with --where, --drop-duplicates, --sample, --like, --unlike or --mmr the search is exact",
        );
        return Ok(None);
    }
    let Some(answer) = index.prepare(call, of.metric)? else { return Ok(None) };
    let columns = answer.columns(call)?;
    let found = ask(call, &options, &answer, &columns).map_err(|error| call.input.named_in(error))?;
    // Rows that are written have their vectors.
    let data = match call.writes_rows {
        true => {
            let wanted = Wanted { blocks: true, ..Default::default() };
            call.input.open(&wanted, call.roles.clone(), call.output)?
        }
        false => columns,
    };
    Ok(Some(Answered { found: any_outcome::<Search>(found), data, warnings: Vec::new() }))
}

fn ask(call: &Call<'_>, options: &SearchOptions, answer: &Answer, data: &Data) -> Result<SearchResult> {
    let rows: (&Table, usize) = (data.table(), answer.dims());
    let of = match &options.query {
        None => options.of.clone(),
        Some(text) => QueryOptions { vector: Some(embedded(call, text, &rows)?), ..options.of.clone() },
    };
    let texts_of = |rows: &[usize]| data.texts_of(rows);
    let (vector, said, itself) = match of.elsewhere(options.query.as_deref(), rows)? {
        Some(query) => (query.vector, query.text, None),
        None => {
            let row = of.row.unwrap_or(0);
            (answer.row(row)?.to_owned(), texts_of(&[row])?.pop().flatten(), Some(row))
        }
    };
    // A row is no answer to itself.
    let (ef, mut found) = answer.search(vector.view(), options.k + usize::from(itself.is_some()))?;
    found.retain(|hit| Some(hit.row) != itself);
    found.truncate(options.k);
    let calibration = of.calibrated(answer.dims())?;
    let texts = texts_of(&found.iter().map(|hit| hit.row).collect::<Vec<_>>())?;
    let hits = found.iter().zip(texts).map(|(hit, text)| {
        let cosine = cosine(answer.row(hit.row)?, vector.view());
        Ok(FoundRow::new(hit.row, hit.distance, cosine, of.metric, text).calibrated(calibration.as_ref()))
    });
    let hits = hits.collect::<Result<_>>()?;
    let summary = SearchSummary {
        query: said,
        metric: of.metric,
        rows: answer.n_rows(),
        filtered: None,
        like: itself.into_iter().collect(),
        unlike: Vec::new(),
        equal_texts: 0,
        zero_rows: None,
        repeats: None,
        index: Some(UsedIndex {
            file: answer.file.display().to_string(),
            built: answer.build_seconds.is_some(),
            build_seconds: answer.build_seconds,
            ef,
            recall: answer.recall().and_then(|recall| recall.at(ef)),
        }),
        seconds: call.output.started().elapsed().as_secs_f64(),
    };
    Ok(SearchResult { summary, hits })
}

/// The cosine of a row and the query; `None` where one of them is zero.
fn cosine(row: ArrayView1<'_, f32>, query: ArrayView1<'_, f32>) -> Option<f64> {
    let zero = |values: ArrayView1<'_, f32>| values.iter().all(|value| *value == 0.0);
    (!zero(row) && !zero(query)).then(|| 1.0 - Metric::Cosine.distance(&row.to_vec(), &query.to_vec()))
}
