//! Scores against scikit-learn's and SciPy's, and the defects of linfa's.

use embedlab::metric::{
    BootstrapOptions, ComparisonOptions, Interval, Loss, PairedTest, average_ranks, bootstrap,
    class_curve_intervals, class_curves, classification_baselines, classification_intervals,
    classification_report, compare_accuracy, compare_errors, compare_losses, kendall_tau, ordinal_intervals,
    ordinal_scores, pearson, precision_recall, quantile, regression_baselines, regression_intervals,
    regression_scores, roc, spearman,
};
use embedlab::{ErrorKind, Result};
use linfa::metrics::{BinaryClassification, ToConfusionMatrix};
use linfa::prelude::Pr;
use ndarray::{Array1, Array2, array};
use serde_json::Value;

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/metrics.json")).unwrap()
}

fn cases<'a>(fixture: &'a Value, of: &str) -> impl Iterator<Item = (String, &'a Value)> {
    let of = of.to_owned();
    let cases = fixture[&of].as_array().unwrap().iter().enumerate();
    cases.map(move |(place, case)| (format!("{of} {place} {}", case["name"]), case))
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn codes(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|x| x.as_u64().unwrap() as usize).collect()
}

fn bools(value: &Value) -> Vec<bool> {
    value.as_array().unwrap().iter().map(|x| x.as_bool().unwrap()).collect()
}

fn matrix(value: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = value.as_array().unwrap().iter().map(floats).collect();
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j])
}

fn names(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

fn numbered(k: usize) -> Vec<String> {
    (0..k).map(|class| format!("class {class}")).collect()
}

/// To 1e-9 of the larger of 1 and what is expected; no value where there is null.
fn same(place: &str, seen: impl Into<Option<f64>>, expected: &Value) {
    match (seen.into(), expected.as_f64()) {
        (Some(seen), Some(expected)) => {
            let tolerance = 1e-9 * expected.abs().max(1.0);
            assert!((seen - expected).abs() <= tolerance, "{place}: {seen}, expected {expected}");
        }
        (seen, expected) => assert_eq!(seen, expected, "{place}"),
    }
}

fn all_same(place: &str, seen: &[f64], expected: &Value) {
    let expected = expected.as_array().unwrap();
    assert_eq!(seen.len(), expected.len(), "{place}");
    seen.iter().zip(expected).for_each(|(&seen, expected)| same(place, seen, expected));
}

#[test]
fn the_classification_report_is_that_of_scikit_learn() {
    for (place, case) in cases(&fixture(), "classes") {
        let (truth, predicted) = (codes(&case["truth"]), codes(&case["predicted"]));
        let report = classification_report(&truth, &predicted, &names(&case["names"])).unwrap();
        let labels: Vec<String> = report.classes.iter().map(|class| class.label.clone()).collect();
        assert_eq!(labels, names(&case["labels"]), "{place}");
        for class in &report.classes {
            let expected = &case["report"][&class.label];
            same(&place, class.precision, &expected["precision"]);
            same(&place, class.recall, &expected["recall"]);
            same(&place, class.f1, &expected["f1-score"]);
            same(&place, class.support as f64, &expected["support"]);
        }
        for (name, average) in [("macro avg", &report.macro_average), ("weighted avg", &report.weighted)] {
            let expected = &case["report"][name];
            same(&place, average.precision, &expected["precision"]);
            same(&place, average.recall, &expected["recall"]);
            same(&place, average.f1, &expected["f1-score"]);
            same(&place, average.support as f64, &expected["support"]);
        }
        same(&place, report.accuracy, &case["report"]["accuracy"]);
        same(&place, report.balanced_accuracy, &case["balanced_accuracy"]);
        same(&place, report.cohen_kappa, &case["cohen_kappa"]);
        same(&place, report.matthews_correlation, &case["matthews_correlation"]);
        for (row, expected) in report.confusion.iter().zip(case["confusion"].as_array().unwrap()) {
            let row: Vec<usize> = row.iter().map(|&count| count as usize).collect();
            assert_eq!(row, codes(expected), "{place}");
        }
    }
}

#[test]
fn the_text_of_the_report_is_that_of_scikit_learn_to_the_letter() {
    for (place, case) in cases(&fixture(), "classes") {
        let (truth, predicted) = (codes(&case["truth"]), codes(&case["predicted"]));
        let report = classification_report(&truth, &predicted, &names(&case["names"])).unwrap();
        if report.accuracy == 0.0 {
            continue; // where nothing is right, scikit-learn counts 2.0 rows
        }
        assert_eq!(report.to_string(), case["text"].as_str().unwrap(), "{place}");
        assert_eq!(report.to_text(4), case["text_4"].as_str().unwrap(), "{place}");
    }
}

#[test]
fn what_is_undefined_counts_as_0_and_is_said() {
    let report = classification_report(&[0, 1, 1], &[0, 2, 2], &numbered(4)).unwrap();
    let warnings: Vec<String> = report.undefined.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "the precision of class 1 is undefined (the class was never predicted) and counts as 0",
            "the recall of class 2 is undefined (the class has no rows) and counts as 0",
        ]
    );
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["macro"]["support"], 3);
    assert_eq!(json["undefined"][0]["score"], "precision");
}

#[test]
fn the_curves_of_one_class_are_those_of_scikit_learn() {
    for (place, case) in cases(&fixture(), "binary") {
        let (truth, scores) = (bools(&case["truth"]), floats(&case["scores"]));
        let curve = precision_recall(&truth, &scores).unwrap();
        all_same(&place, &curve.thresholds, &case["thresholds"]);
        all_same(&place, &curve.precision, &case["precision"]);
        all_same(&place, &curve.recall, &case["recall"]);
        match curve.average_precision {
            // Here scikit-learn warns, and returns 0.
            None => assert!(!truth.contains(&true), "{place}"),
            defined => same(&place, defined, &case["average_precision"]),
        }
        let curve = roc(&truth, &scores).unwrap();
        same(&place, curve.area, &case["area"]);
        if curve.area.is_some() {
            all_same(&place, &curve.false_positive_rate, &case["false_positive_rate"]);
            all_same(&place, &curve.true_positive_rate, &case["true_positive_rate"]);
            all_same(&place, &curve.thresholds[1..], &case["roc_thresholds"]);
            assert_eq!(curve.thresholds[0], f64::INFINITY);
        }
    }
}

#[test]
fn the_curves_of_all_classes_and_their_averages_are_those_of_scikit_learn() {
    for (place, case) in cases(&fixture(), "matrices") {
        let scores = matrix(&case["scores"]);
        let curves = class_curves(&codes(&case["truth"]), scores.view(), &numbered(scores.ncols())).unwrap();
        let of_classes: (Vec<f64>, Vec<f64>) = curves
            .classes
            .iter()
            .map(|class| (class.precision_recall.average_precision.unwrap(), class.roc.area.unwrap()))
            .unzip();
        all_same(&place, &of_classes.0, &case["average_precision"]);
        all_same(&place, &of_classes.1, &case["area"]);
        same(&place, curves.micro.precision_recall.average_precision, &case["micro_average_precision"]);
        same(&place, curves.micro.roc.area, &case["micro_area"]);
        same(&place, curves.macro_average_precision, &case["macro_average_precision"]);
        same(&place, curves.macro_area, &case["macro_area"]);
    }
}

#[test]
fn a_class_without_rows_has_no_average_precision_and_does_not_lower_the_mean() {
    let scores = array![[0.9, 0.0, 0.1], [0.2, 0.1, 0.7]];
    let curves = class_curves(&[0, 2], scores.view(), &numbered(3)).unwrap();
    assert_eq!(curves.classes[1].precision_recall.average_precision, None);
    assert_eq!((curves.macro_average_precision, curves.macro_area), (Some(1.0), Some(1.0)));
}

#[test]
fn regression_scores_are_those_of_scikit_learn() {
    for (place, case) in cases(&fixture(), "numbers") {
        let scores = regression_scores(&floats(&case["truth"]), &floats(&case["predicted"])).unwrap();
        same(&place, scores.mae, &case["mae"]);
        same(&place, scores.mse, &case["mse"]);
        same(&place, scores.rmse, &case["rmse"]);
        same(&place, scores.r2, &case["r2"]);
        same(&place, scores.median_absolute_error, &case["median_absolute_error"]);
        same(&place, scores.max_error, &case["max_error"]);
        same(&place, scores.mean_error, &case["mean_error"]);
    }
}

#[test]
fn a_constant_truth_that_cannot_be_written_exactly_is_constant() {
    let right = regression_scores(&[0.1; 3], &[0.1; 3]).unwrap();
    let wrong = regression_scores(&[0.1; 3], &[0.1, 0.1, 0.2]).unwrap();
    assert_eq!((right.r2, wrong.r2), (Some(1.0), Some(0.0)));
}

#[test]
fn ordinal_scores_are_those_of_scikit_learn_and_scipy() {
    for (place, case) in cases(&fixture(), "levels") {
        let (truth, predicted) = (floats(&case["truth"]), floats(&case["predicted"]));
        let scores = ordinal_scores(&truth, &predicted, &floats(&case["levels"])).unwrap();
        same(&place, scores.exact, &case["exact"]);
        same(&place, scores.within_one, &case["within_one"]);
        same(&place, scores.quadratic_weighted_kappa, &case["quadratic_weighted_kappa"]);
        same(&place, scores.kendall_tau, &case["kendall_tau"]);
        same(&place, scores.spearman, &case["spearman"]);
    }
}

#[test]
fn correlations_and_ranks_are_those_of_scipy() {
    for (place, case) in cases(&fixture(), "lists") {
        let (x, y) = (floats(&case["x"]), floats(&case["y"]));
        same(&place, pearson(&x, &y).unwrap(), &case["pearson"]);
        same(&place, spearman(&x, &y).unwrap(), &case["spearman"]);
        same(&place, kendall_tau(&x, &y).unwrap(), &case["kendall_tau"]);
        all_same(&place, &average_ranks(&y).unwrap(), &case["ranks"]);
    }
}

#[test]
fn baselines_are_those_of_scikit_learns_dummies() {
    let fixture = fixture();
    for (place, case) in cases(&fixture, "dummy_regressions") {
        let baselines = regression_baselines(&floats(&case["train"]), &floats(&case["test"])).unwrap();
        for (name, baseline) in [("mean", baselines.mean), ("median", baselines.median)] {
            same(&place, baseline.value, &case[name]["value"]);
            same(&place, baseline.scores.mae, &case[name]["mae"]);
            same(&place, baseline.scores.mse, &case[name]["mse"]);
        }
    }
    for (place, case) in cases(&fixture, "dummy_classes") {
        let k = case["k"].as_u64().unwrap() as usize;
        let (train, test) = (codes(&case["train"]), codes(&case["test"]));
        let baselines = classification_baselines(&train, &test, &numbered(k)).unwrap();
        assert_eq!(baselines.class as u64, case["class"].as_u64().unwrap(), "{place}");
        all_same(&place, &baselines.prior, &case["prior"]);
        same(&place, baselines.majority.accuracy, &case["accuracy"]);
        same(&place, baselines.majority.macro_average.f1, &case["macro_f1"]);
        same(&place, baselines.micro_average_precision, &case["micro_average_precision"]);
        for (class, expected) in case["average_precision"].as_array().unwrap().iter().enumerate() {
            same(&place, baselines.average_precision[class], expected);
        }
    }
}

#[test]
fn the_stratified_baseline_is_as_good_as_guessing() {
    let (train, test) = ([0, 0, 0, 1], [0, 1, 1, 2]);
    let baselines = classification_baselines(&train, &test, &numbered(3)).unwrap();
    // Every guess of a training row's class for every test row.
    let hits = train.iter().flat_map(|guess| test.iter().filter(move |truth| guess == *truth)).count();
    assert!((baselines.stratified_accuracy - hits as f64 / 16.0).abs() < 1e-12);
}

#[test]
fn mcnemars_test_is_the_binomial_test_of_scipy() {
    let options = ComparisonOptions {
        bootstrap: BootstrapOptions { n_resamples: 2, ..Default::default() },
        ..Default::default()
    };
    for (place, case) in cases(&fixture(), "binomial") {
        let alone = |name: &str| case[name].as_u64().unwrap() as usize;
        let (a, b) = (alone("first_alone"), alone("second_alone"));
        // Three rows that both have right, so that there is always a row.
        let truth = vec![0; a + b + 3];
        let first: Vec<usize> = (0..truth.len()).map(|row| usize::from((a..a + b).contains(&row))).collect();
        let second: Vec<usize> = (0..truth.len()).map(|row| usize::from(row < a)).collect();
        let comparison = compare_accuracy(&truth, &first, &second, &options).unwrap();
        assert_eq!(comparison.test, PairedTest::McnemarExact);
        same(&place, comparison.p_value, &case["p_value"]);
        let difference = (a as f64 - b as f64) / truth.len() as f64;
        assert!((comparison.difference - difference).abs() < 1e-12);
    }
}

#[test]
fn few_rows_are_compared_by_all_sign_flips_as_in_scipy() {
    for (place, case) in cases(&fixture(), "flips") {
        let (first, second) = (floats(&case["first"]), floats(&case["second"]));
        let comparison = compare_losses(&first, &second, &ComparisonOptions::default()).unwrap();
        assert_eq!(comparison.test, PairedTest::SignFlipExact);
        same(&place, comparison.p_value, &case["p_value"]);
        same(&place, comparison.difference, &case["difference"]);
    }
}

#[test]
fn many_rows_are_compared_by_random_sign_flips() {
    for (place, case) in cases(&fixture(), "far_flips") {
        let (first, second) = (floats(&case["first"]), floats(&case["second"]));
        let comparison = compare_losses(&first, &second, &ComparisonOptions::default()).unwrap();
        assert_eq!(comparison.test, PairedTest::SignFlip);
        // Four standard errors of 9,999 flips.
        let expected = case["p_value"].as_f64().unwrap();
        assert!((comparison.p_value - expected).abs() < 0.02, "{place}: {} {expected}", comparison.p_value);
    }
}

#[test]
fn errors_are_compared_by_their_size_or_their_square() {
    let (truth, first, second) = ([1.0, 2.0, 3.0], [1.0, 2.0, 6.0], [2.0, 3.0, 4.0]);
    let options = ComparisonOptions::default();
    let compare = |loss| compare_errors(&truth, &first, &second, loss, &options).unwrap();
    let (absolute, squared) = (compare(Loss::Absolute), compare(Loss::Squared));
    assert_eq!((absolute.first, absolute.second, absolute.difference), (1.0, 1.0, 0.0));
    assert_eq!((squared.first, squared.second, squared.difference), (3.0, 1.0, 2.0));
}

#[test]
fn rows_that_belong_together_are_weaker_evidence() {
    let copies = |model: &[usize]| model.iter().flat_map(|&class| [class; 10]).collect::<Vec<_>>();
    let (truth, first) = (copies(&[0; 6]), copies(&[0; 6]));
    let second = copies(&[0, 1, 1, 1, 0, 1]);
    let groups: Vec<u32> = (0..60).map(|row| row / 10).collect();
    let compare = |groups| {
        let bootstrap = BootstrapOptions { groups, ..Default::default() };
        compare_accuracy(&truth, &first, &second, &ComparisonOptions { bootstrap, ..Default::default() })
            .unwrap()
    };
    let (apart, together) = (compare(None), compare(Some(&groups)));
    assert!(apart.p_value < 1e-9, "{apart:?}");
    assert_eq!((together.p_value, together.test), (0.125, PairedTest::SignFlipExact));
    assert_eq!((together.interval.n, together.n), (6, 60));
}

#[test]
fn the_interval_is_that_of_scipy_up_to_the_draw() {
    for (place, case) in cases(&fixture(), "intervals") {
        let groups: Vec<u32> = codes(&case["groups"]).iter().map(|&group| group as u32).collect();
        let options = BootstrapOptions { groups: Some(&groups), n_resamples: 4000, ..Default::default() };
        let (truth, predicted) = (floats(&case["truth"]), floats(&case["predicted"]));
        let interval = regression_intervals(&truth, &predicted, &options).unwrap().mae;
        let expected = ["low", "high"].map(|end| case[end].as_f64().unwrap());
        let width = expected[1] - expected[0];
        // Ours is wider for few units: by sqrt(20 / 19) * 2.093 / 1.96 for 20 rows, if the resamples are normal.
        let wider = if interval.n < 100 { 0.05 * width } else { 0.0 };
        let (low, high) = (expected[0] - wider, expected[1] + wider);
        assert!((interval.low - low).abs() < 0.04 * width, "{place}: {interval:?} {expected:?}");
        assert!((interval.high - high).abs() < 0.04 * width, "{place}: {interval:?} {expected:?}");
    }
}

#[test]
fn quantiles_are_those_of_numpy() {
    for (place, case) in cases(&fixture(), "quantiles") {
        let (values, shares) = (floats(&case["values"]), floats(&case["shares"]));
        let seen: Vec<f64> = shares.iter().map(|&share| quantile(&values, share)).collect();
        all_same(&place, &seen, &case["expected"]);
    }
}

/// The score of rows that were copied, one by one, as often as they were drawn.
fn slow_interval(
    n: usize,
    options: &BootstrapOptions,
    score: impl Fn(&[usize]) -> Option<f64> + Sync,
) -> Interval {
    bootstrap(n, options, |times| {
        let rows: Vec<usize> = (0..n).flat_map(|row| vec![row; times[row] as usize]).collect();
        score(&rows).unwrap_or(f64::NAN)
    })
    .unwrap()
}

fn near(place: &str, fast: Interval, slow: Interval) {
    assert!((fast.low - slow.low).abs() < 1e-9, "{place}: {fast:?} {slow:?}");
    assert!((fast.high - slow.high).abs() < 1e-9, "{place}: {fast:?} {slow:?}");
    assert_eq!(fast.undefined, slow.undefined, "{place}");
}

#[test]
fn intervals_of_counted_rows_are_those_of_copied_rows() {
    let fixture = fixture();
    let options = BootstrapOptions { n_resamples: 60, ..Default::default() };
    fn pick<T: Copy>(list: &[T], rows: &[usize]) -> Vec<T> {
        rows.iter().map(|&row| list[row]).collect()
    }

    let case = &fixture["classes"][1];
    let (truth, predicted, names) = (codes(&case["truth"]), codes(&case["predicted"]), names(&case["names"]));
    let fast = classification_intervals(&truth, &predicted, &names, &options).unwrap();
    let report =
        |rows: &[usize]| classification_report(&pick(&truth, rows), &pick(&predicted, rows), &names).unwrap();
    let slow = |score: &(dyn Fn(&[usize]) -> Option<f64> + Sync)| slow_interval(truth.len(), &options, score);
    near("balanced", fast.balanced_accuracy, slow(&|rows| Some(report(rows).balanced_accuracy)));
    near("kappa", fast.cohen_kappa, slow(&|rows| report(rows).cohen_kappa));
    near("macro", fast.macro_average.f1, slow(&|rows| Some(report(rows).macro_average.f1)));
    near("weighted", fast.weighted.precision, slow(&|rows| Some(report(rows).weighted.precision)));
    assert_eq!(fast.classes[0].recall.n, truth.iter().filter(|&&class| class == 0).count());

    let case = &fixture["numbers"][1];
    let (truth, predicted) = (floats(&case["truth"]), floats(&case["predicted"]));
    let fast = regression_intervals(&truth, &predicted, &options).unwrap();
    let scores = |rows: &[usize]| regression_scores(&pick(&truth, rows), &pick(&predicted, rows)).unwrap();
    let slow = |score: &(dyn Fn(&[usize]) -> Option<f64> + Sync)| slow_interval(truth.len(), &options, score);
    near("mae", fast.mae, slow(&|rows| Some(scores(rows).mae)));
    near("r2", fast.r2, slow(&|rows| scores(rows).r2));
    near("median", fast.median_absolute_error, slow(&|rows| Some(scores(rows).median_absolute_error)));

    let case = &fixture["levels"][0];
    let (truth, predicted) = (floats(&case["truth"]), floats(&case["predicted"]));
    let stars = [1.0, 2.0, 3.0, 4.0, 5.0];
    let fast = ordinal_intervals(&truth, &predicted, &stars, &options).unwrap();
    let scores =
        |rows: &[usize]| ordinal_scores(&pick(&truth, rows), &pick(&predicted, rows), &stars).unwrap();
    let slow = |score: &(dyn Fn(&[usize]) -> Option<f64> + Sync)| slow_interval(truth.len(), &options, score);
    near("qwk", fast.quadratic_weighted_kappa, slow(&|rows| scores(rows).quadratic_weighted_kappa));
    near("tau", fast.kendall_tau, slow(&|rows| scores(rows).kendall_tau));
    near("rho", fast.spearman, slow(&|rows| scores(rows).spearman));

    let case = &fixture["matrices"][1];
    let (truth, matrix) = (codes(&case["truth"]), matrix(&case["scores"]));
    let fast = class_curve_intervals(&truth, matrix.view(), &numbered(4), &options).unwrap();
    let curves = |rows: &[usize]| {
        let picked = matrix.select(ndarray::Axis(0), rows);
        class_curves(&pick(&truth, rows), picked.view(), &numbered(4)).unwrap()
    };
    let slow = |score: &(dyn Fn(&[usize]) -> Option<f64> + Sync)| slow_interval(truth.len(), &options, score);
    let precision = |rows: &[usize]| curves(rows).classes[0].precision_recall.average_precision;
    near("average precision", fast.average_precision[0], slow(&precision));
    near("area", fast.area[3], slow(&|rows| curves(rows).classes[3].roc.area));
    near(
        "micro",
        fast.micro_average_precision,
        slow(&|rows| curves(rows).micro.precision_recall.average_precision),
    );
    near("macro", fast.macro_area, slow(&|rows| curves(rows).macro_area));
}

#[test]
fn what_cannot_be_scored_is_an_error_that_says_where() {
    let two = numbered(2);
    let nan = [0.5, f64::NAN];
    let identifiers: Vec<usize> = (0..6000).collect();
    let options = BootstrapOptions::default();
    let paired = ComparisonOptions::default();
    fn text<T: std::fmt::Debug>(result: Result<T>) -> String {
        let error = result.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Argument | ErrorKind::Input | ErrorKind::Memory));
        error.to_string()
    }
    for (seen, expected) in [
        (text(classification_report(&[], &[], &two)), "no rows to score"),
        (text(classification_report(&[0], &[0, 1], &two)), "1 and 2"),
        (text(classification_report(&[0, 1], &[0, 2], &two)), "row 1: a predicted class without a name"),
        (text(classification_report(&[5], &[0], &two)), "row 0: a true class without a name"),
        (text(classification_report(&identifiers, &identifiers, &numbered(6000))), "labels, or identifiers?"),
        (text(classification_intervals(&[], &[], &two, &options)), "no rows"),
        (text(precision_recall(&[], &[])), "no rows"),
        (text(precision_recall(&[true], &[0.1, 0.2])), "1 and 2"),
        (text(precision_recall(&[true, false], &nan)), "row 1: a score must be finite: NaN"),
        (text(roc(&[true, false], &[0.1, f64::INFINITY])), "row 1"),
        (text(class_curves(&[0], array![[0.1]].view(), &two)), "1 columns and 2 names"),
        (text(class_curves(&[0, 1], array![[0.1, 0.9]].view(), &two)), "2 and 1"),
        (text(class_curves(&[0], array![[0.1, f64::NAN]].view(), &two)), "row 0, column class 1"),
        (text(class_curves(&[], Array2::zeros((0, 2)).view(), &two)), "no rows"),
        (text(regression_scores(&[], &[])), "no rows"),
        (text(regression_scores(&[1.0], &[])), "1 and 0"),
        (text(regression_scores(&nan, &[1.0, 2.0])), "row 1: a true value"),
        (text(regression_scores(&[1.0, 2.0], &nan)), "row 1: a predicted value"),
        (text(regression_intervals(&[], &[], &options)), "no rows"),
        (text(ordinal_scores(&[], &[], &[])), "no rows"),
        (text(ordinal_scores(&[1.0, 2.0], &nan, &[])), "row 1: a prediction"),
        (
            text(ordinal_scores(&[1.0, 2.5], &[1.0, 2.0], &[1.0, 2.0])),
            "row 1: a true value is not one of the levels",
        ),
        (text(pearson(&nan, &[1.0, 2.0])), "row 1: a first value"),
        (text(kendall_tau(&[], &[])), "no rows"),
        (text(average_ranks(&nan)), "row 1"),
        (text(compare_accuracy(&[0, 1], &[0], &[0, 1], &paired)), "2 and 1"),
        (text(compare_errors(&[0.0], &[0.0], &[f64::NAN], Loss::Squared, &paired)), "second model"),
        (text(compare_losses(&[], &[], &paired)), "no rows"),
        (
            text(compare_losses(&[1.0], &[1.0], &ComparisonOptions { n_permutations: 0, ..paired })),
            "no permut",
        ),
        (text(regression_baselines(&[], &[1.0])), "no rows"),
        (text(regression_baselines(&[1.0], &[])), "no rows"),
        (text(classification_baselines(&[0], &[3], &two)), "row 0: a true class without a name"),
    ] {
        assert!(seen.contains(expected), "{seen}, expected {expected}");
    }
}

/// linfa 0.8.1: precision and recall of two arrays stand for one another.
#[test]
fn linfa_exchanges_precision_and_recall() {
    let (truth, predicted) = ([1_usize, 1, 0, 1, 0, 1], [0_usize, 1, 0, 1, 0, 1]);
    let report = classification_report(&truth, &predicted, &numbered(2)).unwrap();
    assert_eq!((report.classes[1].precision, report.classes[1].recall), (1.0, 0.75));
    let arrays = (Array1::from(truth.to_vec()), Array1::from(predicted.to_vec()));
    // Of two classes, the scores are those of the second.
    let linfa = arrays.1.confusion_matrix(&arrays.0).unwrap();
    assert_eq!((linfa.precision(), linfa.recall()), (0.75, 1.0), "mended?");
}

/// linfa 0.8.1: the lowest group of scores is lost when it is exactly 0.
#[test]
fn linfa_loses_the_scores_of_0_from_the_roc_curve() {
    let (truth, scores) = ([true, false, true, false], [0.0, 0.0, 1.0, 1.0]);
    assert_eq!(roc(&truth, &scores).unwrap().area, Some(0.5));
    let scores: Array1<Pr> = scores.iter().map(|&score| Pr::new(score as f32)).collect();
    let area = scores.as_slice().unwrap().roc(&truth).unwrap().area_under_curve();
    assert!((area - 0.375).abs() < 1e-6, "mended? {area}");
}
