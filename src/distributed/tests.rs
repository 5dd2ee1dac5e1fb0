use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::Array2;

use super::*;
use crate::cluster::{
    ClusterColumns, ClusterMethod, ClusterOptions, Clustering, Geometry, KMeans, Passes, analyse,
};
use crate::data::{Data, OpenOptions};
use crate::quality::geometry;
use crate::recommend::{ProfileOptions, profiles};
use crate::rows::packed::Packer;
use crate::rows::{Engine, LEAF_ROWS, Streamed, moments, norms, runs, select_rows};
use crate::table::{ReadOptions, Table, check_rows, write};
use crate::zero_shot::{LabelVectors, zero_shot};

/// Machines that are all this one, and how many passes they have made.
struct Here {
    place: Place,
    passes: Arc<AtomicUsize>,
}

impl Engine for Here {
    fn pass(&self, pass: &Pass) -> Result<Vec<Vec<u8>>> {
        self.passes.fetch_add(1, Ordering::Relaxed);
        let rows = self.place.open()?;
        // Not in their order: the answer must not depend on who is first.
        let parts = (0..runs(pass.rows)).rev().map(|run| answer(rows.as_ref(), pass, run));
        let mut parts = parts.collect::<Result<Vec<_>>>()?;
        parts.reverse();
        if pass.merged { Ok(vec![merge(pass, &parts)?]) } else { Ok(parts) }
    }
}

/// Rows around five points.
fn rows(n: usize) -> Array2<f32> {
    Array2::from_shape_fn((n, 6), |(i, j)| {
        let noise = ((i * 7919 + j * 104_729) % 1009) as f32 / 1009.0;
        (if j == i % 5 { 3.0 } else { 0.0 }) + noise
    })
}

fn written(folder: &Path, rows: &Array2<f32>) -> PathBuf {
    let path = folder.join("rows.parquet");
    let _ = write(&Table::from_vectors(rows.clone()), &path, &Default::default()).unwrap();
    path
}

fn on_machines(path: &Path) -> (Data, Arc<AtomicUsize>) {
    let data = Data::open(path, &OpenOptions { stream: true, ..Default::default() }).unwrap();
    let place = Place::of(&data, &[path.to_owned()], None).unwrap();
    at(place, data)
}

/// As [`on_machines`], of rows with NaN and infinite numbers too.
fn with_non_finite(path: &Path) -> (Data, Arc<AtomicUsize>) {
    let read = ReadOptions { allow_non_finite: true, ..Default::default() };
    let data = Data::open(path, &OpenOptions { read, stream: true, ..Default::default() }).unwrap();
    let place = Place::with_non_finite(&data, &[path.to_owned()], None).unwrap();
    at(place, data)
}

fn at(place: Place, data: Data) -> (Data, Arc<AtomicUsize>) {
    let passes = Arc::new(AtomicUsize::new(0));
    let engine = Here { place, passes: passes.clone() };
    (data.with_engine(Arc::new(engine)), passes)
}

#[test]
fn passes_elsewhere_have_the_bits_of_passes_here() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows(37 * LEAF_ROWS - 100);
    let (data, passes) = on_machines(&written(folder.path(), &rows));
    assert_eq!(runs(rows.nrows()), 19);
    assert_eq!(moments(&data).unwrap(), moments(&rows).unwrap());
    let hashes = |source: &dyn RowSource| rows::fold_rows(source, &Hashes).unwrap();
    assert_eq!(hashes(&data).of_all(6), hashes(&rows).of_all(6));
    let wanted = [70_001, 3, 3, 0, 12_345];
    assert_eq!(select_rows(&data, &wanted).unwrap(), select_rows(&rows, &wanted).unwrap());
    assert_eq!(norms(&data).unwrap(), norms(&rows).unwrap());
    let mean = [0.4, 0.3, 0.2, 0.1, 0.2, 0.3];
    let directions = CentredDirections::from_mean(&mean);
    let cosine =
        |source: &dyn RowSource| rows::fold_rows(source, &directions).unwrap().mean_cosine().unwrap();
    assert_eq!(cosine(&data).to_bits(), cosine(&rows).to_bits());
    assert_eq!(passes.load(Ordering::Relaxed), 5);
}

#[test]
fn the_shape_of_the_rows_elsewhere_is_that_of_one_machine() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = rows(20 * LEAF_ROWS + 5);
    rows.row_mut(77).fill(0.0);
    let (data, passes) = on_machines(&written(folder.path(), &rows));
    let (there, here) = (geometry(&data, &Default::default()), geometry(&rows, &Default::default()));
    let (there, here) = (numbers(&there.unwrap()), numbers(&here.unwrap()));
    assert_eq!(there.len(), here.len());
    for ((path, there), (_, here)) in there.iter().zip(&here) {
        assert!(near(*there, *here, 1e-9), "{path}: {there} {here}");
    }
    // Lengths, products of the rows and of their directions, moments, centred directions.
    assert_eq!(passes.load(Ordering::Relaxed), 5);
}

/// Every number of a result, with its place.
fn numbers(result: &impl serde::Serialize) -> Vec<(String, f64)> {
    fn add(path: String, value: &serde_json::Value, into: &mut Vec<(String, f64)>) {
        match value {
            serde_json::Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| add(format!("{path}/{name}"), value, into));
            }
            serde_json::Value::Array(items) => {
                items.iter().enumerate().for_each(|(at, value)| add(format!("{path}/{at}"), value, into));
            }
            value => into.extend(value.as_f64().map(|number| (path, number))),
        }
    }
    let mut found = Vec::new();
    add(String::new(), &serde_json::to_value(result).unwrap(), &mut found);
    found
}

fn near(a: f64, b: f64, by: f64) -> bool {
    (a - b).abs() <= by * a.abs().max(b.abs())
}

/// Inertia within 1e-9. By cosine, and of rows that are moved for being far from zero, iterations in memory add up numbers
/// that were rounded to f32 before, which the last assignment does not.
fn same_clusters(there: &KMeans, here: &KMeans, by: f64) {
    assert_eq!(there.labels, here.labels);
    assert_eq!(there.n_iter, here.n_iter);
    assert!(near(there.inertia, here.inertia, by), "{} {}", there.inertia, here.inertia);
    let far = |(a, b): &(&f32, &f32)| (*a - *b).abs() > 1e-6 * a.abs().max(1.0);
    assert_eq!(there.centroids.iter().zip(&here.centroids).filter(far).count(), 0);
}

#[test]
fn full_k_means_elsewhere_is_that_of_one_machine() {
    let folder = tempfile::tempdir().unwrap();
    for (geometry, offset) in
        [(Geometry::Euclidean, 0.0), (Geometry::Euclidean, 3000.0), (Geometry::Spherical, 0.0)]
    {
        let mut rows = rows(21_000) + offset;
        if geometry == Geometry::Spherical {
            rows.row_mut(17).fill(0.0);
        }
        let (data, passes) = on_machines(&written(folder.path(), &rows));
        let params = KMeans::params(7).n_init(2).geometry(geometry).max_iter(8);
        let there = params.fit_rows(&data).unwrap();
        let by = if geometry == Geometry::Euclidean && offset == 0.0 { 1e-9 } else { 1e-5 };
        same_clusters(&there, &params.fit_rows(&Streamed(&rows)).unwrap(), by);
        // Moments, the sample of the starts, the iterations, the last assignment.
        assert_eq!(passes.load(Ordering::Relaxed), 3 + there.n_iter);
    }
}

fn analysed(source: &dyn RowSource, options: &ClusterOptions) -> Clustering {
    analyse(source, &ClusterColumns::default(), options, 42).unwrap()
}

#[test]
fn the_whole_look_at_clusters_is_the_same_in_two_passes_and_in_full() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows(21_000);
    let (data, _) = on_machines(&written(folder.path(), &rows));
    for passes in [Passes::Two, Passes::Full] {
        let fit_rows = (passes == Passes::Two).then_some(500);
        let options = ClusterOptions {
            k: Some(5.into()),
            passes: Some(passes),
            fit_rows,
            n_init: Some(2),
            ..Default::default()
        };
        let (there, here) = (analysed(&data, &options), analysed(&Streamed(&rows), &options));
        assert_eq!((&there.labels, &there.sizes), (&here.labels, &here.sizes));
        assert_eq!(there.duplicate_rows, here.duplicate_rows);
        assert!(near(there.inertia.unwrap(), here.inertia.unwrap(), 1e-9));
        // In full passes the silhouette is that of a sample there, within itself.
        assert!((there.silhouette.unwrap() - here.silhouette.unwrap()).abs() < 0.01);
        if passes == Passes::Two {
            assert_eq!(there.inertia.unwrap().to_bits(), here.inertia.unwrap().to_bits());
            assert_eq!(there.model.unwrap().centroids, here.model.unwrap().centroids);
        }
    }
}

#[test]
fn zero_shot_elsewhere_has_the_bits_of_zero_shot_here() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows(3 * LEAF_ROWS + 5);
    let (data, passes) = on_machines(&written(folder.path(), &rows));
    let vectors = Array2::from_shape_fn((3, 6), |(i, j)| if i == j { 1.0 } else { 0.1 });
    let labels = LabelVectors::new(&["a", "b", "c"].map(String::from), None, vectors).unwrap();
    assert_eq!(zero_shot(&data, &labels).unwrap(), zero_shot(&rows, &labels).unwrap());
    assert_eq!(passes.load(Ordering::Relaxed), 1);
}

#[test]
fn profiles_elsewhere_have_the_bits_of_profiles_here() {
    let folder = tempfile::tempdir().unwrap();
    let n = 37 * LEAF_ROWS - 100;
    let rows = rows(n);
    let (data, passes) = on_machines(&written(folder.path(), &rows));
    let weights: Vec<f64> = (0..n).map(|row| (row % 7) as f64 / 3.0).collect();
    // The numbers of groups take one, two and four bytes; the last two are too many to be merged on the way.
    for n_groups in [5, 300, 5000, 70_000] {
        let group = |row: usize| (row % 11 != 3).then_some((row * 31 % n_groups) as u32);
        let groups: Vec<Option<u32>> = (0..n).map(group).collect();
        for weights in [None, Some(&weights[..])] {
            let options = ProfileOptions { weights, min_count: 2, shrinkage: 1.5 };
            let of = |source: &dyn RowSource| profiles(source, &groups, n_groups, &options).unwrap();
            assert_eq!(of(&data), of(&rows));
        }
    }
    assert_eq!(passes.load(Ordering::Relaxed), 8);
}

#[test]
fn the_check_elsewhere_is_the_check_here() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = rows(20 * LEAF_ROWS + 77);
    rows.column_mut(4).fill(0.25);
    rows.row_mut(9).fill(f32::NAN);
    rows.row_mut(12_345).fill(f32::NAN);
    for row in 0..15 {
        rows[[row * 2000 + 11, 1]] = f32::INFINITY;
    }
    for row in [30_000, 70] {
        rows.row_mut(row).fill(0.0);
    }
    let repeated = rows.row(100).to_owned();
    rows.row_mut(39_000).assign(&repeated);
    let path = written(folder.path(), &rows);
    let (data, passes) = with_non_finite(&path);
    let (there, here) = (check_rows(&data).unwrap(), check_rows(&rows).unwrap());
    assert_eq!(there, here);
    assert_eq!((there.nan_rows, there.missing_rows, there.zero_rows), (15, 2, 2));
    assert!(there.duplicate_rows > 0 && there.problems.len() > 3);
    assert_eq!(passes.load(Ordering::Relaxed), 1);
    // Machines that were not told of such rows refuse them.
    let options = OpenOptions { stream: true, ..Default::default() };
    let place = Place::of(&data, std::slice::from_ref(&path), None).unwrap();
    let (data, _) = at(place, Data::open(&path, &options).unwrap());
    assert_eq!(moments(&data).unwrap_err().code(), "not-finite");
}

#[test]
fn a_computation_for_other_rows_is_refused_before_it_takes_memory() {
    let rows = rows(40);
    let code = |name: &str, params: Vec<u8>| {
        let pass = Pass { name: name.into(), params, rows: 40, merged: true };
        answer(&rows, &pass, 0).unwrap_err().code()
    };
    let huge = 1_u64 << 40;
    assert_eq!(code(Products::NAME, Packer::default().add(&[huge, 0]).bytes()), "vector-length");
    assert_eq!(code(Look::NAME, Packer::default().add(&[huge]).bytes()), "vector-length");
    assert_eq!(code(CentredDirections::NAME, Packer::default().add(&[0.5; 7]).bytes()), "vector-length");
    let groups = |n_groups: u64, dims: u64, width: usize| {
        let params = Packer::default().add(&[n_groups, dims]).add(&vec![0_u8; 40 * width]);
        params.add::<f64>(&[]).bytes()
    };
    assert_eq!(code(GroupSumsFold::NAME, groups(3, huge, 1)), "vector-length");
    assert_eq!(code(GroupSumsFold::NAME, groups(1 << 24, 6, 4)), "answer-damaged");
    let sums = Products::of(&Packer::default().add(&[100_000_u64, 0]).bytes()).unwrap();
    let part = Packer::default().add(&[1_u64]).add(&vec![0.0; 100_000]).add(&[0.0]).bytes();
    assert_eq!(sums.portable().unwrap().unpack(&part).err().unwrap().code(), "answer-damaged");
}

/// A part that was sent is the part, cut off it is none, and neither is one with something after it.
fn refuses_what_is_cut_off<F: Fold>(fold: &F, rows: &Array2<f32>) {
    let portable = fold.portable().unwrap();
    let bytes = portable.pack(rows::fold_rows(rows, fold).unwrap());
    let part = portable.unpack(&bytes).unwrap();
    assert_eq!(portable.rows(&part), rows.nrows(), "{}", portable.name());
    assert_eq!(portable.pack(part), bytes, "{}", portable.name());
    for end in 0..bytes.len() {
        let code = portable.unpack(&bytes[..end]).err().map(|error| error.code().to_owned());
        assert_eq!(code.as_deref(), Some("answer-damaged"), "{} {end}", portable.name());
    }
    assert!(portable.unpack(&[&bytes[..], &[0]].concat()).is_err(), "{}", portable.name());
}

#[test]
fn parts_that_are_cut_off_are_refused() {
    let mut rows = rows(40);
    rows.row_mut(3).fill(0.0);
    refuses_what_is_cut_off(&NormsFold, &rows);
    refuses_what_is_cut_off(&Products::of(&Packer::default().add(&[6_u64, 1]).bytes()).unwrap(), &rows);
    refuses_what_is_cut_off(&CentredDirections::from_mean(&[0.1; 6]), &rows);
    let params = Packer::default().add(&[3_u64, 6]).add(&[[0_u8, 3, 1, 0].as_slice(); 10].concat());
    let params = params.add::<f64>(&[]).bytes();
    refuses_what_is_cut_off(&GroupSumsFold::of(&params, 40).unwrap(), &rows);
    rows.row_mut(7).fill(f32::NAN);
    rows[[8, 1]] = f32::INFINITY;
    let look = Look::of(&Packer::default().add(&[6_u64]).bytes()).unwrap();
    refuses_what_is_cut_off(&look, &rows);
}

#[test]
fn what_does_not_run_elsewhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (data, passes) = on_machines(&written(folder.path(), &rows(21_000)));
    let checkpoint = Some(folder.path().join("kept"));
    for options in [
        ClusterOptions { method: ClusterMethod::Dbscan, ..Default::default() },
        ClusterOptions { pca: Some(2), ..Default::default() },
        ClusterOptions { batch_size: Some(100), ..Default::default() },
        ClusterOptions { checkpoint, ..Default::default() },
    ] {
        let error = analyse(&data, &ClusterColumns::default(), &options, 42).unwrap_err();
        assert_eq!(error.code(), "argument", "{error}");
    }
    assert_eq!(passes.load(Ordering::Relaxed), 0);
}

#[test]
fn another_file_under_the_same_path_is_refused_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), &rows(5000));
    let (data, _) = on_machines(&path);
    written(folder.path(), &rows(4000));
    let error = moments(&data).unwrap_err();
    assert_eq!((error.code(), error.file_name()), ("file-differs", Some(path.as_path())));
}

#[test]
fn answers_that_are_damaged_or_of_fewer_rows_are_refused() {
    /// Answers with what it was given.
    struct Says(Vec<Vec<u8>>);
    impl Engine for Says {
        fn pass(&self, _pass: &Pass) -> Result<Vec<Vec<u8>>> {
            Ok(self.0.clone())
        }
    }
    let rows = rows(5000);
    let pass =
        |n| Pass { name: "moments".into(), params: 6_u64.to_le_bytes().to_vec(), merged: true, rows: n };
    let params = Packer::default().add(&[6_u64]).bytes();
    let pass = |n| Pass { params: params.clone(), ..pass(n) };
    let few = answer(&rows, &pass(5000), 1).unwrap();
    for (says, code) in [
        (vec![few.clone()], "rows-differ"),
        (vec![few[..40].to_vec()], "answer-damaged"),
        (vec![], "answer-damaged"),
        (vec![few.clone(), few], "answer-damaged"),
    ] {
        let data = Data::from(Table::from_vectors(rows.clone())).with_engine(Arc::new(Says(says)));
        assert_eq!(moments(&data).unwrap_err().code(), code);
    }
    let unknown = Pass { name: "k-means.leap".into(), ..pass(5000) };
    assert!(answer(&rows, &unknown, 0).is_err());
    assert!(answer(&rows, &pass(5000), 3).is_err());
}
