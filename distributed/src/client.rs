//! The client: passes as queries, each within a deadline, repeated where the engine has lost an executor.

use std::future::Future;
use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ballista_core::execution_plans::DistributedQueryExec;
use ballista_core::extension::SessionStateExt;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{CancelJobParams, CleanJobDataParams};
use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result as EngineResult};
use datafusion::execution::SessionState;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::logical_plan::Union;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, col, lit};
use datafusion_proto::protobuf::LogicalPlanNode;
use embedlab::distributed::{Place, found};
use embedlab::rows::{Engine, Pass, runs};
use embedlab::{Error, Result};
use futures_util::StreamExt;
use tokio::runtime::Runtime;

use crate::function::{HELLO, function, other_version};
use crate::request::Request;
use crate::session;

/// Tasks that put parts of runs beside each other where these are not merged.
const GATHERING: usize = 16;

/// How long the scheduler may take to answer at all.
const CONNECT: Duration = Duration::from_secs(10);

/// How long the first repetition waits; the second waits four times as long.
const PAUSE: Duration = Duration::from_secs(2);

/// How long a scheduler may take to start.
const STARTING: Duration = Duration::from_secs(3);

/// How a command deals with a cluster.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// How long one pass over the rows, or one query, may take, with its repetitions. Default: an hour.
    pub deadline: Duration,
    /// How long it waits for an executor that takes the first, empty task. Default: half a minute.
    pub wait: Duration,
    /// How often a pass is repeated whose query has failed. Default: 2.
    pub retries: usize,
    /// Its version.
    pub version: String,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        ClusterOptions {
            deadline: Duration::from_secs(3600),
            wait: Duration::from_secs(30),
            retries: 2,
            version: embedlab::distributed::VERSION.to_owned(),
        }
    }
}

/// A scheduler with executors that answer, all of this version.
pub struct Cluster {
    on: String,
    pub(crate) state: SessionState,
    options: ClusterOptions,
    runtime: Runtime,
}

/// How a query has failed.
pub(crate) enum Failure {
    /// By what we know, or what no repetition would help.
    Ours(Error),
    /// By something of the engine.
    Engine(String),
    /// By the clock.
    Late(Duration),
}

impl Cluster {
    /// Connects to a scheduler (`HOST:PORT`), and has one executor say its version.
    ///
    /// # Errors
    /// When the scheduler cannot be reached, no executor takes a task, or one of them is of another version.
    pub fn connect(on: &str, options: ClusterOptions) -> Result<Cluster> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| Error::io("cannot start threads", error))?;
        let state = SessionStateBuilder::new_with_default_features()
            .with_config(session::config(&options.version).with_target_partitions(GATHERING))
            .build()
            .upgrade_for_ballista(format!("http://{on}"))
            .map_err(|error| Error::argument("not an address of a scheduler").seen(on).source(error))?;
        let cluster = Cluster { on: on.to_owned(), state, options, runtime };
        // One that was started in the same moment may not listen yet.
        let began = Instant::now();
        while let Err(error) = cluster.reach() {
            if began.elapsed() > STARTING {
                return Err(error);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        cluster.ask_version()?;
        Ok(cluster)
    }

    /// The engine for the rows of a place.
    pub fn over(self: &Arc<Self>, place: Place) -> Arc<dyn Engine> {
        Arc::new(Over { cluster: self.clone(), place })
    }

    /// Whether the scheduler takes a connection.
    fn reach(&self) -> Result<()> {
        let unreachable = |seen: String| {
            Error::argument("the scheduler cannot be reached")
                .with_code("scheduler-unreachable")
                .seen(format!("{}: {seen}", self.on))
                .advice("start it with `embedlab scheduler --bind HOST:PORT`, or check --on")
        };
        let addresses = self.on.to_socket_addrs().map_err(|error| unreachable(error.to_string()))?;
        let mut seen = "no address".to_owned();
        for address in addresses {
            match std::net::TcpStream::connect_timeout(&address, CONNECT) {
                Ok(_) => return Ok(()),
                Err(error) => seen = error.to_string(),
            }
        }
        Err(unreachable(seen))
    }

    fn ask_version(&self) -> Result<()> {
        let pass = Pass { name: HELLO.into(), params: Vec::new(), merged: true, rows: 0 };
        let request = Request { version: self.options.version.clone(), place: None, pass };
        let answers = self.query(&request, 1, self.options.wait).map_err(|failure| match failure {
            Failure::Ours(error) => error,
            Failure::Engine(seen) => self.failed(&seen),
            Failure::Late(waited) => Error::argument("no executor has taken a task")
                .with_code("no-executor")
                .seen(format!("{}, within {} s", self.on, waited.as_secs()))
                .advice(format!("start some with `embedlab executor --scheduler {}`", self.on)),
        })?;
        match answers.first().map(|version| String::from_utf8_lossy(version)) {
            Some(version) if version == self.options.version => Ok(()),
            version => Err(other_version(
                "an executor",
                version.as_deref().unwrap_or("unknown"),
                &self.options.version,
            )),
        }
    }

    fn pass(&self, place: &Place, pass: &Pass) -> Result<Vec<Vec<u8>>> {
        let version = self.options.version.clone();
        let request = Request { version, place: Some(place.clone()), pass: pass.clone() };
        self.repeated(&pass.name, |left| self.query(&request, runs(pass.rows), left))
    }

    /// A query within the time that is left, repeated where the engine has failed and the scheduler is still there.
    pub(crate) fn repeated<T>(
        &self,
        what: &str,
        mut query: impl FnMut(Duration) -> Result<T, Failure>,
    ) -> Result<T> {
        let began = Instant::now();
        let mut tries = 0;
        loop {
            match query(self.options.deadline.saturating_sub(began.elapsed())) {
                Ok(found) => return Ok(found),
                Err(Failure::Ours(error)) => return Err(error),
                Err(Failure::Late(_)) => {
                    return Err(Error::argument("the executors have taken longer than was allowed")
                        .with_code("deadline")
                        .seen(format!("{what} after {} s", began.elapsed().as_secs()))
                        .advice("allow more with --deadline, add executors, or look at their logs"));
                }
                Err(Failure::Engine(seen)) => {
                    self.reach().map_err(|_| self.lost(&seen))?;
                    if tries == self.options.retries {
                        return Err(self.failed(&seen));
                    }
                    tries += 1;
                    log::warn!("{what} is repeated: {seen}");
                    // Time for the scheduler to find out who is gone.
                    std::thread::sleep(PAUSE * tries as u32 * tries as u32);
                    // Without executors a query waits for one until its deadline; this one waits as long as at the beginning.
                    self.ask_version()?;
                }
            }
        }
    }

    fn lost(&self, seen: &str) -> Error {
        Error::input("the scheduler has gone")
            .with_code("scheduler-lost")
            .seen(format!("{}: {seen}", self.on))
            .advice("start it again, and run the command again: nothing was written")
    }

    fn failed(&self, seen: &str) -> Error {
        Error::input("the cluster has failed")
            .with_code("cluster-failed")
            .seen(format!("{}: {seen}", self.on))
            .advice("look at the logs of its scheduler and executors, and whether their disks are full")
    }

    /// Runs the query of a request over so many runs.
    fn query(&self, request: &Request, runs: usize, within: Duration) -> Result<Vec<Vec<u8>>, Failure> {
        let bytes = request.bytes().map_err(Failure::Ours)?;
        let plan = plan(&self.options.version, bytes, runs, request.pass.merged);
        let mut parts = Vec::new();
        self.run(&plan.map_err(|error| failure(&error, found))?, within, found, |batch| {
            let (runs, answers) =
                (batch.column(0).as_primitive::<Int64Type>(), batch.column(1).as_binary::<i64>());
            let rows = (0..batch.num_rows()).filter(|at| answers.is_valid(*at));
            parts.extend(rows.map(|at| (runs.value(at), answers.value(at).to_vec())));
            Ok(())
        })?;
        parts.sort_by_key(|(run, _)| *run);
        Ok(parts.into_iter().map(|(_, part)| part).collect())
    }

    /// Runs a plan and hands over each batch of its result. Of what the engine says `told` makes the errors that no repetition
    /// would help.
    pub(crate) fn run(
        &self,
        plan: &LogicalPlan,
        within: Duration,
        told: fn(&str) -> Option<Error>,
        mut take: impl FnMut(RecordBatch) -> Result<()>,
    ) -> Result<(), Failure> {
        let engine = |error: DataFusionError| failure(&error, told);
        self.runtime.block_on(async {
            let prepared = self.state.create_physical_plan(plan);
            let query = within_time(CONNECT, prepared).await?.map_err(engine)?;
            let context = self.state.task_ctx();
            let answered = within_time(within, async {
                let mut batches = query.execute(0, context).map_err(engine)?;
                while let Some(batch) = batches.next().await {
                    take(batch.map_err(engine)?).map_err(Failure::Ours)?;
                }
                Ok(())
            });
            let answered = answered.await.flatten();
            let job = query
                .downcast_ref::<DistributedQueryExec<LogicalPlanNode>>()
                .and_then(|query| query.job_id());
            if let Some(job) = job {
                match &answered {
                    // It may go on, and the command may end now.
                    Err(Failure::Late(_) | Failure::Ours(_)) => {
                        end(self.on.clone(), job.to_string(), true).await;
                    }
                    // In the background of the next pass: what does not come to an end in time is cleaned up by the clock.
                    _ => drop(self.runtime.spawn(end(self.on.clone(), job.to_string(), false))),
                }
            }
            answered
        })
    }
}

fn failure(error: &DataFusionError, told: fn(&str) -> Option<Error>) -> Failure {
    let message = error.to_string();
    told(&message).map_or(Failure::Engine(message), Failure::Ours)
}

async fn within_time<T>(within: Duration, work: impl Future<Output = T>) -> Result<T, Failure> {
    tokio::time::timeout(within, work).await.map_err(|_| Failure::Late(within))
}

/// Tells the scheduler that nobody waits for a job any more, and that its parts can go.
async fn end(on: String, job_id: String, cancel: bool) {
    let told = async {
        let mut scheduler = SchedulerGrpcClient::connect(format!("http://{on}")).await.ok()?;
        if cancel {
            // One that has ended by itself is refused.
            let _ = scheduler.cancel_job(CancelJobParams { job_id: job_id.clone() }).await;
        }
        scheduler.clean_job_data(CleanJobDataParams { job_id, remove_stage_ids: Vec::new() }).await.ok()
    };
    let _ = tokio::time::timeout(CONNECT, told).await;
}

/// One task for each run, and the function over them: all parts merged into one, or each by itself.
fn plan(version: &str, request: Vec<u8>, runs: usize, merged: bool) -> EngineResult<LogicalPlan> {
    let task = |run: usize| {
        let run = lit(ScalarValue::Int64(Some(run as i64))).alias("run");
        LogicalPlanBuilder::empty(true).project([run])?.build().map(Arc::new)
    };
    let tasks = (0..runs.max(1)).map(task).collect::<EngineResult<Vec<_>>>()?;
    let tasks = match &tasks[..] {
        [one] => one.as_ref().clone(),
        _ => LogicalPlan::Union(Union::try_new(tasks)?),
    };
    let request = lit(ScalarValue::Binary(Some(request)));
    let part = function(version).call(vec![col("run"), request]).alias("part");
    let (group, first) = match merged {
        true => (vec![], lit(ScalarValue::Int64(Some(0))).alias("first")),
        false => (vec![col("run")], col("run")),
    };
    LogicalPlanBuilder::from(tasks).aggregate(group, [part])?.project([first, col("part")])?.build()
}

/// The rows of a place, passed over by a cluster.
struct Over {
    cluster: Arc<Cluster>,
    place: Place,
}

impl Engine for Over {
    fn pass(&self, pass: &Pass) -> Result<Vec<Vec<u8>>> {
        self.cluster.pass(&self.place, pass)
    }
}
