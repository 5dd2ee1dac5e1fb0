//! A client at the other end of a pipe: `embedlab` asks on standard input, and reads the answers from standard output.
//!
//! Each message is the length of its header (4 bytes, little-endian), the header as JSON, the length of its body (8
//! bytes), and the body. The first of a command with passes says where the rows are; a
//! query is the only one of its command.

use std::io::{Read, Write};
use std::sync::Arc;

use embedlab::distributed::Place;
use embedlab::rows::{Engine, Pass};
use embedlab::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::client::{Cluster, ClusterOptions};
use crate::function::other_version;

/// A question.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Ask {
    /// Connect for these rows; the version of who asks.
    Connect { version: String, place: Place },
    /// Run a pass; the body is its parameters.
    Pass { name: String, merged: bool, rows: usize },
    /// Run a query of SQL, and keep so many rows of its result; the version of who asks.
    Query { version: String, sql: String, keep: Option<usize> },
}

/// An answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    /// The parts that follow one another in the body, by their lengths.
    Parts(Vec<usize>),
    /// What went wrong.
    Error { code: String, message: String },
}

/// Answers until the input ends.
///
/// # Errors
/// When the pipe breaks.
pub fn serve(on: &str, options: &ClusterOptions, mut input: impl Read, mut output: impl Write) -> Result<()> {
    let mut engine: Option<Arc<dyn Engine>> = None;
    while let Some((ask, body)) = read(&mut input)? {
        let answered = match ask {
            Ask::Connect { version, place } => connect(on, options, &version).map(|cluster| {
                engine = Some(Arc::new(cluster).over(place));
                Vec::new()
            }),
            Ask::Pass { name, merged, rows } => match &engine {
                Some(engine) => engine.pass(&Pass { name, params: body, merged, rows }),
                None => Err(Error::argument("a pass before the connection")),
            },
            Ask::Query { version, sql, keep } => connect(on, options, &version)
                .and_then(|cluster| cluster.sql(&sql, keep))
                .and_then(|found| found.parts()),
        };
        let (answer, body) = match answered {
            Ok(parts) => (Answer::Parts(parts.iter().map(Vec::len).collect()), parts.concat()),
            Err(error) => {
                (Answer::Error { code: error.code().into(), message: error.to_string() }, Vec::new())
            }
        };
        write(&mut output, &answer, &body)?;
    }
    Ok(())
}

fn connect(on: &str, options: &ClusterOptions, version: &str) -> Result<Cluster> {
    if version != options.version {
        return Err(other_version("the command embedlab", version, &options.version));
    }
    Cluster::connect(on, options.clone())
}

fn broken(error: std::io::Error) -> Error {
    Error::io("the pipe to embedlab is broken", error)
}

fn read(input: &mut impl Read) -> Result<Option<(Ask, Vec<u8>)>> {
    let mut length = [0; 4];
    if input.read(&mut length[..1]).map_err(broken)? == 0 {
        return Ok(None);
    }
    input.read_exact(&mut length[1..]).map_err(broken)?;
    let header = take(input, u64::from(u32::from_le_bytes(length)))?;
    let mut length = [0; 8];
    input.read_exact(&mut length).map_err(broken)?;
    let body = take(input, u64::from_le_bytes(length))?;
    let ask = serde_json::from_slice(&header).map_err(|error| {
        Error::argument("a question that this version does not know")
            .with_code("version-differs")
            .source(error)
    })?;
    Ok(Some((ask, body)))
}

fn take(input: &mut impl Read, length: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = input.take(length).read_to_end(&mut bytes).map_err(broken)?;
    if read as u64 == length {
        return Ok(bytes);
    }
    Err(Error::input("the pipe to embedlab ended within a message"))
}

fn write(output: &mut impl Write, answer: &Answer, body: &[u8]) -> Result<()> {
    let header = serde_json::to_vec(answer).map_err(|error| Error::argument("no JSON").source(error))?;
    let length = u32::try_from(header.len()).unwrap_or(u32::MAX).to_le_bytes();
    for bytes in [&length[..], &header, &(body.len() as u64).to_le_bytes(), body] {
        output.write_all(bytes).map_err(broken)?;
    }
    output.flush().map_err(broken)
}
