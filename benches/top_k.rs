//! Exact search beside a plain read of the same memory: `cargo bench --bench top_k [-- rows.npy]`.

mod measure;

use embedlab::rows::{Metric, top_k};
use ndarray::{Axis, s};
use rayon::prelude::*;

fn main() {
    let rows = measure::rows(50_000, 1536);
    let shape = format!("{} x {}", rows.nrows(), rows.ncols());
    let chosen: Vec<usize> = (0..100).map(|i| i * 397 % rows.nrows()).collect();
    let queries = rows.select(Axis(0), &chosen);
    for metric in [Metric::Dot, Metric::Cosine, Metric::L2] {
        measure::measure(&format!("top-10 of 100 queries, {metric:?}"), &shape, || {
            top_k(&rows, queries.view(), 10, metric).expect("equal dimensions")
        });
    }
    for metric in [Metric::Dot, Metric::Cosine] {
        measure::measure(&format!("top-10 of one query, {metric:?}"), &shape, || {
            top_k(&rows, queries.slice(s![..1, ..]), 10, metric).expect("equal dimensions")
        });
    }
    let values = rows.as_slice().expect("a matrix in standard layout");
    measure::measure("plain read", &shape, || {
        values.par_chunks(1 << 18).map(read).reduce(|| 0, |a, b| a ^ b)
    });
}

/// Touches every number, on as many lanes as the processor has.
fn read(values: &[f32]) -> u32 {
    let mut lanes = [0_u32; 64];
    for chunk in values.as_chunks::<64>().0 {
        lanes.iter_mut().zip(chunk).for_each(|(lane, value)| *lane ^= value.to_bits());
    }
    lanes.iter().fold(0, |all, lane| all ^ lane)
}
