//! The wording of a curve of settings, and its picture.

use super::{Compress, CompressionReport, TenthReport};
use crate::analysis::Analysis;
#[cfg(feature = "charts")]
use crate::chart::{Lines, Picture, Style};
use crate::compress::Point;
use crate::error::Result;
use crate::number::{counted, fixed, grouped, percent};
use crate::view::{Block, Cell, Grid, KeyFigure, Look, Section};

pub fn section(found: &CompressionReport, look: Look) -> Result<Section> {
    let whole = 4 * found.dims;
    let headline = match &found.chosen {
        Some(point) => format!(
            "{} keeps {} of the {} nearest rows in {} bytes a row, {} of {}.",
            setting(point),
            percent(point.recall.mean),
            found.k,
            grouped(point.bytes as u64),
            percent(point.bytes as f64 / whole as f64),
            grouped(whole as u64)
        ),
        None => format!("No setting keeps {} of the {} nearest rows.", percent(found.keep), found.k),
    };
    let mut section = Section::new(Compress::NAME, "Fewer dimensions and bits").headline(headline).with(
        Block::paragraph(format!(
            "{} of {} dimensions; queries: {}; the truth is the exact search by cosine.",
            counted(found.rows, "row"),
            found.dims,
            grouped(found.queries as u64)
        )),
    );
    if let Some(point) = &found.chosen {
        section = section.with(Block::key_figures([
            KeyFigure::new(grouped(point.bytes as u64), "bytes a row").note(setting(point)),
            KeyFigure::new(fixed(point.recall.mean, 3), "recall").note(format!(
                "95 %: {} to {}",
                fixed(point.recall.low, 3),
                fixed(point.recall.high, 3)
            )),
            KeyFigure::new(percent(point.recall.below_80), "queries below 0.8")
                .note(format!("5 % of the queries: at most {}", fixed(point.recall.p5, 2))),
        ]));
    }
    if let Some(tenth) = &found.tenth_less {
        section = section.with(Block::paragraph(claim(tenth, found.k)));
    }
    section = section.with(table(found));
    if let (Some(learned), Some(asked)) = (found.learned_from, found.asked_about) {
        section = section.with(probes(found)).with(Block::note(format!(
            "A logistic regression learned the label from {} of each setting and is asked about {} others; the difference is \
             from the rows as they are. The accuracy above is that of the majority label of the rows that a query finds.",
            counted(learned, "row"),
            grouped(asked as u64)
        )));
    }
    section = section.with(Block::note(
        "Rescored: the recall when twice as many rows are found and scored again by the query as it is, against the codes \
         (int8-raw, binary) or against the rows as they were, which must be kept too and are not among the bytes. int8 ranks by \
         the numbers that the codes stand for, int8-raw by the codes themselves.",
    ));
    #[cfg(feature = "charts")]
    let section = section.picture(
        look,
        "Recall over bytes",
        "The share of the nearest rows that a search finds, over the bytes of a row: one line for each way to keep \
         numbers, one dot for each number of dimensions. Up and to the left is better.",
        |style| draw(found, style),
    )?;
    #[cfg(not(feature = "charts"))]
    let _ = look;
    Ok(section)
}

/// A row for each setting.
fn table(found: &CompressionReport) -> Grid {
    let labelled = found.points.iter().any(|point| point.accuracy.is_some());
    let mut headers =
        vec!["method", "dimensions", "precision", "bytes", "recall", "95 %", "below 0.8", "rescored"];
    if labelled {
        headers.extend(["accuracy", "95 %"]);
    }
    let grid = Grid::new(headers).caption(format!("Recall of the {} nearest rows", found.k));
    found.points.iter().filter(|point| !point.rescore).fold(grid, |grid, point| {
        let key = |point: &Point| (point.method, point.dims, point.precision);
        let again = found.points.iter().find(|other| other.rescore && key(other) == key(point));
        let mut cells = vec![
            Cell::text(point.method.name()),
            Cell::text(point.dims.to_string()),
            Cell::text(point.precision.name()),
            Cell::count(point.bytes),
            Cell::Number(point.recall.mean, 3),
            Cell::Range(point.recall.low, point.recall.high, 3),
            Cell::Share(point.recall.below_80),
            Cell::number(again.map(|again| again.recall.mean), 3),
        ];
        if let Some(accuracy) = point.accuracy {
            cells.extend([Cell::Number(accuracy.value, 3), Cell::Range(accuracy.low, accuracy.high, 3)]);
        }
        grid.row(cells)
    })
}

/// What a model learns from each setting.
fn probes(found: &CompressionReport) -> Grid {
    let grid =
        Grid::new(["method", "dimensions", "precision", "bytes", "accuracy", "95 %", "difference", "95 %"]);
    let probed = found.points.iter().filter_map(|point| Some((point, point.accuracy_logistic?)));
    probed.fold(grid.caption("Accuracy of a logistic regression of the label"), |grid, (point, of)| {
        grid.row([
            Cell::text(point.method.name()),
            Cell::text(point.dims.to_string()),
            Cell::text(point.precision.name()),
            Cell::count(point.bytes),
            Cell::Number(of.value, 3),
            Cell::Range(of.low, of.high, 3),
            Cell::Number(of.difference, 3),
            Cell::Range(of.difference_low, of.difference_high, 3),
        ])
    })
}

/// A setting in words.
fn setting(point: &Point) -> String {
    let again = if point.rescore { ", rescored" } else { "" };
    format!("{} to {} dimensions, {}{again}", point.method.name(), point.dims, point.precision.name())
}

/// What OpenAI's guide says of a tenth of the dimensions, on these rows.
fn claim(tenth: &TenthReport, k: usize) -> String {
    let start = format!(
        "A tenth of the dimensions less ({} by SVD) leaves {} of the {k} nearest rows (95 %: {} to {}).",
        tenth.dims,
        percent(tenth.recall.mean),
        percent(tenth.recall.low),
        percent(tenth.recall.high)
    );
    let verdict = |low: f64, high: f64| {
        if high < 0.0 {
            "worse, as OpenAI's guide says of such a cut"
        } else if low > 0.0 {
            "better, against what OpenAI's guide says of such a cut"
        } else {
            "no difference is seen, though OpenAI's guide says that such a cut makes tasks worse"
        }
    };
    if let Some(of) = tenth.accuracy_logistic {
        return format!(
            "{start} A logistic regression of the label is right in {} of the test rows, {} with all dimensions (difference {}, \
             95 %: {} to {}): {}.",
            percent(of.value),
            percent(of.value - of.difference),
            fixed(of.difference, 3),
            fixed(of.difference_low, 3),
            fixed(of.difference_high, 3),
            verdict(of.difference_low, of.difference_high)
        );
    }
    let end = match tenth.accuracy {
        None => "OpenAI's guide says that this makes downstream tasks worse; a label column would tell."
            .to_owned(),
        Some(change) => {
            format!(
                "The label from the nearest rows is right in {} of the queries, {} with all dimensions (difference {}, 95 %: {} \
                 to {}): {}.",
                percent(change.after),
                percent(change.before),
                fixed(change.difference, 3),
                fixed(change.low, 3),
                fixed(change.high, 3),
                verdict(change.low, change.high)
            )
        }
    };
    format!("{start} {end}")
}

/// Recall over bytes, a line for each precision, of the method that finds most.
#[cfg(feature = "charts")]
pub fn draw(found: &CompressionReport, style: Style) -> Result<Picture> {
    let plain = || found.points.iter().filter(|point| !point.rescore);
    let sum =
        |method| plain().filter(|point| point.method == method).map(|point| point.recall.mean).sum::<f64>();
    let best = plain().map(|point| point.method).max_by(|a, b| sum(*a).total_cmp(&sum(*b)));
    let mut lines = Lines::new("bytes a row", "recall").log_x(true);
    let mut drawn = Vec::new();
    for point in plain().filter(|point| Some(point.method) == best) {
        if drawn.contains(&point.precision) {
            continue;
        }
        drawn.push(point.precision);
        let of = |other: &&Point| Some(other.method) == best && other.precision == point.precision;
        let mut dots: Vec<(f64, f64)> =
            plain().filter(of).map(|point| (point.bytes as f64, point.recall.mean)).collect();
        dots.sort_by(|a, b| a.0.total_cmp(&b.0));
        lines = lines.line(point.precision.name(), dots);
    }
    let method = best.map_or("none", |method| method.name());
    lines.draw(&style.subtitle(format!("{method}, {} nearest rows, {} queries", found.k, found.queries)))
}
