//! What is asked of an executor, as the bytes that travel in a query.

use embedlab::distributed::Place;
use embedlab::rows::Pass;
use embedlab::{Error, Result};
use serde::{Deserialize, Serialize};

/// A pass over the rows of a place, by a command of some version.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The version of the command.
    pub version: String,
    /// Where the rows are; `None` for a question about the version only.
    pub place: Option<Place>,
    /// What is computed.
    pub pass: Pass,
}

/// All but the parameters.
#[derive(Serialize, Deserialize)]
struct Header {
    version: String,
    place: Option<Place>,
    name: String,
    merged: bool,
    rows: usize,
}

impl Request {
    /// The length of the header, the header as JSON, the parameters.
    ///
    /// # Errors
    /// When a path is not text.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let header = Header {
            version: self.version.clone(),
            place: self.place.clone(),
            name: self.pass.name.clone(),
            merged: self.pass.merged,
            rows: self.pass.rows,
        };
        let header = serde_json::to_vec(&header)
            .map_err(|error| Error::argument("a file whose name is no text").source(error))?;
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header);
        bytes.extend_from_slice(&self.pass.params);
        Ok(bytes)
    }

    /// From what [`bytes`](Request::bytes) gave.
    ///
    /// # Errors
    /// When it is cut off or of another version.
    pub fn of(bytes: &[u8]) -> Result<Request> {
        let damaged = || {
            Error::input("a question of another version")
                .with_code("version-differs")
                .advice("run the same version of embedlab on all machines")
        };
        let (length, rest) = bytes.split_first_chunk::<8>().ok_or_else(damaged)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| damaged())?;
        let (header, params) = rest.split_at_checked(length).ok_or_else(damaged)?;
        let header: Header = serde_json::from_slice(header).map_err(|_| damaged())?;
        let pass =
            Pass { name: header.name, params: params.to_vec(), merged: header.merged, rows: header.rows };
        Ok(Request { version: header.version, place: header.place, pass })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_as_it_was_written_and_no_other_bytes_are() {
        let pass = Pass { name: "moments".into(), params: vec![1, 2, 3], merged: true, rows: 5000 };
        let request = Request { version: "0.1.0".into(), place: None, pass };
        let bytes = request.bytes().unwrap();
        assert_eq!(Request::of(&bytes).unwrap(), request);
        for damaged in [&bytes[..7], &bytes[..20], &[255; 30][..]] {
            assert_eq!(Request::of(damaged).unwrap_err().code(), "version-differs");
        }
    }
}
