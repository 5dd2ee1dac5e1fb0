//! The normal distribution, and intervals of shares.

use crate::metric::{Z95, wilson};

/// The probability that a standard normal number is below `x`.
pub(super) fn normal_cdf(x: f64) -> f64 {
    0.5 * erfc(-x / std::f64::consts::SQRT_2)
}

/// 1 - erf(x): the series near 0, the continued fraction beyond; both to 1e-15.
fn erfc(x: f64) -> f64 {
    if x < 0.0 {
        return 2.0 - erfc(-x);
    }
    if x < 2.0 {
        // erf x = 2/√π · e^(-x²) · Σ 2^n x^(2n+1) / (1·3·5···(2n+1))
        let (mut term, mut sum, mut n) = (x, x, 0.0);
        while term > 1e-18 * sum && n < 200.0 {
            n += 1.0;
            term *= 2.0 * x * x / (2.0 * n + 1.0);
            sum += term;
        }
        return 1.0 - std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum;
    }
    let mut fraction = 0.0;
    for n in (1..=120).rev() {
        fraction = f64::from(n) / 2.0 / (x + fraction);
    }
    (-x * x).exp() / (x + fraction) / std::f64::consts::PI.sqrt()
}

/// Wilson's 95 % interval of a share: `hits` of `n`. From 0 to 1 without trials.
pub(crate) fn share_interval(hits: usize, n: usize) -> (f64, f64) {
    let n = n as f64;
    wilson(hits as f64 / n, n, Z95)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_those_of_the_tables() {
        for (x, p) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746_068_542_9),
            (-1.959_963_984_540_054, 0.025),
            (3.0, 0.998_650_101_968_369_9),
            (-4.0, 3.167_124_183_311_992e-5),
            (-8.0, 6.220_960_574_271_785e-16),
        ] {
            assert!((normal_cdf(x) / p - 1.0).abs() < 1e-12, "{x}: {} {p}", normal_cdf(x));
        }
    }

    #[test]
    fn wilsons_interval_is_the_published_one() {
        let (low, high) = share_interval(81, 263);
        assert!((low - 0.2553).abs() < 1e-4 && (high - 0.3662).abs() < 1e-4, "{low} {high}");
        assert_eq!(share_interval(0, 0), (0.0, 1.0));
        assert_eq!(share_interval(0, 10).0, 0.0);
    }

    #[test]
    fn wilsons_interval_covers_the_share_as_often_as_it_says() {
        for (n, share) in [(60, 0.5), (100, 0.3), (200, 0.1), (500, 0.05_f64)] {
            // All numbers of hits, with their binomial probabilities.
            let (mut covered, mut probability) = (0.0, (1.0 - share).powi(n));
            for hits in 0..=n {
                let (low, high) = share_interval(hits as usize, n as usize);
                if (low..=high).contains(&share) {
                    covered += probability;
                }
                probability *= f64::from(n - hits) / f64::from(hits + 1) * share / (1.0 - share);
            }
            assert!((0.92..=0.98).contains(&covered), "{n} {share}: {covered}");
        }
    }
}
