//! The section about clusters.

use ndarray::Array2;

use crate::chart::{Bars, KChoice, Palette, Picture, Shares, Style, Theme};
use crate::cluster::{Analysis, Candidate, Choice, ClusterSummary, CrossTable};
use crate::error::Result;
use crate::number::grouped;
use crate::view::Section;
use crate::view::{Block, Figure, KeyFigure, Quote};
use crate::view::{Cell, Grid};

/// Below this mean silhouette, clusters are regions of one cloud rather than islands.
const WEAK: f64 = 0.1;

/// How many there are and why, what they are about, and how they fall on the label.
///
/// # Errors
/// When a picture cannot be drawn or the results cannot be written as JSON.
pub fn clusters(analysis: &Analysis) -> Result<Section> {
    let mut section = Section::new("clusters", "Clusters").with(Block::key_figures(figures(analysis)));
    if let Some(mean) = analysis.silhouette
        && mean < WEAK
    {
        section = section.with(Block::note(format!(
            "The mean silhouette is {mean:.3}: rows lie nearly as close to the next cluster as to their own. These are \
             regions of one cloud, useful for reading it, and not separate kinds. For text embeddings this is usual."
        )));
    }
    if analysis.noise > 0 {
        section = section.with(Block::note(format!(
            "{} rows ({:.1} %) lie in no dense region and belong to no cluster.",
            grouped(analysis.noise as u64),
            100.0 * analysis.noise as f64 / analysis.labels.len().max(1) as f64
        )));
    }
    section = section.with(overview_table(analysis));
    let names: Vec<String> = analysis.clusters.iter().map(cluster_name).collect();
    let sizes: Vec<f64> = analysis.clusters.iter().map(|cluster| cluster.size as f64).collect();
    section = section.with(themed(
        "The rows in each cluster.",
        |style| {
            let subtitle = format!("{} rows", grouped(analysis.labels.len() as u64));
            Bars::new(&names, &sizes).draw(&for_bars(style, names.len()).subtitle(subtitle))
        },
        "Sizes of the clusters",
    )?);
    if let (Some(table), Some(label)) = (&analysis.table, &analysis.label) {
        section = section.with(label_figure(table, label, &names)?);
    }
    if let Some(choice) = &analysis.choice {
        section = section.with(choice_figure(choice)?);
    }
    for cluster in &analysis.clusters {
        let quotes = cluster.examples.iter().filter_map(|example| {
            let text = example.text.as_deref()?;
            Some(Quote::new(text, format!("row {}", example.row)))
        });
        let quotes: Vec<Quote> = quotes.collect();
        if !quotes.is_empty() {
            let summary = format!("{}: the rows nearest to its centre", cluster_name(cluster));
            section = section.with(Block::details(summary, [Block::quotes(quotes)]));
        }
    }
    super::with_data(section, analysis)
}

/// A cluster's number with the two terms that tell most: `3 coffee, roast`.
pub(super) fn cluster_name(cluster: &ClusterSummary) -> String {
    let terms: Vec<&str> = cluster.terms.iter().take(2).map(String::as_str).collect();
    if terms.is_empty() {
        format!("cluster {}", cluster.id)
    } else {
        format!("{} {}", cluster.id, terms.join(", "))
    }
}

/// A picture as high as so many bars need.
pub(super) fn for_bars(style: Style, bars: usize) -> Style {
    let bars = bars.min(40) as u32;
    let (width, roomy, narrow) = (style.width, 110 + 44 * bars, 110 + 20 * bars);
    style.size(width, roomy.clamp(180, 600).max(narrow))
}

/// The same picture for light and for dark pages.
pub(super) fn themed(
    caption: impl Into<String>,
    draw: impl Fn(Style) -> Result<Picture>,
    title: &str,
) -> Result<Figure> {
    let light = draw(Style::new(title).theme(Theme::Light))?;
    let dark = draw(Style::new(title).theme(Theme::Dark))?;
    Figure::new(&light, &dark, caption)
}

fn figures(analysis: &Analysis) -> Vec<KeyFigure> {
    let mut figures = vec![KeyFigure::new(analysis.k.to_string(), "clusters").note(how_chosen(analysis))];
    if let Some(mean) = analysis.silhouette {
        let figure = KeyFigure::new(format!("{mean:.3}"), "mean silhouette");
        figures.push(match analysis.silhouette_standard_error {
            Some(error) => figure.note(format!("± {:.3}, sampled", 1.96 * error)),
            None => figure.note("-1 to 1; exact"),
        });
    }
    if let Some(inertia) = analysis.inertia {
        figures.push(KeyFigure::new(format!("{inertia:.1}"), "inertia"));
    }
    if let (Some(agreement), Some(label)) = (&analysis.agreement, &analysis.label) {
        figures.push(
            KeyFigure::new(format!("{:.3}", agreement.ami), format!("agreement with {label}"))
                .note("adjusted mutual information; 0 is chance"),
        );
    }
    figures
}

fn how_chosen(analysis: &Analysis) -> String {
    match &analysis.choice {
        Some(choice) if choice.is_largest_tried() => {
            "the most that were tried; more may be better".to_owned()
        }
        Some(choice) if choice.by_silhouette == Some(choice.chosen) => {
            "the best silhouette of those tried".to_owned()
        }
        Some(_) => "the elbow of those tried".to_owned(),
        None => String::new(),
    }
}

fn overview_table(analysis: &Analysis) -> Grid {
    let has_mean = analysis.clusters.iter().any(|cluster| cluster.mean_label.is_some());
    let mut headers = vec!["cluster".to_owned(), "rows".to_owned(), "share".to_owned()];
    if let Some(label) = analysis.label.as_ref().filter(|_| has_mean) {
        headers.push(format!("mean {label}"));
    }
    headers.push("what sets its texts apart".to_owned());
    let mut table = Grid::new(headers);
    for cluster in &analysis.clusters {
        let mut cells = vec![
            Cell::text(cluster.id.to_string()),
            Cell::Count(cluster.size as u64),
            Cell::Share(cluster.share),
        ];
        if has_mean {
            cells.push(cluster.mean_label.map_or(Cell::Missing, |mean| Cell::Number(mean, 2)));
        }
        cells.push(Cell::text(cluster.terms.join(", ")));
        table = table.row(cells);
    }
    table
}

fn label_figure(table: &CrossTable, label: &str, names: &[String]) -> Result<Figure> {
    let flat: Vec<usize> = table.counts.iter().flatten().copied().collect();
    let shape = (table.clusters.len(), table.labels.len());
    let counts = Array2::from_shape_vec(shape, flat).unwrap_or_default();
    themed(
        format!(
            "{label} in each cluster. A cluster whose bar looks like the others' says nothing about {label}."
        ),
        |style| {
            Shares::new(counts.view(), names, &table.labels)
                .palette(palette(&table.labels))
                .draw(&for_bars(style, names.len() + 1).subtitle("share of the cluster's rows"))
        },
        &format!("{label} by cluster"),
    )
}

/// Star colours for 1 to 5, categories for anything else.
pub(super) fn palette(labels: &[String]) -> Palette {
    if labels.iter().map(String::as_str).eq(["1", "2", "3", "4", "5"]) {
        Palette::Stars
    } else {
        Palette::Categories
    }
}

fn choice_figure(choice: &Choice) -> Result<Figure> {
    themed(
        "The inertia falls with every further cluster (the BIC of a mixture need not); the elbow is where it begins to \
         fall slowly. The silhouette is highest where rows are best separated.",
        |style| choice_picture(choice, style),
        "How many clusters",
    )
}

/// The picture of a choice of k: inertia and silhouette of each number that was tried.
///
/// # Errors
/// When it cannot be drawn.
pub fn choice_picture(choice: &Choice, style: Style) -> Result<Picture> {
    let k: Vec<usize> = choice.candidates.iter().map(|candidate| candidate.k).collect();
    let of = |value: fn(&Candidate) -> Option<f64>| {
        choice.candidates.iter().map(|candidate| value(candidate).unwrap_or(f64::NAN)).collect::<Vec<f64>>()
    };
    let mixture = choice.candidates.iter().any(|candidate| candidate.bic.is_some());
    let cost = of(if mixture { |candidate| candidate.bic } else { |candidate| candidate.inertia });
    let silhouette = of(|candidate| candidate.silhouette);
    let by = |k: Option<usize>| k.map_or_else(|| "none".to_owned(), |k| k.to_string());
    let subtitle = format!("best silhouette: {}; elbow: {}", by(choice.by_silhouette), by(choice.by_elbow));
    KChoice::new(&k, &cost, &silhouette, choice.chosen).mixture(mixture).draw(&style.subtitle(subtitle))
}
