//! The random stream of CPython's `random.Random`, from which MTEB draws the rows of its clustering tasks.

use std::collections::HashSet;

use rand_mt::Mt;

/// `random.Random(seed)`: the Mersenne Twister MT19937 seeded by a number below 2^32.
pub(crate) struct PythonRandom(Mt);

impl PythonRandom {
    pub(crate) fn new(seed: u32) -> Self {
        PythonRandom(Mt::new_with_key([seed]))
    }

    /// `random()`: a number of 53 bits from 0 to 1.
    fn random(&mut self) -> f64 {
        let (high, low) = (self.0.next_u32() >> 5, self.0.next_u32() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    /// `randrange(n)` for n below 2^32: as many high bits as n has, drawn again while not below n.
    fn below(&mut self, n: usize) -> usize {
        let bits = usize::BITS - n.leading_zeros();
        loop {
            let drawn = (self.0.next_u32() >> (32 - bits)) as usize;
            if drawn < n {
                return drawn;
            }
        }
    }

    /// `sample(range(n), k)`: k different numbers below n, in random order; k is at most n.
    pub(crate) fn sample(&mut self, n: usize, k: usize) -> Vec<usize> {
        let mut set_size = 21_usize;
        if k > 5 {
            set_size += 4_usize.pow((3.0 * k as f64).log(4.0).ceil() as u32);
        }
        if n <= set_size {
            let mut pool: Vec<usize> = (0..n).collect();
            return (0..k)
                .map(|drawn| {
                    let place = self.below(n - drawn);
                    let last = pool[n - drawn - 1];
                    std::mem::replace(&mut pool[place], last)
                })
                .collect();
        }
        let mut seen = HashSet::with_capacity(k);
        (0..k)
            .map(|_| {
                loop {
                    let drawn = self.below(n);
                    if seen.insert(drawn) {
                        return drawn;
                    }
                }
            })
            .collect()
    }

    /// `choices(range(n), k=k)`: k numbers below n, with repeats.
    pub(crate) fn choices(&mut self, n: usize, k: usize) -> Vec<usize> {
        (0..k).map(|_| (self.random() * n as f64).floor() as usize).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_and_choices_are_those_of_cpython() {
        // random.Random(42): sample(range(660), k=26)[:6], then choices(range(26), k=8)
        let mut random = PythonRandom::new(42);
        assert_eq!(random.sample(660, 26)[..6], [654, 114, 25, 281, 250, 228]);
        assert_eq!(random.choices(26, 8), [7, 22, 19, 4, 10, 7, 5, 19]);
        // A pool, and a set.
        assert_eq!(PythonRandom::new(42).sample(20, 7), [3, 0, 8, 7, 16, 2, 11]);
        assert_eq!(PythonRandom::new(42).sample(100_000, 6), [83810, 14592, 3278, 97196, 36048, 32098]);
        assert!(PythonRandom::new(42).sample(0, 0).is_empty());
    }
}
