//! Laying out: by t-SNE, by principal components, or onto an old map.

use std::path::Path;
use std::time::Instant;

use embedlab::map::{
    Divergence, Engine, Gradient, Init, NeighborGraph, PlaceParams, Trust, Tsne, TsneParams,
    fitting_perplexity, map_divergence, trust,
};
use embedlab::rows::Pca;
use embedlab::table::Table;
use embedlab::{Error, Result};
use ndarray::{Array2, ArrayView2, s};

use super::found::{Found, Onto};
use super::saved::{Made, Saved};
use super::{Args, EngineName, GradientName, InitName};
use crate::cli::output::grouped;
use crate::cli::{Common, Output};

/// Up to so many rows the divergence of a PCA map is measured too, which takes everyone's neighbours.
pub const FEW_ROWS: usize = 5_000;

/// A map ready to be drawn and saved.
pub struct Map {
    pub points: Array2<f32>,
    pub divergence: Option<Divergence>,
    pub neighbors: Option<NeighborGraph>,
    pub made: Made,
    pub found: Found,
}

impl Args {
    fn params(&self, n: usize, common: &Common, output: &Output) -> TsneParams {
        let perplexity = self.perplexity.unwrap_or_else(|| {
            let fitting = fitting_perplexity(n);
            if fitting < 30.0 {
                output.note(format_args!("perplexity {fitting}: {n} rows are too few for 30"));
            }
            fitting
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

/// Lays out by t-SNE.
pub fn by_tsne(args: &Args, common: &Common, table: &Table, output: &Output) -> Result<Map> {
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
    let neighbors = fit.neighbors.clone();
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
            tsne: Some(fit),
            ..Found::new("tsne", table, args.dims, common, trust)
        },
        neighbors: Some(neighbors),
        divergence: Some(divergence),
        points,
        made,
    })
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

/// Lays out by principal components.
pub fn by_pca(args: &Args, common: &Common, table: &Table, output: &Output) -> Result<Map> {
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
    let perplexity = args.perplexity.unwrap_or_else(|| fitting_perplexity(n));
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

/// Places rows on an old map.
pub fn place(args: &Args, common: &Common, table: &Table, saved: &Saved, file: &Path) -> Result<Map> {
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
