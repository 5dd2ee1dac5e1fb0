//! What a model learns from, and which model: the options that `regress`, `classify` and `train` share.

use std::collections::BTreeMap;
use std::path::PathBuf;

use embedlab::forest::MaxFeatures;
use embedlab::model::{Classes, Column, Inputs, ModelKind, ModelOptions, NameVectors};
use embedlab::table::{self, Table};
use embedlab::{Error, Result};

use super::columns::{label_column, text_column};
use super::input::TableInput;
use super::{Common, Output};

/// The rows and columns.
#[derive(clap::Args)]
pub struct Source {
    /// The column to predict [default: Score, rating, stars, label, ..]
    #[arg(long, value_name = "COL")]
    label: Option<String>,
    /// Text column, to detect duplicates shared by training and test [default: combined, text, content, .., or the column with the longest texts]
    #[arg(long, value_name = "COL")]
    text: Option<String>,
    /// Additional feature columns: numbers (scaled), or categories (one-hot)
    #[arg(long, value_name = "COL,COL", value_delimiter = ',')]
    features: Vec<String>,
    /// Vectors of the categories of a column of --features, as COLUMN=FILE; the file has one row for each category
    #[arg(long, value_name = "COL=FILE", value_parser = column_and_file)]
    name_vectors: Vec<(String, PathBuf)>,
    /// Column of row weights
    #[arg(long, value_name = "COL")]
    weight: Option<String>,
    /// Drop rows without a label
    #[arg(long)]
    drop_missing: bool,
}

/// The model.
#[derive(clap::Args)]
pub struct Model {
    /// The kind of model; logistic is for classes, ridge for numbers
    #[arg(long, value_name = "KIND", value_enum, default_value_t)]
    model: ModelKind,
    /// Trees of a forest, rounds of boosting [default: 100]
    #[arg(long, value_name = "N")]
    trees: Option<usize>,
    /// Features considered at each split of a forest: all, sqrt, log2, a share such as 0.3, or a number [default: all to regress, sqrt to classify]
    #[arg(long, value_name = "WHICH", value_parser = max_features)]
    max_features: Option<MaxFeatures>,
    /// Maximum depth of forest, boost and tree [default: no limit; for tree 4]
    #[arg(long, value_name = "N")]
    max_depth: Option<usize>,
    /// Minimum rows per leaf of forest, boost and tree [default: 1; for boost 20, for tree 5]
    #[arg(long, value_name = "N")]
    min_samples_leaf: Option<usize>,
    /// Learning rate of boosting [default: 0.1]
    #[arg(long, value_name = "X")]
    learning_rate: Option<f64>,
    /// L2 regularisation strength of ridge and logistic [default: 1]
    #[arg(long, value_name = "X")]
    alpha: Option<f64>,
    /// Neighbours of knn [default: 5]
    #[arg(long, value_name = "N")]
    neighbors: Option<usize>,
    /// Weight classes equally, whatever their number of rows (forest and boost)
    #[arg(long)]
    balanced: bool,
}

fn max_features(text: &str) -> std::result::Result<MaxFeatures, String> {
    match text {
        "all" => Ok(MaxFeatures::All),
        "sqrt" => Ok(MaxFeatures::Sqrt),
        "log2" => Ok(MaxFeatures::Log2),
        _ => match (text.parse::<usize>(), text.parse::<f64>()) {
            (Ok(count), _) if count > 0 => Ok(MaxFeatures::Count(count)),
            (_, Ok(share)) if share > 0.0 && share <= 1.0 => Ok(MaxFeatures::Share(share)),
            _ => Err("give all, sqrt, log2, a share above 0 and at most 1, or a number".to_owned()),
        },
    }
}

fn column_and_file(text: &str) -> std::result::Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((column, file)) if !column.is_empty() && !file.is_empty() => {
            Ok((column.to_owned(), file.into()))
        }
        _ => Err("give COLUMN=FILE, such as brand=brands.parquet".to_owned()),
    }
}

impl Model {
    pub fn options(&self, common: &Common) -> ModelOptions {
        ModelOptions {
            kind: self.model,
            trees: self.trees,
            max_features: self.max_features,
            max_depth: self.max_depth,
            min_samples_leaf: self.min_samples_leaf,
            learning_rate: self.learning_rate,
            alpha: self.alpha,
            n_neighbors: self.neighbors,
            balanced: self.balanced,
            seed: common.seed,
        }
    }
}

/// Rows with a label, and their features.
pub struct Learnable {
    pub table: Table,
    pub label: String,
    pub texts: Option<Vec<Option<String>>>,
    pub weights: Option<Vec<f64>>,
    /// The columns beside the embedding.
    pub columns: Vec<(String, Column)>,
    pub name_vectors: NameVectors,
}

impl Source {
    /// Reads the rows, leaves out what was asked to be left out, and encodes the columns.
    pub fn read(&self, input: &TableInput, output: &Output) -> Result<Learnable> {
        let table = input.read(output)?;
        let in_file = |error: Error| error.file(&input.file);
        let Some(label) = label_column(&table, self.label.as_deref()).map_err(in_file)? else {
            return Err(Error::argument("no column to predict").advice(format!(
                "name it with --label; the columns are {}",
                table.column_names().join(", ")
            )));
        };
        if self.label.is_none() {
            output.note(format_args!("using the column {label} as the label"));
        }
        let text = text_column(&table, self.text.as_deref()).map_err(in_file)?;
        let table = self.kept(table, &label, output).map_err(in_file)?;
        let texts = text.as_deref().map(|text| table.text(text)).transpose()?;
        let weights = self.weight.as_deref().map(|weight| whole(&table, weight)).transpose()?;
        if self.features.contains(&label) {
            return Err(Error::argument("the label cannot be one of the features").column(&label));
        }
        let columns = features_of(&table, &self.features, |column| {
            table.column(column).is_ok_and(|c| c.data_type().is_numeric())
        })?;
        let name_vectors = self.names(output)?;
        Ok(Learnable { table, label, texts, weights, columns, name_vectors })
    }

    fn kept(&self, table: Table, label: &str, output: &Output) -> Result<Table> {
        let labels = table.text(label)?;
        let missing = labels.iter().filter(|label| label.is_none()).count();
        if missing > 0 && !self.drop_missing {
            return Err(Error::input("rows without a label")
                .column(label)
                .seen(format!("{missing} of {} rows", labels.len()))
                .advice("leave them out with --drop-missing"));
        }
        let rows: Vec<usize> = (0..table.n_rows()).filter(|row| labels[*row].is_some()).collect();
        if rows.len() == table.n_rows() {
            return Ok(table);
        }
        output.note(format!("dropped {} of {} rows", table.n_rows() - rows.len(), table.n_rows()));
        table.take(&rows)
    }

    /// The vectors of names, by column and name.
    fn names(&self, output: &Output) -> Result<NameVectors> {
        let mut found: NameVectors = BTreeMap::new();
        for (column, file) in &self.name_vectors {
            if !self.features.contains(column) {
                return Err(Error::argument("vectors of names for a column that is not a feature")
                    .column(column)
                    .advice(format!("add it: --features {column}")));
            }
            let table = table::read(file, &Default::default())?;
            let name = text_column(&table, table.column(column).is_ok().then_some(column.as_str()))?
                .or_else(|| table.column_names().first().map(|name| (*name).to_owned()))
                .ok_or_else(|| Error::input("no column with the names").file(file))?;
            output.note(format!("names of {column} from the column {name} of {}", file.display()));
            let names = table.text(&name)?;
            let of = names
                .into_iter()
                .zip(table.vectors().rows())
                .filter_map(|(name, vector)| Some((name?, vector.to_vec())))
                .collect();
            found.insert(column.clone(), of);
        }
        Ok(found)
    }
}

/// The columns that a model asks for; `is_number` says of each which kind is meant.
pub fn features_of(
    table: &Table,
    names: &[String],
    is_number: impl Fn(&str) -> bool,
) -> Result<Vec<(String, Column)>> {
    names
        .iter()
        .map(|name| {
            table.column(name)?;
            let column = match is_number(name) {
                true => Column::Numbers(table.numbers(name)?),
                false => Column::Names(table.text(name)?),
            };
            Ok((name.clone(), column))
        })
        .collect()
}

/// A column with a number in every row.
pub fn whole(table: &Table, column: &str) -> Result<Vec<f64>> {
    let numbers = table.numbers(column)?;
    match numbers.iter().position(Option::is_none) {
        Some(row) => Err(Error::input("a row without a number").column(column).row(row))
            .map_err(|error| table.origin().locate(error)),
        None => Ok(numbers.into_iter().flatten().collect()),
    }
}

impl Learnable {
    /// The targets as numbers.
    pub fn targets(&self) -> Result<Vec<f64>> {
        whole(&self.table, &self.label)
    }

    /// The targets as classes.
    pub fn classes(&self) -> Result<Classes> {
        Classes::try_from(self.table.labels(&self.label)?).map_err(|error| error.column(&self.label))
    }

    /// The embedding and the columns beside it.
    pub fn inputs(&self) -> Result<Inputs<'_>> {
        Inputs::new(self.table.vectors(), &self.columns, &self.name_vectors)
    }
}
