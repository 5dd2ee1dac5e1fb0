//! Floating-point numbers as bytes in a file.

use half::{bf16, f16};
use rayon::prelude::*;

/// How a number is stored in the bytes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::table) struct Float {
    pub kind: FloatKind,
    pub big_endian: bool,
}

/// The widths that stored embeddings come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::table) enum FloatKind {
    F16,
    Bf16,
    F32,
    F64,
}

impl Float {
    pub(in crate::table) const F32: Float = Float { kind: FloatKind::F32, big_endian: false };

    /// Little-endian numbers of this kind.
    pub(in crate::table) fn little(kind: FloatKind) -> Float {
        Float { kind, big_endian: false }
    }

    /// Bytes of one number.
    pub(in crate::table) fn size(self) -> usize {
        match self.kind {
            FloatKind::F16 | FloatKind::Bf16 => 2,
            FloatKind::F32 => 4,
            FloatKind::F64 => 8,
        }
    }

    /// Converts as many numbers as `out` holds; `bytes` holds at least as many.
    pub(in crate::table) fn decode(self, bytes: &[u8], out: &mut [f32]) {
        match (self.kind, self.big_endian) {
            (FloatKind::F16, false) => each(bytes, out, |b| f16::from_le_bytes(b).to_f32()),
            (FloatKind::F16, true) => each(bytes, out, |b| f16::from_be_bytes(b).to_f32()),
            (FloatKind::Bf16, false) => each(bytes, out, |b| bf16::from_le_bytes(b).to_f32()),
            (FloatKind::Bf16, true) => each(bytes, out, |b| bf16::from_be_bytes(b).to_f32()),
            (FloatKind::F32, false) => each(bytes, out, f32::from_le_bytes),
            (FloatKind::F32, true) => each(bytes, out, f32::from_be_bytes),
            (FloatKind::F64, false) => each(bytes, out, |b| f64::from_le_bytes(b) as f32),
            (FloatKind::F64, true) => each(bytes, out, |b| f64::from_be_bytes(b) as f32),
        }
    }

    /// [`Float::decode`] on all threads.
    pub(in crate::table) fn decode_parallel(self, bytes: &[u8], out: &mut [f32]) {
        const PIECE: usize = 1 << 18;
        out.par_chunks_mut(PIECE)
            .enumerate()
            .for_each(|(i, out)| self.decode(&bytes[i * PIECE * self.size()..], out));
    }
}

fn each<const N: usize>(bytes: &[u8], out: &mut [f32], convert: impl Fn([u8; N]) -> f32) {
    let (numbers, _) = bytes.as_chunks::<N>();
    for (out, number) in out.iter_mut().zip(numbers) {
        *out = convert(*number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_and_byte_order_gives_the_same_numbers() {
        let numbers = [1.5_f32, -0.25, 0.0, 1024.0];
        let both = |little: Vec<u8>, kind| {
            let width = Float::little(kind).size();
            let big: Vec<u8> =
                little.chunks(width).flat_map(|b| b.iter().rev().copied().collect::<Vec<_>>()).collect();
            for (bytes, big_endian) in [(little, false), (big, true)] {
                let mut out = [9.0; 4];
                Float { kind, big_endian }.decode(&bytes, &mut out);
                assert_eq!(out, numbers, "{kind:?} {big_endian}");
            }
        };
        both(numbers.iter().flat_map(|x| f16::from_f32(*x).to_le_bytes()).collect(), FloatKind::F16);
        both(numbers.iter().flat_map(|x| bf16::from_f32(*x).to_le_bytes()).collect(), FloatKind::Bf16);
        both(numbers.iter().flat_map(|x| x.to_le_bytes()).collect(), FloatKind::F32);
        both(numbers.iter().flat_map(|x| f64::from(*x).to_le_bytes()).collect(), FloatKind::F64);
    }

    #[test]
    fn pieces_join_without_a_seam() {
        let numbers: Vec<f32> = (0..600_000).map(|i| i as f32 * 0.5).collect();
        let bytes: Vec<u8> = numbers.iter().flat_map(|x| f64::from(*x).to_le_bytes()).collect();
        let mut out = vec![0.0; numbers.len()];
        Float::little(FloatKind::F64).decode_parallel(&bytes, &mut out);
        assert_eq!(out, numbers);
    }
}
