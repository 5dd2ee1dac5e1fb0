//! The tasks of MTEB against its own code on the sample's vectors (fixtures/make_benchmark.py).

use std::collections::HashMap;

use embedlab::benchmark::{
    ClassificationOptions, ClusteringOptions, Query, RegressionOptions, RetrievalOptions, Scored, Similarity,
    Summaries, Ties, bitext_mining, classification, clustering, clustering_in_sets, compare, intervals,
    multilabel_classification, pair_classification, regression, rerank, retrieval, search, sts,
    summarization, zero_shot_classification,
};
use embedlab::table::{self, Table};
use ndarray::{Array2, Axis, s};
use serde_json::Value;

use crate::support::{LABELS, SAMPLE};

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/benchmark.json")).unwrap()
}

fn read(path: &str) -> Table {
    table::read(path.as_ref(), &Default::default()).unwrap()
}

fn pairs(value: &Value) -> Vec<(usize, usize)> {
    serde_json::from_value(value.clone()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

/// Every score of MTEB is there, and equal.
#[track_caller]
fn equal(found: &Scored, expected: &Value, tolerance: f64) {
    for (name, expected) in expected.as_object().unwrap() {
        let score = found.score(name);
        match expected.as_f64() {
            // What MTEB cannot tell has no value here.
            None => assert_eq!(score, None, "{name}"),
            // Of a single query MTEB divides one rounding error by another.
            Some(_) if name.starts_with("nauc_") && found.n == 1 => assert_eq!(score, None, "{name}"),
            Some(expected) => {
                let score = score.unwrap_or_else(|| panic!("{name} is missing or undefined, not {expected}"));
                assert!(
                    (score - expected).abs() <= tolerance * expected.abs().max(1.0),
                    "{name}: {score}, not {expected}"
                );
            }
        }
    }
}

/// The kinds of food of the sample as classes in the order of the labels, and the labels' vectors.
fn kinds(reviews: &Table) -> (Vec<usize>, Array2<f32>) {
    let labels = read(LABELS).take(&(8..32).step_by(2).collect::<Vec<_>>()).unwrap();
    let names = labels.text("label").unwrap();
    let place = |kind: &Option<String>| names.iter().position(|name| name == kind).unwrap();
    (reviews.text("Kind").unwrap().iter().map(place).collect(), labels.into_vectors())
}

/// Even rows to learn from, odd ones to test on.
fn halves<T: Clone>(values: &[T]) -> (Vec<T>, Vec<T>) {
    let half = |first: usize| values.iter().skip(first).step_by(2).cloned().collect();
    (half(0), half(1))
}

#[test]
fn pairs_of_sentences_are_scored_as_mteb_scores_them() {
    let (fixture, reviews) = (fixture(), read(SAMPLE));
    let rows = reviews.vectors();
    for name in ["sts", "sts_tied"] {
        let case = &fixture[name];
        let found =
            sts(rows, rows, &pairs(&case["pairs"]), &numbers(&case["gold"]), Similarity::Cosine).unwrap();
        equal(&found, &case["scores"], 1e-6);
        assert_eq!(found.main, "cosine_spearman");
    }
    for name in ["pair", "pair_tied"] {
        let case = &fixture[name];
        let labels: Vec<bool> = numbers(&case["labels"]).iter().map(|label| *label == 1.0).collect();
        let found =
            pair_classification(rows, rows, &pairs(&case["pairs"]), &labels, Similarity::Cosine).unwrap();
        equal(&found, &case["scores"], 1e-6);
    }
}

#[test]
fn translations_are_found_as_mteb_finds_them() {
    let (fixture, reviews) = (fixture(), read(SAMPLE));
    let rows = reviews.vectors();
    let half = between(rows, 200, 0.6);
    for name in ["bitext", "bitext_gold"] {
        let case = &fixture[name];
        let targets = rows.slice(s![..250, ..]);
        let found = bitext_mining(half.view(), targets, &pairs(&case["gold"]), Similarity::Cosine).unwrap();
        equal(&found, &case["scores"], 1e-9);
    }
}

/// Vectors between a row and the one before it, of rows 0 to 59: those of [`row_queries`].
fn between(rows: ndarray::ArrayView2<'_, f32>, n: usize, share: f32) -> Array2<f32> {
    let mut between = rows.slice(s![..n, ..]).to_owned();
    for (row, mut out) in between.rows_mut().into_iter().enumerate() {
        out.scaled_add(share, &rows.row((row + n - 1) % n));
    }
    between
}

/// Rows 0 to 59 as queries; rows of the same kind are relevant.
fn row_queries(kinds: &[usize]) -> Vec<Query> {
    (0..60)
        .map(|row| Query {
            id: format!("d{row}"),
            judged: (0..kinds.len())
                .filter(|j| *j != row && kinds[*j] == kinds[row])
                .map(|j| (j, 1))
                .collect(),
            found: Vec::new(),
        })
        .collect()
}

#[test]
fn rankings_are_scored_as_mteb_and_trec_eval_score_them() {
    let (fixture, reviews) = (fixture(), read(SAMPLE));
    let rows = reviews.vectors();
    let (kinds, _) = kinds(&reviews);
    let ids: Vec<String> = (0..rows.nrows()).map(|row| format!("d{row}")).collect();
    let options = RetrievalOptions { ties: Ties::Trec, main: "ndcg_at_10" };
    let mut queries = row_queries(&kinds);
    let hits = search(rows, between(rows, 60, 0.25).view(), Similarity::Cosine).unwrap();
    queries.iter_mut().zip(hits).for_each(|(query, hits)| query.found = hits);
    equal(&retrieval(&queries, &ids, &options).unwrap(), &fixture["retrieval"], 1e-6);
    equal(&retrieval(&queries[..1], &ids, &options).unwrap(), &fixture["retrieval_one_query"], 1e-6);

    let mut without = queries.clone();
    for query in &mut without {
        query.found.retain(|(document, _)| ids[*document] != query.id);
    }
    equal(&retrieval(&without, &ids, &options).unwrap(), &fixture["retrieval_without_identical"], 1e-6);

    let mut tied = queries.clone();
    tied.iter_mut().flat_map(|query| &mut query.found).for_each(|hit| hit.1 = (hit.1 * 10.0).round() / 10.0);
    let found = retrieval(&tied, &ids, &options).unwrap();
    equal(&found, &fixture["retrieval_tied"], 1e-6);
    assert!(found.ties.unwrap() > 0.9);

    tied.iter_mut().flat_map(|query| &mut query.found).for_each(|hit| hit.1 = 0.5);
    equal(&retrieval(&tied, &ids, &options).unwrap(), &fixture["retrieval_all_tied"], 1e-6);
}

#[test]
fn degrees_of_relevance_and_lists_of_candidates_are_scored_as_mteb_scores_them() {
    let (fixture, reviews) = (fixture(), read(SAMPLE));
    let rows = reviews.vectors();
    let (kinds, _) = kinds(&reviews);
    let ids: Vec<String> = (0..rows.nrows()).map(|row| format!("d{row}")).collect();
    let file = read("examples/data/queries.parquet");
    let (names, stars) = (reviews.text("Kind").unwrap(), reviews.numbers("Score").unwrap());
    let of_kind = file.text("kind").unwrap();
    let chosen: Vec<usize> = (0..file.n_rows()).filter(|row| of_kind[*row].is_some()).collect();
    let hits = search(rows, file.vectors().select(Axis(0), &chosen).view(), Similarity::Cosine).unwrap();
    let queries: Vec<Query> = chosen
        .iter()
        .zip(hits)
        .map(|(row, found)| Query {
            id: format!("q{row}"),
            judged: (0..rows.nrows())
                .filter(|j| names[*j] == of_kind[*row])
                .map(|j| (j, 1 + u32::from(stars[j] == Some(5.0))))
                .collect(),
            found,
        })
        .collect();
    let options = RetrievalOptions { ties: Ties::Trec, main: "ndcg_at_10" };
    equal(&retrieval(&queries, &ids, &options).unwrap(), &fixture["retrieval_graded"], 1e-6);

    let lists: HashMap<String, Vec<String>> =
        serde_json::from_value(fixture["reranking"]["lists"].clone()).unwrap();
    let number = |id: &String| id[1..].parse::<usize>().unwrap();
    let lists: Vec<Vec<usize>> =
        (0..60).map(|row| lists[&format!("r{row}")].iter().map(number).collect()).collect();
    let mut queries = row_queries(&kinds);
    let hits = rerank(rows, between(rows, 60, 0.25).view(), &lists, Similarity::Cosine).unwrap();
    queries.iter_mut().zip(hits).for_each(|(query, hits)| query.found = hits);
    let options = RetrievalOptions { main: "map_at_1000", ..options };
    equal(&retrieval(&queries, &ids, &options).unwrap(), &fixture["reranking"]["scores"], 1e-6);
}

/// The mean of what trec_eval gives for all orders of the tied documents.
#[test]
fn averaged_ties_are_the_mean_over_all_orders() {
    let query = |scores: [f64; 5]| Query {
        id: "q".to_owned(),
        judged: vec![(0, 2), (3, 1), (4, 0)],
        found: scores.into_iter().enumerate().collect(),
    };
    let ids: Vec<String> = (0..5).map(|row| format!("d{row}")).collect();
    let at = |scores: [f64; 5], ties: Ties, name: &str| {
        let options = RetrievalOptions { ties, main: "ndcg_at_10" };
        retrieval(&[query(scores)], &ids, &options).unwrap().score(name).unwrap()
    };
    // Documents 0, 1, 2 tie between 4 and 3.
    let tied = [0.5, 0.5, 0.5, 0.1, 0.9];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for name in
        ["ndcg_at_3", "map_at_3", "map_at_1000", "recall_at_3", "hit_rate_at_3", "mrr_at_3", "precision_at_3"]
    {
        let of_order = |order: &[usize; 3]| {
            let mut scores = tied;
            order.iter().enumerate().for_each(|(place, row)| scores[*row] = 0.5 - place as f64 * 0.01);
            at(scores, Ties::Trec, name)
        };
        let mean = orders.iter().map(of_order).sum::<f64>() / 6.0;
        assert!((at(tied, Ties::Average, name) - mean).abs() < 2e-5, "{name}");
    }
}

#[test]
fn summaries_and_labels_are_scored_as_mteb_scores_them() {
    let (fixture, reviews) = (fixture(), read(SAMPLE));
    let rows = reviews.vectors();
    let case = &fixture["summarization"];
    let texts: Vec<Summaries> = case["texts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|text| {
            let rows = |name: &str| numbers(&text[name]).iter().map(|row| *row as usize).collect::<Vec<_>>();
            Summaries {
                human: rows("human"),
                machine: rows("machine").into_iter().zip(numbers(&text["gold"])).collect(),
            }
        })
        .collect();
    let found = summarization(rows, &texts, Similarity::Cosine).unwrap();
    equal(&found, &case["scores"], 1e-6);
    assert!(found.n < texts.len(), "texts whose scores are all equal are left out");

    let (truth, labels) = kinds(&reviews);
    let found = zero_shot_classification(rows, labels.view(), &truth, Similarity::Cosine).unwrap();
    equal(&found, &fixture["zero_shot"], 1e-9);
    let two: Vec<usize> = (0..truth.len()).filter(|row| truth[*row] < 2).collect();
    let of_two: Vec<usize> = two.iter().map(|row| truth[*row]).collect();
    let found = zero_shot_classification(
        rows.select(Axis(0), &two).view(),
        labels.slice(s![..2, ..]),
        &of_two,
        Similarity::Cosine,
    )
    .unwrap();
    equal(&found, &fixture["zero_shot_two"], 1e-6);
}

#[test]
fn linear_models_are_drawn_and_scored_as_mteb_draws_and_scores_them() {
    let (fixture, reviews) = (fixture(), read(SAMPLE));
    let rows = reviews.vectors();
    let (train, test) = (rows.slice(s![..;2, ..]), rows.slice(s![1..;2, ..]));
    let lengths: Vec<f64> = reviews.numbers("n_tokens").unwrap().into_iter().flatten().collect();
    let (of_train, of_test) = halves(&lengths);
    for (name, samples) in [("regression", 2048), ("regression_drawn", 200)] {
        let options = RegressionOptions { samples, ..Default::default() };
        let found = regression((train, &of_train), (test, &of_test), &options).unwrap();
        equal(&found, &fixture[name]["scores"], 1e-6);
        assert_eq!(found.draws.len(), 10);
    }

    let (truth, _) = kinds(&reviews);
    let stars = reviews.numbers("Score").unwrap();
    let good: Vec<usize> = stars.iter().map(|stars| usize::from(*stars == Some(5.0))).collect();
    for (name, classes, n_classes, samples_per_label, experiments) in
        [("classification", &truth, 12, 8, 10), ("classification_two", &good, 2, 16, 5)]
    {
        let (of_train, of_test) = halves(classes);
        let options = ClassificationOptions { samples_per_label, experiments, ..Default::default() };
        let found = classification((train, &of_train), (test, &of_test), n_classes, &options).unwrap();
        let case = &fixture[name];
        for (draw, expected) in found.draws.iter().zip(case["experiments"].as_array().unwrap()) {
            let expected = expected["scores"]["accuracy"].as_f64().unwrap();
            assert!((draw - expected).abs() < 1.5 / 330.0, "{name}: {draw}, not {expected}");
        }
        let mean = case["scores"]["accuracy"].as_f64().unwrap();
        assert!((found.score("accuracy").unwrap() - mean).abs() < 1e-3, "{name}");
        equal(&found, &case["scores"], 3e-3);
    }
}

#[test]
fn several_labels_are_drawn_and_scored_as_mteb_draws_and_scores_them() {
    let (fixture, reviews) = (fixture(), read(SAMPLE));
    let rows = reviews.vectors();
    let (kinds, _) = kinds(&reviews);
    let stars = reviews.numbers("Score").unwrap();
    let of = |row: usize| vec![kinds[row], 12 + stars[row].unwrap() as usize / 3, 20 + row % 2];
    let (train, test) = halves(&(0..rows.nrows()).map(of).collect::<Vec<_>>());
    let found = multilabel_classification(
        (rows.slice(s![..;2, ..]), &train),
        (rows.slice(s![1..;2, ..]), &test),
        &Default::default(),
    )
    .unwrap();
    equal(&found, &fixture["multilabel"]["scores"], 1e-9);
}

#[test]
fn clusters_agree_with_the_classes_as_much_as_mteb_finds() {
    let (fixture, reviews) = (fixture(), read(SAMPLE));
    let (truth, _) = kinds(&reviews);
    let level: Vec<Option<usize>> = truth.iter().copied().map(Some).collect();
    let options =
        ClusteringOptions { max_fraction: Some(1.0), rows_per_draw: 2048, ..ClusteringOptions::default() };
    let found = clustering(reviews.vectors(), &[level], &options).unwrap();
    let sets: Vec<usize> = (0..truth.len()).map(|row| row / 110).collect();
    let legacy = clustering_in_sets(reviews.vectors(), &truth, &sets, 42).unwrap();
    for (found, case) in [(&found, &fixture["clustering"]), (&legacy, &fixture["clustering_legacy"])] {
        let (expected, deviation) =
            (case["v_measure"].as_f64().unwrap(), case["v_measure_std"].as_f64().unwrap());
        let score = found.score("v_measure").unwrap();
        assert!((score - expected).abs() < deviation, "{score}, not {expected} +- {deviation}");
    }
    assert_eq!((found.draws.len(), legacy.draws.len()), (10, 6));
}

#[test]
fn an_interval_holds_the_score_and_a_model_is_not_better_than_itself() {
    let reviews = read(SAMPLE);
    let (truth, labels) = kinds(&reviews);
    let score = |dims: usize| {
        let rows = reviews.vectors().slice(s![.., ..dims]).to_owned();
        let labels = labels.slice(s![.., ..dims]).to_owned();
        zero_shot_classification(rows.view(), labels.view(), &truth, Similarity::Cosine).unwrap()
    };
    let (all, few) = (score(384), score(48));
    let interval = intervals(&all, 42).unwrap()["accuracy"];
    let accuracy = all.score("accuracy").unwrap();
    // Of a share of 660 rows: 1.96 standard errors.
    let width = 1.96 * (accuracy * (1.0 - accuracy) / 660.0).sqrt();
    assert!((interval.low - (accuracy - width)).abs() < 0.2 * width, "{interval:?}");
    let same = compare(&all, &all, "accuracy", 42).unwrap();
    assert_eq!((same.interval.low, same.interval.high, same.p), (0.0, 0.0, 1.0));
    let better = compare(&all, &few, "accuracy", 42).unwrap();
    assert!(better.interval.low > 0.0 && better.p < 0.01, "{better:?}");
    let error = compare(&all, &few, "no_such_score", 42).unwrap_err();
    assert!(error.to_string().contains("accuracy"), "{error}");
}

#[test]
fn what_cannot_be_scored_is_refused() {
    let rows = Array2::from_shape_fn((6, 3), |(i, j)| ((i * 5 + j * 3) % 7) as f32 + 0.5);
    let (rows, zero) = (rows.view(), Array2::zeros((6, 3)));
    let pairs = [(0, 1), (2, 3)];
    let code = |result: embedlab::Result<Scored>| result.err().unwrap().code();
    assert_eq!(code(pair_classification(rows, rows, &pairs, &[true, true], Similarity::Cosine)), "one-class");
    assert_eq!(code(sts(rows, rows, &pairs[..1], &[1.0], Similarity::Cosine)), "too-few-rows");
    assert_eq!(code(sts(rows, zero.view(), &pairs, &[1.0, 2.0], Similarity::Cosine)), "zero-vector");
    assert_eq!(code(sts(rows, rows, &[(0, 9), (1, 2)], &[1.0, 2.0], Similarity::Cosine)), "row-out-of-range");
    let options = RetrievalOptions { ties: Ties::Trec, main: "ndcg_at_10" };
    let query =
        |judged: Vec<(usize, u32)>, found: Vec<(usize, f64)>| Query { id: "q".to_owned(), judged, found };
    let ids = ["a", "b"].map(str::to_owned);
    assert_eq!(code(retrieval(&[query(vec![(0, 0)], vec![(0, 1.0)])], &ids, &options)), "no-relevant");
    let twice = query(vec![(0, 1)], vec![(1, 0.5), (1, 0.4)]);
    assert_eq!(code(retrieval(&[twice], &ids, &options)), "duplicate-id");
    // Constant similarities have no correlation, which is no number.
    let same = Array2::from_elem((6, 3), 1.0_f32);
    let found = sts(same.view(), same.view(), &pairs, &[1.0, 2.0], Similarity::Cosine).unwrap();
    assert_eq!(found.score("cosine_spearman"), None);
}
