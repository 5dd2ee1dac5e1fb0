//! The program `embedlab-distributed`: scheduler, executor, and the client that `embedlab --on` talks to.

#![deny(unsafe_code)]

mod log_lines;

use std::io::Write;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use embedlab::{Error, Result};
use embedlab_distributed::{ClusterOptions, executor, pipe, scheduler};

/// embedlab on several machines: `embedlab scheduler` and `embedlab executor` run this.
#[derive(Parser)]
#[command(name = "embedlab-distributed", version, max_term_width = 100)]
struct Cli {
    /// Print what happens on stderr: warn, info or debug
    #[arg(long, global = true, value_name = "LEVEL", default_value = "warn")]
    log: log::LevelFilter,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Scheduler(SchedulerArgs),
    Executor(ExecutorArgs),
    #[command(hide = true)]
    Client(ClientArgs),
}

/// Take passes of commands and hand their tasks to executors
#[derive(Args)]
struct SchedulerArgs {
    /// Where it listens; port 0 is any that is free. There is no password and no encryption: keep it in a private network
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50050")]
    bind: String,
    /// The name under which executors reach it [default: the host of --bind]
    #[arg(long, value_name = "HOST")]
    advertise: Option<String>,
    /// An executor that gives no sign of life for so long is dead, and its tasks go to others
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    executor_timeout: u64,
}

/// Take tasks of a scheduler, read their rows, and answer with sums
#[derive(Args)]
struct ExecutorArgs {
    /// The scheduler
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50050")]
    scheduler: String,
    /// The address on which it listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    bind: IpAddr,
    /// The name under which scheduler and other executors reach it [default: the address that the scheduler sees]
    #[arg(long, value_name = "HOST")]
    advertise: Option<String>,
    /// The port for its answers; 0 is any that is free
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// The port for its tasks; 0 is any that is free
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    task_port: u16,
    /// Tasks at once; while one reads, another computes
    #[arg(long, value_name = "N", default_value_t = 2)]
    tasks: usize,
    /// Number of threads; 0 means all. Results do not depend on it
    #[arg(short, long, value_name = "N", default_value_t = 0)]
    jobs: usize,
    /// The folder for answers that wait to be fetched [default: a temporary one]
    #[arg(long, value_name = "FOLDER")]
    work_dir: Option<PathBuf>,
    /// How often it tells the scheduler that it is alive
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    heartbeat: u64,
    /// How long it tries to reach the scheduler at first
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    connect: u16,
}

/// Answer `embedlab --on` on standard input and output
#[derive(Args)]
struct ClientArgs {
    /// The scheduler
    #[arg(long, value_name = "HOST:PORT")]
    on: String,
    /// How long one pass may take
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    deadline: u64,
    /// How long to wait for the first executor
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    wait: u64,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_lines::begin(cli.log);
    let done = match cli.command {
        Command::Scheduler(args) => run_scheduler(args),
        Command::Executor(args) => run_executor(args),
        Command::Client(args) => run_client(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(2)
        }
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Runtime::new().map_err(|error| Error::io("cannot start threads", error))
}

/// What is ready is said in one line, for whoever waits for it.
fn say(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{line}");
    let _ = std::io::stdout().flush();
}

fn run_scheduler(args: SchedulerArgs) -> Result<()> {
    runtime()?.block_on(async {
        let unusable = |error| {
            Error::io(format!("cannot listen on {}", args.bind), error)
                .with_code("port-taken")
                .advice("choose another address or port; another scheduler may be running")
        };
        let listener = tokio::net::TcpListener::bind(&args.bind).await.map_err(unusable)?;
        let address: SocketAddr = listener.local_addr().map_err(unusable)?;
        say(format_args!("scheduler on {address}"));
        let options = scheduler::SchedulerOptions {
            advertise: args.advertise,
            executor_timeout: Duration::from_secs(args.executor_timeout),
            ..Default::default()
        };
        tokio::select! {
            ended = scheduler::start(listener, options) => ended,
            () = told_to_end() => Ok(()),
        }
    })
}

async fn told_to_end() {
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(_) => return std::future::pending().await,
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => (),
        _ = terminate.recv() => (),
    }
}

fn run_executor(args: ExecutorArgs) -> Result<()> {
    let scheduler = host_and_port(&args.scheduler)?;
    rayon::ThreadPoolBuilder::new()
        .num_threads(args.jobs)
        .build_global()
        .map_err(|error| Error::argument("cannot start threads").source(error))?;
    let own;
    let folder = match args.work_dir {
        Some(folder) => {
            std::fs::create_dir_all(&folder)
                .map_err(|error| Error::io("cannot create", error).file(&folder))?;
            folder
        }
        None => {
            own =
                tempfile::tempdir().map_err(|error| Error::io("cannot create a temporary folder", error))?;
            own.path().to_owned()
        }
    };
    say(format_args!("executor for {}", args.scheduler));
    runtime()?.block_on(executor::start(executor::ExecutorOptions {
        scheduler,
        bind: args.bind,
        advertise: args.advertise,
        port: args.port,
        task_port: args.task_port,
        tasks: args.tasks,
        folder,
        heartbeat: Duration::from_secs(args.heartbeat),
        connect: Duration::from_secs(u64::from(args.connect)),
        version: embedlab::distributed::VERSION.to_owned(),
    }))
}

fn host_and_port(address: &str) -> Result<(String, u16)> {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
    let port = port.parse().map_err(|_| {
        Error::argument("not an address of a scheduler")
            .seen(address)
            .advice("give HOST:PORT, such as 10.0.0.1:50050")
    })?;
    // A name that nobody knows is better said now than after half a minute of trying.
    address.to_socket_addrs().map_err(|error| {
        Error::argument("the host of the scheduler is not known").seen(format!("{address}: {error}"))
    })?;
    Ok((host.to_owned(), port))
}

fn run_client(args: ClientArgs) -> Result<()> {
    let options = ClusterOptions {
        deadline: Duration::from_secs(args.deadline),
        wait: Duration::from_secs(args.wait),
        ..ClusterOptions::default()
    };
    pipe::serve(&args.on, &options, std::io::stdin().lock(), std::io::stdout().lock())
}
