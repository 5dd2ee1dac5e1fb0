//! What the points of a map can be coloured by.

use std::collections::HashSet;

use crate::chart::draw::coloring::Coloring;
use crate::chart::{Groups, Palette};
use crate::error::Result;
use crate::table::{Labels, Table};

/// A column of a map: categories, or numbers along a ramp of colours.
#[derive(Debug, Clone)]
pub struct ColorColumn {
    name: String,
    pub(super) values: Values,
    /// The number of each group, where the column holds numbers.
    pub(super) numbers: Option<Vec<f64>>,
}

#[derive(Debug, Clone)]
pub(super) enum Values {
    Groups(Groups),
    Numbers(Vec<f64>),
}

/// Up to this many different whole numbers are classes (stars, years, counts), more are a measure.
const MOST_STEPS: usize = 12;

impl ColorColumn {
    /// Categories. Of more than twenty the largest twenty have a colour; all others share one, and
    /// keep their names under the pointer and in exports.
    pub fn groups(name: impl Into<String>, groups: Groups) -> Self {
        ColorColumn { name: name.into(), values: Values::Groups(groups), numbers: None }
    }

    /// Numbers, along a ramp from the first to the last percentile. NaN is not a number.
    pub fn numbers(name: impl Into<String>, numbers: Vec<f64>) -> Self {
        ColorColumn { name: name.into(), values: Values::Numbers(numbers), numbers: None }
    }

    /// The classes of a column; 1 to 5 have the colours of stars.
    ///
    /// # Errors
    /// None that the labels of a table can cause.
    pub fn labels(name: impl Into<String>, labels: &Labels) -> Result<Self> {
        let of: Vec<Option<usize>> = labels.codes.iter().map(|code| code.map(|code| code as usize)).collect();
        let stars = labels.names.iter().map(String::as_str).eq(["1", "2", "3", "4", "5"]);
        let names = labels.names.iter().map(|name| match (stars, name.as_str()) {
            (true, "1") => "1 star".to_owned(),
            (true, _) => format!("{name} stars"),
            (false, _) => name.clone(),
        });
        let palette = if stars { Palette::Stars } else { Palette::Categories };
        Ok(ColorColumn::groups(name, Groups::with_gaps(&of, names)?.palette(palette)))
    }

    /// A column of a table: up to twelve different whole numbers are classes, other numbers are a
    /// ramp, and everything else is categories. The classes have colours in their order, unless the
    /// column is called a cluster, a topic, a group, a class, a label or a segment: numbers there are names.
    ///
    /// # Errors
    /// When there is no such column, or it has no text form (a list, a struct).
    pub fn of_table(table: &Table, name: &str) -> Result<Self> {
        if !table.column(name)?.data_type().is_numeric() {
            return Self::labels(name, &table.labels(name)?);
        }
        let numbers: Vec<f64> =
            table.numbers(name)?.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect();
        let different: HashSet<u64> =
            numbers.iter().filter(|value| !value.is_nan()).map(|value| value.to_bits()).collect();
        let whole = numbers.iter().all(|value| value.is_nan() || value.fract() == 0.0);
        if !whole || different.len() > MOST_STEPS {
            return Ok(Self::numbers(name, numbers));
        }
        let labels = table.labels(name)?;
        let mut column = Self::labels(name, &labels)?;
        column.numbers = labels.names.iter().map(|name| name.parse().ok()).collect();
        if let Values::Groups(groups) = column.values {
            let ordered = groups.palette_is(Palette::Categories) && !is_a_name(name);
            let groups = if ordered { groups.palette(Palette::Ordered) } else { groups };
            column.values = Values::Groups(groups);
        }
        Ok(column)
    }

    /// All columns of a table that say something as colours: those with more than one value,
    /// without the lists and without texts that hardly repeat.
    pub fn all_of_table(table: &Table) -> Vec<Self> {
        let found = table.column_names().into_iter().filter_map(|name| Self::of_table(table, name).ok());
        found.filter(|column| column.says_something()).collect()
    }

    /// The name of the column.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        match &self.values {
            Values::Groups(groups) => groups.len(),
            Values::Numbers(numbers) => numbers.len(),
        }
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(in crate::chart) fn into_coloring(self) -> Coloring {
        match self.values {
            Values::Groups(groups) => Coloring::Groups(groups),
            Values::Numbers(values) => Coloring::Values { values, label: self.name },
        }
    }

    fn says_something(&self) -> bool {
        match &self.values {
            Values::Groups(groups) => {
                let counts = groups.counts();
                let used = counts.iter().filter(|&&count| count > 0).count();
                let filled: usize = counts.iter().sum();
                used > 1 && used * 2 <= filled
            }
            Values::Numbers(numbers) => {
                let mut finite = numbers.iter().filter(|value| value.is_finite());
                finite.next().is_some_and(|first| finite.any(|value| value != first))
            }
        }
    }
}

/// Whether the numbers of a column are names: cluster 5 is not more than cluster 0.
fn is_a_name(column: &str) -> bool {
    let column = column.to_lowercase();
    ["cluster", "topic", "group", "class", "label", "segment"].iter().any(|word| column.contains(word))
}
