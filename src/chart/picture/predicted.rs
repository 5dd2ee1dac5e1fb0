//! Predicted values against true ones.

use super::dots::{alpha, radius};
use crate::chart::draw::axis::{Scale, Ticks, draw_x_axis, draw_y_axis, range};
use crate::chart::draw::drawing::{Align, Area, Mark, Points};
use crate::chart::draw::font::{self, Weight};
use crate::chart::draw::frame::{Frame, LABEL, TICK};
use crate::chart::draw::palette::Palette;
use crate::chart::draw::picture::Picture;
use crate::chart::draw::style::Style;
use crate::error::{Error, Result};
use crate::number::{brief, fixed, grouped};

/// Predicted over true values, with the diagonal on which all would lie.
///
/// Where the truth has few levels, such as stars, the rows of each level are spread over a strip,
/// with a mark at their median and a line over their middle half. The subtitle has the mean
/// absolute error. Rows with NaN or infinity are left out and counted ([`Picture::skipped`]).
///
/// ```
/// use embedlab::chart::{Predicted, Style};
/// let picture = Predicted::new(&[1.0, 5.0, 5.0], &[2.0, 4.5, 5.0]).draw(&Style::new("Stars"))?;
/// assert!(picture.svg()?.contains("MAE 0.500"));
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Predicted<'a> {
    truth: &'a [f64],
    predicted: &'a [f64],
    palette: Option<Palette>,
    unit: String,
}

/// With more different true values it is a scatter plot.
const MOST_LEVELS: usize = 12;

impl<'a> Predicted<'a> {
    /// The true and the predicted value of each row.
    pub fn new(truth: &'a [f64], predicted: &'a [f64]) -> Self {
        Predicted { truth, predicted, palette: None, unit: String::new() }
    }

    /// A colour for each true level; one for all by default.
    pub fn palette(mut self, palette: Palette) -> Self {
        self.palette = Some(palette);
        self
    }

    /// What the values are ("stars"), named on the axes.
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = unit.into();
        self
    }

    /// # Errors
    /// Truth and predictions of different length, an impossible size.
    pub fn draw(&self, style: &Style) -> Result<Picture> {
        if self.truth.len() != self.predicted.len() {
            return Err(Error::argument("true and predicted values of different length")
                .seen(format!("{} and {}", self.truth.len(), self.predicted.len()))
                .advice("give one of each for each row"));
        }
        let rows: Vec<(f64, f64)> = self
            .truth
            .iter()
            .copied()
            .zip(self.predicted.iter().copied())
            .filter(|(truth, predicted)| truth.is_finite() && predicted.is_finite())
            .collect();
        let mut style = style.clone();
        if !rows.is_empty() {
            let error = rows.iter().map(|(truth, predicted)| (predicted - truth).abs() / rows.len() as f64);
            let note = format!("MAE {}", fixed(error.sum(), 3));
            let separator = if style.subtitle.is_empty() { "" } else { " · " };
            style.subtitle = format!("{}{separator}{note}", style.subtitle);
        }
        let mut frame = Frame::new(&style, self.truth.len() - rows.len())?;
        if rows.is_empty() {
            frame.write_nothing("no rows");
        } else {
            self.draw_plot(&mut frame, &rows, &style);
        }
        Ok(frame.finish("Predicted against true values"))
    }

    fn draw_plot(&self, frame: &mut Frame, rows: &[(f64, f64)], style: &Style) {
        let mut levels: Vec<f64> = rows.iter().map(|row| row.0).collect();
        levels.sort_by(f64::total_cmp);
        levels.dedup();
        let is_levels = levels.len() <= MOST_LEVELS;
        let second_line = if is_levels { TICK + 3.0 } else { 0.0 };
        let plot = Area {
            left: frame.inside.left + 44.0,
            top: frame.inside.top + LABEL + 12.0,
            right: frame.inside.right - 6.0,
            bottom: frame.inside.bottom - TICK - LABEL - 18.0 - second_line,
        };
        if plot.width() < 40.0 || plot.height() < 30.0 {
            return;
        }
        let (low, high) = range(rows.iter().flat_map(|&(truth, predicted)| [truth, predicted]));
        let air = (high - low) * 0.04;
        let y = Scale { from: (low - air, high + air), to: (plot.bottom, plot.top) };
        let strip = if is_levels { Strips::new(&levels, plot) } else { None };
        let x = match &strip {
            Some(strip) => strip.x,
            None => Scale { from: (low - air, high + air), to: (plot.left, plot.right) },
        };
        let count = |pixels: f64, each: f64| (pixels / each) as usize;
        draw_y_axis(frame, plot, y, &Ticks::new(y.from.0, y.from.1, count(plot.height(), 50.0)));
        let (axis, text, background) = (frame.ink.axis, frame.ink.text, frame.ink.background);
        match &strip {
            Some(strip) => draw_levels(frame, plot, &levels, rows, strip),
            None => draw_x_axis(frame, plot, x, &Ticks::new(x.from.0, x.from.1, count(plot.width(), 90.0))),
        }
        frame.drawing.horizontal_line(plot.left, plot.right, plot.bottom, axis);
        let named = |what: &str| {
            let unit = font::clean(&self.unit);
            if unit.is_empty() { what.to_owned() } else { format!("{what} {unit}") }
        };
        frame.write_muted(&named("predicted"), (frame.inside.left, plot.top - 9.0), LABEL, Align::Left);
        let below = ((plot.left + plot.right) / 2.0, plot.bottom + TICK + LABEL + 14.0 + second_line);
        frame.write_muted(&named("true"), below, LABEL, Align::Center);

        let (from, to) = (x.from.0.max(y.from.0), x.from.1.min(y.from.1));
        if from < to {
            let diagonal = vec![(x.pixel(from), y.pixel(from)), (x.pixel(to), y.pixel(to))];
            frame.drawing.line(diagonal, 1.4, axis);
        }
        let mut seen = vec![0_u32; levels.len()];
        let at: Vec<(f32, f32, u16)> = rows
            .iter()
            .map(|&(truth, predicted)| {
                let level = levels.partition_point(|&level| level < truth);
                seen[level] += 1;
                let beside = strip.as_ref().map_or(0.0, |strip| strip.beside(seen[level]));
                let color = if strip.is_some() && self.palette.is_some() { level as u16 } else { 0 };
                ((x.pixel(truth) + beside) as f32, y.pixel(predicted) as f32, color)
            })
            .collect();
        let radius = radius(rows.len()).min(3.6);
        let colors = match self.palette {
            Some(palette) if strip.is_some() => (0..levels.len())
                .map(|level| match palette {
                    // A star keeps its colour where another star has no rows.
                    Palette::Stars if (1.0..=5.0).contains(&levels[level]) => {
                        palette.color(levels[level].round() as usize - 1, 5, style.theme)
                    }
                    _ => palette.color(level, levels.len(), style.theme),
                })
                .collect(),
            _ => vec![frame.ink.accent],
        };
        let alpha = alpha(&at, radius, plot) * 0.85;
        frame.drawing.marks.push(Mark::Points(Points { at, colors, radius, alpha, area: plot }));
        let Some(strip) = strip else { return };
        for &level in &levels {
            let mut of: Vec<f64> = rows.iter().filter(|row| row.0 == level).map(|row| row.1).collect();
            of.sort_by(f64::total_cmp);
            let quantile = |share| crate::metric::quantile(&of, share);
            let (middle, half, median) = (x.pixel(level), strip.half + 3.0, y.pixel(quantile(0.5)));
            let (upper, lower) = (y.pixel(quantile(0.75)), y.pixel(quantile(0.25)));
            for (more, color) in [(1.0, background), (0.0, text)] {
                let (left, right) = (middle - half - more, middle + half + more);
                frame.drawing.rectangle(middle - 1.5 - more, upper, middle + 1.5 + more, lower, color);
                frame.drawing.rectangle(left, median - 1.5 - more, right, median + 1.5 + more, color);
            }
            let label = brief(quantile(0.5));
            if 2.0 * half + font::width(&label, TICK, Weight::Bold) + 8.0 < strip.pitch {
                let at = (middle + half + 5.0, median + TICK * 0.36);
                frame.write(&label, at, TICK, Weight::Bold, Align::Left);
            }
        }
    }
}

/// Where the levels are.
struct Strips {
    x: Scale,
    /// Between the two nearest levels, in pixels.
    pitch: f64,
    /// Half of the width over which the rows of a level are spread.
    half: f64,
}

impl Strips {
    /// None when the levels are too unevenly spaced for strips.
    fn new(levels: &[f64], plot: Area) -> Option<Self> {
        let (first, last) = (levels.first().copied()?, levels.last().copied()?);
        let gaps = levels.windows(2).map(|pair| pair[1] - pair[0]);
        let gap = gaps.fold(f64::INFINITY, f64::min);
        let gap = if gap.is_finite() { gap } else { 1.0 };
        let x = Scale { from: (first - gap * 0.55, last + gap * 0.55), to: (plot.left, plot.right) };
        let pitch = x.pixel(first + gap) - x.pixel(first);
        let half = (pitch * 0.3).min(42.0);
        (half >= 3.0).then_some(Strips { x, pitch, half })
    }

    /// How far from the middle of the strip its `place`th row is: multiples of the golden ratio
    /// fill a strip evenly, whatever their number.
    fn beside(&self, place: u32) -> f64 {
        const GOLDEN: f64 = 0.618_033_988_749_894_9;
        ((f64::from(place) * GOLDEN).fract() * 2.0 - 1.0) * self.half
    }
}

/// The levels and their numbers of rows, below the plot.
fn draw_levels(frame: &mut Frame, plot: Area, levels: &[f64], rows: &[(f64, f64)], strips: &Strips) {
    let counts: Vec<String> = levels
        .iter()
        .map(|&level| format!("n = {}", grouped(rows.iter().filter(|row| row.0 == level).count() as u64)))
        .collect();
    let widest = counts.iter().map(|count| font::width(count, TICK, Weight::Regular)).fold(0.0, f64::max);
    for (&level, count) in levels.iter().zip(&counts) {
        let at = strips.x.pixel(level);
        // At most three decimals, and none that say nothing.
        let name =
            fixed(level, (0..3).find(|&n| (level * 10_f64.powi(n)).fract() == 0.0).unwrap_or(3) as usize);
        frame.write(&name, (at, plot.bottom + TICK + 7.0), LABEL, Weight::Regular, Align::Center);
        if widest + 6.0 <= strips.pitch {
            frame.write_muted(count, (at, plot.bottom + 2.0 * TICK + 10.0), TICK, Align::Center);
        }
    }
}
