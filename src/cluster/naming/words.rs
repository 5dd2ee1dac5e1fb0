//! Texts cut into words, in languages with and without spaces.

use std::sync::LazyLock;

use icu_segmenter::options::WordBreakInvariantOptions;
use icu_segmenter::{WordSegmenter, WordSegmenterBorrowed};
use regex::Regex;

/// A word, and whether its language puts spaces between words, so that pairs of words are terms too.
#[derive(Debug, PartialEq)]
pub(super) struct Word {
    pub text: String,
    pub spaced: bool,
}

/// The words of a text in lower case: runs of two or more letters, digits or underscores (scikit-learn's
/// `CountVectorizer`). What is written without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) is cut
/// by the Unicode segmenter's dictionaries, and one-letter words are left out there too. Of Korean words the
/// particles at their ends are taken off.
pub(super) fn words(text: &str) -> Vec<Word> {
    static RUN: LazyLock<Regex> = LazyLock::new(|| {
        #[allow(clippy::expect_used, reason = "a constant pattern; a test compiles it")]
        Regex::new(r"\b\w\w+\b").expect("a valid pattern")
    });
    static SEGMENTER: LazyLock<WordSegmenterBorrowed<'static>> =
        LazyLock::new(|| WordSegmenter::new_auto(WordBreakInvariantOptions::default()));
    let lower = text.to_lowercase();
    let mut words = Vec::new();
    for run in RUN.find_iter(&lower).map(|run| run.as_str()) {
        if run.chars().any(has_no_spaces) {
            let mut start = 0;
            for end in SEGMENTER.segment_str(run) {
                let word = &run[start..end];
                start = end;
                if word.chars().nth(1).is_some() {
                    words.push(Word { text: word.to_owned(), spaced: !word.chars().any(has_no_spaces) });
                }
            }
        } else if run.chars().all(is_hangul) {
            words.push(Word { text: without_particle(run).to_owned(), spaced: true });
        } else {
            words.push(Word { text: run.to_owned(), spaced: true });
        }
    }
    words
}

/// Letters of scripts that are written without spaces between words.
fn has_no_spaces(letter: char) -> bool {
    matches!(letter,
        '\u{0e00}'..='\u{0eff}'     // Thai, Lao
        | '\u{1000}'..='\u{109f}'   // Burmese
        | '\u{1780}'..='\u{17ff}'   // Khmer
        | '\u{3040}'..='\u{30ff}'   // Hiragana, Katakana
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' // Han
        | '\u{20000}'..='\u{323af}')
}

fn is_hangul(letter: char) -> bool {
    matches!(letter, '\u{ac00}'..='\u{d7a3}')
}

/// A Korean word without the particle at its end, where two syllables or more are left.
fn without_particle(word: &str) -> &str {
    const PARTICLES: [&str; 26] = [
        "에서는",
        "으로는",
        "에게서",
        "이라는",
        "에서",
        "에게",
        "으로",
        "까지",
        "부터",
        "처럼",
        "보다",
        "한테",
        "이나",
        "은",
        "는",
        "이",
        "가",
        "을",
        "를",
        "에",
        "의",
        "와",
        "과",
        "도",
        "로",
        "만",
    ];
    let stem = |particle: &&str| word.strip_suffix(*particle);
    PARTICLES.iter().filter_map(stem).find(|stem| stem.chars().nth(1).is_some()).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_are_lower_case_and_have_two_letters() {
        assert_eq!(cut("A Café-au-lait, 2 x ÜBER_gut 10!"), ["café", "au", "lait", "über_gut", "10"]);
    }

    #[test]
    fn languages_without_spaces_are_cut_by_a_dictionary() {
        let chinese = cut("刚才他的朋友泡了一杯咖啡。");
        assert!(chinese.contains(&"咖啡".to_owned()) && chinese.contains(&"朋友".to_owned()), "{chinese:?}");
        let japanese = cut("新しい自転車を買いました");
        assert!(japanese.contains(&"自転車".to_owned()), "{japanese:?}");
        let thai = cut("ฉันชอบกาแฟดำ");
        assert!(thai.contains(&"กาแฟ".to_owned()), "{thai:?}");
        assert!(
            words("咖啡").iter().all(|word| !word.spaced) && words("coffee").iter().all(|word| word.spaced)
        );
    }

    #[test]
    fn korean_words_lose_their_particles() {
        assert_eq!(cut("자전거를 자전거가 커피는 나는"), ["자전거", "자전거", "커피", "나는"]);
    }
}
