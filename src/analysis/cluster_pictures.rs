//! Pictures of clusters.

use ndarray::Array2;

use crate::chart::{Bars, ColorColumn, Groups, KChoice, Palette, Picture, Shares, Style};
use crate::cluster::{Candidate, Choice, ClusterSummary, Clustering, CrossTable, LabelColumn};
use crate::error::Result;
use crate::map::RowMap;
use crate::number::counted;

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

/// The sizes of clusters as bars.
pub(super) fn sizes_picture(names: &[String], sizes: &[f64], rows: usize, style: Style) -> Result<Picture> {
    Bars::new(names, sizes).draw(&style.fitting_bars(names.len()).subtitle(counted(rows, "row")))
}

/// The share of each label in each cluster.
pub(super) fn label_shares(table: &CrossTable, names: &[String], style: Style) -> Result<Picture> {
    let flat: Vec<usize> = table.counts.iter().flatten().copied().collect();
    let counts = Array2::from_shape_vec((table.clusters.len(), table.labels.len()), flat).unwrap_or_default();
    Shares::new(counts.view(), names, &table.labels)
        .palette(palette(&table.labels))
        .draw(&style.fitting_bars(names.len() + 1).subtitle("share of the cluster's rows"))
}

/// Star colours for 1 to 5, categories for anything else.
pub(crate) fn palette(labels: &[String]) -> Palette {
    if labels.iter().map(String::as_str).eq(["1", "2", "3", "4", "5"]) {
        Palette::Stars
    } else {
        Palette::Categories
    }
}

/// A map with groups for colours.
fn draw(map: &RowMap, groups: Groups, style: Style) -> Result<Picture> {
    let subtitle = format!("{}, {}", counted(map.points.nrows(), "row"), map.method_in_words());
    map.picture(Some(ColorColumn::groups("groups", groups)), true, &style.subtitle(subtitle))
}

/// A map with a colour for each cluster.
///
/// # Errors
/// When it cannot be drawn.
pub fn cluster_picture(map: &RowMap, found: &Clustering, style: Style) -> Result<Picture> {
    let of: Vec<Option<usize>> = found.labels.iter().map(|label| label.map(|label| label as usize)).collect();
    draw(map, Groups::with_gaps(&of, found.clusters.iter().map(ClusterSummary::short_name))?, style)
}

/// A map with a colour for each class of a label.
///
/// # Errors
/// When it cannot be drawn.
pub fn label_picture(map: &RowMap, label: &LabelColumn, style: Style) -> Result<Picture> {
    let of: Vec<Option<usize>> =
        label.labels.codes.iter().map(|code| code.map(|code| code as usize)).collect();
    let stars = palette(&label.labels.names) == Palette::Stars;
    let name = |name: &String| match (stars, name.as_str()) {
        (true, "1") => "1 star".to_owned(),
        (true, _) => format!("{name} stars"),
        (false, _) => name.clone(),
    };
    let groups = Groups::with_gaps(&of, label.labels.names.iter().map(name))?;
    draw(map, groups.palette(palette(&label.labels.names)), style)
}
