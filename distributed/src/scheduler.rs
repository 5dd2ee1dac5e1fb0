//! The scheduler: it takes queries and hands their tasks to executors.

use std::sync::Arc;
use std::time::Duration;

use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::{SchedulerConfig, TaskDistributionPolicy};
use ballista_scheduler::scheduler_process::{create_scheduler, start_grpc_service_with_listener};
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use embedlab::{Error, Result};
use tokio::net::TcpListener;

use crate::session::{self, MESSAGE_BYTES};
use crate::tables::WithTables;

/// How a scheduler runs.
#[derive(Debug, Clone)]
pub struct SchedulerOptions {
    /// The name under which executors reach it. Default: that of `bind`.
    pub advertise: Option<String>,
    /// After so long without a sign of life an executor is dead, and its tasks are given to others.
    pub executor_timeout: Duration,
    /// Its version.
    pub version: String,
}

impl Default for SchedulerOptions {
    fn default() -> Self {
        SchedulerOptions {
            advertise: None,
            executor_timeout: Duration::from_secs(30),
            version: embedlab::distributed::VERSION.to_owned(),
        }
    }
}

/// Serves on a socket that is bound already, until it is dropped or fails.
///
/// # Errors
/// When the server cannot be started, or stops.
pub async fn start(listener: TcpListener, options: SchedulerOptions) -> Result<()> {
    let address = listener.local_addr().map_err(|error| Error::io("cannot tell the address", error))?;
    let timeout = options.executor_timeout.as_secs().max(1);
    let (of_session, of_config) = (options.version.clone(), options.version.clone());
    let bytes = u32::try_from(MESSAGE_BYTES).unwrap_or(u32::MAX);
    let config = SchedulerConfig {
        external_host: options.advertise.unwrap_or_else(|| address.ip().to_string()),
        bind_host: address.ip().to_string(),
        bind_port: address.port(),
        task_distribution: TaskDistributionPolicy::RoundRobin,
        // Results come through this port too, so that a command needs to reach no other machine.
        enable_embedded_flight_proxy: true,
        finished_job_data_clean_up_interval_seconds: 60,
        finished_job_state_clean_up_interval_seconds: 600,
        grpc_server_max_decoding_message_size: bytes,
        grpc_server_max_encoding_message_size: bytes,
        grpc_client_max_message_size: bytes,
        executor_timeout_seconds: timeout,
        expire_dead_executor_interval_seconds: (timeout / 4).clamp(1, 5),
        no_executors_grace_period_seconds: timeout,
        override_session_builder: Some(Arc::new(move |config| session::on_scheduler(&of_session, config))),
        override_logical_codec: Some(Arc::new(WithTables::default())),
        // The version of the command takes the place of none.
        override_config_producer: Some(Arc::new(|| session::config(""))),
        ..SchedulerConfig::default()
    };
    log::info!("a scheduler of version {of_config} on {address}");
    let failed = |error: ballista_core::error::BallistaError| {
        Error::argument("the scheduler has stopped").with_code("scheduler").source(error)
    };
    config.validate().map_err(failed)?;
    let cluster = BallistaCluster::new_from_config(&config).await.map_err(failed)?;
    let server = create_scheduler::<LogicalPlanNode, PhysicalPlanNode>(cluster, Arc::new(config));
    start_grpc_service_with_listener(listener, server.await.map_err(failed)?).await.map_err(failed)
}
