//! Tables of typed cells.

use serde::{Serialize, Serializer};

use crate::number::{fixed, grouped, p_value, percent, range};

/// A table: headers, rows of typed cells, a caption.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Grid {
    /// One per column.
    pub headers: Vec<String>,
    /// A row that is shorter than the headers is filled with empty cells.
    pub rows: Vec<Vec<Cell>>,
    /// The line over the table; none when empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub caption: String,
}

/// A cell. In JSON it is its plain value: a string, a number or null.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// A text, left-aligned.
    Text(String),
    /// A count, with a comma between thousands.
    Count(u64),
    /// A number with this many decimals.
    Number(f64, usize),
    /// A share of 0 to 1, shown in percent.
    Share(f64),
    /// A range, such as a 95 % interval, with this many decimals.
    Range(f64, f64, usize),
    /// A p-value: `0.03`, `< 0.001`.
    PValue(f64),
    /// No value.
    Missing,
}

impl Cell {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Cell::Text(text.into())
    }

    /// The beginning of a user's text.
    pub fn excerpt(text: &str) -> Self {
        let flat: String = text.chars().take(71).map(|c| if c.is_control() { ' ' } else { c }).collect();
        match flat.chars().count() {
            71 => Cell::Text(format!("{}…", flat.chars().take(70).collect::<String>().trim_end())),
            _ => Cell::Text(flat),
        }
    }

    /// A number that may be undefined.
    pub fn number(value: impl Into<Option<f64>>, decimals: usize) -> Self {
        value.into().map_or(Cell::Missing, |value| Cell::Number(value, decimals))
    }

    /// A count.
    pub fn count(count: usize) -> Self {
        Cell::Count(count as u64)
    }

    /// What the reader sees.
    pub(crate) fn shown(&self) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Count(count) => grouped(*count),
            Cell::Number(value, decimals) => fixed(*value, *decimals),
            Cell::Share(share) => percent(*share),
            Cell::Range(low, high, decimals) => range(*low, *high, *decimals),
            Cell::PValue(p) => p_value(*p),
            Cell::Missing => "–".to_owned(),
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Cell::Text(text) => serializer.serialize_str(text),
            Cell::Count(count) => serializer.serialize_u64(*count),
            Cell::Number(value, _) | Cell::Share(value) | Cell::PValue(value) if value.is_finite() => {
                serializer.serialize_f64(*value)
            }
            Cell::Range(low, high, _) if low.is_finite() && high.is_finite() => {
                [low, high].serialize(serializer)
            }
            Cell::Number(..) | Cell::Share(_) | Cell::Range(..) | Cell::PValue(_) | Cell::Missing => {
                serializer.serialize_none()
            }
        }
    }
}

impl Grid {
    /// A table without rows.
    pub fn new(headers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Grid { headers: headers.into_iter().map(Into::into).collect(), ..Grid::default() }
    }

    /// Adds a row.
    pub fn row(mut self, cells: impl IntoIterator<Item = Cell>) -> Self {
        self.rows.push(cells.into_iter().collect());
        self
    }

    /// Sets the line over the table.
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// How many columns there are, by the headers and the longest row.
    pub(crate) fn columns(&self) -> usize {
        self.rows.iter().map(Vec::len).max().unwrap_or(0).max(self.headers.len())
    }

    /// Whether a column is one of numbers: it has one, and no text.
    pub(crate) fn is_numeric(&self, column: usize) -> bool {
        let cells = || self.rows.iter().filter_map(|row| row.get(column));
        cells().any(|cell| !matches!(cell, Cell::Text(_) | Cell::Missing))
            && !cells().any(|cell| matches!(cell, Cell::Text(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_of_numbers_with_gaps_is_numeric_and_one_with_text_is_not() {
        let table = Grid::new(["a", "b"])
            .row([Cell::Count(1), Cell::text("x")])
            .row([Cell::Missing, Cell::Number(1.0, 2)])
            .row([]);
        assert!(table.is_numeric(0));
        assert!(!table.is_numeric(1));
        assert!(!table.is_numeric(2));
    }

    #[test]
    fn a_cell_is_a_plain_value_in_json() {
        let cells = [Cell::text("a"), Cell::Count(3), Cell::Number(f64::NAN, 1), Cell::Share(0.5)];
        assert_eq!(serde_json::to_string(&cells).unwrap(), r#"["a",3,null,0.5]"#);
    }
}
