//! A list of words that a user gives.

use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::memory::read_whole;

/// Words: as text, the name of a file with one a line (`#` begins a comment), or words with commas between.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WordList(Vec<String>);

impl WordList {
    /// The words.
    pub fn words(&self) -> &[String] {
        &self.0
    }
}

impl<W: Into<String>> FromIterator<W> for WordList {
    fn from_iter<I: IntoIterator<Item = W>>(words: I) -> WordList {
        WordList(words.into_iter().map(Into::into).collect())
    }
}

impl FromStr for WordList {
    type Err = Error;

    fn from_str(text: &str) -> Result<WordList> {
        let path = Path::new(text);
        let named_as_file = text.contains('/') || path.extension().is_some();
        if text.is_empty() || !(named_as_file || path.is_file()) {
            return Ok(text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect());
        }
        let advice = "give a text file with one word a line, or words with commas between";
        let read = read_whole(path).map_err(|error| error.advice(advice))?;
        let read = String::from_utf8(read)
            .map_err(|error| Error::input("no UTF-8 text").file(path).source(error).advice(advice))?;
        let words = read.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        Ok(words.filter(|word| !word.is_empty()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_from_a_file_or_from_the_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("words.txt");
        std::fs::write(&path, "# ours\nalpha\n\n beta # second\n").unwrap();
        let list: WordList = path.to_str().unwrap().parse().unwrap();
        assert_eq!(list.words(), ["alpha", "beta"]);
        assert_eq!("alpha, beta,".parse::<WordList>().unwrap(), list);
        assert!("".parse::<WordList>().unwrap().words().is_empty());
        assert!("no/such/file.txt".parse::<WordList>().unwrap_err().to_string().contains("no/such/file.txt"));
    }
}
