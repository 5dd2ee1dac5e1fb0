//! What may be sent within a minute.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// A budget of units a minute.
///
/// It fills continuously, so that what is sent is spread over the minute, and at the same time no
/// minute, wherever it begins, sees more than the limit: a bucket alone would let twice the limit through
/// in its first one.
#[derive(Debug)]
pub(super) struct Budget {
    limit: f64,
    minute: Duration,
    /// Units that may be sent at once; negative after a request larger than that.
    level: f64,
    filled: Instant,
    /// What was sent within the last minute.
    sent: VecDeque<(Instant, f64)>,
}

/// The share of a minute's units that may be sent at once.
pub(super) const BURST: f64 = 0.1;

impl Budget {
    pub fn new(limit: f64, minute: Duration, now: Instant) -> Budget {
        let mut budget = Budget { limit, minute, level: 0.0, filled: now, sent: VecDeque::new() };
        budget.level = budget.burst();
        budget
    }

    fn burst(&self) -> f64 {
        (self.limit * BURST).max(1.0).min(self.limit)
    }

    /// How long a request of `need` units must wait; nothing is taken.
    pub fn wait(&mut self, need: f64, now: Instant) -> Duration {
        // A request larger than the limit can only be the only one of its minute.
        let need = need.min(self.limit);
        let rate = self.limit / self.minute.as_secs_f64();
        let gone = now.saturating_duration_since(self.filled);
        self.level = (self.level + gone.as_secs_f64() * rate).min(self.burst());
        self.filled = now;
        while self.sent.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) >= self.minute) {
            self.sent.pop_front();
        }
        let short = need.min(self.burst()) - self.level;
        // Up to a millionth, so that rounding does not ask for another nanosecond forever.
        let for_level = if short > 1e-6 { short / rate } else { 0.0 };
        let mut over = self.sent.iter().map(|(_, units)| units).sum::<f64>() + need - self.limit;
        let mut for_minute = Duration::ZERO;
        for (at, units) in &self.sent {
            if over <= 1e-6 {
                break;
            }
            over -= units;
            for_minute = self.minute.saturating_sub(now.saturating_duration_since(*at));
        }
        for_minute.max(Duration::try_from_secs_f64(for_level).unwrap_or(self.minute))
    }

    /// Takes the units of a request that need not wait.
    pub fn take(&mut self, need: f64, now: Instant) {
        let need = need.min(self.limit);
        self.level -= need;
        self.sent.push_back((now, need));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Sends requests of these needs as early as allowed; when each went, in seconds.
    fn times(limit: f64, needs: impl IntoIterator<Item = f64>) -> Vec<(f64, f64)> {
        let minute = Duration::from_secs(60);
        let start = Instant::now();
        let mut now = start;
        let mut budget = Budget::new(limit, minute, start);
        let mut sent = Vec::new();
        for need in needs {
            for attempt in 0.. {
                let wait = budget.wait(need, now);
                if wait.is_zero() {
                    break;
                }
                assert!(attempt < 50, "it never lets {need} through");
                now += wait;
            }
            budget.take(need, now);
            sent.push(((now - start).as_secs_f64(), need));
        }
        sent
    }

    fn most_in_a_minute(sent: &[(f64, f64)]) -> f64 {
        let within = |from: f64| sent.iter().filter(move |(at, _)| (from..from + 60.0 - 1e-6).contains(at));
        sent.iter().map(|(from, _)| within(*from).map(|(_, need)| need).sum()).fold(0.0, f64::max)
    }

    #[test]
    fn no_minute_sees_more_than_the_limit_and_hardly_less_is_sent() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        for (limit, largest, n) in
            [(20.0, 1.0, 200), (3000.0, 1.0, 9000), (125_000.0, 9000.0, 300), (10_000.0, 8191.0, 40)]
        {
            let needs: Vec<f64> = (0..n)
                .map(|_| if largest > 1.0 { random.gen_range(1.0_f64..largest).round() } else { 1.0 })
                .collect();
            let total: f64 = needs.iter().sum();
            let sent = times(limit, needs);
            assert!(most_in_a_minute(&sent) <= limit + 1e-3, "{limit}: {}", most_in_a_minute(&sent));
            let minutes = sent.last().unwrap().0 / 60.0;
            assert!(minutes <= 1.0 + 1.6 * total / limit, "{limit}: {minutes} minutes for {}", total / limit);
        }
    }

    #[test]
    fn what_is_sent_is_spread_over_the_minute() {
        let sent = times(60.0, [1.0; 50]);
        assert!(sent[5].0 < 1e-6 && sent[49].0 > 40.0, "{:?}", sent[49]);
    }

    #[test]
    fn a_request_larger_than_the_limit_goes_alone_and_does_not_wait_forever() {
        let sent = times(100.0, [500.0, 1.0, 500.0]);
        assert_eq!(sent[0].0, 0.0);
        assert!(sent[1].0 >= 60.0 - 1e-6 && sent[2].0 >= 120.0 - 1e-6, "{sent:?}");
    }
}
