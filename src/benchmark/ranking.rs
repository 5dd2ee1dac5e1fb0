//! The scores of one ranked list of documents, as trec_eval computes them.

/// Where lists are cut.
pub(super) const CUTS: [usize; 7] = [1, 3, 5, 10, 20, 100, 1000];

/// Metrics of a list, by MTEB's names; `mrr` is last.
pub(super) const METRICS: [&str; 6] = ["ndcg", "map", "recall", "precision", "hit_rate", "mrr"];

/// Each metric at each cut.
pub(super) type Scores = [[f64; CUTS.len()]; METRICS.len()];

/// Documents of one score, of which none is before another by right; alone where names decide.
pub(super) struct Tie {
    /// The relevance of each document that has some.
    pub gains: Vec<u32>,
    /// How many documents there are.
    pub size: usize,
}

/// The metrics of a list of ties, the best score first: their means over all orders of tied documents (McSherry and
/// Najork 2008). `judged` holds the relevance of every relevant document, found or not; there is at least one.
pub(super) fn scores(ties: &[Tie], judged: &[u32]) -> Scores {
    let relevant = judged.len() as f64;
    let discount = |place: usize| 1.0 / (place as f64 + 1.0).log2();
    let mut ideal: Vec<u32> = judged.to_vec();
    ideal.sort_unstable_by(|a, b| b.cmp(a));
    let (mut place, mut seen, mut none_yet) = (0_usize, 0.0, 1.0);
    let (mut dcg, mut average, mut found, mut first) = (0.0, 0.0, 0.0, 0.0);
    let mut best = 0.0;
    let mut out = [[0.0; CUTS.len()]; METRICS.len()];
    let mut cut = 0;
    let last = CUTS[CUTS.len() - 1];
    let mut record = |cut: usize, [dcg, average, found, none_yet, first, best]: [f64; 6]| {
        let values = [
            dcg / best,
            average / relevant,
            found / relevant,
            found / CUTS[cut] as f64,
            1.0 - none_yet,
            first,
        ];
        values.into_iter().enumerate().for_each(|(metric, value)| out[metric][cut] = value);
    };
    let ideal_at = |place: usize| ideal.get(place).map_or(0.0, |gain| f64::from(*gain) * discount(place + 1));
    for tie in ties {
        let (size, hits) = (tie.size as f64, tie.gains.len() as f64);
        let gain = tie.gains.iter().map(|gain| f64::from(*gain)).sum::<f64>() / size;
        for i in 0..tie.size {
            if place == last {
                break;
            }
            best += ideal_at(place);
            place += 1;
            dcg += gain * discount(place);
            found += hits / size;
            if hits > 0.0 {
                // Relevant before this place, given that a relevant document stands here.
                let before = if tie.size > 1 { i as f64 * (hits - 1.0) / (size - 1.0) } else { 0.0 };
                average += hits / size * (seen + before + 1.0) / place as f64;
                // No relevant document among the i before it in this tie, and one here.
                let left = size - i as f64;
                let here = none_yet * (hits / left).min(1.0);
                first += here / place as f64;
                none_yet -= here;
            }
            if place == CUTS[cut] {
                record(cut, [dcg, average, found, none_yet, first, best]);
                cut += 1;
            }
        }
        seen += hits;
    }
    for (open, end) in CUTS.iter().enumerate().skip(cut) {
        while place < *end {
            best += ideal_at(place);
            place += 1;
        }
        record(open, [dcg, average, found, none_yet, first, best]);
    }
    out
}
