//! The first record of delimited text.

use std::collections::HashSet;

use crate::error::{Error, Result};

/// Whether the first record is not a header but the first row of a matrix without one: numbers only,
/// and not the distinct whole numbers (`0,1,2,..`, or years) that columns are sometimes called.
pub(super) fn is_row_of_numbers(fields: &[String]) -> bool {
    let whole = |field: &&String| field.bytes().all(|byte| byte.is_ascii_digit());
    let numbers = fields.iter().all(|field| fast_float2::parse::<f32, _>(field.trim()).is_ok());
    let distinct: HashSet<&String> = fields.iter().filter(whole).collect();
    fields.len() >= 2 && numbers && distinct.len() < fields.len()
}

/// The names of the columns. A column without a name, such as the one that pandas writes first, is
/// called `index`, and any further one `unnamed_` and its position.
///
/// # Errors
/// When a name occurs twice.
pub(super) fn column_names(fields: &[String]) -> Result<Vec<String>> {
    let mut taken: HashSet<&str> = HashSet::new();
    for name in fields.iter().filter(|name| !name.is_empty()) {
        if !taken.insert(name) {
            return Err(Error::input("two columns with one name")
                .with_code("column-twice")
                .line(1)
                .column(name)
                .advice("rename one of them in the header"));
        }
    }
    let mut index_is_free = !taken.contains("index");
    let names = fields.iter().enumerate().map(|(position, name)| {
        if !name.is_empty() {
            name.clone()
        } else if std::mem::take(&mut index_is_free) {
            "index".to_owned()
        } else {
            let mut name = format!("unnamed_{}", position + 1);
            while taken.contains(name.as_str()) {
                name.push('_');
            }
            name
        }
    });
    Ok(names.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_row_of_numbers_is_told_from_numbered_columns() {
        for row in [&["0.1", "2"][..], &["-1", "2"], &["1e-3", "0"], &["0", "0"]] {
            assert!(is_row_of_numbers(&fields(row)), "{row:?}");
        }
        for header in [&["0", "1", "2"][..], &["", "0", "1"], &["2019", "2020"], &["a", "0.1"], &["0.1"]] {
            assert!(!is_row_of_numbers(&fields(header)), "{header:?}");
        }
    }

    #[test]
    fn unnamed_columns_get_free_names() {
        assert_eq!(column_names(&fields(&["", "a", ""])).unwrap(), ["index", "a", "unnamed_3"]);
        assert_eq!(column_names(&fields(&["", "index"])).unwrap(), ["unnamed_1", "index"]);
        let taken = column_names(&fields(&["unnamed_2", "", "index"])).unwrap();
        assert_eq!(taken, ["unnamed_2", "unnamed_2_", "index"]);
    }

    #[test]
    fn a_name_that_stands_twice_is_refused() {
        let error = column_names(&fields(&["a", "b", "a"])).unwrap_err().to_string();
        assert_eq!(error, "line 1, column a: two columns with one name; rename one of them in the header");
    }
}
