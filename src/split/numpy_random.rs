//! The random stream of NumPy's `RandomState`, on which scikit-learn's splits are based.

use rand_mt::Mt;

/// `numpy.random.RandomState(seed)`: the Mersenne Twister MT19937 seeded by one 32-bit number.
pub(crate) struct NumpyRandom(Mt);

impl NumpyRandom {
    pub(crate) fn new(seed: u32) -> Self {
        NumpyRandom(Mt::new(seed))
    }

    /// `permutation(n)`: the numbers 0 to n-1 in random order.
    pub(crate) fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        self.shuffle(&mut order);
        order
    }

    /// `shuffle`: Fisher-Yates from the end.
    pub(crate) fn shuffle(&mut self, items: &mut [usize]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.at_most(i));
        }
    }

    /// `random_sample()`: a number of 53 bits from 0 to 1.
    pub(crate) fn random(&mut self) -> f64 {
        let (high, low) = (self.0.next_u32() >> 5, self.0.next_u32() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    /// `randint(0, n)`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        if n < 2 { 0 } else { self.at_most(n - 1) }
    }

    /// A number from 0 to `max`: as many low bits as `max` has, drawn again while above it. NumPy's
    /// later generators use Lemire's method; the legacy one, which scikit-learn uses, this.
    pub(crate) fn at_most(&mut self, max: usize) -> usize {
        let max = max as u64;
        let mask = u64::MAX >> max.leading_zeros().min(63);
        loop {
            // NumPy's two 32-bit draws, high half first.
            let drawn = if max <= u64::from(u32::MAX) {
                u64::from(self.0.next_u32())
            } else {
                (u64::from(self.0.next_u32()) << 32) | u64::from(self.0.next_u32())
            };
            let value = drawn & mask;
            if value <= max {
                return value as usize;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permutation_is_that_of_numpy() {
        // numpy.random.RandomState(42).permutation(12)
        assert_eq!(NumpyRandom::new(42).permutation(12), [10, 9, 0, 8, 5, 2, 1, 11, 4, 7, 3, 6]);
        assert_eq!(NumpyRandom::new(42).permutation(1), [0]);
        assert!(NumpyRandom::new(42).permutation(0).is_empty());
    }
}
