//! What `search` and `neighbors` share: what is searched for, among what, and what was found.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Float64Array};
use embedlab::analysis::{FoundRow, FoundRows, UsedIndex};
use embedlab::data::{Data, OpenOptions, Role, Roles};
use embedlab::rows::{Metric, RowSource};
use embedlab::search::{Filter, NeighborOptions, Query, neighbors};
use embedlab::table::{self, Table};
use embedlab::{Error, Result};
use ndarray::{Array1, ArrayView1};

use super::beside::{Embedded, same_space, write_beside};
use super::columns::text_column;
use super::embedder::With;
use super::index::{Answer, IndexArgs};
use super::input::Input;
use super::{Common, Output};

/// What is searched for, and how.
#[derive(clap::Args)]
pub struct QueryArgs {
    #[command(flatten)]
    with: With,
    /// Search for rows similar to this row (rows count from 0)
    #[arg(long, value_name = "N", conflicts_with = "like")]
    row: Option<usize>,
    /// Rows to be similar to
    #[arg(long, value_name = "N,N,..", value_delimiter = ',', conflicts_with = "from")]
    like: Vec<usize>,
    /// Rows to be dissimilar to
    #[arg(long, value_name = "N,N,..", value_delimiter = ',', conflicts_with = "from")]
    unlike: Vec<usize>,
    /// Take --row (the first, unless it is given) from this file of stored vectors
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Search only the rows for which this SQL expression holds, such as "Score >= 4"
    #[arg(long = "where", value_name = "FILTER")]
    filter: Option<String>,
    /// Distance metric
    #[arg(long, value_name = "METRIC", default_value = "cosine")]
    metric: Metric,
    /// MMR lambda: 1 = relevance, 0 = diversity
    #[arg(long, value_name = "SHARE")]
    mmr: Option<f64>,
    /// The column with the texts [default: combined, text, content, .., or the column with the longest texts]
    #[arg(long, value_name = "COL")]
    text: Option<String>,
    /// Write the found rows with their distance in a column `distance`
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

impl QueryArgs {
    /// The files that are read besides the input.
    pub fn query_file(&self) -> Option<&Path> {
        self.from.as_deref()
    }

    /// Whether only the nearest of all rows are asked for, which an index can answer.
    pub fn is_plain(&self) -> bool {
        self.filter.is_none() && self.mmr.is_none() && self.like.is_empty() && self.unlike.is_empty()
    }

    pub fn metric(&self) -> Metric {
        self.metric
    }
}

/// How a command searches.
pub struct Find<'a> {
    pub input: &'a Input,
    pub query: &'a QueryArgs,
    /// A text to search for.
    pub text: Option<&'a str>,
    pub k: usize,
    /// Passes over rows with the text of the query, and counts the rows that repeat.
    pub pass_over_texts: bool,
    pub index: Option<&'a IndexArgs>,
}

impl Find<'_> {
    pub fn run(&self, common: &Common, output: &Output) -> Result<FoundRows> {
        let start = Instant::now();
        let args = self.query;
        let filter = args.filter.as_deref().map(Filter::parse).transpose()?;
        if self.text.is_none() && args.row.is_none() && args.like.is_empty() && args.from.is_none() {
            return Err(Error::argument("nothing to search for")
                .advice("give a text, --row N, --like N,N,.. or --from FILE; rows are counted from 0"));
        }
        let in_file =
            |error: Error| if error.file_name().is_some() { error } else { error.file(&self.input.file) };
        if let Some(index) = self.index.filter(|index| index.is_wanted())
            && let Some(answer) = index.prepare(self, common, output)?
        {
            return self.by_index(&answer, start, output).map_err(in_file);
        }
        let data = {
            let _busy = output.busy(format!("reading {}", self.input.name()));
            let roles = args
                .text
                .as_ref()
                .map_or_else(Roles::default, |text| Roles::default().with(Role::Text, text));
            let options =
                OpenOptions { read: self.input.options(), roles, stream: true, ..Default::default() };
            Data::open(self.input.path(), &options)?
        };
        let texts = data.texts()?;
        let elsewhere = self.elsewhere(&data)?;
        let keep = filter.map(|filter| filter.keep(data.table().columns())).transpose().map_err(in_file)?;
        let like: Vec<usize> = args.row.map_or_else(|| args.like.clone(), |row| vec![row]);
        let options = NeighborOptions {
            k: self.k,
            metric: args.metric,
            mmr: args.mmr,
            keep: keep.as_deref(),
            count_repeats: self.pass_over_texts,
        };
        let query = match &elsewhere {
            Some((vector, text)) => Query::Vector(vector.view(), text.as_deref()),
            None => Query::Rows { like: &like, unlike: &args.unlike },
        };
        let equal = texts.as_deref().filter(|_| self.pass_over_texts);
        let found = {
            let _busy = output.busy(format!("searching {}", self.input.name()));
            neighbors(&data, &query, equal, &options).map_err(in_file)?
        };
        let said = match &elsewhere {
            Some((_, text)) => text.clone(),
            None => texts.as_ref().filter(|_| like.len() == 1).and_then(|texts| texts[like[0]].clone()),
        };
        let row = |hit: &embedlab::search::Hit| {
            FoundRow::new(hit.row, hit.distance, hit.cosine, args.metric, text_of(texts.as_deref(), hit.row))
        };
        let result = FoundRows {
            query: said,
            metric: args.metric,
            rows: data.n_rows(),
            filtered: keep.as_ref().map(|keep| keep.iter().filter(|keep| **keep).count()),
            like: if elsewhere.is_some() { Vec::new() } else { like },
            unlike: args.unlike.clone(),
            equal_texts: found.equal_texts,
            zero_rows: Some(found.zero_rows),
            repeats: found.repeats,
            index: None,
            seconds: start.elapsed().as_secs_f64(),
            hits: found.neighbors.iter().map(row).collect(),
        };
        self.write(&result, output)?;
        Ok(result)
    }

    fn by_index(&self, answer: &Answer, start: Instant, output: &Output) -> Result<FoundRows> {
        let args = self.query;
        let columns = answer.columns(self.input, output)?;
        let column = text_column(&columns, args.text.as_deref())?;
        let texts = column.map(|name| columns.text(&name)).transpose()?;
        let (vector, said) = match self.elsewhere(&(&columns, answer.dims()))? {
            Some(found) => found,
            None => {
                let row = args.row.unwrap_or(0);
                (answer.row(row)?.to_owned(), text_of(texts.as_deref(), row))
            }
        };
        // A row is no answer to itself.
        let itself = args.row.filter(|_| args.from.is_none() && self.text.is_none());
        let (ef, mut found) = answer.search(vector.view(), self.k + usize::from(itself.is_some()))?;
        found.retain(|hit| Some(hit.row) != itself);
        found.truncate(self.k);
        let query: Array1<f32> = vector;
        let hits = found
            .iter()
            .map(|hit| {
                let cosine = cosine(answer.row(hit.row)?, query.view());
                let text = text_of(texts.as_deref(), hit.row);
                Ok(FoundRow::new(hit.row, hit.distance, cosine, args.metric, text))
            })
            .collect::<Result<Vec<FoundRow>>>()?;
        let result = FoundRows {
            query: said,
            metric: args.metric,
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
            seconds: start.elapsed().as_secs_f64(),
            hits,
        };
        self.write(&result, output)?;
        Ok(result)
    }

    /// A query vector from a text or another file, and its text.
    fn elsewhere(&self, rows: &impl Embedded) -> Result<Option<(Array1<f32>, Option<String>)>> {
        if let Some(text) = self.text {
            let instead = "a stored vector with --row N or --from FILE";
            let vectors = self.query.with.embed(&[text.to_owned()], rows, &self.input.file, instead)?;
            return Ok(Some((vectors.row(0).to_owned(), Some(text.to_owned()))));
        }
        let Some(file) = &self.query.from else { return Ok(None) };
        let table = table::read(file, &Default::default())?;
        same_space(rows, &table, file, "queries")?;
        let row = self.query.row.unwrap_or(0);
        if row >= table.n_rows() {
            return Err(Error::argument("a query row out of range")
                .with_code("row-out-of-range")
                .file(file)
                .seen(format!("row {row} of {}, counted from 0", table.n_rows())));
        }
        let column = match table.column("query") {
            Ok(_) => Some("query".to_owned()),
            Err(_) => text_column(&table, None)?,
        };
        let text = column.map(|name| table.text(&name)).transpose()?.and_then(|texts| texts[row].clone());
        Ok(Some((table.vectors().row(row).to_owned(), text)))
    }

    /// Writes the found rows, whose vectors are read again.
    fn write(&self, found: &FoundRows, output: &Output) -> Result<()> {
        let Some(path) = &self.query.output else { return Ok(()) };
        let rows: Vec<usize> = found.hits.iter().map(|hit| hit.row).collect();
        let distances: ArrayRef =
            Arc::new(found.hits.iter().map(|hit| Some(hit.distance)).collect::<Float64Array>());
        let table: Table = self.input.read(output)?.take(&rows)?;
        write_beside(&table, vec![("distance", distances)], path, output)
    }
}

fn text_of(texts: Option<&[Option<String>]>, row: usize) -> Option<String> {
    texts.and_then(|texts| texts.get(row).cloned().flatten())
}

fn cosine(row: ArrayView1<'_, f32>, query: ArrayView1<'_, f32>) -> Option<f64> {
    let zero = |values: ArrayView1<'_, f32>| values.iter().all(|value| *value == 0.0);
    (!zero(row) && !zero(query)).then(|| 1.0 - Metric::Cosine.distance(&row.to_vec(), &query.to_vec()))
}
