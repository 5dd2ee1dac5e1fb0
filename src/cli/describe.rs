//! `--describe`: clusters described by a chat model, where the user wants it.

use embedlab::cluster::Analysis;
use embedlab::embed::describe;
use embedlab::{Error, Result};
use rand::SeedableRng;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;

use super::output::Output;
use super::server::Server;

/// Rows of a cluster that the model is shown.
const SHOWN: usize = 10;

/// A chat model for descriptions.
#[derive(clap::Args)]
pub struct Describe {
    /// Have each cluster described by this chat model of the server, which is sent ten of its rows' texts
    #[arg(long, value_name = "MODEL")]
    describe: Option<String>,
    #[command(flatten)]
    server: Server,
}

impl Describe {
    /// Puts a description into each cluster, if one was asked for.
    pub fn describe(
        &self,
        analysis: &mut Analysis,
        texts: Option<&[Option<String>]>,
        seed: u64,
        output: &Output,
    ) -> Result<()> {
        let Some(model) = &self.describe else { return Ok(()) };
        let Some(texts) = texts else {
            return Err(
                Error::argument("no texts to describe clusters by").advice("name their column with --text")
            );
        };
        let client = self.server.client(None, seed)?;
        let groups: Vec<Vec<String>> = analysis
            .clusters
            .iter()
            .map(|cluster| {
                let is_member = |row: &usize| analysis.labels[*row] == Some(cluster.id);
                let members: Vec<&String> =
                    (0..texts.len()).filter(is_member).filter_map(|row| texts[row].as_ref()).collect();
                // A random stream for each cluster.
                let mut random = ChaCha8Rng::seed_from_u64(seed);
                random.set_stream(u64::from(cluster.id));
                let mut chosen = sample(&mut random, members.len(), SHOWN.min(members.len())).into_vec();
                chosen.sort_unstable();
                chosen.into_iter().map(|at| members[at].clone()).collect()
            })
            .collect();
        let _busy = output.busy(format!("asking {model}"));
        let described = describe(&client, model, &groups)?;
        for (cluster, said) in analysis.clusters.iter_mut().zip(described) {
            cluster.description = Some(said);
        }
        Ok(())
    }

    /// Whether descriptions were asked for.
    pub fn is_wanted(&self) -> bool {
        self.describe.is_some()
    }
}
