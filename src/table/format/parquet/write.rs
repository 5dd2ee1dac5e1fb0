//! Writing Parquet.

use std::io::Write;

use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::wide::WideWriter;
use crate::error::{Error, Result};
use crate::memory::Budget;
use crate::table::Table;
use crate::table::format::batches::{VectorLayout, batch_rows, batches};

/// Bytes of vectors in one row group.
const ROW_GROUP_BYTES: usize = 64 << 20;

/// Bytes of vectors that are handed to the encoder at once.
const BATCH_BYTES: usize = 4 << 20;

/// Each column takes tens of kB for its dictionary and for zstd, and more for statistics and places of pages: more columns are
/// written without them, and a few at a time.
const FEW_COLUMNS: usize = 1000;

/// Writes a table; the vectors are the last column.
pub(in crate::table) fn write(
    table: &Table,
    layout: VectorLayout,
    memory: Budget,
    out: &mut (impl Write + Send),
) -> Result<()> {
    write_pieces(table, std::iter::once(Ok(table.clone())), (layout, memory), out)
}

/// Writes tables of one schema, that of `first`, one after the other, in row groups of 64 MB or an eighth of the memory.
pub(in crate::table) fn write_pieces(
    first: &Table,
    pieces: impl Iterator<Item = Result<Table>>,
    (layout, memory): (VectorLayout, Budget),
    out: &mut (impl Write + Send),
) -> Result<()> {
    let failed = |error: ParquetError| Error::input("cannot write the Parquet file").source(error);
    let group = memory.given().map_or(u64::MAX, |bytes| bytes / 8);
    let group = ROW_GROUP_BYTES.min(usize::try_from(group).unwrap_or(usize::MAX)).max(BATCH_BYTES);
    let rows = batch_rows(first.dims(), BATCH_BYTES.min(group));
    let (schema, _) = batches(first, layout, rows)?;
    let columns = first.columns().num_columns();
    let is_wide = columns > FEW_COLUMNS;
    let properties = properties(first.vector_column(), batch_rows(first.dims(), group), is_wide);
    let mut writer = if is_wide {
        Writer::Wide(WideWriter::new(out, schema, properties).map_err(failed)?)
    } else {
        Writer::Usual(ArrowWriter::try_new(out, schema, Some(properties)).map_err(failed)?)
    };
    for piece in pieces {
        let piece = piece?;
        let (_, batches) = batches(&piece, layout, rows)?;
        for batch in batches {
            let batch = batch?;
            match &mut writer {
                Writer::Usual(writer) => writer.write(&batch),
                Writer::Wide(writer) => writer.write(batch),
            }
            .map_err(failed)?;
        }
    }
    match writer {
        Writer::Usual(writer) => writer.close().map(drop),
        Writer::Wide(writer) => writer.close(),
    }
    .map_err(failed)
}

enum Writer<W: Write + Send> {
    Usual(ArrowWriter<W>),
    Wide(WideWriter<W>),
}

fn properties(vectors: &str, group_rows: usize, is_wide: bool) -> WriterProperties {
    let compression = if is_wide { Compression::SNAPPY } else { Compression::ZSTD(ZstdLevel::default()) };
    let statistics = if is_wide { EnabledStatistics::None } else { EnabledStatistics::Page };
    let numbers = ColumnPath::new(vec![vectors.to_owned(), "list".into(), "item".into()]);
    WriterProperties::builder()
        .set_compression(compression)
        .set_dictionary_enabled(!is_wide)
        .set_statistics_enabled(statistics)
        .set_offset_index_disabled(is_wide)
        .set_max_row_group_row_count(Some(group_rows))
        .set_column_compression(numbers.clone(), Compression::UNCOMPRESSED)
        .set_column_encoding(numbers.clone(), Encoding::PLAIN)
        .set_column_dictionary_enabled(numbers.clone(), false)
        .set_column_statistics_enabled(numbers, EnabledStatistics::None)
        .build()
}
