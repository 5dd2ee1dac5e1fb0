//! What many tests need: the command without the user's environment, its JSON, files, the real data.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use embedlab::data::Budget;
use embedlab::table::{self, ReadOptions, Table};
use embedlab::{Error, ErrorKind, Result};
use ndarray::{Array2, ArrayView2, Axis};
use serde_json::Value;

/// Reviews with their vectors; a path from the root, where tests and commands run.
pub const SAMPLE: &str = "examples/data/food_reviews.parquet";
/// Vectors of labels for the sample.
pub const LABELS: &str = "examples/data/labels.parquet";

/// The root of the package.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The command, run from the root, with nothing of the user's environment that matters to it.
pub fn embedlab() -> Command {
    let mut command = Command::cargo_bin("embedlab").unwrap();
    command.current_dir(root());
    for variable in [
        "EMBEDLAB_JOBS",
        "EMBEDLAB_CACHE_DIR",
        "OPENAI_BASE_URL",
        "OPENAI_API_KEY",
        "HTTP_PROXY",
        "http_proxy",
    ] {
        command.env_remove(variable);
    }
    command
}

/// The JSON that the command writes; it must succeed.
#[track_caller]
pub fn json(command: &mut Command) -> Value {
    let output = command.assert().success().get_output().stdout.clone();
    serde_json::from_slice(&output)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output)))
}

/// Writes a file and gives its path as the command takes it.
pub fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path.to_string_lossy().into_owned()
}

/// A file of the real data. A test that calls this is marked
/// `#[cfg_attr(not(shared_data), ignore = "needs ../shared/data")]`: without the folder it is ignored, and a
/// run says so (`build.rs` looks for the folder).
#[track_caller]
pub fn shared_data(name: &str) -> PathBuf {
    let path = root().join("../shared/data").join(name);
    assert!(path.is_file(), "{} is missing in the folder of real data", path.display());
    path
}

/// Reads a file whole, and in blocks with much memory and with the least in which it can be read: the vectors, bit for bit,
/// the columns and the errors must be the same.
#[track_caller]
pub fn read_both_ways(path: &Path, options: &ReadOptions) -> Result<Table> {
    let whole = table::read(path, options);
    // What comes through a pipe comes once, and a large file would be read too often.
    if !path.metadata().is_ok_and(|about| about.is_dir() || about.is_file() && about.len() < 1 << 22) {
        return whole;
    }
    let within = |bytes: u64| {
        let options = ReadOptions { memory: Budget::bytes(bytes), ..options.clone() };
        let (rows, columns) = table::stream_with_columns(path, &options)?;
        // What the passes see, not what stands in memory.
        let mut vectors = Array2::zeros((0, rows.dims()));
        for chunk in rows.chunks(1)? {
            vectors.append(Axis(0), chunk?.view()).unwrap();
        }
        assert_eq!(vectors.nrows(), rows.n_rows());
        Ok::<_, Error>((vectors, columns))
    };
    let too_small = |read: &Result<_>| matches!(read, Err(error) if error.kind() == ErrorKind::Memory);
    let (mut below, mut bytes) = (0, 16);
    let mut least = within(bytes);
    while too_small(&least) && bytes < 1 << 40 {
        (below, bytes) = (bytes, 2 * bytes);
        least = within(bytes);
    }
    for _ in 0..5 {
        let middle = below + (bytes - below) / 2;
        let read = within(middle);
        if too_small(&read) {
            below = middle;
        } else {
            (bytes, least) = (middle, read);
        }
    }
    for blocks in [within(1 << 40), least] {
        match (&whole, blocks) {
            (Ok(whole), Ok((vectors, columns))) => {
                let bits = |vectors: ArrayView2<'_, f32>| -> Vec<u32> {
                    vectors.iter().map(|number| number.to_bits()).collect()
                };
                assert_eq!(vectors.dim(), whole.vectors().dim(), "{}", path.display());
                assert_eq!(bits(vectors.view()), bits(whole.vectors()), "{}", path.display());
                assert_eq!(columns.columns(), whole.columns(), "{}", path.display());
                assert_eq!(columns.vector_column(), whole.vector_column());
                assert_eq!(columns.left_out(), whole.left_out());
                assert_eq!(format!("{:?}", columns.origin()), format!("{:?}", whole.origin()));
            }
            (Err(whole), Err(blocks)) => assert_eq!(blocks.to_string(), whole.to_string()),
            (whole, blocks) => panic!(
                "{}: {:?} whole, {:?} in blocks",
                path.display(),
                whole.as_ref().err().map(ToString::to_string),
                blocks.err().map(|error| error.to_string())
            ),
        }
    }
    whole
}
