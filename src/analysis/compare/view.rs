//! The wording of a comparison.

use super::{Compare, ComparisonReport};
use crate::analysis::Analysis;
use crate::error::Result;
use crate::number::{counted, fixed, percent};
use crate::view::{Block, Cell, Grid, KeyFigure, Look, Section};

/// A difference between the two imbalances that is worth a sentence.
const ONE_SIDED: f64 = 0.05;

/// Rows that are listed.
const LISTED: usize = 10;

pub fn section(found: &ComparisonReport, look: Look) -> Result<Section> {
    let shown = |x: Option<f64>| x.map_or("–".to_owned(), |x| fixed(x, 3));
    let overlap = &found.neighbor_overlap;
    let headline = format!(
        "A row keeps {} of its {} nearest rows (95 %: {} to {}).",
        percent(overlap.value),
        overlap.k,
        percent(overlap.low),
        percent(overlap.high)
    );
    let mut section =
        Section::new(Compare::NAME, "Comparison").headline(headline.clone()).with(Block::paragraph(format!(
            "{} of {} ({} dimensions) and {} ({} dimensions).",
            counted(found.rows, "row"),
            found.names.0,
            found.dims.0,
            found.names.1,
            found.dims.1
        )));
    for below in &found.below {
        section = section.with(Block::warning(format!("Not reached: {below}.")));
    }
    section = section.with(Block::key_figures([
        KeyFigure::new(fixed(overlap.value, 3), "neighbour overlap")
            .note(format!("{} by chance", fixed(overlap.by_chance, 3))),
        KeyFigure::new(shown(found.cka_debiased), "CKA, debiased")
            .note(format!("plain {}", shown(found.cka))),
        KeyFigure::new(shown(found.distance_correlation), "distance correlation").note("Spearman"),
    ]));
    if let Some(lost) = found.information_imbalance {
        let grid = Grid::new(["information imbalance", "value", "how to read it"])
            .row([
                Cell::text("first to second"),
                Cell::Number(lost.a_to_b, 3),
                Cell::text("0: who has the first file knows the second; 1: nothing of it"),
            ])
            .row([
                Cell::text("second to first"),
                Cell::Number(lost.b_to_a, 3),
                Cell::text("the same the other way round"),
            ]);
        section = section.with(grid).with(Block::paragraph(one_sided(lost.a_to_b, lost.b_to_a)));
    }
    let scores = found.scores.iter().fold(
        Grid::new(["score", "first", "second", "difference", "95 %", "p"])
            .caption("The score cards side by side; the difference is second minus first"),
        |grid, score| {
            let range = score.low.zip(score.high);
            grid.row([
                Cell::text(words(&score.name)),
                Cell::number(score.a, 3),
                Cell::number(score.b, 3),
                Cell::number(score.difference, 3),
                range.map_or(Cell::Missing, |(low, high)| Cell::Range(low, high, 3)),
                score.p.map_or(Cell::Missing, Cell::PValue),
            ])
        },
    );
    section = section.with(scores).with(Block::note(
        "Of so many scores one in twenty differs with p < 0.05 although nothing has changed. Scores of the shape are not \
         better when they are larger: look at labels or queries for that.",
    ));
    if found.texts.iter().any(Option::is_some) || !found.most_changed.is_empty() {
        let grid = found.most_changed.iter().zip(&found.texts).take(LISTED).fold(
            Grid::new(["row", "overlap", "text"]).caption("Rows whose nearest rows change most"),
            |grid, (row, text)| {
                grid.row([
                    Cell::text(row.row.to_string()),
                    Cell::Number(row.overlap, 2),
                    text.as_ref().map_or(Cell::Missing, |text| Cell::excerpt(text)),
                ])
            },
        );
        section = section.with(grid);
    }
    #[cfg(feature = "charts")]
    let section = section.picture(
        look,
        "Nearest rows in common",
        "The share of each row's nearest rows that are the same in both files.",
        |style| {
            let overlaps: Vec<f32> = found.overlaps.iter().flatten().map(|overlap| *overlap as f32).collect();
            crate::chart::Histogram::new(&overlaps, "overlap")
                .draw(&style.subtitle(counted(overlaps.len(), "row")))
        },
    )?;
    #[cfg(not(feature = "charts"))]
    let _ = look;
    Ok(section)
}

fn one_sided(a_to_b: f64, b_to_a: f64) -> String {
    if (a_to_b - b_to_a).abs() < ONE_SIDED {
        return "Neither of the two holds much more of the other.".to_owned();
    }
    let (more, less) = if a_to_b < b_to_a { ("first", "second") } else { ("second", "first") };
    format!(
        "The {more} file holds more: what the {less} one knows can be told from it better than the other way round."
    )
}

/// A key in words.
fn words(name: &str) -> String {
    name.replace('_', " ")
}
