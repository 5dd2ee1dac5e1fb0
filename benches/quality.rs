//! The steps of the score card: `cargo bench --bench quality [-- rows.npy]`. Beside it, on the same file:
//! `quality.py score-card rows.npy` of the peers for the whole, faiss's `IndexFlatL2.search(rows, 101)` for the graph.

mod measure;

use embedlab::analysis::{Analysis, Context, Evaluate};
use embedlab::data::Data;
use embedlab::quality::{
    DuplicateOptions, INTRINSIC_NEIGHBORS, find_duplicates, geometry, intrinsic_dimension, mmd,
};
use embedlab::rows::{DistinctRows, Graph, Metric};
use embedlab::table::Table;
use ndarray::s;

fn main() {
    let rows = measure::rows(10_000, 1536);
    let shape = format!("{} x {}", rows.nrows(), rows.ncols());
    let distinct = measure::measure("distinct rows", &shape, || DistinctRows::of(&rows).expect("rows"));
    measure::measure("geometry", &shape, || geometry(&rows, &Default::default()).expect("finite rows"));
    let k = INTRINSIC_NEIGHBORS;
    let graph = measure::measure(&format!("graph, k = {k}"), &shape, || {
        Graph::of_distinct(rows.view(), &distinct, k, Metric::L2).expect("finite rows")
    });
    measure::measure("intrinsic dimension", &shape, || {
        intrinsic_dimension(&graph, &distinct).expect("a Euclidean graph")
    });
    measure::measure("exact duplicates", &shape, || {
        let options = DuplicateOptions { near: false, ..Default::default() };
        find_duplicates(rows.view(), None, &options).expect("finite rows")
    });
    let half = (rows.nrows() / 2).min(2000);
    let (a, b) = (rows.slice(s![..half, ..]), rows.slice(s![half..2 * half, ..]));
    measure::measure("MMD, 999 permutations", &format!("2 x {half} x {}", rows.ncols()), || {
        mmd(a, b, 999, 42).expect("finite rows")
    });
    let data = Data::from(Table::from_vectors(rows));
    measure::measure("evaluate", &shape, || {
        Evaluate::run(&data, &Default::default(), &Context::with_seed(42)).expect("finite rows")
    });
    if let Some(peak) = measure::peak_megabytes() {
        println!("{{\"bench\": \"most memory of the process\", \"megabytes\": {peak:.0}}}");
    }
}
