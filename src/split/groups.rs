//! Rows that must stay on one side of a split.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::rows::Components;

/// One grouping out of two: rows that are in one group of either, directly or by a chain of such rows, stay together.
/// Groups are numbered from 0 in the order of their first rows.
///
/// ```
/// use embedlab::split::joined_groups;
/// assert_eq!(joined_groups(&[7, 7, 8, 9], &[0, 1, 1, 2])?, [0, 0, 0, 1]);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// # Errors
/// When the groupings are of different numbers of rows.
pub fn joined_groups(a: &[u32], b: &[u32]) -> Result<Vec<u32>> {
    if a.len() != b.len() {
        return Err(Error::argument("two groupings of different numbers of rows").seen(format!(
            "{} and {}",
            a.len(),
            b.len()
        )));
    }
    let mut components = Components::new(a.len());
    for groups in [a, b] {
        let mut first: HashMap<u32, usize> = HashMap::new();
        for (row, group) in groups.iter().enumerate() {
            components.join(*first.entry(*group).or_insert(row), row);
        }
    }
    Ok(components.numbers())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_joined_by_chains_and_others_stay_apart() {
        assert_eq!(joined_groups(&[0, 0, 1, 1, 2], &[5, 4, 4, 3, 1]).unwrap(), [0, 0, 0, 0, 1]);
        assert_eq!(joined_groups(&[1, 2, 3], &[1, 2, 3]).unwrap(), [0, 1, 2]);
        assert!(joined_groups(&[1], &[1, 2]).is_err());
    }
}
