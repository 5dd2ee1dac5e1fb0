//! The rows that two files share.

use std::collections::HashMap;

use crate::error::{Error, Result};

/// Which row of one file is which row of another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MatchedRows {
    /// Rows of the first file that the second has too, in the order of the first.
    pub a: Vec<usize>,
    /// The row of the second file that belongs to each of them.
    pub b: Vec<usize>,
    /// Rows that only the first has, rows without an id among them.
    pub only_a: Vec<usize>,
    /// Rows that only the second has.
    pub only_b: Vec<usize>,
}

/// Matches rows by their ids; a row without an id matches none.
///
/// # Errors
/// When an id repeats in a file, and when no id is in both.
///
/// ```
/// use embedlab::compare::match_rows;
/// let ids = |ids: &[&str]| ids.iter().map(|id| Some((*id).to_owned())).collect::<Vec<_>>();
/// let found = match_rows(&ids(&["x", "y", "z"]), &ids(&["z", "x", "w"]))?;
/// assert_eq!((found.a, found.b), (vec![0, 2], vec![1, 0]));
/// assert_eq!((found.only_a, found.only_b), (vec![1], vec![2]));
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn match_rows(a: &[Option<String>], b: &[Option<String>]) -> Result<MatchedRows> {
    places(a, "the first file")?;
    let in_b = places(b, "the second file")?;
    let mut found = MatchedRows::default();
    let mut has = vec![false; b.len()];
    for (row, id) in a.iter().enumerate() {
        match id.as_deref().and_then(|id| in_b.get(id)) {
            Some(other) => {
                found.a.push(row);
                found.b.push(*other);
                has[*other] = true;
            }
            None => found.only_a.push(row),
        }
    }
    found.only_b = (0..b.len()).filter(|row| !has[*row]).collect();
    if found.a.is_empty() {
        let first = |ids: &[Option<String>]| ids.iter().flatten().next().cloned().unwrap_or_default();
        return Err(Error::input("no id is in both files")
            .with_code("no-common-rows")
            .seen(format!("{:?} in the first, {:?} in the second", first(a), first(b)))
            .advice("name a column that both files have"));
    }
    Ok(found)
}

fn places<'i>(ids: &'i [Option<String>], which: &str) -> Result<HashMap<&'i str, usize>> {
    let mut places = HashMap::with_capacity(ids.len());
    let mut repeats = 0;
    let mut first = None;
    for (row, id) in ids.iter().enumerate() {
        let Some(id) = id.as_deref() else { continue };
        if places.insert(id, row).is_some() {
            repeats += 1;
            first.get_or_insert(id);
        }
    }
    match first {
        None => Ok(places),
        Some(id) => Err(Error::input(format!("ids repeat in {which}"))
            .with_code("ids-repeat")
            .seen(format!("{repeats} rows have the id of an earlier row, the first of them {id:?}"))
            .advice("remove the copies, or name another column")),
    }
}
