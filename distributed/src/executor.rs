//! An executor: it takes tasks of a scheduler, reads the rows of each, and answers with its part.

use std::net::{IpAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use embedlab::{Error, Result};

use crate::session::{self, MESSAGE_BYTES};

/// How an executor runs.
#[derive(Debug, Clone)]
pub struct ExecutorOptions {
    /// Where the scheduler is.
    pub scheduler: (String, u16),
    /// The address on which it listens.
    pub bind: IpAddr,
    /// The name under which scheduler and other executors reach it. Default: the address from which it calls the scheduler.
    pub advertise: Option<String>,
    /// The port for its parts; 0 is any that is free.
    pub port: u16,
    /// The port for its tasks; 0 is any that is free.
    pub task_port: u16,
    /// How many tasks run at once; each uses all threads.
    pub tasks: usize,
    /// The folder for parts that wait to be fetched.
    pub folder: PathBuf,
    /// How often it tells the scheduler that it is alive.
    pub heartbeat: Duration,
    /// How long it tries to reach the scheduler.
    pub connect: Duration,
    /// Its version.
    pub version: String,
}

/// Runs until the process is told to end, or the scheduler does not take it.
///
/// # Errors
/// When a port or the folder cannot be used, or the scheduler cannot be reached.
pub async fn start(options: ExecutorOptions) -> Result<()> {
    let (port, task_port) = (free(options.bind, options.port)?, free(options.bind, options.task_port)?);
    let bytes = u32::try_from(MESSAGE_BYTES).unwrap_or(u32::MAX);
    let version = options.version.clone();
    let config = ExecutorProcessConfig {
        bind_host: match options.bind {
            IpAddr::V6(address) => format!("[{address}]"),
            address => address.to_string(),
        },
        external_host: options.advertise,
        port,
        grpc_port: task_port,
        scheduler_host: options.scheduler.0.clone(),
        scheduler_port: options.scheduler.1,
        scheduler_connect_timeout_seconds: u16::try_from(options.connect.as_secs()).unwrap_or(u16::MAX),
        vcores: options.tasks.max(1),
        work_dir: Some(options.folder.display().to_string()),
        job_data_ttl_seconds: 3600,
        job_data_clean_up_interval_seconds: 300,
        grpc_max_decoding_message_size: bytes,
        grpc_max_encoding_message_size: bytes,
        executor_heartbeat_interval_seconds: options.heartbeat.as_secs().max(1),
        // A pass is ours, and its memory is not that of the engine's operators; SQL takes what it needs.
        memory_pool_size: Some(0),
        override_function_registry: Some(Arc::new(session::registry(&options.version))),
        override_config_producer: Some(Arc::new(move || session::config(&version))),
        ..ExecutorProcessConfig::default()
    };
    let (host, at) = options.scheduler;
    start_executor_process(Arc::new(config)).await.map_err(|error| {
        Error::argument("the executor has stopped")
            .with_code("executor")
            .seen(format!("scheduler {host}:{at}: {error}"))
            .advice("check that `embedlab scheduler` runs there, and that both are of the same version")
    })
}

/// The port, or one that nobody uses.
fn free(bind: IpAddr, port: u16) -> Result<u16> {
    let unusable = |error| {
        Error::io(format!("cannot listen on {bind}, port {port}"), error)
            .with_code("port-taken")
            .advice("choose another port, or 0 for any that is free")
    };
    let listener = TcpListener::bind((bind, port)).map_err(unusable)?;
    listener.local_addr().map(|address| address.port()).map_err(unusable)
}
