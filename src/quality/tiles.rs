//! The products of all pairs of columns, or of rows, in tiles of a matrix.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use ndarray::ArrayView2;
use rayon::prelude::*;

/// Columns (or rows) of one tile of the matrix.
const TILE: usize = 256;

/// The lower half of a symmetric matrix, in tiles.
pub(super) struct Tiles {
    size: usize,
    tiles: Vec<Tile>,
}

/// Which tile, and its numbers, column after column.
struct Tile {
    at: (usize, usize),
    values: Vec<f64>,
}

impl Tiles {
    pub fn zeros(size: usize) -> Tiles {
        let tiles = (0..size.div_ceil(TILE)).flat_map(|i| (0..=i).map(move |j| (i, j)));
        let tile = |at: (usize, usize)| Tile { at, values: vec![0.0; width(at.0, size) * width(at.1, size)] };
        Tiles { size, tiles: tiles.map(tile).collect() }
    }

    /// How many numbers the tiles of a matrix hold.
    pub fn count(size: usize) -> usize {
        let of_row = |i: usize| width(i, size).saturating_mul(size.min((i + 1) * TILE));
        (0..size.div_ceil(TILE)).map(of_row).fold(0, usize::saturating_add)
    }

    /// Every number, tile after tile.
    pub fn values(&self) -> impl Iterator<Item = &f64> {
        self.tiles.iter().flat_map(|tile| &tile.values)
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut f64> {
        self.tiles.iter_mut().flat_map(|tile| &mut tile.values)
    }

    /// The matrix, of which the lower half is set.
    pub fn matrix(&self) -> Mat<f64> {
        let mut matrix = Mat::zeros(self.size, self.size);
        for Tile { at: (i, j), values } in &self.tiles {
            let rows = width(*i, self.size);
            for (at, value) in values.iter().enumerate() {
                matrix[(i * TILE + at % rows, j * TILE + at / rows)] = *value;
            }
        }
        matrix
    }
}

fn width(tile: usize, size: usize) -> usize {
    TILE.min(size - tile * TILE)
}

/// Adds the products of all pairs of columns, or of rows, tile by tile.
pub(super) fn add_products(tiles: &mut Tiles, rows: ArrayView2<'_, f64>, of_columns: bool) {
    let Some(values) = rows.as_slice() else { return };
    let rows = MatRef::from_row_major_slice(values, rows.nrows(), rows.ncols());
    let size = tiles.size;
    tiles.tiles.par_iter_mut().for_each(|Tile { at: (i, j), values }| {
        let (a, b) = (width(*i, size), width(*j, size));
        let (left, right) = if of_columns {
            (rows.subcols(*i * TILE, a).transpose(), rows.subcols(*j * TILE, b))
        } else {
            (rows.subrows(*i * TILE, a), rows.subrows(*j * TILE, b).transpose())
        };
        matmul(MatMut::from_column_major_slice_mut(values, a, b), Accum::Add, left, right, 1.0, Par::Seq);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_all_tiles_are_counted() {
        for size in [0, 1, 255, 256, 257, 600, 1024] {
            assert_eq!(Tiles::count(size), Tiles::zeros(size).values().count(), "{size}");
        }
    }
}
