//! Limits that a change of the model must keep.

use super::ComparisonReport;
use crate::error::{Error, Result};
use crate::number::fixed;

/// Figures of the comparison itself, besides the scores.
const FIGURES: [&str; 4] = ["overlap", "cka", "cka_debiased", "distance_correlation"];

/// A name and a limit of the command line.
#[cfg(feature = "cli")]
pub fn limit(text: &str) -> std::result::Result<(String, f64), String> {
    let parts = text.split_once('=').and_then(|(name, limit)| Some((name, limit.parse::<f64>().ok()?)));
    match parts {
        Some((name, limit)) if !name.is_empty() => Ok((name.to_owned(), limit)),
        _ => Err("give NAME=LIMIT, such as overlap=0.6".to_owned()),
    }
}

/// Refuses limits that are no numbers.
pub fn check(limits: &[(String, f64)]) -> Result<()> {
    match limits.iter().find(|(_, limit)| !limit.is_finite()) {
        None => Ok(()),
        Some((name, limit)) => {
            Err(Error::argument("a limit that is no number").seen(format!("{name}={limit}")))
        }
    }
}

/// What is below its limit, in words. `accuracy` stands for the accuracy of every model.
pub fn below(found: &ComparisonReport, limits: &[(String, f64)]) -> Result<Vec<String>> {
    let mut below = Vec::new();
    for (name, limit) in limits {
        for (name, value) in figures(found, name)? {
            let value = value.ok_or_else(|| {
                Error::argument("a limit of a figure that these files do not have")
                    .with_code("no-such-figure")
                    .seen(name.as_str())
                    .advice("leave the limit out, or give more rows")
            })?;
            if value < *limit {
                below.push(format!("{name} is {}, below {limit}", fixed(value, 4)));
            }
        }
    }
    Ok(below)
}

fn figures(found: &ComparisonReport, name: &str) -> Result<Vec<(String, Option<f64>)>> {
    let alone = |value| Ok(vec![(name.to_owned(), value)]);
    match name {
        "overlap" => return alone(Some(found.neighbor_overlap.value)),
        "cka" => return alone(found.cka),
        "cka_debiased" => return alone(found.cka_debiased),
        "distance_correlation" => return alone(found.distance_correlation),
        _ => {}
    }
    let asked = |score: &str| score == name || (name == "accuracy" && score.starts_with("accuracy_"));
    let scores = found.scores.iter().filter(|score| asked(&score.name));
    let scores: Vec<_> =
        scores.map(|score| (format!("the difference in {}", score.name), score.difference)).collect();
    if scores.is_empty() {
        let known = FIGURES.into_iter().chain(found.scores.iter().map(|score| score.name.as_str()));
        return Err(Error::argument("a limit of an unknown figure")
            .with_code("no-such-figure")
            .seen(name)
            .advice(format!("the figures are {}", known.collect::<Vec<_>>().join(", "))));
    }
    Ok(scores)
}
