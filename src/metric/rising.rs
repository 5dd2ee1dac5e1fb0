//! Curves of many classes, with the thresholds at which something is found.
//!
//! A curve with every threshold holds rows times classes numbers, which have to be sorted. Precision and recall matter
//! where the recall rises, at the scores of the rows that are of the class: of those there are as many as rows, in all
//! classes together.

use ndarray::{ArrayView2, Axis};
use rayon::prelude::*;

use super::curve::{ClassCurve, ClassCurves, PrecisionRecall, Roc, mean, require_scores};
use crate::error::Result;

/// As [`class_curves`](super::class_curves), with only the thresholds at which the recall rises. The average precisions
/// are the same to the last bit, the areas but for rounding. Time grows with rows times classes, memory with rows.
///
/// # Errors
/// As [`class_curves`](super::class_curves).
pub(crate) fn rising_curves(
    truth: &[usize],
    scores: ArrayView2<'_, f64>,
    names: &[String],
) -> Result<ClassCurves> {
    require_scores(truth, scores, names)?;
    let mut rows_of: Vec<Vec<usize>> = vec![Vec::new(); names.len()];
    truth.iter().enumerate().for_each(|(row, class)| rows_of[*class].push(row));
    let classes: Vec<ClassCurve> = (0..names.len())
        .into_par_iter()
        .map(|class| {
            let column = scores.column(class);
            let mut rising = Rising::new(rows_of[class].iter().map(|row| column[*row]).collect());
            column.iter().for_each(|score| rising.add(*score));
            rising.curve(&names[class])
        })
        .collect();
    let micro = Rising::new(truth.iter().enumerate().map(|(row, class)| scores[[row, *class]]).collect());
    // Counts are whole numbers: the order in which they are added does not matter.
    let micro = scores
        .axis_chunks_iter(Axis(0), 256)
        .into_par_iter()
        .fold(
            || micro.clone(),
            |mut part, rows| {
                rows.iter().for_each(|score| part.add(*score));
                part
            },
        )
        .reduce(|| micro.clone(), Rising::and);
    Ok(ClassCurves {
        macro_average_precision: mean(classes.iter().map(|class| class.precision_recall.average_precision)),
        macro_area: mean(classes.iter().map(|class| class.roc.area)),
        micro: micro.curve("micro average"),
        classes,
    })
}

/// How many decisions lie between the scores of the positives.
#[derive(Clone)]
struct Rising {
    /// The different scores of the positives, descending.
    scores: Vec<f64>,
    /// The positives of each.
    positives: Vec<u64>,
    /// The decisions, positives too, that have each score.
    equal: Vec<u64>,
    /// The decisions above each score and below the one before it; the last are those below all.
    above: Vec<u64>,
}

impl Rising {
    fn new(mut found: Vec<f64>) -> Rising {
        found.sort_by(|a, b| b.total_cmp(a));
        // 0 and -0 are one score.
        let groups: Vec<&[f64]> = found.chunk_by(|a, b| a == b).collect();
        let n = groups.len();
        Rising {
            scores: groups.iter().map(|group| group[0]).collect(),
            positives: groups.iter().map(|group| group.len() as u64).collect(),
            equal: vec![0; n],
            above: vec![0; n + 1],
        }
    }

    fn add(&mut self, score: f64) {
        let place = self.scores.partition_point(|other| *other > score);
        match self.scores.get(place) {
            Some(other) if *other == score => self.equal[place] += 1,
            _ => self.above[place] += 1,
        }
    }

    fn and(mut self, other: Rising) -> Rising {
        self.equal.iter_mut().zip(other.equal).for_each(|(count, more)| *count += more);
        self.above.iter_mut().zip(other.above).for_each(|(count, more)| *count += more);
        self
    }

    /// Right and wrong decisions at each threshold, from the highest.
    fn steps(&self) -> Vec<(u64, u64)> {
        let (mut right, mut wrong) = (0, 0);
        (0..self.scores.len())
            .map(|at| {
                right += self.positives[at];
                wrong += self.above[at] + self.equal[at] - self.positives[at];
                (right, wrong)
            })
            .collect()
    }

    fn curve(&self, label: &str) -> ClassCurve {
        let steps = self.steps();
        let positives: u64 = self.positives.iter().sum();
        let n = self.equal.iter().sum::<u64>() + self.above.iter().sum::<u64>();
        let negatives = n - positives;
        let (mut precision, mut area, mut before) = (0.0, 0.0, 0);
        for (at, &(right, wrong)) in steps.iter().enumerate() {
            precision += (right - before) as f64 * (right as f64 / (right + wrong) as f64);
            let tied = self.equal[at] - self.positives[at];
            area += self.above[at] as f64 * before as f64 + tied as f64 * (right + before) as f64 / 2.0;
            before = right;
        }
        area += self.above[steps.len()] as f64 * before as f64;
        let (p, without) = (positives as f64, negatives as f64);
        let ascending = || steps.iter().rev();
        let area = (positives > 0 && negatives > 0).then(|| area / (p * without));
        let roc = |from: f64, of: &dyn Fn(&(u64, u64)) -> f64| -> Vec<f64> {
            let all = std::iter::once(from).chain(steps.iter().map(of));
            area.map_or_else(Vec::new, |_| all.collect())
        };
        ClassCurve {
            label: label.to_owned(),
            precision_recall: PrecisionRecall {
                positives,
                n,
                average_precision: (positives > 0).then(|| precision / p),
                precision: ascending()
                    .map(|&(right, wrong)| right as f64 / (right + wrong) as f64)
                    .chain([1.0])
                    .collect(),
                recall: ascending().map(|&(right, _)| right as f64 / p).chain([0.0]).collect(),
                thresholds: self.scores.iter().rev().copied().collect(),
            },
            roc: Roc {
                positives,
                negatives,
                area,
                false_positive_rate: roc(0.0, &|(_, wrong)| *wrong as f64 / without),
                true_positive_rate: roc(0.0, &|(right, _)| *right as f64 / p),
                thresholds: match area {
                    Some(_) => [f64::INFINITY].into_iter().chain(self.scores.iter().copied()).collect(),
                    None => Vec::new(),
                },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::metric::class_curves;

    #[test]
    fn they_are_the_full_curves_without_the_thresholds_that_find_nothing() {
        let names: Vec<String> = (0..7).map(|class| class.to_string()).collect();
        let truth: Vec<usize> = (0..90).map(|row| row * row % 6).collect();
        // Few different scores, so that many are tied; 0 and -0 among them.
        let scores = Array2::from_shape_fn((90, 7), |(row, class)| {
            let near = if truth[row] == class { 3 } else { 0 };
            f64::from(((row * 31 + class * 17) % 9 + near) as u32) / 4.0
                * if row % 2 == 0 { 1.0 } else { -1.0 }
        });
        let full = class_curves(&truth, scores.view(), &names).unwrap();
        let rising = rising_curves(&truth, scores.view(), &names).unwrap();
        assert_eq!(rising.macro_average_precision, full.macro_average_precision);
        for (rising, full) in
            rising.classes.iter().chain([&rising.micro]).zip(full.classes.iter().chain([&full.micro]))
        {
            let (found, all) = (&rising.precision_recall, &full.precision_recall);
            assert_eq!(found.average_precision, all.average_precision, "{}", full.label);
            assert_eq!((found.positives, found.n), (all.positives, all.n));
            match (rising.roc.area, full.roc.area) {
                (Some(found), Some(all)) => assert!((found - all).abs() < 1e-12, "{found} {all}"),
                (found, all) => assert_eq!(found, all),
            }
            let points: Vec<(f64, f64)> =
                all.precision.iter().copied().zip(all.recall.iter().copied()).collect();
            assert!(found.precision.len() < points.len());
            for point in found.precision.iter().copied().zip(found.recall.iter().copied()) {
                assert!(points.contains(&point), "{point:?} of {}", full.label);
            }
        }
        // A class without rows has no average precision.
        assert_eq!(rising.classes[6].precision_recall.average_precision, None);
    }

    #[test]
    fn what_the_full_curves_refuse_is_refused() {
        let names = ["a", "b"].map(String::from);
        let bad = ndarray::array![[0.5, f64::NAN], [0.5, 0.5]];
        assert!(rising_curves(&[0, 1], bad.view(), &names).is_err());
        assert!(rising_curves(&[0], bad.view(), &names).is_err());
        assert!(rising_curves(&[0, 2], ndarray::array![[0.5, 0.5], [0.5, 0.5]].view(), &names).is_err());
    }
}
