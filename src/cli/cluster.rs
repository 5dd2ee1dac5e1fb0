//! `embedlab cluster`: which clusters are there.

use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::Int64Array;
use clap::ValueEnum;
use embedlab::chart::{Picture, Style};
use embedlab::cluster::{
    About, Analysis, AnalysisOptions, Choice, ClusterCount, DbscanOptions, HdbscanOptions, KMeans, Method,
    Noise, analyse,
};
use embedlab::map::RowMap;
use embedlab::report::{choice_picture, cluster_picture};
use embedlab::table::Table;
use embedlab::{Error, Result};
use serde::Serialize;

use super::beside::write_beside;
use super::columns::{label_column, text_column};
use super::describe::Describe;
use super::input::TableInput;
use super::output::{Rows, grouped, printable};
use super::outputs::Outputs;
use super::{Common, Outcome, Output};

const EXAMPLES: &str = "\
Examples:
  embedlab cluster reviews.csv --k 4
  embedlab cluster reviews.parquet --k auto --picture choice.svg
  embedlab cluster reviews.parquet --k 12 -o clustered.csv --save clusters.safetensors
  embedlab cluster new.parquet --model clusters.safetensors -o new_clustered.csv
  embedlab cluster reviews.parquet --k 4 --describe gpt-4o-mini
  embedlab cluster reviews.parquet --method hdbscan --json | jq .noise";

/// Find clusters, name them, score them, and compare them with a label
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: TableInput,
    #[command(flatten)]
    how: How,
    /// Write the rows with their cluster in a column `cluster`; the extension names the format
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Draw a picture: how k was chosen (with a range or auto), else the clusters on a PCA map
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    #[command(flatten)]
    describe: Describe,
    /// Save the k-means model
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    save: Option<PathBuf>,
    /// Do not fit: give each row the nearest cluster of a saved k-means model
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
}

/// How to cluster; shared with `report`.
#[derive(clap::Args)]
pub struct How {
    /// The number of clusters: one, a range such as 2..12, or auto (2..12)
    #[arg(long, value_name = "K", default_value = "4", value_parser = count)]
    pub k: Count,
    /// How to cluster
    #[arg(long, value_name = "METHOD", default_value = "k-means")]
    method: MethodName,
    /// Starts of k-means; the best is kept
    #[arg(long, value_name = "N", default_value_t = 10)]
    n_init: usize,
    /// Iterations of one start at most
    #[arg(long, value_name = "N", default_value_t = 300)]
    max_iter: usize,
    /// k-means has converged when its centroids move less than this, relative to the variance
    #[arg(long, value_name = "TOL", default_value_t = 1e-4)]
    tol: f64,
    /// k-means in mini-batches of this many rows
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// Reduce to this many principal components first [default: 10 for mixture, dbscan and hdbscan]
    #[arg(long, value_name = "N")]
    pca: Option<usize>,
    /// DBSCAN: the radius of a neighbourhood [default: from the distances of neighbours]
    #[arg(long, value_name = "DISTANCE")]
    eps: Option<f64>,
    /// DBSCAN and HDBSCAN: rows in a dense neighbourhood
    #[arg(long, value_name = "N")]
    min_samples: Option<usize>,
    /// HDBSCAN: rows in the smallest cluster
    #[arg(long, value_name = "N", default_value_t = 5)]
    min_cluster_size: usize,
    /// DBSCAN and HDBSCAN: what becomes of rows in no dense region
    #[arg(long, value_name = "WHAT", default_value = "keep")]
    noise: NoiseName,
    /// The column with the texts, for names and examples [default: one with a usual name, or the longest]
    #[arg(long, value_name = "COL")]
    pub text: Option<String>,
    /// A column to compare the clusters with [default: one with a usual name, such as Score]
    #[arg(long, value_name = "COL")]
    pub label: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum MethodName {
    KMeans,
    Spherical,
    Mixture,
    Dbscan,
    Hdbscan,
}

#[derive(Clone, Copy, ValueEnum)]
enum NoiseName {
    Keep,
    Nearest,
}

/// How many clusters were asked for.
#[derive(Clone)]
pub enum Count {
    Exactly(usize),
    Within(RangeInclusive<usize>),
}

fn count(text: &str) -> std::result::Result<Count, String> {
    let number = |text: &str| {
        text.parse::<usize>().ok().filter(|k| *k > 0).ok_or_else(|| {
            format!("`{text}` is no number of clusters; give one like 4, a range like 2..12, or auto")
        })
    };
    if text == "auto" {
        return Ok(Count::Within(2..=12));
    }
    match text.split_once("..") {
        None => Ok(Count::Exactly(number(text)?)),
        Some((first, last)) => {
            let (first, last) = (number(first)?, number(last.trim_start_matches('='))?);
            if first > last {
                Err(format!("the range {first}..{last} is empty"))
            } else {
                Ok(Count::Within(first..=last))
            }
        }
    }
}

impl How {
    /// The options as the library takes them.
    pub fn options(&self, seed: u64) -> AnalysisOptions {
        let noise = match self.noise {
            NoiseName::Keep => Noise::Keep,
            NoiseName::Nearest => Noise::Nearest,
        };
        let dbscan = DbscanOptions::default();
        AnalysisOptions {
            method: match self.method {
                MethodName::KMeans => Method::KMeans,
                MethodName::Spherical => Method::Spherical,
                MethodName::Mixture => Method::Mixture,
                MethodName::Dbscan => Method::Dbscan,
                MethodName::Hdbscan => Method::Hdbscan,
            },
            count: match &self.k {
                Count::Exactly(k) => ClusterCount::Exactly(*k),
                Count::Within(range) => ClusterCount::Within(range.clone()),
            },
            n_init: self.n_init,
            max_iter: self.max_iter,
            tol: self.tol,
            batch_size: self.batch_size,
            components: self.pca,
            dbscan: DbscanOptions {
                eps: self.eps,
                min_samples: self.min_samples.unwrap_or(dbscan.min_samples),
                noise,
            },
            hdbscan: HdbscanOptions {
                min_cluster_size: self.min_cluster_size,
                min_samples: self.min_samples,
                noise,
            },
            seed,
            ..AnalysisOptions::default()
        }
    }

    /// The texts and the label that the options or the usual names point at.
    pub fn about(&self, table: &Table, output: &Output) -> Result<About> {
        let text = text_column(table, self.text.as_deref())?;
        let label = label_column(table, self.label.as_deref())?;
        for (what, found, named) in [("texts", &text, &self.text), ("labels", &label, &self.label)] {
            if let (Some(found), None) = (found, named) {
                output.note(format_args!("using the column {found} for {what}"));
            }
        }
        About::from_table(table, text.as_deref(), label.as_deref())
    }
}

pub fn run(args: &Args, common: &Common, output: &Output) -> Result<Outcome> {
    Outputs::of([Some(args.input.file.as_path()), args.model.as_deref()].into_iter().flatten())
        .rows(args.output.as_deref(), None)?
        .picture(args.picture.as_deref())?
        .model(args.save.as_deref())?;
    let table = args.input.read(output)?;
    if let Some(model) = &args.model {
        return assign(args, &table, model, output);
    }
    let about = args.how.about(&table, output)?;
    let mut analysis = {
        let _busy = output.busy(format!("clustering {} rows", grouped(table.n_rows())));
        analyse(table.vectors(), &about, &args.how.options(common.seed))
            .map_err(|error| error.file(&args.input.file))?
    };
    if analysis.choice.as_ref().is_some_and(Choice::is_largest_tried) {
        output.warn(format_args!(
            "{} is the largest k that was tried; try a wider range, such as --k 2..{}",
            analysis.k,
            2 * analysis.k
        ));
    }
    if args.describe.is_wanted() {
        args.describe.describe(&mut analysis, about.texts.as_deref(), common.seed, output)?;
    }
    if let Some(path) = &args.save {
        let model = analysis.model.as_ref().filter(|_| analysis.components.is_none()).ok_or_else(|| {
            Error::argument("only k-means on the rows as they are can be saved")
                .advice("leave --save or --pca out")
        })?;
        model.save(path)?;
    }
    if let Some(path) = &args.picture {
        picture(&table, &analysis, common.seed)?.save(path)?;
        output.note(format_args!("drew {}", path.display()));
    }
    if let Some(path) = &args.output {
        write_with_clusters(&table, &analysis.labels, path, output)?;
    }
    output.result(&analysis, |out| print(&analysis, out))?;
    Ok(Outcome::Done)
}

#[derive(Serialize)]
struct Assigned {
    k: usize,
    sizes: Vec<usize>,
    labels: Vec<Option<u32>>,
}

fn assign(args: &Args, table: &Table, model: &Path, output: &Output) -> Result<Outcome> {
    let model = KMeans::load(model)?;
    let labels = model.predict_rows(&table.vectors()).map_err(|error| error.file(&args.input.file))?;
    let mut sizes = vec![0; model.n_clusters()];
    labels.iter().flatten().for_each(|label| sizes[*label as usize] += 1);
    if let Some(path) = &args.output {
        write_with_clusters(table, &labels, path, output)?;
    }
    let assigned = Assigned { k: model.n_clusters(), sizes, labels };
    output.result(&assigned, |out| {
        let mut rows = Rows::new(&["cluster", "rows"], &[0, 1]);
        for (cluster, size) in assigned.sizes.iter().enumerate() {
            rows.push(vec![cluster.to_string(), grouped(*size)]);
        }
        writeln!(out, "{rows}")
    })?;
    Ok(Outcome::Done)
}

fn picture(table: &Table, analysis: &Analysis, seed: u64) -> Result<Picture> {
    match &analysis.choice {
        Some(choice) => choice_picture(choice, Style::new("How many clusters")),
        None => {
            let map = RowMap::by_pca(table.vectors(), 2, seed)?;
            cluster_picture(&map, analysis, Style::new("Clusters on the PCA map"))
        }
    }
}

/// All columns and vectors, and the cluster of each row (empty for noise).
fn write_with_clusters(table: &Table, labels: &[Option<u32>], path: &Path, output: &Output) -> Result<()> {
    let clusters: Int64Array = labels.iter().map(|label| label.map(i64::from)).collect();
    write_beside(table, vec![("cluster", Arc::new(clusters))], path, output)
}

fn print(analysis: &Analysis, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{} clusters of {} rows", analysis.k, grouped(analysis.labels.len()))?;
    if analysis.noise > 0 {
        write!(out, ", {} rows in none", grouped(analysis.noise))?;
    }
    if let Some(inertia) = analysis.inertia {
        write!(out, "; inertia {inertia:.2}")?;
    }
    match (analysis.silhouette, analysis.silhouette_standard_error) {
        (Some(mean), Some(error)) => write!(out, "; silhouette {mean:.3} ± {:.3} (sampled)", 1.96 * error)?,
        (Some(mean), None) => write!(out, "; silhouette {mean:.3}")?,
        (None, _) => {}
    }
    writeln!(out)?;
    if let Some(choice) = &analysis.choice {
        let mixture = choice.candidates.iter().any(|candidate| candidate.bic.is_some());
        let cost = if mixture { "BIC" } else { "inertia" };
        let mut rows = Rows::new(&["k", cost, "silhouette", ""], &[0, 1, 2]);
        for candidate in &choice.candidates {
            let mut marks = Vec::new();
            if choice.by_silhouette == Some(candidate.k) {
                marks.push("best silhouette");
            }
            if choice.by_elbow == Some(candidate.k) {
                marks.push("elbow");
            }
            rows.push(vec![
                candidate.k.to_string(),
                candidate.inertia.or(candidate.bic).map_or_else(String::new, |cost| format!("{cost:.1}")),
                candidate.silhouette.map_or_else(String::new, |mean| format!("{mean:.4}")),
                marks.join(", "),
            ]);
        }
        writeln!(out, "\n{rows}")?;
    }
    let mean = analysis.label.as_ref().map(|label| format!("mean {label}")).unwrap_or_default();
    let has_mean = analysis.clusters.iter().any(|cluster| cluster.mean_label.is_some());
    let header = if has_mean { vec!["", "rows", &mean, "terms"] } else { vec!["", "rows", "terms"] };
    let mut rows = Rows::new(&header, if has_mean { &[0, 1, 2] } else { &[0, 1] });
    for cluster in &analysis.clusters {
        let mut cells = vec![cluster.id.to_string(), grouped(cluster.size)];
        if has_mean {
            cells.push(cluster.mean_label.map_or_else(String::new, |mean| format!("{mean:.2}")));
        }
        cells.push(cluster.terms.join(", "));
        rows.push(cells);
    }
    writeln!(out, "\n{rows}")?;
    for cluster in &analysis.clusters {
        let texts: Vec<&str> =
            cluster.examples.iter().filter_map(|example| example.text.as_deref()).collect();
        if !texts.is_empty() || cluster.description.is_some() {
            let said = cluster.description.as_deref().map(|said| format!(": {}", printable(said)));
            writeln!(out, "\ncluster {}{}", cluster.id, said.unwrap_or_default())?;
        }
        for text in texts {
            let text: String = printable(text).chars().take(90).collect();
            writeln!(out, "  {}", text.trim_end())?;
        }
    }
    if let (Some(agreement), Some(label)) = (&analysis.agreement, &analysis.label) {
        writeln!(
            out,
            "\nagreement with {}: V-measure {:.3}, AMI {:.3}, ARI {:.3}, NMI {:.3} (AMI and ARI: 0 is chance)",
            printable(label),
            agreement.v_measure,
            agreement.ami,
            agreement.ari,
            agreement.nmi
        )?;
    }
    Ok(())
}
