//! `embedlab predict`: what a saved model says of new rows.

use std::path::PathBuf;

use embedlab::model::{ModelKind, SavedModel, Task};
use embedlab::{Error, Result};
use serde::Serialize;

use super::beside::{model_of, write_beside};
use super::held_out::{Predicted, array};
use super::input::TableInput;
use super::learn::features_of;
use super::output::{Rows, grouped, printable};
use super::outputs::Outputs;
use super::{Outcome, Output};

const EXAMPLES: &str = "\
Examples:
  embedlab predict stars.safetensors new.parquet -o scored.parquet
  embedlab predict stars.safetensors new.csv --json | jq '.predictions[:5]'";

/// Rows that are shown when they are not written to a file.
const SHOWN: usize = 10;

/// Predict with a saved model for new rows
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A model that embedlab train wrote
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    #[command(flatten)]
    input: TableInput,
    /// Write all columns with the predictions beside them
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Serialize)]
struct Said {
    model: String,
    kind: ModelKind,
    label: String,
    rows: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    /// One for each row.
    predictions: Vec<serde_json::Value>,
}

pub fn run(args: &Args, output: &Output) -> Result<Outcome> {
    Outputs::of([args.input.file.as_path(), args.model.as_path()]).rows(args.output.as_deref(), None)?;
    let model = SavedModel::load(&args.model)?;
    let table = args.input.read(output)?;
    let recipe = &model.recipe;
    if let (Some(fitted), Some(here)) = (&recipe.embedding_model, model_of(&table))
        && *fitted != here
    {
        return Err(Error::input("rows and model are of different embedding models")
            .file(&args.input.file)
            .seen(format!("{here} in the rows, {fitted} in the model"))
            .advice("embed the rows with the model of the training rows"));
    }
    let names: Vec<String> = recipe.encoder.columns().map(str::to_owned).collect();
    let columns = features_of(&table, &names, |name| recipe.encoder.is_number(name))?;
    let failed = |error: Error| error.file(&args.input.file);
    let features = model.features(table.vectors(), &columns).map_err(failed)?;
    let mut columns: Vec<(String, Vec<Predicted>)> = Vec::new();
    match &model.task {
        Task::Regress(model) => {
            let said = model.predict(features.view()).map_err(failed)?;
            columns.push(("predicted".into(), said.into_iter().map(Predicted::Number).collect()));
        }
        Task::Classify { model, names } => {
            let found = model.predict_probabilities(features.view(), names.len()).map_err(failed)?;
            let likeliest = |row: ndarray::ArrayView1<'_, f64>| {
                (1..row.len()).fold(0, |best, at| if row[at] > row[best] { at } else { best })
            };
            let said = found.rows().into_iter().map(|row| Predicted::Class(names[likeliest(row)].clone()));
            columns.push(("predicted".into(), said.collect()));
            for (name, column) in names.iter().zip(found.columns()) {
                let column = column.iter().map(|p| Predicted::Number(*p)).collect();
                columns.push((format!("probability_{name}"), column));
            }
        }
    }
    let first = &columns[0].1;
    let said = Said {
        model: args.model.display().to_string(),
        kind: model.kind(),
        label: recipe.label.clone(),
        rows: table.n_rows(),
        output: args.output.as_ref().map(|path| path.display().to_string()),
        predictions: first
            .iter()
            .map(|said| match said {
                Predicted::Number(number) => (*number).into(),
                Predicted::Class(name) => name.clone().into(),
            })
            .collect(),
    };
    if let Some(path) = &args.output {
        let arrays: Vec<_> =
            columns.iter().map(|(name, values)| (name, array(values.iter().cloned()))).collect();
        let more = arrays.iter().map(|(name, array)| (name.as_str(), array.clone())).collect();
        write_beside(&table, more, path, output)?;
    }
    output.result(&said, |out| {
        writeln!(
            out,
            "{} of {} rows by {} ({}, from {} rows)",
            said.label,
            grouped(said.rows),
            said.model,
            said.kind.name(),
            grouped(recipe.n_rows)
        )?;
        if args.output.is_some() {
            return Ok(());
        }
        let mut rows = Rows::new(&["row", "predicted"], &[0]);
        for (row, said) in first.iter().take(SHOWN).enumerate() {
            let said = match said {
                Predicted::Number(number) => format!("{number:.3}"),
                Predicted::Class(name) => printable(name),
            };
            rows.push(vec![row.to_string(), said]);
        }
        writeln!(out, "\n{rows}")?;
        if first.len() > SHOWN {
            writeln!(out, "{} more; write all with -o scored.parquet", grouped(first.len() - SHOWN))?;
        }
        Ok(())
    })?;
    Ok(Outcome::Done)
}
