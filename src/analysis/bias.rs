//! Association tests on stored vectors.

use std::collections::HashMap;
use std::path::PathBuf;

use ndarray::{Array2, ArrayView2, Axis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Analysis, Context, Needs, PictureKind};
use crate::bias::{
    AssociationOptions, AssociationTest, BySet, TestVectors, associate, published, sets_from_json,
};
#[cfg(feature = "charts")]
use crate::chart::{Intervals, Picture, Style};
use crate::data::{Data, Role};
use crate::error::{Error, Result};
use crate::metric::holm;
use crate::number::{counted, fixed};
use crate::view::{Block, Cell, Grid, KeyFigure, Look, Section};

/// The adjusted p-value below which an effect is called seen.
const LEVEL: f64 = 0.05;

/// The share of missing texts of a set from which on a test is doubted, as in WEFE.
const MOST_MISSING: f64 = 0.2;

/// Options of [`Bias`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct BiasOptions {
    /// Tests from a JSON file, {"NAME": {"x": [..], "y": [..], "a": [..], "b": [..]}}, or one of WEFE or sent-bias
    /// [default: the published tests]
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE"))]
    pub sets: Option<PathBuf>,
    /// Only these tests, such as weat6,seat6
    #[cfg_attr(feature = "cli", arg(long, value_name = "NAME,..", value_delimiter = ','))]
    pub test: Vec<String>,
    /// Random splits where there are more than 200,000; fewer are all looked at
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", default_value_t = Self::default().permutations))]
    pub permutations: usize,
    /// Resamples of the intervals
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", default_value_t = Self::default().resamples))]
    pub resamples: usize,
}

impl Default for BiasOptions {
    fn default() -> Self {
        let AssociationOptions { permutations, resamples, .. } = Default::default();
        BiasOptions { sets: None, test: Vec::new(), permutations, resamples }
    }
}

impl BiasOptions {
    /// The tests that are asked for.
    ///
    /// # Errors
    /// When the file cannot be read, or a named test is not there.
    pub fn tests(&self) -> Result<Vec<AssociationTest>> {
        let Some(path) = &self.sets else {
            let all = published()?;
            return match self.test.as_slice() {
                [] => Ok(all),
                chosen => sets_from_published(all, chosen),
            };
        };
        let json =
            std::fs::read_to_string(path).map_err(|error| Error::io("cannot open", error).file(path))?;
        let name = path.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        sets_from_json(&json, &name, &self.test).map_err(|error| error.file(path))
    }
}

fn sets_from_published(all: Vec<AssociationTest>, chosen: &[String]) -> Result<Vec<AssociationTest>> {
    match chosen.iter().find(|name| !all.iter().any(|test| test.name == **name)) {
        Some(unknown) => {
            let known: Vec<&str> = all.iter().map(|test| test.name.as_str()).collect();
            Err(Error::argument(format!("no published test {unknown}"))
                .with_code("test-not-found")
                .advice(format!("the tests are {}", known.join(", "))))
        }
        None => Ok(all.into_iter().filter(|test| chosen.contains(&test.name)).collect()),
    }
}

/// What association tests have found.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct BiasReport {
    /// The tests, in the order of their file.
    pub tests: Vec<BiasTest>,
    /// Tests of which the file holds no text.
    pub left_out: Vec<String>,
}

/// A test.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct BiasTest {
    /// What it is called.
    pub name: String,
    /// What is compared.
    pub targets: [String; 2],
    /// By its association with what.
    pub attributes: [String; 2],
    /// How many texts of x, y, a and b were found.
    pub found: [usize; 4],
    /// The effect size with the population standard deviation, as WEFE gives it; `null` when it is undefined.
    pub effect_size: Option<f64>,
    /// The effect size with the sample standard deviation, as the papers give it.
    pub effect_size_sample: Option<f64>,
    /// The one-sided p-value of the permutation test; `null` when too few texts were found.
    pub p: Option<f64>,
    /// The p-value after Holm's correction for all tests here.
    pub p_adjusted: Option<f64>,
    /// Whether all splits were looked at.
    pub exact: bool,
    /// Lower end of the 95 % interval of `effect_size` for other texts of the same kind.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Relative norm distance: below 0 when the attributes are nearer to the first targets.
    pub rnd: Option<BySet>,
    /// Embedding coherence: 1 when both targets rank the attributes alike.
    pub ect: Option<BySet>,
    /// Texts that the file does not hold.
    pub missing: Vec<String>,
    /// Where the texts are from.
    pub source: Option<String>,
}

/// The analysis `bias`.
pub struct Bias;

impl Analysis for Bias {
    const NAME: &'static str = "bias";
    const ABOUT: &'static str = "Test whether groups are associated differently with attributes (WEAT, SEAT)";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab bias --list > stimuli.csv
  embedlab embed stimuli.csv --text text -o stimuli.parquet
  embedlab bias stimuli.parquet --picture bias.svg
  embedlab bias words.parquet --sets my_sets.json --json

Texts are looked up in the text column, as they are written or else without regard to case. A positive effect says
that the first targets are nearer to the first attributes.";
    const NEEDS: Needs = Needs::Matrix;
    const ROLES: &'static [Role] = &[Role::Text];
    const PICTURES: &'static [PictureKind] =
        &[PictureKind { flag: "picture", help: "Draw the effects with their intervals (.png .svg)" }];
    type Options = BiasOptions;
    type Outcome = BiasReport;

    fn run(data: &Data, options: &BiasOptions, context: &Context<'_>) -> Result<BiasReport> {
        if options.permutations == 0 || options.resamples < 2 {
            return Err(Error::argument("no permutations or resamples").advice("99999 and 1000 are usual"));
        }
        let all = options.tests()?;
        let rows = data.matrix()?;
        data.require(Role::Text)?;
        let texts = data.texts()?.unwrap_or_default();
        let found_in = Lookup::new(&texts, rows);
        let (mut tests, mut left_out) = (Vec::new(), Vec::new());
        let n = all.len();
        for (at, test) in all.into_iter().enumerate() {
            context.check_stop()?;
            context.at("tests", at, n, &test.name);
            match run_test(test, &found_in, rows, options, context)? {
                Ok(test) => tests.push(test),
                Err(name) => left_out.push(name),
            }
        }
        if tests.is_empty() {
            return Err(Error::input("none of the tests' texts are in the file").with_code("texts-missing").advice(
                "embedlab bias --list writes the texts and embedlab embed makes their vectors; or give tests of your own by --sets",
            ));
        }
        let defined: Vec<usize> = (0..tests.len()).filter(|test| tests[*test].p.is_some()).collect();
        let adjusted = holm(&defined.iter().filter_map(|test| tests[*test].p).collect::<Vec<_>>());
        defined.into_iter().zip(adjusted).for_each(|(test, p)| tests[test].p_adjusted = Some(p));
        Ok(BiasReport { tests, left_out })
    }

    fn view(found: &BiasReport, look: Look) -> Result<Section> {
        let seen = found.tests.iter().filter(|test| test.p_adjusted.is_some_and(|p| p < LEVEL)).count();
        let mut section = Section::new(Self::NAME, "Associations")
            .headline(format!(
                "{seen} of {} show an association that chance would seldom give.",
                counted(found.tests.len(), "test")
            ))
            .with(Block::key_figures([
                KeyFigure::new(format!("{seen} of {}", found.tests.len()), "associations seen")
                    .note("p < 0.05 after Holm's correction"),
                KeyFigure::new(
                    found
                        .tests
                        .iter()
                        .filter_map(|test| test.effect_size)
                        .fold(None, larger)
                        .map_or_else(|| "–".to_owned(), |effect| fixed(effect, 2)),
                    "largest effect",
                )
                .note("in standard deviations; 0 is none, 2 the most"),
            ]));
        let grid = found.tests.iter().fold(
            Grid::new(["test", "targets", "attributes", "effect", "95 %", "p", "missing"]),
            |grid, test| {
                grid.row([
                    Cell::text(&test.name),
                    Cell::excerpt(&test.targets.join(", ")),
                    Cell::excerpt(&test.attributes.join(", ")),
                    Cell::number(test.effect_size, 2),
                    match (test.low, test.high) {
                        (Some(low), Some(high)) => Cell::Range(low, high, 2),
                        _ => Cell::Missing,
                    },
                    test.p_adjusted.map_or(Cell::Missing, Cell::PValue),
                    Cell::count(test.missing.len()),
                ])
            },
        );
        section = section.with(
            grid.caption("Effect sizes with the population standard deviation; p after Holm's correction"),
        );
        #[cfg(feature = "charts")]
        let mut section = section.picture(
            look,
            "Association tests",
            "Each effect with its 95 % interval; 0 is no association.",
            |style| draw(found, style),
        )?;
        #[cfg(not(feature = "charts"))]
        let _ = look;
        for test in found.tests.iter().filter(|test| !test.missing.is_empty()) {
            section = section.with(Block::warning(missing(test)));
        }
        if !found.left_out.is_empty() {
            section = section.with(Block::note(format!(
                "Left out, because the file holds none of their texts: {}.",
                found.left_out.join(", ")
            )));
        }
        let by_set =
            found.tests.iter().fold(Grid::new(["test", "RND a", "RND b", "ECT a", "ECT b"]), |grid, test| {
                let of = |figure: Option<BySet>, first: bool| {
                    Cell::number(figure.and_then(|figure| if first { figure.a } else { figure.b }), 3)
                };
                grid.row([
                    Cell::text(&test.name),
                    of(test.rnd, true),
                    of(test.rnd, false),
                    of(test.ect, true),
                    of(test.ect, false),
                ])
            });
        Ok(section.with(Block::details("Relative norm distance and embedding coherence", [by_set.into()])).with(
            Block::note(
                "What such a test cannot tell: it sees these texts only, so no effect here does not mean that there is none elsewhere. \
                 An effect in vectors is not a harm done: that depends on what is built on them. The published texts are English and of the \
                 United States, and words out of context may not mean to the model what they mean here.",
            ),
        ))
    }

    #[cfg(feature = "charts")]
    fn picture(found: &BiasReport, _flag: &str, _data: &Data, _seed: u64, style: Style) -> Result<Picture> {
        draw(found, style)
    }
}

fn larger(most: Option<f64>, effect: f64) -> Option<f64> {
    Some(most.map_or(effect, |most| if effect.abs() > most.abs() { effect } else { most }))
}

fn missing(test: &BiasTest) -> String {
    let shown: Vec<&str> = test.missing.iter().take(8).map(String::as_str).collect();
    let more = test.missing.len() - shown.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}: {} missing: {}{more}.", test.name, counted(test.missing.len(), "text"), shown.join(", "))
}

/// The rows of texts.
struct Lookup<'a> {
    exact: HashMap<&'a str, usize>,
    folded: HashMap<String, usize>,
}

impl<'a> Lookup<'a> {
    /// Rows of zeros have no direction and count as missing; of equal texts the first row is taken.
    fn new(texts: &'a [Option<String>], rows: ArrayView2<'_, f32>) -> Self {
        let mut found = Lookup { exact: HashMap::new(), folded: HashMap::new() };
        for (row, text) in texts.iter().enumerate() {
            let Some(text) = text else { continue };
            if rows.row(row).iter().any(|value| *value != 0.0) {
                found.exact.entry(text).or_insert(row);
                found.folded.entry(folded(text)).or_insert(row);
            }
        }
        found
    }

    fn row(&self, text: &str) -> Option<usize> {
        self.exact.get(text).or_else(|| self.folded.get(&folded(text))).copied()
    }
}

fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

/// The name of the test when none of its texts is there.
fn run_test(
    test: AssociationTest,
    found_in: &Lookup<'_>,
    rows: ArrayView2<'_, f32>,
    options: &BiasOptions,
    context: &Context<'_>,
) -> Result<std::result::Result<BiasTest, String>> {
    let AssociationTest { name, names, source, sets } = test;
    let mut missing = Vec::new();
    let found: Vec<Vec<usize>> = sets
        .iter()
        .map(|texts| {
            let of = |text: &String| {
                let row = found_in.row(text);
                if row.is_none() && !missing.contains(text) {
                    missing.push(text.clone());
                }
                row
            };
            texts.iter().filter_map(of).collect()
        })
        .collect();
    if found.iter().all(Vec::is_empty) {
        return Ok(Err(name));
    }
    let counts = [0, 1, 2, 3].map(|set| found[set].len());
    for set in 0..4 {
        let lost = sets[set].len() - counts[set];
        if lost as f64 > MOST_MISSING * sets[set].len() as f64 {
            context.warn(format!(
                "{name}: {lost} of {} texts of {} are missing, so this is another test than the one named",
                sets[set].len(),
                names[set]
            ));
        }
    }
    if counts[0] != counts[1] && counts[0].min(counts[1]) > 1 {
        context.warn(format!(
            "{name}: {} {} and {} {}: the test is meant for equally many",
            counts[0], names[0], counts[1], names[1]
        ));
    }
    let enough = counts[0] > 1 && counts[1] > 1 && counts[2] > 0 && counts[3] > 0;
    let take = |set: usize| -> Array2<f32> { rows.select(Axis(0), &found[set]) };
    let association = if enough {
        let vectors = TestVectors { x: take(0), y: take(1), a: take(2), b: take(3) };
        let options = AssociationOptions {
            permutations: options.permutations,
            resamples: options.resamples,
            seed: context.seed,
        };
        Some(associate(&vectors, &options)?)
    } else {
        context.warn(format!("{name}: too few texts were found for a test"));
        None
    };
    let [x, y, a, b] = names;
    Ok(Ok(BiasTest {
        name,
        targets: [x, y],
        attributes: [a, b],
        found: counts,
        effect_size: association.and_then(|found| found.effect_size),
        effect_size_sample: association.and_then(|found| found.effect_size_sample),
        p: association.map(|found| found.p),
        p_adjusted: None,
        exact: association.is_some_and(|found| found.exact),
        low: association.and_then(|found| found.low),
        high: association.and_then(|found| found.high),
        rnd: association.map(|found| found.rnd),
        ect: association.map(|found| found.ect),
        missing,
        source,
    }))
}

#[cfg(feature = "charts")]
fn draw(found: &BiasReport, style: Style) -> Result<Picture> {
    let names: Vec<String> =
        found.tests.iter().map(|test| format!("{}: {}", test.name, test.targets.join(", "))).collect();
    let rows: Vec<(f64, f64, f64)> = found
        .tests
        .iter()
        .map(|test| {
            let number = |value: Option<f64>| value.unwrap_or(f64::NAN);
            (number(test.effect_size), number(test.low), number(test.high))
        })
        .collect();
    let height = (120 + 24 * rows.len() as u32).clamp(260, 1100);
    let style = style.size(960, height).subtitle("effect size with 95 % interval");
    Intervals::new(&names, &rows, "effect size in standard deviations").reference(0.0).draw(&style)
}
