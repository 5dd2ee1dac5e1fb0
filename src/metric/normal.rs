//! Quantiles of the normal and of the t distribution.

/// Standard errors to either side that hold 95 %.
pub(crate) const Z95: f64 = 1.959_963_984_540_054;

/// The quantile of the standard normal distribution (Acklam's approximation, relative error below 1.2e-9).
pub(super) fn normal_quantile(p: f64) -> f64 {
    let tail = |p: f64| {
        let q = (-2.0 * p.ln()).sqrt();
        let above =
            ((((-7.784_894_002_430_293e-3 * q - 0.322_396_458_041_136_5) * q - 2.400_758_277_161_838) * q
                - 2.549_732_539_343_734)
                * q
                + 4.374_664_141_464_968)
                * q
                + 2.938_163_982_698_783;
        let below = (((7.784_695_709_041_462e-3 * q + 0.322_467_129_070_039_8) * q + 2.445_134_137_142_996)
            * q
            + 3.754_408_661_907_416)
            * q
            + 1.0;
        above / below
    };
    if p < 0.024_25 {
        return tail(p);
    }
    if p > 1.0 - 0.024_25 {
        return -tail(1.0 - p);
    }
    let q = p - 0.5;
    let r = q * q;
    let above = (((((-39.696_830_286_653_76 * r + 220.946_098_424_520_5) * r - 275.928_510_446_968_7) * r
        + 138.357_751_867_269)
        * r
        - 30.664_798_066_147_16)
        * r
        + 2.506_628_277_459_239)
        * q;
    let below = ((((-54.476_098_798_224_06 * r + 161.585_836_858_040_9) * r - 155.698_979_859_886_6) * r
        + 66.801_311_887_719_72)
        * r
        - 13.280_681_552_885_72)
        * r
        + 1.0;
    above / below
}

/// The two-sided quantile of the t distribution with these degrees of freedom: exact for one and two, by the
/// expansion of Fisher and Cornish (1960) for more.
pub(crate) fn t_quantile(confidence: f64, freedom: f64) -> f64 {
    let z = normal_quantile(0.5 + confidence / 2.0);
    if freedom <= 1.0 {
        return (std::f64::consts::FRAC_PI_2 * confidence).tan();
    }
    if freedom <= 2.0 {
        return confidence * (2.0 / (1.0 - confidence * confidence)).sqrt();
    }
    let (z3, z5, z7, z9) = (z.powi(3), z.powi(5), z.powi(7), z.powi(9));
    z + (z3 + z) / (4.0 * freedom)
        + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * freedom.powi(2))
        + (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / (384.0 * freedom.powi(3))
        + (79.0 * z9 + 776.0 * z7 + 1482.0 * z5 - 1920.0 * z3 - 945.0 * z) / (92_160.0 * freedom.powi(4))
}

/// The share of the standard normal distribution below `z` (Abramowitz and Stegun 7.1.26, absolute error below
/// 1e-7).
pub(super) fn normal_share(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let poly = ((((1.061_405_429 * t - 1.453_152_027) * t + 1.421_413_741) * t - 0.284_496_736) * t
        + 0.254_829_592)
        * t;
    let above = 0.5 * poly * (-x * x).exp();
    if z > 0.0 { 1.0 - above } else { above }
}

/// How often a number of the t distribution with these whole degrees of freedom is at least as far from 0 as `t`, either
/// way (the finite series of Abramowitz and Stegun 1964, 26.7.3 and 26.7.4).
pub(super) fn t_two_sided(t: f64, freedom: usize) -> f64 {
    let angle = (t.abs() / (freedom as f64).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    let odd = freedom % 2;
    // 1 + 1/2 cos² + 1·3/(2·4) cos⁴ + .., or cos + 2/3 cos³ + ..
    let (mut term, mut sum) = (if odd == 1 { cosine } else { 1.0 }, 0.0);
    let mut power = odd;
    while power + 2 <= freedom {
        sum += term;
        power += 2;
        term *= (power - 1) as f64 / power as f64 * cosine * cosine;
    }
    let within = if odd == 1 { (angle + sine * sum) * std::f64::consts::FRAC_2_PI } else { sine * sum };
    (1.0 - within).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        let z = normal_quantile(0.975);
        assert!((z - 1.959_963_984_540_054).abs() < 1e-8);
        assert!((normal_share(z) - 0.975).abs() < 1e-6 && (normal_share(-1.0) - 0.158_655_25).abs() < 1e-6);
        assert!((normal_quantile(0.75) - 0.674_489_750_196_081_7).abs() < 1e-8);
        for (freedom, t, tolerance) in
            [(1.0, 12.706_2, 1e-4), (2.0, 4.302_65, 1e-5), (3.0, 3.182_45, 5e-3), (10.0, 2.228_14, 1e-4)]
        {
            assert!((t_quantile(0.95, freedom) - t).abs() < tolerance, "{freedom}");
        }
    }
}
