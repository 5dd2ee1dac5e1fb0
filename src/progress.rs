//! How far long work is, for whoever wants to show it.
//!
//! A kernel says what it does in steps, and nothing else of it changes: no result depends on who listens. A program
//! that shows progress calls [`watch`] once, and then asks [`now`] as often as it likes. Work within work counts as a part of
//! a step of the work around it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

static WATCHED: AtomicBool = AtomicBool::new(false);
static TASKS: Mutex<Vec<Task>> = Mutex::new(Vec::new());
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Work within work within work: what is deeper is not told of.
const DEEPEST: usize = 3;

struct Task {
    id: u64,
    what: &'static str,
    done: usize,
    all: usize,
}

/// How far the work is.
#[derive(Debug, Clone, PartialEq)]
pub struct Now {
    /// What is being done, such as `trees`.
    pub what: &'static str,
    /// Tells this work from work that came before.
    pub work: u64,
    /// The share that is done, from 0 to 1.
    pub share: f64,
}

/// Lets kernels tell how far they are, from now on.
pub fn watch() {
    WATCHED.store(true, Ordering::Relaxed);
}

/// How far the work is; `None` while no work with steps is being done.
pub fn now() -> Option<Now> {
    let tasks = tasks();
    let first = tasks.first()?;
    let share =
        tasks.iter().rev().fold(0.0, |within, task| ((task.done as f64 + within) / task.all as f64).min(1.0));
    Some(Now { what: first.what, work: first.id, share })
}

/// Begins work of `all` steps; it ends when the value is dropped.
pub(crate) fn steps(what: &'static str, all: usize) -> Steps {
    if !WATCHED.load(Ordering::Relaxed) || all == 0 {
        return Steps(None);
    }
    let mut tasks = tasks();
    if tasks.len() >= DEEPEST {
        return Steps(None);
    }
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    tasks.push(Task { id, what, done: 0, all });
    Steps(Some(id))
}

/// Work that is being done; nothing when nobody listens.
#[must_use = "the work ends when this is dropped"]
pub(crate) struct Steps(Option<u64>);

impl Steps {
    /// So many more steps are done.
    pub fn add(&self, steps: usize) {
        let Some(id) = self.0 else { return };
        if let Some(task) = tasks().iter_mut().find(|task| task.id == id) {
            task.done = (task.done + steps).min(task.all);
        }
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        if let Some(id) = self.0 {
            tasks().retain(|task| task.id != id);
        }
    }
}

fn tasks() -> MutexGuard<'static, Vec<Task>> {
    TASKS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test, for the work is the whole process's.
    #[test]
    fn work_within_work_is_a_part_of_a_step() {
        watch();
        let find = |work: &Steps| now().filter(|now| Some(now.work) == work.0).map(|now| now.share);
        let outer = steps("folds", 4);
        // Other tests of this process may work at the same time: only what is ours is looked at.
        if find(&outer).is_some() {
            outer.add(1);
            let inner = steps("trees", 10);
            inner.add(5);
            let share = find(&outer).unwrap();
            assert!((0.25..=0.5).contains(&share), "{share}");
            drop(inner);
        }
        drop(outer);
        WATCHED.store(false, Ordering::Relaxed);
        assert!(steps("trees", 10).0.is_none());
    }
}
