//! Numbers as readers write them.

/// A count with a comma between thousands.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with `decimals` decimals, commas between thousands and a true minus sign; powers of
/// ten for what is too long to read.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    if value.abs() >= 1e12 {
        return format!("{value:.2e}").replace('-', "−");
    }
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(w, f)| (w, Some(f)));
    let mut shown = String::new();
    if value < 0.0 && text.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) {
        shown.push('−');
    }
    match whole.parse::<u64>() {
        Ok(whole) => shown.push_str(&grouped(whole)),
        Err(_) => shown.push_str(whole),
    }
    if let Some(fraction) = fraction {
        shown.push('.');
        shown.push_str(fraction);
    }
    shown
}

/// A number with about three significant digits.
pub(crate) fn brief(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && size < 1e-4 {
        return format!("{value:.1e}").replace('-', "−");
    }
    fixed(
        value,
        if size >= 100.0 {
            0
        } else if size >= 10.0 {
            1
        } else if size >= 1.0 {
            2
        } else {
            3
        },
    )
}

/// A share of 0 to 1 as a percentage; what is neither none nor all never looks like it.
pub(crate) fn percent(share: f64) -> String {
    match share {
        share if !share.is_finite() => "–".to_owned(),
        share if share > 0.0 && share < 0.005 => "<1 %".to_owned(),
        share if share < 1.0 && share > 0.995 => ">99 %".to_owned(),
        share => format!("{:.0} %", share * 100.0),
    }
}

/// A p-value: three decimals, and never 0.
pub(crate) fn p_value(p: f64) -> String {
    match p {
        p if !p.is_finite() => "–".to_owned(),
        p if p < 0.001 => "< 0.001".to_owned(),
        p => fixed(p, 3),
    }
}

/// As [`p_value`], as part of a sentence: `p = 0.030`, `p < 0.001`.
#[allow(dead_code)] // used by the views of models
pub(crate) fn p_equals(p: f64) -> String {
    let shown = p_value(p);
    if shown.starts_with('<') { format!("p {shown}") } else { format!("p = {shown}") }
}

/// The ends of an interval: `0.12 to 0.34`.
pub(crate) fn range(low: f64, high: f64, decimals: usize) -> String {
    if low.is_finite() && high.is_finite() {
        format!("{} to {}", fixed(low, decimals), fixed(high, decimals))
    } else {
        "–".to_owned()
    }
}

/// A count and its noun: `1 row`, `1,204 rows`, `2 classes`.
pub(crate) fn counted(count: usize, one: &str) -> String {
    let ending = match count {
        1 => "",
        _ if one.ends_with('s') => "es",
        _ => "s",
    };
    format!("{} {one}{ending}", grouped(count as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }

    #[test]
    fn a_number_has_its_decimals_and_a_true_minus() {
        assert_eq!(fixed(-1234.5, 1), "−1,234.5");
        assert_eq!(fixed(-0.001, 2), "0.00");
        assert_eq!(fixed(f64::NAN, 2), "–");
        assert_eq!(fixed(1e300, 0), "1.00e300");
    }

    #[test]
    fn a_p_value_is_never_zero() {
        assert_eq!(p_equals(0.0), "p < 0.001");
        assert_eq!(p_equals(0.0304), "p = 0.030");
        assert_eq!(range(-0.5, 0.25, 2), "−0.50 to 0.25");
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(2, "class"), "2 classes");
    }

    #[test]
    fn a_percentage_never_hides_the_last_row() {
        assert_eq!(percent(0.001), "<1 %");
        assert_eq!(percent(0.999), ">99 %");
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(0.345), "34 %");
    }
}
