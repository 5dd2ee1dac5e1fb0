//! Centred kernel alignment, without a matrix of all pairs of rows.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use ndarray::{Array1, Array2, ArrayView2};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::rows::{LEAF_ROWS, Moments, RowSource, moments};

/// Columns of one tile of a matrix of products.
const TILE: usize = 256;

/// How alike two spaces are, up to a turn and a scale: 1 for the same, 0 for spaces that have nothing in common.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Cka {
    /// Linear CKA (Kornblith et al. 2019). With few rows and many dimensions it is above 0 for unrelated spaces. `None`
    /// when all rows of a set are equal.
    pub plain: Option<f64>,
    /// The same from unbiased estimates (Song et al. 2007): about 0, or below, for unrelated spaces. `None` with fewer
    /// than four rows, and when an estimate is not above 0.
    pub debiased: Option<f64>,
}

/// Linear CKA of two sets of the same rows, n x d and n x e.
///
/// With X and Y less their means: ‖Y'X‖² / (‖X'X‖ ‖Y'Y‖). The unbiased estimate needs in addition only the squared
/// lengths of the rows, since adding a constant to a row or a column of a matrix of inner products does not change it.
/// Cost: n·(d²/2 + e²/2 + d·e) products in `f64`; memory 8 bytes for each of as many sums.
///
/// # Errors
/// When the sets have another number of rows, a number is not finite, and whatever a source meets while reading.
pub fn cka(a: &(impl RowSource + ?Sized), b: &(impl RowSource + ?Sized)) -> Result<Cka> {
    let n = a.n_rows();
    if n != b.n_rows() {
        return Err(Error::argument("two sets of another number of rows")
            .with_code("rows-differ")
            .seen(format!("{n} and {}", b.n_rows())));
    }
    let (of_rows_a, of_rows_b) = (moments(a)?, moments(b)?);
    // What is left of rows that are all equal is rounding.
    let least = |of: &Moments| {
        let squares = &of.mean * &of.mean + &of.variance;
        (1e-12 * n as f64 * squares.sum()).powi(2)
    };
    let (least_a, least_b) = (least(&of_rows_a), least(&of_rows_b));
    let (mean_a, mean_b) = (of_rows_a.mean, of_rows_b.mean);
    if !mean_a.iter().chain(&mean_b).all(|mean| mean.is_finite()) {
        return Err(Error::input("vectors with NaN or infinite numbers")
            .with_code("not-finite")
            .advice("remove those rows"));
    }
    let (d, e) = (a.dims(), b.dims());
    let mut products = [Products::new(d, e), Products::of_one(d), Products::of_one(e)];
    let (mut squares_a, mut squares_b) = (Vec::with_capacity(n), Vec::with_capacity(n));
    for (chunk_a, chunk_b) in a.chunks(LEAF_ROWS)?.zip(b.chunks(LEAF_ROWS)?) {
        let (x, y) = (centred(chunk_a?.view(), &mean_a), centred(chunk_b?.view(), &mean_b));
        if x.nrows() != y.nrows() {
            return Err(Error::input("two sources whose rows do not come in the same chunks"));
        }
        squares_a.extend(x.rows().into_iter().map(|row| row.dot(&row)));
        squares_b.extend(y.rows().into_iter().map(|row| row.dot(&row)));
        products[0].add(&x, &y);
        products[1].add(&x, &x);
        products[2].add(&y, &y);
    }
    let [across, of_a, of_b] = products.map(|products| products.sum_of_squares());
    let debiased = |across: f64, x: &[f64], y: &[f64]| {
        let n = n as f64;
        let both: f64 = x.iter().zip(y).map(|(x, y)| x * y).sum();
        let sums = x.iter().sum::<f64>() * y.iter().sum::<f64>();
        (across - both + sums / ((n - 1.0) * (n - 2.0)) - 2.0 / (n - 2.0) * both) / (n * (n - 3.0))
    };
    let share = |across: f64, of_a: f64, of_b: f64| {
        let found = across / (of_a * of_b).sqrt();
        (of_a > 0.0 && of_b > 0.0 && found.is_finite()).then_some(found)
    };
    if of_a <= least_a || of_b <= least_b {
        return Ok(Cka { plain: None, debiased: None });
    }
    Ok(Cka {
        plain: share(across, of_a, of_b),
        debiased: if n < 4 {
            None
        } else {
            share(
                debiased(across, &squares_a, &squares_b),
                debiased(of_a, &squares_a, &squares_a),
                debiased(of_b, &squares_b, &squares_b),
            )
        },
    })
}

fn centred(rows: ArrayView2<'_, f32>, mean: &Array1<f64>) -> Array2<f64> {
    rows.as_standard_layout().mapv(f64::from) - mean
}

/// Products of all columns of one set with all of another, in tiles.
struct Products {
    tiles: Vec<(usize, usize, Vec<f64>)>,
    sizes: (usize, usize),
    /// Of a set with itself: the tiles on one side of the diagonal stand for those on the other.
    mirrored: bool,
}

impl Products {
    fn new(d: usize, e: usize) -> Products {
        let tiles = (0..d.div_ceil(TILE)).flat_map(|i| (0..e.div_ceil(TILE)).map(move |j| (i, j)));
        let of = |(i, j)| (i, j, vec![0.0; width(i, d) * width(j, e)]);
        Products { tiles: tiles.map(of).collect(), sizes: (d, e), mirrored: false }
    }

    fn of_one(d: usize) -> Products {
        let Products { mut tiles, sizes, .. } = Products::new(d, d);
        tiles.retain(|(i, j, _)| j <= i);
        Products { tiles, sizes, mirrored: true }
    }

    fn add(&mut self, x: &Array2<f64>, y: &Array2<f64>) {
        let (d, e) = self.sizes;
        let (Some(x_values), Some(y_values)) = (x.as_slice(), y.as_slice()) else { return };
        let left = MatRef::from_row_major_slice(x_values, x.nrows(), d);
        let right = MatRef::from_row_major_slice(y_values, y.nrows(), e);
        self.tiles.par_iter_mut().for_each(|(i, j, sums)| {
            let (a, b) = (width(*i, d), width(*j, e));
            matmul(
                MatMut::from_column_major_slice_mut(sums, a, b),
                Accum::Add,
                left.subcols(*i * TILE, a).transpose(),
                right.subcols(*j * TILE, b),
                1.0,
                Par::Seq,
            );
        });
    }

    fn sum_of_squares(&self) -> f64 {
        let of_tile = |(i, j, sums): &(usize, usize, Vec<f64>)| {
            let times = if self.mirrored && i != j { 2.0 } else { 1.0 };
            times * sums.iter().map(|sum| sum * sum).sum::<f64>()
        };
        self.tiles.iter().map(of_tile).sum()
    }
}

fn width(tile: usize, size: usize) -> usize {
    TILE.min(size - tile * TILE)
}
