//! Test rows that a model has already seen in training.

use std::collections::{HashMap, HashSet};

use ndarray::{ArrayView1, ArrayView2};
use serde::Serialize;

use super::Split;

/// What a test set shares with the training set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leak {
    /// Positions of the test rows that also occur in training, in test order.
    pub test_rows: Vec<usize>,
    /// How many test rows there are.
    pub n_test: usize,
}

impl Leak {
    /// How many test rows are known from training.
    pub fn count(&self) -> usize {
        self.test_rows.len()
    }

    /// The share of the test rows that are known from training; 0 for an empty test set.
    pub fn share(&self) -> f64 {
        if self.n_test == 0 { 0.0 } else { self.count() as f64 / self.n_test as f64 }
    }

    /// The places among the split's test rows of those that are not known from training.
    pub fn unseen(&self, split: &Split) -> Vec<usize> {
        let known: HashSet<usize> = self.test_rows.iter().copied().collect();
        (0..split.test.len()).filter(|place| !known.contains(&split.test[*place])).collect()
    }

    /// One sentence for the user; nothing when no row leaks.
    pub fn warning(&self) -> Option<String> {
        (self.count() > 0).then(|| {
            format!(
                "{} of {} test rows ({:.1} %) also occur in the training rows, so scores on them are too good; \
                 remove duplicates or keep them on one side with a group split",
                self.count(),
                self.n_test,
                100.0 * self.share()
            )
        })
    }
}

/// Which rows are copies of each other: rows of equal vectors, or of texts that are equal up to case and white
/// space.
///
/// Rows of zeros, rows without a text and blank texts are copies of nothing.
///
/// ```
/// use embedlab::split::{Copies, Split};
/// use ndarray::array;
/// let rows = array![[1.0_f32, 2.0], [0.0, 3.0], [1.0, 2.0]];
/// let split = Split { train: vec![0, 1], test: vec![2] };
/// let leak = Copies::new(Some(rows.view()), None).leaks(&split).expect("vectors to compare");
/// assert_eq!(leak.test_rows, [2]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copies {
    /// The first row with the vector of each row; empty without vectors.
    vectors: Vec<Option<u32>>,
    /// The first row with the text of each row; empty without texts.
    texts: Vec<Option<u32>>,
}

impl Copies {
    /// Looks at the vectors (n x d), at the texts, or at both; what is beyond the end of one is not compared by it.
    pub fn new(rows: Option<ArrayView2<'_, f32>>, texts: Option<&[Option<String>]>) -> Copies {
        Copies {
            vectors: rows.map(first_of_vectors).unwrap_or_default(),
            texts: texts.map(first_of_texts).unwrap_or_default(),
        }
    }

    /// The test rows that are copies of a training row; `None` when neither part has anything to compare.
    pub fn leaks(&self, split: &Split) -> Option<Leak> {
        let mut leaked: HashSet<usize> = HashSet::new();
        let mut compared = false;
        for first in [&self.vectors, &self.texts] {
            let first_of = |row: &usize| first.get(*row).copied().flatten();
            let known: HashSet<u32> = split.train.iter().filter_map(first_of).collect();
            compared |= !known.is_empty() && split.test.iter().any(|row| first_of(row).is_some());
            let is_known = |row: &&usize| first_of(row).is_some_and(|first| known.contains(&first));
            leaked.extend(split.test.iter().filter(is_known));
        }
        let test_rows = split.test.iter().copied().filter(|row| leaked.contains(row)).collect();
        compared.then_some(Leak { test_rows, n_test: split.test.len() })
    }
}

fn first_of_texts(texts: &[Option<String>]) -> Vec<Option<u32>> {
    let mut firsts: HashMap<String, u32> = HashMap::new();
    let mut first_of = |(row, text): (usize, &Option<String>)| {
        let words: Vec<&str> = text.as_deref()?.split_whitespace().collect();
        let text = words.join(" ").to_lowercase();
        (!text.is_empty()).then(|| *firsts.entry(text).or_insert(row as u32))
    };
    texts.iter().enumerate().map(&mut first_of).collect()
}

fn first_of_vectors(rows: ArrayView2<'_, f32>) -> Vec<Option<u32>> {
    let mut firsts: HashMap<u64, Vec<u32>> = HashMap::new();
    let mut first_of = |(row, vector): (usize, ArrayView1<'_, f32>)| {
        if vector.iter().all(|x| *x == 0.0) {
            return None;
        }
        let candidates = firsts.entry(hash(vector)).or_default();
        let found = candidates.iter().find(|other| rows.row(**other as usize) == vector).copied();
        Some(found.unwrap_or_else(|| {
            candidates.push(row as u32);
            row as u32
        }))
    };
    rows.rows().into_iter().enumerate().map(&mut first_of).collect()
}

/// Equal for equal vectors; 0 and -0 are equal.
fn hash(vector: ArrayView1<'_, f32>) -> u64 {
    vector.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, x| {
        (hash ^ u64::from((x + 0.0).to_bits())).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
    })
}

/// The test rows whose text, up to case and white space, also occurs in training.
///
/// Rows without a text are not counted as leaks. `texts` holds one entry per row of the split table; positions
/// beyond its end count as rows without a text. [`Copies`] looks at the vectors, too.
///
/// ```
/// use embedlab::split::{Split, leaks};
/// let texts = ["good", "bad", "Good "].map(|text| Some(text.to_owned()));
/// let leak = leaks(&Split { train: vec![0, 1], test: vec![2] }, &texts);
/// assert_eq!(leak.test_rows, [2]);
/// assert!(leak.warning().is_some());
/// ```
pub fn leaks(split: &Split, texts: &[Option<String>]) -> Leak {
    let nothing = Leak { test_rows: Vec::new(), n_test: split.test.len() };
    Copies::new(None, Some(texts)).leaks(split).unwrap_or(nothing)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn an_empty_cell_is_no_leak() {
        let leak = leaks(&Split { train: vec![0], test: vec![1, 2] }, &[None, None]);
        assert_eq!((leak.count(), leak.share(), leak.warning()), (0, 0.0, None));
    }

    #[test]
    fn the_warning_counts_the_rows() {
        let texts = ["a", "a", "b", "a"].map(|text| Some(text.to_owned()));
        let warning = leaks(&Split { train: vec![0], test: vec![3, 2, 1] }, &texts).warning();
        assert!(warning.is_some_and(|text| text.starts_with("2 of 3 test rows (66.7 %)")));
    }

    #[test]
    fn vectors_and_texts_are_compared_and_nothing_to_compare_is_none() {
        let split = Split { train: vec![0, 1], test: vec![2, 3, 4] };
        let rows = array![[1.0_f32, -0.0], [0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [2.0, 1.0]];
        let texts = ["one", " Two\twords", "three", "four", "two words "].map(|text| Some(text.to_owned()));
        let leaked = |rows, texts| Copies::new(rows, texts).leaks(&split).map(|leak| leak.test_rows);
        assert_eq!(leaked(Some(rows.view()), Some(&texts)), Some(vec![2, 4]));
        assert_eq!(leaked(Some(rows.view()), None), Some(vec![2]));
        assert_eq!(leaked(None, None), None);
        assert_eq!(leaked(None, Some(&[const { None }; 5])), None);
        assert_eq!(leaked(Some(array![[0.0_f32], [0.0], [0.0], [0.0], [0.0]].view()), None), None);
    }
}
