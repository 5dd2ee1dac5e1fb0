//! `vector_sum` and `vector_avg`: sums of the vectors of each group.

use std::mem::size_of;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Builder, Int32Array, Int64Array, ListBuilder,
};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int32Type, Int64Type};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature};

use super::scalar::{Lists, immutable};
use super::vectors::{Vectors, list_of, other_length, refused, taken};
use crate::error::Error;
use crate::rows::ExactSums;

/// `vector_sum` or `vector_avg`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Total {
    is_mean: bool,
    signature: Signature,
}

impl Total {
    pub fn sum() -> Self {
        Total { is_mean: false, signature: immutable() }
    }

    pub fn mean() -> Self {
        Total { is_mean: true, signature: immutable() }
    }

    fn groups(&self, args: &AccumulatorArgs) -> Groups {
        let column = args.expr_fields.first().map(|field| field.name().clone()).unwrap_or_default();
        Groups {
            function: if self.is_mean { "vector_avg" } else { "vector_sum" },
            is_mean: self.is_mean,
            column,
            places: Vec::new(),
            tables: Vec::new(),
        }
    }
}

impl AggregateUDFImpl for Total {
    fn name(&self) -> &str {
        if self.is_mean { "vector_avg" } else { "vector_sum" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(list_of(DataType::Float32))
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [vectors] = take_function_args(self.name(), types)?;
        Ok(vec![taken(self.name(), vectors)?])
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field =
            |name: &str, data_type| Arc::new(Field::new(format_state_name(args.name, name), data_type, true));
        Ok(vec![
            field("rows", DataType::Int64),
            field("levels", DataType::Int32),
            field("digits", list_of(DataType::Float64)),
        ])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return plan_err!("{} has no DISTINCT: select distinct vectors in a subquery", self.name());
        }
        let mut groups = self.groups(&args);
        groups.places.push(Place::default());
        Ok(Box::new(groups))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(self.groups(&args)))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

/// The sums of all groups.
#[derive(Debug)]
struct Groups {
    function: &'static str,
    is_mean: bool,
    column: String,
    places: Vec<Place>,
    /// Sums of vectors of each length that was met.
    tables: Vec<Slots>,
}

/// Where the sum of a group is.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// Vectors so far; 0 of a group without a place.
    rows: i64,
    table: usize,
    slot: usize,
}

/// Sums, with those that are free again.
#[derive(Debug)]
struct Slots {
    sums: ExactSums,
    used: usize,
    free: Vec<usize>,
}

impl Slots {
    /// A slot for another group.
    fn take(&mut self) -> usize {
        if let Some(slot) = self.free.pop() {
            self.sums.clear(slot);
            return slot;
        }
        self.used += 1;
        if self.used > self.sums.n_groups() {
            self.sums.grow((2 * self.used).min(self.used + 1024));
        }
        self.used - 1
    }
}

impl Groups {
    /// The slot of a group that is to take vectors of a length.
    fn slot(&mut self, group: usize, dims: usize) -> Result<(&mut ExactSums, usize)> {
        let place = self.places[group];
        if place.rows > 0 {
            let sums = &mut self.tables[place.table].sums;
            let before = sums.dims();
            if before != dims {
                let (a, b) = (format!("a row of {}", self.column), "another of the same group");
                return Err(other_length(self.function, (&a, before), (b, dims)));
            }
            return Ok((sums, place.slot));
        }
        let known = self.tables.iter().position(|table| table.sums.dims() == dims);
        let table = known.unwrap_or_else(|| {
            self.tables.push(Slots { sums: ExactSums::new(dims), used: 0, free: Vec::new() });
            self.tables.len() - 1
        });
        let slot = self.tables[table].take();
        self.places[group] = Place { rows: 0, table, slot };
        Ok((&mut self.tables[table].sums, slot))
    }

    fn add(&mut self, vectors: &ArrayRef, group: impl Fn(usize) -> Option<usize>) -> Result<()> {
        let vectors = Vectors::of(vectors)?;
        for row in 0..vectors.len() {
            let (Some(group), Some(vector)) = (group(row), vectors.numbers(row)) else { continue };
            let (sums, slot) = self.slot(group, vector.len())?;
            sums.add(slot, vector);
            self.places[group].rows += 1;
        }
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], group: impl Fn(usize) -> usize) -> Result<()> {
        let [rows, levels, digits] = take_function_args(self.function, states)?;
        let (rows, levels) = (rows.as_primitive::<Int64Type>(), levels.as_primitive::<Int32Type>());
        let digits = digits.as_list::<i32>();
        for state in 0..rows.len() {
            if rows.value(state) == 0 {
                continue;
            }
            let (levels, digits) = (levels.value(state), digits.value(state));
            let digits = digits.as_primitive::<Float64Type>().values();
            let planes = levels.count_ones() as usize;
            let group = group(state);
            let (sums, slot) = self.slot(group, digits.len().checked_div(planes).unwrap_or(0))?;
            if !sums.merge(slot, levels, digits) {
                return Err(damaged(self.function));
            }
            self.places[group].rows += rows.value(state);
        }
        Ok(())
    }

    /// Takes groups away, with their sums settled.
    fn emit(&mut self, emit_to: EmitTo) -> Vec<Place> {
        self.tables.iter_mut().for_each(|table| table.sums.settle());
        emit_to.take_needed(&mut self.places)
    }

    /// What groups that were taken away have left is free.
    fn free(&mut self, places: &[Place]) {
        if self.places.is_empty() {
            return self.tables.clear();
        }
        for place in places.iter().filter(|place| place.rows > 0) {
            self.tables[place.table].free.push(place.slot);
        }
    }

    fn values(&self, places: &[Place]) -> ArrayRef {
        let mut lists = Lists::new();
        for place in places {
            let count = if self.is_mean { place.rows as f64 } else { 1.0 };
            let sums = (place.rows > 0).then(|| self.tables[place.table].sums.sums(place.slot));
            lists.push(sums.map(|sums| sums.map(|sum| (sum / count) as f32)));
        }
        lists.finish()
    }

    fn states(&self, places: &[Place]) -> Vec<ArrayRef> {
        let table = |place: &Place| (place.rows > 0).then(|| &self.tables[place.table].sums);
        let rows: Int64Array = places.iter().map(|place| Some(place.rows)).collect();
        let levels: Int32Array =
            places.iter().map(|place| Some(table(place).map_or(0, ExactSums::levels))).collect();
        let mut digits = ListBuilder::new(Float64Builder::new());
        for place in places {
            let sums = table(place).into_iter().flat_map(|sums| sums.digits(place.slot));
            sums.for_each(|digit| digits.values().append_value(digit));
            digits.append(true);
        }
        vec![Arc::new(rows), Arc::new(levels), Arc::new(digits.finish())]
    }

    fn bytes(&self) -> usize {
        let tables = self.tables.iter().map(|table| table.sums.bytes() + 8 * table.free.capacity());
        size_of::<Self>() + self.places.capacity() * size_of::<Place>() + tables.sum::<usize>()
    }
}

/// A partial result that this version has not written.
pub(super) fn damaged(function: &str) -> datafusion::common::DataFusionError {
    refused(
        Error::input(format!("a partial result of {function} that cannot be read"))
            .with_code("partial-result")
            .advice("run the same version of embedlab everywhere"),
    )
}

/// One group.
impl Accumulator for Groups {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [vectors] = take_function_args(self.function, values)?;
        self.add(vectors, |_| Some(0))
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.merge(states, |_| 0)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.tables.iter_mut().for_each(|table| table.sums.settle());
        ScalarValue::try_from_array(&self.values(&self.places), 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.tables.iter_mut().for_each(|table| table.sums.settle());
        self.states(&self.places).iter().map(|state| ScalarValue::try_from_array(state, 0)).collect()
    }

    fn size(&self) -> usize {
        self.bytes()
    }
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        let [vectors] = take_function_args(self.function, values)?;
        self.places.resize(total, Place::default());
        let counts = |row: usize| filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
        self.add(vectors, |row| groups.get(row).copied().filter(|_| counts(row)))
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.places.resize(total, Place::default());
        self.merge(states, |state| groups[state])
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let places = self.emit(emit_to);
        let values = self.values(&places);
        self.free(&places);
        Ok(values)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let places = self.emit(emit_to);
        let states = self.states(&places);
        self.free(&places);
        Ok(states)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |vectors| vectors.len());
        let mut each =
            Groups { places: Vec::new(), tables: Vec::new(), column: self.column.clone(), ..*self };
        let groups: Vec<usize> = (0..rows).collect();
        GroupsAccumulator::update_batch(&mut each, values, &groups, filter, rows)?;
        GroupsAccumulator::state(&mut each, EmitTo::All)
    }

    fn size(&self) -> usize {
        self.bytes()
    }
}
