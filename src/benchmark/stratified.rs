//! Iterative stratification of rows with several labels, as MTEB cuts large test sets.

use std::collections::HashMap;

use crate::split::NumpyRandom;

/// Rows, in ascending order, of which each label and each pair of labels has about the same share as of all rows
/// (Sechidis and others 2011, Szymański and Kajdanowicz 2017).
pub(super) fn stratified_rows(labels: &[Vec<usize>], share: f64, seed: u32) -> Vec<usize> {
    let shares = [share, 1.0 - share];
    let n = labels.len();
    let mut random = NumpyRandom::new(seed);
    let mut wanted = shares.map(|share| share * n as f64);
    // Pairs of labels of one row, in the order in which they are met; a label is a pair with itself.
    let mut place: HashMap<(usize, usize), usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    let mut of_row: Vec<Vec<usize>> = vec![Vec::new(); n];
    for (row, of) in labels.iter().enumerate() {
        let mut sorted = of.clone();
        sorted.sort_unstable();
        sorted.dedup();
        for (at, first) in sorted.iter().enumerate() {
            for second in &sorted[at..] {
                let group = *place.entry((*first, *second)).or_insert_with(|| {
                    groups.push(Group { labels: 1 + usize::from(first != second), ..Group::default() });
                    groups.len() - 1
                });
                groups[group].rows.push(row);
                of_row[row].push(group);
            }
        }
    }
    for group in &mut groups {
        group.left = group.rows.len();
        group.wanted = shares.map(|share| share * group.left as f64);
    }
    let mut side: Vec<Option<usize>> = vec![None; n];
    while let Some(group) = next_group(&groups) {
        while let Some(row) = groups[group].rows.pop() {
            if side[row].is_some() {
                continue;
            }
            let chosen = match groups[group].wanted {
                [first, second] if first > second => 0,
                [first, second] if second > first => 1,
                // MTEB looks at the wishes of the pair of labels a second time, and draws.
                _ => random.at_most(1),
            };
            side[row] = Some(chosen);
            wanted[chosen] -= 1.0;
            for other in &of_row[row] {
                groups[*other].left -= 1;
                groups[*other].wanted[chosen] -= 1.0;
            }
        }
    }
    for row in (0..n).rev().filter(|row| side[*row].is_none()).collect::<Vec<_>>() {
        let open: Vec<usize> = (0..2).filter(|side| wanted[*side] > 0.0).collect();
        let chosen = if open.len() == 2 { random.at_most(1) } else { open.first().copied().unwrap_or(0) };
        side[row] = Some(chosen);
        wanted[chosen] -= 1.0;
    }
    (0..n).filter(|row| side[*row] == Some(0)).collect()
}

/// The rows that have a pair of labels.
#[derive(Default)]
struct Group {
    /// 1 for a label with itself, else 2.
    labels: usize,
    rows: Vec<usize>,
    /// Rows without a side.
    left: usize,
    /// Rows that each side still wants.
    wanted: [f64; 2],
}

/// The first group with rows left, or a later one of more labels and fewer rows.
fn next_group(groups: &[Group]) -> Option<usize> {
    let mut best: Option<usize> = None;
    for (at, group) in groups.iter().enumerate().filter(|(_, group)| group.left > 0) {
        let better = best
            .is_none_or(|best: usize| groups[best].labels < group.labels && groups[best].left > group.left);
        if better {
            best = Some(at);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table;

    #[test]
    fn the_rows_are_those_of_mteb() {
        // tests/fixtures/make_benchmark.py
        let fixture: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/fixtures/benchmark.json")).unwrap();
        let expected: Vec<usize> = serde_json::from_value(fixture["stratified"].clone()).unwrap();
        let reviews =
            table::read("examples/data/food_reviews.parquet".as_ref(), &Default::default()).unwrap();
        // The kinds in alphabetical order, as the labels are.
        let (kinds, stars) = (reviews.labels("Kind").unwrap(), reviews.numbers("Score").unwrap());
        let of = |row: usize| {
            vec![kinds.codes[row].unwrap() as usize, 12 + stars[row].unwrap() as usize / 3, 20 + row % 2]
        };
        let labels: Vec<Vec<usize>> = (0..reviews.n_rows()).map(of).collect();
        assert_eq!(stratified_rows(&labels, 0.3, 42), expected);
    }
}
