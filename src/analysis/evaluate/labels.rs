//! What the vectors say about a label.

use ndarray::{Array2, ArrayView2, Axis};

use super::super::Context;
use super::super::out_of_fold::{Folds, out_of_fold};
use super::card::{LabelCard, Probe};
use super::graphs::{MOST_ROWS, Neighborhoods, sample};
use super::room::{MOST_PROBED, Room};
use crate::cluster::{KMeans, SilhouetteOptions, silhouette};
use crate::data::Data;
use crate::error::{Error, Result};
use crate::metric::{BootstrapOptions, agreement, classification_report, share_interval};
use crate::model::ModelKind;
use crate::number::{counted, grouped};
use crate::quality::{label_errors, standard_error};
use crate::rows::{RowSource, select_rows};
use crate::targets::likeliest;

/// A column of more values is no label: most models take time with rows times classes, many times over.
const MOST_CLASSES: usize = 1_000;

/// What the label is looked at with.
pub(super) enum Reach<'a> {
    /// All rows in memory.
    Whole(ArrayView2<'a, f32>),
    /// Passes over them that hold so much.
    Passes(Room),
}

impl Reach<'_> {
    fn most_probed(&self, dims: usize, classes: usize) -> usize {
        match self {
            Reach::Whole(_) => MOST_PROBED,
            Reach::Passes(room) => room.probed(dims, classes),
        }
    }

    /// How much nearer rows are to their own class than to the next.
    fn silhouette(&self, data: &Data, codes: &[Option<u32>], classes: usize, seed: u64) -> Result<f64> {
        let geometry = crate::cluster::Geometry::Spherical;
        let options = SilhouetteOptions { geometry, seed, ..Default::default() };
        let some: Vec<usize> = (0..codes.len()).filter(|row| codes[*row].is_some()).collect();
        let places = sample(some.len(), MOST_ROWS, seed);
        let places: Option<Vec<usize>> = places.map(|places| places.into_iter().map(|at| some[at]).collect());
        let of_places = |places: &[usize]| places.iter().map(|row| codes[*row]).collect::<Vec<_>>();
        let found = match (self, places) {
            (Reach::Whole(rows), None) => silhouette(rows, codes, &options),
            (Reach::Whole(rows), Some(places)) => {
                silhouette(&rows.select(Axis(0), &places), &of_places(&places), &options)
            }
            (Reach::Passes(room), places) => {
                let sample = room.scored(data.dims(), classes);
                let options = SilhouetteOptions { exact_limit: 0, sample, ..options };
                match places {
                    None => silhouette(data, codes, &options),
                    Some(places) => silhouette(data.picked(&places)?.as_ref(), &of_places(&places), &options),
                }
            }
        };
        found.map(|found| found.mean)
    }
}

pub(super) fn label_card(
    column: &str,
    (data, reach): (&Data, &Reach<'_>),
    near: &Neighborhoods,
    k: usize,
    folds: Folds,
    context: &Context<'_>,
) -> Result<Option<LabelCard>> {
    let codes = data.table().labels(column)?;
    let (names, codes) = (codes.names, codes.codes);
    let some: Vec<usize> = (0..codes.len()).filter(|row| codes[*row].is_some()).collect();
    let mut counts = vec![0_usize; names.len()];
    codes.iter().flatten().for_each(|code| counts[*code as usize] += 1);
    let classes = counts.iter().filter(|count| **count > 0).count();
    if classes < 2 || 2 * classes > some.len() || classes > MOST_CLASSES {
        let bound = match classes > MOST_CLASSES {
            true => format!("; a label has at most {}", grouped(MOST_CLASSES as u64)),
            false => String::new(),
        };
        context.warn(format!(
            "the column {column} has {} for {}, so it is not looked at as a label{bound}",
            counted(classes, "class"),
            counted(some.len(), "row")
        ));
        return Ok(None);
    }
    let n = some.len() as f64;
    let same_label = agreement_of(near, &codes, k);
    let pairs: f64 = counts.iter().map(|count| *count as f64 * (*count as f64 - 1.0)).sum();
    // Probes fit models: a sample is enough for them, and says so.
    let most = reach.most_probed(data.dims(), classes);
    let probed: Vec<usize> = match sample(some.len(), most, context.seed) {
        Some(picked) => picked.into_iter().map(|at| some[at]).collect(),
        None => some.clone(),
    };
    let picked = select_rows(data, &probed)?;
    let truth: Vec<usize> = probed.iter().filter_map(|row| codes[*row]).map(|code| code as usize).collect();
    let probe = |kind: ModelKind| {
        context.check_stop()?;
        match out_of_fold(picked.view(), &truth, &names, kind, folds) {
            Ok(found) => Ok(Some(found)),
            Err(error) => {
                context.warn(format!("no {} of the label: {error}", kind.name()));
                Ok::<_, Error>(None)
            }
        }
    };
    let scored = |found: &Option<Array2<f64>>| {
        let scored = |found| Probe::of(&truth, &likeliest(found));
        found.as_ref().map(scored).transpose()
    };
    let logistic = probe(ModelKind::Logistic)?;
    let errors = match &logistic {
        Some(found) => Some(label_errors(&truth, found.view())?.errors.len()),
        None => None,
    };
    let report = match &logistic {
        Some(found) => Some(classification_report(&truth, &likeliest(found), &names)?),
        None => None,
    };
    let silhouette = reach.silhouette(data, &codes, classes, context.seed);
    let clusters = KMeans::params(classes)
        .geometry(crate::cluster::Geometry::Spherical)
        .seed(context.seed)
        .fit_rows(&picked)
        .and_then(|model| model.predict_rows(&picked));
    let v_measure = clusters.ok().and_then(|clusters| {
        let pairs: Vec<(u32, u32)> = truth
            .iter()
            .zip(clusters)
            .filter_map(|(class, cluster)| Some((*class as u32, cluster?)))
            .collect();
        let (classes, clusters): (Vec<u32>, Vec<u32>) = pairs.into_iter().unzip();
        agreement(&classes, &clusters).ok().map(|found| found.v_measure)
    });
    Ok(Some(LabelCard {
        column: column.to_owned(),
        rows: some.len(),
        probed_rows: probed.len(),
        majority: counts.iter().copied().max().unwrap_or(0) as f64 / n,
        knn: scored(&probe(ModelKind::Knn)?)?,
        logistic: scored(&logistic)?,
        forest: scored(&probe(ModelKind::Forest)?)?,
        silhouette: silhouette.ok(),
        v_measure,
        agreement: same_label.value,
        agreement_error: same_label.standard_error,
        agreement_by_chance: (n > 1.0).then(|| pairs / (n * (n - 1.0))),
        label_errors: errors,
        confusion: report.as_ref().map(|report| report.confusion.clone()).unwrap_or_default(),
        classes: report
            .map(|report| report.classes.into_iter().map(|class| class.label).collect())
            .unwrap_or_default(),
    }))
}

impl Probe {
    /// The accuracy of predictions, and its 95 % interval.
    fn of(truth: &[usize], predicted: &[usize]) -> Result<Probe> {
        let right: Vec<Option<bool>> =
            truth.iter().zip(predicted).map(|(truth, predicted)| Some(truth == predicted)).collect();
        let hits = right.iter().filter(|hit| **hit == Some(true)).count();
        let interval = share_interval(&right, &BootstrapOptions::default())?;
        Ok(Probe { accuracy: hits as f64 / right.len() as f64, low: interval.low, high: interval.high })
    }
}

struct Agreement {
    value: Option<f64>,
    standard_error: Option<f64>,
}

/// The share of the `k` nearest rows with a label that have the same one.
fn agreement_of(near: &Neighborhoods, codes: &[Option<u32>], k: usize) -> Agreement {
    let lists = near.lists();
    let counted: Vec<(usize, usize)> = (0..lists.n_rows())
        .map(|list| {
            let Some(own) = codes[near.row(list)] else { return (0, 0) };
            let others = lists.rows(list).iter().take(k).filter_map(|other| codes[*other as usize]);
            others.fold((0, 0), |(same, all), code| (same + usize::from(code == own), all + 1))
        })
        .collect();
    let share = |kept: &mut dyn Iterator<Item = usize>| {
        let (same, all) = kept.map(|at| counted[at]).fold((0, 0), |sum, x| (sum.0 + x.0, sum.1 + x.1));
        (all > 0).then(|| same as f64 / all as f64)
    };
    Agreement {
        value: share(&mut (0..counted.len())),
        standard_error: near
            .sampled()
            .and_then(|drawn| standard_error(drawn, codes.len(), |kept| share(&mut kept.iter().copied()))),
    }
}
