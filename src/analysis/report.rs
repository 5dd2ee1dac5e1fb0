//! All analyses that fit the data, as one page.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{AnyOutcome, Context, InReport, MappedRows, registry};
use crate::cluster::Clustering;
use crate::data::Data;
use crate::error::{Error, Result};
use crate::number::counted;
use crate::progress::steps;
use crate::rows::RowSource;
use crate::view::{Block, Cell, Grid, Look, Page, Section};

/// What the page holds beyond, or short of, what fits the data.
#[derive(Debug, Clone, Default)]
pub struct ReportOptions {
    /// The title; default: the name of the data.
    pub title: Option<String>,
    /// Only these sections, by the names of their analyses; empty for all that fit.
    pub only: Vec<String>,
    /// Not these sections.
    pub without: Vec<String>,
    /// Options of analyses, by name; those that are not named have the page's defaults.
    pub options: BTreeMap<String, Value>,
}

/// A section that the page does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The analysis.
    pub section: String,
    /// Why.
    pub why: String,
}

/// A page about everything.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The page.
    #[serde(flatten)]
    pub page: Page,
    /// What it does not hold.
    pub left_out: Vec<LeftOut>,
}

impl ReportOptions {
    /// Whether a section was asked for: it is not left out, and named where some are.
    pub fn wants(&self, name: &str) -> bool {
        (self.only.is_empty() || self.only.iter().any(|only| only == name))
            && !self.without.iter().any(|without| without == name)
    }

    fn check(&self) -> Result<()> {
        let known = |name: &str| super::find(name).is_some();
        match self.only.iter().chain(&self.without).chain(self.options.keys()).find(|name| !known(name)) {
            None => Ok(()),
            Some(name) => {
                let names: Vec<&str> = registry().iter().map(|analysis| analysis.name()).collect();
                Err(Error::argument("no such section")
                    .with_code("no-section")
                    .seen(name.as_str())
                    .advice(format!("the sections are {}", names.join(", "))))
            }
        }
    }
}

/// Runs every analysis that fits the data and puts their views on one page, which says what it left out and why.
///
/// # Errors
/// When an option is unknown, the rows do not fit in memory, or a picture cannot be drawn. An analysis that fails on the
/// data is left out, with its error.
pub fn report(data: &Data, options: &ReportOptions, context: &Context<'_>) -> Result<Report> {
    options.check()?;
    let mut page = page_of(data, options.title.as_deref().unwrap_or(data.name()), context.seed);
    let mut left_out = Vec::new();
    let mut clusters: Option<Clustering> = None;
    let steps = steps("sections", registry().len());
    for analysis in registry() {
        steps.add(1);
        let name = analysis.name();
        if !options.wants(name) {
            continue;
        }
        let given = options.options.get(name);
        let settings = match (analysis.in_report(data)?, given) {
            (InReport::Never, None) if !options.only.iter().any(|only| only == name) => continue,
            (InReport::Never, given) => given.cloned().unwrap_or_else(|| Value::Object(Default::default())),
            (InReport::LeftOut(why), _) => {
                left_out.push(LeftOut { section: name.to_owned(), why });
                continue;
            }
            (InReport::Yes(defaults), given) => merged(defaults, given),
        };
        context.at(name, 0, 0, "");
        let mut found = match analysis.run(data, settings, context) {
            Ok(found) => found,
            Err(error) if given.is_some() => return Err(data.locate(error)),
            Err(error) => {
                left_out.push(LeftOut { section: name.to_owned(), why: data.locate(error).to_string() });
                continue;
            }
        };
        if let Some(clustering) = found.as_any_mut().downcast_mut::<Clustering>() {
            clusters = Some(clustering.clone());
        }
        if let Some(map) = found.as_any_mut().downcast_mut::<MappedRows>() {
            map.clusters = clusters.take();
        }
        page.sections.push(section_of(found.as_ref(), &context.take_warnings())?);
    }
    let told = page.sections.iter().filter(|section| !section.headline.is_empty());
    let summary = told.fold(Grid::new(["section", "in short"]), |grid, section| {
        grid.row([Cell::text(section.title.as_str()), Cell::text(section.headline.as_str())])
    });
    if summary.rows.len() > 1 {
        page.sections.insert(0, Section::new("summary", "Summary").with(summary));
    }
    if !left_out.is_empty() {
        let grid = left_out.iter().fold(Grid::new(["section", "why"]), |grid, left| {
            grid.row([Cell::text(left.section.as_str()), Cell::text(left.why.as_str())])
        });
        page.sections.push(Section::new("left-out", "Left out").with(grid));
    }
    Ok(Report { page, left_out })
}

/// A page without sections about this data.
pub fn page_of(data: &Data, title: &str, seed: u64) -> Page {
    let mut page = Page::new(title);
    page.subtitle = format!(
        "{}, {} dimensions, column {}",
        counted(data.n_rows(), "row"),
        data.dims(),
        data.table().vector_column()
    );
    page.provenance.seed = Some(seed);
    page
}

/// A result as a section of a page: warnings first, then its view, and its JSON for programs.
///
/// # Errors
/// When a picture cannot be drawn.
pub fn section_of(found: &dyn AnyOutcome, warnings: &[String]) -> Result<Section> {
    let mut section = found.view(Look::Page)?;
    section.blocks.splice(0..0, warnings.iter().map(Block::warning));
    let id = format!("{}-data", section.id);
    Ok(section.with(Block::Data { id, value: found.json()? }))
}

/// The page's defaults with the options that were given.
fn merged(mut defaults: Value, given: Option<&Value>) -> Value {
    if let (Value::Object(defaults), Some(Value::Object(given))) = (&mut defaults, given) {
        defaults.extend(given.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    defaults
}
