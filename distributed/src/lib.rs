//! embedlab past one machine: a scheduler, executors and a client on Ballista.
//!
//! A pass over rows ([`Pass`](embedlab::rows::Pass)) becomes one query: each task is one run of the rows, which the
//! executor reads itself from the files, and the aggregate function `embedlab_pass` ([`function`]) folds it. What is shuffled
//! are the parts: k x (d + 2) numbers a run in an iteration of k-means, never rows. The engine does the rest: it hands out
//! tasks, repeats those of executors that died, and merges nothing itself.
//!
//! - [`scheduler::start`] and [`executor::start`] run the two servers;
//! - [`Cluster::connect`] is the client: it asks for the versions of both first, and gives an
//!   [`Engine`](embedlab::rows::Engine) for the rows of a [`Place`](embedlab::distributed::Place);
//!   [`Cluster::sql`] runs a query over Parquet files;
//! - the program `embedlab-distributed` is these three; `embedlab` calls it for `--on`, `scheduler` and `executor`.

#![warn(missing_docs)]
#![deny(unsafe_code)]

pub mod client;
pub mod executor;
pub mod failure;
pub mod function;
pub mod pipe;
mod query;
pub mod request;
pub mod scheduler;
pub mod session;
pub mod tables;

pub use client::{Cluster, ClusterOptions};
