//! The rows nearest to a text, to rows, or to a vector; and the rows most like a row, without copies of its text.

use std::path::PathBuf;

use ndarray::{Array1, Axis};
use serde::{Deserialize, Serialize};

use super::found_rows::{FoundRow, NeighborList, SearchResult, SearchSummary, found_rows, with_distance};
use super::{Analysis, Context, Needs, NewColumns};
use crate::address::shown;
use crate::calibration::Calibration;
use crate::data::{Data, OpenOptions, Role, require_same_space};
use crate::error::{Error, Result};
use crate::rows::{Metric, RowSource, select_rows};
use crate::search::{NeighborOptions, Query, neighbors};
use crate::table::Table;
use crate::view::{Look, Section};

/// What is searched for besides a text, and how.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default)]
pub struct QueryOptions {
    /// Search for rows similar to this row (rows count from 0)
    #[cfg_attr(feature = "cli", arg(long, value_name = "N"))]
    pub row: Option<usize>,
    /// Rows to be similar to
    #[cfg_attr(feature = "cli", arg(long, value_name = "N,N,..", value_delimiter = ','))]
    pub like: Vec<usize>,
    /// Rows to be dissimilar to
    #[cfg_attr(feature = "cli", arg(long, value_name = "N,N,..", value_delimiter = ','))]
    pub unlike: Vec<usize>,
    /// Take --row (the first, unless it is given) from this file of stored vectors
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE"))]
    pub from: Option<PathBuf>,
    /// The vector to search for: that of the text, or any of the space of the rows
    #[cfg_attr(feature = "cli", arg(skip))]
    pub vector: Option<Vec<f32>>,
    /// Distance metric
    #[cfg_attr(feature = "cli", arg(long, value_enum, value_name = "METRIC", default_value_t = Self::default().metric))]
    pub metric: Metric,
    /// Tell the probability of a match, by what embedlab calibrate saved
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE"))]
    pub calibration: Option<PathBuf>,
    /// MMR lambda: 1 = relevance, 0 = diversity
    #[cfg_attr(feature = "cli", arg(long, value_name = "SHARE"))]
    pub mmr: Option<f64>,
}

/// Options of [`Search`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct SearchOptions {
    /// The text to search for
    #[cfg_attr(feature = "cli", arg(index = 2, value_name = "QUERY"))]
    pub query: Option<String>,
    /// How many rows
    #[cfg_attr(feature = "cli", arg(short, long, value_name = "K", default_value_t = Self::default().k))]
    pub k: usize,
    /// What is searched for besides a text, and how.
    #[serde(flatten)]
    #[cfg_attr(feature = "cli", command(flatten))]
    pub of: QueryOptions,
}

impl Default for SearchOptions {
    fn default() -> Self {
        SearchOptions { query: None, k: 10, of: QueryOptions::default() }
    }
}

/// Options of [`NeighborSearch`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct NeighborSearchOptions {
    /// A text to start from
    #[cfg_attr(feature = "cli", arg(long, value_name = "TEXT"))]
    pub query: Option<String>,
    /// How many neighbours
    #[cfg_attr(feature = "cli", arg(short, long, value_name = "K", default_value_t = Self::default().k))]
    pub k: usize,
    /// What is searched for besides a text, and how.
    #[serde(flatten)]
    #[cfg_attr(feature = "cli", command(flatten))]
    pub of: QueryOptions,
}

impl Default for NeighborSearchOptions {
    fn default() -> Self {
        NeighborSearchOptions { query: None, k: 5, of: QueryOptions::default() }
    }
}

/// The analysis `search`.
pub struct Search;

impl Analysis for Search {
    const NAME: &'static str = "search";
    const ABOUT: &'static str = "Find the rows nearest to a text or a stored vector";
    const EXAMPLES: &'static str = "\
Rows are counted from 0. With --where and the like only the selected rows are found; the rows of the query may
be any.

Examples:
  embedlab search reviews.parquet 'good dog food'
  embedlab search reviews.parquet --row 3 --where \"Score >= 4 and Kind = 'tea'\"
  embedlab search reviews.parquet --like 3,8 --unlike 5 --mmr 0.5
  embedlab search reviews.parquet --from queries.parquet --row 0 -k 20 -o hits.parquet
  embedlab search reviews.parquet 'stale chips' --index --json | jq '.hits[].row'";
    const NEEDS: Needs = Needs::Blocks;
    const ALL_ROWS: bool = true;
    const ROLES: &'static [Role] = &[Role::Text];
    const WRITES: Option<&'static str> = Some(WRITES);
    const WRITES_SOME: bool = true;
    type Options = SearchOptions;
    type Outcome = SearchResult;

    fn run(data: &Data, options: &SearchOptions, context: &Context<'_>) -> Result<SearchResult> {
        let asked =
            Asked { text: options.query.as_deref(), of: &options.of, k: options.k, skip_texts: false };
        let (summary, hits) = asked.of(data, context)?;
        Ok(SearchResult { summary, hits })
    }

    fn view(found: &SearchResult, _look: Look) -> Result<Section> {
        Ok(found_rows(Self::NAME, "Nearest rows", &found.summary, &found.hits))
    }

    fn columns(found: &SearchResult) -> Result<NewColumns> {
        Ok(with_distance(&found.hits))
    }

    fn reads(options: &SearchOptions) -> Vec<PathBuf> {
        options.of.from.iter().chain(&options.of.calibration).cloned().collect()
    }
}

/// The analysis `neighbors`.
pub struct NeighborSearch;

impl Analysis for NeighborSearch {
    const NAME: &'static str = "neighbors";
    const ABOUT: &'static str =
        "Find the rows most similar to a row; rows with the same text are passed over";
    const EXAMPLES: &'static str = "\
Rows are counted from 0. With --where and the like only the selected rows are found; the rows of the query may
be any.

Examples:
  embedlab neighbors reviews.parquet --row 0 -k 5
  embedlab neighbors reviews.parquet --like 3,8 --unlike 5 --metric l2
  embedlab neighbors reviews.parquet --row 12 --mmr 0.5 --where \"Score = 5\"
  embedlab neighbors reviews.parquet --from queries.parquet --row 2 --json | jq '.neighbors[].row'";
    const NEEDS: Needs = Needs::Blocks;
    const ALL_ROWS: bool = true;
    const ROLES: &'static [Role] = &[Role::Text];
    const WRITES: Option<&'static str> = Some(WRITES);
    const WRITES_SOME: bool = true;
    type Options = NeighborSearchOptions;
    type Outcome = NeighborList;

    fn run(data: &Data, options: &NeighborSearchOptions, context: &Context<'_>) -> Result<NeighborList> {
        let asked = Asked { text: options.query.as_deref(), of: &options.of, k: options.k, skip_texts: true };
        let (summary, neighbors) = asked.of(data, context)?;
        Ok(NeighborList { summary, neighbors })
    }

    fn view(found: &NeighborList, _look: Look) -> Result<Section> {
        Ok(found_rows(Self::NAME, "Neighbours", &found.summary, &found.neighbors))
    }

    fn columns(found: &NeighborList) -> Result<NewColumns> {
        Ok(with_distance(&found.neighbors))
    }

    fn reads(options: &NeighborSearchOptions) -> Vec<PathBuf> {
        options.of.from.iter().chain(&options.of.calibration).cloned().collect()
    }
}

const WRITES: &str = "Write the found rows with their distance in a column `distance`";

/// A vector to search for, and its text.
pub struct QueryVector {
    /// The vector.
    pub vector: Array1<f32>,
    /// The text.
    pub text: Option<String>,
}

impl QueryOptions {
    /// The calibration, if there is one.
    ///
    /// # Errors
    /// When it cannot be read, or is of other dimensions.
    pub fn calibrated(&self, dims: usize) -> Result<Option<Calibration>> {
        let found = self.calibration.as_ref().map(Calibration::load).transpose()?;
        found.iter().try_for_each(|calibration| calibration.require_dims(dims))?;
        Ok(found)
    }

    /// The vector to search for where it is no row of the data: that of the text, a given one, or a stored one of
    /// another file; `rows` are the columns and the dimensions of the data.
    ///
    /// # Errors
    /// When several things are searched for, a text has no vector, or the file has no such row or is of another model.
    pub fn elsewhere(&self, text: Option<&str>, rows: (&Table, usize)) -> Result<Option<QueryVector>> {
        let stored = self.row.is_some() || !self.like.is_empty() || self.from.is_some();
        if text.is_none() && self.vector.is_none() && !stored {
            return Err(Error::argument("nothing to search for")
                .with_code("no-query")
                .advice("give a text, --row N, --like N,N,.. or --from FILE; rows are counted from 0"));
        }
        let twice = [
            (text.is_some() && stored, "a text and a stored row"),
            (self.row.is_some() && !self.like.is_empty(), "--row and --like"),
            (
                self.from.is_some() && !(self.like.is_empty() && self.unlike.is_empty()),
                "--from and --like or --unlike",
            ),
        ];
        if let Some((_, seen)) = twice.into_iter().find(|(given, _)| *given) {
            return Err(Error::argument("two things to search for")
                .seen(seen)
                .advice("leave one of them out"));
        }
        if let Some(vector) = &self.vector {
            if vector.len() != rows.1 {
                return Err(Error::argument("queries and rows have different dimensions")
                    .with_code("dimensions-differ")
                    .seen(format!("{} in the query, {} in the rows", vector.len(), rows.1))
                    .advice("use vectors of the same model"));
            }
            return Ok(Some(QueryVector { vector: vector.clone().into(), text: text.map(str::to_owned) }));
        }
        if text.is_some() {
            return Err(Error::argument("a text without its vector")
                .with_code("no-embedder")
                .advice("embed it by the model of the rows and give the vector with it"));
        }
        let Some(file) = &self.from else { return Ok(None) };
        let stored = Data::open(file, &OpenOptions { stream: true, ..Default::default() })?;
        require_same_space(rows, (stored.table(), stored.dims()), file, "queries")?;
        let row = stored.row_here(self.row.unwrap_or(0)).map_err(|error| error.file(file))?;
        let vector = select_rows(&stored, &[row])?.index_axis_move(Axis(0), 0);
        let text = match stored.table().column("query") {
            Ok(_) => stored.table().take(&[row])?.text("query")?.pop().flatten(),
            Err(_) => stored.texts_of(&[row])?.pop().flatten(),
        };
        Ok(Some(QueryVector { vector, text }))
    }
}

/// A search of some data.
struct Asked<'a> {
    text: Option<&'a str>,
    of: &'a QueryOptions,
    k: usize,
    /// Passes over rows with the text of the query, and counts the rows that repeat.
    skip_texts: bool,
}

impl Asked<'_> {
    fn of(&self, data: &Data, context: &Context<'_>) -> Result<(SearchSummary, Vec<FoundRow>)> {
        let options = self.of;
        let elsewhere = options.elsewhere(self.text, (data.table(), data.dims()))?;
        let calibration = options.calibrated(data.dims())?;
        let named: Vec<usize> = options.row.map_or_else(|| options.like.clone(), |row| vec![row]);
        let here = |rows: &[usize]| rows.iter().map(|row| data.row_here(*row)).collect::<Result<Vec<_>>>();
        let (like, unlike) = match elsewhere {
            Some(_) => (Vec::new(), Vec::new()),
            None => (here(&named)?, here(&options.unlike)?),
        };
        let query = match &elsewhere {
            Some(query) => Query::Vector(query.vector.view(), query.text.as_deref()),
            None => Query::Rows { like: &like, unlike: &unlike },
        };
        let texts = if self.skip_texts { data.texts()? } else { None };
        let settings = NeighborOptions {
            k: self.k,
            metric: options.metric,
            mmr: options.mmr,
            keep: data.selected(),
            count_repeats: self.skip_texts,
        };
        let found = neighbors(data, &query, texts.as_deref(), &settings)?;
        drop(texts);
        let places: Vec<usize> = found.neighbors.iter().map(|hit| hit.row).collect();
        let hits = found.neighbors.iter().zip(data.texts_of(&places)?).map(|(hit, text)| {
            let place = data.place(hit.row);
            FoundRow {
                file: place.map(|(file, _)| shown(file)),
                file_row: place.map(|(_, row)| row),
                place: hit.row,
                ..FoundRow::new(data.row_of_file(hit.row), hit.distance, hit.cosine, options.metric, text)
                    .calibrated(calibration.as_ref())
            }
        });
        let said = match &elsewhere {
            Some(query) => query.text.clone(),
            None if like.len() == 1 => data.texts_of(&like)?.pop().flatten(),
            None => None,
        };
        let summary = SearchSummary {
            query: said,
            metric: options.metric,
            rows: data.n_rows(),
            filtered: data.selected().map(|selected| selected.iter().filter(|selected| **selected).count()),
            like: if elsewhere.is_some() { Vec::new() } else { named },
            unlike: options.unlike.clone(),
            equal_texts: found.equal_texts,
            zero_rows: Some(found.zero_rows),
            repeats: found.repeats,
            index: None,
            seconds: context.seconds(),
        };
        Ok((summary, hits.collect()))
    }
}
