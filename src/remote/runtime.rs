//! The thread on which requests are made, for readers that wait.

use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, sync_channel};

use tokio::runtime::{Builder, Handle};

use super::failure::Failure;

/// An answer that is on its way.
#[derive(Debug)]
pub(super) struct Pending<T>(Receiver<Result<T, Failure>>);

impl<T> Pending<T> {
    /// Waits for it.
    pub fn wait(self) -> Result<T, Failure> {
        self.0.recv().unwrap_or_else(|_| Err(Failure::Other("the request was given up".to_owned())))
    }
}

/// Begins asynchronous work.
///
/// # Errors
/// When the system gives no thread.
pub(super) fn begin<T: Send + 'static>(
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<Pending<T>, Failure> {
    let (send, receive) = sync_channel(1);
    // Whoever asked may have gone meanwhile.
    handle()?.spawn(async move { drop(send.send(work.await)) });
    Ok(Pending(receive))
}

/// Does asynchronous work and waits for it, within a runtime of the caller's too.
///
/// # Errors
/// What the work returns, and when the system gives no thread.
pub(super) fn run<T: Send + 'static>(
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    begin(work)?.wait()
}

/// One thread for the whole process: it waits for answers, and what is done with them is done elsewhere.
fn handle() -> Result<Handle, Failure> {
    static HANDLE: OnceLock<Option<Handle>> = OnceLock::new();
    let start = || {
        let runtime = Builder::new_current_thread().enable_all().build().ok()?;
        let handle = runtime.handle().clone();
        let drive = move || runtime.block_on(std::future::pending::<()>());
        std::thread::Builder::new().name("remote".to_owned()).spawn(drive).ok()?;
        Some(handle)
    };
    HANDLE.get_or_init(start).clone().ok_or_else(|| Failure::Other("no thread for requests".to_owned()))
}
