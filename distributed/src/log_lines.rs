//! What scheduler and executors do, as lines on stderr.

use std::io::Write;

use log::{LevelFilter, Log, Metadata, Record};

struct Lines;

impl Log for Lines {
    fn enabled(&self, _about: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        // Errors of other machines may repeat an address with a secret, or anything else.
        let words = embedlab::text::printable(&embedlab::text::without_secrets(&record.args().to_string()));
        let _ = writeln!(std::io::stderr(), "{:5} {}: {words}", record.level(), record.target());
    }

    fn flush(&self) {}
}

/// Prints lines of this level and above.
pub fn begin(level: LevelFilter) {
    if log::set_logger(&Lines).is_ok() {
        log::set_max_level(level);
    }
}
