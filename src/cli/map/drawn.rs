//! Maps as pictures.

use embedlab::chart::{Groups, Palette, Picture, Scatter, Style, Theme};
use embedlab::table::Table;
use embedlab::{Error, Result};
use ndarray::{Array2, ArrayView2, Axis, concatenate};

use super::saved::Saved;
use super::{Args, FEW_ROWS, Found, Map};
use crate::cli::Output;
use crate::cli::columns::label_column;
use crate::cli::output::{grouped, printable};

/// The map as a picture: coloured by a column, or new rows on the old map.
///
/// # Errors
/// When the column does not exist or the picture has an impossible size.
pub fn draw(args: &Args, table: &Table, map: &Map, old: Option<&Saved>, output: &Output) -> Result<Picture> {
    let (points, groups) = match old {
        Some(old) => {
            let points = concatenate(Axis(0), &[old.points.view(), map.points.view()])
                .map_err(|error| Error::input("the maps do not fit together").source(error))?;
            let of: Vec<usize> =
                (0..points.nrows()).map(|row| usize::from(row >= old.points.nrows())).collect();
            let groups = Groups::new(&of, ["on the map", "new"])?;
            (points, Some(Colors { groups, classes: false }))
        }
        None => (map.points.clone(), colors(args, table, map, output)?),
    };
    let points = if points.ncols() == 3 { seen_from_aside(points.view()) } else { points };
    let style = Style::new(title(args))
        .subtitle(subtitle(&map.found))
        .caption(caption(&map.found))
        .size(args.size.0, args.size.1)
        .theme(if args.dark { Theme::Dark } else { Theme::Light });
    let mut scatter = Scatter::new(points.view());
    if let Some(groups) = groups {
        // The mean of a range of numbers, or of new rows, says nothing.
        scatter = scatter.groups(groups.groups).means(groups.classes);
    }
    scatter.draw(&style)
}

/// The groups that the dots are coloured by.
struct Colors {
    groups: Groups,
    /// Whether they are classes, and not ranges of numbers.
    classes: bool,
}

/// Three dimensions on paper: turned by 30 degrees and seen from 20 degrees above.
fn seen_from_aside(points: ArrayView2<'_, f32>) -> Array2<f32> {
    let (turn, rise) = (30.0_f32.to_radians(), 20.0_f32.to_radians());
    Array2::from_shape_fn((points.nrows(), 2), |(row, d)| {
        let (x, y, z) = (points[[row, 0]], points[[row, 1]], points[[row, 2]]);
        if d == 0 {
            x * turn.cos() - y * turn.sin()
        } else {
            (x * turn.sin() + y * turn.cos()) * rise.sin() + z * rise.cos()
        }
    })
}

/// Groups by the column to colour by: stars, classes, or eighths of a column of many numbers.
fn colors(args: &Args, table: &Table, map: &Map, output: &Output) -> Result<Option<Colors>> {
    if args.color.as_deref() == Some("map_error") && table.column("map_error").is_err() {
        let Some(divergence) = &map.divergence else {
            return Err(Error::argument("no error of each row was measured")
                .seen(format!("a PCA map of more than {} rows", grouped(FEW_ROWS)))
                .advice("use --method tsne"));
        };
        let parts: Vec<Option<f64>> = divergence.of_rows.iter().copied().map(Some).collect();
        return Ok(Some(Colors { groups: eighths(&parts)?, classes: false }));
    }
    let Some(name) = label_column(table, args.color.as_deref())? else { return Ok(None) };
    if args.color.is_none() {
        output.note(format_args!("using the column {name} for colours"));
    }
    let labels = table.labels(&name)?;
    if labels.names.iter().map(String::as_str).eq(["1", "2", "3", "4", "5"]) {
        let scores: Vec<f64> =
            labels.codes.iter().map(|code| code.map_or(0.0, |code| f64::from(code) + 1.0)).collect();
        return Ok(Some(Colors { groups: Groups::stars(&scores), classes: true }));
    }
    if table.column(&name)?.data_type().is_numeric() && labels.names.len() > 12 {
        return Ok(Some(Colors { groups: eighths(&table.numbers(&name)?)?, classes: false }));
    }
    let of: Vec<Option<usize>> = labels.codes.iter().map(|code| code.map(|code| code as usize)).collect();
    let groups = Groups::with_gaps(&of, labels.names.iter().map(|name| printable(name)))?;
    Ok(Some(Colors { groups, classes: true }))
}

/// Groups of equally many rows, from small to large numbers; equal numbers stay together.
fn eighths(values: &[Option<f64>]) -> Result<Groups> {
    let mut sorted: Vec<f64> = values.iter().flatten().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut bounds: Vec<f64> = (1..8).filter_map(|i| sorted.get(sorted.len() * i / 8).copied()).collect();
    bounds.dedup();
    let of: Vec<Option<usize>> = values
        .iter()
        .map(|value| {
            value
                .filter(|value| value.is_finite())
                .map(|value| bounds.partition_point(|bound| *bound <= value))
        })
        .collect();
    let ends = |at: usize| bounds.get(at).copied();
    let names: Vec<String> = (0..=bounds.len())
        .map(|group| match (group.checked_sub(1).and_then(ends), ends(group)) {
            (None, Some(high)) => format!("below {}", short(high)),
            (Some(low), Some(high)) => format!("{} to {}", short(low), short(high)),
            (Some(low), None) => format!("from {}", short(low)),
            (None, None) => "all".to_owned(),
        })
        .collect();
    Ok(Groups::with_gaps(&of, names)?.palette(Palette::Ordered))
}

fn short(value: f64) -> String {
    let digits = if value.abs() >= 100.0 || value == value.trunc() { 0 } else { 2 };
    if value != 0.0 && value.abs() < 0.01 { format!("{value:.1e}") } else { format!("{value:.digits$}") }
}

fn title(args: &Args) -> String {
    format!("Map of {}", args.input.name())
}

/// What the map is, in one line.
pub fn subtitle(found: &Found) -> String {
    let how = match (&found.onto, &found.tsne, &found.explained_variance_ratio) {
        (Some(onto), ..) => format!("placed on a map of {} rows", grouped(onto.rows)),
        (_, Some(tsne), _) => format!("t-SNE, perplexity {}", tsne.perplexity),
        (.., Some(shares)) => {
            format!("principal components, {:.1} % of the variance", 100.0 * shares.iter().sum::<f64>())
        }
        _ => String::new(),
    };
    let seen = if found.n_components == 3 { ", three dimensions seen from aside" } else { "" };
    format!("{} rows, {how}{seen}", grouped(found.rows))
}

/// How far to trust the map, in one line.
fn caption(found: &Found) -> String {
    let mut parts = Vec::new();
    match &found.trust {
        Some(trust) => {
            parts.push(format!(
                "{:.0} % of the {} nearest neighbours kept",
                100.0 * trust.neighbors_kept,
                trust.k
            ));
            parts.push(format!("trustworthiness {:.3}", trust.trustworthiness));
            parts.push(format!("continuity {:.3}", trust.continuity));
            if let Some(correlation) = trust.distance_correlation {
                parts.push(format!("distances {correlation:.2} correlated"));
            }
        }
        None => {
            if let Some(kept) = found.neighbors_kept {
                parts.push(format!("{:.0} % of the nearest neighbours kept", 100.0 * kept));
            }
        }
    }
    parts.extend(found.kl.map(|kl| format!("KL {kl:.3}")));
    parts.join(", ")
}
