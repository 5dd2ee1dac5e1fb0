//! An analysis whose type is not known, as every face handles it.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use schemars::{Schema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use super::{Analysis, Context, Cost, InReport, Needs, NewColumns, PictureKind, TableKind};
#[cfg(feature = "charts")]
use crate::chart::{Picture, Style};
use crate::data::{Budget, Data, NewColumn, Role};
use crate::error::{Error, Result};
use crate::rows::RowSource;
use crate::table::Table;
use crate::view::{Look, Section};

/// An analysis of the registry. Options come as JSON, so that programs in other languages call it alike.
pub trait AnyAnalysis: Sync {
    /// The name of the command.
    fn name(&self) -> &'static str;
    /// What it does, in a sentence.
    fn about(&self) -> &'static str;
    /// What it takes of the rows, with its default options.
    fn needs(&self) -> Needs;
    /// What it takes of the rows with these options.
    ///
    /// # Errors
    /// When the options do not fit.
    fn needs_with(&self, options: &Value) -> Result<Needs>;
    /// As [`Analysis::cost`].
    ///
    /// # Errors
    /// As [`Analysis::cost`], and when the options do not fit.
    fn cost(&self, options: &Value, rows: usize, dims: usize, memory: Budget) -> Result<Cost>;
    /// Whether it looks at vectors that hold NaN or infinities.
    fn reads_non_finite(&self) -> bool;
    /// Whether it looks at a file without vectors.
    fn reads_without_vectors(&self) -> bool;
    /// Whether it is given all rows, with the selected ones marked.
    fn takes_all_rows(&self) -> bool;
    /// The roles of columns that it looks at.
    fn roles(&self) -> &'static [Role];
    /// What is written of its result: the help of `-o`.
    fn writes(&self) -> Option<&'static str>;
    /// Whether what is written can never take the place of the input.
    fn writes_some(&self) -> bool;
    /// The pictures that it draws into files.
    fn pictures(&self) -> &'static [PictureKind];
    /// The tables that it writes beside the rows.
    fn tables(&self) -> &'static [TableKind];
    /// The model that it saves: the help of `--save`.
    fn saves(&self) -> Option<&'static str>;
    /// The extensions of the file that it saves.
    fn saves_as(&self) -> &'static [&'static str];
    /// Examples of the command.
    fn examples(&self) -> &'static str;
    /// The JSON Schema of its result.
    fn schema(&self) -> Schema;
    /// Its options, as they are by default.
    ///
    /// # Errors
    /// When they cannot be written as JSON.
    fn default_options(&self) -> Result<Value>;
    /// Runs it. Options that are missing have their default; an unknown one is refused.
    ///
    /// # Errors
    /// As [`Analysis::run`], and when the options do not fit.
    fn run(&self, data: &Data, options: Value, context: &Context<'_>) -> Result<Box<dyn AnyOutcome>>;
    /// As [`Analysis::reads`]; empty for options that do not fit.
    fn reads(&self, options: &Value) -> Vec<PathBuf>;
    /// Whether the page about everything holds it, and with which options.
    ///
    /// # Errors
    /// When the options cannot be written as JSON.
    fn in_report(&self, data: &Data) -> Result<InReport<Value>>;
    /// Adds its options to a command.
    #[cfg(feature = "cli")]
    fn augment(&self, command: clap::Command) -> clap::Command;
    /// The options that were given on the command line.
    ///
    /// # Errors
    /// When they cannot be written as JSON.
    #[cfg(feature = "cli")]
    fn options_of(&self, matches: &clap::ArgMatches) -> Result<Value>;
}

/// A result of an analysis.
pub trait AnyOutcome: Send {
    /// The JSON of the command.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    fn json(&self) -> Result<Value>;
    /// As [`Analysis::view`].
    ///
    /// # Errors
    /// As [`Analysis::view`].
    fn view(&self, look: Look) -> Result<Section>;
    /// As [`Analysis::columns`].
    ///
    /// # Errors
    /// As [`Analysis::columns`].
    fn columns(&self) -> Result<NewColumns>;
    /// As [`Analysis::table`].
    ///
    /// # Errors
    /// As [`Analysis::table`].
    fn table(&self) -> Result<Option<Table>>;
    /// As [`Analysis::picture`].
    ///
    /// # Errors
    /// As [`Analysis::picture`].
    #[cfg(feature = "charts")]
    fn picture(&self, flag: &str, data: &Data, seed: u64, style: Style) -> Result<Picture>;
    /// As [`Analysis::beside`].
    ///
    /// # Errors
    /// As [`Analysis::beside`].
    fn beside(&self, flag: &str) -> Result<Vec<NewColumn>>;
    /// As [`Analysis::save`].
    ///
    /// # Errors
    /// As [`Analysis::save`].
    fn save(&self, path: &Path) -> Result<()>;
    /// As [`Analysis::is_failure`].
    fn is_failure(&self) -> bool;
    /// The result itself, for what belongs to one analysis alone.
    fn as_any_mut(&mut self) -> &mut dyn std::any::Any;
}

/// An entry of the registry.
pub(super) struct Entry<A>(PhantomData<fn() -> A>);

impl<A> Entry<A> {
    pub(super) const fn new() -> Self {
        Entry(PhantomData)
    }
}

struct Outcome<A: Analysis>(A::Outcome);

/// A result that was found in another way than by [`Analysis::run`], such as by an index.
pub fn any_outcome<A: Analysis>(outcome: A::Outcome) -> Box<dyn AnyOutcome> {
    Box::new(Outcome::<A>(outcome))
}

fn to_json(value: &impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(value)
        .map_err(|error| Error::argument("this cannot be written as JSON").source(error))
}

fn read_options<A: Analysis>(options: Value) -> Result<A::Options> {
    serde_json::from_value(options).map_err(|error| {
        Error::argument(format!("options that {} does not have", A::NAME))
            .with_code("unknown-option")
            .source(error)
    })
}

impl<A: Analysis> AnyAnalysis for Entry<A> {
    fn name(&self) -> &'static str {
        A::NAME
    }

    fn about(&self) -> &'static str {
        A::ABOUT
    }

    fn needs(&self) -> Needs {
        A::NEEDS
    }

    fn needs_with(&self, options: &Value) -> Result<Needs> {
        Ok(A::needs(&read_options::<A>(options.clone())?))
    }

    fn cost(&self, options: &Value, rows: usize, dims: usize, memory: Budget) -> Result<Cost> {
        A::cost(&read_options::<A>(options.clone())?, rows, dims, memory)
    }

    fn reads_non_finite(&self) -> bool {
        A::READS_NON_FINITE
    }

    fn reads_without_vectors(&self) -> bool {
        A::READS_WITHOUT_VECTORS
    }

    fn takes_all_rows(&self) -> bool {
        A::ALL_ROWS
    }

    fn roles(&self) -> &'static [Role] {
        A::ROLES
    }

    fn writes(&self) -> Option<&'static str> {
        A::WRITES
    }

    fn writes_some(&self) -> bool {
        A::WRITES_SOME
    }

    fn pictures(&self) -> &'static [PictureKind] {
        A::PICTURES
    }

    fn tables(&self) -> &'static [TableKind] {
        A::TABLES
    }

    fn saves(&self) -> Option<&'static str> {
        A::SAVES
    }

    fn saves_as(&self) -> &'static [&'static str] {
        A::SAVES_AS
    }

    fn examples(&self) -> &'static str {
        A::EXAMPLES
    }

    fn schema(&self) -> Schema {
        schema_for!(A::Outcome)
    }

    fn default_options(&self) -> Result<Value> {
        to_json(&A::Options::default())
    }

    fn run(&self, data: &Data, options: Value, context: &Context<'_>) -> Result<Box<dyn AnyOutcome>> {
        let options = read_options::<A>(options)?;
        let (rows, dims) = (data.n_rows(), data.dims());
        let held = if data.is_streamed() { 0 } else { super::matrices(1.0, rows, dims) };
        data.memory().require_work(A::NAME, A::memory(&options, rows, dims), held)?;
        Ok(Box::new(Outcome::<A>(A::run(data, &options, context)?)))
    }

    fn reads(&self, options: &Value) -> Vec<PathBuf> {
        A::Options::deserialize(options).map_or_else(|_| Vec::new(), |options| A::reads(&options))
    }

    fn in_report(&self, data: &Data) -> Result<InReport<Value>> {
        Ok(match A::in_report(data) {
            InReport::Never => InReport::Never,
            InReport::Yes(options) => InReport::Yes(to_json(&options)?),
            InReport::LeftOut(why) => InReport::LeftOut(why),
        })
    }

    #[cfg(feature = "cli")]
    fn augment(&self, command: clap::Command) -> clap::Command {
        <A::Options as clap::Args>::augment_args(command)
    }

    #[cfg(feature = "cli")]
    fn options_of(&self, matches: &clap::ArgMatches) -> Result<Value> {
        let options = <A::Options as clap::FromArgMatches>::from_arg_matches(matches)
            .map_err(|error| Error::argument("options that conflict").source(error))?;
        to_json(&options)
    }
}

impl<A: Analysis> AnyOutcome for Outcome<A> {
    fn json(&self) -> Result<Value> {
        to_json(&self.0)
    }

    fn view(&self, look: Look) -> Result<Section> {
        A::view(&self.0, look)
    }

    fn columns(&self) -> Result<NewColumns> {
        A::columns(&self.0)
    }

    fn table(&self) -> Result<Option<Table>> {
        A::table(&self.0)
    }

    #[cfg(feature = "charts")]
    fn picture(&self, flag: &str, data: &Data, seed: u64, style: Style) -> Result<Picture> {
        A::picture(&self.0, flag, data, seed, style)
    }

    fn beside(&self, flag: &str) -> Result<Vec<NewColumn>> {
        A::beside(&self.0, flag)
    }

    fn save(&self, path: &Path) -> Result<()> {
        A::save(&self.0, path)
    }

    fn is_failure(&self) -> bool {
        A::is_failure(&self.0)
    }

    fn as_any_mut(&mut self) -> &mut dyn std::any::Any {
        &mut self.0
    }
}
