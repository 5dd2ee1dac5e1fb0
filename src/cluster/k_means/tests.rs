use crate::rows::Streamed;
use linfa::prelude::*;
use ndarray::{Array2, Axis, array, concatenate};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::points::Points;
use super::*;
use crate::rows::simd::squared_distance_f64;

fn blobs(n: usize, dims: usize, centers: usize, spread: f32, seed: u64) -> Array2<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let middles = Array2::from_shape_simple_fn((centers, dims), || random.gen_range(-1.0..1.0));
    Array2::from_shape_fn((n, dims), |(i, j)| {
        middles[[i * 7 % centers, j]] + random.gen_range(-spread..spread)
    })
}

/// Plain Lloyd iterations in f64 with scikit-learn's stopping rule.
fn slow_lloyd(
    rows: &Array2<f32>,
    mut centroids: Array2<f64>,
    max_iter: usize,
    tol: f64,
) -> (Vec<Option<u32>>, f64, usize) {
    let wide = rows.mapv(f64::from);
    let tol = tol * wide.var_axis(Axis(0), 0.0).mean().unwrap();
    let assign = |centroids: &Array2<f64>| -> (Vec<u32>, f64) {
        let nearest = wide.rows().into_iter().map(|row| {
            let squares =
                centroids.rows().into_iter().map(|centroid| (&centroid - &row).mapv(|d| d * d).sum());
            squares
                .enumerate()
                .fold((0, f64::INFINITY), |best, (c, s)| if s < best.1 { (c as u32, s) } else { best })
        });
        let (labels, squares): (Vec<u32>, Vec<f64>) = nearest.unzip();
        (labels, squares.iter().sum())
    };
    let mut labels = Vec::new();
    let some = |labels: Vec<u32>| labels.into_iter().map(Some).collect::<Vec<Option<u32>>>();
    for iteration in 1..=max_iter {
        let (found, inertia) = assign(&centroids);
        if found == labels {
            return (some(found), inertia, iteration);
        }
        labels = found;
        let old = centroids.clone();
        for (c, mut centroid) in centroids.rows_mut().into_iter().enumerate() {
            let own: Vec<usize> = (0..labels.len()).filter(|i| labels[*i] == c as u32).collect();
            centroid.assign(&wide.select(Axis(0), &own).mean_axis(Axis(0)).unwrap());
        }
        if (&centroids - &old).mapv(|d| d * d).sum() <= tol {
            let (labels, inertia) = assign(&centroids);
            return (some(labels), inertia, iteration);
        }
    }
    let (labels, inertia) = assign(&centroids);
    (some(labels), inertia, max_iter)
}

#[test]
fn skipping_rows_does_not_change_where_lloyd_ends() {
    // 64 dimensions: one bound for each centroid; 9: groups of several.
    for (n, dims, k, spread) in [(3000, 64, 7, 0.9), (700, 9, 12, 1.2), (2500, 2, 5, 0.8)] {
        let rows = blobs(n, dims, 5, spread, 11);
        let params = KMeans::params(k).tol(0.0).check().unwrap();
        let points = Points::measure(&rows, Geometry::Euclidean).unwrap();
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let start = init::k_means_plus_plus(rows.view(), &points, k, &mut random).unwrap();
        let (labels, inertia, iterations) = slow_lloyd(&rows, start.mapv(f64::from), 300, 0.0);
        let found = lloyd::lloyd(&rows, &points, &params, 0.0, start, None).unwrap();
        assert_eq!(found.labels, labels);
        assert_eq!(found.n_iter, iterations);
        assert!((found.inertia - inertia).abs() < 1e-6 * inertia, "{} {inertia}", found.inertia);
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let rows = blobs(5000, 20, 6, 0.7, 1);
    for geometry in [Geometry::Euclidean, Geometry::Spherical] {
        let fit = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| KMeans::params(6).n_init(2).geometry(geometry).fit_rows(&rows).unwrap())
        };
        let one = fit(1);
        assert_eq!(one, fit(2));
        assert_eq!(one, fit(7));
    }
}

#[test]
fn clear_clusters_are_found_whatever_the_method() {
    let rows = blobs(3000, 16, 5, 0.05, 2);
    let truth: Vec<u32> = (0..3000).map(|i| (i * 7 % 5) as u32).collect();
    let agrees = |labels: &[Option<u32>]| {
        let mut pairs: Vec<(u32, Option<u32>)> = truth.iter().copied().zip(labels.iter().copied()).collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs.len() == 5
    };
    let params = KMeans::params(5);
    assert!(agrees(&params.clone().fit_rows(&rows).unwrap().labels));
    assert!(agrees(&params.clone().geometry(Geometry::Spherical).fit_rows(&rows).unwrap().labels));
    let batches = params.clone().batch_size(256).n_init(3).fit_rows(&rows).unwrap();
    assert!(agrees(&batches.labels));
    let full = params.fit_rows(&rows).unwrap();
    assert!(batches.inertia < 1.02 * full.inertia, "{} {}", batches.inertia, full.inertia);
}

#[test]
fn a_spherical_model_ignores_lengths() {
    let rows = blobs(900, 8, 4, 0.4, 3);
    let mut random = ChaCha8Rng::seed_from_u64(9);
    let stretched = Array2::from_shape_fn(rows.dim(), |(i, j)| rows[[i, j]] * (1.0 + (i % 3) as f32));
    let fit = |rows: &Array2<f32>| KMeans::params(4).geometry(Geometry::Spherical).fit_rows(rows).unwrap();
    let (plain, long) = (fit(&rows), fit(&stretched));
    assert_eq!(plain.labels, long.labels);
    for centroid in plain.centroids.rows() {
        assert!((centroid.dot(&centroid) - 1.0).abs() < 1e-5);
    }
    let scale = random.gen_range(0.1_f32..3.0);
    assert_eq!(plain.predict_rows(&(&rows * scale)).unwrap(), plain.labels);
}

#[test]
fn the_inertia_is_the_sum_of_squared_distances() {
    let rows = blobs(1000, 12, 4, 0.8, 4);
    let model = KMeans::params(6).max_iter(3).n_init(1).fit_rows(&rows).unwrap();
    let slow: f64 = rows
        .rows()
        .into_iter()
        .zip(&model.labels)
        .map(|(row, c)| {
            squared_distance_f64(
                row.as_slice().unwrap(),
                model.centroids.row(c.unwrap() as usize).as_slice().unwrap(),
            )
        })
        .sum();
    assert!((model.inertia - slow).abs() < 1e-6 * slow);
    assert_eq!(model.predict_rows(&rows).unwrap(), model.labels);
}

#[test]
fn an_empty_cluster_takes_the_farthest_row() {
    let rows = array![[0.0_f32], [0.1], [0.2], [9.0]];
    let points = Points::measure(&rows, Geometry::Euclidean).unwrap();
    let params = KMeans::params(3).check().unwrap();
    let start = array![[0.0_f32], [100.0], [200.0]];
    let end = lloyd::lloyd(&rows, &points, &params, 0.0, start, None).unwrap();
    let mut sizes = [0; 3];
    end.labels.iter().flatten().for_each(|label| sizes[*label as usize] += 1);
    assert!(sizes.iter().all(|size| *size > 0), "{sizes:?}");
}

#[test]
fn too_few_rows_or_distinct_rows_are_refused_with_the_most_that_fits() {
    let rows = array![[1.0_f32, 2.0], [1.0, 2.0], [3.0, 4.0], [3.0, 4.0]];
    let error = KMeans::params(5).fit_rows(&rows).unwrap_err().to_string();
    assert!(error.contains("5 clusters, 4 rows"), "{error}");
    let error = KMeans::params(3).fit_rows(&rows).unwrap_err().to_string();
    assert!(error.contains("2 distinct rows, 3 clusters"), "{error}");
    assert!(KMeans::params(2).fit_rows(&rows).unwrap().inertia < 1e-9);
    assert!(KMeans::params(0).fit_rows(&rows).is_err());
    assert!(KMeans::params(1).tol(f64::NAN).fit_rows(&rows).is_err());
}

#[test]
fn rows_that_cannot_be_placed_are_named() {
    let rows = array![[1.0_f32, 0.0], [f32::NAN, 0.0], [0.0, 0.0]];
    assert!(KMeans::params(1).fit_rows(&rows).unwrap_err().to_string().starts_with("row 1"));
}

#[test]
fn rows_of_zeros_have_no_spherical_cluster() {
    let mut rows = blobs(600, 8, 4, 0.2, 3);
    let spherical =
        |rows: &Array2<f32>| KMeans::params(4).geometry(Geometry::Spherical).fit_rows(rows).unwrap();
    let plain = spherical(&rows);
    let with_zeros = concatenate![Axis(0), Array2::zeros((3, 8)), rows, Array2::zeros((200, 8))];
    for batch_size in [None, Some(64)] {
        let params = KMeans::params(4).geometry(Geometry::Spherical);
        let params = batch_size.map_or(params.clone(), |rows| params.batch_size(rows));
        let model = params.fit_rows(&with_zeros).unwrap();
        assert!(model.labels[..3].iter().chain(&model.labels[603..]).all(Option::is_none));
        assert_eq!(model.sizes().iter().sum::<usize>(), 600);
        assert!((model.inertia - plain.inertia).abs() < 0.02 * plain.inertia);
        assert_eq!(model.predict_rows(&with_zeros).unwrap(), model.labels);
    }
    rows.fill(0.0);
    let error = KMeans::params(4).geometry(Geometry::Spherical).fit_rows(&rows).unwrap_err();
    assert!(error.to_string().contains("0 rows that are not zero"), "{error}");
}

/// The partition, however its clusters are numbered.
fn partition(labels: &[Option<u32>]) -> Vec<usize> {
    labels.iter().map(|label| labels.iter().position(|other| other == label).unwrap()).collect()
}

#[test]
fn an_offset_a_constant_column_and_a_scale_change_no_cluster() {
    let rows = blobs(900, 12, 5, 0.6, 8);
    let fit = |rows: &Array2<f32>| KMeans::params(7).n_init(3).fit_rows(rows).unwrap();
    let plain = fit(&rows);
    let constant = concatenate![Axis(1), rows, Array2::from_elem((900, 1), 10_000.0)];
    let model = fit(&constant);
    assert_eq!(partition(&model.labels), partition(&plain.labels));
    assert!(
        (model.inertia - plain.inertia).abs() < 1e-5 * plain.inertia,
        "{} {}",
        model.inertia,
        plain.inertia
    );
    assert_eq!(model.predict_rows(&constant).unwrap(), model.labels);
    // Multiples of a power of two: the offset rounds no number.
    let rounded = rows.mapv(|x| (x * 256.0).round() / 256.0);
    let (plain, moved) = (fit(&rounded), fit(&(&rounded + 1024.0)));
    assert_eq!(partition(&moved.labels), partition(&plain.labels));
    assert!((moved.inertia - plain.inertia).abs() < 1e-5 * plain.inertia);
    for scale in [1e-3_f32, 1e3, 1e-18, 1e20, 1e30] {
        let scaled = &rounded * scale;
        let model = fit(&scaled);
        assert_eq!(partition(&model.labels), partition(&plain.labels), "{scale}");
        let expected = plain.inertia * f64::from(scale).powi(2);
        assert!((model.inertia - expected).abs() < 1e-4 * expected, "{scale}: {} {expected}", model.inertia);
        assert_eq!(model.predict_rows(&scaled).unwrap(), model.labels);
    }
}

#[test]
fn rows_from_a_stream_are_clustered_as_rows_in_memory() {
    let small = blobs(3000, 6, 5, 0.6, 12);
    for batch_size in [None, Some(100)] {
        let params = KMeans::params(5).n_init(2);
        let params = batch_size.map_or(params.clone(), |rows| params.batch_size(rows));
        assert_eq!(params.fit_rows(&Streamed(&small)).unwrap(), params.fit_rows(&small).unwrap());
    }
    // More rows than the starts look at.
    let large = blobs(20_100, 3, 5, 0.3, 13);
    let far = &large + 5000.0;
    for (rows, batch_size) in [(&large, None), (&large, Some(512)), (&far, None)] {
        let params = KMeans::params(5).n_init(1);
        // A stream is passed over for each batch.
        let params = batch_size.map_or(params.clone(), |rows| params.batch_size(rows).max_iter(3));
        let (streamed, whole) = (params.fit_rows(&Streamed(rows)).unwrap(), params.fit_rows(rows).unwrap());
        let difference = (streamed.inertia - whole.inertia).abs() / whole.inertia;
        assert!(difference < 0.02, "{} {}", streamed.inertia, whole.inertia);
        assert_eq!(streamed.predict_rows(&Streamed(rows)).unwrap(), streamed.predict_rows(rows).unwrap());
    }
}

#[test]
fn a_saved_model_predicts_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let rows = blobs(500, 6, 3, 0.3, 5);
    let model = KMeans::params(3).fit_rows(&rows).unwrap();
    model.save(&path).unwrap();
    let loaded = KMeans::load(&path).unwrap();
    assert_eq!(loaded.predict_rows(&rows).unwrap(), model.labels);
    assert_eq!(loaded.inertia.to_bits(), model.inertia.to_bits());

    let mut bytes = std::fs::read(&path).unwrap();
    bytes.truncate(bytes.len() - 5);
    std::fs::write(&path, &bytes).unwrap();
    assert!(KMeans::load(&path).unwrap_err().to_string().contains("damaged"));
    std::fs::write(&path, String::from_utf8_lossy(&bytes).replace("\"1\"", "\"9\"")).unwrap();
    assert!(KMeans::load(&path).is_err());
}

#[test]
fn it_stands_where_a_linfa_model_stands() {
    let rows = blobs(300, 4, 3, 0.1, 6);
    let dataset = DatasetBase::from(concatenate![Axis(0), rows, rows]);
    let model = KMeans::params(3).fit(&dataset).unwrap();
    let labels = model.predict(&dataset);
    assert_eq!(labels.len(), 600);
    assert_eq!(labels[0], labels[300]);
}
