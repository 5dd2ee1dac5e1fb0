//! Texts that share most of their words.

use std::collections::HashMap;

/// Pairs of rows whose texts are different and share at least `share` of their words: the size of what both have over
/// the size of what either has (Jaccard). Words are runs of letters and digits in small letters, each counted once.
/// `share` is above 0 and at most 1. At most `most` pairs, by their first rows.
///
/// Only texts that share one of their rarest words are compared, which loses none (prefix filtering, Chaudhuri et al.
/// 2006).
///
/// ```
/// let texts = ["good black tea", "good black tea!", "the good black tea", "coffee"].map(|text| Some(text.to_owned()));
/// assert_eq!(embedlab::pairs::alike_texts(&texts, 0.7, 10), [(0, 1), (0, 2), (1, 2)]);
/// ```
pub fn alike_texts(texts: &[Option<String>], share: f64, most: usize) -> Vec<(usize, usize)> {
    let words: Vec<Vec<String>> = texts
        .iter()
        .map(|text| {
            let text = text.as_deref().unwrap_or_default().to_lowercase();
            let mut words: Vec<String> = text
                .split(|c: char| !c.is_alphanumeric())
                .filter(|word| !word.is_empty())
                .map(String::from)
                .collect();
            words.sort_unstable();
            words.dedup();
            words
        })
        .collect();
    let mut count: HashMap<&str, usize> = HashMap::new();
    words.iter().flatten().for_each(|word| *count.entry(word).or_default() += 1);
    let mut order: Vec<(usize, &str)> = count.into_iter().map(|(word, count)| (count, word)).collect();
    order.sort_unstable();
    let rank: HashMap<&str, u32> =
        order.iter().enumerate().map(|(at, (_, word))| (*word, at as u32)).collect();
    let sets: Vec<Vec<u32>> = words
        .iter()
        .map(|words| {
            let mut ranks: Vec<u32> = words.iter().map(|word| rank[word.as_str()]).collect();
            ranks.sort_unstable();
            ranks
        })
        .collect();
    let mut with_word: HashMap<u32, Vec<usize>> = HashMap::new();
    let mut found = Vec::new();
    for (row, set) in sets.iter().enumerate() {
        let shared = (share * set.len() as f64 - 1e-9).ceil() as usize;
        let prefix = &set[..set.len() + usize::from(!set.is_empty()) - shared.min(set.len())];
        let mut candidates: Vec<usize> =
            prefix.iter().filter_map(|word| with_word.get(word)).flatten().copied().collect();
        candidates.sort_unstable();
        candidates.dedup();
        for other in candidates {
            if texts[other] != texts[row] && jaccard(&sets[other], set) >= share - 1e-12 {
                found.push((other, row));
                if found.len() == most {
                    found.sort_unstable();
                    return found;
                }
            }
        }
        prefix.iter().for_each(|word| with_word.entry(*word).or_default().push(row));
    }
    found.sort_unstable();
    found
}

/// Of sorted sets.
fn jaccard(a: &[u32], b: &[u32]) -> f64 {
    let both = a.iter().filter(|word| b.binary_search(word).is_ok()).count();
    both as f64 / (a.len() + b.len() - both).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pairs_are_those_of_all_comparisons() {
        let words = ["tea", "green", "black", "good", "bad", "cup", "water"];
        let texts: Vec<Option<String>> = (0..120_usize)
            .map(|row| {
                let chosen = (0..7).filter(|word| (row * 37 + row / 5) >> word & 1 == 1);
                Some(
                    chosen.map(|word| words[word]).collect::<Vec<_>>().join(" ")
                        + if row % 2 == 0 { "." } else { "" },
                )
            })
            .collect();
        let set = |row: usize| -> Vec<u32> {
            let text = texts[row].as_deref().unwrap();
            (0..7).filter(|word| text.contains(words[*word as usize])).collect()
        };
        for share in [0.5, 0.75, 1.0] {
            let mut expected = Vec::new();
            for a in 0..120 {
                for b in a + 1..120 {
                    if texts[a] != texts[b] && !set(a).is_empty() && jaccard(&set(a), &set(b)) >= share {
                        expected.push((a, b));
                    }
                }
            }
            assert_eq!(alike_texts(&texts, share, usize::MAX), expected, "{share}");
        }
        assert_eq!(alike_texts(&texts, 0.5, 3).len(), 3);
    }
}
