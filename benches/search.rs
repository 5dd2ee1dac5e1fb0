//! Search by an index: `cargo bench --bench search -- rows.npy`. Prints the time to build, the time of
//! a query exactly and by the index, and the recall.

use embedlab::rows::Metric;
use embedlab::search::{Hnsw, HnswOptions, search};
use embedlab::table::read;

mod measure;

fn main() {
    let path = measure::file().expect("a file of rows: cargo bench --bench search -- rows.npy");
    let rows = read(&path, &Default::default()).expect("rows").into_vectors();
    let shape = format!("{} x {}", rows.nrows(), rows.ncols());
    let start = std::time::Instant::now();
    let (index, recall) =
        Hnsw::build_measured(rows.view(), &HnswOptions::default(), 10, &|_| ()).expect("an index");
    println!(
        "HNSW build, {shape}, {} threads: {:.1} s",
        rayon::current_num_threads(),
        start.elapsed().as_secs_f64()
    );
    for at in recall.iter().flat_map(|recall| &recall.by_ef) {
        println!(
            "recall@10 with ef {}: held out {:.4}, random pairs {:.4}",
            at.ef, at.held_out, at.random_pairs
        );
    }
    let queries = rows.slice(ndarray::s![..100.min(rows.nrows()), ..]);
    for ef in [16, 32, 64, 128] {
        measure::measure(&format!("100 queries by the index, ef {ef}"), &shape, || {
            let hits = |row| index.search(rows.view(), row, 10, ef).expect("hits").len();
            queries.rows().into_iter().map(hits).sum::<usize>()
        });
    }
    measure::measure("5 queries, exact", &shape, || {
        let mut hits = 0;
        for query in queries.rows().into_iter().take(5) {
            hits += search(rows.view(), query, 10, Metric::Cosine, None).expect("hits").len();
        }
        hits
    });
}
