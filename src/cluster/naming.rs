//! Names of clusters: the words that set the texts of a cluster apart.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;

use crate::error::{Error, Result};

mod stop_words;

use stop_words::is_stop_word;

/// With at most this many texts, neither document frequency limit applies: in so few, a word of one
/// text, or of all, may be what names them.
const FEW_TEXTS: usize = 20;

/// How to name clusters.
#[derive(Debug, Clone, PartialEq)]
pub struct NamingOptions {
    /// Terms in a name. Default: 5.
    pub top_terms: usize,
    /// Whether pairs of neighbouring words are terms too. Default: yes.
    pub bigrams: bool,
    /// Terms in fewer texts than this are left out, when there are more than 20 texts. Default: 2.
    pub min_document_frequency: usize,
    /// Terms in a larger share of the texts than this are left out, when there are more than 20
    /// texts: words such as "title" in a common prefix. Default: 0.9.
    pub max_document_share: f64,
    /// Whether English stop words are left out. Default: yes.
    pub stop_words: bool,
}

impl Default for NamingOptions {
    fn default() -> Self {
        NamingOptions {
            top_terms: 5,
            bigrams: true,
            min_document_frequency: 2,
            max_document_share: 0.9,
            stop_words: true,
        }
    }
}

/// A word, or two, and how much it sets a cluster apart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Term {
    /// In lower case; two words are joined by a space.
    pub term: String,
    /// The class-based TF-IDF.
    pub score: f64,
}

/// The terms of one cluster, the best first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClusterTerms {
    /// The cluster.
    pub cluster: u32,
    /// Its terms; none when no text has a word that counts.
    pub terms: Vec<Term>,
}

/// Names clusters by the terms with the best class-based TF-IDF; see [`score_terms`].
///
/// A word is passed over when a chosen pair holds it, and a pair when one of its words is chosen, so
/// that "dog food" and "dog" do not stand in one name. Clusters come in ascending order. Rows without
/// a cluster or a text are left out.
///
/// # Errors
/// When the numbers of texts and labels differ.
///
/// ```
/// use embedlab::cluster::name_clusters;
/// let texts = ["my dog likes it", "good for a dog", "a strong coffee", "coffee with milk"]
///     .map(|text| Some(text.to_owned()));
/// let names = name_clusters(&texts, &[Some(0), Some(0), Some(1), Some(1)], &Default::default())?;
/// assert_eq!(names[0].terms[0].term, "dog");
/// assert_eq!(names[1].terms[0].term, "coffee");
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn name_clusters(
    texts: &[Option<String>],
    labels: &[Option<u32>],
    options: &NamingOptions,
) -> Result<Vec<ClusterTerms>> {
    let mut clusters = score_terms(texts, labels, options)?;
    for cluster in &mut clusters {
        cluster.terms = without_repeats(std::mem::take(&mut cluster.terms), options.top_terms);
    }
    Ok(clusters)
}

/// Scores all terms of each cluster, the best first, equal scores in alphabetical order.
///
/// The score is BERTopic's c-TF-IDF (Grootendorst 2022): the share of the term in the words of the
/// cluster, times ln(1 + A / f), with f the term's count in all clusters, and A the mean number of
/// words per cluster, rounded down. Terms are words of two or more letters, digits or underscores in
/// lower case (scikit-learn's `CountVectorizer`), and pairs of words that follow on one another once
/// stop words are gone. Unlike BERTopic, which joins the texts of a cluster first, no pair reaches
/// from one text into the next, and noise is not a cluster.
///
/// # Errors
/// When the numbers of texts and labels differ.
pub fn score_terms(
    texts: &[Option<String>],
    labels: &[Option<u32>],
    options: &NamingOptions,
) -> Result<Vec<ClusterTerms>> {
    if texts.len() != labels.len() {
        return Err(Error::argument("the numbers of texts and labels differ")
            .seen(format!("{} texts, {} labels", texts.len(), labels.len()))
            .advice("give one text and one label for each row"));
    }
    let mut counts = Counts::default();
    for (text, label) in texts.iter().zip(labels) {
        match (text, *label) {
            (Some(text), Some(label)) => counts.add(text, label, options),
            (None, Some(label)) => drop(counts.of_cluster.entry(label).or_default()),
            (_, None) => {}
        }
    }
    Ok(counts.scores(options))
}

/// How often each term stands where.
#[derive(Default)]
struct Counts {
    /// A term's number; numbers follow the order of first appearance.
    numbers: HashMap<String, usize>,
    /// By term number: in how many texts it stands.
    document_frequency: Vec<usize>,
    n_texts: usize,
    of_cluster: BTreeMap<u32, HashMap<usize, u64>>,
}

impl Counts {
    fn add(&mut self, text: &str, label: u32, options: &NamingOptions) {
        self.n_texts += 1;
        let cluster = self.of_cluster.entry(label).or_default();
        let mut seen = HashSet::new();
        for term in terms_of(text, options) {
            let next = self.numbers.len();
            let number = *self.numbers.entry(term).or_insert(next);
            if number == next {
                self.document_frequency.push(0);
            }
            *cluster.entry(number).or_insert(0) += 1;
            if seen.insert(number) {
                self.document_frequency[number] += 1;
            }
        }
    }

    fn is_kept(&self, number: usize, options: &NamingOptions) -> bool {
        let frequency = self.document_frequency[number];
        self.n_texts <= FEW_TEXTS
            || (frequency >= options.min_document_frequency
                && frequency as f64 <= options.max_document_share * self.n_texts as f64)
    }

    fn scores(mut self, options: &NamingOptions) -> Vec<ClusterTerms> {
        let kept: Vec<bool> =
            (0..self.document_frequency.len()).map(|number| self.is_kept(number, options)).collect();
        let mut total = vec![0_u64; kept.len()];
        for counts in self.of_cluster.values_mut() {
            counts.retain(|&number, _| kept[number]);
            for (&number, count) in counts.iter() {
                total[number] += count;
            }
        }
        let clusters = self.of_cluster.len().max(1) as u64;
        let words_per_cluster = (total.iter().sum::<u64>() / clusters) as f64;

        let mut words = vec![""; kept.len()];
        for (term, &number) in &self.numbers {
            words[number] = term;
        }
        let scored = |counts: &HashMap<usize, u64>| {
            let in_cluster = counts.values().sum::<u64>() as f64;
            let term = |(&number, &count): (&usize, &u64)| {
                let share = count as f64 / in_cluster;
                let rarity = (words_per_cluster / total[number] as f64 + 1.0).ln();
                Term { term: words[number].to_owned(), score: share * rarity }
            };
            let mut terms: Vec<Term> = counts.iter().map(term).collect();
            terms.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.term.cmp(&b.term)));
            terms
        };
        let named = |(&cluster, counts)| ClusterTerms { cluster, terms: scored(counts) };
        self.of_cluster.iter().map(named).collect()
    }
}

/// The words of a text, and its pairs of words.
fn terms_of(text: &str, options: &NamingOptions) -> Vec<String> {
    static WORD: LazyLock<Regex> = LazyLock::new(|| {
        #[allow(clippy::expect_used, reason = "a constant pattern; a test compiles it")]
        Regex::new(r"\b\w\w+\b").expect("a valid pattern")
    });
    let lower = text.to_lowercase();
    let words: Vec<&str> = WORD
        .find_iter(&lower)
        .map(|word| word.as_str())
        .filter(|word| !(options.stop_words && is_stop_word(word)))
        .collect();
    let mut terms: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    if options.bigrams {
        terms.extend(words.windows(2).map(|pair| format!("{} {}", pair[0], pair[1])));
    }
    terms
}

fn without_repeats(terms: Vec<Term>, wanted: usize) -> Vec<Term> {
    let mut chosen: Vec<Term> = Vec::with_capacity(wanted);
    for term in terms {
        if chosen.len() == wanted {
            break;
        }
        if !chosen.iter().any(|other| holds(&other.term, &term.term) || holds(&term.term, &other.term)) {
            chosen.push(term);
        }
    }
    chosen
}

/// Whether a pair of words holds a single word.
fn holds(pair: &str, word: &str) -> bool {
    pair.split_once(' ').is_some_and(|(first, second)| first == word || second == word)
}

/// Terms of each cluster as plain strings, by cluster.
pub(super) fn names_by_cluster(named: Vec<ClusterTerms>) -> BTreeMap<u32, Vec<String>> {
    let strings = |terms: Vec<Term>| terms.into_iter().map(|term| term.term).collect();
    named.into_iter().map(|cluster| (cluster.cluster, strings(cluster.terms))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<Option<String>> {
        texts.iter().map(|text| Some((*text).to_owned())).collect()
    }

    fn terms(cluster: &ClusterTerms) -> Vec<&str> {
        cluster.terms.iter().map(|term| term.term.as_str()).collect()
    }

    #[test]
    fn words_are_lower_case_and_have_two_letters() {
        let options = NamingOptions { bigrams: false, ..Default::default() };
        assert_eq!(
            terms_of("A Café-au-lait, 2 x ÜBER_gut 10!", &options),
            ["café", "au", "lait", "über_gut", "10"]
        );
    }

    #[test]
    fn pairs_reach_over_stop_words() {
        assert_eq!(terms_of("cup of the coffee", &Default::default()), ["cup", "coffee", "cup coffee"]);
    }

    #[test]
    fn a_word_and_its_pair_do_not_stand_in_one_name() {
        let term = |term: &str| Term { term: term.to_owned(), score: 1.0 };
        let all = ["dog", "dog food", "cat food", "food", "cat", "fish"].map(term).to_vec();
        let names: Vec<String> = without_repeats(all, 5).into_iter().map(|term| term.term).collect();
        assert_eq!(names, ["dog", "cat food", "fish"]);
    }

    #[test]
    fn a_word_of_every_text_names_nothing() {
        let all: Vec<String> =
            (0..30).map(|i| format!("title: {} thing", ["coffee", "tea"][i % 2])).collect();
        let labels: Vec<Option<u32>> = (0..30).map(|i| Some(i % 2)).collect();
        let all: Vec<Option<String>> = all.into_iter().map(Some).collect();
        let options = NamingOptions { bigrams: false, ..Default::default() };
        let names = name_clusters(&all, &labels, &options).unwrap();
        assert_eq!(names.iter().map(terms).collect::<Vec<_>>(), [["coffee"], ["tea"]]);
        let few = name_clusters(&all[..4], &labels[..4], &options).unwrap();
        assert!(terms(&few[0]).contains(&"title"));
    }

    #[test]
    fn equal_scores_are_in_alphabetical_order() {
        let names = name_clusters(&texts(&["zebra apple mango"]), &[Some(3)], &Default::default()).unwrap();
        assert_eq!((names[0].cluster, terms(&names[0])), (3, vec!["apple", "mango", "zebra"]));
    }

    #[test]
    fn noise_and_empty_cells_are_left_out_and_a_cluster_without_texts_stays() {
        let all = [Some("coffee".to_owned()), Some("noise".to_owned()), None];
        let names = name_clusters(&all, &[Some(0), None, Some(1)], &Default::default()).unwrap();
        assert_eq!(names.iter().map(terms).collect::<Vec<_>>(), [vec!["coffee"], vec![]]);
        assert!(name_clusters(&all, &[Some(0)], &Default::default()).is_err());
        assert!(name_clusters(&[], &[], &Default::default()).unwrap().is_empty());
    }
}
