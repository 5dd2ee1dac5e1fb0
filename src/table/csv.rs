//! Comma- and tab-separated text.
use super::{Format, ReadOptions, Table};
use crate::error::Result;
use arrow::record_batch::RecordBatch;
use std::path::Path;

pub(super) fn read(_path: &Path, _format: Format, _options: &ReadOptions) -> Result<Table> {
    todo!()
}

pub(super) fn read_columns(_path: &Path, _format: Format, _options: &ReadOptions) -> Result<RecordBatch> {
    todo!()
}
