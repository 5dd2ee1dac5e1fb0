//! The sums of the rows of each group, as a pass that other machines can run.

use std::borrow::Cow;

use super::packed::{Packer, Unpacker, damaged};
use super::{Fold, LEAF_ROWS, Portable, RowBlock, RowSource, fold_rows, run_leaves, runs};
use crate::error::{Error, Result};

/// The most bytes of groups and weights that a pass sends, all of them to each task.
const MOST_SENT: u64 = 128 << 20;

/// The most bytes of sums that all tasks send back.
const MOST_BACK: u64 = 4 << 30;

/// Groups that may be more than rows.
const MOST_EMPTY: usize = 1 << 20;

/// The weighted sum of the rows of each group, of which means are made: `groups[i]` is the group of row `i`, in
/// `0..n_groups`. Every row weighs 1 when there are no `weights`.
///
/// # Errors
/// When there is not one group and one weight for each row, or a group is out of range; when other machines would have to
/// be sent too much; and whatever the source meets while reading.
pub(crate) fn group_sums(
    source: &(impl RowSource + ?Sized),
    groups: &[Option<u32>],
    weights: Option<&[f64]>,
    n_groups: usize,
) -> Result<GroupSums> {
    let rows = source.n_rows();
    let given = weights.map_or(groups.len(), <[f64]>::len);
    if groups.len() != rows || given != rows {
        return Err(Error::argument("groups and rows differ in number")
            .seen(format!("{} groups, {rows} rows", groups.len().min(given))));
    }
    if let Some(row) = groups.iter().position(|group| group.is_some_and(|group| group as usize >= n_groups)) {
        return Err(Error::argument("a group out of range").row(row).seen(format!("{n_groups} groups")));
    }
    let fold = GroupSumsFold {
        groups: Groups::Here(groups),
        weights: weights.map(Cow::Borrowed),
        n_groups,
        dims: source.dims(),
        rows,
    };
    if source.engine().is_some() {
        fold.require_few_bytes()?;
    }
    fold_rows(source, &fold)
}

/// Adds up the rows of each group.
pub(crate) struct GroupSumsFold<'g> {
    groups: Groups<'g>,
    weights: Option<Cow<'g, [f64]>>,
    n_groups: usize,
    dims: usize,
    rows: usize,
}

/// The group of each row.
enum Groups<'g> {
    Here(&'g [Option<u32>]),
    /// As they were sent: little-endian numbers of [`width`] bytes, of which those beyond all groups are none.
    Sent(Vec<u8>),
}

/// The bytes that hold the number of any of so many groups, and of none.
fn width(n_groups: usize) -> usize {
    match n_groups {
        0..=0xff => 1,
        0x100..=0xffff => 2,
        _ => 4,
    }
}

/// The sums of the groups met so far; those not met hold no memory.
pub(crate) struct GroupSums {
    /// For each group the weighted sum of its rows; empty for a group without rows.
    pub sums: Vec<Vec<f64>>,
    /// The rows of each group.
    pub counts: Vec<usize>,
    /// The sum of the weights of each group's rows.
    pub weights: Vec<f64>,
    /// All rows, those without a group too.
    seen: usize,
}

impl GroupSumsFold<'_> {
    fn group(&self, row: usize) -> Option<usize> {
        match &self.groups {
            Groups::Here(groups) => groups.get(row).copied().flatten().map(|group| group as usize),
            Groups::Sent(bytes) => {
                let width = width(self.n_groups);
                let mut number = [0; 4];
                number[..width].copy_from_slice(bytes.get(row * width..(row + 1) * width)?);
                Some(u32::from_le_bytes(number) as usize).filter(|group| *group < self.n_groups)
            }
        }
    }

    fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights.get(row).copied().unwrap_or_default())
    }

    /// The rows of a run.
    fn run_rows(&self) -> usize {
        (run_leaves(self.rows) * LEAF_ROWS).min(self.rows)
    }

    /// The bytes that each task is sent, and those that all of them send back at most.
    fn bytes(&self) -> (u64, u64) {
        let weight = self.weights.as_ref().map_or(0, |_| size_of::<f64>());
        let sent = self.rows.saturating_mul(width(self.n_groups) + weight);
        let of_group = self.dims.saturating_add(2).saturating_mul(size_of::<f64>());
        let of_run = self.n_groups.min(self.run_rows()).saturating_mul(of_group);
        (sent as u64, (runs(self.rows) as u64).saturating_mul(of_run as u64))
    }

    fn require_few_bytes(&self) -> Result<()> {
        let (sent, back) = self.bytes();
        if sent <= MOST_SENT && back <= MOST_BACK {
            return Ok(());
        }
        Err(Error::argument("too many rows or groups to add up on several machines")
            .seen(format!(
                "{} rows, {} groups: {} MB to each task, at most {}; {} MB back, at most {}",
                self.rows,
                self.n_groups,
                sent >> 20,
                MOST_SENT >> 20,
                back >> 20,
                MOST_BACK >> 20
            ))
            .advice("let one machine pass over the rows, without --on"))
    }
}

impl Fold for GroupSumsFold<'_> {
    type Part = GroupSums;

    fn start(&self) -> GroupSums {
        GroupSums {
            sums: vec![Vec::new(); self.n_groups],
            counts: vec![0; self.n_groups],
            weights: vec![0.0; self.n_groups],
            seen: 0,
        }
    }

    fn add(&self, part: &mut GroupSums, block: RowBlock<'_>) {
        part.seen += block.rows.nrows();
        for (row, values) in (block.first..).zip(block.rows.rows()) {
            let Some(group) = self.group(row) else { continue };
            let weight = self.weight(row);
            let sums = &mut part.sums[group];
            sums.resize(self.dims, 0.0);
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * f64::from(*value));
            part.counts[group] += 1;
            part.weights[group] += weight;
        }
    }

    fn merge(&self, into: &mut GroupSums, from: GroupSums) {
        for (sums, more) in into.sums.iter_mut().zip(from.sums) {
            if sums.is_empty() {
                *sums = more;
            } else {
                sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
            }
        }
        into.counts.iter_mut().zip(from.counts).for_each(|(count, more)| *count += more);
        into.weights.iter_mut().zip(from.weights).for_each(|(weight, more)| *weight += more);
        into.seen += from.seen;
    }

    fn portable(&self) -> Option<&dyn Portable<Part = GroupSums>> {
        Some(self)
    }
}

impl GroupSumsFold<'_> {
    pub const NAME: &'static str = "group-sums";

    /// The fold of these [`params`](Portable::params), over so many rows.
    pub fn of(params: &[u8], rows: usize) -> Result<GroupSumsFold<'static>> {
        let mut series = Unpacker::new(params);
        let [n_groups, dims] = series.next_of::<u64>(2)?[..] else { return Err(damaged()) };
        let n_groups = usize::try_from(n_groups).map_err(|_| damaged())?;
        if n_groups > rows.max(MOST_EMPTY) {
            return Err(damaged());
        }
        let groups = Groups::Sent(series.next_of(rows.saturating_mul(width(n_groups)))?);
        let weights: Vec<f64> = series.next()?;
        let weights = match weights.len() {
            0 => None,
            given if given == rows => Some(Cow::Owned(weights)),
            _ => return Err(damaged()),
        };
        series.end().map(|()| GroupSumsFold { groups, weights, n_groups, dims: dims as usize, rows })
    }
}

impl Portable for GroupSumsFold<'_> {
    type Part = GroupSums;

    fn name(&self) -> String {
        Self::NAME.into()
    }

    fn params(&self) -> Vec<u8> {
        let width = width(self.n_groups);
        let mut groups = Vec::with_capacity(self.rows * width);
        for row in 0..self.rows {
            let number = self.group(row).unwrap_or(self.n_groups) as u32;
            groups.extend_from_slice(&number.to_le_bytes()[..width]);
        }
        Packer::default()
            .add(&[self.n_groups as u64, self.dims as u64])
            .add(&groups)
            .add(self.weights.as_deref().unwrap_or_default())
            .bytes()
    }

    fn dims(&self) -> Option<usize> {
        Some(self.dims)
    }

    /// Where a run can meet all groups; runs of fewer rows meet others each, and nothing is saved by merging them.
    fn merged(&self) -> bool {
        self.n_groups <= self.run_rows()
    }

    fn rows(&self, part: &GroupSums) -> usize {
        part.seen
    }

    /// The sums of the groups that were met, one after the other.
    fn pack(&self, part: GroupSums) -> Vec<u8> {
        let counts: Vec<u64> = part.counts.iter().map(|count| *count as u64).collect();
        let sums = part.sums.concat();
        Packer::default().add(&[part.seen as u64]).add(&counts).add(&part.weights).add(&sums).bytes()
    }

    fn unpack(&self, bytes: &[u8]) -> Result<GroupSums> {
        let mut series = Unpacker::new(bytes);
        let seen = series.one::<u64>()? as usize;
        let counts: Vec<u64> = series.next_of(self.n_groups)?;
        let weights = series.next_of(self.n_groups)?;
        let met = counts.iter().filter(|count| **count > 0).count();
        let sums: Vec<f64> = series.next_of(met.saturating_mul(self.dims))?;
        series.end()?;
        let mut sums = sums.chunks_exact(self.dims.max(1));
        let mut of_group = |count: &u64| if *count > 0 { sums.next() } else { None };
        Ok(GroupSums {
            sums: counts.iter().map(|count| of_group(count).unwrap_or_default().to_vec()).collect(),
            counts: counts.iter().map(|count| *count as usize).collect(),
            weights,
            seen,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{Chunks, Engine, Pass};

    /// Rows of a million numbers each, which nobody may read.
    struct Wide;

    impl RowSource for Wide {
        fn n_rows(&self) -> usize {
            40_000
        }
        fn dims(&self) -> usize {
            1_000_000
        }
        fn chunks(&self, _rows: usize) -> Result<Chunks<'_>> {
            unreachable!()
        }
        fn engine(&self) -> Option<&dyn Engine> {
            Some(self)
        }
    }

    impl Engine for Wide {
        fn pass(&self, _pass: &Pass) -> Result<Vec<Vec<u8>>> {
            unreachable!()
        }
    }

    fn fold(groups: &[Option<u32>], n_groups: usize) -> GroupSumsFold<'_> {
        GroupSumsFold { groups: Groups::Here(groups), weights: None, n_groups, dims: 1, rows: groups.len() }
    }

    #[test]
    fn groups_are_sent_in_as_few_bytes_as_hold_them_and_none() {
        for (n_groups, bytes) in [(1, 1), (255, 1), (256, 2), (65_535, 2), (65_536, 4)] {
            let groups = [Some(n_groups - 1), None, Some(0)];
            let here = fold(&groups, n_groups as usize);
            let params = here.params();
            assert_eq!(params.len(), 3 * 8 + 2 * 8 + 3 * bytes);
            let sent = GroupSumsFold::of(&params, 3).unwrap();
            assert!((0..4).all(|row| sent.group(row) == here.group(row)), "{n_groups}");
            assert!(GroupSumsFold::of(&params, 4).is_err());
            assert!((0..params.len()).all(|end| GroupSumsFold::of(&params[..end], 3).is_err()));
        }
    }

    #[test]
    fn what_travels_is_bounded() {
        let of = |rows, n_groups, dims, weights| GroupSumsFold {
            groups: Groups::Here(&[]),
            weights,
            n_groups,
            dims,
            rows,
        };
        let fold = of(1_000_000, 2000, 1536, None);
        assert_eq!(fold.bytes(), (2_000_000, 31 * 2000 * 1538 * 8));
        assert!(fold.merged() && fold.require_few_bytes().is_ok());
        let weights: &[f64] = &[];
        assert_eq!(of(1_000_000, 2000, 1536, Some(weights.into())).bytes().0, 10_000_000);
        let many = of(1_000_000, 250_000, 1536, None);
        assert!(!many.merged());
        assert_eq!(many.require_few_bytes().unwrap_err().code(), "argument");
        assert!(of(1_000_000_000, 10, 1536, None).require_few_bytes().is_err());
        let error = group_sums(&Wide, &[Some(7); 40_000], None, 2000).err().unwrap();
        assert!(error.to_string().contains("305176 MB"), "{error}");
    }
}
