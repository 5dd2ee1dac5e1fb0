//! The shape of all rows but some.

use ndarray::{ArrayView2, Axis};
use rayon::prelude::*;

use super::geometry::{Geometry, GeometryOptions, Lengths, described, geometry};
use super::spectrum::{Moment, Scale};
use crate::error::Result;
use crate::rows::Selected;

/// The [`geometry`] of n x d rows without each of some groups of rows (each ascending). The products of all rows are
/// made once, and those of a group are taken off, so that the groups cost as much as one pass, and the eigenvalues. As
/// many groups as threads are in memory, 40 d² bytes each.
///
/// # Errors
/// As [`geometry`].
pub(crate) fn geometry_without(
    rows: ArrayView2<'_, f32>,
    groups: &[Vec<usize>],
    options: &GeometryOptions,
) -> Result<Vec<Geometry>> {
    let (n, d) = rows.dim();
    let largest = groups.iter().map(Vec::len).max().unwrap_or(0);
    let all = if n - largest < d { None } else { Some(Products::of(rows)?) };
    let mut found = Vec::with_capacity(groups.len());
    // Threads that wait take up other groups: no more of them than there are threads.
    for some in groups.chunks(rayon::current_num_threads().max(1)) {
        let of_group = |group: &Vec<usize>| {
            let mut keep = vec![true; n];
            group.iter().for_each(|row| keep[*row] = false);
            let kept: Vec<usize> = (0..n).filter(|row| keep[*row]).collect();
            let source = Selected { source: &rows, rows: kept };
            let Some(all) = &all else { return geometry(&source, options) };
            let products = all.without(rows, group)?;
            let unit = products.unit.as_ref().unwrap_or(&products.raw);
            described(&source, Lengths::of(&source)?, &products.raw, unit, options, usize::MAX)
        };
        found.extend(some.par_iter().map(of_group).collect::<Result<Vec<_>>>()?);
    }
    Ok(found)
}

/// The products of columns.
struct Products {
    raw: Moment,
    /// Of the rows at length 1, where they are not.
    unit: Option<Moment>,
}

impl Products {
    fn of(rows: ArrayView2<'_, f32>) -> Result<Products> {
        let lengths = Lengths::of(&rows)?;
        Self::scaled(rows, (!lengths.norm.is_unit()).then_some(&lengths.scales))
    }

    fn scaled(rows: ArrayView2<'_, f32>, scales: Option<&Vec<f64>>) -> Result<Products> {
        let unit = scales.map(|scales| Moment::of_either(&rows, Scale::Rows(scales), true)).transpose()?;
        Ok(Products { raw: Moment::of_either(&rows, Scale::None, true)?, unit })
    }

    fn without(&self, rows: ArrayView2<'_, f32>, group: &[usize]) -> Result<Products> {
        let group = rows.select(Axis(0), group);
        let scales = self.unit.as_ref().map(|_| Lengths::of(&group)).transpose()?;
        let of_group = Self::scaled(group.view(), scales.as_ref().map(|lengths| &lengths.scales))?;
        Ok(Products {
            raw: self.raw.without(&of_group.raw),
            unit: self.unit.as_ref().zip(of_group.unit.as_ref()).map(|(all, group)| all.without(group)),
        })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::metric::jackknife_groups;

    #[test]
    fn the_shape_without_a_group_is_that_of_the_other_rows() {
        for (n, d, unit) in [(60, 7, false), (60, 7, true), (20, 17, false), (12, 30, true)] {
            let mut rows =
                Array2::from_shape_fn((n, d), |(i, j)| ((i * 7 + j * 13 + i * j) % 29) as f32 - 4.0);
            rows.row_mut(3).fill(if unit { 1.0 } else { 0.0 });
            if unit {
                for mut row in rows.rows_mut() {
                    let length = row.dot(&row).sqrt();
                    row /= length;
                }
            }
            let groups = jackknife_groups(n, 4, 1);
            let options = GeometryOptions::default();
            let found = geometry_without(rows.view(), &groups, &options).unwrap();
            for (found, group) in found.iter().zip(&groups) {
                let kept: Vec<usize> = (0..n).filter(|row| !group.contains(row)).collect();
                let expected = geometry(&rows.select(Axis(0), &kept), &options).unwrap();
                for (name, found, expected) in [
                    ("mean cosine", found.mean_cosine, expected.mean_cosine),
                    ("centred", found.mean_cosine_centered, expected.mean_cosine_centered),
                    ("participation", found.participation_ratio, expected.participation_ratio),
                    ("rankme", found.rankme, expected.rankme),
                    ("nesum", found.nesum, expected.nesum),
                    ("stable rank", found.stable_rank, expected.stable_rank),
                    ("vendi", found.vendi, expected.vendi),
                    ("vendi of order 2", found.vendi_2, expected.vendi_2),
                    (
                        "uniformity",
                        found.uniformity.map(|found| found.value),
                        expected.uniformity.map(|found| found.value),
                    ),
                    ("rogue", found.rogue_dimension, expected.rogue_dimension),
                ] {
                    let (found, expected) = (found.unwrap(), expected.unwrap());
                    assert!(
                        (found / expected - 1.0).abs() < 1e-9,
                        "{name}: {found} and {expected}, {n} x {d}"
                    );
                }
                assert_eq!((found.zero_rows, found.norm), (expected.zero_rows, expected.norm));
            }
        }
    }
}
