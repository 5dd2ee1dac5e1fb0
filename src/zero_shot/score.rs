//! The similarity of rows to labels.

use ndarray::{ArcArray2, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis, s};
use rayon::prelude::*;

use super::LabelVectors;
use super::cosines::Cosines;
use crate::error::{Error, Result};
use crate::rows::{LEAF_ROWS, RowSource, fold_rows, for_each_chunk};

/// Rows that are scored together.
const CHUNK_ROWS: usize = 4 * LEAF_ROWS;

/// Rows scored against labels.
#[derive(Debug, Clone, PartialEq)]
pub struct ZeroShot {
    /// The cosine of each row with each prompt, n x p; NaN for a row of zeros.
    pub prompts: ArcArray2<f64>,
    /// The mean of these over the prompts of each label, n x labels; NaN for a row of zeros.
    pub scores: ArcArray2<f64>,
    /// The label with the highest score; of equal ones the first. `None` for a row of zeros, which is
    /// like no label.
    pub predicted: Vec<Option<usize>>,
    /// Rows of zeros: they have no direction, and so no label.
    pub zero_rows: usize,
}

/// Scores rows by labels: the cosine with each prompt, averaged over the prompts of a label; the
/// label with the highest mean is the prediction. (The mean of cosines is the product with the mean
/// of the prompts' unit vectors: the prompt ensemble of Radford et al. 2021 without bringing that
/// mean back to unit length.) A row of zeros has no direction: its scores are NaN and its label is `None`.
///
/// All in `f64`, in one pass of 2·n·p·d operations; the result holds n·p numbers.
///
/// ```
/// use embedlab::zero_shot::{LabelVectors, zero_shot};
/// use ndarray::array;
/// let labels = LabelVectors::new(&["bad", "good"].map(String::from), None, array![[0.0, 1.0], [1.0, 0.0]])?;
/// let found = zero_shot(&array![[0.8_f32, 0.6], [0.1, 2.0]], &labels)?;
/// assert_eq!(found.predicted, [Some(1), Some(0)]);
/// assert!((found.margins(1)[0] - 0.2).abs() < 1e-7);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// # Errors
/// When the dimensions differ, a row holds NaN or infinity, and whatever the source meets while
/// reading.
pub fn zero_shot(source: &(impl RowSource + ?Sized), labels: &LabelVectors) -> Result<ZeroShot> {
    let vectors = labels.vectors();
    if vectors.ncols() != source.dims() {
        return Err(Error::input("labels and rows have different dimensions")
            .seen(format!("{} in the labels, {} in the rows", vectors.ncols(), source.dims()))
            .advice("embed the labels with the model of the rows"));
    }
    let prompts = similarities(source, vectors)?.into_shared();
    let one_prompt_each = labels.of().iter().copied().eq(0..labels.names().len());
    let scores = match one_prompt_each {
        true => prompts.clone(),
        false => label_scores(prompts.view(), labels, |_| true).into_shared(),
    };
    let predicted = predict(scores.view());
    let zero_rows = predicted.iter().filter(|label| label.is_none()).count();
    Ok(ZeroShot { prompts, scores, predicted, zero_rows })
}

/// The cosine of each row with each prompt, n x p; NaN for a row of zeros.
fn similarities(source: &(impl RowSource + ?Sized), prompts: ArrayView2<'_, f32>) -> Result<Array2<f64>> {
    let prompts = Cosines::new(prompts);
    let not_finite = |row: usize| {
        Error::input("a number that is not finite")
            .with_code("not-finite")
            .row(row)
            .advice("embed this row again or remove it")
    };
    if source.engine().is_some() {
        let part = fold_rows(source, &prompts)?;
        return match part.not_finite {
            Some(row) => Err(not_finite(row)),
            None => Array2::from_shape_vec((source.n_rows(), prompts.len()), part.cosines)
                .map_err(|error| Error::input("other machines have given other numbers").source(error)),
        };
    }
    let mut found = Array2::zeros((source.n_rows(), prompts.len()));
    for_each_chunk(source, CHUNK_ROWS, |first, rows| {
        let rows = rows.as_standard_layout();
        let mut here = found.slice_mut(s![first..first + rows.nrows(), ..]);
        let of_row =
            |(i, (row, mut similarities)): (usize, (ArrayView1<'_, f32>, ArrayViewMut1<'_, f64>))| {
                let (finite, cosines) = prompts.of_row(row.to_slice().unwrap_or_default());
                similarities.iter_mut().zip(cosines).for_each(|(similarity, cosine)| *similarity = cosine);
                (!finite).then_some(first + i)
            };
        let each = rows.axis_iter(Axis(0)).into_par_iter();
        let each = each.zip(here.axis_iter_mut(Axis(0)).into_par_iter()).enumerate();
        each.filter_map(of_row).min().map_or(Ok(()), |row| Err(not_finite(row)))
    })?;
    Ok(found)
}

impl ZeroShot {
    /// With two labels, the score of the `positive` one minus that of the other, for each row; NaN for a row
    /// of zeros.
    pub fn margins(&self, positive: usize) -> Vec<f64> {
        margins(self.scores.view(), positive)
    }

    /// With two labels: gives the `positive` one to the rows whose margin is larger than the
    /// threshold, and to no other.
    pub fn with_threshold(mut self, positive: usize, threshold: f64) -> Self {
        let label = |margin| if margin > threshold { positive } else { 1 - positive };
        let margins = self.margins(positive).into_iter();
        self.predicted = margins.map(|margin| (!margin.is_nan()).then(|| label(margin))).collect();
        self
    }
}

pub(super) fn margins(scores: ArrayView2<'_, f64>, positive: usize) -> Vec<f64> {
    scores.rows().into_iter().map(|row| row[positive] - row[1 - positive]).collect()
}

/// The mean over the prompts of each label that are to count.
pub(super) fn label_scores(
    prompts: ArrayView2<'_, f64>,
    labels: &LabelVectors,
    counts: impl Fn(usize) -> bool,
) -> Array2<f64> {
    let mut of = vec![Vec::new(); labels.names().len()];
    labels.of().iter().enumerate().filter(|(p, _)| counts(*p)).for_each(|(p, label)| of[*label].push(p));
    Array2::from_shape_fn((prompts.nrows(), of.len()), |(row, label)| {
        of[label].iter().map(|p| prompts[[row, *p]]).sum::<f64>() / of[label].len() as f64
    })
}

pub(super) fn predict(scores: ArrayView2<'_, f64>) -> Vec<Option<usize>> {
    let best = |row: ndarray::ArrayView1<'_, f64>| {
        let best = (1..row.len()).fold(0, |best, label| if row[label] > row[best] { label } else { best });
        row.get(best).is_some_and(|score| !score.is_nan()).then_some(best)
    };
    scores.rows().into_iter().map(best).collect()
}
