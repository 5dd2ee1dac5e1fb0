//! scikit-learn's `MiniBatchKMeans`, draw by draw: the same starts and batches for the same seed, so that clusters
//! differ by the rounding of sums only.
//!
//! [`KMeans`](crate::cluster::KMeans) is the one for everything else: its bits do not depend on this generator.

use ndarray::ArrayView2;

use crate::rows::product::dot_products;
use crate::split::NumpyRandom;

/// Passes over the rows at most.
const MAX_ITER: usize = 100;
/// Steps without improvement after which the work ends.
const PATIENCE: usize = 10;
/// A centre that has had less than this share of the rows of the largest one starts again.
const REASSIGNMENT_RATIO: f32 = 0.01;
/// Rows that are labelled at once.
const AT_ONCE: usize = 1024;

/// The cluster of each of the rows that `chosen` names, with one start of k-means++ (`random_state=seed`).
pub(super) fn clusters(
    rows: ArrayView2<'_, f32>,
    chosen: &[usize],
    k: usize,
    batch_size: usize,
    seed: u32,
) -> Vec<u32> {
    let rows = Chosen { rows: rows.as_standard_layout(), chosen };
    let (n, dims) = (chosen.len(), rows.rows.ncols());
    let k = k.min(n);
    let batch_size = batch_size.min(n);
    let start_size = (3 * batch_size).max(if 3 * batch_size < k { 3 * k } else { 0 }).min(n);
    let mut random = NumpyRandom::new(seed);
    // The rows on which starts would be compared, if there were several.
    (0..start_size).for_each(|_| {
        random.below(n);
    });
    let start: Vec<usize> = match start_size < n {
        true => (0..start_size).map(|_| random.below(n)).collect(),
        false => (0..n).collect(),
    };
    let mut centers = plus_plus(&rows.gather(&start), dims, k, &mut random);
    let mut weights = vec![0.0_f32; k];
    let (mut average, mut least, mut waited, mut since) = (None, f64::INFINITY, 0, 0);
    for step in 0..MAX_ITER * n / batch_size {
        let picked: Vec<usize> =
            (0..batch_size).map(|_| ((random.random() * n as f64) as usize).min(n - 1)).collect();
        since += batch_size;
        let reassign = weights.contains(&0.0) || since >= 10 * k;
        if reassign {
            since = 0;
        }
        let batch = rows.gather(&picked);
        let (labels, inertia) = nearest(&batch, dims, &centers);
        update(&batch, dims, &labels, &mut centers, &mut weights);
        if reassign {
            restart(&batch, dims, &mut centers, &mut weights, &mut random);
        }
        if step == 0 {
            continue;
        }
        let inertia = inertia / batch_size as f64;
        let share = (2.0 * batch_size as f64 / (n as f64 + 1.0)).min(1.0);
        let smoothed = average.map_or(inertia, |old: f64| old * (1.0 - share) + inertia * share);
        average = Some(smoothed);
        if smoothed < least {
            (least, waited) = (smoothed, 0);
        } else {
            waited += 1;
            if waited >= PATIENCE {
                break;
            }
        }
    }
    let places: Vec<usize> = (0..n).collect();
    places.chunks(AT_ONCE).flat_map(|some| nearest(&rows.gather(some), dims, &centers).0).collect()
}

struct Chosen<'a> {
    rows: ndarray::CowArray<'a, f32, ndarray::Ix2>,
    chosen: &'a [usize],
}

impl Chosen<'_> {
    fn gather(&self, places: &[usize]) -> Vec<f32> {
        places.iter().flat_map(|place| self.rows.row(self.chosen[*place]).to_vec()).collect()
    }
}

fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>() as f32
}

/// The best of a few candidates for each centre, drawn in proportion to the squared distance to those there are.
fn plus_plus(rows: &[f32], dims: usize, k: usize, random: &mut NumpyRandom) -> Vec<f32> {
    let rows: Vec<&[f32]> = rows.chunks_exact(dims.max(1)).collect();
    let n = rows.len();
    let trials = 2 + (k as f64).ln() as usize;
    let first = rows[((random.random() * n as f64) as usize).min(n - 1)];
    let mut centers = first.to_vec();
    let mut closest: Vec<f32> = rows.iter().map(|row| squared_distance(first, row)).collect();
    let mut potential: f32 = closest.iter().sum();
    for _ in 1..k {
        let wanted: Vec<f64> = (0..trials).map(|_| random.random() * f64::from(potential)).collect();
        let sums: Vec<f32> = closest
            .iter()
            .scan(0.0_f32, |sum, distance| {
                *sum += distance;
                Some(*sum)
            })
            .collect();
        let mut best: Option<(f32, Vec<f32>, usize)> = None;
        for wanted in wanted {
            let candidate = sums.partition_point(|sum| f64::from(*sum) < wanted).min(n - 1);
            let distances: Vec<f32> = rows
                .iter()
                .zip(&closest)
                .map(|(row, closest)| squared_distance(rows[candidate], row).min(*closest))
                .collect();
            let potential: f32 = distances.iter().sum();
            if best.as_ref().is_none_or(|(least, ..)| potential < *least) {
                best = Some((potential, distances, candidate));
            }
        }
        if let Some((least, distances, candidate)) = best {
            (potential, closest) = (least, distances);
            centers.extend_from_slice(rows[candidate]);
        }
    }
    centers
}

/// The nearest centre of each row, and the sum of the squared distances.
fn nearest(rows: &[f32], dims: usize, centers: &[f32]) -> (Vec<u32>, f64) {
    let mut products = Vec::new();
    dot_products(rows, centers, dims, &mut products);
    let square = |row: &[f32]| row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
    let squares: Vec<f64> = centers.chunks_exact(dims.max(1)).map(square).collect();
    let n = rows.len() / dims.max(1);
    let distance = |row: usize, center: usize| squares[center] - 2.0 * f64::from(products[center * n + row]);
    let mut inertia = 0.0;
    let labels = (0..n)
        .map(|row| {
            let mut best = 0;
            for center in 1..squares.len() {
                if distance(row, center) < distance(row, best) {
                    best = center;
                }
            }
            inertia += (square(&rows[row * dims..(row + 1) * dims]) + distance(row, best)).max(0.0);
            best as u32
        })
        .collect();
    (labels, inertia)
}

/// Moves each centre to the mean of all rows that it has ever had.
fn update(rows: &[f32], dims: usize, labels: &[u32], centers: &mut [f32], weights: &mut [f32]) {
    let mut counts = vec![0_usize; weights.len()];
    labels.iter().for_each(|label| counts[*label as usize] += 1);
    for (center, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let of = &mut centers[center * dims..(center + 1) * dims];
        of.iter_mut().for_each(|x| *x *= weights[center]);
        for (row, _) in labels.iter().enumerate().filter(|(_, label)| **label as usize == center) {
            of.iter_mut().zip(&rows[row * dims..(row + 1) * dims]).for_each(|(x, y)| *x += y);
        }
        weights[center] += *count as f32;
        let scale = 1.0 / weights[center];
        of.iter_mut().for_each(|x| *x *= scale);
    }
}

/// Sets centres that have had hardly any rows on rows of the batch.
fn restart(rows: &[f32], dims: usize, centers: &mut [f32], weights: &mut [f32], random: &mut NumpyRandom) {
    let n = rows.len() / dims.max(1);
    let limit = REASSIGNMENT_RATIO * weights.iter().copied().fold(0.0, f32::max);
    let mut light: Vec<usize> = (0..weights.len()).filter(|center| weights[*center] < limit).collect();
    if 2 * light.len() > n {
        light.sort_by(|a, b| weights[*a].total_cmp(&weights[*b]));
        light.truncate(n / 2);
        light.sort_unstable();
    }
    if light.is_empty() {
        return;
    }
    let places = random.permutation(n);
    let kept = (0..weights.len()).filter(|center| !light.contains(center));
    let least = kept.map(|center| weights[center]).fold(f32::INFINITY, f32::min);
    for (center, row) in light.iter().zip(places) {
        centers[center * dims..(center + 1) * dims].copy_from_slice(&rows[row * dims..(row + 1) * dims]);
        weights[*center] = least;
    }
}
