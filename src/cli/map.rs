//! What `map` has besides its analysis: pictures, pages, points and nearest rows as files.

use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args, Command, FromArgMatches};
use embedlab::analysis::{AnyOutcome, MappedRows};
use embedlab::chart::{ColorColumn, InteractiveMap, Picture, Style, Theme};
use embedlab::data::{Data, NewColumn, Role};
use embedlab::map::RowMap;
use embedlab::table::{self, Format, Table};
use embedlab::{Error, Result};

use super::Output;
use super::analysis::{Call, Extra, conflict};
use super::beside::write_table;

/// What `map` has besides its analysis.
pub const MAP: Extra = Extra {
    writes: Some(writes),
    apply: Some(apply),
    ..Extra::new("map", |command: Command| MapFiles::augment_args(command))
};

/// What is drawn and written of a map.
#[derive(Args)]
#[command(next_help_heading = "Output")]
struct MapFiles {
    /// Colour by this column, or by `map_error`: each row's share of the KL divergence [default: a label]
    #[arg(long, value_name = "COL")]
    color: Option<String>,
    /// Number of nearest rows in the column `neighbors` of a saved table; 0 for none [default: 15]
    #[arg(long, value_name = "N", conflicts_with = "onto")]
    neighbors: Option<usize>,
    /// Write the rows for the TensorFlow Embedding Projector: this tensors file, and metadata beside it
    #[arg(long, value_name = "FILE.tsv")]
    projector: Option<PathBuf>,
    /// The picture's width and height in pixels
    #[arg(long, value_name = "WxH", default_value = "800x600", value_parser = size)]
    size: (u32, u32),
    /// Dots per inch of a .png; the picture keeps its size on paper
    #[arg(long, value_name = "DPI", default_value_t = 192.0)]
    dpi: f64,
    /// Dark theme
    #[arg(long)]
    dark: bool,
}

fn size(text: &str) -> std::result::Result<(u32, u32), String> {
    let sides = text.split_once('x').map(|(width, height)| (width.parse(), height.parse()));
    match sides {
        Some((Ok(width), Ok(height))) => Ok((width, height)),
        _ => Err("give width and height in pixels, such as 1200x900".to_owned()),
    }
}

/// What an output file is, by its extension.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Picture,
    Page,
    Points,
    Rows,
}

impl Kind {
    fn of(path: &Path) -> Result<Kind> {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        match (extension.as_deref(), Format::from_extension(path)) {
            (None, _) if embedlab::output::is_stream(path) => Ok(Kind::Picture),
            (Some("png" | "svg"), _) => Ok(Kind::Picture),
            (Some("html" | "htm"), _) => Ok(Kind::Page),
            (_, Some(Format::Npy)) => Ok(Kind::Points),
            (
                _,
                Some(
                    Format::Csv
                    | Format::Tsv
                    | Format::JsonLines
                    | Format::Parquet
                    | Format::ArrowIpc
                    | Format::Npz
                    | Format::Safetensors,
                ),
            ) => Ok(Kind::Rows),
            _ => Err(Error::argument("the name does not tell what to write")
                .file(path)
                .advice("end it in .png or .svg (a picture), .html (a page), .npy (the points), .parquet, .csv, .jsonl or .arrow (the rows with their places)")),
        }
    }
}

/// The file of `-o`, and what it is; with `--to` it holds rows.
fn output(matches: &ArgMatches) -> Result<Option<(&Path, Kind)>> {
    let Some(path) = matches.get_one::<PathBuf>("output") else { return Ok(None) };
    let kind = if matches.contains_id("to") { Kind::Rows } else { Kind::of(path)? };
    Ok(Some((path, kind)))
}

/// The files that are no rows.
fn writes(matches: &ArgMatches) -> Result<Vec<PathBuf>> {
    let drawn = output(matches)?.filter(|(_, kind)| *kind != Kind::Rows).map(|(path, _)| path.to_owned());
    Ok(drawn.into_iter().chain(matches.get_one::<PathBuf>("projector").cloned()).collect())
}

fn apply(call: &Call<'_>, found: &mut dyn AnyOutcome, data: &Data) -> Result<()> {
    let files = MapFiles::from_arg_matches(call.matches).map_err(conflict)?;
    let Some(found) = found.as_any_mut().downcast_mut::<MappedRows>() else { return Ok(()) };
    if let Some(name) = files.color.as_deref().filter(|name| *name != "map_error") {
        data.table().column(name)?;
    }
    if let Some((path, kind)) = output(call.matches)? {
        let drawn = Drawn { files: &files, data, found, output: call.output };
        match kind {
            Kind::Picture => drawn.picture()?.save(path)?,
            Kind::Page => drawn.page()?.save(path)?,
            Kind::Points => write_table(&Table::from_vectors(found.map.points.clone()), path, call.output)?,
            Kind::Rows => {
                let n = files.neighbors.unwrap_or(15);
                if n > 0 && found.older.is_none() {
                    let nested =
                        matches!(Format::from_extension(path), Some(Format::Parquet | Format::ArrowIpc));
                    let column = found.map.neighbor_column(data.matrix()?, n, nested)?;
                    found.beside.push(NewColumn::from(column));
                }
            }
        }
        if matches!(kind, Kind::Picture | Kind::Page) {
            call.output.note(format_args!("drew {}", path.display()));
        }
    }
    if let Some(path) = &files.projector {
        let places = found.map.coordinates().into_iter().map(NewColumn::from).collect();
        table::write_projector(&data.with_columns(places)?, path)?;
        call.output.note(format_args!("wrote {} and its metadata", path.display()));
    }
    Ok(())
}

/// A map to be drawn.
struct Drawn<'a> {
    files: &'a MapFiles,
    data: &'a Data,
    found: &'a MappedRows,
    output: &'a Output,
}

impl<'a> Drawn<'a> {
    /// A picture: coloured by a column, or new rows on the old map.
    fn picture(&self) -> Result<Picture> {
        let (files, map) = (self.files, &self.found.map);
        let style = Style::new(self.title())
            .subtitle(map.subtitle())
            .caption(map.trust_lines().join(", "))
            .size(files.size.0, files.size.1)
            .dpi(files.dpi)
            .theme(if files.dark { Theme::Dark } else { Theme::Light });
        let Some(old) = &self.found.older else { return map.picture(self.color()?, true, &style) };
        let color = match &files.color {
            Some(name) => old.color_with(self.data.table(), name)?,
            None => old.old_and_new(map.rows)?,
        };
        let both = RowMap { points: old.points_with(map)?, ..map.clone() };
        // The mean of new rows on an old map says nothing.
        both.picture(Some(color), files.color.is_some(), &style)
    }

    /// An interactive page: every column that says something can colour it.
    fn page(&self) -> Result<InteractiveMap<'a>> {
        let (table, map) = (self.data.table(), &self.found.map);
        let mut page = match &self.found.older {
            Some(old) => {
                let mut page = InteractiveMap::new(old.points_with(map)?)
                    .subtitle(map.subtitle())
                    .trust(map.trust_lines())
                    .color(old.old_and_new(map.rows)?);
                if let Some(name) = &self.files.color {
                    page = page.color(old.color_with(table, name)?).color_by(name);
                }
                page
            }
            None => map.page(table, self.color()?.as_ref().map(ColorColumn::name))?,
        };
        if let Some(text) = self.data.column_of(Role::Text) {
            page = page.texts(match &self.found.older {
                Some(old) => old.texts_with(table, text)?,
                None => table.text(text)?,
            });
        }
        Ok(page.title(self.title()))
    }

    /// The column to colour by: the named one, or a label.
    fn color(&self) -> Result<Option<ColorColumn>> {
        let (table, map) = (self.data.table(), &self.found.map);
        if let Some(name) = &self.files.color {
            return map.color(table, name).map(Some);
        }
        let Some(name) = self.data.column_of(Role::Label) else { return Ok(None) };
        self.output.note(format_args!("using the column {name} for colours"));
        map.color(table, name).map(Some)
    }

    fn title(&self) -> String {
        format!("Map of {}", self.data.name())
    }
}
