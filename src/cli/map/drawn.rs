//! Maps as pictures and as pages.

use embedlab::chart::{ColorColumn, Groups, InteractiveMap, Picture, Scatter, Scatter3, Style, Theme};
use embedlab::table::Table;
use embedlab::{Error, Result};
use ndarray::{Array2, Axis, concatenate};

use super::Args;
use super::found::{subtitle, trust_lines};
use super::laid::{FEW_ROWS, Map};
use super::saved::Saved;
use crate::cli::Output;
use crate::cli::columns::{label_column, text_column};
use crate::cli::output::grouped;

/// The map as a picture: coloured by a column, or new rows on the old map.
///
/// # Errors
/// When the column does not exist or the picture has an impossible size.
pub fn draw(args: &Args, table: &Table, map: &Map, old: Option<&Saved>, output: &Output) -> Result<Picture> {
    let (points, color) = match old {
        Some(old) => {
            let (points, color) = both(old, map)?;
            (points, Some(color))
        }
        None => (map.points.clone(), color(args, table, map, output)?),
    };
    let style = Style::new(title(args))
        .subtitle(subtitle(&map.found))
        .caption(trust_lines(&map.found).join(", "))
        .size(args.size.0, args.size.1)
        .dpi(args.dpi)
        .theme(if args.dark { Theme::Dark } else { Theme::Light });
    // The mean of new rows on an old map says nothing.
    let means = old.is_none();
    if points.ncols() == 3 {
        let mut scatter = Scatter3::new(points.view());
        if let Some(color) = color {
            scatter = scatter.color(color).means(means);
        }
        return scatter.draw(&style);
    }
    let mut scatter = Scatter::new(points.view());
    if let Some(color) = color {
        scatter = scatter.color(color).means(means);
    }
    scatter.draw(&style)
}

/// The map as an interactive page: every column that says something can colour it.
///
/// # Errors
/// As [`draw`].
pub fn page(
    args: &Args,
    table: &Table,
    map: &Map,
    old: Option<&Saved>,
    output: &Output,
) -> Result<InteractiveMapFile> {
    let text = text_column(table, args.text.as_deref())?;
    let mut texts = text.as_deref().map(|text| table.text(text)).transpose()?;
    let (points, mut columns) = match old {
        Some(old) => {
            if let (Some(new), Some(text)) = (texts.take(), text.as_deref()) {
                let mut all = match old.table.column(text) {
                    Ok(_) => old.table.text(text)?,
                    Err(_) => vec![None; old.table.n_rows()],
                };
                all.extend(new);
                texts = Some(all);
            }
            let (points, color) = both(old, map)?;
            (points, vec![color])
        }
        None => (map.points.clone(), ColorColumn::all_of_table(table)),
    };
    let mut first = None;
    if old.is_none() {
        if let Some(chosen) = color(args, table, map, output)? {
            first = Some(chosen.name().to_owned());
            columns.retain(|column| Some(column.name()) != first.as_deref());
            columns.insert(0, chosen);
        }
        if let Some(divergence) = map.divergence.as_ref().filter(|_| first.as_deref() != Some("map_error")) {
            columns.retain(|column| column.name() != "map_error");
            columns.push(ColorColumn::numbers("map_error", divergence.of_rows.clone()));
        }
    }
    Ok(InteractiveMapFile {
        points,
        texts,
        columns,
        first,
        title: title(args),
        subtitle: subtitle(&map.found),
        trust: trust_lines(&map.found),
    })
}

/// What a page shows.
pub struct InteractiveMapFile {
    points: Array2<f32>,
    texts: Option<Vec<Option<String>>>,
    columns: Vec<ColorColumn>,
    first: Option<String>,
    title: String,
    subtitle: String,
    trust: Vec<String>,
}

impl InteractiveMapFile {
    /// Writes the page, whole or not at all.
    pub fn save(self, path: &std::path::Path) -> Result<()> {
        let mut page = InteractiveMap::new(self.points.view())
            .title(self.title)
            .subtitle(self.subtitle)
            .trust(self.trust);
        if let Some(texts) = &self.texts {
            page = page.texts(texts);
        }
        for column in self.columns {
            page = page.color(column);
        }
        if let Some(first) = self.first {
            page = page.color_by(first);
        }
        page.save(path)
    }
}

/// The points of an old map and the new ones on it.
fn both(old: &Saved, map: &Map) -> Result<(Array2<f32>, ColorColumn)> {
    let points = concatenate(Axis(0), &[old.points.view(), map.points.view()])
        .map_err(|error| Error::input("the maps do not fit together").source(error))?;
    let of: Vec<usize> = (0..points.nrows()).map(|row| usize::from(row >= old.points.nrows())).collect();
    Ok((points, ColorColumn::groups("rows", Groups::new(&of, ["on the map", "new"])?)))
}

/// The column to colour by: the named one, each row's part of the divergence, or a label.
fn color(args: &Args, table: &Table, map: &Map, output: &Output) -> Result<Option<ColorColumn>> {
    if args.color.as_deref() == Some("map_error") && table.column("map_error").is_err() {
        let Some(divergence) = &map.divergence else {
            return Err(Error::argument("no error of each row was measured")
                .seen(format!("a PCA map of more than {} rows", grouped(FEW_ROWS)))
                .advice("use --method tsne"));
        };
        return Ok(Some(ColorColumn::numbers("map_error", divergence.of_rows.clone())));
    }
    let Some(name) = label_column(table, args.color.as_deref())? else { return Ok(None) };
    if args.color.is_none() {
        output.note(format_args!("using the column {name} for colours"));
    }
    ColorColumn::of_table(table, &name).map(Some)
}

fn title(args: &Args) -> String {
    format!("Map of {}", args.input.name())
}
