//! What Lloyd's iterations know of each row: its centroid, and bounds of its distances.

/// Consecutive centroids share a lower bound, so that bounds take at most an eighth of the memory
/// of the rows, or as many bytes as are allowed.
pub(super) struct Groups {
    pub count: usize,
    pub of: Vec<usize>,
}

impl Groups {
    pub fn new(k: usize, dims: usize, rows: usize, bytes: Option<u64>) -> Self {
        let allowed = bytes.map_or(u64::MAX, |bytes| bytes / (4 * rows.max(1) as u64));
        let most = (dims / 8).min(usize::try_from(allowed).unwrap_or(usize::MAX));
        let count = k.min(most.max(1));
        Groups { count, of: (0..k).map(|c| c * count / k).collect() }
    }
}

/// What is known of the rows of one block.
pub(super) struct Block {
    pub labels: Vec<u32>,
    pub upper: Vec<f32>,
    /// Group by group.
    pub lower: Vec<f32>,
}

/// The label of a row that has none yet, or can have none.
pub(super) const NONE: u32 = u32::MAX;

impl Block {
    /// Of so many rows, of which nothing is known.
    pub fn new(rows: usize, groups: usize) -> Self {
        Block { labels: vec![NONE; rows], upper: vec![f32::INFINITY; rows], lower: vec![0.0; rows * groups] }
    }
}
