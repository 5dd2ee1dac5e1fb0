//! A section in a terminal.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use super::{Block, Callout, Grid, KeyFigure, Quote, Section};
use crate::text::{printable, shortened};

/// Characters of a quote on one line.
const QUOTE: usize = 90;

/// Characters of a cell of a table: laying out a longer one takes the square of its length.
const CELL: usize = 300;

/// A section as plain text for a terminal with this many columns: without its title, its pictures and its
/// data. Control characters of user texts are made visible.
pub fn terminal(section: &Section, width: usize) -> String {
    let mut out = String::new();
    blocks(&section.blocks, width.max(20), &mut out);
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn blocks(of: &[Block], width: usize, out: &mut String) {
    for block in of {
        let text = match block {
            Block::Paragraph { text } => wrapped(text, width),
            Block::Callout { callout: Callout::Note, text } => wrapped(&format!("note: {text}"), width),
            Block::Callout { callout: Callout::Warning, text } => wrapped(&format!("warning: {text}"), width),
            Block::KeyFigures { figures } => key_figures(figures, width),
            Block::Table(grid) => table(grid, width),
            Block::Quotes { quotes } => listed(quotes, width),
            Block::Details { summary, blocks: inner } => {
                let mut text = wrapped(&format!("{summary}:"), width);
                blocks(inner, width, &mut text);
                text
            }
            Block::Figure(_) | Block::Data { .. } => continue,
        };
        let text = text.trim_end();
        if text.is_empty() {
            continue;
        }
        let opened = out.ends_with(":\n") || out.is_empty();
        if !opened {
            out.push('\n');
        }
        out.push_str(text);
        out.push('\n');
    }
}

fn wrapped(text: &str, width: usize) -> String {
    let mut out = String::new();
    for paragraph in text.lines() {
        let mut column = 0;
        for word in printable(paragraph).split_whitespace() {
            let length = word.chars().count();
            if column > 0 && column + 1 + length > width {
                out.push('\n');
                column = 0;
            }
            if column > 0 {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += length;
        }
        out.push('\n');
    }
    out
}

fn key_figures(figures: &[KeyFigure], width: usize) -> String {
    let mut grid = Grid::default();
    for figure in figures {
        grid = grid.row([&figure.label, &figure.value, &figure.note].map(super::Cell::text));
    }
    table(&grid, width)
}

fn listed(quotes: &[Quote], width: usize) -> String {
    let line = |quote: &Quote| {
        let text = printable(&quote.text);
        let meta =
            if quote.meta.is_empty() { String::new() } else { format!("{}: ", printable(&quote.meta)) };
        let line = format!("{meta}{}", text.trim());
        let room = width.saturating_sub(2).min(QUOTE);
        match line.char_indices().nth(room) {
            None => format!("  {line}\n"),
            Some(_) => format!("  {}…\n", line.chars().take(room - 1).collect::<String>().trim_end()),
        }
    };
    quotes.iter().map(line).collect()
}

fn in_cell(text: &str) -> String {
    printable(&shortened(text, CELL))
}

/// A table with numbers to the right and long texts wrapped.
fn table(grid: &Grid, width: usize) -> String {
    let mut shown = Table::new();
    shown.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    shown.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    if !grid.headers.is_empty() {
        shown.set_header(grid.headers.iter().map(|header| in_cell(header)));
    }
    let columns = grid.columns();
    for row in &grid.rows {
        let mut cells: Vec<String> = row.iter().map(|cell| in_cell(&cell.shown())).collect();
        cells.resize(columns, String::new());
        shown.add_row(cells);
    }
    for column in (0..columns).filter(|column| grid.is_numeric(*column)) {
        if let Some(column) = shown.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let caption = if grid.caption.is_empty() { String::new() } else { wrapped(&grid.caption, width) };
    format!("{caption}{}\n", shown.trim_fmt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Cell;

    #[test]
    fn user_text_cannot_steer_the_terminal_and_long_text_is_wrapped() {
        let section = Section::new("a", "A")
            .with(Block::paragraph("one two three four five six seven"))
            .with(Grid::new(["name", "n"]).row([Cell::text("a\u{1b}[31m"), Cell::Count(1200)]))
            .with(Block::quotes([Quote::new("long ".repeat(50), "row 3")]));
        let text = terminal(&section, 20);
        assert!(!text.contains('\u{1b}') && text.contains("1,200"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 20), "{text}");
    }
}
