//! Splits.

/// Positions of the rows of the two sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Training.
    pub train: Vec<usize>,
    /// Test.
    pub test: Vec<usize>,
}

/// What stands on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// Test rows.
    pub test_rows: Vec<usize>,
}

/// scikit-learn's.
pub fn train_test_split(_rows: usize, _test_size: f64, _seed: u32) -> crate::error::Result<Split> {
    todo!()
}

/// Stratified.
pub fn stratified_split(_labels: &[u32], _test_size: f64, _seed: u32) -> crate::error::Result<Split> {
    todo!()
}

/// Grouped.
pub fn group_split(_groups: &[u32], _test_size: f64, _seed: u32) -> crate::error::Result<Split> {
    todo!()
}

/// Leak.
pub fn leaks(_split: &Split, _texts: &[Option<String>]) -> Leak {
    todo!()
}
