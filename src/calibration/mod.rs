//! From which cosine on two texts are a match, and how probable a match is: measured on pairs, not guessed.
//!
//! [`calibrate`] takes the cosines of [`Pairs`](crate::pairs::Pairs): on the training pairs it fits two maps from cosine
//! to probability and chooses thresholds, on the test pairs it says how good they are. A [`Calibration`] is saved as
//! JSON and gives the probability of a cosine.
//!
//! ```
//! use embedlab::calibration::{CalibrateOptions, calibrate};
//! use embedlab::pairs::Pairs;
//!
//! let n = 400;
//! let same: Vec<bool> = (0..n).map(|pair| pair % 2 == 0).collect();
//! let rows = (0..n).map(|pair| (2 * pair, 2 * pair + 1)).collect();
//! let cosines: Vec<f64> = (0..n)
//!     .map(|pair| if pair % 2 == 0 { 0.6 } else { 0.3 } + 0.001 * (pair * 7919 % 400) as f64)
//!     .collect();
//! let pairs = Pairs::split(rows, same, (0..2 * n as u32).collect(), 0.5, 42)?;
//! let found = calibrate(&cosines, &pairs, &CalibrateOptions::default())?;
//! assert!(found.calibration.probability(0.95) > 0.9 && found.calibration.probability(0.3) < 0.1);
//! assert!(found.auc.value > 0.9);
//! # Ok::<(), embedlab::Error>(())
//! ```

mod calibrate;
mod maps;
mod saved;
mod thresholds;

pub use calibrate::{CalibrateOptions, Calibrated, ReliabilityBin, calibrate, cosines};
pub use maps::{Isotonic, Logistic};
pub use saved::{Calibration, MapKind};
pub use thresholds::{Goal, Threshold};
