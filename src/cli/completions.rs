//! `embedlab completions`: makes the shell complete commands, options and files.

use clap_complete::Shell;
use embedlab::{Error, Result};
use std::io::Write;

use super::{Outcome, Output};

const EXAMPLES: &str = "\
Examples:
  embedlab completions bash > ~/.local/share/bash-completion/completions/embedlab
  embedlab completions fish > ~/.config/fish/completions/embedlab.fish";

/// Print a script that makes a shell complete embedlab's commands and options
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The shell
    shell: Shell,
}

pub fn run(args: &Args, mut command: clap::Command, _output: &Output) -> Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "embedlab", &mut script);
    std::io::stdout().write_all(&script).map_err(|error| Error::io("cannot write to stdout", error))?;
    Ok(Outcome::Done)
}
