//! Points in three dimensions, seen from one side.

use super::dots::{ScatterPlot, alpha, radius};
use crate::chart::draw::axis::range;
use crate::chart::draw::drawing::{Align, Area, Mark, Points};
use crate::chart::draw::font::{self, Weight};
use crate::chart::draw::frame::{Frame, LABEL};
use crate::chart::draw::groups::Shown;
use crate::chart::draw::picture::Picture;
use crate::chart::draw::style::Style;
use crate::error::{Error, Result};

/// A scatter plot in three dimensions, in a box.
///
/// The box is seen from afar, without perspective, with the third axis upwards. What is far is
/// smaller and paler. [`InteractiveMap`](crate::chart::InteractiveMap) can be turned.
///
/// ```
/// use embedlab::chart::{Groups, Scatter3, Style};
/// use ndarray::array;
///
/// # fn main() -> embedlab::Result<()> {
/// let points = array![[0.0_f32, 0.1, 0.0], [0.2, 0.0, 1.0], [3.0, 2.9, 0.5]];
/// let groups = Groups::new(&[0, 0, 1], ["tea", "dog food"])?;
/// let picture = Scatter3::new(points.view()).groups(groups).means(true).draw(&Style::new("Reviews"))?;
/// assert!(picture.svg()?.contains("dog food"));
/// # Ok(())
/// # }
/// ```
pub type Scatter3<'a> = ScatterPlot<'a, 3>;

/// Dots are drawn in this many sheets, from far to near.
const SHEETS: usize = 6;
/// Lines that divide a wall of the box.
const LINES: usize = 5;

impl ScatterPlot<'_, 3> {
    /// Names the axes.
    pub fn axes(mut self, x: impl Into<String>, y: impl Into<String>, z: impl Into<String>) -> Self {
        self.labels = Some([x.into(), y.into(), z.into()]);
        self
    }

    /// From where the box is seen, in degrees: around the third axis (-60 by default) and above the
    /// ground (25 by default).
    pub fn view(mut self, azimuth: f64, elevation: f64) -> Self {
        self.view = (azimuth, elevation);
        self
    }

    /// # Errors
    /// Fewer than three columns, another number of colours than of points, an angle that is not finite,
    /// an impossible size.
    pub fn draw(&self, style: &Style) -> Result<Picture> {
        let (azimuth, elevation) = self.view;
        if !(azimuth.is_finite() && elevation.is_finite()) {
            return Err(Error::argument("azimuth or elevation is not finite")
                .seen(format!("azimuth {azimuth}, elevation {elevation}"))
                .advice("give two angles in degrees"));
        }
        let (finite, rows) = self.finite()?;
        let mut frame = Frame::new(style, rows - finite.len())?;
        let shown = self.coloring.draw_legend(&mut frame, rows, self.means, style);
        if frame.inside.width() >= 20.0 && frame.inside.height() >= 20.0 {
            if finite.is_empty() {
                frame.write_nothing("no points");
            } else {
                self.draw_box(&mut frame, &finite, &shown);
            }
        }
        Ok(frame.finish("Scatter plot in three dimensions"))
    }

    fn draw_box(&self, frame: &mut Frame, finite: &[(usize, [f64; 3])], shown: &Shown) {
        let ends = [0, 1, 2].map(|axis| range(finite.iter().map(|(_, point)| point[axis])));
        let view = View::new(ends, self.view, frame.inside);
        self.draw_walls(frame, ends, &view);

        let placed: Vec<(usize, (f64, f64), f64)> =
            finite.iter().map(|&(row, point)| (row, view.pixel(point), view.depth(point))).collect();
        let dot = radius(finite.len());
        let all: Vec<(f32, f32, u16)> =
            placed.iter().map(|&(row, (x, y), _)| (x as f32, y as f32, shown.of[row])).collect();
        let opacity = alpha(&all, dot, frame.inside);
        let mut sheets = vec![Vec::new(); SHEETS];
        for (at, (_, _, depth)) in all.into_iter().zip(&placed) {
            sheets[((depth * SHEETS as f64) as usize).min(SHEETS - 1)].push(at);
        }
        for (sheet, at) in sheets.into_iter().enumerate().filter(|(_, at)| !at.is_empty()) {
            let near = sheet as f64 / (SHEETS - 1) as f64;
            let colors = shown
                .entries
                .iter()
                .map(|entry| entry.color.mix(frame.ink.background, 0.4 * (1.0 - near)))
                .collect();
            let radius = dot * (0.8 + 0.4 * near);
            frame.drawing.marks.push(Mark::Points(Points {
                at,
                colors,
                radius,
                alpha: opacity,
                area: frame.inside,
            }));
        }
        self.draw_means(frame, finite, shown, |point| view.pixel(point));
    }

    /// The three walls behind the points, and the names of the axes along their edges.
    fn draw_walls(&self, frame: &mut Frame, ends: [(f64, f64); 3], view: &View) {
        // Each axis has a wall at the end that is farther away.
        let middle = ends.map(|(low, high)| low / 2.0 + high / 2.0);
        let back = [0, 1, 2].map(|axis| {
            let at = |value| view.depth(with(middle, axis, value));
            if at(ends[axis].0) <= at(ends[axis].1) { ends[axis].0 } else { ends[axis].1 }
        });
        let (grid, edge) = (frame.ink.grid, frame.ink.axis);
        for (wall, &far) in back.iter().enumerate() {
            for (along, across) in [((wall + 1) % 3, (wall + 2) % 3), ((wall + 2) % 3, (wall + 1) % 3)] {
                for line in 0..=LINES {
                    let share = line as f64 / LINES as f64;
                    let place = with(with(middle, wall, far), across, between(ends[across], share));
                    let ends =
                        [ends[along].0, ends[along].1].map(|value| view.pixel(with(place, along, value)));
                    frame.drawing.line(
                        ends.to_vec(),
                        1.0,
                        if line == 0 || line == LINES { edge } else { grid },
                    );
                }
            }
        }
        let Some(names) = &self.labels else { return };
        let front = |axis: usize| ends[axis].0 + ends[axis].1 - back[axis];
        let inside = frame.inside;
        for (axis, name) in names.iter().enumerate() {
            // Below the middle of the near edges of the ground, and above the outer edge that stands.
            let (place, down) = match axis {
                0 => ([middle[0], front(1), ends[2].0], LABEL + 4.0),
                1 => ([front(0), middle[1], ends[2].0], LABEL + 4.0),
                _ => ([back[0], front(1), ends[2].1], -8.0),
            };
            let (x, y) = view.pixel(place);
            let at_left = x < view.center.0;
            let outwards = axis < 2;
            // Away from the box at its sides, over it above.
            let align = if at_left == outwards { Align::Right } else { Align::Left };
            let x = if !outwards {
                x
            } else if at_left {
                x - 8.0
            } else {
                x + 8.0
            };
            let room = if align == Align::Right { x - inside.left } else { inside.right - x };
            let name = font::fit(&font::clean(name), room.max(0.0), LABEL, Weight::Regular);
            frame.write_muted(&name, (x, y + down), LABEL, align);
        }
    }
}

fn with(mut point: [f64; 3], axis: usize, value: f64) -> [f64; 3] {
    point[axis] = value;
    point
}

fn between((low, high): (f64, f64), share: f64) -> f64 {
    low * (1.0 - share) + high * share
}

/// From data to pixels.
struct View {
    middle: [f64; 3],
    /// Directions to the right, upwards and towards the reader.
    right: [f64; 3],
    up: [f64; 3],
    toward: [f64; 3],
    unit: f64,
    center: (f64, f64),
    /// Half of the depth of the box.
    deep: f64,
}

impl View {
    fn new(ends: [(f64, f64); 3], (azimuth, elevation): (f64, f64), area: Area) -> View {
        let (a, e) = (azimuth.to_radians(), elevation.to_radians());
        let mut view = View {
            middle: ends.map(|(low, high)| low / 2.0 + high / 2.0),
            right: [-a.sin(), a.cos(), 0.0],
            up: [-a.cos() * e.sin(), -a.sin() * e.sin(), e.cos()],
            toward: [a.cos() * e.cos(), a.sin() * e.cos(), e.sin()],
            unit: 1.0,
            center: ((area.left + area.right) / 2.0, (area.top + area.bottom) / 2.0),
            deep: 1.0,
        };
        let half = ends.map(|(low, high)| high / 2.0 - low / 2.0);
        let reach = |direction: [f64; 3]| (0..3).map(|axis| half[axis] * direction[axis].abs()).sum::<f64>();
        // Room for the dots and the names of the axes around the box.
        let (width, height) = ((area.width() - 60.0).max(10.0), (area.height() - 44.0).max(10.0));
        let (across, along) = (2.0 * reach(view.right), 2.0 * reach(view.up));
        view.unit = (width / across.max(f64::MIN_POSITIVE)).min(height / along.max(f64::MIN_POSITIVE));
        view.deep = reach(view.toward).max(f64::MIN_POSITIVE);
        view
    }

    fn along(&self, point: [f64; 3], direction: [f64; 3]) -> f64 {
        (0..3).map(|axis| (point[axis] - self.middle[axis]) * direction[axis]).sum()
    }

    fn pixel(&self, point: [f64; 3]) -> (f64, f64) {
        (
            self.center.0 + self.along(point, self.right) * self.unit,
            self.center.1 - self.along(point, self.up) * self.unit,
        )
    }

    /// 0 at the far end of the box, 1 at the near one.
    fn depth(&self, point: [f64; 3]) -> f64 {
        (self.along(point, self.toward) / self.deep / 2.0 + 0.5).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_box_fits_into_its_area_from_every_side() {
        let area = Area { left: 10.0, top: 20.0, right: 410.0, bottom: 320.0 };
        let ends = [(-3.0, 5.0), (0.0, 1.0), (10.0, 30.0)];
        for azimuth in (-180..180).step_by(30) {
            for elevation in [-90.0, -30.0, 0.0, 25.0, 90.0] {
                let view = View::new(ends, (f64::from(azimuth), elevation), area);
                for corner in 0..8 {
                    let corner = [0, 1, 2]
                        .map(|axis| if corner >> axis & 1 == 0 { ends[axis].0 } else { ends[axis].1 });
                    let (x, y) = view.pixel(corner);
                    assert!(x > area.left && x < area.right && y > area.top && y < area.bottom);
                }
            }
        }
    }

    #[test]
    fn from_above_the_third_axis_is_depth_alone() {
        let area = Area { left: 0.0, top: 0.0, right: 400.0, bottom: 300.0 };
        let view = View::new([(-1.0, 1.0); 3], (-90.0, 90.0), area);
        let (low, high) = (view.pixel([0.5, 0.5, -1.0]), view.pixel([0.5, 0.5, 1.0]));
        assert!((low.0 - high.0).abs() < 1e-9 && (low.1 - high.1).abs() < 1e-9);
        assert!(view.depth([0.0, 0.0, -1.0]) < 1e-9 && view.depth([0.0, 0.0, 1.0]) > 1.0 - 1e-9);
        assert!(view.pixel([1.0, 0.0, 0.0]).0 > view.pixel([-1.0, 0.0, 0.0]).0, "x to the right");
        assert!(view.pixel([0.0, 1.0, 0.0]).1 < view.pixel([0.0, -1.0, 0.0]).1, "y upwards");
    }
}
