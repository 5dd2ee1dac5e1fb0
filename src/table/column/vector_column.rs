//! Which column of a file holds the vectors.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;

use crate::error::{Error, Result, excerpt, nearest_name};
use crate::table::column::cell::{Numbers, looks_like_vector, parse_vector_of};

/// The names under which embeddings are stored everywhere; they decide among several candidates.
const CONVENTIONAL: [&str; 5] = ["embedding", "ada_embedding", "embeddings", "vector", "vectors"];

/// A list of fewer numbers may be coordinates or scores: it yields to anything that is more like an embedding.
const FEW: usize = 8;

/// What the cells of a column hold, as far as vectors are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::table) enum Holds {
    /// A whole vector in each cell, usually of this length; 0 where that is not known.
    Vectors(usize),
    /// A number in each cell: perhaps one dimension of a vector that is spread over columns.
    Numbers,
    /// Anything else.
    Other,
}

impl Holds {
    /// What a text column holds, judged by its first cells; empty ones tell nothing, and no cell decides alone.
    /// Vectors without brackets and in base64 are looked for where the name says that vectors are `meant`.
    pub(in crate::table) fn of_text<'a>(cells: impl IntoIterator<Item = &'a [u8]>, meant: bool) -> Holds {
        let (mut filled, mut faulty, mut numbers) = (0, 0, 0);
        let mut lengths = Vec::new();
        let (mut first_is_one, mut first_is_number) = (false, false);
        let mut vector = Vec::new();
        for cell in cells.into_iter().map(<[u8]>::trim_ascii) {
            if cell.is_empty() || cell == b"null" {
                continue;
            }
            filled += 1;
            vector.clear();
            let is_first = filled == 1;
            let bracket = matches!(cell[0], b'[' | b'{' | b'(' | b'a' | b'n' | b't');
            let read = (meant || bracket) && parse_vector_of(cell, Numbers::Any, &mut vector).is_ok();
            if read && vector.len() >= 2 && (meant || looks_like_vector(cell)) {
                lengths.push(vector.len());
                first_is_one = is_first || first_is_one;
            } else if looks_like_vector(cell) {
                faulty += 1;
            } else if fast_float2::parse::<f32, _>(cell).is_ok() {
                numbers += 1;
                first_is_number = is_first || first_is_number;
            }
        }
        match filled {
            n if first_is_one || 2 * (lengths.len() + faulty) > n => Holds::Vectors(usual_length(&lengths)),
            n if first_is_number || 2 * numbers > n => Holds::Numbers,
            _ => Holds::Other,
        }
    }

    /// As [`Holds::of_text`]; but the column that was `wanted` is taken at its word where it begins as a vector
    /// does, so that the error names the fault and its row.
    pub(in crate::table) fn of_cells<'a>(
        name: &str,
        cells: impl IntoIterator<Item = &'a [u8]>,
        wanted: bool,
    ) -> Holds {
        let cells: Vec<&[u8]> = cells.into_iter().filter(|cell| !cell.trim_ascii().is_empty()).collect();
        let first = cells.first().map_or(&b""[..], |cell| cell.trim_ascii_start());
        match (Holds::of_text(cells, wanted || means_vectors(name)), first) {
            (Holds::Other, [] | [b'[' | b'{' | b'(', ..]) if wanted => Holds::Vectors(0),
            (holds, _) => holds,
        }
    }

    /// What an Arrow column holds by its type alone. Text and bytes are to be looked at.
    pub(in crate::table) fn of_type(data_type: &DataType) -> Holds {
        match data_type {
            DataType::FixedSizeList(item, length) if is_number(item.data_type()) => {
                Holds::Vectors(usize::try_from(*length).unwrap_or(0))
            }
            DataType::List(item) | DataType::LargeList(item) if is_number(item.data_type()) => {
                Holds::Vectors(0)
            }
            number if number.is_numeric() => Holds::Numbers,
            _ => Holds::Other,
        }
    }
}

/// Floating-point numbers, and the small integers of quantised vectors.
pub(in crate::table) fn is_number(item: &DataType) -> bool {
    item.is_floating() || matches!(item, DataType::Int8 | DataType::UInt8)
}

/// Whether a column is called as vectors are: `embedding`, `text_embedding`, `emb`, `title_vector`, `vec`.
pub(in crate::table) fn means_vectors(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("embedding")
        || name.contains("vector")
        || name
            .split(|c: char| !c.is_ascii_alphabetic())
            .any(|word| ["emb", "embed", "vec", "vecs"].contains(&word))
}

fn is_conventional(name: &str) -> bool {
    let name = name.rsplit('.').next().unwrap_or(name);
    CONVENTIONAL.contains(&name.to_ascii_lowercase().as_str())
}

/// The most common of some lengths; of equally common ones the first. 0 of none.
pub(in crate::table) fn usual_length(lengths: &[usize]) -> usize {
    let count = |length: usize| lengths.iter().filter(|other| **other == length).count();
    let mut best = (0, 0);
    for &length in lengths {
        let count = count(length);
        if count > best.1 {
            best = (length, count);
        }
    }
    best.0
}

/// Where the vectors are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::table) enum Place {
    /// In one column: its position.
    Column(usize),
    /// In one column for each dimension: their positions in the order of the dimensions.
    Spread(Vec<usize>),
}

/// The vectors of a file: a name for them, and their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::table) struct VectorColumn {
    pub(in crate::table) name: String,
    pub(in crate::table) place: Place,
    /// The usual length of a vector among the first rows; 0 where that is not known.
    pub(in crate::table) dims: usize,
}

/// Finds the vectors among the columns of a file, given in the order of the file.
///
/// `wanted` ([`ReadOptions::vector`](crate::table::ReadOptions::vector)) decides if it is given. Otherwise
/// it is the only column of vectors; or, of several, the only one with a conventional name, or with a name that
/// says vectors, or with more than a few numbers; or, when no column holds whole vectors (or they are only
/// a few numbers long), the only set of numbered columns.
///
/// # Errors
/// When `wanted` names nothing that holds vectors, when there are no vectors, when a column with a conventional
/// name is passed over for one without, and when there are several candidates: the message lists them.
pub(in crate::table) fn find(columns: &[(&str, Holds)], wanted: Option<&str>) -> Result<VectorColumn> {
    let whole: Vec<VectorColumn> = columns
        .iter()
        .enumerate()
        .filter_map(|(position, (name, holds))| match holds {
            Holds::Vectors(dims) => {
                Some(VectorColumn { name: (*name).to_owned(), place: Place::Column(position), dims: *dims })
            }
            _ => None,
        })
        .collect();
    let spread = spread_over_columns(columns);
    if let Some(wanted) = wanted {
        return named(columns, whole, spread, wanted);
    }
    let is_short =
        |candidate: &VectorColumn| (1..FEW).contains(&candidate.dims) && !means_vectors(&candidate.name);
    let only_short = whole.iter().all(is_short);
    let longer_spread = spread.iter().any(|candidate| !is_short(candidate));
    let mut candidates = if whole.is_empty() || (only_short && longer_spread) { spread } else { whole };
    for better in [
        &(|candidate: &VectorColumn| is_conventional(&candidate.name)) as &dyn Fn(&VectorColumn) -> bool,
        &|candidate: &VectorColumn| means_vectors(&candidate.name),
        &|candidate: &VectorColumn| !is_short(candidate),
    ] {
        if candidates.len() > 1 && candidates.iter().any(better) {
            candidates.retain(better);
        }
    }
    if candidates.len() > 1 {
        return Err(Error::input("several columns hold vectors")
            .with_code("several-vector-columns")
            .seen(names(candidates.iter().map(|candidate| candidate.name.as_str())))
            .advice("choose one with --vector"));
    }
    if let Some((unread, _)) = columns
        .iter()
        .find(|(name, holds)| is_conventional(name) && matches!(holds, Holds::Other))
        .filter(|_| candidates.iter().all(|candidate| !means_vectors(&candidate.name)))
    {
        let advice = match candidates.first() {
            Some(other) => {
                format!("name another column with --vector; {} holds lists of numbers", other.name)
            }
            None => "write its vectors as [0.1, 0.2, ...], as base64 of 32-bit floats or as a list column"
                .to_owned(),
        };
        return Err(Error::no_vectors("the column holds no vectors that can be read")
            .column(*unread)
            .advice(advice));
    }
    candidates.pop().ok_or_else(|| {
        // One column whose name looks like a whole header.
        if let [(header, _)] = columns
            && let Some(delimiter) = [";", "\t", "|"].into_iter().find(|delimiter| header.contains(delimiter))
        {
            return Error::input("one column only, which looks like several")
                .seen(excerpt(header))
                .advice(format!("name the delimiter: --delimiter '{}'", delimiter.escape_default()));
        }
        Error::no_vectors("no column holds vectors")
            .seen(format!("the columns are {}", names(columns.iter().map(|(name, _)| *name))))
            .advice("make vectors of the texts first (embedlab embed FILE --model lsa needs no key), or name the vector column with --vector")
    })
}

fn named(
    columns: &[(&str, Holds)],
    whole: Vec<VectorColumn>,
    spread: Vec<VectorColumn>,
    wanted: &str,
) -> Result<VectorColumn> {
    let stem = trim_separators(wanted);
    let mut candidates = whole;
    candidates.extend(spread);
    if let Some(found) = candidates
        .iter()
        .find(|candidate| candidate.name == wanted)
        .or_else(|| candidates.iter().find(|candidate| candidate.name == stem))
    {
        return Ok(found.clone());
    }
    let known = columns.iter().any(|(name, _)| *name == wanted);
    let error = if known {
        Error::argument("this column holds no vectors").with_code("column-without-vectors").column(wanted)
    } else {
        Error::argument("no such vector column").with_code("column-not-found").column(wanted)
    };
    let near = nearest_name(wanted, candidates.iter().map(|candidate| candidate.name.as_str()));
    Err(match (near, candidates.is_empty()) {
        (Some(near), _) => error.advice(format!("did you mean {near}?")),
        (None, false) => error.advice(format!(
            "vectors are in {}",
            names(candidates.iter().map(|candidate| candidate.name.as_str()))
        )),
        (None, true) => {
            error.advice(format!("the columns are {}", names(columns.iter().map(|(name, _)| *name))))
        }
    })
}

/// Sets of two or more number columns with one prefix, numbered without a gap from 0 or 1.
fn spread_over_columns(columns: &[(&str, Holds)]) -> Vec<VectorColumn> {
    let mut sets: BTreeMap<&str, Vec<(usize, usize, Holds)>> = BTreeMap::new();
    for (position, (name, holds)) in columns.iter().enumerate() {
        let prefix = name.trim_end_matches(|c: char| c.is_ascii_digit());
        if let Ok(number) = name[prefix.len()..].parse::<usize>() {
            sets.entry(prefix).or_default().push((number, position, *holds));
        }
    }
    sets.into_iter()
        .filter_map(|(prefix, mut set)| {
            set.sort_unstable_by_key(|(number, position, _)| (*number, *position));
            let start = set[0].0;
            let complete = start <= 1 && set.iter().enumerate().all(|(i, (number, ..))| *number == start + i);
            let numbers = set.iter().all(|(.., holds)| *holds == Holds::Numbers);
            let name = match trim_separators(prefix) {
                "" => "embedding",
                stem => stem,
            };
            (set.len() >= 2 && complete && numbers).then(|| VectorColumn {
                name: name.to_owned(),
                dims: set.len(),
                place: Place::Spread(set.iter().map(|(_, position, _)| *position).collect()),
            })
        })
        .collect()
}

fn trim_separators(prefix: &str) -> &str {
    prefix.trim_end_matches(['_', '-', '.', ' ', '['])
}

/// The first names of a list, for a message.
fn names<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 20;
    let more = names.len().saturating_sub(SHOWN);
    let shown = names.take(SHOWN).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::Field;

    use super::Holds::{Numbers, Other};
    use super::*;

    const VECTORS: Holds = Holds::Vectors(12);

    fn column(name: &str, position: usize) -> VectorColumn {
        VectorColumn { name: name.into(), place: Place::Column(position), dims: 12 }
    }

    #[test]
    fn the_only_candidate_is_taken_whatever_its_name() {
        let found = find(&[("Text", Other), ("Score", Numbers), ("minilm", VECTORS)], None);
        assert_eq!(found.unwrap(), column("minilm", 2));
    }

    #[test]
    fn of_several_candidates_a_single_conventional_name_decides() {
        let columns = [("title_vec", VECTORS), ("Embedding", VECTORS)];
        assert_eq!(find(&columns, None).unwrap(), column("Embedding", 1));
        assert_eq!(find(&columns, Some("title_vec")).unwrap(), column("title_vec", 0));
    }

    #[test]
    fn two_candidates_without_a_decision_are_listed() {
        for columns in [[("a", VECTORS), ("b", VECTORS)], [("vector", VECTORS), ("embedding", VECTORS)]] {
            let message = find(&columns, None).unwrap_err().to_string();
            assert!(message.contains(&format!("{}, {}", columns[0].0, columns[1].0)), "{message}");
            assert!(message.contains("--vector"), "{message}");
        }
    }

    #[test]
    fn without_a_candidate_the_columns_are_listed() {
        let message = find(&[("Text", Other), ("Score", Numbers)], None).unwrap_err().to_string();
        assert!(message.contains("Text, Score"), "{message}");
    }

    #[test]
    fn a_misspelt_name_gets_an_offer() {
        let message = find(&[("embedding", VECTORS)], Some("embeding")).unwrap_err().to_string();
        assert!(message.contains("did you mean embedding?"), "{message}");
        let message = find(&[("t", VECTORS), ("Text", Other)], Some("Text")).unwrap_err().to_string();
        assert!(message.contains("holds no vectors"), "{message}");
    }

    #[test]
    fn numbered_columns_are_one_vector_in_the_order_of_their_numbers() {
        let columns = [("id", Numbers), ("emb_1", Numbers), ("emb_0", Numbers), ("emb_2", Numbers)];
        let expected = VectorColumn { name: "emb".into(), place: Place::Spread(vec![2, 1, 3]), dims: 3 };
        assert_eq!(find(&columns, None).unwrap(), expected);
        assert_eq!(find(&columns, Some("emb_")).unwrap(), expected);
        assert_eq!(find(&columns, Some("emb")).unwrap(), expected);
        let bare = [("1", Numbers), ("2", Numbers)];
        assert_eq!(find(&bare, None).unwrap().place, Place::Spread(vec![0, 1]));
    }

    #[test]
    fn numbered_columns_with_a_gap_or_a_text_are_no_vector() {
        for columns in [
            [("e0", Numbers), ("e1", Numbers), ("e3", Numbers)],
            [("e0", Numbers), ("e1", Other), ("e2", Numbers)],
            [("e2", Numbers), ("e3", Numbers), ("e4", Numbers)],
            [("e0", Numbers), ("e1", Numbers), ("e01", Numbers)],
        ] {
            assert!(find(&columns, None).is_err(), "{columns:?}");
        }
    }

    #[test]
    fn whole_vectors_win_over_numbered_columns() {
        let columns = [("q1", Numbers), ("q2", Numbers), ("minilm", VECTORS)];
        assert_eq!(find(&columns, None).unwrap(), column("minilm", 2));
        assert_eq!(find(&columns, Some("q")).unwrap().place, Place::Spread(vec![0, 1]));
    }

    #[test]
    fn a_few_numbers_yield_to_what_is_more_like_an_embedding() {
        let chosen = |columns: &[(&str, Holds)]| find(columns, None).map(|found| found.name);
        let (few, many) = (Holds::Vectors(2), Holds::Vectors(384));
        assert_eq!(chosen(&[("lat_lon", few), ("minilm", many)]).unwrap(), "minilm");
        assert_eq!(chosen(&[("lat_lon", few), ("text_emb", few)]).unwrap(), "text_emb");
        assert_eq!(chosen(&[("lat_lon", few)]).unwrap(), "lat_lon");
        let error = chosen(&[("lat_lon", few), ("embedding", Other)]).unwrap_err().to_string();
        assert!(
            error.starts_with("column embedding: the column holds no vectors that can be read"),
            "{error}"
        );
        let numbers: Vec<String> = (0..9).map(|i| format!("emb_{i}")).collect();
        let mut spread: Vec<(&str, Holds)> = numbers.iter().map(|name| (name.as_str(), Numbers)).collect();
        spread.push(("scores", Holds::Vectors(5)));
        assert_eq!(chosen(&spread).unwrap(), "emb");
    }

    #[test]
    fn no_cell_decides_alone() {
        let cells =
            |cells: &[&'static str], meant| Holds::of_text(cells.iter().map(|cell| cell.as_bytes()), meant);
        assert_eq!(cells(&["[1, 2]", "[1, 2, 3]", "[3, 2, 1]"], false), Holds::Vectors(3));
        assert_eq!(cells(&["null", "[1, 2]", "[1, nan]"], false), Holds::Vectors(2));
        assert_eq!(cells(&["", "[0.1, 0.2]"], false), Holds::Vectors(2));
        assert_eq!(cells(&["", " 12 "], true), Numbers);
        assert_eq!(cells(&["a text", "[0.1, 0.2]"], false), Other);
        assert_eq!(cells(&["", ""], true), Other);
        assert_eq!(cells(&["0.5, 0.25, 1"], false), Other);
        assert_eq!(cells(&["0.5, 0.25, 1"], true), Holds::Vectors(3));
        assert_eq!(cells(&["AACAPwAAAEA="], true), Holds::Vectors(2));
    }

    #[test]
    fn types_tell_what_a_column_holds() {
        let item = |data_type| Arc::new(Field::new("item", data_type, true));
        assert_eq!(Holds::of_type(&DataType::FixedSizeList(item(DataType::Float32), 3)), Holds::Vectors(3));
        assert_eq!(Holds::of_type(&DataType::List(item(DataType::Float16))), Holds::Vectors(0));
        assert_eq!(Holds::of_type(&DataType::List(item(DataType::Int8))), Holds::Vectors(0));
        assert_eq!(Holds::of_type(&DataType::LargeList(item(DataType::Int64))), Other);
        assert_eq!(Holds::of_type(&DataType::Binary), Other);
        assert_eq!(Holds::of_type(&DataType::Int32), Numbers);
        assert_eq!(Holds::of_type(&DataType::Utf8), Other);
    }
}
