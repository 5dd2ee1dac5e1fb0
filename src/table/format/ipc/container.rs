//! The two containers of Arrow IPC, file and stream, read from a mapping without copying.

use std::path::Path;
use std::sync::Arc;

use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::{FileDecoder, StreamDecoder, read_footer_length};
use arrow::ipc::{Block, root_as_footer};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use memmap2::Mmap;

use super::damaged;
use super::message::{self, CONTINUATION, Weight};
use crate::error::{Error, Result, excerpt};
use crate::table::mapped;

const FILE_MAGIC: &[u8] = b"ARROW1";

/// An open IPC file.
pub(in crate::table) struct Container {
    map: Arc<Mmap>,
    kind: Kind,
}

/// The two kinds of it.
enum Kind {
    /// With a footer that tells where the batches are.
    File(IpcFile),
    /// Batches one after another, to the end.
    Stream(Stream),
}

/// A mapping that buffers share.
struct Shared(Arc<Mmap>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Container {
    /// Maps a file and reads its schema.
    ///
    /// # Errors
    /// When it is neither, or its footer is damaged.
    pub(in crate::table) fn open(path: &Path) -> Result<Container> {
        let map = Arc::new(mapped::map(path)?);
        let buffer = Buffer::from(Bytes::from_owner(Shared(map.clone())));
        if buffer.starts_with(FILE_MAGIC) {
            return Ok(Container { map, kind: Kind::File(IpcFile::new(buffer)?) });
        }
        // A stream begins with the length of its schema message; before version 5 it had no mark.
        if buffer.starts_with(CONTINUATION) || buffer.get(2..4) == Some(&[0, 0]) {
            return Ok(Container { map, kind: Kind::Stream(Stream::new(buffer)?) });
        }
        Err(Error::input("not an Arrow IPC file or stream")
            .with_code("file-damaged")
            .seen(excerpt(&String::from_utf8_lossy(&buffer[..buffer.len().min(6)])))
            .advice("a file begins with ARROW1: check how it was written (Feather version 1 is not read)"))
    }

    pub(in crate::table) fn schema(&self) -> &SchemaRef {
        match &self.kind {
            Kind::File(file) => &file.schema,
            Kind::Stream(stream) => &stream.schema,
        }
    }

    /// How many rows all batches have together.
    pub(in crate::table) fn rows(&self) -> usize {
        self.weight().rows
    }

    /// The bytes of the largest packed batch when it is unpacked.
    pub(in crate::table) fn unpacked(&self) -> u64 {
        self.weight().unpacked
    }

    fn weight(&self) -> Weight {
        match &self.kind {
            Kind::File(file) => file.weight,
            Kind::Stream(stream) => stream.weight,
        }
    }

    /// Lets go of the memory in which what was read of the file is held.
    pub(in crate::table) fn forget(&self) {
        mapped::forget(&self.map, 0..self.map.len());
    }

    /// All batches in order.
    pub(in crate::table) fn batches(&self) -> Box<dyn Iterator<Item = Result<RecordBatch>> + '_> {
        match &self.kind {
            Kind::File(file) => Box::new((0..file.blocks.len()).map(|i| file.batch(i))),
            Kind::Stream(stream) => Box::new(stream.batches()),
        }
    }
}

/// An IPC file: its batches can be taken in any order.
struct IpcFile {
    buffer: Buffer,
    decoder: FileDecoder,
    blocks: Vec<Block>,
    schema: SchemaRef,
    weight: Weight,
}

impl IpcFile {
    fn new(buffer: Buffer) -> Result<IpcFile> {
        let short = || damaged(ArrowError::IpcError("the footer is missing".into()));
        let trailer_start = buffer.len().checked_sub(10).ok_or_else(short)?;
        let trailer = buffer[trailer_start..].first_chunk::<10>().ok_or_else(short)?;
        let footer_length = read_footer_length(*trailer).map_err(damaged)?;
        let footer_start = trailer_start.checked_sub(footer_length).ok_or_else(short)?;
        let footer = root_as_footer(&buffer[footer_start..trailer_start])
            .map_err(|error| damaged(ArrowError::IpcError(error.to_string())))?;
        let schema = footer.schema().ok_or_else(short)?;
        if !schema.endianness().equals_to_target_endianness() {
            return Err(Error::input("written with the opposite byte order")
                .advice("convert it to Parquet where it was written"));
        }
        let schema: SchemaRef = fb_to_schema(schema).into();
        let mut decoder = FileDecoder::new(schema.clone(), footer.version());
        for block in footer.dictionaries().iter().flatten() {
            let message = slice(&buffer, block)?;
            message::weight(&message, block.metaDataLength() as usize)?;
            decoder.read_dictionary(block, &message).map_err(damaged)?;
        }
        let blocks: Vec<Block> = footer.recordBatches().iter().flatten().copied().collect();
        let weight = blocks.iter().try_fold(Weight::default(), |all, block| {
            let more = message::weight(&slice(&buffer, block)?, block.metaDataLength() as usize)?;
            Ok::<_, Error>(all.and(more))
        })?;
        Ok(IpcFile { buffer, decoder, blocks, schema, weight })
    }

    fn batch(&self, number: usize) -> Result<RecordBatch> {
        let block = &self.blocks[number];
        let batch = self.decoder.read_record_batch(block, &slice(&self.buffer, block)?).map_err(damaged)?;
        batch.ok_or_else(|| damaged(ArrowError::IpcError("an empty message".into())))
    }
}

fn slice(buffer: &Buffer, block: &Block) -> Result<Buffer> {
    let range = || {
        let start = usize::try_from(block.offset()).ok()?;
        let head = usize::try_from(block.metaDataLength()).ok()?;
        let length = head.checked_add(usize::try_from(block.bodyLength()).ok()?)?;
        (start.checked_add(length)? <= buffer.len()).then_some((start, length))
    };
    let (start, length) =
        range().ok_or_else(|| damaged(ArrowError::IpcError("a batch beyond the end".into())))?;
    Ok(buffer.slice_with_length(start, length))
}

/// An IPC stream.
struct Stream {
    buffer: Buffer,
    schema: SchemaRef,
    weight: Weight,
}

impl Stream {
    fn new(buffer: Buffer) -> Result<Stream> {
        let weight = message::weight_of_stream(&buffer)?;
        // The decoder goes on to the first batch before it returns; the schema is known by then.
        let mut decoder = StreamDecoder::new();
        let mut rest = buffer.clone();
        decoder.decode(&mut rest).map_err(damaged)?;
        let schema =
            decoder.schema().ok_or_else(|| damaged(ArrowError::IpcError("the schema is missing".into())))?;
        Ok(Stream { buffer, schema, weight })
    }

    fn batches(&self) -> impl Iterator<Item = Result<RecordBatch>> + use<> {
        let mut decoder = StreamDecoder::new();
        let mut rest = self.buffer.clone();
        let mut ended = false;
        std::iter::from_fn(move || {
            if ended {
                return None;
            }
            let next = decoder.decode(&mut rest).map_err(damaged).transpose();
            ended = !matches!(next, Some(Ok(_)));
            match next {
                Some(batch) => Some(batch),
                None => decoder.finish().err().map(|error| Err(damaged(error))),
            }
        })
    }
}
