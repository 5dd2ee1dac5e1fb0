//! Reading Parquet: `cargo bench --bench parquet -- FILE`, or with the file's path in EMBEDLAB_FILE.
//! Without a file: 10,000 x 1536 as this crate writes them, both layouts, and how long writing takes.

mod measure;

use std::path::{Path, PathBuf};

use embedlab::table::{self, Table, VectorLayout, WriteOptions};

fn main() {
    if let Some(path) = measure::file().or_else(|| std::env::var_os("EMBEDLAB_FILE").map(PathBuf::from)) {
        return read(&path);
    }
    let table = Table::from_vectors(measure::rows(10_000, 1536));
    let folder = tempfile::tempdir().expect("a temporary folder");
    for layout in [VectorLayout::FixedSizeList, VectorLayout::List] {
        let path = folder.path().join("vectors.parquet");
        let options = WriteOptions { layout, ..Default::default() };
        let shape = format!("{} x {}", table.n_rows(), table.dims());
        let _ = measure::measure(&format!("write Parquet {layout:?}"), &shape, || {
            table::write(&table, &path, &options).expect("a folder that can be written to")
        });
        read(&path);
    }
}

fn read(path: &Path) {
    let options = Default::default();
    let source = table::stream(path, &options).expect("a readable file");
    let shape = format!("{} x {}", source.n_rows(), source.dims());
    measure::measure("read Parquet", &shape, || {
        table::read(path, &options).expect("a readable file").n_rows()
    });
    let megabytes = std::fs::metadata(path).map_or(0.0, |file| file.len() as f64 / 1e6);
    println!("    file {megabytes:.1} MB, peak {:.0} MB", measure::peak_megabytes().unwrap_or_default());
    measure::measure("stream Parquet", &shape, || {
        let chunks = source.chunks(2048).expect("a readable file");
        chunks.map(|chunk| chunk.expect("a readable chunk").nrows()).sum::<usize>()
    });
}
