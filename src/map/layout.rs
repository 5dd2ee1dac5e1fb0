//! Rows laid out by one method or another, with how far to trust the map.

use std::time::Instant;

use ndarray::{Array2, ArrayView2, s};
use serde::Serialize;

use super::{
    MapMethod, MapOptions, MapRecipe, NeighborGraph, Progress, Steps, Trust, Tsne, TsneSettings,
    map_divergence, trust,
};
use crate::error::Result;
use crate::number::grouped;
use crate::rows::Pca;

/// Up to this many rows the divergence of a PCA map is measured too, which takes all rows' neighbours.
pub const MOST_ROWS_WITH_PCA_DIVERGENCE: usize = 5_000;

/// A map: where each row is drawn, how the map was made, and how far to trust it.
///
/// Serialised, it has the keys of `embedlab map --json`: the figures, without the points.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct RowMap {
    /// The method.
    pub method: MapMethod,
    /// How many rows there are.
    pub rows: usize,
    /// Dimensions of the rows.
    pub dims: usize,
    /// Dimensions of the map.
    pub n_components: usize,
    /// The seed.
    pub seed: u64,
    /// The Kullback-Leibler divergence of the map from the affinities; `None` where it was not measured.
    pub kl: Option<f64>,
    /// Its standard error, where it is an estimate.
    pub kl_standard_error: Option<f64>,
    /// Seconds that laying out took.
    pub seconds: f64,
    /// How far to trust the map; `None` with fewer than three rows, and for rows placed on an older map.
    #[serde(flatten)]
    pub trust: Option<Trust>,
    /// How t-SNE was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tsne: Option<TsneRun>,
    /// The share of the variance along each axis of a PCA map.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explained_variance_ratio: Option<Vec<f64>>,
    /// Where the rows were placed on an older map: that map.
    #[serde(flatten)]
    pub placement: Option<Placement>,
    /// The coordinates, n x 2 or n x 3.
    #[serde(skip)]
    pub points: Array2<f32>,
    /// Each row's part of the divergence.
    #[serde(skip)]
    pub errors: Option<Vec<f64>>,
    /// Nearest rows of each row, where they were needed.
    #[serde(skip)]
    pub neighbors: Option<NeighborGraph>,
    /// How the map was made, as it is kept with a saved map.
    #[serde(skip)]
    pub recipe: MapRecipe,
}

/// The settings of a t-SNE map and the time of its steps.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct TsneRun {
    /// What was asked for, and what followed from the rows.
    #[serde(flatten)]
    pub settings: TsneSettings,
    /// Seconds for each step.
    pub steps: Steps,
}

/// Rows placed on a map that was there before.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Placement {
    /// The older map.
    pub onto: OlderMap,
    /// The mean share of the 10 nearest older rows of a new row that are among its nearest dots.
    pub neighbors_kept: f64,
}

/// The map that rows were placed on.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct OlderMap {
    /// Its file, if it has one.
    pub file: Option<String>,
    /// Its rows.
    pub rows: usize,
    /// The perplexity of the placement; `None` for PCA maps.
    pub perplexity: Option<f64>,
}

/// Lays rows (n x d) out in two or three dimensions, and measures how far to trust the map.
///
/// `progress` is told of t-SNE's iterations, 50 at a time.
///
/// ```
/// use embedlab::map::{MapMethod, MapOptions, lay_out};
/// use ndarray::Array2;
/// let rows = Array2::from_shape_fn((60, 5), |(i, j)| (i % 3) as f32 * 4.0 + ((i * 7 + j) % 5) as f32 * 0.1);
/// let options = MapOptions { method: MapMethod::Pca, ..MapOptions::default() };
/// let map = lay_out(rows.view(), &options, 42, &mut |_| ())?;
/// assert_eq!(map.points.dim(), (60, 2));
/// assert!(map.trust.unwrap().trustworthiness > 0.9);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// # Errors
/// For options that conflict the method, too few rows for the perplexity, fewer than two rows for
/// principal components, and numbers that are not finite.
pub fn lay_out(
    rows: ArrayView2<'_, f32>,
    options: &MapOptions,
    seed: u64,
    progress: &mut dyn FnMut(Progress),
) -> Result<RowMap> {
    options.check()?;
    let mut map = match options.method {
        MapMethod::Tsne => {
            let begin = Instant::now();
            let fit = options.tsne(rows.nrows(), seed).fit_with_progress(rows, progress)?;
            RowMap::of_tsne(fit, rows.ncols(), begin.elapsed().as_secs_f64())
        }
        MapMethod::Pca => {
            let mut map = RowMap::by_pca(rows, options.dims, seed)?;
            map.measure_divergence(rows, options.perplexity_for(rows.nrows()))?;
            map
        }
    };
    // With fewer than three rows there is nothing to compare.
    map.trust = if rows.nrows() < 3 { None } else { Some(trust(rows, map.points.view(), seed)?) };
    Ok(map)
}

impl RowMap {
    /// The map of a finished t-SNE; nothing more is measured.
    pub fn of_tsne(fit: Tsne, dims: usize, seconds: f64) -> RowMap {
        let Tsne { points, divergence, neighbors, settings, steps } = fit;
        RowMap {
            method: MapMethod::Tsne,
            rows: points.nrows(),
            dims,
            n_components: points.ncols(),
            seed: settings.seed,
            kl: Some(divergence.value),
            kl_standard_error: divergence.standard_error,
            seconds,
            trust: None,
            explained_variance_ratio: None,
            placement: None,
            recipe: MapRecipe::of_tsne(&settings, points.ncols()),
            tsne: Some(TsneRun { settings, steps }),
            points,
            errors: Some(divergence.of_rows),
            neighbors: Some(neighbors),
        }
    }

    /// Rows (n x d) on their first `n_components` principal components; nothing is measured.
    ///
    /// # Errors
    /// With fewer than two rows, and for numbers that are not finite.
    pub fn by_pca(rows: ArrayView2<'_, f32>, n_components: usize, seed: u64) -> Result<RowMap> {
        let begin = Instant::now();
        let pca = Pca::fit(&rows, n_components)?;
        let points = on_axes(&pca, rows, n_components)?;
        Ok(RowMap {
            explained_variance_ratio: Some(pca.explained_variance_ratio),
            recipe: MapRecipe::of_pca(n_components, seed),
            ..RowMap::unmeasured(MapMethod::Pca, points, rows.ncols(), seed, begin)
        })
    }

    pub(super) fn unmeasured(
        method: MapMethod,
        points: Array2<f32>,
        dims: usize,
        seed: u64,
        begin: Instant,
    ) -> RowMap {
        RowMap {
            method,
            rows: points.nrows(),
            dims,
            n_components: points.ncols(),
            seed,
            kl: None,
            kl_standard_error: None,
            seconds: begin.elapsed().as_secs_f64(),
            trust: None,
            tsne: None,
            explained_variance_ratio: None,
            placement: None,
            recipe: MapRecipe::of_pca(points.ncols(), seed),
            points,
            errors: None,
            neighbors: None,
        }
    }

    /// What the map is, in one line.
    pub fn subtitle(&self) -> String {
        let how = match (&self.placement, &self.tsne, &self.explained_variance_ratio) {
            (Some(placement), ..) => {
                format!("placed on a map of {} rows", grouped(placement.onto.rows as u64))
            }
            (_, Some(tsne), _) => format!("t-SNE, perplexity {}", tsne.settings.perplexity),
            (.., Some(shares)) => {
                format!("principal components, {:.1} % of the variance", 100.0 * shares.iter().sum::<f64>())
            }
            _ => self.method_in_words().to_owned(),
        };
        let dimensions = if self.n_components == 3 { ", three dimensions" } else { "" };
        format!("{} rows, {how}{dimensions}", grouped(self.rows as u64))
    }

    /// The method in words: `t-SNE`.
    pub fn method_in_words(&self) -> &'static str {
        match self.method {
            MapMethod::Tsne => "t-SNE",
            MapMethod::Pca => "principal components",
        }
    }

    /// The share of nearest neighbours that the map keeps, where it was measured.
    pub fn neighbors_kept(&self) -> Option<f64> {
        let placed = self.placement.as_ref().map(|placement| placement.neighbors_kept);
        self.trust.map(|trust| trust.neighbors_kept).or(placed)
    }

    /// Measures the divergence that t-SNE would make small, where the rows are few enough.
    fn measure_divergence(&mut self, rows: ArrayView2<'_, f32>, perplexity: f64) -> Result<()> {
        if !(4..=MOST_ROWS_WITH_PCA_DIVERGENCE).contains(&rows.nrows()) {
            return Ok(());
        }
        let graph = NeighborGraph::of(rows, (3.0 * perplexity) as usize)?;
        let divergence = map_divergence(&graph, self.points.view(), perplexity, self.seed)?;
        self.kl = Some(divergence.value);
        self.errors = Some(divergence.of_rows);
        self.neighbors = Some(graph);
        Ok(())
    }
}

/// Rows along fitted components. Rows of one dimension have one component: the other axes are flat.
pub(super) fn on_axes(pca: &Pca, rows: ArrayView2<'_, f32>, n_components: usize) -> Result<Array2<f32>> {
    let along = pca.transform(&rows)?;
    let mut points = Array2::zeros((along.nrows(), n_components));
    points.slice_mut(s![.., ..along.ncols()]).assign(&along);
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Array2<f32> {
        Array2::from_shape_fn((50, 4), |(i, j)| ((i * 7919 + j * 104_729) % 101) as f32)
    }

    #[test]
    fn both_methods_give_the_same_figures_and_keys() {
        for method in [MapMethod::Tsne, MapMethod::Pca] {
            let options = MapOptions {
                method,
                max_iter: if method == MapMethod::Tsne { 60 } else { 750 },
                ..Default::default()
            };
            let map = lay_out(rows().view(), &options, 7, &mut |_| ()).unwrap();
            assert_eq!(map.points.dim(), (50, 2));
            assert_eq!(map.errors.as_ref().unwrap().len(), 50);
            let json = serde_json::to_value(&map).unwrap();
            for key in ["kl", "trustworthiness", "continuity", "neighbors_kept", "kept_by_chance", "seconds"]
            {
                assert!(json[key].is_number(), "{method:?}: {key} in {json}");
            }
            assert_eq!(json["method"], method.name());
        }
    }

    #[test]
    fn two_rows_and_one_dimension_have_a_flat_axis() {
        let options = MapOptions { method: MapMethod::Pca, ..Default::default() };
        let map = lay_out(ndarray::array![[1.0_f32], [3.0]].view(), &options, 1, &mut |_| ()).unwrap();
        assert_eq!(map.points.column(1).to_vec(), [0.0, 0.0]);
        assert!(map.trust.is_none() && map.kl.is_none());
    }
}
