//! How many of the nearest rows each setting finds.

use ndarray::{Array2, ArrayView2, Axis, s};
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::codes::{Codes, Precision};
use super::point::{Point, Recall, RescoredBy, ShareRight, TenthLess};
use super::probe::Probe;
use super::reduction::{Method, Reduction, length};
use super::search::{UnitRows, search, unit};
use crate::error::{Error, Result};
use crate::metric::{
    BootstrapOptions, Comparison, ComparisonOptions, bootstrap_all, compare_accuracy, quantile,
};
use crate::rows::simd::dot_f64;
use crate::rows::{Metric, require_finite, top_k};

/// As many times more rows are found than are wanted, where they are scored again (sentence-transformers' default).
const OVERSAMPLED: usize = 2;

/// The share of the dimensions that is left when a tenth goes.
const NINE_TENTHS: f64 = 0.9;

/// Options of [`curve`].
#[derive(Debug, Clone, PartialEq)]
pub struct CurveOptions {
    /// How rows get fewer dimensions. Default: truncation and PCA.
    pub methods: Vec<Method>,
    /// To how many; empty for all, a half, a quarter, an eighth and a sixteenth of them, at least 8.
    pub dims: Vec<usize>,
    /// How numbers are kept. Default: every way.
    pub precisions: Vec<Precision>,
    /// Rows that ask when there are no queries. Default: 1,000.
    pub n_queries: usize,
    /// Nearest rows that count. Default: 10.
    pub k: usize,
    /// Random seed. Default: 42.
    pub seed: u64,
}

impl Default for CurveOptions {
    fn default() -> Self {
        use Precision::{Binary, F16, F32, Int8, Int8Raw, Rabitq1, Rabitq2, Rabitq4};
        CurveOptions {
            methods: vec![Method::Truncate, Method::Pca],
            dims: Vec::new(),
            precisions: vec![F32, F16, Int8, Int8Raw, Rabitq4, Rabitq2, Rabitq1, Binary],
            n_queries: 1000,
            k: 10,
            seed: 42,
        }
    }
}

/// What every setting finds.
#[derive(Debug, Clone)]
pub struct Curve {
    /// Queries that asked.
    pub queries: usize,
    /// Nearest rows that count.
    pub k: usize,
    /// One for each setting, without and with scoring found rows again.
    pub points: Vec<Point>,
    /// A tenth of the dimensions less, by SVD; `None` with too few rows or dimensions to fit it.
    pub tenth_less: Option<TenthLess>,
    /// Rows that the logistic regression learned from, and rows that it was asked about; `None` without enough labels.
    pub probed: Option<(usize, usize)>,
}

/// Who asks, and what they should find.
struct Asked<'r> {
    rows: ArrayView2<'r, f32>,
    queries: Array2<f32>,
    /// The row that each query is, when queries are rows.
    own: Option<Vec<usize>>,
    truth: Vec<Vec<usize>>,
    k: usize,
    labels: Option<&'r [Option<u32>]>,
    /// Lengths of the rows.
    lengths: Vec<f64>,
    /// A model of the labels.
    probe: Option<Probe>,
}

/// A setting, for each query the rows that it finds, and for each test row of the probe whether its class is found.
struct Found {
    point: Point,
    rows: Vec<Vec<usize>>,
    right: Option<Vec<bool>>,
}

/// Measures every setting: of rows (n x d) that are asked by `queries`, or by a random part of themselves, the row itself
/// left out. The truth is the exact search by cosine. With `labels` (one of each row) queries that are rows vote for theirs,
/// and a logistic regression learns the labels of some rows from the codes and is asked about others.
/// `told` hears how many of how many settings are done.
///
/// Cost: for each number of dimensions m and each precision 2·n·q·m operations; memory one copy of the rows.
///
/// # Errors
/// With fewer than three rows, more dimensions than there are, queries of other dimensions, and numbers that are not finite.
pub fn curve<'r>(
    rows: ArrayView2<'r, f32>,
    queries: Option<ArrayView2<'_, f32>>,
    labels: Option<&'r [Option<u32>]>,
    options: &CurveOptions,
    told: &(dyn Fn(usize, usize) + Sync),
) -> Result<Curve> {
    let asked = Asked::new(rows, queries, labels, options)?;
    let (n, d) = rows.dim();
    let settings: Vec<(Method, Vec<usize>)> =
        options.methods.iter().map(|method| (*method, dims(options, *method, n, d))).collect();
    let all: usize = settings.iter().map(|(_, dims)| dims.len()).sum();
    let mut done = 0;
    let mut found = Vec::new();
    for (method, dims) in &settings {
        let Some(most) = dims.iter().copied().max() else { continue };
        let reduction = fitted(rows, *method, most, options.seed)?;
        let (along, asks) = (reduction.project(rows), reduction.project(asked.queries.view()));
        for dims in dims {
            found.extend(asked.settings(
                UnitRows { rows: along.view(), dims: *dims },
                asks.slice(s![.., ..*dims]),
                *method,
                options,
            )?);
            done += 1;
            told(done, all);
        }
    }
    let less = (d as f64 * NINE_TENTHS).round() as usize;
    let tenth = if less > 0 && less < d && less <= n {
        let reduction = fitted(rows, Method::Svd, less, options.seed)?;
        let (along, asks) = (reduction.project(rows), reduction.project(asked.queries.view()));
        let alone = CurveOptions { precisions: vec![Precision::F32], ..options.clone() };
        let along = UnitRows { rows: along.view(), dims: less };
        asked
            .settings(along, asks.view(), Method::Svd, &alone)?
            .into_iter()
            .find(|found| !found.point.rescore)
    } else {
        None
    };
    let accuracy = tenth.as_ref().map(|tenth| asked.against_truth(&tenth.rows, options.seed)).transpose()?;
    let measured = asked.measured(found.into_iter().chain(tenth).collect(), options.seed)?;
    let (points, tenth_less) = match accuracy {
        None => (measured, None),
        Some(accuracy) => {
            let mut points = measured;
            let point = points.pop();
            (points, point.map(|point| TenthLess { point, accuracy }))
        }
    };
    let probed = asked.probe.as_ref().map(Probe::sizes);
    Ok(Curve { queries: asked.truth.len(), k: asked.k, points, tenth_less, probed })
}

/// The numbers of dimensions of a method, descending.
fn dims(options: &CurveOptions, method: Method, n: usize, d: usize) -> Vec<usize> {
    let mut dims = options.dims.clone();
    if dims.is_empty() {
        dims = (0..5).map(|half| d >> half).filter(|dims| *dims == d || *dims >= 8).collect();
        let most = if matches!(method, Method::Pca | Method::Svd) { n.min(d) } else { d };
        dims.iter_mut().for_each(|dims| *dims = (*dims).min(most));
    }
    dims.sort_unstable_by(|a, b| b.cmp(a));
    dims.dedup();
    dims
}

/// A reduction fitted to the rows at length 1.
fn fitted(rows: ArrayView2<'_, f32>, method: Method, most: usize, seed: u64) -> Result<Reduction> {
    let fitted_to_rows = matches!(method, Method::Pca | Method::Svd);
    let at_length_1 = |row: ndarray::ArrayView1<'_, f32>| {
        (length(row.iter()) - 1.0).abs() < 1e-5 || row.iter().all(|x| *x == 0.0)
    };
    if !fitted_to_rows || rows.rows().into_iter().all(at_length_1) {
        return Reduction::fit(rows, method, most, seed);
    }
    Reduction::fit(unit(rows).view(), method, most, seed)
}

impl<'r> Asked<'r> {
    fn new(
        rows: ArrayView2<'r, f32>,
        queries: Option<ArrayView2<'_, f32>>,
        labels: Option<&'r [Option<u32>]>,
        options: &CurveOptions,
    ) -> Result<Asked<'r>> {
        require_finite(rows)?;
        let n = rows.nrows();
        if n < 3 || options.k == 0 || options.n_queries == 0 {
            return Err(Error::argument(
                "too few rows, queries or neighbours to measure what a setting finds",
            )
            .with_code("too-few-rows")
            .seen(format!("{n} rows, {} queries, k = {}", options.n_queries, options.k))
            .advice("give at least three rows; 1,000 queries and k = 10 are usual"));
        }
        let lengths: Vec<f64> = rows.rows().into_iter().map(|row| length(row.iter())).collect();
        let own = match queries {
            Some(_) => None,
            None => {
                let some: Vec<usize> = (0..n).filter(|row| lengths[*row] > 0.0).collect();
                let asked = options.n_queries.min(some.len());
                let mut random = ChaCha8Rng::seed_from_u64(options.seed);
                let mut picked = index::sample(&mut random, some.len(), asked).into_vec();
                picked.sort_unstable();
                Some(picked.into_iter().map(|at| some[at]).collect::<Vec<_>>())
            }
        };
        let queries = match (&own, queries) {
            (Some(own), _) => rows.select(Axis(0), own),
            (None, Some(queries)) => queries.to_owned(),
            (None, None) => Array2::zeros((0, rows.ncols())),
        };
        require_finite(queries.view())?;
        if queries.nrows() == 0 {
            return Err(Error::input("no row has a direction to ask by")
                .with_code("too-few-rows")
                .advice("give rows that are not all zeros"));
        }
        let k = options.k.min(n - usize::from(own.is_some()));
        let probe = labels.map(|labels| Probe::new(rows, labels, options.seed)).transpose()?.flatten();
        let mut asked = Asked { rows, queries, own, truth: Vec::new(), k, labels, lengths, probe };
        let exact = top_k(&rows, asked.queries.view(), k + 1, Metric::Cosine)?;
        asked.truth = exact
            .into_iter()
            .enumerate()
            .map(|(query, hits)| asked.others(query, hits.into_iter().map(|hit| hit.row).collect(), k))
            .collect();
        Ok(asked)
    }

    /// The first `k` of some rows, the query's own left out.
    fn others(&self, query: usize, rows: Vec<usize>, k: usize) -> Vec<usize> {
        let own = self.own.as_ref().map(|own| own[query]);
        rows.into_iter().filter(|row| Some(*row) != own).take(k).collect()
    }

    /// What every precision finds in these dimensions.
    fn settings(
        &self,
        along: UnitRows<'_>,
        asks: ArrayView2<'_, f32>,
        method: Method,
        options: &CurveOptions,
    ) -> Result<Vec<Found>> {
        let asks = unit(asks);
        let (ranges, mean) = along.ranges_and_mean()?;
        let codes: Vec<Codes> = options
            .precisions
            .iter()
            .map(|precision| Codes::new(*precision, &ranges, &mean, options.seed))
            .collect();
        let as_it_is = method == Method::Truncate && along.dims == self.rows.ncols();
        let searched: Vec<Codes> = codes
            .iter()
            .filter(|codes| !(as_it_is && codes.precision() == Precision::F32))
            .cloned()
            .collect();
        let keep = OVERSAMPLED * self.k + 1;
        let mut hits = search(along, asks.view(), &searched, keep)?.into_iter();
        let rights: Vec<Option<Vec<bool>>> = codes
            .par_iter()
            .map(|codes| {
                let coded = |rows: &[usize]| codes.rows(along.select(rows).view());
                Ok(self.probe.as_ref().map(|probe| probe.right(coded)).transpose()?.flatten())
            })
            .collect::<Result<_>>()?;
        let mut found = Vec::new();
        for (codes, right) in codes.iter().zip(rights) {
            let precision = codes.precision();
            let point = |rescored_by: Option<RescoredBy>| Point {
                method,
                dims: along.dims,
                precision,
                rescore: rescored_by.is_some(),
                rescored_by,
                bytes: precision.bytes(along.dims),
                recall: Recall { mean: 0.0, p5: 0.0, below_80: 0.0, low: 0.0, high: 0.0 },
                accuracy: None,
                accuracy_logistic: None,
            };
            if as_it_is && precision == Precision::F32 {
                found.push(Found { point: point(None), rows: self.truth.clone(), right });
                continue;
            }
            let hits: Vec<Vec<usize>> = hits
                .next()
                .unwrap_or_default()
                .into_iter()
                .enumerate()
                .map(|(query, rows)| self.others(query, rows, OVERSAMPLED * self.k))
                .collect();
            let first = |rows: &Vec<usize>| rows.iter().copied().take(self.k).collect();
            found.push(Found { point: point(None), rows: hits.iter().map(first).collect(), right });
            let (again, by) = self.rescored(&hits, codes, along, asks.view())?;
            found.push(Found { point: point(Some(by)), rows: again, right: None });
        }
        Ok(found)
    }

    /// The found rows in the order of a second score.
    fn rescored(
        &self,
        hits: &[Vec<usize>],
        codes: &Codes,
        along: UnitRows<'_>,
        asks: ArrayView2<'_, f32>,
    ) -> Result<(Vec<Vec<usize>>, RescoredBy)> {
        let by_codes = codes.rescored(along.select(&[0]).view())?.is_some();
        let again = hits
            .par_iter()
            .enumerate()
            .map(|(query, rows)| {
                let scores: Vec<f64> = match codes.rescored(along.select(rows).view())? {
                    Some(stored) => {
                        let asked = asks.row(query);
                        let product = |row: ndarray::ArrayView1<'_, f32>| {
                            row.iter().zip(asked).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
                        };
                        stored.rows().into_iter().map(product).collect()
                    }
                    None => rows.iter().map(|row| self.cosine(query, *row)).collect(),
                };
                let mut order: Vec<usize> = (0..rows.len()).collect();
                order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(rows[*a].cmp(&rows[*b])));
                Ok(order.into_iter().take(self.k).map(|place| rows[place]).collect())
            })
            .collect::<Result<_>>()?;
        Ok((again, if by_codes { RescoredBy::Codes } else { RescoredBy::Rows }))
    }

    /// With the query's length as 1.
    fn cosine(&self, query: usize, row: usize) -> f64 {
        let product = dot_f64(&self.queries.row(query).to_vec(), &self.rows.row(row).to_vec());
        if self.lengths[row] > 0.0 { product / self.lengths[row] } else { 0.0 }
    }

    /// The label of a query, and what the majority of some rows say; of equal counts the label of the nearer row.
    fn vote(&self, query: usize, rows: &[usize]) -> Option<(u32, Option<u32>)> {
        let (labels, own) = (self.labels?, self.own.as_ref()?);
        let truth = labels[own[query]]?;
        let mut counts: Vec<(u32, usize)> = Vec::new();
        for label in rows.iter().filter_map(|row| labels[*row]) {
            match counts.iter_mut().find(|(known, _)| *known == label) {
                Some((_, count)) => *count += 1,
                None => counts.push((label, 1)),
            }
        }
        let most = counts.iter().map(|(_, count)| *count).max();
        Some((truth, counts.into_iter().find(|(_, count)| Some(*count) == most).map(|(label, _)| label)))
    }

    /// Whether each query with a label is given it.
    fn right(&self, found: &[Vec<usize>]) -> Vec<Option<bool>> {
        let right = |(query, rows): (usize, &Vec<usize>)| {
            self.vote(query, rows).map(|(truth, said)| said == Some(truth))
        };
        found.iter().enumerate().map(right).collect()
    }

    /// The accuracy of what was found against that of the exact search.
    fn against_truth(&self, found: &[Vec<usize>], seed: u64) -> Result<Option<Comparison>> {
        let marks = |found: &[Vec<usize>]| -> Vec<usize> {
            self.right(found).into_iter().flatten().map(usize::from).collect()
        };
        let (found, exact) = (marks(found), marks(&self.truth));
        if found.is_empty() {
            return Ok(None);
        }
        let options = ComparisonOptions {
            bootstrap: BootstrapOptions { seed, ..Default::default() },
            ..Default::default()
        };
        compare_accuracy(&vec![1; found.len()], &found, &exact, &options).map(Some)
    }

    /// The points with their figures; all share the resamples.
    fn measured(&self, found: Vec<Found>, seed: u64) -> Result<Vec<Point>> {
        let recalls: Vec<Vec<f64>> = found
            .iter()
            .map(|found| {
                let of = |(rows, truth): (&Vec<usize>, &Vec<usize>)| {
                    rows.iter().filter(|row| truth.contains(row)).count() as f64 / truth.len().max(1) as f64
                };
                found.rows.iter().zip(&self.truth).map(of).collect()
            })
            .collect();
        let rights: Vec<Vec<Option<bool>>> = found.iter().map(|found| self.right(&found.rows)).collect();
        let n = self.truth.len();
        let labelled = rights.first().is_some_and(|right| right.iter().any(Option::is_some));
        let share = |right: &[Option<bool>], times: &dyn Fn(usize) -> f64| {
            let (mut sum, mut all) = (0.0, 0.0);
            for (query, right) in right.iter().enumerate() {
                if let Some(right) = right {
                    all += times(query);
                    sum += times(query) * f64::from(u8::from(*right));
                }
            }
            sum / all
        };
        let options = BootstrapOptions { seed, ..Default::default() };
        let intervals = bootstrap_all(n, &options, |times| {
            let mut scores: Vec<f64> = recalls
                .iter()
                .map(|recalls| {
                    recalls.iter().zip(times).map(|(x, times)| x * f64::from(*times)).sum::<f64>() / n as f64
                })
                .collect();
            if labelled {
                scores.extend(rights.iter().map(|right| share(right, &|query| f64::from(times[query]))));
            }
            scores
        })?;
        let points = found.len();
        found
            .into_iter()
            .zip(recalls)
            .enumerate()
            .map(|(at, (found, recalls))| {
                let probed = self.probe.as_ref().zip(found.right.as_ref());
                let accuracy_logistic =
                    probed.map(|(probe, right)| probe.against_rows(right, seed)).transpose()?;
                let mut sorted = recalls.clone();
                sorted.sort_unstable_by(f64::total_cmp);
                let recall = Recall {
                    mean: recalls.iter().sum::<f64>() / n as f64,
                    p5: quantile(&sorted, 0.05),
                    below_80: recalls.iter().filter(|recall| **recall < 0.8 - 1e-9).count() as f64 / n as f64,
                    low: intervals[at].low,
                    high: intervals[at].high,
                };
                let accuracy = labelled.then(|| ShareRight {
                    value: share(&rights[at], &|_| 1.0),
                    low: intervals[points + at].low,
                    high: intervals[points + at].high,
                });
                Ok(Point { recall, accuracy, accuracy_logistic, ..found.point })
            })
            .collect()
    }
}
