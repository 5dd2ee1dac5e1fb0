//! Maps by t-SNE: `cargo bench --bench map [-- rows.npy] [--save points.npy]`; each step's seconds beside the whole.
//! `-- rows.npy --judge points.npy` judges the map of another tool instead, by the same figures.

mod measure;

use embedlab::map::{Engine, Gradient, NeighborGraph, Tsne, map_divergence, trust};
use embedlab::table::{self, Table};

fn main() {
    let rows = measure::rows(10_000, 1536);
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| {
        arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1))
    };
    let shape = format!("{} x {}", rows.nrows(), rows.ncols());
    let perplexity = if rows.nrows() <= 1_000 { 15.0 } else { 30.0 };
    if let Some(path) = after("--judge") {
        let points = table::read(path.as_ref(), &Default::default()).expect("a readable map").into_vectors();
        let graph = NeighborGraph::of(rows.view(), (3.0 * perplexity) as usize).expect("rows that fit");
        let divergence = map_divergence(&graph, points.view(), perplexity, 42).expect("a map of these rows");
        let trust = trust(rows.view(), points.view(), 42).expect("a map of these rows");
        println!("{path}: KL {:.4}, {trust:?}", divergence.value);
        return;
    }
    let engine = match after("--engine").map(String::as_str) {
        Some("bhtsne") => Engine::Bhtsne,
        _ => Engine::Embedlab,
    };
    let gradient = match after("--gradient").map(String::as_str) {
        Some("exact") => Gradient::Exact,
        Some("barnes-hut") => Gradient::BarnesHut,
        Some("interpolation") => Gradient::Interpolation,
        _ => Gradient::Auto,
    };
    let mut params = Tsne::params().perplexity(perplexity).engine(engine).gradient(gradient);
    if let Some(rate) = after("--learning-rate").and_then(|rate| rate.parse().ok()) {
        params = params.learning_rate(rate);
    }
    if let Some(iterations) = after("--max-iter").and_then(|iterations| iterations.parse().ok()) {
        params = params.max_iter(iterations);
    }
    let name = format!("t-SNE perplexity={perplexity} {engine:?} {gradient:?}");
    let runs = if rows.nrows() <= 10_000 { 5 } else { 1 };
    let map =
        measure::measure_times(&name, &shape, runs, || params.fit_rows(rows.view()).expect("rows that fit"));
    let trust = trust(rows.view(), map.points.view(), 42).expect("a map of its rows");
    println!(
        "    KL {:.4}, trustworthiness {:.4}, continuity {:.4}, neighbours kept {:.4}; {:?}",
        map.divergence.value, trust.trustworthiness, trust.continuity, trust.neighbors_kept, map.steps
    );
    if let Some(path) = after("--save") {
        let points = Table::from_vectors(map.points.clone());
        let written = table::write(&points, path.as_ref(), &Default::default()).expect("a path to write to");
        assert!(written.dropped_columns.is_empty());
    }
}
