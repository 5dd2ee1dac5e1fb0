//! Sixteen bits a number.

use half::f16;

/// A number as half precision keeps it.
pub(super) fn rounded(x: f32) -> f32 {
    f16::from_f32(x).to_f32()
}
