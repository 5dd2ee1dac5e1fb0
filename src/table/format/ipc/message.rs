//! The heads of IPC messages, looked at before a decoder trusts them.
//!
//! The decoder reserves as much memory as a compressed buffer claims to hold, and a claim that no
//! memory can meet ends the process. So every claim is weighed first.

use arrow::error::ArrowError;
use arrow::ipc::{CompressionType, Message, MessageHeader, RecordBatch, root_as_message};

use super::damaged;
use crate::error::{Error, Result};

/// Marks the length of a message, since format version 5 (Arrow 0.15).
pub(super) const CONTINUATION: &[u8] = &[0xff; 4];

/// Bytes that LZ4 can make of one at most.
const LZ4_EXPANSION: u64 = 255;

/// Bytes that zstd can make of one at most: a block of 128 kB that repeats one byte takes four.
const ZSTD_EXPANSION: u64 = 1 << 15;

/// What a message brings.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Weight {
    /// Its rows: 0 for a schema or a dictionary.
    pub(super) rows: usize,
    /// The bytes of its packed buffers when they are unpacked.
    pub(super) unpacked: u64,
}

impl Weight {
    /// With another message: all rows, and the larger of the two.
    pub(super) fn and(self, other: Weight) -> Weight {
        Weight { rows: self.rows.saturating_add(other.rows), unpacked: self.unpacked.max(other.unpacked) }
    }
}

/// What a message brings. `head` is how many bytes of it stand before its body.
///
/// # Errors
/// When the message is damaged or claims what cannot be.
pub(super) fn weight(message: &[u8], head: usize) -> Result<Weight> {
    let (head, body) = message.split_at_checked(head).ok_or_else(|| broken("a head beyond the end"))?;
    let head = head.strip_prefix(CONTINUATION).unwrap_or(head);
    weigh(parse(head.get(4..).unwrap_or_default())?, body)
}

/// What all messages of a stream bring.
///
/// # Errors
/// As [`weight`], and when the stream ends within a message.
pub(super) fn weight_of_stream(stream: &[u8]) -> Result<Weight> {
    let cut_off = || broken("the end of the stream is missing");
    let mut rest = stream;
    let mut all = Weight::default();
    while !rest.is_empty() {
        rest = rest.strip_prefix(CONTINUATION).unwrap_or(rest);
        let (length, after) = rest.split_first_chunk().ok_or_else(cut_off)?;
        let length = u32::from_le_bytes(*length) as usize;
        if length == 0 {
            break;
        }
        let (head, after) = after.split_at_checked(length).ok_or_else(cut_off)?;
        let message = parse(head)?;
        let body = usize::try_from(message.bodyLength()).map_err(|_| broken("a negative length"))?;
        let (body, after) = after.split_at_checked(body).ok_or_else(cut_off)?;
        all = all.and(weigh(message, body)?);
        rest = after;
    }
    Ok(all)
}

fn parse(head: &[u8]) -> Result<Message<'_>> {
    root_as_message(head).map_err(|error| broken(&error.to_string()))
}

fn weigh(message: Message<'_>, body: &[u8]) -> Result<Weight> {
    let (batch, is_dictionary) = match message.header_type() {
        MessageHeader::RecordBatch => (message.header_as_record_batch(), false),
        MessageHeader::DictionaryBatch => {
            (message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data()), true)
        }
        _ => return Ok(Weight::default()),
    };
    let batch = batch.ok_or_else(|| broken("a message without a batch"))?;
    let unpacked = refuse_false_claims(batch, body)?;
    let rows = usize::try_from(batch.length()).map_err(|_| broken("a negative number of rows"))?;
    Ok(Weight { rows: if is_dictionary { 0 } else { rows }, unpacked })
}

/// A compressed buffer begins with the length that it claims to have when unpacked; -1 stands for
/// one that is not packed. The claims together are given back.
fn refuse_false_claims(batch: RecordBatch<'_>, body: &[u8]) -> Result<u64> {
    let Some(compression) = batch.compression() else { return Ok(0) };
    let mut all = 0_u64;
    let expansion =
        if compression.codec() == CompressionType::LZ4_FRAME { LZ4_EXPANSION } else { ZSTD_EXPANSION };
    for buffer in batch.buffers().iter().flatten() {
        if buffer.length() == 0 {
            continue;
        }
        let range = || {
            let start = usize::try_from(buffer.offset()).ok()?;
            body.get(start..start.checked_add(usize::try_from(buffer.length()).ok()?)?)
        };
        let bytes = range().ok_or_else(|| broken("a buffer beyond the end"))?;
        let claim = bytes.first_chunk().ok_or_else(|| broken("a buffer without its length"))?;
        let claim = i64::from_le_bytes(*claim);
        let packed = bytes.len() as u64 - 8;
        match u64::try_from(claim) {
            Ok(claim) if claim > packed.saturating_mul(expansion) => {
                return Err(broken("a buffer that claims to be larger than it can be"));
            }
            Ok(claim) => {
                all = all.saturating_add(claim);
                let numbers = usize::try_from(claim).unwrap_or(usize::MAX);
                Vec::<u8>::new()
                    .try_reserve_exact(numbers)
                    .map_err(|error| Error::memory("a batch does not fit in memory").source(error))?;
            }
            Err(_) if claim == -1 => {}
            Err(_) => return Err(broken("a buffer of negative length")),
        }
    }
    Ok(all)
}

fn broken(what: &str) -> Error {
    damaged(ArrowError::IpcError(what.into()))
}
