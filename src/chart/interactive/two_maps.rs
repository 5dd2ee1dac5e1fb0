//! Two maps of the same rows side by side, linked.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use ndarray::ArrayView2;
use ring::digest::{SHA256, digest};
use serde_json::json;

use crate::error::{Error, Result};
use crate::number::{fixed, grouped};
use crate::output::write_whole;
use crate::web::script::embedded;
use crate::web::{self, theme_switch};

const STYLE: &str = include_str!("page/two_maps.css");
const SCRIPT: &str = include_str!("page/two_maps.js");

/// The side of a map, in its own units, and the room around its points.
const SIDE: f64 = 400.0;
const MARGIN: f64 = 8.0;

/// Characters of a text that the page keeps.
const LONGEST_TEXT: usize = 400;

/// Two maps of the same rows as one HTML file that needs no network: who points at a row in one map sees it in the other,
/// with its text. Rows are coloured by a value of 0 to 1, such as the share of their nearest rows in common.
///
/// The second map is turned, and mirrored if need be, so that it lies as the first does. Rows that are not finite in one of
/// the maps are left out.
///
/// ```
/// use embedlab::chart::TwoMaps;
/// let first = ndarray::array![[0.0_f32, 0.0], [1.0, 0.0], [0.0, 1.0]];
/// let second = ndarray::array![[0.0_f32, 0.0], [0.0, 2.0], [2.0, 0.0]];
/// let html = TwoMaps::new(["old", "new"], first.view(), second.view(), &[1.0, 0.5, 0.0])?
///     .texts(vec![Some("tea".to_owned()), None, Some("<b>".to_owned())])?
///     .html();
/// assert!(html.contains("old") && !html.contains("<b>"));
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct TwoMaps {
    title: String,
    names: [String; 2],
    points: Vec<Point>,
    texts: Vec<Option<String>>,
    rows: usize,
    numbers: Vec<usize>,
}

/// Row, place in the first map, place in the second, value.
type Point = (usize, (f64, f64), (f64, f64), f64);

impl TwoMaps {
    /// Places of the rows (n x 2) in two maps with these names, and a value of 0 to 1 of each row.
    ///
    /// # Errors
    /// When they are of another number of rows, or have other than two columns.
    pub fn new(
        names: [&str; 2],
        first: ArrayView2<'_, f32>,
        second: ArrayView2<'_, f32>,
        values: &[f64],
    ) -> Result<TwoMaps> {
        if first.dim() != second.dim() || first.ncols() != 2 || values.len() != first.nrows() {
            return Err(Error::argument("maps and values that do not belong together")
                .seen(format!("{:?}, {:?}, {} values", first.dim(), second.dim(), values.len()))
                .advice("give two maps of two columns and a value for each row"));
        }
        let place =
            |map: &ArrayView2<'_, f32>, row: usize| (f64::from(map[[row, 0]]), f64::from(map[[row, 1]]));
        let finite = |(x, y): (f64, f64)| x.is_finite() && y.is_finite();
        let rows: Vec<usize> = (0..values.len())
            .filter(|row| finite(place(&first, *row)) && finite(place(&second, *row)))
            .collect();
        let a = centred(rows.iter().map(|row| place(&first, *row)).collect());
        let b = turned(&a, centred(rows.iter().map(|row| place(&second, *row)).collect()));
        let (a, b) = (fitted(&a), fitted(&b));
        let points =
            rows.iter().zip(a.into_iter().zip(b)).map(|(row, (a, b))| (*row, a, b, values[*row])).collect();
        Ok(TwoMaps {
            title: "Two maps".to_owned(),
            names: names.map(str::to_owned),
            points,
            texts: Vec::new(),
            rows: values.len(),
            numbers: (0..values.len()).collect(),
        })
    }

    /// The heading; "Two maps" by default.
    pub fn title(self, title: impl Into<String>) -> Self {
        TwoMaps { title: title.into(), ..self }
    }

    /// The text of each row.
    ///
    /// # Errors
    /// When they are of another number.
    pub fn texts(self, texts: Vec<Option<String>>) -> Result<Self> {
        self.check(texts.len())?;
        Ok(TwoMaps { texts, ..self })
    }

    /// The number by which the page names each row; from 0 on by default.
    ///
    /// # Errors
    /// When they are of another number.
    pub fn numbers(self, numbers: Vec<usize>) -> Result<Self> {
        self.check(numbers.len())?;
        Ok(TwoMaps { numbers, ..self })
    }

    fn check(&self, given: usize) -> Result<()> {
        if given == self.rows {
            return Ok(());
        }
        Err(Error::argument("points and what belongs to them differ in number")
            .seen(format!("{} points, {given} values", self.rows)))
    }

    /// The page.
    pub fn html(&self) -> String {
        let cut = |text: &String| text.chars().take(LONGEST_TEXT).collect::<String>();
        let rows: Vec<_> = self
            .points
            .iter()
            .map(|(row, _, _, value)| {
                let text = self.texts.get(*row).and_then(Option::as_ref).map(cut);
                json!([self.numbers[*row], fixed(*value, 2), text])
            })
            .collect();
        let hash = BASE64.encode(digest(&SHA256, SCRIPT.as_bytes()));
        let policy = format!(
            "default-src 'none'; script-src 'sha256-{hash}'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
        );
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(policy);
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="referrer" content="no-referrer";
                    meta name="color-scheme" content="light dark";
                    meta name="generator" content={ "embedlab " (env!("CARGO_PKG_VERSION")) };
                    title { (self.title) }
                    style { (PreEscaped(web::STYLE)) (PreEscaped(STYLE)) }
                }
                body {
                    header {
                        div {
                            h1 dir="auto" { (self.title) }
                            p.subtitle { (grouped(self.points.len() as u64)) " rows. Point at a row, or press it: it is marked in both maps." }
                        }
                        (theme_switch())
                    }
                    main.two {
                        (self.map(0))
                        (self.map(1))
                        section #row aria-live="polite" { p.quiet { "No row is marked." } }
                        p.quiet.key {
                            "Share of the nearest rows in common: "
                            span.swatch style="--share:0%" {} " none "
                            span.swatch style="--share:50%" {} " half "
                            span.swatch style="--share:100%" {} " all"
                        }
                        label.field { "Search the texts" input #search type="search" autocomplete="off" spellcheck="false"; }
                    }
                    script type="application/json" id="rows" { (PreEscaped(embedded(&json!(rows)))) }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        }
        .into_string()
    }

    /// Saves the page. The file appears whole or not at all.
    ///
    /// # Errors
    /// Any failure of the file system.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let (path, html) = (path.as_ref(), self.html());
        write_whole(path, |file| {
            std::io::Write::write_all(file, html.as_bytes())
                .map_err(|error| Error::io("cannot write", error).file(path))
        })
    }

    fn map(&self, side: usize) -> Markup {
        html! {
            figure {
                figcaption dir="auto" { (self.names[side]) }
                svg.map viewBox={ "0 0 " (SIDE) " " (SIDE) } role="img" aria-label={ "Map of " (self.names[side]) } {
                    @for (at, (_, first, second, value)) in self.points.iter().enumerate() {
                        @let (x, y) = if side == 0 { first } else { second };
                        circle cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) r="3" data-row=(at)
                            style={ "--share:" (format!("{:.0}", value.clamp(0.0, 1.0) * 100.0)) "%" } {}
                    }
                }
            }
        }
    }
}

fn centred(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let n = points.len().max(1) as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0 / n, sum.1 + point.1 / n));
    points.into_iter().map(|point| (point.0 - x, point.1 - y)).collect()
}

/// `b` as it lies nearest to `a`, turned and perhaps mirrored.
fn turned(a: &[(f64, f64)], b: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let along = |mirror: f64| {
        a.iter().zip(&b).fold((0.0, 0.0), |sum, (a, b)| {
            let b = (b.0, mirror * b.1);
            (sum.0 + a.0 * b.0 + a.1 * b.1, sum.1 + a.1 * b.0 - a.0 * b.1)
        })
    };
    let length = |(x, y): (f64, f64)| x.hypot(y);
    let mirror = if length(along(-1.0)) > length(along(1.0)) { -1.0 } else { 1.0 };
    let (cosine, sine) = along(mirror);
    let norm = length((cosine, sine));
    if norm == 0.0 {
        return b;
    }
    let (cosine, sine) = (cosine / norm, sine / norm);
    b.into_iter()
        .map(|(x, y)| (x, mirror * y))
        .map(|(x, y)| (cosine * x - sine * y, sine * x + cosine * y))
        .collect()
}

/// Points in the units of the page, y downwards.
fn fitted(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let largest = points.iter().fold(0.0_f64, |largest, point| largest.max(point.0.abs()).max(point.1.abs()));
    let scale = if largest > 0.0 { (SIDE / 2.0 - MARGIN) / largest } else { 0.0 };
    points.iter().map(|(x, y)| (SIDE / 2.0 + x * scale, SIDE / 2.0 - y * scale)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_that_is_turned_and_mirrored_lies_as_the_first() {
        let a = centred(vec![(0.0, 0.0), (3.0, 0.0), (0.0, 1.0), (2.0, 5.0)]);
        let (sine, cosine) = 2.1_f64.sin_cos();
        let b: Vec<_> = a.iter().map(|(x, y)| (cosine * x + sine * y, sine * x - cosine * y)).collect();
        for (a, b) in a.iter().zip(turned(&a, b)) {
            assert!((a.0 - b.0).abs() < 1e-12 && (a.1 - b.1).abs() < 1e-12, "{a:?} {b:?}");
        }
    }
}
