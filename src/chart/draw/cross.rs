//! The cross that marks a mean.

use super::frame::Frame;
use super::palette::Color;

/// A cross that can be told from the dots around it.
pub(in crate::chart) fn draw_mean(frame: &mut Frame, at: (f64, f64), color: Color) {
    let (background, text) = (frame.ink.background, frame.ink.text);
    draw_cross(frame, at, 9.4, 5.6, background);
    draw_cross(frame, at, 8.6, 4.6, text.mix(background, 0.08));
    draw_cross(frame, at, 7.8, 2.8, color);
}

/// A diagonal cross of two bars; `half` is from the middle to the end of a bar along each axis.
fn draw_cross(frame: &mut Frame, (x, y): (f64, f64), half: f64, width: f64, color: Color) {
    // As a polygon, because plotters rounds the corners of a wide line to whole units.
    let bar = width / 2.0 * std::f64::consts::FRAC_1_SQRT_2;
    let corners = [
        (-half - bar, -half + bar),
        (-half + bar, -half - bar),
        (half + bar, half - bar),
        (half - bar, half + bar),
    ];
    for mirror in [1.0, -1.0] {
        frame.drawing.polygon(corners.iter().map(|&(a, b)| (x + a * mirror, y + b)).collect(), color);
    }
}
