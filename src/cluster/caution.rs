//! What to keep in mind about a clustering.

use super::{ClusterMethod, ClusterOptions, Clustering, Noise};
use crate::number::grouped;

/// Above this share of repeated rows, density clusters and silhouettes speak of the repeats.
const MANY_REPEATS: f64 = 0.1;

impl Clustering {
    /// What a reader of this result should know or try: no cluster was found, rows were left out, rows repeat,
    /// a name is missing. Each is one or two sentences.
    pub fn cautions(&self, options: &ClusterOptions) -> Vec<String> {
        let mut cautions = Vec::new();
        let n = self.labels.len();
        let count = |rows: usize| grouped(rows as u64);
        if self.k == 0 && n > 0 {
            cautions.push(self.no_cluster(options));
        } else if self.noise > 0 && options.noise == Some(Noise::Nearest) {
            cautions.push(format!(
                "{} of {} rows are noise; each was given the cluster with the nearest mean.",
                count(self.noise),
                count(n)
            ));
        }
        if self.zero_rows > 0 {
            cautions.push(format!(
                "{} rows are zeros: they have no direction, and so no cluster by cosine.",
                count(self.zero_rows)
            ));
        }
        if self.duplicate_rows as f64 > MANY_REPEATS * n as f64 {
            let mut caution = format!(
                "{} of {} rows repeat the vector of an earlier row.",
                count(self.duplicate_rows),
                count(n)
            );
            if self.silhouette.is_some() {
                caution += " A row is at distance 0 from its copies, which raises the silhouette.";
            }
            if options.method.is_density() {
                caution += " Copies alone make a dense region; drop duplicates to see the others.";
            }
            cautions.push(caution);
        }
        let unnamed = self.clusters.iter().filter(|cluster| cluster.terms.is_empty());
        let unnamed =
            unnamed.filter(|cluster| cluster.examples.iter().any(|example| example.text.is_some())).count();
        if unnamed > 0 {
            cautions.push(format!(
                "{unnamed} {} no name: no word but stop words occurs in at least two of the texts without being in \
                 nearly all. Give --language or --keep-words if words were left out wrongly.",
                if unnamed == 1 { "cluster has" } else { "clusters have" }
            ));
        }
        cautions
    }

    fn no_cluster(&self, options: &ClusterOptions) -> String {
        let mut caution = "No cluster was found: all rows are noise. Try ".to_owned();
        caution += &match self.method {
            ClusterMethod::Dbscan => format!(
                "a larger --eps{}, a smaller --min-samples, --method hdbscan, or --method k-means.",
                self.eps.map_or_else(String::new, |eps| format!(" than {eps:.4}"))
            ),
            _ => format!(
                "a smaller --min-cluster-size than {}, --min-samples 1, or --method k-means, which gives every row a \
                 cluster.",
                options.min_cluster_size.unwrap_or(5)
            ),
        };
        if options.noise == Some(Noise::Nearest) {
            caution += " With no cluster there is none that noise could be near to.";
        }
        caution
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::super::{ClusterColumns, analyse};
    use super::*;

    #[test]
    fn without_a_cluster_it_says_what_to_try() {
        let rows = Array2::from_shape_fn((30, 2), |(i, j)| if j == 0 { i as f32 } else { (i * i) as f32 });
        let options = ClusterOptions {
            method: ClusterMethod::Hdbscan,
            min_cluster_size: Some(15),
            noise: Some(Noise::Nearest),
            ..Default::default()
        };
        let mut found = analyse(&rows, &ClusterColumns::default(), &options, 42).unwrap();
        found.k = 0;
        let caution = found.cautions(&options).remove(0);
        for word in ["--min-cluster-size than 15", "--min-samples 1", "k-means", "none that noise"] {
            assert!(caution.contains(word), "{caution}");
        }
    }

    #[test]
    fn repeats_are_told() {
        let rows = Array2::from_shape_fn((40, 2), |(i, _)| (i % 4) as f32);
        let options = ClusterOptions { method: ClusterMethod::Hdbscan, ..Default::default() };
        let found = analyse(&rows, &ClusterColumns::default(), &options, 42).unwrap();
        let cautions = found.cautions(&options).join(" ");
        assert!(cautions.contains("36 of 40 rows repeat") && cautions.contains("silhouette"), "{cautions}");
    }
}
