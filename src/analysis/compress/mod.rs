//! Fewer dimensions and fewer bits: how much of the nearest rows is left, and what it saves.

mod stored;
mod view;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::stored::Source;
use super::{Analysis, Context, InReport, Needs, PictureKind};
#[cfg(feature = "charts")]
use crate::chart::{Picture, Style};
use crate::compress::{
    Curve, CurveOptions, Method, Point, Precision, Probed, Recall, RescoredBy, TenthLess, curve,
};
use crate::data::{Data, OpenOptions, Role};
use crate::error::{Error, Result};
use crate::view::{Look, Section};

/// Fewer rows than this make rough ranges.
const FEW_ROWS: usize = 100;

/// Options of [`Compress`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct CompressOptions {
    /// How rows get fewer dimensions [default: truncate,pca]
    #[cfg_attr(feature = "cli", arg(long, value_enum, value_name = "METHOD,METHOD", value_delimiter = ','))]
    pub method: Vec<Method>,
    /// To how many dimensions [default: all, a half, a quarter, an eighth, a sixteenth]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N,N", value_delimiter = ','))]
    pub dims: Vec<usize>,
    /// How numbers are kept [default: every way]
    #[cfg_attr(feature = "cli", arg(long, value_enum, value_name = "P,P", value_delimiter = ','))]
    pub precision: Vec<Precision>,
    /// Rows that ask
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", default_value_t = Self::default().n_queries))]
    pub n_queries: usize,
    /// Queries that ask in place of rows
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE", conflicts_with = "n_queries"))]
    pub queries: Option<PathBuf>,
    /// Nearest rows that count
    #[cfg_attr(feature = "cli", arg(long, short = 'k', value_name = "N", default_value_t = Self::default().k))]
    pub k: usize,
    /// The recall that the smallest setting must keep
    #[cfg_attr(feature = "cli", arg(long, value_name = "SHARE", default_value_t = Self::default().keep))]
    pub keep: f64,
}

impl Default for CompressOptions {
    fn default() -> Self {
        let curve = CurveOptions::default();
        CompressOptions {
            method: Vec::new(),
            dims: Vec::new(),
            precision: Vec::new(),
            n_queries: curve.n_queries,
            queries: None,
            k: curve.k,
            keep: 0.99,
        }
    }
}

/// What each setting keeps.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CompressionReport {
    /// Rows.
    pub rows: usize,
    /// Numbers of each.
    pub dims: usize,
    /// Queries that asked.
    pub queries: usize,
    /// Nearest rows that count.
    pub k: usize,
    /// One for each setting.
    pub points: Vec<Point>,
    /// The smallest setting that keeps the recall asked for, without the rows as they were; `null` when none does.
    pub chosen: Option<Point>,
    /// A tenth of the dimensions less; `null` with too few rows or dimensions.
    pub tenth_less: Option<TenthReport>,
    /// The recall asked for.
    pub keep: f64,
    /// Rows that the logistic regression of the label learned from; `null` without enough labels.
    pub learned_from: Option<usize>,
    /// Other rows that it was asked about.
    pub asked_about: Option<usize>,
    #[serde(skip)]
    source: Source,
}

/// A tenth of the dimensions less, by SVD, as OpenAI's guide has it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TenthReport {
    /// The dimensions that are left.
    pub dims: usize,
    /// The share of the nearest rows that is found.
    pub recall: Recall,
    /// The accuracy of the label by the majority of the nearest rows, less that with all dimensions; `null` without labels.
    pub accuracy: Option<AccuracyChange>,
    /// The accuracy of a logistic regression, and the difference from that with all dimensions; `null` without enough labels.
    pub accuracy_logistic: Option<Probed>,
}

/// How an accuracy changes.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct AccuracyChange {
    /// With all dimensions.
    pub before: f64,
    /// With fewer.
    pub after: f64,
    /// After minus before.
    pub difference: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// How often equally good settings differ by as much (McNemar's exact test).
    pub p: f64,
}

impl From<TenthLess> for TenthReport {
    fn from(found: TenthLess) -> TenthReport {
        TenthReport {
            dims: found.point.dims,
            recall: found.point.recall,
            accuracy_logistic: found.point.accuracy_logistic,
            accuracy: found.accuracy.map(|compared| AccuracyChange {
                before: compared.second,
                after: compared.first,
                difference: compared.difference,
                low: compared.interval.low,
                high: compared.interval.high,
                p: compared.p_value,
            }),
        }
    }
}

/// The analysis `compress`.
pub struct Compress;

impl Analysis for Compress {
    const NAME: &'static str = "compress";
    const ABOUT: &'static str = "Measure what is left of the nearest rows with fewer dimensions and fewer bits, and write such vectors";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab compress reviews.parquet --label Score
  embedlab compress reviews.parquet --dims 1536,512,256 --precision f32,int8,binary
  embedlab compress reviews.parquet --method truncate --dims 256 --precision int8 -o small.npy

-o writes the one setting asked for, or the smallest that keeps --keep of the nearest rows: f32 in any format, f16 as .npy,
.parquet or .arrow, int8 as x.npy with x.ranges.npy, bits as x.bits.npy. Every command reads those files.";
    const NEEDS: Needs = Needs::Matrix;
    const ROLES: &'static [Role] = &[Role::Label];
    const SAVES: Option<&'static str> =
        Some("Write the vectors of the chosen setting (.npy .bits.npy .parquet ..)");
    const SAVES_AS: &'static [&'static str] =
        &["npy", "parquet", "arrow", "npz", "safetensors", "csv", "tsv", "jsonl"];
    const PICTURES: &'static [PictureKind] =
        &[PictureKind { flag: "picture", help: "Draw recall over bytes (.png .svg)" }];
    type Options = CompressOptions;
    type Outcome = CompressionReport;

    fn run(data: &Data, options: &CompressOptions, context: &Context<'_>) -> Result<CompressionReport> {
        if !(0.0..=1.0).contains(&options.keep) {
            return Err(Error::argument("--keep takes a share of the nearest rows").advice("0.99 is usual"));
        }
        let rows = data.matrix()?;
        if rows.nrows() < FEW_ROWS {
            context.warn(format!("fewer than {FEW_ROWS} rows: the ranges of int8 codes are rough"));
        }
        let usual = CurveOptions::default();
        let or = |given: &[Method]| if given.is_empty() { usual.methods.clone() } else { given.to_vec() };
        let asked = CurveOptions {
            methods: or(&options.method),
            dims: options.dims.clone(),
            precisions: match &options.precision[..] {
                [] => usual.precisions.clone(),
                given => given.to_vec(),
            },
            n_queries: options.n_queries,
            k: options.k,
            seed: context.seed,
        };
        let queries =
            options.queries.as_ref().map(|path| Data::open(path, &OpenOptions::default())).transpose()?;
        let queries = queries.as_ref().map(Data::matrix).transpose()?;
        let labels = data.column_of(Role::Label).map(|column| data.table().labels(column)).transpose()?;
        let labels = labels.map(|labels| labels.codes);
        let told = |done: usize, all: usize| context.at("settings", done, all, "");
        let Curve { queries, k, points, tenth_less, probed } =
            curve(rows, queries, labels.as_deref(), &asked, &told)?;
        if labels.is_some() && probed.is_none() {
            context.warn("no accuracy of a logistic regression: it needs two labels or more, of 40 different rows at least");
        }
        let kept =
            |point: &&Point| point.rescored_by != Some(RescoredBy::Rows) && point.recall.mean >= options.keep;
        let smallest = |points: &mut dyn Iterator<Item = &Point>| -> Option<Point> {
            points
                .filter(kept)
                .min_by(|a, b| a.bytes.cmp(&b.bytes).then(b.recall.mean.total_cmp(&a.recall.mean)))
                .cloned()
        };
        let alone = points.iter().filter(|point| !point.rescore).count() == 1;
        let written = match alone {
            true => points.first().cloned(),
            false => smallest(&mut points.iter().filter(|point| stored::is_written(point.precision))),
        };
        Ok(CompressionReport {
            rows: rows.nrows(),
            dims: rows.ncols(),
            queries,
            k,
            chosen: smallest(&mut points.iter()),
            tenth_less: tenth_less.map(TenthReport::from),
            keep: options.keep,
            learned_from: probed.map(|probed| probed.0),
            asked_about: probed.map(|probed| probed.1),
            source: Source::new(data, written, context.seed)?,
            points,
        })
    }

    fn view(found: &CompressionReport, look: Look) -> Result<Section> {
        view::section(found, look)
    }

    fn in_report(_data: &Data) -> InReport<CompressOptions> {
        InReport::Never
    }

    #[cfg(feature = "charts")]
    fn picture(
        found: &CompressionReport,
        _flag: &str,
        _data: &Data,
        _seed: u64,
        style: Style,
    ) -> Result<Picture> {
        view::draw(found, style)
    }

    fn save(found: &CompressionReport, path: &Path) -> Result<()> {
        found.source.write(path)
    }
}
