//! An index on disk, tied to the rows that it was built from.

use std::collections::HashMap;
use std::path::Path;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::{Hnsw, HnswOptions, Recall};
use crate::error::{Error, Result};
use crate::rows::Metric;
use crate::store::{Layout, Stored, save};

/// Layers above the lowest, and links of a row, that an index can have at most: each layer has a fraction
/// of the rows of the one below.
const MOST_LAYERS: usize = 64;
const MOST_LINKS: usize = 10_000;

const LAYOUT: Layout = Layout { kind: "hnsw index", version: 1 };

/// Numbers of a matrix on disk, so that no row of it is empty.
const WIDTH: usize = 2;

#[derive(Serialize, Deserialize)]
struct About {
    n_rows: usize,
    dims: usize,
    metric: Metric,
    m: usize,
    ef_construction: usize,
    seed: u64,
    entry: u32,
    /// Rows with links in each upper layer.
    upper: Vec<usize>,
    /// A hash of the rows, as hexadecimal digits.
    fingerprint: String,
    recall: Option<(usize, usize, usize, f64, f64)>,
}

/// A hash (XXH3, 128 bits) of rows and their shape: other rows have another one.
pub fn fingerprint(rows: ArrayView2<'_, f32>) -> String {
    let mut hash = Xxh3::new();
    hash.update(&(rows.nrows() as u64).to_le_bytes());
    hash.update(&(rows.ncols() as u64).to_le_bytes());
    let mut bytes = Vec::with_capacity(4 * rows.ncols());
    for row in rows.rows() {
        bytes.clear();
        row.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
        hash.update(&bytes);
    }
    format!("{:032x}", hash.digest128())
}

impl Hnsw {
    /// Saves the index with a fingerprint of its rows and, if it was measured, its recall. The file
    /// appears whole or not at all.
    ///
    /// # Errors
    /// When the rows do not fit the index, or the file cannot be written.
    pub fn save(
        &self,
        path: impl AsRef<Path>,
        rows: ArrayView2<'_, f32>,
        recall: Option<Recall>,
    ) -> Result<()> {
        let path = path.as_ref();
        self.searcher(rows.reborrow())?;
        let mut lists: Vec<(u32, &[u32])> = Vec::new();
        lists.extend(self.base.iter().enumerate().map(|(row, links)| (row as u32, links.as_slice())));
        for layer in &self.upper {
            let mut of_layer: Vec<(u32, &[u32])> =
                layer.iter().map(|(row, links)| (*row, links.as_slice())).collect();
            of_layer.sort_unstable_by_key(|(row, _)| *row);
            lists.extend(of_layer);
        }
        let heads: Vec<u32> = lists.iter().flat_map(|(row, links)| [*row, links.len() as u32]).collect();
        let links: Vec<u32> = lists.iter().flat_map(|(_, links)| links.iter().copied()).collect();
        let about = About {
            n_rows: self.n_rows(),
            dims: self.dims,
            metric: self.options.metric,
            m: self.options.m,
            ef_construction: self.options.ef_construction,
            seed: self.options.seed,
            entry: self.entry,
            upper: self.upper.iter().map(HashMap::len).collect(),
            fingerprint: fingerprint(rows),
            recall: recall.map(|r| (r.k, r.ef, r.queries, r.recall, r.standard_error)),
        };
        save(path, LAYOUT, &about, &[("heads", &halves(&heads)?), ("links", &halves(&links)?)])
    }

    /// Loads an index that [`save`](Hnsw::save) wrote, for the same rows.
    ///
    /// # Errors
    /// When the file is missing, damaged, of another kind or of an unknown version, or was built from
    /// other rows.
    pub fn load(path: impl AsRef<Path>, rows: ArrayView2<'_, f32>) -> Result<(Hnsw, Option<Recall>)> {
        let path = path.as_ref();
        let stored = Stored::open(path, LAYOUT)?;
        let about: About = stored.about()?;
        let stale = |seen: String| {
            Error::input("a stale index: it was built from different rows")
                .file(path)
                .seen(seen)
                .advice("build it anew with --rebuild")
        };
        if (about.n_rows, about.dims) != rows.dim() {
            return Err(stale(format!(
                "{} x {} rows in the index, {} x {} in the file",
                about.n_rows,
                about.dims,
                rows.nrows(),
                rows.ncols()
            )));
        }
        if about.fingerprint != fingerprint(rows) {
            return Err(stale("other numbers in the rows".to_owned()));
        }
        let (heads, links) = (whole(&stored, "heads")?, whole(&stored, "links")?);
        let n = about.n_rows;
        let mut at = 0_usize;
        let mut lists = heads.chunks_exact(2).map(|head| {
            let (row, len) = (head[0], head[1] as usize);
            let end = at.checked_add(len)?;
            let list = links.get(at..end)?;
            at = end;
            let good = (row as usize) < n && list.iter().all(|to| (*to as usize) < n);
            good.then(|| (row, list.to_vec()))
        });
        let damaged = || stored.damaged("links that lead nowhere");
        if heads.len() % 2 != 0
            || about.upper.iter().try_fold(n, |sum, count| sum.checked_add(*count)) != Some(heads.len() / 2)
            || about.upper.len() > MOST_LAYERS
            || about.entry as usize >= n
            || !(2..=MOST_LINKS).contains(&about.m)
        {
            return Err(damaged());
        }
        let mut base = Vec::with_capacity(n);
        for row in 0..n {
            match lists.next().flatten() {
                Some((found, list)) if found as usize == row => base.push(list),
                _ => return Err(damaged()),
            }
        }
        let mut upper = Vec::with_capacity(about.upper.len());
        for count in &about.upper {
            let mut layer = HashMap::new();
            for _ in 0..*count {
                let (row, list) = lists.next().flatten().ok_or_else(damaged)?;
                layer.insert(row, list);
            }
            upper.push(layer);
        }
        let options = HnswOptions {
            m: about.m,
            ef_construction: about.ef_construction,
            metric: about.metric,
            seed: about.seed,
        };
        let recall = about.recall.map(|(k, ef, queries, recall, standard_error)| Recall {
            k,
            ef,
            queries,
            recall,
            standard_error,
        });
        Ok((Hnsw { options, dims: about.dims, entry: about.entry, base, upper }, recall))
    }
}

/// Whole numbers as `f32`, in two halves of 16 bits, which it holds exactly.
fn halves(numbers: &[u32]) -> Result<Array2<f32>> {
    let values = numbers.iter().flat_map(|x| [(x >> 16) as f32, (x & 0xffff) as f32]).collect();
    Array2::from_shape_vec((numbers.len(), WIDTH), values)
        .map_err(|error| Error::input("the index cannot be saved").source(error))
}

fn whole(stored: &Stored, name: &str) -> Result<Vec<u32>> {
    let matrix = stored.matrix(name)?;
    let half = |value: &f32| (0.0..=65_535.0).contains(value) && value.fract() == 0.0;
    if matrix.ncols() != WIDTH || !matrix.iter().all(half) {
        return Err(stored.damaged("links that are not integers"));
    }
    Ok(matrix.rows().into_iter().map(|row| (row[0] as u32) << 16 | row[1] as u32).collect())
}
