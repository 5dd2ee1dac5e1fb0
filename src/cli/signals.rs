//! What a signal does to a run.
//!
//! SIGINT, SIGTERM and SIGHUP end the process at once, with nothing left of outputs that are not whole. A
//! command that can stop in good order says so with [`on_first_interrupt`]; the second Ctrl-C ends it then.
//!
//! SIGBUS comes when a file that is mapped into memory has become shorter: the thread that reads it ends the process, in
//! words.

use std::sync::{Mutex, PoisonError};

type Stop = Box<dyn FnOnce() + Send>;

static FIRST_INTERRUPT: Mutex<Option<Stop>> = Mutex::new(None);

/// What the first Ctrl-C does instead of ending the process.
pub fn on_first_interrupt(stop: impl FnOnce() + Send + 'static) {
    *FIRST_INTERRUPT.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(stop));
}

/// Listens from now on, on a thread of its own. Where the system gives no thread, signals do what they do
/// by themselves.
pub fn listen() {
    // Where it is not allowed, the system ends the process by itself.
    #[cfg(unix)]
    let _ = embedlab::table::on_lost_file(file_gone);
    let (ready, wait) = std::sync::mpsc::channel::<()>();
    let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        let _ = runtime.block_on(wait_for_signals(ready));
    });
    // Until it listens; an error means that it never will.
    let _ = wait.recv();
}

/// Ends the process as a signal of this number does.
fn end(number: i32) -> ! {
    embedlab::output::remove_temporary_files();
    std::process::exit(128 + number)
}

/// Ends the process because a file became shorter while it was read.
#[cfg(unix)]
fn file_gone() -> ! {
    let error = embedlab::Error::input("a file has changed while it was read")
        .with_code("file-changed")
        .seen("it became shorter")
        .advice("run again when nothing writes to it, or on a copy");
    embedlab::output::remove_temporary_files();
    super::report_error(&error, super::outputs::stdout_is_for_json());
    std::process::exit(2)
}

fn interrupted() {
    match FIRST_INTERRUPT.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(stop) => stop(),
        None => end(2),
    }
}

#[cfg(unix)]
async fn wait_for_signals(ready: std::sync::mpsc::Sender<()>) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    /// A file has grown beyond the limit of the shell's `ulimit -f`.
    const TOO_LARGE: i32 = 25;
    let ignored = ignored();
    let is_heard = |kind: SignalKind| ignored >> (kind.as_raw_value() - 1) & 1 == 0;
    let listener = |kind: SignalKind| is_heard(kind).then(|| signal(kind)).transpose();
    let mut interrupt = listener(SignalKind::interrupt())?;
    let mut terminate = listener(SignalKind::terminate())?;
    let mut hangup = listener(SignalKind::hangup())?;
    // Heard and not heeded, it leaves the writer an error to report.
    let _too_large = signal(SignalKind::from_raw(TOO_LARGE));
    drop(ready);
    loop {
        tokio::select! {
            _ = next(&mut interrupt) => interrupted(),
            _ = next(&mut terminate) => end(15),
            _ = next(&mut hangup) => end(1),
        }
    }
}

/// The next signal; never, where it is ignored.
#[cfg(unix)]
async fn next(signal: &mut Option<tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// The signals that whoever started this process wants ignored (`nohup`, a shell's `&`), as a mask; none
/// where the system does not tell.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(not(unix))]
async fn wait_for_signals(ready: std::sync::mpsc::Sender<()>) -> std::io::Result<()> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    drop(ready);
    loop {
        interrupt.recv().await;
        interrupted();
    }
}
