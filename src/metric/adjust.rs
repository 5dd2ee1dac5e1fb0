//! p-values of several tests at once.

/// Holm's adjusted p-values (Holm 1979): the chance of one false finding among all tests is at most the level at which
/// an adjusted p-value is judged. Takes the p-values in any order and gives them in the same.
///
/// ```
/// let adjusted = embedlab::metric::holm(&[0.01, 0.04, 0.03]);
/// assert_eq!(adjusted, [0.03, 0.06, 0.06]);
/// ```
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut adjusted = vec![0.0; p.len()];
    let mut least = 0.0_f64;
    for (place, test) in order.into_iter().enumerate() {
        least = least.max(p[test] * (p.len() - place) as f64).min(1.0);
        adjusted[test] = least;
    }
    adjusted
}
