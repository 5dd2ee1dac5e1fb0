//! The function of a query that does the work: `embedlab_pass(run, request)`, an aggregate over runs of rows.
//!
//! Each row that it is given names a run. It reads the rows of that run from their files and folds them. Its state
//! holds one part for each run, keyed by the run, so that it does not matter in which order tasks end: the parts are merged
//! in the order of the rows, in the tree of one machine.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::ScalarValue;
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};
use embedlab::distributed::{Place, answer, merge};
use embedlab::rows::{RowSource, runs};
use embedlab::{Error, Result};

use crate::failure::wrapped;
use crate::request::Request;

/// The name under which scheduler, executors and client know the function.
pub const NAME: &str = "embedlab_pass";

/// The pass that asks nothing but the version.
pub const HELLO: &str = "hello";

/// The function, as a machine of this version has it.
pub fn function(version: &str) -> AggregateUDF {
    let signature = Signature::exact(vec![DataType::Int64, DataType::Binary], Volatility::Volatile);
    AggregateUDF::from(RunPass { version: version.to_owned(), signature })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct RunPass {
    version: String,
    signature: Signature,
}

impl AggregateUDFImpl for RunPass {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> EngineResult<DataType> {
        Ok(DataType::LargeBinary)
    }

    fn accumulator(&self, _arguments: AccumulatorArgs<'_>) -> EngineResult<Box<dyn Accumulator>> {
        Ok(Box::new(Parts { version: self.version.clone(), ..Parts::default() }))
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> EngineResult<Vec<FieldRef>> {
        let field = |name: &str| {
            Arc::new(Field::new(format!("{}[{name}]", arguments.name), DataType::LargeBinary, true))
        };
        Ok(vec![field("request"), field("parts")])
    }
}

/// The parts so far, by their runs.
#[derive(Default)]
struct Parts {
    version: String,
    /// What was asked; with the first run only, once it has travelled.
    request: Option<Arc<Vec<u8>>>,
    parts: BTreeMap<u64, Vec<u8>>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Parts({} of version {})", self.parts.len(), self.version)
    }
}

impl Parts {
    fn request(&self, bytes: &[u8]) -> Result<Request> {
        let request = Request::of(bytes)?;
        if request.version != self.version {
            return Err(other_version("an executor", &self.version, &request.version));
        }
        Ok(request)
    }

    fn add(&mut self, run: u64, part: Vec<u8>) -> Result<()> {
        match self.parts.insert(run, part) {
            None => Ok(()),
            Some(_) => Err(Error::input("the engine has counted a run of the rows twice")
                .with_code("rows-differ")
                .seen(format!("run {run}"))
                .advice("run the command again")),
        }
    }

    fn update(&mut self, run: i64, bytes: &[u8]) -> Result<()> {
        let request = self.request(bytes)?;
        let run = u64::try_from(run).map_err(|_| Error::argument("no such run of the rows"))?;
        let part = match &request.place {
            None => self.version.clone().into_bytes(),
            Some(place) => answer(opened(place)?.as_ref().as_ref(), &request.pass, run as usize)?,
        };
        self.request = Some(Arc::new(bytes.to_vec()));
        self.add(run, part)
    }

    fn finish(&mut self) -> Result<Option<Vec<u8>>> {
        let parts: Vec<Vec<u8>> = std::mem::take(&mut self.parts).into_values().collect();
        let Some(request) = self.request.take() else {
            // Of runs that are not merged only the first brings the request.
            let alone = parts.len() == 1;
            return Ok(parts.into_iter().next().filter(|_| alone));
        };
        let request = self.request(&request)?;
        let wanted = if request.pass.merged { runs(request.pass.rows) } else { 1 };
        if request.place.is_some() && parts.len() != wanted {
            return Err(Error::input("the engine has not counted all runs of the rows")
                .with_code("rows-differ")
                .seen(format!("{} of {wanted}", parts.len()))
                .advice("run the command again"));
        }
        match parts.len() {
            1 => Ok(parts.into_iter().next()),
            _ => merge(&request.pass, &parts).map(Some),
        }
    }

    /// The runs and their parts as bytes.
    fn packed(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (run, part) in &self.parts {
            bytes.extend(run.to_le_bytes());
            bytes.extend((part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }

    fn unpack(&mut self, mut bytes: &[u8]) -> Result<()> {
        let damaged = || Error::input("a part that is cut off").with_code("answer-damaged");
        while !bytes.is_empty() {
            let (run, rest) = bytes.split_first_chunk::<8>().ok_or_else(damaged)?;
            let (length, rest) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
            let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| damaged())?;
            let (part, rest) = rest.split_at_checked(length).ok_or_else(damaged)?;
            self.add(u64::from_le_bytes(*run), part.to_vec())?;
            bytes = rest;
        }
        Ok(())
    }
}

impl Accumulator for Parts {
    fn update_batch(&mut self, values: &[ArrayRef]) -> EngineResult<()> {
        let [runs, requests] = values else { return Ok(()) };
        let (runs, requests) = (runs.as_primitive::<Int64Type>(), requests.as_binary::<i32>());
        for at in 0..runs.len() {
            self.update(runs.value(at), requests.value(at)).map_err(|error| wrapped(&error))?;
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> EngineResult<()> {
        let [requests, parts] = states else { return Ok(()) };
        let (requests, parts) = (requests.as_binary::<i64>(), parts.as_binary::<i64>());
        for at in (0..requests.len()).filter(|at| requests.is_valid(*at) && parts.is_valid(*at)) {
            if self.request.is_none() && !requests.value(at).is_empty() {
                self.request = Some(Arc::new(requests.value(at).to_vec()));
            }
            self.unpack(parts.value(at)).map_err(|error| wrapped(&error))?;
        }
        Ok(())
    }

    /// The part of run 0 brings the request with it; the others would bring it again.
    fn state(&mut self) -> EngineResult<Vec<ScalarValue>> {
        let parts = self.packed();
        let brings = self.parts.contains_key(&0);
        let request = self.request.take().filter(|_| brings).map(|request| request.to_vec());
        self.parts.clear();
        Ok(vec![
            ScalarValue::LargeBinary(Some(request.unwrap_or_default())),
            ScalarValue::LargeBinary(Some(parts)),
        ])
    }

    fn evaluate(&mut self) -> EngineResult<ScalarValue> {
        Ok(ScalarValue::LargeBinary(self.finish().map_err(|error| wrapped(&error))?))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.parts.values().map(Vec::capacity).sum::<usize>()
    }
}

/// What is said where versions differ.
pub fn other_version(who: &str, theirs: &str, ours: &str) -> Error {
    Error::argument(format!("{who} runs another version of embedlab"))
        .with_code("version-differs")
        .seen(format!("{theirs} there, {ours} here"))
        .advice("run the same version on all machines")
}

type Opened = Arc<Box<dyn RowSource>>;

/// Sources that stay open between the passes of an iteration.
const MOST_OPEN: usize = 8;

/// The rows of a place, opened once for all tasks of this process, and again when a file has changed.
fn opened(place: &Place) -> Result<Opened> {
    static OPEN: Mutex<Vec<(Place, Vec<Option<SystemTime>>, Opened)>> = Mutex::new(Vec::new());
    let changed = place.changed();
    let lock = || OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let known =
        lock().iter().find(|known| known.0 == *place && known.1 == changed).map(|known| known.2.clone());
    if let Some(rows) = known {
        return Ok(rows);
    }
    let rows = Arc::new(place.open()?);
    let mut open = lock();
    open.retain(|known| known.0 != *place);
    if open.len() >= MOST_OPEN {
        open.remove(0);
    }
    open.push((place.clone(), changed, rows.clone()));
    Ok(rows)
}
