//! A pixel buffer, and many equal translucent discs in it.

use super::drawing::Points;
use super::palette::Color;

/// A buffer of `CHANNELS` bytes per pixel: red, green, blue, and with four of them the opacity, by
/// which the first three are multiplied already.
pub(in crate::chart) struct Pixels<'a, const CHANNELS: usize> {
    pub bytes: &'a mut [u8],
    pub width: usize,
    pub height: usize,
}

impl<const CHANNELS: usize> Pixels<'_, CHANNELS> {
    /// Paints the points; `units` pixels of the buffer are one CSS pixel, and `origin` (in CSS
    /// pixels) lies in the corner of the buffer.
    ///
    /// The points are taken in a fixed scattered order, so that no group covers the others because
    /// it comes last in the file.
    pub fn scatter(&mut self, points: &Points, units: f64, origin: (f64, f64)) {
        let radius = (points.radius * units).max(0.5);
        let alpha = (points.alpha.clamp(0.0, 1.0) * 256.0).round() as u16;
        let spans = disc_spans(radius);
        let brushes: Vec<Vec<u16>> = points
            .colors
            .iter()
            .map(|color| brush::<CHANNELS>(*color, alpha, 2 * radius.ceil() as usize + 2))
            .collect();
        for index in scattered(points.at.len()) {
            let (x, y, color) = points.at[index];
            let Some(brush) = brushes.get(usize::from(color)) else { continue };
            let x = ((f64::from(x) - origin.0) * units).round() as i64;
            let y = ((f64::from(y) - origin.1) * units).round() as i64;
            for (row, &half) in spans.iter().enumerate() {
                let row = y + row as i64 - (spans.len() / 2) as i64;
                if row < 0 || row >= self.height as i64 {
                    continue;
                }
                let left = (x - half).clamp(0, self.width as i64) as usize;
                let right = (x + half).clamp(0, self.width as i64) as usize;
                let start = row as usize * self.width;
                let below = &mut self.bytes[(start + left) * CHANNELS..(start + right) * CHANNELS];
                for (below, &above) in below.iter_mut().zip(brush) {
                    *below = ((u16::from(*below) * (256 - alpha) + above) >> 8) as u8;
                }
            }
        }
    }
}

impl<const CHANNELS: usize> Pixels<'_, CHANNELS> {
    /// Lays a colour over one pixel; outside of the buffer nothing happens.
    pub fn blend(&mut self, (x, y): (i64, i64), color: Color, coverage: f32) {
        if x < 0 || y < 0 || x >= self.width as i64 || y >= self.height as i64 {
            return;
        }
        let start = (y as usize * self.width + x as usize) * CHANNELS;
        for (below, above) in self.bytes[start..].iter_mut().zip(channels::<CHANNELS>(color)) {
            let from = f32::from(*below);
            *below = (from + (f32::from(above) - from) * coverage.clamp(0.0, 1.0)).round() as u8;
        }
    }
}

fn channels<const CHANNELS: usize>(Color(red, green, blue): Color) -> [u8; CHANNELS] {
    std::array::from_fn(|channel| [red, green, blue, 255][channel])
}

/// Half the width of each pixel row of a disc, from its top to its bottom.
fn disc_spans(radius: f64) -> Vec<i64> {
    let rows = radius.round().max(1.0) as i64;
    (-rows..rows)
        .map(|row| (radius * radius - (row as f64 + 0.5).powi(2)).max(0.0).sqrt().round() as i64)
        .collect()
}

/// A row of colour, multiplied by the opacity and ready to be added.
fn brush<const CHANNELS: usize>(color: Color, alpha: u16, pixels: usize) -> Vec<u16> {
    // Half of a step is added, so that the shift rounds instead of cutting.
    channels::<CHANNELS>(color)
        .iter()
        .map(|&byte| u16::from(byte) * alpha + 128)
        .collect::<Vec<_>>()
        .repeat(pixels)
}

/// Every number below `n` once, in an order without runs: steps near the golden section of `n`
/// that share no factor with it.
fn scattered(n: usize) -> impl Iterator<Item = usize> {
    let mut step = ((n as f64 * 0.618_033_988_75) as usize).max(1);
    while greatest_common_divisor(step, n.max(1)) != 1 {
        step += 1;
    }
    let mut at = 0;
    (0..n).map(move |_| {
        let index = at;
        at = (at + step) % n;
        index
    })
}

fn greatest_common_divisor(mut a: usize, mut b: usize) -> usize {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::draw::drawing::Area;

    fn points(at: Vec<(f32, f32, u16)>, alpha: f64) -> Points {
        let area = Area { left: 0.0, top: 0.0, right: 20.0, bottom: 20.0 };
        Points { at, colors: vec![Color(200, 100, 0)], radius: 5.0, alpha, area }
    }

    #[test]
    fn the_scattered_order_holds_every_point_once() {
        for n in [0, 1, 2, 3, 10, 97, 1000] {
            let mut seen: Vec<_> = scattered(n).collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_disc_has_the_area_of_a_disc() {
        let mut bytes = vec![0; 20 * 20 * 4];
        Pixels::<4> { bytes: &mut bytes, width: 20, height: 20 }.scatter(
            &points(vec![(10.0, 10.0, 0)], 1.0),
            1.0,
            (0.0, 0.0),
        );
        let covered = bytes.chunks_exact(4).filter(|pixel| pixel[3] == 255).count() as f64;
        assert!((covered - std::f64::consts::PI * 25.0).abs() < 6.0, "{covered}");
        assert_eq!(bytes[(10 * 20 + 10) * 4..][..4], [200, 100, 0, 255]);
    }

    #[test]
    fn discs_blend_as_their_formula_says_and_stop_at_the_edge() {
        let mut bytes = vec![255; 20 * 20 * 3];
        let at = vec![(0.0, 0.0, 0), (0.0, 0.0, 0), (-1e9, 1e9, 0)];
        Pixels::<3> { bytes: &mut bytes, width: 20, height: 20 }.scatter(&points(at, 0.5), 1.0, (0.0, 0.0));
        let expected = |color: f64| 0.25 * 255.0 + 0.75 * color;
        for (byte, color) in bytes[..3].iter().zip([200.0, 100.0, 0.0]) {
            assert!((f64::from(*byte) - expected(color)).abs() <= 1.5, "{byte}");
        }
        assert_eq!(bytes[(10 * 20 + 10) * 3], 255);
    }
}
