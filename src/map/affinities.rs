//! How much each row belongs with each of its neighbours: probabilities by perplexity.

use rayon::prelude::*;

use super::neighbors::NeighborGraph;

/// Symmetric affinities that sum to 1, in sparse rows: what t-SNE lays out.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Affinities {
    offsets: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<f32>,
}

impl Affinities {
    /// From each row's neighbours: within a row a normal distribution over distances, as wide as makes
    /// the effective number of neighbours (2 to the entropy in bits) the perplexity; then the mean of
    /// both directions (van der Maaten and Hinton, 2008).
    pub fn new(graph: &NeighborGraph, perplexity: f64) -> Affinities {
        let (n, k) = (graph.n_rows(), graph.k());
        let mut conditional = vec![0.0_f32; n * k];
        conditional
            .par_chunks_mut(k.max(1))
            .enumerate()
            .for_each(|(row, out)| conditional_probabilities(graph.scaled(row), perplexity, out));
        symmetric(graph, &conditional)
    }

    /// The others that a row belongs with, ascending, and how much.
    pub fn row(&self, row: usize) -> (&[u32], &[f32]) {
        let range = self.offsets[row]..self.offsets[row + 1];
        (&self.columns[range.clone()], &self.values[range])
    }
}

/// Writes the probabilities of neighbours at these distances. Where more neighbours than the
/// perplexity share the smallest distance, no width is narrow enough, and they share all of it.
pub(super) fn conditional_probabilities(distances: &[f32], perplexity: f64, out: &mut [f32]) {
    let nearest = distances.iter().copied().fold(f32::INFINITY, f32::min);
    let squares: Vec<f64> =
        distances.iter().map(|d| f64::from(*d).powi(2) - f64::from(nearest).powi(2)).collect();
    let ties = squares.iter().filter(|square| **square <= 0.0).count();
    if ties as f64 >= perplexity || ties == squares.len() {
        out.iter_mut().zip(&squares).for_each(|(p, square)| {
            *p = if *square <= 0.0 { 1.0 / ties as f32 } else { 0.0 };
        });
        return;
    }
    let precision = precision(&squares, perplexity.ln());
    let weights: Vec<f64> = squares.iter().map(|square| (-precision * square).exp()).collect();
    let sum: f64 = weights.iter().sum();
    out.iter_mut().zip(weights).for_each(|(p, weight)| *p = (weight / sum) as f32);
}

/// The precision (half the inverse variance) at which the entropy is `wanted`, in nats: Newton's
/// method on its logarithm, within bounds that are halved where Newton would leave them.
fn precision(squares: &[f64], wanted: f64) -> f64 {
    let mean = squares.iter().sum::<f64>() / squares.len() as f64;
    let mut log = -mean.ln();
    let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
    for _ in 0..100 {
        let precision = log.exp();
        let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
        for square in squares {
            let weight = (-precision * square).exp();
            sum += weight;
            first += weight * square;
            second += weight * square * square;
        }
        let (first, second) = (first / sum, second / sum);
        let excess = sum.ln() + precision * first - wanted;
        if excess.abs() < 1e-9 {
            break;
        }
        if excess > 0.0 {
            low = log
        } else {
            high = log
        }
        let slope = precision * precision * (second - first * first);
        let newton = log + excess / slope;
        log = match (low.is_finite(), high.is_finite()) {
            _ if newton > low && newton < high && (newton - log).abs() < 3.0 => newton,
            (true, true) => (low + high) / 2.0,
            (true, false) => low + 1.0,
            (false, _) => high - 1.0,
        };
    }
    log.exp()
}

/// The mean of both directions, divided by the number of rows.
fn symmetric(graph: &NeighborGraph, conditional: &[f32]) -> Affinities {
    let (n, k) = (graph.n_rows(), graph.k());
    let half = 0.5 / n.max(1) as f64;
    let mut starts = vec![0_usize; n + 1];
    (0..n).for_each(|row| graph.rows(row).iter().for_each(|other| starts[*other as usize + 1] += 1));
    (0..n).for_each(|row| starts[row + 1] += starts[row]);
    let mut next = starts.clone();
    let mut back = vec![(0_u32, 0.0_f32); n * k];
    for row in 0..n {
        for (other, p) in graph.rows(row).iter().zip(&conditional[row * k..]) {
            let at = &mut next[*other as usize];
            back[*at] = (row as u32, *p);
            *at += 1;
        }
    }
    let joined = |row: usize| {
        let mut there: Vec<(u32, f32)> = graph
            .rows(row)
            .iter()
            .copied()
            .zip(conditional[row * k..(row + 1) * k].iter().copied())
            .collect();
        there.sort_unstable_by_key(|entry| entry.0);
        join(&there, &back[starts[row]..starts[row + 1]], half)
    };
    let rows: Vec<Vec<(u32, f32)>> = (0..n).into_par_iter().map(joined).collect();
    let mut offsets = Vec::with_capacity(n + 1);
    offsets.push(0);
    let mut total = 0;
    for row in &rows {
        total += row.len();
        offsets.push(total);
    }
    let entries = || rows.iter().flatten();
    Affinities {
        offsets,
        columns: entries().map(|entry| entry.0).collect(),
        values: entries().map(|entry| entry.1).collect(),
    }
}

/// Joins two ascending lists; an entry that is in both counts twice. Zeros are left out.
fn join(a: &[(u32, f32)], b: &[(u32, f32)], half: f64) -> Vec<(u32, f32)> {
    let mut out = Vec::with_capacity(a.len() + b.len());
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        let column = match (a.get(i), b.get(j)) {
            (Some(a), Some(b)) => a.0.min(b.0),
            (Some(entry), None) | (None, Some(entry)) => entry.0,
            (None, None) => break,
        };
        let mut sum = 0.0;
        if let Some(entry) = a.get(i).filter(|entry| entry.0 == column) {
            sum += f64::from(entry.1);
            i += 1;
        }
        if let Some(entry) = b.get(j).filter(|entry| entry.0 == column) {
            sum += f64::from(entry.1);
            j += 1;
        }
        if sum > 0.0 {
            out.push((column, (sum * half) as f32));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn the_effective_number_of_neighbours_is_the_perplexity() {
        for (scale, perplexity) in [(1.0, 5.0), (1e-3, 29.5), (40.0, 1.5), (1.0, 2.0)] {
            let distances: Vec<f32> =
                (0..90).map(|i| (1.0 + (i * 37 % 90) as f32 * 0.021).sqrt() * scale).collect();
            let mut p = vec![0.0; 90];
            conditional_probabilities(&distances, perplexity, &mut p);
            let entropy: f64 =
                p.iter().filter(|p| **p > 0.0).map(|p| -f64::from(*p) * f64::from(*p).ln()).sum();
            assert!((entropy.exp() / perplexity - 1.0).abs() < 1e-5, "{} {perplexity}", entropy.exp());
        }
    }

    #[test]
    fn neighbours_at_one_distance_share_alike() {
        let mut p = [0.0; 4];
        conditional_probabilities(&[0.0; 4], 2.0, &mut p);
        assert_eq!(p, [0.25; 4]);
        conditional_probabilities(&[0.0, 0.0, 0.0, 9.0], 2.0, &mut p);
        assert_eq!(p, [1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0, 0.0]);
        conditional_probabilities(&[0.0, 1e-20, 1e-20, 9.0], 2.0, &mut p);
        assert!((p.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn affinities_are_symmetric_and_sum_to_one() {
        let rows = Array2::from_shape_fn((200, 5), |(i, j)| ((i * 31 + j * 17) % 101) as f32);
        let graph = NeighborGraph::of(rows.view(), 15).unwrap();
        let affinities = Affinities::new(&graph, 5.0);
        let mut sum = 0.0;
        for row in 0..200 {
            let (others, values) = affinities.row(row);
            assert!(others.windows(2).all(|pair| pair[0] < pair[1]));
            for (other, value) in others.iter().zip(values) {
                let (back, values) = affinities.row(*other as usize);
                let at = back.binary_search(&(row as u32)).unwrap();
                assert_eq!(values[at], *value);
                sum += f64::from(*value);
            }
        }
        assert!((sum - 1.0).abs() < 1e-6, "{sum}");
    }
}
