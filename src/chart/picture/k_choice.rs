//! Elbow and silhouette over the number of clusters.

use crate::chart::draw::axis::{Scale, Ticks, draw_y_axis, range};
use crate::chart::draw::drawing::{Align, Area};
use crate::chart::draw::font::Weight;
use crate::chart::draw::frame::{Frame, LABEL, TICK};
use crate::chart::draw::picture::Picture;
use crate::chart::draw::style::Style;
use crate::error::{Error, Result};
use crate::number::brief;

/// How many clusters: inertia above, mean silhouette below, the chosen number marked in both.
///
/// A value that is NaN or infinite leaves a gap in its line and is counted
/// ([`Picture::skipped`]).
#[derive(Debug, Clone)]
pub struct KChoice<'a> {
    k: &'a [usize],
    inertia: &'a [f64],
    silhouette: &'a [f64],
    chosen: usize,
    mixture: bool,
}

impl<'a> KChoice<'a> {
    /// `inertia[i]` (sum of squared distances to the nearest centroid) and `silhouette[i]` (-1 to 1)
    /// belong to `k[i]` clusters; `chosen` is one of the `k`. Either of the two lists may be empty,
    /// and its panel is left out.
    pub fn new(k: &'a [usize], inertia: &'a [f64], silhouette: &'a [f64], chosen: usize) -> Self {
        KChoice { k, inertia, silhouette, chosen, mixture: false }
    }

    /// Whether the first list is the Bayesian information criterion of mixtures. Default: no.
    pub fn mixture(mut self, mixture: bool) -> Self {
        self.mixture = mixture;
        self
    }

    /// # Errors
    /// Lists of different length, k must be ascending, an impossible size.
    pub fn draw(&self, style: &Style) -> Result<Picture> {
        for (name, values) in [("inertia", self.inertia), ("silhouette", self.silhouette)] {
            if !values.is_empty() && values.len() != self.k.len() {
                return Err(Error::argument(format!("numbers of clusters and {name} of different length"))
                    .seen(format!("{} and {}", self.k.len(), values.len()))
                    .advice("give one value for each number of clusters"));
            }
        }
        if self.k.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(Error::argument("k must be ascending").advice("sort them"));
        }
        let panels: Vec<Panel> = [
            Panel {
                title: if self.mixture { "BIC" } else { "Inertia" },
                note: if self.mixture { "lower is better" } else { "lower is tighter" },
                values: self.inertia,
                from_zero: !self.mixture,
            },
            Panel {
                title: "Mean silhouette",
                note: "higher is better separated",
                values: self.silhouette,
                from_zero: false,
            },
        ]
        .into_iter()
        .filter(|panel| !panel.values.is_empty())
        .collect();
        let skipped = panels.iter().flat_map(|panel| panel.values).filter(|value| !value.is_finite()).count();
        let mut frame = Frame::new(style, skipped)?;
        match (self.k.first(), self.k.last()) {
            (Some(&first), Some(&last)) if !panels.is_empty() => {
                self.draw_panels(&mut frame, &panels, (first, last));
            }
            _ => frame.write_nothing("no number of clusters was tried"),
        }
        Ok(frame.finish("Line chart of inertia and silhouette by number of clusters"))
    }

    fn draw_panels(&self, frame: &mut Frame, panels: &[Panel], (first, last): (usize, usize)) {
        const TITLE: f64 = 24.0;
        const GAP: f64 = 26.0;
        let Area { left, top, right, bottom } = frame.inside;
        let (left, right, bottom) = (left + 56.0, right - 14.0, bottom - TICK - LABEL - 16.0);
        let height = (bottom - top - GAP * (panels.len() - 1) as f64) / panels.len() as f64;
        if height < TITLE + 16.0 || right - left < 30.0 {
            return;
        }
        let half = if first == last { 1.0 } else { 0.0 };
        let x = Scale { from: (first as f64 - half, last as f64 + half), to: (left + 16.0, right - 16.0) };
        let (accent, text) = (frame.ink.accent, frame.ink.text);
        for (index, panel) in panels.iter().enumerate() {
            let top = top + index as f64 * (height + GAP);
            let plot = Area { left, top: top + TITLE, right, bottom: top + height };
            frame.write(panel.title, (frame.inside.left, top + LABEL), LABEL, Weight::Bold, Align::Left);
            frame.write_muted(panel.note, (right, top + LABEL), TICK, Align::Right);
            let (mut low, high) = range(panel.values.iter().copied());
            if panel.from_zero && low > 0.0 {
                low = 0.0;
            }
            let air = (high - low) * 0.12;
            let from = (if low == 0.0 { 0.0 } else { low - air }, high + air);
            let y = Scale { from, to: (plot.bottom, plot.top) };
            draw_y_axis(frame, plot, y, &Ticks::new(from.0, from.1, (height / 45.0) as usize));
            if self.k.contains(&self.chosen) {
                frame.drawing.dashed_vertical_line(x.pixel(self.chosen as f64), plot.top, plot.bottom, text);
            }
            let dots = self.k.iter().zip(panel.values);
            let dots: Vec<Option<(f64, f64)>> = dots
                .map(|(&k, &value)| value.is_finite().then(|| (x.pixel(k as f64), y.pixel(value))))
                .collect();
            for run in dots.split(Option::is_none).filter(|run| run.len() > 1) {
                frame.drawing.line(run.iter().flatten().copied().collect(), 2.0, accent);
            }
            for ((dot, &k), &value) in dots.iter().zip(self.k).zip(panel.values) {
                let Some(at) = *dot else { continue };
                if k != self.chosen {
                    frame.drawing.disc(at, 3.2, accent);
                    continue;
                }
                let background = frame.ink.background;
                frame.drawing.disc(at, 8.0, background);
                frame.drawing.disc(at, 6.5, text);
                frame.drawing.disc(at, 4.5, accent);
                // On the side where the label stays inside of the plot.
                let (place, align) = if at.0 > right - 70.0 {
                    (at.0 - 13.0, Align::Right)
                } else {
                    (at.0 + 13.0, Align::Left)
                };
                frame.write(&brief(value), (place, at.1 - 8.0), LABEL, Weight::Bold, align);
            }
        }
        frame.drawing.horizontal_line(left, right, bottom, frame.ink.axis);
        self.draw_k(frame, x, (left + right) / 2.0, bottom);
    }

    /// The shared axis: every k, or every second, fifth ... where they would touch.
    fn draw_k(&self, frame: &mut Frame, x: Scale, middle: f64, bottom: f64) {
        let room = ((x.to.1 - x.to.0) / 26.0).max(1.0) as usize;
        let every =
            [1, 2, 5, 10, 20, 50, 100].into_iter().find(|every| self.k.len().div_ceil(*every) <= room);
        let every = every.unwrap_or(self.k.len().max(1));
        let place = self.k.iter().position(|&k| k == self.chosen);
        for (index, &k) in self.k.iter().enumerate() {
            let at = (x.pixel(k as f64), bottom + TICK + 7.0);
            if Some(index) == place {
                frame.write(&k.to_string(), at, LABEL, Weight::Bold, Align::Center);
            } else if index % every == 0
                && place.is_none_or(|place| every == 1 || place.abs_diff(index) > every / 2)
            {
                frame.write_muted(&k.to_string(), at, TICK, Align::Center);
            }
        }
        let label = "number of clusters k";
        frame.write_muted(label, (middle, bottom + TICK + LABEL + 14.0), LABEL, Align::Center);
    }
}

struct Panel<'a> {
    title: &'static str,
    note: &'static str,
    values: &'a [f64],
    /// Inertia is a share of a total: its axis begins at nothing.
    from_zero: bool,
}
