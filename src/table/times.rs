//! Points in time, however a column keeps them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};

use super::Table;
use crate::error::{Error, Result, excerpt};

impl Table {
    /// A column as points in time, in seconds since 1970 (of a column of numbers, the numbers); `None` where the
    /// cell is empty. Read are dates and timestamps with or without a zone, and text: ISO 8601 (`2024-01-31`,
    /// `2024-01-31T10:00:00Z`), `31.01.2024`, and `1/31/2024` or `31/1/2024` where the column itself tells the month
    /// from the day.
    ///
    /// # Errors
    /// When there is no such column, or a cell holds no time, or one that could be of two days: the message names
    /// the row.
    pub fn times(&self, name: &str) -> Result<Vec<Option<f64>>> {
        let column = self.column(name)?;
        if column.data_type().is_numeric() {
            return Ok(self
                .numbers(name)?
                .into_iter()
                .map(|time| time.filter(|time| !time.is_nan()))
                .collect());
        }
        if column.data_type().is_temporal() {
            return seconds(column).map_err(|error| error.column(name));
        }
        let texts = self.text(name)?;
        let located = |error: Error| self.origin().locate(error.column(name));
        if texts.iter().flatten().all(|text| text.trim().parse::<f64>().is_ok()) {
            return Ok(texts.iter().map(|text| text.as_ref()?.trim().parse().ok()).collect());
        }
        let order = DayOrder::of(&texts).map_err(located)?;
        let iso: Vec<Option<String>> =
            texts.iter().map(|text| text.as_deref().map(|text| order.as_iso(text.trim()))).collect();
        let times = seconds(&(Arc::new(StringArray::from(iso)) as ArrayRef)).map_err(located)?;
        match (0..texts.len()).find(|row| texts[*row].is_some() && times[*row].is_none()) {
            Some(row) => Err(located(
                Error::input("no date and no time")
                    .with_code("time-invalid")
                    .row(row)
                    .seen(excerpt(texts[row].as_deref().unwrap_or_default()))
                    .advice("write times as 2024-01-31 or 2024-01-31T10:00:00"),
            )),
            None => Ok(times),
        }
    }
}

fn seconds(array: &ArrayRef) -> Result<Vec<Option<f64>>> {
    let failed =
        |error: arrow::error::ArrowError| Error::input("the column cannot be read as times").source(error);
    let times = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, None)).map_err(failed)?;
    let micros = cast(&times, &DataType::Int64).map_err(failed)?;
    Ok(micros.as_primitive::<Int64Type>().iter().map(|time| Some(time? as f64 / 1e6)).collect())
}

/// The order of the numbers in dates that do not begin with the year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DayOrder {
    DayFirst,
    MonthFirst,
}

impl DayOrder {
    fn of(texts: &[Option<String>]) -> Result<DayOrder> {
        let (mut day, mut month, mut either) = (None, None, None);
        for (row, text) in texts.iter().enumerate() {
            let Some((separator, first, second, ..)) = text.as_deref().and_then(|text| parts(text.trim()))
            else {
                continue;
            };
            match (first > 12, second > 12) {
                _ if separator == '.' => day = day.or(Some(row)),
                (true, _) => day = day.or(Some(row)),
                (_, true) => month = month.or(Some(row)),
                _ => either = either.or(Some(row)),
            }
        }
        let refused = |row: usize, what: &str| {
            Err(Error::input(what)
                .with_code("time-ambiguous")
                .row(row)
                .seen(excerpt(texts[row].as_deref().unwrap_or_default()))
                .advice("write times as 2024-01-31"))
        };
        match (day, month, either) {
            (Some(_), Some(row), _) => {
                refused(row, "dates with the day first and dates with the month first")
            }
            (Some(_), None, _) => Ok(DayOrder::DayFirst),
            (None, None, Some(row)) => refused(row, "a date that could be of two days"),
            (None, ..) => Ok(DayOrder::MonthFirst),
        }
    }

    fn as_iso(self, text: &str) -> String {
        let Some((_, first, second, year, time)) = parts(text) else { return text.replace('/', "-") };
        let (month, day) = if self == DayOrder::DayFirst { (second, first) } else { (first, second) };
        let time = time.trim_start_matches([',', ' ', 'T']);
        let separator = if time.is_empty() { "" } else { " " };
        // `9:05` is not an ISO time.
        let time = if time.find(':') == Some(1) { format!("0{time}") } else { time.to_owned() };
        let time = if time.len() == 5 { format!("{time}:00") } else { time };
        format!("{year:04}-{month:02}-{day:02}{separator}{time}")
    }
}

/// The separator, the first and second number, the year and what follows, of `31/1/2024 10:00`.
fn parts(text: &str) -> Option<(char, u32, u32, u32, &str)> {
    let separator = text.chars().find(|c| ['/', '.', '-'].contains(c))?;
    let (first, rest) = text.split_once(separator)?;
    let (second, rest) = rest.split_once(separator)?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (year, time) = rest.split_at(digits);
    let short = |number: &str| (1..=2).contains(&number.len()).then(|| number.parse::<u32>().ok()).flatten();
    let year = match year.len() {
        4 => year.parse().ok()?,
        2 => 2000 + year.parse::<u32>().ok()?,
        _ => return None,
    };
    Some((separator, short(first)?, short(second)?, year, time))
}

#[cfg(test)]
mod tests {
    use arrow::record_batch::RecordBatch;

    use super::*;

    fn times(texts: &[&str]) -> Result<Vec<Option<f64>>> {
        let column: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
        Table::from_columns(RecordBatch::try_from_iter([("t", column)]).unwrap()).times("t")
    }

    #[test]
    fn the_column_tells_the_month_from_the_day() {
        let expected = times(&["2024-01-02", "2023-12-31"]).unwrap();
        assert_eq!(expected[0], Some(1_704_153_600.0));
        assert_eq!(times(&["1/2/2024", "12/31/2023"]).unwrap(), expected);
        assert_eq!(times(&["2/1/2024", "31/12/2023"]).unwrap(), expected);
        assert_eq!(times(&["02.01.2024", "31.12.2023"]).unwrap(), expected);
        assert_eq!(times(&["2024/01/02", "2023/12/31"]).unwrap(), expected);
        assert_eq!(times(&["2024-01-02T00:00:00Z", "2023-12-31 00:00:00"]).unwrap(), expected);
        assert_eq!(
            times(&["1/2/2024 9:05", "12/31/2023 10:00:30"]).unwrap()[0],
            Some(1_704_153_600.0 + 32_700.0)
        );
        assert_eq!(times(&["1/2/2024", "2/1/2024"]).unwrap_err().code(), "time-ambiguous");
        assert_eq!(times(&["31/1/2024", "1/31/2024"]).unwrap_err().code(), "time-ambiguous");
        assert!(
            times(&["2024-01-02", "soon"]).unwrap_err().to_string().starts_with("row 1, column t: no date")
        );
    }
}
