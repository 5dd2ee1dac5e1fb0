//! The shape of the cloud that rows make: how narrow its cone is, and how many dimensions it uses.

use std::borrow::Cow;

use serde::Serialize;

use super::spectrum::{Moment, Scale, eigenvalues, eigenvalues_with_centred};
use super::uniformity::{Uniformity, uniformity};
use crate::error::{Error, Result};
use crate::rows::packed::{Packer, Unpacker, damaged};
use crate::rows::simd::dot_f64;
use crate::rows::{Fold, Portable, RowBlock, RowSource, fold_rows, norms};

/// Rows whose lengths are this near to 1 are rows of length 1.
const UNIT_LENGTH: f64 = 5e-7;

/// The ranks of the eigenvalues that the power law is fitted to, from 0.
const RANKS: std::ops::Range<usize> = 10..100;

/// What RankMe adds to each share, as its authors do.
const RANKME_EPSILON: f64 = 1e-7;

/// A variance below this share of the mean variance is none.
const DEAD: f64 = 1e-10;

/// Numbers on the shape of rows. `None` is a number that does not exist for these rows: of one row, of rows that are
/// all equal, of too few dimensions.
///
/// Z are the rows, C their covariance, u the rows at length 1.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Geometry {
    /// The mean cosine of all pairs of rows (exact; rows of zeros are left out).
    pub mean_cosine: Option<f64>,
    /// The same after the mean of u is taken off each u.
    pub mean_cosine_centered: Option<f64>,
    /// The length of the mean of u: 0 for rows in all directions, 1 for rows in one.
    pub mean_vector_norm: Option<f64>,
    /// tr(C)² / ‖C‖²: how many dimensions the variance fills, 1 to d. The same number as `isoscore` on another scale.
    pub participation_ratio: Option<f64>,
    /// (participation ratio - 1) / (d - 1), 0 to 1 (Rudman et al. 2022).
    pub isoscore: Option<f64>,
    /// exp of the entropy of the singular values of Z, not centred (Garrido et al. 2023).
    pub rankme: Option<f64>,
    /// The sum of the eigenvalues of C over the largest (He and Ozay 2022).
    pub nesum: Option<f64>,
    /// ‖Z‖² over its largest singular value squared, not centred.
    pub stable_rank: Option<f64>,
    /// How fast the eigenvalues of C fall; with more than 100 dimensions and rows only.
    pub alpha_req: Option<PowerLaw>,
    /// exp of the entropy of the eigenvalues of u's Gram matrix over n: how many different rows there seem to be
    /// (Friedman and Dieng 2023, order 1).
    pub vendi: Option<f64>,
    /// The same of order 2.
    pub vendi_2: Option<f64>,
    /// ln of the mean of exp(-2 |u - v|²) over pairs (Wang and Isola 2020): the lower, the more even.
    pub uniformity: Option<Uniformity>,
    /// The largest variance of a dimension over the mean variance.
    pub rogue_dimension: Option<f64>,
    /// Which dimension that is.
    pub rogue_dimension_index: Option<usize>,
    /// Dimensions without variance.
    pub dead_dimensions: usize,
    /// Lengths of the rows.
    pub norm: NormSummary,
    /// Rows of zeros.
    pub zero_rows: usize,
    /// The eigenvalues of C as shares of their sum, descending, at most 512 of them.
    pub spectrum: Vec<f64>,
}

/// A power law of ranks fitted to eigenvalues 11 to 100 (Agrawal et al. 2022, Stringer's fit): about 1 is usual, far
/// above 1 is a collapsed cloud, far below 1 is noise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct PowerLaw {
    /// The exponent.
    pub alpha: f64,
    /// R² of the weighted fit.
    pub r2: f64,
}

/// Euclidean lengths of rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct NormSummary {
    /// The shortest.
    pub min: f64,
    /// The mean.
    pub mean: f64,
    /// The longest.
    pub max: f64,
}

impl NormSummary {
    pub(super) fn of(norms: &[f64]) -> NormSummary {
        let n = norms.len().max(1) as f64;
        let (min, max) = norms.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), x| (a.min(*x), b.max(*x)));
        NormSummary { min: if min.is_finite() { min } else { 0.0 }, mean: norms.iter().sum::<f64>() / n, max }
    }

    /// Whether all rows have the length 1, to the precision of `f32`.
    pub fn is_unit(&self) -> bool {
        (self.min - 1.0).abs() <= UNIT_LENGTH && (self.max - 1.0).abs() <= UNIT_LENGTH
    }
}

/// Whether all rows have the length 1, to the precision of `f32`: then cosine and Euclidean distance rank rows alike.
///
/// # Errors
/// Whatever the source meets while reading.
pub fn rows_are_unit(source: &(impl RowSource + ?Sized)) -> Result<bool> {
    Ok(NormSummary::of(&norms(source)?).is_unit())
}

/// How [`geometry`] draws pairs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GeometryOptions {
    /// The seed of the pairs that uniformity is taken of. Default: 42.
    pub seed: u64,
}

impl Default for GeometryOptions {
    fn default() -> Self {
        GeometryOptions { seed: 42 }
    }
}

/// The shape of n x d rows, from one covariance (or, with fewer rows than dimensions, one matrix of inner products) and
/// its eigenvalues, in `f64`. Cost: n·d² products (one such matrix for rows of length 1, else two), twice or three times
/// the eigenvalues of a d x d matrix; memory 8·d² bytes for each.
///
/// ```
/// use embedlab::quality::geometry;
/// let rows = ndarray::array![[1.0_f32, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]];
/// let found = geometry(&rows, &Default::default())?;
/// assert!((found.mean_cosine.unwrap() + 1.0 / 3.0).abs() < 1e-12);
/// assert!((found.isoscore.unwrap() - 1.0).abs() < 1e-12);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// # Errors
/// For numbers that are not finite, and whatever the source meets while reading.
pub fn geometry(source: &(impl RowSource + ?Sized), options: &GeometryOptions) -> Result<Geometry> {
    geometry_within(source, options, usize::MAX)
}

/// The same; of a source that is not in memory about so many rows of pairs are held at once.
pub(crate) fn geometry_within(
    source: &(impl RowSource + ?Sized),
    options: &GeometryOptions,
    held_rows: usize,
) -> Result<Geometry> {
    let lengths = Lengths::of(source)?;
    let raw = Moment::of(source, Scale::None)?;
    let unit =
        if lengths.norm.is_unit() { None } else { Some(Moment::of(source, Scale::Rows(&lengths.scales))?) };
    described(source, lengths, &raw, unit.as_ref().unwrap_or(&raw), options, held_rows)
}

/// The lengths of rows.
pub(super) struct Lengths {
    pub norm: NormSummary,
    zero_rows: usize,
    /// What makes each row of length 1; 0 for a row of zeros.
    pub scales: Vec<f64>,
}

impl Lengths {
    pub fn of(source: &(impl RowSource + ?Sized)) -> Result<Lengths> {
        let lengths = norms(source)?;
        if let Some(row) = lengths.iter().position(|length| !length.is_finite()) {
            return Err(Error::input("a vector with NaN or infinite numbers")
                .row(row)
                .advice("remove the row"));
        }
        Ok(Lengths {
            norm: NormSummary::of(&lengths),
            zero_rows: lengths.iter().filter(|length| **length == 0.0).count(),
            scales: lengths.iter().map(|length| if *length > 0.0 { 1.0 / length } else { 0.0 }).collect(),
        })
    }
}

/// The numbers, from the products of the rows and of the rows at length 1 (the same where all rows have it).
pub(super) fn described(
    source: &(impl RowSource + ?Sized),
    Lengths { norm, zero_rows, scales }: Lengths,
    raw: &Moment,
    unit: &Moment,
    options: &GeometryOptions,
    held_rows: usize,
) -> Result<Geometry> {
    let (n, d) = (source.n_rows(), source.dims());
    let directions = (n - zero_rows) as f64;
    let direction: Vec<f64> = unit.sum.iter().map(|sum| sum / directions.max(1.0)).collect();
    let mean_vector_norm = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
    // Σ‖u‖² counts the rows, so the same formula serves rows that are of length 1 to the precision of f32 only.
    let mean_cosine = (directions > 1.0).then(|| {
        let square = unit.sum.iter().map(|x| x * x).sum::<f64>();
        ((square - unit.trace()) / (directions * (directions - 1.0))).clamp(-1.0, 1.0)
    });

    let (trace, squares) = {
        let covariance = raw.centred();
        (covariance.trace(), covariance.sum_of_squares())
    };
    // What is left of rows that are all equal is rounding.
    let varies = n > 1 && trace > 1e-12 * raw.trace() && trace > 0.0;
    let participation_ratio = varies.then(|| trace * trace / squares);
    let (both, of_unit) = rayon::join(
        || eigenvalues_with_centred(raw),
        || if std::ptr::eq(unit, raw) { Ok(Vec::new()) } else { eigenvalues(unit) },
    );
    let ((of_raw, of_covariance), of_unit) = (both?, of_unit?);
    let of_unit = if of_unit.is_empty() { &of_raw } else { &of_unit };
    let variances = raw.variances(source)?;
    let mean_variance = variances.iter().sum::<f64>() / d.max(1) as f64;
    let rogue = variances.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)));
    let largest = of_covariance.first().copied().unwrap_or(0.0);
    let whole: f64 = of_covariance.iter().sum();
    let some = raw.trace() > 0.0;
    Ok(Geometry {
        mean_cosine,
        mean_cosine_centered: if directions > 1.0 && varies {
            fold_rows(source, &CentredDirections::from_mean(&direction))?.mean_cosine()
        } else {
            None
        },
        mean_vector_norm: (directions > 0.0).then_some(mean_vector_norm),
        participation_ratio,
        isoscore: participation_ratio
            .filter(|_| d > 1)
            .map(|ratio| ((ratio - 1.0) / (d - 1) as f64).clamp(0.0, 1.0)),
        rankme: some.then(|| rankme(&of_raw, n.min(d))),
        nesum: (varies && largest > 0.0).then(|| trace / largest),
        stable_rank: some.then(|| raw.trace() / of_raw[0]),
        alpha_req: if varies && d > RANKS.end { power_law(&of_covariance) } else { None },
        vendi: (directions > 0.0).then(|| vendi(of_unit)),
        vendi_2: (directions > 0.0).then(|| unit.trace().powi(2) / unit.sum_of_squares()),
        uniformity: uniformity(source, &scales, options.seed, held_rows)?,
        rogue_dimension: rogue.filter(|_| varies).map(|(_, variance)| variance / mean_variance),
        rogue_dimension_index: rogue.filter(|_| varies).map(|(dimension, _)| dimension),
        dead_dimensions: if n > 1 {
            variances.iter().filter(|variance| **variance <= DEAD * mean_variance).count()
        } else {
            0
        },
        norm,
        zero_rows,
        spectrum: if varies {
            of_covariance.iter().take(512).map(|value| value / whole).collect()
        } else {
            Vec::new()
        },
    })
}

/// RankMe of the eigenvalues of the Gram matrix, of which the singular values are the roots.
fn rankme(eigenvalues: &[f64], rank: usize) -> f64 {
    let singular: Vec<f64> = eigenvalues.iter().take(rank).map(|value| value.max(0.0).sqrt()).collect();
    let sum: f64 = singular.iter().sum();
    let entropy: f64 = singular
        .iter()
        .map(|sigma| {
            let share = sigma / sum + RANKME_EPSILON;
            -share * share.ln()
        })
        .sum();
    entropy.exp()
}

/// exp of the entropy of eigenvalues, as shares of their sum.
pub(super) fn vendi(eigenvalues: &[f64]) -> f64 {
    let whole: f64 = eigenvalues.iter().map(|value| value.max(0.0)).sum();
    let shares = eigenvalues.iter().map(|value| value / whole).filter(|share| *share > 0.0);
    shares.map(|share| -share * share.ln()).sum::<f64>().exp()
}

/// The least squares of ln λ = -alpha ln rank + c over ranks 11 to 100, weighted by 1 / rank.
fn power_law(eigenvalues: &[f64]) -> Option<PowerLaw> {
    let values = eigenvalues.get(RANKS)?;
    if values.iter().any(|value| *value <= 1e-14 * eigenvalues[0]) {
        return None;
    }
    let points: Vec<(f64, f64, f64)> = values
        .iter()
        .zip(RANKS.start + 1..)
        .map(|(value, rank)| ((rank as f64).ln(), value.ln(), 1.0 / rank as f64))
        .collect();
    let weights: f64 = points.iter().map(|(_, _, weight)| weight).sum();
    let mean = |of: fn(&(f64, f64, f64)) -> f64| points.iter().map(|p| p.2 * of(p)).sum::<f64>() / weights;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let sum = |of: &dyn Fn(&(f64, f64, f64)) -> f64| points.iter().map(|p| p.2 * of(p)).sum::<f64>();
    let slope = sum(&|p| (p.0 - x) * (p.1 - y)) / sum(&|p| (p.0 - x).powi(2));
    let unexplained = sum(&|p| (p.1 - y - slope * (p.0 - x)).powi(2));
    let whole = sum(&|p| (p.1 - y).powi(2));
    Some(PowerLaw { alpha: -slope, r2: if whole > 0.0 { 1.0 - unexplained / whole } else { 1.0 } })
}

/// The sum of the directions of u - m, of which the mean cosine of all pairs is made.
pub(crate) struct CentredDirections<'a> {
    /// The mean m of u.
    mean: Cow<'a, [f64]>,
}

/// What is known of the rows seen so far.
pub(crate) struct Directions {
    sum: Vec<f64>,
    count: usize,
    seen: usize,
    row: Vec<f64>,
}

impl Directions {
    /// The mean cosine of all pairs of directions; `None` for fewer than two.
    pub fn mean_cosine(&self) -> Option<f64> {
        let n = self.count as f64;
        let square = self.sum.iter().map(|x| x * x).sum::<f64>();
        (self.count > 1).then(|| ((square - n) / (n * (n - 1.0))).clamp(-1.0, 1.0))
    }
}

impl Fold for CentredDirections<'_> {
    type Part = Directions;

    fn start(&self) -> Directions {
        Directions { sum: vec![0.0; self.mean.len()], count: 0, seen: 0, row: Vec::new() }
    }

    fn add(&self, part: &mut Directions, block: RowBlock<'_>) {
        part.seen += block.rows.nrows();
        for row in block.rows.rows() {
            let row = row.to_slice().unwrap_or_default();
            let length = dot_f64(row, row).sqrt();
            if length == 0.0 {
                continue;
            }
            let scale = 1.0 / length;
            part.row.clear();
            part.row.extend(row.iter().zip(&*self.mean).map(|(x, mean)| f64::from(*x) * scale - mean));
            let length = part.row.iter().map(|x| x * x).sum::<f64>().sqrt();
            // A row at the mean, to the precision of f32, has no direction from it.
            if length > 1e-7 {
                part.sum.iter_mut().zip(&part.row).for_each(|(sum, x)| *sum += x / length);
                part.count += 1;
            }
        }
    }

    fn merge(&self, into: &mut Directions, from: Directions) {
        into.sum.iter_mut().zip(from.sum).for_each(|(sum, more)| *sum += more);
        into.count += from.count;
        into.seen += from.seen;
    }

    fn portable(&self) -> Option<&dyn Portable<Part = Directions>> {
        Some(self)
    }
}

impl<'a> CentredDirections<'a> {
    pub const NAME: &'static str = "geometry.directions";

    pub fn from_mean(mean: &'a [f64]) -> Self {
        CentredDirections { mean: Cow::Borrowed(mean) }
    }
}

impl CentredDirections<'_> {
    /// The fold of these [`params`](Portable::params).
    pub fn of(params: &[u8]) -> Result<CentredDirections<'static>> {
        let mut series = Unpacker::new(params);
        let mean = Cow::Owned(series.next()?);
        series.end().map(|()| CentredDirections { mean })
    }
}

impl Portable for CentredDirections<'_> {
    type Part = Directions;

    fn name(&self) -> String {
        Self::NAME.into()
    }

    fn params(&self) -> Vec<u8> {
        Packer::default().add(&self.mean).bytes()
    }

    fn dims(&self) -> Option<usize> {
        Some(self.mean.len())
    }

    fn merged(&self) -> bool {
        true
    }

    fn rows(&self, part: &Directions) -> usize {
        part.seen
    }

    fn pack(&self, part: Directions) -> Vec<u8> {
        Packer::default().add(&part.sum).add(&[part.count as u64, part.seen as u64]).bytes()
    }

    fn unpack(&self, bytes: &[u8]) -> Result<Directions> {
        let mut series = Unpacker::new(bytes);
        let sum = series.next_of(self.mean.len())?;
        let [count, seen] = series.next_of::<u64>(2)?[..] else { return Err(damaged()) };
        series.end()?;
        Ok(Directions { sum, count: count as usize, seen: seen as usize, row: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, Axis};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn rows(n: usize, d: usize, seed: u64) -> Array2<f32> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        Array2::from_shape_fn((n, d), |(_, j)| {
            (random.gen_range(-1.0..1.0) * (1.0 + j as f32 * 0.2) + 0.4) * 3.0
        })
    }

    fn unit(rows: &Array2<f32>) -> Array2<f64> {
        let mut rows = rows.mapv(f64::from);
        for mut row in rows.rows_mut() {
            let length = row.dot(&row).sqrt();
            row /= length;
        }
        rows
    }

    fn mean_of_pairs(u: &Array2<f64>, of: impl Fn(f64) -> f64) -> f64 {
        let (mut sum, mut n) = (0.0, 0);
        for i in 0..u.nrows() {
            for j in 0..i {
                sum += of(u.row(i).dot(&u.row(j)));
                n += 1;
            }
        }
        sum / f64::from(n)
    }

    #[test]
    fn numbers_over_pairs_are_those_of_all_pairs() {
        for (n, d) in [(40, 5), (20, 30)] {
            let rows = rows(n, d, 1);
            let found = geometry(&rows, &Default::default()).unwrap();
            let u = unit(&rows);
            let near = |a: Option<f64>, b: f64| assert!((a.unwrap() - b).abs() < 1e-12, "{a:?} {b}");
            near(found.mean_cosine, mean_of_pairs(&u, |cos| cos));
            near(found.uniformity.map(|u| u.value), mean_of_pairs(&u, |cos| (4.0 * cos - 4.0).exp()).ln());
            let mean = u.mean_axis(Axis(0)).unwrap();
            near(found.mean_vector_norm, mean.dot(&mean).sqrt());
            let mut centred = &u - &mean;
            for mut row in centred.rows_mut() {
                let length = row.dot(&row).sqrt();
                row /= length;
            }
            near(found.mean_cosine_centered, mean_of_pairs(&centred, |cos| cos));
        }
    }

    #[test]
    fn the_ratios_are_those_of_the_covariance() {
        for (n, d) in [(60, 7), (9, 20)] {
            let rows = rows(n, d, 2);
            let found = geometry(&rows, &Default::default()).unwrap();
            let wide = rows.mapv(f64::from);
            let centred = &wide - &wide.mean_axis(Axis(0)).unwrap();
            let c = centred.t().dot(&centred) / (n - 1) as f64;
            let (trace, squares) = (c.diag().sum(), c.iter().map(|x| x * x).sum::<f64>());
            assert!((found.participation_ratio.unwrap() - trace * trace / squares).abs() < 1e-9);
            let gram = unit(&rows).t().dot(&unit(&rows)) / n as f64;
            let squares = gram.iter().map(|x| x * x).sum::<f64>();
            assert!((found.vendi_2.unwrap() - 1.0 / squares).abs() < 1e-9);
            let variances = centred.var_axis(Axis(0), 0.0);
            let largest = variances.iter().fold(0.0_f64, |a, b| a.max(*b));
            let ratio = largest / variances.mean().unwrap();
            assert!((found.rogue_dimension.unwrap() - ratio).abs() < 1e-9);
        }
    }

    #[test]
    fn drawn_pairs_estimate_all_pairs_within_their_error() {
        let rows = rows(3200, 6, 3);
        let found = geometry(&rows, &Default::default()).unwrap().uniformity.unwrap();
        let exact = mean_of_pairs(&unit(&rows), |cos| (4.0 * cos - 4.0).exp()).ln();
        assert!(found.standard_error > 0.0);
        assert!((found.value - exact).abs() < 4.0 * found.standard_error, "{found:?} {exact}");
    }

    #[test]
    fn odd_rows_have_the_numbers_that_exist() {
        let equal = geometry(&Array2::from_elem((6, 4), 0.7_f32), &Default::default()).unwrap();
        assert!((equal.mean_cosine.unwrap() - 1.0).abs() < 1e-12);
        assert_eq!((equal.participation_ratio, equal.nesum, equal.rogue_dimension), (None, None, None));
        assert!((equal.vendi.unwrap() - 1.0).abs() < 1e-6);
        let zero = geometry(&Array2::<f32>::zeros((3, 4)), &Default::default()).unwrap();
        assert_eq!((zero.mean_cosine, zero.rankme, zero.vendi, zero.zero_rows), (None, None, None, 3));
        let one = geometry(&rows(1, 4, 1), &Default::default()).unwrap();
        assert_eq!((one.mean_cosine, one.participation_ratio), (None, None));
        let narrow = geometry(&rows(10, 1, 1), &Default::default()).unwrap();
        assert_eq!(narrow.isoscore, None);
        let broken = ndarray::array![[1.0_f32], [f32::NAN]];
        assert!(geometry(&broken, &Default::default()).unwrap_err().to_string().starts_with("row 1"));
    }
}
