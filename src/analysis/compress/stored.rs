//! The vectors of a setting in a file.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeListArray, Float16Array};
use arrow::datatypes::{DataType, Field};
use half::f16;
use ndarray::{Array2, Axis};
use rayon::prelude::*;

use crate::compress::{Point, Precision, Ranges, Reduction, int8_codes, packed_bits};
use crate::data::Data;
use crate::error::{Error, Result};
use crate::table::{self, Table, VectorCodes, WriteOptions, write_codes};

/// Whether a file can keep a precision.
pub fn is_written(precision: Precision) -> bool {
    matches!(
        precision,
        Precision::F32 | Precision::F16 | Precision::Int8 | Precision::Int8Raw | Precision::Binary
    )
}

/// The rows that are written, and how.
#[derive(Debug, Clone)]
pub struct Source {
    table: Table,
    point: Option<Point>,
    seed: u64,
}

impl Source {
    pub fn new(data: &Data, point: Option<Point>, seed: u64) -> Result<Source> {
        let table = if data.is_streamed() { data.with_columns(Vec::new())? } else { data.table().clone() };
        Ok(Source { table, point, seed })
    }

    /// Writes the rows in fewer dimensions, at length 1, in the precision of the setting.
    pub fn write(&self, path: &Path) -> Result<()> {
        let Some(point) = &self.point else {
            return Err(Error::argument("no setting that a file can keep finds enough of the nearest rows")
                .with_code("no-setting")
                .file(path)
                .advice(
                    "name one setting with --method, --dims and --precision, or ask for less with --keep",
                ));
        };
        let rows = self.table.vectors();
        let fewer = {
            let mut at_length_1 = rows.to_owned();
            at_length_1.axis_iter_mut(Axis(0)).into_par_iter().for_each(|mut row| {
                let length = row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
                if length > 0.0 {
                    row.mapv_inplace(|x| (f64::from(x) / length) as f32);
                }
            });
            let reduction = Reduction::fit(at_length_1.view(), point.method, point.dims, self.seed)?;
            reduction.transform(at_length_1.view(), point.dims)?
        };
        let is_npy = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npy"));
        match point.precision {
            Precision::F32 => {
                let name = self.table.vector_column();
                let _ = table::write(&self.table.with_vectors(fewer, name)?, path, &WriteOptions::default())?;
                Ok(())
            }
            Precision::F16 if is_npy => write_codes(path, &VectorCodes::F16(fewer.view())),
            Precision::F16 => self.write_halves(&fewer, path),
            Precision::Int8 | Precision::Int8Raw => {
                let ranges = Ranges::of(fewer.view())?;
                let codes = int8_codes(fewer.view(), &ranges)?;
                let (min, max) = (ranges.min.view(), ranges.max.view());
                write_codes(path, &VectorCodes::Int8 { codes: codes.view(), min, max })
            }
            Precision::Binary if point.dims % 8 != 0 => {
                Err(Error::argument("packed bits take a multiple of eight dimensions")
                    .seen(point.dims.to_string())
                    .file(path)
                    .advice("name another number with --dims"))
            }
            Precision::Binary => write_codes(path, &VectorCodes::Bits(packed_bits(fewer.view()).view())),
            precision => Err(Error::argument("RaBitQ codes are made by the store that searches them")
                .seen(precision.name())
                .file(path)
                .advice("write f32 vectors for it, or choose f16, int8 or binary with --precision")),
        }
    }

    /// A column of lists of half-precision numbers, beside the other columns.
    fn write_halves(&self, rows: &Array2<f32>, path: &Path) -> Result<()> {
        let format = table::Format::from_extension(path);
        if !matches!(format, Some(table::Format::Parquet | table::Format::ArrowIpc)) {
            return Err(Error::argument("this format does not keep half precision")
                .file(path)
                .advice("end the name in .npy, .parquet or .arrow"));
        }
        let values: Float16Array = rows.iter().map(|x| Some(f16::from_f32(*x))).collect();
        let size = i32::try_from(rows.ncols())
            .map_err(|_| Error::argument("vectors too long for this format").advice("write .npy"))?;
        let item = Arc::new(Field::new("item", DataType::Float16, false));
        let values = Float16Array::new(values.values().clone(), None);
        let lists: ArrayRef = Arc::new(
            FixedSizeListArray::try_new(item, size, Arc::new(values), None)
                .map_err(|error| Error::argument("lists that cannot be made").source(error))?,
        );
        let columns = Table::from_columns(self.table.columns().clone());
        let with = columns.with_columns(vec![(self.table.vector_column(), lists)])?;
        let _ = table::write(&with, path, &WriteOptions::default())?;
        Ok(())
    }
}
