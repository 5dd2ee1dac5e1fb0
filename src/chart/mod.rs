//! One look for every picture.
//!
//! There is one type per picture ([`Scatter`], [`Scatter3`], [`KChoice`], [`Silhouettes`], [`Bars`],
//! [`Histogram`], [`Shares`], [`PrecisionRecallCurves`], [`RocCurves`], [`HeatMap`], [`Matrix`],
//! [`Predicted`], [`BoxPlot`], [`ThresholdPlot`]). Each holds plain data and its `draw` takes a [`Style`] and
//! gives a [`Picture`], which is saved by its extension or asked for its SVG text or PNG bytes.
//!
//! A picture is first laid out as a list of marks in floating-point pixels, and only then painted,
//! by the same code, with plotters' SVG or bitmap backend. So both formats agree, a layout can be
//! tested without reading pixels, and a new picture needs no knowledge of either backend.
//!
//! [`InteractiveMap`] is a scatter plot as a page to explore.
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

mod axis;
mod bars;
mod box_plot;
mod coloring;
mod curves;
mod drawing;
mod font;
mod frame;
mod groups;
mod heat_map;
mod histogram;
mod interactive;
mod k_choice;
mod legend;
mod letters;
mod matrix;
mod paint;
mod palette;
mod picture;
mod points;
mod predicted;
mod ramp;
mod raster;
mod scatter;
mod scatter3;
pub(crate) mod script;
mod shares;
mod silhouettes;
mod style;
mod svg;
mod threshold;
pub(crate) mod web;

pub use bars::Bars;
pub use box_plot::BoxPlot;
pub use curves::{PrecisionRecallCurves, RocCurves};
pub use groups::Groups;
pub use heat_map::HeatMap;
pub use histogram::Histogram;
pub use interactive::{ColorColumn, InteractiveMap};
pub use k_choice::KChoice;
pub use matrix::Matrix;
pub use palette::{Color, Palette};
pub use picture::Picture;
pub use predicted::Predicted;
pub use scatter::Scatter;
pub use scatter3::Scatter3;
pub use shares::Shares;
pub use silhouettes::Silhouettes;
pub use style::{Style, Theme};
pub use threshold::ThresholdPlot;
