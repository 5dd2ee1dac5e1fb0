//! A saved model predicts for rows that are read in chunks.

use embedlab::Result;
use embedlab::model::{
    Classifier, Column, FeatureEncoder, ModelKind, ModelOptions, Predicted, Recipe, Regressor, SavedModel,
    Task,
};
use embedlab::rows::RowSource;
use ndarray::{Array2, Axis, concatenate};

/// Rows of more than one chunk.
const N: usize = 20_000;

/// A matrix that says it is not one.
struct Streamed(Array2<f32>);

impl RowSource for Streamed {
    fn n_rows(&self) -> usize {
        self.0.nrows()
    }

    fn dims(&self) -> usize {
        self.0.ncols()
    }

    fn chunks(&self, rows: usize) -> Result<Box<dyn Iterator<Item = Result<Array2<f32>>> + '_>> {
        self.0.chunks(rows)
    }
}

fn rows() -> Array2<f32> {
    Array2::from_shape_fn((N, 4), |(i, j)| ((i * 7919 + j * 104_729) % 1009) as f32 / 500.0 - 1.0)
}

fn prices() -> Vec<Option<f64>> {
    (0..N).map(|row| (row % 11 != 5).then_some((row % 37) as f64)).collect()
}

/// A model of the rows and of a price beside them; `task` fits it to the features.
fn model(task: impl Fn(Array2<f32>) -> Task) -> (SavedModel, Vec<(String, Column)>) {
    let columns = vec![("price".to_owned(), Column::Numbers(prices()))];
    let encoder = FeatureEncoder::fit(&columns).unwrap();
    let features =
        concatenate(Axis(1), &[rows().view(), encoder.transform(&columns).unwrap().view()]).unwrap();
    let recipe = Recipe { label: "stars".to_owned(), dims: 4, encoder, n_rows: N, embedding_model: None };
    (SavedModel { recipe, task: task(features) }, columns)
}

fn options(kind: ModelKind) -> ModelOptions {
    ModelOptions { kind, ..Default::default() }
}

#[test]
fn predictions_for_streamed_rows_are_those_for_rows_in_memory_and_of_all_at_once() {
    let numbers = |features: Array2<f32>| -> Task {
        let stars: Vec<f64> = (0..N).map(|row| (row % 5) as f64).collect();
        Task::Regress(Regressor::fit(features.view(), &stars, None, &options(ModelKind::Ridge)).unwrap())
    };
    let classes = |features: Array2<f32>| -> Task {
        let classes: Vec<usize> = (0..N).map(|row| row % 3).collect();
        let model = Classifier::fit(features.view(), &classes, None, &options(ModelKind::Tree)).unwrap();
        Task::Classify { model, names: ["a", "b", "c"].map(String::from).to_vec() }
    };
    for (model, columns) in [model(numbers), model(classes)] {
        let streamed = model.predict_rows(&Streamed(rows()), &columns).unwrap();
        assert_eq!(streamed, model.predict_rows(&rows(), &columns).unwrap());
        let features = model.features(rows().view(), &columns).unwrap();
        match (streamed, &model.task) {
            (Predicted::Numbers(found), Task::Regress(model)) => {
                for (found, right) in found.iter().zip(model.predict(features.view()).unwrap()) {
                    assert!((found - right).abs() < 1e-6, "{found} {right}");
                }
            }
            (Predicted::Classes { classes, probabilities, .. }, Task::Classify { model, .. }) => {
                assert_eq!(classes, model.predict(features.view()).unwrap());
                assert_eq!(probabilities, model.predict_probabilities(features.view(), 3).unwrap());
            }
            (found, _) => panic!("{found:?}"),
        }
    }
}

#[test]
fn a_number_that_cannot_be_used_names_its_row_in_any_chunk() {
    let (model, mut columns) = model(|features| {
        let stars: Vec<f64> = (0..N).map(|row| (row % 5) as f64).collect();
        Task::Regress(Regressor::fit(features.view(), &stars, None, &options(ModelKind::Ridge)).unwrap())
    });
    let mut with_infinity = prices();
    with_infinity[17_000] = Some(f64::INFINITY);
    columns[0].1 = Column::Numbers(with_infinity);
    let error = model.predict_rows(&rows(), &columns).unwrap_err();
    assert_eq!((error.row_number(), error.column_name()), (Some(17_000), Some("price")), "{error}");
}
