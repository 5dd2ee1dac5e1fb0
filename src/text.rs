//! Text of users, files and servers on its way to a terminal, a message or a page.
//!
//! Names of columns, labels, file names and a server's words may hold control characters that steer a
//! terminal (colours, the clipboard, the window's title), marks that reverse what follows, and secrets.
//! What prints such a text passes it through [`printable`]; what repeats an address, an argument or an
//! error's text through [`without_secrets`]. [`Error`](crate::Error) does both by itself.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// Names that a message lists before it only counts them.
const LISTED: usize = 20;

/// A text on one line, with everything visible: line breaks and tabs become spaces; other control
/// characters (escape sequences of a terminal begin with one) and the marks that change the direction of
/// writing are shown as their numbers.
///
/// ```
/// use embedlab::text::printable;
/// assert_eq!(printable("a\tb\nc"), "a b c");
/// assert_eq!(printable("\u{1b}]0;title\u{7}"), "<1b>]0;title<07>");
/// assert_eq!(printable("invoice\u{202e}fdp.exe"), "invoice<202e>fdp.exe");
/// ```
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    push_visible(text, &mut shown, false);
    shown
}

/// As [`printable`], but line breaks stay.
pub fn printable_lines(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    push_visible(text, &mut shown, true);
    shown
}

fn push_visible(text: &str, shown: &mut String, lines: bool) {
    use std::fmt::Write as _;
    for c in text.chars() {
        match c {
            '\n' if lines => shown.push('\n'),
            '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => shown.push(' '),
            c if c.is_control() || turns_direction(c) => {
                // Writing to a text cannot fail.
                let _ = write!(shown, "<{:02x}>", u32::from(c));
            }
            c => shown.push(c),
        }
    }
}

/// The marks, embeddings, overrides and isolates of Unicode's bidirectional algorithm.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// At most this many characters of a text, with a count of those left out.
///
/// ```
/// assert_eq!(embedlab::text::shortened("abcdefgh", 3), "abc… (5 more characters)");
/// assert_eq!(embedlab::text::shortened("abc", 3), "abc");
/// ```
pub fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    // Bytes are at least as many as characters: most texts need no counting.
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    match text.char_indices().nth(most) {
        None => Cow::Borrowed(text),
        Some((end, _)) => {
            let more = text[end..].chars().count();
            Cow::Owned(format!("{}… ({more} more characters)", &text[..end]))
        }
    }
}

/// Names for a message: the first twenty, and how many more there are. A long name is shortened.
///
/// ```
/// let names: Vec<String> = (0..25).map(|n| format!("c{n}")).collect();
/// assert!(embedlab::text::names(&names).ends_with("c18, c19 and 5 more"));
/// assert_eq!(embedlab::text::names(&["a", "b"]), "a, b");
/// assert_eq!(embedlab::text::names::<&str>(&[]), "none");
/// ```
pub fn names<T: AsRef<str>>(names: &[T]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let shown: Vec<String> =
        names.iter().take(LISTED).map(|name| shortened(&printable(name.as_ref()), 60).into_owned()).collect();
    let mut list = shown.join(", ");
    if names.len() > LISTED {
        list.push_str(&format!(" and {} more", names.len() - LISTED));
    }
    list
}

/// What stands in place of a secret.
pub const HIDDEN: &str = "[hidden]";

/// A text without what looks like a secret: the user and password of an address, the values in its query,
/// and keys in the forms that services give them (`sk-...`, `hf_...`, `Bearer ...`).
///
/// ```
/// use embedlab::text::without_secrets;
/// assert_eq!(without_secrets("http://me:pass@host/v1"), "http://[hidden]@host/v1");
/// assert_eq!(without_secrets("https://h/v1?api-version=2&sig=S"), "https://h/v1?api-version=2&sig=[hidden]");
/// assert_eq!(without_secrets("--key-env sk-0123456789abcdef"), "--key-env [hidden]");
/// assert_eq!(without_secrets("risk-free 12 % of rows"), "risk-free 12 % of rows");
/// ```
pub fn without_secrets(text: &str) -> Cow<'_, str> {
    let mut shown = Cow::Borrowed(text);
    if shown.contains("://") {
        shown = replaced(shown, &USER, "${1}[hidden]@");
        shown = match ADDRESS.replace_all(&shown, |found: &regex::Captures<'_>| {
            let query = QUERY.replace_all(&found[2], |pair: &regex::Captures<'_>| {
                let keep = pair[2].eq_ignore_ascii_case("api-version");
                format!("{}{}={}", &pair[1], &pair[2], if keep { &pair[3] } else { HIDDEN })
            });
            format!("{}{query}", &found[1])
        }) {
            Cow::Borrowed(_) => shown,
            Cow::Owned(changed) => Cow::Owned(changed),
        };
    }
    shown = replaced(shown, &NAMED, "${1}[hidden]");
    replaced(shown, &KEY, HIDDEN)
}

fn replaced<'a>(text: Cow<'a, str>, pattern: &Pattern, by: &str) -> Cow<'a, str> {
    match pattern.replace_all(&text, by) {
        Cow::Borrowed(_) => text,
        Cow::Owned(changed) => Cow::Owned(changed),
    }
}

/// Whether a text looks like a key rather than like the name of a variable.
///
/// ```
/// use embedlab::text::is_like_a_key;
/// assert!(is_like_a_key("sk-0123456789abcdef") && is_like_a_key("3f8a9c0d2e4b6a7c8d9e0f1a2b3c4d5e"));
/// assert!(!is_like_a_key("OPENAI_API_KEY") && !is_like_a_key("my_key_2"));
/// ```
pub fn is_like_a_key(text: &str) -> bool {
    let name = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !text.starts_with(|c: char| c.is_ascii_digit());
    let mixed = |kind: fn(char) -> bool| text.chars().filter(|c| kind(*c)).count() >= 4;
    let random = text.len() >= 20
        && mixed(|c| c.is_ascii_digit())
        && (!text.contains('_') || mixed(|c| c.is_ascii_lowercase()));
    !name || random || KEY.is_match(text)
}

type Pattern = LazyLock<Regex>;

/// A pattern of this file. One that does not compile matches nothing; a test compiles each.
const fn pattern(compile: fn() -> Regex) -> Pattern {
    LazyLock::new(compile)
}

fn compiled(pattern: &str) -> Regex {
    #[allow(clippy::expect_used)]
    Regex::new(pattern).expect("a pattern of this file, which a test compiles")
}

static USER: Pattern = pattern(|| compiled(r"([A-Za-z][A-Za-z0-9+.-]*://)[^/\s?#'`]*@"));
static ADDRESS: Pattern = pattern(|| compiled(r"([A-Za-z][A-Za-z0-9+.-]*://[^\s?'`]*\?)([^\s'`]*)"));
static QUERY: Pattern = pattern(|| compiled(r"(^|&)([^=&#]+)=([^&#]*)"));
/// `api-key: ...`, `Authorization: Bearer ...`, `token=...`.
static NAMED: Pattern = pattern(|| {
    compiled(
        r"(?i)((?:bearer |authorization: ?(?:basic |bearer )?|(?:api[-_]?key|access[-_]?token|secret|password)(?:: ?|=)))[^\s,;'`&\[]{6,}",
    )
});
/// The keys of OpenAI and others (sk-), Hugging Face (hf_), GitHub, Google (AIza), AWS (AKIA), Slack.
static KEY: Pattern = pattern(|| {
    compiled(
        r"\b(?:sk-[A-Za-z0-9_-]{8,}|hf_[A-Za-z0-9]{8,}|gh[pousr]_[A-Za-z0-9]{16,}|AIza[A-Za-z0-9_-]{20,}|AKIA[A-Z0-9]{12,}|xox[abprs]-[A-Za-z0-9-]{8,}|(?:pa|jina|gsk|nvapi)[-_][A-Za-z0-9_-]{16,})",
    )
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        assert!([&USER, &ADDRESS, &QUERY, &NAMED, &KEY].iter().all(|pattern| !pattern.is_match("")));
    }

    #[test]
    fn no_text_of_a_user_steers_a_terminal() {
        for steering in ["\u{1b}[31m", "\u{9b}31m", "\u{8}", "\u{7f}", "\u{202e}", "\u{2066}", "\u{200f}"] {
            let shown = printable(&format!("a{steering}b"));
            assert!(!shown.chars().any(|c| c.is_control() || turns_direction(c)), "{shown:?}");
            assert!(shown.starts_with("a<") && shown.ends_with('b'), "{shown:?}");
        }
        assert_eq!(printable("日本 é 👩‍💻"), "日本 é 👩‍💻");
        assert_eq!(printable_lines("a\nb\u{1b}"), "a\nb<1b>");
    }

    #[test]
    fn secrets_are_hidden_wherever_they_stand() {
        for (text, shown) in [
            ("ftp://user:PASS@h", "ftp://[hidden]@h"),
            ("hxxp://h/?k=S", "hxxp://h/?k=[hidden]"),
            (
                "--base-url 'https://h/v1?api-key=S&x=1' -o y",
                "--base-url 'https://h/v1?api-key=[hidden]&x=[hidden]' -o y",
            ),
            ("got Authorization: Bearer abcdef123456", "got Authorization: Bearer [hidden]"),
            ("password=hunter22, then", "password=[hidden], then"),
            ("see http://h/a@b", "see http://h/a@b"),
            ("a task-oriented disk-based list", "a task-oriented disk-based list"),
        ] {
            assert_eq!(without_secrets(text), shown);
        }
    }
}
