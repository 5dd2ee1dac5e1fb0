//! `embedlab report`: everything that fits the file's columns, as one page.

use std::io::Write;
use std::path::PathBuf;

use embedlab::cluster::analyse;
use embedlab::map::{NeighborsKept, neighbors_kept};
use embedlab::report::{Page, PcaMap, clusters, map, overview};
use embedlab::rows::Pca;
use embedlab::table::{check, write_whole};
use embedlab::{Error, Result};
use ndarray::{Array2, ArrayView2};
use serde::Serialize;

use super::cluster::How;
use super::input::Input;
use super::output::grouped;
use super::{Common, Outcome, Output};

const EXAMPLES: &str = "\
Examples:
  embedlab report reviews.parquet
  embedlab report reviews.csv --k 8 --label Score -o reviews.html
  embedlab report reviews.csv --json | jq '.sections[].title'";

/// Neighbours of each row that the map is asked about.
const NEIGHBORS: usize = 10;

/// Write the whole analysis as one page that needs no network
#[derive(clap::Args)]
#[command(after_help = EXAMPLES, mut_arg("k", |k| k.default_value("auto")))]
pub struct Args {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    how: How,
    /// The page to write
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    output: PathBuf,
}

#[derive(Serialize)]
struct Written<'a> {
    file: String,
    #[serde(flatten)]
    page: &'a Page,
}

pub fn run(args: &Args, common: &Common, output: &Output) -> Result<Outcome> {
    super::output::writable(&args.output)?;
    let table = args.input.read(output)?;
    let about = args.how.about(&table, output)?;
    let rows = table.vectors();
    let failed = |error: Error| error.file(&args.input.file);

    let mut page = Page::new(args.input.name());
    page.subtitle =
        format!("{} rows of {} numbers in {}", grouped(table.n_rows()), table.dims(), table.vector_column());
    page.provenance.command = command_line();
    page.provenance.seed = Some(common.seed);
    let analysis = {
        let _busy = output.busy(format!("clustering {} rows", grouped(table.n_rows())));
        analyse(rows, &about, &args.how.options(common.seed)).map_err(failed)?
    };
    let _busy = output.busy("drawing");
    let projected = project(rows, common.seed).map_err(failed)?;
    page.sections.push(overview(&check(rows).with_columns(table.column_names()), &about)?);
    page.sections.push(clusters(&analysis)?);
    page.sections.push(map(&projected.map(), &analysis, about.label.as_ref())?);
    let html = page.render();
    write_whole(&args.output, |out| {
        out.write_all(html.as_bytes()).map_err(|error| Error::io("cannot write", error).file(&args.output))
    })?;
    drop(_busy);
    let written = Written { file: args.output.display().to_string(), page: &page };
    output.result(&written, |out| {
        let titles: Vec<&str> = page.sections.iter().map(|section| section.title.as_str()).collect();
        writeln!(out, "{}: {}", args.output.display(), titles.join(", "))?;
        writeln!(out, "open it in a browser; it needs no network")
    })?;
    Ok(Outcome::Done)
}

/// Rows on their first two principal components.
pub struct Projected {
    points: Array2<f32>,
    explained: [f64; 2],
    neighbors_kept: Option<NeighborsKept>,
}

impl Projected {
    pub fn map(&self) -> PcaMap<'_> {
        PcaMap {
            points: self.points.view(),
            explained_variance_ratio: self.explained,
            neighbors_kept: self.neighbors_kept,
        }
    }
}

/// Lays the rows out by their first two principal components.
pub fn project(rows: ArrayView2<'_, f32>, seed: u64) -> Result<Projected> {
    let pca = Pca::fit(&rows, 2)?;
    let found = pca.transform(&rows)?;
    // One dimension, or two rows, have one component: the other axis is flat.
    let mut points = Array2::zeros((rows.nrows(), 2));
    let mut explained = [0.0; 2];
    for (c, column) in found.columns().into_iter().enumerate() {
        points.column_mut(c).assign(&column);
        explained[c] = pca.explained_variance_ratio[c];
    }
    let enough = rows.nrows() > 2 * NEIGHBORS;
    let neighbors_kept =
        if enough { Some(neighbors_kept(rows, points.view(), NEIGHBORS, seed)?) } else { None };
    Ok(Projected { points, explained, neighbors_kept })
}

/// The command as it was typed, with the program's bare name.
fn command_line() -> String {
    let quoted = |argument: String| if argument.contains(' ') { format!("'{argument}'") } else { argument };
    let arguments =
        std::env::args_os().skip(1).map(|argument| quoted(argument.to_string_lossy().into_owned()));
    std::iter::once("embedlab".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
}
