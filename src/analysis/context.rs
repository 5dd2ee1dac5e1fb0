//! What an analysis is told beside data and options.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::error::{Error, Result};

/// Hears how far an analysis is.
pub trait Progress: Sync {
    /// `done` of `all` steps of `what` are done; `all` is 0 where it is not known. `more` is worth showing too.
    fn at(&self, what: &str, done: usize, all: usize, more: &str);
}

/// The seed, who hears of progress and warnings, and whether to stop.
pub struct Context<'a> {
    /// Random seed.
    pub seed: u64,
    progress: Option<&'a dyn Progress>,
    /// Set by whoever wants the work to end early.
    pub stop: Option<&'a AtomicBool>,
    started: Instant,
    warnings: Mutex<Vec<String>>,
    notes: Mutex<Vec<String>>,
}

impl Default for Context<'_> {
    fn default() -> Self {
        Context {
            seed: 0,
            progress: None,
            stop: None,
            started: Instant::now(),
            warnings: Mutex::default(),
            notes: Mutex::default(),
        }
    }
}

impl<'a> Context<'a> {
    /// A context with this seed; nobody hears of progress.
    pub fn with_seed(seed: u64) -> Self {
        Context { seed, ..Default::default() }
    }

    /// The same, with someone who hears of progress.
    pub fn progress(self, progress: &'a dyn Progress) -> Self {
        Context { progress: Some(progress), ..self }
    }

    /// The same, with work that has begun earlier, such as with the reading of the rows.
    pub fn since(self, started: Instant) -> Self {
        Context { started, ..self }
    }

    /// Seconds since the work began.
    pub fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Tells how far the work is.
    pub fn at(&self, what: &str, done: usize, all: usize, more: &str) {
        if let Some(progress) = self.progress {
            progress.at(what, done, all, more);
        }
    }

    /// Something that may make the result misleading.
    pub fn warn(&self, message: impl Into<String>) {
        self.warnings.lock().unwrap_or_else(|broken| broken.into_inner()).push(message.into());
    }

    /// Something worth knowing that is no problem.
    pub fn note(&self, message: impl Into<String>) {
        self.notes.lock().unwrap_or_else(|broken| broken.into_inner()).push(message.into());
    }

    /// The warnings so far, which are then forgotten.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.warnings.lock().unwrap_or_else(|broken| broken.into_inner()))
    }

    /// The notes so far, which are then forgotten.
    pub fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut self.notes.lock().unwrap_or_else(|broken| broken.into_inner()))
    }

    /// An error when the work is to stop.
    ///
    /// # Errors
    /// When it is.
    pub fn check_stop(&self) -> Result<()> {
        match self.stop {
            Some(stop) if stop.load(Ordering::Relaxed) => {
                Err(Error::argument("stopped before the end").with_code("stopped"))
            }
            _ => Ok(()),
        }
    }
}
