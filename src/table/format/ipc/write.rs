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
    write_pieces(table, std::iter::once(Ok(table.clone())), layout, out)
}

/// Writes tables of one schema, that of `first`, one after the other.
pub(in crate::table) fn write_pieces(
    first: &Table,
    pieces: impl Iterator<Item = Result<Table>>,
    layout: VectorLayout,
    out: &mut impl Write,
) -> Result<()> {
    let failed = |error: ArrowError| Error::input("cannot write the Arrow file").source(error);
    let rows = batch_rows(first.dims(), BATCH_BYTES);
    let (schema, _) = batches(first, layout, rows)?;
    let mut writer = FileWriter::try_new(out, &schema).map_err(failed)?;
    for piece in pieces {
        let piece = piece?;
        for batch in batches(&piece, layout, rows)?.1 {
            writer.write(&batch?).map_err(failed)?;
        }
    }
    writer.finish().map_err(failed)
}
