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
    let index = Hnsw::build(rows.view(), &HnswOptions::default()).expect("an index");
    println!(
        "HNSW build, {shape}, {} threads: {:.1} s",
        rayon::current_num_threads(),
        start.elapsed().as_secs_f64()
    );
    for ef in [16, 24, 32, 48, 100] {
        let recall = index.recall(rows.view(), 10, ef, 500).expect("a recall");
        println!("recall@10 with ef {ef}: {:.4} +- {:.4}", recall.recall, recall.standard_error);
    }
    let searcher = index.searcher(rows.view()).expect("a searcher");
    let queries = index.queries_between(rows.view(), 100).expect("queries");
    for ef in [16, 24, 32, 48, 100] {
        measure::measure(&format!("100 queries by the index, ef {ef}"), &shape, || {
            queries
                .rows()
                .into_iter()
                .map(|row| searcher.search(row, 10, ef).expect("hits").len())
                .sum::<usize>()
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
