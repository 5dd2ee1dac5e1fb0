//! What a model still learns from rows in fewer dimensions and bits.

use ndarray::{Array2, ArrayView2, Axis};
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;

use super::point::Probed;
use super::search::unit;
use crate::error::Result;
use crate::metric::{BootstrapOptions, ComparisonOptions, bootstrap, compare_accuracy};
use crate::model::Logistic;
use crate::rows::DistinctRows;
use crate::split::stratified_split;

/// The most rows that a model learns from, and of many classes the most rows times classes; as many are asked about.
const MOST_ROWS: usize = 1500;
const MOST_SCORES: usize = 20_000;

/// The fewest rows on each side.
const FEWEST: usize = 20;

/// A logistic regression of labels, with scikit-learn's defaults, that learns from the rows of every setting and is asked
/// about other rows, the same for all settings.
///
/// Equal rows are taken once, so that none is on both sides. The rows of a setting are scaled by one number until they
/// spread as much as the rows as they are: a setting is not better because its larger numbers are penalised less.
pub(super) struct Probe {
    train: Vec<usize>,
    test: Vec<usize>,
    classes: Vec<usize>,
    truth: Vec<usize>,
    /// The mean squared distance of the training rows from their mean, as they are.
    spread: f64,
    /// Whether each test row is right by the rows as they are.
    whole: Vec<bool>,
}

impl Probe {
    /// A probe for rows with labels; `None` with fewer than two classes or 20 rows on a side, and when no model can be
    /// fitted.
    pub fn new(rows: ArrayView2<'_, f32>, labels: &[Option<u32>], seed: u64) -> Result<Option<Probe>> {
        let distinct = DistinctRows::of(&rows)?;
        let known: Vec<(usize, u32)> = distinct
            .first_rows()
            .iter()
            .map(|row| *row as usize)
            .filter(|row| rows.row(*row).iter().any(|x| *x != 0.0))
            .filter_map(|row| Some((row, labels.get(row).copied().flatten()?)))
            .collect();
        let n_classes = of_classes(&known).len();
        let most = 2 * (MOST_SCORES / n_classes.max(1)).clamp(MOST_ROWS / 3, MOST_ROWS);
        let mut picked =
            index::sample(&mut ChaCha8Rng::seed_from_u64(seed), known.len(), known.len().min(most))
                .into_vec();
        picked.sort_unstable();
        let mut picked: Vec<(usize, u32)> = picked.into_iter().map(|at| known[at]).collect();
        // A class of one row cannot be learned and asked about.
        let counts = of_classes(&picked);
        picked.retain(|(_, label)| counts.iter().any(|(class, count)| class == label && *count > 1));
        let classes: Vec<u32> = of_classes(&picked).into_iter().map(|(class, _)| class).collect();
        let codes: Vec<u32> =
            picked.iter().map(|(_, label)| classes.partition_point(|class| class < label) as u32).collect();
        if classes.len() < 2 || picked.len() < 2 * FEWEST.max(classes.len()) {
            return Ok(None);
        }
        let split = stratified_split(&codes, 0.5, seed as u32)?;
        let rows_of = |side: &[usize]| side.iter().map(|at| picked[*at].0).collect();
        let classes_of = |side: &[usize]| side.iter().map(|at| codes[*at] as usize).collect();
        let mut probe = Probe {
            train: rows_of(&split.train),
            test: rows_of(&split.test),
            classes: classes_of(&split.train),
            truth: classes_of(&split.test),
            spread: 0.0,
            whole: Vec::new(),
        };
        let as_they_are = |picked: &[usize]| Ok(unit(rows.select(Axis(0), picked).view()));
        probe.spread = spread(&as_they_are(&probe.train)?);
        Ok(probe.right(as_they_are)?.map(|whole| Probe { whole, ..probe }))
    }

    /// Rows that are learned from, and rows that are asked about.
    pub fn sizes(&self) -> (usize, usize) {
        (self.train.len(), self.test.len())
    }

    /// Whether each test row is right, by the rows that `coded` gives for their numbers; `None` when no model can be
    /// fitted.
    pub fn right(&self, coded: impl Fn(&[usize]) -> Result<Array2<f32>>) -> Result<Option<Vec<bool>>> {
        let (mut train, mut test) = (coded(&self.train)?, coded(&self.test)?);
        let spread = spread(&train);
        if spread > 0.0 && self.spread > 0.0 {
            let scale = (self.spread / spread).sqrt() as f32;
            train *= scale;
            test *= scale;
        }
        let Ok(model) = Logistic::params().fit_rows(train.view(), &self.classes, None) else {
            return Ok(None);
        };
        let found = model.predict_rows(test.view())?;
        Ok(Some(found.iter().zip(&self.truth).map(|(found, truth)| found == truth).collect()))
    }

    /// The accuracy of a setting, against that of the rows as they are.
    pub fn against_rows(&self, right: &[bool], seed: u64) -> Result<Probed> {
        let options = BootstrapOptions { seed, ..Default::default() };
        let marks = |right: &[bool]| -> Vec<usize> { right.iter().copied().map(usize::from).collect() };
        let compared = compare_accuracy(
            &vec![1; right.len()],
            &marks(right),
            &marks(&self.whole),
            &ComparisonOptions { bootstrap: options, ..Default::default() },
        )?;
        let own = bootstrap(right.len(), &options, |times| {
            let hits = right.iter().zip(times).filter(|(right, _)| **right);
            hits.map(|(_, times)| f64::from(*times)).sum::<f64>() / right.len() as f64
        })?;
        Ok(Probed {
            value: compared.first,
            low: own.low,
            high: own.high,
            difference: compared.difference,
            difference_low: compared.interval.low,
            difference_high: compared.interval.high,
            p: compared.p_value,
        })
    }
}

/// The labels that there are, ascending, and how often each.
fn of_classes(rows: &[(usize, u32)]) -> Vec<(u32, usize)> {
    let mut labels: Vec<u32> = rows.iter().map(|(_, label)| *label).collect();
    labels.sort_unstable();
    labels.chunk_by(|a, b| a == b).map(|same| (same[0], same.len())).collect()
}

/// The mean squared distance of rows from their mean.
fn spread(rows: &Array2<f32>) -> f64 {
    let wide = rows.mapv(f64::from);
    wide.var_axis(Axis(0), 0.0).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    /// 400 rows of two classes, apart along the first dimension.
    fn rows(d: usize) -> (Array2<f32>, Vec<Option<u32>>) {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let rows = Array2::from_shape_fn((400, d), |(i, j)| {
            random.gen_range(-1.0_f32..1.0) + if j == 0 && i % 2 == 0 { 1.5 } else { 0.0 }
        });
        (rows, (0..400).map(|row| Some(7 + 2 * (row % 2))).collect())
    }

    #[test]
    fn a_setting_without_the_dimension_that_tells_is_worse_and_scale_and_place_do_not_matter() {
        let (rows, labels) = rows(6);
        let probe = Probe::new(rows.view(), &labels, 42).unwrap().unwrap();
        assert_eq!(probe.sizes(), (200, 200));
        let at = |picked: &[usize]| unit(rows.select(Axis(0), picked).view());
        let same = probe.right(|picked| Ok(at(picked))).unwrap().unwrap();
        assert_eq!(same, probe.whole);
        let moved = probe.right(|picked| Ok(at(picked) * 64.0 + 3.0)).unwrap().unwrap();
        let differ = moved.iter().zip(&same).filter(|(a, b)| a != b).count();
        assert!(differ <= 1, "{differ}");
        let none = probe.against_rows(&same, 1).unwrap();
        assert_eq!((none.difference, none.p), (0.0, 1.0));
        let blind =
            probe.right(|picked| Ok(at(picked).slice(ndarray::s![.., 1..]).to_owned())).unwrap().unwrap();
        let worse = probe.against_rows(&blind, 1).unwrap();
        assert!(worse.difference_high < 0.0 && worse.p < 1e-6 && worse.value < 0.65, "{worse:?}");
        assert!(worse.low <= worse.value && worse.value <= worse.high);
    }

    #[test]
    fn copies_are_on_one_side_and_too_few_labels_make_no_probe() {
        let (mut rows, labels) = rows(4);
        let first = rows.row(0).to_owned();
        (1..100).for_each(|row| rows.row_mut(row).assign(&first));
        let probe = Probe::new(rows.view(), &labels, 42).unwrap().unwrap();
        assert_eq!(probe.train.len() + probe.test.len(), 301);
        let one = vec![Some(1); 400];
        assert!(Probe::new(rows.view(), &one, 42).unwrap().is_none());
        let few: Vec<Option<u32>> =
            labels.iter().enumerate().map(|(row, label)| label.filter(|_| row < 120)).collect();
        assert!(Probe::new(rows.view(), &few, 42).unwrap().is_none());
    }
}
