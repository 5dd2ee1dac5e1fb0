//! `embedlab map`: rows laid out in two or three dimensions, and how far to trust what one sees.

mod drawn;
mod saved;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::ValueEnum;
use embedlab::map::{
    Divergence, Engine, Gradient, Init, NeighborGraph, PlaceParams, Trust, Tsne, TsneParams, map_divergence,
    trust,
};
use embedlab::rows::Pca;
use embedlab::table::{self, Format, Table};
use embedlab::{Error, Result};
use ndarray::{Array2, ArrayView2, s};
use serde::Serialize;

use super::beside::write_table;
use super::input::Input;
use super::output::grouped;
use super::{Common, Outcome, Output};
use drawn::{draw, page, subtitle};
use saved::{Made, Saved, coordinates, joined, with_places};

const EXAMPLES: &str = "\
Examples:
  embedlab map reviews.parquet --color Score -o map.png
  embedlab map reviews.parquet -o map.html             (a page to explore, offline)
  embedlab map reviews.parquet --perplexity 15 --init random --learning-rate 200 -o guide.svg
  embedlab map reviews.parquet -o map.parquet          (the rows with x, y, map_error, neighbors)
  embedlab map new.parquet --onto map.parquet -o new_on_map.png
  embedlab map reviews.parquet --method pca --dims 3 -o map.npy
  embedlab map reviews.parquet --json | jq '.trustworthiness, .neighbors_kept'";

/// Up to so many rows the divergence of a PCA map is measured too, which takes everyone's neighbours.
const FEW_ROWS: usize = 5_000;

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
    #[arg(long, value_name = "ANGLE", default_value_t = 0.5)]
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

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum MethodName {
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

/// What the command prints; `kl` is null where it was not measured.
#[derive(Serialize)]
struct Found {
    method: &'static str,
    rows: usize,
    dims: usize,
    n_components: usize,
    seed: u64,
    kl: Option<f64>,
    kl_standard_error: Option<f64>,
    trustworthiness: Option<f64>,
    neighbors_kept: Option<f64>,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    trust: Option<Trust>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tsne: Option<Tsne>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explained_variance_ratio: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    onto: Option<Onto>,
    files: Vec<String>,
}

/// The map that rows were placed on.
#[derive(Serialize)]
struct Onto {
    file: String,
    rows: usize,
    perplexity: Option<f64>,
}

/// A map ready to be drawn and saved.
struct Map {
    points: Array2<f32>,
    divergence: Option<Divergence>,
    neighbors: Option<NeighborGraph>,
    made: Made,
    found: Found,
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

impl Args {
    fn params(&self, n: usize, common: &Common, output: &Output) -> TsneParams {
        let fitting = (n.saturating_sub(1) as f64 / 3.0).floor();
        let perplexity = self.perplexity.unwrap_or_else(|| {
            if (1.0..30.0).contains(&fitting) {
                output.note(format_args!("perplexity {fitting}: {n} rows are too few for 30"));
            }
            fitting.clamp(1.0, 30.0)
        });
        let mut params = Tsne::params()
            .n_components(self.dims)
            .perplexity(perplexity)
            .early_exaggeration(self.early_exaggeration)
            .max_iter(self.max_iter)
            .angle(self.angle)
            .seed(common.seed)
            .init(match self.init {
                InitName::Pca => Init::Pca,
                InitName::Random => Init::Random,
            })
            .gradient(match self.gradient {
                GradientName::Auto => Gradient::Auto,
                GradientName::Exact => Gradient::Exact,
                GradientName::BarnesHut => Gradient::BarnesHut,
                GradientName::Interpolation => Gradient::Interpolation,
            })
            .engine(match self.engine {
                EngineName::Embedlab => Engine::Embedlab,
                EngineName::Bhtsne => Engine::Bhtsne,
            });
        if let Some(rate) = self.learning_rate {
            params = params.learning_rate(rate);
        }
        params
    }
}

fn by_tsne(args: &Args, common: &Common, table: &Table, output: &Output) -> Result<Map> {
    let rows = table.vectors();
    let params = args.params(table.n_rows(), common, output);
    let begin = Instant::now();
    let bar = output.bar(format!("laying out {} rows", grouped(table.n_rows())), args.max_iter);
    let mut fit = params.fit_with_progress(rows, |progress| {
        bar.at(progress.iteration, format!("divergence {:.3}", progress.divergence));
    })?;
    drop(bar);
    let seconds = begin.elapsed().as_secs_f64();
    let points = std::mem::take(&mut fit.points);
    let divergence = std::mem::replace(
        &mut fit.divergence,
        Divergence { value: 0.0, standard_error: None, of_rows: Vec::new() },
    );
    let trust = measure_trust(rows, points.view(), common, output)?;
    let made = Made {
        version: 1,
        method: "tsne".into(),
        n_components: args.dims,
        seed: common.seed,
        perplexity: Some(fit.perplexity),
        parameters: serde_json::to_value(&fit).unwrap_or_default(),
    };
    Ok(Map {
        found: Found {
            kl: Some(divergence.value),
            kl_standard_error: divergence.standard_error,
            seconds,
            ..Found::new("tsne", table, args.dims, common, trust)
        },
        neighbors: Some(fit.neighbors.clone()),
        divergence: Some(divergence),
        points,
        made,
    }
    .with_tsne(fit))
}

impl Map {
    fn with_tsne(mut self, fit: Tsne) -> Map {
        self.found.tsne = Some(fit);
        self
    }
}

impl Found {
    fn new(
        method: &'static str,
        table: &Table,
        n_components: usize,
        common: &Common,
        trust: Option<Trust>,
    ) -> Found {
        Found {
            method,
            rows: table.n_rows(),
            dims: table.dims(),
            n_components,
            seed: common.seed,
            kl: None,
            kl_standard_error: None,
            trustworthiness: trust.map(|trust| trust.trustworthiness),
            neighbors_kept: trust.map(|trust| trust.neighbors_kept),
            seconds: 0.0,
            trust,
            tsne: None,
            explained_variance_ratio: None,
            onto: None,
            files: Vec::new(),
        }
    }
}

/// With fewer than three rows there is nothing to compare.
fn measure_trust(
    rows: ArrayView2<'_, f32>,
    points: ArrayView2<'_, f32>,
    common: &Common,
    output: &Output,
) -> Result<Option<Trust>> {
    let _busy = output.busy("measuring how far to trust the map");
    if rows.nrows() < 3 { Ok(None) } else { trust(rows, points, common.seed).map(Some) }
}

fn by_pca(args: &Args, common: &Common, table: &Table, output: &Output) -> Result<Map> {
    if !(2..=3).contains(&args.dims) {
        return Err(Error::argument("a map has two or three dimensions")
            .seen(args.dims.to_string())
            .advice("ask for 2 or 3"));
    }
    let rows = table.vectors();
    let begin = Instant::now();
    let busy = output.busy(format!("laying out {} rows", grouped(table.n_rows())));
    let pca = Pca::fit(&rows, args.dims)?;
    let points = padded(pca.transform(&rows)?, args.dims);
    let seconds = begin.elapsed().as_secs_f64();
    drop(busy);
    let n = table.n_rows();
    let perplexity = args.perplexity.unwrap_or_else(|| ((n - 1) as f64 / 3.0).floor().clamp(1.0, 30.0));
    let mut neighbors = None;
    let mut divergence = None;
    if (4..=FEW_ROWS).contains(&n) {
        let graph = NeighborGraph::of(rows, (3.0 * perplexity) as usize)?;
        divergence = Some(map_divergence(&graph, points.view(), perplexity, common.seed)?);
        neighbors = Some(graph);
    }
    let trust = measure_trust(rows, points.view(), common, output)?;
    let made = Made {
        version: 1,
        method: "pca".into(),
        n_components: args.dims,
        seed: common.seed,
        perplexity: None,
        parameters: serde_json::Value::Null,
    };
    Ok(Map {
        found: Found {
            kl: divergence.as_ref().map(|divergence| divergence.value),
            seconds,
            explained_variance_ratio: Some(pca.explained_variance_ratio.clone()),
            ..Found::new("pca", table, args.dims, common, trust)
        },
        points,
        divergence,
        neighbors,
        made,
    })
}

/// Rows of one dimension have one component: the other axes are flat.
fn padded(found: Array2<f32>, dims: usize) -> Array2<f32> {
    let mut points = Array2::zeros((found.nrows(), dims));
    points.slice_mut(s![.., ..found.ncols()]).assign(&found);
    points
}

fn place(args: &Args, common: &Common, table: &Table, saved: &Saved, file: &Path) -> Result<Map> {
    let begin = Instant::now();
    let is_pca = saved.made.as_ref().is_some_and(|made| made.method == "pca");
    let n_components = saved.points.ncols();
    let mut perplexity = None;
    let points = if is_pca {
        let pca = Pca::fit(&saved.table.vectors(), n_components)?;
        padded(pca.transform(&table.vectors())?, n_components)
    } else {
        let value =
            args.perplexity.unwrap_or_else(|| (saved.table.n_rows() as f64 / 3.0).floor().clamp(1.0, 5.0));
        perplexity = Some(value);
        PlaceParams::default().perplexity(value).place(
            saved.table.vectors(),
            saved.points.view(),
            table.vectors(),
        )?
    };
    let seconds = begin.elapsed().as_secs_f64();
    let kept = embedlab::map::placed_neighbors_kept(
        (saved.table.vectors(), saved.points.view()),
        (table.vectors(), points.view()),
    )?;
    let made = saved.made.clone().unwrap_or(Made {
        version: 1,
        method: "unknown".into(),
        n_components,
        seed: common.seed,
        perplexity: None,
        parameters: serde_json::Value::Null,
    });
    let onto = Onto { file: file.display().to_string(), rows: saved.table.n_rows(), perplexity };
    Ok(Map {
        found: Found {
            seconds,
            neighbors_kept: Some(kept),
            onto: Some(onto),
            ..Found::new(if is_pca { "pca" } else { "tsne" }, table, n_components, common, None)
        },
        points,
        divergence: None,
        neighbors: None,
        made,
    })
}

fn print(found: &Found, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "{}, {:.2} s", subtitle(found), found.seconds)?;
    if let Some(kl) = found.kl {
        let error = found.kl_standard_error.map_or(String::new(), |error| format!(" +- {error:.4}"));
        writeln!(out, "KL divergence      {kl:.3}{error}")?;
    }
    if let Some(trust) = &found.trust {
        let errors = trust.standard_error;
        let line = |value: f64, error: Option<f64>| {
            error.map_or_else(|| format!("{value:.3}"), |error| format!("{value:.3} +- {error:.3}"))
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
    } else if let Some(kept) = found.neighbors_kept {
        writeln!(out, "neighbours kept    {kept:.3}   of the 10 nearest old rows of each new one")?;
    }
    Ok(())
}
