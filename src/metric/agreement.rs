//! How far two labellings of the same rows agree: V-measure, adjusted Rand index, mutual information.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::{Error, Result};

/// The agreement of clusters with known classes.
///
/// All scores are 1 for the same partition under any names. [`ari`](Self::ari) and
/// [`ami`](Self::ami) are corrected for chance: about 0 for random labels, whatever the number of
/// clusters, and below 0 for worse; the other four grow with the number of clusters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Agreement {
    /// Harmonic mean of homogeneity and completeness, 0 to 1 (Rosenberg and Hirschberg 2007).
    pub v_measure: f64,
    /// 1 when every cluster holds rows of one class only.
    pub homogeneity: f64,
    /// 1 when all rows of a class are in one cluster.
    pub completeness: f64,
    /// Adjusted Rand index, -0.5 to 1 (Hubert and Arabie 1985).
    pub ari: f64,
    /// Adjusted mutual information, arithmetic mean of the entropies (Vinh, Epps and Bailey 2010).
    pub ami: f64,
    /// Normalised mutual information, arithmetic mean of the entropies.
    pub nmi: f64,
}

/// Compares the classes of n rows with their clusters; the numbers used as labels do not matter.
///
/// Equal to scikit-learn's `homogeneity_completeness_v_measure`, `adjusted_rand_score`,
/// `adjusted_mutual_info_score` and `normalized_mutual_info_score` with their defaults, also where
/// there is one class, one cluster or no row. Takes O(n log n) time, and for the AMI the product of
/// the numbers of different class and cluster sizes, times the smaller size.
///
/// # Errors
/// When the numbers of labels differ.
///
/// ```
/// let scores = embedlab::metric::agreement(&[0, 0, 1, 1], &[7, 7, 3, 4])?;
/// assert!((scores.homogeneity - 1.0).abs() < 1e-12);
/// assert!((scores.completeness - 2.0 / 3.0).abs() < 1e-12);
/// assert!((scores.v_measure - 0.8).abs() < 1e-12);
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn agreement(classes: &[u32], clusters: &[u32]) -> Result<Agreement> {
    let table = Contingency::new(classes, clusters)?;
    let (homogeneity, completeness) = table.homogeneity_and_completeness();
    Ok(Agreement {
        v_measure: weighted_harmonic_mean(homogeneity, completeness, 1.0),
        homogeneity,
        completeness,
        ari: table.adjusted_rand_index(),
        ami: table.adjusted_mutual_information(),
        nmi: table.normalized_mutual_information(),
    })
}

impl Agreement {
    /// The V-measure with another weight: above 1 completeness counts more, below 1 homogeneity.
    /// `beta` is at least 0; 1 gives [`v_measure`](Self::v_measure).
    pub fn v_measure_beta(&self, beta: f64) -> f64 {
        weighted_harmonic_mean(self.homogeneity, self.completeness, beta)
    }
}

fn weighted_harmonic_mean(homogeneity: f64, completeness: f64, beta: f64) -> f64 {
    if homogeneity + completeness == 0.0 {
        return 0.0;
    }
    (1.0 + beta) * homogeneity * completeness / (beta * homogeneity + completeness)
}

/// How many rows each pair of a class and a cluster shares; pairs that share none are left out.
struct Contingency {
    n: u64,
    /// (class, cluster, rows), classes and clusters renumbered from 0.
    cells: Vec<(usize, usize, u64)>,
    class_sizes: Vec<u64>,
    cluster_sizes: Vec<u64>,
}

impl Contingency {
    fn new(classes: &[u32], clusters: &[u32]) -> Result<Self> {
        if classes.len() != clusters.len() {
            return Err(Error::argument("two labellings of different lengths cannot be compared")
                .seen(format!("{} classes, {} clusters", classes.len(), clusters.len()))
                .advice("give one class and one cluster for each row"));
        }
        let (classes, class_sizes) = renumbered(classes);
        let (clusters, cluster_sizes) = renumbered(clusters);
        let mut pairs: Vec<(usize, usize)> = classes.into_iter().zip(clusters).collect();
        pairs.sort_unstable();
        let cells = pairs.chunk_by(|a, b| a == b).map(|run| (run[0].0, run[0].1, run.len() as u64)).collect();
        Ok(Contingency { n: pairs.len() as u64, cells, class_sizes, cluster_sizes })
    }

    fn homogeneity_and_completeness(&self) -> (f64, f64) {
        let information = self.mutual_information();
        let share = |entropy: f64| if entropy == 0.0 { 1.0 } else { information / entropy };
        (share(entropy(&self.class_sizes)), share(entropy(&self.cluster_sizes)))
    }

    /// In nats.
    fn mutual_information(&self) -> f64 {
        if self.class_sizes.len() <= 1 || self.cluster_sizes.len() <= 1 {
            return 0.0;
        }
        let n = self.n as f64;
        let term = |&(class, cluster, rows): &(usize, usize, u64)| {
            let (rows, expected) =
                (rows as f64, self.class_sizes[class] as f64 * self.cluster_sizes[cluster] as f64);
            let term = rows / n * ((rows.ln() - n.ln()) + (2.0 * n.ln() - expected.ln()));
            // What is left of a term that should be 0 must not make independent labels agree.
            if term.abs() < f64::EPSILON { 0.0 } else { term }
        };
        self.cells.iter().map(term).sum::<f64>().max(0.0)
    }

    /// From counts of pairs of rows. They are exact: i128 holds the fourth power of two billion rows.
    fn adjusted_rand_index(&self) -> f64 {
        let squares = |sizes: &[u64]| sizes.iter().map(|&size| i128::from(size).pow(2)).sum::<i128>();
        let n = i128::from(self.n);
        let together_in_both = self.cells.iter().map(|cell| i128::from(cell.2).pow(2)).sum::<i128>();
        let true_positive = together_in_both - n;
        let false_positive = squares(&self.cluster_sizes) - together_in_both;
        let false_negative = squares(&self.class_sizes) - together_in_both;
        let true_negative = n * n - false_positive - false_negative - together_in_both;
        if false_positive == 0 && false_negative == 0 {
            return 1.0;
        }
        let above_chance = true_positive * true_negative - false_negative * false_positive;
        let range = (true_positive + false_negative) * (false_negative + true_negative)
            + (true_positive + false_positive) * (false_positive + true_negative);
        2.0 * above_chance as f64 / range as f64
    }

    /// The scores of a labelling that does not split the rows at all.
    fn undivided(&self) -> Option<f64> {
        match (self.class_sizes.len(), self.cluster_sizes.len()) {
            (0, 0) | (1, 1) => Some(1.0),
            (1, _) | (_, 1) => Some(0.0),
            _ => None,
        }
    }

    fn normalized_mutual_information(&self) -> f64 {
        self.undivided().unwrap_or_else(|| self.mutual_information() / self.mean_entropy())
    }

    fn adjusted_mutual_information(&self) -> f64 {
        if let Some(score) = self.undivided() {
            return score;
        }
        let expected = self.expected_mutual_information();
        // Rounding must neither divide by 0 nor turn a perfect match, 0 / 0, into another sign.
        let away_from_zero = |x: f64| if x < 0.0 { x.min(-f64::EPSILON) } else { x.max(f64::EPSILON) };
        away_from_zero(self.mutual_information() - expected) / away_from_zero(self.mean_entropy() - expected)
    }

    fn mean_entropy(&self) -> f64 {
        (entropy(&self.class_sizes) + entropy(&self.cluster_sizes)) / 2.0
    }

    /// The mean mutual information of all labellings with these sizes (Vinh, Epps and Bailey 2010,
    /// equation 24a). Pairs of equal sizes have equal terms and are computed once: there are at
    /// most about sqrt(2 n) different sizes.
    fn expected_mutual_information(&self) -> f64 {
        let n = self.n as f64;
        let factorial = LogFactorials::new(self.n as usize);
        let (classes, clusters) = (occurrences(&self.class_sizes), occurrences(&self.cluster_sizes));
        let mut sum = 0.0;
        for (&a, &times_a) in &classes {
            for (&b, &times_b) in &clusters {
                let of_sizes =
                    factorial.of(a) + factorial.of(b) + factorial.of(self.n - a) + factorial.of(self.n - b)
                        - factorial.of(self.n);
                let log_expected = (a as f64).ln() + (b as f64).ln();
                let smallest = (a + b).saturating_sub(self.n).max(1);
                let terms = (smallest..=a.min(b)).map(|shared| {
                    let probability = of_sizes
                        - factorial.of(shared)
                        - factorial.of(a - shared)
                        - factorial.of(b - shared)
                        - factorial.of(self.n + shared - a - b);
                    let shared = shared as f64;
                    shared / n * (n.ln() + shared.ln() - log_expected) * probability.exp()
                });
                sum += (times_a * times_b) as f64 * terms.sum::<f64>();
            }
        }
        sum
    }
}

/// Numbers labels from 0 in ascending order, and counts each.
fn renumbered(labels: &[u32]) -> (Vec<usize>, Vec<u64>) {
    let mut distinct = labels.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let mut sizes = vec![0; distinct.len()];
    let codes = labels
        .iter()
        .map(|label| {
            let code = distinct.partition_point(|known| known < label);
            sizes[code] += 1;
            code
        })
        .collect();
    (codes, sizes)
}

fn occurrences(sizes: &[u64]) -> BTreeMap<u64, u64> {
    let mut times = BTreeMap::new();
    for &size in sizes {
        *times.entry(size).or_insert(0) += 1;
    }
    times
}

/// In nats; exactly 0 for one group.
fn entropy(sizes: &[u64]) -> f64 {
    if sizes.len() <= 1 {
        return 0.0;
    }
    let n = sizes.iter().sum::<u64>() as f64;
    -sizes.iter().map(|&size| size as f64 / n * ((size as f64).ln() - n.ln())).sum::<f64>()
}

/// ln(k!) for k from 0 to n.
struct LogFactorials(Vec<f64>);

impl LogFactorials {
    /// Neumaier's compensated sum: ln(1,000,000!) is about 1.3e7, and the terms above subtract such
    /// numbers to a result near 1.
    fn new(n: usize) -> Self {
        let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
        let mut table = Vec::with_capacity(n + 1);
        table.push(0.0);
        for k in 1..=n {
            let term = (k as f64).ln();
            let next = sum + term;
            lost += if sum >= term { (sum - next) + term } else { (term - next) + sum };
            sum = next;
            table.push(sum + lost);
        }
        LogFactorials(table)
    }

    fn of(&self, k: u64) -> f64 {
        self.0[k as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_the_labels_do_not_matter() {
        let (classes, clusters) = ([0, 0, 1, 1, 2, 2, 2], [0, 0, 0, 1, 1, 2, 2]);
        let renamed = clusters.map(|cluster| 4_000_000_000 - 17 * cluster);
        let (a, b) = (agreement(&classes, &clusters).unwrap(), agreement(&classes, &renamed).unwrap());
        for (a, b) in [(a.v_measure, b.v_measure), (a.ari, b.ari), (a.ami, b.ami), (a.nmi, b.nmi)] {
            assert!((a - b).abs() < 1e-14);
        }
    }

    #[test]
    fn exchanging_the_sides_exchanges_homogeneity_and_completeness() {
        let (a, b) = ([0, 0, 1, 1, 2, 2, 2], [0, 0, 0, 1, 1, 1, 1]);
        let (there, back) = (agreement(&a, &b).unwrap(), agreement(&b, &a).unwrap());
        assert!((there.homogeneity - back.completeness).abs() < 1e-14);
        assert!((there.ami - back.ami).abs() < 1e-14);
        assert_eq!(there.ari, back.ari);
    }

    #[test]
    fn the_rand_index_counts_pairs() {
        let (classes, clusters) = ([0, 0, 1, 1, 2, 2, 2, 0], [1, 1, 1, 0, 0, 2, 2, 2]);
        let (mut both, mut in_class, mut in_cluster, mut pairs) = (0.0, 0.0, 0.0, 0.0);
        for i in 0..8 {
            for j in 0..i {
                let (class, cluster) = (classes[i] == classes[j], clusters[i] == clusters[j]);
                both += f64::from(u8::from(class && cluster));
                in_class += f64::from(u8::from(class));
                in_cluster += f64::from(u8::from(cluster));
                pairs += 1.0;
            }
        }
        let by_chance: f64 = in_class * in_cluster / pairs;
        let expected = (both - by_chance) / ((in_class + in_cluster) / 2.0 - by_chance);
        assert!((agreement(&classes, &clusters).unwrap().ari - expected).abs() < 1e-14);
    }

    #[test]
    fn labels_of_different_lengths_are_refused() {
        let error = agreement(&[0, 1], &[0]).unwrap_err();
        assert!(error.to_string().contains("2 classes, 1 clusters"), "{error}");
    }
}
