//! The index that `search --index` keeps beside a file.

use std::path::{Path, PathBuf};
use std::time::Instant;

use embedlab::data::{Data, OpenOptions};
use embedlab::rows::{Metric, Neighbor};
use embedlab::search::{Hnsw, HnswOptions, IndexFile, Recall};
use embedlab::table::{Format, Table};
use embedlab::{Error, Result};
use ndarray::{Array2, ArrayView1, Axis};

use super::analysis::Call;
use super::input::Wanted;
use super::output::grouped;

/// With fewer rows the exact search is as fast, and misses nothing.
const FEWEST_ROWS: usize = 20_000;

/// The width of the walk where no recall was measured.
const EF: usize = 128;

/// Whether and how an index is used.
#[derive(clap::Args)]
pub struct IndexArgs {
    /// Search with an index (HNSW, approximate), from 20,000 rows on; built on first use and saved beside the file,
    /// as large as its vectors
    #[arg(long)]
    index: bool,
    /// Rebuild the index
    #[arg(long, requires = "index")]
    rebuild: bool,
    /// Compare the whole file with the one that the index was built from, not only its size, time and samples
    #[arg(long, requires = "index")]
    verify: bool,
    /// HNSW search breadth (efSearch): larger is more accurate and slower [default: the least whose measured recall
    /// is 0.95]
    #[arg(long, value_name = "N", requires = "index")]
    ef: Option<usize>,
}

/// An index that is ready to answer.
pub struct Answer {
    pub file: PathBuf,
    pub build_seconds: Option<f64>,
    ef: Option<usize>,
    from: From,
}

enum From {
    File(IndexFile),
    Built { index: Hnsw, table: Table, recall: Option<Recall> },
}

impl IndexArgs {
    pub fn is_wanted(&self) -> bool {
        self.index
    }

    /// The index of the file: mapped, or built, measured and kept; `None` where the exact search is better, which
    /// is said.
    pub fn prepare(&self, call: &Call<'_>, metric: Metric) -> Result<Option<Answer>> {
        let (source, output) = (call.input.file(), call.output);
        if !source.is_file() {
            output.note("an index is kept beside one file only; the search is exact");
            return Ok(None);
        }
        let file = beside(source);
        if file.exists() && !self.rebuild {
            let index = IndexFile::open(&file)?;
            index.require_fresh(source, self.verify)?;
            if index.options().metric != metric {
                return Err(Error::argument("the index is of another metric")
                    .with_code("index-stale")
                    .file(&file)
                    .seen(format!("{:?}", index.options().metric).to_lowercase())
                    .advice("search with that metric, or build it anew with --rebuild"));
            }
            return Ok(Some(Answer { file, build_seconds: None, ef: self.ef, from: From::File(index) }));
        }
        let table = call.input.open(&Wanted::default(), call.roles.clone(), output)?.into_table();
        if table.n_rows() < FEWEST_ROWS {
            output.note(format_args!(
                "{} rows: the exact search is as fast up to {} rows, so no index is built",
                grouped(table.n_rows()),
                grouped(FEWEST_ROWS)
            ));
            return Ok(None);
        }
        let start = Instant::now();
        let options = HnswOptions { metric, seed: call.common.seed(), ..Default::default() };
        let bar = output.bar("building the index", table.n_rows());
        let (index, recall) = Hnsw::build_measured(table.vectors(), &options, 10, &|done| {
            bar.show(table.n_rows(), done, String::new)
        })
        .map_err(|error| error.file(source))?;
        drop(bar);
        let seconds = start.elapsed().as_secs_f64();
        match IndexFile::save(&file, &index, table.vectors(), source, table.vector_column(), recall.as_ref())
        {
            Ok(()) => output.note(format_args!("built {} in {seconds:.1} s", file.display())),
            // The answer is there all the same.
            Err(error) => output.warn(format_args!("the index is not kept: {error}")),
        }
        let from = From::Built { index, table, recall };
        Ok(Some(Answer { file, build_seconds: Some(seconds), ef: self.ef, from }))
    }
}

impl Answer {
    pub fn n_rows(&self) -> usize {
        match &self.from {
            From::File(index) => index.n_rows(),
            From::Built { table, .. } => table.n_rows(),
        }
    }

    pub fn dims(&self) -> usize {
        match &self.from {
            From::File(index) => index.dims(),
            From::Built { table, .. } => table.dims(),
        }
    }

    pub fn recall(&self) -> Option<&Recall> {
        match &self.from {
            From::File(index) => index.recall(),
            From::Built { recall, .. } => recall.as_ref(),
        }
    }

    /// The vector of a row.
    pub fn row(&self, row: usize) -> Result<ArrayView1<'_, f32>> {
        match &self.from {
            From::File(index) => index.row(row),
            From::Built { table, .. } if row < table.n_rows() => {
                Ok(table.vectors().index_axis_move(Axis(0), row))
            }
            From::Built { table, .. } => Err(Error::argument("a query row out of range")
                .with_code("row-out-of-range")
                .seen(format!("row {row} of {}, counted from 0", table.n_rows()))),
        }
    }

    /// The width of the walk, and the rows that it finds.
    pub fn search(&self, query: ArrayView1<'_, f32>, k: usize) -> Result<(usize, Vec<Neighbor>)> {
        let ef = self.ef.unwrap_or_else(|| self.recall().map_or(EF, Recall::default_ef));
        let found = match &self.from {
            From::File(index) => index.search(query, k, ef)?,
            From::Built { index, table, .. } => index.search(table.vectors(), query, k, ef)?,
        };
        Ok((ef, found))
    }

    /// The rows' columns; their vectors are read only where the format leaves no choice.
    pub fn columns(&self, call: &Call<'_>) -> Result<Data> {
        let index = match &self.from {
            From::Built { table, .. } => return Ok(Data::new(table.clone(), call.roles.clone())),
            From::File(index) => index,
        };
        let input = call.input;
        let _busy = call.output.busy(format!("reading {}", input.name()));
        let read = input.options();
        let format = read.format.or_else(|| Format::from_extension(input.file()));
        let alone = matches!(format, Some(Format::Npy | Format::Npz | Format::Safetensors));
        if alone && read.sidecar.is_none() {
            return Ok(Data::from(Table::from_vectors(Array2::zeros((index.n_rows(), 0)))));
        }
        let options = OpenOptions { read, roles: call.roles.clone(), stream: true, ..Default::default() };
        if matches!(format, Some(Format::Csv | Format::Tsv)) {
            return Data::open_columns(&input.paths(), &options);
        }
        let data = Data::open_all(&input.paths(), &options)?;
        if data.table().vector_column() != index.vector_column() {
            return Err(Error::input("the index is of another vector column")
                .with_code("index-stale")
                .file(&self.file)
                .seen(index.vector_column().to_owned())
                .advice("name that column with --vector, or build the index anew with --rebuild"));
        }
        Ok(data)
    }
}

/// Where the index of a file is kept.
fn beside(file: &Path) -> PathBuf {
    let mut path = file.to_owned().into_os_string();
    path.push(".hnsw");
    PathBuf::from(path)
}
