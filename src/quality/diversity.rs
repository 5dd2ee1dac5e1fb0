//! How different the rows of a set are from each other.

use ndarray::{Array2, ArrayView2, Axis};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::geometry::vendi;
use super::spectrum::{Moment, Scale, eigenvalues};
use crate::error::{Error, Result};
use crate::metric::Z95;
use crate::rows::simd::dot_f64;
use crate::rows::{norms, require_finite};

/// Up to this many rows the histogram is of all pairs.
const ALL_PAIRS: usize = 1500;

/// Above that, of this many drawn pairs.
const PAIRS: usize = 200_000;

/// Bins of the histogram, from -1 to 1.
const BINS: usize = 40;

/// How different rows are from each other. `None` is a number that does not exist: of fewer than two rows.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Diversity {
    /// Rows with a direction; rows of zeros are left out.
    pub rows: usize,
    /// The mean cosine of all pairs, exact.
    pub mean_similarity: Option<f64>,
    /// How many different rows there seem to be: exp of the entropy of the eigenvalues of the cosines over n.
    pub vendi: Option<f64>,
    /// The same of order 2, which looks at the large groups.
    pub vendi_2: Option<f64>,
    /// ln det(I + K) of the n x n cosines K: the volume that the rows span.
    pub log_det: Option<f64>,
    /// Vendi over the most there can be, min(n, d).
    pub coverage: Option<f64>,
    /// The shares of pairs by cosine.
    pub histogram: Vec<Bin>,
    /// The pairs in the histogram.
    pub pairs: usize,
}

/// A bin of a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Bin {
    /// From this cosine, itself included,
    pub from: f64,
    /// to this one, excluded but for 1.
    pub to: f64,
    /// The share of the pairs.
    pub share: f64,
}

/// A group of rows.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GroupDiversity {
    /// Its name.
    pub group: String,
    /// Its rows with a direction.
    pub rows: usize,
    /// The mean cosine of its pairs.
    pub mean_similarity: Option<f64>,
    /// Lower end of the 95 % interval of that (jackknife).
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// How many different rows it seems to have.
    pub vendi: Option<f64>,
    /// The other group that is most like it.
    pub nearest: Option<String>,
    /// The mean cosine of its rows with those of that group.
    pub nearest_similarity: Option<f64>,
    /// Whether that is at least the lower end of its own similarity: the two groups hold the same.
    pub redundant: bool,
}

/// The diversity of n x d rows. Takes n·d² operations and the eigenvalues of a matrix of min(n, d).
///
/// # Errors
/// For numbers that are not finite.
pub fn diversity(rows: ArrayView2<'_, f32>, seed: u64) -> Result<Diversity> {
    require_finite(rows)?;
    let unit = directions(rows)?;
    let n = unit.nrows();
    if n < 2 {
        return Ok(Diversity {
            rows: n,
            mean_similarity: None,
            vendi: None,
            vendi_2: None,
            log_det: None,
            coverage: None,
            histogram: Vec::new(),
            pairs: 0,
        });
    }
    let moment = Moment::of(&unit, Scale::None)?;
    let values = eigenvalues(&moment)?;
    let square: f64 = moment.sum.iter().map(|x| x * x).sum();
    let found = vendi(&values);
    let (histogram, pairs) = histogram(unit.view(), seed);
    Ok(Diversity {
        rows: n,
        mean_similarity: Some(((square - moment.trace()) / (n * (n - 1)) as f64).clamp(-1.0, 1.0)),
        vendi: Some(found),
        vendi_2: Some(moment.trace().powi(2) / moment.sum_of_squares()),
        log_det: Some(values.iter().map(|value| value.ln_1p()).sum()),
        coverage: Some(found / n.min(rows.ncols()) as f64),
        histogram,
        pairs,
    })
}

/// Each group by itself, with the group most like it. Rows without a group are in none.
///
/// # Errors
/// When there is not one group for each row or a group has no name, and for numbers that are not finite.
pub fn diversity_of_groups(
    rows: ArrayView2<'_, f32>,
    groups: &[Option<u32>],
    names: &[String],
) -> Result<Vec<GroupDiversity>> {
    require_finite(rows)?;
    if groups.len() != rows.nrows() || groups.iter().flatten().any(|group| *group as usize >= names.len()) {
        return Err(Error::argument("groups that do not fit the rows").seen(format!(
            "{} groups, {} rows, {} names",
            groups.len(),
            rows.nrows(),
            names.len()
        )));
    }
    let mut units = Vec::new();
    for group in 0..names.len() as u32 {
        let members: Vec<usize> = (0..groups.len()).filter(|row| groups[*row] == Some(group)).collect();
        units.push(directions(rows.select(Axis(0), &members).view())?);
    }
    let sums: Vec<Vec<f64>> = units
        .iter()
        .map(|unit| {
            unit.axis_iter(Axis(1)).map(|column| column.iter().map(|x| f64::from(*x)).sum()).collect()
        })
        .collect();
    let mut found = Vec::new();
    for (at, unit) in units.iter().enumerate() {
        let n = unit.nrows();
        let interval = if n > 2 { Some(mean_similarity(unit, &sums[at])) } else { None };
        let mean = match (n, interval) {
            (_, Some((mean, _))) => Some(mean),
            (2, None) => Some(cosine(unit.row(0).as_slice(), unit.row(1).as_slice())),
            _ => None,
        };
        let nearest = (0..units.len())
            .filter(|other| *other != at && n > 0 && units[*other].nrows() > 0)
            .map(|other| {
                let product: f64 = sums[at].iter().zip(&sums[other]).map(|(a, b)| a * b).sum();
                (other, product / (n * units[other].nrows()) as f64)
            })
            .reduce(|best, next| if next.1 > best.1 { next } else { best });
        let low = interval.map(|(mean, error)| (mean - Z95 * error).max(-1.0));
        found.push(GroupDiversity {
            group: names[at].clone(),
            rows: n,
            mean_similarity: mean,
            low,
            high: interval.map(|(mean, error)| (mean + Z95 * error).min(1.0)),
            vendi: if n > 0 { Some(vendi(&eigenvalues(&Moment::of(unit, Scale::None)?)?)) } else { None },
            nearest: nearest.map(|(other, _)| names[other].clone()),
            nearest_similarity: nearest.map(|(_, similarity)| similarity),
            redundant: low.zip(nearest).is_some_and(|(low, (_, similarity))| similarity >= low),
        });
    }
    Ok(found)
}

/// The mean cosine of all pairs and its standard error by the jackknife, which leaves out each row once.
fn mean_similarity(unit: &Array2<f32>, sum: &[f64]) -> (f64, f64) {
    let n = unit.nrows() as f64;
    let square: f64 = sum.iter().map(|x| x * x).sum();
    let mean = (square - n) / (n * (n - 1.0));
    let without: Vec<f64> = unit
        .rows()
        .into_iter()
        .map(|row| {
            let along: f64 = row.iter().zip(sum).map(|(x, sum)| f64::from(*x) * sum).sum();
            // ‖S - u‖² = ‖S‖² - 2 u'S + 1, of n - 1 rows.
            (square - 2.0 * along + 1.0 - (n - 1.0)) / ((n - 1.0) * (n - 2.0))
        })
        .collect();
    let center = without.iter().sum::<f64>() / n;
    let spread: f64 = without.iter().map(|x| (x - center).powi(2)).sum();
    (mean, ((n - 1.0) / n * spread).sqrt())
}

fn cosine(a: Option<&[f32]>, b: Option<&[f32]>) -> f64 {
    dot_f64(a.unwrap_or_default(), b.unwrap_or_default()).clamp(-1.0, 1.0)
}

/// The rows that are not zero, at length 1.
fn directions(rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
    let lengths = norms(&rows)?;
    let some: Vec<usize> = (0..lengths.len()).filter(|row| lengths[*row] > 0.0).collect();
    let mut unit = Array2::zeros((some.len(), rows.ncols()));
    unit.axis_iter_mut(Axis(0)).into_par_iter().zip(&some).for_each(|(mut unit, row)| {
        for (to, x) in unit.iter_mut().zip(rows.row(*row)) {
            *to = (f64::from(*x) / lengths[*row]) as f32;
        }
    });
    Ok(unit)
}

fn histogram(unit: ArrayView2<'_, f32>, seed: u64) -> (Vec<Bin>, usize) {
    let n = unit.nrows();
    let place = |a: usize, b: usize| {
        let cosine = cosine(unit.row(a).to_slice(), unit.row(b).to_slice());
        (((cosine + 1.0) / 2.0 * BINS as f64) as usize).min(BINS - 1)
    };
    let counts = |pairs: &mut dyn Iterator<Item = (usize, usize)>| {
        let mut counts = vec![0_usize; BINS];
        pairs.for_each(|(a, b)| counts[place(a, b)] += 1);
        counts
    };
    let parts: Vec<Vec<usize>> = if n <= ALL_PAIRS {
        (0..n).into_par_iter().map(|a| counts(&mut (0..a).map(|b| (a, b)))).collect()
    } else {
        const BATCH: usize = 2000;
        (0..(PAIRS / BATCH) as u64)
            .into_par_iter()
            .map(|batch| {
                let mut random = ChaCha8Rng::seed_from_u64(seed);
                random.set_stream(batch);
                counts(&mut (0..BATCH).map(|_| {
                    let a = random.gen_range(0..n);
                    (a, (a + random.gen_range(1..n)) % n)
                }))
            })
            .collect()
    };
    let totals: Vec<usize> = (0..BINS).map(|bin| parts.iter().map(|part| part[bin]).sum()).collect();
    let all: usize = totals.iter().sum();
    let width = 2.0 / BINS as f64;
    let bins = totals.iter().enumerate().map(|(bin, count)| Bin {
        from: -1.0 + width * bin as f64,
        to: -1.0 + width * (bin + 1) as f64,
        share: *count as f64 / all.max(1) as f64,
    });
    (bins.collect(), all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(n: usize, d: usize, seed: u64) -> Array2<f32> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        Array2::from_shape_simple_fn((n, d), || random.gen_range(-1.0_f32..1.0) + 0.3)
    }

    #[test]
    fn numbers_are_those_of_the_matrix_of_cosines() {
        let rows = rows(12, 5, 1);
        let found = diversity(rows.view(), 42).unwrap();
        let unit = directions(rows.view()).unwrap().mapv(f64::from);
        let cosines = unit.dot(&unit.t());
        let mean = (cosines.sum() - 12.0) / 132.0;
        assert!((found.mean_similarity.unwrap() - mean).abs() < 1e-6);
        let squares = (&cosines / 12.0).mapv(|x| x * x).sum();
        assert!((found.vendi_2.unwrap() - 1.0 / squares).abs() < 1e-5);
        assert!((found.histogram.iter().map(|bin| bin.share).sum::<f64>() - 1.0).abs() < 1e-12);
        assert_eq!(found.pairs, 66);
    }

    #[test]
    fn copies_are_one_row_and_right_angles_are_many() {
        let same = diversity(Array2::from_elem((8, 3), 0.2).view(), 1).unwrap();
        assert!((same.vendi.unwrap() - 1.0).abs() < 1e-6);
        let apart = diversity(Array2::eye(6).view(), 1).unwrap();
        assert!(
            (apart.vendi.unwrap() - 6.0).abs() < 1e-9
                && (apart.log_det.unwrap() - 6.0 * 2.0_f64.ln()).abs() < 1e-9
        );
        assert_eq!(diversity(Array2::zeros((3, 2)).view(), 1).unwrap().vendi, None);
    }

    #[test]
    fn the_interval_of_a_group_covers_the_truth_as_often_as_it_says() {
        let wide = rows(100_000, 3, 7);
        let truth = diversity(wide.view(), 1).unwrap().mean_similarity.unwrap();
        let mut covered = 0;
        for draw in 0..200 {
            let part = rows(60, 3, 1000 + draw);
            let group = &diversity_of_groups(part.view(), &[Some(0); 60], &["all".to_owned()]).unwrap()[0];
            covered += usize::from(group.low.unwrap() <= truth && truth <= group.high.unwrap());
        }
        assert!((184..=197).contains(&covered), "{covered} of 200");
    }

    #[test]
    fn groups_of_the_same_are_redundant() {
        let a = rows(40, 4, 1);
        let b = -&a;
        let all = ndarray::concatenate![Axis(0), a, rows(40, 4, 2), b];
        let groups: Vec<Option<u32>> = (0..120).map(|row| Some(row / 40)).collect();
        let names = ["a", "b", "c"].map(str::to_owned);
        let found = diversity_of_groups(all.view(), &groups, &names).unwrap();
        assert_eq!(found[0].nearest.as_deref(), Some("b"));
        assert!(found[0].redundant && !found[2].redundant);
    }
}
