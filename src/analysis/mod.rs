//! The analyses: each declared once, and shown by every face.
//!
//! An [`Analysis`] is one file: its options (their documentation, default, flag and JSON in one place), what it
//! computes from [`Data`], the plain result, one [view](crate::view) of it, and the columns that it adds to the rows.
//! The [registry](registry()) of them drives the commands, the page, the JSON Schema and the contract test.
//!
//! ```
//! use embedlab::analysis::{Analysis, Context, Similarities, SimilaritiesOptions};
//! use embedlab::data::Data;
//! use embedlab::view::{Look, terminal};
//!
//! let reviews = Data::open("examples/data/food_reviews.parquet".as_ref(), &Default::default())?;
//! let found = Similarities::run(&reviews, &SimilaritiesOptions::default(), &Context::default())?;
//! assert!(found.mean > 0.0 && found.mean < 0.5);
//! println!("{}", terminal(&Similarities::view(&found, Look::Text)?, 80));
//! # Ok::<(), embedlab::Error>(())
//! ```

mod align;
mod bias;
mod calibrate;
mod classify;
mod cluster;
mod cluster_parts;
#[cfg(feature = "charts")]
mod cluster_pictures;
mod compare;
mod compress;
mod context;
mod cost;
mod customize;
mod diversity;
mod drift;
mod drift_groups;
mod duplicates;
mod erased;
mod evaluate;
mod flattened;
mod found_rows;
mod given_graph;
mod inspect;
mod knn;
mod label_errors;
mod label_options;
mod label_scores;
mod map;
pub mod mteb;
mod out_of_fold;
mod outliers;
mod pair_source;
mod plan;
mod profile;
mod recommend;
mod registry;
mod regress;
#[cfg(feature = "charts")]
mod report;
mod search;
mod similarities;
mod splits;
mod supervised;
mod zero_shot;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use align::{Align, AlignMethod, AlignOptions, AlignReport, AlignedBy, Recall};
pub use bias::{Bias, BiasOptions, BiasReport, BiasTest};
pub use calibrate::{Calibrate, CalibrationOptions, CalibrationReport, MapOptions};
pub use classify::{Classified, Classify};
pub use cluster::Cluster;
pub use cluster_parts::{check_partitioned, write_partitioned};
#[cfg(feature = "charts")]
pub(crate) use cluster_pictures::palette;
#[cfg(feature = "charts")]
pub use cluster_pictures::{choice_picture, cluster_picture, label_picture};
pub use compare::{ChangedRow, Compare, CompareOptions, ComparisonReport, NeighborOverlap};
pub use compress::{AccuracyChange, Compress, CompressOptions, CompressionReport, TenthReport};
pub use context::{Context, Progress};
pub use cost::{Cost, Drawn, Held};
pub use customize::{Customize, CustomizeOptions, CustomizeReport, MatrixOptions};
pub use diversity::{DiversityMeasure, DiversityOptions, DiversityReport};
pub use drift::{Drift, DriftOptions, DriftReport};
pub use drift_groups::{ClusterShare, NewRegion};
pub use duplicates::{DuplicateList, DuplicateSearch, DuplicateSearchOptions, KeepRule, KnownRow};
pub use erased::{AnyAnalysis, AnyOutcome, any_outcome};
pub use evaluate::{
    DuplicateCounts, Evaluate, EvaluateOptions, FailOn, LabelCard, Neighbors, OutlierCount, Probe, QueryCard,
    Sample, ScoreCard,
};
pub use found_rows::{FoundRow, NeighborList, SearchResult, SearchSummary, UsedIndex};
pub use given_graph::read_graph;
pub use inspect::{CheckFile, CheckOptions, ColumnDetails, Inspect, InspectOptions, Inspection};
pub use knn::{Knn, KnnOptions, KnnSummary};
pub use label_errors::{LabelErrorList, LabelErrorOptions, LabelErrorSearch, LabelModel};
pub use label_options::{LabelOptions, Prompt};
#[cfg(feature = "charts")]
pub(crate) use label_scores::label_scores;
#[cfg(feature = "charts")]
pub(crate) use map::trust_figures;
pub use map::{MapRows, MapRowsOptions, MappedRows, OntoOptions};
pub use outliers::{OutlierList, OutlierOptions, OutlierSearch};
pub use pair_source::PairOptions;
pub use plan::{Plan, PlannedMemory};
pub use profile::{GroupProfileOptions, GroupProfiles, GroupSize, Profile, RowCounts};
#[cfg(feature = "charts")]
pub use recommend::star_picture;
pub use recommend::{
    AllRecommendations, ListedItem, Recommend, RecommendationOptions, RecommendationResult,
    TestedRecommendations, UserRecommendations,
};
#[cfg(feature = "charts")]
pub(crate) use recommend::{tested_section, user_section};
pub use registry::{find, registry, schema};
pub use regress::{Regress, Regressed};
#[cfg(feature = "charts")]
pub use report::{LeftOut, Report, ReportOptions, page_of, report, section_of};
pub use search::{NeighborSearch, NeighborSearchOptions, QueryOptions, QueryVector, Search, SearchOptions};
pub use similarities::{Similarities, SimilaritiesOptions, SimilarityDistribution};
pub use splits::{KeptTogether, TestOptions};
pub use supervised::{LearnOptions, SupervisedOptions, Training, columns_of};
pub use zero_shot::{JudgeOptions, LabelledRows, ZeroShotLabels, ZeroShotOptions};

#[cfg(feature = "charts")]
use crate::chart::{Picture, Style};
use crate::data::{Budget, Data, NewColumn, Role};
use crate::error::{Error, Result};
use crate::table::Table;
use crate::view::{Look, Section};

/// Options that a command line, JSON and Rust all name alike.
///
/// Under the feature `cli` they are `clap::Args` too: the doc comment of a field is its help, and the default of
/// a flag is taken from `Default`. Options are refused, not ignored, where they do not fit each other.
#[cfg(feature = "cli")]
pub trait Options: Default + Serialize + DeserializeOwned + clap::Args {}
#[cfg(feature = "cli")]
impl<T: Default + Serialize + DeserializeOwned + clap::Args> Options for T {}

/// Options that JSON and Rust name alike.
#[cfg(not(feature = "cli"))]
pub trait Options: Default + Serialize + DeserializeOwned {}
#[cfg(not(feature = "cli"))]
impl<T: Default + Serialize + DeserializeOwned> Options for T {}

/// What an analysis takes of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// A few passes over the rows in blocks; the rows need not be in memory.
    Blocks,
    /// All rows at once.
    Matrix,
}

/// A picture that an analysis can draw by itself, for a file.
#[derive(Debug, Clone, Copy)]
pub struct PictureKind {
    /// The option that names the file: `picture` for `--picture FILE`.
    pub flag: &'static str,
    /// The option's help.
    pub help: &'static str,
}

/// A table of its own that an analysis can write, beside the rows.
#[derive(Debug, Clone, Copy)]
pub struct TableKind {
    /// The option that names the file: `pairs` for `--pairs FILE`.
    pub flag: &'static str,
    /// The option's help.
    pub help: &'static str,
}

/// Rows that a result writes: all rows of the data, or some of them, with more columns.
#[derive(Default)]
pub struct NewColumns {
    /// Rows of the data, in the order in which they are written; `None` stands for all.
    pub rows: Option<Vec<usize>>,
    /// The columns, of one value for each row that is written.
    pub columns: Vec<NewColumn>,
}

/// Whether a page about everything holds an analysis.
pub enum InReport<Options> {
    /// It is a command only.
    Never,
    /// With these options.
    Yes(Options),
    /// Not of this data; the page says why.
    LeftOut(String),
}

/// The bytes of so many matrices of the rows in 32-bit numbers.
pub(crate) fn matrices(number: f64, rows: usize, dims: usize) -> u64 {
    (number * 4.0 * rows as f64 * dims as f64) as u64
}

/// An analysis of embeddings.
pub trait Analysis: 'static {
    /// The name of the command, in words joined by `-`.
    const NAME: &'static str;
    /// What it does, in a sentence without a full stop: the help of the command.
    const ABOUT: &'static str;
    /// Command lines that can be pasted, and what must be known to read the result; two or more lines begin with
    /// `embedlab `.
    const EXAMPLES: &'static str;
    /// What it takes of the rows.
    const NEEDS: Needs;
    /// Whether it looks at vectors that hold NaN or infinities; others never see them.
    const READS_NON_FINITE: bool = false;
    /// Whether it looks at a file without vectors.
    const READS_WITHOUT_VECTORS: bool = false;
    /// Whether it is given all rows, with [`Data::selected`] beside them, because its options name rows that the
    /// selection may leave out.
    const ALL_ROWS: bool = false;
    /// The roles of columns that it looks at.
    const ROLES: &'static [Role];
    /// What `-o` writes, as the help of that option; `None` when there is nothing to write.
    const WRITES: Option<&'static str> = None;
    /// Whether `-o` writes only some rows of the data, or a table of its own, so that it can never take the place of the input.
    const WRITES_SOME: bool = false;
    /// The pictures that it draws into files.
    const PICTURES: &'static [PictureKind] = &[];
    /// The tables that it writes beside the rows.
    const TABLES: &'static [TableKind] = &[];
    /// What `--save` keeps, or `-o` where no rows are written, as the help of that option; `None` when there is
    /// nothing to keep.
    const SAVES: Option<&'static str> = None;
    /// The extensions of the file that it saves.
    const SAVES_AS: &'static [&'static str] = &["safetensors"];

    /// Its options.
    type Options: Options;
    /// Its result. Serialised it is the JSON of the command.
    type Outcome: Serialize + JsonSchema + Send;

    /// What it takes of the rows with these options.
    fn needs(_options: &Self::Options) -> Needs {
        Self::NEEDS
    }

    /// What it costs on so many rows within a memory, before it begins. Unless an analysis says more: one pass, and what
    /// [`Analysis::memory`] says.
    ///
    /// # Errors
    /// When the memory is too small for what the options ask for.
    fn cost(options: &Self::Options, rows: usize, dims: usize, _memory: Budget) -> Result<Cost> {
        let cost = match Self::needs(options) {
            Needs::Blocks => Cost::blocks(1),
            Needs::Matrix => Cost::all_rows(),
        };
        Ok(cost.work(Self::memory(options, rows, dims)))
    }

    /// About how many bytes the work takes beside the rows, of which there are `rows` of `dims` dimensions: what does not fit is
    /// refused before it begins. Unless an analysis says more, as much as the rows once more where it needs all at once.
    fn memory(_options: &Self::Options, rows: usize, dims: usize) -> u64 {
        match Self::NEEDS {
            Needs::Blocks => 0,
            Needs::Matrix => matrices(1.0, rows, dims),
        }
    }

    /// Computes the result.
    ///
    /// # Errors
    /// When data and options do not fit together.
    fn run(data: &Data, options: &Self::Options, context: &Context<'_>) -> Result<Self::Outcome>;

    /// The one wording of the result.
    ///
    /// # Errors
    /// When a picture cannot be drawn.
    fn view(outcome: &Self::Outcome, look: Look) -> Result<Section>;

    /// The columns that the result adds to the rows.
    ///
    /// # Errors
    /// When they cannot be made.
    fn columns(_outcome: &Self::Outcome) -> Result<NewColumns> {
        Ok(NewColumns::default())
    }

    /// What `-o` writes where that is no row of the data: a table of its own.
    ///
    /// # Errors
    /// When it cannot be made.
    fn table(_outcome: &Self::Outcome) -> Result<Option<Table>> {
        Ok(None)
    }

    /// The files that its options name and that it reads, so that no output replaces them.
    fn reads(_options: &Self::Options) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Draws a picture of [`Self::PICTURES`].
    ///
    /// # Errors
    /// When the result holds nothing to draw.
    #[cfg(feature = "charts")]
    fn picture(
        _outcome: &Self::Outcome,
        flag: &str,
        _data: &Data,
        _seed: u64,
        _style: Style,
    ) -> Result<Picture> {
        Err(Error::argument(format!("no picture for --{flag}")))
    }

    /// The columns of a table of [`Self::TABLES`].
    ///
    /// # Errors
    /// When the result holds no such table.
    fn beside(_outcome: &Self::Outcome, flag: &str) -> Result<Vec<NewColumn>> {
        Err(Error::argument(format!("no table for --{flag}")))
    }

    /// Saves the fitted model.
    ///
    /// # Errors
    /// When there is no model of this result, or it cannot be written.
    fn save(_outcome: &Self::Outcome, path: &Path) -> Result<()> {
        Err(Error::argument("this analysis fits no model").file(path))
    }

    /// Whether the page about everything holds this analysis of the data, and with which options.
    fn in_report(_data: &Data) -> InReport<Self::Options> {
        InReport::Never
    }

    /// Whether the result is a failed check, so that the command ends with exit code 1.
    fn is_failure(_outcome: &Self::Outcome) -> bool {
        false
    }
}
