//! Maps in files: the columns of coordinates, how a map was made, and new rows placed on a saved map.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    Array, ArrayRef, Float32Array, Float64Array, LargeStringArray, ListArray, StructArray, UInt32Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field};
use ndarray::{Array2, ArrayView2, s};
use serde::{Deserialize, Serialize};

use super::layout::on_axes;
use super::{
    MapMethod, NeighborGraph, OlderMap, PlaceParams, Placement, RowMap, TsneSettings, placed_neighbors_kept,
};
use crate::error::{Error, Result};
use crate::rows::{LEAF_ROWS, Pca, RowSource, for_each_chunk};
use crate::table::{self, ReadOptions, Table};

/// Under this key the column x holds how the map was made.
const MADE_BY: &str = "embedlab.map";

/// New rows that are placed at once.
const PLACED_AT_ONCE: usize = LEAF_ROWS;

/// The version of [`MapRecipe`] that is written and read.
const VERSION: u32 = 1;

/// How a map was made: kept with a saved map, and needed to place new rows on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MapRecipe {
    /// The version of this description.
    pub version: u32,
    /// `tsne` or `pca`.
    pub method: String,
    /// Dimensions of the map.
    pub n_components: usize,
    /// The seed.
    pub seed: u64,
    /// The perplexity of a t-SNE map.
    pub perplexity: Option<f64>,
    /// All settings of a t-SNE map.
    pub parameters: serde_json::Value,
}

impl MapRecipe {
    pub(super) fn of_tsne(settings: &TsneSettings, n_components: usize) -> MapRecipe {
        MapRecipe {
            version: VERSION,
            method: MapMethod::Tsne.name().to_owned(),
            n_components,
            seed: settings.seed,
            perplexity: Some(settings.perplexity),
            // Plain numbers and words are always JSON.
            parameters: serde_json::to_value(settings).unwrap_or_default(),
        }
    }

    pub(super) fn of_pca(n_components: usize, seed: u64) -> MapRecipe {
        MapRecipe {
            version: VERSION,
            method: MapMethod::Pca.name().to_owned(),
            n_components,
            seed,
            perplexity: None,
            parameters: serde_json::Value::Null,
        }
    }
}

/// A saved map: its rows, where they are, and how it was made.
#[derive(Debug, Clone)]
pub struct SavedMap {
    /// The rows of the map, with all columns of the file.
    pub table: Table,
    /// The coordinates, n x 2 or n x 3.
    pub points: Array2<f32>,
    /// How it was made; `None` in a file that does not say.
    pub recipe: Option<MapRecipe>,
}

impl SavedMap {
    /// Reads a file that [`RowMap::columns`] were written to.
    ///
    /// # Errors
    /// When it cannot be read, or as [`SavedMap::from_table`].
    pub fn read(file: &Path) -> Result<SavedMap> {
        let table = table::read(file, &ReadOptions::default())?;
        SavedMap::from_table(table).map_err(|error| error.file(file))
    }

    /// Takes the map out of a table with the columns x, y and, in three dimensions, z.
    ///
    /// # Errors
    /// When there are no such columns, a row has no coordinates, or the map is of an unknown version.
    pub fn from_table(table: Table) -> Result<SavedMap> {
        let names: Vec<&str> =
            ["x", "y", "z"].into_iter().filter(|name| table.column(name).is_ok()).collect();
        if !names.starts_with(&["x", "y"]) {
            return Err(Error::input("no saved map")
                .seen("no columns x and y")
                .advice("save one with embedlab map FILE -o map.parquet"));
        }
        let mut points = Array2::zeros((table.n_rows(), names.len()));
        for (d, name) in names.iter().enumerate() {
            for (row, value) in table.numbers(name)?.into_iter().enumerate() {
                points[[row, d]] = value
                    .ok_or_else(|| Error::input("a row without coordinates").row(row).column(*name))?
                    as f32;
            }
        }
        let schema = table.columns().schema();
        let recipe =
            schema.field_with_name("x").ok().and_then(|field| field.metadata().get(MADE_BY).cloned());
        let recipe = recipe
            .map(|recipe| serde_json::from_str::<MapRecipe>(&recipe))
            .transpose()
            .map_err(|error| Error::input("a map without its settings").source(error))?;
        if let Some(recipe) = recipe.as_ref().filter(|recipe| recipe.version != VERSION) {
            return Err(Error::input("a map of an unknown version")
                .seen(format!("version {}; this program knows version {VERSION}", recipe.version))
                .advice("update embedlab, or make the map again"));
        }
        Ok(SavedMap { table, points, recipe })
    }

    /// The method that made it; t-SNE where the file does not say.
    pub fn method(&self) -> MapMethod {
        match &self.recipe {
            Some(recipe) if recipe.method == MapMethod::Pca.name() => MapMethod::Pca,
            _ => MapMethod::Tsne,
        }
    }

    /// Places new rows (m x d) of any source on the map; its own points stay where they are. On a PCA map they go along
    /// its components, on another as [`PlaceParams::place`] does, with a perplexity of 5 (a third of the
    /// rows of a small map) unless another is asked for. Rows are placed 2,048 at a time, for new ones do not see each other.
    ///
    /// # Errors
    /// When dimensions do not fit, the perplexity is too large for the map or is given for a PCA map, or a
    /// number is not finite; and whatever the source meets while reading.
    pub fn place(
        &self,
        new: &(impl RowSource + ?Sized),
        perplexity: Option<f64>,
        seed: u64,
    ) -> Result<RowMap> {
        let begin = Instant::now();
        let (old, method) = (self.table.vectors(), self.method());
        let n_components = self.points.ncols();
        let fitting = (old.nrows() as f64 / 3.0).floor().clamp(1.0, 5.0);
        let (axes, perplexity) = match method {
            MapMethod::Pca => {
                Error::refuse_unused("pca", &[("--perplexity", perplexity.is_some())])?;
                (Some(Pca::fit(&old, n_components)?), None)
            }
            MapMethod::Tsne => (None, Some(perplexity.unwrap_or(fitting))),
        };
        let params = PlaceParams::default().perplexity(perplexity.unwrap_or(fitting));
        let mut points = Array2::zeros((new.n_rows(), n_components));
        let mut kept = 0.0;
        let mut place = |first: usize, rows: ArrayView2<'_, f32>| -> Result<()> {
            let placed = match &axes {
                Some(pca) => on_axes(pca, rows, n_components)?,
                None => params.place(old, self.points.view(), rows)?,
            };
            let share = placed_neighbors_kept((old, self.points.view()), (rows, placed.view()))?;
            kept += share * rows.nrows() as f64;
            points.slice_mut(s![first..first + rows.nrows(), ..]).assign(&placed);
            Ok(())
        };
        for_each_chunk(new, PLACED_AT_ONCE, |first, rows| {
            place(first, rows).map_err(|error| match error.row_number() {
                Some(row) => error.row(first + row),
                None => error,
            })
        })?;
        let n = new.n_rows();
        let mut map = RowMap::unmeasured(method, points, new.dims(), seed, begin);
        map.placement = Some(Placement {
            neighbors_kept: kept / n.max(1) as f64,
            onto: OlderMap { file: None, rows: old.nrows(), perplexity },
        });
        if let Some(recipe) = &self.recipe {
            map.recipe = recipe.clone();
        } else {
            map.recipe.method = "unknown".to_owned();
        }
        Ok(map)
    }
}

impl RowMap {
    /// The coordinates as columns x, y and z, of which x holds how the map was made, and each row's part of
    /// the divergence as `map_error`.
    pub fn columns(&self) -> Vec<(Field, ArrayRef)> {
        let mut columns = self.coordinates();
        if let Some(errors) = &self.errors {
            let values: ArrayRef = Arc::new(Float64Array::from(errors.clone()));
            columns.push((Field::new("map_error", DataType::Float64, true), values));
        }
        columns
    }

    /// The columns x, y and z alone.
    pub fn coordinates(&self) -> Vec<(Field, ArrayRef)> {
        // Plain numbers and words are always JSON.
        let recipe = serde_json::to_string(&self.recipe).unwrap_or_default();
        let names = ["x", "y", "z"].iter().zip(self.points.columns());
        names
            .map(|(name, column)| {
                let values: ArrayRef = Arc::new(Float32Array::from_iter_values(column.iter().copied()));
                let field = Field::new(*name, DataType::Float32, false);
                let about = HashMap::from([(MADE_BY.to_owned(), recipe.clone())]);
                (if *name == "x" { field.with_metadata(about) } else { field }, values)
            })
            .collect()
    }

    /// The `k` nearest rows of each of `rows` (n x d) as the column `neighbors` of Embedding Atlas: structs
    /// `{ids, distances}` where `nested`, else the same as JSON texts; rows count from 0.
    ///
    /// # Errors
    /// For numbers that are not finite, and more neighbours than a column can hold.
    pub fn neighbor_column(
        &self,
        rows: ArrayView2<'_, f32>,
        k: usize,
        nested: bool,
    ) -> Result<(Field, ArrayRef)> {
        let made;
        let graph = match &self.neighbors {
            Some(graph) if graph.k() >= k => graph,
            _ => {
                made = NeighborGraph::of(rows, k)?;
                &made
            }
        };
        let k = k.min(graph.k());
        if nested { neighbor_structs(graph, k) } else { Ok(neighbor_texts(graph, k)) }
    }
}

fn neighbor_structs(graph: &NeighborGraph, k: usize) -> Result<(Field, ArrayRef)> {
    let n = graph.n_rows();
    let rows = UInt32Array::from_iter_values((0..n).flat_map(|row| graph.rows(row)[..k].iter().copied()));
    let distances = Float32Array::from_iter_values(
        (0..n)
            .flat_map(|row| (0..k).map(move |place| (row, place)))
            .map(|(row, place)| graph.distance(row, place) as f32),
    );
    let list = |item: DataType, values: ArrayRef| -> Result<(Arc<Field>, ArrayRef)> {
        let item = Arc::new(Field::new("item", item, true));
        let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(k, n));
        let list = ListArray::try_new(item.clone(), offsets, values, None)
            .map_err(|error| Error::argument("too many neighbours for a file").source(error))?;
        Ok((Arc::new(Field::new("", DataType::List(item), true)), Arc::new(list)))
    };
    let (ids_field, ids) = list(DataType::UInt32, Arc::new(rows))?;
    let (distances_field, distances) = list(DataType::Float32, Arc::new(distances))?;
    let named = |name: &str, field: Arc<Field>| Arc::new(field.as_ref().clone().with_name(name));
    let structs = StructArray::from(vec![
        (named("ids", ids_field), ids),
        (named("distances", distances_field), distances),
    ]);
    Ok((Field::new("neighbors", structs.data_type().clone(), true), Arc::new(structs)))
}

fn neighbor_texts(graph: &NeighborGraph, k: usize) -> (Field, ArrayRef) {
    let text = |row: usize| {
        let distances: Vec<f32> = (0..k).map(|place| graph.distance(row, place) as f32).collect();
        serde_json::json!({ "ids": &graph.rows(row)[..k], "distances": distances }).to_string()
    };
    let texts = LargeStringArray::from_iter_values((0..graph.n_rows()).map(text));
    (Field::new("neighbors", DataType::LargeUtf8, true), Arc::new(texts))
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Schema;
    use arrow::record_batch::RecordBatch;

    use super::*;
    use crate::map::{MapOptions, lay_out};

    fn rows() -> Array2<f32> {
        Array2::from_shape_fn((50, 4), |(i, j)| {
            (i % 2 * 9) as f32 + ((i * 7919 + j * 104_729) % 101) as f32 / 50.0
        })
    }

    fn saved(method: MapMethod) -> SavedMap {
        let map =
            lay_out(rows().view(), &MapOptions { method, ..Default::default() }, 7, &mut |_| ()).unwrap();
        let (fields, values): (Vec<Field>, Vec<ArrayRef>) = map.columns().into_iter().unzip();
        let columns = RecordBatch::try_new(Arc::new(Schema::new(fields)), values).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("map.parquet");
        let written = Table::new(rows(), columns, "embedding").unwrap();
        let _ = table::write(&written, &file, &Default::default()).unwrap();
        let saved = SavedMap::read(&file).unwrap();
        assert_eq!(saved.points, map.points);
        assert_eq!(saved.recipe.as_ref(), Some(&map.recipe));
        saved
    }

    #[test]
    fn a_saved_map_knows_how_it_was_made_and_takes_new_rows() {
        for method in [MapMethod::Pca, MapMethod::Tsne] {
            let saved = saved(method);
            assert_eq!(saved.method(), method);
            let placed = saved.place(&rows(), None, 7).unwrap();
            assert_eq!((placed.method, placed.placement.as_ref().unwrap().onto.rows), (method, 50));
            assert!(placed.neighbors_kept().unwrap() > 0.3);
            if method == MapMethod::Pca {
                assert_eq!(placed.points, saved.points);
                let error = saved.place(&rows(), Some(5.0), 7).unwrap_err().to_string();
                assert!(error.contains("--perplexity") && error.contains("pca"), "{error}");
            }
        }
    }

    #[test]
    fn how_a_map_was_made_holds_no_times() {
        let recipe = saved(MapMethod::Tsne).recipe.unwrap();
        assert!(recipe.parameters.get("steps").is_none(), "{}", recipe.parameters);
        assert_eq!(
            recipe.parameters["max_iter"].as_u64().or(recipe.parameters["n_iter"].as_u64()),
            Some(750)
        );
    }

    #[test]
    fn a_table_without_coordinates_is_no_map() {
        let error = SavedMap::from_table(Table::from_vectors(rows())).unwrap_err().to_string();
        assert!(error.contains("no columns x and y"), "{error}");
    }
}
