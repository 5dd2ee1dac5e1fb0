//! Fewer dimensions and fewer bits: what is left of the nearest rows.
//!
//! A [`Reduction`] takes rows to fewer dimensions, a [`Codes`] keeps them in fewer bits, [`curve`] measures how many of
//! the nearest rows each setting still finds. All by the cosine.
//!
//! ```
//! use embedlab::compress::{CurveOptions, Method, Precision, curve};
//! use ndarray::Array2;
//!
//! let rows = Array2::from_shape_fn((300, 16), |(i, j)| ((i * 37 + j * 101 + i * j) % 97) as f32 - 48.0);
//! let options = CurveOptions {
//!     methods: vec![Method::Truncate],
//!     dims: vec![16, 8],
//!     precisions: vec![Precision::F32, Precision::Int8],
//!     n_queries: 50,
//!     ..Default::default()
//! };
//! let points = curve(rows.view(), None, None, &options, &|_, _| ())?.points;
//! let all = points.iter().find(|point| point.dims == 16 && point.precision == Precision::F32).unwrap();
//! assert_eq!((all.bytes, all.recall.mean), (64, 1.0));
//! # Ok::<(), embedlab::Error>(())
//! ```

mod codes;
mod curve;
mod half;
mod point;
mod probe;
mod quantized;
mod rabitq;
mod reduction;
mod search;

pub use codes::{Codes, Precision};
pub use curve::{Curve, CurveOptions, curve};
pub use point::{Point, Probed, Recall, RescoredBy, ShareRight, TenthLess};
pub use quantized::{Ranges, int8_codes, packed_bits, uint8_codes};
pub use rabitq::RaBitQ;
pub use reduction::{Method, Reduction};
