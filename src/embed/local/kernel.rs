//! What a transformer does between its matrix products, with the widest vectors the processor has.
//!
//! The loops are plain Rust over fixed lanes; pulp compiles each for several widths and chooses at run
//! time. Sums are `f64` in eight partial sums, in one order everywhere.

use pulp::{Arch, Simd, WithSimd};

use super::settings::Activation;

/// Numbers that a loop takes at a time.
const LANES: usize = 16;

/// Adds a row to each row of a matrix and applies an activation.
pub(super) fn activate(rows: &mut [f32], bias: &[f32], activation: Activation) {
    Arch::new().dispatch(Activate { rows, bias, activation });
}

/// Adds a row to each row of a matrix.
pub(super) fn add_row(rows: &mut [f32], bias: &[f32]) {
    Arch::new().dispatch(AddRow { rows, bias });
}

/// Turns each row of `columns` scores into weights that are positive and sum to 1.
pub(super) fn softmax(rows: &mut [f32], columns: usize) {
    Arch::new().dispatch(Softmax { rows, columns });
}

/// Makes each row have mean 0 and variance 1, then scales and shifts it.
pub(super) fn layer_norm(rows: &mut [f32], scale: &[f32], shift: &[f32], epsilon: f64) {
    Arch::new().dispatch(LayerNorm { rows, added: &[], bias: &[], scale, shift, epsilon });
}

/// [`layer_norm`] of the sum of `rows`, `added` and a row `bias`.
pub(super) fn add_and_norm(
    rows: &mut [f32],
    added: &[f32],
    bias: &[f32],
    scale: &[f32],
    shift: &[f32],
    epsilon: f64,
) {
    Arch::new().dispatch(LayerNorm { rows, added, bias, scale, shift, epsilon });
}

/// The mean of rows as long as `out`.
pub(super) fn mean_row(rows: &[f32], out: &mut [f32]) {
    let mut sums = vec![0.0_f64; out.len()];
    for row in rows.chunks_exact(out.len()) {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    let n = (rows.len() / out.len()) as f64;
    out.iter_mut().zip(sums).for_each(|(out, sum)| *out = (sum / n) as f32);
}

/// Scales a vector to length 1; the reference divides by 1e-12 at least.
pub(super) fn scale_to_length_1(vector: &mut [f32]) {
    let length = vector.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt().max(1e-12);
    vector.iter_mut().for_each(|x| *x = (f64::from(*x) / length) as f32);
}

struct AddRow<'a> {
    rows: &'a mut [f32],
    bias: &'a [f32],
}

impl WithSimd for AddRow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for row in self.rows.chunks_exact_mut(self.bias.len().max(1)) {
            row.iter_mut().zip(self.bias).for_each(|(x, bias)| *x += bias);
        }
    }
}

struct Activate<'a> {
    rows: &'a mut [f32],
    bias: &'a [f32],
    activation: Activation,
}

impl WithSimd for Activate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Activate { rows, bias, activation } = self;
        match activation {
            Activation::Gelu => each(rows, bias, gelu),
            Activation::GeluTanh => each(rows, bias, gelu_tanh),
            Activation::Relu => each(rows, bias, |x| if x > 0.0 { x } else { 0.0 }),
        }
    }
}

#[inline(always)]
fn each(rows: &mut [f32], bias: &[f32], function: impl Fn(f32) -> f32) {
    for row in rows.chunks_exact_mut(bias.len().max(1)) {
        row.iter_mut().zip(bias).for_each(|(x, bias)| *x = function(*x + bias));
    }
}

/// x times the share of a normal distribution that lies below x. The error function is formula 7.1.26
/// of Abramowitz and Stegun, "Handbook of Mathematical Functions", off by 1.5e-7 at most.
#[inline(always)]
fn gelu(x: f32) -> f32 {
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / 0.327_591_1_f32.mul_add(z, 1.0);
    let series = 1.061_405_4_f32
        .mul_add(t, -1.453_152_1)
        .mul_add(t, 1.421_413_8)
        .mul_add(t, -0.284_496_72)
        .mul_add(t, 0.254_829_6)
        * t;
    let beyond = 0.5 * series * exp(-z * z);
    x * if x < 0.0 { beyond } else { 1.0 - beyond }
}

/// The same by the hyperbolic tangent, as some models were trained: x times the logistic function of
/// twice its argument.
#[inline(always)]
fn gelu_tanh(x: f32) -> f32 {
    const TWICE: f32 = 1.595_769; // 2 sqrt(2 / pi)
    let argument = TWICE * (0.044_715 * x * x).mul_add(x, x);
    x / (1.0 + exp(-argument))
}

/// e to the x, to about 1e-7 of itself: a power of two times a Taylor series about 0.
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// Adding it leaves the nearest whole number in the low bits.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = if x > -87.0 { x } else { -87.0 };
    let x = if x < 88.0 { x } else { 88.0 };
    let rounded = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let power = rounded - ROUND;
    let rest = power.mul_add(-LN2_LOW, power.mul_add(-LN2_HIGH, x));
    let series = (1.0_f32 / 5040.0)
        .mul_add(rest, 1.0 / 720.0)
        .mul_add(rest, 1.0 / 120.0)
        .mul_add(rest, 1.0 / 24.0)
        .mul_add(rest, 1.0 / 6.0)
        .mul_add(rest, 0.5)
        .mul_add(rest, 1.0)
        .mul_add(rest, 1.0);
    let exponent = rounded.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
    series * f32::from_bits(exponent)
}

struct Softmax<'a> {
    rows: &'a mut [f32],
    columns: usize,
}

impl WithSimd for Softmax<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for row in self.rows.chunks_exact_mut(self.columns.max(1)) {
            let largest = largest(row);
            row.iter_mut().for_each(|x| *x = exp(*x - largest));
            let share = (1.0 / sum(row, f64::from)) as f32;
            row.iter_mut().for_each(|x| *x *= share);
        }
    }
}

struct LayerNorm<'a> {
    rows: &'a mut [f32],
    /// As long as `rows`, or empty.
    added: &'a [f32],
    bias: &'a [f32],
    scale: &'a [f32],
    shift: &'a [f32],
    epsilon: f64,
}

impl WithSimd for LayerNorm<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let LayerNorm { rows, added, bias, scale, shift, epsilon } = self;
        let dims = scale.len().max(1);
        for (i, row) in rows.chunks_exact_mut(dims).enumerate() {
            if !added.is_empty() {
                let added = &added[i * dims..(i + 1) * dims];
                row.iter_mut().zip(added).zip(bias).for_each(|((x, added), bias)| *x += added + bias);
            }
            let mean = sum(row, f64::from) / dims as f64;
            let variance = sum(row, |x| (f64::from(x) - mean).powi(2)) / dims as f64;
            let factor = (1.0 / (variance + epsilon).sqrt()) as f32;
            let mean = mean as f32;
            for ((x, scale), shift) in row.iter_mut().zip(scale).zip(shift) {
                *x = ((*x - mean) * factor).mul_add(*scale, *shift);
            }
        }
    }
}

#[inline(always)]
fn sum(row: &[f32], term: impl Fn(f32) -> f64) -> f64 {
    let (chunks, rest) = row.as_chunks::<LANES>();
    let mut sums = [0.0_f64; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            sums[lane] += term(chunk[lane]);
        }
    }
    for width in [8, 4, 2, 1] {
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
    }
    rest.iter().fold(sums[0], |sum, x| sum + term(*x))
}

#[inline(always)]
fn largest(row: &[f32]) -> f32 {
    let (chunks, rest) = row.as_chunks::<LANES>();
    let mut most = [f32::NEG_INFINITY; LANES];
    let greater = |a: f32, b: f32| if b > a { b } else { a };
    for chunk in chunks {
        for lane in 0..LANES {
            most[lane] = greater(most[lane], chunk[lane]);
        }
    }
    most.iter().chain(rest).fold(f32::NEG_INFINITY, |most, x| greater(most, *x))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(n: usize, scale: f32) -> Vec<f32> {
        (0..n).map(|i| (((i * 7919 + 13) % 1009) as f32 / 504.5 - 1.0) * scale).collect()
    }

    fn close(a: f32, b: f64, tolerance: f64) {
        assert!((f64::from(a) - b).abs() <= tolerance, "{a} where {b} was expected");
    }

    #[test]
    fn the_exponential_agrees_with_that_of_the_standard_library() {
        for x in values(5000, 87.0) {
            let expected = f64::from(x).exp();
            close(exp(x), expected, expected * 3e-7);
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(-1e30) < 1e-37 && exp(1e30).is_finite());
    }

    #[test]
    fn the_activations_agree_with_their_slow_twins() {
        let x = values(4000, 9.0);
        let run = |activation| {
            let mut row = x.clone();
            activate(&mut row, &[0.25; 400], activation);
            row
        };
        let (gelus, tanhs, relus) = (run(Activation::Gelu), run(Activation::GeluTanh), run(Activation::Relu));
        for (i, x) in x.iter().map(|x| f64::from(*x + 0.25)).enumerate() {
            // The integral of the density from 0 to x, by Simpson's rule.
            let n = 2000;
            let density = |t: f64| (-t * t / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
            let step = x / f64::from(n);
            let inner: f64 =
                (1..n).map(|k| density(f64::from(k) * step) * if k % 2 == 1 { 4.0 } else { 2.0 }).sum();
            let below = 0.5 + (density(0.0) + inner + density(x)) * step / 3.0;
            close(gelus[i], x * below, 2e-6);
            let tanh = ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh();
            close(tanhs[i], 0.5 * x * (1.0 + tanh), 2e-6);
            close(relus[i], x.max(0.0), 0.0);
        }
    }

    #[test]
    fn weights_of_every_length_are_positive_and_sum_to_1() {
        for columns in [1, 2, 15, 16, 17, 33, 200] {
            let scores = values(columns * 3, 30.0);
            let mut weights = scores.clone();
            softmax(&mut weights, columns);
            for (weights, scores) in weights.chunks(columns).zip(scores.chunks(columns)) {
                let total: f64 = scores.iter().map(|x| f64::from(*x).exp()).sum();
                for (weight, score) in weights.iter().zip(scores) {
                    close(*weight, f64::from(*score).exp() / total, 1e-6);
                }
            }
        }
    }

    #[test]
    fn a_norm_agrees_with_its_slow_twin() {
        for dims in [1, 5, 16, 48, 50] {
            let (rows, added) = (values(dims * 4, 3.0), values(dims * 4, 1.0));
            let (bias, scale, shift) = (values(dims, 0.5), values(dims, 2.0), values(dims, 0.1));
            let mut out = rows.clone();
            add_and_norm(&mut out, &added, &bias, &scale, &shift, 1e-3);
            for i in 0..4 {
                let x: Vec<f64> = (0..dims)
                    .map(|j| f64::from(rows[i * dims + j] + (added[i * dims + j] + bias[j])))
                    .collect();
                let mean = x.iter().sum::<f64>() / dims as f64;
                let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / dims as f64;
                for j in 0..dims {
                    let normal = (x[j] - mean) / (variance + 1e-3).sqrt();
                    close(out[i * dims + j], normal * f64::from(scale[j]) + f64::from(shift[j]), 3e-6);
                }
            }
        }
    }
}
