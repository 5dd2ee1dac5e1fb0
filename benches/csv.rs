//! How fast, and in how much memory, a CSV file of vectors becomes a matrix.
//!
//! `cargo bench --bench csv -- FILE`, or the file in `EMBEDLAB_BENCH_CSV`; without one, a file of
//! 1,000 x 1,536 numbers is made.

mod measure;

use std::io::{BufWriter, Write};
use std::path::Path;

use embedlab::table::{ReadOptions, read};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let named = measure::file().or_else(|| std::env::var_os("EMBEDLAB_BENCH_CSV").map(Into::into));
    let path = match named {
        Some(path) => path,
        None => {
            let path = folder.path().join("vectors.csv");
            make_file(&path, 1_000, 1_536)?;
            path
        }
    };
    let table = read(&path, &ReadOptions::default())?;
    // Taken here: a program reads its file once, and memory that was freed is not all given back.
    let peak = measure::peak_megabytes();
    let (rows, dims) = table.vectors().dim();
    drop(table);
    let megabytes = std::fs::metadata(&path)?.len() as f64 / 1e6;
    let size = format!("{megabytes:.1} MB of text, {rows} x {dims}");
    measure::measure("csv", &size, || read(&path, &ReadOptions::default()).map(|table| table.n_rows()))?;
    if let Some(peak) = peak {
        let matrix = (rows * dims * size_of::<f32>()) as f64 / f64::from(1 << 20);
        println!(
            "{{\"bench\": \"csv, memory\", \"size\": \"{size}\", \"peak_megabytes\": {peak:.1}, \"matrix_megabytes\": {matrix:.1}, \"ratio\": {:.2}}}",
            peak / matrix
        );
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
