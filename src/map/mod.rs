//! Maps: rows laid out in two or three dimensions, and how far to trust what one sees there.
//!
//! t-SNE is cut where its mathematics is cut: the nearest neighbours
//! ([`NeighborGraph`]), affinities by perplexity (`affinities`), a start (`start`), the gradient
//! (`attraction`, and repulsion by `exact`, `barnes_hut` or `interpolation`), the optimiser
//! (`optimizer`). [`Tsne`] puts them together.
//!
//! [`lay_out`] makes a [`RowMap`] by t-SNE or principal components: points, how they were made, how far to
//! trust them. A [`SavedMap`] is one in a file, on which new rows can be placed.
//!
//! ```
//! use embedlab::map::{Tsne, trust};
//! use embedlab::table;
//! let rows: Vec<usize> = (0..60).collect();
//! let reviews = table::read("examples/data/food_reviews.parquet".as_ref(), &Default::default())?.take(&rows)?;
//! let map = Tsne::params().perplexity(10.0).seed(42).fit_rows(reviews.vectors())?;
//! let trust = trust(reviews.vectors(), map.points.view(), 42)?;
//! assert!(trust.neighbors_kept > 2.0 * trust.kept_by_chance);
//! # Ok::<(), embedlab::Error>(())
//! ```

mod affinities;
mod attraction;
mod barnes_hut;
mod bhtsne;
mod divergence;
mod exact;
mod interpolation;
mod kept;
mod kernel;
mod layout;
mod neighbors;
mod optimizer;
mod options;
mod params;
#[cfg(feature = "charts")]
mod picture;
mod place;
mod saved;
mod start;
mod trust;
mod tsne;

pub use divergence::{Divergence, map_divergence};
pub use kept::{NeighborsKept, neighbors_kept};
pub use layout::{MOST_ROWS_WITH_PCA_DIVERGENCE, OlderMap, Placement, RowMap, TsneRun, lay_out};
pub use neighbors::NeighborGraph;
pub use optimizer::Progress;
pub use options::{MapMethod, MapOptions};
pub use params::{Engine, Gradient, Init, TsneParams, TsneValidParams, fitting_perplexity};

pub use place::{PlaceParams, PlaceValidParams, placed_neighbors_kept};
pub use saved::{MapRecipe, SavedMap};
pub use trust::{StandardErrors, Trust, trust};
pub use tsne::{Steps, Tsne, TsneSettings};
