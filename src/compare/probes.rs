//! What two sets of vectors say about a label.

use ndarray::ArrayView2;
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;

use super::scores::{PairedScore, finite, resampling};
use super::spaces::Space;
use crate::cluster::{Geometry, KMeans, SilhouetteOptions, silhouette};
use crate::error::{Error, Result};
use crate::metric::{agreement, bootstrap, compare_accuracy, compare_losses};
use crate::model::{
    Classes, ClassificationAnalysis, ModelKind, ModelOptions, SampleInfo, cross_validate_classes,
};
use crate::quality::Components;
use crate::rows::{RowSource, select_rows};
use crate::split::{Split, group_k_fold, stratified_k_fold};
use crate::table::Labels;

/// Folds of the cross-validation.
const FOLDS: usize = 5;

/// The most rows that models see: a random sample of more.
const MOST_PROBED: usize = 5000;

/// The scores of a label, and why some are missing.
pub(super) fn labels(
    (a, b): (&impl RowSource, &impl RowSource),
    (space_a, space_b): (&Space, &Space),
    labels: &Labels,
    k: usize,
    seed: u64,
) -> Result<(Vec<PairedScore>, Vec<String>)> {
    let some: Vec<usize> = (0..a.n_rows()).filter(|row| labels.codes[*row].is_some()).collect();
    let mut counts = vec![0_usize; labels.names.len()];
    labels.codes.iter().flatten().for_each(|code| counts[*code as usize] += 1);
    let classes = counts.iter().filter(|count| **count > 0).count();
    if classes < 2 || 2 * classes > some.len() {
        let why = format!("{classes} classes for {} rows: the label is not compared", some.len());
        return Ok((Vec::new(), vec![why]));
    }
    let mut warnings = Vec::new();
    let mut found = Vec::new();
    let probed = sample(&some, seed);
    let truth: Vec<usize> =
        probed.iter().filter_map(|row| labels.codes[*row]).map(|code| code as usize).collect();
    let (folds, groups) = folds(&probed, &truth, (space_a, space_b), seed)?;
    let (rows_a, rows_b) = (select_rows(a, &probed)?, select_rows(b, &probed)?);
    let names = Classes { codes: truth, names: labels.names.clone() };
    for (name, kind) in [
        ("accuracy_knn", ModelKind::Knn),
        ("accuracy_logistic", ModelKind::Logistic),
        ("accuracy_forest", ModelKind::Forest),
    ] {
        let options = ModelOptions { kind, seed, ..Default::default() };
        let of = |rows: ArrayView2<'_, f32>| -> Result<ClassificationAnalysis> {
            cross_validate_classes(rows, &names, &folds, &SampleInfo::default(), &options)
        };
        let compared = of(rows_a.view()).and_then(|of_a| {
            let of_b = of(rows_b.view())?;
            let groups: Option<Vec<u32>> = groups
                .as_ref()
                .map(|groups| of_a.held_out.test_rows.iter().map(|row| groups[*row]).collect());
            compare_accuracy(
                &of_a.truth,
                &of_b.predicted,
                &of_a.predicted,
                &resampling(seed, groups.as_deref()),
            )
        });
        match compared {
            Ok(compared) => found.push(PairedScore::compared(name, &compared)),
            Err(error) => warnings.push(format!("no {name}: {error}")),
        }
    }
    let near =
        |space: &Space| -> Vec<Option<f64>> { some.iter().map(|row| same(space, *row, labels, k)).collect() };
    found.extend(paired_means("agreement", &near(space_a), &near(space_b), seed)?);
    let options = SilhouetteOptions { geometry: Geometry::Spherical, seed, ..Default::default() };
    let of_both = (silhouette(a, &labels.codes, &options), silhouette(b, &labels.codes, &options));
    if let (Ok(of_a), Ok(of_b)) = of_both {
        found.extend(paired_means("silhouette", &of_a.per_row, &of_b.per_row, seed)?);
    }
    found.extend(v_measures((rows_a.view(), rows_b.view()), &names.codes, classes, seed)?);
    Ok((found, warnings))
}

/// A random part of the rows, ascending.
fn sample(rows: &[usize], seed: u64) -> Vec<usize> {
    if rows.len() <= MOST_PROBED {
        return rows.to_vec();
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut picked = index::sample(&mut random, rows.len(), MOST_PROBED).into_vec();
    picked.sort_unstable();
    picked.into_iter().map(|at| rows[at]).collect()
}

/// The same folds for both: rows that are equal in one of the sets stay together.
fn folds(
    probed: &[usize],
    truth: &[usize],
    (a, b): (&Space, &Space),
    seed: u64,
) -> Result<(Vec<Split>, Option<Vec<u32>>)> {
    let copies = a.distinct.repeated() + b.distinct.repeated();
    if copies == 0 {
        let codes: Vec<u32> = truth.iter().map(|class| *class as u32).collect();
        return Ok((stratified_k_fold(&codes, FOLDS, seed as u32)?, None));
    }
    let mut together = Components::new(a.distinct.n_rows());
    for space in [a, b] {
        for group in space.distinct.groups() {
            group.windows(2).for_each(|pair| together.join(pair[0] as usize, pair[1] as usize));
        }
    }
    let numbers = together.numbers();
    let groups: Vec<u32> = probed.iter().map(|row| numbers[*row]).collect();
    Ok((group_k_fold(&groups, FOLDS)?, Some(groups)))
}

/// The share of a row's nearest rows with a label that have the same.
fn same(space: &Space, row: usize, labels: &Labels, k: usize) -> Option<f64> {
    let near: Vec<u32> =
        space.cosine.rows(row).iter().take(k).filter_map(|near| labels.codes[*near as usize]).collect();
    let same = near.iter().filter(|code| Some(**code) == labels.codes[row]).count();
    (!near.is_empty()).then(|| same as f64 / near.len() as f64)
}

/// The means of what each row has in both sets.
fn paired_means(name: &str, a: &[Option<f64>], b: &[Option<f64>], seed: u64) -> Result<Option<PairedScore>> {
    let (a, b): (Vec<f64>, Vec<f64>) = a.iter().zip(b).filter_map(|(a, b)| Some(((*a)?, (*b)?))).unzip();
    if a.is_empty() {
        return Ok(None);
    }
    Ok(Some(PairedScore::compared(name, &compare_losses(&b, &a, &resampling(seed, None))?)))
}

/// V-measure of as many clusters as there are classes; rows are resampled, clusters are not made again.
fn v_measures(
    (a, b): (ArrayView2<'_, f32>, ArrayView2<'_, f32>),
    truth: &[usize],
    classes: usize,
    seed: u64,
) -> Result<Option<PairedScore>> {
    let clusters = |rows: ArrayView2<'_, f32>| -> Result<Vec<Option<u32>>> {
        KMeans::params(classes).geometry(Geometry::Spherical).seed(seed).fit_rows(&rows)?.predict_rows(&rows)
    };
    let (Ok(a), Ok(b)) = (clusters(a), clusters(b)) else { return Ok(None) };
    let rows: Vec<[u32; 3]> = truth
        .iter()
        .zip(a.iter().zip(&b))
        .filter_map(|(class, (a, b))| Some([*class as u32, (*a)?, (*b)?]))
        .collect();
    let measure = |at: usize, times: Option<&[u32]>| -> Result<f64> {
        let copies = |row: usize| times.map_or(1, |times| times[row] as usize);
        let drawn: Vec<&[u32; 3]> =
            rows.iter().enumerate().flat_map(|(row, of)| std::iter::repeat_n(of, copies(row))).collect();
        let truth: Vec<u32> = drawn.iter().map(|row| row[0]).collect();
        let clusters: Vec<u32> = drawn.iter().map(|row| row[at]).collect();
        Ok(agreement(&truth, &clusters)?.v_measure)
    };
    if rows.is_empty() {
        return Err(Error::input("no row has a cluster"));
    }
    let options = resampling(seed, None).bootstrap;
    let interval =
        bootstrap(rows.len(), &options, |times| match (measure(1, Some(times)), measure(2, Some(times))) {
            (Ok(a), Ok(b)) => b - a,
            _ => f64::NAN,
        })?;
    let pair = PairedScore::plain("v_measure", Some(measure(1, None)?), Some(measure(2, None)?));
    Ok(Some(PairedScore { low: finite(Some(interval.low)), high: finite(Some(interval.high)), ..pair }))
}
