//! What is unusual about the figures of a score card.

use super::card::ScoreCard;
use crate::quality::{Finding, Thresholds};

/// The verdicts, the worst first.
pub(super) fn findings(card: &ScoreCard, thresholds: &Thresholds) -> Vec<Finding> {
    let n = card.rows.max(1) as f64;
    let most = card.dims.min(card.rows.saturating_sub(1)).max(1) as f64;
    let duplicates = card.duplicates.exact_text.unwrap_or(0) as f64 / n;
    let labels = card.labels.as_ref();
    let probes = labels.map(|labels| [labels.knn, labels.logistic, labels.forest]);
    let best = probes.and_then(|probes| probes.iter().flatten().map(|probe| probe.low).reduce(f64::max));
    let figures = [
        ("mean_cosine", card.geometry.mean_cosine),
        ("participation_ratio_share", card.geometry.participation_ratio.map(|ratio| ratio / most)),
        ("rogue_dimension", card.geometry.rogue_dimension),
        ("dead_dimensions", Some(card.geometry.dead_dimensions as f64 / card.dims.max(1) as f64)),
        ("zero_rows", Some(card.geometry.zero_rows as f64 / n)),
        ("intrinsic_dimension", card.intrinsic_dimension.gride.last().map(|gride| gride.id)),
        ("hubness_skew", card.neighbors.hubness_skew),
        ("anti_hubs", card.neighbors.anti_hubs),
        ("islands", card.neighbors.island_share),
        ("exact_duplicates", Some(duplicates.max(card.duplicates.exact_vector as f64 / n))),
        ("near_duplicates", Some(card.duplicates.near as f64 / n)),
        ("outliers", card.outliers.n.map(|count| count as f64 / n)),
        ("row_order", card.row_order.map(|order| order.p_value)),
        ("label_signal", labels.and_then(|labels| Some(best? - labels.majority))),
        (
            "label_errors",
            labels.and_then(|labels| Some(labels.label_errors? as f64 / labels.probed_rows.max(1) as f64)),
        ),
    ];
    let mut findings: Vec<Finding> =
        figures.into_iter().filter_map(|(id, value)| thresholds.judge(id, value)).collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    findings
}
