//! Rows laid out in two or three dimensions, and how far to trust what one sees.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[cfg(feature = "charts")]
use super::cluster_pictures::{cluster_picture, label_picture};
use super::flattened::part;
use super::{Analysis, Context, InReport, Needs, NewColumns, matrices};
use crate::cluster::{ClusterColumns, Clustering, LabelColumn};
use crate::data::{Data, NewColumn, Role, require_same_space};
use crate::error::Result;
use crate::map::{MapMethod, MapOptions, RowMap, SavedMap, Trust, lay_out};
use crate::number::{counted, fixed, grouped, percent};
use crate::rows::{LEAF_ROWS, RowSource};
use crate::view::{Block, KeyFigure, Look, Section};

/// A saved map on which rows are placed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct OntoOptions {
    /// Place the rows on this saved map; its points do not move
    #[cfg_attr(feature = "cli", arg(long, value_name = "MAP"))]
    pub onto: Option<PathBuf>,
}

/// Options of [`MapRows`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(try_from = "serde_json::Map<String, Value>")]
pub struct MapRowsOptions {
    /// How the rows are laid out.
    #[serde(flatten)]
    #[cfg_attr(feature = "cli", command(flatten))]
    pub layout: MapOptions,
    /// The map that they are placed on, in place of one of their own.
    #[serde(flatten)]
    #[cfg_attr(feature = "cli", command(flatten))]
    pub saved: OntoOptions,
}

impl TryFrom<serde_json::Map<String, Value>> for MapRowsOptions {
    type Error = serde_json::Error;

    fn try_from(mut all: serde_json::Map<String, Value>) -> std::result::Result<Self, serde_json::Error> {
        Ok(MapRowsOptions { saved: part(&mut all)?, layout: serde_json::from_value(Value::Object(all))? })
    }
}

/// Rows on a map.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MappedRows {
    /// Where they are, how the map was made, and how far to trust it.
    #[serde(flatten)]
    pub map: RowMap,
    /// The older map that they were placed on.
    #[serde(skip)]
    pub older: Option<SavedMap>,
    /// Columns for a file besides the coordinates, such as the nearest rows.
    #[serde(skip)]
    pub beside: Vec<NewColumn>,
    /// Clusters of the rows, to colour them by.
    #[serde(skip)]
    pub clusters: Option<Clustering>,
    #[serde(skip)]
    #[cfg_attr(not(feature = "charts"), allow(dead_code))]
    label: Option<LabelColumn>,
}

/// The analysis `map`.
pub struct MapRows;

impl Analysis for MapRows {
    const NAME: &'static str = "map";
    const ABOUT: &'static str =
        "Project the rows to two or three dimensions, with measures of how far to trust the map";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab map reviews.parquet --color Score -o map.png
  embedlab map reviews.parquet -o map.html             (a page to explore, offline)
  embedlab map reviews.parquet --perplexity 15 --init random --learning-rate 200 -o guide.svg
  embedlab map reviews.parquet -o map.parquet          (the rows with x, y, map_error, neighbors)
  embedlab map new.parquet --onto map.parquet -o new_on_map.png
  embedlab map reviews.parquet --method pca --dims 3 -o map.npy
  embedlab map reviews.parquet --json | jq '.trustworthiness, .neighbors_kept'";
    const NEEDS: Needs = Needs::Matrix;
    const ROLES: &'static [Role] = &[Role::Text];
    const WRITES: Option<&'static str> = Some(
        "Draw the map (.png .svg), write a page to explore it (.html), save the points (.npy), or the rows with their \
         places (.parquet .csv .jsonl .arrow)",
    );
    type Options = MapRowsOptions;
    type Outcome = MappedRows;

    fn needs(options: &MapRowsOptions) -> Needs {
        // Rows that are placed on an older map do not see each other.
        if options.saved.onto.is_some() { Needs::Blocks } else { Needs::Matrix }
    }

    fn memory(options: &MapRowsOptions, rows: usize, dims: usize) -> u64 {
        match Self::needs(options) {
            // The older map and a copy of it to measure by; the new rows of one block too.
            Needs::Blocks => {
                let older = options.saved.onto.as_deref().and_then(|path| path.metadata().ok());
                2 * older.map_or(0, |about| about.len()) + matrices(3.0, rows.min(LEAF_ROWS), dims)
            }
            Needs::Matrix => matrices(1.0, rows, dims),
        }
    }

    fn run(data: &Data, options: &MapRowsOptions, context: &Context<'_>) -> Result<MappedRows> {
        let layout = &options.layout;
        let mut older = None;
        let map = match &options.saved.onto {
            Some(file) => {
                layout.check_onto()?;
                let saved = SavedMap::read(file)?;
                let old = (&saved.table, saved.table.dims());
                require_same_space((data.table(), data.dims()), old, file, "rows of the map")?;
                let mut map = saved.place(data, layout.perplexity, context.seed)?;
                if let Some(placement) = &mut map.placement {
                    placement.onto.file = Some(file.display().to_string());
                }
                older = Some(saved);
                map
            }
            None => {
                let rows = data.matrix()?;
                let what = format!("laying out {}", counted(rows.nrows(), "row"));
                lay_out(rows, layout, context.seed, &mut |progress| {
                    let more = format!("divergence {:.3}", progress.divergence);
                    context.at(&what, progress.iteration, layout.max_iter, &more);
                })?
            }
        };
        if let Some(tsne) = &map.tsne
            && layout.perplexity.is_none()
            && tsne.settings.perplexity < 30.0
        {
            let perplexity = tsne.settings.perplexity;
            context.note(format!("perplexity {perplexity}: {} are too few for 30", counted(map.rows, "row")));
        }
        let label = ClusterColumns::from_table(data.table(), None, data.column_of(Role::Label))?.label;
        Ok(MappedRows { map, older, beside: Vec::new(), clusters: None, label })
    }

    fn view(found: &MappedRows, look: Look) -> Result<Section> {
        let map = &found.map;
        let mut section = Section::new(Self::NAME, "Map");
        if let Some(kept) = map.neighbors_kept() {
            section = section.headline(format!("It keeps {} of the nearest neighbours.", percent(kept)));
        }
        section = section
            .with(Block::paragraph(format!("{}, in {} s.", map.subtitle(), fixed(map.seconds, 2))))
            .with(Block::key_figures(key_figures(map)));
        if map.placement.is_none() {
            section = section.with(Block::paragraph(about(map)));
        }
        #[cfg(feature = "charts")]
        {
            section = pictures(found, section, look)?;
        }
        #[cfg(not(feature = "charts"))]
        let _ = look;
        Ok(section)
    }

    fn columns(found: &MappedRows) -> Result<NewColumns> {
        let places = found.map.columns().into_iter().map(NewColumn::from);
        Ok(NewColumns { rows: None, columns: places.chain(found.beside.iter().cloned()).collect() })
    }

    fn reads(options: &MapRowsOptions) -> Vec<PathBuf> {
        options.saved.onto.iter().cloned().collect()
    }

    fn in_report(data: &Data) -> InReport<MapRowsOptions> {
        let layout = MapOptions { method: MapMethod::fitting(data.n_rows()), ..MapOptions::default() };
        InReport::Yes(MapRowsOptions { layout, saved: OntoOptions::default() })
    }
}

/// The figures of a map, with the error of what was sampled.
fn key_figures(map: &RowMap) -> Vec<KeyFigure> {
    let mut figures = Vec::new();
    if let Some(kl) = map.kl {
        let error =
            map.kl_standard_error.map_or_else(String::new, |error| format!("; ± {}", fixed(error, 4)));
        let note = format!("how far the dots are from the affinities{error}");
        figures.push(KeyFigure::new(fixed(kl, 3), "KL divergence").note(note));
    }
    match &map.trust {
        Some(trust) => figures.extend(trust_figures(trust)),
        None => figures.extend(map.neighbors_kept().map(|kept| {
            KeyFigure::new(fixed(kept, 3), "neighbours kept")
                .note("of the 10 nearest older rows of each new one")
        })),
    }
    figures
}

/// How far to trust a map.
pub(crate) fn trust_figures(trust: &Trust) -> Vec<KeyFigure> {
    let errors = trust.standard_error;
    let figure = |value: f64, error: Option<f64>, name: &str, note: String| {
        let note = match error {
            Some(error) => {
                format!("{note}; ± {}, from {}", fixed(error, 4), counted(trust.rows_compared, "row"))
            }
            None => note,
        };
        KeyFigure::new(fixed(value, 3), name).note(note)
    };
    let mut figures = vec![
        figure(
            trust.trustworthiness,
            errors.map(|errors| errors.trustworthiness),
            "trustworthiness",
            "near dots are near rows; 1 is best".to_owned(),
        ),
        figure(
            trust.continuity,
            errors.map(|errors| errors.continuity),
            "continuity",
            "near rows are near dots; 1 is best".to_owned(),
        ),
        figure(
            trust.neighbors_kept,
            errors.map(|errors| errors.neighbors_kept),
            "neighbours kept",
            format!("of the {} nearest; {} by chance", trust.k, fixed(trust.kept_by_chance, 3)),
        ),
    ];
    if let Some(correlation) = trust.distance_correlation {
        figures.push(figure(
            correlation,
            errors.map(|errors| errors.distance_correlation),
            "correlation of distances",
            "Pearson's, of all pairs".to_owned(),
        ));
    }
    figures
}

/// What a map of its own shows, in words.
fn about(map: &RowMap) -> String {
    let kept = map.trust.as_ref().map_or_else(String::new, |trust| {
        format!(
            " Of the {} nearest neighbours of a row, {} are among its {} nearest dots ({} would be by chance).",
            trust.k,
            percent(trust.neighbors_kept),
            trust.k,
            percent(trust.kept_by_chance)
        )
    });
    match map.method {
        MapMethod::Tsne => {
            let settings = map.tsne.as_ref().map_or_else(String::new, |tsne| {
                format!("perplexity {}, seed {}", tsne.settings.perplexity, map.seed)
            });
            format!(
                "Rows that are near to each other are drawn near to each other (t-SNE, {settings}).{kept} The sizes of \
                 groups, and the distances between them, say little."
            )
        }
        MapMethod::Pca => {
            let share: f64 = map.explained_variance_ratio.iter().flatten().sum();
            format!(
                "The {} directions in which the rows differ most hold {} % of all variance; the rest is not on this \
                 map.{kept} Read regions, not single dots.",
                grouped(map.n_components as u64),
                fixed(100.0 * share, 1)
            )
        }
    }
}

/// The map, coloured by the label and by cluster, where there are such; else as it is.
#[cfg(feature = "charts")]
fn pictures(found: &MappedRows, mut section: Section, look: Look) -> Result<Section> {
    let map = &found.map;
    if let Some(label) = &found.label {
        let title = format!("{} on the map", label.name);
        let caption =
            format!("Each dot is a row, coloured by {}; a cross is the mean of its group.", label.name);
        section = section.picture(look, &title, caption, |style| label_picture(map, label, style))?;
    }
    if let Some(clusters) = &found.clusters {
        section =
            section.picture(look, "Clusters on the map", "The same dots, coloured by cluster.", |style| {
                cluster_picture(map, clusters, style)
            })?;
    }
    if found.label.is_none() && found.clusters.is_none() {
        section = section.picture(look, "Map", "Each dot is a row.", |style| {
            map.picture(None, false, &style.subtitle(map.subtitle()))
        })?;
    }
    Ok(section)
}
