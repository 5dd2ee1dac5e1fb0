//! What a model learns from, and which model: the options that `regress`, `classify` and `train` share.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use clap::ValueEnum;
use embedlab::forest::MaxFeatures;
use embedlab::model::{Column, FeatureEncoder, ModelKind, ModelOptions};
use embedlab::table::{self, Table};
use embedlab::{Error, Result};
use ndarray::Array2;

use super::columns::{label_column, text_column};
use super::input::Input;
use super::{Common, Output};

/// The rows and columns.
#[derive(clap::Args)]
pub struct Source {
    /// The column to predict [default: one with a usual name, such as Score]
    #[arg(long, value_name = "COL")]
    label: Option<String>,
    /// The column with the texts, to find those that stand on both sides [default: one with a usual name, or the longest]
    #[arg(long, value_name = "COL")]
    text: Option<String>,
    /// More columns to learn from beside the embedding: numbers, or names as one-hot
    #[arg(long, value_name = "COL,COL", value_delimiter = ',')]
    features: Vec<String>,
    /// Vectors of the names in a column of --features, as COLUMN=FILE; the file has one row a name
    #[arg(long, value_name = "COL=FILE", value_parser = column_and_file)]
    name_vectors: Vec<(String, PathBuf)>,
    /// A column with the weights of the rows
    #[arg(long, value_name = "COL")]
    weight: Option<String>,
    /// Keep only the first row of each text
    #[arg(long)]
    drop_duplicates: bool,
    /// Leave out rows without a label
    #[arg(long)]
    drop_missing: bool,
}

/// The model.
#[derive(clap::Args)]
pub struct Model {
    /// The kind of model; logistic is for classes, ridge for numbers
    #[arg(long, value_name = "KIND", default_value = "forest")]
    model: Kind,
    /// Trees of a forest, rounds of boosting
    #[arg(long, value_name = "N", default_value_t = 100)]
    trees: usize,
    /// Features that a node of a forest looks at: all, sqrt, log2, a share such as 0.3, or a number [default: all to regress, sqrt to classify]
    #[arg(long, value_name = "WHICH", value_parser = max_features)]
    max_features: Option<MaxFeatures>,
    /// The most splits from the root to a leaf [default: no limit; for tree 4]
    #[arg(long, value_name = "N")]
    max_depth: Option<usize>,
    /// The fewest rows of a leaf [default: 1; for boost 20, for tree 5]
    #[arg(long, value_name = "N")]
    min_samples_leaf: Option<usize>,
    /// The share of each step of boosting that is taken
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    learning_rate: f64,
    /// The price of long coefficients of ridge and logistic
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    alpha: f64,
    /// Neighbours that knn asks
    #[arg(long, value_name = "N", default_value_t = 5)]
    neighbors: usize,
    /// Let every class count the same, however many rows it has (forest and boost)
    #[arg(long)]
    balanced: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Forest,
    Boost,
    Tree,
    Logistic,
    Ridge,
    Knn,
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
            kind: match self.model {
                Kind::Forest => ModelKind::Forest,
                Kind::Boost => ModelKind::Boost,
                Kind::Tree => ModelKind::Tree,
                Kind::Logistic => ModelKind::Logistic,
                Kind::Ridge => ModelKind::Ridge,
                Kind::Knn => ModelKind::Knn,
            },
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
    pub encoder: FeatureEncoder,
    /// The embedding and the other columns side by side.
    pub features: Array2<f32>,
}

impl Source {
    /// Reads the rows, leaves out what was asked to be left out, and encodes the columns.
    pub fn read(&self, input: &Input, output: &Output) -> Result<Learnable> {
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
        let table = self.kept(table, &label, text.as_deref(), output).map_err(in_file)?;
        let texts = text.as_deref().map(|text| table.text(text)).transpose()?;
        let weights = self.weight.as_deref().map(|weight| whole(&table, weight)).transpose()?;
        if self.features.contains(&label) {
            return Err(Error::argument("the label cannot be one of the features").column(&label));
        }
        let columns = features_of(&table, &self.features, |column| {
            table.column(column).is_ok_and(|c| c.data_type().is_numeric())
        })?;
        let encoder = FeatureEncoder::fit_with_vectors(&columns, &self.names(output)?)?;
        let features = encoder.beside(table.vectors(), &columns)?;
        Ok(Learnable { table, label, texts, weights, encoder, features })
    }

    fn kept(&self, table: Table, label: &str, text: Option<&str>, output: &Output) -> Result<Table> {
        let labels = table.text(label)?;
        let texts = text.map(|text| table.text(text)).transpose()?;
        let missing = labels.iter().filter(|label| label.is_none()).count();
        if missing > 0 && !self.drop_missing {
            return Err(Error::input("rows without a label")
                .column(label)
                .seen(format!("{missing} of {} rows", labels.len()))
                .advice("leave them out with --drop-missing"));
        }
        if self.drop_duplicates && texts.is_none() {
            return Err(Error::argument("no texts to compare").advice("name their column with --text"));
        }
        let mut seen = HashSet::new();
        let rows: Vec<usize> = (0..table.n_rows())
            .filter(|row| labels[*row].is_some())
            .filter(|row| match texts.as_ref().and_then(|texts| texts[*row].as_deref()) {
                Some(text) if self.drop_duplicates => seen.insert(text),
                _ => true,
            })
            .collect();
        if rows.len() == table.n_rows() {
            return Ok(table);
        }
        output.note(format!("{} of {} rows left out", table.n_rows() - rows.len(), table.n_rows()));
        table.take(&rows)
    }

    /// The vectors of names, by column and name.
    fn names(&self, output: &Output) -> Result<BTreeMap<String, BTreeMap<String, Vec<f32>>>> {
        let mut found = BTreeMap::new();
        for (column, file) in &self.name_vectors {
            if !self.features.contains(column) {
                return Err(Error::argument("vectors of names for a column that is no feature")
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

    /// The targets as classes, and the names of those.
    pub fn classes(&self) -> Result<(Vec<usize>, Vec<String>)> {
        let labels = self.table.labels(&self.label)?;
        Ok((labels.codes.iter().flatten().map(|code| *code as usize).collect(), labels.names))
    }

    /// What to call a feature.
    pub fn feature_name(&self, feature: usize) -> String {
        self.encoder.feature_name(self.table.dims(), feature)
    }
}
