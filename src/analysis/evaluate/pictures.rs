//! The pictures of a score card.

use super::super::PictureKind;
use super::card::ScoreCard;
use crate::chart::{HeatMap, Histogram, Lines, Picture, Style};
use crate::error::{Error, Result};
use crate::metric::Z95;
use crate::number::{counted, percent};
use crate::view::{Look, Section};

/// Classes of which a page shows the confusion.
const MOST_CLASSES: usize = 20;

/// Eigenvalues below this share of the largest are rounding.
const NO_VARIANCE: f64 = 1e-7;

/// The pictures as options of the command.
pub(super) const KINDS: &[PictureKind] = &[
    PictureKind { flag: "similarities", help: "Draw the cosine of pairs of rows (.png .svg)" },
    PictureKind { flag: "spectrum", help: "Draw the variance along each principal component (.png .svg)" },
    PictureKind { flag: "dimension", help: "Draw the intrinsic dimension by scale (.png .svg)" },
    PictureKind { flag: "hubs", help: "Draw how often rows are among the nearest of others (.png .svg)" },
    PictureKind { flag: "confusion", help: "Draw the confusion of the label's classes (.png .svg)" },
];

/// The title of each, and how to read it.
const WORDS: [(&str, &str, &str); 5] = [
    (
        "similarities",
        "Similarity of pairs",
        "How to read it: the peak is the cosine of two unrelated rows, so a match must lie clearly to the right of it.",
    ),
    (
        "spectrum",
        "Spectrum",
        "How to read it: a gentle, straight fall means that many dimensions matter; a cliff means that few do.",
    ),
    (
        "dimension",
        "Intrinsic dimension by scale",
        "How to read it: where the line is level, that is the dimension; high values at the left are noise or near copies. \
         Bars are 95 % intervals.",
    ),
    (
        "hubs",
        "How often rows are among the nearest of others",
        "How to read it: bars far to the right are rows that come back for every query, and the bar at 0 are rows that a \
         search hardly finds.",
    ),
    (
        "confusion",
        "Confusion of the label",
        "How to read it: dark cells off the diagonal are classes that the vectors do not tell apart (logistic regression, \
         five folds).",
    ),
];

/// Adds the pictures of what the card holds.
pub(super) fn with_pictures(section: Section, card: &ScoreCard, look: Look) -> Result<Section> {
    WORDS.iter().try_fold(section, |section, (flag, title, caption)| {
        let few = card.labels.as_ref().is_some_and(|labels| labels.classes.len() <= MOST_CLASSES);
        if !is_drawn(card, flag) || (*flag == "confusion" && !few) {
            return Ok(section);
        }
        section.picture(look, title, *caption, |style| draw(card, flag, style))
    })
}

/// Whether the card holds what a picture shows.
fn is_drawn(card: &ScoreCard, flag: &str) -> bool {
    match flag {
        "similarities" => !card.cosines.is_empty(),
        "spectrum" => card.geometry.spectrum.len() > 1,
        "dimension" => !card.intrinsic_dimension.gride.is_empty(),
        "hubs" => card.occurrences.len() > 1,
        "confusion" => card.labels.as_ref().is_some_and(|labels| !labels.confusion.is_empty()),
        _ => false,
    }
}

/// Draws one of [`KINDS`].
pub(super) fn draw(card: &ScoreCard, flag: &str, style: Style) -> Result<Picture> {
    if !is_drawn(card, flag) {
        let why = if flag == "confusion" {
            "name a label with --label"
        } else {
            "the rows are too few, or all equal"
        };
        return Err(Error::argument(format!("nothing to draw for --{flag}")).advice(why));
    }
    match flag {
        "similarities" => {
            let subtitle = format!("{} drawn at random", counted(card.cosines.len(), "pair"));
            Histogram::new(&card.cosines, "cosine").unit("pairs").draw(&style.subtitle(subtitle))
        }
        "spectrum" => {
            let all = &card.geometry.spectrum;
            let shares: Vec<f64> =
                all.iter().copied().take_while(|share| *share > all[0] * NO_VARIANCE).collect();
            let first: f64 = shares.iter().take(10).sum();
            let points = shares.iter().enumerate().map(|(rank, share)| ((rank + 1) as f64, *share));
            Lines::new("principal component, largest first", "share of the variance")
                .log_x(true)
                .log_y(true)
                .line("", points.collect())
                .draw(&style.subtitle(format!("the first ten hold {} of the variance", percent(first))))
        }
        "dimension" => {
            let scales = &card.intrinsic_dimension.gride;
            let points = scales.iter().map(|scale| (scale.n1 as f64, scale.id)).collect();
            let errors: Vec<f64> = scales.iter().map(|scale| Z95 * scale.error).collect();
            Lines::new("nearer of the two neighbours that are compared", "dimension")
                .log_x(true)
                .from_zero(true)
                .line("", points)
                .errors(&errors)
                .draw(&style.subtitle("GRIDE: from the distances to neighbours n and 2n"))
        }
        "hubs" => {
            let times: Vec<f32> = card
                .occurrences
                .iter()
                .enumerate()
                .flat_map(|(times, rows)| std::iter::repeat_n(times as f32, *rows))
                .collect();
            let label = format!("times among the {} nearest of another row", card.neighbors.k);
            Histogram::new(&times, label).whole(true).draw(&style)
        }
        _ => {
            let labels = card.labels.as_ref().ok_or_else(|| Error::argument("no label"))?;
            HeatMap::new(&labels.confusion, &labels.classes).draw(&style.subtitle(labels.column.clone()))
        }
    }
}
