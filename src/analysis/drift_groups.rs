//! Which groups of rows have grown, shrunk or appeared between two files, and their words.

use ndarray::{ArrayView2, Axis};
use schemars::JsonSchema;
use serde::Serialize;

use super::Context;
use crate::cluster::{Geometry, KMeans, NamingOptions, name_clusters};
use crate::data::Data;
use crate::error::Result;
use crate::quality::{Outside, regions, share_interval};

/// Regions that are told.
const LISTED: usize = 10;

/// Fewer rows that hang together are no region.
const LEAST_REGION: usize = 3;

/// A cluster of the first file in both.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ClusterShare {
    /// The cluster.
    pub cluster: usize,
    /// The words that set it apart; none without texts.
    pub terms: Vec<String>,
    /// Its share of the first file.
    pub share_a: f64,
    /// Its share of the second.
    pub share_b: f64,
    /// Lower end of the 95 % interval of that (Wilson).
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Rows of the second file that hang together, far from all rows of the first: something new.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct NewRegion {
    /// The rows of the second file, from 0.
    pub rows: Vec<usize>,
    /// Their share of the second file.
    pub share: f64,
    /// Lower end of the 95 % interval of that (Wilson).
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// The words that set them apart; none without texts.
    pub terms: Vec<String>,
}

/// The clusters of the first file, each with its words and its share of both files.
pub(super) fn shares(both: &Both<'_>, clusters: usize, context: &Context<'_>) -> Result<Vec<ClusterShare>> {
    let k = clusters.min(both.a.nrows() / 5);
    if k < 2 {
        return Ok(Vec::new());
    }
    let params = KMeans::params(k).geometry(Geometry::Spherical).seed(context.seed).n_init(1);
    let model = match params.fit_rows(&both.a) {
        Ok(model) => model,
        Err(error) => {
            context.warn(format!("no clusters of the first file: {error}"));
            return Ok(Vec::new());
        }
    };
    let (in_a, in_b) = (model.predict_rows(&both.a)?, model.predict_rows(&both.b)?);
    let count = |clusters: &[Option<u32>]| {
        let mut counts = vec![0_usize; k];
        clusters.iter().flatten().for_each(|cluster| counts[*cluster as usize] += 1);
        let all: usize = counts.iter().sum();
        (counts, all)
    };
    let ((of_a, all_a), (of_b, all_b)) = (count(&in_a), count(&in_b));
    let terms = both.terms(&[&in_a[..], &in_b[..]].concat(), k)?;
    Ok(terms
        .into_iter()
        .enumerate()
        .map(|(cluster, terms)| {
            let (low, high) = share_interval(of_b[cluster], all_b);
            ClusterShare {
                cluster,
                terms,
                share_a: of_a[cluster] as f64 / all_a.max(1) as f64,
                share_b: of_b[cluster] as f64 / all_b.max(1) as f64,
                low,
                high,
            }
        })
        .collect())
}

/// The groups that the rows far from the first file make, with the words that set them apart from all other rows.
pub(super) fn new_regions(both: &Both<'_>, new: &Outside, second: &Data) -> Result<Vec<NewRegion>> {
    if new.rows.is_empty() {
        return Ok(Vec::new());
    }
    let far = both.b.select(Axis(0), &new.rows);
    let mut groups = regions(far.view(), new.limit)?;
    groups.retain(|group| group.len() >= LEAST_REGION);
    groups.truncate(LISTED);
    let mut region_of = vec![Some(0); both.a.nrows() + both.b.nrows()];
    for (region, group) in groups.iter().enumerate() {
        group.iter().for_each(|at| region_of[both.a.nrows() + new.rows[*at]] = Some(region as u32 + 1));
    }
    let terms = both.terms(&region_of, groups.len() + 1)?;
    let n = both.b.nrows();
    Ok(groups
        .iter()
        .zip(terms.into_iter().skip(1))
        .map(|(group, terms)| {
            let (low, high) = share_interval(group.len(), n);
            let rows = group.iter().map(|at| second.row_of_file(new.rows[*at])).collect();
            NewRegion { rows, share: group.len() as f64 / n.max(1) as f64, low, high, terms }
        })
        .collect())
}

/// The rows of both files, and their texts where they have some.
pub(super) struct Both<'a> {
    pub a: ArrayView2<'a, f32>,
    pub b: ArrayView2<'a, f32>,
    pub texts: Option<Vec<Option<String>>>,
}

impl Both<'_> {
    /// The words of `k` groups of the rows of both files; none without texts.
    fn terms(&self, groups: &[Option<u32>], k: usize) -> Result<Vec<Vec<String>>> {
        let mut terms = vec![Vec::new(); k];
        if let Some(texts) = &self.texts {
            for named in name_clusters(texts, groups, &NamingOptions::default())? {
                if let Some(of) = terms.get_mut(named.cluster as usize) {
                    *of = named.terms.into_iter().map(|term| term.term).collect();
                }
            }
        }
        Ok(terms)
    }
}
