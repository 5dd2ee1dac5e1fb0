//! Curves between 0 and 1 on both axes.

use crate::chart::draw::axis::{Scale, Ticks, draw_x_axis, draw_y_axis};
use crate::chart::draw::drawing::{Align, Area};
use crate::chart::draw::font::{self, Weight};
use crate::chart::draw::frame::{Frame, LABEL, TICK};
use crate::chart::draw::palette::Palette;
use crate::chart::draw::picture::Picture;
use crate::chart::draw::style::Style;
use crate::error::Result;

/// Curves and points with intervals in the unit square, with its diagonal: a ROC curve, a reliability curve.
///
/// ```
/// use embedlab::chart::{Style, UnitSquare};
/// let picture = UnitSquare::new("false-positive rate", "recall")
///     .curve("cosine, AUC 0.94", &[(0.0, 0.0), (0.1, 0.8), (1.0, 1.0)])
///     .draw(&Style::new("ROC"))?;
/// assert!(picture.svg()?.contains("recall"));
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct UnitSquare<'a> {
    labels: (String, String),
    curves: Vec<(String, &'a [(f64, f64)])>,
    points: Vec<(String, &'a [PointWithInterval])>,
}

/// Horizontal place, vertical place, and the ends of its interval.
type PointWithInterval = (f64, f64, f64, f64);

impl<'a> UnitSquare<'a> {
    /// What is on the horizontal and on the vertical axis.
    pub fn new(across: impl Into<String>, up: impl Into<String>) -> Self {
        UnitSquare { labels: (across.into(), up.into()), curves: Vec::new(), points: Vec::new() }
    }

    /// A curve through these points.
    pub fn curve(mut self, name: impl Into<String>, points: &'a [(f64, f64)]) -> Self {
        self.curves.push((name.into(), points));
        self
    }

    /// Points with an interval upwards and downwards: across, up, lower end, upper end.
    pub fn points(mut self, name: impl Into<String>, points: &'a [(f64, f64, f64, f64)]) -> Self {
        self.points.push((name.into(), points));
        self
    }

    /// # Errors
    /// An impossible size.
    pub fn draw(&self, style: &Style) -> Result<Picture> {
        let mut frame = Frame::new(style, 0)?;
        if self.curves.iter().all(|curve| curve.1.is_empty())
            && self.points.iter().all(|set| set.1.is_empty())
        {
            frame.write_nothing("no curve is defined");
        } else {
            self.draw_plot(&mut frame, style);
        }
        Ok(frame.finish("Curves between 0 and 1"))
    }

    fn draw_plot(&self, frame: &mut Frame, style: &Style) {
        let n = self.curves.len() + self.points.len();
        let color = |index: usize| Palette::Categories.color(index, n, style.theme);
        let (mut x, baseline) = (frame.inside.left, frame.inside.top + LABEL);
        let names = self.curves.iter().map(|curve| &curve.0).chain(self.points.iter().map(|set| &set.0));
        for (index, name) in names.enumerate() {
            let name = font::clean(name);
            frame.drawing.rectangle(x, baseline - 5.5, x + 16.0, baseline - 2.5, color(index));
            frame.write(&name, (x + 23.0, baseline), LABEL, Weight::Regular, Align::Left);
            x += 23.0 + font::width(&name, LABEL, Weight::Regular) + 22.0;
        }
        let plot = Area {
            left: frame.inside.left + 40.0,
            top: baseline + LABEL + 24.0,
            right: frame.inside.right - 14.0,
            bottom: frame.inside.bottom - TICK - LABEL - 18.0,
        };
        if plot.width() < 30.0 || plot.height() < 20.0 {
            return;
        }
        let x = Scale { from: (0.0, 1.0), to: (plot.left, plot.right) };
        let y = Scale { from: (0.0, 1.03), to: (plot.bottom, plot.top) };
        draw_x_axis(frame, plot, x, &Ticks::new(0.0, 1.0, (plot.width() / 70.0) as usize));
        draw_y_axis(frame, plot, y, &Ticks::new(0.0, 1.0, (plot.height() / 45.0) as usize));
        let axis = frame.ink.axis;
        frame.drawing.horizontal_line(plot.left, plot.right, plot.bottom, axis);
        frame.write_muted(&self.labels.1, (frame.inside.left, plot.top - 9.0), LABEL, Align::Left);
        let below = ((plot.left + plot.right) / 2.0, plot.bottom + TICK + LABEL + 14.0);
        frame.write_muted(&self.labels.0, below, LABEL, Align::Center);
        frame.drawing.line(vec![(x.pixel(0.0), y.pixel(0.0)), (x.pixel(1.0), y.pixel(1.0))], 1.0, axis);
        for (index, (_, points)) in self.curves.iter().enumerate() {
            let mut path: Vec<(f64, f64)> = Vec::new();
            for (across, up) in points.iter() {
                let at = (x.pixel(*across), y.pixel(*up));
                // Of many points within a pixel the last one is drawn.
                if path.len() > 1
                    && path.last().is_some_and(|last| (last.0 - at.0).abs() + (last.1 - at.1).abs() < 0.5)
                {
                    path.pop();
                }
                path.push(at);
            }
            if path.len() > 1 {
                frame.drawing.line(path, 1.8, color(index));
            }
        }
        for (set, (_, points)) in self.points.iter().enumerate() {
            let color = color(self.curves.len() + set);
            for (across, up, low, high) in points.iter() {
                let at = x.pixel(*across);
                frame.drawing.vertical_line(at, y.pixel(*high), y.pixel(*low), color);
                frame.drawing.disc((at, y.pixel(*up)), 4.0, color);
            }
        }
    }
}
