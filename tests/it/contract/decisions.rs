//! The kernels behind decisions about embeddings: comparing, compressing, calibrating, customizing, aligning, benchmarks.

use std::path::Path;

use embedlab::Result;
use embedlab::benchmark::{
    ClassificationOptions, ClusteringOptions, Query, RegressionOptions, RetrievalOptions, Scored, Similarity,
    Ties, bitext_mining, classification, clustering, pair_classification, regression, retrieval, search, sts,
};
use embedlab::bias::{Association, AssociationOptions, TestVectors, associate};
use embedlab::calibration::{Calibrated, Calibration, calibrate, cosines};
use embedlab::compare::{Sides, Space, cka, information_imbalance, neighbor_overlap, paired_scores};
use embedlab::compress::{CurveOptions, Method, Precision, curve};
use embedlab::pairs::Pairs;
use embedlab::rows::Metric;
use embedlab::transform::{CustomizeParams, Customized, LinearMap, customize, procrustes, ridge};
use ndarray::{Array2, ArrayView2, Axis, s};

use super::analyses::{alignment, classes, compressed, lost, stars};
use super::moved::{ALL, ALL_BUT_COLUMNS, PLACE, UNIT, clouds};
use super::*;

type Rows<'a> = ArrayView2<'a, f32>;

contracts! {
    comparison {
        run: Matrix(compared), order: Some(overlaps),
        moved: Some((|rows| overlap(rows, clouds().slice(s![.., ..4])), UNIT)),
    }
    information_lost {
        run: Matrix(lost), order: Some(|rows, _| imbalance(rows, rows.slice(s![.., ..5]))),
        moved: Some((|rows| imbalance(rows, clouds().slice(s![.., ..4])), UNIT)),
    }
    alignment_of_spaces {
        run: Blocks(alignment), names_the_row: false,
        order: Some(|rows, _| alike(rows, rows.slice(s![.., ..5]))),
        moved: Some((|rows| alike(rows, clouds().slice(s![.., ..4])), ALL)),
    }
    compression {
        run: Matrix(compressed), min_rows: 3, order: Some(|rows, _| recalls(rows)),
        moved: Some((recalls, UNIT)),
    }
    calibration_of_cosines {
        run: Matrix(|rows| bits(calibrated(rows, &pairs_of(rows.nrows())))), names_the_row: false, min_rows: 40,
        saved: Some(calibration_again), order: Some(calibration_by_name),
        moved: Some((|rows| calibrated(rows, &pairs_of(rows.nrows())).map(|found| figures(&found)), UNIT)),
    }
    associations {
        run: Matrix(|rows| bits(associated(&sets(rows, &names(rows))))), names_the_row: false, min_rows: 6,
        order: Some(|rows, names| associated(&sets(rows, names)).map(|found| vec![found.effect_size.unwrap_or(f64::NAN)])),
        moved: Some((|rows| associated(&sets(rows, &names(rows))).map(|found| vec![found.effect_size.unwrap(), found.p]), UNIT)),
    }
    customized_vectors {
        run: Matrix(|rows| bits(customized(rows, &pairs_of(rows.nrows())))), min_rows: 60,
        saved: Some(|rows, file| again(&customized(rows, &pairs_of(rows.nrows()))?.map, rows, file)),
        order: Some(|rows, names| customized(rows, &pairs_by_name(names)).map(|found| found.cosines_after)),
        moved: Some((|rows| customized(rows, &pairs_of(rows.nrows())).map(|found| found.cosines_after), UNIT)),
    }
    turned_vectors {
        run: Matrix(|rows| bits(procrustes(rows, target(rows).view()))), min_rows: 2,
        saved: Some(|rows, file| again(&procrustes(rows, target(rows).view())?, rows, file)),
        order: Some(turned_by_name),
        moved: Some((|rows| seen(&procrustes(rows, clouds().view())?, rows), ALL_BUT_COLUMNS)),
    }
    regressed_vectors {
        run: Matrix(|rows| bits(ridge(rows, target(rows).view()))), min_rows: 10,
        saved: Some(|rows, file| again(&ridge(rows, target(rows).view())?.0, rows, file)),
        moved: Some((|rows| seen(&ridge(rows, clouds().view())?.0, rows), ALL)),
    }
    benchmark_of_pairs {
        run: Matrix(|rows| bits(similarities(rows, &names(rows)))), min_rows: 2,
        order: Some(similarities), moved: Some((|rows| similarities(rows, &names(rows)), UNIT)),
    }
    benchmark_of_translations {
        run: Matrix(|rows| bits(translations(rows, &names(rows)))), min_rows: 1,
        order: Some(translations), moved: Some((|rows| translations(rows, &names(rows)), UNIT)),
    }
    benchmark_of_rankings {
        run: Matrix(|rows| bits(rankings(rows, &names(rows)))), min_rows: 2,
        order: Some(rankings), moved: Some((|rows| rankings(rows, &names(rows)), UNIT)),
    }
    benchmark_of_classes {
        run: Matrix(|rows| bits(classified(rows))), names_the_row: false, min_rows: 3,
        moved: Some((classified, PLACE)),
    }
    benchmark_of_numbers {
        run: Matrix(|rows| bits(regressed(rows))), names_the_row: false, min_rows: 4,
        moved: Some((regressed, ALL)),
    }
    benchmark_of_clusters {
        run: Matrix(|rows| bits(clustered(rows))), min_rows: 1,
        moved: Some((clustered, ALL)),
    }
}

fn names(rows: Rows<'_>) -> Vec<usize> {
    (0..rows.nrows()).collect()
}

/// Where each name is.
fn places(names: &[usize]) -> Vec<usize> {
    let mut places = vec![0; names.len()];
    names.iter().enumerate().for_each(|(place, name)| places[*name] = place);
    places
}

/// All scores of some rows against the first half of their dimensions.
fn compared(rows: Rows<'_>) -> Result<Bits> {
    let rows = rows.slice(s![..rows.nrows().min(300), ..]);
    let half = rows.slice(s![.., ..rows.ncols().div_ceil(2)]);
    let (a, b) = (Space::of(rows, 5, 42)?, Space::of(half, 5, 42)?);
    let overlap = neighbor_overlap(&a.cosine, &b.cosine, 5);
    bits(
        paired_scores(&Sides { a: (rows.view(), &a), b: (half.view(), &b) }, None, 5, 42)
            .map(|scores| (scores, overlap)),
    )
}

fn overlap(rows: Rows<'_>, other: Rows<'_>) -> Result<Vec<f64>> {
    let (a, b) = (Space::of(rows, 5, 42)?, Space::of(other, 5, 42)?);
    Ok(neighbor_overlap(&a.cosine, &b.cosine, 5))
}

fn overlaps(rows: Rows<'_>, names: &[usize]) -> Result<Vec<f64>> {
    let found = overlap(rows, rows.slice(s![.., ..5]))?;
    Ok(places(names).into_iter().map(|place| found[place]).collect())
}

fn imbalance(rows: Rows<'_>, other: Rows<'_>) -> Result<Vec<f64>> {
    let found = information_imbalance(rows, other, Metric::Cosine, 42)?.unwrap();
    Ok(vec![found.a_to_b, found.b_to_a])
}

fn alike(rows: Rows<'_>, other: Rows<'_>) -> Result<Vec<f64>> {
    let found = cka(&rows, &other)?;
    Ok(vec![found.plain.unwrap(), found.debiased.unwrap()])
}

/// Of settings whose scores have no ties, which the order of rows decides, with all rows as queries.
fn recalls(rows: Rows<'_>) -> Result<Vec<f64>> {
    let options = CurveOptions {
        methods: vec![Method::Truncate],
        dims: vec![8, 5],
        precisions: vec![Precision::F32],
        n_queries: rows.nrows(),
        ..Default::default()
    };
    let found = curve(rows, None, None, &options, &|_, _| ())?;
    Ok(found.points.iter().map(|point| point.recall.mean).collect())
}

/// Rows of one class are the same, of two are not; the second half of the names is for the test.
fn pairs_by_name(names: &[usize]) -> Pairs {
    let (n, places) = (names.len(), places(names));
    let mut pairs = Pairs { units: names.iter().map(|name| *name as u32).collect(), ..Pairs::default() };
    for first in 0..n.saturating_sub(4) {
        for apart in [3, 1] {
            let (test, other) = (first >= n / 2, first + apart);
            if test == (other >= n / 2) {
                pairs.rows.push((places[first], places[other]));
                pairs.same.push(apart == 3);
                pairs.test.push(test);
            }
        }
    }
    pairs
}

fn pairs_of(n: usize) -> Pairs {
    pairs_by_name(&(0..n).collect::<Vec<_>>())
}

fn calibrated(rows: Rows<'_>, pairs: &Pairs) -> Result<Calibrated> {
    let cosines: Vec<f64> =
        cosines(rows, &pairs.rows).into_iter().map(|cosine| cosine.unwrap_or(f64::NAN)).collect();
    calibrate(&cosines, pairs, &Default::default())
}

fn figures(found: &Calibrated) -> Vec<f64> {
    let thresholds = found.thresholds.iter().map(|threshold| threshold.cosine.unwrap_or(-2.0));
    let probabilities = (-4..=4).map(|step| found.calibration.probability(f64::from(step) / 4.0));
    let scores = [found.auc.value, found.calibration_error, found.brier];
    thresholds.chain(probabilities).chain(scores).collect()
}

fn calibration_by_name(rows: Rows<'_>, names: &[usize]) -> Result<Vec<f64>> {
    calibrated(rows, &pairs_by_name(names)).map(|found| figures(&found))
}

fn calibration_again(rows: Rows<'_>, file: &Path) -> Result<[Bits; 2]> {
    let found = calibrated(rows, &pairs_of(rows.nrows()))?.calibration;
    let file = file.with_extension("json");
    found.save(&file)?;
    let probabilities = |of: &Calibration| -> Vec<f64> {
        (-50..=50).map(|step| of.probability(f64::from(step) / 50.0)).collect()
    };
    Ok([Bits::of(&probabilities(&found)), Bits::of(&probabilities(&Calibration::load(&file)?))])
}

/// Every fourth name in one of four sets.
fn sets(rows: Rows<'_>, names: &[usize]) -> TestVectors {
    let set = |at: usize| {
        let of: Vec<usize> = (0..names.len()).filter(|place| names[*place] % 4 == at).collect();
        rows.select(Axis(0), &of)
    };
    TestVectors { x: set(0), y: set(1), a: set(2), b: set(3) }
}

fn associated(vectors: &TestVectors) -> Result<Association> {
    associate(vectors, &AssociationOptions { permutations: 200, resamples: 50, seed: 42 })
}

fn customized(rows: Rows<'_>, pairs: &Pairs) -> Result<Customized> {
    let params =
        CustomizeParams { epochs: 2, learning_rates: vec![0.5], batch_size: 200, ..Default::default() };
    customize(rows, pairs, &params)
}

/// The dimensions in another order, bent a little.
fn target(rows: Rows<'_>) -> Array2<f32> {
    rows.slice(s![.., ..;-1]).mapv(|x| x + 0.1 * x.abs() + 0.25)
}

/// What the map makes of some rows.
fn seen(map: &LinearMap, rows: Rows<'_>) -> Result<Vec<f64>> {
    Ok(map.apply(rows.slice(s![..rows.nrows().min(20), ..]))?.iter().map(|x| f64::from(*x)).collect())
}

fn turned_by_name(rows: Rows<'_>, names: &[usize]) -> Result<Vec<f64>> {
    let found = procrustes(rows, target(rows).view())?.apply(rows)?;
    Ok(places(names)
        .into_iter()
        .take(20)
        .flat_map(|place| found.row(place).to_vec())
        .map(f64::from)
        .collect())
}

/// The bits of rows after a map, and after the map that was saved and loaded.
fn again(map: &LinearMap, rows: Rows<'_>, file: &Path) -> Result<[Bits; 2]> {
    map.save(file)?;
    Ok([Bits::of(&map.apply(rows)?), Bits::of(&LinearMap::load(file)?.apply(rows)?)])
}

fn scores(found: Scored) -> Vec<f64> {
    found.scores.iter().filter_map(|(_, score)| *score).collect()
}

/// Pairs of neighbouring names, as similar as their classes are near; and the same pairs as right or wrong.
fn similarities(rows: Rows<'_>, names: &[usize]) -> Result<Vec<f64>> {
    let places = places(names);
    let pairs: Vec<(usize, usize)> =
        (1..names.len()).map(|name| (places[name], places[(name * 7) % (name + 1)])).collect();
    let gold: Vec<f64> =
        (1..names.len()).map(|name| -(((name * 6) % 3) as f64) - (name % 5) as f64 * 0.1).collect();
    let found = sts(rows, rows, &pairs, &gold, Similarity::Cosine)?;
    let right: Vec<bool> = (1..names.len()).map(|name| name % 2 == 0).collect();
    let mut all = vec![found.score("cosine_spearman").unwrap_or(0.0)];
    let both = pair_classification(rows, rows, &pairs, &right, Similarity::Cosine);
    all.extend(both.ok().and_then(|found| found.score("cosine_ap")));
    Ok(all)
}

/// Each row is found by a copy of which the last dimension is missing.
fn translations(rows: Rows<'_>, names: &[usize]) -> Result<Vec<f64>> {
    let mut other = rows.to_owned();
    other.column_mut(rows.ncols() - 1).mapv_inplace(|x| x * 0.5);
    let gold: Vec<(usize, usize)> = (0..names.len()).map(|row| (row, row)).collect();
    bitext_mining(rows, other.view(), &gold, Similarity::Cosine).map(scores)
}

/// The first tenth of the names asks for rows of its class.
fn rankings(rows: Rows<'_>, names: &[usize]) -> Result<Vec<f64>> {
    let places = places(names);
    let asked = (names.len() / 10).max(1);
    let asking: Vec<usize> = places.iter().take(asked).copied().collect();
    let hits = search(rows, rows.select(Axis(0), &asking).view(), Similarity::Cosine)?;
    let queries: Vec<Query> = hits
        .into_iter()
        .enumerate()
        .map(|(name, found)| Query {
            id: format!("q{name}"),
            judged: (0..names.len())
                .filter(|other| other % 3 == name % 3 && *other != name)
                .map(|other| (places[other], 1))
                .collect(),
            found,
        })
        .collect();
    let ids: Vec<String> = names.iter().map(|name| format!("d{name:05}")).collect();
    retrieval(&queries, &ids, &RetrievalOptions { ties: Ties::Trec, main: "ndcg_at_10" }).map(|found| {
        ["ndcg_at_10", "map_at_1000", "recall_at_10"].iter().filter_map(|name| found.score(name)).collect()
    })
}

fn halves(n: usize) -> (Vec<usize>, Vec<usize>) {
    (0..n).partition(|row| row % 4 < 2)
}

fn classified(rows: Rows<'_>) -> Result<Vec<f64>> {
    let (train, test) = halves(rows.nrows());
    let (of_train, of_test) = (classes(train.iter().copied()), classes(test.iter().copied()));
    let options = ClassificationOptions { experiments: 3, ..Default::default() };
    let of = |side: &[usize]| rows.select(Axis(0), side);
    classification((of(&train).view(), &of_train), (of(&test).view(), &of_test), 3, &options).map(scores)
}

fn regressed(rows: Rows<'_>) -> Result<Vec<f64>> {
    let (train, test) = halves(rows.nrows());
    let (of_train, of_test) = (stars(train.iter().copied()), stars(test.iter().copied()));
    let of = |side: &[usize]| rows.select(Axis(0), side);
    let (train, test) = (of(&train), of(&test));
    let options = RegressionOptions::default();
    let found = regression((train.view(), &of_train), (test.view(), &of_test), &options)?;
    Ok(vec![found.score("mae").unwrap_or(f64::NAN), found.score("kendalltau").unwrap_or(0.0)])
}

fn clustered(rows: Rows<'_>) -> Result<Vec<f64>> {
    let level = classes(0..rows.nrows()).into_iter().map(Some).collect();
    let options = ClusteringOptions {
        max_fraction: Some(1.0),
        experiments: 2,
        rows_per_draw: 500,
        ..Default::default()
    };
    clustering(rows, &[level], &options).map(|found| vec![found.score("v_measure").unwrap_or(f64::NAN)])
}
