//! What every analysis of the registry promises, asked of each in the same way. A new analysis is covered by its line
//! in the registry.

use std::sync::OnceLock;

use embedlab::ErrorKind;
use embedlab::analysis::{AnyAnalysis, Context, InReport, Needs, registry};
use embedlab::data::{Data, OpenOptions, Role, Roles, Selection};
use embedlab::table::{self, Table};
use embedlab::view::{Block, Look, Section, markdown, terminal};
use ndarray::{Array2, s};
use serde_json::{Value, json};

const SAMPLE: &str = "examples/data/food_reviews.parquet";

/// Rows of the sample that each analysis is asked about: as many as all of them need for an answer.
const ROWS: usize = 150;

/// Numbers of their vectors that are kept: what is promised does not depend on how many there are, and time does.
const DIMS: usize = 24;

fn narrowed(table: &Table) -> Table {
    let vectors = table.vectors().slice(s![.., ..DIMS]).to_owned();
    table.with_vectors(vectors, table.vector_column()).unwrap()
}

fn sample(rows: usize) -> Table {
    let all = table::read(SAMPLE.as_ref(), &Default::default()).unwrap();
    narrowed(&all.take(&(0..rows).collect::<Vec<_>>()).unwrap())
}

/// Vectors of labels for the sample.
fn labels() -> &'static str {
    static LABELS: OnceLock<(tempfile::TempDir, String)> = OnceLock::new();
    let (_, path) = LABELS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.parquet");
        let labels = table::read(crate::support::LABELS.as_ref(), &Default::default()).unwrap();
        let _ = table::write(&narrowed(&labels), &path, &Default::default()).unwrap();
        let path = path.to_string_lossy().into_owned();
        (folder, path)
    });
    path
}

/// Options of an analysis that needs to be asked something.
fn asked(analysis: &dyn AnyAnalysis) -> Value {
    let mut options = analysis.default_options().unwrap();
    match analysis.name() {
        "search" | "neighbors" => options["like"] = json!([3, 8]),
        "zero-shot" => {
            options["labels"] = json!(labels());
            options["set"] = json!("kinds");
            options["truth"] = json!("Kind");
        }
        _ => {}
    }
    options
}

/// The answer of an analysis that needs no second file: one that runs on the sample with the options of the page, its
/// default ones, or a question.
struct Answer {
    analysis: &'static dyn AnyAnalysis,
    options: Value,
    json: Value,
    text: Section,
    page: Section,
}

/// All answers, found once for all tests.
fn answers() -> &'static [Answer] {
    static ANSWERS: OnceLock<Vec<Answer>> = OnceLock::new();
    ANSWERS.get_or_init(|| {
        let data = Data::from(sample(ROWS));
        registry()
            .iter()
            .filter_map(|analysis| {
                let (options, must_run) = match analysis.in_report(&data).unwrap() {
                    InReport::Yes(options) => (options, true),
                    InReport::LeftOut(_) => return None,
                    InReport::Never => (asked(*analysis), false),
                };
                let found = match analysis.run(&data, options.clone(), &Context::with_seed(42)) {
                    Err(error) if must_run => panic!("{}: {error}", analysis.name()),
                    found => found.ok()?,
                };
                Some(Answer {
                    analysis: *analysis,
                    options,
                    json: without_times(found.json().unwrap()),
                    text: found.view(Look::Text).unwrap(),
                    page: found.view(Look::Page).unwrap(),
                })
            })
            .collect()
    })
}

fn run(analysis: &dyn AnyAnalysis, data: &Data, options: &Value) -> embedlab::Result<Value> {
    let found = analysis.run(data, options.clone(), &Context::with_seed(42))?;
    Ok(without_times(found.json()?))
}

/// JSON without what a clock has measured.
fn without_times(mut json: Value) -> Value {
    match &mut json {
        Value::Object(fields) => {
            // The steps of t-SNE are seconds too.
            fields.retain(|name, _| !name.ends_with("seconds") && name != "steps");
            fields.iter_mut().for_each(|(_, value)| *value = without_times(value.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = without_times(item.take())),
        _ => {}
    }
    json
}

fn texts_of(blocks: &[Block], out: &mut Vec<String>) {
    for block in blocks {
        match block {
            Block::Paragraph { text } | Block::Callout { text, .. } => out.push(text.clone()),
            Block::KeyFigures { figures } => {
                out.extend(figures.iter().flat_map(|figure| [figure.value.clone(), figure.note.clone()]));
            }
            Block::Details { summary, blocks } => {
                out.push(summary.clone());
                texts_of(blocks, out);
            }
            _ => {}
        }
    }
}

fn prints_no_nan(section: &Section, name: &str) {
    let mut texts = Vec::new();
    texts_of(&section.blocks, &mut texts);
    let shown = terminal(section, 100);
    for text in texts.iter().chain([&shown]) {
        let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
        assert!(!words.contains(&"NaN") && !words.contains(&"inf"), "{name}: {text}");
    }
}

#[test]
fn every_analysis_that_needs_no_second_file_answers_on_the_sample() {
    let answer = |name: &str| answers().iter().any(|answer| answer.analysis.name() == name);
    // These compare with a second file, or need pairs, sets or judgements beside the rows.
    let needs_more = |name: &str| {
        let more = ["align", "bias", "calibrate", "compare", "customize", "drift"];
        more.contains(&name) || name.starts_with("mteb-")
    };
    for analysis in registry() {
        let name = analysis.name();
        assert!(answer(name) || needs_more(name), "{name} gives no answer");
    }
}

#[test]
fn every_analysis_gives_the_same_bits_on_any_number_of_threads() {
    let data = Data::from(sample(ROWS));
    for Answer { analysis, options, json, .. } in answers() {
        for threads in [1, 2, 7] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let found = pool.install(|| run(*analysis, &data, options).unwrap().to_string());
            assert_eq!(found, json.to_string(), "{} on {threads} threads", analysis.name());
        }
    }
}

#[test]
fn an_analysis_that_needs_blocks_gives_the_same_streamed_as_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    let _ = table::write(&sample(ROWS), &path, &Default::default()).unwrap();
    let open = |stream| Data::open(&path, &OpenOptions { stream, ..Default::default() }).unwrap();
    let (streamed, in_memory) = (open(true), open(false));
    assert!(streamed.is_streamed() && !in_memory.is_streamed());
    for Answer { analysis, options, .. } in answers() {
        let found = run(*analysis, &streamed, options).unwrap();
        assert_eq!(found, run(*analysis, &in_memory, options).unwrap(), "{}", analysis.name());
        if analysis.needs() == Needs::Blocks {
            assert!(found.is_object(), "{}", analysis.name());
        }
    }
}

#[test]
fn a_selection_gives_what_a_file_of_the_selected_rows_gives() {
    let filter = Some("Score >= 4".to_owned());
    let options = OpenOptions { selection: Selection { filter, ..Default::default() }, ..Default::default() };
    let data = Data::open(SAMPLE.as_ref(), &options).unwrap();
    assert!(
        data.table().n_rows() < 660 && data.notes()[0].contains("where Score >= 4"),
        "{:?}",
        data.notes()
    );
    let (file_row, row) = (data.row_of_file(5), 5);
    let all = table::read(SAMPLE.as_ref(), &Default::default()).unwrap();
    assert_eq!(all.vectors().row(file_row), data.table().vectors().row(row));
}

#[test]
fn every_view_is_words_without_nan_on_text_page_and_in_markdown() {
    for Answer { analysis, text, page, .. } in answers() {
        assert!(terminal(text, 60).lines().all(|line| line.chars().count() <= 100), "{}", analysis.name());
        prints_no_nan(text, analysis.name());
        prints_no_nan(page, analysis.name());
        assert!(markdown(text).starts_with("## "), "{}", analysis.name());
    }
}

#[test]
fn an_unknown_option_is_refused_by_every_analysis() {
    let data = Data::from(sample(30));
    for analysis in registry() {
        let mut options = analysis.default_options().unwrap();
        options["no_such_option"] = json!(1);
        let error = analysis.run(&data, options, &Context::default()).err().unwrap();
        assert_eq!(error.code(), "unknown-option", "{}", analysis.name());
    }
}

/// Options that belong to other methods than the one that is chosen, or to a choice that was not made.
const OF_OTHER_METHODS: &[(&str, &str)] = &[
    ("cluster", r#"{"method": "dbscan", "k": 7}"#),
    ("cluster", r#"{"method": "k-means", "eps": 1.0}"#),
    ("cluster", r#"{"method": "mixture", "max_iter": 5}"#),
    ("cluster", r#"{"method": "hdbscan", "eps": 1.0}"#),
    ("classify", r#"{"model": "knn", "trees": 5}"#),
    ("classify", r#"{"model": "forest", "alpha": 1.0}"#),
    ("regress", r#"{"model": "ridge", "neighbors": 3}"#),
    ("map", r#"{"method": "pca", "learning_rate": 100.0}"#),
    ("outliers", r#"{"method": "isolation_forest", "k": 20}"#),
    ("duplicates", r#"{"best": "Score"}"#),
    ("duplicates", r#"{"exact_only": true, "threshold": 0.9}"#),
];

#[test]
fn options_that_a_method_does_not_know_are_refused() {
    let data = Data::from(sample(40));
    for analysis in registry() {
        let defaults = analysis.default_options().unwrap();
        let options = OF_OTHER_METHODS.iter().filter(|(name, _)| *name == analysis.name());
        // The models of label-errors and the methods of align and compress have no options of their own.
        let chooses = ["method", "model"].iter().any(|key| defaults.get(key).is_some());
        let chooses = chooses && !["label-errors", "align", "compress"].contains(&analysis.name());
        assert!(!chooses || options.clone().count() > 0, "{} has methods: add a line", analysis.name());
        for (name, options) in options {
            let options = serde_json::from_str(options).unwrap();
            let error = analysis.run(&data, options, &Context::with_seed(1)).err();
            let error = error.unwrap_or_else(|| panic!("{name} ignores an option"));
            assert_eq!((error.kind(), error.code()), (ErrorKind::Argument, "argument"), "{name}: {error}");
        }
    }
}

#[test]
fn every_analysis_has_a_schema_that_names_the_keys_of_its_result() {
    for Answer { analysis, json, .. } in answers() {
        let text = analysis.schema().to_value().to_string();
        for key in json.as_object().unwrap().keys() {
            assert!(text.contains(&format!("\"{key}\"")), "{}: {key} is not in the schema", analysis.name());
        }
    }
}

#[test]
fn what_writes_all_rows_says_so() {
    let data = Data::from(sample(ROWS));
    for Answer { analysis, options, .. } in
        answers().iter().filter(|answer| answer.analysis.writes().is_some())
    {
        let found = analysis.run(&data, options.clone(), &Context::with_seed(42)).unwrap();
        let some = found.table().unwrap().is_some() || found.columns().unwrap().rows.is_some();
        assert_eq!(some, analysis.writes_some(), "{}", analysis.name());
    }
}

#[test]
fn degenerate_rows_are_an_answer_or_an_error_of_the_input_and_never_nan() {
    let columns = sample(40);
    let few = |rows: Array2<f32>| {
        let table = columns.take(&(0..rows.nrows()).collect::<Vec<_>>()).unwrap();
        table.with_vectors(rows, "embedding").unwrap()
    };
    let spread = Array2::from_shape_fn((40, 6), |(i, j)| ((i * 7 + j * 3) % 11) as f32);
    let inputs = [
        ("equal rows", few(Array2::from_elem((40, 6), 0.5))),
        ("rows of zeros", few(Array2::zeros((40, 6)))),
        ("one row", few(spread.slice(s![..1, ..]).to_owned())),
        ("two rows", few(spread.slice(s![..2, ..]).to_owned())),
        ("one dimension", few(spread.slice(s![.., ..1]).to_owned())),
        ("some rows of zeros", {
            let mut rows = spread.clone();
            rows.slice_mut(s![..5, ..]).fill(0.0);
            few(rows)
        }),
    ];
    for (what, table) in inputs {
        let data = Data::from(table);
        for analysis in registry() {
            let options = match analysis.in_report(&data).unwrap() {
                InReport::Yes(options) => options,
                _ => asked(*analysis),
            };
            match analysis.run(&data, options, &Context::with_seed(42)) {
                Ok(found) => prints_no_nan(&found.view(Look::Text).unwrap(), analysis.name()),
                Err(error) => {
                    assert!(
                        matches!(error.kind(), ErrorKind::Input | ErrorKind::Argument | ErrorKind::Memory),
                        "{} of {what}: {error:?}",
                        analysis.name()
                    );
                }
            }
        }
    }
}

#[test]
fn a_named_column_that_does_not_exist_is_refused_before_any_work() {
    let roles = Roles::default().with(Role::Text, "no such column");
    let error = Data::open(SAMPLE.as_ref(), &OpenOptions { roles, ..Default::default() }).err().unwrap();
    assert!(error.to_string().contains("no such column"), "{error}");
}
