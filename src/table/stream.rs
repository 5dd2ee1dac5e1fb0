//! Files that are passed over in blocks without being loaded.
use super::ReadOptions;
use crate::error::Result;
use crate::rows::RowSource;
use std::path::Path;

/// Opens a file as a source of rows.
pub fn stream(_path: &Path, _options: &ReadOptions) -> Result<Box<dyn RowSource>> {
    todo!()
}
