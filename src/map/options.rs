//! Projection method: the options of a map.

use serde::{Deserialize, Serialize};

use super::{Engine, Gradient, Init, Tsne, TsneParams, fitting_perplexity};
use crate::error::{Error, Result};

/// t-SNE lays out this many rows in some ten seconds.
const SOON_DONE: usize = 20_000;

/// t-SNE needs three neighbours of each row.
const LEAST_ROWS: usize = 4;

/// The method that lays out rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum MapMethod {
    /// t-SNE: near rows are drawn near to each other
    #[default]
    Tsne,
    /// The first principal components
    Pca,
}

impl MapMethod {
    /// t-SNE where it is done in some ten seconds, else principal components.
    pub fn fitting(n_rows: usize) -> MapMethod {
        if (LEAST_ROWS..=SOON_DONE).contains(&n_rows) { MapMethod::Tsne } else { MapMethod::Pca }
    }

    /// Its name: `tsne` or `pca`.
    pub fn name(self) -> &'static str {
        match self {
            MapMethod::Tsne => "tsne",
            MapMethod::Pca => "pca",
        }
    }
}

/// Options of [`lay_out`](super::lay_out). The names are scikit-learn's and openTSNE's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct MapOptions {
    /// Projection method
    #[cfg_attr(feature = "cli", arg(long, value_name = "METHOD", default_value = "tsne"))]
    pub method: MapMethod,
    /// Dimensions of the map
    #[cfg_attr(feature = "cli", arg(long, value_name = "2|3", default_value_t = MapOptions::default().dims))]
    pub dims: usize,
    /// Effective number of neighbours of a row [default: 30, fewer for fewer than 91 rows]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N"))]
    pub perplexity: Option<f64>,
    /// t-SNE: where the points start
    #[cfg_attr(feature = "cli", arg(long, value_name = "START", default_value = "pca"))]
    pub init: Init,
    /// t-SNE: learning rate, in scikit-learn's measure [default: a quarter of the rows, less during early
    /// exaggeration]
    #[cfg_attr(feature = "cli", arg(long, value_name = "RATE"))]
    pub learning_rate: Option<f64>,
    /// t-SNE: factor on the affinities in the first 250 iterations
    #[cfg_attr(feature = "cli", arg(long, value_name = "FACTOR", default_value_t = MapOptions::default().early_exaggeration))]
    pub early_exaggeration: f64,
    /// t-SNE: total number of iterations
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", default_value_t = MapOptions::default().max_iter))]
    pub max_iter: usize,
    /// t-SNE: how the repulsion of all pairs is summed
    #[cfg_attr(feature = "cli", arg(long, value_name = "HOW", default_value = "auto"))]
    pub gradient: Gradient,
    /// t-SNE: accuracy of barnes-hut, 0 is exact and 1 rough
    #[cfg_attr(feature = "cli", arg(long, value_name = "ANGLE", default_value_t = MapOptions::default().angle))]
    pub angle: f64,
    /// t-SNE: which implementation
    #[cfg_attr(feature = "cli", arg(long, value_name = "ENGINE", default_value = "embedlab"))]
    pub engine: Engine,
}

impl Default for MapOptions {
    /// openTSNE's defaults in two dimensions.
    fn default() -> Self {
        MapOptions {
            method: MapMethod::Tsne,
            dims: 2,
            perplexity: None,
            init: Init::Pca,
            learning_rate: None,
            early_exaggeration: 12.0,
            max_iter: 750,
            gradient: Gradient::Auto,
            angle: 0.4,
            engine: Engine::Embedlab,
        }
    }
}

impl MapOptions {
    /// The perplexity for `n_rows`: the one that was asked for, else one that fits.
    pub fn perplexity_for(&self, n_rows: usize) -> f64 {
        self.perplexity.unwrap_or_else(|| fitting_perplexity(n_rows))
    }

    /// The parameters of t-SNE for `n_rows`.
    pub(super) fn tsne(&self, n_rows: usize, seed: u64) -> TsneParams {
        let params = Tsne::params()
            .n_components(self.dims)
            .perplexity(self.perplexity_for(n_rows))
            .early_exaggeration(self.early_exaggeration)
            .max_iter(self.max_iter)
            .init(self.init)
            .gradient(self.gradient)
            .angle(self.angle)
            .engine(self.engine)
            .seed(seed);
        match self.learning_rate {
            Some(rate) => params.learning_rate(rate),
            None => params,
        }
    }

    /// Refuses dimensions that cannot be drawn and options that the method does not know.
    ///
    /// # Errors
    /// When `dims` is neither 2 nor 3, or an option of t-SNE was changed for another method.
    pub fn check(&self) -> Result<()> {
        if !(2..=3).contains(&self.dims) {
            return Err(Error::argument("a map has two or three dimensions")
                .seen(self.dims.to_string())
                .advice("ask for 2 or 3"));
        }
        if self.method == MapMethod::Tsne {
            return Ok(());
        }
        Error::refuse_unused(self.method.name(), &self.changed_for_tsne())
    }

    /// Refuses all options but the perplexity: those of a saved map are settled.
    ///
    /// # Errors
    /// When one was changed.
    pub fn check_onto(&self) -> Result<()> {
        let default = MapOptions::default();
        let changed = [("--method", self.method != default.method), ("--dims", self.dims != default.dims)];
        match changed.iter().chain(&self.changed_for_tsne()).find(|(_, changed)| *changed) {
            None => Ok(()),
            Some((option, _)) => Err(Error::argument(format!("a saved map has settled {option}"))
                .with_code("settled-option")
                .advice("leave it out, or lay all rows out again")),
        }
    }

    /// The options of t-SNE alone, and whether they were changed.
    fn changed_for_tsne(&self) -> [(&'static str, bool); 7] {
        let default = MapOptions::default();
        [
            ("--init", self.init != default.init),
            ("--learning-rate", self.learning_rate.is_some()),
            ("--early-exaggeration", self.early_exaggeration != default.early_exaggeration),
            ("--max-iter", self.max_iter != default.max_iter),
            ("--gradient", self.gradient != default.gradient),
            ("--angle", self.angle != default.angle),
            ("--engine", self.engine != default.engine),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_that_the_method_does_not_know_is_refused_by_name() {
        let options = MapOptions { method: MapMethod::Pca, max_iter: 10, ..Default::default() };
        let error = options.check().unwrap_err().to_string();
        assert!(error.contains("--max-iter") && error.contains("pca"), "{error}");
        assert!(
            MapOptions { method: MapMethod::Pca, perplexity: Some(9.0), ..Default::default() }
                .check()
                .is_ok()
        );
        assert!(MapOptions { max_iter: 10, ..Default::default() }.check().is_ok());
        assert!(MapOptions { dims: 4, ..Default::default() }.check().is_err());
        let error = MapOptions { dims: 3, ..Default::default() }.check_onto().unwrap_err();
        assert!(error.to_string().contains("settled --dims"), "{error}");
        assert!(MapOptions { perplexity: Some(9.0), ..Default::default() }.check_onto().is_ok());
    }
}
