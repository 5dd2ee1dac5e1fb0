//! Rows in fewer bits, as a search sees them.

use ndarray::{Array1, Array2, ArrayView2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::half::rounded;
use super::quantized::{Ranges, uint8_codes};
use super::rabitq::{FACTOR_BYTES, RaBitQ};
use crate::error::Result;

/// How the numbers of a row are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// Four bytes a number.
    F32,
    /// Two bytes.
    F16,
    /// One byte between the least and the largest number of the dimension; searched by what the codes stand for.
    Int8,
    /// The same codes, searched as they are, as sentence-transformers does.
    Int8Raw,
    /// RaBitQ with four bits a number.
    Rabitq4,
    /// RaBitQ with two bits.
    Rabitq2,
    /// RaBitQ with one bit.
    Rabitq1,
    /// The sign of each number, searched by the Hamming distance.
    Binary,
}

impl Precision {
    /// The name in options and results.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::F16 => "f16",
            Precision::Int8 => "int8",
            Precision::Int8Raw => "int8-raw",
            Precision::Rabitq4 => "rabitq4",
            Precision::Rabitq2 => "rabitq2",
            Precision::Rabitq1 => "rabitq1",
            Precision::Binary => "binary",
        }
    }

    /// Bytes of a row of `dims` numbers; what is kept once for all rows is not counted.
    pub fn bytes(self, dims: usize) -> usize {
        match self {
            Precision::F32 => 4 * dims,
            Precision::F16 => 2 * dims,
            Precision::Int8 | Precision::Int8Raw => dims,
            Precision::Rabitq4 => dims.div_ceil(2) + FACTOR_BYTES,
            Precision::Rabitq2 => dims.div_ceil(4) + FACTOR_BYTES,
            Precision::Rabitq1 => dims.div_ceil(8) + FACTOR_BYTES,
            Precision::Binary => dims.div_ceil(8),
        }
    }

    fn rabitq_bits(self) -> Option<u32> {
        match self {
            Precision::Rabitq4 => Some(4),
            Precision::Rabitq2 => Some(2),
            Precision::Rabitq1 => Some(1),
            _ => None,
        }
    }
}

/// How rows and queries of one setting are coded. Inner products of what [`Codes::rows`] and [`Codes::queries`] give rank
/// the rows as a search over the codes does.
#[derive(Debug, Clone)]
pub struct Codes {
    precision: Precision,
    ranges: Ranges,
    rabitq: Option<RaBitQ>,
}

impl Codes {
    /// Codes for rows (n x m) with these ranges and this mean.
    pub fn new(precision: Precision, ranges: &Ranges, mean: &Array1<f32>, seed: u64) -> Codes {
        let rabitq = precision.rabitq_bits().map(|bits| RaBitQ::new(mean.clone(), bits, seed));
        Codes { precision, ranges: ranges.clone(), rabitq }
    }

    /// How the numbers are kept.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// What rows are searched by.
    ///
    /// # Errors
    /// When the dimensions differ.
    pub fn rows(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        Ok(match (self.precision, &self.rabitq) {
            (Precision::F16, _) => rows.mapv(rounded),
            (Precision::Int8, _) => self.dequantized(rows)?,
            (Precision::Int8Raw, _) => uint8_codes(rows, &self.ranges)?.mapv(|code| f32::from(code) - 128.0),
            (Precision::Binary, _) => rows.mapv(|x| if x > 0.0 { 1.0 } else { -1.0 }),
            (_, Some(rabitq)) => {
                let mut out = Array2::zeros(rows.raw_dim());
                for (row, mut out) in rows.rows().into_iter().zip(out.rows_mut()) {
                    if let Some(out) = out.as_slice_mut() {
                        rabitq.decode(row, out);
                    }
                }
                out
            }
            (_, None) => rows.to_owned(),
        })
    }

    /// What queries ask by.
    ///
    /// # Errors
    /// When the dimensions differ.
    pub fn queries(&self, queries: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        match (self.precision, &self.rabitq) {
            (Precision::Int8Raw | Precision::Binary, _) => self.rows(queries),
            (_, Some(rabitq)) => {
                let mut out = queries.as_standard_layout().into_owned();
                out.rows_mut()
                    .into_iter()
                    .filter_map(ndarray::ArrayBase::into_slice)
                    .for_each(|row| rabitq.turn(row));
                Ok(out)
            }
            _ => Ok(queries.to_owned()),
        }
    }

    /// What queries as they are score found rows by a second time, where that is not what they were searched by: the
    /// numbers that int8 codes stand for, the bits as 0 and 1 (sentence-transformers' rule). `None` for other codes.
    ///
    /// # Errors
    /// When the dimensions differ.
    pub fn rescored(&self, rows: ArrayView2<'_, f32>) -> Result<Option<Array2<f32>>> {
        Ok(match self.precision {
            Precision::Int8Raw => Some(self.dequantized(rows)?),
            Precision::Binary => Some(rows.mapv(|x| f32::from(u8::from(x > 0.0)))),
            _ => None,
        })
    }

    fn dequantized(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        let codes = uint8_codes(rows, &self.ranges)?.mapv(f32::from);
        Ok(codes * self.ranges.steps() + &self.ranges.min)
    }
}
