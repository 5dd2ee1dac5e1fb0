//! Vectors of words as text, as GloVe, word2vec and fastText keep them: a word and its numbers on each line, with
//! spaces between them; word2vec's and fastText's first line says how many lines and numbers there are.

use std::path::Path;

use memchr::{memchr, memrchr};

use crate::error::{Error, Result};
use crate::table::column::cell::{Numbers, another_length, parse_number};
use crate::table::column::text_column::{TextColumn, batch};
use crate::table::format::chunks::{Chunks, Fault, Part, parse_all};
use crate::table::keep::Keep;
use crate::table::{ReadOptions, Table, content};

/// What the column of the words is called.
const WORDS: &str = "word";

pub(in crate::table) fn read(path: &Path, options: &ReadOptions, keep: &mut Keep) -> Result<Table> {
    read_words(path, options, keep).map_err(|error| error.file(path))
}

fn read_words(path: &Path, options: &ReadOptions, keep: &mut Keep) -> Result<Table> {
    let numbers = Numbers::of(options);
    let line_end = |bytes: &[u8]| memrchr(b'\n', bytes).map(|position| position + 1);
    let mut chunks = Chunks::new(content::open(path)?, line_end)?;
    let look = chunks.first(|bytes| memchr(b'\n', bytes).is_some())?;
    let first_end = memchr(b'\n', &look).map_or(look.len(), |position| position + 1);
    let (stated, start) = match stated_length(&look[..first_end]) {
        Some(dims) => (Some(dims), first_end),
        None => (None, 0),
    };
    let first = look[start..].split(|byte| *byte == b'\n').next().unwrap_or_default();
    let dims = stated.unwrap_or_else(|| {
        let numeric = |field: &&[u8]| parse_number(field, Numbers::Any).is_ok();
        // The word itself may be a number.
        let fields: Vec<&[u8]> = fields(first).collect();
        fields.iter().skip(1).rev().take_while(|field| numeric(field)).count()
    });
    if dims < 2 {
        return Err(Error::input("lines that are no words with their numbers")
            .with_code("no-vector-column")
            .line(1)
            .seen(crate::error::excerpt(&String::from_utf8_lossy(first)))
            .advice("name the format with --format"));
    }
    chunks.put_back(&look[start..]);
    let parse = |chunk: &[u8]| Words::parse(chunk, dims, numbers);
    let words = parse_all(chunks, usize::from(start > 0), keep, parse)?;
    let words =
        words.filter(|words| words.rows > 0).ok_or_else(|| Error::input("no rows").with_code("no-rows"))?;
    let vectors = keep.matrix(words.rows, dims, words.numbers)?;
    Table::new(vectors, batch([WORDS], vec![words.words], words.rows)?, "embedding")
}

/// The length that a first line of two whole numbers states.
fn stated_length(line: &[u8]) -> Option<usize> {
    let mut parts = fields(line).map(|field| std::str::from_utf8(field).ok()?.parse::<usize>().ok());
    let (_rows, dims) = (parts.next()??, parts.next()??);
    parts.next().is_none().then_some(dims)
}

fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty())
}

struct Words {
    rows: usize,
    words: TextColumn,
    numbers: Vec<f32>,
}

impl Words {
    fn parse(chunk: &[u8], dims: usize, numbers: Numbers) -> Result<Words, Fault> {
        let mut words = Words { rows: 0, words: TextColumn::new(0), numbers: Vec::new() };
        let mut offset = 0;
        while offset < chunk.len() {
            let end = memchr(b'\n', &chunk[offset..]).map_or(chunk.len(), |length| offset + length);
            let line = chunk[offset..end].trim_ascii_end();
            if !line.is_empty() {
                words.add(line, dims, numbers).map_err(|error| Fault { rows: words.rows, offset, error })?;
            }
            offset = end + 1;
        }
        Ok(words)
    }

    /// Some words have a space in them: the numbers are the last of the line.
    fn add(&mut self, line: &[u8], dims: usize, numbers: Numbers) -> Result<()> {
        let mut at = line.len();
        let start = self.numbers.len();
        for found in 0..dims {
            let field_start =
                line[..at].iter().rposition(u8::is_ascii_whitespace).map_or(0, |space| space + 1);
            let number = parse_number(&line[field_start..at], numbers)
                .map_err(|error| if field_start == 0 { another_length(found, dims) } else { error.into() })?;
            self.numbers.push(number);
            at = line[..field_start].trim_ascii_end().len();
        }
        self.numbers[start..].reverse();
        let word = &line[..at];
        let text = std::str::from_utf8(word).map_err(|_| {
            Error::input("no UTF-8 text")
                .with_code("text-encoding")
                .seen(crate::error::excerpt(&String::from_utf8_lossy(word)))
        })?;
        self.words.push_text(text);
        self.rows += 1;
        Ok(())
    }
}

impl Part for Words {
    fn rows(&self) -> usize {
        self.rows
    }

    fn append(&mut self, mut next: Words) -> Result<()> {
        self.rows += next.rows;
        self.words.append(next.words);
        self.numbers.append(&mut next.numbers);
        Ok(())
    }

    fn column_bytes(&self) -> usize {
        self.words.bytes()
    }

    fn numbers(&mut self) -> &mut Vec<f32> {
        &mut self.numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Result<Table> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("words.vec");
        std::fs::write(&path, text).unwrap();
        read(&path, &ReadOptions::default(), &mut Keep::in_memory(Default::default()))
    }

    #[test]
    fn glove_and_word2vec_give_the_same() {
        let lines = "the 0.5 -1 2\n. . 1 2 3\n1990 4 5 6\n";
        for text in [lines.to_owned(), format!("3 3\n{lines}")] {
            let table = words(&text).unwrap();
            assert_eq!(table.vectors(), ndarray::array![[0.5, -1.0, 2.0], [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
            let names = table.text("word").unwrap();
            assert_eq!(names.iter().flatten().collect::<Vec<_>>(), ["the", ". .", "1990"]);
        }
    }

    #[test]
    fn a_fault_names_its_row_and_line() {
        let error = words("2 3\na 1 2 3\nb 1 2\n").unwrap_err().to_string();
        assert!(error.contains("row 1 (line 3)"), "{error}");
        assert!(words("a text\nof words\n").is_err());
    }
}
