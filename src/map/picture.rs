//! Maps as pictures and as pages.

use arrow::array::{Array, new_null_array};
use arrow::compute::concat;
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use ndarray::{Array2, Axis, concatenate};

use super::{RowMap, SavedMap};
use crate::chart::{ColorColumn, Groups, InteractiveMap, Picture, Scatter, Scatter3, Style};
use crate::error::{Error, Result};
use crate::table::Table;

impl RowMap {
    /// How far to trust the map, in short.
    pub fn trust_lines(&self) -> Vec<String> {
        let mut parts = Vec::new();
        match &self.trust {
            Some(trust) => {
                let kept = 100.0 * trust.neighbors_kept;
                parts.push(format!("{kept:.0} % of the {} nearest neighbours kept", trust.k));
                parts.push(format!("trustworthiness {:.3}", trust.trustworthiness));
                parts.push(format!("continuity {:.3}", trust.continuity));
                if let Some(correlation) = trust.distance_correlation {
                    parts.push(format!("distances {correlation:.2} correlated"));
                }
            }
            None => {
                if let Some(kept) = self.neighbors_kept() {
                    parts.push(format!("{:.0} % of the nearest neighbours kept", 100.0 * kept));
                }
            }
        }
        parts.extend(self.kl.map(|kl| format!("KL {kl:.3}")));
        parts
    }

    /// The column to colour a map by: a column of the rows, or `map_error`, each row's share of the KL divergence.
    ///
    /// # Errors
    /// When there is no such column, or no part of the divergence was measured.
    pub fn color(&self, table: &Table, name: &str) -> Result<ColorColumn> {
        if name != "map_error" || table.column(name).is_ok() {
            return ColorColumn::of_table(table, name);
        }
        match &self.errors {
            Some(errors) => Ok(ColorColumn::numbers(name, errors.clone())),
            None => Err(Error::argument("the error of each row was not measured")
                .column(name)
                .seen(self.subtitle())
                .advice("colour by another column, or lay out with the method tsne")),
        }
    }

    /// The map as a picture. `means` marks the mean of each group of colours.
    ///
    /// # Errors
    /// When colours and rows differ in number, or the style has an impossible size.
    pub fn picture(&self, color: Option<ColorColumn>, means: bool, style: &Style) -> Result<Picture> {
        let axes = self.axes();
        let axis = |axis: usize| axes.get(axis).cloned().unwrap_or_default();
        if self.points.ncols() > 2 {
            let mut scatter = Scatter3::new(self.points.view());
            if let Some(color) = color {
                scatter = scatter.color(color).means(means);
            }
            return scatter.draw(style);
        }
        let mut scatter = Scatter::new(self.points.view());
        if let Some(color) = color {
            scatter = scatter.color(color).means(means);
        }
        if axes.len() > 1 { scatter.axes(axis(0), axis(1)).draw(style) } else { scatter.draw(style) }
    }

    /// Names of the axes, where coordinates mean something by themselves.
    fn axes(&self) -> Vec<String> {
        let shares = self.explained_variance_ratio.iter().flatten().enumerate();
        shares.map(|(c, share)| format!("component {} ({:.1} % of variance)", c + 1, 100.0 * share)).collect()
    }

    /// The map as a page to explore: every column of the rows that says something can colour it, and so can
    /// the rows' parts of the divergence; the column `first` is shown at the beginning.
    ///
    /// # Errors
    /// As [`RowMap::color`].
    pub fn page(&self, table: &Table, first: Option<&str>) -> Result<InteractiveMap<'_>> {
        let mut columns = ColorColumn::all_of_table(table);
        if let Some(first) = first {
            columns.retain(|column| column.name() != first);
            columns.insert(0, self.color(table, first)?);
        }
        if let Some(errors) = self.errors.as_ref().filter(|_| first != Some("map_error")) {
            columns.retain(|column| column.name() != "map_error");
            columns.push(ColorColumn::numbers("map_error", errors.clone()));
        }
        let mut page =
            InteractiveMap::new(self.points.view()).subtitle(self.subtitle()).trust(self.trust_lines());
        for column in columns {
            page = page.color(column);
        }
        Ok(match first {
            Some(first) => page.color_by(first),
            None => page,
        })
    }
}

impl SavedMap {
    /// The points of this map and, after them, those of rows that were placed on it.
    ///
    /// # Errors
    /// When the maps have different dimensions.
    pub fn points_with(&self, new: &RowMap) -> Result<Array2<f32>> {
        concatenate(Axis(0), &[self.points.view(), new.points.view()])
            .map_err(|error| Error::input("the maps do not fit together").source(error))
    }

    /// Colours that tell the rows of this map from `n` new ones.
    ///
    /// # Errors
    /// None that whole numbers can cause.
    pub fn old_and_new(&self, n: usize) -> Result<ColorColumn> {
        let old = self.points.nrows();
        let of: Vec<usize> = (0..old + n).map(|row| usize::from(row >= old)).collect();
        Ok(ColorColumn::groups("rows", Groups::new(&of, ["on the map", "new"])?))
    }

    /// A column of the new rows as colours for both: rows of the map without such a column have no colour.
    ///
    /// # Errors
    /// When the new rows have no such column, or one that cannot be a colour.
    pub fn color_with(&self, new: &Table, name: &str) -> Result<ColorColumn> {
        let values = new.column(name)?;
        let of_map = match self.table.column(name) {
            Ok(column) if column.data_type() == values.data_type() => column.clone(),
            _ => new_null_array(values.data_type(), self.points.nrows()),
        };
        let both = concat(&[of_map.as_ref(), values.as_ref()])
            .map_err(|error| Error::input("a column that cannot be joined").column(name).source(error))?;
        let field = Field::new(name, both.data_type().clone(), true);
        let columns = RecordBatch::try_new(Schema::new(vec![field]).into(), vec![both])
            .map_err(|error| Error::input("a column that cannot be joined").column(name).source(error))?;
        let none = Array2::zeros((columns.num_rows(), 1));
        ColorColumn::of_table(&Table::new(none, columns, "embedding")?, name)
    }

    /// The texts of the rows of this map and of new ones; rows of a map without the column have none.
    ///
    /// # Errors
    /// When the new rows have no such column, or one without a text form.
    pub fn texts_with(&self, new: &Table, column: &str) -> Result<Vec<Option<String>>> {
        let mut texts = match self.table.column(column) {
            Ok(_) => self.table.text(column)?,
            Err(_) => vec![None; self.points.nrows()],
        };
        texts.extend(new.text(column)?);
        Ok(texts)
    }
}
