//! `embedlab code`: the functions of a source tree, indexed and searched.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, StringArray, UInt64Array};
use arrow::record_batch::RecordBatch;
use embedlab::embed::{Embedder, Lsa, LsaOptions};
use embedlab::rows::Metric;
use embedlab::search::code::{Function, Skipped, source_tree};
use embedlab::search::{Filter, search};
use embedlab::table::Table;
use embedlab::{Error, Result};
use serde::Serialize;

use super::beside::write_table;
use super::embedder::{With, by_name, save_beside};
use super::input::Input;
use super::output::{Rows, grouped, printable};
use super::outputs::Outputs;
use super::server::Server;
use super::{Common, Outcome, Output};

const EXAMPLES: &str = "\
Examples:
  embedlab code index src -o code.parquet
  embedlab code search code.parquet 'read a parquet file'
  embedlab code search code.parquet 'retry a request' --where \"language = 'python'\" --json | jq '.hits'";

/// Index the functions of a source tree, and search them by what they do
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Index(IndexArgs),
    Search(SearchArgs),
}

const INDEX_EXAMPLES: &str = "\
Examples:
  embedlab code index . -o code.parquet
  embedlab code index src -o code.parquet --json | jq '{files, functions}'";

/// Find the functions of a source tree (Python, Rust, JavaScript, TypeScript, Go) and embed them
#[derive(clap::Args)]
#[command(after_help = INDEX_EXAMPLES)]
struct IndexArgs {
    /// The folder, or one file; what .gitignore leaves out is left out
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// lsa to fit a lexical model to these functions, the file of one that was fitted before, or the name of a server's model
    #[arg(long, value_name = "MODEL", default_value = "lsa")]
    model: String,
    #[command(flatten)]
    server: Server,
    /// The table to write: path, function, line, end_line, language, doc, code, text, embedding
    #[arg(short, long, value_name = "FILE", default_value = "code.parquet")]
    output: PathBuf,
}

const SEARCH_EXAMPLES: &str = "\
Examples:
  embedlab code search code.parquet 'read a parquet file'
  embedlab code search code.parquet 'retry a request' -k 3 --json | jq '.hits[].path'";

/// Search the functions of an index
#[derive(clap::Args)]
#[command(after_help = SEARCH_EXAMPLES)]
struct SearchArgs {
    #[command(flatten)]
    input: Input,
    /// Description of the function to find
    #[arg(value_name = "QUERY")]
    query: String,
    #[command(flatten)]
    with: With,
    /// Search only among functions that fulfil this, such as "language = 'rust'"
    #[arg(long = "where", value_name = "FILTER")]
    filter: Option<String>,
    /// How many functions
    #[arg(short, long, value_name = "K", default_value_t = 5)]
    k: usize,
}

#[derive(Serialize)]
struct Indexed {
    files: usize,
    functions: usize,
    top_level: usize,
    languages: BTreeMap<&'static str, usize>,
    skipped: Vec<Skipped>,
    with_errors: Vec<PathBuf>,
    model: String,
    output: String,
}

#[derive(Serialize)]
struct Found {
    query: String,
    functions: usize,
    hits: Vec<Hit>,
}

#[derive(Serialize)]
struct Hit {
    path: String,
    function: String,
    line: u64,
    end_line: u64,
    score: f64,
    doc: String,
}

pub fn run(args: &Args, common: &Common, output: &Output) -> Result<Outcome> {
    match &args.command {
        Command::Index(args) => index(args, common, output),
        Command::Search(args) => find(args, output),
    }
}

fn index(args: &IndexArgs, common: &Common, output: &Output) -> Result<Outcome> {
    Outputs::default().table(Some(&args.output), None)?;
    let tree = {
        let _busy = output.busy("reading functions");
        source_tree(&args.folder)?
    };
    let functions = &tree.functions;
    if functions.is_empty() {
        return Err(Error::input("no functions")
            .file(&args.folder)
            .seen(format!("{} files of a known language", tree.files))
            .advice("known are Python, Rust, JavaScript, TypeScript and Go"));
    }
    let texts: Vec<String> = functions.iter().map(Function::text).collect();
    let embedder: Box<dyn Embedder> = if args.model == "lsa" {
        let _busy = output.busy(format!("learning from {} functions", grouped(functions.len())));
        let lsa = Lsa::fit(&texts, &LsaOptions { seed: common.seed, ..Default::default() })?;
        save_beside(&lsa, &args.output, output)?;
        Box::new(lsa)
    } else {
        by_name(&args.model, &args.server, false, output)?
    };
    let vectors = embedder.embed(&texts)?;
    let text = |of: fn(&Function) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(functions.iter().map(of)))
    };
    let number = |of: fn(&Function) -> usize| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(functions.iter().map(|function| of(function) as u64)))
    };
    let model = embedder.model();
    let columns = RecordBatch::try_from_iter([
        ("path", text(|function| &function.path)),
        ("function", text(|function| &function.name)),
        ("line", number(|function| function.line)),
        ("end_line", number(|function| function.end_line)),
        (
            "top_level",
            Arc::new(BooleanArray::from_iter(functions.iter().map(|f| Some(f.top_level)))) as ArrayRef,
        ),
        ("language", text(|function| function.language)),
        ("doc", text(|function| &function.doc)),
        ("code", text(|function| &function.code)),
        ("text", Arc::new(StringArray::from_iter_values(&texts)) as ArrayRef),
        ("model", Arc::new(StringArray::from_iter_values(functions.iter().map(|_| &model))) as ArrayRef),
    ])
    .map_err(|error| Error::input("the functions cannot be put in a table").source(error))?;
    write_table(&Table::new(vectors, columns, "embedding")?, &args.output, output)?;
    let mut languages = BTreeMap::new();
    functions.iter().for_each(|function| *languages.entry(function.language).or_insert(0) += 1);
    let found = Indexed {
        files: tree.files,
        functions: functions.len(),
        top_level: functions.iter().filter(|function| function.top_level).count(),
        languages,
        skipped: tree.skipped,
        with_errors: tree.with_errors,
        model,
        output: args.output.display().to_string(),
    };
    for skipped in &found.skipped {
        output.warn(format_args!("skipped {}: {}", skipped.path.display(), skipped.reason));
    }
    output.result(&found, |out| {
        let languages: Vec<String> = found
            .languages
            .iter()
            .map(|(language, count)| format!("{language} {}", grouped(*count)))
            .collect();
        writeln!(
            out,
            "{}: {} functions of {} files ({})",
            found.output,
            grouped(found.functions),
            grouped(found.files),
            languages.join(", ")
        )?;
        if !found.with_errors.is_empty() {
            writeln!(
                out,
                "not parsed as a whole: {}; what could be found there is here",
                found.with_errors.len()
            )?;
        }
        writeln!(out, "search them: embedlab code search {} 'what it does'", found.output)
    })?;
    Ok(Outcome::Done)
}

fn find(args: &SearchArgs, output: &Output) -> Result<Outcome> {
    let filter = args.filter.as_deref().map(Filter::parse).transpose()?;
    let table = args.input.read(output)?;
    for column in ["path", "function", "line"] {
        if table.column(column).is_err() {
            return Err(Error::input("no index of functions")
                .file(args.input.file())
                .seen(format!("no column {column}"))
                .advice("make one with embedlab code index DIR -o code.parquet"));
        }
    }
    let query = args.with.embed(
        std::slice::from_ref(&args.query),
        &table,
        args.input.file(),
        "the embedder with --model FILE",
    )?;
    let keep = filter.map(|filter| filter.keep(table.columns())).transpose()?;
    let found = search(table.vectors(), query.row(0), args.k, Metric::Cosine, keep.as_deref())
        .map_err(|error| error.file(args.input.file()))?;
    let text = |column: &str| -> Result<Vec<Option<String>>> {
        if table.column(column).is_ok() { table.text(column) } else { Ok(vec![None; table.n_rows()]) }
    };
    let number = |column: &str| -> Result<Vec<Option<f64>>> {
        if table.column(column).is_ok() { table.numbers(column) } else { Ok(vec![None; table.n_rows()]) }
    };
    let (paths, names, docs) = (text("path")?, text("function")?, text("doc")?);
    let (lines, ends) = (number("line")?, number("end_line")?);
    let said = |values: &[Option<String>], row: usize| values[row].clone().unwrap_or_default();
    let found = Found {
        query: args.query.clone(),
        functions: table.n_rows(),
        hits: found
            .iter()
            .map(|hit| Hit {
                path: said(&paths, hit.row),
                function: said(&names, hit.row),
                line: lines[hit.row].unwrap_or_default() as u64,
                end_line: ends[hit.row].unwrap_or_default() as u64,
                score: 1.0 - hit.distance,
                doc: said(&docs, hit.row).lines().next().unwrap_or_default().to_owned(),
            })
            .collect(),
    };
    output.result(&found, |out| {
        let mut rows = Rows::new(&["cosine", "function", "where", "about"], &[0]);
        for hit in &found.hits {
            rows.push(vec![
                format!("{:.3}", hit.score),
                printable(&hit.function),
                printable(&format!("{}:{}", hit.path, hit.line)),
                printable(&hit.doc.chars().take(80).collect::<String>()),
            ]);
        }
        writeln!(out, "{rows}")
    })?;
    Ok(Outcome::Done)
}
