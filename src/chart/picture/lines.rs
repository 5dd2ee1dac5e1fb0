//! Named lines over one axis.

use crate::chart::draw::axis::{Scale, Ticks, draw_x_axis, draw_y_axis, range};
use crate::chart::draw::drawing::{Align, Area};
use crate::chart::draw::font::{self, Weight};
use crate::chart::draw::frame::{Frame, LABEL, TICK};
use crate::chart::draw::palette::Palette;
use crate::chart::draw::picture::Picture;
use crate::chart::draw::style::Style;
use crate::error::{Error, Result};
use crate::number::grouped;

/// Lines with dots, each with a name; the x axis may be logarithmic. Points that are NaN or infinite, or not above 0 on a
/// logarithmic axis, are left out and counted.
///
/// ```
/// use embedlab::chart::{Lines, Style};
/// let picture = Lines::new("bytes", "recall")
///     .logarithmic(true)
///     .line("int8", vec![(128.0, 0.8), (256.0, 0.95)])
///     .draw(&Style::new("Recall"))?;
/// assert!(picture.svg()?.contains("int8"));
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Lines {
    x: String,
    y: String,
    logarithmic: bool,
    lines: Vec<(String, Vec<(f64, f64)>)>,
}

/// Lines that can be told apart.
const MOST_LINES: usize = 10;
const LINE: f64 = 19.0;
const INDENT: f64 = 23.0;

impl Lines {
    /// No lines yet, with the names of the axes.
    pub fn new(x: impl Into<String>, y: impl Into<String>) -> Self {
        Lines { x: x.into(), y: y.into(), logarithmic: false, lines: Vec::new() }
    }

    /// Whether equal steps along x are equal ratios. Default: no.
    pub fn logarithmic(self, logarithmic: bool) -> Self {
        Lines { logarithmic, ..self }
    }

    /// Adds a line through points (x, y), in order.
    pub fn line(mut self, name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        self.lines.push((name.into(), points));
        self
    }

    /// # Errors
    /// More than ten lines, an impossible size.
    pub fn draw(&self, style: &Style) -> Result<Picture> {
        if self.lines.len() > MOST_LINES {
            return Err(Error::argument("more lines than can be told apart")
                .seen(self.lines.len().to_string())
                .advice(format!("draw at most {MOST_LINES}")));
        }
        let usable = |point: &&(f64, f64)| {
            point.0.is_finite() && point.1.is_finite() && (!self.logarithmic || point.0 > 0.0)
        };
        let lines: Vec<(&str, Vec<(f64, f64)>)> = self
            .lines
            .iter()
            .map(|(name, points)| {
                let along = |x: f64| if self.logarithmic { x.ln() } else { x };
                (&name[..], points.iter().filter(usable).map(|(x, y)| (along(*x), *y)).collect())
            })
            .collect();
        let all: usize = self.lines.iter().map(|(_, points)| points.len()).sum();
        let used: usize = lines.iter().map(|(_, points)| points.len()).sum();
        let mut frame = Frame::new(style, all - used)?;
        if used == 0 {
            frame.write_nothing("no points");
        } else {
            self.draw_lines(&mut frame, style, &lines);
        }
        Ok(frame.finish(&format!("Line chart of {} over {}", self.y, self.x)))
    }

    fn draw_lines(&self, frame: &mut Frame, style: &Style, lines: &[(&str, Vec<(f64, f64)>)]) {
        let names =
            lines.iter().map(|(name, _)| font::width(name, LABEL, Weight::Regular)).fold(0.0, f64::max);
        let Area { left, top, right, bottom } = frame.inside;
        let beside = right - left >= 420.0;
        let columns = if beside { 1 } else { (((right - left) / (INDENT + names + 16.0)) as usize).max(1) };
        let below = if beside { 0.0 } else { lines.len().div_ceil(columns) as f64 * LINE + 8.0 };
        let plot = Area {
            left: left + 40.0,
            top: top + LABEL + 12.0,
            right: if beside { right - names - INDENT - 24.0 } else { right - 10.0 },
            bottom: bottom - TICK - LABEL - 18.0 - below,
        };
        if plot.width() < 30.0 || plot.height() < 20.0 {
            return;
        }
        let points = || lines.iter().flat_map(|(_, points)| points);
        let (low, high) = range(points().map(|point| point.0));
        let x = Scale { from: (low, high), to: (plot.left + 10.0, plot.right - 10.0) };
        let (low, high) = range(points().map(|point| point.1));
        let air = (high - low) * 0.06;
        let y = Scale { from: (low - air, high + air), to: (plot.bottom, plot.top) };
        if self.logarithmic {
            self.draw_ratios(frame, plot, x);
        } else {
            draw_x_axis(frame, plot, x, &Ticks::new(x.from.0, x.from.1, (plot.width() / 70.0) as usize));
        }
        draw_y_axis(frame, plot, y, &Ticks::new(y.from.0, y.from.1, (plot.height() / 45.0) as usize));
        let axis = frame.ink.axis;
        frame.drawing.horizontal_line(plot.left, plot.right, plot.bottom, axis);
        frame.write_muted(&self.y, (left, plot.top - 9.0), LABEL, Align::Left);
        let middle = ((plot.left + plot.right) / 2.0, plot.bottom + TICK + LABEL + 14.0);
        frame.write_muted(&self.x, middle, LABEL, Align::Center);
        for (at, (name, points)) in lines.iter().enumerate() {
            let color = Palette::Categories.color(at, lines.len(), style.theme);
            let pixels: Vec<(f64, f64)> = points.iter().map(|(a, b)| (x.pixel(*a), y.pixel(*b))).collect();
            if pixels.len() > 1 {
                frame.drawing.line(pixels.clone(), 2.0, color);
            }
            pixels.into_iter().for_each(|pixel| frame.drawing.disc(pixel, 3.4, color));
            let place = match beside {
                true => (plot.right + 18.0, plot.top + at as f64 * LINE),
                false => (
                    left + (at % columns) as f64 * (INDENT + names + 16.0),
                    bottom - below + 8.0 + (at / columns) as f64 * LINE,
                ),
            };
            frame.drawing.disc((place.0 + 5.0, place.1 + LABEL * 0.64), 5.0, color);
            let name = font::fit(&font::clean(name), names.max(24.0), LABEL, Weight::Regular);
            frame.write(&name, (place.0 + INDENT, place.1 + LABEL), LABEL, Weight::Regular, Align::Left);
        }
    }

    /// Powers of two, as many as there is room for.
    fn draw_ratios(&self, frame: &mut Frame, plot: Area, x: Scale) {
        let powers = |ln: f64| ln / std::f64::consts::LN_2;
        let (first, last) = (powers(x.from.0).ceil(), powers(x.from.1).floor());
        let every = ((last - first + 1.0) / (plot.width() / 52.0).max(1.0)).ceil().max(1.0);
        let mut power = first;
        while power <= last {
            let at = x.pixel(power * std::f64::consts::LN_2);
            let grid = frame.ink.grid;
            frame.drawing.vertical_line(at, plot.top, plot.bottom, grid);
            let value = power.exp2();
            let label = if value >= 1.0 { grouped(value as u64) } else { value.to_string() };
            frame.write_muted(&label, (at, plot.bottom + TICK + 6.0), TICK, Align::Center);
            power += every;
        }
    }
}
