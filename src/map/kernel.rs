//! The inner loop of every repulsion: some targets against a list of sources, with the widest vectors
//! that the processor has.

use pulp::{Arch, Simd, WithSimd};

/// Targets that one call moves: two vectors of AVX-512, four of AVX2.
pub(super) const TARGETS: usize = 32;

/// Where some points are, one array for each dimension.
pub(super) type Targets<const D: usize> = [[f32; TARGETS]; D];

/// Points, or cells that stand for many points, that repel.
#[derive(Debug, Clone)]
pub(super) struct Sources<const D: usize> {
    at: [Vec<f32>; D],
    /// How many points each stands for.
    mass: Vec<f32>,
}

impl<const D: usize> Default for Sources<D> {
    fn default() -> Self {
        Sources { at: std::array::from_fn(|_| Vec::new()), mass: Vec::new() }
    }
}

impl<const D: usize> Sources<D> {
    pub fn clear(&mut self) {
        self.at.iter_mut().for_each(Vec::clear);
        self.mass.clear();
    }

    pub fn push(&mut self, at: [f32; D], mass: f32) {
        self.at.iter_mut().zip(at).for_each(|(all, at)| all.push(at));
        self.mass.push(mass);
    }

    /// Adds points of mass 1.
    pub fn extend(&mut self, points: &[[f32; D]]) {
        for (d, all) in self.at.iter_mut().enumerate() {
            all.extend(points.iter().map(|point| point[d]));
        }
        self.mass.resize(self.mass.len() + points.len(), 1.0);
    }
}

/// What sources do to targets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Repelled<const D: usize> {
    /// The sum of m·q²·(target - source), with q = 1 / (1 + squared distance) and the mass m.
    pub force: Targets<D>,
    /// The sum of m·q.
    pub weight: [f32; TARGETS],
}

/// The first of `points`, side by side; where there are none the last one stands in.
pub(super) fn targets<const D: usize>(points: &[[f32; D]]) -> Targets<D> {
    let last = points.len().saturating_sub(1);
    std::array::from_fn(|d| std::array::from_fn(|t| points.get(t.min(last)).map_or(0.0, |point| point[d])))
}

/// The forces of all sources on all targets, in the order of the sources. A source at the place of
/// the target adds nothing to the force, and its mass to the weight.
pub(super) fn repel<const D: usize>(targets: &Targets<D>, sources: &Sources<D>) -> Repelled<D> {
    Arch::new().dispatch(Repel { targets, sources })
}

struct Repel<'a, const D: usize> {
    targets: &'a Targets<D>,
    sources: &'a Sources<D>,
}

impl<const D: usize> WithSimd for Repel<'_, D> {
    type Output = Repelled<D>;

    /// Two vectors of targets at a time: enough sums in flight, and few enough for the registers.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Repelled<D> {
        let mut out = Repelled { force: [[0.0; TARGETS]; D], weight: [0.0; TARGETS] };
        for first in (0..TARGETS).step_by(2 * S::F32_LANES) {
            let middle = first + S::F32_LANES;
            let end = middle + S::F32_LANES;
            let at = std::array::from_fn::<_, D, _>(|d| {
                let targets = &self.targets[d];
                [
                    simd.partial_load_f32s(&targets[first..middle]),
                    simd.partial_load_f32s(&targets[middle..end]),
                ]
            });
            let (force, weight) = two_vectors(simd, at, self.sources);
            for (d, force) in force.into_iter().enumerate() {
                simd.partial_store_f32s(&mut out.force[d][first..middle], force[0]);
                simd.partial_store_f32s(&mut out.force[d][middle..end], force[1]);
            }
            simd.partial_store_f32s(&mut out.weight[first..middle], weight[0]);
            simd.partial_store_f32s(&mut out.weight[middle..end], weight[1]);
        }
        out
    }
}

type Sums<S, const D: usize> = ([[<S as Simd>::f32s; 2]; D], [<S as Simd>::f32s; 2]);

#[inline(always)]
fn two_vectors<S: Simd, const D: usize>(simd: S, at: [[S::f32s; 2]; D], sources: &Sources<D>) -> Sums<S, D> {
    let zero = simd.splat_f32s(0.0);
    let one = simd.splat_f32s(1.0);
    let mut force = [[zero; 2]; D];
    let mut weight = [zero; 2];
    let n = sources.mass.len();
    let places = std::array::from_fn::<_, D, _>(|d| &sources.at[d][..n]);
    for (i, mass) in sources.mass.iter().enumerate() {
        let mass = simd.splat_f32s(*mass);
        let source = std::array::from_fn::<_, D, _>(|d| simd.splat_f32s(places[d][i]));
        for v in 0..2 {
            let mut apart = [zero; D];
            let mut square = one;
            for d in 0..D {
                apart[d] = simd.sub_f32s(at[d][v], source[d]);
                square = simd.mul_add_e_f32s(apart[d], apart[d], square);
            }
            let q = reciprocal(simd, square);
            let mq = simd.mul_f32s(mass, q);
            weight[v] = simd.add_f32s(weight[v], mq);
            let mqq = simd.mul_f32s(mq, q);
            for d in 0..D {
                force[d][v] = simd.mul_add_e_f32s(mqq, apart[d], force[d][v]);
            }
        }
    }
    (force, weight)
}

/// 1/x for x from 1 to 1e36, to the last bits: a first guess from the bits of x and three steps of
/// Newton's method, which take half the time of a division.
#[inline(always)]
pub(super) fn reciprocal<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let two = simd.splat_f32s(2.0);
    let bits = simd.sub_u32s(simd.splat_u32s(0x7EF3_11C7), simd.transmute_u32s_f32s(x));
    let mut guess = simd.transmute_f32s_u32s(bits);
    for _ in 0..3 {
        let rest = simd.negate_mul_add_e_f32s(x, guess, two);
        guess = simd.mul_f32s(guess, rest);
    }
    guess
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Reciprocals<'a>(&'a [f32]);

    impl WithSimd for Reciprocals<'_> {
        type Output = Vec<f32>;
        fn with_simd<S: Simd>(self, simd: S) -> Vec<f32> {
            let one = |x: &f32| simd.reduce_max_f32s(reciprocal(simd, simd.splat_f32s(*x)));
            self.0.iter().map(one).collect()
        }
    }

    #[test]
    fn a_reciprocal_is_right_to_the_last_bits() {
        let numbers: Vec<f32> =
            (0..3000).map(|i| 1.04_f32.powi(i % 2000) * (1.0 + i as f32 * 1e-4)).collect();
        let numbers: Vec<f32> = numbers.into_iter().filter(|x| *x < 1e36).collect();
        for (x, found) in numbers.iter().zip(Arch::new().dispatch(Reciprocals(&numbers))) {
            assert!((found * x - 1.0).abs() < 5e-7, "1/{x} is not {found}");
        }
    }

    #[test]
    fn forces_are_those_of_the_obvious_loop() {
        let points: Vec<[f32; 3]> =
            (0..57).map(|i| std::array::from_fn(|d| ((i * 7 + d * 13) % 23) as f32 * 0.3)).collect();
        let mut sources = Sources::default();
        sources.extend(&points[..40]);
        points[40..].iter().for_each(|point| sources.push(*point, 2.5));
        let found = repel(&targets(&points[..20]), &sources);
        for t in 0..20 {
            let (mut force, mut weight) = ([0.0_f64; 3], 0.0);
            for (s, source) in points.iter().enumerate() {
                let apart: [f64; 3] = std::array::from_fn(|d| f64::from(points[t][d] - source[d]));
                let q = 1.0 / (1.0 + apart.iter().map(|x| x * x).sum::<f64>());
                let mass = if s < 40 { 1.0 } else { 2.5 };
                weight += mass * q;
                force.iter_mut().zip(apart).for_each(|(sum, x)| *sum += mass * q * q * x);
            }
            assert!((f64::from(found.weight[t]) - weight).abs() < 1e-4 * weight);
            for (found, force) in found.force.iter().zip(force) {
                assert!((f64::from(found[t]) - force).abs() < 1e-4, "{t}");
            }
        }
    }
}
