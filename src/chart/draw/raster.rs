//! PNG: painted at twice the resolution, averaged down, and compressed.

use plotters::backend::BitMapBackend;
use rayon::prelude::*;

use super::drawing::{Drawing, Mark, Points};
use super::paint::{Ground, paint};
use super::points::Pixels;
use crate::error::{Error, Result};

/// Plotters puts every vertex on a whole pixel. At twice the resolution that is half a dot, and
/// averaging smooths the edges of what it paints without smoothing.
const OVERSAMPLING: usize = 2;

/// The drawing as a PNG file of `scale` dots per pixel.
pub(in crate::chart) fn png(drawing: &Drawing, scale: f64) -> Result<Vec<u8>> {
    let (width, height) = (dots(drawing.width, scale), dots(drawing.height, scale));
    let (fine_width, fine_height) = (width * OVERSAMPLING, height * OVERSAMPLING);
    let units = scale * OVERSAMPLING as f64;
    let ground = Ground { units, sharp: OVERSAMPLING as f64 };

    let background = drawing.background;
    let mut fine = [background.0, background.1, background.2].repeat(fine_width * fine_height);
    let by_us = |mark: &Mark| matches!(mark, Mark::Points(_) | Mark::Text(_));
    for run in drawing.marks.chunk_by(|a, b| by_us(a) == by_us(b)) {
        if !run.first().is_some_and(by_us) {
            let size = (fine_width as u32, fine_height as u32);
            paint(&mut BitMapBackend::with_buffer(&mut fine, size), run, ground)?;
            continue;
        }
        let mut pixels = Pixels::<3> { bytes: &mut fine, width: fine_width, height: fine_height };
        for mark in run {
            match mark {
                Mark::Points(points) => pixels.scatter(points, units, (0.0, 0.0)),
                Mark::Text(text) => pixels.write(text, units),
                _ => {}
            }
        }
    }
    encode::<3>(&averaged::<3>(&fine, width, height), width, height, scale)
}

/// The points alone on a transparent ground, as a PNG of their area.
pub(in crate::chart) fn points_png(points: &Points, scale: f64) -> Result<Vec<u8>> {
    let width = (points.area.width() * scale).round().max(1.0) as usize;
    let height = (points.area.height() * scale).round().max(1.0) as usize;
    let (fine_width, fine_height) = (width * OVERSAMPLING, height * OVERSAMPLING);
    let mut fine = vec![0; fine_width * fine_height * 4];
    Pixels::<4> { bytes: &mut fine, width: fine_width, height: fine_height }.scatter(
        points,
        scale * OVERSAMPLING as f64,
        (points.area.left, points.area.top),
    );
    let mut bytes = averaged::<4>(&fine, width, height);
    for pixel in bytes.chunks_exact_mut(4).filter(|pixel| pixel[3] > 0) {
        let opacity = u16::from(pixel[3]);
        for byte in &mut pixel[..3] {
            *byte = ((u16::from(*byte) * 255 + opacity / 2) / opacity).min(255) as u8;
        }
    }
    encode::<4>(&bytes, width, height, scale)
}

fn dots(pixels: u32, scale: f64) -> usize {
    (f64::from(pixels) * scale).round() as usize
}

/// Averages squares of two by two.
fn averaged<const CHANNELS: usize>(fine: &[u8], width: usize, height: usize) -> Vec<u8> {
    let fine_row = width * OVERSAMPLING * CHANNELS;
    let mut coarse = vec![0; width * height * CHANNELS];
    coarse.par_chunks_mut(width * CHANNELS).zip(fine.par_chunks(fine_row * OVERSAMPLING)).for_each(
        |(coarse, fine)| {
            let (upper, lower) = fine.split_at(fine_row);
            let squares = upper.chunks_exact(2 * CHANNELS).zip(lower.chunks_exact(2 * CHANNELS));
            for (pixel, (upper, lower)) in coarse.chunks_exact_mut(CHANNELS).zip(squares) {
                for channel in 0..CHANNELS {
                    let sum = u16::from(upper[channel])
                        + u16::from(upper[channel + CHANNELS])
                        + u16::from(lower[channel])
                        + u16::from(lower[channel + CHANNELS]);
                    pixel[channel] = ((sum + 2) / 4) as u8;
                }
            }
        },
    );
    coarse
}

fn encode<const CHANNELS: usize>(bytes: &[u8], width: usize, height: usize, scale: f64) -> Result<Vec<u8>> {
    let failed =
        |error: png::EncodingError| Error::argument("the picture could not be compressed").source(error);
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_color(if CHANNELS == 4 { png::ColorType::Rgba } else { png::ColorType::Rgb });
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    // A picture is mostly one flat ground; trying all five filters costs more than it saves.
    encoder.set_filter(png::Filter::Up);
    let per_metre = (96.0 * scale / 0.0254).round() as u32;
    encoder.set_pixel_dims(Some(png::PixelDimensions {
        xppu: per_metre,
        yppu: per_metre,
        unit: png::Unit::Meter,
    }));
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(bytes).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averaging_keeps_what_is_flat_and_halves_an_edge() {
        let flat = vec![7; 4 * 4 * 3];
        assert_eq!(averaged::<3>(&flat, 2, 2), vec![7; 12]);
        let edge: Vec<u8> = (0..2 * 2 * 4).map(|byte| if (byte / 4) % 2 == 0 { 0 } else { 200 }).collect();
        assert_eq!(averaged::<4>(&edge, 1, 1), vec![100; 4]);
    }
}
