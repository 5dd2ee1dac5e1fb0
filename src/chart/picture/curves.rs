//! Precision-recall curves.

use crate::chart::draw::axis::{Scale, Ticks, draw_x_axis, draw_y_axis};
use crate::chart::draw::drawing::{Align, Area};
use crate::chart::draw::font::{self, Weight};
use crate::chart::draw::frame::{Frame, LABEL, TICK};
use crate::chart::draw::palette::{Color, Palette};
use crate::chart::draw::picture::Picture;
use crate::chart::draw::style::Style;
use crate::error::Result;
use crate::metric::{ClassCurve, ClassCurves, PrecisionRecall};
use crate::number::fixed;

/// Precision over recall, a step curve for each class and one for the micro average, on lines of
/// equal F1. The area under a curve is its average precision, which the legend names.
///
/// Of more than twenty classes, those with the most rows are drawn.
///
/// ```
/// use embedlab::chart::{PrecisionRecallCurves, Style};
/// use embedlab::metric::class_curves;
/// use ndarray::array;
///
/// let names = ["bad", "good"].map(String::from);
/// let scores = array![[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]];
/// let curves = class_curves(&[0, 0, 1], scores.view(), &names)?;
/// let picture = PrecisionRecallCurves::new(&curves).draw(&Style::new("Precision and recall"))?;
/// assert!(picture.svg()?.contains("good (AP = 1.00)"));
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct PrecisionRecallCurves {
    classes: Vec<Line>,
    micro: Option<Line>,
    palette: Palette,
}

impl PrecisionRecallCurves {
    /// One curve for each class, and the micro average.
    pub fn new(curves: &ClassCurves) -> Self {
        let line = |curve: &ClassCurve| Line::new(&curve.label, &curve.precision_recall);
        PrecisionRecallCurves {
            classes: curves.classes.iter().map(line).collect(),
            micro: (curves.classes.len() > 1).then(|| line(&curves.micro)),
            palette: Palette::Categories,
        }
    }

    /// The curve of one class alone.
    pub fn one(name: &str, curve: &PrecisionRecall) -> Self {
        let classes = vec![Line::new(name, curve)];
        PrecisionRecallCurves { classes, micro: None, palette: Palette::Categories }
    }

    /// The colours of the classes; [`Palette::Categories`] by default.
    pub fn palette(mut self, palette: Palette) -> Self {
        self.palette = palette;
        self
    }

    /// # Errors
    /// An impossible size.
    pub fn draw(&self, style: &Style) -> Result<Picture> {
        let mut frame = Frame::new(style, 0)?;
        let entries = self.entries(&frame, style);
        let left_out = self.classes.len() - entries.iter().filter(|entry| entry.width == THIN).count();
        draw_legend(&mut frame, &entries, left_out);
        draw_plot(&mut frame, &entries);
        Ok(frame.finish("Precision-recall curves"))
    }

    /// The classes in their order, then the micro average.
    fn entries(&self, frame: &Frame, style: &Style) -> Vec<Entry<'_>> {
        let mut shown: Vec<usize> = (0..self.classes.len()).collect();
        if shown.len() > MOST_CURVES {
            shown.sort_by_key(|&class| (std::cmp::Reverse(self.classes[class].positives), class));
            shown.truncate(MOST_CURVES);
            shown.sort_unstable();
        }
        let entry = |line, color, width| {
            let Line { name, area, .. }: &Line = line;
            let area = match area {
                Some(area) => format!(" (AP = {})", fixed(*area, 2)),
                None => " (undefined)".to_owned(),
            };
            Entry { line, name: font::clean(name), area, color, width }
        };
        let mut entries: Vec<Entry> = shown
            .iter()
            .enumerate()
            .map(|(place, &class)| {
                let (index, count) = match self.palette {
                    Palette::Categories => (place, shown.len()),
                    Palette::Ordered | Palette::Stars => (class, self.classes.len()),
                };
                entry(&self.classes[class], self.palette.color(index, count, style.theme), THIN)
            })
            .collect();
        entries.extend(self.micro.iter().map(|line| entry(line, frame.ink.text, THICK)));
        entries
    }
}

/// Curves of more classes have no colours that can be told apart.
const MOST_CURVES: usize = 20;
/// Widths of the curves, in pixels.
const THIN: f64 = 1.8;
const THICK: f64 = 3.0;

#[derive(Debug, Clone)]
struct Line {
    name: String,
    area: Option<f64>,
    positives: u64,
    /// From left to right, both 0 to 1; empty when the area is undefined.
    points: Vec<(f64, f64)>,
}

impl Line {
    fn new(name: &str, curve: &PrecisionRecall) -> Self {
        let mut points = Vec::new();
        if curve.average_precision.is_some() {
            // From the highest threshold down; a step has the precision of its right end, as in the
            // sum that is the average precision.
            let mut before = 0.0;
            for (&precision, &recall) in curve.precision.iter().zip(&curve.recall).rev().skip(1) {
                if recall > before {
                    points.extend([(before, precision), (recall, precision)]);
                    before = recall;
                }
            }
        }
        Line { name: name.to_owned(), area: curve.average_precision, positives: curve.positives, points }
    }
}

/// A line of the legend and its curve.
struct Entry<'a> {
    line: &'a Line,
    name: String,
    /// What follows the name and is never cut.
    area: String,
    color: Color,
    width: f64,
}

fn draw_plot(frame: &mut Frame, entries: &[Entry]) {
    // The names of the lines of equal F1 are at their right ends, where no curve covers them.
    let beside = font::width("F1 = 0.8", TICK, Weight::Regular) + 10.0;
    let plot = Area {
        left: frame.inside.left + 34.0,
        top: frame.inside.top + LABEL + 12.0,
        right: frame.inside.right - beside,
        bottom: frame.inside.bottom - TICK - LABEL - 18.0,
    };
    if plot.width() < 30.0 || plot.height() < 15.0 {
        return;
    }
    // A little above 1, so that a perfect curve is not the border of the plot.
    let x = Scale { from: (0.0, 1.0), to: (plot.left, plot.right) };
    let y = Scale { from: (0.0, 1.03), to: (plot.bottom, plot.top) };
    draw_x_axis(frame, plot, x, &Ticks::new(0.0, 1.0, (plot.width() / 70.0) as usize));
    draw_y_axis(frame, plot, y, &Ticks::new(0.0, 1.0, (plot.height() / 45.0) as usize));
    draw_iso_f1(frame, plot, x, y);
    let axis = frame.ink.axis;
    frame.drawing.horizontal_line(plot.left, plot.right, plot.bottom, axis);
    frame.write_muted("precision", (frame.inside.left, plot.top - 9.0), LABEL, Align::Left);
    let below = ((plot.left + plot.right) / 2.0, plot.bottom + TICK + LABEL + 14.0);
    frame.write_muted("recall", below, LABEL, Align::Center);
    // The wide curve comes first, so that it covers none.
    for entry in entries.iter().rev() {
        let pixels = entry.line.points.iter().map(|&(a, b)| (x.pixel(a), y.pixel(b)));
        let path = thinned(pixels);
        if path.len() > 1 {
            frame.drawing.line(path, entry.width, entry.color);
        }
    }
    if entries.iter().all(|entry| entry.line.points.is_empty()) {
        frame.inside = plot;
        frame.write_nothing("no curve is defined");
    }
}
/// precision = f r / (2 r - f), from where it is 1 to recall 1.
fn draw_iso_f1(frame: &mut Frame, plot: Area, x: Scale, y: Scale) {
    const STEPS: usize = 60;
    let (color, mut lowest) = (frame.ink.axis.mix(frame.ink.grid, 0.35), f64::NEG_INFINITY);
    for f1 in [0.8, 0.6, 0.4, 0.2] {
        let end = f1 / (2.0 - f1);
        let points = (0..=STEPS).map(|step| {
            // Even steps along the recall would leave corners where the line is steep.
            let share = (step as f64 / STEPS as f64).powi(2);
            let recall = end + (1.0 - end) * share;
            (x.pixel(recall), y.pixel((f1 * recall / (2.0 * recall - f1)).min(1.0)))
        });
        frame.drawing.line(points.collect(), 1.0, color);
        let baseline = y.pixel(end) + TICK * 0.36;
        if baseline - lowest >= TICK + 1.0 {
            frame.write_muted(&format!("F1 = {f1}"), (plot.right + 6.0, baseline), TICK, Align::Left);
            lowest = baseline;
        }
    }
}

/// Without the points that lie within half a pixel of the last: a curve of a million rows has no
/// more corners than the picture has pixels.
fn thinned(points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    let mut last = None;
    for point in points {
        let near = kept.last().is_some_and(|&(x, y)| (x - point.0).abs() < 0.5 && (y - point.1).abs() < 0.5);
        if !near {
            kept.push(point);
        }
        last = near.then_some(point);
    }
    kept.extend(last);
    kept
}

const LINE: f64 = 19.0;
const SWATCH: f64 = 16.0;
const INDENT: f64 = SWATCH + 7.0;
/// Between two columns of the legend.
const GAP: f64 = 12.0;
/// What a legend below must leave for the plot with its axes.
const LEAST_PLOT: f64 = 200.0;

/// At the right of a wide picture, below the plot of a narrow one where there is room; its room is
/// taken from the frame.
fn draw_legend(frame: &mut Frame, entries: &[Entry], left_out: usize) {
    let width = |text: &str| font::width(text, LABEL, Weight::Regular);
    let widest =
        INDENT + entries.iter().map(|entry| width(&entry.name) + width(&entry.area)).fold(0.0, f64::max);
    let Area { left, top, right, bottom } = frame.inside;
    let beside = right - left >= 480.0;
    let (columns, lines, column) = if beside {
        (1, ((bottom - top) / LINE) as usize, widest.min((right - left) * 0.36))
    } else {
        let columns = ((right - left + GAP) / (widest + GAP)).floor().clamp(1.0, 4.0);
        let lines = ((bottom - top - LEAST_PLOT) / LINE).max(0.0) as usize;
        (columns as usize, lines, (right - left + GAP) / columns - GAP)
    };
    let more = entries.len() > columns * lines || left_out > 0;
    let Some(fitting) = (columns * lines).checked_sub(usize::from(more)).filter(|&fitting| fitting > 0)
    else {
        return;
    };
    // The micro average keeps its line before classes do.
    let (micro, classes): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(|entry| entry.width == THICK);
    let of_classes = fitting.saturating_sub(micro.len()).min(classes.len());
    let shown = classes.iter().take(of_classes).chain(&micro);
    let hidden = classes.len() - of_classes + left_out;

    let used = (of_classes + micro.len() + usize::from(hidden > 0)).div_ceil(columns);
    let (first, y) = if beside {
        frame.inside.right = right - column - 22.0;
        (right - column, top + 22.0)
    } else {
        frame.inside.bottom = bottom - used as f64 * LINE - 6.0;
        (left, frame.inside.bottom + 6.0)
    };
    // Each beside its neighbour, then the next line; the text is on the baseline.
    let place = |place: usize| {
        let across = (place % columns) as f64 * (column + GAP);
        (first + across, y + (place / columns) as f64 * LINE + LABEL)
    };
    for (index, entry) in shown.enumerate() {
        let (x, baseline) = place(index);
        let (middle, half) = (baseline - LABEL * 0.36, entry.width / 2.0 + 0.3);
        frame.drawing.rectangle(x, middle - half, x + SWATCH, middle + half, entry.color);
        let room = column - INDENT;
        let name = font::fit(&entry.name, room - width(&entry.area), LABEL, Weight::Regular);
        let text = font::fit(&format!("{name}{}", entry.area), room, LABEL, Weight::Regular);
        frame.write(&text, (x + INDENT, baseline), LABEL, Weight::Regular, Align::Left);
    }
    if hidden > 0 {
        let which = if hidden == left_out { ", of fewer rows" } else { "" };
        let note = font::fit(&format!("{hidden} more{which}"), column, LABEL, Weight::Regular);
        frame.write_muted(&note, place(of_classes + micro.len()), LABEL, Align::Left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::precision_recall;

    #[test]
    fn the_area_under_the_drawn_steps_is_the_average_precision() {
        let scores: Vec<f64> = (0..200).map(|i| f64::from(i * 7919 % 50)).collect();
        let truth: Vec<bool> = (0..200).map(|i| i * 31 % 7 < 2).collect();
        let curve = precision_recall(&truth, &scores).unwrap();
        let line = Line::new("a", &curve);
        let area: f64 =
            line.points.windows(2).map(|pair| (pair[1].0 - pair[0].0) * (pair[0].1 + pair[1].1) / 2.0).sum();
        assert!((area - curve.average_precision.unwrap()).abs() < 1e-12);
    }

    #[test]
    fn a_long_curve_has_few_corners_and_both_ends() {
        let points = thinned((0..=1_000_000).map(|i| (f64::from(i) / 1e4, 5.0)));
        assert!(points.len() <= 202, "{}", points.len());
        assert_eq!((points[0], points[points.len() - 1]), ((0.0, 5.0), (100.0, 5.0)));
    }
}
