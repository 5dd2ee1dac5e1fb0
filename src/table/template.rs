//! Texts made of columns.

use std::ops::Range;

use crate::error::{Error, Result};

/// A text with places for columns: `Title: {Summary}; Content: {Text}`. `{{` and `}}` stand for braces.
///
/// ```
/// use embedlab::table::Template;
/// let template = Template::parse("Title: {Summary}; Content: {Text}")?;
/// assert_eq!(template.columns(), ["Summary", "Text"]);
/// let cells = [Some(" Good tea "), Some("Fresh.")];
/// assert_eq!(template.fill(&cells), "Title: Good tea; Content: Fresh.");
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
    columns: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// A position in `columns`.
    Column(usize),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// When a brace has no partner, a name is empty, or there is no column at all.
    pub fn parse(text: &str) -> Result<Template> {
        let refused = |what: &str, at: Range<usize>| {
            Error::argument(what.to_owned())
                .seen(format!("{} in {text}", &text[at]))
                .advice("write a column as {name}, and braces themselves as {{ and }}")
        };
        let mut template = Template { parts: Vec::new(), columns: Vec::new() };
        let mut plain = String::new();
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            let rest = &text[at..];
            if rest.starts_with("{{") || rest.starts_with("}}") {
                plain.push(c);
                at += 2;
            } else if c == '}' {
                return Err(refused("a brace that closes nothing", at..at + 1));
            } else if c == '{' {
                let Some(length) = rest.find('}') else {
                    return Err(refused("a brace that is not closed", at..text.len()));
                };
                let name = rest[1..length].trim();
                if name.is_empty() || name.contains('{') {
                    return Err(refused("no name of a column", at..at + length + 1));
                }
                let known = template.columns.iter().position(|known| known == name);
                let column = known.unwrap_or_else(|| {
                    template.columns.push(name.to_owned());
                    template.columns.len() - 1
                });
                template.parts.push(Part::Text(std::mem::take(&mut plain)));
                template.parts.push(Part::Column(column));
                at += length + 1;
            } else {
                plain.push(c);
                at += c.len_utf8();
            }
        }
        template.parts.push(Part::Text(plain));
        if template.columns.is_empty() {
            return Err(refused("a template without a column", 0..text.len()));
        }
        Ok(template)
    }

    /// The columns that it needs, each once.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The text of a row, from the cells of [`columns`](Template::columns) without the spaces around them;
    /// an empty cell is an empty text.
    pub fn fill(&self, cells: &[Option<&str>]) -> String {
        let cell = |column: &usize| cells.get(*column).copied().flatten().unwrap_or_default().trim();
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.as_str(),
                Part::Column(column) => cell(column),
            })
            .collect()
    }
}

/// The rows of the largest `n` values (all rows when there are no more), the smallest first; equal ones in
/// their order, so that of equal ones the last are kept. A row whose value has no order (NaN) is none of
/// them. The guide's "most recent".
///
/// ```
/// assert_eq!(embedlab::table::most_recent(&["2012", "2010", "2012", "2011"], 3), [3, 0, 2]);
/// ```
pub fn most_recent<T: PartialOrd>(times: &[T], n: usize) -> Vec<usize> {
    let ordered = |row: &usize| times[*row].partial_cmp(&times[*row]).is_some();
    let mut rows: Vec<usize> = (0..times.len()).filter(ordered).collect();
    rows.sort_by(|a, b| times[*a].partial_cmp(&times[*b]).unwrap_or(std::cmp::Ordering::Equal));
    rows.split_off(rows.len().saturating_sub(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_may_repeat_and_braces_may_stand_for_themselves() {
        let template = Template::parse("{{{a}}}: {b}, {a}é").unwrap();
        assert_eq!(template.columns(), ["a", "b"]);
        assert_eq!(template.fill(&[Some("x"), None]), "{x}: , xé");
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for text in ["", "no column", "{", "a } b", "{}", "{ }", "{a", "{a{b}}"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_most_recent_rows_keep_their_order_where_times_are_equal() {
        assert_eq!(most_recent(&[2, 1, 2, 1, 2], 4), [3, 0, 2, 4]);
        assert_eq!(most_recent(&[2, 1], 9), [1, 0]);
        assert!(most_recent::<u8>(&[], 1).is_empty());
        let mut times: Vec<f64> =
            (0..100).map(|n| if n % 3 == 0 { f64::NAN } else { f64::from(n * 37 % 101) }).collect();
        assert_eq!(most_recent(&times, 100).len(), 66);
        let latest = most_recent(&times, 5);
        times.retain(|time| !time.is_nan());
        times.sort_by(f64::total_cmp);
        assert_eq!(latest.len(), 5);
        assert_eq!(times[61..].len(), 5);
    }
}
