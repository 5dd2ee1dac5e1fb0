//! Repulsion by a tree: far points act as one (Barnes and Hut, 1986; van der Maaten, 2014).

use rayon::prelude::*;

use super::kernel::{Sources, TARGETS, repel, targets};

/// Points in a leaf of the tree at most, unless they are too close to tell apart.
const LEAF_POINTS: usize = 8;

/// Points below which threads cost more than they bring.
const FEW: usize = 2_000;

/// A cell of the tree. Cells are in the order of a walk from the root that visits a cell before
/// those in it.
#[derive(Debug, Clone, Copy)]
struct Cell<const D: usize> {
    center: [f32; D],
    /// How many points.
    mass: f32,
    /// The square of the longest side of the box around its points.
    extent: f32,
    /// Its points, in the tree's order.
    first: u32,
    end: u32,
    /// The cell that follows when those in this one are passed over.
    next: u32,
    is_leaf: bool,
}

/// The tree over some points, and memory that is used again for the next tree.
#[derive(Debug, Clone, Default)]
pub(super) struct BarnesHut<const D: usize> {
    angle: f32,
    /// The place on the curve and the number of each point, sorted.
    keys: Vec<u64>,
    points: Vec<[f32; D]>,
    cells: Vec<Cell<D>>,
    repelled: Vec<([f32; D], f32)>,
}

impl<const D: usize> BarnesHut<D> {
    /// `angle` is scikit-learn's: a cell whose extent is less than `angle` times its distance acts as
    /// one point.
    pub fn new(angle: f64) -> Self {
        BarnesHut {
            angle: angle as f32,
            keys: Vec::new(),
            points: Vec::new(),
            cells: Vec::new(),
            repelled: Vec::new(),
        }
    }

    /// Writes the repulsion of all points on each point, and gives the sum of all weights: for all
    /// pairs of different points, twice each, 1 / (1 + squared distance).
    ///
    /// Neighbouring points walk the tree together, and meet the cells and points that they find all
    /// at once; so a cell acts as one point only where it is far enough from all of them.
    pub fn repulsion(&mut self, at: &[[f32; D]], out: &mut [[f32; D]]) -> f64 {
        self.plant(at);
        let mut repelled = std::mem::take(&mut self.repelled);
        repelled.clear();
        repelled.resize(at.len(), ([0.0; D], 0.0));
        let groups = repelled.par_chunks_mut(TARGETS).enumerate();
        let few = if at.len() < FEW { usize::MAX } else { 4 };
        groups.with_min_len(few).for_each_init(Sources::default, |sources, (group, out)| {
            let points = &self.points[group * TARGETS..group * TARGETS + out.len()];
            self.walk(points, sources);
            let found = repel(&targets(points), sources);
            for (t, (force, weight)) in out.iter_mut().enumerate() {
                *force = std::array::from_fn(|d| found.force[d][t]);
                *weight = found.weight[t];
            }
        });
        let mut sum = 0.0;
        for (key, (force, weight)) in self.keys.iter().zip(&repelled) {
            out[*key as u32 as usize] = *force;
            sum += f64::from(*weight);
        }
        self.repelled = repelled;
        sum - at.len() as f64
    }

    /// Gathers what acts on all of `group`.
    fn walk(&self, group: &[[f32; D]], sources: &mut Sources<D>) {
        sources.clear();
        let (low, high) = bounds(group);
        let angle = self.angle * self.angle;
        let mut i = 0;
        while let Some(cell) = self.cells.get(i) {
            let mut square = 0.0;
            for d in 0..D {
                let apart = (low[d] - cell.center[d]).max(cell.center[d] - high[d]).max(0.0);
                square += apart * apart;
            }
            if cell.extent <= angle * square {
                sources.push(cell.center, cell.mass);
                i = cell.next as usize;
            } else if cell.is_leaf {
                sources.extend(&self.points[cell.first as usize..cell.end as usize]);
                i = cell.next as usize;
            } else {
                i += 1;
            }
        }
    }

    /// Sorts the points along a space-filling curve (Morton's) and cuts the curve into cells.
    fn plant(&mut self, at: &[[f32; D]]) {
        let (low, high) = bounds(at);
        let side = (0..D).map(|d| high[d] - low[d]).fold(0.0, f32::max);
        let steps = ((1_u32 << bits::<D>()) - 1) as f32;
        let scale = if side > 0.0 { steps / side } else { 0.0 };
        let key = |(i, point): (usize, &[f32; D])| {
            let cell = std::array::from_fn::<u32, D, _>(|d| ((point[d] - low[d]) * scale) as u32);
            u64::from(interleave(cell)) << 32 | i as u64
        };
        self.keys.clear();
        self.keys.extend(at.iter().enumerate().map(key));
        if at.len() < FEW {
            self.keys.sort_unstable()
        } else {
            self.keys.par_sort_unstable()
        }
        self.points.clear();
        self.points.extend(self.keys.iter().map(|key| at[*key as u32 as usize]));
        self.cells.clear();
        if !at.is_empty() {
            self.grow(0, at.len(), D * bits::<D>());
        }
    }

    /// Adds the cell of the points `first..end`, which agree in all but the last `depth` bits of their
    /// keys, and those within it; gives its center of gravity times its mass, and its box.
    fn grow(&mut self, first: usize, end: usize, depth: usize) -> Grown<D> {
        let number = self.cells.len();
        let is_leaf = end - first <= LEAF_POINTS || depth == 0;
        let (first_u32, end_u32) = (first as u32, end as u32);
        self.cells.push(Cell {
            center: [0.0; D],
            mass: (end - first) as f32,
            extent: 0.0,
            first: first_u32,
            end: end_u32,
            next: 0,
            is_leaf,
        });
        let grown = if is_leaf {
            let points = &self.points[first..end];
            let mut sum = [0.0; D];
            for point in points {
                (0..D).for_each(|d| sum[d] += f64::from(point[d]));
            }
            let (low, high) = bounds(points);
            Grown { sum, low, high }
        } else {
            self.split(first, end, depth - D)
        };
        let next = self.cells.len() as u32;
        let cell = &mut self.cells[number];
        cell.center = std::array::from_fn(|d| (grown.sum[d] / (end - first) as f64) as f32);
        let extent = (0..D).map(|d| grown.high[d] - grown.low[d]).fold(0.0, f32::max);
        cell.extent = extent * extent;
        cell.next = next;
        grown
    }

    /// The cells within one cell, by the next bits of the keys.
    fn split(&mut self, first: usize, end: usize, depth: usize) -> Grown<D> {
        let mut all = Grown { sum: [0.0; D], low: [f32::INFINITY; D], high: [f32::NEG_INFINITY; D] };
        let mut start = first;
        while start < end {
            let digit = |key: u64| (key >> 32) >> depth;
            let own = digit(self.keys[start]);
            let stop = start + self.keys[start..end].partition_point(|key| digit(*key) == own);
            let child = self.grow(start, stop, depth);
            for d in 0..D {
                all.sum[d] += child.sum[d];
                all.low[d] = all.low[d].min(child.low[d]);
                all.high[d] = all.high[d].max(child.high[d]);
            }
            start = stop;
        }
        all
    }
}

/// What a cell tells the one around it.
struct Grown<const D: usize> {
    sum: [f64; D],
    low: [f32; D],
    high: [f32; D],
}

/// The box around some points.
pub(super) fn bounds<const D: usize>(points: &[[f32; D]]) -> ([f32; D], [f32; D]) {
    let (mut low, mut high) = ([f32::INFINITY; D], [f32::NEG_INFINITY; D]);
    for point in points {
        for d in 0..D {
            low[d] = low[d].min(point[d]);
            high[d] = high[d].max(point[d]);
        }
    }
    (low, high)
}

/// Bits of the curve for each dimension; all of them fit in 32.
const fn bits<const D: usize>() -> usize {
    if D == 2 { 16 } else { 10 }
}

/// The bits of all dimensions in turn, the highest first.
fn interleave<const D: usize>(cell: [u32; D]) -> u32 {
    let spread = |x: u32| {
        if D == 2 {
            let x = (x | x << 8) & 0x00FF_00FF;
            let x = (x | x << 4) & 0x0F0F_0F0F;
            let x = (x | x << 2) & 0x3333_3333;
            (x | x << 1) & 0x5555_5555
        } else {
            let x = (x | x << 16) & 0x0300_00FF;
            let x = (x | x << 8) & 0x0300_F00F;
            let x = (x | x << 4) & 0x030C_30C3;
            (x | x << 2) & 0x0924_9249
        }
    };
    cell.into_iter().enumerate().map(|(d, x)| spread(x) << d).fold(0, |all, x| all | x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::exact::Exact;
    use rand::{Rng, SeedableRng};

    fn compare<const D: usize>(at: &[[f32; D]], angle: f64, tolerance: f64) {
        let (mut found, mut expected) = (vec![[0.0; D]; at.len()], vec![[0.0; D]; at.len()]);
        let weight = BarnesHut::new(angle).repulsion(at, &mut found);
        let all = Exact::default().repulsion(at, &mut expected);
        assert!((weight / all - 1.0).abs() < tolerance, "{weight} {all}");
        let size =
            |forces: &[[f32; D]]| forces.iter().flatten().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        let apart: Vec<[f32; D]> =
            found.iter().zip(&expected).map(|(a, b)| std::array::from_fn(|d| a[d] - b[d])).collect();
        assert!(
            size(&apart) <= tolerance * size(&expected) + 1e-4,
            "{} of {}",
            size(&apart),
            size(&expected)
        );
    }

    #[test]
    fn the_tree_is_near_to_all_pairs_in_two_and_three_dimensions() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        for n in [1, 2, 31, 33, 500, 2_100] {
            let flat: Vec<[f32; 2]> = (0..n)
                .map(|i| std::array::from_fn(|_| random.gen_range(-9.0..9.0) + (i % 5) as f32))
                .collect();
            let solid: Vec<[f32; 3]> = (0..n)
                .map(|i| std::array::from_fn(|_| random.gen_range(-9.0..9.0) + (i % 5) as f32))
                .collect();
            compare(&flat, 0.5, 2e-2);
            compare(&solid, 0.5, 2e-2);
            compare(&flat, 0.0, 1e-5);
        }
    }

    #[test]
    fn points_in_one_place_are_one_cell() {
        let mut at = vec![[0.25_f32, -1.0]; 1_000];
        compare(&at, 0.5, 1e-3);
        at.extend((0..100).map(|i| [i as f32, 3.0]));
        compare(&at, 0.5, 1e-2);
        let mut tree = BarnesHut::new(0.5);
        tree.plant(&at);
        assert!(tree.cells.len() < 200, "{}", tree.cells.len());
    }
}
