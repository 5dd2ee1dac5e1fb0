//! The files that a command is to write: checked together before anything is computed or paid.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use embedlab::table::{self, Format, WriteOptions};
use embedlab::{Error, Result, output};

/// Whether standard output belongs to a file that was asked for, and whether it belongs to JSON.
static STDOUT_IS_OUTPUT: AtomicBool = AtomicBool::new(false);
static STDOUT_IS_JSON: AtomicBool = AtomicBool::new(false);

/// Tells that standard output is for one JSON object.
pub fn stdout_is_json() {
    STDOUT_IS_JSON.store(true, Ordering::Relaxed);
}

/// Whether standard output is for one JSON object.
pub fn stdout_is_for_json() -> bool {
    STDOUT_IS_JSON.load(Ordering::Relaxed)
}

/// Whether an output goes to standard output, so that all words go to stderr.
pub fn stdout_is_output() -> bool {
    STDOUT_IS_OUTPUT.load(Ordering::Relaxed)
}

/// Checks that an output can be written where it is wanted, without changing anything.
///
/// # Errors
/// When it cannot, or when it is standard output, which `--json` has already.
pub fn writable(path: &Path) -> Result<()> {
    output::check(path)?;
    if output::is_stdout(path) {
        if STDOUT_IS_JSON.load(Ordering::Relaxed) {
            return Err(Error::argument("two outputs to standard output")
                .seen("for --json and for an output")
                .advice("name a file for the output, or leave --json out"));
        }
        STDOUT_IS_OUTPUT.store(true, Ordering::Relaxed);
    }
    Ok(())
}

/// The inputs and outputs of a command. No output may destroy another or, unless it has all of the input's
/// rows and columns, an input.
///
/// ```text
/// Outputs::of([input]).rows(output, to)?.picture(picture)?.model(save)?;
/// ```
#[derive(Default)]
pub struct Outputs {
    inputs: Vec<PathBuf>,
    outputs: Vec<PathBuf>,
}

impl Outputs {
    /// What the command reads.
    pub fn of<P: AsRef<Path>>(inputs: impl IntoIterator<Item = P>) -> Outputs {
        let inputs = inputs.into_iter().map(|path| path.as_ref().to_owned()).collect();
        Outputs { inputs, outputs: Vec::new() }
    }

    /// The rows of the input with more columns; the input itself may be meant.
    pub fn rows(mut self, path: Option<&Path>, to: Option<Format>) -> Result<Outputs> {
        let Some(path) = path else { return Ok(self) };
        table::check_writable(path, &WriteOptions { format: to, ..Default::default() })?;
        self.add(path)?;
        Ok(self)
    }

    /// A table of other rows, or of some.
    pub fn table(self, path: Option<&Path>, to: Option<Format>) -> Result<Outputs> {
        self.not_an_input(path)?.rows(path, to)
    }

    /// A file of a kind of its own.
    pub fn other(self, path: &Path) -> Result<Outputs> {
        let mut outputs = self.not_an_input(Some(path))?;
        outputs.add(path)?;
        Ok(outputs)
    }

    /// A picture.
    pub fn picture(self, path: Option<&Path>) -> Result<Outputs> {
        self.named(path, "a picture", &["svg", "png"])
    }

    /// A page to read in a browser.
    pub fn page(self, path: Option<&Path>) -> Result<Outputs> {
        self.named(path, "a page", &["html", "htm"])
    }

    /// A fitted model.
    pub fn model(self, path: Option<&Path>) -> Result<Outputs> {
        self.saved(path, &["safetensors"])
    }

    /// What an analysis saves, under a name with one of these extensions.
    pub fn saved(self, path: Option<&Path>, extensions: &[&str]) -> Result<Outputs> {
        self.named(path, "a model", extensions)
    }

    fn named(self, path: Option<&Path>, what: &str, extensions: &[&str]) -> Result<Outputs> {
        if let Some(path) = path {
            output::check_extension(path, what, extensions)?;
        }
        let mut outputs = self.not_an_input(path)?;
        path.map(|path| outputs.add(path)).transpose()?;
        Ok(outputs)
    }

    fn not_an_input(self, path: Option<&Path>) -> Result<Outputs> {
        match path.filter(|path| self.is_input(path)) {
            Some(path) => Err(Error::argument("the output would replace an input")
                .file(path)
                .advice("name another file for the output")),
            None => Ok(self),
        }
    }

    /// Whether an output is also read.
    pub fn is_input(&self, path: &Path) -> bool {
        self.inputs.iter().any(|input| output::same(input, path))
    }

    fn add(&mut self, path: &Path) -> Result<()> {
        if self.outputs.iter().any(|other| output::same(other, path)) {
            return Err(Error::argument("two outputs are one file")
                .file(path)
                .advice("name another file for one of them"));
        }
        writable(path)?;
        self.outputs.push(path.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_output_destroys_an_input_or_another_output() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let (table, model) = (path("a.csv"), path("a.safetensors"));
        std::fs::write(&table, "x").unwrap();
        std::fs::write(&model, "x").unwrap();
        let of = || Outputs::of([table.as_path(), model.as_path()]);
        let said =
            |outputs: Result<Outputs>| outputs.err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(said(of().rows(Some(&table), None)), "");
        assert!(said(of().table(Some(&table), None)).contains("would replace an input"));
        assert!(said(of().model(Some(&model))).contains("would replace an input"));
        assert!(said(of().model(Some(&table))).contains("a model cannot be written under this name"));
        assert!(said(of().page(Some(&path("x.pdf")))).contains(".html"));
        let twice =
            of().rows(Some(&path("new.safetensors")), None).unwrap().model(Some(&path("new.safetensors")));
        assert!(said(twice).contains("two outputs are one file"));
        assert!(said(of().rows(Some(&path("x.xyz")), None)).contains("does not tell the format"));
        assert!(said(of().rows(Some(&path("x.json")), None)).contains("only read"));
        assert!(said(of().rows(Some(&path("no/x.csv")), None)).contains("no such folder"));
    }
}
