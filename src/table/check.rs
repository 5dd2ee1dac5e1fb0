//! What is wrong with a table.
use ndarray::ArrayView2;
use serde::Serialize;

/// Lengths of the rows.
#[derive(Debug, Clone, Serialize)]
pub struct Norms {
    /// Shortest.
    pub min: f64,
    /// Mean.
    pub mean: f64,
    /// Longest.
    pub max: f64,
}

/// One thing to know.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    /// What, in one sentence.
    pub message: String,
}

/// What a look at all rows found.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// Rows.
    pub rows: usize,
    /// Dimensions.
    pub dims: usize,
    /// Lengths.
    pub norm: Norms,
    /// All.
    pub problems: Vec<Problem>,
}

/// Looks at all rows.
pub fn check(_rows: ArrayView2<'_, f32>) -> Check {
    todo!()
}
