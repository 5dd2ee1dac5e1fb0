//! `embedlab map`: rows laid out in two or three dimensions, and how far to trust what one sees.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    ArrayRef, Float32Array, Float64Array, LargeStringArray, ListArray, StructArray, UInt32Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use clap::ValueEnum;
use embedlab::chart::{Groups, Palette, Picture, Scatter, Style, Theme};
use embedlab::map::{
    Divergence, Engine, Gradient, Init, NeighborGraph, PlaceParams, Trust, Tsne, TsneParams, map_divergence,
    trust,
};
use embedlab::rows::Pca;
use embedlab::table::{self, Format, ReadOptions, Table};
use embedlab::{Error, Result};
use ndarray::{Array2, ArrayView2, Axis, concatenate, s};
use serde::{Deserialize, Serialize};

use super::beside::{same_space, write_table};
use super::columns::label_column;
use super::input::Input;
use super::output::{grouped, printable};
use super::{Common, Outcome, Output};

const EXAMPLES: &str = "\
Examples:
  embedlab map reviews.parquet --color Score -o map.png
  embedlab map reviews.parquet --perplexity 15 --init random --learning-rate 200 -o guide.svg
  embedlab map reviews.parquet -o map.parquet          (the rows with x, y, map_error, neighbors)
  embedlab map new.parquet --onto map.parquet -o new_on_map.png
  embedlab map reviews.parquet --method pca --dims 3 -o map.npy
  embedlab map reviews.parquet --json | jq '.trustworthiness, .neighbors_kept'";

/// Up to so many rows the divergence of a PCA map is measured too, which takes everyone's neighbours.
const FEW_ROWS: usize = 5_000;

/// Under this key the column x holds how the map was made.
const MADE_BY: &str = "embedlab.map";

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
    /// Draw the map (.png .svg), save the points (.npy), or the rows with their places (.parquet .csv
    /// .jsonl .arrow)
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write the rows for the TensorFlow Embedding Projector: this tensors file, and metadata beside it
    #[arg(long, value_name = "FILE.tsv")]
    projector: Option<PathBuf>,
    /// The picture's width and height in pixels
    #[arg(long, value_name = "WxH", default_value = "800x600", value_parser = size)]
    size: (u32, u32),
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

/// How a map was made: kept with a saved map, and needed to place new rows on it.
#[derive(Clone, Serialize, Deserialize)]
struct Made {
    version: u32,
    method: String,
    n_components: usize,
    seed: u64,
    perplexity: Option<f64>,
    parameters: serde_json::Value,
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
            Kind::Points => {
                let points = Table::from_vectors(map.points.clone());
                write_table(&points, path, output)?;
            }
            Kind::Rows => write_table(&with_places(args, &table, &mut map, path, output)?, path, output)?,
        }
        if kind == Kind::Picture {
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
    Points,
    Rows,
}

impl Kind {
    fn of(path: &Path) -> Result<Kind> {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        match (extension.as_deref(), Format::from_extension(path)) {
            (Some("png" | "svg"), _) => Ok(Kind::Picture),
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
                .advice("end it in .png or .svg (a picture), .npy (the points), .parquet, .csv, .jsonl or .arrow (the rows with their places)")),
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

/// A saved map: its rows, where they are, and how it was made.
struct Saved {
    table: Table,
    points: Array2<f32>,
    made: Option<Made>,
}

impl Saved {
    fn read(file: &Path, new: &Table) -> Result<Saved> {
        let table = table::read(file, &ReadOptions::default())?;
        same_space(new, &table, file, "rows of the map")?;
        let names: Vec<&str> =
            ["x", "y", "z"].into_iter().filter(|name| table.column(name).is_ok()).collect();
        if !names.starts_with(&["x", "y"]) {
            return Err(Error::input("no saved map")
                .file(file)
                .seen("no columns x and y")
                .advice("save one with embedlab map FILE -o map.parquet"));
        }
        let mut points = Array2::zeros((table.n_rows(), names.len()));
        for (d, name) in names.iter().enumerate() {
            for (row, value) in table.numbers(name).map_err(|error| error.file(file))?.into_iter().enumerate()
            {
                points[[row, d]] = value.ok_or_else(|| {
                    Error::input("a row without a place").file(file).row(row + 1).column(*name)
                })? as f32;
            }
        }
        let schema = table.columns().schema();
        let made = schema.field_with_name("x").ok().and_then(|field| field.metadata().get(MADE_BY).cloned());
        let made = made.map(|made| serde_json::from_str::<Made>(&made)).transpose().map_err(|error| {
            Error::input("a map that does not say how it was made").file(file).source(error)
        })?;
        if let Some(made) = made.as_ref().filter(|made| made.version != 1) {
            return Err(Error::input("a map of a version that is not known here")
                .file(file)
                .seen(format!("version {}, where 1 is known", made.version))
                .advice("update embedlab, or make the map again"));
        }
        Ok(Saved { table, points, made })
    }
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

fn coordinates(map: &Map) -> Vec<(Field, ArrayRef)> {
    let made = serde_json::to_string(&map.made).unwrap_or_default();
    let names = ["x", "y", "z"].iter().zip(map.points.columns());
    names
        .map(|(name, column)| {
            let values: ArrayRef = Arc::new(Float32Array::from_iter_values(column.iter().copied()));
            let field = Field::new(*name, DataType::Float32, false);
            let about = HashMap::from([(MADE_BY.to_owned(), made.clone())]);
            (if *name == "x" { field.with_metadata(about) } else { field }, values)
        })
        .collect()
}

/// The rows with their places, each row's part of the divergence and its nearest rows.
fn with_places(args: &Args, table: &Table, map: &mut Map, path: &Path, output: &Output) -> Result<Table> {
    let mut more = coordinates(map);
    if let Some(divergence) = &map.divergence {
        let values: ArrayRef = Arc::new(Float64Array::from(divergence.of_rows.clone()));
        more.push((Field::new("map_error", DataType::Float64, true), values));
    }
    if args.neighbors > 0 && args.onto.is_none() {
        let graph = match map.neighbors.take() {
            Some(graph) if graph.k() >= args.neighbors => graph,
            _ => NeighborGraph::of(table.vectors(), args.neighbors)?,
        };
        let nested = matches!(Format::from_extension(path), Some(Format::Parquet | Format::ArrowIpc));
        let k = args.neighbors.min(graph.k());
        more.push(if nested { neighbor_structs(&graph, k)? } else { neighbor_texts(&graph, k) });
    }
    joined(table, more, output)
}

/// Embedding Atlas's column: `{"ids": [..], "distances": [..]}`, rows counted from 0.
fn neighbor_structs(graph: &NeighborGraph, k: usize) -> Result<(Field, ArrayRef)> {
    let n = graph.n_rows();
    let rows = UInt32Array::from_iter_values((0..n).flat_map(|row| graph.rows(row)[..k].iter().copied()));
    let distances = Float32Array::from_iter_values(
        (0..n)
            .flat_map(|row| (0..k).map(move |place| (row, place)))
            .map(|(row, place)| graph.distance(row, place) as f32),
    );
    let list = |item: DataType, values: ArrayRef| -> Result<(Arc<Field>, ArrayRef)> {
        let item = Arc::new(Field::new("item", item, true));
        let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(k, n));
        let list = ListArray::try_new(item.clone(), offsets, values, None)
            .map_err(|error| Error::argument("too many neighbours for a file").source(error))?;
        Ok((Arc::new(Field::new("", DataType::List(item), true)), Arc::new(list)))
    };
    let (ids_field, ids) = list(DataType::UInt32, Arc::new(rows))?;
    let (distances_field, distances) = list(DataType::Float32, Arc::new(distances))?;
    let named = |name: &str, field: Arc<Field>| Arc::new(field.as_ref().clone().with_name(name));
    let structs = StructArray::from(vec![
        (named("ids", ids_field), ids),
        (named("distances", distances_field), distances),
    ]);
    Ok((Field::new("neighbors", arrow::array::Array::data_type(&structs).clone(), true), Arc::new(structs)))
}

/// The same as JSON text, for formats of text.
fn neighbor_texts(graph: &NeighborGraph, k: usize) -> (Field, ArrayRef) {
    let text = |row: usize| {
        let distances: Vec<f32> = (0..k).map(|place| graph.distance(row, place) as f32).collect();
        serde_json::json!({ "ids": &graph.rows(row)[..k], "distances": distances }).to_string()
    };
    let texts = LargeStringArray::from_iter_values((0..graph.n_rows()).map(text));
    (Field::new("neighbors", DataType::LargeUtf8, true), Arc::new(texts))
}

/// A table with more columns at the end; a column of the same name is replaced.
fn joined(table: &Table, more: Vec<(Field, ArrayRef)>, output: &Output) -> Result<Table> {
    let mut fields = table.columns().schema_ref().fields().to_vec();
    let mut values = table.columns().columns().to_vec();
    for (field, array) in more {
        if let Some(at) = fields.iter().position(|old| old.name() == field.name()) {
            output.warn(format_args!("the column {} of the input is replaced", field.name()));
            fields.remove(at);
            values.remove(at);
        }
        fields.push(Arc::new(field));
        values.push(array);
    }
    let columns = RecordBatch::try_new(Arc::new(Schema::new(fields)), values)
        .map_err(|error| Error::input("the map cannot be joined to the rows").source(error))?;
    Table::new(table.vectors().to_owned(), columns, table.vector_column())
}

fn draw(args: &Args, table: &Table, map: &Map, old: Option<&Saved>, output: &Output) -> Result<Picture> {
    let (points, groups) = match old {
        Some(old) => {
            let points = concatenate(Axis(0), &[old.points.view(), map.points.view()])
                .map_err(|error| Error::input("the maps do not fit together").source(error))?;
            let of: Vec<usize> =
                (0..points.nrows()).map(|row| usize::from(row >= old.points.nrows())).collect();
            (points, Some(Groups::new(&of, ["on the map", "new"])?))
        }
        None => (map.points.clone(), colors(args, table, map, output)?),
    };
    let points = if points.ncols() == 3 { seen_from_aside(points.view()) } else { points };
    let style = Style::new(title(args))
        .subtitle(subtitle(&map.found))
        .caption(caption(&map.found))
        .size(args.size.0, args.size.1)
        .theme(if args.dark { Theme::Dark } else { Theme::Light });
    let mut scatter = Scatter::new(points.view());
    if let Some(groups) = groups {
        scatter = scatter.groups(groups).means(old.is_none());
    }
    scatter.draw(&style)
}

/// Three dimensions on paper: turned by 30 degrees and seen from 20 degrees above.
fn seen_from_aside(points: ArrayView2<'_, f32>) -> Array2<f32> {
    let (turn, rise) = (30.0_f32.to_radians(), 20.0_f32.to_radians());
    Array2::from_shape_fn((points.nrows(), 2), |(row, d)| {
        let (x, y, z) = (points[[row, 0]], points[[row, 1]], points[[row, 2]]);
        if d == 0 {
            x * turn.cos() - y * turn.sin()
        } else {
            (x * turn.sin() + y * turn.cos()) * rise.sin() + z * rise.cos()
        }
    })
}

/// Groups by the column to colour by: stars, classes, or eighths of a column of many numbers.
fn colors(args: &Args, table: &Table, map: &Map, output: &Output) -> Result<Option<Groups>> {
    if args.color.as_deref() == Some("map_error") && table.column("map_error").is_err() {
        let Some(divergence) = &map.divergence else {
            return Err(Error::argument("no error of each row was measured")
                .seen(format!("a PCA map of more than {} rows", grouped(FEW_ROWS)))
                .advice("use --method tsne"));
        };
        return eighths(&divergence.of_rows.iter().copied().map(Some).collect::<Vec<_>>()).map(Some);
    }
    let Some(name) = label_column(table, args.color.as_deref())? else { return Ok(None) };
    if args.color.is_none() {
        output.note(format_args!("using the column {name} for colours"));
    }
    let labels = table.labels(&name)?;
    if labels.names.iter().map(String::as_str).eq(["1", "2", "3", "4", "5"]) {
        let scores: Vec<f64> =
            labels.codes.iter().map(|code| code.map_or(0.0, |code| f64::from(code) + 1.0)).collect();
        return Ok(Some(Groups::stars(&scores)));
    }
    if table.column(&name)?.data_type().is_numeric() && labels.names.len() > 12 {
        return eighths(&table.numbers(&name)?).map(Some);
    }
    let of: Vec<Option<usize>> = labels.codes.iter().map(|code| code.map(|code| code as usize)).collect();
    Groups::with_gaps(&of, labels.names.iter().map(|name| printable(name))).map(Some)
}

/// Groups of equally many rows, from small to large numbers; equal numbers stay together.
fn eighths(values: &[Option<f64>]) -> Result<Groups> {
    let mut sorted: Vec<f64> = values.iter().flatten().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut bounds: Vec<f64> = (1..8).filter_map(|i| sorted.get(sorted.len() * i / 8).copied()).collect();
    bounds.dedup();
    let of: Vec<Option<usize>> = values
        .iter()
        .map(|value| {
            value
                .filter(|value| value.is_finite())
                .map(|value| bounds.partition_point(|bound| *bound <= value))
        })
        .collect();
    let ends = |at: usize| bounds.get(at).copied();
    let names: Vec<String> = (0..=bounds.len())
        .map(|group| match (group.checked_sub(1).and_then(ends), ends(group)) {
            (None, Some(high)) => format!("below {}", short(high)),
            (Some(low), Some(high)) => format!("{} to {}", short(low), short(high)),
            (Some(low), None) => format!("from {}", short(low)),
            (None, None) => "all".to_owned(),
        })
        .collect();
    Ok(Groups::with_gaps(&of, names)?.palette(Palette::Ordered))
}

fn short(value: f64) -> String {
    let digits = if value.abs() >= 100.0 || value == value.trunc() { 0 } else { 2 };
    if value != 0.0 && value.abs() < 0.01 { format!("{value:.1e}") } else { format!("{value:.digits$}") }
}

fn title(args: &Args) -> String {
    format!("Map of {}", args.input.name())
}

fn subtitle(found: &Found) -> String {
    let how = match (&found.onto, &found.tsne, &found.explained_variance_ratio) {
        (Some(onto), ..) => format!("placed on a map of {} rows", grouped(onto.rows)),
        (_, Some(tsne), _) => format!("t-SNE, perplexity {}", tsne.perplexity),
        (.., Some(shares)) => {
            format!("principal components, {:.1} % of the variance", 100.0 * shares.iter().sum::<f64>())
        }
        _ => String::new(),
    };
    let seen = if found.n_components == 3 { ", three dimensions seen from aside" } else { "" };
    format!("{} rows, {how}{seen}", grouped(found.rows))
}

/// How far to trust the map, in one line.
fn caption(found: &Found) -> String {
    let mut parts = Vec::new();
    match &found.trust {
        Some(trust) => {
            parts.push(format!(
                "{:.0} % of the {} nearest neighbours kept",
                100.0 * trust.neighbors_kept,
                trust.k
            ));
            parts.push(format!("trustworthiness {:.3}", trust.trustworthiness));
            parts.push(format!("continuity {:.3}", trust.continuity));
            if let Some(correlation) = trust.distance_correlation {
                parts.push(format!("distances {correlation:.2} correlated"));
            }
        }
        None => {
            if let Some(kept) = found.neighbors_kept {
                parts.push(format!("{:.0} % of the nearest neighbours kept", 100.0 * kept));
            }
        }
    }
    parts.extend(found.kl.map(|kl| format!("KL {kl:.3}")));
    parts.join(", ")
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
