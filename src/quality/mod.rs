//! How good embeddings are, and what is wrong in a file.
//!
//! Every number here comes from one pass over the rows ([`geometry()`]) or from one exact graph of nearest rows
//! ([`Graph`]). A kernel takes rows or a graph and options, and gives a plain result.

mod diversity;
mod drift;
mod duplicates;
mod findings;
mod geometry;
mod hubness;
mod intrinsic;
mod isolation;
mod label_errors;
mod leave_out;
mod near_blocks;
mod normal;
mod order;
mod outliers;
mod pair_products;
mod pairs;
mod products;
mod queries;
mod sampled;
mod similarity;
mod spectrum;
mod tiles;
mod uniformity;

pub use diversity::{Bin, Diversity, GroupDiversity, diversity, diversity_of_groups};
pub use drift::{Mmd, mmd, regions};
pub use duplicates::{
    DuplicateOptions, Duplicates, Keep, Known, KnownBy, NEAR_DUPLICATE_COSINE, NEAR_DUPLICATE_NEIGHBORS,
    NEAR_DUPLICATE_SHARE, NearRule, equal_texts, find_duplicates, known_from, near_groups, relative_pairs,
    removed_of,
};
pub use findings::{Basis, Finding, Level, Thresholds};
pub(crate) use geometry::{CentredDirections, geometry_within};
pub use geometry::{Geometry, GeometryOptions, NormSummary, PowerLaw, geometry, rows_are_unit};
pub use hubness::{HUBNESS_NEIGHBORS, Hub, Hubness, hubness, occurrences, skewness};
pub(crate) use hubness::{Shares, of_counts as shares_of_counts};
pub use intrinsic::{Gride, INTRINSIC_NEIGHBORS, IntrinsicDimension, intrinsic_dimension};
pub(crate) use intrinsic::{mle, twonn};
pub use isolation::{IsolationForestOptions, isolation_forest};
pub use label_errors::{LabelError, LabelErrors, VALUE_NEIGHBORS, knn_shapley, label_errors};
pub(crate) use leave_out::geometry_without;
pub use near_blocks::{find_duplicates_in_blocks, near_block_rows};
pub(crate) use normal::share_interval;
pub use order::{RowOrder, row_order, row_order_of_sample};
pub use outliers::{
    LOF_THRESHOLD, OUTLIER_NEIGHBORS, OUTLIER_THRESHOLD, OutlierMethod, Outliers, knn_outliers,
    local_outlier_factor,
};
pub use pairs::{Pair, near_pairs, pairs_of_graph, similarity_groups};
pub(crate) use products::Products;
pub use queries::{Outside, nearest_rows, outside};
pub use sampled::{
    SampledDimension, SampledHubness, hubness_of_sample, intrinsic_dimension_of_sample, standard_error,
};
pub use similarity::pair_cosines;
pub(crate) use similarity::pair_cosines_within;
pub(crate) use uniformity::{ALL_PAIRS, PAIRS};
pub use uniformity::{Uniformity, alignment};

pub use crate::rows::{Components, DistinctRows, Graph, MOST_NEIGHBORS, SampleGraph};
