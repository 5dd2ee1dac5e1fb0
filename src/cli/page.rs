//! Pages as files.

use std::io::Write;
use std::path::Path;

use embedlab::output::write_whole;
use embedlab::text::without_secrets;
use embedlab::view::Page;
use embedlab::{Error, Result};

/// Writes a page, which says by which command it was made.
pub fn write_page(page: &mut Page, path: &Path) -> Result<()> {
    page.provenance.command = command_line();
    let html = page.render();
    write_whole(path, |out| {
        out.write_all(html.as_bytes()).map_err(|error| Error::io("cannot write", error).file(path))
    })
}

/// The command as it was typed, with the program's bare name.
fn command_line() -> String {
    let quoted = |argument: String| if argument.contains(' ') { format!("'{argument}'") } else { argument };
    let arguments =
        std::env::args_os().skip(1).map(|argument| quoted(argument.to_string_lossy().into_owned()));
    let line = std::iter::once("embedlab".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ");
    without_secrets(&line).into_owned()
}
