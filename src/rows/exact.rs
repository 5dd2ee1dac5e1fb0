//! Sums of rows that are exact: the same bits in any order of rows, blocks, threads and machines.
//!
//! A number is cut into digits of 32 bits, and the digits of each place are added up in an `f64`, where they stay whole
//! numbers below 2^53 and so lose nothing. The numbers of an embedding need two places; the others are there from
//! the first number that needs them.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

/// Places of digits: from the smallest `f32` to sums of squares of the largest.
const LEVELS: usize = 14;

/// The place of NaN and infinities.
const NOT_FINITE: usize = LEVELS;

/// The two places of numbers below [`LIMIT`] whose last bit is at least 2^-53.
const LOW: usize = 3;
const HIGH: usize = 4;
const LIMIT: f64 = 1024.0;

/// Rows after which digits are carried: 2^19 digits of 2^32 are 2^51.
const MOST_ROWS: u32 = 1 << 19;

/// What 1 in this place stands for.
const fn unit(level: usize) -> f64 {
    f64::from_bits((1023 - 149 + 32 * level as u64) << 52)
}

/// Added to a number and taken away again, it leaves the whole units of this place.
const fn shift(level: usize) -> f64 {
    1.5 * (1_u64 << 52) as f64 * unit(level)
}

/// The sums of the rows of some groups. Empty groups are zero.
#[derive(Debug, Clone)]
pub(crate) struct ExactSums {
    dims: usize,
    groups: usize,
    /// For each place the digits of all groups, groups x d; the last is for what is not finite.
    planes: [Option<Vec<f64>>; LEVELS + 1],
    /// Rows since digits were carried.
    rows: u32,
}

impl ExactSums {
    /// Sums of rows of so many dimensions, of no group.
    pub fn new(dims: usize) -> Self {
        ExactSums { dims, groups: 0, planes: Default::default(), rows: 0 }
    }

    pub fn dims(&self) -> usize {
        self.dims
    }

    pub fn n_groups(&self) -> usize {
        self.groups
    }

    /// Makes room for more groups.
    pub fn grow(&mut self, groups: usize) {
        self.groups = self.groups.max(groups);
        for plane in self.planes.iter_mut().flatten() {
            plane.resize(self.groups * self.dims, 0.0);
        }
    }

    /// Makes a group empty.
    pub fn clear(&mut self, group: usize) {
        let range = self.range(group);
        for plane in self.planes.iter_mut().flatten() {
            plane[range.clone()].fill(0.0);
        }
    }

    /// Adds a row to a group.
    pub fn add(&mut self, group: usize, row: &[f32]) {
        self.count(1);
        let range = self.range(group);
        if Arch::new().dispatch(Fits(row)) {
            self.plane(LOW);
            self.plane(HIGH);
            let (low, high) = self.planes.split_at_mut(HIGH);
            if let (Some(Some(low)), Some(Some(high))) = (low.last_mut(), high.first_mut()) {
                let (low, high) = (&mut low[range.clone()], &mut high[range]);
                Arch::new().dispatch(AddRow { row, low, high });
            }
            return;
        }
        row.iter().zip(range).for_each(|(x, at)| self.add_at(at, f64::from(*x)));
    }

    /// Adds a number below 2^288 to the only dimension of a group; bits below 2^-149 are left out.
    pub fn add_number(&mut self, group: usize, number: f64) {
        self.count(1);
        self.add_at(group * self.dims, number);
    }

    fn add_at(&mut self, at: usize, number: f64) {
        if !number.is_finite() {
            self.plane(NOT_FINITE)[at] += number;
            return;
        }
        let mut rest = number;
        for level in (0..LEVELS).rev() {
            let digit = (rest + shift(level)) - shift(level);
            if digit != 0.0 {
                self.plane(level)[at] += digit;
                rest -= digit;
            }
        }
    }

    /// Brings every digit between -2^31 and 2^31: each sum has one such form, whatever it was added up from.
    pub fn settle(&mut self) {
        self.rows = 0;
        for level in 0..LEVELS - 1 {
            let above = unit(level + 1);
            let carry = |digit: f64| (digit / above + 0.5).floor() * above;
            let Some(mut digits) = self.planes[level].take() else { continue };
            if digits.iter().any(|digit| carry(*digit) != 0.0) {
                for (digit, upper) in digits.iter_mut().zip(self.plane(level + 1)) {
                    let carried = carry(*digit);
                    *digit -= carried;
                    *upper += carried;
                }
            }
            self.planes[level] = Some(digits);
        }
    }

    /// The sums of a group of settled sums, rounded to `f64`.
    pub fn sums(&self, group: usize) -> impl Iterator<Item = f64> + '_ {
        self.range(group).map(|at| {
            let digits = self.planes[..LEVELS].iter().flatten();
            let sum = digits.fold(0.0, |sum, plane| sum + plane[at]);
            match self.planes[NOT_FINITE].as_ref().map_or(0.0, |plane| plane[at]) {
                0.0 => sum,
                number if number.is_nan() => f64::NAN,
                infinite => infinite,
            }
        })
    }

    /// The places that are in use, as bits.
    pub fn levels(&self) -> i32 {
        let used = self.planes.iter().enumerate().filter(|(_, plane)| plane.is_some());
        used.fold(0, |levels, (level, _)| levels | 1 << level)
    }

    /// The digits of a group of settled sums, for each place of [`ExactSums::levels`] those of all dimensions.
    pub fn digits(&self, group: usize) -> impl Iterator<Item = f64> + '_ {
        let range = self.range(group);
        self.planes.iter().flatten().flat_map(move |plane| plane[range.clone()].iter().copied())
    }

    /// Adds the digits of another sum; `false` where they are not those of so many dimensions.
    pub fn merge(&mut self, group: usize, levels: i32, digits: &[f64]) -> bool {
        let used = (0..=LEVELS).filter(|level| levels >> level & 1 == 1);
        if levels >> (LEVELS + 1) != 0 || levels.count_ones() as usize * self.dims != digits.len() {
            return false;
        }
        self.count(2);
        let range = self.range(group);
        for (level, digits) in used.zip(digits.chunks_exact(self.dims.max(1))) {
            let sums = &mut self.plane(level)[range.clone()];
            sums.iter_mut().zip(digits).for_each(|(sum, digit)| *sum += digit);
        }
        true
    }

    /// The bytes that it takes.
    pub fn bytes(&self) -> usize {
        self.planes.iter().flatten().map(|plane| 8 * plane.capacity()).sum()
    }

    fn range(&self, group: usize) -> Range<usize> {
        group * self.dims..(group + 1) * self.dims
    }

    fn plane(&mut self, level: usize) -> &mut Vec<f64> {
        let numbers = self.groups * self.dims;
        self.planes[level].get_or_insert_with(|| vec![0.0; numbers])
    }

    fn count(&mut self, rows: u32) {
        self.rows += rows;
        if self.rows > MOST_ROWS {
            self.settle();
            self.rows = rows;
        }
    }
}

/// Whether two places hold all numbers of a row.
struct Fits<'a>(&'a [f32]);

impl WithSimd for Fits<'_> {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> bool {
        let mut faults = 0_u32;
        for x in self.0 {
            let x = f64::from(*x);
            let rest = x - ((x + shift(HIGH)) - shift(HIGH));
            let left = rest - ((rest + shift(LOW)) - shift(LOW));
            // What is not finite leaves NaN.
            faults |= u32::from(left != 0.0) | u32::from(x.abs() >= LIMIT);
        }
        faults == 0
    }
}

struct AddRow<'a> {
    row: &'a [f32],
    low: &'a mut [f64],
    high: &'a mut [f64],
}

impl WithSimd for AddRow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        for ((x, low), high) in self.row.iter().zip(self.low).zip(self.high) {
            let x = f64::from(*x);
            let digit = (x + shift(HIGH)) - shift(HIGH);
            *high += digit;
            *low += x - digit;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sum of `f32` numbers in whole numbers: of 2^-149, of 2^-53 and of 2^43.
    fn slow(numbers: &[f32]) -> [i128; 3] {
        let mut sums = [0_i128; 3];
        for x in numbers {
            let bits = x.to_bits();
            let exponent = (bits >> 23 & 255) as i32;
            let mantissa = i128::from(bits & 0x7f_ffff) | if exponent > 0 { 1 << 23 } else { 0 };
            let place = (exponent.max(1) - 1) as usize;
            let value = (if *x < 0.0 { -mantissa } else { mantissa }) << (place % 96);
            sums[place / 96] += value;
        }
        sums
    }

    fn as_f64(sums: [i128; 3]) -> f64 {
        let unit = |at: usize| 2.0_f64.powi(-149 + 96 * at as i32);
        sums[2] as f64 * unit(2) + sums[1] as f64 * unit(1) + sums[0] as f64 * unit(0)
    }

    fn numbers(n: usize, widest: u32) -> Vec<f32> {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u32
        };
        (0..n)
            .map(|_| {
                let exponent = 127 - widest / 2 + next() % widest.max(1);
                f32::from_bits((next() & 1) << 31 | exponent << 23 | (next() & 0x7f_ffff))
            })
            .collect()
    }

    fn sum_of(rows: impl Iterator<Item = f32>) -> ExactSums {
        let mut sums = ExactSums::new(1);
        sums.grow(1);
        rows.for_each(|x| sums.add(0, &[x]));
        sums.settle();
        sums
    }

    #[test]
    fn sums_are_exact_and_do_not_depend_on_order() {
        for widest in [1, 12, 30, 120, 250] {
            let numbers = numbers(3000, widest);
            let expected = as_f64(slow(&numbers));
            let forward = sum_of(numbers.iter().copied());
            let found = forward.sums(0).next().unwrap();
            assert!((found - expected).abs() <= expected.abs() * 1e-15, "{widest}: {found} {expected}");
            let mut backward = sum_of(numbers[1000..].iter().rev().copied());
            let first = sum_of(numbers[..1000].iter().copied());
            assert!(backward.merge(0, first.levels(), &first.digits(0).collect::<Vec<_>>()));
            backward.settle();
            assert_eq!(backward.sums(0).next().unwrap().to_bits(), found.to_bits());
        }
    }

    #[test]
    fn what_cancels_leaves_nothing_and_what_is_lost_in_f64_is_kept() {
        let numbers = [f32::MAX, 1.0, f32::from_bits(1), -f32::MAX, -1.0];
        assert_eq!(sum_of(numbers.into_iter()).sums(0).next().unwrap(), f64::from(f32::from_bits(1)));
        let numbers = std::iter::repeat_n(0.1_f32, 2_000_000).chain(std::iter::repeat_n(-0.1, 2_000_000));
        assert_eq!(sum_of(numbers).sums(0).next().unwrap(), 0.0);
    }

    #[test]
    fn what_is_not_finite_stays_so() {
        let sum = |numbers: &[f32]| sum_of(numbers.iter().copied()).sums(0).next().unwrap();
        assert_eq!(sum(&[1.0, f32::INFINITY, 2.0]), f64::INFINITY);
        assert!(sum(&[f32::NEG_INFINITY, f32::INFINITY]).is_nan() && sum(&[f32::NAN, 1.0]).is_nan());
    }

    #[test]
    fn digits_of_other_dimensions_are_refused() {
        let mut sums = ExactSums::new(2);
        sums.grow(1);
        assert!(!sums.merge(0, 1 << LOW, &[1.0]));
        assert!(!sums.merge(0, 1 << 20, &[1.0, 1.0]));
        assert!(sums.merge(0, 0, &[]));
    }
}
