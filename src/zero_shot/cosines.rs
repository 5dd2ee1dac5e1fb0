//! The cosines of rows with prompts: of one row, and as a pass that other machines can run.

use ndarray::{Array2, ArrayView2};

use crate::error::Result;
use crate::rows::packed::{Packer, Unpacker, damaged};
use crate::rows::simd::dot_f64;
use crate::rows::{Fold, Portable, RowBlock};

/// Prompts (p x d) with their squared lengths.
pub(crate) struct Cosines {
    prompts: Array2<f32>,
    squares: Vec<f64>,
}

impl Cosines {
    pub const NAME: &'static str = "zero-shot.cosines";

    pub fn new(prompts: ArrayView2<'_, f32>) -> Cosines {
        let prompts = prompts.as_standard_layout().into_owned();
        let squares = prompts.rows().into_iter().map(|prompt| square(prompt.to_slice().unwrap_or_default()));
        Cosines { squares: squares.collect(), prompts }
    }

    /// The fold of these [`params`](Portable::params).
    pub fn of(params: &[u8]) -> Result<Cosines> {
        let mut series = Unpacker::new(params);
        let shape = series.next_of::<u64>(2)?;
        let prompts = Array2::from_shape_vec((shape[0] as usize, shape[1] as usize), series.next()?);
        let prompts = prompts.map_err(|_| damaged())?;
        series.end().map(|()| Cosines::new(prompts.view()))
    }

    /// How many prompts there are.
    pub fn len(&self) -> usize {
        self.squares.len()
    }

    /// Whether the numbers of a row are finite, and its cosines with the prompts: NaN for a row of zeros.
    pub fn of_row<'a>(&'a self, row: &'a [f32]) -> (bool, impl Iterator<Item = f64> + 'a) {
        let length = square(row);
        let cosines =
            self.prompts.rows().into_iter().zip(&self.squares).map(move |(prompt, prompt_square)| {
                let lengths = (length * prompt_square).sqrt();
                let prompt = prompt.to_slice().unwrap_or_default();
                if lengths > 0.0 { dot_f64(row, prompt) / lengths } else { f64::NAN }
            });
        (length.is_finite(), cosines)
    }
}

fn square(vector: &[f32]) -> f64 {
    dot_f64(vector, vector)
}

/// The cosines of the rows seen so far, row after row.
#[derive(Default)]
pub(crate) struct CosinesPart {
    pub cosines: Vec<f64>,
    /// The first row of numbers that are not finite.
    pub not_finite: Option<usize>,
    seen: usize,
}

impl Fold for Cosines {
    type Part = CosinesPart;

    fn start(&self) -> CosinesPart {
        CosinesPart::default()
    }

    fn add(&self, part: &mut CosinesPart, block: RowBlock<'_>) {
        for (i, row) in block.rows.rows().into_iter().enumerate() {
            let (finite, cosines) = self.of_row(row.to_slice().unwrap_or_default());
            part.cosines.extend(cosines);
            part.seen += 1;
            if !finite {
                part.not_finite.get_or_insert(block.first + i);
            }
        }
    }

    fn merge(&self, into: &mut CosinesPart, from: CosinesPart) {
        into.cosines.extend(from.cosines);
        into.not_finite = into.not_finite.or(from.not_finite);
        into.seen += from.seen;
    }

    fn portable(&self) -> Option<&dyn Portable<Part = CosinesPart>> {
        Some(self)
    }
}

impl Portable for Cosines {
    type Part = CosinesPart;

    fn name(&self) -> String {
        Self::NAME.into()
    }

    fn params(&self) -> Vec<u8> {
        let (p, dims) = self.prompts.dim();
        Packer::default()
            .add(&[p as u64, dims as u64])
            .add(self.prompts.as_slice().unwrap_or_default())
            .bytes()
    }

    fn dims(&self) -> Option<usize> {
        Some(self.prompts.ncols())
    }

    fn merged(&self) -> bool {
        false
    }

    fn rows(&self, part: &CosinesPart) -> usize {
        part.seen
    }

    fn pack(&self, part: CosinesPart) -> Vec<u8> {
        let not_finite: Vec<u64> = part.not_finite.iter().map(|row| *row as u64).collect();
        Packer::default().add(&[part.seen as u64]).add(&part.cosines).add(&not_finite).bytes()
    }

    fn unpack(&self, bytes: &[u8]) -> Result<CosinesPart> {
        let mut series = Unpacker::new(bytes);
        let seen = series.one::<u64>()? as usize;
        let part = CosinesPart {
            cosines: series.next_of(seen.saturating_mul(self.len()))?,
            not_finite: series.next::<u64>()?.first().map(|row| *row as usize),
            seen,
        };
        series.end().map(|()| part)
    }
}
