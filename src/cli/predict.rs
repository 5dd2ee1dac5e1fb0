//! `embedlab predict`, or `apply`: what a saved model says about new rows, or a saved map makes of them.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, StringArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{Float64Type, Int64Type};
use embedlab::analysis::{Cost, columns_of};
use embedlab::cluster::KMeans;
use embedlab::data::{Data, NewColumn, Roles, model_of};
use embedlab::model::{Predicted, SavedModel};
use embedlab::rows::RowSource;
use embedlab::table::WriteOptions;
use embedlab::transform::LinearMap;
use embedlab::view::{Block, Cell, Grid, Section, terminal};
use embedlab::{Error, ErrorKind, Result};
use serde::Serialize;
use serde_json::Value;

use super::beside::warn_of_dropped;
use super::input::{TableInput, Wanted};
use super::output::{grouped, width};
use super::outputs::Outputs;
use super::plan::planned;
use super::{Outcome, Output};

const EXAMPLES: &str = "\
Examples:
  embedlab predict stars.safetensors new.parquet -o scored.parquet
  embedlab predict stars.safetensors new.csv --json | jq '.predictions[:5]'
  embedlab predict clusters.safetensors new.parquet -o clustered.csv
  embedlab apply matrix.safetensors new.parquet -o customized.parquet";

/// Rows that are shown when they are not written to a file.
const SHOWN: usize = 10;

/// Apply a saved model or map to new rows
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// What embedlab train, cluster --save, customize or align wrote
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Write all columns with the predictions, or with the mapped vectors
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
    #[command(flatten)]
    input: TableInput,
}

#[derive(Serialize)]
struct Written {
    model: String,
    kind: String,
    label: String,
    rows: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    /// One for each row.
    predictions: Vec<Value>,
}

/// What a model predicts.
struct Predictions {
    kind: String,
    label: String,
    /// What the model is from, in words.
    from: String,
    /// What was predicted for each row comes first.
    columns: Vec<NewColumn>,
}

/// A model that can be applied to rows.
enum Model {
    Supervised(Box<SavedModel>),
    Clusters(KMeans),
    Map(LinearMap),
}

impl Model {
    /// # Errors
    /// That of the kind that the file is nearest to.
    fn load(args: &Args) -> Result<Model> {
        match SavedModel::load(&args.model) {
            Ok(model) => Ok(Model::Supervised(Box::new(model))),
            Err(error) if error.kind() == ErrorKind::Io => Err(error),
            Err(error) => match KMeans::load(&args.model) {
                Ok(model) => Ok(Model::Clusters(model)),
                Err(_) => LinearMap::load(&args.model).map(Model::Map).map_err(|_| {
                    match SavedModel::load(args.input.file()) {
                        Ok(_) => error.advice("the model comes first: embedlab predict MODEL FILE"),
                        Err(_) => error,
                    }
                }),
            },
        }
    }
}

pub fn run(args: &Args, output: &Output) -> Result<Outcome> {
    let outputs = Outputs::of(args.input.paths().into_iter().chain([args.model.clone()]));
    match args.input.keeps_all() {
        true => outputs.rows(args.output.as_deref(), None)?,
        false => outputs.table(args.output.as_deref(), None)?,
    };
    let model = Model::load(args)?;
    let wanted = Wanted { blocks: true, ..Default::default() };
    let passes = match (&model, &args.output) {
        (Model::Map(_), _) | (_, None) => 1,
        (_, Some(_)) => 2,
    };
    // A prediction and its JSON take some 200 bytes a row.
    let cost = |rows: usize, _, _| Ok(Cost::blocks(passes).work(200 * rows as u64));
    let wanted = match planned("predict", &args.input, wanted, output, cost)? {
        ControlFlow::Continue(wanted) => wanted,
        ControlFlow::Break(shown) => return Ok(shown),
    };
    let data = args.input.open(&wanted, Roles::default(), output)?;
    let in_file = |error: Error| args.input.named_in(data.locate(error));
    let found = match &model {
        Model::Supervised(model) => supervised(model, &data),
        Model::Clusters(model) => clusters(model, &data),
        Model::Map(map) => return mapped(map, &data, args, output).map_err(in_file),
    };
    let Predictions { kind, label, from, columns } = found.map_err(in_file)?;
    let predicted = columns.first().map(|column| Arc::clone(&column.values));
    let rows = predicted.as_ref().map_or(0, |predicted| predicted.len());
    let shown = if output.is_json() { rows } else { SHOWN.min(rows) };
    let values = predicted.map_or(Vec::new(), |predicted| json_values(&predicted.slice(0, shown)));
    if let Some(path) = &args.output {
        let written = data.write(columns, path, &WriteOptions::default())?;
        warn_of_dropped(&written, path, output);
        output.note(format_args!("wrote {}", path.display()));
    }
    let mut section = Section::new("predictions", "Predictions").with(Block::paragraph(format!(
        "{label} of {} rows by {} ({from}).",
        grouped(rows),
        args.model.display()
    )));
    if args.output.is_none() {
        let shown = |value: &Value| match value {
            Value::Number(number) if number.is_f64() => Cell::number(number.as_f64(), 3),
            Value::String(text) => Cell::text(text.clone()),
            Value::Null => Cell::Missing,
            other => Cell::text(other.to_string()),
        };
        let mut grid = Grid::new(["row", "predicted"]);
        for (row, value) in values.iter().take(SHOWN).enumerate() {
            grid = grid.row([Cell::text(data.row_of_file(row).to_string()), shown(value)]);
        }
        section = section.with(grid);
        if rows > SHOWN {
            section = section.with(Block::paragraph(format!(
                "{} more; write all with -o scored.parquet.",
                grouped(rows - SHOWN)
            )));
        }
    }
    let written = Written {
        model: args.model.display().to_string(),
        kind,
        label,
        rows,
        output: args.output.as_ref().map(|path| path.display().to_string()),
        predictions: values,
    };
    output.result(&written, |out| write!(out, "{}", terminal(&section, width())))?;
    Ok(Outcome::Done)
}

fn supervised(model: &SavedModel, data: &Data) -> Result<Predictions> {
    let (recipe, table) = (&model.recipe, data.table());
    if let (Some(fitted), Some(here)) = (&recipe.embedding_model, model_of(table))
        && *fitted != here
    {
        return Err(Error::input("rows and model are of different embedding models")
            .seen(format!("{here} in the rows, {fitted} in the model"))
            .advice("embed the rows with the model of the training rows"));
    }
    let names: Vec<String> = recipe.encoder.columns().map(str::to_owned).collect();
    let columns = columns_of(table, &names, |name| recipe.encoder.is_number(name))?;
    let columns = match model.predict_rows(data, &columns)? {
        Predicted::Numbers(predicted) => {
            vec![NewColumn::new("predicted", Arc::new(Float64Array::from(predicted)))]
        }
        Predicted::Classes { names, classes, probabilities } => {
            let predicted: Vec<&str> = classes.into_iter().map(|class| names[class].as_str()).collect();
            let mut columns = vec![NewColumn::new("predicted", Arc::new(StringArray::from(predicted)))];
            let n_rows = probabilities.nrows();
            let by_class = probabilities.reversed_axes();
            let by_class = match by_class.is_standard_layout() {
                true => by_class,
                false => by_class.as_standard_layout().into_owned(),
            };
            let by_class = ScalarBuffer::from(by_class.into_raw_vec_and_offset().0);
            for (class, name) in names.iter().enumerate() {
                let column = Float64Array::new(by_class.slice(class * n_rows, n_rows), None);
                columns.push(NewColumn::new(format!("probability_{name}"), Arc::new(column)));
            }
            columns
        }
    };
    Ok(Predictions {
        kind: serde_json::to_value(model.kind())
            .ok()
            .and_then(|kind| Some(kind.as_str()?.to_owned()))
            .unwrap_or_default(),
        label: recipe.label.clone(),
        from: format!("{}, from {} rows", model.kind().name(), grouped(recipe.n_rows)),
        columns,
    })
}

/// Names, numbers or the numbers of clusters as JSON.
fn json_values(predicted: &ArrayRef) -> Vec<Value> {
    if let Some(names) = predicted.as_string_opt::<i32>() {
        return names.iter().map(Value::from).collect();
    }
    if let Some(numbers) = predicted.as_primitive_opt::<Float64Type>() {
        return numbers.iter().map(Value::from).collect();
    }
    let clusters = predicted.as_primitive_opt::<Int64Type>();
    clusters.map_or(Vec::new(), |clusters| clusters.iter().map(Value::from).collect())
}

fn clusters(model: &KMeans, data: &Data) -> Result<Predictions> {
    let labels = model.predict_rows(data)?;
    let column: Int64Array = labels.iter().map(|label| label.map(i64::from)).collect();
    Ok(Predictions {
        kind: "k-means".to_owned(),
        label: "cluster".to_owned(),
        from: "k-means".to_owned(),
        columns: vec![NewColumn::new("cluster", Arc::new(column))],
    })
}

/// Writes the vectors in the other space, with all columns.
fn mapped(map: &LinearMap, data: &Data, args: &Args, output: &Output) -> Result<Outcome> {
    let Some(path) = &args.output else {
        return Err(Error::argument("mapped vectors need a file").advice("name it with -o"));
    };
    let mapped = map.over(data)?;
    let (rows, dims) = (mapped.n_rows(), mapped.dims());
    let written = data.write_with(&mapped, path, &WriteOptions::default())?;
    warn_of_dropped(&written, path, output);
    output.note(format_args!("wrote {}", path.display()));
    let json = serde_json::json!({
        "model": args.model.display().to_string(),
        "kind": "linear map",
        "rows": rows,
        "dims": dims,
        "output": path.display().to_string(),
    });
    let words = format!("{} rows of {dims} dimensions ({}).", grouped(rows), map.made_by);
    let section = Section::new("mapped", "Mapped vectors").with(Block::paragraph(words));
    output.result(&json, |out| write!(out, "{}", terminal(&section, width())))?;
    Ok(Outcome::Done)
}
