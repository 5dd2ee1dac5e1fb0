//! `cluster --describe`: clusters described by a chat model, where the user wants it.

use clap::{Args, Command, FromArgMatches};
use embedlab::analysis::AnyOutcome;
use embedlab::cluster::{Clustering, describe};
use embedlab::data::Data;
use embedlab::{Error, Result};
use rand::SeedableRng;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;

use super::analysis::{Call, Extra, conflict};
use super::server::Server;

/// What `cluster` has besides its analysis.
pub const DESCRIBE: Extra =
    Extra { apply: Some(apply), ..Extra::new("cluster", |command: Command| Describe::augment_args(command)) };

/// Rows of a cluster that the model is shown.
const SHOWN: usize = 10;

/// A chat model for descriptions.
#[derive(clap::Args)]
struct Describe {
    /// Describe each cluster with this chat model, which is sent ten of its texts
    #[arg(long, value_name = "MODEL")]
    describe: Option<String>,
    #[command(flatten)]
    server: Server,
}

/// Puts a description into each cluster, if one was asked for.
fn apply(call: &Call<'_>, found: &mut dyn AnyOutcome, data: &Data) -> Result<()> {
    let (matches, common, output) = (call.matches, call.common, call.output);
    let asked = Describe::from_arg_matches(matches).map_err(conflict)?;
    let (Some(model), Some(found)) = (&asked.describe, found.as_any_mut().downcast_mut::<Clustering>())
    else {
        return Ok(());
    };
    let Some(texts) = data.texts()? else {
        return Err(Error::argument("no texts to describe clusters by")
            .with_code("no-column")
            .advice("name their column with --text"));
    };
    let client = asked.server.client(None, common.seed(), Some(output))?;
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
