//! Files that are damaged or cut short are errors, and end no process.

use std::path::Path;

use embedlab::data::Budget;
use embedlab::table::{ReadOptions, read, stream};

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tables").join(name)
}

/// Damages files in many places: every answer must be a table or an error, never a panic that
/// reaches the caller, and a file that is cut short must never pass.
#[test]
fn damaged_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "list_f4.parquet",
        "small_pages_v2.parquet",
        "fixed_size_list_f8.arrow",
        "codec_lz4.arrow",
        "stream.arrow",
        "f4.npy",
        "packed.npz",
        "stored.npz",
        "f16.safetensors",
    ] {
        let whole = std::fs::read(fixture(name)).unwrap();
        let path = folder.path().join(name);
        let mut step = 1;
        for at in (0..whole.len()).step_by(11) {
            let mut damaged = whole.clone();
            damaged[at] = damaged[at].wrapping_add(step);
            step = step.wrapping_mul(5).wrapping_add(1) | 1;
            std::fs::write(&path, &damaged).unwrap();
            let _ = read(&path, &ReadOptions::default());
            // With little memory the vectors stay in the file.
            for memory in [Budget::default(), Budget::bytes(1200)] {
                let _ = stream(&path, &ReadOptions { memory, ..Default::default() })
                    .map(|source| source.chunks(1).map(|chunks| chunks.take_while(Result::is_ok).count()));
            }
        }
        for cut in (0..whole.len() - 1).step_by(17) {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let table = read(&path, &ReadOptions::default());
            // A stream may end after any message.
            assert!(table.is_err() || name == "stream.arrow", "{name} cut at {cut}");
        }
    }
    let _ = std::panic::take_hook();
}
