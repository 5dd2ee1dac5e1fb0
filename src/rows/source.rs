//! Where rows come from.

use ndarray::{Array2, ArrayView2, Axis, CowArray, Ix2, concatenate, s};

use super::select::selected_elsewhere;
use super::{Engine, LEAF_ROWS};
use crate::error::{Error, Result};

/// Something that yields rows of embeddings, in order.
///
/// A matrix in memory (`Array2<f32>`, `ArrayView2<f32>`) is one; so are the files that
/// [`crate::table::stream`] opens without loading them.
pub trait RowSource: Send + Sync {
    /// How many rows there are.
    fn n_rows(&self) -> usize;

    /// How many numbers each row holds.
    fn dims(&self) -> usize;

    /// All rows at once, when they are in memory or are mapped into it.
    fn as_matrix(&self) -> Option<ArrayView2<'_, f32>> {
        None
    }

    /// The rows in order, in chunks of about `rows` rows each (a multiple of
    /// [`LEAF_ROWS`](super::LEAF_ROWS), except for the last).
    fn chunks(&self, rows: usize) -> Result<Chunks<'_>>;

    /// As [`chunks`](RowSource::chunks), from the row `first` on, which is a multiple of [`LEAF_ROWS`](super::LEAF_ROWS).
    fn chunks_from(&self, first: usize, rows: usize) -> Result<Chunks<'_>> {
        let mut before = first;
        let chunks = self.chunks(rows)?.filter_map(move |chunk| match chunk {
            Ok(chunk) if before >= chunk.nrows() => {
                before -= chunk.nrows();
                (chunk.nrows() == 0).then_some(Ok(chunk))
            }
            Ok(chunk) => {
                let skipped = std::mem::take(&mut before);
                Some(Ok(if skipped == 0 { chunk } else { chunk.slice(s![skipped.., ..]).to_owned() }))
            }
            error => Some(error),
        });
        Ok(Box::new(chunks))
    }

    /// The machines that pass over the rows in place of this one; `None` where it does it itself.
    fn engine(&self) -> Option<&dyn Engine> {
        None
    }
}

/// Rows in order, in chunks.
pub type Chunks<'a> = Box<dyn Iterator<Item = Result<Array2<f32>>> + 'a>;

impl<T: RowSource + ?Sized> RowSource for &T {
    fn n_rows(&self) -> usize {
        (**self).n_rows()
    }

    fn dims(&self) -> usize {
        (**self).dims()
    }

    fn as_matrix(&self) -> Option<ArrayView2<'_, f32>> {
        (**self).as_matrix()
    }

    fn chunks(&self, rows: usize) -> Result<Chunks<'_>> {
        (**self).chunks(rows)
    }

    fn chunks_from(&self, first: usize, rows: usize) -> Result<Chunks<'_>> {
        (**self).chunks_from(first, rows)
    }

    fn engine(&self) -> Option<&dyn Engine> {
        (**self).engine()
    }
}

impl RowSource for ArrayView2<'_, f32> {
    fn n_rows(&self) -> usize {
        self.nrows()
    }

    fn dims(&self) -> usize {
        self.ncols()
    }

    fn as_matrix(&self) -> Option<ArrayView2<'_, f32>> {
        Some(self.view())
    }

    fn chunks(&self, rows: usize) -> Result<Box<dyn Iterator<Item = Result<Array2<f32>>> + '_>> {
        Ok(Box::new(self.axis_chunks_iter(ndarray::Axis(0), rows.max(1)).map(|chunk| Ok(chunk.to_owned()))))
    }
}

impl RowSource for Array2<f32> {
    fn n_rows(&self) -> usize {
        self.nrows()
    }

    fn dims(&self) -> usize {
        self.ncols()
    }

    fn as_matrix(&self) -> Option<ArrayView2<'_, f32>> {
        Some(self.view())
    }

    fn chunks(&self, rows: usize) -> Result<Box<dyn Iterator<Item = Result<Array2<f32>>> + '_>> {
        Ok(Box::new(self.axis_chunks_iter(ndarray::Axis(0), rows.max(1)).map(|chunk| Ok(chunk.to_owned()))))
    }
}

/// Chunks of any sizes as chunks of `size` rows, except for the last.
pub(crate) fn in_whole_leaves<'a>(
    mut chunks: impl Iterator<Item = Result<Array2<f32>>> + 'a,
    size: usize,
    dims: usize,
) -> impl Iterator<Item = Result<Array2<f32>>> + 'a {
    let (mut held, mut count): (Vec<Array2<f32>>, usize) = (Vec::new(), 0);
    std::iter::from_fn(move || {
        while count < size {
            match chunks.next() {
                Some(Ok(chunk)) => {
                    count += chunk.nrows();
                    held.push(chunk);
                }
                Some(Err(error)) => return Some(Err(error)),
                None => break,
            }
        }
        if count == 0 {
            return None;
        }
        if let [chunk] = &mut held[..]
            && count <= size
        {
            let chunk = std::mem::take(chunk);
            (held, count) = (Vec::new(), 0);
            return Some(Ok(chunk));
        }
        let views: Vec<_> = held.iter().map(Array2::view).collect();
        let all = concatenate(Axis(0), &views).unwrap_or_else(|_| Array2::zeros((0, dims)));
        let given = count.min(size);
        count -= given;
        held =
            if count > 0 { vec![all.slice_axis(Axis(0), (given..).into()).to_owned()] } else { Vec::new() };
        Some(Ok(all.slice_axis(Axis(0), (..given).into()).to_owned()))
    })
}

/// Calls `visit` with the number of the first row and the rows of each chunk, in order; rows in memory are not copied.
/// Chunks have `rows` rows, a multiple of [`LEAF_ROWS`], and the last may have fewer.
///
/// # Errors
/// Those of `visit`, whatever the source meets while reading, and when it yields another number of rows than it announced.
pub(crate) fn for_each_chunk(
    source: &(impl RowSource + ?Sized),
    rows: usize,
    mut visit: impl FnMut(usize, ArrayView2<'_, f32>) -> Result<()>,
) -> Result<()> {
    let n = source.n_rows();
    let changed = |seen: usize| {
        Error::input("the source changed while it was read")
            .with_code("file-changed")
            .seen(format!("{seen} rows, and {n} before"))
    };
    let mut first = 0;
    let mut each = |chunk: ArrayView2<'_, f32>| {
        for piece in chunk.axis_chunks_iter(Axis(0), rows) {
            let next = first + piece.nrows();
            if next > n {
                return Err(changed(next));
            }
            visit(first, piece)?;
            first = next;
        }
        Ok(())
    };
    match source.as_matrix() {
        Some(matrix) => each(matrix)?,
        None => source.chunks(rows)?.try_for_each(|chunk| each(chunk?.view()))?,
    }
    if first == n { Ok(()) } else { Err(changed(first)) }
}

/// The rows with these numbers, in the order given; numbers may repeat. A source that is not in memory is
/// read once.
///
/// # Errors
/// When a number is beyond the rows, and whatever the source meets while reading.
pub fn select_rows(source: &(impl RowSource + ?Sized), rows: &[usize]) -> Result<Array2<f32>> {
    if let Some(row) = rows.iter().find(|row| **row >= source.n_rows()) {
        return Err(Error::argument("no such row").row(*row).seen(format!("{} rows", source.n_rows())));
    }
    if source.engine().is_some() {
        return selected_elsewhere(source, rows);
    }
    if let Some(matrix) = source.as_matrix() {
        return Ok(matrix.select(Axis(0), rows));
    }
    let mut selected = Array2::zeros((rows.len(), source.dims()));
    let mut places: Vec<usize> = (0..rows.len()).collect();
    places.sort_unstable_by_key(|place| rows[*place]);
    let mut places = places.into_iter().peekable();
    let mut first = 0;
    for chunk in source.chunks(LEAF_ROWS)? {
        let chunk = chunk?;
        while let Some(place) = places.next_if(|place| rows[*place] < first + chunk.nrows()) {
            selected.row_mut(place).assign(&chunk.row(rows[place] - first));
        }
        if places.peek().is_none() {
            return Ok(selected);
        }
        first += chunk.nrows();
    }
    Err(Error::input("the source yielded fewer rows than it announced").seen(format!("{first} rows")))
}

/// All rows at once: those in memory, or else a copy that is read from the source.
///
/// # Errors
/// Whatever the source meets while reading.
pub(crate) fn all_rows(source: &(impl RowSource + ?Sized)) -> Result<CowArray<'_, f32, Ix2>> {
    match source.as_matrix() {
        Some(matrix) => Ok(matrix.into()),
        None => Ok(select_rows(source, &(0..source.n_rows()).collect::<Vec<_>>())?.into()),
    }
}

/// A matrix that says it is not one.
#[cfg(test)]
pub(crate) struct Streamed<'a>(pub &'a Array2<f32>);

#[cfg(test)]
impl RowSource for Streamed<'_> {
    fn n_rows(&self) -> usize {
        self.0.nrows()
    }
    fn dims(&self) -> usize {
        self.0.ncols()
    }
    fn chunks(&self, rows: usize) -> Result<Box<dyn Iterator<Item = Result<Array2<f32>>> + '_>> {
        self.0.chunks(rows)
    }
}
