//! Our models behind linfa's `Fit` and `Predict`, so that one can be used wherever a linfa model can.
//!
//! Records are `f32` or `f64`. linfa's `Predict` cannot fail, so it panics where `predict_rows` gives an
//! error: rows of other dimensions, numbers that are not finite.

use linfa::Float;
use linfa::dataset::{AsSingleTargets, DatasetBase};
use linfa::traits::{Fit, PredictInplace};
use ndarray::{Array1, Array2, ArrayBase, Data, Ix2};

use super::knn::KnnParams;
use super::logistic::LogisticParams;
use super::ridge::RidgeParams;
use super::{KnnClassifier, KnnRegressor, Logistic, Ridge, Unchecked};
use crate::error::{Error, Result};
use crate::forest::{
    BoostClassifier, BoostRegressor, BoostValidParams, ForestClassifier, ForestRegressor, ForestValidParams,
};

/// What every fit takes from a dataset, besides its targets.
fn records<F: Float, D: Data<Elem = F>, T>(
    dataset: &DatasetBase<ArrayBase<D, Ix2>, T>,
) -> (Array2<f32>, Option<Vec<f64>>) {
    let weights = dataset.weights().map(|weights| weights.iter().map(|weight| f64::from(*weight)).collect());
    (floats(dataset.records()), weights)
}

fn floats<F: Float, D: Data<Elem = F>>(rows: &ArrayBase<D, Ix2>) -> Array2<f32> {
    rows.mapv(|value| value.to_f32().unwrap_or(f32::NAN))
}

macro_rules! regressor {
    ($params:ty, $model:ty) => {
        impl<F: Float, D: Data<Elem = F>, T: AsSingleTargets<Elem = F>> Fit<ArrayBase<D, Ix2>, T, Error>
            for $params
        {
            type Object = $model;

            fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<$model> {
                let (rows, weights) = records(dataset);
                let number = |value: &F| value.to_f64().unwrap_or(f64::NAN);
                let targets: Vec<f64> = dataset.as_single_targets().iter().map(number).collect();
                self.fit_rows(rows.view(), &targets, weights.as_deref())
            }
        }

        impl<F: Float, D: Data<Elem = F>> PredictInplace<ArrayBase<D, Ix2>, Array1<F>> for $model {
            fn predict_inplace(&self, rows: &ArrayBase<D, Ix2>, out: &mut Array1<F>) {
                match self.predict_rows(floats(rows).view()) {
                    Ok(predicted) => *out = predicted.into_iter().map(F::cast).collect(),
                    Err(error) => panic!("{error}"),
                }
            }

            fn default_target(&self, rows: &ArrayBase<D, Ix2>) -> Array1<F> {
                Array1::zeros(rows.nrows())
            }
        }
    };
}

macro_rules! classifier {
    ($params:ty, $model:ty) => {
        impl<F: Float, D: Data<Elem = F>, T: AsSingleTargets<Elem = usize>> Fit<ArrayBase<D, Ix2>, T, Error>
            for $params
        {
            type Object = $model;

            fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<$model> {
                let (rows, weights) = records(dataset);
                let labels = dataset.as_single_targets().to_vec();
                self.fit_rows(rows.view(), &labels, weights.as_deref())
            }
        }

        impl<F: Float, D: Data<Elem = F>> PredictInplace<ArrayBase<D, Ix2>, Array1<usize>> for $model {
            fn predict_inplace(&self, rows: &ArrayBase<D, Ix2>, out: &mut Array1<usize>) {
                match self.predict_rows(floats(rows).view()) {
                    Ok(predicted) => *out = predicted.into(),
                    Err(error) => panic!("{error}"),
                }
            }

            fn default_target(&self, rows: &ArrayBase<D, Ix2>) -> Array1<usize> {
                Array1::zeros(rows.nrows())
            }
        }
    };
}

/// `fit_rows` of parameters that are not yet checked.
macro_rules! fit_unchecked {
    ($params:ty, $target:ty, $model:ty) => {
        impl Unchecked<$params> {
            /// Checks the parameters and fits rows (n x d) to n targets, with a weight for each row or none.
            ///
            /// # Errors
            /// As `fit_rows` of the checked parameters, and when a parameter is out of its range.
            pub fn fit_rows(
                &self,
                rows: ndarray::ArrayView2<'_, f32>,
                targets: &[$target],
                weights: Option<&[f64]>,
            ) -> Result<$model> {
                linfa::ParamGuard::check_ref(self)?.fit_rows(rows, targets, weights)
            }
        }
    };
}

regressor!(ForestValidParams<ForestRegressor>, ForestRegressor);
regressor!(BoostValidParams<BoostRegressor>, BoostRegressor);
regressor!(RidgeParams, Ridge);
regressor!(KnnParams<KnnRegressor>, KnnRegressor);
classifier!(ForestValidParams<ForestClassifier>, ForestClassifier);
classifier!(BoostValidParams<BoostClassifier>, BoostClassifier);
classifier!(LogisticParams, Logistic);
classifier!(KnnParams<KnnClassifier>, KnnClassifier);

fit_unchecked!(RidgeParams, f64, Ridge);
fit_unchecked!(LogisticParams, usize, Logistic);
fit_unchecked!(KnnParams<KnnRegressor>, f64, KnnRegressor);
fit_unchecked!(KnnParams<KnnClassifier>, usize, KnnClassifier);
