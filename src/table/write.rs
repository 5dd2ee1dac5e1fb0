//! Writing a table.
use super::{Format, Table};
use crate::error::Result;
use std::path::Path;

/// How a vector is laid out in Parquet and Arrow files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VectorLayout {
    /// FixedSizeList<float32 not null>.
    #[default]
    FixedSizeList,
    /// List<float32>, for readers that know no other.
    List,
}

/// What [`write()`] should know beyond the path.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// The format; default: from the name.
    pub format: Option<Format>,
    /// The layout of vectors in Parquet and Arrow files.
    pub layout: VectorLayout,
}

/// Writes a table.
pub fn write(_table: &Table, _path: &Path, _options: &WriteOptions) -> Result<()> {
    todo!()
}
