//! What many tests need: the command without the user's environment, its JSON, files, the real data.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
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
