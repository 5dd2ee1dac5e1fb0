//! `embedlab profile`: the mean vector of each user, product, or other group.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use embedlab::data::Roles;
use embedlab::recommend::{ProfileOptions, Profiles, profiles};
use embedlab::table::{self, Labels, Table, WriteOptions};
use embedlab::{Error, Result};
use ndarray::Axis;
use serde::Serialize;

use super::input::{TableInput, Wanted};
use super::output::{Rows, grouped};
use super::outputs::Outputs;
use super::{Outcome, Output};

const EXAMPLES: &str = "\
A Parquet or .npy file is passed over in blocks and need not fit into memory.

Examples:
  embedlab profile reviews.parquet --by UserId -o users.parquet
  embedlab profile reviews.parquet --by ProductId --min-count 2 --shrink 1 -o products.parquet
  embedlab profile vectors.npy --sidecar rows.csv --by Kind --weight Score --json";

/// Average the vectors of each user, product or other group
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: TableInput,
    /// The column with the groups
    #[arg(long, value_name = "COL")]
    by: String,
    #[command(flatten)]
    how: How,
    /// Write the groups with their row counts, weights and mean vectors
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// How profiles are made; shared with `recommend`.
#[derive(clap::Args)]
pub struct How {
    /// Groups of fewer rows have no profile [default: 1; 2 for recommend --for]
    #[arg(long, value_name = "N")]
    pub min_count: Option<usize>,
    /// Column of row weights; an empty cell weighs 0
    #[arg(long, value_name = "COL")]
    weight: Option<String>,
    /// Shrinkage: add this many rows of the overall mean to each group
    #[arg(long, value_name = "ROWS", default_value_t = 0.0)]
    shrink: f64,
}

impl How {
    pub fn weights(&self, columns: &Table) -> Result<Option<Vec<f64>>> {
        let Some(name) = &self.weight else { return Ok(None) };
        let numbers = columns.numbers(name)?;
        Ok(Some(numbers.into_iter().map(|weight| weight.unwrap_or(0.0)).collect()))
    }

    pub fn options<'w>(&self, weights: Option<&'w [f64]>, min_count: usize) -> ProfileOptions<'w> {
        ProfileOptions { min_count: self.min_count.unwrap_or(min_count), weights, shrinkage: self.shrink }
    }
}

#[derive(Serialize)]
struct Summary {
    by: String,
    groups: usize,
    dims: usize,
    rows: usize,
    rows_without_group: usize,
    groups_without_profile: usize,
    count: Counts,
    largest: Vec<Group>,
}

#[derive(Serialize)]
struct Counts {
    min: usize,
    mean: f64,
    max: usize,
}

#[derive(Serialize)]
struct Group {
    group: String,
    count: usize,
}

pub fn run(args: &Args, output: &Output) -> Result<Outcome> {
    Outputs::of(args.input.paths()).table(args.output.as_deref(), None)?;
    let busy = output.busy(format!("averaging {}", args.input.name()));
    let wanted = Wanted { blocks: true, ..Default::default() };
    let rows = args.input.open(&wanted, Roles::default(), output)?;
    let columns = rows.table();
    let in_file = |error: Error| error.file(args.input.file());
    let groups = columns.labels(&args.by).map_err(in_file)?;
    let weights = args.how.weights(columns).map_err(in_file)?;
    let found = profiles(&rows, &groups.codes, groups.names.len(), &args.how.options(weights.as_deref(), 1))
        .map_err(in_file)?;
    drop(busy);
    let summary = summary(args, &groups, &found);
    if summary.groups == 0 {
        return Err(in_file(
            Error::input("no group has a profile")
                .column(&args.by)
                .advice("choose another column, or a lower --min-count"),
        ));
    }
    if let Some(path) = &args.output {
        let written = table::write(
            &as_table(&args.by, &groups, &found, columns.vector_column())?,
            path,
            &WriteOptions::default(),
        )?;
        if !written.dropped_columns.is_empty() {
            output.warn(format_args!(
                "{} holds vectors only; these columns are not in it: {}",
                path.display(),
                written.dropped_columns.join(", ")
            ));
        }
        output.note(format_args!("wrote {}", path.display()));
    }
    output.result(&summary, |out| {
        writeln!(
            out,
            "{} profiles, {} dimensions, by {}, from {} rows; {} to {} rows each, {:.1} on average",
            grouped(summary.groups),
            summary.dims,
            summary.by,
            grouped(summary.rows),
            grouped(summary.count.min),
            grouped(summary.count.max),
            summary.count.mean
        )?;
        for (number, what) in [
            (summary.rows_without_group, "rows without a group are left out"),
            (summary.groups_without_profile, "groups have too few rows or no weight, and no profile"),
        ] {
            if number > 0 {
                writeln!(out, "{} {what}", grouped(number))?;
            }
        }
        let mut rows = Rows::new(&[summary.by.as_str(), "rows"], &[1]);
        for group in &summary.largest {
            rows.push(vec![group.group.clone(), grouped(group.count)]);
        }
        writeln!(out, "\nthe largest\n{rows}")
    })?;
    Ok(Outcome::Done)
}

fn known(found: &Profiles) -> Vec<usize> {
    (0..found.known.len()).filter(|group| found.known[*group]).collect()
}

fn summary(args: &Args, groups: &Labels, found: &Profiles) -> Summary {
    let known = known(found);
    let counts = || known.iter().map(|group| found.counts[*group]);
    let mut by_size = known.clone();
    by_size.sort_by_key(|group| std::cmp::Reverse(found.counts[*group]));
    let largest = by_size.iter().take(5);
    Summary {
        by: args.by.clone(),
        groups: known.len(),
        dims: found.vectors.ncols(),
        rows: counts().sum(),
        rows_without_group: groups.codes.iter().filter(|code| code.is_none()).count(),
        groups_without_profile: found.known.len() - known.len(),
        count: Counts {
            min: counts().min().unwrap_or(0),
            mean: counts().sum::<usize>() as f64 / known.len().max(1) as f64,
            max: counts().max().unwrap_or(0),
        },
        largest: largest
            .map(|&group| Group { group: groups.names[group].clone(), count: found.counts[group] })
            .collect(),
    }
}

/// One row a group: its name, its rows, their weight, its vector.
fn as_table(by: &str, groups: &Labels, found: &Profiles, vector_column: &str) -> Result<Table> {
    let known = known(found);
    let names: StringArray = known.iter().map(|group| Some(groups.names[*group].as_str())).collect();
    let counts: Int64Array = known.iter().map(|group| Some(found.counts[*group] as i64)).collect();
    let weights: Float64Array = known.iter().map(|group| Some(found.weights[*group])).collect();
    let schema = Schema::new(vec![
        Field::new(by, DataType::Utf8, false),
        Field::new("count", DataType::Int64, true),
        Field::new("weight", DataType::Float64, true),
    ]);
    let columns: Vec<ArrayRef> = vec![Arc::new(names), Arc::new(counts), Arc::new(weights)];
    let columns = RecordBatch::try_new(Arc::new(schema), columns)
        .map_err(|error| Error::input("the profiles cannot be written as a table").source(error))?;
    Table::new(found.vectors.select(Axis(0), &known), columns, vector_column)
}
