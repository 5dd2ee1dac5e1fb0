//! `embedlab map`: rows laid out in two or three dimensions, and how far to trust what one sees.

mod drawn;
mod found;
mod laid;
mod saved;

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use embedlab::table::{self, Format, Table};
use embedlab::{Error, Result};

use super::beside::write_table;
use super::input::Input;
use super::{Common, Outcome, Output};
use drawn::{draw, page};
use found::print;
use laid::{by_pca, by_tsne, place};
use saved::{Saved, coordinates, joined, with_places};

const EXAMPLES: &str = "\
Examples:
  embedlab map reviews.parquet --color Score -o map.png
  embedlab map reviews.parquet -o map.html             (a page to explore, offline)
  embedlab map reviews.parquet --perplexity 15 --init random --learning-rate 200 -o guide.svg
  embedlab map reviews.parquet -o map.parquet          (the rows with x, y, map_error, neighbors)
  embedlab map new.parquet --onto map.parquet -o new_on_map.png
  embedlab map reviews.parquet --method pca --dims 3 -o map.npy
  embedlab map reviews.parquet --json | jq '.trustworthiness, .neighbors_kept'";

/// Lay the rows out in two or three dimensions, and say how far to trust the map
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// How to lay out
    #[arg(long, value_name = "METHOD", default_value = "tsne")]
    method: MethodName,
    /// The effective number of neighbours of a row [default: 30, with fewer rows what fits; --onto: 5]
    #[arg(long, value_name = "N")]
    perplexity: Option<f64>,
    /// Colour by this column, or by `map_error`: each row's part of the divergence [default: a label]
    #[arg(long, value_name = "COL")]
    color: Option<String>,
    /// The column with the texts that a page shows [default: one with a usual name, or the longest]
    #[arg(long, value_name = "COL")]
    text: Option<String>,
    /// Dimensions of the map
    #[arg(long, value_name = "2|3", default_value_t = 2)]
    dims: usize,
    /// Place the rows on this saved map, whose points stay where they are
    #[arg(long, value_name = "MAP", conflicts_with_all = ["method", "dims", "engine", "neighbors"])]
    onto: Option<PathBuf>,
    /// t-SNE: where the points start
    #[arg(long, value_name = "START", default_value = "pca")]
    init: InitName,
    /// t-SNE: the learning rate, in scikit-learn's measure [default: a quarter of the rows, less while
    /// affinities are exaggerated]
    #[arg(long, value_name = "RATE")]
    learning_rate: Option<f64>,
    /// t-SNE: the factor on affinities in the first 250 iterations
    #[arg(long, value_name = "FACTOR", default_value_t = 12.0)]
    early_exaggeration: f64,
    /// t-SNE: iterations in all
    #[arg(long, value_name = "N", default_value_t = 750)]
    max_iter: usize,
    /// t-SNE: how the repulsion of all pairs is summed
    #[arg(long, value_name = "HOW", default_value = "auto")]
    gradient: GradientName,
    /// t-SNE: with barnes-hut, 0 is exact and 1 rough
    #[arg(long, value_name = "ANGLE", default_value_t = 0.4)]
    angle: f64,
    /// t-SNE: who lays out
    #[arg(long, value_name = "ENGINE", default_value = "embedlab")]
    engine: EngineName,
    /// Nearest rows of each row in the column `neighbors` of a saved table; 0 leaves it out
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
    /// A dark picture
    #[arg(long)]
    dark: bool,
}

/// How rows are laid out.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum MethodName {
    Tsne,
    Pca,
}

#[derive(Clone, Copy, ValueEnum)]
enum InitName {
    Pca,
    Random,
}

#[derive(Clone, Copy, ValueEnum)]
enum GradientName {
    Auto,
    Exact,
    BarnesHut,
    Interpolation,
}

#[derive(Clone, Copy, ValueEnum)]
enum EngineName {
    Embedlab,
    Bhtsne,
}

fn size(text: &str) -> std::result::Result<(u32, u32), String> {
    let sides = text.split_once('x').map(|(width, height)| (width.parse(), height.parse()));
    match sides {
        Some((Ok(width), Ok(height))) => Ok((width, height)),
        _ => Err("give width and height in pixels, such as 1200x900".to_owned()),
    }
}

pub fn run(args: &Args, common: &Common, output: &Output) -> Result<Outcome> {
    for path in [&args.output, &args.projector].into_iter().flatten() {
        super::output::writable(path)?;
    }
    let kind = args.output.as_deref().map(Kind::of).transpose()?;
    let table = args.input.read(output)?;
    let in_file = |error: Error| error.file(&args.input.file);
    let mut old = None;
    let mut map = match &args.onto {
        Some(file) => {
            let saved = Saved::read(file, &table)?;
            let map = place(args, common, &table, &saved, file).map_err(in_file)?;
            old = Some(saved);
            map
        }
        None if args.method == MethodName::Pca => by_pca(args, common, &table, output).map_err(in_file)?,
        None => by_tsne(args, common, &table, output).map_err(in_file)?,
    };
    if let (Some(path), Some(kind)) = (&args.output, kind) {
        match kind {
            Kind::Picture => draw(args, &table, &map, old.as_ref(), output)?.save(path)?,
            Kind::Page => page(args, &table, &map, old.as_ref(), output)?.save(path)?,
            Kind::Points => {
                let points = Table::from_vectors(map.points.clone());
                write_table(&points, path, output)?;
            }
            Kind::Rows => write_table(&with_places(args, &table, &mut map, path, output)?, path, output)?,
        }
        if matches!(kind, Kind::Picture | Kind::Page) {
            output.note(format_args!("drew {}", path.display()));
        }
        map.found.files.push(path.display().to_string());
    }
    if let Some(path) = &args.projector {
        let flat = joined(&table, coordinates(&map), output)?;
        table::write_projector(&flat, path)?;
        output.note(format_args!("wrote {} and its metadata", path.display()));
        map.found.files.push(path.display().to_string());
    }
    output.result(&map.found, |out| print(&map.found, out))?;
    Ok(Outcome::Done)
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
