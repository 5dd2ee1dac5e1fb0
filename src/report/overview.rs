//! The section about the file as a whole.

use super::themed;
use crate::analysis::palette;
use crate::chart::{Bars, Histogram, Palette};
use crate::cluster::{ClusterColumns, LabelColumn};
use crate::error::Result;
use crate::number::grouped;
use crate::table::{Check, Severity};
use crate::view::Section;
use crate::view::{Block, Figure, KeyFigure};
use crate::view::{Cell, Grid};

/// Rows, dimensions, lengths, what is wrong, and how the label is spread.
///
/// # Errors
/// When the check cannot be written as JSON.
pub fn overview(check: &Check, about: &ClusterColumns) -> Result<Section> {
    let lengths = if check.unit_length {
        "every vector has norm 1".to_owned()
    } else {
        format!("{:.3} to {:.3}", check.norm.min, check.norm.max)
    };
    let mut section = Section::new("overview", "Overview").with(Block::key_figures([
        KeyFigure::new(grouped(check.rows as u64), "rows"),
        KeyFigure::new(grouped(check.dims as u64), "dimensions"),
        KeyFigure::new(format!("{:.3}", check.norm.mean), "mean L2 norm").note(lengths),
        KeyFigure::new(grouped(check.duplicate_rows as u64), "duplicate vectors"),
    ]));
    for problem in &check.problems {
        section = section.with(match problem.severity {
            Severity::Note => Block::note(problem.message.clone()),
            Severity::Warning | Severity::Error => Block::warning(problem.message.clone()),
        });
    }
    if let Some(repeats) = about.texts.as_deref().map(repeated_texts)
        && repeats > 0
    {
        section = section.with(Block::warning(format!(
            "{} of {} texts repeat an earlier one word for word. A model that is trained on some rows and tested on others \
             will have seen part of the test.",
            grouped(repeats as u64),
            grouped(check.rows as u64)
        )));
    }
    if let Some(label) = &about.label {
        let mut counts = vec![0_u64; label.labels.names.len()];
        label.labels.codes.iter().flatten().for_each(|code| counts[*code as usize] += 1);
        let labelled: u64 = counts.iter().sum();
        let mut table = Grid::new([label.name.as_str(), "rows", "share"]);
        for (name, &count) in label.labels.names.iter().zip(&counts) {
            table = table.row([
                Cell::text(name),
                Cell::Count(count),
                Cell::Share(count as f64 / labelled.max(1) as f64),
            ]);
        }
        section = section.with(table.caption(format!("How the rows are spread over {}", label.name)));
        section = section.with(spread(label, &counts, labelled)?);
    }
    if let Some(texts) = about.texts.as_deref().filter(|texts| texts.iter().any(Option::is_some)) {
        section = section.with(text_lengths(texts)?);
    }
    super::with_data(section, check)
}

fn spread(label: &LabelColumn, counts: &[u64], labelled: u64) -> Result<Figure> {
    let names = &label.labels.names;
    let sizes: Vec<f64> = counts.iter().map(|&count| count as f64).collect();
    themed(
        format!(
            "The rows of each {}. Compare every accuracy with the share of the largest class.",
            label.name
        ),
        |style| {
            let style = style.fitting_bars(names.len()).subtitle(format!("{} rows", grouped(labelled)));
            let bars = Bars::new(names, &sizes).shares(true);
            let stars = palette(names) == Palette::Stars;
            if stars { bars.palette(Palette::Stars).draw(&style) } else { bars.draw(&style) }
        },
        &format!("Rows by {}", label.name),
    )
}

fn text_lengths(texts: &[Option<String>]) -> Result<Figure> {
    let lengths: Vec<f32> =
        texts.iter().flatten().map(|text| text.split_whitespace().count() as f32).collect();
    themed(
        "How many words the texts have. Models cut what is longer than they can read.",
        |style| {
            let subtitle = format!("{} texts", grouped(lengths.len() as u64));
            Histogram::new(&lengths, "words").draw(&style.size(800, 380).subtitle(subtitle))
        },
        "Lengths of the texts",
    )
}

fn repeated_texts(texts: &[Option<String>]) -> usize {
    let mut seen = std::collections::HashSet::new();
    texts.iter().flatten().filter(|text| !seen.insert(text.as_str())).count()
}
