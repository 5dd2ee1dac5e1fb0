//! Repulsion by interpolation on a grid (FIt-SNE: Linderman et al., 2019), for maps of two dimensions.

use std::sync::Arc;

use rayon::prelude::*;
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

use super::barnes_hut::bounds;

/// Nodes of the grid along one side of a box.
const NODES: usize = 3;

/// Boxes along a side of the grid at least, and the length of a side of a box at most.
const FEWEST_BOXES: usize = 50;

type Number = Complex<f32>;

/// A grid over the points, and what is used again for the next one.
///
/// The map is cut into boxes of three by three nodes. Each point gives its charges to the nodes of its
/// box, by Lagrange's polynomials; charges act on all nodes by a convolution, which is a product of
/// Fourier transforms; and each point takes what it gets from the same nodes. The charges are 1 and
/// the coordinates, the kernels q and q² with q = 1 / (1 + squared distance). Two real grids travel as
/// one complex grid.
#[derive(Default)]
pub(super) struct Interpolation {
    kernel: Option<Kernel>,
}

/// The transforms of both kernels on a grid of some size: that of q in the real parts, of q² in the
/// imaginary parts (kernels that are even have real transforms).
struct Kernel {
    boxes: usize,
    /// The length of a side of a box.
    side: f32,
    /// The length of a side of the periodic grid, in nodes: twice that of the grid.
    length: usize,
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
    transform: Vec<Number>,
}

impl Interpolation {
    /// Writes the repulsion of all points on each point, and gives the sum of all weights, as
    /// [`BarnesHut::repulsion`](super::barnes_hut::BarnesHut::repulsion).
    pub fn repulsion<const D: usize>(&mut self, at: &[[f32; D]], out: &mut [[f32; D]]) -> f64 {
        let (low, high) = bounds(at);
        let range = (high[0] - low[0]).max(high[1] - low[1]).max(f32::MIN_POSITIVE);
        let (boxes, side) = layout(range);
        if self.kernel.as_ref().is_none_or(|kernel| kernel.boxes != boxes || kernel.side != side) {
            self.kernel = Some(Kernel::new(boxes, side));
        }
        let Some(kernel) = &self.kernel else { return 0.0 };
        // Coordinates from the middle, so that products with them stay small.
        let middle: [f32; 2] = std::array::from_fn(|d| low[d] + (high[d] - low[d]) / 2.0);
        let corner: [f32; 2] = std::array::from_fn(|d| middle[d] - boxes as f32 * side / 2.0);
        let places: Vec<Place> = at
            .par_iter()
            .with_min_len(1024)
            .map(|point| Place::new([point[0], point[1]], corner, kernel))
            .collect();
        let length = kernel.length;
        let (mut ones, mut coordinates) =
            (vec![Number::default(); length * length], vec![Number::default(); length * length]);
        rayon::join(
            || {
                for place in &places {
                    place.visit(length, |node, weight| ones[node].re += weight);
                }
            },
            || {
                for (place, point) in places.iter().zip(at) {
                    let charge = Number::new(point[0] - middle[0], point[1] - middle[1]);
                    place.visit(length, |node, weight| coordinates[node] += charge * weight);
                }
            },
        );
        kernel.convolve(&mut ones, |charge, kernel| charge * kernel);
        kernel.convolve(&mut coordinates, |charge, kernel| charge * kernel.im);
        let found: Vec<f64> = out
            .par_chunks_mut(1024)
            .zip(at.par_chunks(1024).zip(places.par_chunks(1024)))
            .map(|(out, (at, places))| {
                let mut sum = 0.0;
                for ((out, point), place) in out.iter_mut().zip(at).zip(places) {
                    let (mut one, mut along) = (Number::default(), Number::default());
                    place.visit(length, |node, weight| {
                        one += ones[node] * weight;
                        along += coordinates[node] * weight;
                    });
                    // The sum of q² · (point - other), from the sums of q² and of q² · other.
                    out[0] = (point[0] - middle[0]) * one.im - along.re;
                    out[1] = (point[1] - middle[1]) * one.im - along.im;
                    sum += f64::from(one.re);
                }
                sum
            })
            .collect();
        found.iter().sum::<f64>() - at.len() as f64
    }
}

/// How many boxes a grid has along a side, and how long each is, for points that spread this far. Few
/// sizes occur, so that a kernel serves for many iterations.
fn layout(range: f32) -> (usize, f32) {
    if range <= FEWEST_BOXES as f32 {
        let side = 1.05_f32.powi((range * 1.0001).log(1.05).ceil() as i32) / FEWEST_BOXES as f32;
        return (FEWEST_BOXES, side);
    }
    (smooth(range.ceil() as usize + 1), 1.0)
}

/// The least number from `least` on without prime factors beyond 5: quick to transform.
fn smooth(least: usize) -> usize {
    let is_smooth = |mut n: usize| {
        for prime in [2, 3, 5] {
            while n.is_multiple_of(prime) {
                n /= prime;
            }
        }
        n == 1
    };
    (least..).find(|n| is_smooth(*n)).unwrap_or(least)
}

/// Where a point is on the grid.
struct Place {
    /// The first node of its box.
    node: [u32; 2],
    /// The weights of the nodes of its box along each side.
    weights: [[f32; NODES]; 2],
}

impl Place {
    fn new(point: [f32; 2], corner: [f32; 2], kernel: &Kernel) -> Place {
        let mut place = Place { node: [0; 2], weights: [[0.0; NODES]; 2] };
        for d in 0..2 {
            let along = ((point[d] - corner[d]) / kernel.side).clamp(0.0, kernel.boxes as f32 - 1e-3);
            let whole = along.floor();
            place.node[d] = whole as u32 * NODES as u32;
            place.weights[d] = lagrange(along - whole);
        }
        place
    }

    #[inline]
    fn visit(&self, length: usize, mut visit: impl FnMut(usize, f32)) {
        for (i, a) in self.weights[1].iter().enumerate() {
            let first = (self.node[1] as usize + i) * length + self.node[0] as usize;
            for (j, b) in self.weights[0].iter().enumerate() {
                visit(first + j, a * b);
            }
        }
    }
}

/// The polynomials that are 1 at one of the nodes 1/6, 1/2 and 5/6 and 0 at the others.
fn lagrange(x: f32) -> [f32; NODES] {
    let (a, b, c) = (x - 1.0 / 6.0, x - 0.5, x - 5.0 / 6.0);
    [4.5 * b * c, -9.0 * a * c, 4.5 * a * b]
}

impl Kernel {
    fn new(boxes: usize, side: f32) -> Kernel {
        let length = 2 * boxes * NODES;
        let mut planner = FftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(length), planner.plan_fft_inverse(length));
        let step = f64::from(side) / NODES as f64;
        let apart = |node: usize| (node.min(length - node) as f64 * step).powi(2);
        let scale = 1.0 / (length * length) as f64;
        let mut transform: Vec<Number> = (0..length * length)
            .map(|at| {
                let q = 1.0 / (1.0 + apart(at / length) + apart(at % length));
                Number::new((q * scale) as f32, (q * q * scale) as f32)
            })
            .collect();
        transform_rows(&forward, &mut transform, length);
        transpose(&mut transform, length);
        transform_rows(&forward, &mut transform, length);
        Kernel { boxes, side, length, forward, inverse, transform }
    }

    /// Replaces charges by the sums over all charges, by the kernel that `product` takes. Charges
    /// stand in the first half of the rows and columns, and the answer is wanted only there.
    fn convolve(&self, charges: &mut [Number], product: impl Fn(Number, Number) -> Number + Sync) {
        let (length, half) = (self.length, self.length / 2);
        transform_rows(&self.forward, &mut charges[..half * length], length);
        transpose(charges, length);
        charges.par_chunks_mut(length).zip(self.transform.par_chunks(length)).with_min_len(8).for_each_init(
            Vec::new,
            |scratch, (row, kernel)| {
                transform_row(&self.forward, row, scratch);
                row.iter_mut().zip(kernel).for_each(|(charge, kernel)| *charge = product(*charge, *kernel));
                transform_row(&self.inverse, row, scratch);
            },
        );
        transpose(charges, length);
        transform_rows(&self.inverse, &mut charges[..half * length], length);
    }
}

fn transform_row(plan: &Arc<dyn Fft<f32>>, row: &mut [Number], scratch: &mut Vec<Number>) {
    scratch.resize(plan.get_inplace_scratch_len(), Number::default());
    plan.process_with_scratch(row, scratch);
}

fn transform_rows(plan: &Arc<dyn Fft<f32>>, rows: &mut [Number], length: usize) {
    rows.par_chunks_mut(length)
        .with_min_len(8)
        .for_each_init(Vec::new, |scratch, row| transform_row(plan, row, scratch));
}

/// Tiles of a transposition: two of them fit into the first-level cache.
const TILE: usize = 32;

/// Transposes a square.
fn transpose(square: &mut [Number], length: usize) {
    for top in (0..length).step_by(TILE) {
        for left in (top..length).step_by(TILE) {
            for i in top..(top + TILE).min(length) {
                for j in left.max(i + 1)..(left + TILE).min(length) {
                    square.swap(i * length + j, j * length + i);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::exact::Exact;
    use rand::{Rng, SeedableRng};

    #[test]
    fn the_grid_is_near_to_all_pairs() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(2);
        // Where points lie far apart, the polynomials of single pairs do not cancel: 1,000 points on a
        // square of 140 have few neighbours within a box.
        for (n, scale, tolerance) in
            [(2, 1.0, 0.02), (500, 1e-3, 0.01), (500, 4.0, 0.01), (1_000, 10.0, 0.02), (1_000, 70.0, 0.1)]
        {
            let at: Vec<[f32; 2]> =
                (0..n).map(|_| std::array::from_fn(|_| random.gen_range(-1.0..1.0) * scale)).collect();
            let (mut found, mut expected) = (vec![[0.0; 2]; n], vec![[0.0; 2]; n]);
            let weight = Interpolation::default().repulsion(&at, &mut found);
            let all = Exact::default().repulsion(&at, &mut expected);
            assert!((weight / all - 1.0).abs() < tolerance, "{weight} {all}");
            let size = |forces: &[[f32; 2]]| {
                forces.iter().flatten().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt()
            };
            let apart: Vec<[f32; 2]> =
                found.iter().zip(&expected).map(|(a, b)| [a[0] - b[0], a[1] - b[1]]).collect();
            assert!(
                size(&apart) < tolerance * size(&expected),
                "{n}: {} of {}",
                size(&apart),
                size(&expected)
            );
        }
    }

    #[test]
    fn the_polynomials_add_up_to_one_and_pick_their_node() {
        for (node, x) in [1.0 / 6.0, 0.5, 5.0 / 6.0].into_iter().enumerate() {
            let weights = lagrange(x);
            (0..NODES).for_each(|i| assert!((weights[i] - f32::from(u8::from(i == node))).abs() < 1e-6));
        }
        assert!((lagrange(0.3).iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn few_sizes_of_grids_occur() {
        assert_eq!(layout(180.0), (192, 1.0));
        let (boxes, side) = layout(7.0);
        assert!(boxes == 50 && side * 50.0 >= 7.0 && side * 50.0 < 7.5);
    }
}
