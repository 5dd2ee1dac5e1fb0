//! The products of all pairs of columns, as a pass that other machines can run.

use ndarray::Array2;

use super::tiles::{Tiles, add_products};
use crate::error::Result;
use crate::rows::packed::{Packer, Unpacker, damaged};
use crate::rows::simd::dot_f64;
use crate::rows::{Fold, Portable, RowBlock};

/// Adds up the products of all pairs of columns. One machine adds block after block to one sum; here runs of rows are added up
/// by themselves, so that sums differ by rounding.
pub(crate) struct Products {
    pub(super) dims: usize,
    /// Whether each row is divided by its length; rows of zeros stay so.
    pub(super) unit: bool,
}

/// What is known of the rows seen so far.
pub(crate) struct Sums {
    /// The sum of the rows.
    pub(super) sum: Vec<f64>,
    /// The products, of the lower half.
    pub(super) tiles: Tiles,
    rows: usize,
}

impl Fold for Products {
    type Part = Sums;

    fn start(&self) -> Sums {
        Sums { sum: vec![0.0; self.dims], tiles: Tiles::zeros(self.dims), rows: 0 }
    }

    fn add(&self, part: &mut Sums, block: RowBlock<'_>) {
        let mut wide = Array2::zeros(block.rows.raw_dim());
        for (mut to, row) in wide.rows_mut().into_iter().zip(block.rows.rows()) {
            let row = row.to_slice().unwrap_or_default();
            let length = if self.unit { dot_f64(row, row).sqrt() } else { 1.0 };
            let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
            to.iter_mut().zip(row).for_each(|(to, x)| *to = f64::from(*x) * scale);
            part.sum.iter_mut().zip(&to).for_each(|(sum, x)| *sum += x);
        }
        add_products(&mut part.tiles, wide.view(), true);
        part.rows += block.rows.nrows();
    }

    fn merge(&self, into: &mut Sums, from: Sums) {
        into.sum.iter_mut().zip(from.sum).for_each(|(sum, more)| *sum += more);
        into.tiles.values_mut().zip(from.tiles.values()).for_each(|(sum, more)| *sum += more);
        into.rows += from.rows;
    }

    fn portable(&self) -> Option<&dyn Portable<Part = Sums>> {
        Some(self)
    }
}

impl Products {
    pub const NAME: &'static str = "geometry.products";

    /// The fold of these [`params`](Portable::params).
    pub fn of(params: &[u8]) -> Result<Products> {
        let mut series = Unpacker::new(params);
        let [dims, unit] = series.next_of::<u64>(2)?[..] else { return Err(damaged()) };
        series.end().map(|()| Products { dims: dims as usize, unit: unit == 1 })
    }
}

impl Portable for Products {
    type Part = Sums;

    fn name(&self) -> String {
        Self::NAME.into()
    }

    fn params(&self) -> Vec<u8> {
        Packer::default().add(&[self.dims as u64, u64::from(self.unit)]).bytes()
    }

    fn dims(&self) -> Option<usize> {
        Some(self.dims)
    }

    fn merged(&self) -> bool {
        true
    }

    fn rows(&self, part: &Sums) -> usize {
        part.rows
    }

    fn pack(&self, part: Sums) -> Vec<u8> {
        let products: Vec<f64> = part.tiles.values().copied().collect();
        Packer::default().add(&[part.rows as u64]).add(&part.sum).add(&products).bytes()
    }

    fn unpack(&self, bytes: &[u8]) -> Result<Sums> {
        let mut series = Unpacker::new(bytes);
        let rows = series.one::<u64>()? as usize;
        let sum = series.next_of(self.dims)?;
        let products = series.next_of::<f64>(Tiles::count(self.dims))?;
        let mut tiles = Tiles::zeros(self.dims);
        tiles.values_mut().zip(products).for_each(|(to, product)| *to = product);
        series.end().map(|()| Sums { sum, tiles, rows })
    }
}
