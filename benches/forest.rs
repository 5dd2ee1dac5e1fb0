//! Forests: `cargo bench --bench forest -- rows.npy` (stars beside it in `rows.score.npy`, as the
//! peers make them) or `-- reviews.parquet` (stars in `Score`).
//!
//! Fits the training side of split 42 and scores the other. `SEEDS=20` gives mean and deviation.

mod measure;

use std::path::Path;

use embedlab::forest::{ForestClassifier, ForestRegressor};
use embedlab::split::train_test_split;
use embedlab::table::{Table, read};
use ndarray::{Array2, Axis, concatenate};

fn stars(table: &Table, path: &Path) -> Vec<f64> {
    if let Ok(scores) = table.numbers("Score") {
        return scores.into_iter().map(|score| score.expect("a score in every row")).collect();
    }
    let bytes = std::fs::read(path.with_extension("score.npy")).expect("stars beside the rows");
    let (numbers, _) = bytes[128..].as_chunks::<8>();
    numbers.iter().map(|bytes| i64::from_le_bytes(*bytes) as f64).collect()
}

fn mean_and_deviation(values: &[f64]) -> String {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    format!("{mean:.4} +- {:.4}", variance.sqrt())
}

fn main() {
    let path = measure::file().expect("a file of rows: cargo bench --bench forest -- rows.npy");
    let seeds: u64 = std::env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(1);
    let table = read(&path, &Default::default()).expect("a readable file");
    let stars = stars(&table, &path);
    let split = train_test_split(table.n_rows(), 0.2, 42).expect("enough rows");
    let pick = |rows: &[usize]| {
        (table.vectors().select(Axis(0), rows), rows.iter().map(|row| stars[*row]).collect::<Vec<f64>>())
    };
    let ((train, y), (test, truth)) = (pick(&split.train), pick(&split.test));
    let classes: Vec<usize> = y.iter().map(|stars| *stars as usize - 1).collect();
    let shape = format!("{} x {}", train.nrows(), train.ncols());
    let memory_of = |what: &str, bytes: &dyn Fn() -> usize| {
        let before = measure::megabytes_from_here().unwrap_or(0.0);
        let model = bytes() as f64 / 1e6;
        let more = measure::peak_megabytes().unwrap_or(0.0) - before;
        let (bins, input) = ((train.len() as f64) / 1e6, (4 * train.len()) as f64 / 1e6);
        println!(
            "    memory of one {what}: {more:.1} MB more than before, {model:.1} of it the model; input {input:.1}, bins {bins:.1}"
        );
    };
    memory_of("regression", &|| {
        let model = ForestRegressor::params().fit_rows(train.view(), &y, None).expect("a fit");
        model.trees().iter().map(|tree| 16 * tree.n_nodes() + 4 * tree.n_leaves()).sum()
    });
    memory_of("classification", &|| {
        let model = ForestClassifier::params().fit_rows(train.view(), &classes, None).expect("a fit");
        model.trees().iter().map(|tree| 16 * tree.n_nodes() + 20 * tree.n_leaves()).sum()
    });

    let (mut mae, mut mse, mut accuracy, mut f1) = (vec![], vec![], vec![], vec![]);
    for seed in 42..42 + seeds {
        let fit = || ForestRegressor::params().seed(seed).fit_rows(train.view(), &y, None).expect("a fit");
        let model = if seed == 42 {
            measure::measure("forest regression, 100 trees, all features", &shape, fit)
        } else {
            fit()
        };
        let predicted = model.predict_rows(test.view()).expect("rows that fit");
        let n = truth.len() as f64;
        mae.push(predicted.iter().zip(&truth).map(|(p, t)| (p - t).abs() / n).sum());
        mse.push(predicted.iter().zip(&truth).map(|(p, t)| (p - t).powi(2) / n).sum());

        let fit =
            || ForestClassifier::params().seed(seed).fit_rows(train.view(), &classes, None).expect("a fit");
        let model = if seed == 42 {
            measure::measure("forest classification, 100 trees, sqrt features", &shape, fit)
        } else {
            fit()
        };
        let predicted = model.predict_rows(test.view()).expect("rows that fit");
        let truth: Vec<usize> = truth.iter().map(|stars| *stars as usize - 1).collect();
        let names: Vec<String> = (1..=5).map(|stars| stars.to_string()).collect();
        let report = embedlab::metric::classification_report(&truth, &predicted, &names).expect("a report");
        accuracy.push(report.accuracy);
        f1.push(report.macro_average.f1);
    }
    println!("    mae {}, mse {}", mean_and_deviation(&mae), mean_and_deviation(&mse));
    println!("    accuracy {}, macro f1 {}", mean_and_deviation(&accuracy), mean_and_deviation(&f1));

    if seeds == 1 {
        let copies = 100_000_usize.div_ceil(train.nrows());
        let many: Array2<f32> = concatenate(Axis(0), &vec![train.view(); copies]).expect("rows of one width");
        let many = many.slice(ndarray::s![..100_000, ..]);
        let shape = format!("100000 x {}", many.ncols());
        let model = ForestRegressor::params().fit_rows(train.view(), &y, None).expect("a fit");
        measure::measure("forest prediction, 100 trees", &shape, || {
            model.predict_rows(many).expect("rows that fit")
        });
        let model = ForestClassifier::params().fit_rows(train.view(), &classes, None).expect("a fit");
        measure::measure("forest class prediction, 100 trees", &shape, || {
            model.predict_rows(many).expect("rows that fit")
        });
    }
}
