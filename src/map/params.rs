//! The parameters of t-SNE and their check.

use linfa::ParamGuard;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The first phase, with exaggerated affinities, in iterations.
const EARLY_ITERATIONS: usize = 250;

/// From this many points on a tree is clearly quicker than all pairs. Measured (`benches/README.md`).
const MANY: usize = 2_000;

/// The perplexity that a map of `n_rows` takes by default on the command line: 30, with fewer than 91
/// rows a third of what there is beside a row, at least 1.
pub fn fitting_perplexity(n_rows: usize) -> f64 {
    (n_rows.saturating_sub(1) as f64 / 3.0).floor().clamp(1.0, 30.0)
}

/// Where the points of a map are before they are moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Init {
    /// The first principal components, with a standard deviation of 1e-4: keeps the large-scale
    /// order of the rows.
    #[default]
    Pca,
    /// Normally distributed by the seed, with the same deviation.
    Random,
}

/// How the repulsion of all pairs of points is summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Gradient {
    /// All pairs below 2,000 rows, else a tree, which up to 50,000 rows was as quick as interpolation, and nearer
    /// to the affinities.
    #[default]
    Auto,
    /// All pairs.
    Exact,
    /// Cells of a tree act as one point where they are far (Barnes and Hut, 1986).
    BarnesHut,
    /// Polynomials on a grid and fast Fourier transforms (FIt-SNE: Linderman et al., 2019); 2-D only.
    Interpolation,
}

/// Who lays out the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// The optimiser of this crate.
    #[default]
    Embedlab,
    /// The crate `bhtsne`, from the same neighbours and the same start.
    Bhtsne,
}

/// Parameters of [`Tsne`](super::Tsne), not yet checked; made by [`Tsne::params`](super::Tsne::params).
/// Names are scikit-learn's.
#[derive(Debug, Clone, PartialEq)]
pub struct TsneParams(TsneValidParams);

/// Checked parameters of [`Tsne`](super::Tsne).
#[derive(Debug, Clone, PartialEq)]
pub struct TsneValidParams {
    pub(super) n_components: usize,
    pub(super) perplexity: f64,
    pub(super) early_exaggeration: f64,
    pub(super) learning_rate: Option<f64>,
    pub(super) max_iter: usize,
    pub(super) early_momentum: f64,
    pub(super) momentum: f64,
    pub(super) init: Init,
    pub(super) gradient: Gradient,
    pub(super) angle: f64,
    pub(super) engine: Engine,
    pub(super) seed: u64,
}

impl TsneParams {
    pub(super) fn new() -> Self {
        TsneParams(TsneValidParams {
            n_components: 2,
            perplexity: 30.0,
            early_exaggeration: 12.0,
            learning_rate: None,
            max_iter: 750,
            early_momentum: 0.5,
            momentum: 0.8,
            init: Init::Pca,
            gradient: Gradient::Auto,
            angle: 0.4,
            engine: Engine::Embedlab,
            seed: 42,
        })
    }

    /// Dimensions of the map, 2 or 3. Default: 2.
    pub fn n_components(mut self, n_components: usize) -> Self {
        self.0.n_components = n_components;
        self
    }

    /// The effective number of neighbours of a row, at least 1 and less than a third of the rows.
    /// Default: 30.
    pub fn perplexity(mut self, perplexity: f64) -> Self {
        self.0.perplexity = perplexity;
        self
    }

    /// The factor on all affinities in the first 250 iterations. Default: 12.
    pub fn early_exaggeration(mut self, early_exaggeration: f64) -> Self {
        self.0.early_exaggeration = early_exaggeration;
        self
    }

    /// The learning rate, in scikit-learn's measure (openTSNE's is four times as large). Default: a
    /// quarter of the rows divided by the exaggeration of the phase (Belkina et al., 2019).
    pub fn learning_rate(mut self, learning_rate: f64) -> Self {
        self.0.learning_rate = Some(learning_rate);
        self
    }

    /// Iterations in all; none is left out because the map seems to stand still. Default: 750, of
    /// which 250 with exaggeration, as openTSNE.
    pub fn max_iter(mut self, max_iter: usize) -> Self {
        self.0.max_iter = max_iter;
        self
    }

    /// The start. Default: principal components.
    pub fn init(mut self, init: Init) -> Self {
        self.0.init = init;
        self
    }

    /// How repulsion is summed. Default: by the number of rows.
    pub fn gradient(mut self, gradient: Gradient) -> Self {
        self.0.gradient = gradient;
        self
    }

    /// With a tree: a cell acts as one point where its extent is less than this times its distance.
    /// Default: 0.4. scikit-learn's is 0.5, at which a map of 50,000 rows kept 2 % fewer of the nearest
    /// neighbours (`benches/README.md`).
    pub fn angle(mut self, angle: f64) -> Self {
        self.0.angle = angle;
        self
    }

    /// Who lays out the map. Default: this crate.
    pub fn engine(mut self, engine: Engine) -> Self {
        self.0.engine = engine;
        self
    }

    /// The seed; each row has a random stream of its own. Default: 42.
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.seed = seed;
        self
    }
}

impl TsneValidParams {
    /// Iterations with exaggeration.
    pub(super) fn early_iterations(&self) -> usize {
        EARLY_ITERATIONS.min(self.max_iter)
    }

    /// The learning rate in scikit-learn's measure.
    pub(super) fn learning_rate_for(&self, n: usize, exaggeration: f64) -> f64 {
        self.learning_rate.unwrap_or(n as f64 / exaggeration / 4.0)
    }

    /// What `Auto` stands for.
    pub(super) fn gradient_for(&self, n: usize) -> Gradient {
        match self.gradient {
            Gradient::Auto if n < MANY => Gradient::Exact,
            Gradient::Auto => Gradient::BarnesHut,
            chosen => chosen,
        }
    }

    /// Three times the perplexity: how many neighbours of a row have a say.
    pub(super) fn n_neighbors(&self) -> usize {
        (3.0 * self.perplexity) as usize
    }

    /// Refuses fewer rows than the perplexity needs.
    pub(super) fn check_rows(&self, n: usize) -> Result<()> {
        if n <= self.n_neighbors() {
            let error = Error::argument("too few rows for the perplexity")
                .with_code("too-few-rows")
                .seen(format!("{n} rows, perplexity {}", self.perplexity));
            // The largest with one decimal that fits: 3 p < n.
            let largest = ((n.saturating_sub(1) as f64 / 3.0 * 10.0).floor() / 10.0).min(n as f64);
            return Err(if largest >= 1.0 {
                error.advice(format!("give at most {largest} (three neighbours of a row for each unit)"))
            } else {
                error.advice("give at least 4 rows: a map needs three neighbours of each")
            });
        }
        Ok(())
    }
}

impl ParamGuard for TsneParams {
    type Checked = TsneValidParams;
    type Error = Error;

    fn check_ref(&self) -> Result<&TsneValidParams> {
        let params = &self.0;
        if !(2..=3).contains(&params.n_components) {
            return Err(Error::argument("a map has two or three dimensions")
                .seen(params.n_components.to_string())
                .advice("ask for 2 or 3"));
        }
        if params.gradient == Gradient::Interpolation && params.n_components != 2 {
            return Err(Error::argument("interpolation is for maps of two dimensions")
                .advice("use barnes-hut for three"));
        }
        if params.engine == Engine::Bhtsne && params.angle <= 0.0 {
            return Err(Error::argument("bhtsne needs an angle above 0").advice("give 0.5"));
        }
        if params.max_iter == 0 {
            return Err(Error::argument("max_iter is 0").advice("give at least 1"));
        }
        for (name, value, least) in [
            ("perplexity", params.perplexity, 1.0),
            ("early_exaggeration", params.early_exaggeration, 1.0),
            ("angle", params.angle, 0.0),
            ("learning_rate", params.learning_rate.unwrap_or(1.0), f64::MIN_POSITIVE),
        ] {
            if !(value.is_finite() && value >= least) {
                return Err(Error::argument(format!("{name} out of range")).seen(value.to_string()).advice(
                    match name {
                        "angle" => "give a number from 0 (exact) to 1 (rough)",
                        "learning_rate" => "give a number above 0, or leave it to the number of rows",
                        _ => "give a number from 1 up",
                    },
                ));
            }
        }
        Ok(params)
    }

    fn check(self) -> Result<TsneValidParams> {
        self.check_ref()?;
        Ok(self.0)
    }
}
