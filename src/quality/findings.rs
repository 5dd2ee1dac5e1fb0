//! Verdicts: what a figure is against what is usual.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The usual ranges and limits that come with the crate.
const USUAL: &str = include_str!("findings.toml");

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As usual.
    Ok,
    /// Worth a look.
    Warn,
    /// Most answers from these rows will be poor.
    Fail,
}

/// Where a range or a limit comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Measured on files of public embedding models.
    Measured,
    /// Chosen by judgement.
    Chosen,
    /// Given by the user.
    Given,
}

/// A figure with its verdict.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Finding {
    /// Which one.
    pub id: String,
    /// The verdict.
    pub level: Level,
    /// The figure.
    pub value: f64,
    /// What the figure is, and what is usual.
    pub message: String,
    /// What to do; empty when all is well.
    pub advice: String,
    /// Where the usual range comes from.
    pub usual_from: Basis,
    /// Where the limits of the verdict come from.
    pub limits_from: Basis,
}

/// The limits of one figure.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Limits {
    warn_above: Option<f64>,
    fail_above: Option<f64>,
    warn_below: Option<f64>,
    fail_below: Option<f64>,
    usual: Option<String>,
    usual_from: Option<Basis>,
    limits_from: Option<Basis>,
    message: Option<String>,
    advice: Option<String>,
}

/// The limits of all figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds(BTreeMap<String, Limits>);

impl Thresholds {
    /// Those of the crate.
    ///
    /// # Errors
    /// Never, unless the crate's own file is damaged.
    pub fn usual() -> Result<Thresholds> {
        parse(USUAL).map(Thresholds)
    }

    /// Those of the crate, with the numbers of a TOML text in their place: `[hubness_skew]` and below it
    /// `warn_above = 2.5`.
    ///
    /// # Errors
    /// For a text that is no such TOML, and figures that do not exist.
    pub fn with(text: &str) -> Result<Thresholds> {
        let Thresholds(mut all) = Thresholds::usual()?;
        for (id, more) in parse(text)? {
            let known: Vec<String> = all.keys().cloned().collect();
            let Some(limits) = all.get_mut(&id) else {
                return Err(Error::argument("a threshold of an unknown figure")
                    .seen(id)
                    .advice(format!("the figures are {}", known.join(", "))));
            };
            let moved = [more.warn_above, more.fail_above, more.warn_below, more.fail_below];
            if moved.iter().any(Option::is_some) {
                limits.limits_from = Some(Basis::Given);
            }
            if more.usual.is_some() {
                limits.usual_from = Some(Basis::Given);
            }
            limits.warn_above = more.warn_above.or(limits.warn_above);
            limits.fail_above = more.fail_above.or(limits.fail_above);
            limits.warn_below = more.warn_below.or(limits.warn_below);
            limits.fail_below = more.fail_below.or(limits.fail_below);
            limits.usual = more.usual.or(limits.usual.take());
            limits.message = more.message.or(limits.message.take());
            limits.advice = more.advice.or(limits.advice.take());
        }
        Ok(Thresholds(all))
    }

    /// The verdict on a figure; `None` for one that does not exist, is not finite, or has no limits.
    pub fn judge(&self, id: &str, value: Option<f64>) -> Option<Finding> {
        let value = value.filter(|value| value.is_finite())?;
        let limits = self.0.get(id)?;
        let beyond = |above: Option<f64>, below: Option<f64>| {
            above.is_some_and(|limit| value > limit) || below.is_some_and(|limit| value < limit)
        };
        let level = if beyond(limits.fail_above, limits.fail_below) {
            Level::Fail
        } else if beyond(limits.warn_above, limits.warn_below) {
            Level::Warn
        } else {
            Level::Ok
        };
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Some(Finding {
            id: id.to_owned(),
            level,
            value,
            message: format!("{}; usual: {}", text(&limits.message), text(&limits.usual)),
            usual_from: limits.usual_from.unwrap_or(Basis::Chosen),
            limits_from: limits.limits_from.unwrap_or(Basis::Chosen),
            advice: if level == Level::Ok { String::new() } else { text(&limits.advice) },
        })
    }
}

fn parse(text: &str) -> Result<BTreeMap<String, Limits>> {
    toml::from_str(text).map_err(|error| {
        Error::input("thresholds that cannot be read").seen(error.message().to_owned()).advice(
            "write a table for each figure, such as [hubness_skew], with warn_above, fail_above, warn_below or fail_below",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_judged_by_its_limits_and_a_file_moves_them() {
        let usual = Thresholds::usual().unwrap();
        let level =
            |thresholds: &Thresholds, id: &str, value| thresholds.judge(id, Some(value)).unwrap().level;
        assert_eq!(level(&usual, "hubness_skew", 1.5), Level::Ok);
        assert_eq!(level(&usual, "hubness_skew", 4.0), Level::Warn);
        assert_eq!(level(&usual, "hubness_skew", 9.0), Level::Fail);
        assert_eq!(level(&usual, "participation_ratio_share", 0.001), Level::Fail);
        let strict = Thresholds::with("[hubness_skew]\nwarn_above = 1.0").unwrap();
        assert_eq!(level(&strict, "hubness_skew", 1.5), Level::Warn);
        assert_eq!(usual.judge("hubness_skew", Some(f64::NAN)), None);
        let from = |thresholds: &Thresholds| thresholds.judge("hubness_skew", Some(1.5)).unwrap().limits_from;
        assert_eq!((from(&usual), from(&strict)), (Basis::Measured, Basis::Given));
    }

    #[test]
    fn every_figure_says_where_its_numbers_come_from_and_what_was_measured_is_within_the_limits() {
        let Thresholds(all) = Thresholds::usual().unwrap();
        for (id, limits) in &all {
            assert!(limits.usual_from.is_some() && limits.limits_from.is_some(), "{id}");
        }
        // The table of vecscope 0.2.0, lowest and highest of eight files.
        for (id, low, high) in [
            ("mean_cosine", 0.026, 0.692),
            ("participation_ratio_share", 0.087, 0.285),
            ("rogue_dimension", 1.7, 3.2),
            ("hubness_skew", 1.16, 2.28),
            ("anti_hubs", 0.005, 0.026),
            ("islands", 0.0, 0.0),
        ] {
            assert_eq!(all[id].usual_from, Some(Basis::Measured), "{id}");
            for value in [low, high] {
                assert_eq!(Thresholds(all.clone()).judge(id, Some(value)).unwrap().level, Level::Ok, "{id}");
            }
        }
    }

    #[test]
    fn unknown_figures_and_broken_files_are_refused() {
        assert!(
            Thresholds::with("[hubnes]\nwarn_above = 1.0").unwrap_err().to_string().contains("hubness_skew")
        );
        assert!(Thresholds::with("[hubness_skew]\nwarn = 1.0").is_err());
        assert!(Thresholds::with("no toml").is_err());
    }
}
