//! Profiles, recommendations, rankings and neighbours against pandas, SciPy, pytrec_eval and NumPy.

use embedlab::recommend::{
    EvaluationOptions, NeighborOptions, ProfileOptions, Query, Ratings, RecommendOptions, evaluate,
    neighbors, profiles, recommend, recommend_for_all,
};
use embedlab::rows::Metric;
use embedlab::split::train_test_split;
use embedlab::table::Labels;
use ndarray::{Array2, ArrayView1};
use serde_json::Value;

use crate::support::{SAMPLE, embedlab, json, shared_data};

const N: usize = 600;
const DIMS: usize = 12;

struct Data {
    rows: Array2<f32>,
    users: Labels,
    items: Labels,
    ratings: Vec<Option<f64>>,
    fixture: Value,
}

fn labels(letter: char, n: usize, code: impl Fn(usize) -> usize) -> Labels {
    Labels {
        names: (0..n).map(|name| format!("{letter}{name}")).collect(),
        codes: (0..N).map(|row| Some(code(row) as u32)).collect(),
    }
}

impl Data {
    /// The table of make_recommend.py.
    fn new() -> Data {
        let user = |i: usize| (i * 17 + i * i * 5 + i / 5 * 3) % 41;
        let item = |i: usize| (i * 23 + (i / 7) * 11) % 61;
        let lean = |code: usize, j: usize| (((code * (j + 5) * 6007) % 997) as f64 / 997.0 - 0.5) as f32;
        let rows = Array2::from_shape_fn((N, DIMS), |(i, j)| {
            let hash = (i * (j + 3) * 7919 + j * 104_729 + i * i * 31) % 1009;
            (hash as f64 / 1009.0 - 0.5) as f32 + (lean(user(i), j) + lean(item(i) + 100, j))
        });
        let fixture: Value = serde_json::from_str(include_str!("../fixtures/recommend.json")).unwrap();
        let sum: f64 = rows.iter().map(|x| f64::from(*x)).sum();
        assert!((sum - fixture["rows_sum"].as_f64().unwrap()).abs() < 1e-3, "{sum}");
        let ratings = numbers(&fixture["ratings"]).into_iter().map(Some).collect();
        Data { rows, users: labels('u', 41, user), items: labels('i', 61, item), ratings, fixture }
    }

    fn ratings(&self) -> Ratings<'_> {
        Ratings { users: &self.users, items: &self.items, ratings: &self.ratings }
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn close(found: impl IntoIterator<Item = f64>, expected: &Value, tolerance: f64) {
    let (found, expected): (Vec<f64>, _) = (found.into_iter().collect(), numbers(expected));
    assert_eq!(found.len(), expected.len());
    for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert!((found - expected).abs() <= tolerance, "{at}: {found} {expected}");
    }
}

#[test]
fn held_out_pairs_are_scored_as_by_pandas_scipy_and_pytrec_eval() {
    let data = Data::new();
    let split = train_test_split(N, 0.2, 42).unwrap();
    let options = EvaluationOptions { relevant: Some(4.0), ..Default::default() };
    let found = evaluate(&data.rows, &data.ratings(), &split, &options).unwrap();
    let rows: Vec<f64> = found.rows.iter().map(|pair| pair.row as f64).collect();
    close(rows, &data.fixture["rows"], 0.0);
    close(found.rows.iter().map(|pair| pair.similarity), &data.fixture["similarity"], 1e-9);
    close(found.rows.iter().map(|pair| pair.percentile), &data.fixture["percentile"], 1e-9);
    for label in &found.by_label {
        let expected = &data.fixture["median_percentile"][label.label.to_string()];
        assert!((label.median_percentile - expected.as_f64().unwrap()).abs() < 1e-9);
    }
    for name in ["similarity", "popularity", "item_mean", "random"] {
        let scorer = found.scorers.iter().find(|scorer| scorer.name == name).unwrap();
        let expected = &data.fixture["scorers"][name];
        assert_eq!(scorer.ranking.n as u64, expected["n"].as_u64().unwrap(), "{name}");
        let near = |key: &str, found: Option<f64>, tolerance: f64| {
            let expected = expected[key].as_f64().unwrap();
            assert!((found.unwrap() - expected).abs() <= tolerance, "{name} {key}: {found:?} {expected}");
        };
        near("pearson", scorer.pearson, 1e-9);
        near("spearman", scorer.spearman, 1e-9);
        // Where scores tie, pytrec_eval's mean over 1,000 orders of the tied items.
        let errors = numbers(&expected["standard_errors"]);
        near("ndcg", scorer.ranking.ndcg, 1e-9 + 4.0 * errors[0]);
        near("hit", scorer.ranking.hit, 1e-9 + 4.0 * errors[1]);
        near("recall", scorer.ranking.recall, 1e-9 + 4.0 * errors[2]);
        near("reciprocal_rank", scorer.ranking.reciprocal_rank, 1e-9 + 4.0 * errors[3]);
        assert!(name == "similarity" || errors[0] > 0.0);
    }
}

/// Products of one training row each: all popularities are equal, and only names differ.
fn tied(names: &[&str]) -> (Option<f64>, Option<f64>, Option<f64>) {
    let n = names.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|at| names[*at]);
    let code = |product: usize| order.iter().position(|at| *at == product).map(|code| code as u32);
    let rows = Array2::from_shape_fn((n + 2, 3), |(i, j)| ((i * 7 + j * 5) % 11) as f32 - 4.0);
    // The first user rated all but two products, and finds them in the test.
    let users = Labels { names: vec!["a".into(), "b".into()], codes: vec![Some(0); n - 2] };
    let users =
        Labels { codes: users.codes.into_iter().chain([Some(1); 2]).chain([Some(0); 2]).collect(), ..users };
    let products = (0..n).chain([n - 2, n - 1]);
    let mut sorted: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    sorted.sort();
    let items = Labels { names: sorted, codes: products.map(code).collect() };
    let ratings: Vec<Option<f64>> =
        (0..n).map(|row| Some((row % 4) as f64)).chain([Some(5.0), Some(1.0)]).collect();
    let ratings = Ratings { users: &users, items: &items, ratings: &ratings };
    let split = embedlab::split::Split { train: (0..n).collect(), test: vec![n, n + 1] };
    let options = EvaluationOptions { k: 1, ..Default::default() };
    let found = evaluate(&rows, &ratings, &split, &options).unwrap();
    let ranking = found.scorers.iter().find(|scorer| scorer.name == "popularity").unwrap().ranking;
    (ranking.ndcg, ranking.hit, ranking.reciprocal_rank)
}

#[test]
fn the_names_of_products_do_not_decide_between_equal_scores() {
    let names = ["m", "c", "x", "a", "q"];
    let other = ["m", "c", "x", "q", "a"];
    // Two candidates of equal popularity, one of them worth finding.
    assert_eq!(tied(&names), (Some(0.5), Some(0.5), Some(0.75)));
    assert_eq!(tied(&names), tied(&other));
}

#[test]
fn profiles_are_the_means_of_pandas_also_weighted_and_shrunk() {
    let data = Data::new();
    let weights: Vec<f64> = (0..N).map(|row| 0.5 + (row % 4) as f64 / 2.0).collect();
    let options = ProfileOptions::default();
    for (name, of, group, options) in [
        ("plain", &data.users, 7, options),
        ("weighted", &data.users, 7, ProfileOptions { weights: Some(&weights), ..options }),
        ("shrunk", &data.items, 11, ProfileOptions { shrinkage: 3.0, ..options }),
    ] {
        let found = profiles(&data.rows, &of.codes, of.names.len(), &options).unwrap();
        let vector = found.vectors.row(group).iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
        close(vector, &data.fixture["profiles"][name], 1e-7);
    }
}

#[test]
fn neighbours_rank_as_in_double_precision_by_every_metric() {
    let data = Data::new();
    for (name, metric) in [
        ("cosine", Metric::Cosine),
        ("inner_product", Metric::Dot),
        ("l1", Metric::L1),
        ("l2", Metric::L2),
        ("linf", Metric::Linf),
    ] {
        let query = Query::Vector(data.rows.row(5), None);
        let options = NeighborOptions { k: 20, metric, ..Default::default() };
        let found = neighbors(data.rows.view(), &query, None, &options).unwrap().neighbors;
        let expected = &data.fixture["nearest"][name];
        close(found.iter().map(|hit| hit.row as f64), &expected["rows"], 0.0);
        close(found.iter().map(|hit| hit.distance), &expected["distances"], 1e-5);
    }
    let mixed = Query::Rows { like: &[3, 8], unlike: &[5] };
    let options = NeighborOptions { k: 17, ..Default::default() };
    let found = neighbors(data.rows.view(), &mixed, None, &options).unwrap().neighbors;
    let others: Vec<f64> = numbers(&data.fixture["like_3_8_unlike_5"]["rows"])
        .into_iter()
        .filter(|row| ![3.0, 8.0, 5.0].contains(row))
        .take(17)
        .collect();
    assert_eq!(found.iter().map(|hit| hit.row as f64).take(others.len()).collect::<Vec<_>>(), others);
    let options = NeighborOptions { k: 8, mmr: Some(0.6), ..Default::default() };
    let query = Query::Rows { like: &[5], unlike: &[] };
    let found = neighbors(data.rows.view(), &query, None, &options).unwrap().neighbors;
    close(found.iter().map(|hit| hit.row as f64), &data.fixture["mmr"], 0.0);
}

#[test]
fn neighbours_pass_over_the_texts_of_the_query() {
    let data = Data::new();
    let mut rows = data.rows.clone();
    let same = rows.row(5).to_owned();
    [40, 300].iter().for_each(|row| rows.row_mut(*row).assign(&same));
    let texts: Vec<Option<String>> = (0..N)
        .map(|row| Some(if [5, 40].contains(&row) { "tea".into() } else { format!("text {row}") }))
        .collect();
    let query = Query::Rows { like: &[5], unlike: &[] };
    let found = neighbors(rows.view(), &query, Some(&texts), &Default::default()).unwrap();
    // Row 40 repeats the text; row 300 has the same vector and another text.
    assert_eq!((found.equal_texts, found.neighbors[0].row), (1, 300));
    assert!(found.neighbors.iter().all(|hit| ![5, 40].contains(&hit.row)));
    let query = Query::Vector(ArrayView1::from(&[0.0; DIMS]), None);
    assert!(neighbors(rows.view(), &query, None, &Default::default()).is_err());
}

#[test]
fn the_commands_have_their_keys_on_the_sample() {
    let found = json(embedlab().args(["recommend", SAMPLE, "--json"]));
    for key in ["pairs", "correlation", "by_label", "scorers", "cold"] {
        assert!(!found[key].is_null(), "{key}: {found}");
    }
    let found = json(embedlab().args(["profile", SAMPLE, "--by", "UserId", "--json"]));
    assert!(found["groups"].as_u64().unwrap() > 1 && found["dims"].as_u64().unwrap() > 1, "{found}");
    let found = json(embedlab().args(["neighbors", SAMPLE, "--row", "3", "-k", "4", "--json"]));
    let hits = found["neighbors"].as_array().unwrap();
    assert_eq!(hits.len(), 4);
    assert!(hits.iter().all(|hit| hit["row"] != 3 && hit["text"].is_string() && hit["distance"].is_number()));
}

#[test]
fn the_lists_of_all_users_are_those_of_each_user_by_all_cosines() {
    let data = Data::new();
    let mut ratings = data.ratings();
    let (mut users, mut items) = (data.users.clone(), data.items.clone());
    // A user of one row, and rows without a user or an item.
    users.names.push("lonely".to_owned());
    users.codes[0] = Some(41);
    (users.codes[1], items.codes[2]) = (None, None);
    (ratings.users, ratings.items) = (&users, &items);
    let options = RecommendOptions { k: 7, ..Default::default() };
    let told = std::sync::atomic::AtomicUsize::new(0);
    let tell = |done: usize, all: usize| {
        assert!(done <= all && all == 42);
        told.fetch_max(done, std::sync::atomic::Ordering::Relaxed);
    };
    let found = recommend_for_all(&data.rows, &ratings, &options, &tell).unwrap();
    assert_eq!((found.lists.len(), found.without_profile, found.items), (41, 1, 61));
    assert!(told.into_inner() >= 41);
    for list in &found.lists {
        let one = recommend(data.rows.view(), &ratings, None, list.user, &options).unwrap();
        let names: Vec<(&str, f64)> =
            list.items.iter().map(|(item, cosine)| (items.names[*item as usize].as_str(), *cosine)).collect();
        let expected: Vec<(&str, f64)> =
            one.items.iter().map(|item| (item.item.as_str(), item.similarity)).collect();
        assert_eq!(names, expected, "user {}", list.user);
        for (item, one) in list.items.iter().zip(&one.items) {
            assert_eq!(found.counts[item.0 as usize], one.n);
            assert_eq!(found.mean_ratings[item.0 as usize], one.mean_rating);
            let own = (0..N).filter(|row| items.codes[*row] == Some(item.0));
            let cosine = |row: usize| {
                let mine: Vec<usize> = (0..N).filter(|row| users.codes[*row] == Some(list.user)).collect();
                let mean: Vec<f32> = (0..DIMS)
                    .map(|j| {
                        let sum: f64 = mine.iter().map(|row| f64::from(data.rows[[*row, j]])).sum();
                        (sum / mine.len() as f64) as f32
                    })
                    .collect();
                1.0 - Metric::Cosine.distance(&data.rows.row(row).to_vec(), &mean)
            };
            let best = own.max_by(|a, b| cosine(*a).total_cmp(&cosine(*b)).then(b.cmp(a))).unwrap();
            assert_eq!(one.rows[0].row, best, "the row that speaks for an item is its nearest");
        }
    }
}

#[test]
fn lists_are_written_for_one_user_and_for_all_and_the_test_takes_the_selection() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (one, all) = (path("one.csv"), path("all.parquet"));
    let found = json(embedlab().args([
        "recommend",
        SAMPLE,
        "--for",
        "A1CZZ9FNAKM78",
        "-k",
        "4",
        "-o",
        &one,
        "--json",
        "-q",
    ]));
    let lists =
        json(embedlab().args(["recommend", SAMPLE, "--for-all", "-k", "4", "-o", &all, "--json", "-q"]));
    let table =
        |file: &str| embedlab::table::read_without_vectors(file.as_ref(), &Default::default()).unwrap();
    let (one, all) = (table(&one), table(&all));
    assert_eq!(one.column_names(), ["user", "rank", "item", "similarity", "n", "mean_rating"]);
    let items: Vec<&str> =
        found["items"].as_array().unwrap().iter().map(|item| item["item"].as_str().unwrap()).collect();
    let listed: Vec<String> = one.text("item").unwrap().into_iter().flatten().collect();
    assert_eq!((listed.len(), listed), (4, items.iter().map(|item| (*item).to_owned()).collect()));
    let users = lists["users"].as_u64().unwrap() as usize;
    assert_eq!((all.n_rows(), lists["recommendations"].as_array().unwrap().len()), (4 * users, users));
    let mine =
        lists["recommendations"].as_array().unwrap().iter().find(|list| list["user"] == "A1CZZ9FNAKM78");
    assert_eq!(mine.unwrap()["items"][3]["item"], items[3]);

    let test = json(embedlab().args(["recommend", SAMPLE, "--where", "Score >= 3", "--json", "-q"]));
    let whole = json(embedlab().args(["recommend", SAMPLE, "--json", "-q"]));
    let rows = |found: &Value| found["n_train"].as_u64().unwrap() + found["n_test"].as_u64().unwrap();
    assert!(rows(&whole) == 660 && rows(&test) < 600, "{test}");
    assert!(test["by_label"].as_array().unwrap().iter().all(|label| label["label"].as_f64().unwrap() >= 3.0));
    let scored = path("scored.csv");
    embedlab().args(["recommend", SAMPLE, "--where", "Score >= 3", "-o", &scored, "-q"]).assert().success();
    let scored = embedlab::table::read(scored.as_ref(), &Default::default()).unwrap();
    assert_eq!(scored.n_rows() as u64, test["pairs"].as_u64().unwrap());
    assert!(scored.numbers("Score").unwrap().into_iter().flatten().all(|score| score >= 3.0));
}

#[test]
fn bad_questions_end_with_2_and_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("reviews.csv");
    let mut text = String::from("UserId,ProductId,Score,Text,embedding\n");
    for i in 0..30 {
        text += &format!(
            "u{},p{},5,text {i},\"[{}, {}]\"\n",
            i % 7,
            i % 5,
            i as f64 / 30.0,
            1.0 - i as f64 / 60.0
        );
    }
    text += "lonely,p1,5,one review,\"[0.5, 0.5]\"\n";
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    for (arguments, said) in [
        (vec!["recommend", file], "all ratings are equal"),
        (vec!["recommend", SAMPLE, "--for", "nobody at all"], "no such user"),
        (vec!["recommend", file, "--for", "lonely"], "1 "),
        (vec!["neighbors", file, "--row", "31"], "out of range"),
        (vec!["profile", file, "--by", "Userid"], "UserId"),
        (vec!["recommend", SAMPLE, "--for", "A1CZZ9FNAKM78", "--for-all"], "one user and all users"),
        (vec!["recommend", SAMPLE, "--for-all", "--relevant", "4"], "belongs to the test"),
        (vec!["recommend", SAMPLE, "--for-all", "-o", SAMPLE], "would replace an input"),
        (vec!["recommend", "examples/data/labels.parquet"], "no user column"),
    ] {
        let output = embedlab().args(&arguments).assert().code(2).get_output().clone();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(said) && !error.contains("panicked"), "{arguments:?}: {error}");
    }
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/data")]
fn thirteen_held_out_reviews_of_the_guide_prove_nothing_and_it_says_so() {
    let file = shared_data("fine_food_reviews_minilm_1k.parquet");
    let table = embedlab::table::read(&file, &Default::default()).unwrap();
    let order = std::fs::read(shared_data("order_1k.json")).unwrap();
    let order: Vec<usize> = serde_json::from_slice(&order).unwrap();
    let table = table.take(&order).unwrap();
    let (users, items) = (table.labels("UserId").unwrap(), table.labels("ProductId").unwrap());
    let ratings = table.numbers("Score").unwrap();
    let ratings = Ratings { users: &users, items: &items, ratings: &ratings };
    let split = train_test_split(1000, 0.2, 42).unwrap();
    let found = evaluate(&table.vectors(), &ratings, &split, &Default::default()).unwrap();
    assert_eq!((found.users, found.items, found.pairs), (577, 706, 13));
    assert!(found.caution.unwrap().starts_with("13 rows prove nothing"));
}
