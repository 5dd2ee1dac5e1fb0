//! The pictures, one file each: plain data and options in, a [`Picture`](super::Picture) out.

mod bars;
mod box_plot;
mod curves;
mod distributions;
mod dots;
mod heat_map;
mod histogram;
mod intervals;
mod k_choice;
mod lines;
mod matrix;
mod predicted;
mod scatter;
mod scatter3;
mod shares;
mod threshold;
mod unit_square;

pub use bars::Bars;
pub use box_plot::BoxPlot;
pub use curves::PrecisionRecallCurves;
pub use distributions::Distributions;
pub use dots::ScatterPlot;
pub use heat_map::HeatMap;
pub use histogram::Histogram;
pub use intervals::Intervals;
pub use k_choice::KChoice;
pub use lines::Lines;
pub use matrix::Matrix;
pub use predicted::Predicted;
pub use scatter::Scatter;
pub use scatter3::Scatter3;
pub use shares::Shares;
pub use threshold::ThresholdPlot;
pub use unit_square::UnitSquare;
