//! SVG: plotters' fragments in a document of our own.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use plotters::backend::SVGBackend;

use super::drawing::{Drawing, Mark, Points};
use super::font;
use super::paint::{Ground, paint};
use super::palette::Color;
use super::raster::points_png;
use crate::error::Result;

/// Plotters writes whole numbers; ten of them to the pixel make its positions fine enough.
const UNITS: f64 = 10.0;

/// Above this a circle for each point makes a file that viewers and editors crawl through, and the
/// points are an image inside of the SVG; everything else stays text and lines.
pub(in crate::chart) const MOST_CIRCLES: usize = 5_000;

/// The drawing as an SVG document that says `description` to a screen reader. An image inside of
/// it has `scale` dots per pixel.
pub(in crate::chart) fn svg(drawing: &Drawing, description: &str, scale: f64) -> Result<String> {
    let (width, height) = (drawing.width, drawing.height);
    let mut document = String::with_capacity(16 << 10);
    let description = escaped(&font::clean(description));
    let _ = writeln!(
        document,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {} {}\" role=\"img\" font-variant-numeric=\"tabular-nums\" \
         aria-label=\"{description}\"><title>{description}</title>",
        width * UNITS as u32,
        height * UNITS as u32,
    );
    let _ = writeln!(
        document,
        "<rect width=\"100%\" height=\"100%\" fill=\"{}\"/>",
        hexadecimal(drawing.background)
    );
    let is_points = |mark: &Mark| matches!(mark, Mark::Points(_));
    for run in drawing.marks.chunk_by(|a, b| is_points(a) == is_points(b)) {
        for mark in run {
            if let Mark::Points(points) = mark {
                if points.at.len() <= MOST_CIRCLES {
                    write_circles(&mut document, points);
                } else {
                    write_image(&mut document, points, scale)?;
                }
            }
        }
        if !run.first().is_some_and(is_points) {
            document.push_str(fragment(run, (width, height), &mut String::new())?);
        }
    }
    document.push_str("</svg>\n");
    Ok(document)
}

/// What plotters writes between the tags of its own document.
fn fragment<'a>(marks: &[Mark], (width, height): (u32, u32), text: &'a mut String) -> Result<&'a str> {
    let ground = Ground { units: UNITS, sharp: UNITS };
    {
        let size = (width * UNITS as u32, height * UNITS as u32);
        let mut backend = SVGBackend::with_string(text, size);
        paint(&mut backend, marks, ground)?;
    }
    let inside = text.split_once(">\n").map_or("", |(_, inside)| inside);
    Ok(inside.strip_suffix("</svg>\n").unwrap_or(inside))
}

fn write_circles(document: &mut String, points: &Points) {
    let _ = writeln!(document, "<g fill-opacity=\"{:.2}\">", points.alpha);
    for &(x, y, color) in &points.at {
        let Some(&color) = points.colors.get(usize::from(color)) else { continue };
        let (x, y) = ((f64::from(x) * UNITS).round(), (f64::from(y) * UNITS).round());
        let radius = points.radius * UNITS;
        let fill = hexadecimal(color);
        let _ = writeln!(document, "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius:.0}\" fill=\"{fill}\"/>");
    }
    document.push_str("</g>\n");
}

fn write_image(document: &mut String, points: &Points, scale: f64) -> Result<()> {
    let png = points_png(points, scale)?;
    let area = points.area;
    let _ = write!(
        document,
        "<image x=\"{:.0}\" y=\"{:.0}\" width=\"{:.0}\" height=\"{:.0}\" href=\"data:image/png;base64,",
        area.left * UNITS,
        area.top * UNITS,
        area.width() * UNITS,
        area.height() * UNITS,
    );
    BASE64.encode_string(png, document);
    document.push_str("\"/>\n");
    Ok(())
}

fn hexadecimal(Color(red, green, blue): Color) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
