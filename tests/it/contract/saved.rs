//! What a model answers before it is saved and after it was loaded again.

use std::path::Path;

use embedlab::Result;
use embedlab::cluster::KMeans;
use embedlab::model::{Classifier, ModelKind, Recipe, Regressor, SavedModel, Task};
use embedlab::search::{Hnsw, HnswOptions, IndexFile};
use embedlab::table::{self, Table};
use ndarray::ArrayView2;

use super::Bits;
use super::analyses::{classes, hits, model_options, stars};

pub fn k_means(rows: ArrayView2<'_, f32>, file: &Path) -> Result<[Bits; 2]> {
    let model = KMeans::params(3).fit_rows(&rows)?;
    model.save(file)?;
    Ok([model.predict_rows(&rows)?, KMeans::load(file)?.predict_rows(&rows)?].map(|found| Bits::of(&found)))
}

fn again(rows: ArrayView2<'_, f32>, task: Task, file: &Path) -> Result<Task> {
    let recipe = Recipe {
        label: "label".to_owned(),
        dims: rows.ncols(),
        encoder: Default::default(),
        n_rows: rows.nrows(),
        embedding_model: None,
    };
    SavedModel { recipe, task }.save(file)?;
    Ok(SavedModel::load(file)?.task)
}

pub fn regression(rows: ArrayView2<'_, f32>, kind: ModelKind, file: &Path) -> Result<[Bits; 2]> {
    let model = Regressor::fit(rows, &stars(0..rows.nrows()), None, &model_options(kind))?;
    let before = Bits::of(&model.predict(rows)?);
    match again(rows, Task::Regress(model), file)? {
        Task::Regress(model) => Ok([before, Bits::of(&model.predict(rows)?)]),
        Task::Classify { .. } => panic!("a model of numbers came back as one of classes"),
    }
}

pub fn classification(rows: ArrayView2<'_, f32>, kind: ModelKind, file: &Path) -> Result<[Bits; 2]> {
    let model = Classifier::fit(rows, &classes(0..rows.nrows()), None, &model_options(kind))?;
    let before = Bits::of(&model.predict_probabilities(rows, 3)?);
    let names = ["a", "b", "c"].map(String::from).to_vec();
    match again(rows, Task::Classify { model, names }, file)? {
        Task::Classify { model, .. } => Ok([before, Bits::of(&model.predict_probabilities(rows, 3)?)]),
        Task::Regress(_) => panic!("a model of classes came back as one of numbers"),
    }
}

pub fn hnsw(rows: ArrayView2<'_, f32>, file: &Path) -> Result<[Bits; 2]> {
    let index = Hnsw::build(rows, &HnswOptions::default())?;
    // An index belongs to the file of its rows.
    let source = file.with_extension("npy");
    let _ = table::write(&Table::from_vectors(rows.to_owned()), &source, &Default::default())?;
    IndexFile::save(file, &index, rows, &source, "embedding", None)?;
    let loaded = IndexFile::open(file)?;
    loaded.require_fresh(&source, true)?;
    let again = rows.rows().into_iter().take(20).map(|row| loaded.search(row, 5, 50));
    let again = again.collect::<Result<Vec<_>>>()?;
    Ok([Bits::of(&hits(&index, rows)?), Bits::of(&again)])
}
