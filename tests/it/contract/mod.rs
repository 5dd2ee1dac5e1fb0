//! What every analysis promises, asked of each in the same way: bad rows are an error that says which, and never a
//! panic; the number of threads, a repetition, the layout in memory and streaming do not change a bit; what was saved
//! answers as before; the order of rows does not matter where it must not, nor where the rows lie and in which unit they
//! are measured. A new analysis is one entry of `contracts!`.

mod analyses;
mod moved;
mod order;
mod saved;

use std::fmt::{Debug, Write};
use std::path::Path;

use embedlab::rows::RowSource;
use embedlab::{Error, Result};
use ndarray::{Array2, ArrayView2};
use xxhash_rust::xxh3::Xxh3;

use Run::{Blocks, Matrix};

/// A hash of everything that was found.
#[derive(Debug, Clone, PartialEq)]
struct Bits(u128);

struct Hash(Xxh3);

impl Write for Hash {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

impl Bits {
    /// Numbers are written so that no two look alike, and by `#` arrays of any length are written whole.
    fn of(found: &impl Debug) -> Bits {
        let mut hash = Hash(Xxh3::new());
        write!(hash, "{found:#?}").unwrap();
        Bits(hash.0.digest128())
    }
}

/// Hashes what was found, if it was.
fn bits(found: Result<impl Debug>) -> Result<Bits> {
    found.map(|found| Bits::of(&found))
}

/// How an analysis takes its rows.
enum Run {
    /// All at once.
    Matrix(fn(ArrayView2<'_, f32>) -> Result<Bits>),
    /// From any source, block by block.
    Blocks(fn(&dyn RowSource) -> Result<Bits>),
}

struct Contract {
    run: Run,
    /// Whether rows that hold NaN or infinities are refused (else they are counted, or pass through).
    refuses_non_finite: bool,
    /// Whether that refusal names the row; a part of the rows is analysed otherwise.
    names_the_row: bool,
    /// The fewest rows that make sense.
    min_rows: usize,
    /// What a fitted model answers, and what it answers when it was saved and loaded again.
    #[allow(clippy::type_complexity)]
    saved: Option<fn(ArrayView2<'_, f32>, &Path) -> Result<[Bits; 2]>>,
    /// Figures that the order of rows must not change; row `i` goes by the name `names[i]`.
    #[allow(clippy::type_complexity)]
    order: Option<fn(ArrayView2<'_, f32>, &[usize]) -> Result<Vec<f64>>>,
    /// Figures that must stay when the rows are changed in these ways.
    #[allow(clippy::type_complexity)]
    moved: Option<(fn(ArrayView2<'_, f32>) -> Result<Vec<f64>>, &'static [Change])>,
}

const PLAIN: Contract = Contract {
    run: Matrix(|_| unreachable!()),
    refuses_non_finite: true,
    names_the_row: true,
    min_rows: 0,
    saved: None,
    order: None,
    moved: None,
};

/// Two tests for each analysis: its name, then what differs from [`PLAIN`].
macro_rules! contracts {
    ($($name:ident { $($field:ident: $value:expr),+ $(,)? })+) => {
        $(
            #[test]
            fn $name() {
                assert_kept(&Contract { $($field: $value,)+ ..PLAIN });
            }
        )+

        /// In another place and another unit.
        mod elsewhere {
            use super::*;

            $(
                #[test]
                fn $name() {
                    if let Some((figures, changes)) = (Contract { $($field: $value,)+ ..PLAIN }).moved {
                        rows_moved(figures, changes);
                    }
                }
            )+
        }
    };
}

// After the macro, which it uses.
mod decisions;

use analyses::*;
use embedlab::cluster::Geometry::{Euclidean, Spherical};
use embedlab::forest::Criterion::{AbsoluteError, SquaredError};
use embedlab::map::{Engine, Gradient};
use embedlab::model::ModelKind;
use embedlab::rows::Metric;
use moved::{ALL, ALL_BUT_COLUMNS, Change, PLACE, UNIT};

contracts! {
    k_means {
        run: Blocks(|rows| k_means_of(rows, Euclidean)), min_rows: 3, saved: Some(saved::k_means),
        moved: Some((|rows| moved::k_means(rows, Euclidean), ALL)),
    }
    spherical_k_means {
        run: Blocks(|rows| k_means_of(rows, Spherical)), min_rows: 3,
        moved: Some((|rows| moved::k_means(rows, Spherical), UNIT)),
    }
    mini_batch_k_means {
        run: Blocks(mini_batch), min_rows: 3,
        moved: Some((moved::mini_batch, ALL)),
    }
    choice_of_k {
        run: Matrix(choice), min_rows: 3,
        moved: Some((moved::choice, ALL)),
    }
    silhouette_of_clusters {
        run: Matrix(silhouettes), min_rows: 3, order: Some(order::silhouettes),
        moved: Some((moved::silhouettes, ALL)),
    }
    dbscan_clusters {
        run: Matrix(dbscan_of), order: Some(order::dbscan_of),
        moved: Some((moved::dbscan_of, ALL)),
    }
    hdbscan_clusters {
        run: Matrix(hdbscan_of), order: Some(order::hdbscan_of),
        moved: Some((moved::hdbscan_of, ALL)),
    }
    mixture {
        run: Matrix(mixture_of), min_rows: 2,
        moved: Some((moved::mixture, ALL_BUT_COLUMNS)),
    }
    analysis_of_clusters { run: Matrix(clusters), min_rows: 2 }
    forest_regression {
        run: Matrix(|rows| regression_forest(rows, SquaredError, false)), min_rows: 1,
        saved: Some(|rows, file| saved::regression(rows, ModelKind::Forest, file)),
        moved: Some((|rows| moved::regression_forest(rows, SquaredError), ALL_BUT_COLUMNS)),
    }
    extra_trees_regression { run: Matrix(|rows| regression_forest(rows, SquaredError, true)), min_rows: 1 }
    forest_regression_of_medians {
        run: Matrix(|rows| regression_forest(rows, AbsoluteError, false)), min_rows: 1,
        moved: Some((|rows| moved::regression_forest(rows, AbsoluteError), ALL_BUT_COLUMNS)),
    }
    forest_classification {
        run: Matrix(classification_forest), min_rows: 2,
        saved: Some(|rows, file| saved::classification(rows, ModelKind::Forest, file)),
        moved: Some((moved::classification_forest, ALL_BUT_COLUMNS)),
    }
    boosted_regression {
        run: Matrix(|rows| regression_of(rows, ModelKind::Boost)), min_rows: 1,
        saved: Some(|rows, file| saved::regression(rows, ModelKind::Boost, file)),
        moved: Some((|rows| moved::regression(rows, ModelKind::Boost), ALL)),
    }
    boosted_classification {
        run: Matrix(|rows| classification_of(rows, ModelKind::Boost)), min_rows: 2,
        saved: Some(|rows, file| saved::classification(rows, ModelKind::Boost, file)),
        moved: Some((|rows| moved::classification(rows, ModelKind::Boost), ALL)),
    }
    tree_regression {
        run: Matrix(|rows| regression_of(rows, ModelKind::Tree)), min_rows: 1,
        saved: Some(|rows, file| saved::regression(rows, ModelKind::Tree, file)),
        moved: Some((|rows| moved::regression(rows, ModelKind::Tree), ALL)),
    }
    tree_classification {
        run: Matrix(|rows| classification_of(rows, ModelKind::Tree)), min_rows: 2,
        saved: Some(|rows, file| saved::classification(rows, ModelKind::Tree, file)),
        moved: Some((|rows| moved::classification(rows, ModelKind::Tree), ALL)),
    }
    ridge_regression {
        run: Matrix(|rows| regression_of(rows, ModelKind::Ridge)), min_rows: 1,
        saved: Some(|rows, file| saved::regression(rows, ModelKind::Ridge, file)),
        order: Some(|rows, names| order::regression(rows, names, ModelKind::Ridge)),
        moved: Some((|rows| moved::regression(rows, ModelKind::Ridge), PLACE)),
    }
    logistic_regression {
        run: Matrix(|rows| classification_of(rows, ModelKind::Logistic)), min_rows: 2,
        saved: Some(|rows, file| saved::classification(rows, ModelKind::Logistic, file)),
        order: Some(|rows, names| order::classification(rows, names, ModelKind::Logistic)),
        moved: Some((|rows| moved::classification(rows, ModelKind::Logistic), PLACE)),
    }
    nearest_neighbours_numbers {
        run: Matrix(|rows| regression_of(rows, ModelKind::Knn)), min_rows: 1,
        saved: Some(|rows, file| saved::regression(rows, ModelKind::Knn, file)),
        order: Some(|rows, names| order::regression(rows, names, ModelKind::Knn)),
        moved: Some((|rows| moved::regression(rows, ModelKind::Knn), ALL)),
    }
    nearest_neighbours_classes {
        run: Matrix(|rows| classification_of(rows, ModelKind::Knn)), min_rows: 2,
        saved: Some(|rows, file| saved::classification(rows, ModelKind::Knn, file)),
        order: Some(|rows, names| order::classification(rows, names, ModelKind::Knn)),
        moved: Some((|rows| moved::classification(rows, ModelKind::Knn), ALL)),
    }
    regression_analysis { run: Matrix(held_out_regression), min_rows: 2 }
    cross_validated_classification { run: Matrix(cross_validated), min_rows: 4 }
    zero_shot_labels {
        run: Blocks(labelled), order: Some(order::labelled),
        moved: Some((moved::labelled, UNIT)),
    }
    profiles_of_users { run: Blocks(user_profiles), order: Some(order::user_profiles) }
    recommendation_tested { run: Blocks(held_out_ratings), min_rows: 2 }
    recommendation_for_a_user { run: Matrix(for_user), min_rows: 1 }
    neighbours {
        run: Matrix(|rows| alike(rows, None)), min_rows: 1, order: Some(order::alike),
        moved: Some((moved::alike, UNIT)),
    }
    neighbours_of_variety { run: Matrix(|rows| alike(rows, Some(0.5))), min_rows: 1 }
    hnsw_index {
        run: Matrix(hnsw), min_rows: 1, saved: Some(saved::hnsw),
        moved: Some((moved::hnsw, UNIT)),
    }
    t_sne { run: Matrix(|rows| t_sne_of(rows, Gradient::Auto, Engine::Embedlab)), min_rows: 4 }
    t_sne_by_a_tree { run: Matrix(|rows| t_sne_of(rows, Gradient::BarnesHut, Engine::Embedlab)), min_rows: 4 }
    t_sne_by_interpolation {
        run: Matrix(|rows| t_sne_of(rows, Gradient::Interpolation, Engine::Embedlab)), min_rows: 4,
    }
    t_sne_by_bhtsne { run: Matrix(|rows| t_sne_of(rows, Gradient::Auto, Engine::Bhtsne)), min_rows: 4 }
    graph_of_neighbours {
        run: Matrix(graph), order: Some(order::graph),
        moved: Some((moved::graph, ALL)),
    }
    trust_in_a_map {
        run: Matrix(trust_of), min_rows: 3, order: Some(order::trust_of),
        moved: Some((moved::trust_of, ALL)),
    }
    principal_components {
        run: Blocks(pca), min_rows: 2, order: Some(order::pca),
        moved: Some((moved::pca, ALL)),
    }
    top_k_by_cosine {
        run: Blocks(|rows| nearest(rows, Metric::Cosine)), refuses_non_finite: false,
        order: Some(|rows, _| order::nearest(rows, Metric::Cosine)),
        moved: Some((|rows| moved::nearest(rows, Metric::Cosine), UNIT)),
    }
    top_k_by_l1 {
        run: Blocks(|rows| nearest(rows, Metric::L1)), refuses_non_finite: false,
        order: Some(|rows, _| order::nearest(rows, Metric::L1)),
        moved: Some((|rows| moved::nearest(rows, Metric::L1), ALL)),
    }
    neighbours_kept {
        run: Matrix(kept), refuses_non_finite: false, min_rows: 2, order: Some(|rows, _| order::kept(rows)),
        moved: Some((moved::kept, ALL)),
    }
    mean_and_variance {
        run: Blocks(|rows| bits(embedlab::rows::moments(rows))), refuses_non_finite: false,
        order: Some(|rows, _| order::moments_of(rows)),
    }
    norms_of_rows {
        run: Blocks(|rows| bits(embedlab::rows::norms(rows))), refuses_non_finite: false,
        order: Some(order::norms_of),
    }
    means_of_groups { run: Blocks(groups), refuses_non_finite: false, order: Some(order::groups) }
    check_of_rows {
        run: Blocks(|rows| bits(embedlab::table::check_rows(rows))), refuses_non_finite: false,
        order: Some(|rows, _| order::checked(rows)),
    }
}

fn sample(n: usize, dims: usize) -> Array2<f32> {
    Array2::from_shape_fn((n, dims), |(i, j)| {
        let noise = ((i * 7919 + j * 104_729 + i * j * 31) % 1009) as f32 / 1009.0;
        noise + (i % 3) as f32 * 2.0 * ((j % 4) as f32 - 1.5)
    })
}

/// Rows that are not in memory, for all that an analysis can tell.
struct Streamed(Array2<f32>);

impl RowSource for Streamed {
    fn n_rows(&self) -> usize {
        self.0.nrows()
    }

    fn dims(&self) -> usize {
        self.0.ncols()
    }

    fn chunks(&self, rows: usize) -> Result<Box<dyn Iterator<Item = Result<Array2<f32>>> + '_>> {
        self.0.chunks(rows)
    }
}

impl Contract {
    fn run(&self, rows: ArrayView2<'_, f32>) -> Result<Bits> {
        match self.run {
            Matrix(run) => run(rows),
            Blocks(run) => run(&rows),
        }
    }

    /// Runs it on rows that it may refuse, and on which it must not panic.
    fn outcome(&self, rows: ArrayView2<'_, f32>, case: &str) -> Result<Bits> {
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.run(rows)))
            .unwrap_or_else(|_| panic!("it panics on {case}"));
        if let Err(error) = &found {
            assert_says_what_to_know(error, case);
        }
        found
    }
}

/// A refusal says what was seen or what to do, and where a row is to blame, which.
fn assert_says_what_to_know(error: &Error, case: &str) {
    let message = error.to_string();
    assert!(error.hint().is_some() || message.contains(": "), "on {case} it says only: {message}");
    assert!(!error.code().is_empty(), "{message}");
}

fn assert_kept(contract: &Contract) {
    threads_and_repetitions(contract);
    layout_and_streaming(contract);
    rows_that_are_not_finite(contract);
    few_rows(contract);
    degenerate_rows(contract);
    if let Some(saved) = contract.saved {
        let folder = tempfile::tempdir().unwrap();
        let [before, after] = saved(sample(300, 10).view(), &folder.path().join("saved")).unwrap();
        assert_eq!(before, after, "what was saved and loaded answers differently");
    }
    if let Some(order) = contract.order {
        rows_in_another_order(order);
    }
}

fn threads_and_repetitions(contract: &Contract) {
    let rows = sample(2500, 24);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| contract.run(rows.view())).unwrap()
    };
    let one = on(1);
    assert_eq!(one, on(1), "it differs when it is run again");
    assert_eq!(one, on(2), "it differs on 2 threads");
    assert_eq!(one, on(7), "it differs on 7 threads");
}

fn layout_and_streaming(contract: &Contract) {
    let rows = sample(300, 10);
    let right = contract.run(rows.view()).unwrap();
    let by_columns = rows.t().as_standard_layout().into_owned();
    assert!(!by_columns.t().is_standard_layout());
    assert_eq!(contract.run(by_columns.t()).unwrap(), right, "it differs by layout");
    if let Blocks(run) = contract.run {
        for n in [300, 2500] {
            let rows = sample(n, 10);
            let right = contract.run(rows.view()).unwrap();
            assert_eq!(run(&Streamed(rows)).unwrap(), right, "it differs when {n} rows are streamed");
        }
    }
}

fn rows_that_are_not_finite(contract: &Contract) {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut rows = sample(40, 6);
        rows[[17, 3]] = value;
        match contract.outcome(rows.view(), "a row that is not finite") {
            Err(error) if contract.names_the_row => {
                assert_eq!(error.row_number(), Some(17), "{error}");
            }
            Err(_) => {}
            Ok(_) => assert!(!contract.refuses_non_finite, "it accepts {value}"),
        }
    }
}

fn few_rows(contract: &Contract) {
    for n in 0..12 {
        match contract.outcome(sample(n, 6).view(), &format!("{n} rows")) {
            Err(error) => assert!(n < contract.min_rows.max(5), "it refuses {n} rows: {error}"),
            Ok(_) => assert!(n >= contract.min_rows, "it accepts {n} rows"),
        }
    }
}

fn degenerate_rows(contract: &Contract) {
    let cases: [(&str, Array2<f32>); 7] = [
        ("rows that are all equal", Array2::from_elem((60, 5), 0.3)),
        ("rows of zeros", Array2::zeros((60, 5))),
        ("one dimension", sample(60, 1)),
        ("more dimensions than rows", sample(12, 90)),
        ("two distinct rows", Array2::from_shape_fn((60, 4), |(i, _)| (i % 2) as f32 + 1.0)),
        ("huge numbers", sample(60, 5) * 1e18),
        ("tiny numbers", sample(60, 5) * 1e-30),
    ];
    for (case, rows) in &cases {
        let _ = contract.outcome(rows.view(), case);
    }
}

fn rows_in_another_order(order: fn(ArrayView2<'_, f32>, &[usize]) -> Result<Vec<f64>>) {
    let rows = sample(300, 10);
    let names: Vec<usize> = (0..rows.nrows()).collect();
    let right = order(rows.view(), &names).unwrap();
    assert!(!right.is_empty());
    for step in [7, 299] {
        let names: Vec<usize> = names.iter().map(|name| (name * step + 11) % rows.nrows()).collect();
        let found = order(rows.select(ndarray::Axis(0), &names).view(), &names).unwrap();
        assert_eq!(found.len(), right.len());
        for (at, (found, right)) in found.iter().zip(&right).enumerate() {
            let near = (found - right).abs() <= 1e-4 * right.abs().max(1.0);
            assert!(near, "{at}: {found} in another order of rows, {right} in this");
        }
    }
}

fn rows_moved(figures: fn(ArrayView2<'_, f32>) -> Result<Vec<f64>>, changes: &[Change]) {
    let rows = moved::clouds();
    let right = figures(rows.view()).unwrap();
    assert!(!right.is_empty());
    for change in changes {
        let found = figures(change.of(rows.view()).view()).unwrap();
        assert_eq!(found.len(), right.len(), "{change:?}");
        for (at, (found, right)) in found.iter().zip(&right).enumerate() {
            let near = (found - right).abs() <= 2e-3 * right.abs().max(1.0);
            assert!(near, "{change:?} at {at}: {found}, not {right}");
        }
    }
}
