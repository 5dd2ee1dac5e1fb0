//! All functions by their names.

use std::sync::Arc;

use datafusion::logical_expr::{AggregateUDF, ScalarUDF};
use datafusion::prelude::SessionContext;

use super::k_means::{KMeansAssign, KMeansStep};
use super::scalar::{Norm, Normalize, OfTwo, Truncate};
use super::sums::Total;

/// The functions of this crate. None has a state: one is what its name says, in a session here and in a scheduler, an executor
/// and a client of a cluster.
#[derive(Debug, Clone)]
pub struct Functions {
    /// `kmeans_assign`, `vector_cosine_similarity`, `vector_inner_product`, `vector_l1_distance`, `vector_l2_distance`,
    /// `vector_linf_distance`, `vector_norm`, `vector_normalize`, `vector_truncate`.
    pub scalars: Vec<Arc<ScalarUDF>>,
    /// `kmeans_step`, `vector_avg`, `vector_sum`.
    pub aggregates: Vec<Arc<AggregateUDF>>,
}

/// The functions of this crate, in the order of their names.
///
/// ```
/// let functions = embedlab::sql::functions();
/// assert_eq!(functions.scalars.len() + functions.aggregates.len(), 12);
/// assert_eq!(functions.aggregates[1].name(), "vector_avg");
/// ```
pub fn functions() -> Functions {
    let mut scalars: Vec<Arc<ScalarUDF>> =
        OfTwo::all().into_iter().map(|function| Arc::new(ScalarUDF::from(function))).collect();
    scalars.push(Arc::new(ScalarUDF::from(KMeansAssign::new())));
    scalars.push(Arc::new(ScalarUDF::from(Norm::new())));
    scalars.push(Arc::new(ScalarUDF::from(Normalize::new())));
    scalars.push(Arc::new(ScalarUDF::from(Truncate::new())));
    scalars.sort_by(|a, b| a.name().cmp(b.name()));
    let aggregates = vec![
        Arc::new(AggregateUDF::from(KMeansStep::new())),
        Arc::new(AggregateUDF::from(Total::mean())),
        Arc::new(AggregateUDF::from(Total::sum())),
    ];
    Functions { scalars, aggregates }
}

/// Gives a session the functions of this crate.
pub fn register(session: &SessionContext) {
    let Functions { scalars, aggregates } = functions();
    scalars.into_iter().for_each(|function| session.register_udf(Arc::unwrap_or_clone(function)));
    aggregates.into_iter().for_each(|function| session.register_udaf(Arc::unwrap_or_clone(function)));
}
