//! The rows as k-means sees them: scaled to length 1 or not, with their squared lengths.

use crate::error::{Error, Result};
use crate::rows::simd::{dot_f64, squared_distance_f64};
use crate::rows::{BLOCK_ROWS, Fold, RowBlock, RowSource, fold_rows};

use super::Geometry;

/// What a pass needs to know of the rows, besides the rows.
pub(super) struct Points {
    pub geometry: Geometry,
    pub dims: usize,
    /// What each row is multiplied by; empty stands for 1.
    scales: Vec<f32>,
    /// The squared length of each row after scaling.
    squares: Vec<f32>,
    /// The sum of the squared lengths.
    pub sum_of_squares: f64,
    /// How many rows have no direction where one is needed.
    zeros: usize,
    /// The greatest length.
    pub longest: f32,
}

impl Points {
    /// Measures all rows; refuses rows that k-means cannot place.
    pub fn measure(source: &(impl RowSource + ?Sized), geometry: Geometry) -> Result<Points> {
        let squares = fold_rows(source, &Squares)?;
        if let Some(row) = squares.iter().position(|square| !square.is_finite()) {
            return Err(Error::input("a vector with NaN or infinite numbers")
                .with_code("not-finite")
                .row(row)
                .advice("remove the row"));
        }
        if geometry == Geometry::Euclidean {
            let longest = squares.iter().copied().fold(0.0, f64::max).sqrt() as f32;
            return Ok(Points {
                geometry,
                dims: source.dims(),
                scales: Vec::new(),
                sum_of_squares: squares.iter().sum(),
                squares: squares.into_iter().map(|square| square as f32).collect(),
                zeros: 0,
                longest,
            });
        }
        let zeros = squares.iter().filter(|square| **square == 0.0).count();
        // A row of zeros has no direction: it stays without a cluster.
        let scale = |square: &f64| if *square > 0.0 { (1.0 / square.sqrt()) as f32 } else { 0.0 };
        Ok(Points {
            geometry,
            dims: source.dims(),
            sum_of_squares: (squares.len() - zeros) as f64,
            scales: squares.iter().map(scale).collect(),
            squares: vec![1.0; squares.len()],
            zeros,
            longest: 1.0,
        })
    }

    /// How many rows can be given a cluster.
    pub fn n_placed(&self) -> usize {
        self.len() - self.zeros
    }

    /// Whether a row can be given a cluster.
    pub fn is_placed(&self, row: usize) -> bool {
        self.zeros == 0 || self.scales[row] != 0.0
    }

    pub fn len(&self) -> usize {
        self.squares.len()
    }

    /// How many blocks a pass hands out.
    pub fn n_blocks(&self) -> usize {
        self.len().div_ceil(BLOCK_ROWS)
    }

    /// How many rows a block has.
    pub fn rows_in_block(&self, block: usize) -> usize {
        BLOCK_ROWS.min(self.len() - block * BLOCK_ROWS)
    }

    pub fn scale(&self, row: usize) -> f32 {
        self.scales.get(row).copied().unwrap_or(1.0)
    }

    /// The squared distance of a row from a centroid, from their dot product.
    pub fn squared_distance(&self, row: usize, dot: f32, centroid_square: f32) -> f32 {
        (self.squares[row] + centroid_square - 2.0 * self.scale(row) * dot).max(0.0)
    }

    /// The squared length of a row after scaling.
    pub fn square(&self, row: usize) -> f32 {
        self.squares[row]
    }

    /// How far [`Points::squared_distance`] may be off for centroids of at most this length: the
    /// rounding of an `f32` product over all dimensions.
    pub fn rounding(&self, centroid_length: f32) -> f32 {
        let length = self.longest + centroid_length;
        f32::EPSILON * (8.0 + 2.0 * (self.dims as f32).sqrt()) * length * length
    }

    /// The squared distance of two rows, exactly 0 for equal ones.
    pub fn squared_distance_of_rows(&self, (i, a): (usize, &[f32]), (j, b): (usize, &[f32])) -> f32 {
        if self.geometry == Geometry::Euclidean {
            return squared_distance_f64(a, b) as f32;
        }
        let cosine = dot_f64(a, b) / (dot_f64(a, a) * dot_f64(b, b)).sqrt();
        let square = 2.0 - 2.0 * cosine;
        if i == j || square < 1e-12 { 0.0 } else { square as f32 }
    }
}

struct Squares;

impl Fold for Squares {
    type Part = Vec<f64>;

    fn start(&self) -> Vec<f64> {
        Vec::new()
    }

    fn add(&self, part: &mut Vec<f64>, block: RowBlock<'_>) {
        part.extend(
            block.rows.rows().into_iter().map(|row| row.as_slice().map_or(f64::NAN, |row| dot_f64(row, row))),
        );
    }

    fn merge(&self, into: &mut Vec<f64>, from: Vec<f64>) {
        into.extend(from);
    }
}
