//! Lloyd's iterations on matrix products, reading only the rows that may change.
//!
//! Each row has an upper bound of the distance to its centroid and a lower bound of the
//! distance to each group of the others (Elkan, 2003, with one centroid a group; Ding et al., 2015,
//! "Yinyang", with more). When centroids move, the bounds move with them; a row whose upper bound is
//! below all its lower bounds keeps its centroid and is not read. The others are gathered and
//! measured against all centroids in one matrix product. Sums of clusters change by the rows that
//! change sides. The result is that of the plain iterations, ties within rounding aside.

use std::sync::{Mutex, PoisonError};

use ndarray::{Array2, ArrayView2};

use super::bounds::{Block, Groups, NONE};
use super::checkpoint::{Checkpoint, Iteration};
use super::farthest::Farthest;
use super::points::Points;
use super::{Geometry, KMeansValidParams};
use crate::error::{Error, Result};
use crate::progress::steps;
use crate::rows::product::{dot_products, dot_products_of};
use crate::rows::simd::{dot, dot_f64, squared_distance_f64, squared_norms};
use crate::rows::{BLOCK_ROWS, Fold, RowBlock, RowSource, fold_rows};

/// Where one start ended.
pub(super) struct Converged {
    pub centroids: Array2<f32>,
    pub labels: Vec<Option<u32>>,
    pub inertia: f64,
    pub n_iter: usize,
}

/// Iterates from `centroids` until the labels or the centroids no longer change. `tol` bounds the sum
/// of squared movements.
pub(super) fn lloyd(
    source: &(impl RowSource + ?Sized),
    points: &Points,
    params: &KMeansValidParams,
    tol: f64,
    centroids: Array2<f32>,
    kept: Option<&mut dyn Checkpoint>,
) -> Result<Converged> {
    iterate(source, State::new(points, centroids, params.bounds), params, tol, (0, false), kept)
}

/// As [`lloyd`], from an iteration of an earlier run.
pub(super) fn lloyd_from(
    source: &(impl RowSource + ?Sized),
    points: &Points,
    params: &KMeansValidParams,
    tol: f64,
    last: Iteration,
    kept: Option<&mut dyn Checkpoint>,
) -> Result<Converged> {
    let done = (last.n_iter, last.converged);
    iterate(source, State::from_iteration(points, last, params)?, params, tol, done, kept)
}

fn iterate(
    source: &(impl RowSource + ?Sized),
    mut state: State<'_>,
    params: &KMeansValidParams,
    tol: f64,
    (mut n_iter, mut converged): (usize, bool),
    mut kept: Option<&mut dyn Checkpoint>,
) -> Result<Converged> {
    let mut still = false;
    let steps = steps("iterations", params.max_iter);
    while n_iter < params.max_iter && !converged {
        steps.add(usize::from(n_iter > 0));
        n_iter += 1;
        let changed = state.assign(source)?;
        if changed == 0 {
            still = true;
            break;
        }
        state.fill_empty_clusters(source)?;
        converged = state.move_centroids() <= tol;
        if let Some(kept) = &mut kept {
            kept.keep(state.iteration(n_iter, converged))?;
        }
    }
    if !still {
        state.assign(source)?;
    }
    Ok(state.finish(n_iter))
}

struct State<'p> {
    points: &'p Points,
    centroids: Array2<f32>,
    /// The squared length of each centroid.
    squares: Vec<f32>,
    /// How far each centroid moved last.
    drift: Vec<f32>,
    /// Half the distance of each centroid from its nearest other.
    clearance: Vec<f32>,
    groups: Groups,
    blocks: Vec<Mutex<Block>>,
    sums: Array2<f64>,
    counts: Vec<i64>,
}

/// How many rows have each label, all below `k` or [`NONE`].
fn counts_of(labels: &[u32], k: usize) -> Vec<i64> {
    let mut counts = vec![0; k];
    labels.iter().filter(|label| **label != NONE).for_each(|label| counts[*label as usize] += 1);
    counts
}

fn known_label(label: u32) -> Option<u32> {
    (label != NONE).then_some(label)
}

impl<'p> State<'p> {
    fn new(points: &'p Points, centroids: Array2<f32>, bounds: Option<u64>) -> Self {
        let (k, dims) = centroids.dim();
        let groups = Groups::new(k, dims, points.len(), bounds);
        let blocks = (0..points.n_blocks())
            .map(|block| Mutex::new(Block::new(points.rows_in_block(block), groups.count)))
            .collect();
        let mut state = State {
            points,
            squares: Vec::new(),
            drift: vec![0.0; k],
            clearance: Vec::new(),
            groups,
            blocks,
            sums: Array2::zeros((k, dims)),
            counts: vec![0; k],
            centroids,
        };
        state.measure_centroids();
        state
    }

    /// The state after an iteration of an earlier run. Nothing is known of distances.
    fn from_iteration(points: &'p Points, last: Iteration, params: &KMeansValidParams) -> Result<Self> {
        let (n_clusters, bounds) = (params.n_clusters, params.bounds);
        let Iteration { centroids, labels, sums, counts, .. } = last;
        let (k, dims) = centroids.dim();
        let fits = labels.len() == points.len()
            && (dims, sums.dim(), counts.len()) == (points.dims, (k, dims), k)
            && k == n_clusters
            && labels.iter().all(|label| *label == NONE || (*label as usize) < k)
            && counts_of(&labels, k) == counts
            && centroids.iter().all(|x| x.is_finite())
            && sums.iter().all(|x| x.is_finite());
        if !fits {
            return Err(Error::input("the checkpoint is of other rows")
                .with_code("checkpoint-differs")
                .seen(format!("{} rows and {} clusters of {dims} dimensions", labels.len(), k))
                .advice("name another folder, or delete this one to begin anew"));
        }
        let mut state = State::new(points, centroids, bounds);
        let mut labels = labels.into_iter();
        for block in &mut state.blocks {
            let block = block.get_mut().unwrap_or_else(PoisonError::into_inner);
            block.labels.iter_mut().zip(&mut labels).for_each(|(label, kept)| *label = kept);
        }
        (state.sums, state.counts) = (sums, counts);
        Ok(state)
    }

    fn iteration(&mut self, n_iter: usize, converged: bool) -> Iteration {
        let blocks = self.blocks.iter_mut();
        let labels =
            blocks.flat_map(|block| block.get_mut().unwrap_or_else(PoisonError::into_inner).labels.clone());
        Iteration {
            n_iter,
            converged,
            labels: labels.collect(),
            centroids: self.centroids.clone(),
            sums: self.sums.clone(),
            counts: self.counts.clone(),
        }
    }

    fn measure_centroids(&mut self) {
        let values = self.centroids.as_slice().unwrap_or_default();
        squared_norms(values, self.points.dims, &mut self.squares);
        let k = self.squares.len();
        let mut dots = Vec::new();
        dot_products(values, values, self.points.dims, &mut dots);
        let rounding = self.rounding();
        self.clearance = (0..k)
            .map(|a| {
                let others = (0..k).filter(|b| *b != a);
                let nearest = others
                    .map(|b| self.squares[a] + self.squares[b] - 2.0 * dots[b * k + a])
                    .fold(f32::INFINITY, f32::min);
                (nearest - rounding).max(0.0).sqrt() / 2.0
            })
            .collect();
    }

    fn rounding(&self) -> f32 {
        self.points.rounding(self.squares.iter().copied().fold(0.0, f32::max).sqrt())
    }

    /// Gives each row its nearest centroid; says how many rows changed sides.
    fn assign(&mut self, source: &(impl RowSource + ?Sized)) -> Result<usize> {
        let mut group_drift = vec![0.0_f32; self.groups.count];
        for (c, drift) in self.drift.iter().enumerate() {
            let most = &mut group_drift[self.groups.of[c]];
            *most = most.max(*drift);
        }
        let part = fold_rows(source, &Assign { state: self, rounding: self.rounding(), group_drift })?;
        for (mut sums, change) in self.sums.rows_mut().into_iter().zip(part.sums) {
            sums.iter_mut().zip(change).for_each(|(sum, change)| *sum += change);
        }
        self.counts.iter_mut().zip(part.counts).for_each(|(count, change)| *count += change);
        Ok(part.changed)
    }

    /// Moves each centroid to the mean of its rows; returns the sum of squared movements.
    fn move_centroids(&mut self) -> f64 {
        let mut moved = 0.0;
        for (c, mut centroid) in self.centroids.rows_mut().into_iter().enumerate() {
            let sums = self.sums.row(c);
            let divisor = match self.points.geometry {
                Geometry::Euclidean => self.counts[c] as f64,
                Geometry::Spherical => sums.dot(&sums).sqrt(),
            };
            self.drift[c] = 0.0;
            if divisor <= 0.0 {
                continue;
            }
            let old = centroid.to_vec();
            centroid.iter_mut().zip(sums).for_each(|(value, sum)| *value = (sum / divisor) as f32);
            let square = squared_distance_f64(&old, centroid.as_slice().unwrap_or_default());
            moved += square;
            // A little more than the truth, for the rounding of the bounds that it is added to.
            self.drift[c] = (square.sqrt() * 1.000_001) as f32;
        }
        self.measure_centroids();
        moved
    }

    /// Gives each cluster without rows the row that lies farthest from its own centroid, as
    /// scikit-learn does; clusters of one row are left alone.
    fn fill_empty_clusters(&mut self, source: &(impl RowSource + ?Sized)) -> Result<()> {
        let empty: Vec<usize> = (0..self.counts.len()).filter(|c| self.counts[*c] == 0).collect();
        if empty.is_empty() {
            return Ok(());
        }
        let farthest = Farthest {
            points: self.points,
            centroids: &self.centroids,
            squares: &self.squares,
            blocks: &self.blocks,
            keep: empty.len() + self.counts.len(),
        };
        let mut rows = fold_rows(source, &farthest)?;
        let mut rows = rows.drain(..);
        for cluster in empty {
            let Some(row) = rows.find(|row| self.counts[row.label as usize] > 1) else { break };
            let block = &mut self.blocks[row.row / BLOCK_ROWS];
            let block = block.get_mut().unwrap_or_else(PoisonError::into_inner);
            block.labels[row.row % BLOCK_ROWS] = cluster as u32;
            // Nothing is known of its distances any more.
            block.upper[row.row % BLOCK_ROWS] = f32::INFINITY;
            let scale = f64::from(self.points.scale(row.row));
            for (j, value) in row.values.iter().enumerate() {
                self.sums[[row.label as usize, j]] -= f64::from(*value) * scale;
                self.sums[[cluster, j]] += f64::from(*value) * scale;
            }
            self.counts[row.label as usize] -= 1;
            self.counts[cluster] += 1;
        }
        Ok(())
    }

    /// The sum of squared distances needs no pass: with S the sum of a cluster's n rows and c its
    /// centroid, it is sum(x·x) - 2 c·S + n c·c.
    fn finish(self, n_iter: usize) -> Converged {
        let mut inertia = self.points.sum_of_squares;
        for ((centroid, sums), count) in
            self.centroids.rows().into_iter().zip(self.sums.rows()).zip(&self.counts)
        {
            let product: f64 = centroid.iter().zip(sums).map(|(value, sum)| f64::from(*value) * sum).sum();
            let centroid = centroid.as_slice().unwrap_or_default();
            inertia += *count as f64 * dot_f64(centroid, centroid) - 2.0 * product;
        }
        let labels = self
            .blocks
            .into_iter()
            .flat_map(|block| block.into_inner().unwrap_or_else(PoisonError::into_inner).labels);
        let labels = labels.map(known_label);
        Converged { labels: labels.collect(), centroids: self.centroids, inertia: inertia.max(0.0), n_iter }
    }
}

/// One pass over the rows whose bounds leave it open which centroid is nearest.
struct Assign<'a, 'p> {
    state: &'a State<'p>,
    rounding: f32,
    group_drift: Vec<f32>,
}

/// Changes of sums and counts; clusters without changes hold no memory.
struct AssignPart {
    sums: Vec<Vec<f64>>,
    counts: Vec<i64>,
    changed: usize,
    work: Work,
}

/// Room for one block's work.
#[derive(Default)]
struct Work {
    open: Vec<usize>,
    gathered: Vec<f32>,
    dots: Vec<f32>,
    scales: Vec<f32>,
    squares: Vec<f32>,
    nearest: Vec<u32>,
    least: Vec<f32>,
    group_least: Vec<f32>,
}

impl Fold for Assign<'_, '_> {
    type Part = AssignPart;

    fn start(&self) -> AssignPart {
        let k = self.state.squares.len();
        AssignPart { sums: vec![Vec::new(); k], counts: vec![0; k], changed: 0, work: Work::default() }
    }

    fn add(&self, part: &mut AssignPart, block: RowBlock<'_>) {
        let Some(values) = block.rows.as_slice() else { return };
        let dims = self.state.points.dims;
        let mut known =
            self.state.blocks[block.first / BLOCK_ROWS].lock().unwrap_or_else(PoisonError::into_inner);
        let AssignPart { sums, counts, changed, work } = part;
        self.find_open(&mut known, block.first, values, work);
        if work.open.is_empty() {
            return;
        }
        let centroids = self.state.centroids.as_slice().unwrap_or_default();
        // Gathering costs more than the few products that it saves when nearly all rows are open.
        if 8 * work.open.len() >= 7 * known.labels.len() {
            work.open.clear();
            let placed = |i: &usize| self.state.points.is_placed(block.first + i);
            work.open.extend((0..known.labels.len()).filter(placed));
        }
        dot_products_of(&work.open, values, centroids, dims, &mut work.gathered, &mut work.dots);
        self.measure(&mut known, block.first, work);
        for (at, i) in work.open.iter().enumerate() {
            let (old, new) = (known.labels[*i], work.nearest[at]);
            if old == new {
                continue;
            }
            *changed += 1;
            let row = &values[i * dims..(i + 1) * dims];
            let scale = f64::from(self.state.points.scale(block.first + i));
            add_row(&mut sums[new as usize], row, scale);
            counts[new as usize] += 1;
            if old != NONE {
                add_row(&mut sums[old as usize], row, -scale);
                counts[old as usize] -= 1;
            }
            known.labels[*i] = new;
        }
    }

    fn merge(&self, into: &mut AssignPart, from: AssignPart) {
        for (sums, more) in into.sums.iter_mut().zip(from.sums) {
            if sums.is_empty() {
                *sums = more;
            } else {
                sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
            }
        }
        into.counts.iter_mut().zip(from.counts).for_each(|(count, more)| *count += more);
        into.changed += from.changed;
    }
}

fn add_row(sums: &mut Vec<f64>, row: &[f32], scale: f64) {
    sums.resize(row.len(), 0.0);
    sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value) * scale);
}

impl Assign<'_, '_> {
    /// Moves the bounds and lists the rows that they do not settle.
    fn find_open(&self, known: &mut Block, first: usize, values: &[f32], work: &mut Work) {
        let state = self.state;
        let m = known.labels.len();
        work.open.clear();
        work.least.clear();
        work.least.resize(m, f32::INFINITY);
        for (group, drift) in self.group_drift.iter().enumerate() {
            for (lower, least) in known.lower[group * m..(group + 1) * m].iter_mut().zip(&mut work.least) {
                *lower -= drift;
                *least = if *lower < *least { *lower } else { *least };
            }
        }
        for i in 0..m {
            let label = known.labels[i] as usize;
            if known.labels[i] == NONE {
                if state.points.is_placed(first + i) {
                    work.open.push(i);
                }
                continue;
            }
            let upper = &mut known.upper[i];
            *upper += state.drift[label];
            let bound = work.least[i].max(state.clearance[label]);
            if *upper < bound {
                continue;
            }
            let dims = state.points.dims;
            let centroid = &state.centroids.as_slice().unwrap_or_default()[label * dims..(label + 1) * dims];
            let product = dot(&values[i * dims..(i + 1) * dims], centroid);
            let square = state.points.squared_distance(first + i, product, state.squares[label]);
            *upper = (square + self.rounding).sqrt();
            if *upper >= bound {
                work.open.push(i);
            }
        }
    }

    /// From the products of the open rows with all centroids: the nearest one, and new bounds.
    fn measure(&self, known: &mut Block, first: usize, work: &mut Work) {
        let state = self.state;
        let (m, open) = (known.labels.len(), work.open.len());
        let k = state.squares.len();
        work.scales.clear();
        work.scales.extend(work.open.iter().map(|i| -2.0 * state.points.scale(first + i)));
        work.squares.clear();
        work.squares.extend(work.open.iter().map(|i| state.points.square(first + i)));
        work.nearest.clear();
        work.nearest.resize(open, 0);
        work.least.clear();
        work.least.resize(open, f32::INFINITY);
        // Products become squared distances, and the least of them is kept.
        for c in 0..k {
            let own = state.squares[c];
            let known = work.scales.iter().zip(&work.squares);
            let best = work.least.iter_mut().zip(&mut work.nearest);
            let dots = &mut work.dots[c * open..(c + 1) * open];
            for ((value, (scale, square)), (least, nearest)) in dots.iter_mut().zip(known).zip(best) {
                let distance = square + own + scale * *value;
                let distance = if distance > 0.0 { distance } else { 0.0 };
                *value = distance;
                let nearer = distance < *least;
                *least = if nearer { distance } else { *least };
                *nearest = if nearer { c as u32 } else { *nearest };
            }
        }
        work.group_least.clear();
        work.group_least.resize(open * state.groups.count, f32::INFINITY);
        for c in 0..k {
            let squares = &work.dots[c * open..(c + 1) * open];
            let group = state.groups.of[c];
            let least = &mut work.group_least[group * open..(group + 1) * open];
            for ((square, least), nearest) in squares.iter().zip(least).zip(&work.nearest) {
                let other = if *nearest == c as u32 { f32::INFINITY } else { *square };
                *least = if other < *least { other } else { *least };
            }
        }
        for (at, i) in work.open.iter().enumerate() {
            known.upper[*i] = (work.least[at] + self.rounding).sqrt();
        }
        for group in 0..state.groups.count {
            let least = &work.group_least[group * open..(group + 1) * open];
            for (square, i) in least.iter().zip(&work.open) {
                known.lower[group * m + i] = (square - self.rounding).max(0.0).sqrt();
            }
        }
    }
}

/// The nearest of fixed centroids for each row, and its squared distance: what mini-batches need.
pub(super) fn nearest_centroids(
    source: &(impl RowSource + ?Sized),
    geometry: Geometry,
    centroids: ArrayView2<'_, f32>,
) -> Result<(Vec<Option<u32>>, Vec<f32>)> {
    let points = Points::measure(source, geometry)?;
    let mut state = State::new(&points, centroids.as_standard_layout().into_owned(), None);
    state.assign(source)?;
    let mut labels = Vec::with_capacity(points.len());
    let mut squares = Vec::with_capacity(points.len());
    for block in state.blocks {
        let block = block.into_inner().unwrap_or_else(PoisonError::into_inner);
        labels.extend(block.labels.into_iter().map(known_label));
        squares.extend(block.upper.iter().map(|upper| upper * upper));
    }
    Ok((labels, squares))
}

/// Gives each row the nearest of fixed centroids, with the inertia that follows.
pub(super) fn assign_only(
    source: &(impl RowSource + ?Sized),
    points: &Points,
    centroids: Array2<f32>,
) -> Result<Converged> {
    let mut state = State::new(points, centroids, Some(0));
    state.assign(source)?;
    Ok(state.finish(1))
}
