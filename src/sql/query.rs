//! Running a query.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::common::{DataFusionError, TableReference};
use datafusion::dataframe::DataFrame;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryConsumer, MemoryReservation};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, displayable};
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use datafusion::sql::resolve::resolve_table_references;
use futures_util::StreamExt;

use super::failure::explained;
use super::functions::register;
use super::statement;
use super::tables::{BATCH_ROWS, Readers, open};
use crate::error::{Error, Result, excerpt};
use crate::guard::caught;
use crate::memory::Budget;
use crate::table::ReadOptions;

/// How a query is run.
#[derive(Debug, Clone, Default)]
pub struct QueryOptions {
    /// What tables in memory, groups, sorted rows and the result may take. Default: what is free.
    pub memory: Budget,
    /// Rows that are kept of the result; the others are counted. Default: all.
    pub keep: Option<usize>,
}

/// The result of a query.
#[derive(Debug, Clone)]
pub struct QueryResult {
    /// Its columns.
    pub schema: SchemaRef,
    /// The rows that were kept.
    pub batches: Vec<RecordBatch>,
    /// How many rows there are.
    pub n_rows: usize,
    /// What is worth knowing of the tables that were read.
    pub notes: Vec<String>,
}

/// Runs a query over files: what stands in quotes after FROM is opened as [`table::read`](crate::table::read()) opens it. A
/// Parquet file is read in batches, only the columns that the query names; any other file is read into memory, with its
/// vectors as the last column.
///
/// Rows come in the order of the files, and groups in the order in which they are first seen, on any number of threads.
///
/// # Errors
/// For SQL that cannot be read or planned, anything that is no query, a file that cannot be read, and a result or groups
/// that do not fit in memory.
///
/// ```
/// use embedlab::sql::query;
/// let found = query(
///     "select Kind, count(*) as n, vector_avg(embedding) as mean \
///      from 'examples/data/food_reviews.parquet' group by Kind order by n desc",
///     &Default::default(),
/// )?;
/// assert_eq!(found.schema.field(2).name(), "mean");
/// assert!(found.n_rows > 3);
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn query(sql: &str, options: &QueryOptions) -> Result<QueryResult> {
    guarded(options, async || {
        let Planned { frame, notes, held } = planned(sql, options, Readers::Here).await?;
        let mut stream = frame.execute_stream().await.map_err(Failure::Engine)?;
        let mut found = QueryResult { schema: stream.schema(), batches: Vec::new(), n_rows: 0, notes };
        while let Some(batch) = stream.next().await {
            let bytes = found.take(batch.map_err(Failure::Engine)?, options.keep);
            held.try_grow(bytes).map_err(Failure::Engine)?;
        }
        Ok(found)
    })
}

/// A query for other machines, and what is worth knowing of its tables: these are Parquet files under absolute paths, which
/// [`pack`](super::pack()) makes bytes of. Nothing but their footers is read.
///
/// # Errors
/// As [`query`], and for tables that are no Parquet files or that stand at an address.
pub fn logical_plan(sql: &str) -> Result<(LogicalPlan, Vec<String>)> {
    let options = QueryOptions::default();
    guarded(&options, async || {
        let Planned { frame, notes, .. } = planned(sql, &options, Readers::Machines).await?;
        Ok((frame.into_unoptimized_plan(), notes))
    })
}

/// What the engine will do for a query, one step a line, the last step first; nothing is done.
///
/// # Errors
/// As [`query`].
pub fn plan(sql: &str, options: &QueryOptions) -> Result<Vec<String>> {
    guarded(options, async || {
        let Planned { frame, .. } = planned(sql, options, Readers::Here).await?;
        let plan = frame.create_physical_plan().await.map_err(Failure::Engine)?;
        let mut lines = Vec::new();
        describe(&plan, 0, &mut lines);
        Ok(lines)
    })
}

/// The names of the tables of a query, which are those of files.
///
/// # Errors
/// For SQL that cannot be read, and anything that is no query.
pub fn tables(sql: &str) -> Result<Vec<String>> {
    let statement = statement::read(sql)?;
    let (references, _) =
        resolve_table_references(&statement, false).map_err(|error| explained(error, Budget::default()))?;
    Ok(references.iter().map(|reference| reference.table().to_owned()).collect())
}

enum Failure {
    Own(Error),
    Engine(DataFusionError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Own(error)
    }
}

/// Runs work on as many threads as the others have; what the engine says, and a panic in it, become errors.
fn guarded<T>(options: &QueryOptions, work: impl AsyncFnOnce() -> Result<T, Failure>) -> Result<T> {
    let threads = rayon::current_num_threads();
    let mut builder = match threads {
        0 | 1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if threads > 1 {
        builder.worker_threads(threads - 1);
    }
    let runtime = builder.enable_all().build().map_err(|error| Error::io("cannot start threads", error))?;
    let done = caught(|| runtime.block_on(work()));
    // A reading thread may wait for a disk; nobody waits for it.
    runtime.shutdown_background();
    match done {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(Failure::Own(error))) => Err(error),
        Ok(Err(Failure::Engine(error))) => Err(explained(error, options.memory)),
        Err(panic) => Err(Error::input("the query failed within the engine")
            .with_code("sql-engine")
            .seen(excerpt(&panic))
            .advice("check the files with embedlab check, or say the query in another way")),
    }
}

/// What the program takes by itself.
const PROGRAM: u64 = 64 << 20;

/// One partition: rows keep their order, and every sum has its order. Nothing is written to disk.
fn session(memory: Budget, readers: Readers) -> Result<SessionContext, DataFusionError> {
    let mut config = SessionConfig::new()
        .with_target_partitions(1)
        .with_batch_size(BATCH_ROWS)
        .with_information_schema(false);
    config.options_mut().sql_parser.enable_ident_normalization = false;
    // Between machines a view of a text takes its whole buffer along.
    config.options_mut().sql_parser.map_string_types_to_utf8view = readers == Readers::Here;
    config.options_mut().execution.sort_spill_reservation_bytes = 0;
    let limit = memory.given().map(|given| given.saturating_sub(PROGRAM)).or(memory.limit());
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(GreedyMemoryPool::new(limit)))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
        .build_arc()?;
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_default_features()
        .build();
    let session = SessionContext::new_with_state(state);
    register(&session);
    Ok(session)
}

/// A query whose tables are open.
struct Planned {
    frame: DataFrame,
    notes: Vec<String>,
    /// The memory that its tables and its result take.
    held: MemoryReservation,
}

async fn planned(sql: &str, options: &QueryOptions, readers: Readers) -> Result<Planned, Failure> {
    let mut statement = statement::read(sql)?;
    let session = session(options.memory, readers).map_err(Failure::Engine)?;
    let references = session.state().resolve_table_references(&statement).map_err(Failure::Engine)?;
    let read = ReadOptions { memory: options.memory, ..Default::default() };
    let (mut columns, mut notes) = (BTreeSet::new(), Vec::new());
    let held = MemoryConsumer::new("tables and result").register(&session.runtime_env().memory_pool);
    for reference in references {
        let TableReference::Bare { table: name } = &reference else {
            let name = reference.to_string();
            return Err(Error::argument("no such table")
                .with_code("table-not-found")
                .seen(&name)
                .advice(format!("a file is named in quotes: from '{name}'"))
                .into());
        };
        let opened = open(name, &read, readers)?;
        columns.extend(opened.table.schema().fields().iter().map(|field| field.name().clone()));
        notes.extend(opened.note);
        held.try_grow(opened.bytes).map_err(Failure::Engine)?;
        session.register_table(reference.clone(), opened.table).map_err(Failure::Engine)?;
    }
    statement::spell(&mut statement, &columns);
    let state = session.state();
    let plan = state.statement_to_plan(statement).await.map_err(Failure::Engine)?;
    let only_queries =
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    only_queries.verify_plan(&plan).map_err(|error| {
        Error::argument("only queries are run, and this is none")
            .with_code("not-a-query")
            .seen(error.strip_backtrace().replace("Error during planning: ", ""))
            .advice("leave INTO and the like out; -o FILE writes the result")
    })?;
    Ok(Planned { frame: DataFrame::new(state, plan), notes, held })
}

/// What steps of the engine do; it writes their names before what they do it with.
const STEPS: [(&str, &str); 16] = [
    ("AggregateExec", "group"),
    ("BufferExec", "read ahead"),
    ("CrossJoinExec", "join all pairs"),
    ("DataSourceExec", "read"),
    ("EmptyExec", "nothing"),
    ("FilterExec", "keep rows where"),
    ("GlobalLimitExec", "keep the first rows"),
    ("HashJoinExec", "join"),
    ("LocalLimitExec", "keep the first rows"),
    ("NestedLoopJoinExec", "join by comparing all pairs"),
    ("PlaceholderRowExec", "one row"),
    ("ProjectionExec", "compute"),
    ("SortExec", "sort"),
    ("SortMergeJoinExec", "join sorted rows"),
    ("UnionExec", "one after the other"),
    ("UnnestExec", "a row for each element"),
];

fn describe(plan: &Arc<dyn ExecutionPlan>, depth: usize, lines: &mut Vec<String>) {
    let line = displayable(plan.as_ref()).one_line().to_string();
    let line = line.trim();
    let (name, rest) = line.split_once(':').map_or((line, ""), |(name, rest)| (name, rest.trim()));
    let words = STEPS.iter().find(|(step, _)| *step == name).map_or(name, |(_, words)| words);
    let colon = if rest.is_empty() { "" } else { ": " };
    lines.push(format!("{}{words}{colon}{rest}", "  ".repeat(depth)));
    plan.children().into_iter().for_each(|child| describe(child, depth + 1, lines));
}
