//! Which column of a file holds the vectors.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;

use crate::error::{Error, Result, excerpt, nearest_name};
use crate::table::column::cell::looks_like_vector;

/// The names under which embeddings are stored everywhere; they decide among several candidates.
const CONVENTIONAL: [&str; 4] = ["embedding", "ada_embedding", "embeddings", "vector"];

/// What the cells of a column hold, as far as vectors are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::table) enum Holds {
    /// A whole vector in each cell.
    Vectors,
    /// A number in each cell: perhaps one dimension of a vector that is spread over columns.
    Numbers,
    /// Anything else.
    Other,
}

impl Holds {
    /// What a text column holds, judged by its first cells that are not empty.
    pub(in crate::table) fn of_text<'a>(cells: impl IntoIterator<Item = &'a [u8]>) -> Holds {
        let mut filled = cells.into_iter().filter(|cell| !cell.trim_ascii().is_empty());
        match filled.next() {
            Some(cell) if looks_like_vector(cell) => Holds::Vectors,
            Some(cell) if fast_float2::parse::<f32, _>(cell.trim_ascii()).is_ok() => Holds::Numbers,
            _ => Holds::Other,
        }
    }

    /// What a text column holds, judged by its first cell that is not empty. The column that was
    /// `wanted` is taken at its word where it begins as a vector does, so that the error names the
    /// fault and its row.
    pub(in crate::table) fn of_first_cell(cell: &[u8], wanted: bool) -> Holds {
        match (Holds::of_text([cell]), cell.trim_ascii_start()) {
            (Holds::Other, [] | [b'[' | b'{' | b'(', ..]) if wanted => Holds::Vectors,
            (holds, _) => holds,
        }
    }

    /// What an Arrow column holds. A text column may hold vectors too: ask [`Holds::of_text`].
    pub(in crate::table) fn of_type(data_type: &DataType) -> Holds {
        use DataType::{Binary, FixedSizeBinary, FixedSizeList, LargeBinary, LargeList, List};
        match data_type {
            List(item) | LargeList(item) | FixedSizeList(item, _) if item.data_type().is_floating() => {
                Holds::Vectors
            }
            Binary | LargeBinary => Holds::Vectors,
            FixedSizeBinary(width) if *width > 0 && width % 4 == 0 => Holds::Vectors,
            number if number.is_numeric() => Holds::Numbers,
            _ => Holds::Other,
        }
    }
}

/// Where the vectors stand.
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
}

/// Finds the vectors among the columns of a file, given in the order of the file.
///
/// `wanted` ([`ReadOptions::vector`](crate::table::ReadOptions::vector)) decides if it is given. Otherwise
/// it is the only column of vectors; or, of several, the only one with a conventional name; or, when
/// no column holds whole vectors, the only set of numbered columns.
///
/// # Errors
/// When `wanted` names nothing that holds vectors, when there are no vectors, and when there are
/// several candidates: the message lists them.
pub(in crate::table) fn find(columns: &[(&str, Holds)], wanted: Option<&str>) -> Result<VectorColumn> {
    let whole: Vec<VectorColumn> = columns
        .iter()
        .enumerate()
        .filter(|(_, (_, holds))| *holds == Holds::Vectors)
        .map(|(position, (name, _))| VectorColumn {
            name: (*name).to_owned(),
            place: Place::Column(position),
        })
        .collect();
    let spread = spread_over_columns(columns);
    if let Some(wanted) = wanted {
        return named(columns, whole, spread, wanted);
    }
    let mut candidates = if whole.is_empty() { spread } else { whole };
    if candidates.len() > 1 {
        let conventional: Vec<&VectorColumn> = candidates
            .iter()
            .filter(|candidate| CONVENTIONAL.contains(&candidate.name.to_ascii_lowercase().as_str()))
            .collect();
        if let [only] = conventional[..] {
            return Ok(only.clone());
        }
        return Err(Error::input("several columns hold vectors")
            .with_code("several-vector-columns")
            .seen(names(candidates.iter().map(|candidate| candidate.name.as_str())))
            .advice("choose one with --vector"));
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

    use super::Holds::{Numbers, Other, Vectors};
    use super::*;

    fn column(name: &str, position: usize) -> VectorColumn {
        VectorColumn { name: name.into(), place: Place::Column(position) }
    }

    #[test]
    fn the_only_candidate_is_taken_whatever_its_name() {
        let found = find(&[("Text", Other), ("Score", Numbers), ("minilm", Vectors)], None);
        assert_eq!(found.unwrap(), column("minilm", 2));
    }

    #[test]
    fn of_several_candidates_a_single_conventional_name_decides() {
        let columns = [("title_vec", Vectors), ("Embedding", Vectors)];
        assert_eq!(find(&columns, None).unwrap(), column("Embedding", 1));
        assert_eq!(find(&columns, Some("title_vec")).unwrap(), column("title_vec", 0));
    }

    #[test]
    fn two_candidates_without_a_decision_are_listed() {
        for columns in [[("a", Vectors), ("b", Vectors)], [("vector", Vectors), ("embedding", Vectors)]] {
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
        let message = find(&[("embedding", Vectors)], Some("embeding")).unwrap_err().to_string();
        assert!(message.contains("did you mean embedding?"), "{message}");
        let message = find(&[("t", Vectors), ("Text", Other)], Some("Text")).unwrap_err().to_string();
        assert!(message.contains("holds no vectors"), "{message}");
    }

    #[test]
    fn numbered_columns_are_one_vector_in_the_order_of_their_numbers() {
        let columns = [("id", Numbers), ("emb_1", Numbers), ("emb_0", Numbers), ("emb_2", Numbers)];
        let expected = VectorColumn { name: "emb".into(), place: Place::Spread(vec![2, 1, 3]) };
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
        let columns = [("q1", Numbers), ("q2", Numbers), ("minilm", Vectors)];
        assert_eq!(find(&columns, None).unwrap(), column("minilm", 2));
        assert_eq!(find(&columns, Some("q")).unwrap().place, Place::Spread(vec![0, 1]));
    }

    #[test]
    fn cells_and_types_tell_what_a_column_holds() {
        let text = |cells: &[&'static str]| Holds::of_text(cells.iter().map(|cell| cell.as_bytes()));
        assert_eq!(text(&["", "[0.1, 0.2]"]), Vectors);
        assert_eq!(text(&["", " 12 "]), Numbers);
        assert_eq!(text(&["a text", "[0.1, 0.2]"]), Other);
        assert_eq!(text(&["", ""]), Other);
        let item = |data_type| Arc::new(Field::new("item", data_type, true));
        assert_eq!(Holds::of_type(&DataType::FixedSizeList(item(DataType::Float32), 3)), Vectors);
        assert_eq!(Holds::of_type(&DataType::List(item(DataType::Float16))), Vectors);
        assert_eq!(Holds::of_type(&DataType::LargeList(item(DataType::Int64))), Other);
        assert_eq!(Holds::of_type(&DataType::Binary), Vectors);
        assert_eq!(Holds::of_type(&DataType::Int32), Numbers);
        assert_eq!(Holds::of_type(&DataType::Utf8), Other);
    }
}
