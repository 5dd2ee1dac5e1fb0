//! Numbers as bytes, to be sent to another machine and back: each series with its length before it, little-endian.

use bytemuck::Pod;

use crate::error::{Error, Result};

/// Series of numbers, one after the other, as bytes.
#[derive(Debug, Default)]
pub(crate) struct Packer(Vec<u8>);

impl Packer {
    /// Adds a series.
    pub fn add<T: Pod>(mut self, numbers: &[T]) -> Packer {
        self.0.extend((numbers.len() as u64).to_le_bytes());
        self.0.extend_from_slice(bytemuck::cast_slice(numbers));
        self
    }

    /// The bytes.
    pub fn bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Reads what a [`Packer`] wrote, in the same order.
pub(crate) struct Unpacker<'a>(&'a [u8]);

impl<'a> Unpacker<'a> {
    pub fn new(bytes: &'a [u8]) -> Unpacker<'a> {
        Unpacker(bytes)
    }

    /// The next series.
    ///
    /// # Errors
    /// When the bytes end within it.
    pub fn next<T: Pod>(&mut self) -> Result<Vec<T>> {
        let (length, rest) = self.0.split_first_chunk::<8>().ok_or_else(damaged)?;
        let bytes = usize::try_from(u64::from_le_bytes(*length))
            .ok()
            .and_then(|length| length.checked_mul(size_of::<T>()))
            .ok_or_else(damaged)?;
        let (series, rest) = rest.split_at_checked(bytes).ok_or_else(damaged)?;
        self.0 = rest;
        // The bytes stand at any address, which numbers may not.
        let mut numbers = vec![T::zeroed(); series.len() / size_of::<T>().max(1)];
        bytemuck::cast_slice_mut(&mut numbers).copy_from_slice(series);
        Ok(numbers)
    }

    /// The next series, of this length.
    ///
    /// # Errors
    /// When it has another.
    pub fn next_of<T: Pod>(&mut self, length: usize) -> Result<Vec<T>> {
        let series = self.next()?;
        if series.len() == length { Ok(series) } else { Err(damaged()) }
    }

    /// The next series, which is one number.
    ///
    /// # Errors
    /// When it is not.
    pub fn one<T: Pod>(&mut self) -> Result<T> {
        self.next()?.first().copied().ok_or_else(damaged)
    }

    /// Checks that nothing follows.
    ///
    /// # Errors
    /// When something does.
    pub fn end(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(damaged()) }
    }
}

/// What came from another machine is not what it should be.
pub(crate) fn damaged() -> Error {
    Error::input("an answer of another machine that is cut off or of another version")
        .with_code("answer-damaged")
        .advice("run the same version of embedlab on all machines")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked_and_what_is_cut_off_is_refused() {
        let bytes = Packer::default().add(&[1.5_f32, -2.0]).add(&[7_u64]).add::<f64>(&[]).bytes();
        let mut series = Unpacker::new(&bytes);
        assert_eq!(series.next::<f32>().unwrap(), [1.5, -2.0]);
        assert_eq!(series.one::<u64>().unwrap(), 7);
        assert!(series.next_of::<f64>(0).unwrap().is_empty());
        series.end().unwrap();
        for end in 0..bytes.len() {
            let mut series = Unpacker::new(&bytes[..end]);
            let all =
                series.next::<f32>().and_then(|_| series.one::<u64>()).and_then(|_| series.next::<f64>());
            assert_eq!(all.unwrap_err().code(), "answer-damaged");
        }
        let huge = u64::MAX.to_le_bytes();
        assert!(Unpacker::new(&huge).next::<f32>().is_err());
    }
}
