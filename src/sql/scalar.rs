//! Functions of one or two vectors.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float32Array, Float32Builder, ListBuilder};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

use super::vectors::{Vectors, list_of, other_length, refused, taken};
use crate::error::Error;
use crate::rows::Metric;
use crate::rows::simd::dot_f64;

/// What is said of two vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Of {
    Cosine,
    InnerProduct,
    L1,
    L2,
    Linf,
}

/// A number for two vectors.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct OfTwo {
    of: Of,
    signature: Signature,
}

impl OfTwo {
    pub fn all() -> [OfTwo; 5] {
        [Of::Cosine, Of::InnerProduct, Of::L1, Of::L2, Of::Linf]
            .map(|of| OfTwo { of, signature: immutable() })
    }
}

pub(super) fn immutable() -> Signature {
    Signature::user_defined(Volatility::Immutable)
}

impl Of {
    /// `None` where the cosine of a vector without a direction is asked for. `square` is that of `b`, where it is known.
    fn compare(self, a: &[f32], b: &[f32], square: Option<f64>) -> Option<f64> {
        let found = match self {
            Of::Cosine => {
                let squares = dot_f64(a, a) * square.unwrap_or_else(|| dot_f64(b, b));
                if squares == 0.0 {
                    return None;
                }
                dot_f64(a, b) / squares.sqrt()
            }
            Of::InnerProduct => dot_f64(a, b),
            Of::L1 => Metric::L1.distance(a, b),
            Of::L2 => Metric::L2.distance(a, b),
            // The largest of some numbers passes over those that are none.
            Of::Linf if a.iter().chain(b).any(|x| x.is_nan()) => f64::NAN,
            Of::Linf => Metric::Linf.distance(a, b),
        };
        Some(if self == Of::Cosine { found.clamp(-1.0, 1.0) } else { found })
    }
}

impl ScalarUDFImpl for OfTwo {
    fn name(&self) -> &str {
        match self.of {
            Of::Cosine => "vector_cosine_similarity",
            Of::InnerProduct => "vector_inner_product",
            Of::L1 => "vector_l1_distance",
            Of::L2 => "vector_l2_distance",
            Of::Linf => "vector_linf_distance",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float32)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let both = take_function_args::<2, _>(self.name(), types)?;
        both.iter().map(|one| taken(self.name(), one)).collect()
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let name = |place: usize| argument_name(&args, place);
        let [a, b] = take_function_args(self.name(), &args.args)?;
        let (mut a, mut b) = (Vectors::of_argument(a)?, Vectors::of_argument(b)?);
        let (mut first, mut second) = (name(0), name(1));
        // All of them are symmetric: a constant is the second, and what is known of it is found once.
        if a.is_constant && !b.is_constant {
            (a, b, first, second) = (b, a, second, first);
        }
        let square = b.numbers(0).filter(|_| b.is_constant && self.of == Of::Cosine).map(|b| dot_f64(b, b));
        let compare = |row: usize| -> Result<Option<f32>> {
            let (Some(one), Some(other)) = (a.get(row), b.get(row)) else { return Ok(None) };
            if one.numbers.len() != other.numbers.len() {
                let (n, m) = (one.numbers.len(), other.numbers.len());
                return Err(other_length(self.name(), (&first, n), (&second, m)));
            }
            if !one.is_whole || !other.is_whole {
                return Ok(None);
            }
            Ok(self.of.compare(one.numbers, other.numbers, square).map(|found| found as f32))
        };
        let rows = if a.is_constant { 1 } else { args.number_rows };
        let found: Float32Array = (0..rows).map(compare).collect::<Result<_>>()?;
        returned(Arc::new(found), a.is_constant)
    }
}

/// What an argument is called in an error.
pub(super) fn argument_name(args: &ScalarFunctionArgs, place: usize) -> String {
    match (args.args.get(place), args.arg_fields.get(place)) {
        (Some(ColumnarValue::Array(_)), Some(field)) if !field.name().is_empty() => field.name().clone(),
        _ => "the constant".to_owned(),
    }
}

/// One value where all arguments are constants.
pub(super) fn returned(array: ArrayRef, is_constant: bool) -> Result<ColumnarValue> {
    if is_constant {
        return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?));
    }
    Ok(ColumnarValue::Array(array))
}

/// The norms that a vector is measured by.
#[derive(Clone, Copy)]
enum Degree {
    One,
    Two,
    Infinity,
}

impl Degree {
    fn of(function: &str, degree: f64) -> Result<Degree> {
        match degree {
            1.0 => Ok(Degree::One),
            2.0 => Ok(Degree::Two),
            f64::INFINITY => Ok(Degree::Infinity),
            other => Err(refused(
                Error::argument(format!("{function} of a degree that it does not know"))
                    .with_code("norm-degree")
                    .seen(other.to_string())
                    .advice("use 1, 2 or 'inf'"),
            )),
        }
    }

    fn norm(self, vector: &[f32]) -> f64 {
        match self {
            Degree::One => vector.iter().map(|x| f64::from(x.abs())).sum(),
            Degree::Two => dot_f64(vector, vector).sqrt(),
            Degree::Infinity if vector.iter().any(|x| x.is_nan()) => f64::NAN,
            Degree::Infinity => vector.iter().fold(0.0, |most, x| f64::max(most, f64::from(x.abs()))),
        }
    }
}

/// The length of a vector.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Norm(Signature);

/// A vector at length 1.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Normalize(Signature);

/// The first numbers of a vector, at length 1.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Truncate(Signature);

impl Norm {
    pub fn new() -> Self {
        Norm(immutable())
    }
}

impl Normalize {
    pub fn new() -> Self {
        Normalize(immutable())
    }
}

impl Truncate {
    pub fn new() -> Self {
        Truncate(immutable())
    }
}

fn with_degree(function: &str, types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [vectors] => Ok(vec![taken(function, vectors)?]),
        [vectors, degree] if degree.is_numeric() || degree.is_string() || degree.is_null() => {
            Ok(vec![taken(function, vectors)?, DataType::Float64])
        }
        [_, other] => plan_err!("the degree of {function} is 1, 2 or 'inf', and not {other}"),
        other => plan_err!("{function} takes a vector and a degree, and not {} arguments", other.len()),
    }
}

/// The degree of each row; 2 where none is given, `None` where it is NULL.
fn degrees(
    function: &str,
    args: &ScalarFunctionArgs,
    rows: usize,
) -> Result<impl Fn(usize) -> Result<Option<Degree>>> {
    let given = args.args.get(1).map(|degree| match degree {
        ColumnarValue::Array(array) => Ok((array.clone(), false)),
        ColumnarValue::Scalar(value) => value.to_array_of_size(1).map(|array| (array, true)),
    });
    let given = given.transpose()?;
    if let Some((array, false)) = &given
        && array.len() < rows
    {
        return plan_err!("{function} has fewer degrees than vectors");
    }
    let function = function.to_owned();
    Ok(move |row| {
        let Some((array, is_constant)) = &given else { return Ok(Some(Degree::Two)) };
        let (array, row) = (array.as_primitive::<Float64Type>(), if *is_constant { 0 } else { row });
        array.is_valid(row).then(|| Degree::of(&function, array.value(row))).transpose()
    })
}

/// Vectors, and whether all arguments are constants.
fn vectors(args: &ScalarFunctionArgs, function: &str) -> Result<(Vectors, bool)> {
    let Some(first) = args.args.first() else { return plan_err!("{function} takes a vector") };
    let is_constant = args.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
    Ok((Vectors::of_argument(first)?, is_constant))
}

impl ScalarUDFImpl for Norm {
    fn name(&self) -> &str {
        "vector_norm"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float32)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        with_degree(self.name(), types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (vectors, is_constant) = vectors(&args, self.name())?;
        let rows = if is_constant { 1 } else { args.number_rows };
        let degree = degrees(self.name(), &args, rows)?;
        let norm = |row| -> Result<Option<f32>> {
            let (Some(degree), Some(vector)) = (degree(row)?, vectors.numbers(row)) else { return Ok(None) };
            Ok(Some(degree.norm(vector) as f32))
        };
        let norms: Float32Array = (0..rows).map(norm).collect::<Result<_>>()?;
        returned(Arc::new(norms), is_constant)
    }
}

/// Vectors that are built one after the other.
pub(super) struct Lists(ListBuilder<Float32Builder>);

impl Lists {
    pub fn new() -> Self {
        Lists(ListBuilder::new(Float32Builder::new()))
    }

    pub fn push(&mut self, vector: Option<impl Iterator<Item = f32>>) {
        let is_valid = vector.is_some();
        vector.into_iter().flatten().for_each(|x| self.0.values().append_value(x));
        self.0.append(is_valid);
    }

    /// The numbers divided by their norm; NULL where that is 0, empty for an empty vector.
    fn push_divided(&mut self, vector: &[f32], norm: f64) {
        let has_direction = norm != 0.0 || vector.is_empty();
        self.push(has_direction.then(|| vector.iter().map(|x| (f64::from(*x) / norm) as f32)));
    }

    pub fn finish(mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

impl ScalarUDFImpl for Normalize {
    fn name(&self) -> &str {
        "vector_normalize"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(list_of(DataType::Float32))
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        with_degree(self.name(), types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (vectors, is_constant) = vectors(&args, self.name())?;
        let rows = if is_constant { 1 } else { args.number_rows };
        let degree = degrees(self.name(), &args, rows)?;
        let mut lists = Lists::new();
        for row in 0..rows {
            match (degree(row)?, vectors.numbers(row)) {
                (Some(degree), Some(vector)) => lists.push_divided(vector, degree.norm(vector)),
                _ => lists.push(None::<std::iter::Empty<f32>>),
            }
        }
        returned(lists.finish(), is_constant)
    }
}

impl ScalarUDFImpl for Truncate {
    fn name(&self) -> &str {
        "vector_truncate"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(list_of(DataType::Float32))
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [vectors, dims] = take_function_args(self.name(), types)?;
        if !dims.is_integer() && !dims.is_null() {
            return plan_err!("{} takes a whole number of dimensions, and not {dims}", self.name());
        }
        Ok(vec![taken(self.name(), vectors)?, DataType::Int64])
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (vectors, is_constant) = vectors(&args, self.name())?;
        let [_, dims] = take_function_args(self.name(), &args.args)?;
        let (one, dims) = match dims {
            ColumnarValue::Array(array) => (false, array.clone()),
            ColumnarValue::Scalar(value) => (true, value.to_array_of_size(1)?),
        };
        let dims = dims.as_primitive::<Int64Type>();
        let rows = if is_constant { 1 } else { args.number_rows };
        let mut lists = Lists::new();
        for row in 0..rows {
            let at = if one { 0 } else { row };
            let (Some(vector), true) = (vectors.numbers(row), dims.is_valid(at)) else {
                lists.push(None::<std::iter::Empty<f32>>);
                continue;
            };
            let kept = usize::try_from(dims.value(at)).ok().filter(|dims| *dims > 0);
            let Some(kept) = kept.and_then(|dims| vector.get(..dims)) else {
                return Err(refused(
                    Error::argument(format!("{} to dimensions that a vector does not have", self.name()))
                        .with_code("dimensions-differ")
                        .seen(format!(
                            "{} of the {} in {}",
                            dims.value(at),
                            vector.len(),
                            argument_name(&args, 0)
                        ))
                        .advice("keep at least 1 and at most all"),
                ));
            };
            lists.push_divided(kept, Degree::Two.norm(kept));
        }
        returned(lists.finish(), is_constant)
    }
}
