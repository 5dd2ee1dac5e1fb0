//! Whether old vectors can be kept when the model changes.

use std::collections::HashMap;
use std::path::PathBuf;

use ndarray::{ArrayView2, Axis};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Analysis, Context, Needs};
use crate::data::{Data, OpenOptions, Role};
use crate::error::{Error, Result};
use crate::number::{counted, fixed, percent, range};
use crate::pairs::copies;
use crate::transform::{LinearMap, NeighborRecall, neighbor_recall, procrustes, ridge};
use crate::view::{Block, Cell, Grid, KeyFigure, Look, Section};

/// The most held-out rows that ask.
const MOST_QUERIES: usize = 2000;

/// The recall from which on mapped vectors may stand in for new ones, and from which on for a while.
const GOOD: f64 = 0.9;
const FAIR: f64 = 0.7;

/// Rows that only one file has and that are named.
const NAMED: usize = 3;

/// Options of [`Align`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct AlignOptions {
    /// The file with the vectors of the new model
    #[cfg_attr(feature = "cli", arg(index = 2, value_name = "NEW"))]
    pub new: Option<PathBuf>,
    /// The column by which rows of both files are joined [default: they are in the same order]
    #[cfg_attr(feature = "cli", arg(long, value_name = "COL"))]
    pub id: Option<String>,
    /// Neighbours to compare
    #[cfg_attr(feature = "cli", arg(short, long, value_name = "N", default_value_t = Self::default().k))]
    pub k: usize,
    /// Share of the rows to test on; copies stay on one side
    #[cfg_attr(feature = "cli", arg(long, value_name = "SHARE", default_value_t = Self::default().test_size))]
    pub test_size: f64,
    /// The map that is saved
    #[cfg_attr(feature = "cli", arg(long, value_enum, default_value_t = Self::default().method))]
    pub method: AlignMethod,
}

impl Default for AlignOptions {
    fn default() -> Self {
        AlignOptions { new: None, id: None, k: 10, test_size: 0.2, method: AlignMethod::default() }
    }
}

/// A kind of map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum AlignMethod {
    /// The one with the larger recall
    #[default]
    Best,
    /// A turn, which keeps all angles
    Procrustes,
    /// Any linear map, by ridge regression
    Ridge,
}

/// How well rows of one model can be taken to the space of another. Figures are of rows that were held out.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AlignReport {
    /// Rows that both files have.
    pub rows: usize,
    /// Rows that only the old file has.
    pub only_old: usize,
    /// Rows that only the new file has.
    pub only_new: usize,
    /// Dimensions of the old and the new vectors.
    pub dims: [usize; 2],
    /// Rows that the maps were fitted to.
    pub train_rows: usize,
    /// Held-out rows that asked.
    pub queries: usize,
    /// Neighbours that were compared.
    pub k: usize,
    /// The maps.
    pub methods: Vec<AlignedBy>,
    /// How many of the new model's neighbours the old model finds by itself, among old vectors.
    pub old_alone: Recall,
    /// Which map is saved.
    pub chosen: AlignMethod,
    #[serde(skip)]
    map: LinearMap,
}

/// A map.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AlignedBy {
    /// Its kind.
    pub method: AlignMethod,
    /// The share of the k neighbours that a native query finds among new vectors which a mapped query finds too.
    pub recall: Recall,
    /// The penalty, in shares of the mean variance of an old dimension; `null` for a turn.
    pub penalty: Option<f64>,
    #[serde(skip)]
    map: LinearMap,
}

/// A mean over queries.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Recall {
    /// The mean.
    pub value: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl From<NeighborRecall> for Recall {
    fn from(found: NeighborRecall) -> Recall {
        Recall { value: found.value, low: found.low, high: found.high }
    }
}

/// The analysis `align`.
pub struct Align;

impl Analysis for Align {
    const NAME: &'static str = "align";
    const ABOUT: &'static str =
        "Map vectors of an old model into the space of a new one, and test whether that is good enough";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab align old.parquet new.parquet
  embedlab align old.parquet new.parquet --id ProductId -o map.safetensors
  embedlab apply map.safetensors all_old.parquet -o as_new.parquet

Both files hold the same texts, embedded by both models: some thousand are enough to fit a map for all others.";
    const NEEDS: Needs = Needs::Matrix;
    const ROLES: &'static [Role] = &[Role::Text];
    const SAVES: Option<&'static str> = Some("Save the map (.safetensors), for embedlab apply");
    type Options = AlignOptions;
    type Outcome = AlignReport;

    fn run(data: &Data, options: &AlignOptions, context: &Context<'_>) -> Result<AlignReport> {
        let Some(path) = &options.new else {
            return Err(Error::argument("align takes two files")
                .advice("name the file of the new model after the old one"));
        };
        if !(options.test_size > 0.0 && options.test_size < 1.0) {
            return Err(Error::argument("an impossible share of test rows")
                .seen(options.test_size.to_string())
                .advice("give more than 0 and less than 1"));
        }
        let second = Data::open(path, &OpenOptions::default())?;
        let joined = join(data, &second, options.id.as_deref(), context).map_err(|error| error.file(path))?;
        let old = data.matrix()?.select(Axis(0), &joined.old);
        let new = second.matrix()?.select(Axis(0), &joined.new);
        let texts =
            data.texts()?.map(|texts| joined.old.iter().map(|row| texts[*row].clone()).collect::<Vec<_>>());
        let units = copies(old.view(), texts.as_deref())?;
        let (train, test) = divided(&units, options.test_size, context.seed);
        if train.len() < 10 || test.is_empty() {
            return Err(Error::input("too few rows that both files have")
                .with_code("too-few-rows")
                .seen(counted(old.nrows(), "row"))
                .advice("some thousand rows are usual"));
        }
        if train.len() < old.ncols() {
            context.warn(format!(
                "{} for {} dimensions: a map from so few rows is rough",
                counted(train.len(), "row"),
                old.ncols()
            ));
        }
        let queries = &test[..test.len().min(MOST_QUERIES)];
        let select = |rows: ArrayView2<'_, f32>, which: &[usize]| rows.select(Axis(0), which);
        let (fit_old, fit_new) = (select(old.view(), &train), select(new.view(), &train));
        let (ask_old, ask_new) = (select(old.view(), queries), select(new.view(), queries));
        let turn = procrustes(fit_old.view(), fit_new.view())?;
        let (linear, penalty) = ridge(fit_old.view(), fit_new.view())?;
        let native = (new.view(), ask_new.view());
        let mut methods = Vec::new();
        for (method, map, penalty) in
            [(AlignMethod::Procrustes, turn, None), (AlignMethod::Ridge, linear, Some(penalty))]
        {
            let mapped = map.apply(ask_old.view())?;
            let recall =
                neighbor_recall(native, (new.view(), mapped.view()), queries, options.k, context.seed)?
                    .into();
            methods.push(AlignedBy { method, recall, penalty, map });
        }
        let old_alone =
            neighbor_recall(native, (old.view(), ask_old.view()), queries, options.k, context.seed)?.into();
        let best = if methods[1].recall.value > methods[0].recall.value { 1 } else { 0 };
        let taken = match options.method {
            AlignMethod::Best => best,
            AlignMethod::Procrustes => 0,
            AlignMethod::Ridge => 1,
        };
        Ok(AlignReport {
            rows: old.nrows(),
            only_old: joined.only_old,
            only_new: joined.only_new,
            dims: [old.ncols(), new.ncols()],
            train_rows: train.len(),
            queries: queries.len(),
            k: options.k,
            chosen: methods[taken].method,
            map: methods[taken].map.clone(),
            methods,
            old_alone,
        })
    }

    fn view(found: &AlignReport, _look: Look) -> Result<Section> {
        let name = |method: AlignMethod| match method {
            AlignMethod::Ridge => "ridge regression",
            _ => "Procrustes",
        };
        let Some(chosen) = found.methods.iter().find(|method| method.method == found.chosen) else {
            return Ok(Section::new(Self::NAME, "Alignment"));
        };
        let recall = chosen.recall;
        let verdict = if recall.low >= GOOD {
            "Old vectors can stand in for new ones."
        } else if recall.low >= FAIR {
            "Old vectors can stand in for new ones for a while; embedding them again is better."
        } else {
            "Embed the texts again: mapped vectors miss too much."
        };
        let of = |recall: Recall| range(recall.low, recall.high, 3);
        let section = Section::new(Self::NAME, "Alignment")
            .headline(verdict.to_owned())
            .with(Block::paragraph(format!(
                "Mapped queries find {} of the {} nearest rows that queries of the new model find.",
                percent(recall.value),
                found.k
            )))
            .with(Block::key_figures([
                KeyFigure::new(fixed(recall.value, 3), format!("recall@{}", found.k))
                    .note(format!("95 %: {}; {}", of(recall), name(found.chosen))),
                KeyFigure::new(fixed(found.old_alone.value, 3), "old model alone")
                    .note(format!("95 %: {}; old queries among old vectors", of(found.old_alone))),
            ]))
            .with(found.methods.iter().fold(
                Grid::new(["map", "recall", "95 %", "penalty"]),
                |grid, method| {
                    grid.row([
                        Cell::text(name(method.method)),
                        Cell::Number(method.recall.value, 3),
                        Cell::Range(method.recall.low, method.recall.high, 3),
                        Cell::number(method.penalty, 4),
                    ])
                },
            ))
            .with(Block::note(format!(
                "Fitted to {}, judged on {} held-out ones, {} to {} dimensions. A map cannot add what the old model does not know.",
                counted(found.train_rows, "row"),
                found.queries,
                found.dims[0],
                found.dims[1]
            )));
        if found.only_old + found.only_new == 0 {
            return Ok(section);
        }
        Ok(section.with(Block::warning(format!(
            "Left out: {} of the old file and {} of the new one that the other has not.",
            counted(found.only_old, "row"),
            found.only_new
        ))))
    }

    fn save(found: &AlignReport, path: &std::path::Path) -> Result<()> {
        found.map.save(path)
    }
}

/// The rows that both files have, in the order of the old one.
struct Joined {
    old: Vec<usize>,
    new: Vec<usize>,
    only_old: usize,
    only_new: usize,
}

fn join(old: &Data, new: &Data, id: Option<&str>, context: &Context<'_>) -> Result<Joined> {
    let Some(column) = id else {
        let (n, m) = (old.matrix()?.nrows(), new.matrix()?.nrows());
        if n != m {
            return Err(Error::argument("two files with different numbers of rows")
                .with_code("row-count")
                .seen(format!("{n} and {m}"))
                .advice("join them by a column with --id"));
        }
        return Ok(Joined { old: (0..n).collect(), new: (0..n).collect(), only_old: 0, only_new: 0 });
    };
    let ids = |data: &Data, which: &str| -> Result<Vec<String>> {
        let ids = data.table().text(column)?;
        let mut seen = HashMap::new();
        for (row, id) in ids.iter().enumerate() {
            let Some(id) = id else {
                return Err(Error::input(format!("a row of the {which} file without an id"))
                    .row(row)
                    .column(column));
            };
            if let Some(first) = seen.insert(id.as_str(), row) {
                return Err(Error::input(format!("ids of the {which} file that repeat"))
                    .with_code("repeated-id")
                    .column(column)
                    .seen(format!("rows {first} and {row} have the same"))
                    .advice("name a column in which each row has a value of its own"));
            }
        }
        drop(seen);
        Ok(ids.into_iter().flatten().collect())
    };
    let (of_old, of_new) = (ids(old, "old")?, ids(new, "new")?);
    let row_of: HashMap<&str, usize> =
        of_new.iter().enumerate().map(|(row, id)| (id.as_str(), row)).collect();
    let both: Vec<(usize, usize)> =
        of_old.iter().enumerate().filter_map(|(row, id)| Some((row, *row_of.get(id.as_str())?))).collect();
    let missing: Vec<&str> =
        of_old.iter().map(String::as_str).filter(|id| !row_of.contains_key(id)).take(NAMED).collect();
    if !missing.is_empty() {
        context.note(format!("rows that only the old file has begin with {}", missing.join(", ")));
    }
    Ok(Joined {
        only_old: of_old.len() - both.len(),
        only_new: of_new.len() - both.len(),
        old: both.iter().map(|pair| pair.0).collect(),
        new: both.iter().map(|pair| pair.1).collect(),
    })
}

/// Training and test rows, the latter in random order; units stay whole.
fn divided(units: &[u32], test_size: f64, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let n_units = units.iter().max().map_or(0, |most| *most as usize + 1);
    let mut order: Vec<usize> = (0..n_units).collect();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    order.shuffle(&mut random);
    let mut held = vec![false; n_units];
    order.iter().take((n_units as f64 * test_size).round() as usize).for_each(|unit| held[*unit] = true);
    let (mut test, train): (Vec<usize>, Vec<usize>) =
        (0..units.len()).partition(|row| held[units[*row] as usize]);
    test.shuffle(&mut random);
    (train, test)
}
