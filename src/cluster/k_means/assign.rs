//! The nearest of fixed centroids for each row, in one pass that keeps a label and a distance of a row and no more.

use std::borrow::Cow;

use ndarray::{Array2, ArrayView2};

use super::bounds::NONE;
use super::fit::largest_first;
use super::{Geometry, KMeans};
use crate::cluster::frame::needed_by_centroids;
use crate::error::{Error, Result};
use crate::rows::packed::{Packer, Unpacker, damaged};
use crate::rows::product::dot_products;
use crate::rows::simd::{dot_f64, squared_distance_f64, squared_norms};
use crate::rows::{Fold, Frame, Nothing, Portable, RowBlock, RowSource, fold_rows, moments};

/// The cluster of each row, and how far each is from its centroid.
#[derive(Debug, Clone, PartialEq)]
pub struct Assigned {
    /// The nearest centroid of each row, of equally near ones the first; `None` for a row of zeros in a spherical model.
    pub labels: Vec<Option<u32>>,
    /// The Euclidean distance of each row from its centroid, of rows scaled to length 1 in a spherical model; 0 for a row
    /// without one.
    pub distances: Vec<f32>,
    /// The sum of the squared distances.
    pub inertia: f64,
}

impl KMeans {
    /// Gives each row of any source (n x d) its nearest centroid: one pass, 12 bytes of memory a row.
    ///
    /// # Errors
    /// As [`KMeans::predict_rows`].
    pub fn assign_rows(&self, source: &(impl RowSource + ?Sized)) -> Result<Assigned> {
        self.assign_beside(source, &Nothing).map(|(assigned, ())| assigned)
    }

    /// The model of a sample as one of all rows, with another computation in the same pass: its labels are theirs, its
    /// inertia too, and its clusters are numbered by their sizes among all rows.
    pub(in crate::cluster) fn assigned_to_all<F: Fold>(
        self,
        source: &(impl RowSource + ?Sized),
        beside: &F,
    ) -> Result<(KMeans, Assigned, F::Part)> {
        let (assigned, found) = self.assign_beside(source, beside)?;
        let (centroids, labels) = largest_first(self.centroids, assigned.labels);
        let model = KMeans { centroids, labels: labels.clone(), inertia: assigned.inertia, ..self };
        Ok((model, Assigned { labels, ..assigned }, found))
    }

    /// As [`KMeans::assign_rows`], with another computation in the same pass.
    fn assign_beside<F: Fold>(
        &self,
        source: &(impl RowSource + ?Sized),
        beside: &F,
    ) -> Result<(Assigned, F::Part)> {
        if source.dims() != self.centroids.ncols() {
            return Err(Error::argument("the rows and the model have different dimensions")
                .seen(format!("{} in the rows, {} in the model", source.dims(), self.centroids.ncols()))
                .advice("use vectors of the same embedding model"));
        }
        let several = self.n_clusters() > 1 && self.geometry == Geometry::Euclidean;
        let frame = needed_by_centroids(&moments(&self.centroids)?).filter(|_| several);
        let centroids = match &frame {
            Some(frame) => frame.moved(self.centroids.view()),
            None => self.centroids.as_standard_layout().into_owned(),
        };
        let assign = Assign::new(self.geometry, centroids, frame.as_ref().map(Cow::Borrowed));
        let (part, found) = fold_rows(source, &(Checked(assign), beside))?;
        if let Some(row) = part.not_finite {
            return Err(Error::input("a vector with NaN or infinite numbers")
                .with_code("not-finite")
                .row(row)
                .advice("remove the row"));
        }
        let labels = part.labels.into_iter().map(|label| (label != NONE).then_some(label)).collect();
        Ok((Assigned { labels, distances: part.distances, inertia: part.inertia }, found))
    }
}

/// Fixed centroids, in the frame of the rows.
pub(super) struct Assign<'a> {
    pub geometry: Geometry,
    pub centroids: Array2<f32>,
    /// The squared length of each.
    pub squares: Vec<f32>,
    pub frame: Option<Cow<'a, Frame>>,
}

impl<'a> Assign<'a> {
    pub fn new(geometry: Geometry, centroids: Array2<f32>, frame: Option<Cow<'a, Frame>>) -> Self {
        let mut squares = Vec::new();
        squared_norms(centroids.as_slice().unwrap_or_default(), centroids.ncols(), &mut squares);
        Assign { geometry, centroids, squares, frame }
    }

    /// What another machine needs to know to do the same.
    pub fn packed(&self, into: Packer) -> Packer {
        let (k, dims) = self.centroids.dim();
        let spherical = u64::from(self.geometry == Geometry::Spherical);
        let frame = self.frame.as_deref();
        let origin = frame.map(|frame| frame.origin.to_vec()).unwrap_or_default();
        let unit: Vec<f64> = frame.iter().map(|frame| frame.unit).collect();
        into.add(&[spherical, k as u64, dims as u64])
            .add(self.centroids.as_slice().unwrap_or_default())
            .add(&origin)
            .add(&unit)
    }

    /// From what [`packed`](Assign::packed) gave.
    pub fn unpacked(series: &mut Unpacker<'_>) -> Result<Assign<'static>> {
        let [spherical, k, dims] = series.next_of::<u64>(3)?[..] else { return Err(damaged()) };
        let centroids = Array2::from_shape_vec((k as usize, dims as usize), series.next()?);
        let origin: Vec<f64> = series.next()?;
        let unit: Vec<f64> = series.next()?;
        let frame = match unit.first() {
            Some(unit) if origin.len() as u64 == dims => Some(Frame { origin: origin.into(), unit: *unit }),
            Some(_) => return Err(damaged()),
            None => None,
        };
        let geometry = if spherical == 1 { Geometry::Spherical } else { Geometry::Euclidean };
        Ok(Assign::new(geometry, centroids.map_err(|_| damaged())?, frame.map(Cow::Owned)))
    }

    fn centroid(&self, cluster: usize) -> &[f32] {
        let dims = self.centroids.ncols();
        &self.centroids.as_slice().unwrap_or_default()[cluster * dims..(cluster + 1) * dims]
    }

    /// The squared distance of a row, scaled, from a centroid.
    fn square(&self, row: &[f32], scale: f64, cluster: usize) -> f64 {
        let centroid = self.centroid(cluster);
        if self.geometry == Geometry::Euclidean {
            return squared_distance_f64(row, centroid);
        }
        let numbers = row.iter().zip(centroid);
        numbers.map(|(x, c)| (f64::from(*x) * scale - f64::from(*c)).powi(2)).sum()
    }
}

/// The assignment of the rows of one block.
#[derive(Default)]
pub(super) struct Nearest {
    dots: Vec<f32>,
    /// What each row is multiplied by, and its squared length after that; NaN for numbers that are not finite.
    pub scaled: Vec<(f64, f32)>,
    /// The nearest centroid of each row, of equally near ones the first.
    pub nearest: Vec<u32>,
    /// Its squared distance, as products tell it.
    pub least: Vec<f32>,
}

impl Assign<'_> {
    /// The rows of a block in the frame of the centroids, with the nearest centroid of each; `None` for a block without rows.
    pub fn nearest<'b>(&self, block: &RowBlock<'b>, found: &mut Nearest) -> Option<Cow<'b, [f32]>> {
        let rows: Cow<'b, [f32]> = match self.frame.as_deref() {
            Some(frame) => Cow::Owned(frame.moved(block.rows).into_raw_vec_and_offset().0),
            None => Cow::Borrowed(block.rows.to_slice()?),
        };
        let (m, dims) = block.rows.dim();
        dot_products(&rows, self.centroids.as_slice().unwrap_or_default(), dims, &mut found.dots);
        found.scaled.clear();
        found.scaled.extend(rows.chunks_exact(dims).map(|row| self.scaled(row)));
        found.nearest.clear();
        found.nearest.resize(m, 0);
        found.least.clear();
        found.least.resize(m, f32::INFINITY);
        for (c, own) in self.squares.iter().enumerate() {
            let dots = found.dots[c * m..(c + 1) * m].iter().zip(&found.scaled);
            let best = found.least.iter_mut().zip(&mut found.nearest);
            for ((dot, (scale, square)), (least, nearest)) in dots.zip(best) {
                let distance = (square + own - 2.0 * *scale as f32 * dot).max(0.0);
                let nearer = distance < *least;
                *least = if nearer { distance } else { *least };
                *nearest = if nearer { c as u32 } else { *nearest };
            }
        }
        Some(rows)
    }

    /// What a row is multiplied by, and its squared length after that; NaN for numbers that are not finite.
    fn scaled(&self, row: &[f32]) -> (f64, f32) {
        let square = dot_f64(row, row);
        match self.geometry {
            _ if !square.is_finite() => (f64::NAN, f32::NAN),
            Geometry::Euclidean => (1.0, square as f32),
            Geometry::Spherical if square > 0.0 => (1.0 / square.sqrt(), 1.0),
            Geometry::Spherical => (0.0, 1.0),
        }
    }
}

/// What is known of the rows that were given a centroid.
#[derive(Default)]
pub(crate) struct AssignPart {
    labels: Vec<u32>,
    distances: Vec<f32>,
    inertia: f64,
    not_finite: Option<usize>,
    work: Nearest,
}

/// The assignment as a fold that notes the first row of numbers that are not finite.
pub(crate) struct Checked<'a>(Assign<'a>);

impl Fold for Checked<'_> {
    type Part = AssignPart;

    fn start(&self) -> AssignPart {
        AssignPart::default()
    }

    fn add(&self, part: &mut AssignPart, block: RowBlock<'_>) {
        let assign = &self.0;
        let AssignPart { work, .. } = part;
        let Some(rows) = assign.nearest(&block, work) else { return };
        if part.not_finite.is_none() {
            part.not_finite =
                work.scaled.iter().position(|(scale, _)| scale.is_nan()).map(|row| block.first + row);
        }
        let unit = assign.frame.as_ref().map_or(1.0, |frame| frame.unit);
        for (i, row) in rows.chunks_exact(assign.centroids.ncols()).enumerate() {
            let (scale, nearest) = (work.scaled[i].0, work.nearest[i]);
            if scale == 0.0 {
                part.labels.push(NONE);
                part.distances.push(0.0);
                continue;
            }
            let square = assign.square(row, scale, nearest as usize);
            part.labels.push(nearest);
            part.distances.push((square.sqrt() * unit) as f32);
            part.inertia += square * unit * unit;
        }
    }

    fn merge(&self, into: &mut AssignPart, from: AssignPart) {
        into.labels.extend(from.labels);
        into.distances.extend(from.distances);
        into.inertia += from.inertia;
        into.not_finite = into.not_finite.or(from.not_finite);
        into.work = Nearest::default();
    }

    fn portable(&self) -> Option<&dyn Portable<Part = AssignPart>> {
        Some(self)
    }
}

impl Checked<'_> {
    pub const NAME: &'static str = "k-means.assign";

    /// The fold of these [`params`](Portable::params).
    pub fn of(params: &[u8]) -> Result<Checked<'static>> {
        let mut series = Unpacker::new(params);
        let assign = Assign::unpacked(&mut series)?;
        series.end().map(|()| Checked(assign))
    }
}

impl Portable for Checked<'_> {
    type Part = AssignPart;

    fn name(&self) -> String {
        Self::NAME.into()
    }

    fn params(&self) -> Vec<u8> {
        self.0.packed(Packer::default()).bytes()
    }

    fn dims(&self) -> Option<usize> {
        Some(self.0.centroids.ncols())
    }

    fn merged(&self) -> bool {
        false
    }

    fn rows(&self, part: &AssignPart) -> usize {
        part.labels.len()
    }

    fn pack(&self, part: AssignPart) -> Vec<u8> {
        let not_finite: Vec<u64> = part.not_finite.iter().map(|row| *row as u64).collect();
        Packer::default().add(&part.labels).add(&part.distances).add(&[part.inertia]).add(&not_finite).bytes()
    }

    fn unpack(&self, bytes: &[u8]) -> Result<AssignPart> {
        let mut series = Unpacker::new(bytes);
        let labels: Vec<u32> = series.next()?;
        let k = self.0.squares.len();
        if labels.iter().any(|label| *label != NONE && *label as usize >= k) {
            return Err(damaged());
        }
        let part = AssignPart {
            distances: series.next_of(labels.len())?,
            inertia: series.one()?,
            not_finite: series.next::<u64>()?.first().map(|row| *row as usize),
            labels,
            work: Nearest::default(),
        };
        series.end().map(|()| part)
    }
}

/// The distances of some rows (n x d) from one centroid: Euclidean, and 1 - cosine, which is 1 where one of them is zero.
pub(crate) fn distances_from(
    rows: ArrayView2<'_, f32>,
    centroid: &[f32],
    geometry: Geometry,
) -> (Vec<f32>, Vec<f32>) {
    let length = dot_f64(centroid, centroid).sqrt();
    rows.rows()
        .into_iter()
        .map(|row| {
            let row = row.to_vec();
            let own = dot_f64(&row, &row).sqrt();
            let both = own * length;
            let cosine = if both > 0.0 { 1.0 - dot_f64(&row, centroid) / both } else { 1.0 };
            let scale = match geometry {
                Geometry::Spherical if own > 0.0 => 1.0 / own,
                _ => 1.0,
            };
            let numbers = row.iter().zip(centroid);
            let square: f64 = numbers.map(|(x, c)| (f64::from(*x) * scale - f64::from(*c)).powi(2)).sum();
            (square.sqrt() as f32, cosine.max(0.0) as f32)
        })
        .unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(n: usize, offset: f32) -> Array2<f32> {
        Array2::from_shape_fn((n, 5), |(i, j)| ((i * 31 + j * 17) % 101) as f32 / 50.0 - 1.0 + offset)
    }

    #[test]
    fn each_row_has_the_centroid_that_a_plain_loop_finds() {
        for (geometry, offset) in
            [(Geometry::Euclidean, 0.0), (Geometry::Euclidean, 30_000.0), (Geometry::Spherical, 0.0)]
        {
            let mut rows = rows(5000, offset);
            if geometry == Geometry::Spherical {
                rows.row_mut(7).fill(0.0);
            }
            let model = KMeans::params(6).geometry(geometry).n_init(2).fit_rows(&rows).unwrap();
            let found = model.assign_rows(&rows).unwrap();
            assert_eq!(found.labels, model.predict_rows(&rows).unwrap());
            let mut inertia = 0.0;
            for (i, row) in rows.rows().into_iter().enumerate() {
                let length = row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
                let scale = if geometry == Geometry::Spherical { 1.0 / length } else { 1.0 };
                let square = |c: usize| -> f64 {
                    let both = row.iter().zip(model.centroids.row(c));
                    both.map(|(x, c)| (f64::from(*x) * scale - f64::from(*c)).powi(2)).sum()
                };
                let Some(label) = found.labels[i] else {
                    assert_eq!((i, geometry), (7, Geometry::Spherical));
                    continue;
                };
                let least = (0..6).map(square).fold(f64::INFINITY, f64::min);
                assert!(square(label as usize) <= least * 1.001 + 1e-6, "row {i}");
                assert!((f64::from(found.distances[i]) - square(label as usize).sqrt()).abs() < 0.02);
                inertia += square(label as usize);
            }
            assert!((found.inertia / inertia - 1.0).abs() < 0.01, "{} {inertia}", found.inertia);
        }
    }

    #[test]
    fn the_first_row_that_is_not_finite_is_named() {
        let model = KMeans::params(2).fit_rows(&rows(100, 0.0)).unwrap();
        let mut bad = rows(5000, 0.0);
        bad[[4321, 2]] = f32::NAN;
        bad[[4400, 2]] = f32::INFINITY;
        let error = model.assign_rows(&bad).unwrap_err();
        assert_eq!((error.code(), error.row_number()), ("not-finite", Some(4321)));
    }

    #[test]
    fn both_distances_are_those_of_the_definition() {
        let rows = ndarray::array![[3.0_f32, 4.0], [0.0, 0.0]];
        let (l2, cosine) = distances_from(rows.view(), &[1.0, 0.0], Geometry::Euclidean);
        assert!((l2[0] - 20.0_f32.sqrt()).abs() < 1e-6 && (cosine[0] - 0.4).abs() < 1e-6);
        assert_eq!((l2[1], cosine[1]), (1.0, 1.0));
        let (l2, _) = distances_from(rows.view(), &[1.0, 0.0], Geometry::Spherical);
        assert!((l2[0] - 0.8_f32.sqrt()).abs() < 1e-6);
    }
}
