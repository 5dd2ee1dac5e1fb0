//! What a command says: results on stdout, notes, warnings and progress on stderr.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use embedlab::embed::OnWait;
use embedlab::text::{printable_lines, shortened, without_secrets};
use embedlab::{Error, Result, progress};
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

    /// On a terminal, until the value is dropped, a spinner, and a bar with the time left while a kernel tells how far it is;
    /// nothing elsewhere.
    pub fn busy(&self, message: impl Into<String>) -> Busy {
        if self.quiet || !io::stderr().is_terminal() {
            return Busy { bar: ProgressBar::hidden(), stop: None, thread: None };
        }
        progress::watch();
        let bar = ProgressBar::new(STEPS).with_prefix(printable(&message.into()));
        let (stop, stopped) = mpsc::channel::<()>();
        let shown = bar.clone();
        let thread = std::thread::Builder::new().name("progress".to_owned()).spawn(move || {
            let mut work = Work::default();
            loop {
                work.show(&shown);
                if stopped.recv_timeout(TICK) != Err(mpsc::RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
        Busy { bar, stop: Some(stop), thread: thread.ok() }
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

/// A spinner or bar that goes when its work is done, however it ends.
pub struct Busy {
    bar: ProgressBar,
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Busy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.bar.finish_and_clear();
    }
}

/// How often a spinner turns.
const TICK: Duration = Duration::from_millis(120);
/// Steps of a bar.
const STEPS: u64 = 1000;

/// The work that a bar shows.
#[derive(Default)]
struct Work {
    /// Its number, when it began, and the largest share seen.
    at: Option<(u64, Instant, f64)>,
    styled: bool,
}

impl Work {
    fn show(&mut self, bar: &ProgressBar) {
        let now = progress::now();
        let style = match &now {
            Some(_) => "{prefix}: {msg} {wide_bar} {elapsed}",
            None => "{spinner} {prefix} {elapsed}",
        };
        if (self.at.is_some() != now.is_some() || !self.styled)
            && let Ok(style) = ProgressStyle::with_template(style)
        {
            bar.set_style(style);
            self.styled = true;
        }
        match now {
            None => self.at = None,
            Some(now) => {
                let (began, before) = match self.at {
                    Some((work, began, share)) if work == now.work => (began, share),
                    _ => (Instant::now(), 0.0),
                };
                let share = now.share.max(before);
                self.at = Some((now.work, began, share));
                bar.set_position((share * STEPS as f64) as u64);
                bar.set_message(match left(began.elapsed(), share) {
                    Some(left) => format!("{}, {left} left", now.what),
                    None => now.what.to_owned(),
                });
            }
        }
        bar.tick();
    }
}

/// The time left after so long for so large a share; `None` while nothing is known.
fn left(elapsed: Duration, share: f64) -> Option<String> {
    let known = share > 0.0 && elapsed > Duration::from_secs(1);
    known.then(|| {
        let seconds = (elapsed.as_secs_f64() * (1.0 - share) / share).ceil() as u64;
        match seconds {
            0..60 => format!("{seconds} s"),
            60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
            _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        }
    })
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

/// Characters of a cell of a table: laying out a longer one takes the square of its length.
const CELL: usize = 300;

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
        self.table.add_row(cells.into_iter().map(|cell| printable(&shortened(&cell, CELL))));
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
    fn the_time_left_follows_from_the_share_that_is_done() {
        let after = |seconds, share| left(Duration::from_secs(seconds), share);
        assert_eq!(after(30, 0.0), None);
        assert_eq!(after(1, 0.5), None);
        assert_eq!(after(30, 0.75).unwrap(), "10 s");
        assert_eq!(after(60, 0.4).unwrap(), "1 min 30 s");
        assert_eq!(after(600, 0.1).unwrap(), "1 h 30 min");
    }

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!([0, 999, 1000, 1234567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
