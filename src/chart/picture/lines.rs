//! One or more lines: numbers over another, on linear or logarithmic axes.

use crate::chart::draw::axis::range;
use crate::chart::draw::drawing::{Align, Area};
use crate::chart::draw::font::{self, Weight};
use crate::chart::draw::frame::{Frame, LABEL, TICK};
use crate::chart::draw::log_axis::{Axis, short};
use crate::chart::draw::palette::{Color, Palette};
use crate::chart::draw::picture::Picture;
use crate::chart::draw::style::Style;
use crate::error::{Error, Result};

/// Lines through points, in the order of the points: a spectrum on two logarithmic axes, an estimate at growing scales with
/// an error bar at each, recall over bytes with a line for each precision. Several lines have a legend; one needs no name.
///
/// A point that is NaN or infinite, or not above zero on a logarithmic axis, leaves a gap and is counted
/// ([`Picture::skipped`]).
///
/// ```
/// use embedlab::chart::{Lines, Style};
/// let picture = Lines::new("bytes", "recall")
///     .log_x(true)
///     .line("int8", vec![(128.0, 0.8), (256.0, 0.95)])
///     .errors(&[0.05, 0.02])
///     .draw(&Style::new("Recall"))?;
/// assert!(picture.svg()?.contains("int8"));
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Lines {
    x: String,
    y: String,
    log: (bool, bool),
    from_zero: bool,
    lines: Vec<Line>,
}

#[derive(Debug, Clone)]
struct Line {
    name: String,
    points: Vec<(f64, f64)>,
    errors: Vec<f64>,
}

impl Line {
    /// The two ends of the error bar of a point.
    fn bar(&self, index: usize, y: f64, log: bool) -> (f64, f64) {
        let half = self.errors.get(index).copied().filter(|half| half.is_finite()).unwrap_or(0.0);
        let low = y - half;
        (if log && low <= 0.0 { y } else { low }, y + half)
    }
}

/// Lines that can be told apart.
const MOST_LINES: usize = 10;
/// Up to this many points of a line each has its dot; those of a line alone have their own numbers under the axis.
const FEW: usize = 12;
const LINE: f64 = 19.0;
const INDENT: f64 = 23.0;

impl Lines {
    /// No lines yet, with the names of the axes.
    pub fn new(x: impl Into<String>, y: impl Into<String>) -> Self {
        Lines { x: x.into(), y: y.into(), log: (false, false), from_zero: false, lines: Vec::new() }
    }

    /// Whether x is drawn on a logarithmic axis. Default: no.
    pub fn log_x(mut self, log: bool) -> Self {
        self.log.0 = log;
        self
    }

    /// Whether y is drawn on a logarithmic axis. Default: no.
    pub fn log_y(mut self, log: bool) -> Self {
        self.log.1 = log;
        self
    }

    /// Whether a linear y axis begins at 0. Default: no.
    pub fn from_zero(mut self, from_zero: bool) -> Self {
        self.from_zero = from_zero;
        self
    }

    /// Adds a line through points (x, y).
    pub fn line(mut self, name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        self.lines.push(Line { name: name.into(), points, errors: Vec::new() });
        self
    }

    /// Half the length of the error bar of each point of the line that was added last; none by default.
    pub fn errors(mut self, errors: &[f64]) -> Self {
        if let Some(line) = self.lines.last_mut() {
            line.errors = errors.to_vec();
        }
        self
    }

    /// # Errors
    /// More than ten lines, errors and points of different number, an impossible size.
    pub fn draw(&self, style: &Style) -> Result<Picture> {
        if self.lines.len() > MOST_LINES {
            return Err(Error::argument("more lines than can be told apart")
                .seen(self.lines.len().to_string())
                .advice(format!("draw at most {MOST_LINES}")));
        }
        if let Some(line) =
            self.lines.iter().find(|line| ![0, line.points.len()].contains(&line.errors.len()))
        {
            return Err(Error::argument("points and errors of different number")
                .seen(format!("{} points, {} errors", line.points.len(), line.errors.len()))
                .advice("give one of each for each point"));
        }
        let shown = |value: f64, log: bool| value.is_finite() && (!log || value > 0.0);
        let usable = |&(x, y): &(f64, f64)| (shown(x, self.log.0) && shown(y, self.log.1)).then_some((x, y));
        let points: Vec<Vec<Option<(f64, f64)>>> =
            self.lines.iter().map(|line| line.points.iter().map(usable).collect()).collect();
        let all = || points.iter().flatten();
        let skipped = all().filter(|point| point.is_none()).count();
        let mut frame = Frame::new(style, skipped)?;
        if skipped == all().count() {
            frame.write_nothing("no values");
        } else {
            self.draw_plot(&mut frame, style, &points);
        }
        Ok(frame.finish(&format!("Line chart of {} over {}", self.y, self.x)))
    }

    fn is_alone(&self) -> bool {
        matches!(&self.lines[..], [only] if only.name.is_empty())
    }

    fn draw_plot(&self, frame: &mut Frame, style: &Style, points: &[Vec<Option<(f64, f64)>>]) {
        let legend = (!self.is_alone()).then(|| Legend::new(frame, &self.lines));
        let beside = legend.as_ref().filter(|legend| legend.beside).map_or(0.0, |legend| legend.width + 14.0);
        let below = legend.as_ref().filter(|legend| !legend.beside).map_or(0.0, |legend| legend.height);
        let plot = Area {
            left: frame.inside.left + 56.0,
            top: frame.inside.top + LABEL + 12.0,
            right: frame.inside.right - 14.0 - beside,
            bottom: frame.inside.bottom - TICK - LABEL - 18.0 - below,
        };
        if plot.width() < 30.0 || plot.height() < 20.0 {
            return;
        }
        let drawn = || {
            let of = |(line, points): (usize, &Vec<Option<(f64, f64)>>)| {
                let points = points.iter().enumerate();
                points.filter_map(|(at, point)| Some((line, at, (*point)?))).collect::<Vec<_>>()
            };
            points.iter().enumerate().flat_map(of)
        };
        let few = points.iter().all(|points| points.len() <= FEW);
        let x = Axis::new(range(drawn().map(|(.., (x, _))| x)), self.log.0, (plot.left, plot.right));
        let x = if few { x.inset(16.0) } else { x };
        let ends =
            drawn().flat_map(|(line, at, (_, y))| <[f64; 2]>::from(self.lines[line].bar(at, y, self.log.1)));
        let (low, high) = range(ends);
        let air = (high - low) * 0.08;
        let (low, high) = match (self.log.1, self.from_zero && low >= 0.0) {
            (true, _) => (low / 1.15, high * 1.15),
            (false, true) => (0.0, high + air),
            (false, false) => (low - air, high + air),
        };
        let y = Axis::new((low, high), self.log.1, (plot.bottom, plot.top));
        let own = (few && self.is_alone()).then(|| drawn().map(|(.., (x, _))| x).collect());
        self.draw_axes(frame, plot, (&x, &y), own);
        for (line, points) in points.iter().enumerate() {
            let color = match self.is_alone() {
                true => frame.ink.accent,
                false => Palette::Categories.color(line, self.lines.len(), style.theme),
            };
            let bar = color.mix(frame.ink.background, 0.45);
            let bars =
                drawn().filter(|(of, at, _)| *of == line && self.lines[line].errors.get(*at).is_some());
            for (_, at, (a, value)) in bars {
                let (low, high) = self.lines[line].bar(at, value, self.log.1);
                let (at, top, bottom) = (x.pixel(a), y.pixel(high), y.pixel(low));
                frame.drawing.rectangle(at - 1.0, top, at + 1.0, bottom.max(top + 1.0), bar);
                for end in [top, bottom] {
                    frame.drawing.horizontal_line(at - 5.0, at + 5.0, end, bar);
                }
            }
            let pixels: Vec<Option<(f64, f64)>> =
                points.iter().map(|point| point.map(|(a, b)| (x.pixel(a), y.pixel(b)))).collect();
            for run in pixels.split(Option::is_none).filter(|run| run.len() > 1) {
                frame.drawing.line(run.iter().flatten().copied().collect(), 2.0, color);
            }
            pixels.into_iter().flatten().filter(|_| few).for_each(|at| frame.drawing.disc(at, 3.2, color));
            if let Some(legend) = &legend {
                legend.draw(frame, plot, line, &self.lines[line].name, color);
            }
        }
    }

    /// Both axes with their names; `own` are the only numbers under the x axis, where there are few.
    fn draw_axes(&self, frame: &mut Frame, plot: Area, (x, y): (&Axis, &Axis), own: Option<Vec<f64>>) {
        let ink = frame.ink;
        for (value, label) in y.ticks((plot.height() / 42.0) as usize) {
            let at = y.pixel(value);
            frame.drawing.horizontal_line(plot.left, plot.right, at, ink.grid);
            frame.write_muted(&label, (plot.left - 8.0, at + TICK * 0.36), TICK, Align::Right);
        }
        frame.drawing.horizontal_line(plot.left, plot.right, plot.bottom, ink.axis);
        let ticks = match own {
            Some(values) => values.into_iter().map(|value| (value, short(value))).collect(),
            None => x.ticks((plot.width() / 70.0) as usize),
        };
        let mut free = f64::NEG_INFINITY;
        for (value, label) in ticks {
            let (at, half) = (x.pixel(value), font::width(&label, TICK, Weight::Regular) / 2.0);
            frame.drawing.vertical_line(at, plot.bottom, plot.bottom + 4.0, ink.axis);
            if at - half > free {
                frame.write_muted(&label, (at, plot.bottom + TICK + 8.0), TICK, Align::Center);
                free = at + half + 6.0;
            }
        }
        frame.write_muted(&self.y, (frame.inside.left, plot.top - 9.0), LABEL, Align::Left);
        let below = ((plot.left + plot.right) / 2.0, plot.bottom + TICK + LABEL + 14.0);
        frame.write_muted(&self.x, below, LABEL, Align::Center);
    }
}

/// The names of the lines, beside the plot where there is room, else below it.
struct Legend {
    beside: bool,
    names: f64,
    width: f64,
    height: f64,
    columns: usize,
}

impl Legend {
    fn new(frame: &Frame, lines: &[Line]) -> Legend {
        let widths = lines.iter().map(|line| font::width(&line.name, LABEL, Weight::Regular));
        let names = widths.fold(24.0, f64::max);
        let room = frame.inside.width();
        let beside = room >= 420.0;
        let names = if beside { names.min(room / 3.0) } else { names.min(room - INDENT) };
        let columns = if beside { 1 } else { ((room / (INDENT + names + 16.0)) as usize).max(1) };
        let height = lines.len().div_ceil(columns) as f64 * LINE + 8.0;
        Legend { beside, names, width: INDENT + names, height, columns }
    }

    fn draw(&self, frame: &mut Frame, plot: Area, at: usize, name: &str, color: Color) {
        let place = match self.beside {
            true => (plot.right + 14.0, plot.top + at as f64 * LINE),
            false => (
                frame.inside.left + (at % self.columns) as f64 * (INDENT + self.names + 16.0),
                frame.inside.bottom - self.height + 8.0 + (at / self.columns) as f64 * LINE,
            ),
        };
        frame.drawing.disc((place.0 + 5.0, place.1 + LABEL * 0.64), 5.0, color);
        let name = font::fit(&font::clean(name), self.names, LABEL, Weight::Regular);
        frame.write(&name, (place.0 + INDENT, place.1 + LABEL), LABEL, Weight::Regular, Align::Left);
    }
}
