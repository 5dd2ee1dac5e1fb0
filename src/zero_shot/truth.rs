//! True values as labels.

use serde::Serialize;

use crate::error::{Error, Result, nearest_name};
use crate::table::Labels;

/// The true label of each row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Truth {
    /// The number of each row's label; `None` for a row that was dropped.
    #[serde(skip)]
    pub codes: Vec<Option<usize>>,
    /// Rows that have a label.
    pub kept: usize,
    /// Values that stand for no label.
    pub dropped: Vec<Dropped>,
    /// Rows without a value.
    pub empty: usize,
}

/// A value that stands for no label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Dropped {
    /// The value.
    pub value: String,
    /// Its rows.
    pub rows: usize,
}

/// Takes the values of a column as labels: by the `map` of values to label names, or, when that is
/// empty, values that are label names themselves. Rows of any other value are dropped and counted.
/// Numbers are compared as numbers: `1` finds `1.0`.
///
/// ```
/// use embedlab::{table::Labels, zero_shot::map_truth};
/// let stars = Labels {
///     names: ["1", "3", "5"].map(String::from).to_vec(),
///     codes: vec![Some(2), Some(1), Some(0), None],
/// };
/// let map = [("1", "negative"), ("5", "positive")].map(|(value, label)| (value.into(), label.into()));
/// let truth = map_truth(&stars, &map, &["negative", "positive"].map(String::from))?;
/// assert_eq!(truth.codes, [Some(1), None, Some(0), None]);
/// assert_eq!((truth.dropped[0].value.as_str(), truth.dropped[0].rows, truth.empty), ("3", 1, 1));
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// # Errors
/// When the map names a label or a value that there is not, or no row has a label.
pub fn map_truth(values: &Labels, map: &[(String, String)], names: &[String]) -> Result<Truth> {
    let label = |name: &str| names.iter().position(|known| known == name);
    for (value, name) in map {
        if label(name).is_none() {
            let error = Error::argument("no such label").seen(crate::error::excerpt(name));
            return Err(match nearest_name(name, names.iter().map(String::as_str)) {
                Some(near) => error.advice(format!("did you mean {near}?")),
                None => error.advice(format!("the labels are {}", names.join(", "))),
            });
        }
        if values.find(value).is_none() {
            return Err(Error::argument("no row has this value")
                .seen(crate::error::excerpt(value))
                .advice(format!("the values are {}", some(&values.names))));
        }
    }
    let mut of_value: Vec<Option<usize>> = vec![None; values.names.len()];
    if map.is_empty() {
        of_value = values.names.iter().map(|value| label(value)).collect();
    }
    for (value, name) in map.iter().rev() {
        if let Some(code) = values.find(value) {
            of_value[code as usize] = label(name);
        }
    }
    let mut rows = vec![0; values.names.len()];
    values.codes.iter().flatten().for_each(|code| rows[*code as usize] += 1);
    let codes: Vec<Option<usize>> =
        values.codes.iter().map(|code| code.and_then(|code| of_value[code as usize])).collect();
    let kept = codes.iter().flatten().count();
    if kept == 0 {
        let (first, second) = (values.names.first(), names.first());
        return Err(Error::argument("no true value is a label")
            .seen(format!("values such as {}, labels such as {}", some(&values.names), some(names)))
            .advice(format!(
                "say which value means which label: \"{}={}\"",
                first.map_or("value", String::as_str),
                second.map_or("label", String::as_str)
            )));
    }
    let dropped = values
        .names
        .iter()
        .zip(&of_value)
        .zip(rows)
        .filter(|((_, label), _)| label.is_none())
        .map(|((value, _), rows)| Dropped { value: value.clone(), rows })
        .collect();
    let empty = values.codes.iter().filter(|code| code.is_none()).count();
    Ok(Truth { codes, kept, dropped, empty })
}

fn some(names: &[String]) -> String {
    let mut text = names.iter().take(6).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > 6 {
        text += ", …";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Labels {
        Labels { names: vec!["a".into(), "b".into()], codes: vec![Some(0), Some(1), Some(1)] }
    }

    #[test]
    fn without_a_map_values_are_labels() {
        let truth = map_truth(&values(), &[], &["b", "c"].map(String::from)).unwrap();
        assert_eq!(truth.codes, [None, Some(0), Some(0)]);
        assert_eq!(truth.dropped, [Dropped { value: "a".into(), rows: 1 }]);
    }

    #[test]
    fn a_whole_number_finds_the_float_of_its_value() {
        let values = Labels { names: vec!["1.0".into(), "5.0".into()], codes: vec![Some(0), Some(1), None] };
        let map = [("1", "bad"), ("5", "good")].map(|(from, to)| (from.into(), to.into()));
        let truth = map_truth(&values, &map, &["good", "bad"].map(String::from)).unwrap();
        assert_eq!(truth.codes, [Some(1), Some(0), None]);
    }

    #[test]
    fn a_map_to_nowhere_says_where_it_could_go() {
        let says = |from: &str, to: &str| {
            let map = [(from.to_owned(), to.to_owned())];
            map_truth(&values(), &map, &["good", "bad"].map(String::from)).unwrap_err().to_string()
        };
        assert!(says("a", "goood").contains("did you mean good?"));
        assert!(says("c", "good").contains("the values are a, b"));
        let error = map_truth(&values(), &[], &["good", "bad"].map(String::from)).unwrap_err();
        assert!(error.to_string().contains("\"a=good\""), "{error}");
    }
}
