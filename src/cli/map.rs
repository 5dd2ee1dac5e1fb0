//! `embedlab map`: rows laid out in two or three dimensions, and how far to trust what one sees.

use std::io::Write;
use std::path::{Path, PathBuf};

use arrow::array::ArrayRef;
use arrow::datatypes::Field;
use embedlab::chart::{ColorColumn, InteractiveMap, Picture, Style, Theme};
use embedlab::map::{MapOptions, RowMap, SavedMap, lay_out};
use embedlab::table::{self, Format, Table};
use embedlab::{Error, Result};
use serde::Serialize;

use super::beside::{same_space, write_table};
use super::columns::{label_column, text_column};
use super::input::TableInput;
use super::output::grouped;
use super::outputs::Outputs;
use super::{Common, Outcome, Output};

const EXAMPLES: &str = "\
Examples:
  embedlab map reviews.parquet --color Score -o map.png
  embedlab map reviews.parquet -o map.html             (a page to explore, offline)
  embedlab map reviews.parquet --perplexity 15 --init random --learning-rate 200 -o guide.svg
  embedlab map reviews.parquet -o map.parquet          (the rows with x, y, map_error, neighbors)
  embedlab map new.parquet --onto map.parquet -o new_on_map.png
  embedlab map reviews.parquet --method pca --dims 3 -o map.npy
  embedlab map reviews.parquet --json | jq '.trustworthiness, .neighbors_kept'";

/// Options that a saved map has settled.
const LAYOUT_OPTIONS: [&str; 10] = [
    "method",
    "dims",
    "init",
    "learning_rate",
    "early_exaggeration",
    "max_iter",
    "gradient",
    "angle",
    "engine",
    "neighbors",
];

/// Project the rows to two or three dimensions, with measures of how far to trust the map
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: TableInput,
    #[command(flatten)]
    options: MapOptions,
    /// Colour by this column, or by `map_error`: each row's share of the KL divergence [default: a label]
    #[arg(long, value_name = "COL")]
    color: Option<String>,
    /// The column with the texts that a page shows [default: combined, text, content, .., or the column with the longest texts]
    #[arg(long, value_name = "COL")]
    text: Option<String>,
    /// Place the rows on this saved map; its points do not move
    #[arg(long, value_name = "MAP", conflicts_with_all = LAYOUT_OPTIONS)]
    onto: Option<PathBuf>,
    /// Number of nearest rows in the column `neighbors` of a saved table; 0 for none
    #[arg(long, value_name = "N", default_value_t = 15)]
    neighbors: usize,
    /// Draw the map (.png .svg), write a page to explore it (.html), save the points (.npy), or the rows
    /// with their places (.parquet .csv .jsonl .arrow)
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
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

/// What the command prints.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(flatten)]
    map: &'a RowMap,
    files: Vec<String>,
}

pub fn run(args: &Args, common: &Common, output: &Output) -> Result<Outcome> {
    let kind = args.output.as_deref().map(OutputKind::of).transpose()?;
    let path = |wanted: &[OutputKind]| {
        args.output.as_deref().filter(|_| kind.is_some_and(|kind| wanted.contains(&kind)))
    };
    Outputs::of(args.input.paths().into_iter().chain(args.onto.clone()))
        .rows(path(&[OutputKind::Rows]), None)?
        .table(path(&[OutputKind::Points]), None)?
        .picture(path(&[OutputKind::Picture]))?
        .page(path(&[OutputKind::Page]))?
        .table(args.projector.as_deref(), Some(Format::Tsv))?;
    let table = args.input.read(output)?;
    if let Some(name) = args.color.as_deref().filter(|name| *name != "map_error") {
        table.column(name)?;
    }
    let in_file = |error: Error| error.file(args.input.file());
    let mut old = None;
    let map = match &args.onto {
        Some(file) => {
            let saved = SavedMap::read(file)?;
            same_space(&table, &saved.table, file, "rows of the map")?;
            let mut map =
                saved.place(table.vectors(), args.options.perplexity, common.seed).map_err(in_file)?;
            if let Some(placement) = &mut map.placement {
                placement.onto.file = Some(file.display().to_string());
            }
            old = Some(saved);
            map
        }
        None => {
            let what = format!("laying out {} rows", grouped(table.n_rows()));
            let bar = output.bar(what, args.options.max_iter);
            let map = lay_out(table.vectors(), &args.options, common.seed, &mut |progress| {
                bar.at(progress.iteration, format!("divergence {:.3}", progress.divergence));
            });
            drop(bar);
            map.map_err(in_file)?
        }
    };
    if let Some(tsne) = &map.tsne
        && args.options.perplexity.is_none()
        && tsne.settings.perplexity < 30.0
    {
        output.note(format_args!(
            "perplexity {}: {} rows are too few for 30",
            tsne.settings.perplexity, map.rows
        ));
    }
    let mut files = Vec::new();
    if let (Some(path), Some(kind)) = (&args.output, kind) {
        match kind {
            OutputKind::Picture => draw(args, &table, &map, old.as_ref(), output)?.save(path)?,
            OutputKind::Page => page(args, &table, &map, old.as_ref(), output)?.save(path)?,
            OutputKind::Points => write_table(&Table::from_vectors(map.points.clone()), path, output)?,
            OutputKind::Rows => {
                let mut more = map.columns();
                if args.neighbors > 0 && args.onto.is_none() {
                    let nested =
                        matches!(Format::from_extension(path), Some(Format::Parquet | Format::ArrowIpc));
                    more.push(map.neighbor_column(table.vectors(), args.neighbors, nested)?);
                }
                write_table(&joined(&table, more, output)?, path, output)?;
            }
        }
        if matches!(kind, OutputKind::Picture | OutputKind::Page) {
            output.note(format_args!("drew {}", path.display()));
        }
        files.push(path.display().to_string());
    }
    if let Some(path) = &args.projector {
        table::write_projector(&joined(&table, map.coordinates(), output)?, path)?;
        output.note(format_args!("wrote {} and its metadata", path.display()));
        files.push(path.display().to_string());
    }
    let written = Written { map: &map, files };
    output.result(&written, |out| print(&map, out))?;
    Ok(Outcome::Done)
}

/// The map as a picture: coloured by a column, or new rows on the old map.
fn draw(
    args: &Args,
    table: &Table,
    map: &RowMap,
    old: Option<&SavedMap>,
    output: &Output,
) -> Result<Picture> {
    let style = Style::new(title(args))
        .subtitle(map.subtitle())
        .caption(map.trust_lines().join(", "))
        .size(args.size.0, args.size.1)
        .dpi(args.dpi)
        .theme(if args.dark { Theme::Dark } else { Theme::Light });
    let Some(old) = old else { return map.picture(color(args, table, map, output)?, true, &style) };
    let color = match &args.color {
        Some(name) => old.color_with(table, name)?,
        None => old.old_and_new(table.n_rows())?,
    };
    let both = RowMap { points: old.points_with(map)?, ..map.clone() };
    // The mean of new rows on an old map says nothing.
    both.picture(Some(color), args.color.is_some(), &style)
}

/// The map as an interactive page: every column that says something can colour it.
fn page<'a>(
    args: &Args,
    table: &Table,
    map: &'a RowMap,
    old: Option<&SavedMap>,
    output: &Output,
) -> Result<InteractiveMap<'a>> {
    let text = text_column(table, args.text.as_deref())?;
    let mut page = match old {
        Some(old) => {
            let mut page = InteractiveMap::new(old.points_with(map)?)
                .subtitle(map.subtitle())
                .trust(map.trust_lines())
                .color(old.old_and_new(table.n_rows())?);
            if let Some(name) = &args.color {
                page = page.color(old.color_with(table, name)?).color_by(name);
            }
            page
        }
        None => map.page(table, color(args, table, map, output)?.as_ref().map(ColorColumn::name))?,
    };
    if let Some(text) = text {
        page = page.texts(match old {
            Some(old) => old.texts_with(table, &text)?,
            None => table.text(&text)?,
        });
    }
    Ok(page.title(title(args)))
}

/// The column to colour by: the named one, or a label.
fn color(args: &Args, table: &Table, map: &RowMap, output: &Output) -> Result<Option<ColorColumn>> {
    if let Some(name) = &args.color {
        return map.color(table, name).map(Some);
    }
    let Some(name) = label_column(table, None)? else { return Ok(None) };
    output.note(format_args!("using the column {name} for colours"));
    map.color(table, &name).map(Some)
}

fn title(args: &Args) -> String {
    format!("Map of {}", args.input.name())
}

/// A table with more columns at the end; a column of the same name is replaced.
fn joined(table: &Table, more: Vec<(Field, ArrayRef)>, output: &Output) -> Result<Table> {
    for (field, _) in more.iter().filter(|(field, _)| table.columns().column_by_name(field.name()).is_some())
    {
        output.warn(format_args!("the column {} of the input is replaced", field.name()));
    }
    table.with_fields(more)
}

/// The figures, for people.
fn print(map: &RowMap, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "{}, {:.2} s", map.subtitle(), map.seconds)?;
    if let Some(kl) = map.kl {
        let error = map.kl_standard_error.map_or(String::new(), |error| format!(" +- {error:.4}"));
        writeln!(out, "KL divergence      {kl:.3}{error}")?;
    }
    if let Some(trust) = &map.trust {
        let errors = trust.standard_error;
        let line = |value: f64, error: Option<f64>| {
            error.map_or_else(|| format!("{value:.3}"), |error| format!("{value:.3} +- {error:.4}"))
        };
        let trustworthiness = line(trust.trustworthiness, errors.map(|e| e.trustworthiness));
        writeln!(out, "trustworthiness    {trustworthiness}   near dots are near rows (1 is best)")?;
        let continuity = line(trust.continuity, errors.map(|e| e.continuity));
        writeln!(out, "continuity         {continuity}   near rows are near dots")?;
        let kept = line(trust.neighbors_kept, errors.map(|e| e.neighbors_kept));
        writeln!(
            out,
            "neighbours kept    {kept}   of the {} nearest; {:.3} by chance",
            trust.k, trust.kept_by_chance
        )?;
        if let Some(correlation) = trust.distance_correlation {
            let correlation = line(correlation, errors.map(|e| e.distance_correlation));
            writeln!(out, "distances          {correlation}   correlation (Pearson) of all distances")?;
        }
        if errors.is_some() {
            writeln!(out, "from {} rows, each against all", grouped(trust.rows_compared))?;
        }
    } else if let Some(kept) = map.neighbors_kept() {
        writeln!(out, "neighbours kept    {kept:.3}   of the 10 nearest old rows of each new one")?;
    }
    Ok(())
}

/// What an output file is, by its extension.
#[derive(Clone, Copy, PartialEq)]
enum OutputKind {
    Picture,
    Page,
    Points,
    Rows,
}

impl OutputKind {
    fn of(path: &Path) -> Result<OutputKind> {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        match (extension.as_deref(), Format::from_extension(path)) {
            (None, _) if embedlab::output::is_stream(path) => Ok(OutputKind::Picture),
            (Some("png" | "svg"), _) => Ok(OutputKind::Picture),
            (Some("html" | "htm"), _) => Ok(OutputKind::Page),
            (_, Some(Format::Npy)) => Ok(OutputKind::Points),
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
            ) => Ok(OutputKind::Rows),
            _ => Err(Error::argument("the name does not tell what to write")
                .file(path)
                .advice("end it in .png or .svg (a picture), .html (a page), .npy (the points), .parquet, .csv, .jsonl or .arrow (the rows with their places)")),
        }
    }
}
