//! One iteration of Lloyd as a pass that knows nothing of the passes before it, so that it can run anywhere: the sums of
//! the rows nearest to each centroid.

use crate::error::Result;
use crate::rows::packed::{Packer, Unpacker};
use crate::rows::{Fold, Portable, RowBlock};

use super::assign::{Assign, Nearest};

/// The sums and sizes of the clusters of fixed centroids.
pub(crate) struct Step<'a>(pub(super) Assign<'a>);

/// For each centroid the rows that are nearest to it: k x (d + 2) numbers.
pub(crate) struct StepPart {
    /// Their sum, centroid after centroid; of rows scaled to length 1 by cosine.
    pub sums: Vec<f64>,
    /// How many they are.
    pub counts: Vec<i64>,
    /// The sum of their squared distances, as products tell them.
    pub inertia: Vec<f64>,
    /// All rows seen, those without a direction too.
    pub seen: usize,
    /// The first row of numbers that are not finite.
    pub not_finite: Option<usize>,
    work: Nearest,
}

impl Fold for Step<'_> {
    type Part = StepPart;

    fn start(&self) -> StepPart {
        let (k, dims) = self.0.centroids.dim();
        StepPart {
            sums: vec![0.0; k * dims],
            counts: vec![0; k],
            inertia: vec![0.0; k],
            seen: 0,
            not_finite: None,
            work: Nearest::default(),
        }
    }

    fn add(&self, part: &mut StepPart, block: RowBlock<'_>) {
        let StepPart { sums, counts, inertia, seen, not_finite, work } = part;
        *seen += block.rows.nrows();
        let Some(rows) = self.0.nearest(&block, work) else { return };
        let dims = self.0.centroids.ncols();
        for (i, row) in rows.chunks_exact(dims).enumerate() {
            let (scale, nearest) = (work.scaled[i].0, work.nearest[i] as usize);
            if scale.is_nan() {
                not_finite.get_or_insert(block.first + i);
            }
            if scale == 0.0 || scale.is_nan() {
                continue;
            }
            // As the iterations over rows in memory have it: they keep what a row is multiplied by as f32.
            let scale = f64::from(scale as f32);
            let sums = &mut sums[nearest * dims..(nearest + 1) * dims];
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value) * scale);
            counts[nearest] += 1;
            inertia[nearest] += f64::from(work.least[i]);
        }
    }

    fn merge(&self, into: &mut StepPart, from: StepPart) {
        into.sums.iter_mut().zip(from.sums).for_each(|(sum, more)| *sum += more);
        into.counts.iter_mut().zip(from.counts).for_each(|(count, more)| *count += more);
        into.inertia.iter_mut().zip(from.inertia).for_each(|(sum, more)| *sum += more);
        into.seen += from.seen;
        into.not_finite = into.not_finite.or(from.not_finite);
        into.work = Nearest::default();
    }

    fn portable(&self) -> Option<&dyn Portable<Part = StepPart>> {
        Some(self)
    }
}

impl Step<'_> {
    pub const NAME: &'static str = "k-means.step";

    /// The fold of these [`params`](Portable::params).
    pub fn of(params: &[u8]) -> Result<Step<'static>> {
        let mut series = Unpacker::new(params);
        let assign = Assign::unpacked(&mut series)?;
        series.end().map(|()| Step(assign))
    }
}

impl Portable for Step<'_> {
    type Part = StepPart;

    fn name(&self) -> String {
        Self::NAME.into()
    }

    fn params(&self) -> Vec<u8> {
        self.0.packed(Packer::default()).bytes()
    }

    fn dims(&self) -> Option<usize> {
        Some(self.0.centroids.ncols())
    }

    fn merged(&self) -> bool {
        true
    }

    fn rows(&self, part: &StepPart) -> usize {
        part.seen
    }

    fn pack(&self, part: StepPart) -> Vec<u8> {
        let not_finite: Vec<u64> = part.not_finite.iter().map(|row| *row as u64).collect();
        Packer::default()
            .add(&part.sums)
            .add(&part.counts)
            .add(&part.inertia)
            .add(&[part.seen as u64])
            .add(&not_finite)
            .bytes()
    }

    fn unpack(&self, bytes: &[u8]) -> Result<StepPart> {
        let (k, dims) = self.0.centroids.dim();
        let mut series = Unpacker::new(bytes);
        let part = StepPart {
            sums: series.next_of(k * dims)?,
            counts: series.next_of(k)?,
            inertia: series.next_of(k)?,
            seen: series.one::<u64>()? as usize,
            not_finite: series.next::<u64>()?.first().map(|row| *row as usize),
            work: Nearest::default(),
        };
        series.end().map(|()| part)
    }
}

/// The rows that lie farthest from their own centroids, farthest first, ties by row number: for clusters that have none.
pub(crate) struct FarFromAll<'a> {
    pub(super) assign: Assign<'a>,
    /// How many rows are wanted.
    pub(super) keep: usize,
}

pub(crate) struct FarRow {
    pub row: usize,
    pub label: u32,
    square: f32,
    /// The row, scaled to length 1 by cosine.
    pub values: Vec<f64>,
}

/// Those met so far.
#[derive(Default)]
pub(crate) struct FarRows {
    pub rows: Vec<FarRow>,
    seen: usize,
    work: Nearest,
}

impl Fold for FarFromAll<'_> {
    type Part = FarRows;

    fn start(&self) -> FarRows {
        FarRows::default()
    }

    fn add(&self, part: &mut FarRows, block: RowBlock<'_>) {
        let FarRows { rows: found, seen, work } = part;
        *seen += block.rows.nrows();
        let Some(rows) = self.assign.nearest(&block, work) else { return };
        for (i, row) in rows.chunks_exact(self.assign.centroids.ncols()).enumerate() {
            let (scale, square) = (work.scaled[i].0, work.least[i]);
            let full = found.len() == self.keep && found.last().is_some_and(|last| last.square >= square);
            if scale == 0.0 || scale.is_nan() || full {
                continue;
            }
            let at = found.partition_point(|other| other.square >= square);
            let scale = f64::from(scale as f32);
            let values = row.iter().map(|value| f64::from(*value) * scale).collect();
            found.insert(at, FarRow { row: block.first + i, label: work.nearest[i], square, values });
            found.truncate(self.keep);
        }
    }

    fn merge(&self, into: &mut FarRows, from: FarRows) {
        into.rows.extend(from.rows);
        into.rows.sort_by(|a, b| b.square.total_cmp(&a.square).then(a.row.cmp(&b.row)));
        into.rows.truncate(self.keep);
        into.seen += from.seen;
        into.work = Nearest::default();
    }

    fn portable(&self) -> Option<&dyn Portable<Part = FarRows>> {
        Some(self)
    }
}

impl FarFromAll<'_> {
    pub const NAME: &'static str = "k-means.farthest";

    /// The fold of these [`params`](Portable::params).
    pub fn of(params: &[u8]) -> Result<FarFromAll<'static>> {
        let mut series = Unpacker::new(params);
        let far = FarFromAll { keep: series.one::<u64>()? as usize, assign: Assign::unpacked(&mut series)? };
        series.end().map(|()| far)
    }
}

impl Portable for FarFromAll<'_> {
    type Part = FarRows;

    fn name(&self) -> String {
        Self::NAME.into()
    }

    fn params(&self) -> Vec<u8> {
        self.assign.packed(Packer::default().add(&[self.keep as u64])).bytes()
    }

    fn dims(&self) -> Option<usize> {
        Some(self.assign.centroids.ncols())
    }

    fn merged(&self) -> bool {
        true
    }

    fn rows(&self, part: &FarRows) -> usize {
        part.seen
    }

    fn pack(&self, part: FarRows) -> Vec<u8> {
        let rows = &part.rows;
        let values: Vec<f64> = rows.iter().flat_map(|row| &row.values).copied().collect();
        Packer::default()
            .add(&[part.seen as u64])
            .add(&rows.iter().map(|row| row.row as u64).collect::<Vec<_>>())
            .add(&rows.iter().map(|row| row.label).collect::<Vec<_>>())
            .add(&rows.iter().map(|row| row.square).collect::<Vec<_>>())
            .add(&values)
            .bytes()
    }

    fn unpack(&self, bytes: &[u8]) -> Result<FarRows> {
        let dims = self.assign.centroids.ncols();
        let mut series = Unpacker::new(bytes);
        let seen = series.one::<u64>()? as usize;
        let numbers: Vec<u64> = series.next()?;
        let labels: Vec<u32> = series.next_of(numbers.len())?;
        let squares: Vec<f32> = series.next_of(numbers.len())?;
        let values: Vec<f64> = series.next_of(numbers.len() * dims)?;
        let rows = numbers.into_iter().zip(labels).zip(squares).zip(values.chunks_exact(dims.max(1)));
        let rows = rows.map(|(((row, label), square), values)| FarRow {
            row: row as usize,
            label,
            square,
            values: values.to_vec(),
        });
        let rows = rows.filter(|row| (row.label as usize) < self.assign.squares.len()).collect();
        series.end().map(|()| FarRows { rows, seen, work: Nearest::default() })
    }
}
