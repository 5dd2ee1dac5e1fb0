//! The drawing engine: what surrounds a plot, colours and type, and the marks that are painted as
//! SVG or PNG.

pub(super) mod axis;
pub(super) mod coloring;
pub(super) mod cross;
pub(super) mod drawing;
pub(super) mod font;
pub(super) mod frame;
pub(super) mod groups;
pub(super) mod legend;
mod letters;
pub(super) mod log_axis;
mod paint;
pub(super) mod palette;
pub(super) mod picture;
mod points;
pub(super) mod ramp;
mod raster;
pub(super) mod style;
mod svg;
