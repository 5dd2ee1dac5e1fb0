//! A section as Markdown.

use std::fmt::Write as _;

use super::{Block, Callout, Grid, Section};

/// A section as GitHub-flavoured Markdown: its title, words, tables and quotes; pictures are named by what
/// they show.
pub fn markdown(section: &Section) -> String {
    let mut out = format!("## {}\n", escaped(&section.title));
    blocks(&section.blocks, &mut out);
    out
}

fn blocks(of: &[Block], out: &mut String) {
    for block in of {
        let text = match block {
            Block::Paragraph { text } => escaped(text),
            Block::Callout { callout, text } => {
                let word = if *callout == Callout::Note { "NOTE" } else { "WARNING" };
                format!("> [!{word}]\n> {}", escaped(text).replace('\n', "\n> "))
            }
            Block::KeyFigures { figures } => {
                let line = |figure: &super::KeyFigure| {
                    let note =
                        if figure.note.is_empty() { String::new() } else { format!(" ({})", figure.note) };
                    escaped(&format!("{}: {}{note}", figure.label, figure.value))
                };
                figures.iter().map(|figure| format!("- {}\n", line(figure))).collect()
            }
            Block::Table(grid) => table(grid),
            Block::Figure(figure) => format!("*{}*", escaped(&figure.alt)),
            Block::Quotes { quotes } => quotes
                .iter()
                .map(|quote| {
                    let meta = if quote.meta.is_empty() {
                        String::new()
                    } else {
                        format!(" ({})", escaped(&quote.meta))
                    };
                    format!("> {}{meta}\n\n", one_line(&quote.text))
                })
                .collect(),
            Block::Details { summary, blocks: inner } => {
                let mut text = format!("**{}**\n", escaped(summary));
                blocks(inner, &mut text);
                text
            }
            Block::Data { .. } => continue,
        };
        // Writing to a text cannot fail.
        let _ = writeln!(out, "\n{}", text.trim_end());
    }
}

fn table(grid: &Grid) -> String {
    let columns = grid.columns();
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut out = String::new();
    if !grid.caption.is_empty() {
        out = format!("{}\n\n", escaped(&grid.caption));
    }
    out += &line(
        (0..columns).map(|at| grid.headers.get(at).map_or_else(String::new, |h| one_line(h))).collect(),
    );
    let rule = |column| if grid.is_numeric(column) { "--:".to_owned() } else { "---".to_owned() };
    out += &line((0..columns).map(rule).collect());
    for row in &grid.rows {
        out += &line(
            (0..columns).map(|at| row.get(at).map_or_else(String::new, |c| one_line(&c.shown()))).collect(),
        );
    }
    out
}

fn one_line(text: &str) -> String {
    escaped(text).replace(['\n', '\r'], " ")
}

/// Text in which no character is markup.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '#' | '|' | '~') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Cell;

    #[test]
    fn a_pipe_in_a_cell_does_not_end_it() {
        let section =
            Section::new("a", "A").with(Grid::new(["x", "n"]).row([Cell::text("a|b\n<i>"), Cell::Count(3)]));
        assert_eq!(markdown(&section), "## A\n\n| x | n |\n| --- | --: |\n| a\\|b \\<i\\> | 3 |\n");
    }
}
