//! Rows seen from another origin and in another unit.

use ndarray::{Array1, Array2, ArrayView2, Zip};

/// Another origin and another unit. Neither changes which rows are near, and products in `f32` err by some 1e-7 of the
/// squared lengths: an offset of all rows drowns what differs, and squares of 1e24 are not representable as `f32`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    /// The origin, as a rule the mean row.
    pub origin: Array1<f64>,
    /// What numbers are divided by.
    pub unit: f64,
}

impl Frame {
    /// The numbers of a row as they are in this frame.
    pub fn moved_row<'a>(
        &'a self,
        row: impl IntoIterator<Item = f64> + 'a,
    ) -> impl Iterator<Item = f32> + 'a {
        row.into_iter().zip(&self.origin).map(|(value, origin)| ((value - origin) / self.unit) as f32)
    }

    /// Rows (n x d) as they are in this frame, in standard layout.
    pub fn moved(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        let mut moved = Array2::zeros(rows.raw_dim());
        Zip::from(moved.rows_mut()).and(rows.rows()).par_for_each(|mut moved, row| {
            let values = self.moved_row(row.iter().map(|value| f64::from(*value)));
            moved.iter_mut().zip(values).for_each(|(moved, value)| *moved = value);
        });
        moved
    }

    /// Rows of this frame as they are outside of it.
    pub fn back(&self, rows: &Array2<f32>) -> Array2<f32> {
        let mut back = rows.clone();
        for mut row in back.rows_mut() {
            for (value, origin) in row.iter_mut().zip(&self.origin) {
                *value = (f64::from(*value) * self.unit + origin) as f32;
            }
        }
        back
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn there_and_back_is_where_it_was() {
        let frame = Frame { origin: array![10.0, -1.0], unit: 4.0 };
        let rows = array![[14.0_f32, 1.0], [10.0, -1.0]];
        assert_eq!(frame.moved(rows.view()), array![[1.0, 0.5], [0.0, 0.0]]);
        assert_eq!(frame.back(&frame.moved(rows.view())), rows);
    }
}
