//! The one pass over the rows.

use ndarray::ArrayView1;

use super::repeats::hash;
use super::{LISTED, Norms};
use crate::error::Result;
use crate::rows::packed::{Packer, Unpacker, damaged};
use crate::rows::{Fold, Portable, RowBlock};

/// Looks at rows of this many numbers.
pub(crate) struct Look {
    pub(super) dims: usize,
}

/// What is known of the rows seen so far.
pub(crate) struct Seen {
    pub(super) rows: usize,
    pub(super) non_finite: Rows,
    /// Rows of nothing but NaN, as which rows without a usable vector are read.
    pub(super) missing: Rows,
    pub(super) zero: Rows,
    /// A hash of each row, in order; `None` for one that is not finite.
    pub(super) hashes: Vec<Option<u128>>,
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

    fn packed(&self, into: Packer) -> Packer {
        let first: Vec<u64> = self.first.iter().map(|row| *row as u64).collect();
        into.add(&[self.count as u64]).add(&first)
    }

    fn unpacked(series: &mut Unpacker<'_>) -> Result<Rows> {
        let count = series.one::<u64>()? as usize;
        let first = series.next_of::<u64>(count.min(LISTED))?;
        Ok(Rows { count, first: first.into_iter().map(|row| row as usize).collect() })
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

    fn packed(self) -> (u8, f32) {
        match self {
            Dim::Unseen => (0, 0.0),
            Dim::Constant(value) => (1, value),
            Dim::Varying => (2, 0.0),
        }
    }

    fn unpacked(packed: (u8, f32)) -> Result<Dim> {
        match packed {
            (0, _) => Ok(Dim::Unseen),
            (1, value) => Ok(Dim::Constant(value)),
            (2, _) => Ok(Dim::Varying),
            _ => Err(damaged()),
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

    fn portable(&self) -> Option<&dyn Portable<Part = Seen>> {
        Some(self)
    }
}

impl Look {
    pub const NAME: &'static str = "check";

    /// The fold of these [`params`](Portable::params).
    pub fn of(params: &[u8]) -> Result<Look> {
        let mut series = Unpacker::new(params);
        let look = Look { dims: series.one::<u64>()? as usize };
        series.end().map(|()| look)
    }
}

impl Portable for Look {
    type Part = Seen;

    fn name(&self) -> String {
        Self::NAME.into()
    }

    fn params(&self) -> Vec<u8> {
        Packer::default().add(&[self.dims as u64]).bytes()
    }

    fn dims(&self) -> Option<usize> {
        Some(self.dims)
    }

    fn merged(&self) -> bool {
        false
    }

    fn rows(&self, part: &Seen) -> usize {
        part.rows
    }

    /// The hash of a row that is not finite is sent as 0, with the place of that row among those seen.
    fn pack(&self, part: Seen) -> Vec<u8> {
        let hashes: Vec<u128> = part.hashes.iter().map(|hash| hash.unwrap_or_default()).collect();
        let without = part.hashes.iter().enumerate().filter(|(_, hash)| hash.is_none());
        let without: Vec<u64> = without.map(|(place, _)| place as u64).collect();
        let (kinds, values): (Vec<u8>, Vec<f32>) = part.dims.iter().map(|dim| dim.packed()).unzip();
        let mut packer = Packer::default().add(&hashes).add(&without);
        for rows in [&part.non_finite, &part.missing, &part.zero] {
            packer = rows.packed(packer);
        }
        packer
            .add(&[part.finite as u64])
            .add(&[part.sum, part.min, part.max])
            .add(&kinds)
            .add(&values)
            .bytes()
    }

    fn unpack(&self, bytes: &[u8]) -> Result<Seen> {
        let mut series = Unpacker::new(bytes);
        let mut hashes: Vec<Option<u128>> = series.next()?.into_iter().map(Some).collect();
        for place in series.next::<u64>()? {
            *hashes.get_mut(place as usize).ok_or_else(damaged)? = None;
        }
        let non_finite = Rows::unpacked(&mut series)?;
        let missing = Rows::unpacked(&mut series)?;
        let zero = Rows::unpacked(&mut series)?;
        let finite = series.one::<u64>()? as usize;
        let [sum, min, max] = series.next_of(3)?[..] else { return Err(damaged()) };
        let kinds: Vec<u8> = series.next_of(self.dims)?;
        let values: Vec<f32> = series.next_of(self.dims)?;
        let dims = kinds.into_iter().zip(values).map(Dim::unpacked).collect::<Result<_>>()?;
        series.end()?;
        Ok(Seen { rows: hashes.len(), non_finite, missing, zero, hashes, finite, sum, min, max, dims })
    }
}
