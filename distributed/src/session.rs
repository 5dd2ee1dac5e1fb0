//! What scheduler, executors and client agree on: the functions, the tables, the sizes of messages, and the version.

use std::any::Any;
use std::sync::Arc;

use ballista_core::extension::SessionConfigExt;
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_core::utils::default_session_builder;
use datafusion::config::{ConfigEntry, ConfigExtension, ExtensionOptions};
use datafusion::error::Result as EngineResult;
use datafusion::execution::SessionState;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::SessionConfig;
use embedlab::sql::{Functions, functions};

use crate::failure::wrapped;
use crate::function::{function, other_version};
use crate::tables::WithTables;

/// The most bytes of one message: the centroids of a query, the part of a run.
pub const MESSAGE_BYTES: usize = 1 << 30;

/// What a command says of itself.
#[derive(Debug, Clone, Default)]
struct Command {
    version: String,
}

/// By hand: what the engine's macro writes leaves the prefix out of the names, under which another machine then finds nothing.
impl ExtensionOptions for Command {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(self.clone())
    }

    fn set(&mut self, _key: &str, value: &str) -> EngineResult<()> {
        value.clone_into(&mut self.version);
        Ok(())
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        vec![ConfigEntry {
            key: format!("{}.version", Self::PREFIX),
            value: Some(self.version.clone()),
            description: "the version of the command",
        }]
    }
}

impl ConfigExtension for Command {
    const PREFIX: &'static str = "embedlab";
}

/// The configuration of a session, with room for the version of the command.
pub fn config(version: &str) -> SessionConfig {
    SessionConfig::new_with_ballista()
        .with_ballista_grpc_client_max_message_size(MESSAGE_BYTES)
        // A query has two stages, of which nothing is to be found out on the way.
        .with_ballista_adaptive_query_planner(false)
        .set_usize("ballista.scheduler.max_partitions_per_task", 1)
        .with_ballista_logical_extension_codec(Arc::new(WithTables::default()))
        .with_option_extension(Command { version: version.to_owned() })
}

/// The session that a scheduler of this version makes for a command, which must be of the same one.
///
/// # Errors
/// When it is not.
pub fn on_scheduler(version: &str, config: SessionConfig) -> EngineResult<SessionState> {
    let command = config.options().extensions.get::<Command>().map(|command| command.version.clone());
    match command {
        Some(command) if command == version => {}
        command => {
            let command = command.filter(|command| !command.is_empty()).unwrap_or_else(|| "unknown".into());
            return Err(wrapped(&other_version("the scheduler", version, &command)));
        }
    }
    let state = default_session_builder(config)?;
    Ok(with_function(SessionStateBuilder::new_from_existing(state), version))
}

/// A session with our functions beside those of the engine.
pub fn with_function(mut builder: SessionStateBuilder, version: &str) -> SessionState {
    let Functions { scalars, aggregates } = functions();
    builder.scalar_functions().get_or_insert_default().extend(scalars);
    let known = builder.aggregate_functions().get_or_insert_default();
    known.extend(aggregates);
    known.push(Arc::new(function(version)));
    builder.build()
}

/// The functions of an executor.
pub fn registry(version: &str) -> BallistaFunctionRegistry {
    let session = with_function(SessionStateBuilder::new_with_default_features(), version);
    BallistaFunctionRegistry::from(&session)
}
