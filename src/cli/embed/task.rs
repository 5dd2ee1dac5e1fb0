//! The texts of an MTEB task: the model's prompts, titles before texts, and the second file of the task.

use std::borrow::Cow;
use std::path::PathBuf;

use embedlab::embed::{Embedder, Models, Side, TaskKind};
use embedlab::error::excerpt;
use embedlab::{Error, Result};
use serde::{Serialize, Serializer};

use super::Run;
use crate::cli::Output;
use crate::cli::texts::Texts;

/// What the texts are for.
#[derive(clap::Args, Clone)]
pub struct Task {
    /// Embed as MTEB does for this task: with the model's prompt before each text, and for retrieval and reranking with the title of a document before its text
    #[arg(long, help_heading = "Task", value_name = "TASK")]
    pub task: Option<TaskKind>,
    /// What the texts of FILE are, for retrieval and reranking [default: document]
    #[arg(long, help_heading = "Task", value_name = "SIDE", requires = "task")]
    pub side: Option<Side>,
    /// What comes before each text, in place of the model's own prompt; '' for nothing
    #[arg(long, help_heading = "Task", value_name = "TEXT")]
    pub prompt: Option<String>,
    /// The second file of the task, embedded by the same model: queries, test rows, labels or the other language
    #[arg(long, help_heading = "Task", value_name = "FILE", requires_all = ["task", "second_output"])]
    pub second: Option<PathBuf>,
    /// The table to write for --second
    #[arg(long, help_heading = "Task", value_name = "FILE", requires = "second")]
    pub second_output: Option<PathBuf>,
    /// As --prompt, for --second
    #[arg(long, help_heading = "Task", value_name = "TEXT", requires = "second")]
    pub second_prompt: Option<String>,
}

impl Task {
    /// The side of retrieval and reranking that the texts are; none for other tasks.
    pub fn side(&self) -> Option<Side> {
        let has_sides = self.task.is_some_and(TaskKind::has_sides);
        has_sides.then(|| self.side.unwrap_or(Side::Document))
    }

    /// The same for the second file: the queries, where there are any.
    fn second(&self) -> Task {
        Task {
            task: self.task,
            side: self.side().map(|_| Side::Query),
            prompt: self.second_prompt.clone(),
            second: None,
            second_output: None,
            second_prompt: None,
        }
    }

    /// # Errors
    /// When options do not fit the task.
    fn check(&self, splits: bool) -> Result<()> {
        if splits && (self.task.is_some() || self.prompt.is_some()) {
            return Err(Error::argument("pieces of texts with a prompt").seen("--long split").advice(
                "a task needs one vector for each text: use --long truncate, as MTEB's models do, or average",
            ));
        }
        let Some(task) = self.task else { return Ok(()) };
        if self.side.is_some() && !task.has_sides() {
            return Err(Error::argument("a side of a task that has none")
                .seen(task.mteb_name())
                .advice("only retrieval and reranking tell queries from documents; leave --side out"));
        }
        if self.side == Some(Side::Query) && self.second.is_some() {
            return Err(Error::argument("queries in both files")
                .advice("give the documents as FILE and the queries as --second"));
        }
        Ok(())
    }
}

impl Run {
    /// This run, and the one of the second file where there is one.
    ///
    /// # Errors
    /// When options do not fit the task.
    pub fn both(&self) -> Result<Vec<Run>> {
        self.task.check(self.long.splits())?;
        let second =
            self.task.second.as_ref().zip(self.task.second_output.as_ref()).map(|(file, output)| Run {
                source: self.source.of_second(file),
                output: output.clone(),
                task: self.task.second(),
                ..self.clone()
            });
        Ok(std::iter::once(self.clone()).chain(second).collect())
    }

    /// The prompt of the texts, and what they are called in a sentence; the choice is said.
    pub fn prompt(
        &self,
        models: &Models,
        own: Option<&dyn Embedder>,
        output: &Output,
    ) -> Result<Option<String>> {
        if let Some(prompt) = &self.task.prompt {
            return Ok((!prompt.is_empty()).then(|| prompt.clone()));
        }
        let Some(task) = self.task.task else { return Ok(None) };
        let side = self.task.side();
        let texts = match side {
            Some(Side::Query) => "queries",
            Some(Side::Document) => "documents",
            None => "texts",
        };
        let model = &self.model;
        let known = match models.prompts(&self.known_as()) {
            Some(known) => Some(known),
            None => own.map(Embedder::prompts).transpose()?.flatten(),
        };
        let found = known.as_ref().and_then(|known| known.of(task, side)).map(str::to_owned);
        match (&known, &found) {
            (_, Some(prompt)) => output.note(format_args!(
                "{model} has a prompt for {texts} of {}: {} comes before each",
                task.mteb_name(),
                excerpt(prompt)
            )),
            (Some(_), None) => output.note(format_args!(
                "{model} has no prompt for {texts} of {}: they are embedded as they are",
                task.mteb_name()
            )),
            (None, None) => output.warn(format_args!(
                "it is not known whether {model} wants a prompt: {texts} are embedded as they are; if its authors name \
                 one, give it with --prompt{}",
                if self.task.second.is_some() { " and --second-prompt" } else { "" }
            )),
        }
        Ok(found)
    }

    /// The name by which the model may be known: that of its folder, if it is one.
    fn known_as(&self) -> String {
        let folder = std::path::Path::new(&self.model);
        let whole = folder.is_dir().then(|| folder.canonicalize().ok()).flatten();
        whole.map_or_else(|| self.model.clone(), |whole| whole.display().to_string())
    }

    /// The texts as the task wants them, without the prompt: documents after their titles, queries before their
    /// instructions.
    pub fn as_task(&self, mut texts: Texts, output: &Output) -> Result<Texts> {
        let Some(side) = self.task.side() else { return Ok(texts) };
        let name = match side {
            Side::Document => "title",
            Side::Query => "instruction",
        };
        let others = texts.table.columns().column_by_name(name).is_some();
        if !others || self.source.has_template() || texts.column == name {
            return Ok(texts);
        }
        for (text, other) in texts.texts.iter_mut().zip(texts.table.text(name)?) {
            let other = other.filter(|other| !other.is_empty());
            *text = match (side, other) {
                (Side::Document, Some(title)) => format!("{title} {text}").trim().to_owned(),
                (Side::Document, None) => text.trim().to_owned(),
                (Side::Query, Some(instruction)) => format!("{text} {instruction}"),
                (Side::Query, None) => continue,
            };
        }
        output.note(match side {
            Side::Document => "the title of each document comes before its text",
            Side::Query => "the instruction of each query comes after its text",
        });
        Ok(texts)
    }
}

/// Texts with the prompt before each; a text of spaces stays one, so that its row is refused as such.
pub fn prompted<'a>(texts: &'a [String], prompt: Option<&str>) -> Cow<'a, [String]> {
    let Some(prompt) = prompt else { return Cow::Borrowed(texts) };
    let before =
        |text: &String| if text.trim().is_empty() { text.clone() } else { format!("{prompt}{text}") };
    Cow::Owned(texts.iter().map(before).collect())
}

/// What became of the file, and under `second` of the second file.
pub struct Files<'a, T>(pub &'a [T]);

impl<T: Serialize> Serialize for Files<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Both<'a, T> {
            #[serde(flatten)]
            first: Option<&'a T>,
            #[serde(skip_serializing_if = "Option::is_none")]
            second: Option<&'a T>,
        }
        Both { first: self.0.first(), second: self.0.get(1) }.serialize(serializer)
    }
}
