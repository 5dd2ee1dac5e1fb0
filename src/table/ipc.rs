//! FORMAT.
use super::{ReadOptions, Table};
use crate::error::Result;
use arrow::record_batch::RecordBatch;
use std::path::Path;

pub(super) fn read(_path: &Path, _options: &ReadOptions) -> Result<Table> {
    todo!()
}

pub(super) fn read_columns(_path: &Path) -> Result<RecordBatch> {
    todo!()
}
