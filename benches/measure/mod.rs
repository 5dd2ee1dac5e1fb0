//! How every benchmark here measures: some runs after one to warm up, the median and the spread.

use std::path::PathBuf;
use std::time::Instant;

use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Runs `work` five times after a warm-up and prints one JSON line as the peers do.
#[allow(dead_code, reason = "a benchmark may choose how often")]
pub fn measure<T>(name: &str, size: &str, work: impl FnMut() -> T) -> T {
    measure_times(name, size, 5, work)
}

/// As [`measure`], `runs` times; once without a warm-up.
#[allow(dead_code, reason = "most benchmarks run five times")]
pub fn measure_times<T>(name: &str, size: &str, runs: usize, mut work: impl FnMut() -> T) -> T {
    let mut value = None;
    let warm_up = if runs > 1 { Some(work()) } else { None };
    drop(warm_up);
    let mut seconds: Vec<f64> = (0..runs.max(1))
        .map(|_| {
            let start = Instant::now();
            value = Some(work());
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    println!(
        "{{\"bench\": \"{name}\", \"size\": \"{size}\", \"threads\": {}, \"median_seconds\": {:.5}, \"min\": {:.5}, \"max\": {:.5}}}",
        rayon::current_num_threads(),
        seconds[seconds.len() / 2],
        seconds[0],
        seconds[seconds.len() - 1]
    );
    value.expect("at least one run")
}

/// The first argument that is a file, if any: `cargo bench --bench NAME -- FILE`.
#[allow(dead_code, reason = "not every benchmark takes a file")]
pub fn file() -> Option<PathBuf> {
    std::env::args().skip(1).find(|argument| !argument.starts_with('-')).map(PathBuf::from)
}

/// The rows of the file that was named, or clustered rows of this size.
#[allow(dead_code, reason = "not every benchmark needs rows")]
pub fn rows(n: usize, dims: usize) -> Array2<f32> {
    if let Some(path) = file() {
        return embedlab::table::read(&path, &Default::default()).expect("a readable file").into_vectors();
    }
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let centers = Array2::from_shape_simple_fn((20, dims), || random.gen_range(-1.0_f32..1.0));
    let mut rows =
        Array2::from_shape_fn((n, dims), |(i, j)| centers[[i % 20, j]] + random.gen_range(-1.0_f32..1.0));
    for mut row in rows.rows_mut() {
        let length = row.dot(&row).sqrt();
        row.mapv_inplace(|value| value / length);
    }
    rows
}

/// Forgets the most memory held so far and gives what is held now, in megabytes (Linux only).
#[allow(dead_code, reason = "not every benchmark measures memory")]
pub fn megabytes_from_here() -> Option<f64> {
    std::fs::write("/proc/self/clear_refs", "5").ok()?;
    peak_megabytes()
}

/// The most memory that this process has held, in megabytes (Linux only).
#[allow(dead_code, reason = "not every benchmark measures memory")]
pub fn peak_megabytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024.0)
}
