//! The mean vector of each user, product, or other group.

use std::cmp::Reverse;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use ndarray::Axis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Analysis, Context, Needs};
use crate::data::{Data, Role};
use crate::error::{Error, Result};
use crate::number::{counted, fixed, grouped};
use crate::recommend::{ProfileOptions, Profiles, profiles};
use crate::rows::RowSource;
use crate::table::{Labels, Table};
use crate::view::{Block, Cell, Grid, KeyFigure, Look, Section};

/// The largest groups that a view lists.
const LISTED: usize = 5;

/// Options of [`Profile`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct GroupProfileOptions {
    /// The column with the groups [default: a column of users]
    #[cfg_attr(feature = "cli", arg(long, value_name = "COL"))]
    pub by: Option<String>,
    /// Groups of fewer rows have no profile
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", default_value_t = Self::default().min_count))]
    pub min_count: usize,
    /// Column of row weights; an empty cell weighs 0
    #[cfg_attr(feature = "cli", arg(long, value_name = "COL"))]
    pub weight: Option<String>,
    /// Shrinkage: add this many rows of the overall mean to each group
    #[cfg_attr(feature = "cli", arg(long, value_name = "ROWS", default_value_t = Self::default().shrink))]
    pub shrink: f64,
}

impl Default for GroupProfileOptions {
    fn default() -> Self {
        GroupProfileOptions { by: None, min_count: 1, weight: None, shrink: 0.0 }
    }
}

/// The mean vectors of groups.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct GroupProfiles {
    /// The column with the groups.
    pub by: String,
    /// Groups with a profile.
    pub groups: usize,
    /// Dimensions of the vectors.
    pub dims: usize,
    /// Rows of these groups.
    pub rows: usize,
    /// Rows without a group.
    pub rows_without_group: usize,
    /// Groups of too few rows, or without weight.
    pub groups_without_profile: usize,
    /// Rows of a group.
    pub count: RowCounts,
    /// The largest groups.
    pub largest: Vec<GroupSize>,
    /// One row a group: its name, its rows, their weight, its vector.
    #[serde(skip)]
    pub table: Table,
}

/// How many rows groups have.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct RowCounts {
    /// The fewest.
    pub min: usize,
    /// On average.
    pub mean: f64,
    /// The most.
    pub max: usize,
}

/// A group.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct GroupSize {
    /// Its name.
    pub group: String,
    /// Its rows.
    pub count: usize,
}

/// The analysis `profile`.
pub struct Profile;

impl Analysis for Profile {
    const NAME: &'static str = "profile";
    const ABOUT: &'static str = "Average the vectors of each user, product or other group";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab profile reviews.parquet --by UserId -o users.parquet
  embedlab profile reviews.parquet --by ProductId --min-count 2 --shrink 1 -o products.parquet
  embedlab profile vectors.npy --sidecar rows.csv --by Kind --weight Score --json";
    const NEEDS: Needs = Needs::Blocks;
    const ROLES: &'static [Role] = &[];
    const WRITES: Option<&'static str> =
        Some("Write the groups with their row counts, weights and mean vectors");
    const WRITES_SOME: bool = true;
    type Options = GroupProfileOptions;
    type Outcome = GroupProfiles;

    fn run(data: &Data, options: &GroupProfileOptions, _context: &Context<'_>) -> Result<GroupProfiles> {
        let by = match &options.by {
            Some(by) => by.as_str(),
            None => data.column_of(Role::User).ok_or_else(|| {
                Error::argument("no column with groups").with_code("no-column").advice(format!(
                    "name it with --by; the columns are {}",
                    crate::text::names(&data.table().column_names())
                ))
            })?,
        };
        let groups = data.table().labels(by)?;
        let weights = options.weight.as_deref().map(|name| data.table().numbers(name)).transpose()?;
        let weights: Option<Vec<f64>> =
            weights.map(|weights| weights.into_iter().map(|weight| weight.unwrap_or(0.0)).collect());
        let rules = ProfileOptions {
            min_count: options.min_count,
            weights: weights.as_deref(),
            shrinkage: options.shrink,
        };
        let found = profiles(data, &groups.codes, groups.names.len(), &rules)?;
        if found.n_known() == 0 {
            return Err(Error::input("no group has a profile")
                .with_code("no-profile")
                .column(by)
                .advice("choose another column, or a lower --min-count"));
        }
        GroupProfiles::of(by, &groups, &found, data)
    }

    fn view(found: &GroupProfiles, _look: Look) -> Result<Section> {
        let mut section =
            Section::new(Self::NAME, format!("Mean vectors by {}", found.by)).with(Block::key_figures([
                KeyFigure::new(grouped(found.groups as u64), "profiles")
                    .note(format!("{} dimensions", grouped(found.dims as u64))),
                KeyFigure::new(grouped(found.rows as u64), "rows"),
                KeyFigure::new(fixed(found.count.mean, 1), "rows of a profile, mean").note(format!(
                    "{} to {}",
                    grouped(found.count.min as u64),
                    grouped(found.count.max as u64)
                )),
            ]));
        if found.rows_without_group > 0 {
            section = section
                .with(Block::note(format!("{} without a group.", counted(found.rows_without_group, "row"))));
        }
        if found.groups_without_profile > 0 {
            section = section.with(Block::note(format!(
                "{} of too few rows, or without weight, and so without a profile.",
                counted(found.groups_without_profile, "group")
            )));
        }
        let grid = Grid::new([found.by.as_str(), "rows"]).caption("The largest");
        Ok(section.with(found.largest.iter().fold(grid, |grid, group| {
            grid.row([Cell::text(group.group.as_str()), Cell::count(group.count)])
        })))
    }

    fn table(found: &GroupProfiles) -> Result<Option<Table>> {
        Ok(Some(found.table.clone()))
    }
}

impl GroupProfiles {
    fn of(by: &str, groups: &Labels, found: &Profiles, data: &Data) -> Result<GroupProfiles> {
        let known: Vec<usize> = (0..found.known.len()).filter(|group| found.known[*group]).collect();
        let counts = || known.iter().map(|group| found.counts[*group]);
        let rows = counts().sum();
        let mut by_size = known.clone();
        by_size.sort_by_key(|group| Reverse(found.counts[*group]));
        Ok(GroupProfiles {
            by: by.to_owned(),
            groups: known.len(),
            dims: data.dims(),
            rows,
            rows_without_group: groups.codes.iter().filter(|code| code.is_none()).count(),
            groups_without_profile: found.known.len() - known.len(),
            count: RowCounts {
                min: counts().min().unwrap_or(0),
                mean: rows as f64 / known.len().max(1) as f64,
                max: counts().max().unwrap_or(0),
            },
            largest: by_size
                .iter()
                .take(LISTED)
                .map(|group| GroupSize { group: groups.names[*group].clone(), count: found.counts[*group] })
                .collect(),
            table: as_table(by, groups, found, &known, data.table().vector_column())?,
        })
    }
}

fn as_table(by: &str, groups: &Labels, found: &Profiles, known: &[usize], vector: &str) -> Result<Table> {
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
    Table::new(found.vectors.select(Axis(0), known), columns, vector)
}
