//! `kmeans_assign` and `kmeans_step`: the nearest of given centroids, and what k-means needs of all rows for the next.

use std::mem::size_of;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int32Array, Int64Array, ListArray, StructArray, new_null_array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Float64Type, Int32Type, Int64Type};
use datafusion::common::utils::take_function_args;
use datafusion::common::{DataFusionError, Result, ScalarValue, plan_err};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDFImpl, Signature,
};
use ndarray::ArrayView2;

use super::scalar::{argument_name, immutable, returned};
use super::sums::damaged;
use super::vectors::{Vectors, holds_vectors, items, list_of, other_length, refused, taken};
use crate::cluster::Centroids;
use crate::error::Error;
use crate::rows::ExactSums;

/// The number of the nearest centroid.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct KMeansAssign(Signature);

/// The sums, counts and inertia of the rows nearest to each centroid.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct KMeansStep(Signature);

impl KMeansAssign {
    pub fn new() -> Self {
        KMeansAssign(immutable())
    }
}

impl KMeansStep {
    pub fn new() -> Self {
        KMeansStep(immutable())
    }
}

/// The types of vectors and of centroids: a list of vectors, or their numbers as bytes (`f32`, little-endian); also once for
/// all rows, as a dictionary.
fn taken_with_centroids(function: &str, types: &[DataType]) -> Result<Vec<DataType>> {
    let [vectors, centroids] = take_function_args(function, types)?;
    let value = if let DataType::Dictionary(_, value) = centroids { value } else { centroids };
    let is_list = items(value).is_some_and(holds_vectors);
    if !is_list && !is_bytes(value) && !value.is_null() {
        return plan_err!("{function} takes centroids, which are a list of vectors, and not {centroids}");
    }
    Ok(vec![taken(function, vectors)?, centroids.clone()])
}

fn is_bytes(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}

/// The centroids of the first row of a column that has the same in every row; `None` where they are NULL. The dimensions of the
/// vectors tell where bytes are cut.
fn centroids(function: &str, column: &ArrayRef, dims: usize) -> Result<Option<Centroids>> {
    let fault = |seen: &str| {
        let error = Error::argument(format!("{function} has no centroids that it can use"));
        refused(error.with_code("centroids").seen(seen).advice("give a list of at least one vector"))
    };
    if column.is_empty() || column.data_type().is_null() || column.is_null(0) {
        return Ok(None);
    }
    let first = column.slice(0, 1);
    if (1..column.len()).any(|row| column.slice(row, 1).as_ref() != first.as_ref()) {
        return Err(fault("they differ from row to row"));
    }
    if is_bytes(column.data_type()) {
        let bytes = cast(&first, &DataType::LargeBinary)?;
        let (numbers, rest) = bytes.as_binary::<i64>().value(0).as_chunks::<4>();
        let values: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        if !rest.is_empty() || values.len().checked_rem(dims) != Some(0) {
            let bytes = 4 * values.len() + rest.len();
            return Err(fault(&format!("{bytes} bytes, which are no vectors of {dims} numbers in f32")));
        }
        return Centroids::new(values, dims)
            .map(Some)
            .ok_or_else(|| fault("none, or numbers that are not finite"));
    }
    let inner = match column.data_type() {
        DataType::List(_) => first.as_list::<i32>().value(0),
        DataType::LargeList(_) => first.as_list::<i64>().value(0),
        DataType::ListView(_) => first.as_list_view::<i32>().value(0),
        DataType::LargeListView(_) => first.as_list_view::<i64>().value(0),
        DataType::FixedSizeList(..) => first.as_fixed_size_list().value(0),
        other => {
            return plan_err!("{function} takes centroids, which are a list of vectors, and not {other}");
        }
    };
    let vectors = Vectors::of(&inner)?;
    let mut values = Vec::new();
    for row in 0..vectors.len() {
        let Some(vector) = vectors.numbers(row) else { return Err(fault("one is NULL, or has a NULL")) };
        if vector.len() != dims {
            return Err(other_length(function, ("a centroid", vector.len()), ("a vector", dims)));
        }
        values.extend_from_slice(vector);
    }
    Centroids::new(values, dims).map(Some).ok_or_else(|| fault("none, or numbers that are not finite"))
}

/// The one value of a dictionary that is the same in every row; any other column as it is.
fn once(function: &str, column: &ArrayRef) -> Result<ArrayRef> {
    let Some(dictionary) = column.as_any_dictionary_opt() else { return Ok(column.clone()) };
    let keys = cast(dictionary.keys(), &DataType::Int64)?;
    let keys = keys.as_primitive::<Int64Type>();
    let mut keys = keys.iter();
    let first = keys.next().flatten();
    if keys.any(|key| key != first) {
        return plan_err!("the centroids of {function} differ from row to row");
    }
    match first.and_then(|key| usize::try_from(key).ok()) {
        Some(key) if key < dictionary.values().len() => Ok(dictionary.values().slice(key, 1)),
        _ => Ok(new_null_array(dictionary.values().data_type(), 1)),
    }
}

/// The rows that have numbers, one after the other, and which they are.
struct Whole {
    values: Vec<f32>,
    rows: Vec<usize>,
    dims: usize,
}

impl Whole {
    /// # Errors
    /// When their lengths differ.
    fn of(function: &str, column: &str, vectors: &Vectors, known: Option<usize>, n: usize) -> Result<Whole> {
        let mut whole = Whole { values: Vec::new(), rows: Vec::new(), dims: known.unwrap_or(0) };
        let mut dims = known;
        for row in 0..n {
            let Some(vector) = vectors.numbers(row) else { continue };
            let expected = *dims.get_or_insert(vector.len());
            if vector.len() != expected {
                let (a, b) = (format!("a row of {column}"), "the rows before");
                return Err(other_length(function, (&a, vector.len()), (b, expected)));
            }
            whole.values.extend_from_slice(vector);
            whole.rows.push(row);
        }
        whole.dims = dims.unwrap_or(0);
        Ok(whole)
    }

    /// The nearest centroid of each.
    fn nearest(&self, function: &str, column: &str, centroids: &Centroids) -> Result<Vec<(u32, f64)>> {
        let shape = (self.rows.len(), self.dims);
        let rows = ArrayView2::from_shape(shape, &self.values);
        let rows = rows.map_err(|error| DataFusionError::External(Box::new(error)))?;
        let nearest: Option<Vec<_>> = centroids.nearest(rows).into_iter().collect();
        nearest.ok_or_else(|| {
            let error = Error::input(format!("{function} of a vector with NaN or infinite numbers"));
            refused(error.with_code("not-finite").column(column).advice("remove the row"))
        })
    }
}

impl ScalarUDFImpl for KMeansAssign {
    fn name(&self) -> &str {
        "kmeans_assign"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int32)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        taken_with_centroids(self.name(), types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [vectors, given] = take_function_args(self.name(), &args.args)?;
        let (vectors, name) = (Vectors::of_argument(vectors)?, argument_name(&args, 0));
        let n = if vectors.is_constant { 1 } else { args.number_rows };
        let whole = Whole::of(self.name(), &name, &vectors, None, n)?;
        let given = match given {
            ColumnarValue::Array(array) => array.clone(),
            ColumnarValue::Scalar(value) => value.to_array_of_size(1)?,
        };
        let mut clusters = vec![None; n];
        if !whole.rows.is_empty()
            && let Some(centroids) = centroids(self.name(), &once(self.name(), &given)?, whole.dims)?
        {
            let nearest = whole.nearest(self.name(), &name, &centroids)?;
            for (row, (cluster, _)) in whole.rows.iter().zip(nearest) {
                clusters[*row] = i32::try_from(cluster).ok();
            }
        }
        let found: ArrayRef = Arc::new(Int32Array::from(clusters));
        if vectors.is_constant && args.args.iter().any(|argument| matches!(argument, ColumnarValue::Array(_)))
        {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&found, 0)?));
        }
        returned(found, vectors.is_constant)
    }
}

fn step_fields() -> Fields {
    Fields::from(vec![
        Field::new("sums", list_of(DataType::Float64), true),
        Field::new("counts", list_of(DataType::Int64), true),
        Field::new("inertia", DataType::Float64, true),
    ])
}

impl AggregateUDFImpl for KMeansStep {
    fn name(&self) -> &str {
        "kmeans_step"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(step_fields()))
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        taken_with_centroids(self.name(), types)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field =
            |name: &str, data_type| Arc::new(Field::new(format_state_name(args.name, name), data_type, true));
        Ok(vec![
            field("levels", DataType::Int32),
            field("digits", list_of(DataType::Float64)),
            field("counts", list_of(DataType::Int64)),
            field("inertia_levels", DataType::Int32),
            field("inertia_digits", list_of(DataType::Float64)),
        ])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return plan_err!("{} has no DISTINCT: select distinct vectors in a subquery", self.name());
        }
        let column = args.expr_fields.first().map(|field| field.name().clone()).unwrap_or_default();
        Ok(Box::new(Step { column, ..Step::default() }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    /// Centroids that are a constant become a dictionary of one value, which a batch holds once, not in every row.
    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        Some(Box::new(|mut function: AggregateFunction, _| {
            if let [_, Expr::Literal(value, _)] = &mut function.params.args[..]
                && !matches!(value, ScalarValue::Dictionary(..))
                && !value.is_null()
            {
                *value = ScalarValue::Dictionary(Box::new(DataType::Int32), Box::new(value.clone()));
            }
            Ok(Expr::AggregateFunction(function))
        }))
    }
}

/// What is known of the rows so far.
#[derive(Debug, Default)]
struct Step {
    column: String,
    /// The centroids, and the column that they were read from.
    centroids: Option<(ArrayRef, Centroids)>,
    sums: Option<ExactSums>,
    counts: Vec<i64>,
    inertia: Option<ExactSums>,
}

const STEP: &str = "kmeans_step";

impl Step {
    fn sums(&mut self, k: usize, dims: usize) -> Result<(&mut ExactSums, &mut ExactSums)> {
        let sums = self.sums.get_or_insert_with(|| {
            let mut sums = ExactSums::new(dims);
            sums.grow(k);
            sums
        });
        let inertia = self.inertia.get_or_insert_with(|| {
            let mut inertia = ExactSums::new(1);
            inertia.grow(1);
            inertia
        });
        self.counts.resize(self.counts.len().max(k), 0);
        if (sums.n_groups(), sums.dims()) != (k, dims) {
            return Err(damaged(STEP));
        }
        Ok((sums, inertia))
    }

    fn add(&mut self, whole: &Whole, centroids: &Centroids) -> Result<()> {
        let nearest = whole.nearest(STEP, &self.column, centroids)?;
        let (sums, inertia) = self.sums(centroids.n_clusters(), centroids.dims())?;
        for (row, (cluster, distance)) in whole.values.chunks_exact(whole.dims).zip(&nearest) {
            sums.add(*cluster as usize, row);
            inertia.add_number(0, *distance);
        }
        for (cluster, _) in nearest {
            self.counts[cluster as usize] += 1;
        }
        Ok(())
    }

    fn settle(&mut self) {
        [&mut self.sums, &mut self.inertia].into_iter().flatten().for_each(ExactSums::settle);
    }
}

fn list_array(values: ArrayRef) -> ListArray {
    let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    ListArray::new(field, OffsetBuffer::from_lengths([values.len()]), values, None)
}

fn list_scalar(values: ArrayRef) -> ScalarValue {
    ScalarValue::List(Arc::new(list_array(values)))
}

impl Accumulator for Step {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [vectors, given] = take_function_args(STEP, values)?;
        let vectors = Vectors::of(vectors)?;
        let known = self.centroids.as_ref().map(|(_, centroids)| centroids.dims());
        let whole = Whole::of(STEP, &self.column, &vectors, known, vectors.len())?;
        if whole.rows.is_empty() {
            return Ok(());
        }
        let given = once(STEP, given)?;
        if let Some((before, _)) = &self.centroids {
            // The dictionary of a constant is the same array in every batch.
            if before.as_ref() != given.slice(0, 1).as_ref() {
                return plan_err!("the centroids of {STEP} differ from row to row");
            }
            if given.len() > 1 {
                centroids(STEP, &given, whole.dims)?;
            }
        } else {
            let Some(read) = centroids(STEP, &given, whole.dims)? else { return Ok(()) };
            self.centroids = Some((given.slice(0, 1), read));
        }
        let Some((column, centroids)) = self.centroids.take() else { return Ok(()) };
        let added = self.add(&whole, &centroids);
        self.centroids = Some((column, centroids));
        added
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [levels, digits, counts, inertia_levels, inertia_digits] = take_function_args(STEP, states)?;
        let int32 = |array: &ArrayRef, row: usize| array.as_primitive::<Int32Type>().value(row);
        let float64 = |array: &ArrayRef, row: usize| {
            array.as_list::<i32>().value(row).as_primitive::<Float64Type>().values().to_vec()
        };
        for row in 0..levels.len() {
            let counts = counts.as_list::<i32>().value(row);
            let counts = counts.as_primitive::<Int64Type>().values();
            let (levels, digits, k) = (int32(levels, row), float64(digits, row), counts.len());
            if k == 0 {
                continue;
            }
            let each = digits.len() / k;
            let dims = each.checked_div(levels.count_ones() as usize).unwrap_or(0);
            let (sums, inertia) = self.sums(k, dims)?;
            let mut is_read = digits.len() == each * k;
            for (cluster, digits) in digits.chunks_exact(each.max(1)).enumerate().take(k) {
                is_read &= sums.merge(cluster, levels, digits);
            }
            is_read &= inertia.merge(0, int32(inertia_levels, row), &float64(inertia_digits, row));
            if !is_read {
                return Err(damaged(STEP));
            }
            self.counts.iter_mut().zip(counts).for_each(|(count, more)| *count += more);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.settle();
        let (Some(sums), Some(inertia)) = (&self.sums, &self.inertia) else {
            return ScalarValue::try_from(&DataType::Struct(step_fields()));
        };
        let sums: Float64Array = (0..sums.n_groups()).flat_map(|k| sums.sums(k)).map(Some).collect();
        let inertia: Float64Array = inertia.sums(0).map(Some).collect();
        let counts = Int64Array::from(self.counts.clone());
        let columns: Vec<ArrayRef> = vec![
            Arc::new(list_array(Arc::new(sums))),
            Arc::new(list_array(Arc::new(counts))),
            Arc::new(inertia),
        ];
        Ok(ScalarValue::Struct(Arc::new(StructArray::try_new(step_fields(), columns, None)?)))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.settle();
        let levels =
            |sums: &Option<ExactSums>| ScalarValue::Int32(Some(sums.as_ref().map_or(0, ExactSums::levels)));
        let digits = |sums: &Option<ExactSums>| {
            let sums = sums.iter().flat_map(|sums| (0..sums.n_groups()).flat_map(|k| sums.digits(k)));
            list_scalar(Arc::new(sums.map(Some).collect::<Float64Array>()))
        };
        Ok(vec![
            levels(&self.sums),
            digits(&self.sums),
            list_scalar(Arc::new(Int64Array::from(self.counts.clone()))),
            levels(&self.inertia),
            digits(&self.inertia),
        ])
    }

    fn size(&self) -> usize {
        let sums = [&self.sums, &self.inertia].into_iter().flatten().map(ExactSums::bytes).sum::<usize>();
        let centroids = self.centroids.as_ref().map_or(0, |(column, read)| {
            column.get_array_memory_size() + 4 * read.n_clusters() * (read.dims() + 2)
        });
        size_of::<Self>() + sums + centroids + 8 * self.counts.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_result_of_another_version_is_refused() {
        let mut step = Step::default();
        let list = |values: ArrayRef| -> ArrayRef { Arc::new(list_array(values)) };
        let state = |digits: Vec<f64>, levels: i32| -> Vec<ArrayRef> {
            vec![
                Arc::new(Int32Array::from(vec![levels])),
                list(Arc::new(Float64Array::from(digits))),
                list(Arc::new(Int64Array::from(vec![1, 2]))),
                Arc::new(Int32Array::from(vec![0])),
                list(Arc::new(Float64Array::from(Vec::<f64>::new()))),
            ]
        };
        step.merge_batch(&state(vec![1.0, 2.0], 1)).unwrap();
        for (digits, levels) in [(vec![1.0], 1), (vec![1.0, 2.0, 3.0, 4.0], 1), (vec![1.0, 2.0], 1 << 20)] {
            let error = step.merge_batch(&state(digits, levels)).unwrap_err();
            assert!(error.to_string().contains("a partial result of kmeans_step"), "{error}");
        }
    }
}
