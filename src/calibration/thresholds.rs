//! Thresholds for a goal, chosen on some pairs and judged on others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pairs::{Estimate, ratio};

/// What a threshold is chosen for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "goal", content = "target", rename_all = "snake_case")]
pub enum Goal {
    /// The largest F1.
    F1,
    /// The lowest cosine of which at most this share of the pairs that are not the same lies above.
    FalsePositiveRate(f64),
    /// The lowest cosine above which at least this share of the pairs is the same.
    Precision(f64),
}

/// A threshold. All figures are of the test pairs; a pair is called the same from the threshold on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Threshold {
    /// What it was chosen for.
    #[serde(flatten)]
    pub goal: Goal,
    /// The threshold; `null` when no cosine reaches the goal on the training pairs.
    pub cosine: Option<f64>,
    /// The share of the pairs above that are the same.
    pub precision: Option<f64>,
    /// The share of the pairs that are the same which lie above.
    pub recall: Option<f64>,
    /// The figure of the goal: F1, false-positive rate or precision.
    pub value: Option<f64>,
    /// Lower end of its 95 % interval.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

/// Pairs with their weights.
pub(super) struct Weighted<'a> {
    pub cosines: &'a [f64],
    pub same: &'a [bool],
    pub weights: &'a [f64],
    pub units: &'a [(u32, u32)],
}

impl Goal {
    /// The threshold that is best for the goal on these pairs: midway between two cosines.
    pub(super) fn choose(self, pairs: &Weighted<'_>) -> Option<f64> {
        let mut order: Vec<usize> = (0..pairs.cosines.len()).collect();
        order.sort_by(|a, b| pairs.cosines[*b].total_cmp(&pairs.cosines[*a]));
        let total = |kind: bool| -> f64 {
            let all = pairs.same.iter().zip(pairs.weights);
            all.filter(|(same, _)| **same == kind).map(|(_, weight)| weight).sum()
        };
        let (positives, negatives) = (total(true), total(false));
        let (mut right, mut wrong, mut best) = (0.0, 0.0, None);
        let mut most = 0.0;
        let mut groups = order.chunk_by(|a, b| pairs.cosines[*a] == pairs.cosines[*b]).peekable();
        while let Some(tied) = groups.next() {
            for pair in tied {
                *(if pairs.same[*pair] { &mut right } else { &mut wrong }) += pairs.weights[*pair];
            }
            let here = pairs.cosines[tied[0]];
            let cosine = groups.peek().map_or(here, |next| (here + pairs.cosines[next[0]]) / 2.0);
            match self {
                Goal::F1 => {
                    let f1 = 2.0 * right / (right + wrong + positives);
                    if f1 > most {
                        (most, best) = (f1, Some(cosine));
                    }
                }
                Goal::FalsePositiveRate(target) if wrong <= target * negatives => best = Some(cosine),
                Goal::Precision(target) if right >= target * (right + wrong) => best = Some(cosine),
                _ => {}
            }
        }
        best
    }

    /// The threshold, judged on these pairs.
    pub(super) fn judge(self, cosine: Option<f64>, pairs: &Weighted<'_>) -> Threshold {
        let Some(cosine) = cosine else {
            return Threshold {
                goal: self,
                cosine,
                precision: None,
                recall: None,
                value: None,
                low: None,
                high: None,
            };
        };
        let of = |hit: &dyn Fn(bool, bool) -> f64, count: &dyn Fn(bool, bool) -> f64| -> Option<Estimate> {
            let each = |of: &dyn Fn(bool, bool) -> f64| -> Vec<f64> {
                let all = pairs.cosines.iter().zip(pairs.same).zip(pairs.weights);
                all.map(|((x, same), weight)| weight * of(*x >= cosine, *same)).collect()
            };
            ratio(&each(hit), &each(count), pairs.units)
        };
        let one = |holds: bool| f64::from(u8::from(holds));
        let precision = of(&|above, same| one(above && same), &|above, _| one(above));
        let recall = of(&|above, same| one(above && same), &|_, same| one(same));
        let value = match self {
            Goal::F1 => of(&|above, same| 2.0 * one(above && same), &|above, same| one(above) + one(same)),
            Goal::FalsePositiveRate(_) => of(&|above, same| one(above && !same), &|_, same| one(!same)),
            Goal::Precision(_) => precision,
        };
        Threshold {
            goal: self,
            cosine: Some(cosine),
            precision: precision.map(|found| found.value),
            recall: recall.map(|found| found.value),
            value: value.map(|found| found.value),
            low: value.map(|found| found.low),
            high: value.map(|found| found.high),
        }
    }
}
