//! Names of clusters: the words that set the texts of a cluster apart.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

mod list;
mod stop_words;
mod words;

pub use list::WordList;
use stop_words::StopWords;
use words::words;

/// With at most this many texts, no document frequency limit applies: in so few, a word of one
/// text, or of all, may be what names them.
const FEW_TEXTS: usize = 20;

/// Names come from this many texts at most, spread over all: more do not change them, and pairs of words take
/// memory.
const MOST_TEXTS: usize = 100_000;

/// How to name clusters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct NamingOptions {
    /// Terms in the name of a cluster
    #[cfg_attr(feature = "cli", arg(long = "terms", value_name = "N", default_value_t = NamingOptions::default().top_terms))]
    pub top_terms: usize,
    /// Language of the stop words: codes such as en or de,fr, or none [default: those of the texts, and English]
    #[cfg_attr(feature = "cli", arg(long, value_name = "LANG"))]
    pub language: Option<String>,
    /// More words that name nothing: a file with one a line, or words with commas between
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "FILE", default_value = "", hide_default_value = true)
    )]
    pub stop_words: WordList,
    /// stop words that may be in names: a file with one a line, or words with commas between
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "WORDS", default_value = "", hide_default_value = true)
    )]
    pub keep_words: WordList,
    /// Whether pairs of neighbouring words are terms too. Default: yes.
    #[cfg_attr(feature = "cli", arg(skip = NamingOptions::default().bigrams))]
    pub bigrams: bool,
    /// Terms in fewer texts than this are left out, when there are more than 20 texts. Default: 2.
    #[cfg_attr(feature = "cli", arg(skip = NamingOptions::default().min_document_frequency))]
    pub min_document_frequency: usize,
    /// Terms in a larger share of the texts than this are left out, when there are more than 20
    /// texts: words such as "title" in a common prefix. Default: 0.9.
    #[cfg_attr(feature = "cli", arg(skip = NamingOptions::default().max_document_share))]
    pub max_document_share: f64,
    /// Terms in at least this share of the texts of every cluster are left out of names, when there are more
    /// than 20 texts: words of a template tell no cluster from the others. Default: 0.5.
    #[cfg_attr(feature = "cli", arg(skip = NamingOptions::default().template_share))]
    pub template_share: f64,
}

impl Default for NamingOptions {
    fn default() -> Self {
        NamingOptions {
            top_terms: 5,
            language: None,
            stop_words: WordList::default(),
            keep_words: WordList::default(),
            bigrams: true,
            min_document_frequency: 2,
            max_document_share: 0.9,
            template_share: 0.5,
        }
    }
}

/// A word, or two, and how much it sets a cluster apart.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
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
/// that "dog food" and "dog" are not both in one name. Clusters come in ascending order. Rows without
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
    let counts = Counts::of(texts, labels, options)?;
    let template = counts.template_terms(options.template_share);
    let mut clusters = counts.scores(options);
    let common = common_terms(&clusters);
    for cluster in &mut clusters {
        let passed_over = |term: &Term| common.contains(&term.term) || template.contains(&term.term);
        cluster.terms.retain(|term| !passed_over(term));
        cluster.terms = without_repeats(std::mem::take(&mut cluster.terms), options.top_terms);
    }
    Ok(clusters)
}

/// Terms that are among the first ten of more than half of the clusters: they say what all texts
/// are about, and so tell no cluster from the others. With two clusters, none.
fn common_terms(clusters: &[ClusterTerms]) -> HashSet<String> {
    const FIRST: usize = 10;
    if clusters.len() < 3 {
        return HashSet::new();
    }
    let mut named: HashMap<&str, usize> = HashMap::new();
    for term in clusters.iter().flat_map(|cluster| cluster.terms.iter().take(FIRST)) {
        *named.entry(&term.term).or_default() += 1;
    }
    named
        .into_iter()
        .filter(|(_, count)| 2 * count > clusters.len())
        .map(|(term, _)| term.to_owned())
        .collect()
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
    Ok(Counts::of(texts, labels, options)?.scores(options))
}

/// How often each term occurs in each cluster.
#[derive(Default)]
struct Counts {
    /// A term's number; numbers follow the order of first appearance.
    numbers: HashMap<String, usize>,
    /// By term number: in how many texts it occurs.
    document_frequency: Vec<usize>,
    n_texts: usize,
    of_cluster: BTreeMap<u32, OfCluster>,
}

#[derive(Default)]
struct OfCluster {
    n_texts: usize,
    /// By term number: how often it occurs, and in how many texts.
    terms: HashMap<usize, (u64, usize)>,
}

impl Counts {
    fn of(texts: &[Option<String>], labels: &[Option<u32>], options: &NamingOptions) -> Result<Counts> {
        if texts.len() != labels.len() {
            return Err(Error::argument("the numbers of texts and labels differ")
                .seen(format!("{} texts, {} labels", texts.len(), labels.len()))
                .advice("give one text and one label for each row"));
        }
        let step = (texts.len() / MOST_TEXTS).max(1) as u64;
        // A hash of the row number, so that no period of the file shows.
        let looked_at =
            |row: usize| ((row as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32).is_multiple_of(step);
        let known: Vec<&str> = texts
            .iter()
            .enumerate()
            .filter(|(row, _)| labels[*row].is_some() && looked_at(*row))
            .filter_map(|(_, text)| text.as_deref())
            .collect();
        let stop = StopWords::new(&known, options)?;
        let mut counts = Counts::default();
        for (row, (text, label)) in texts.iter().zip(labels).enumerate() {
            let Some(label) = label else { continue };
            let cluster = counts.of_cluster.entry(*label).or_default();
            if let Some(text) = text.as_ref().filter(|_| looked_at(row)) {
                cluster.n_texts += 1;
                counts.add(text, *label, &stop, options);
            }
        }
        Ok(counts)
    }

    fn add(&mut self, text: &str, label: u32, stop: &StopWords, options: &NamingOptions) {
        self.n_texts += 1;
        let cluster = self.of_cluster.entry(label).or_default();
        let mut seen = HashSet::new();
        for term in terms_of(text, stop, options) {
            let next = self.numbers.len();
            let number = *self.numbers.entry(term).or_insert(next);
            if number == next {
                self.document_frequency.push(0);
            }
            let (count, in_texts) = cluster.terms.entry(number).or_insert((0, 0));
            *count += 1;
            if seen.insert(number) {
                *in_texts += 1;
                self.document_frequency[number] += 1;
            }
        }
    }

    /// Terms that occur in at least a share of the texts of every one of several clusters.
    fn template_terms(&self, share: f64) -> HashSet<String> {
        if self.n_texts <= FEW_TEXTS || self.of_cluster.len() < 2 {
            return HashSet::new();
        }
        let everywhere = |number: &usize| {
            self.of_cluster.values().filter(|cluster| cluster.n_texts > 0).all(|cluster| {
                let in_texts = cluster.terms.get(number).map_or(0, |(_, in_texts)| *in_texts);
                in_texts as f64 >= share * cluster.n_texts as f64
            })
        };
        self.numbers.iter().filter(|(_, number)| everywhere(number)).map(|(term, _)| term.clone()).collect()
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
        for cluster in self.of_cluster.values_mut() {
            cluster.terms.retain(|&number, _| kept[number]);
            for (&number, (count, _)) in cluster.terms.iter() {
                total[number] += count;
            }
        }
        let clusters = self.of_cluster.len().max(1) as u64;
        let words_per_cluster = (total.iter().sum::<u64>() / clusters) as f64;

        let mut words = vec![""; kept.len()];
        for (term, &number) in &self.numbers {
            words[number] = term;
        }
        let scored = |counts: &HashMap<usize, (u64, usize)>| {
            let in_cluster = counts.values().map(|(count, _)| count).sum::<u64>() as f64;
            let term = |(&number, &(count, _)): (&usize, &(u64, usize))| {
                let share = count as f64 / in_cluster;
                let rarity = (words_per_cluster / total[number] as f64 + 1.0).ln();
                Term { term: words[number].to_owned(), score: share * rarity }
            };
            let mut terms: Vec<Term> = counts.iter().map(term).collect();
            terms.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.term.cmp(&b.term)));
            terms
        };
        let named =
            |(&cluster, counts): (&u32, &OfCluster)| ClusterTerms { cluster, terms: scored(&counts.terms) };
        self.of_cluster.iter().map(named).collect()
    }
}

/// The words of a text that may name something, and its pairs of words.
fn terms_of(text: &str, stop: &StopWords, options: &NamingOptions) -> Vec<String> {
    let mut words = words(text);
    words.retain(|word| !stop.contains(&word.text));
    let mut terms: Vec<String> = words.iter().map(|word| word.text.clone()).collect();
    if options.bigrams {
        let spaced = words.windows(2).filter(|pair| pair[0].spaced && pair[1].spaced);
        terms.extend(spaced.map(|pair| format!("{} {}", pair[0].text, pair[1].text)));
    }
    terms
}

fn without_repeats(terms: Vec<Term>, wanted: usize) -> Vec<Term> {
    let mut chosen: Vec<Term> = Vec::with_capacity(wanted);
    for term in terms {
        if chosen.len() == wanted {
            break;
        }
        let repeats = |other: &Term| {
            let (a, b) = (other.term.as_str(), term.term.as_str());
            holds(a, b) || holds(b, a) || is_plural(a, b) || is_plural(b, a)
        };
        if !chosen.iter().any(repeats) {
            chosen.push(term);
        }
    }
    chosen
}

/// Whether a pair of words holds a single word.
fn holds(pair: &str, word: &str) -> bool {
    pair.split_once(' ').is_some_and(|(first, second)| first == word || second == word)
}

/// Whether a word is another one with an s.
fn is_plural(plural: &str, word: &str) -> bool {
    plural.strip_suffix('s') == Some(word) || plural.strip_suffix("es") == Some(word)
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
    fn pairs_reach_over_stop_words() {
        let (stop, options) = (StopWords::new(&[], &Default::default()).unwrap(), NamingOptions::default());
        assert_eq!(terms_of("cup of the coffee", &stop, &options), ["cup", "coffee", "cup coffee"]);
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
    fn words_of_a_template_name_nothing_and_words_given_are_kept_or_passed_over() {
        let subjects = ["coffee", "violin", "bicycle"];
        let all: Vec<Option<String>> = (0..60)
            .map(|i| {
                let sentiment = if i % 10 < 7 { "ticket" } else { "message" };
                Some(format!("{sentiment} about whatever: {} {}", subjects[i % 3], i % 4))
            })
            .collect();
        let labels: Vec<Option<u32>> = (0..60).map(|i| Some(i % 3)).collect();
        let names = |options: &NamingOptions| {
            let named = name_clusters(&all, &labels, options).unwrap();
            named.iter().map(|cluster| terms(cluster).join(" ")).collect::<Vec<String>>()
        };
        let options = NamingOptions { bigrams: false, ..Default::default() };
        assert_eq!(names(&options), subjects);
        let options = NamingOptions { stop_words: "Coffee,violin".parse().unwrap(), ..options };
        assert_eq!(names(&options), ["", "", "bicycle"]);
        let options = NamingOptions {
            keep_words: "about,coffee".parse().unwrap(),
            template_share: 2.0,
            max_document_share: 1.0,
            ..options
        };
        assert!(
            names(&options).iter().all(|name| name.contains("about"))
                || names(&options)[0].contains("coffee")
        );
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
