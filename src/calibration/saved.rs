//! A calibration on disk.

use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::maps::{Isotonic, Logistic};
use super::thresholds::Threshold;
use crate::error::{Error, Result};
use crate::output::write_whole;

const KIND: &str = "calibration";
const VERSION: u32 = 1;

/// Which map gives the probability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum MapKind {
    /// A logistic curve: two numbers, for few pairs too
    #[default]
    Logistic,
    /// A rising curve of any form: for a thousand pairs or more
    Isotonic,
}

/// What a cosine says about a match: two maps to probability, and thresholds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    kind: String,
    version: u32,
    /// The map that [`Calibration::probability`] uses.
    pub map: MapKind,
    /// The logistic map.
    pub logistic: Logistic,
    /// The isotonic map.
    pub isotonic: Isotonic,
    /// The thresholds.
    pub thresholds: Vec<Threshold>,
    /// The share of matches among the pairs for which the probability holds.
    pub prior: f64,
    /// The dimensions of the vectors.
    pub dims: Option<usize>,
}

impl Calibration {
    pub(super) fn new(map: MapKind, logistic: Logistic, isotonic: Isotonic, prior: f64) -> Self {
        Calibration {
            kind: KIND.to_owned(),
            version: VERSION,
            map,
            logistic,
            isotonic,
            thresholds: Vec::new(),
            prior,
            dims: None,
        }
    }

    /// The probability that a pair with this cosine is the same.
    pub fn probability(&self, cosine: f64) -> f64 {
        match self.map {
            MapKind::Logistic => self.logistic.probability(cosine),
            MapKind::Isotonic => self.isotonic.probability(cosine),
        }
    }

    /// Saves the calibration as JSON. The file appears whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let json = serde_json::to_string_pretty(self)
            .map_err(|error| Error::input("the calibration cannot be saved").file(path).source(error))?;
        write_whole(path, |out| {
            out.write_all(json.as_bytes()).map_err(|error| Error::io("cannot write", error).file(path))
        })
    }

    /// Loads a calibration that [`Calibration::save`] wrote.
    ///
    /// # Errors
    /// When the file is missing, no calibration, or of an unknown version.
    pub fn load(path: impl AsRef<Path>) -> Result<Calibration> {
        let path = path.as_ref();
        let text =
            std::fs::read_to_string(path).map_err(|error| Error::io("cannot open", error).file(path))?;
        let none = || {
            Error::input("no calibration")
                .with_code("calibration-invalid")
                .file(path)
                .advice("embedlab calibrate FILE -o calibration.json writes one")
        };
        let found: Calibration = serde_json::from_str(&text).map_err(|error| none().source(error))?;
        if found.kind != KIND || found.version != VERSION {
            return Err(none().seen(format!("{} of version {}", found.kind, found.version)));
        }
        let finite = found.logistic.intercept.is_finite() && found.logistic.slope.is_finite();
        if !finite || !found.isotonic.is_sound() {
            return Err(none().seen("numbers that are no map"));
        }
        Ok(found)
    }

    /// Checks that the calibration is of vectors of these dimensions.
    ///
    /// # Errors
    /// When it is of others.
    pub fn require_dims(&self, dims: usize) -> Result<()> {
        match self.dims {
            Some(own) if own != dims => Err(Error::argument("a calibration of other vectors")
                .with_code("dimensions")
                .seen(format!("{own} dimensions, where the rows have {dims}"))
                .advice("calibrate with vectors of this model")),
            _ => Ok(()),
        }
    }
}
