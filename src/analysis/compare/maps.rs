//! The rows of both files on a map each.

use ndarray::{Array2, ArrayView2};
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;

use crate::chart::TwoMaps;
use crate::error::Result;
use crate::map::{MapMethod, MapOptions, lay_out};
use crate::rows::{RowSource, select_rows};

/// The most rows on a map: a random part of more.
const MOST_ROWS: usize = 2000;

/// What the maps are made of, when they are asked for.
#[derive(Debug, Clone)]
pub struct MapRows {
    a: Array2<f32>,
    b: Array2<f32>,
    overlap: Vec<f64>,
    numbers: Vec<usize>,
    texts: Vec<Option<String>>,
    seed: u64,
}

impl MapRows {
    /// `about` gives the number in its file and the text of each row.
    pub fn new(
        (a, b): (&dyn RowSource, &dyn RowSource),
        overlap: &[f64],
        about: impl Fn(usize) -> (usize, Option<String>),
        seed: u64,
    ) -> Result<MapRows> {
        let n = overlap.len();
        let mut rows = index::sample(&mut ChaCha8Rng::seed_from_u64(seed), n, n.min(MOST_ROWS)).into_vec();
        rows.sort_unstable();
        let (numbers, texts) = rows.iter().map(|row| about(*row)).unzip();
        Ok(MapRows {
            a: select_rows(a, &rows)?,
            b: select_rows(b, &rows)?,
            overlap: rows.iter().map(|row| overlap[*row]).collect(),
            numbers,
            texts,
            seed,
        })
    }

    /// Both maps by t-SNE, or by PCA where there are too few rows for it.
    pub fn page(&self, names: [&str; 2]) -> Result<TwoMaps> {
        let of = |rows: ArrayView2<'_, f32>, method| {
            let options = MapOptions { method, ..MapOptions::default() };
            lay_out(rows, &options, self.seed, &mut |_| ()).map(|map| map.points)
        };
        let both = |method| -> Result<(Array2<f32>, Array2<f32>)> {
            Ok((of(self.a.view(), method)?, of(self.b.view(), method)?))
        };
        let (a, b) = both(MapMethod::Tsne).or_else(|_| both(MapMethod::Pca))?;
        TwoMaps::new(names, a.view(), b.view(), &self.overlap)?
            .title(format!("{} and {}", names[0], names[1]))
            .texts(self.texts.clone())?
            .numbers(self.numbers.clone())
    }
}
