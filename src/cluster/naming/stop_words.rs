//! Words that name nothing, by language.

use std::collections::HashSet;

use whatlang::{Lang, detect};

use super::NamingOptions;
use crate::error::{Error, Result};

/// Texts that are looked at to tell their languages.
const LOOKED_AT: usize = 400;

/// A language counts when it is that of so large a share of the texts whose language is clear.
const LEAST_SHARE: f64 = 0.1;

/// The stop words of some texts.
pub(super) struct StopWords {
    lists: Vec<HashSet<&'static str>>,
    english: bool,
    more: HashSet<String>,
    kept: HashSet<String>,
}

impl StopWords {
    /// Those of the languages that were asked for, or of the languages of the texts; English always, because
    /// texts of all languages hold some.
    ///
    /// # Errors
    /// For a language without a list.
    pub fn new(texts: &[&str], options: &NamingOptions) -> Result<StopWords> {
        let lower = |words: &[String]| words.iter().map(|word| word.to_lowercase()).collect();
        let mut stop = StopWords {
            lists: Vec::new(),
            english: true,
            more: lower(options.stop_words.words()),
            kept: lower(options.keep_words.words()),
        };
        let codes = match options.language.as_deref() {
            Some("none") => {
                stop.english = false;
                Vec::new()
            }
            None | Some("auto") => languages_of(texts),
            Some(names) => names.split(',').map(|name| code_of(name.trim())).collect::<Result<_>>()?,
        };
        let lists = codes.into_iter().filter(|code| *code != "en").filter_map(stop_words::lookup);
        stop.lists = lists.map(|list| list.iter().copied().collect()).collect();
        Ok(stop)
    }

    /// Whether a lower-case word is left out of names.
    pub fn contains(&self, word: &str) -> bool {
        if self.kept.contains(word) {
            return false;
        }
        (self.english && is_english_stop_word(word))
            || self.lists.iter().any(|list| list.contains(word))
            || self.more.contains(word)
    }
}

/// The two-letter code of a language given by code or English name.
fn code_of(name: &str) -> Result<&'static str> {
    let lower = name.to_lowercase();
    let by_code = stop_words::available_languages().iter().find(|code| **code == lower).copied();
    let by_name = || {
        let lang =
            CODES.iter().find(|(lang, _)| lang.eng_name().eq_ignore_ascii_case(name) || lang.code() == lower);
        lang.map(|(_, code)| *code)
    };
    by_code.or_else(by_name).ok_or_else(|| {
        Error::argument("no stop words for this language")
            .seen(format!("`{name}`"))
            .advice("give a two-letter code such as en, de, fr, es, zh or ja, auto, or none")
    })
}

/// The languages of texts: those that enough of them are written in.
fn languages_of(texts: &[&str]) -> Vec<&'static str> {
    let step = texts.len().div_ceil(LOOKED_AT).max(1);
    let mut votes: Vec<(&'static str, usize)> = Vec::new();
    let mut clear = 0;
    for text in texts.iter().step_by(step) {
        let beginning: String = text.chars().take(400).collect();
        let Some(found) = detect(&beginning).filter(|found| found.is_reliable()) else { continue };
        clear += 1;
        let Some((_, code)) = CODES.iter().find(|(lang, _)| *lang == found.lang()) else { continue };
        match votes.iter_mut().find(|(known, _)| known == code) {
            Some((_, count)) => *count += 1,
            None => votes.push((code, 1)),
        }
    }
    votes.retain(|(_, count)| *count as f64 >= LEAST_SHARE * f64::from(clear));
    if votes.is_empty() {
        // Short texts may be clear only together.
        let together: String = texts.iter().step_by(step).take(100).flat_map(|text| [*text, " "]).collect();
        let found = detect(&together).filter(|found| found.is_reliable());
        let code = found.and_then(|found| CODES.iter().find(|(lang, _)| *lang == found.lang()));
        votes.extend(code.map(|(_, code)| (*code, 1)));
    }
    votes.into_iter().map(|(code, _)| code).collect()
}

/// Languages that are told apart, with the codes of their stop words.
const CODES: [(Lang, &str); 47] = [
    (Lang::Eng, "en"),
    (Lang::Deu, "de"),
    (Lang::Fra, "fr"),
    (Lang::Spa, "es"),
    (Lang::Ita, "it"),
    (Lang::Por, "pt"),
    (Lang::Nld, "nl"),
    (Lang::Rus, "ru"),
    (Lang::Ukr, "uk"),
    (Lang::Pol, "pl"),
    (Lang::Ces, "cs"),
    (Lang::Slk, "sk"),
    (Lang::Hun, "hu"),
    (Lang::Ron, "ro"),
    (Lang::Bul, "bg"),
    (Lang::Hrv, "hr"),
    (Lang::Slv, "sl"),
    (Lang::Tur, "tr"),
    (Lang::Swe, "sv"),
    (Lang::Nob, "no"),
    (Lang::Dan, "da"),
    (Lang::Fin, "fi"),
    (Lang::Est, "et"),
    (Lang::Lav, "lv"),
    (Lang::Lit, "lt"),
    (Lang::Ell, "el"),
    (Lang::Heb, "he"),
    (Lang::Ara, "ar"),
    (Lang::Pes, "fa"),
    (Lang::Hin, "hi"),
    (Lang::Ben, "bn"),
    (Lang::Mar, "mr"),
    (Lang::Guj, "gu"),
    (Lang::Urd, "ur"),
    (Lang::Tha, "th"),
    (Lang::Vie, "vi"),
    (Lang::Ind, "id"),
    (Lang::Cmn, "zh"),
    (Lang::Jpn, "ja"),
    (Lang::Kor, "ko"),
    (Lang::Cat, "ca"),
    (Lang::Epo, "eo"),
    (Lang::Lat, "la"),
    (Lang::Hye, "hy"),
    (Lang::Zul, "zu"),
    (Lang::Afr, "af"),
    (Lang::Tgl, "tl"),
];

fn is_english_stop_word(word: &str) -> bool {
    ENGLISH.binary_search(&word).is_ok() || CONTRACTIONS.contains(&word) || MARKUP.contains(&word)
}

/// What the apostrophe leaves of "don't" and "I've". ("won" of "won't" is a word, and stays.)
const CONTRACTIONS: [&str; 16] = [
    "ain", "aren", "couldn", "didn", "doesn", "don", "hadn", "hasn", "haven", "isn", "ll", "shouldn", "ve",
    "wasn", "weren", "wouldn",
];

/// What is left of web addresses and HTML in texts.
const MARKUP: [&str; 8] = ["amp", "br", "href", "http", "https", "nbsp", "quot", "www"];

/// The list of the Glasgow Information Retrieval Group, as scikit-learn's `ENGLISH_STOP_WORDS`;
/// sorted.
#[rustfmt::skip]
const ENGLISH: [&str; 318] = [
    "a", "about", "above", "across", "after", "afterwards", "again", "against", "all", "almost", "alone",
    "along", "already", "also", "although", "always", "am", "among", "amongst", "amoungst", "amount", "an",
    "and", "another", "any", "anyhow", "anyone", "anything", "anyway", "anywhere", "are", "around", "as",
    "at", "back", "be", "became", "because", "become", "becomes", "becoming", "been", "before",
    "beforehand", "behind", "being", "below", "beside", "besides", "between", "beyond", "bill", "both",
    "bottom", "but", "by", "call", "can", "cannot", "cant", "co", "con", "could", "couldnt", "cry", "de",
    "describe", "detail", "do", "done", "down", "due", "during", "each", "eg", "eight", "either", "eleven",
    "else", "elsewhere", "empty", "enough", "etc", "even", "ever", "every", "everyone", "everything",
    "everywhere", "except", "few", "fifteen", "fifty", "fill", "find", "fire", "first", "five", "for",
    "former", "formerly", "forty", "found", "four", "from", "front", "full", "further", "get", "give", "go",
    "had", "has", "hasnt", "have", "he", "hence", "her", "here", "hereafter", "hereby", "herein",
    "hereupon", "hers", "herself", "him", "himself", "his", "how", "however", "hundred", "i", "ie", "if",
    "in", "inc", "indeed", "interest", "into", "is", "it", "its", "itself", "keep", "last", "latter",
    "latterly", "least", "less", "ltd", "made", "many", "may", "me", "meanwhile", "might", "mill", "mine",
    "more", "moreover", "most", "mostly", "move", "much", "must", "my", "myself", "name", "namely",
    "neither", "never", "nevertheless", "next", "nine", "no", "nobody", "none", "noone", "nor", "not",
    "nothing", "now", "nowhere", "of", "off", "often", "on", "once", "one", "only", "onto", "or", "other",
    "others", "otherwise", "our", "ours", "ourselves", "out", "over", "own", "part", "per", "perhaps",
    "please", "put", "rather", "re", "same", "see", "seem", "seemed", "seeming", "seems", "serious",
    "several", "she", "should", "show", "side", "since", "sincere", "six", "sixty", "so", "some", "somehow",
    "someone", "something", "sometime", "sometimes", "somewhere", "still", "such", "system", "take", "ten",
    "than", "that", "the", "their", "them", "themselves", "then", "thence", "there", "thereafter",
    "thereby", "therefore", "therein", "thereupon", "these", "they", "thick", "thin", "third", "this",
    "those", "though", "three", "through", "throughout", "thru", "thus", "to", "together", "too", "top",
    "toward", "towards", "twelve", "twenty", "two", "un", "under", "until", "up", "upon", "us", "very",
    "via", "was", "we", "well", "were", "what", "whatever", "when", "whence", "whenever", "where",
    "whereafter", "whereas", "whereby", "wherein", "whereupon", "wherever", "whether", "which", "while",
    "whither", "who", "whoever", "whole", "whom", "whose", "why", "will", "with", "within", "without",
    "would", "yet", "you", "your", "yours", "yourself", "yourselves",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_searched() {
        assert!(ENGLISH.is_sorted());
        assert!(is_english_stop_word("the") && is_english_stop_word("don") && is_english_stop_word("br"));
        assert!(!is_english_stop_word("coffee"));
    }

    #[test]
    fn the_languages_of_texts_are_found_and_those_asked_for_are_taken() {
        let german = [
            "Wir haben gestern bei der Nachbarin den Kaffee und die Milch sehr gut gefunden",
            "Man hat leider bei der Schwester die Geige und den Bogen nicht gefunden",
        ];
        assert_eq!(languages_of(&german), ["de"]);
        let stop = |texts: &[&str], language: Option<&str>| {
            let options = NamingOptions { language: language.map(str::to_owned), ..Default::default() };
            StopWords::new(texts, &options)
        };
        let found = stop(&german, None).unwrap();
        assert!(["die", "und", "nicht", "the", "href"].iter().all(|word| found.contains(word)));
        assert!(!found.contains("kaffee"));
        assert!(stop(&[], Some("French")).unwrap().contains("avec"));
        assert!(stop(&[], Some("de, fr")).unwrap().contains("und"));
        assert!(!stop(&german, Some("none")).unwrap().contains("the"));
        let error = stop(&[], Some("klingon")).err().unwrap().to_string();
        assert!(error.contains("klingon") && error.contains("none"), "{error}");
    }

    #[test]
    fn every_language_has_a_list() {
        for (lang, code) in CODES {
            assert!(stop_words::lookup(code).is_some(), "{lang}");
        }
    }
}
