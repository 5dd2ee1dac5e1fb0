//! Clusters as a folder of Parquet files, one folder for each: the layout that Spark, DuckDB and NeMo Curator read.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array};
use ndarray::{Array2, Axis, concatenate};

use crate::address::refuse_output;
use crate::cluster::{ClusterOptions, Clustering, KMeans, distances_from};
use crate::data::{Data, NewColumn};
use crate::error::{Error, Result};
use crate::output::TemporaryFolder;
use crate::rows::{LEAF_ROWS, RowSource};
use crate::table::{self, Table};

/// The column that the names of the folders give.
const CENTROID: &str = "centroid";
const L2: &str = "l2_dist_to_cent";
const COSINE: &str = "cosine_dist_to_cent";

/// The centroids, k x d.
const CENTROIDS: &str = "kmeans_centroids.npy";

/// Bytes of rows that are gathered before they are written, where no memory was given; else an eighth of it.
const GATHERED: u64 = 256 << 20;

/// Refuses what would fail only after the work: clusters without centroids, and a folder that cannot be written to its place.
///
/// # Errors
/// For another method than k-means and for reduced rows; for a folder that holds something, and a place that cannot be written.
pub fn check_partitioned(options: &ClusterOptions, folder: &Path) -> Result<()> {
    if !options.method.is_k_means() || options.pca.is_some() {
        return Err(no_centroids());
    }
    check_folder(folder)
}

fn no_centroids() -> Error {
    Error::argument("only k-means on the rows as they are has centroids to write")
        .advice("leave --layout or --pca out, or choose --method k-means")
}

fn check_folder(folder: &Path) -> Result<()> {
    refuse_output(folder)?;
    let parent = parent(folder);
    if !parent.is_dir() {
        return Err(Error::argument("no such folder to write to")
            .file(folder)
            .advice(format!("make {} first", parent.display())));
    }
    if folder.symlink_metadata().is_ok_and(|about| !about.is_dir()) {
        return Err(Error::argument("no folder for the clusters: a file or a link has this name")
            .with_code("folder-not-empty")
            .file(folder)
            .advice("name a new folder"));
    }
    if let Ok(mut inside) = fs::read_dir(folder)
        && inside.next().is_some()
    {
        return Err(Error::argument("the folder for the clusters holds something already")
            .with_code("folder-not-empty")
            .file(folder)
            .advice("name a new folder"));
    }
    let tried = TemporaryFolder::beside(folder);
    tried.map(drop).map_err(|error| Error::io("cannot write", error).file(folder))
}

fn parent(folder: &Path) -> &Path {
    folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes the rows of a k-means clustering into a folder that appears whole: `centroid=0/part-00000.parquet` and so on with
/// all columns, the vectors, and two distances of each row from its centroid, `l2_dist_to_cent` (of rows scaled to length 1
/// in a spherical clustering) and `cosine_dist_to_cent`; beside them `kmeans_centroids.npy`. Rows without a cluster are in
/// `centroid=__HIVE_DEFAULT_PARTITION__`. One pass over the rows; the more memory, the fewer and larger the files. Gives the
/// number of Parquet files.
///
/// # Errors
/// For a clustering that is not of k-means on the rows as they are, a folder that holds something, and whatever fails while
/// reading or writing.
pub fn write_partitioned(found: &Clustering, data: &Data, folder: &Path) -> Result<usize> {
    check_folder(folder)?;
    let model = found.model.as_ref().filter(|_| found.components.is_none()).ok_or_else(no_centroids)?;
    let failed = |error: std::io::Error| Error::io("cannot write", error).file(folder);
    // Beside its place, so that it can be moved there in one step.
    let temporary = TemporaryFolder::beside(folder).map_err(failed)?;
    let columns = data.written_columns(Vec::new())?;
    // The names of the folders take the place of a column of that name.
    let names = columns.column_names().into_iter().filter(|name| *name != CENTROID);
    let columns = columns.with_only(&names.map(str::to_owned).collect::<Vec<_>>())?;
    let mut parts =
        Parts { model, data, columns, folder: temporary.path(), rows: Vec::new(), files: 0, flushes: 0 };
    let most = data.memory().given().map_or(GATHERED, |bytes| bytes / 8);
    let row = 4 * data.dims().max(1) as u64;
    let most = usize::try_from(most / row).unwrap_or(usize::MAX).max(LEAF_ROWS);
    let (mut first, mut start) = (0, 0);
    for chunk in data.chunks(LEAF_ROWS)? {
        let chunk = chunk?;
        first += chunk.nrows();
        parts.rows.push(chunk);
        if first - start >= most {
            parts.flush(start, &found.labels)?;
            start = first;
        }
    }
    parts.flush(start, &found.labels)?;
    let files = parts.files;
    let centroids = Table::from_vectors(model.centroids.clone());
    let _ = table::write(&centroids, &temporary.path().join(CENTROIDS), &Default::default())?;
    temporary.move_to(folder).map_err(failed)?;
    Ok(files)
}

/// Rows that wait to be written.
struct Parts<'a> {
    model: &'a KMeans,
    data: &'a Data,
    columns: Table,
    folder: &'a Path,
    rows: Vec<Array2<f32>>,
    files: usize,
    flushes: usize,
}

impl Parts<'_> {
    /// Writes the gathered rows, which begin with row `first`: those of each cluster into a file of its own.
    fn flush(&mut self, first: usize, labels: &[Option<u32>]) -> Result<()> {
        let gathered = std::mem::take(&mut self.rows);
        let views: Vec<_> = gathered.iter().map(Array2::view).collect();
        let count: usize = views.iter().map(|rows| rows.nrows()).sum();
        if count == 0 {
            return Ok(());
        }
        let labels = labels.get(first..first + count).ok_or_else(|| {
            Error::input("the file has changed while it was read").with_code("file-changed")
        })?;
        let rows = concatenate(Axis(0), &views)
            .map_err(|error| Error::input("the rows are no matrix").source(error))?;
        drop(gathered);
        let mut members: BTreeMap<Option<u32>, Vec<usize>> = BTreeMap::new();
        for (row, label) in labels.iter().enumerate() {
            members.entry(*label).or_default().push(row);
        }
        for (label, places) in members {
            let own = rows.select(Axis(0), &places);
            let value =
                label.map_or_else(|| "__HIVE_DEFAULT_PARTITION__".to_owned(), |label| label.to_string());
            let folder = self.folder.join(format!("{CENTROID}={value}"));
            fs::create_dir_all(&folder).map_err(|error| Error::io("cannot write", error).file(&folder))?;
            let distances = label.map(|label| {
                let centroid = self.model.centroids.row(label as usize).to_vec();
                distances_from(own.view(), &centroid, self.model.geometry)
            });
            let (l2, cosine): (ArrayRef, ArrayRef) = match distances {
                Some((l2, cosine)) => {
                    (Arc::new(Float32Array::from(l2)), Arc::new(Float32Array::from(cosine)))
                }
                None => {
                    let empty: ArrayRef = Arc::new(Float32Array::from(vec![None; places.len()]));
                    (empty.clone(), empty)
                }
            };
            let of_file: Vec<usize> = places.iter().map(|place| first + place).collect();
            let part = self.columns.take(&of_file)?.with_vectors(own, self.data.table().vector_column())?;
            let part = Data::from(part)
                .with_columns(vec![NewColumn::new(L2, l2), NewColumn::new(COSINE, cosine)])?;
            let path = folder.join(format!("part-{:05}.parquet", self.flushes));
            let _ = table::write(&part, &path, &Default::default())?;
            self.files += 1;
        }
        self.flushes += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{ClusterColumns, ClusterMethod, analyse};
    use crate::data::{Budget, OpenOptions};

    #[test]
    fn the_folder_holds_every_row_once_with_its_distances_and_the_centroids() {
        let home = tempfile::tempdir().unwrap();
        let mut rows =
            Array2::from_shape_fn((7000, 32), |(i, j)| ((i * 31 + j * 17 + i % 3 * 50) % 101) as f32 / 50.0);
        rows.row_mut(6).fill(0.0);
        let file = home.path().join("x.parquet");
        let _ = table::write(&Table::from_vectors(rows.clone()), &file, &Default::default()).unwrap();
        let memory = Budget::bytes(1 << 20);
        let open = OpenOptions { stream: true, memory, ..Default::default() };
        let data = Data::open(&file, &open).unwrap();
        let options =
            ClusterOptions { k: Some(3.into()), method: ClusterMethod::Spherical, ..Default::default() };
        let found = analyse(&data, &ClusterColumns::default(), &options, 42).unwrap();
        let folder = home.path().join("clusters");
        // Rows are gathered by leaves: 4 flushes of 3 clusters, and one row without.
        assert_eq!(write_partitioned(&found, &data, &folder).unwrap(), 13);
        let centroids = table::read(&folder.join(CENTROIDS), &Default::default()).unwrap();
        assert_eq!(centroids.vectors(), found.model.as_ref().unwrap().centroids);
        let back = table::read(&folder, &Default::default()).unwrap();
        let (labels, l2) = (back.numbers(CENTROID).unwrap(), back.numbers(L2).unwrap());
        let cosine = back.numbers(COSINE).unwrap();
        assert_eq!(back.n_rows(), 7000);
        let mut sizes = [0; 3];
        for row in 0..7000 {
            let Some(label) = labels[row] else {
                assert_eq!((l2[row], back.vectors().row(row).sum()), (None, 0.0));
                continue;
            };
            sizes[label as usize] += 1;
            // Rows and centroids of length 1: the squared distance is twice that of the cosine.
            let (l2, cosine) = (l2[row].unwrap(), cosine[row].unwrap());
            assert!((l2 * l2 - 2.0 * cosine).abs() < 1e-5, "{l2} {cosine}");
        }
        assert_eq!(sizes.to_vec(), found.sizes);
        let error = write_partitioned(&found, &data, &folder).unwrap_err();
        assert_eq!(error.code(), "folder-not-empty");
        let left: Vec<_> = fs::read_dir(home.path()).unwrap().collect();
        assert_eq!(left.len(), 2, "nothing is left beside the file and the folder");
    }
}
