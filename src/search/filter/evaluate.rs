//! Runs the steps of a filter over columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, UInt32Array};
use arrow::compute::kernels::{boolean, comparison, numeric};
use arrow::compute::{cast, take};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use super::compare::compare;
use super::program::{Arithmetic, Comparison, Step};
use super::term::{Term, clean, column};
use crate::error::{Error, Result, excerpt};

type Kernel<T> = fn(&dyn arrow::array::Datum, &dyn arrow::array::Datum) -> std::result::Result<T, ArrowError>;

/// The value of a filter for each row.
pub(super) fn evaluate(program: &[Step], columns: &RecordBatch, text: &str) -> Result<BooleanArray> {
    let mut machine = Machine { stack: Vec::new(), n_rows: columns.num_rows(), text };
    for step in program {
        machine.run(step, columns)?;
    }
    let kept = machine.condition()?;
    machine.spread(kept)
}

struct Machine<'a> {
    stack: Vec<Term>,
    n_rows: usize,
    text: &'a str,
}

impl Machine<'_> {
    fn run(&mut self, step: &Step, columns: &RecordBatch) -> Result<()> {
        let result = match step {
            Step::Column(path) => column(columns, path)?,
            Step::Number(digits) => Term::number(digits).ok_or_else(|| {
                Error::argument("invalid number in the filter")
                    .with_code("filter-invalid")
                    .seen(excerpt(digits))
            })?,
            Step::Text(text) => Term::text(text),
            Step::Boolean(value) => Term::boolean(*value),
            Step::Null => Term::null(),
            Step::Not => {
                let condition = self.condition()?;
                self.truth(boolean::not(condition.array.as_boolean()), condition.one)?
            }
            Step::Negate => {
                let value = self.number()?;
                let value =
                    if value.data_type().is_unsigned_integer() { self.as_f64(&value)? } else { value };
                let array = numeric::neg(&value.array).map_err(|error| self.failed(error))?;
                Term::computed(clean(&array, f64::is_nan), value.one)
            }
            Step::And => self.connect(boolean::and_kleene)?,
            Step::Or => self.connect(boolean::or_kleene)?,
            Step::Compare(op) => {
                let (right, left) = (self.pop()?, self.pop()?);
                self.compare(&left, *op, &right)?
            }
            Step::Arithmetic(op) => self.arithmetic(*op)?,
            Step::IsNull { negated } => {
                let value = self.pop()?;
                let missing = boolean::is_null(&value.array).map_err(|error| self.failed(error))?;
                self.negate(Term::computed(Arc::new(missing), value.one), *negated)?
            }
            Step::Between { negated } => {
                let (high, low, value) = (self.pop()?, self.pop()?, self.pop()?);
                let above = self.compare(&value, Comparison::GreaterOrEqual, &low)?;
                let below = self.compare(&value, Comparison::LessOrEqual, &high)?;
                self.stack.extend([above, below]);
                let within = self.connect(boolean::and_kleene)?;
                self.negate(within, *negated)?
            }
            Step::In { items, negated } => {
                let items = self.stack.split_off(self.stack.len().saturating_sub(*items));
                let value = self.pop()?;
                let mut found: Option<Term> = None;
                for item in &items {
                    let equal = self.compare(&value, Comparison::Equal, item)?;
                    found = Some(match found {
                        Some(found) => {
                            self.stack.extend([found, equal]);
                            self.connect(boolean::or_kleene)?
                        }
                        None => equal,
                    });
                }
                let found = found.ok_or_else(|| self.incomplete())?;
                self.negate(found, *negated)?
            }
            Step::Like { negated, ignore_case } => {
                let (pattern, value) = (self.words()?, self.words()?);
                let kernel: Kernel<BooleanArray> =
                    if *ignore_case { comparison::ilike } else { comparison::like };
                let one = value.one && pattern.one;
                let value = Term { array: Arc::clone(&value.array), one: value.one && !pattern.one, ..value };
                let found = kernel(&value, &pattern).map_err(|error| self.failed(error))?;
                self.negate(Term::computed(Arc::new(found), one), *negated)?
            }
        };
        self.stack.push(result);
        Ok(())
    }

    fn failed(&self, error: ArrowError) -> Error {
        Error::argument("the filter cannot be evaluated")
            .with_code("filter-invalid")
            .seen(excerpt(self.text))
            .source(error)
    }

    fn incomplete(&self) -> Error {
        Error::argument("invalid filter").with_code("filter-invalid").seen(excerpt(self.text))
    }

    fn pop(&mut self) -> Result<Term> {
        self.stack.pop().ok_or_else(|| self.incomplete())
    }

    /// Something that is true or false.
    fn condition(&mut self) -> Result<Term> {
        let term = self.pop()?;
        match term.data_type() {
            DataType::Boolean => Ok(term),
            DataType::Null => Ok(Term { array: Arc::new(BooleanArray::from(vec![None])), one: true, ..term }),
            _ => Err(Error::argument("the filter is not a condition")
                .with_code("filter-invalid")
                .seen(format!("{} is {}", term.name, term.kind()))
                .advice("compare it with something, such as Score >= 4")),
        }
    }

    fn truth(&self, found: std::result::Result<BooleanArray, ArrowError>, one: bool) -> Result<Term> {
        Ok(Term::computed(Arc::new(found.map_err(|error| self.failed(error))?), one))
    }

    /// One value for each row.
    fn spread(&self, term: Term) -> Result<BooleanArray> {
        if !term.one {
            return Ok(term.array.as_boolean().clone());
        }
        let every = UInt32Array::from(vec![0; self.n_rows]);
        let array = take(&term.array, &every, None).map_err(|error| self.failed(error))?;
        Ok(array.as_boolean().clone())
    }

    fn connect(
        &mut self,
        kernel: fn(&BooleanArray, &BooleanArray) -> std::result::Result<BooleanArray, ArrowError>,
    ) -> Result<Term> {
        let (right, left) = (self.condition()?, self.condition()?);
        if left.one && right.one {
            return self.truth(kernel(left.array.as_boolean(), right.array.as_boolean()), true);
        }
        let (left, right) = (self.spread(left)?, self.spread(right)?);
        self.truth(kernel(&left, &right), false)
    }

    fn compare(&self, left: &Term, op: Comparison, right: &Term) -> Result<Term> {
        let one = left.one && right.one;
        // Arrow compares two constants as two columns of one row.
        let column = Term { one: left.one && !one, ..left.clone() };
        let other = Term { one: right.one && !one, ..right.clone() };
        Ok(Term::computed(Arc::new(compare(&column, op, &other, self.text)?), one))
    }

    fn negate(&self, found: Term, negated: bool) -> Result<Term> {
        if negated { self.truth(boolean::not(found.array.as_boolean()), found.one) } else { Ok(found) }
    }

    fn number(&mut self) -> Result<Term> {
        let term = self.pop()?;
        match term.data_type() {
            DataType::Null => {
                let array = arrow::array::new_null_array(&DataType::Float64, 1);
                Ok(Term { array, ..term })
            }
            kind if kind.is_numeric() => Ok(term),
            _ => Err(Error::argument("the filter calculates with a value that is not a number")
                .with_code("filter-types")
                .seen(format!("{} is {}", term.name, term.kind()))),
        }
    }

    fn as_f64(&self, term: &Term) -> Result<Term> {
        let array = cast(&term.array, &DataType::Float64).map_err(|error| self.failed(error))?;
        Ok(Term { array, ..term.clone() })
    }

    /// Whole numbers stay whole where they fit 64 bits; quotients are fractions; what is not finite is
    /// missing.
    fn arithmetic(&mut self, op: Arithmetic) -> Result<Term> {
        let (right, left) = (self.number()?, self.number()?);
        let kernel: Kernel<ArrayRef> = match op {
            Arithmetic::Add => numeric::add,
            Arithmetic::Subtract => numeric::sub,
            Arithmetic::Multiply => numeric::mul,
            Arithmetic::Divide => numeric::div,
            Arithmetic::Remainder => numeric::rem,
        };
        let one = left.one && right.one;
        let apply = |a: Term, b: Term| {
            let (a, b) = (Term { one: a.one && !one, ..a }, Term { one: b.one && !one, ..b });
            kernel(&a, &b)
        };
        let whole = |term: &Term| term.data_type().is_signed_integer();
        if whole(&left) && whole(&right) && op != Arithmetic::Divide {
            let wide = |term: &Term| -> Result<Term> {
                let array = cast(&term.array, &DataType::Int64).map_err(|error| self.failed(error))?;
                Ok(Term { array, ..term.clone() })
            };
            if let Ok(array) = apply(wide(&left)?, wide(&right)?) {
                return Ok(Term::computed(array, one));
            }
        }
        let found = apply(self.as_f64(&left)?, self.as_f64(&right)?).map_err(|error| self.failed(error))?;
        Ok(Term::computed(clean(&found, |x| !x.is_finite()), one))
    }

    fn words(&mut self) -> Result<Term> {
        let term = self.pop()?;
        if !(term.is_text() || term.data_type() == &DataType::Null) {
            return Err(Error::argument("like compares text")
                .with_code("filter-types")
                .seen(format!("{} is {}", term.name, term.kind()))
                .advice("compare numbers and times with =, < or >"));
        }
        let array = cast(&term.array, &DataType::LargeUtf8).map_err(|error| self.failed(error))?;
        Ok(Term { array, ..term })
    }
}
