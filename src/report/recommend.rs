//! The sections about users and products, and about neighbours.

use super::themed;
use crate::analysis::palette;
use crate::chart::{Bars, BoxPlot, Palette, Picture, Style};
use crate::error::Result;
use crate::metric::Interval;
use crate::number::grouped;
use crate::recommend::{Evaluation, Neighbors};
use crate::view::Section;
use crate::view::{Block, KeyFigure, Quote};
use crate::view::{Cell, Grid};

/// Whether the similarity of users and products tells held-out ratings, and what it must beat.
///
/// # Errors
/// When a picture cannot be drawn or the results cannot be written as JSON.
pub fn recommend(found: &Evaluation, rating: &str) -> Result<Section> {
    let mut section = Section::new("recommend", "Users and products")
        .with(Block::paragraph(format!(
            "The profile of a user or a product is the mean vector of its {} training rows. Test rows \
             are not part of it.",
            grouped(found.n_train as u64)
        )))
        .with(Block::key_figures(figures(found, rating)));
    if let Some(caution) = &found.caution {
        let mut text = caution.clone();
        if let Some(first) = text.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        section = section.with(Block::warning(format!("{text}.")));
    }
    section = section.with(scorers(found, rating));
    if !found.rows.is_empty() {
        section = section.with(themed(
            format!(
                "The similarity of user and product on the test rows, as a percentile, by {rating}. If it told {rating}, \
                 the boxes would rise from left to right; the dashed line is the middle."
            ),
            |style| star_picture(found, rating, style),
            &format!("Similarity of user and product by {rating}"),
        )?);
    }
    super::with_data(section, found)
}

/// A box of the percentiles of the similarity for each rating.
///
/// # Errors
/// When it cannot be drawn.
pub fn star_picture(found: &Evaluation, rating: &str, style: Style) -> Result<Picture> {
    let labels: Vec<String> = found.by_label.iter().map(|label| label.label.to_string()).collect();
    // All five stars have their place and colour, also those without a test row.
    let stars = ["1", "2", "3", "4", "5"].map(String::from);
    let labels = if labels.iter().all(|label| stars.contains(label)) { stars.to_vec() } else { labels };
    let values: Vec<Vec<f64>> = labels
        .iter()
        .map(|label| {
            let of = found.rows.iter().filter(|pair| pair.rating.to_string() == *label);
            of.map(|pair| pair.percentile).collect()
        })
        .collect();
    let palette = palette(&labels);
    let name = |label: &String| match (palette == Palette::Stars, label.as_str()) {
        (true, "1") => "1 star".to_owned(),
        (true, _) => format!("{label} stars"),
        (false, _) => format!("{rating} {label}"),
    };
    let names: Vec<String> = labels.iter().map(name).collect();
    let correlation = found.correlation.map_or("undefined".to_owned(), |value| format!("{value:.3}"));
    let subtitle = format!("{} test rows; correlation {correlation}", grouped(found.rows.len() as u64));
    BoxPlot::new(&names, &values, "percentile of the similarity")
        .palette(palette)
        .range(0.0, 1.0)
        .reference(0.5)
        .draw(&style.subtitle(subtitle))
}

fn figures(found: &Evaluation, rating: &str) -> Vec<KeyFigure> {
    let correlation = found.correlation.map_or("–".to_owned(), |value| format!("{value:.3}"));
    vec![
        KeyFigure::new(grouped(found.users as u64), "users"),
        KeyFigure::new(grouped(found.items as u64), "products"),
        KeyFigure::new(grouped(found.pairs as u64), "test rows with both").note(format!(
            "of {}; {} are cold-start",
            grouped(found.n_test as u64),
            grouped(found.cold.rows as u64)
        )),
        KeyFigure::new(correlation, format!("correlation with {rating}"))
            .note(ends(found.correlation_interval).unwrap_or_default()),
    ]
}

fn ends(interval: Option<Interval>) -> Option<String> {
    interval.map(|interval| format!("{:.3} to {:.3}", interval.low, interval.high))
}

fn scorers(found: &Evaluation, rating: &str) -> Grid {
    let k = found.scorers.first().map_or(0, |scorer| scorer.ranking.k);
    let users = found.scorers.first().map_or(0, |scorer| scorer.ranking.n);
    let mut table = Grid::new([
        "score".to_owned(),
        format!("correlation with {rating}"),
        "95 % interval".to_owned(),
        "rank correlation".to_owned(),
        format!("nDCG@{k}"),
        format!("hit@{k}"),
        format!("recall@{k}"),
    ])
    .caption(format!(
        "The similarity and what it must beat, on the same rows. Rankings: of {} users, among all products not rated in \
         training; worth finding from {} on",
        grouped(users as u64),
        found.relevant
    ));
    let number = |value: Option<f64>| value.map_or(Cell::Missing, |value| Cell::Number(value, 3));
    for scorer in &found.scorers {
        table = table.row([
            Cell::text(scorer.name.replace('_', " ")),
            number(scorer.pearson),
            ends(scorer.pearson_interval).map_or(Cell::Missing, Cell::text),
            number(scorer.spearman),
            number(scorer.ranking.ndcg),
            number(scorer.ranking.hit),
            number(scorer.ranking.recall),
        ]);
    }
    table
}

/// Some rows with their neighbours: `sources` are rows of the file (from 0), `texts` has one entry a
/// row.
///
/// # Errors
/// When the results cannot be written as JSON.
pub fn neighbors(sources: &[(usize, Neighbors)], texts: &[Option<String>]) -> Result<Section> {
    let mut section = Section::new("neighbors", "Neighbours").with(Block::paragraph(
        "Some rows and the rows most like them by cosine; rows with the same text are passed over.",
    ));
    let text = |row: usize| texts.get(row).cloned().flatten().unwrap_or_else(|| format!("row {row}"));
    for (row, found) in sources {
        let quotes = found
            .neighbors
            .iter()
            .map(|hit| Quote::new(text(hit.row), format!("row {}, distance {:.3}", hit.row, hit.distance)));
        let source = Quote::new(text(*row), format!("row {row}"));
        let summary: String = text(*row).chars().take(90).collect();
        section = section.with(Block::details(
            summary,
            [Block::quotes([source]), Block::paragraph("Most like it:"), Block::quotes(quotes)],
        ));
    }
    let pairs = sources.iter().flat_map(|(row, found)| found.neighbors.iter().map(move |hit| (row, hit)));
    let (names, distances): (Vec<String>, Vec<f64>) =
        pairs.map(|(row, hit)| (format!("{row} and {}", hit.row), hit.distance)).unzip();
    if !names.is_empty() {
        section = section.with(themed(
            "How far the rows above are from those most like them, by cosine: 0 is the same direction, 1 has nothing in \
             common.",
            |style| Bars::new(&names, &distances).draw(&style.fitting_bars(names.len()).subtitle("row and neighbour")),
            "Distances of the nearest rows",
        )?);
    }
    let data: Vec<_> = sources
        .iter()
        .map(|(row, found)| serde_json::json!({ "row": row, "neighbors": found.neighbors }))
        .collect();
    super::with_data(section, &data)
}
