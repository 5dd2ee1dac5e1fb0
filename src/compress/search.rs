//! The rows with the largest inner products with each query.

use std::cmp::Ordering;
use std::sync::{Mutex, PoisonError};

use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use rayon::prelude::*;

use super::codes::Codes;
use super::quantized::Ranges;
use super::reduction::length;
use crate::error::Result;
use crate::rows::product::dot_products;

/// Rows of a block: with 1,000 queries 4 MB of products.
const BLOCK: usize = 1024;

/// Rows in their first `dims` dimensions, at length 1, made block by block.
#[derive(Clone, Copy)]
pub(super) struct UnitRows<'r> {
    pub rows: ArrayView2<'r, f32>,
    pub dims: usize,
}

impl UnitRows<'_> {
    fn n(&self) -> usize {
        self.rows.nrows()
    }

    fn blocks(&self) -> impl IndexedParallelIterator<Item = (usize, Array2<f32>)> + '_ {
        (0..self.n().div_ceil(BLOCK)).into_par_iter().map(|block| {
            let first = block * BLOCK;
            (first, unit(self.rows.slice(s![first..(first + BLOCK).min(self.n()), ..self.dims])))
        })
    }

    /// Some of the rows.
    pub fn select(&self, rows: &[usize]) -> Array2<f32> {
        unit(self.rows.select(Axis(0), rows).slice(s![.., ..self.dims]))
    }

    /// The ranges of the dimensions, and the mean row.
    pub fn ranges_and_mean(&self) -> Result<(Ranges, Array1<f32>)> {
        let of_blocks: Vec<(Ranges, Array1<f64>)> = self
            .blocks()
            .map(|(_, rows)| {
                let sum = rows.rows().into_iter().fold(Array1::zeros(self.dims), |mut sum, row| {
                    sum.zip_mut_with(&row, |sum: &mut f64, x| *sum += f64::from(*x));
                    sum
                });
                (Ranges::of_any(rows.view()), sum)
            })
            .collect();
        let mut sum = Array1::<f64>::zeros(self.dims);
        let mut ranges = Ranges::none(self.dims);
        for (of_block, of_rows) in of_blocks {
            ranges.widen(&of_block);
            sum += &of_rows;
        }
        let n = self.n().max(1) as f64;
        Ok((ranges.required(self.n())?, sum.mapv(|sum| (sum / n) as f32)))
    }
}

/// Rows at length 1; those of zeros as they are.
pub(super) fn unit(rows: ArrayView2<'_, f32>) -> Array2<f32> {
    let mut rows = rows.as_standard_layout().into_owned();
    for mut row in rows.rows_mut() {
        let length = length(row.iter());
        if length > 0.0 {
            row.mapv_inplace(|x| (f64::from(x) / length) as f32);
        }
    }
    rows
}

/// For each of several codes and each query (q x dims, at length 1) the `keep` rows that its codes find first; equal
/// scores in the order of the rows.
pub(super) fn search(
    rows: UnitRows<'_>,
    queries: ArrayView2<'_, f32>,
    codes: &[Codes],
    keep: usize,
) -> Result<Vec<Vec<Vec<usize>>>> {
    let asked: Vec<Array2<f32>> = codes.iter().map(|codes| codes.queries(queries)).collect::<Result<_>>()?;
    let found: Vec<Mutex<Vec<Best>>> =
        codes.iter().map(|_| Mutex::new(vec![Best::new(keep); queries.nrows()])).collect();
    rows.blocks().try_for_each_init(Vec::new, |products, (first, block)| -> Result<()> {
        for ((codes, asked), found) in codes.iter().zip(&asked).zip(&found) {
            let coded = codes.rows(block.view())?;
            let values = (coded.as_slice().unwrap_or_default(), asked.as_slice().unwrap_or_default());
            dot_products(values.0, values.1, rows.dims, products);
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            for (best, scores) in found.iter_mut().zip(products.chunks_exact(block.nrows())) {
                best.offer(first, scores);
            }
        }
        Ok(())
    })?;
    Ok(found
        .into_iter()
        .map(|found| {
            let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
            found.into_iter().map(Best::rows).collect()
        })
        .collect())
}

/// The best so far. Which rows they are does not depend on the order in which rows come.
#[derive(Clone)]
struct Best {
    keep: usize,
    bound: f32,
    found: Vec<(f32, u32)>,
}

fn order(a: &(f32, u32), b: &(f32, u32)) -> Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

impl Best {
    fn new(keep: usize) -> Best {
        Best { keep: keep.max(1), bound: f32::NEG_INFINITY, found: Vec::new() }
    }

    fn offer(&mut self, first: usize, scores: &[f32]) {
        for (at, score) in scores.iter().enumerate() {
            // 0 and -0 are the same score.
            let score = score + 0.0;
            if score >= self.bound {
                self.found.push((score, (first + at) as u32));
                if self.found.len() >= 4 * self.keep {
                    let (_, last, _) = self.found.select_nth_unstable_by(self.keep - 1, order);
                    self.bound = last.0;
                    self.found.truncate(self.keep);
                }
            }
        }
    }

    fn rows(mut self) -> Vec<usize> {
        self.found.sort_unstable_by(order);
        self.found.truncate(self.keep);
        self.found.into_iter().map(|(_, row)| row as usize).collect()
    }
}
