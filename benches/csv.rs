//! How fast, and in how much memory, a CSV file of vectors becomes a matrix.
//!
//! `cargo bench --bench csv -- FILE`, or the file in `EMBEDLAB_BENCH_CSV`; without one, a file of
//! 1,000 x 1,536 numbers is made.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use embedlab::table::{ReadOptions, read};

const RUNS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let named = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let named =
        named.map(PathBuf::from).or_else(|| std::env::var_os("EMBEDLAB_BENCH_CSV").map(PathBuf::from));
    let folder = tempfile::tempdir()?;
    let path = match named {
        Some(path) => path,
        None => {
            let path = folder.path().join("vectors.csv");
            make_file(&path, 1_000, 1_536)?;
            path
        }
    };
    let mut seconds = Vec::new();
    let mut shape = (0, 0);
    let mut peak = None;
    for run in 0..RUNS {
        let start = Instant::now();
        let table = read(&path, &ReadOptions::default())?;
        seconds.push(start.elapsed().as_secs_f64());
        shape = (table.n_rows(), table.dims());
        if run == 0 {
            peak = peak_memory();
        }
    }
    seconds.sort_by(f64::total_cmp);
    let megabytes = std::fs::metadata(&path)?.len() as f64 / 1e6;
    let matrix = (shape.0 * shape.1 * size_of::<f32>()) as f64 / 1e6;
    let median = seconds[RUNS / 2];
    println!("input      {megabytes:.1} MB of text, {} x {} numbers", shape.0, shape.1);
    println!("threads    {}", rayon::current_num_threads());
    println!("median     {median:.3} s ({:.0} MB/s)", megabytes / median);
    println!("spread     {:.3} to {:.3} s in {RUNS} runs", seconds[0], seconds[RUNS - 1]);
    match peak {
        Some(peak) => {
            println!(
                "peak       {peak:.1} MB resident after one run, {:.2} x the matrix of {matrix:.1} MB",
                peak / matrix
            )
        }
        None => println!("peak       unknown on this system; the matrix takes {matrix:.1} MB"),
    }
    Ok(())
}

/// Writes the columns of the usual tutorials, the vectors as Python prints lists of `f64`.
fn make_file(path: &Path, rows: u64, dims: u64) -> std::io::Result<()> {
    let mut out = BufWriter::new(std::fs::File::create(path)?);
    writeln!(out, ",ProductId,UserId,Score,Summary,Text,combined,n_tokens,embedding")?;
    for row in 0..rows {
        let text = "good dog food, and a \"\"nice\"\" taste ".repeat(10);
        write!(
            out,
            "{row},B{row:09},A{row:012},{},nice,\"{text}\",\"Title: nice; Content: {text}\",90,\"[",
            row % 5 + 1
        )?;
        for dimension in 0..dims {
            // A multiplicative hash: digits without a pattern, and no generator to seed.
            let hash = (row * dims + dimension + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let number = (hash >> 11) as f64 / (1u64 << 53) as f64 * 0.1 - 0.05;
            let separator = if dimension == 0 { "" } else { ", " };
            write!(out, "{separator}{number}")?;
        }
        writeln!(out, "]\"")?;
    }
    out.flush()
}

/// The most memory this process ever had resident, in MB.
fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024.0 / 1e6)
}
