//! Writing Arrow IPC files.

use std::io::Write;

use arrow::error::ArrowError;
use arrow::ipc::writer::FileWriter;

use crate::error::{Error, Result};
use crate::table::Table;
use crate::table::format::batches::{VectorLayout, batch_rows, batches};

/// Bytes of vectors in one batch of a file.
const BATCH_BYTES: usize = 16 << 20;

/// Writes an Arrow IPC file without compression, so that it can be mapped.
pub(in crate::table) fn write(table: &Table, layout: VectorLayout, out: &mut impl Write) -> Result<()> {
    let failed = |error: ArrowError| Error::input("cannot write the Arrow file").source(error);
    let (schema, batches) = batches(table, layout, batch_rows(table.dims(), BATCH_BYTES))?;
    let mut writer = FileWriter::try_new(out, &schema).map_err(failed)?;
    for batch in batches {
        writer.write(&batch?).map_err(failed)?;
    }
    writer.finish().map_err(failed)
}
