//! `embedlab train`: fit a model to all rows and save it.

use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::ValueEnum;
use embedlab::analysis::{Context, Cost, LearnOptions, Training};
use embedlab::data::{Role, Roles, model_of};
use embedlab::model::{Classifier, ModelKind, ModelOptions, Recipe, Regressor, SavedModel, Task};
use embedlab::rows::RowSource;
use embedlab::text::without_secrets;
use embedlab::{Error, Result};
use serde::Serialize;

use super::input::{TableInput, Wanted};
use super::output::grouped;
use super::outputs::Outputs;
use super::plan::planned;
use super::{Common, Outcome, Output};

const EXAMPLES: &str = "\
Examples:
  embedlab train reviews.parquet --label Score -o stars.safetensors
  embedlab train reviews.parquet --label Score --task classify --model boost -o classes.safetensors
  embedlab predict stars.safetensors new.parquet -o scored.parquet
embedlab regress and embedlab classify tell how good a model of this kind is: they hold rows back.";

/// Fit a model to all rows and save it
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    model: ModelOptions,
    #[command(flatten)]
    learn: LearnOptions,
    /// Whether to predict a number or a class [default: a number for a column of numbers]
    #[arg(long, value_name = "TASK")]
    task: Option<Kind>,
    /// The model to write
    #[arg(short, long, value_name = "FILE", default_value = "model.safetensors")]
    output: PathBuf,
    #[arg(long, value_name = "COL", help_heading = "Columns", help = Role::Label.help())]
    label: Option<String>,
    #[command(flatten)]
    input: TableInput,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Regress,
    Classify,
}

#[derive(Serialize)]
struct Written {
    model: String,
    kind: ModelKind,
    task: &'static str,
    label: String,
    classes: Option<Vec<String>>,
    features: Vec<String>,
    rows: usize,
    dims: usize,
    fit_seconds: f64,
}

pub fn run(args: &Args, common: &Common, output: &Output) -> Result<Outcome> {
    Outputs::of(args.input.paths()).model(Some(&args.output))?;
    let roles = match &args.label {
        Some(label) => Roles::default().with(Role::Label, label),
        None => Roles::default(),
    };
    let wanted = Wanted::default();
    let work = |rows, dims| args.model.kind.memory(rows, dims);
    let cost = |rows, dims, _| Ok(Cost::all_rows().work(work(rows, dims)));
    let wanted = match planned("train", &args.input, wanted, output, cost)? {
        ControlFlow::Continue(wanted) => wanted,
        ControlFlow::Break(shown) => return Ok(shown),
    };
    let data = args.input.open(&wanted, roles, output)?;
    let (rows, dims) = (data.n_rows(), data.dims());
    data.memory().require_work("train", work(rows, dims), 4 * (rows * dims) as u64)?;
    let context = Context::with_seed(common.seed);
    let in_file = |error: Error| args.input.named_in(data.locate(error));
    let rows = Training::new(&data, &args.learn, &context).map_err(in_file)?;
    context.take_notes().iter().for_each(|note| output.note(note));
    context.take_warnings().iter().for_each(|warning| output.warn(warning));
    if args.label.is_none() {
        output.note(format_args!("label column: {}", rows.label));
    }
    let options = ModelOptions { seed: common.seed, ..args.model.clone() };
    let numeric = rows.table.column(&rows.label)?.data_type().is_numeric();
    let default = if numeric && options.kind != ModelKind::Logistic { Kind::Regress } else { Kind::Classify };
    let inputs = rows.inputs()?;
    let all: Vec<usize> = (0..rows.table.n_rows()).collect();
    let encoder = inputs.encoder(&all)?;
    let features = inputs.features(&encoder, &all)?;
    let weights = rows.weights();
    let start = std::time::Instant::now();
    let task = {
        let _busy = output.busy(format!("fitting: {}", options.kind.name()));
        match args.task.unwrap_or(default) {
            Kind::Regress => {
                let targets = rows.targets().map_err(in_file)?;
                Task::Regress(Regressor::fit(features.view(), &targets, weights, &options).map_err(in_file)?)
            }
            Kind::Classify => {
                let of_label = |error: Error| in_file(error.column(&rows.label));
                let classes = rows.classes().map_err(of_label)?;
                classes.require_two(&all).map_err(of_label)?;
                let model =
                    Classifier::fit(features.view(), &classes.codes, weights, &options).map_err(in_file)?;
                Task::Classify { model, names: classes.names }
            }
        }
    };
    let fit_seconds = start.elapsed().as_secs_f64();
    let recipe = Recipe {
        label: rows.label.clone(),
        dims: rows.table.dims(),
        encoder,
        n_rows: rows.table.n_rows(),
        embedding_model: model_of(&rows.table),
    };
    let saved = SavedModel { recipe, task };
    saved.save(&args.output)?;
    let classes = match &saved.task {
        Task::Regress(_) => None,
        Task::Classify { names, .. } => Some(names.clone()),
    };
    let written = Written {
        model: args.output.display().to_string(),
        kind: saved.kind(),
        task: if classes.is_some() { "classify" } else { "regress" },
        label: rows.label.clone(),
        classes,
        features: saved.recipe.encoder.columns().map(str::to_owned).collect(),
        rows: rows.table.n_rows(),
        dims: rows.table.dims(),
        fit_seconds,
    };
    output.result(&written, |out| {
        writeln!(
            out,
            "{}: {} of {} from {} rows, fitted in {fit_seconds:.2} s",
            written.model,
            saved.kind().name(),
            match &written.classes {
                Some(classes) => format!("{} classes of {}", classes.len(), written.label),
                None => written.label.clone(),
            },
            grouped(written.rows)
        )?;
        let file = args.input.file().display().to_string();
        writeln!(out, "how good such a model is: embedlab {} {}", written.task, without_secrets(&file))
    })?;
    Ok(Outcome::Done)
}
