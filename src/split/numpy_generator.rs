//! The random stream of NumPy's `default_rng`: PCG64 seeded through a `SeedSequence`.

/// `numpy.random.default_rng(seed)` (O'Neill 2014: PCG XSL RR 128/64).
pub(crate) struct NumpyGenerator {
    state: u128,
    increment: u128,
    /// The upper half of a draw, of which only the lower was asked for.
    half: Option<u32>,
}

const MULTIPLIER: u128 = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645;

impl NumpyGenerator {
    pub(crate) fn new(seed: u32) -> Self {
        let words = seed_sequence(seed);
        let wide = |high: usize| (u128::from(words[high]) << 64) | u128::from(words[high + 1]);
        let increment = (wide(2) << 1) | 1;
        let mut random = NumpyGenerator { state: 0, increment, half: None };
        random.step();
        random.state = random.state.wrapping_add(wide(0));
        random.step();
        random
    }

    fn step(&mut self) {
        self.state = self.state.wrapping_mul(MULTIPLIER).wrapping_add(self.increment);
    }

    fn next_u64(&mut self) -> u64 {
        self.step();
        let folded = (self.state >> 64) as u64 ^ self.state as u64;
        folded.rotate_right((self.state >> 122) as u32)
    }

    fn next_u32(&mut self) -> u32 {
        if let Some(half) = self.half.take() {
            return half;
        }
        let drawn = self.next_u64();
        self.half = Some((drawn >> 32) as u32);
        drawn as u32
    }

    /// A number from 0 to `most`, below 2^32 - 1: as many low bits as it has, drawn again while above it.
    fn interval(&mut self, most: usize) -> usize {
        let mask = u32::MAX >> (most as u32).leading_zeros().min(31);
        loop {
            let drawn = (self.next_u32() & mask) as usize;
            if drawn <= most {
                return drawn;
            }
        }
    }

    /// The same by Lemire's method.
    fn bounded(&mut self, most: usize) -> usize {
        if most == 0 {
            return 0;
        }
        let range = most as u32 + 1;
        let least = (u32::MAX - most as u32) % range;
        loop {
            let product = u64::from(self.next_u32()) * u64::from(range);
            if product as u32 >= least {
                return (product >> 32) as usize;
            }
        }
    }

    /// `shuffle`: Fisher-Yates from the end.
    pub(crate) fn shuffle(&mut self, items: &mut [usize]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.interval(i));
        }
    }

    /// `permutation(n)`: the numbers 0 to n-1 in random order.
    pub(crate) fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        self.shuffle(&mut order);
        order
    }

    /// `choice(n, size=k, replace=False)` for n up to 10,000: Floyd's sample, shuffled.
    pub(crate) fn choose(&mut self, n: usize, k: usize) -> Vec<usize> {
        let mut chosen = Vec::with_capacity(k);
        for last in n - k..n {
            let drawn = self.bounded(last);
            chosen.push(if chosen.contains(&drawn) { last } else { drawn });
        }
        for i in (1..k).rev() {
            chosen.swap(i, self.bounded(i));
        }
        chosen
    }
}

/// `SeedSequence(seed).generate_state(4, uint64)`.
fn seed_sequence(seed: u32) -> [u64; 4] {
    fn scramble(value: u32, constant: &mut u32, multiplier: u32) -> u32 {
        let value = value ^ *constant;
        *constant = constant.wrapping_mul(multiplier);
        let value = value.wrapping_mul(*constant);
        value ^ (value >> 16)
    }
    let mut constant = 0x43b0_d7e5;
    let mut pool = [seed, 0, 0, 0].map(|word| scramble(word, &mut constant, 0x931e_8875));
    for from in 0..4 {
        for into in (0..4).filter(|into| *into != from) {
            let other = scramble(pool[from], &mut constant, 0x931e_8875);
            let mixed = pool[into].wrapping_mul(0xca01_f9dd).wrapping_sub(other.wrapping_mul(0x4973_f715));
            pool[into] = mixed ^ (mixed >> 16);
        }
    }
    let mut constant = 0x8b51_f9dd;
    let mut word = |place: usize| u64::from(scramble(pool[place % 4], &mut constant, 0x58f3_8ded));
    std::array::from_fn(|place| word(2 * place) | (word(2 * place + 1) << 32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_those_of_numpy() {
        // numpy.random.default_rng(7).bit_generator.random_raw()
        let mut random = NumpyGenerator::new(7);
        let raw = [11_530_976_094_092_348_043, 16_550_673_365_885_938_325, 14_308_875_409_591_826_786];
        assert_eq!([(); 3].map(|()| random.next_u64()), raw);
        // numpy.random.default_rng(42): permutation(12), choice(4, 2, replace=False), permutation(5)
        let mut random = NumpyGenerator::new(42);
        assert_eq!(random.permutation(12), [0, 7, 6, 9, 11, 3, 5, 2, 4, 10, 1, 8]);
        assert_eq!(random.choose(4, 2), [2, 3]);
        assert_eq!(random.permutation(5), [3, 0, 2, 4, 1]);
    }

    #[test]
    fn a_second_shuffle_goes_on_with_the_stream() {
        let mut random = NumpyGenerator::new(42);
        let _ = random.permutation(12);
        assert_eq!(random.permutation(9), [4, 8, 2, 6, 5, 1, 7, 3, 0]);
        assert!(random.permutation(0).is_empty());
    }
}
