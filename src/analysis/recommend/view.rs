//! The wording of recommendations.

#[cfg(feature = "charts")]
use super::super::palette;
use super::{AllRecommendations, Recommend};
use crate::analysis::Analysis;
#[cfg(feature = "charts")]
use crate::chart::{BoxPlot, Palette, Picture, Style};
use crate::error::Result;
use crate::number::{counted, grouped, range};
use crate::recommend::{Evaluation, Recommendations};
use crate::view::{Block, Cell, Grid, KeyFigure, Look, Section};

/// Users whose lists a view shows, and items of each.
const LISTED_USERS: usize = 5;
const LISTED_ITEMS: usize = 3;

/// The view of a test; also that of a notebook.
pub(crate) fn tested_section(found: &Evaluation, rating: &str, look: Look) -> Result<Section> {
    let mut section = Section::new(Recommend::NAME, "Users and products")
        .headline(headline(found, rating))
        .with(Block::paragraph(format!(
            "The profile of a user or a product is the mean vector of its {}. Test rows are not part of it.",
            counted(found.n_train, "training row")
        )))
        .with(Block::key_figures(figures(found, rating)));
    if let Some(caution) = &found.caution {
        let mut text = caution.clone();
        if let Some(first) = text.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        section = section.with(Block::warning(format!("{text}.")));
    }
    if found.incomplete > 0 {
        let text =
            format!("{} without a user, a product or a rating left out.", counted(found.incomplete, "row"));
        section = section.with(Block::note(text));
    }
    section = section.with(scorers(found, rating));
    if !found.by_label.is_empty() {
        let grid = found.by_label.iter().fold(
            Grid::new([rating, "test rows", "median percentile"]),
            |grid, label| {
                let name = Cell::text(label.label.to_string());
                grid.row([name, Cell::count(label.n), Cell::Number(label.median_percentile, 3)])
            },
        );
        section = section.with(grid.caption(format!("Percentile of the similarity by {rating}")));
    }
    #[cfg(feature = "charts")]
    if !found.rows.is_empty() {
        let caption = format!(
            "The similarity of user and product on the test rows, as a percentile, by {rating}. If it told {rating}, the \
             boxes would rise from left to right; the dashed line is the middle."
        );
        section =
            section.picture(look, PICTURE_TITLE, caption, |style| star_picture(found, rating, style))?;
    }
    #[cfg(not(feature = "charts"))]
    let _ = look;
    Ok(section)
}

fn headline(found: &Evaluation, rating: &str) -> String {
    match found.correlation_interval {
        Some(interval) if interval.low > 0.0 && found.caution.is_none() => {
            format!("{rating} rises with the similarity of user and product.")
        }
        _ => format!("The test does not show that {rating} rises with the similarity of user and product."),
    }
}

#[cfg(feature = "charts")]
pub(super) const PICTURE_TITLE: &str = "Similarity of user and product by rating";

/// A box of the percentiles of the similarity for each rating.
///
/// # Errors
/// When it cannot be drawn.
#[cfg(feature = "charts")]
pub fn star_picture(found: &Evaluation, rating: &str, style: Style) -> Result<Picture> {
    let correlation = found.correlation.map_or("undefined".to_owned(), |value| format!("{value:.3}"));
    let subtitle = format!("{} test rows; correlation {correlation}", grouped(found.rows.len() as u64));
    if found.by_label.len() > MOST_BOXES {
        let (names, values) = in_ranges(found);
        return BoxPlot::new(&names, &values, "percentile of the similarity")
            .range(0.0, 1.0)
            .reference(0.5)
            .draw(&style.subtitle(subtitle));
    }
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
    BoxPlot::new(&names, &values, "percentile of the similarity")
        .palette(palette)
        .range(0.0, 1.0)
        .reference(0.5)
        .draw(&style.subtitle(subtitle))
}

/// More different ratings than this are drawn in ranges.
#[cfg(feature = "charts")]
const MOST_BOXES: usize = 12;
/// So many of equal width.
#[cfg(feature = "charts")]
const RANGES: usize = 10;

/// The percentiles of the similarity by ranges of the rating, those without a row left out.
#[cfg(feature = "charts")]
fn in_ranges(found: &Evaluation) -> (Vec<String>, Vec<Vec<f64>>) {
    let ratings = || found.rows.iter().map(|pair| pair.rating);
    let low = ratings().fold(f64::INFINITY, f64::min);
    let width = (ratings().fold(f64::NEG_INFINITY, f64::max) - low) / RANGES as f64;
    let mut values = vec![Vec::new(); RANGES];
    for pair in &found.rows {
        let range = ((pair.rating - low) / width) as usize;
        values[range.min(RANGES - 1)].push(pair.percentile);
    }
    let name = |at: usize| range(low + at as f64 * width, low + (at + 1) as f64 * width, 2);
    (0..RANGES).filter(|at| !values[*at].is_empty()).map(|at| (name(at), values[at].clone())).unzip()
}

fn figures(found: &Evaluation, rating: &str) -> Vec<KeyFigure> {
    let ends =
        found.correlation_interval.map(|interval| format!("95 %: {}", range(interval.low, interval.high, 3)));
    vec![
        KeyFigure::new(grouped(found.users as u64), "users"),
        KeyFigure::new(grouped(found.items as u64), "products"),
        KeyFigure::new(grouped(found.pairs as u64), "test rows with both").note(format!(
            "of {}; cold-start: {} a new user, {} a new product, {} both",
            grouped(found.n_test as u64),
            grouped(found.cold.user_only as u64),
            grouped(found.cold.item_only as u64),
            grouped(found.cold.both as u64)
        )),
        KeyFigure::new(Cell::number(found.correlation, 3).shown(), format!("correlation with {rating}"))
            .note(ends.unwrap_or_default()),
    ]
}

fn scorers(found: &Evaluation, rating: &str) -> Grid {
    let k = found.scorers.first().map_or(0, |scorer| scorer.ranking.k);
    let users = found.scorers.first().map_or(0, |scorer| scorer.ranking.n);
    let headers = [
        "score".to_owned(),
        format!("correlation with {rating}"),
        "95 %".to_owned(),
        "rank corr.".to_owned(),
        format!("nDCG@{k}"),
        format!("hit@{k}"),
        format!("recall@{k}"),
    ];
    let grid = found.scorers.iter().fold(Grid::new(headers), |grid, scorer| {
        let interval = scorer.pearson_interval;
        grid.row([
            Cell::text(scorer.name.replace('_', " ")),
            Cell::number(scorer.pearson, 3),
            interval.map_or(Cell::Missing, |interval| Cell::Range(interval.low, interval.high, 3)),
            Cell::number(scorer.spearman, 3),
            Cell::number(scorer.ranking.ndcg, 3),
            Cell::number(scorer.ranking.hit, 3),
            Cell::number(scorer.ranking.recall, 3),
        ])
    });
    grid.caption(format!(
        "The similarity and what it must beat, on the same rows. Rankings: of {} with a relevant test product, among all \
         products not rated in training; relevant from {} on",
        counted(users, "user"),
        found.relevant
    ))
}

/// The view of the products for one user; also that of a notebook.
pub(crate) fn user_section(found: &Recommendations) -> Section {
    let text = format!(
        "User {}: {}; {} not yet rated.",
        found.user,
        counted(found.rated, "row"),
        counted(found.candidates, "product")
    );
    let headers = ["product", "similarity", "mean rating", "rows", "nearest row", "its text"];
    let grid = found.items.iter().fold(Grid::new(headers), |grid, item| {
        let nearest = item.rows.first();
        grid.row([
            Cell::text(&item.item),
            Cell::Number(item.similarity, 3),
            Cell::number(item.mean_rating, 2),
            Cell::count(item.n),
            nearest.map_or(Cell::Missing, |row| Cell::text(row.row.to_string())),
            nearest.and_then(|row| row.text.as_deref()).map_or(Cell::Missing, Cell::excerpt),
        ])
    });
    let section = Section::new(Recommend::NAME, "Recommended products").with(Block::paragraph(text));
    if found.items.is_empty() { section.with(Block::note("No product is left.")) } else { section.with(grid) }
}

pub(super) fn all_section(found: &AllRecommendations) -> Section {
    let without = match found.users_without_profile {
        0 => String::new(),
        n => format!(
            " {} too few rows for a profile.",
            if n == 1 { "1 user has".to_owned() } else { format!("{} users have", grouped(n as u64)) }
        ),
    };
    let text = format!(
        "Up to {} for each of {}, of {}.{without}",
        counted(found.k, "product"),
        counted(found.users, "user"),
        counted(found.products, "product")
    );
    let section = Section::new(Recommend::NAME, "Recommended products").with(Block::paragraph(text));
    let grid = found.recommendations.iter().take(LISTED_USERS).fold(
        Grid::new(["user", "product", "similarity", "mean rating", "rows"]),
        |grid, list| {
            list.items.iter().take(LISTED_ITEMS).fold(grid, |grid, item| {
                grid.row([
                    Cell::text(&list.user),
                    Cell::text(&item.item),
                    Cell::Number(item.similarity, 3),
                    Cell::number(item.mean_rating, 2),
                    Cell::count(item.n),
                ])
            })
        },
    );
    if grid.rows.is_empty() {
        return section.with(Block::note("No user has a profile."));
    }
    section.with(grid.caption("The first users; -o writes all lists"))
}
