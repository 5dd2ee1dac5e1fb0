//! The client, against a real HTTP server on loopback that throttles, fails and lies.

mod chaos;
mod killed;
mod refused;
mod rows;
mod server;
mod task;

use std::path::Path;
use std::time::Duration;

use embedlab::embed::{Client, ClientOptions, EmbedOptions, Models, Waits};

use crate::support::{embedlab, json};

/// Waits that a test can bear.
pub fn quick() -> Waits {
    Waits {
        shortest: Duration::from_millis(1),
        longest: Duration::from_millis(8),
        pause: Duration::from_millis(5),
        timeout: Duration::from_secs(20),
        ..Default::default()
    }
}

pub const QUICK: [&str; 6] = ["--shortest-wait", "0.001", "--longest-wait", "0.008", "--pause", "0.005"];

pub fn client(url: &str, waits: Waits) -> Client {
    Client::new(ClientOptions { base_url: url.to_owned(), waits, ..Default::default() }).unwrap()
}

/// text-embedding-3-small in 16 dimensions.
pub fn options() -> EmbedOptions {
    EmbedOptions::new("text-embedding-3-small", &Models::default()).shortened_to(server::DIMS)
}

pub fn texts(n: usize) -> Vec<String> {
    (0..n).map(|row| format!("review {row} of {n}: tea, cake and more")).collect()
}

/// The vectors of a table, row by row, are those of the texts in its column `text`.
pub fn right_vectors(path: &Path) -> usize {
    let table = embedlab::table::read(path, &Default::default()).unwrap();
    let texts = table.text("text").unwrap();
    for (text, vector) in texts.iter().zip(table.vectors().rows()) {
        assert_eq!(vector.to_vec(), server::vector(text.as_ref().unwrap(), table.dims()), "{text:?}");
    }
    table.n_rows()
}
