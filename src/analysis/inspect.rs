//! What is in a file, and whether it can be trusted.

use std::collections::HashSet;

use arrow::array::Array;
use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(feature = "charts")]
use super::cluster_pictures::palette;
use super::{Analysis, Context, InReport, Needs};
#[cfg(feature = "charts")]
use crate::chart::{Bars, Histogram, Palette};
use crate::data::{Data, Role};
use crate::error::Result;
use crate::number::{counted, fixed, grouped, range};
use crate::rows::RowSource;
use crate::table::{Check, Severity, Table, check_rows};
use crate::view::{Block, Cell, Grid, KeyFigure, Look, Section};

/// What is known of a file.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Inspection {
    /// The file.
    pub file: String,
    /// The column of the vectors; `None` when no column holds vectors.
    pub vector_column: Option<String>,
    /// The other columns.
    pub column_details: Vec<ColumnDetails>,
    /// The rows of a file without vectors; else they are counted by the check.
    #[serde(rename = "rows", skip_serializing_if = "Option::is_none")]
    pub rows_without_vectors: Option<usize>,
    /// What one pass over the vectors found.
    #[serde(flatten)]
    pub check: Option<Check>,
    /// Texts that repeat an earlier one word for word; `None` without a text column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate_texts: Option<usize>,
    #[serde(skip)]
    about: About,
    #[serde(skip)]
    strict: bool,
    #[serde(skip)]
    lists_columns: bool,
}

/// What is told of the label and of the texts.
#[derive(Debug, Clone, Default)]
struct About {
    /// The label column, its values, and the rows of each.
    label: Option<(String, Vec<String>, Vec<u64>)>,
    /// The words of each text.
    words: Vec<f32>,
}

/// A column besides the vectors.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ColumnDetails {
    /// Its name.
    pub name: String,
    /// What its cells hold, in a word.
    #[serde(rename = "type")]
    pub kind: String,
    /// Cells without a value.
    pub missing: usize,
    /// The first value.
    pub example: Option<String>,
}

/// Options of [`Inspect`]: none.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct InspectOptions {}

/// Options of [`CheckFile`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct CheckOptions {
    /// Fail on warnings too, such as duplicate rows
    #[cfg_attr(feature = "cli", arg(long))]
    pub strict: bool,
}

/// The analysis `inspect`.
pub struct Inspect;

impl Analysis for Inspect {
    const NAME: &'static str = "inspect";
    const ABOUT: &'static str =
        "Show what is in a file: rows, dimensions, columns, norms, and what looks wrong";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab inspect reviews.csv
  embedlab inspect vectors.npy --sidecar metadata.csv --json";
    const NEEDS: Needs = Needs::Blocks;
    const ROLES: &'static [Role] = &[Role::Text, Role::Label];
    const READS_NON_FINITE: bool = true;
    const READS_WITHOUT_VECTORS: bool = true;
    type Options = InspectOptions;
    type Outcome = Inspection;

    fn run(data: &Data, _options: &InspectOptions, _context: &Context<'_>) -> Result<Inspection> {
        Inspection::of(data, true, false)
    }

    fn view(found: &Inspection, look: Look) -> Result<Section> {
        found.view(look)
    }

    fn in_report(_data: &Data) -> InReport<InspectOptions> {
        InReport::Yes(InspectOptions::default())
    }
}

/// The analysis `check`.
pub struct CheckFile;

impl Analysis for CheckFile {
    const NAME: &'static str = "check";
    const ABOUT: &'static str =
        "Look for NaN, zero vectors, duplicates and constant dimensions; exit code 1 when something is wrong";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab check reviews.parquet
  embedlab check reviews.parquet --strict && echo clean

Exit code 1 when something is wrong.";
    const NEEDS: Needs = Needs::Blocks;
    const ROLES: &'static [Role] = &[];
    const READS_NON_FINITE: bool = true;
    type Options = CheckOptions;
    type Outcome = Inspection;

    fn run(data: &Data, options: &CheckOptions, _context: &Context<'_>) -> Result<Inspection> {
        Inspection::of(data, false, options.strict)
    }

    fn view(found: &Inspection, look: Look) -> Result<Section> {
        found.view(look)
    }

    fn is_failure(found: &Inspection) -> bool {
        let fails = |severity: Severity| match severity {
            Severity::Error => true,
            Severity::Warning => found.strict,
            Severity::Note => false,
        };
        found.check.iter().flat_map(|check| &check.problems).any(|problem| fails(problem.severity))
    }
}

impl Inspection {
    fn of(data: &Data, lists_columns: bool, strict: bool) -> Result<Inspection> {
        let table = data.table();
        let has_vectors = data.dims() > 0;
        let mut check = None;
        if has_vectors {
            let mut found = check_rows(data)?.with_columns(table.column_names());
            for problem in &mut found.problems {
                problem.rows.iter_mut().for_each(|row| *row = data.row_of_file(*row));
            }
            check = Some(found);
        }
        let mut about = About::default();
        let mut duplicate_texts = None;
        if lists_columns {
            if let Some(name) = data.column_of(Role::Label) {
                let labels = table.labels(name)?;
                let mut counts = vec![0; labels.names.len()];
                labels.codes.iter().flatten().for_each(|code| counts[*code as usize] += 1);
                about.label = Some((name.to_owned(), labels.names, counts));
            }
            if let Some(texts) = data.texts()? {
                let mut seen = HashSet::new();
                let repeats = texts.iter().flatten().filter(|text| !seen.insert(text.as_str())).count();
                duplicate_texts = Some(repeats);
                about.words =
                    texts.iter().flatten().map(|text| text.split_whitespace().count() as f32).collect();
            }
        }
        Ok(Inspection {
            file: data.name().to_owned(),
            vector_column: has_vectors.then(|| table.vector_column().to_owned()),
            column_details: details(table),
            rows_without_vectors: (!has_vectors).then(|| data.n_rows()),
            check,
            duplicate_texts,
            about,
            strict,
            lists_columns,
        })
    }

    fn view(&self, look: Look) -> Result<Section> {
        let mut section = Section::new("overview", "Overview");
        match (&self.check, &self.vector_column) {
            (Some(check), Some(column)) => {
                let norms = if check.unit_length {
                    "every vector has norm 1".to_owned()
                } else {
                    range(check.norm.min, check.norm.max, 3)
                };
                section = section.with(Block::key_figures([
                    KeyFigure::new(grouped(check.rows as u64), "rows"),
                    KeyFigure::new(grouped(check.dims as u64), "dimensions").note(format!("column {column}")),
                    KeyFigure::new(fixed(check.norm.mean, 3), "mean L2 norm").note(norms),
                    KeyFigure::new(grouped(check.duplicate_rows as u64), "duplicate vectors"),
                ]));
                if check.problems.is_empty() {
                    section = section.with(Block::paragraph("No problems found."));
                }
                for problem in &check.problems {
                    section = section.with(match problem.severity {
                        Severity::Note => Block::note(problem.message.as_str()),
                        Severity::Warning => Block::warning(problem.message.as_str()),
                        Severity::Error => Block::warning(format!("error: {}", problem.message)),
                    });
                }
            }
            _ => {
                let rows = counted(self.rows_without_vectors.unwrap_or_default(), "row");
                section = section.with(Block::warning(format!("{rows}, and no column that holds vectors."))).with(
                    Block::paragraph(format!(
                        "Make vectors of the texts; lsa needs no key, and embedlab embed --help names other models:\n\
                         embedlab embed '{}' --model lsa -o vectors.parquet",
                        self.file
                    )),
                );
            }
        }
        if !self.lists_columns {
            return Ok(section);
        }
        section = section.with(self.columns());
        if let (Some(repeats), Some(check)) =
            (self.duplicate_texts.filter(|repeats| *repeats > 0), &self.check)
        {
            section = section.with(Block::warning(format!(
                "{} of {} texts repeat an earlier one word for word. A model that is trained on some rows and tested on \
                 others will have seen part of the test.",
                grouped(repeats as u64),
                grouped(check.rows as u64)
            )));
        }
        self.about.add_to(section, look)
    }

    fn columns(&self) -> Block {
        if self.column_details.is_empty() {
            return Block::paragraph("No other columns.");
        }
        let grid = Grid::new(["column", "type", "missing", "first value"]);
        let grid = self.column_details.iter().fold(grid, |grid, column| {
            let example: String = column.example.iter().flat_map(|text| text.chars().take(60)).collect();
            grid.row([
                Cell::text(column.name.as_str()),
                Cell::text(column.kind.as_str()),
                Cell::count(column.missing),
                Cell::text(example),
            ])
        });
        grid.into()
    }
}

impl About {
    /// How the rows are spread over the label, and how long the texts are.
    fn add_to(&self, mut section: Section, look: Look) -> Result<Section> {
        if let Some((name, values, counts)) = &self.label {
            let labelled: u64 = counts.iter().sum();
            let grid = Grid::new([name.as_str(), "rows", "share"])
                .caption(format!("How the rows are spread over {name}"));
            section = section.with(values.iter().zip(counts).fold(grid, |grid, (value, &count)| {
                let share = count as f64 / labelled.max(1) as f64;
                grid.row([Cell::text(value.as_str()), Cell::Count(count), Cell::Share(share)])
            }));
            #[cfg(feature = "charts")]
            {
                let caption = format!(
                    "The rows of each {name}. Compare every accuracy with the share of the largest class."
                );
                let sizes: Vec<f64> = counts.iter().map(|&count| count as f64).collect();
                section = section.picture(look, &format!("Rows by {name}"), caption, |style| {
                    let style = style.fitting_bars(values.len()).subtitle(counted(labelled as usize, "row"));
                    let bars = Bars::new(values, &sizes).shares(true);
                    match palette(values) {
                        Palette::Stars => bars.palette(Palette::Stars).draw(&style),
                        _ => bars.draw(&style),
                    }
                })?;
            }
        }
        #[cfg(feature = "charts")]
        if !self.words.is_empty() {
            let caption = "How many words the texts have. Models cut what is longer than they can read.";
            section = section.picture(look, "Lengths of the texts", caption, |style| {
                let subtitle = counted(self.words.len(), "text");
                Histogram::new(&self.words, "words").draw(&style.size(800, 380).subtitle(subtitle))
            })?;
        }
        #[cfg(not(feature = "charts"))]
        let _ = (look, &self.words);
        Ok(section)
    }
}

fn details(table: &Table) -> Vec<ColumnDetails> {
    let fields = table.columns().schema_ref().fields().iter().zip(table.columns().columns());
    fields
        .enumerate()
        .map(|(position, (field, values))| ColumnDetails {
            name: field.name().clone(),
            kind: kind(field.data_type()),
            missing: values.logical_null_count(),
            example: table.first_text(position),
        })
        .collect()
}

/// What cells of a type hold, in a word.
fn kind(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".to_owned(),
        DataType::Boolean => "true or false".to_owned(),
        kind if kind.is_integer() => "integer".to_owned(),
        kind if kind.is_floating() || matches!(kind, DataType::Decimal128(..) | DataType::Decimal256(..)) => {
            "number".to_owned()
        }
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Timestamp(..) => "time".to_owned(),
        DataType::Dictionary(_, values) => kind(values),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            format!("list of {}", kind(item.data_type()))
        }
        DataType::Struct(_) | DataType::Map(..) => "object".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::FixedSizeBinary(_) | DataType::BinaryView => {
            "bytes".to_owned()
        }
        other => other.to_string(),
    }
}
