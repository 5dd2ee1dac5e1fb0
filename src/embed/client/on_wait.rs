//! Who hears that the client waits.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Waits that are told of, and not shorter ones.
const TOLD_WAIT: Duration = Duration::from_secs(3);

/// Hears why a client waits, and how long. It is called from the client's own thread.
#[derive(Clone)]
pub struct OnWait(Arc<Told>);

/// What hears of a wait: why, and how long.
type Told = dyn Fn(&str, Duration) + Send + Sync;

impl OnWait {
    /// Calls `tell` with the reason and the time of each wait.
    pub fn new(tell: impl Fn(&str, Duration) + Send + Sync + 'static) -> OnWait {
        OnWait(Arc::new(tell))
    }

    /// Tells of a wait that is long enough.
    pub(super) fn tell(&self, reason: &str, wait: Duration) {
        if wait >= TOLD_WAIT {
            (self.0)(reason, wait);
        }
    }
}

impl fmt::Debug for OnWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnWait")
    }
}
