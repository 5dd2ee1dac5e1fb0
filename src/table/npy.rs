//! FORMAT.
use super::{ReadOptions, Table};
use crate::error::Result;
use std::path::Path;

pub(super) fn read(_path: &Path, _options: &ReadOptions) -> Result<Table> {
    todo!()
}
