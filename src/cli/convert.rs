//! `embedlab convert`: any format to any format.

use std::ops::ControlFlow;
use std::path::PathBuf;

use embedlab::Result;
use embedlab::analysis::Cost;
use embedlab::data::Roles;
use embedlab::rows::RowSource;
use embedlab::table::{self, Format, VectorLayout, WriteOptions};
use serde::Serialize;

use super::beside::warn_of_dropped;
use super::input::{FormatName, TableInput, Wanted};
use super::output::grouped;
use super::outputs::Outputs;
use super::plan::planned;
use super::{Outcome, Output};

const EXAMPLES: &str = "\
Examples:
  embedlab convert reviews.csv reviews.parquet
  embedlab convert vectors.npy rows.csv --sidecar metadata.csv
  embedlab convert reviews.parquet - --to jsonl | head -1
  embedlab convert dump.jsonl vectors.safetensors --vector embedding";

/// Convert stored embeddings from any format to any other
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: TableInput,
    /// The file to write; its extension names the format; - is standard output
    #[arg(value_name = "OUT")]
    out: PathBuf,
    /// The format to write [default: from the extension; csv for standard output]
    #[arg(long, value_name = "FORMAT")]
    to: Option<FormatName>,
    /// Write vectors of Parquet and Arrow files as plain lists, for readers without fixed-size lists
    #[arg(long)]
    list: bool,
}

#[derive(Serialize)]
struct Converted {
    rows: usize,
    dims: usize,
    dropped_columns: Vec<String>,
    /// What the format could not say as it was.
    losses: Vec<String>,
}

pub fn run(args: &Args, output: &Output) -> Result<Outcome> {
    let (outputs, to) = (Outputs::of(args.input.paths()), args.to.map(Format::from));
    match args.input.keeps_all() {
        true => outputs.rows(Some(&args.out), to)?,
        false => outputs.table(Some(&args.out), to)?,
    };
    let wanted = Wanted { blocks: true, ..Default::default() };
    let options = WriteOptions {
        format: args.to.map(Format::from),
        layout: if args.list { VectorLayout::List } else { VectorLayout::FixedSizeList },
        ..Default::default()
    };
    let in_blocks = table::writes_in_blocks(&args.out, &options);
    let cost = |_, _, _| Ok(if in_blocks { Cost::blocks(1) } else { Cost::all_rows() });
    let wanted = match planned("convert", &args.input, wanted, output, cost)? {
        ControlFlow::Continue(wanted) => wanted,
        ControlFlow::Break(shown) => return Ok(shown),
    };
    let data = args.input.open(&wanted, Roles::default(), output)?;
    let written = {
        let _busy = output.busy(format!("writing {}", args.out.display()));
        data.write(Vec::new(), &args.out, &options)?
    };
    warn_of_dropped(&written, &args.out, output);
    let converted = Converted {
        rows: data.n_rows(),
        dims: data.dims(),
        dropped_columns: written.dropped_columns,
        losses: written.losses,
    };
    output.result(&converted, |out| {
        writeln!(
            out,
            "{} rows, {} dimensions: written to {}",
            grouped(data.n_rows()),
            data.dims(),
            args.out.display()
        )
    })?;
    Ok(Outcome::Done)
}
