//! Words and pieces of words in a text, counted and weighted.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use rayon::prelude::*;
use regex::Regex;

/// scikit-learn's words: two letters, digits or underscores and more.
static WORD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b\w\w+\b").unwrap_or_else(|error| unreachable!("{error}")));

/// The lengths of pieces, in characters, as scikit-learn's `char_wb`.
const PIECES: [usize; 2] = [3, 4];

/// The most characters of a text that are looked at.
const MOST_CHARACTERS: usize = 100_000;

/// A term: words are marked by a `w`, pieces by a `p`, so that "tea" and the piece "tea" differ.
fn terms(text: &str) -> HashMap<String, u32> {
    let text: String = text.chars().take(MOST_CHARACTERS).collect::<String>().to_lowercase();
    let mut counts = HashMap::new();
    for word in WORD.find_iter(&text) {
        *counts.entry(format!("w{}", word.as_str())).or_insert(0) += 1;
    }
    for word in text.split_whitespace() {
        let padded: Vec<char> =
            std::iter::once(' ').chain(word.chars()).chain(std::iter::once(' ')).collect();
        for length in PIECES {
            // A word shorter than a piece is one piece.
            let last = padded.len().saturating_sub(length);
            for start in 0..=last {
                let piece: String = padded[start..(start + length).min(padded.len())].iter().collect();
                *counts.entry(format!("p{piece}")).or_insert(0) += 1;
            }
            if padded.len() <= length {
                break;
            }
        }
    }
    counts
}

/// The terms that are known, in order, and how much each weighs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Vocabulary {
    pub terms: Vec<String>,
    /// scikit-learn's smooth inverse document frequency: `ln((1 + n) / (1 + df)) + 1`.
    pub weights: Vec<f32>,
    places: HashMap<String, u32>,
}

impl Vocabulary {
    /// Learns the terms of texts; of more than `most` those that the most texts hold.
    pub fn learn(texts: &[String], most: usize) -> Vocabulary {
        let counted: Vec<HashMap<String, u32>> = texts.par_iter().map(|text| terms(text)).collect();
        let mut frequency: BTreeMap<String, usize> = BTreeMap::new();
        for text in counted {
            for term in text.into_keys() {
                *frequency.entry(term).or_insert(0) += 1;
            }
        }
        let mut kept: Vec<(String, usize)> = frequency.into_iter().collect();
        if kept.len() > most {
            // Stable: of equally frequent terms the first by name.
            kept.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            kept.truncate(most);
            kept.sort_by(|a, b| a.0.cmp(&b.0));
        }
        let n = texts.len() as f64;
        let weights =
            kept.iter().map(|(_, df)| (((1.0 + n) / (1.0 + *df as f64)).ln() + 1.0) as f32).collect();
        Vocabulary::new(kept.into_iter().map(|(term, _)| term).collect(), weights)
    }

    pub fn new(terms: Vec<String>, weights: Vec<f32>) -> Vocabulary {
        let places = terms.iter().enumerate().map(|(at, term)| (term.clone(), at as u32)).collect();
        Vocabulary { terms, weights, places }
    }

    /// The known terms of a text with their weights `(1 + ln count) * idf`, in order; the words together
    /// have length 1, the pieces too, and both count half.
    pub fn weigh(&self, text: &str) -> Vec<(u32, f32)> {
        let mut found: Vec<(u32, f64)> = terms(text)
            .into_iter()
            .filter_map(|(term, count)| {
                let place = *self.places.get(&term)?;
                Some((place, (1.0 + f64::from(count).ln()) * f64::from(self.weights[place as usize])))
            })
            .collect();
        found.sort_unstable_by_key(|(place, _)| *place);
        let is_word = |place: u32| self.terms[place as usize].starts_with('w');
        let length = |words: bool| {
            let squares = found.iter().filter(|(place, _)| is_word(*place) == words).map(|(_, x)| x * x);
            squares.sum::<f64>().sqrt()
        };
        let (words, pieces) = (length(true), length(false));
        found
            .into_iter()
            .map(|(place, x)| {
                let length = if is_word(place) { words } else { pieces };
                (place, (x / length * std::f64::consts::FRAC_1_SQRT_2) as f32)
            })
            .collect()
    }
}
