//! How long to wait before another attempt.

use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Waits between attempts and limits of time; every one can be changed, so that tests need not wait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Waits {
    /// Attempts for one request, the first included. Default: 6.
    pub attempts: usize,
    /// The shortest wait between two attempts. Default: 1 s.
    pub shortest: Duration,
    /// The longest wait between two attempts, unless the server asks for more. Default: 20 s.
    pub longest: Duration,
    /// After an answer that there were too many requests or tokens, nothing is sent for so long (longer
    /// when the server asks for it). Default: 15 s.
    pub pause: Duration,
    /// A server that asks for a longer wait is given up. Default: 5 minutes.
    pub most_asked: Duration,
    /// Timeout of a request. Default: 60 s.
    pub timeout: Duration,
    /// The time that budgets are for. Default: 60 s.
    pub minute: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Waits {
            attempts: 6,
            shortest: Duration::from_secs(1),
            longest: Duration::from_secs(20),
            pause: Duration::from_secs(15),
            most_asked: Duration::from_secs(300),
            timeout: Duration::from_secs(60),
            minute: Duration::from_secs(60),
        }
    }
}

/// Random exponential waits, as OpenAI's guide has them from tenacity's `wait_random_exponential`: between
/// the shortest wait and a bound that doubles (1, 2, 4, 8, 16, 20 s).
pub(super) struct RandomExponential {
    waits: Waits,
    failed: usize,
    random: ChaCha8Rng,
}

impl RandomExponential {
    pub fn new(waits: Waits, seed: u64) -> Self {
        RandomExponential { waits, failed: 0, random: ChaCha8Rng::seed_from_u64(seed) }
    }
}

impl Iterator for RandomExponential {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.failed += 1;
        if self.failed >= self.waits.attempts {
            return None;
        }
        let doubled = 2_u32.saturating_pow((self.failed - 1).min(31) as u32);
        let high = self.waits.shortest.saturating_mul(doubled).min(self.waits.longest);
        let low = self.waits.shortest.min(high).as_secs_f64();
        Duration::try_from_secs_f64(self.random.gen_range(low..=high.as_secs_f64())).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_random_between_one_second_and_a_bound_that_doubles_to_twenty() {
        for seed in 0..50 {
            let waits: Vec<f64> = RandomExponential::new(Waits { attempts: 9, ..Default::default() }, seed)
                .map(|wait| wait.as_secs_f64())
                .collect();
            assert_eq!(waits.len(), 8);
            for (wait, high) in waits.iter().zip([1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0, 20.0]) {
                assert!((1.0..=high).contains(wait), "{waits:?}");
            }
        }
        assert_eq!(RandomExponential::new(Waits::default(), 0).count(), 5);
        assert_eq!(RandomExponential::new(Waits { attempts: 1, ..Default::default() }, 0).count(), 0);
    }
}
