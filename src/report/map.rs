//! The section with the map, whatever method made it.

use super::themed;
use crate::analysis::{cluster_picture, label_picture};
use crate::cluster::{Clustering, LabelColumn};
use crate::error::Result;
use crate::map::{MapMethod, RowMap, Trust};
use crate::view::Section;
use crate::view::{Block, KeyFigure};

/// The map, once coloured by the label and once by cluster, with its figures.
///
/// # Errors
/// When a picture cannot be drawn or the results cannot be written as JSON.
pub fn map(map: &RowMap, analysis: &Clustering, label: Option<&LabelColumn>) -> Result<Section> {
    let mut section = Section::new("map", "Map");
    let figures = key_figures(map);
    if !figures.is_empty() {
        section = section.with(Block::key_figures(figures));
    }
    section = section.with(Block::paragraph(about(map)));
    if let Some(label) = label {
        section = section.with(themed(
            format!("Each dot is a row, coloured by {}; a cross is the mean of its group.", label.name),
            |style| label_picture(map, label, style),
            &format!("{} on the map", label.name),
        )?);
    }
    section = section.with(themed(
        "The same dots, coloured by cluster.",
        |style| cluster_picture(map, analysis, style),
        "Clusters on the map",
    )?);
    super::with_data(section, map)
}

/// How far to trust the map, with the error of what was sampled.
fn key_figures(map: &RowMap) -> Vec<KeyFigure> {
    let Some(trust) = &map.trust else { return Vec::new() };
    let errors = trust.standard_error;
    let figure = |value: f64, error: Option<f64>, name: &str, note: &str| {
        let note = match error {
            Some(error) => format!("{note}; +- {error:.3}, from {} rows", trust.rows_compared),
            None => note.to_owned(),
        };
        KeyFigure::new(format!("{value:.3}"), name).note(note)
    };
    let mut figures = vec![
        figure(
            trust.trustworthiness,
            errors.map(|errors| errors.trustworthiness),
            "trustworthiness",
            "near dots are near rows; 1 is best",
        ),
        figure(
            trust.continuity,
            errors.map(|errors| errors.continuity),
            "continuity",
            "near rows are near dots; 1 is best",
        ),
    ];
    if let Some(kl) = map.kl {
        figures.push(figure(
            kl,
            map.kl_standard_error,
            "KL divergence",
            "how far the dots are from the affinities",
        ));
    }
    if let Some(correlation) = trust.distance_correlation {
        figures.push(figure(
            correlation,
            errors.map(|errors| errors.distance_correlation),
            "distances, correlation",
            "of all pairs of rows and of dots",
        ));
    }
    figures
}

/// What the map shows, in words.
fn about(map: &RowMap) -> String {
    let kept = |trust: &Trust| {
        format!(
            " Of the {} nearest neighbours of a row, {:.0} % are among its {} nearest dots ({:.0} % would be by chance)",
            trust.k,
            100.0 * trust.neighbors_kept,
            trust.k,
            100.0 * trust.kept_by_chance
        )
    };
    match map.method {
        MapMethod::Tsne => {
            let perplexity = map
                .tsne
                .as_ref()
                .map_or_else(String::new, |tsne| format!(", perplexity {}", tsne.settings.perplexity));
            let mut text = format!(
                "Rows that are near to each other are drawn near to each other (t-SNE{perplexity}, seed {}).",
                map.seed
            );
            if let Some(trust) = &map.trust {
                text += &format!("{}.", kept(trust));
            }
            text + " The sizes of groups, and the distances between them, say little."
        }
        MapMethod::Pca => {
            let share: f64 = map.explained_variance_ratio.iter().flatten().sum();
            let mut text = format!(
                "The two directions in which the rows differ most hold {:.1} % of all variance; the rest is not on this map.",
                100.0 * share
            );
            if let Some(trust) = &map.trust {
                text += &format!("{}: read regions, not single dots.", kept(trust));
            }
            text
        }
    }
}
