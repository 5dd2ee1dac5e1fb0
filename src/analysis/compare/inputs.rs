//! The rows of both files, matched.

use std::collections::HashMap;
use std::path::Path;

use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;

use super::{CompareOptions, Context, MOST_ROWS};
use crate::compare::{Judgement, MatchedRows, match_rows};
use crate::data::{Data, OpenOptions};
use crate::error::{Error, Result};
use crate::number::counted;
use crate::table::ReadOptions;

/// Ids that a warning names.
const NAMED: usize = 3;

/// Rows of two files that belong together.
pub struct Pair {
    /// The second file.
    pub second: Data,
    /// The rows of the first file that are compared.
    pub rows_a: Vec<usize>,
    /// The row of the second file that belongs to each of them.
    pub rows_b: Vec<usize>,
    pub matched: usize,
    pub only_a: usize,
    pub only_b: usize,
}

/// Opens the second file and matches its rows.
pub fn pair(data: &Data, options: &CompareOptions, context: &Context<'_>) -> Result<Pair> {
    let Some(path) = &options.other else {
        return Err(Error::argument("compare needs two files").advice("name the second file after the first"));
    };
    let read = ReadOptions { vector: options.other_vector.clone(), ..Default::default() };
    let second =
        Data::open(path, &OpenOptions { read, stream: true, memory: data.memory(), ..Default::default() })?;
    let matched = match &options.id {
        Some(column) => by_id(data, &second, column).map_err(|error| error.column(column))?,
        None => by_order(data, &second, context).map_err(|error| error.file(path))?,
    };
    for (only, of) in [(&matched.only_a, data), (&matched.only_b, &second)] {
        if !only.is_empty() {
            let names = named(of, only, options.id.as_deref())?;
            context.warn(format!("{} only in {}: {names}", counted(only.len(), "row"), of.name()));
        }
    }
    let n = matched.a.len();
    let places = if n > MOST_ROWS {
        context.warn(format!("a random {MOST_ROWS} of {n} rows are compared"));
        let mut random = ChaCha8Rng::seed_from_u64(context.seed);
        let mut places = index::sample(&mut random, n, MOST_ROWS).into_vec();
        places.sort_unstable();
        places
    } else {
        (0..n).collect()
    };
    let rows_a: Vec<usize> = places.iter().map(|place| matched.a[*place]).collect();
    let rows_b: Vec<usize> = places.iter().map(|place| matched.b[*place]).collect();
    let (only_a, only_b) = (matched.only_a.len(), matched.only_b.len());
    Ok(Pair { second, rows_a, rows_b, matched: n, only_a, only_b })
}

fn by_id(data: &Data, second: &Data, column: &str) -> Result<MatchedRows> {
    let of = |data: &Data| data.table().text(column).map_err(|error| error.file(data.name()));
    match_rows(&of(data)?, &of(second)?)
}

/// Row by row; rows that were selected from the first file are looked up by their row of the file.
fn by_order(data: &Data, second: &Data, context: &Context<'_>) -> Result<MatchedRows> {
    let (n, m) = (data.table().n_rows(), second.table().n_rows());
    let whole = (0..n).all(|row| data.row_of_file(row) == row);
    let b: Vec<usize> = (0..n).map(|row| if whole { row } else { data.row_of_file(row) }).collect();
    if (whole && n != m) || b.iter().any(|row| *row >= m) {
        return Err(Error::input("the files have another number of rows")
            .with_code("rows-differ")
            .seen(format!("{} in the first, {} in the second", counted(n, "row"), counted(m, "row")))
            .advice("match the rows by a column that both have: --id COL"));
    }
    if let (Some(first), Some(other)) = (data.texts()?, second.texts()?) {
        let both =
            first.iter().zip(&b).filter_map(|(text, row)| Some((text.as_ref()?, other[*row].as_ref()?)));
        let (same, all) = both.fold((0, 0), |(same, all), (a, b)| (same + usize::from(a == b), all + 1));
        if all > 0 && 2 * same < all {
            return Err(Error::input("the files hold other rows")
                .with_code("rows-differ")
                .seen(format!("{same} of {} have the same text in both", counted(all, "row")))
                .advice("match the rows by a column that both have: --id COL"));
        }
        if same < all {
            context.warn(format!(
                "{} of {} have another text in the second file",
                all - same,
                counted(all, "row")
            ));
        }
    }
    Ok(MatchedRows { a: (0..n).collect(), b, only_a: Vec::new(), only_b: Vec::new() })
}

fn named(data: &Data, rows: &[usize], id: Option<&str>) -> Result<String> {
    let ids = id.map(|id| data.table().text(id)).transpose()?;
    let name = |row: &usize| {
        let id = ids.as_ref().and_then(|ids| ids[*row].clone());
        id.map_or_else(|| format!("row {}", data.row_of_file(*row)), |id| crate::text::names(&[id.as_str()]))
    };
    let mut names: Vec<String> = rows.iter().take(NAMED).map(name).collect();
    if rows.len() > NAMED {
        names.push("..".to_owned());
    }
    Ok(names.join(", "))
}

/// Queries by both models, and what they should find.
pub struct Asked {
    pub a: Data,
    pub b: Data,
    pub judgements: Vec<Judgement>,
}

/// Reads the queries and the judgements; those of rows that are not compared are left out.
pub fn queries(data: &Data, options: &CompareOptions, pair: &Pair) -> Result<Option<Asked>> {
    let (Some(qrels), [first, second]) = (&options.qrels, &options.queries[..]) else {
        return match (&options.qrels, options.queries.len()) {
            (None, 0) => Ok(None),
            (_, found) => Err(Error::argument("queries come as two files and their judgements")
                .seen(format!("{} in --queries", counted(found, "file")))
                .advice("give --queries OLD,NEW --qrels FILE: the same queries embedded by each model")),
        };
    };
    let open = |path: &Path| Data::open(path, &OpenOptions::default());
    let (a, b) = (open(first)?, open(second)?);
    let id = options.id.as_deref();
    let numbers = |n: usize| (0..n).map(|row| Some(row.to_string())).collect::<Vec<_>>();
    let row_ids = match id {
        Some(id) => data.table().text(id)?,
        None => (0..data.table().n_rows()).map(|row| Some(data.row_of_file(row).to_string())).collect(),
    };
    let query_ids = match id.filter(|id| a.table().column(id).is_ok()) {
        Some(id) => a.table().text(id)?,
        None => numbers(a.table().n_rows()),
    };
    let queries: HashMap<&str, usize> = places(query_ids.iter());
    let rows: HashMap<&str, usize> = places(pair.rows_a.iter().map(|row| &row_ids[*row]));
    let known: HashMap<&str, usize> = places(row_ids.iter());
    let mut judgements = Vec::new();
    let text = std::fs::read_to_string(qrels).map_err(|error| Error::io("cannot read", error).file(qrels))?;
    for (line, fields) in
        text.lines().enumerate().map(|(at, line)| (at, line.split_whitespace().collect::<Vec<_>>()))
    {
        let at = |error: Error| error.file(qrels).seen(format!("line {}: {}", line + 1, fields.join(" ")));
        let (query, row, gain) = match fields[..] {
            [] => continue,
            [query, _, row, gain] | [query, row, gain] => (query, row, gain),
            _ => {
                return Err(at(Error::input("a judgement of other fields")
                    .advice("write query, row and gain, or TREC's query, 0, row and gain")));
            }
        };
        let gain = match gain.parse::<f64>() {
            Ok(gain) if gain.is_finite() => gain,
            _ if line == 0 => continue,
            _ => return Err(at(Error::input("a gain that is no number"))),
        };
        let Some(query) = queries.get(query) else {
            return Err(at(Error::input("a judgement of an unknown query").with_code("no-such-row")));
        };
        match (rows.get(row), known.contains_key(row)) {
            (Some(row), _) => judgements.push(Judgement { query: *query, row: *row, gain }),
            (None, true) => {}
            (None, false) => {
                return Err(at(Error::input("a judgement of an unknown row").with_code("no-such-row")));
            }
        }
    }
    Ok(Some(Asked { a, b, judgements }))
}

fn places<'i>(ids: impl Iterator<Item = &'i Option<String>>) -> HashMap<&'i str, usize> {
    ids.enumerate().filter_map(|(place, id)| Some((id.as_deref()?, place))).collect()
}
