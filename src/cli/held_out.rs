//! What `regress` and `classify` share: which rows are held out, and how the forest is grown.

use std::collections::HashSet;

use embedlab::forest::MaxFeatures;
use embedlab::model::ForestOptions;
use embedlab::table::{Split, Table, group_split, stratified_split, train_test_split};
use embedlab::{Error, Result};

use super::columns::{label_column, text_column};
use super::input::Input;
use super::{Common, Output};

/// The split and the forest.
#[derive(clap::Args)]
pub struct How {
    /// The column to predict [default: one with a usual name, such as Score]
    #[arg(long, value_name = "COL")]
    label: Option<String>,
    /// The column with the texts, to find those that stand on both sides [default: one with a usual name, or the longest]
    #[arg(long, value_name = "COL")]
    text: Option<String>,
    /// The share of the rows that the model does not see
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    test_size: f64,
    /// The seed of the split, as scikit-learn's random_state
    #[arg(long, value_name = "N", default_value_t = 42)]
    test_seed: u32,
    /// Keep the rows of each value of this column on one side, such as UserId
    #[arg(long, value_name = "COL", conflicts_with = "stratify")]
    group_by: Option<String>,
    /// Give both sides the same share of each label
    #[arg(long)]
    stratify: bool,
    /// Keep only the first row of each text
    #[arg(long)]
    drop_duplicates: bool,
    /// Leave out rows without a label
    #[arg(long)]
    drop_missing: bool,
    /// Trees of the forest
    #[arg(long, value_name = "N", default_value_t = 100)]
    trees: usize,
    /// Features that a node looks at: all, sqrt, log2, a share such as 0.3, or a number [default: all to regress, sqrt to classify]
    #[arg(long, value_name = "WHICH", value_parser = max_features)]
    max_features: Option<MaxFeatures>,
    /// The most splits from the root to a leaf [default: no limit]
    #[arg(long, value_name = "N")]
    max_depth: Option<usize>,
    /// The fewest rows of a leaf
    #[arg(long, value_name = "N", default_value_t = 1)]
    min_samples_leaf: usize,
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

/// The rows to learn from, their split, and what their columns are.
pub struct Prepared {
    pub table: Table,
    pub label: String,
    pub texts: Option<Vec<Option<String>>>,
    pub split: Split,
}

impl How {
    pub fn options(&self, common: &Common) -> ForestOptions {
        ForestOptions {
            trees: self.trees,
            max_features: self.max_features,
            max_depth: self.max_depth,
            min_samples_leaf: self.min_samples_leaf,
            seed: common.seed,
        }
    }

    /// Reads the rows, leaves out what was asked to be left out, and splits the rest.
    pub fn prepare(&self, input: &Input, output: &Output) -> Result<Prepared> {
        let table = input.read(output)?;
        let Some(label) = label_column(&table, self.label.as_deref())? else {
            return Err(Error::argument("no column to predict").advice(format!(
                "name it with --label; the columns are {}",
                table.column_names().join(", ")
            )));
        };
        let text = text_column(&table, self.text.as_deref())?;
        let labels = table.text(&label)?;
        let texts = text.as_deref().map(|text| table.text(text)).transpose()?;
        let missing = labels.iter().filter(|label| label.is_none()).count();
        if missing > 0 && !self.drop_missing {
            return Err(Error::input("rows without a label")
                .column(&label)
                .seen(format!("{missing} of {} rows", labels.len()))
                .advice("leave them out with --drop-missing"));
        }
        let mut seen = HashSet::new();
        let rows: Vec<usize> = (0..table.n_rows())
            .filter(|row| labels[*row].is_some())
            .filter(|row| match texts.as_ref().and_then(|texts| texts[*row].as_deref()) {
                Some(text) if self.drop_duplicates => seen.insert(text),
                _ => true,
            })
            .collect();
        if self.drop_duplicates && texts.is_none() {
            return Err(Error::argument("no texts to compare").advice("name their column with --text"));
        }
        if rows.len() < table.n_rows() {
            output.note(format!("{} of {} rows left out", table.n_rows() - rows.len(), table.n_rows()));
        }
        let table = if rows.len() < table.n_rows() { table.take(&rows)? } else { table };
        let texts = text.as_deref().map(|text| table.text(text)).transpose()?;
        let split = self.split(&table, &label)?;
        if let Some(warning) =
            texts.as_deref().and_then(|texts| embedlab::table::leaks(&split, texts).warning())
        {
            output.warn(format!("{warning} (or --drop-duplicates)"));
        }
        Ok(Prepared { table, label, texts, split })
    }

    fn split(&self, table: &Table, label: &str) -> Result<Split> {
        let codes = |column: &str| -> Result<Vec<u32>> {
            let codes = table.labels(column)?.codes;
            let missing = codes.iter().filter(|code| code.is_none()).count();
            if missing > 0 {
                return Err(Error::input("rows without a value")
                    .column(column)
                    .seen(format!("{missing} of {} rows", codes.len())));
            }
            Ok(codes.into_iter().flatten().collect())
        };
        match &self.group_by {
            Some(column) => group_split(&codes(column)?, self.test_size, self.test_seed),
            None if self.stratify => stratified_split(&codes(label)?, self.test_size, self.test_seed),
            None => train_test_split(table.n_rows(), self.test_size, self.test_seed),
        }
    }
}
