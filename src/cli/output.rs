//! What a command says: results on stdout, notes, warnings and progress on stderr.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use embedlab::embed::OnWait;
use embedlab::text::{printable_lines, without_secrets};
use embedlab::{Error, Result};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::Common;
use super::outputs::{stdout_is_json, stdout_is_output};

/// Where a command's words go.
pub struct Output {
    seed: u64,
    json: bool,
    quiet: bool,
    started: Instant,
}

impl Output {
    pub fn new(common: &Common) -> Self {
        if common.json {
            stdout_is_json();
        }
        Output { seed: common.seed, json: common.json, quiet: common.quiet, started: Instant::now() }
    }

    /// Random seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Whether the result is printed as JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// When the command began.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Prints a result: as JSON when that was asked for, else as `human` writes it.
    pub fn result(
        &self,
        result: &impl Serialize,
        human: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<()> {
        // Words beside an output that has stdout go to stderr, and not at all when nobody wants them.
        let aside = stdout_is_output();
        if aside && self.quiet {
            return Ok(());
        }
        let to: Box<dyn Write> = if aside { Box::new(io::stderr()) } else { Box::new(io::stdout()) };
        let mut out = io::BufWriter::new(to);
        let written = if self.json {
            serde_json::to_writer(&mut out, result).map_err(io::Error::from).and_then(|()| writeln!(out))
        } else {
            human(&mut out)
        };
        written.and_then(|()| out.flush()).map_err(|error| Error::io("cannot write to stdout", error))
    }

    /// Something worth knowing that is no problem.
    pub fn note(&self, message: impl Display) {
        if !self.quiet {
            // A closed stderr is no reason to stop.
            let _ = writeln!(io::stderr(), "{}", shown(message));
        }
    }

    /// Something that may make the result misleading.
    pub fn warn(&self, message: impl Display) {
        let _ = writeln!(io::stderr(), "warning: {}", shown(message));
    }

    /// Says why nothing happens for a while, when a server is asked.
    pub fn waits(&self) -> OnWait {
        let quiet = self.quiet;
        OnWait::new(move |reason, wait| {
            if !quiet {
                let words = format!("waiting for {} s: {reason}", wait.as_secs_f64().round());
                let _ = writeln!(io::stderr(), "{}", shown(words));
            }
        })
    }

    /// A bar on a terminal for texts: what is done, how fast, and the time left; nothing elsewhere.
    pub fn texts_bar(&self) -> Bar {
        if self.quiet || !io::stderr().is_terminal() {
            return Bar(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(0);
        let template = "{wide_bar} {human_pos} of {human_len} texts, {per_sec:.0}/s, {msg}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Bar(bar)
    }

    /// A spinner on a terminal until the value is dropped; nothing elsewhere.
    pub fn busy(&self, message: impl Into<String>) -> Busy {
        if self.quiet || !io::stderr().is_terminal() {
            return Busy(ProgressBar::hidden());
        }
        let bar = ProgressBar::new_spinner().with_message(printable(&message.into()));
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Busy(bar)
    }

    /// A bar on a terminal for work of `total` steps; nothing elsewhere.
    pub fn bar(&self, what: impl Into<String>, total: usize) -> Bar {
        if self.quiet || !io::stderr().is_terminal() {
            return Bar(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(total as u64).with_prefix(printable(&what.into()));
        if let Ok(style) =
            ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {msg} {elapsed}, {eta} left")
        {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Bar(bar)
    }
}

/// A bar that goes when its work is done, however it ends.
pub struct Bar(ProgressBar);

impl Bar {
    /// Shows that `done` of `all` are done, and `more` that is worth knowing.
    pub fn show(&self, all: usize, done: usize, more: impl FnOnce() -> String) {
        if !self.0.is_hidden() {
            self.0.set_length(all as u64);
            self.0.set_position(done as u64);
            self.0.set_message(more());
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A spinner that goes when its work is done, however it ends.
pub struct Busy(ProgressBar);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Whether writing failed because the reader has had enough (`embedlab ... | head`).
pub fn is_closed_pipe(error: &Error) -> bool {
    std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|source| source.kind() == io::ErrorKind::BrokenPipe)
}

/// Columns of the terminal, or 100 where there is none.
pub fn width() -> usize {
    let (_, columns) = console::Term::stdout().size();
    if io::stdout().is_terminal() { usize::from(columns).max(40) } else { 100 }
}

/// A plain table: a header, and numbers to the right.
pub struct Rows {
    table: Table,
}

impl Rows {
    /// `numeric` says which columns are aligned to the right.
    pub fn new(header: &[&str], numeric: &[usize]) -> Self {
        let mut table = Table::new();
        table
            .load_preset(NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_header(header.iter().copied());
        for column in numeric {
            if let Some(column) = table.column_mut(*column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        if !io::stdout().is_terminal() {
            table.set_width(100);
        }
        Rows { table }
    }

    pub fn push(&mut self, cells: Vec<String>) {
        self.table.add_row(cells.into_iter().map(|cell| printable(&cell)));
    }
}

impl Display for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.table.trim_fmt())
    }
}

/// A message with everything visible and no secret in it, whatever names and texts it repeats.
fn shown(message: impl Display) -> String {
    printable_lines(&without_secrets(&message.to_string()))
}

/// User text as it may be printed on a terminal.
pub use embedlab::text::printable;

/// A whole number with thin groups: 12,345.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!([0, 999, 1000, 1234567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
