//! Labels as vectors, and which of them is true for a row.

use std::path::PathBuf;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::Context;
use crate::data::{Data, Role, require_same_space};
use crate::error::{Error, Result};
use crate::rows::RowSource;
use crate::table::{self, ReadOptions, Table};
use crate::zero_shot::{LabelVectors, Truth, map_truth};

/// Labels with their vectors, and what the true values of a column mean.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct LabelOptions {
    /// A file with the vectors of the labels, in any format that FILE may have
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE"))]
    pub labels: Option<PathBuf>,
    /// Use only the rows of the labels file whose column `set` holds this
    #[cfg_attr(feature = "cli", arg(long, value_name = "NAME"))]
    pub set: Option<String>,
    /// Labels with their vectors, in place of a file
    #[cfg_attr(feature = "cli", arg(skip))]
    pub prompts: Vec<Prompt>,
    /// Which true value means which label; rows of other values are dropped and counted
    #[cfg_attr(feature = "cli", arg(long, value_name = "VALUE=LABEL,..", value_delimiter = ',', value_parser = value_and_label))]
    pub map: Vec<(String, String)>,
    /// Which of two labels is the positive one [default: by its name, else the second]
    #[cfg_attr(feature = "cli", arg(long, value_name = "LABEL"))]
    pub positive: Option<String>,
}

/// A text of a label, as a vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prompt {
    /// The label.
    pub label: String,
    /// The text, if it is known.
    pub text: Option<String>,
    /// Its vector.
    pub vector: Vec<f32>,
}

#[cfg(feature = "cli")]
fn value_and_label(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once('=') {
        Some((value, label)) if !label.trim().is_empty() => {
            Ok((value.trim().to_owned(), label.trim().to_owned()))
        }
        _ => Err(format!("`{text}` does not say which value means which label; write 5=positive")),
    }
}

impl LabelOptions {
    /// Whether there are labels at all.
    pub fn are_given(&self) -> bool {
        self.labels.is_some() || !self.prompts.is_empty()
    }

    /// The vectors of the labels.
    pub(super) fn vectors(&self, data: &Data) -> Result<LabelVectors> {
        let Some(file) = &self.labels else { return self.of_prompts() };
        if !self.prompts.is_empty() {
            return Err(Error::argument("labels from a file and labels with vectors")
                .advice("give the one or the other"));
        }
        let in_file = |error: Error| error.file(file);
        let mut table = table::read(file, &ReadOptions::default())?;
        require_same_space((data.table(), data.dims()), (&table, table.dims()), file, "labels")?;
        if let Some(chosen) = self.chosen(&table).map_err(in_file)? {
            table = table.take(&chosen)?;
        }
        let names = table.text("label").map_err(in_file)?;
        if let Some(row) = names.iter().position(Option::is_none) {
            return Err(in_file(Error::input("a label without a name").row(row).column("label")));
        }
        let names: Vec<String> = names.into_iter().flatten().collect();
        let texts = table.column("text").is_ok().then(|| table.text("text")).transpose()?;
        LabelVectors::new(&names, texts, table.into_vectors()).map_err(in_file)
    }

    fn of_prompts(&self) -> Result<LabelVectors> {
        let Some(first) = self.prompts.first() else {
            return Err(Error::argument("no labels").with_code("no-labels").advice(
                "write them into a file, embed it by the model of the rows (embedlab embed labels.csv --model MODEL -o \
                 labels.parquet), and give it with --labels",
            ));
        };
        let dims = first.vector.len();
        if let Some(other) = self.prompts.iter().find(|prompt| prompt.vector.len() != dims) {
            return Err(Error::argument("vectors of labels of different length")
                .seen(format!("{dims} numbers of {}, {} of {}", first.label, other.vector.len(), other.label))
                .advice("embed all labels with one model"));
        }
        let names: Vec<String> = self.prompts.iter().map(|prompt| prompt.label.clone()).collect();
        let texts = self.prompts.iter().map(|prompt| prompt.text.clone()).collect();
        let numbers = self.prompts.iter().flat_map(|prompt| prompt.vector.iter().copied()).collect();
        let vectors = Array2::from_shape_vec((names.len(), dims), numbers)
            .map_err(|error| Error::argument("the vectors of the labels are no matrix").source(error))?;
        LabelVectors::new(&names, Some(texts), vectors)
    }

    /// The rows of the set, if the file has several.
    fn chosen(&self, table: &Table) -> Result<Option<Vec<usize>>> {
        let sets = match (&self.set, table.column("set")) {
            (None, Err(_)) => return Ok(None),
            _ => table.labels("set")?,
        };
        let known = sets.names.join(", ");
        let Some(name) = &self.set else {
            return match sets.names.len() {
                0 | 1 => Ok(None),
                _ => Err(Error::argument("several sets of labels")
                    .column("set")
                    .seen(known)
                    .advice("choose one with --set NAME")),
            };
        };
        let code = sets.names.iter().position(|set| set == name).ok_or_else(|| {
            Error::argument("no such set of labels")
                .column("set")
                .seen(name.clone())
                .advice(format!("the sets are {known}"))
        })?;
        let rows = 0..sets.codes.len();
        Ok(Some(rows.filter(|row| sets.codes[*row] == Some(code as u32)).collect()))
    }

    /// The true labels of a column; `None` when none was named and the usual one holds other values.
    pub(super) fn truth(
        &self,
        data: &Data,
        column: Option<&str>,
        labels: &LabelVectors,
        context: &Context<'_>,
    ) -> Result<Option<Truth>> {
        let named = column.is_some() || data.is_named(Role::Label) || !self.map.is_empty();
        let Some(column) = column.or_else(|| data.column_of(Role::Label)) else {
            return match named {
                true => data.require(Role::Label).map(|_| None),
                false => Ok(None),
            };
        };
        match map_truth(&data.table().labels(column)?, &self.map, labels.names()) {
            Ok(truth) => Ok(Some(truth)),
            Err(error) if named => Err(error.column(column)),
            Err(_) => {
                context.note(format!(
                    "{column} has no value equal to a label name; give --label COL or --map for scores"
                ));
                Ok(None)
            }
        }
    }

    /// The number of the positive label, when one was named.
    pub(super) fn positive(&self, labels: &LabelVectors) -> Result<Option<usize>> {
        let Some(name) = &self.positive else { return Ok(None) };
        let names = labels.names();
        if names.len() != 2 {
            return Err(
                Error::argument("--positive needs two labels").seen(format!("{} labels", names.len()))
            );
        }
        names.iter().position(|label| label == name).map(Some).ok_or_else(|| {
            Error::argument("no such label")
                .seen(name.clone())
                .advice(format!("the labels are {}", names.join(", ")))
        })
    }
}
