//! Scores of two sets of the same rows, side by side.

use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::Serialize;

use super::dimensions::{GROUPS, kept};
use super::spaces::Space;
use crate::error::Result;
use crate::metric::{
    BootstrapOptions, Comparison, ComparisonOptions, compare_losses, jackknife, jackknife_groups,
};
use crate::quality::{
    Geometry, GeometryOptions, IntrinsicDimension, NEAR_DUPLICATE_COSINE, OUTLIER_NEIGHBORS,
    OUTLIER_THRESHOLD, Shares, geometry, geometry_without, hubness, knn_outliers, occurrences,
    shares_of_counts,
};
use crate::rows::{RowSource, select_rows};

/// Above this many rows the intervals of the shape come from a random sample of as many, scaled to all.
const JACKKNIFE_ROWS: usize = 10_000;

/// Groups of rows that are left out in turn, of scores that take an eigenproblem each.
const GROUPS_OF_SHAPE: usize = 10;

/// One score of both sets.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PairedScore {
    /// Its name, as in the score card.
    pub name: String,
    /// Of the first set; `null` where it does not exist.
    pub a: Option<f64>,
    /// Of the second.
    pub b: Option<f64>,
    /// Second minus first.
    pub difference: Option<f64>,
    /// Lower end of the 95 % interval of the difference for other rows of the same kind; `null` where none is known.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// How often sets that do not differ give as much, either way.
    pub p: Option<f64>,
}

impl PairedScore {
    /// A pair without an interval.
    pub(super) fn plain(name: &str, a: Option<f64>, b: Option<f64>) -> PairedScore {
        let (a, b) = (finite(a), finite(b));
        let difference = a.zip(b).map(|(a, b)| b - a);
        PairedScore { name: name.to_owned(), a, b, difference, low: None, high: None, p: None }
    }

    /// A comparison of the second set with the first.
    pub(super) fn compared(name: &str, found: &Comparison) -> PairedScore {
        PairedScore {
            low: finite(Some(found.interval.low)),
            high: finite(Some(found.interval.high)),
            p: finite(Some(found.p_value)),
            ..PairedScore::plain(name, Some(found.second), Some(found.first))
        }
        .with_difference(found.difference)
    }

    fn with_difference(self, difference: f64) -> PairedScore {
        PairedScore { difference: finite(Some(difference)), ..self }
    }

    /// The interval from the differences without each group of rows; `scale` shrinks that of a sample to all rows.
    fn jackknifed(self, without: &[Option<f64>], n: usize, scale: f64) -> PairedScore {
        let without: Option<Vec<f64>> = without.iter().copied().collect();
        let found = self.difference.zip(without).and_then(|(difference, without)| {
            let mean = without.iter().sum::<f64>() / without.len() as f64;
            // Around the difference of all rows, with the spread that the groups show.
            let moved: Vec<f64> = without.iter().map(|x| difference + (x - mean) * scale).collect();
            jackknife(difference, &moved, n)
        });
        PairedScore {
            low: found.map(|found| found.interval.low),
            high: found.map(|found| found.interval.high),
            p: found.map(|found| found.p_value),
            ..self
        }
    }
}

pub(super) fn finite(x: Option<f64>) -> Option<f64> {
    x.filter(|x| x.is_finite())
}

/// Options of comparisons by resampling.
pub(super) fn resampling(seed: u64, groups: Option<&[u32]>) -> ComparisonOptions<'_> {
    ComparisonOptions {
        bootstrap: BootstrapOptions { seed, groups, ..Default::default() },
        ..Default::default()
    }
}

/// The shape of two clouds ([`geometry`]), from all rows, side by side. The intervals of the differences are those of a
/// jackknife over 10 groups of rows; above 10,000 rows, of a random 10,000, scaled to all.
///
/// # Errors
/// As [`geometry`].
pub fn shapes(a: impl RowSource, b: impl RowSource, seed: u64) -> Result<Vec<PairedScore>> {
    let options = GeometryOptions { seed };
    let whole = (geometry(&a, &options)?, geometry(&b, &options)?);
    let n = a.n_rows();
    let sample: Vec<usize> = if n > JACKKNIFE_ROWS {
        let mut picked = index::sample(&mut ChaCha8Rng::seed_from_u64(seed), n, JACKKNIFE_ROWS).into_vec();
        picked.sort_unstable();
        picked
    } else {
        (0..n).collect()
    };
    let groups = jackknife_groups(sample.len(), GROUPS_OF_SHAPE, seed);
    // One sample at a time is in memory.
    let of_a = geometry_without(select_rows(&a, &sample)?.view(), &groups, &options)?;
    let of_b = geometry_without(select_rows(&b, &sample)?.view(), &groups, &options)?;
    let scale = (sample.len() as f64 / n.max(1) as f64).sqrt();
    let of_groups: Vec<_> = of_a.iter().zip(&of_b).map(|(a, b)| (shape(a), shape(b))).collect();
    Ok(shape(&whole.0)
        .into_iter()
        .zip(shape(&whole.1))
        .enumerate()
        .map(|(at, ((name, a), (_, b)))| {
            let differences: Vec<Option<f64>> =
                of_groups.iter().map(|(a, b)| Some(b[at].1? - a[at].1?)).collect();
            PairedScore::plain(name, a, b).jackknifed(&differences, n, scale)
        })
        .collect())
}

/// The numbers of a shape that are compared.
fn shape(of: &Geometry) -> [(&'static str, Option<f64>); 12] {
    [
        ("mean_cosine", of.mean_cosine),
        ("mean_cosine_centered", of.mean_cosine_centered),
        ("mean_vector_norm", of.mean_vector_norm),
        ("participation_ratio", of.participation_ratio),
        ("isoscore", of.isoscore),
        ("rankme", of.rankme),
        ("nesum", of.nesum),
        ("stable_rank", of.stable_rank),
        ("alpha_req", of.alpha_req.map(|law| law.alpha)),
        ("vendi", of.vendi),
        ("uniformity", of.uniformity.map(|found| found.value)),
        ("rogue_dimension", of.rogue_dimension),
    ]
}

/// Scores of the two graphs: dimension, hubs, outliers, near duplicates.
pub(super) fn neighborhoods(a: &Space, b: &Space, k: usize, seed: u64) -> Result<Vec<PairedScore>> {
    let mut found = dimensions(a, b);
    found.extend(hubs(a, b, k, seed));
    let n = a.cosine.n_rows();
    if n < 2 {
        return Ok(found);
    }
    let share = |name: &str, of: &dyn Fn(&Space) -> Result<Vec<bool>>| -> Result<PairedScore> {
        let marks = |space| -> Result<Vec<f64>> {
            Ok(of(space)?.into_iter().map(|mark| f64::from(u8::from(mark))).collect())
        };
        let compared = compare_losses(&marks(b)?, &marks(a)?, &resampling(seed, None))?;
        Ok(PairedScore::compared(name, &compared))
    };
    found.push(share("outliers", &|space| {
        Ok(knn_outliers(&space.cosine, OUTLIER_NEIGHBORS, OUTLIER_THRESHOLD)?.flags)
    })?);
    found.push(share("near_duplicates", &|space| {
        Ok(space.cosine.distances_at(0).map(|nearest| nearest <= 1.0 - NEAR_DUPLICATE_COSINE).collect())
    })?);
    Ok(found)
}

fn dimensions(a: &Space, b: &Space) -> Vec<PairedScore> {
    let (of_a, of_b, n) = (&a.dimensions, &b.dimensions, a.distinct.n_rows());
    type Pair = (Option<f64>, Option<f64>);
    let differences = |of: fn(&Pair) -> Option<f64>| -> Vec<Option<f64>> {
        of_a.without.iter().zip(&of_b.without).map(|(a, b)| Some(of(b)? - of(a)?)).collect()
    };
    let (of_a, of_b) = (&of_a.whole, &of_b.whole);
    let mut found = vec![
        PairedScore::plain("intrinsic_dimension_twonn", of_a.twonn, of_b.twonn).jackknifed(
            &differences(|of| of.0),
            n,
            1.0,
        ),
        PairedScore::plain("intrinsic_dimension_mle", of_a.mle, of_b.mle).jackknifed(
            &differences(|of| of.1),
            n,
            1.0,
        ),
    ];
    let last = |of: &IntrinsicDimension| of.gride.last().map(|gride| gride.id);
    found.push(PairedScore::plain("intrinsic_dimension_gride", last(of_a), last(of_b)));
    found.push(PairedScore::plain("intrinsic_dimension_abide", of_a.abide, of_b.abide));
    found
}

fn hubs(a: &Space, b: &Space, k: usize, seed: u64) -> Vec<PairedScore> {
    let k = k.min(a.cosine.k()).min(b.cosine.k());
    let counts = (occurrences(&a.cosine, k), occurrences(&b.cosine, k));
    let n = counts.0.len();
    let groups = jackknife_groups(n, GROUPS, seed);
    let without: Vec<(Shares, Shares)> = groups
        .iter()
        .map(|group| {
            let kept = kept(n, group);
            let of = |counts: &[usize]| {
                let counts: Vec<usize> = kept.iter().map(|row| counts[*row]).collect();
                shares_of_counts(&counts, k)
            };
            (of(&counts.0), of(&counts.1))
        })
        .collect();
    let whole = (shares_of_counts(&counts.0, k), shares_of_counts(&counts.1, k));
    type Figure = fn(&Shares) -> Option<f64>;
    let of: [(&str, Figure); 4] = [
        ("hubness_skew", |of| of.skew),
        ("robin_hood", |of| of.robin_hood),
        ("anti_hubs", |of| of.anti_hubs),
        ("hubs", |of| of.hubs),
    ];
    let mut found: Vec<PairedScore> = of
        .into_iter()
        .map(|(name, of)| {
            let differences: Vec<Option<f64>> = without.iter().map(|(a, b)| Some(of(b)? - of(a)?)).collect();
            PairedScore::plain(name, of(&whole.0), of(&whole.1)).jackknifed(&differences, n, 1.0)
        })
        .collect();
    let islands = |space: &Space| hubness(&space.cosine, k).island_share;
    found.push(PairedScore::plain("islands", islands(a), islands(b)));
    found
}
