//! One look for every picture.
//!
//! There is one type per picture ([`Scatter`], [`Scatter3`], [`KChoice`], [`Bars`],
//! [`Histogram`], [`Intervals`], [`Lines`], [`Shares`], [`PrecisionRecallCurves`], [`HeatMap`], [`Matrix`],
//! [`Predicted`], [`BoxPlot`], [`Distributions`], [`UnitSquare`], [`ThresholdPlot`]). Each holds plain data and its `draw` takes a [`Style`] and
//! gives a [`Picture`], which is saved by its extension or asked for its SVG text or PNG bytes.
//!
//! A picture is first laid out as a list of marks in floating-point pixels, and only then painted,
//! by the same code, with plotters' SVG or bitmap backend. So both formats agree, a layout can be
//! tested without reading pixels, and a new picture needs no knowledge of either backend.
//!
//! [`InteractiveMap`] is a scatter plot as a page to explore, [`TwoMaps`] two of them side by side.
//!
//! The colours can be told apart with the common colour-vision deficiencies (Okabe and Ito's set,
//! then Tableau's), the font travels with the crate, and the same data gives the same bytes.
//!
//! ```
//! use embedlab::chart::{Groups, Scatter, Style};
//! use ndarray::array;
//!
//! # fn main() -> embedlab::Result<()> {
//! let points = array![[0.0_f32, 0.1], [0.2, 0.0], [3.0, 2.9]];
//! let groups = Groups::new(&[0, 0, 1], ["tea", "dog food"])?;
//! let picture = Scatter::new(points.view()).groups(groups).means(true).draw(&Style::new("Reviews"))?;
//! assert!(picture.svg()?.contains("dog food"));
//! # Ok(())
//! # }
//! ```

mod draw;
mod interactive;
mod picture;

pub use draw::groups::Groups;
pub use draw::palette::{Color, Palette, Theme};
pub use draw::picture::Picture;
pub use draw::style::Style;
pub use interactive::{ColorColumn, InteractiveMap, TwoMaps};
pub use picture::{
    Bars, BoxPlot, Distributions, HeatMap, Histogram, Intervals, KChoice, Lines, Matrix,
    PrecisionRecallCurves, Predicted, Scatter, Scatter3, ScatterPlot, Shares, ThresholdPlot, UnitSquare,
};
