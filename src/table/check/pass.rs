//! The one pass over the rows.

use ndarray::ArrayView1;

use super::repeats::hash;
use super::{LISTED, Norms};
use crate::rows::{Fold, RowBlock};

/// Looks at rows of this many numbers.
pub(super) struct Look {
    pub dims: usize,
}

/// What is known of the rows seen so far.
pub(super) struct Seen {
    pub rows: usize,
    pub non_finite: Rows,
    /// Rows of nothing but NaN, as which rows without a usable vector are read.
    pub missing: Rows,
    pub zero: Rows,
    /// A hash of each row, in order; `None` for one that is not finite.
    pub hashes: Vec<Option<u128>>,
    finite: usize,
    sum: f64,
    min: f64,
    max: f64,
    dims: Vec<Dim>,
}

/// Rows of one kind: how many, and the first few.
#[derive(Default)]
pub(super) struct Rows {
    pub count: usize,
    pub first: Vec<usize>,
}

impl Rows {
    fn add(&mut self, row: usize) {
        self.count += 1;
        if self.first.len() < LISTED {
            self.first.push(row);
        }
    }

    fn merge(&mut self, from: Rows) {
        self.count += from.count;
        let room = LISTED - self.first.len();
        self.first.extend(from.first.into_iter().take(room));
    }
}

/// Whether a dimension has had one value so far.
#[derive(Clone, Copy)]
enum Dim {
    Unseen,
    Constant(f32),
    Varying,
}

impl Dim {
    fn join(self, other: Dim) -> Dim {
        match (self, other) {
            (Dim::Unseen, other) | (other, Dim::Unseen) => other,
            (Dim::Constant(a), Dim::Constant(b)) if a == b => self,
            _ => Dim::Varying,
        }
    }
}

impl Seen {
    pub(super) fn norms(&self) -> Norms {
        if self.finite == 0 {
            return Norms { min: 0.0, mean: 0.0, max: 0.0 };
        }
        Norms { min: self.min, mean: self.sum / self.finite as f64, max: self.max }
    }

    pub(super) fn constant_dims(&self) -> usize {
        self.dims.iter().filter(|dim| matches!(dim, Dim::Constant(_))).count()
    }

    fn add_norm(&mut self, row: ArrayView1<'_, f32>) {
        let norm = row.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
        self.finite += 1;
        self.sum += norm;
        self.min = self.min.min(norm);
        self.max = self.max.max(norm);
    }
}

impl Fold for Look {
    type Part = Seen;

    fn start(&self) -> Seen {
        Seen {
            rows: 0,
            non_finite: Rows::default(),
            missing: Rows::default(),
            zero: Rows::default(),
            hashes: Vec::new(),
            finite: 0,
            sum: 0.0,
            min: f64::INFINITY,
            max: 0.0,
            dims: vec![Dim::Unseen; self.dims],
        }
    }

    fn add(&self, part: &mut Seen, block: RowBlock<'_>) {
        part.rows += block.rows.nrows();
        for (i, row) in block.rows.rows().into_iter().enumerate() {
            if row.fold(false, |broken, x| broken | !x.is_finite()) {
                let missing = row.iter().all(|x| x.is_nan());
                let rows = if missing { &mut part.missing } else { &mut part.non_finite };
                rows.add(block.first + i);
                part.hashes.push(None);
                continue;
            }
            if row.fold(true, |zero, x| zero & (*x == 0.0)) {
                part.zero.add(block.first + i);
            }
            part.add_norm(row);
            part.hashes.push(Some(hash(row)));
        }
        for (dim, column) in part.dims.iter_mut().zip(block.rows.columns()) {
            let first = match *dim {
                Dim::Varying => continue,
                Dim::Unseen => column[0],
                Dim::Constant(value) => value,
            };
            // NaN is equal to nothing, so a dimension that holds one varies.
            let constant = column.iter().all(|x| *x == first);
            *dim = if constant { Dim::Constant(first) } else { Dim::Varying };
        }
    }

    fn merge(&self, into: &mut Seen, from: Seen) {
        into.rows += from.rows;
        into.non_finite.merge(from.non_finite);
        into.missing.merge(from.missing);
        into.zero.merge(from.zero);
        into.hashes.extend(from.hashes);
        into.finite += from.finite;
        into.sum += from.sum;
        into.min = into.min.min(from.min);
        into.max = into.max.max(from.max);
        for (dim, other) in into.dims.iter_mut().zip(from.dims) {
            *dim = dim.join(other);
        }
    }
}
