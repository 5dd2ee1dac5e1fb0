//! nAUC: whether the confidence of a search tells when to keep silent (arXiv 2402.12997).

/// Confidence in a list of similarities: its highest, their standard deviation, how far the first is before the second.
pub(super) fn confidence(similarities: &[f64]) -> [f64; 3] {
    let n = similarities.len() as f64;
    if similarities.is_empty() {
        return [0.0; 3];
    }
    let (mut first, mut second) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
    for value in similarities {
        if *value > first {
            (first, second) = (*value, first);
        } else if *value > second {
            second = *value;
        }
    }
    let mean = similarities.iter().sum::<f64>() / n;
    let variance = similarities.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
    [first, variance.sqrt(), if similarities.len() > 1 { first - second } else { 0.0 }]
}

/// The order of queries by each confidence, with the ends of groups of equal ones; sorted once for all metrics.
pub(super) struct Order {
    queries: Vec<usize>,
    ends: Vec<usize>,
}

impl Order {
    pub fn new(confidence: &[f64]) -> Self {
        let mut queries: Vec<usize> = (0..confidence.len()).collect();
        queries.sort_by(|a, b| confidence[*a].total_cmp(&confidence[*b]));
        let mut ends = Vec::new();
        for (place, pair) in queries.windows(2).enumerate() {
            if confidence[pair[0]] != confidence[pair[1]] {
                ends.push(place + 1);
            }
        }
        ends.push(queries.len());
        Order { queries, ends }
    }

    /// The mean of a metric when 0, 10, .. 90 % of the queries, the least confident, are left out; equally confident
    /// ones have their mean.
    fn curve(&self, metric: &[f64]) -> [f64; 10] {
        let n = self.queries.len();
        let mut smoothed = Vec::with_capacity(n);
        let mut begin = 0;
        for end in &self.ends {
            let group = &self.queries[begin..*end];
            let mean = group.iter().map(|query| metric[*query]).sum::<f64>() / group.len() as f64;
            smoothed.resize(*end, mean);
            begin = *end;
        }
        std::array::from_fn(|step| {
            let left_out = ((step as f64 * 0.1 * n as f64).round_ties_even() as usize).min(n - 1);
            smoothed[left_out..].iter().sum::<f64>() / (n - left_out) as f64
        })
    }
}

fn area(curve: [f64; 10]) -> f64 {
    curve.windows(2).map(|pair| 0.1 * (pair[0] + pair[1]) / 2.0).sum()
}

/// The normalised area under the abstention curve: 1 when the confidence is as good as knowing the metric, 0 when it
/// tells nothing. `None` when all queries have the same metric.
pub(super) fn nauc(order: &Order, metric: &[f64]) -> Option<f64> {
    if metric.is_empty() {
        return None;
    }
    let best = Order::new(metric).curve(metric);
    let (oracle, flat) = (area(best), best[0] * 0.9);
    let range = oracle - flat;
    (range.abs() > 1e-12).then(|| (area(order.curve(metric)) - flat) / range)
}
