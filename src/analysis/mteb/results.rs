//! Results in MTEB's JSON, and several models side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::result::BenchmarkResult;
use crate::error::{Error, Result};
use crate::number::fixed;
use crate::output::write_whole;
use crate::view::{Block, Cell, Grid, Section};

/// The version of MTEB whose rules are followed.
const MTEB_VERSION: &str = "2.26.24";

impl BenchmarkResult {
    /// The result in the shape of MTEB's result files, for one split; the interval stands beside the scores.
    pub fn to_mteb(&self, name: &str, split: &str) -> Value {
        let mut scores: Map<String, Value> =
            self.scores.iter().map(|(name, score)| (name.clone(), json!(score))).collect();
        if self.draws.len() > 1 {
            let draw = |score: &f64| json!({ &self.main_score_name: score });
            scores.insert("scores_per_experiment".to_owned(), self.draws.iter().map(draw).collect());
        }
        for (key, value) in [
            ("main_score", json!(self.main_score)),
            ("main_score_name", json!(self.main_score_name)),
            ("low", json!(self.low)),
            ("high", json!(self.high)),
            ("n", json!(self.n)),
            ("hf_subset", json!("default")),
            ("languages", json!([])),
        ] {
            scores.insert(key.to_owned(), value);
        }
        json!({
            "dataset_revision": "local",
            "task_name": name,
            "mteb_version": MTEB_VERSION,
            "scores": { split: [scores] },
            "evaluation_time": null,
            "kg_co2_emissions": null,
        })
    }

    /// Writes the result as `NAME.json` into a folder, which is made when it is not there.
    ///
    /// # Errors
    /// When the name cannot be a file's, or the file cannot be written.
    pub fn write_mteb(&self, folder: &Path, name: &str, split: &str) -> Result<PathBuf> {
        if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(Error::argument("a name that cannot be a file's").seen(name));
        }
        std::fs::create_dir_all(folder)
            .map_err(|error| Error::io("cannot make the folder", error).file(folder))?;
        let path = folder.join(format!("{name}.json"));
        let text = serde_json::to_string_pretty(&self.to_mteb(name, split))
            .map_err(|error| Error::argument("this cannot be written as JSON").source(error))?;
        write_whole(&path, |out| {
            use std::io::Write;
            writeln!(out, "{text}").map_err(|error| Error::io("cannot write", error))
        })?;
        Ok(path)
    }
}

/// The main scores of several models in several tasks.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ScoreTable {
    /// The models, by the names of their folders; the best mean first.
    pub models: Vec<ModelMean>,
    /// The tasks.
    pub tasks: Vec<TaskScores>,
}

/// A model and its mean.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ModelMean {
    /// The name of its folder.
    pub model: String,
    /// The mean of the main scores of the tasks that all models have; `null` when there is none.
    pub mean: Option<f64>,
}

/// The models in one task.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TaskScores {
    /// The task.
    pub task: String,
    /// One for each model that has a result, the best first.
    pub scores: Vec<ModelScore>,
}

/// A model in one task.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ModelScore {
    /// The model.
    pub model: String,
    /// Its main score, the mean over splits and subsets.
    pub main_score: f64,
    /// Lower end of the 95 % interval, where the result has one.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// 1 for the best and all that cannot be told apart from it, and so on; `null` without intervals.
    pub group: Option<usize>,
}

impl ScoreTable {
    /// Reads result files, MTEB's own or those written here: one folder for each model.
    ///
    /// # Errors
    /// When a folder cannot be read or has no results, two folders have one name, or a file is no result.
    pub fn read(folders: &[PathBuf]) -> Result<ScoreTable> {
        let mut tasks: BTreeMap<String, Vec<ModelScore>> = BTreeMap::new();
        let mut models = BTreeSet::new();
        for folder in folders {
            let name = folder
                .file_name()
                .map_or_else(|| folder.display().to_string(), |name| name.to_string_lossy().into_owned());
            if !models.insert(name.clone()) {
                return Err(Error::argument("two folders of one name")
                    .file(folder)
                    .advice("rename one of them"));
            }
            let mut files = Vec::new();
            collect(folder, &mut files)?;
            let mut found = 0;
            for file in files {
                let Some((task, score)) = read_result(&file, &name)? else { continue };
                found += 1;
                tasks.entry(task).or_default().push(score);
            }
            if found == 0 {
                return Err(Error::input("no results")
                    .with_code("no-rows")
                    .file(folder)
                    .advice("write them with embedlab mteb TASK .. --results FOLDER"));
            }
        }
        let mut tasks: Vec<TaskScores> =
            tasks.into_iter().map(|(task, scores)| TaskScores { task, scores: grouped(scores) }).collect();
        tasks.sort_by(|a, b| a.task.cmp(&b.task));
        let shared: Vec<&TaskScores> =
            tasks.iter().filter(|task| models.iter().all(|model| task.of(model).is_some())).collect();
        let mean = |model: &String| {
            let scores: Vec<f64> =
                shared.iter().filter_map(|task| Some(task.of(model)?.main_score)).collect();
            (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
        };
        let mut models: Vec<ModelMean> =
            models.iter().map(|model| ModelMean { model: model.clone(), mean: mean(model) }).collect();
        models.sort_by(|a, b| b.mean.unwrap_or(f64::MIN).total_cmp(&a.mean.unwrap_or(f64::MIN)));
        Ok(ScoreTable { models, tasks })
    }

    /// The models side by side.
    pub fn view(&self) -> Section {
        let names = self.models.iter().map(|model| model.model.clone());
        let mut grid = Grid::new(std::iter::once("task".to_owned()).chain(names));
        for task in &self.tasks {
            let cells = self.models.iter().map(|model| match task.of(&model.model) {
                None => Cell::Missing,
                Some(score) => Cell::text(score.shown()),
            });
            grid = grid.row(std::iter::once(Cell::text(&task.task)).chain(cells).collect::<Vec<_>>());
        }
        let means = self.models.iter().map(|model| Cell::number(model.mean, 4));
        grid = grid.row(std::iter::once(Cell::text("mean")).chain(means).collect::<Vec<_>>());
        Section::new("mteb-table", "Models side by side").with(grid).with(Block::note(
            "Each main score with half the width of its 95 % interval and, in brackets, its group: models of one group \
             cannot be told apart from the first of it by these intervals. On the same rows --against is a sharper test.",
        ))
    }
}

impl TaskScores {
    fn of(&self, model: &str) -> Option<&ModelScore> {
        self.scores.iter().find(|score| score.model == model)
    }
}

impl ModelScore {
    /// A standard error by the interval.
    fn error(&self) -> Option<f64> {
        Some((self.high? - self.low?) / (2.0 * 1.96))
    }

    fn shown(&self) -> String {
        let score = fixed(self.main_score, 4);
        match (self.error(), self.group) {
            (Some(error), Some(group)) => format!("{score} ± {} ({group})", fixed(1.96 * error, 4)),
            _ => score,
        }
    }
}

/// The best first; a group begins with a model that is worse than the first of the group before it.
fn grouped(mut scores: Vec<ModelScore>) -> Vec<ModelScore> {
    scores.sort_by(|a, b| b.main_score.total_cmp(&a.main_score));
    let mut group = 1;
    let mut first: Option<(f64, f64)> = None;
    for score in &mut scores {
        let Some(error) = score.error() else { continue };
        let (best, its_error) = *first.get_or_insert((score.main_score, error));
        if best - score.main_score > 1.96 * (its_error.powi(2) + error.powi(2)).sqrt() {
            group += 1;
            first = Some((score.main_score, error));
        }
        score.group = Some(group);
    }
    scores
}

/// The JSON files of a folder and the folders in it, in order.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(folder)
        .map_err(|error| Error::io("cannot open", error).file(folder).advice("name a folder of results"))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    Ok(())
}

/// The task of a result file and its main score; `None` for other JSON, such as MTEB's `model_meta.json`.
fn read_result(path: &Path, model: &str) -> Result<Option<(String, ModelScore)>> {
    let bytes = std::fs::read(path).map_err(|error| Error::io("cannot open", error).file(path))?;
    let value: Value = serde_json::from_slice(&bytes)
        .map_err(|error| Error::input("no JSON").with_code("json-invalid").file(path).source(error))?;
    let (Some(task), Some(splits)) = (value["task_name"].as_str(), value["scores"].as_object()) else {
        return Ok(None);
    };
    let entries: Vec<&Value> = splits.values().filter_map(Value::as_array).flatten().collect();
    let mains: Vec<f64> = entries.iter().filter_map(|entry| entry["main_score"].as_f64()).collect();
    if mains.is_empty() {
        return Err(Error::input("a result without a main score").file(path));
    }
    let end = |name: &str| match entries[..] {
        [only] => only[name].as_f64(),
        _ => None,
    };
    let score = ModelScore {
        model: model.to_owned(),
        main_score: mains.iter().sum::<f64>() / mains.len() as f64,
        low: end("low"),
        high: end("high"),
        group: None,
    };
    Ok(Some((task.to_owned(), score)))
}
