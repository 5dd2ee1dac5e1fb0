//! What `cluster` has besides its analysis: descriptions by a chat model, and clusters as a folder of Parquet files.

use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, FromArgMatches, ValueEnum};
use embedlab::analysis::{AnyOutcome, check_partitioned, write_partitioned};
use embedlab::cluster::{ClusterOptions, Clustering, describe};
use embedlab::data::Data;
use embedlab::{Error, Result};
use rand::SeedableRng;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;

use super::analysis::{Call, Extra, conflict};
use super::server::Server;

/// What `cluster` has besides its analysis.
pub const DESCRIBE: Extra = Extra {
    apply: Some(apply),
    folder: Some(folder),
    ..Extra::new("cluster", |command: Command| Describe::augment_args(command))
};

/// Rows of a cluster that the model is shown.
const SHOWN: usize = 10;

/// A chat model for descriptions.
#[derive(clap::Args)]
struct Describe {
    /// Describe each cluster with this chat model, which is sent ten of its texts
    #[arg(long, value_name = "MODEL")]
    describe: Option<String>,
    /// What -o is: a table, or a folder of Parquet files by cluster (centroid=0/ and so on), as Spark, DuckDB and NeMo Curator
    /// read it, with l2_dist_to_cent, cosine_dist_to_cent and kmeans_centroids.npy
    #[arg(long, value_name = "LAYOUT", default_value = "table", help_heading = "Output")]
    layout: Layout,
    #[command(flatten)]
    server: Server,
}

/// How `-o` lays the rows out.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Layout {
    Table,
    Partitioned,
}

/// The folder of a partitioned output.
fn folder(matches: &ArgMatches) -> Result<Option<PathBuf>> {
    if Describe::from_arg_matches(matches).map_err(conflict)?.layout == Layout::Table {
        return Ok(None);
    }
    let path = matches.get_one::<PathBuf>("output").ok_or_else(|| {
        Error::argument("a partitioned layout without a folder").advice("name it with -o FOLDER")
    })?;
    check_partitioned(&ClusterOptions::from_arg_matches(matches).map_err(conflict)?, path)?;
    Ok(Some(path.clone()))
}

/// Puts a description into each cluster, and writes the folder, where they were asked for.
fn apply(call: &Call<'_>, found: &mut dyn AnyOutcome, data: &Data) -> Result<()> {
    let asked = Describe::from_arg_matches(call.matches).map_err(conflict)?;
    let Some(found) = found.as_any_mut().downcast_mut::<Clustering>() else { return Ok(()) };
    if let (Layout::Partitioned, Some(folder)) = (asked.layout, call.matches.get_one::<PathBuf>("output")) {
        let files = write_partitioned(found, data, folder)?;
        call.output.note(format_args!("wrote {files} Parquet files into {}", folder.display()));
    }
    let Some(model) = &asked.describe else { return Ok(()) };
    described(call, &asked.server, model, found, data)
}

/// Puts a description into each cluster.
fn described(
    call: &Call<'_>,
    server: &Server,
    model: &str,
    found: &mut Clustering,
    data: &Data,
) -> Result<()> {
    let (common, output) = (call.common, call.output);
    let Some(texts) = data.texts()? else {
        return Err(Error::argument("no texts to describe clusters by")
            .with_code("no-column")
            .advice("name their column with --text"));
    };
    let client = server.client(None, common.seed(), Some(output))?;
    let groups: Vec<Vec<String>> = found
        .clusters
        .iter()
        .map(|cluster| {
            let is_member = |row: &usize| found.labels[*row] == Some(cluster.id);
            let members: Vec<&String> =
                (0..texts.len()).filter(is_member).filter_map(|row| texts[row].as_ref()).collect();
            // A random stream for each cluster.
            let mut random = ChaCha8Rng::seed_from_u64(common.seed());
            random.set_stream(u64::from(cluster.id));
            let mut chosen = sample(&mut random, members.len(), SHOWN.min(members.len())).into_vec();
            chosen.sort_unstable();
            chosen.into_iter().map(|at| members[at].clone()).collect()
        })
        .collect();
    let _busy = output.busy(format!("asking {model}"));
    for (cluster, said) in found.clusters.iter_mut().zip(describe(&client, model, &groups)?) {
        cluster.description = Some(said);
    }
    Ok(())
}
