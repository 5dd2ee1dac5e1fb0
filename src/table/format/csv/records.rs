//! The records of delimited text and their fields (RFC 4180, read as pandas and Excel do).
//!
//! A quote opens a quoted field only where a field starts: the one in `5" pipe` is a character like
//! any other. `simd-csv`, whose way of searching this follows, takes it for an opening quote.

use std::borrow::Cow;

use memchr::{memchr, memchr2, memrchr};

/// How a file of delimited text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::table) struct Dialect {
    pub(in crate::table) delimiter: u8,
    /// Whether fields may be in double quotes. Where they may not, as in TensorFlow Projector
    /// files, each line is a record, an empty one too.
    pub(in crate::table) quotes: bool,
}

/// One field as it is in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::table) struct Field<'a> {
    raw: &'a [u8],
    /// `raw` has its quotes still, and something beyond plain text inside or after them.
    escaped: bool,
    /// Whether it is in quotes.
    pub(in crate::table) quoted: bool,
}

impl<'a> Field<'a> {
    /// The content without quotes.
    pub(in crate::table) fn content(&self) -> Cow<'a, [u8]> {
        if self.escaped { Cow::Owned(unescape(self.raw)) } else { Cow::Borrowed(self.raw) }
    }
}

/// The bytes end inside a quoted field.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::table) struct Unclosed;

/// Passes over the records of a piece of text that starts at a record.
pub(in crate::table) struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
    dialect: Dialect,
}

impl<'a> Records<'a> {
    pub(in crate::table) fn new(bytes: &'a [u8], dialect: Dialect) -> Self {
        Records { bytes, at: 0, dialect }
    }

    /// Where the next record starts, or the end.
    pub(in crate::table) fn next_start(&mut self) -> usize {
        if self.dialect.quotes {
            self.skip_blank_lines();
        }
        self.at
    }

    /// Puts the fields of the next record in place of what is in `fields`; without a record they
    /// stay empty.
    ///
    /// # Errors
    /// [`Unclosed`], with the fields before the one that is not closed.
    pub(in crate::table) fn next(&mut self, fields: &mut Vec<Field<'a>>) -> Result<(), Unclosed> {
        fields.clear();
        if self.next_start() == self.bytes.len() {
            return Ok(());
        }
        loop {
            let (field, end) = match self.bytes.get(self.at) {
                Some(b'"') if self.dialect.quotes => self.quoted()?,
                _ => self.unquoted(),
            };
            fields.push(field);
            self.at = (end + 1).min(self.bytes.len());
            if self.bytes.get(end) != Some(&self.dialect.delimiter) {
                return Ok(());
            }
        }
    }

    fn skip_blank_lines(&mut self) {
        loop {
            match self.bytes[self.at..] {
                [b'\n', ..] => self.at += 1,
                [b'\r', b'\n', ..] => self.at += 2,
                _ => return,
            }
        }
    }

    fn unquoted(&self) -> (Field<'a>, usize) {
        let end = self.field_end(self.at);
        (Field { raw: self.trim_return(self.at, end), escaped: false, quoted: false }, end)
    }

    fn quoted(&self) -> Result<(Field<'a>, usize), Unclosed> {
        let close = closing_quote(self.bytes, self.at).ok_or(Unclosed)?;
        let end = self.field_end(close + 1);
        let whole = self.trim_return(self.at, end);
        let inside = &self.bytes[self.at + 1..close];
        let plain = whole.len() == inside.len() + 2 && memchr(b'"', inside).is_none();
        let field = Field { raw: if plain { inside } else { whole }, escaped: !plain, quoted: true };
        Ok((field, end))
    }

    /// The position of the delimiter or line feed that ends an unquoted stretch.
    fn field_end(&self, start: usize) -> usize {
        memchr2(self.dialect.delimiter, b'\n', &self.bytes[start..])
            .map_or(self.bytes.len(), |length| start + length)
    }

    /// The bytes of a field without the carriage return of a line end.
    fn trim_return(&self, start: usize, end: usize) -> &'a [u8] {
        let bytes = &self.bytes[start..end];
        match bytes {
            [before @ .., b'\r'] if self.bytes.get(end) != Some(&self.dialect.delimiter) => before,
            _ => bytes,
        }
    }
}

/// The position after the last record that surely ends in these bytes, which start at a record.
pub(in crate::table) fn last_record_end(bytes: &[u8], dialect: Dialect) -> Option<usize> {
    let after_last_line =
        |start: usize, end: usize| memrchr(b'\n', &bytes[start..end]).map(|position| start + position + 1);
    if !dialect.quotes {
        return after_last_line(0, bytes.len());
    }
    let mut last = None;
    let mut unquoted_from = 0;
    let mut search_from = 0;
    while let Some(length) = memchr(b'"', &bytes[search_from..]) {
        let quote = search_from + length;
        let opens = quote == 0 || bytes[quote - 1] == dialect.delimiter || bytes[quote - 1] == b'\n';
        if !opens {
            search_from = quote + 1;
            continue;
        }
        last = after_last_line(unquoted_from, quote).or(last);
        match closing_quote(bytes, quote) {
            Some(close) => unquoted_from = close + 1,
            None => return last,
        }
        search_from = unquoted_from;
    }
    after_last_line(unquoted_from, bytes.len()).or(last)
}

/// The quote that closes the one at `open`; two quotes together stand for one inside.
fn closing_quote(bytes: &[u8], open: usize) -> Option<usize> {
    let mut from = open + 1;
    loop {
        let quote = from + memchr(b'"', &bytes[from..])?;
        if bytes.get(quote + 1) != Some(&b'"') {
            return Some(quote);
        }
        from = quote + 2;
    }
}

/// The content of a quoted field given with its quotes. What follows the closing quote is kept.
fn unescape(raw: &[u8]) -> Vec<u8> {
    let Some(close) = closing_quote(raw, 0) else { return raw.to_vec() };
    let mut content = Vec::with_capacity(raw.len());
    let mut rest = &raw[1..close];
    while let Some(quote) = memchr(b'"', rest) {
        content.extend_from_slice(&rest[..=quote]);
        rest = &rest[quote + 2..];
    }
    content.extend_from_slice(rest);
    content.extend_from_slice(&raw[close + 1..]);
    content
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CSV: Dialect = Dialect { delimiter: b',', quotes: true };

    fn records(text: &str, dialect: Dialect) -> Result<Vec<Vec<String>>, Unclosed> {
        let mut records = Records::new(text.as_bytes(), dialect);
        let mut fields = Vec::new();
        let mut all = Vec::new();
        loop {
            records.next(&mut fields)?;
            if fields.is_empty() {
                return Ok(all);
            }
            all.push(
                fields.iter().map(|field| String::from_utf8(field.content().into_owned()).unwrap()).collect(),
            );
        }
    }

    #[test]
    fn fields_are_read_as_pandas_reads_them() {
        for (text, expected) in [
            ("a,b\nc,d\n", vec![vec!["a", "b"], vec!["c", "d"]]),
            ("a,b\r\nc,d", vec![vec!["a", "b"], vec!["c", "d"]]),
            ("a,\n,b", vec![vec!["a", ""], vec!["", "b"]]),
            ("a,", vec![vec!["a", ""]]),
            ("\n\r\na\n\n", vec![vec!["a"]]),
            ("\"a,b\",\"c\nd\"\r\n", vec![vec!["a,b", "c\nd"]]),
            ("\"a\"\"b\",\"\"\"\"\n", vec![vec!["a\"b", "\""]]),
            ("\"\",x\n", vec![vec!["", "x"]]),
            ("5\" pipe,7\" pipe\nb,c\n", vec![vec!["5\" pipe", "7\" pipe"], vec!["b", "c"]]),
            ("\"a\"b\"c\",d\n", vec![vec!["ab\"c\"", "d"]]),
        ] {
            assert_eq!(records(text, CSV).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn without_quotes_each_line_is_a_record() {
        let dialect = Dialect { delimiter: b'\t', quotes: false };
        let expected = vec![vec!["\"a", "b\""], vec![""], vec!["c"]];
        assert_eq!(records("\"a\tb\"\n\nc\n", dialect).unwrap(), expected);
    }

    #[test]
    fn a_quote_that_is_not_closed_is_an_error() {
        assert_eq!(records("a,\"b\nc\n", CSV), Err(Unclosed));
    }

    proptest! {
        #[test]
        fn records_come_back_as_they_were_quoted(
            rows in prop::collection::vec(prop::collection::vec("[a\", \r\n]{0,4}", 2..3), 0..6),
            line_end in prop::sample::select(vec!["\n", "\r\n"]),
        ) {
            let quoted = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
            let text: String = rows
                .iter()
                .map(|row| row.iter().map(quoted).collect::<Vec<_>>().join(",") + line_end)
                .collect();
            prop_assert_eq!(records(&text, CSV).unwrap(), rows);
        }

        #[test]
        fn a_cut_at_a_record_end_changes_no_record(text in "[ab\",\r\n]{0,40}") {
            if let Some(end) = last_record_end(text.as_bytes(), CSV) {
                let mut pieces = records(&text[..end], CSV).unwrap();
                match records(&text[end..], CSV) {
                    Ok(rest) => {
                        pieces.extend(rest);
                        prop_assert_eq!(records(&text, CSV), Ok(pieces));
                    }
                    Err(Unclosed) => prop_assert_eq!(records(&text, CSV), Err(Unclosed)),
                }
            }
        }
    }
}
