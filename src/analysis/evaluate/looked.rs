//! What is found by looking at the rows: all of them in memory, or passed over in blocks.

use super::super::matrices;
use super::graphs::{Figures, MOST_ROWS, Neighborhoods, Source, of_passes};
use super::labels::Reach;
use super::room::{DRAWN_PAIRS, Room, Way, whole};
use super::{Evaluate, EvaluateOptions};
use crate::analysis::Analysis;
use crate::data::{Data, Role};
use crate::error::{Error, Result};
use crate::memory::shown;
use crate::quality::{
    DistinctRows, Geometry, GeometryOptions, equal_texts, geometry, geometry_within, pair_cosines,
    pair_cosines_within, removed_of, rows_are_unit,
};
use crate::rows::RowSource;
use crate::rows::graph::Lengths;

/// Rows of which the texts are hashed at once.
const TEXTS_AT_ONCE: usize = 4096;

/// What the rows say by themselves.
pub(super) struct Looked<'a> {
    pub shape: Geometry,
    pub figures: Figures,
    pub near: Neighborhoods,
    /// Rows with the text of an earlier one; `None` without texts.
    pub repeated_texts: Option<usize>,
    /// Rows with the numbers of an earlier one.
    pub repeated: usize,
    /// Of pairs that are drawn at random.
    pub cosines: Vec<f32>,
    pub reach: Reach<'a>,
}

impl<'a> Looked<'a> {
    /// Looks at all rows in memory where they fit there, else passes over them.
    pub fn at(data: &'a Data, options: &EvaluateOptions, seed: u64) -> Result<Looked<'a>> {
        let (rows, dims, memory) = (data.n_rows(), data.dims(), data.memory());
        if data.engine().is_some() {
            if options.graph.is_some() {
                return Err(Error::argument("a given graph needs all rows on one machine")
                    .advice("leave out --graph, or --on"));
            }
            let room =
                Room::within(options, rows, dims, memory).ok_or_else(|| does_not_fit(data, options))?;
            return in_passes(data, options, room, seed);
        }
        if !data.is_streamed() {
            memory.require_work(Evaluate::NAME, whole(rows, dims), matrices(1.0, rows, dims))?;
            return whole_at_once(data, options, seed);
        }
        match Way::of(options, rows, dims, memory) {
            Way::Whole => whole_at_once(data, options, seed),
            Way::Blocks(room) => in_passes(data, options, room, seed),
            Way::Neither => Err(does_not_fit(data, options)),
        }
    }
}

fn does_not_fit(data: &Data, options: &EvaluateOptions) -> Error {
    let (rows, dims) = (data.n_rows(), data.dims());
    let least = match options.graph {
        Some(_) => matrices(1.0, rows, dims) + whole(rows, dims),
        None => Room::least(options, rows, dims).work(),
    };
    Error::memory(format!("{} does not fit in memory", Evaluate::NAME))
        .with_code("memory")
        .seen(format!("it takes at least {} beside what is read at once", shown(least)))
        .advice("work on a sample with --sample N, or say with --memory how much may be used")
}

fn whole_at_once<'a>(data: &'a Data, options: &EvaluateOptions, seed: u64) -> Result<Looked<'a>> {
    let rows = data.matrix()?;
    let distinct = DistinctRows::of(&rows)?;
    let unit = rows_are_unit(&rows)?;
    let source = Source { rows: rows.view(), distinct: &distinct, unit, k: options.k };
    // Eigenvalues keep one thread busy, neighbours all that are left.
    let (shape, near) = rayon::join(
        || geometry(&rows, &GeometryOptions { seed }),
        || match &options.graph {
            None if rows.nrows() > MOST_ROWS => source.of_sample(seed),
            graph => source.of_all(graph.as_deref()),
        },
    );
    let (shape, (figures, near)) = (shape?, near?);
    Ok(Looked {
        shape,
        figures,
        near,
        repeated_texts: data.texts()?.map(|texts| removed_of(&equal_texts(&texts))),
        repeated: distinct.repeated(),
        cosines: pair_cosines(rows, DRAWN_PAIRS, seed)?,
        reach: Reach::Whole(rows),
    })
}

/// Each step is done before the next begins, so that they share the memory.
fn in_passes<'a>(data: &'a Data, options: &EvaluateOptions, room: Room, seed: u64) -> Result<Looked<'a>> {
    let repeated_texts = repeated_texts(data)?;
    let distinct = DistinctRows::of(data)?;
    let shape = geometry_within(data, &GeometryOptions { seed }, room.held_rows)?;
    let lengths = Lengths { longest: shape.norm.max, unit: shape.norm.is_unit() };
    let (figures, near) = of_passes(data, &distinct, lengths, (room.queries, options.k), seed)?;
    Ok(Looked {
        shape,
        figures,
        near,
        repeated_texts,
        repeated: distinct.repeated(),
        cosines: pair_cosines_within(data, DRAWN_PAIRS, seed, room.held_rows)?,
        reach: Reach::Passes(room),
    })
}

/// As [`equal_texts`], by hashes of 128 bits, so that the texts are not in memory twice.
fn repeated_texts(data: &Data) -> Result<Option<usize>> {
    if data.column_of(Role::Text).is_none() {
        return Ok(None);
    }
    let n = data.n_rows();
    let mut hashes: Vec<u128> = Vec::with_capacity(n);
    for first in (0..n).step_by(TEXTS_AT_ONCE) {
        let rows: Vec<usize> = (first..(first + TEXTS_AT_ONCE).min(n)).collect();
        let texts = data.texts_of(&rows)?.into_iter().flatten();
        let some = texts.filter(|text| !text.trim().is_empty());
        hashes.extend(some.map(|text| xxhash_rust::xxh3::xxh3_128(text.as_bytes())));
    }
    hashes.sort_unstable();
    let all = hashes.len();
    hashes.dedup();
    Ok(Some(all - hashes.len()))
}

#[cfg(test)]
mod tests {
    use super::super::score_card;
    use super::*;
    use crate::analysis::Context;
    use crate::data::{OpenOptions, Roles, Selection};
    use crate::rows::LEAF_ROWS;
    use crate::table::{self, Table};

    const SEED: u64 = 7;
    const ROWS: usize = 300;

    fn room(queries: usize, rows: usize) -> Room {
        Room { queries, held_rows: 100, bytes: 1 << 30, rows }
    }

    /// Data of one file, to be passed over and in memory.
    fn both(path: &std::path::Path) -> (Data, Data) {
        let open = |stream| {
            let roles = Roles::default().with(Role::Label, "Kind");
            let selection = Selection { sample: Some(ROWS), ..Default::default() };
            Data::open(path, &OpenOptions { stream, roles, selection, ..Default::default() }).unwrap()
        };
        (open(true), open(false))
    }

    #[test]
    fn passes_find_what_is_found_in_memory() {
        let (streamed, in_memory) = both("examples/data/food_reviews.parquet".as_ref());
        assert!(streamed.as_matrix().is_none());
        let options = EvaluateOptions::default();
        let json = |data: &Data, looked: Looked<'_>| {
            let card = score_card(data, &options, looked, &Context::with_seed(SEED)).unwrap();
            serde_json::to_value(card).unwrap()
        };
        let passed = in_passes(&streamed, &options, room(ROWS, ROWS), SEED).unwrap();
        let whole = whole_at_once(&in_memory, &options, SEED).unwrap();
        assert_eq!(passed.cosines, whole.cosines);
        let (passed, whole) = (json(&streamed, passed), json(&in_memory, whole));
        assert_eq!(passed["sample"]["queries"], ROWS);
        let alike = [
            "/rows",
            "/dims",
            "/geometry",
            "/labels",
            "/outliers",
            "/row_order",
            "/duplicates/exact_text",
            "/duplicates/exact_vector",
            "/intrinsic_dimension/twonn",
            "/intrinsic_dimension/rows",
            "/intrinsic_dimension/dropped_share",
            "/neighbors/worst_hubs",
        ];
        for path in alike {
            assert!(whole.pointer(path).is_some(), "{path}");
            assert_eq!(passed.pointer(path), whole.pointer(path), "{path}");
        }
        // Sums over the lists, which stand in another order.
        for path in [
            "/intrinsic_dimension/mle",
            "/intrinsic_dimension/gride/0/id",
            "/intrinsic_dimension/gride/5/id",
            "/neighbors/hubness_skew",
        ] {
            let figure = |card: &serde_json::Value| card.pointer(path).unwrap().as_f64().unwrap();
            assert!((figure(&passed) / figure(&whole) - 1.0).abs() < 1e-9, "{path}");
        }
    }

    #[test]
    fn a_sample_of_queries_finds_the_same_among_rows_that_are_passed_over() {
        let n = LEAF_ROWS + 300;
        let rows = ndarray::Array2::from_shape_fn((n, 6), |(i, j)| {
            let i = i % (n - 200);
            ((i * 2_654_435_761 + j * 40_503 + i * j * 977) % 65_536) as f32 / 6_553.6 - 3.0
        });
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        let _ = table::write(&Table::from_vectors(rows.clone()), &path, &Default::default()).unwrap();
        let streamed = Data::open(&path, &OpenOptions { stream: true, ..Default::default() }).unwrap();
        let found = in_passes(&streamed, &EvaluateOptions::default(), room(n, n), SEED).unwrap();
        let distinct = DistinctRows::of(&rows).unwrap();
        assert!(distinct.repeated() >= 200);
        let (figures, near) =
            Source { rows: rows.view(), distinct: &distinct, unit: false, k: 10 }.of_sample(SEED).unwrap();
        assert_eq!(found.near.lists(), near.lists());
        assert_eq!(found.figures.intrinsic_dimension, figures.intrinsic_dimension);
        assert_eq!(found.figures.hubness, figures.hubness);
        assert_eq!(found.figures.standard_errors, figures.standard_errors);
        assert_eq!((found.figures.near, found.figures.row_order), (figures.near, figures.row_order));
        assert_eq!(found.shape, geometry(&rows, &GeometryOptions { seed: SEED }).unwrap());
        assert_eq!((found.repeated, found.repeated_texts), (distinct.repeated(), None));
    }
}
