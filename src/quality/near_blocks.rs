//! Duplicates of rows that are not in memory: each block of them is held against all later ones.

use ndarray::{ArrayView2, Axis, s};
use rayon::prelude::*;

use super::duplicates::{DuplicateOptions, Duplicates, NearRule, equal_texts, near_groups};
use super::pairs::Pair;
use crate::error::{Error, Result};
use crate::rows::graph::half_squared_chord;
use crate::rows::product::dot_products;
use crate::rows::simd::dot_f64;
use crate::rows::{DistinctRows, LEAF_ROWS, RowSource};

/// Rows on one side of a matrix product.
const TILE_ROWS: usize = 512;

/// Matrices of a block that are in memory at once: its rows, and those scaled to length 1.
const COPIES: u64 = 2;

/// How many rows a block has within so many bytes.
pub fn near_block_rows(rows: usize, dims: usize, bytes: u64) -> usize {
    let fit = usize::try_from(bytes / COPIES / (4 * dims.max(1) as u64)).unwrap_or(usize::MAX);
    (fit / TILE_ROWS).max(1).saturating_mul(TILE_ROWS).min(rows.max(1))
}

/// As [`find_duplicates`](super::find_duplicates), of rows of any source within about so many bytes: one pass for exact
/// duplicates, and for near ones as many as there are blocks of [`near_block_rows`]. The result is the same.
///
/// # Errors
/// As [`find_duplicates`](super::find_duplicates); for the relative rule and with a graph, which need all rows at once; for
/// more near pairs than a fourth of the bytes holds; and whatever the source meets while reading.
pub fn find_duplicates_in_blocks(
    source: &(impl RowSource + ?Sized),
    texts: Option<&[Option<String>]>,
    options: &DuplicateOptions<'_>,
    bytes: u64,
) -> Result<Duplicates> {
    let distinct = DistinctRows::of(source)?;
    if texts.is_some_and(|texts| texts.len() != source.n_rows()) {
        return Err(Error::argument("rows and texts differ in number"));
    }
    if options.near && (options.rule != NearRule::Cosine || options.graph.is_some()) {
        return Err(Error::memory("the relative rule and a graph need all rows in memory")
            .with_code("memory")
            .advice("allow more with --memory, or find near duplicates by the cosine alone"));
    }
    let mut found = Duplicates {
        exact_text: texts.map(equal_texts).unwrap_or_default(),
        exact_vector: distinct
            .groups()
            .map(|group| group.iter().map(|row| *row as usize).collect())
            .collect(),
        near: Vec::new(),
        near_pairs: Vec::new(),
        threshold: None,
        by_cosine: true,
    };
    if options.near {
        let threshold = options.threshold()?;
        let rows = near_block_rows(source.n_rows(), source.dims(), bytes);
        let most = usize::try_from(bytes / 4 / size_of::<Pair>() as u64).unwrap_or(usize::MAX);
        found.near_pairs = near_pairs_in_blocks(source, &distinct, 1.0 - threshold, rows, most)?;
        found.threshold = Some(threshold);
        found.near = near_groups(&distinct, &found.near_pairs);
    }
    Ok(found)
}

/// As [`near_pairs`](super::near_pairs) by the cosine, of blocks of so many rows; each block is one pass over the source.
fn near_pairs_in_blocks(
    source: &(impl RowSource + ?Sized),
    distinct: &DistinctRows,
    limit: f64,
    block_rows: usize,
    most: usize,
) -> Result<Vec<Pair>> {
    // As near_pairs has it: the stored numbers are rounded to 1e-7.
    let limit = limit + 1e-9;
    let n = source.n_rows();
    let mut pairs = Vec::new();
    for start in (0..n).step_by(block_rows) {
        let end = (start + block_rows).min(n);
        let mut held = UnitRows::with_capacity(start, end - start, source.dims());
        let mut first = 0;
        for chunk in source.chunks(LEAF_ROWS)? {
            for piece in chunk?.axis_chunks_iter(Axis(0), TILE_ROWS) {
                let next = first + piece.nrows();
                // Rows of the block meet those of it that came before, and later rows meet all of it.
                let from = start.saturating_sub(first);
                if from < piece.nrows() {
                    let others = UnitRows::of(piece.slice(s![from.., ..]), first + from, distinct)?;
                    let inside = end.saturating_sub(first + from);
                    pairs.extend(held.near(&others, limit));
                    pairs.extend(others.within(inside, limit));
                    held.take(&others, inside);
                }
                first = next;
            }
            if pairs.len() > most {
                return Err(Error::memory("too many near pairs to hold")
                    .with_code("memory")
                    .seen(format!("more than {most}"))
                    .advice("choose a higher cosine, or allow more with --memory"));
            }
        }
        if first != n {
            return Err(Error::input("the source changed while it was read")
                .with_code("file-changed")
                .seen(format!("{first} rows, and {n} before")));
        }
    }
    pairs.par_sort_unstable_by_key(|pair| (pair.a, pair.b));
    Ok(pairs)
}

/// Rows of distinct vectors that have a direction, as they are and scaled to length 1.
struct UnitRows {
    /// The row of the source that they begin with, which may be left out itself.
    first: usize,
    numbers: Vec<usize>,
    lengths: Vec<f64>,
    rows: Vec<f32>,
    unit: Vec<f32>,
    dims: usize,
}

impl UnitRows {
    fn with_capacity(first: usize, rows: usize, dims: usize) -> UnitRows {
        UnitRows {
            first,
            numbers: Vec::with_capacity(rows),
            lengths: Vec::with_capacity(rows),
            rows: Vec::with_capacity(rows * dims),
            unit: Vec::with_capacity(rows * dims),
            dims: dims.max(1),
        }
    }

    /// The first rows of their vectors among these, which begin with row `first` of the source.
    fn of(rows: ArrayView2<'_, f32>, first: usize, distinct: &DistinctRows) -> Result<UnitRows> {
        let mut found = UnitRows::with_capacity(first, rows.nrows(), rows.ncols());
        for (i, row) in rows.as_standard_layout().axis_iter(Axis(0)).enumerate() {
            let number = first + i;
            if distinct.first_rows()[distinct.vector_of(number)] as usize != number {
                continue;
            }
            let values = row.as_slice().unwrap_or_default();
            let length = dot_f64(values, values).sqrt();
            if !length.is_finite() {
                return Err(Error::input("vectors must be finite").with_code("not-finite").row(number));
            }
            // A row of zeros is near to its copies only.
            if length > 0.0 {
                found.numbers.push(number);
                found.lengths.push(length);
                found.rows.extend_from_slice(values);
                found.unit.extend(values.iter().map(|x| (f64::from(*x) / length) as f32));
            }
        }
        Ok(found)
    }

    fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Takes over those of the first rows of a chunk, `inside` of the source's, that belong to the block.
    fn take(&mut self, others: &UnitRows, inside: usize) {
        let many = others.inside(inside);
        self.numbers.extend_from_slice(&others.numbers[..many]);
        self.lengths.extend_from_slice(&others.lengths[..many]);
        self.rows.extend_from_slice(&others.rows[..many * self.dims]);
        self.unit.extend_from_slice(&others.unit[..many * self.dims]);
    }

    /// How many of these are among the first `inside` rows of the chunk that they are from.
    fn inside(&self, inside: usize) -> usize {
        self.numbers.partition_point(|number| *number < self.first + inside)
    }

    /// Near pairs of these with others, all of which come later.
    fn near(&self, others: &UnitRows, limit: f64) -> Vec<Pair> {
        let tiles: Vec<(usize, usize)> = (0..self.len())
            .step_by(TILE_ROWS)
            .flat_map(|a| (0..others.len()).step_by(TILE_ROWS).map(move |b| (a, b)))
            .collect();
        let found: Vec<Vec<Pair>> = tiles
            .par_iter()
            .map_init(Vec::new, |dots, (a, b)| self.tile(others, (*a, *b), limit, dots, |_, _| true))
            .collect();
        found.into_iter().flatten().collect()
    }

    /// Near pairs among these of which the earlier is one of the first `inside` rows.
    fn within(&self, inside: usize, limit: f64) -> Vec<Pair> {
        let many = self.inside(inside);
        let tiles: Vec<(usize, usize)> = (0..many)
            .step_by(TILE_ROWS)
            .flat_map(|a| (a..self.len()).step_by(TILE_ROWS).map(move |b| (a, b)))
            .collect();
        let found: Vec<Vec<Pair>> = tiles
            .par_iter()
            .map_init(Vec::new, |dots, (a, b)| {
                self.tile(self, (*a, *b), limit, dots, |i, j| i < j && i < many)
            })
            .collect();
        found.into_iter().flatten().collect()
    }

    /// Near pairs of two tiles, of those that are wanted.
    fn tile(
        &self,
        others: &UnitRows,
        (a, b): (usize, usize),
        limit: f64,
        dots: &mut Vec<f32>,
        wanted: impl Fn(usize, usize) -> bool,
    ) -> Vec<Pair> {
        let dims = self.dims;
        let (end_a, end_b) = ((a + TILE_ROWS).min(self.len()), (b + TILE_ROWS).min(others.len()));
        dot_products(&self.unit[a * dims..end_a * dims], &others.unit[b * dims..end_b * dims], dims, dots);
        // The rounding of a product of rows of length 1, with room to spare.
        let margin = 4.0 * f64::from(f32::EPSILON) * (8.0 + 2.0 * (dims as f64).sqrt());
        let least = (1.0 - limit - margin) as f32 - f32::EPSILON;
        let mut pairs = Vec::new();
        for (at, products) in dots.chunks_exact((end_a - a).max(1)).enumerate() {
            let j = b + at;
            for (offset, product) in products.iter().enumerate() {
                let i = a + offset;
                if *product < least || !wanted(i, j) {
                    continue;
                }
                let row = |of: &UnitRows, i: usize| i * dims..(i + 1) * of.dims;
                let distance = half_squared_chord(
                    &self.rows[row(self, i)],
                    &others.rows[row(others, j)],
                    1.0 / self.lengths[i],
                    1.0 / others.lengths[j],
                );
                if distance <= limit {
                    pairs.push(Pair { a: self.numbers[i], b: others.numbers[j], distance });
                }
            }
        }
        pairs
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::super::find_duplicates;
    use super::*;

    #[test]
    fn blocks_of_any_size_find_what_all_rows_at_once_do() {
        let mut rows = Array2::from_shape_fn((7000, 6), |(i, j)| {
            let x = (i * 2_654_435_761 + j * 40_503 + i * j * 977) % 65_536;
            x as f32 / 32_768.0 - 1.0
        });
        rows.row_mut(10).fill(0.0);
        rows.row_mut(6000).fill(0.0);
        let copy = rows.row(20).to_owned();
        rows.row_mut(5500).assign(&copy);
        let texts: Vec<Option<String>> = (0..7000).map(|i| Some(format!("text {}", i % 6990))).collect();
        let options = DuplicateOptions { threshold: Some(0.995), ..Default::default() };
        let whole = find_duplicates(rows.view(), Some(&texts), &options).unwrap();
        assert!(whole.near_pairs.len() > 100 && !whole.exact_vector.is_empty());
        for bytes in [1, 2 * 2048 * 24 * COPIES, u64::MAX] {
            let blocks =
                find_duplicates_in_blocks(&rows, Some(&texts), &options, bytes.max(200_000_000)).unwrap();
            assert_eq!(blocks, whole);
            let distinct = DistinctRows::of(&rows).unwrap();
            let size = near_block_rows(7000, 6, bytes);
            let pairs = near_pairs_in_blocks(&rows, &distinct, 0.005, size, usize::MAX).unwrap();
            assert_eq!(pairs, whole.near_pairs, "blocks of {size}");
        }
        let error = find_duplicates_in_blocks(&rows, None, &options, 100).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Memory, "{error}");
    }
}
