//! A net under crates that panic on damaged data, where a user should be told that it is damaged.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many calls of [`caught`] are running.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// Runs `work` and gives its panic's text as an error.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    RUNNING.fetch_add(1, Ordering::SeqCst);
    // Nothing of what the work built outlives a panic, so nothing half-made can be seen.
    let result = catch_unwind(AssertUnwindSafe(work));
    RUNNING.fetch_sub(1, Ordering::SeqCst);
    result.map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
    })
}

/// Keeps the text of a panic that becomes an [`Error`](crate::Error) off stderr; other panics say what they
/// always say. The hook is the whole process's: a program calls this once, a library does not.
pub fn hide_caught_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let other = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if RUNNING.load(Ordering::SeqCst) == 0 {
                other(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_panic_is_an_error_with_its_text() {
        assert_eq!(super::caught(|| 1), Ok(1));
        let empty: &[u8] = &[];
        assert!(super::caught(|| empty[std::hint::black_box(3)]).unwrap_err().contains("out of bounds"));
    }
}
