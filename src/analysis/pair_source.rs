//! Where labelled pairs of rows come from: a file, a column, or the texts themselves.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Context;
use crate::data::{Data, Role};
use crate::error::{Error, Result, excerpt};
use crate::number::counted;
use crate::pairs::{Pairs, alike_texts, copies};
use crate::table::{ReadOptions, Table, read_columns};

/// The most pairs of near duplicates.
const MOST_ALIKE: usize = 1_000_000;

/// Which pairs of rows are the same, and which are not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct PairOptions {
    /// Pairs from a file with the columns a, b and label (1 is the same, 0 is not)
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE", conflicts_with = "same"))]
    pub pairs: Option<PathBuf>,
    /// The column in which a and b are looked up, such as an id or the text [default: they are row numbers]
    #[cfg_attr(feature = "cli", arg(long, value_name = "COL", requires = "pairs"))]
    pub id: Option<String>,
    /// Rows with the same value of this column are the same; pairs are drawn
    #[cfg_attr(feature = "cli", arg(long, value_name = "COL"))]
    pub same: Option<String>,
    /// Pairs of each kind to draw with --same
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", default_value_t = Self::default().n_pairs))]
    pub n_pairs: usize,
    /// Without --pairs and --same, texts that share this much of their words are the same, random pairs are not
    #[cfg_attr(feature = "cli", arg(long, value_name = "SHARE", default_value_t = Self::default().overlap))]
    pub overlap: f64,
    /// Share of the pairs to test on; no text is on both sides
    #[cfg_attr(feature = "cli", arg(long, value_name = "SHARE", default_value_t = Self::default().test_size))]
    pub test_size: f64,
}

impl Default for PairOptions {
    fn default() -> Self {
        PairOptions { pairs: None, id: None, same: None, n_pairs: 10_000, overlap: 0.6, test_size: 0.5 }
    }
}

impl PairOptions {
    /// The pairs. Where all are the same, as many that are not are drawn if `negatives` says so.
    ///
    /// # Errors
    /// When a file or column cannot be used, no pair is left, or one kind is missing.
    pub fn pairs(&self, data: &Data, negatives: bool, context: &Context<'_>) -> Result<Pairs> {
        let rows = data.matrix()?;
        crate::rows::require_finite(rows)?;
        let texts = data.texts()?;
        let units = copies(rows, texts.as_deref())?;
        if let Some(column) = &self.same {
            let values = data.table().labels(column)?.codes;
            let usable: Vec<Option<u32>> = (0..rows.nrows())
                .map(|row| values[row].filter(|_| rows.row(row).iter().any(|value| *value != 0.0)))
                .collect();
            return Pairs::of_values(&usable, units, self.n_pairs, self.test_size, context.seed);
        }
        let (pairs, same) = match &self.pairs {
            Some(path) => from_file(path, self.id.as_deref(), data, context)?,
            None => {
                data.require(Role::Text)?;
                if !(self.overlap > 0.0 && self.overlap <= 1.0) {
                    return Err(Error::argument("--overlap takes a share above 0 and at most 1")
                        .seen(self.overlap.to_string()));
                }
                let found = alike_texts(&texts.unwrap_or_default(), self.overlap, MOST_ALIKE);
                context.note(format!(
                    "the same are {} of texts that share {} of their words",
                    counted(found.len(), "pair"),
                    self.overlap
                ));
                let same = vec![true; found.len()];
                (found, same)
            }
        };
        let usable: Vec<usize> = (0..pairs.len())
            .filter(|pair| {
                let (a, b) = pairs[*pair];
                let zero = |row: usize| rows.row(row).iter().all(|value| *value == 0.0);
                units[a] != units[b] && !zero(a) && !zero(b)
            })
            .collect();
        if usable.len() < pairs.len() {
            context.warn(format!(
                "{} left out: copies of one text, or rows of zeros",
                counted(pairs.len() - usable.len(), "pair")
            ));
        }
        let kept: Vec<bool> = usable.iter().map(|pair| same[*pair]).collect();
        let all_same = kept.iter().all(|same| *same);
        let rows = usable.iter().map(|pair| pairs[*pair]).collect();
        let mut found = Pairs::split(rows, kept, units, self.test_size, context.seed)?;
        if found.dropped > 0 {
            context.note(format!(
                "{} left out, so that no text is among both training and test pairs",
                counted(found.dropped, "pair")
            ));
        }
        if all_same && (negatives || self.pairs.is_none()) {
            found.add_negatives(1.0, context.seed);
        }
        Ok(found)
    }
}

/// Pairs of rows, and whether each is a match.
type LabelledPairs = (Vec<(usize, usize)>, Vec<bool>);

/// The pairs of a file as rows of the data.
fn from_file(path: &Path, id: Option<&str>, data: &Data, context: &Context<'_>) -> Result<LabelledPairs> {
    let in_file = |error: Error| error.file(path);
    let table = Table::from_columns(read_columns(path, &ReadOptions::default())?);
    let (a, b) = (table.text("a").map_err(in_file)?, table.text("b").map_err(in_file)?);
    let labels = match table.column_names().contains(&"label") {
        true => Some(table.text("label").map_err(in_file)?),
        false => None,
    };
    let named: Vec<Option<String>> = match id {
        Some(column) => data.table().text(column)?,
        None => (0..data.table().n_rows()).map(|row| Some(data.row_of_file(row).to_string())).collect(),
    };
    let mut row_of: HashMap<&str, usize> = HashMap::new();
    let mut repeated = 0;
    for (row, name) in named.iter().enumerate() {
        if let Some(name) = name {
            repeated += usize::from(row_of.insert(name, row).is_some_and(|_| id.is_some()));
        }
    }
    // Texts may repeat: copies have one vector. Ids may not.
    if repeated > 0 && id != data.column_of(Role::Text) {
        return Err(Error::input("ids that repeat")
            .with_code("repeated-id")
            .column(id.unwrap_or_default())
            .seen(counted(repeated, "row"))
            .advice("name a column in which each row has a value of its own"));
    }
    let (mut pairs, mut same, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..a.len() {
        let (Some(a), Some(b)) = (&a[row], &b[row]) else {
            return Err(Error::input("a pair without both rows").file(path).row(row));
        };
        let label = match &labels {
            None => true,
            Some(labels) => is_same(labels[row].as_deref()).map_err(|error| error.file(path).row(row))?,
        };
        match (row_of.get(a.as_str()), row_of.get(b.as_str())) {
            (Some(a), Some(b)) => {
                pairs.push((*a, *b));
                same.push(label);
            }
            (None, _) => unknown.push(a.as_str()),
            (_, None) => unknown.push(b.as_str()),
        }
    }
    if !unknown.is_empty() {
        let first: Vec<String> = unknown.iter().take(3).map(|name| excerpt(name)).collect();
        let what = format!(
            "{} of rows that the file does not hold: {}",
            counted(unknown.len(), "pair"),
            first.join(", ")
        );
        if pairs.is_empty() {
            return Err(Error::input("no pair of known rows")
                .with_code("unknown-rows")
                .file(path)
                .seen(what)
                .advice("rows count from 0; name the column of ids with --id"));
        }
        context.warn(format!("left out {what}"));
    }
    Ok((pairs, same))
}

fn is_same(label: Option<&str>) -> Result<bool> {
    match label.map(|label| label.trim().to_lowercase()).as_deref() {
        Some("1" | "1.0" | "true" | "yes" | "same") => Ok(true),
        Some("0" | "-1" | "0.0" | "-1.0" | "false" | "no" | "not" | "different") => Ok(false),
        other => Err(Error::input("a label that is neither the same nor not")
            .with_code("label-invalid")
            .column("label")
            .seen(other.map_or_else(|| "nothing".to_owned(), excerpt))
            .advice("write 1 for the same and 0 for not")),
    }
}
