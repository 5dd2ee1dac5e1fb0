//! Fewer dimensions: a linear map, and rows at length 1 after it.

use faer::{Accum, MatMut, MatRef, Par};
use faer::{Mat, linalg::matmul::matmul};
use ndarray::{Array2, ArrayView2, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::rows::product::dot_products;
use crate::rows::{BLOCK_ROWS, LEAF_ROWS, Pca, eigenvectors};

/// How rows get fewer dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The first dimensions, for models trained for that (Matryoshka).
    Truncate,
    /// Along the principal components; the mean stays in the rows.
    Pca,
    /// Along the singular vectors of the rows as they are.
    Svd,
    /// A random projection (Gaussian).
    Random,
}

impl Method {
    /// The name in options and results.
    pub fn name(self) -> &'static str {
        match self {
            Method::Truncate => "truncate",
            Method::Pca => "pca",
            Method::Svd => "svd",
            Method::Random => "random",
        }
    }
}

/// Directions along which rows keep their coordinates, the most important first. The first m of them make m dimensions.
#[derive(Debug, Clone)]
pub struct Reduction {
    method: Method,
    /// The directions, one a row, m x d; none for the first dimensions.
    directions: Option<Array2<f32>>,
    dims: usize,
}

impl Reduction {
    /// Fits `most` directions to rows (n x d) of length 1.
    ///
    /// # Errors
    /// When `most` is 0 or more than there are dimensions, and for PCA and SVD when there are fewer rows than that.
    pub fn fit(rows: ArrayView2<'_, f32>, method: Method, most: usize, seed: u64) -> Result<Reduction> {
        let (n, d) = rows.dim();
        if most == 0 || most > d {
            return Err(Error::argument("more dimensions than there are")
                .with_code("too-many-dimensions")
                .seen(format!("{most} of {d}"))
                .advice(format!("ask for 1 to {d}")));
        }
        let directions = match method {
            Method::Truncate => None,
            Method::Random => Some(random(most, d, seed)),
            Method::Pca | Method::Svd if most > n => {
                return Err(Error::argument(format!(
                    "more dimensions than rows to fit {} to",
                    method.name()
                ))
                .with_code("too-many-dimensions")
                .seen(format!("{most} dimensions, {n} rows"))
                .advice("ask for fewer dimensions"));
            }
            Method::Pca => Some(Pca::fit(&rows, most)?.components),
            Method::Svd => Some(singular(rows, most)?),
        };
        Ok(Reduction { method, directions, dims: d })
    }

    /// How rows get fewer dimensions.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Coordinates along all directions, n x most; rows as they are for truncation.
    pub(super) fn project<'r>(&self, rows: ArrayView2<'r, f32>) -> ndarray::CowArray<'r, f32, ndarray::Ix2> {
        let Some(directions) = &self.directions else { return rows.into() };
        let directions = directions.as_standard_layout();
        let (Some(along), m) = (directions.as_slice(), directions.nrows()) else { return rows.into() };
        let mut out = Array2::<f32>::zeros((rows.nrows(), m));
        out.axis_chunks_iter_mut(Axis(0), BLOCK_ROWS)
            .into_par_iter()
            .zip(rows.axis_chunks_iter(Axis(0), BLOCK_ROWS))
            .for_each_init(Vec::new, |products, (mut out, rows)| {
                let rows = rows.as_standard_layout();
                dot_products(rows.as_slice().unwrap_or_default(), along, self.dims, products);
                let n = rows.nrows();
                out.indexed_iter_mut().for_each(|((i, j), x)| *x = products[j * n + i]);
            });
        out.into()
    }

    /// Rows in `dims` dimensions, at length 1; a row of zeros stays one.
    ///
    /// # Errors
    /// When that are more than were fitted, or rows of another number of dimensions.
    pub fn transform(&self, rows: ArrayView2<'_, f32>, dims: usize) -> Result<Array2<f32>> {
        let most = self.directions.as_ref().map_or(self.dims, Array2::nrows);
        if rows.ncols() != self.dims || dims == 0 || dims > most {
            return Err(Error::argument("dimensions that do not fit").with_code("dimensions-differ").seen(
                format!("rows of {}, fitted to {}, {dims} of {most} asked for", rows.ncols(), self.dims),
            ));
        }
        let mut out = self.project(rows).slice(ndarray::s![.., ..dims]).to_owned();
        out.axis_iter_mut(Axis(0)).into_par_iter().for_each(|mut row| {
            let length = length(row.iter());
            if length > 0.0 {
                row.mapv_inplace(|x| (f64::from(x) / length) as f32);
            }
        });
        Ok(out)
    }
}

/// The Euclidean length, in `f64`.
pub(super) fn length<'x>(row: impl Iterator<Item = &'x f32>) -> f64 {
    row.map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt()
}

/// Independent normal numbers, a random stream for each direction.
fn random(most: usize, d: usize, seed: u64) -> Array2<f32> {
    let mut directions = Array2::zeros((most, d));
    directions.axis_iter_mut(Axis(0)).into_par_iter().enumerate().for_each(|(at, mut direction)| {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(at as u64);
        direction.iter_mut().for_each(|x| *x = StandardNormal.sample(&mut random));
    });
    directions
}

/// The right singular vectors of the rows, not centred: eigenvectors of Z'Z.
fn singular(rows: ArrayView2<'_, f32>, most: usize) -> Result<Array2<f32>> {
    const TILE: usize = 256;
    let d = rows.ncols();
    let width = |tile: usize| TILE.min(d - tile * TILE);
    let mut tiles: Vec<(usize, usize, Vec<f64>)> = (0..d.div_ceil(TILE))
        .flat_map(|i| (0..=i).map(move |j| (i, j)))
        .map(|(i, j)| (i, j, vec![0.0; width(i) * width(j)]))
        .collect();
    for chunk in rows.axis_chunks_iter(Axis(0), LEAF_ROWS) {
        let chunk = chunk.as_standard_layout();
        let values = chunk.as_slice().unwrap_or_default();
        let rows = MatRef::from_row_major_slice(values, chunk.nrows(), d);
        tiles.par_iter_mut().for_each(|(i, j, sums)| {
            let mut products = vec![0.0_f32; sums.len()];
            matmul(
                MatMut::from_column_major_slice_mut(&mut products, width(*i), width(*j)),
                Accum::Replace,
                rows.subcols(*i * TILE, width(*i)).transpose(),
                rows.subcols(*j * TILE, width(*j)),
                1.0,
                Par::Seq,
            );
            sums.iter_mut().zip(products).for_each(|(sum, product)| *sum += f64::from(product));
        });
    }
    let mut gram = Mat::<f64>::zeros(d, d);
    for (i, j, sums) in &tiles {
        for (at, sum) in sums.iter().enumerate() {
            gram[(i * TILE + at % width(*i), j * TILE + at / width(*i))] = *sum;
        }
    }
    let (_, vectors) = eigenvectors(gram.as_ref())?;
    Ok(Array2::from_shape_fn((most, d), |(c, j)| vectors[(j, d - 1 - c)] as f32))
}
