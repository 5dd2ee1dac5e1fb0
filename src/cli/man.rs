//! `embedlab man`: the manual page.

use std::io::Write;
use std::path::PathBuf;

use embedlab::table::write_whole;
use embedlab::{Error, Result};

use super::{Outcome, Output};

const EXAMPLES: &str = "\
Examples:
  embedlab man | man -l -
  embedlab man --dir ~/.local/share/man/man1";

/// Print the manual page, or write the pages of all commands into a folder
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Write embedlab.1 and a page for each command here
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

pub fn run(args: &Args, command: clap::Command, output: &Output) -> Result<Outcome> {
    let Some(folder) = &args.dir else {
        let page = render(command)?;
        std::io::stdout().write_all(&page).map_err(|error| Error::io("cannot write to stdout", error))?;
        return Ok(Outcome::Done);
    };
    std::fs::create_dir_all(folder)
        .map_err(|error| Error::io("cannot make the folder", error).file(folder))?;
    let mut command = command;
    command.build();
    let mut pages = vec![("embedlab.1".to_owned(), render(command.clone())?)];
    for subcommand in command.get_subcommands() {
        let name = format!("embedlab-{}", subcommand.get_name());
        pages.push((format!("{name}.1"), render(subcommand.clone().name(&name))?));
    }
    for (name, page) in &pages {
        let path = folder.join(name);
        write_whole(&path, |out| {
            out.write_all(page).map_err(|error| Error::io("cannot write", error).file(&path))
        })?;
    }
    output.note(format_args!("wrote {} pages to {}", pages.len(), folder.display()));
    Ok(Outcome::Done)
}

fn render(command: clap::Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|error| Error::io("cannot write the manual", error))?;
    Ok(page)
}
