//! How far two rows are from each other.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::simd::{dot_f64, l1_distance_f64, linf_distance, squared_distance_f64};

/// A distance between rows; smaller is nearer.
///
/// ```
/// use embedlab::rows::Metric;
/// assert_eq!(Metric::L1.distance(&[1.0, 2.0], &[4.0, -2.0]), 7.0);
/// assert_eq!(Metric::Cosine.distance(&[1.0, 0.0], &[0.0, 3.0]), 1.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// One minus the cosine of the angle; 1 when a row is zero.
    #[default]
    Cosine,
    /// Minus the inner product: not a distance, but it ranks as a search by inner product does.
    Dot,
    /// Sum of absolute differences.
    L1,
    /// Euclidean distance.
    L2,
    /// Largest absolute difference.
    Linf,
}

impl Metric {
    /// The distance of two rows of the same length, in `f64`.
    pub fn distance(self, a: &[f32], b: &[f32]) -> f64 {
        match self {
            Metric::Cosine => {
                let lengths = (dot_f64(a, a) * dot_f64(b, b)).sqrt();
                if lengths > 0.0 { 1.0 - dot_f64(a, b) / lengths } else { 1.0 }
            }
            Metric::Dot => -dot_f64(a, b),
            Metric::L1 => l1_distance_f64(a, b),
            Metric::L2 => squared_distance_f64(a, b).sqrt(),
            Metric::Linf => linf_distance(a, b),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zero_row_is_unrelated_to_everything() {
        assert_eq!(Metric::Cosine.distance(&[0.0, 0.0], &[1.0, 2.0]), 1.0);
    }

    #[test]
    fn each_metric_is_what_its_name_says() {
        let (a, b) = ([3.0, 0.0, 4.0], [0.0, 0.0, 8.0]);
        assert!((Metric::Cosine.distance(&a, &b) - 0.2).abs() < 1e-15);
        assert_eq!(Metric::Dot.distance(&a, &b), -32.0);
        assert_eq!(Metric::L1.distance(&a, &b), 7.0);
        assert_eq!(Metric::L2.distance(&a, &b), 5.0);
        assert_eq!(Metric::Linf.distance(&a, &b), 4.0);
    }
}
