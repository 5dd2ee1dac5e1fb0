//! Reading text formats: CSV, TSV, JSON lines, JSON, TensorFlow Projector.

mod csv;
mod json;
mod projector;
mod real;

use std::path::PathBuf;

use embedlab::error::Result;
use embedlab::table::{ReadOptions, Table};
use tempfile::TempDir;

use crate::support::read_both_ways as read;

/// A folder with one file in it; the folder goes when this does.
struct Stored {
    folder: TempDir,
    path: PathBuf,
}

fn stored(name: &str, content: impl AsRef<[u8]>) -> Stored {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    Stored { folder, path }
}

impl Stored {
    fn read(&self) -> Result<Table> {
        read(&self.path, &ReadOptions::default())
    }

    /// The message of the error, without the folder.
    fn complaint(&self) -> String {
        self.complaint_with(&ReadOptions::default())
    }

    fn complaint_with(&self, options: &ReadOptions) -> String {
        let message = read(&self.path, options).unwrap_err().to_string();
        message.replace(&format!("{}/", self.folder.path().display()), "")
    }

    fn beside(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

fn vectors(table: &Table) -> Vec<Vec<f32>> {
    table.vectors().rows().into_iter().map(|row| row.to_vec()).collect()
}

fn texts(table: &Table, column: &str) -> Vec<Option<String>> {
    table.text(column).unwrap()
}

fn some(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|value| Some((*value).to_owned())).collect()
}
