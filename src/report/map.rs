//! The section with the map, whatever method made it.

use ndarray::ArrayView2;
use serde::Serialize;
use serde_json::Value;

use super::block::{Block, KeyFigure};
use super::clusters::{cluster_name, palette, themed};
use super::page::Section;
use crate::chart::number::grouped;
use crate::chart::{Groups, Palette, Picture, Scatter, Scatter3, Style};
use crate::cluster::{Analysis, LabelColumn};
use crate::error::{Error, Result};
use crate::map::NeighborsKept;

/// A map by principal components and how far it goes.
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

/// A map by any method, as the report shows it.
#[derive(Debug, Clone)]
pub struct ShownMap<'a> {
    points: ArrayView2<'a, f32>,
    method: String,
    axes: Option<(String, String)>,
    about: String,
    figures: Vec<KeyFigure>,
    results: Value,
}

impl<'a> ShownMap<'a> {
    /// Points (n x 2, or n x 3, which are drawn in a box) and the method in a word: `t-SNE`.
    pub fn new(points: ArrayView2<'a, f32>, method: impl Into<String>) -> Self {
        let method = method.into();
        ShownMap {
            points,
            method,
            axes: None,
            about: String::new(),
            figures: Vec::new(),
            results: Value::Null,
        }
    }

    /// Names for the axes of two dimensions, where coordinates mean something by themselves.
    pub fn axes(mut self, x: impl Into<String>, y: impl Into<String>) -> Self {
        self.axes = Some((x.into(), y.into()));
        self
    }

    /// What the map shows and how far to trust it, in words.
    pub fn about(mut self, text: impl Into<String>) -> Self {
        self.about = text.into();
        self
    }

    /// Adds a figure about how far to trust it.
    pub fn figure(mut self, figure: KeyFigure) -> Self {
        self.figures.push(figure);
        self
    }

    /// The figures for programs.
    ///
    /// # Errors
    /// When they cannot be written as JSON.
    pub fn results(mut self, results: &impl Serialize) -> Result<Self> {
        self.results = serde_json::to_value(results)
            .map_err(|error| Error::argument("the results cannot be written as JSON").source(error))?;
        Ok(self)
    }

    fn draw(&self, groups: Groups, style: Style) -> Result<Picture> {
        let style = style.subtitle(format!("{} rows, {}", grouped(self.points.nrows() as u64), self.method));
        if self.points.ncols() > 2 {
            return Scatter3::new(self.points).groups(groups).means(true).draw(&style);
        }
        let picture = Scatter::new(self.points).groups(groups).means(true);
        match &self.axes {
            Some((x, y)) => picture.axes(x, y).draw(&style),
            None => picture.draw(&style),
        }
    }
}

impl<'a> From<&PcaMap<'a>> for ShownMap<'a> {
    fn from(map: &PcaMap<'a>) -> Self {
        let axis = |c: usize| {
            format!("component {} ({:.1} % of variance)", c + 1, 100.0 * map.explained_variance_ratio[c])
        };
        ShownMap {
            points: map.points,
            method: "principal components".to_owned(),
            axes: Some((axis(0), axis(1))),
            about: how_far(map),
            figures: Vec::new(),
            // Plain numbers are always JSON.
            results: serde_json::to_value(map).unwrap_or_default(),
        }
    }
}

/// The map, once coloured by the label and once by cluster, with its figures.
///
/// # Errors
/// When a picture cannot be drawn or the results cannot be written as JSON.
pub fn map<'a>(
    map: impl Into<ShownMap<'a>>,
    analysis: &Analysis,
    label: Option<&LabelColumn>,
) -> Result<Section> {
    let map = map.into();
    let mut section = Section::new("map", "Map");
    if !map.figures.is_empty() {
        section = section.with(Block::key_figures(map.figures.iter().cloned()));
    }
    if !map.about.is_empty() {
        section = section.with(Block::paragraph(&map.about));
    }
    if let Some(label) = label {
        section = section.with(themed(
            format!("Each dot is a row, coloured by {}; a cross is the mean of its group.", label.name),
            |style| label_picture(map.clone(), label, style),
            &format!("{} on the map", label.name),
        )?);
    }
    section = section.with(themed(
        "The same dots, coloured by cluster.",
        |style| cluster_picture(map.clone(), analysis, style),
        "Clusters on the map",
    )?);
    super::with_data(section, &map.results)
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
pub fn cluster_picture<'a>(
    map: impl Into<ShownMap<'a>>,
    analysis: &Analysis,
    style: Style,
) -> Result<Picture> {
    let of: Vec<Option<usize>> =
        analysis.labels.iter().map(|label| label.map(|label| label as usize)).collect();
    map.into().draw(Groups::with_gaps(&of, analysis.clusters.iter().map(cluster_name))?, style)
}

/// The map with a colour for each class of a label.
///
/// # Errors
/// When it cannot be drawn.
pub fn label_picture<'a>(map: impl Into<ShownMap<'a>>, label: &LabelColumn, style: Style) -> Result<Picture> {
    let of: Vec<Option<usize>> =
        label.labels.codes.iter().map(|code| code.map(|code| code as usize)).collect();
    let stars = palette(&label.labels.names) == Palette::Stars;
    let name = |name: &String| match (stars, name.as_str()) {
        (true, "1") => "1 star".to_owned(),
        (true, _) => format!("{name} stars"),
        (false, _) => name.clone(),
    };
    let groups = Groups::with_gaps(&of, label.labels.names.iter().map(name))?;
    map.into().draw(groups.palette(palette(&label.labels.names)), style)
}
