//! The section with the map by principal components.

use ndarray::ArrayView2;
use serde::Serialize;

use super::block::Block;
use super::clusters::{cluster_name, palette, themed};
use super::page::Section;
use crate::chart::number::grouped;
use crate::chart::{Groups, Palette, Picture, Scatter, Style};
use crate::cluster::{Analysis, LabelColumn};
use crate::error::Result;
use crate::map::NeighborsKept;

/// What a PCA map shows and how far it goes.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct PcaMap<'a> {
    /// The coordinates, n x 2.
    #[serde(skip)]
    pub points: ArrayView2<'a, f32>,
    /// The share of the variance along each of the two axes.
    pub explained_variance_ratio: [f64; 2],
    /// The share of nearest neighbours that the map keeps; `None` with too few rows to tell.
    pub neighbors_kept: Option<NeighborsKept>,
}

/// The map, once coloured by the label and once by cluster.
///
/// # Errors
/// When a picture cannot be drawn or the results cannot be written as JSON.
pub fn map(map: &PcaMap<'_>, analysis: &Analysis, label: Option<&LabelColumn>) -> Result<Section> {
    let mut section = Section::new("map", "Map").with(Block::paragraph(how_far(map)));
    if let Some(label) = label {
        section = section.with(themed(
            format!("Each dot is a row, coloured by {}; a cross is the mean of its group.", label.name),
            |style| label_picture(map, label, style),
            &format!("{} on the PCA map", label.name),
        )?);
    }
    section = section.with(themed(
        "The same dots, coloured by cluster.",
        |style| cluster_picture(map, analysis, style),
        "Clusters on the PCA map",
    )?);
    super::with_data(section, map)
}

fn how_far(map: &PcaMap<'_>) -> String {
    let kept: f64 = map.explained_variance_ratio.iter().sum();
    let mut text = format!(
        "The two directions in which the rows differ most hold {:.1} % of all variance; the rest is not on this map.",
        100.0 * kept
    );
    if let Some(neighbors) = &map.neighbors_kept {
        text += &format!(
            " Of the {} nearest neighbours of a row, {:.0} % are among its {} nearest dots ({:.0} % would be by chance): read \
             regions, not single dots.",
            neighbors.k,
            100.0 * neighbors.share,
            neighbors.k,
            100.0 * neighbors.by_chance
        );
    }
    text
}

/// The map with a colour for each cluster.
///
/// # Errors
/// When it cannot be drawn.
pub fn cluster_picture(map: &PcaMap<'_>, analysis: &Analysis, style: Style) -> Result<Picture> {
    let of: Vec<Option<usize>> =
        analysis.labels.iter().map(|label| label.map(|label| label as usize)).collect();
    draw(map, Groups::with_gaps(&of, analysis.clusters.iter().map(cluster_name))?, style)
}

/// The map with a colour for each class of a label.
///
/// # Errors
/// When it cannot be drawn.
pub fn label_picture(map: &PcaMap<'_>, label: &LabelColumn, style: Style) -> Result<Picture> {
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

fn draw(map: &PcaMap<'_>, groups: Groups, style: Style) -> Result<Picture> {
    let axis = |c: usize| {
        format!("component {} ({:.1} % of variance)", c + 1, 100.0 * map.explained_variance_ratio[c])
    };
    let subtitle = format!("{} rows, principal components", grouped(map.points.nrows() as u64));
    Scatter::new(map.points).groups(groups).means(true).axes(axis(0), axis(1)).draw(&style.subtitle(subtitle))
}
