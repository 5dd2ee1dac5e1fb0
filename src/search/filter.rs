//! Filters on columns: `Score >= 4 and ProductId = 'B1'`.
//!
//! `sqlparser` reads the expression, arrow's kernels evaluate it; this file only leads from one to
//! the other. As in SQL, a comparison with a missing value is neither true nor false, and such a row
//! is left out.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Datum, Float64Array, Scalar, StringArray, new_null_array,
};
use arrow::compute::kernels::{boolean, cmp, comparison, numeric};
use arrow::compute::{can_cast_types, cast};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use sqlparser::ast::{BinaryOperator, Expr, InTarget, UnaryOperator, Value};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use crate::error::{Error, Result};

/// What a filter may say.
const KNOWN: &str = "columns, numbers, 'text', = <> < <= > >=, + - * / %, and, or, not, in (..), between, is null, like, ilike";

/// A condition on the columns of a row.
///
/// Names of columns are taken as they are written; a name with a space or a capital that must be told
/// from a keyword stands in double quotes. Text stands in single quotes.
///
/// ```
/// use embedlab::search::Filter;
/// use embedlab::table::Table;
/// # use std::sync::Arc;
/// # use arrow::array::{ArrayRef, Int64Array};
/// # use arrow::record_batch::RecordBatch;
/// # let stars: ArrayRef = Arc::new(Int64Array::from(vec![5, 1, 4]));
/// # let columns = RecordBatch::try_from_iter([("Score", stars)]).expect("a column");
/// let filter = Filter::parse("Score >= 4")?;
/// assert_eq!(filter.keep(&columns)?, [true, false, true]);
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    text: String,
    expression: Expr,
}

/// A value for each row, or one for all of them.
enum Term {
    Column(ArrayRef),
    One(ArrayRef),
}

impl Datum for Term {
    fn get(&self) -> (&dyn Array, bool) {
        match self {
            Term::Column(array) => (array, false),
            Term::One(array) => (array, true),
        }
    }
}

impl Term {
    fn data_type(&self) -> &DataType {
        match self {
            Term::Column(array) | Term::One(array) => array.data_type(),
        }
    }

    fn array(&self) -> &ArrayRef {
        match self {
            Term::Column(array) | Term::One(array) => array,
        }
    }

    fn map(
        self,
        change: impl FnOnce(&ArrayRef) -> std::result::Result<ArrayRef, ArrowError>,
    ) -> std::result::Result<Term, ArrowError> {
        Ok(match self {
            Term::Column(array) => Term::Column(change(&array)?),
            Term::One(array) => Term::One(change(&array)?),
        })
    }
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// When the text is no expression of SQL.
    pub fn parse(text: &str) -> Result<Filter> {
        let failed = |seen: String| {
            Error::argument("no filter")
                .with_code("filter-invalid")
                .seen(seen)
                .advice(format!("a filter may hold {KNOWN}"))
        };
        let mut parser =
            Parser::new(&GenericDialect {}).try_with_sql(text).map_err(|error| failed(error.to_string()))?;
        let expression = parser.parse_expr().map_err(|error| failed(error.to_string()))?;
        match parser.next_token().token {
            Token::EOF => Ok(Filter { text: text.to_owned(), expression }),
            rest => Err(failed(format!("{rest} after the end of the expression"))),
        }
    }

    /// Whether each row is kept.
    ///
    /// # Errors
    /// When a column does not exist, types do not fit, or the expression is no condition or holds what
    /// is not known here.
    pub fn keep(&self, columns: &RecordBatch) -> Result<Vec<bool>> {
        let evaluation = Evaluation { columns, text: &self.text };
        let kept = evaluation.condition(&self.expression)?;
        Ok((0..columns.num_rows())
            .map(|row| {
                let row = if kept.len() == 1 { 0 } else { row };
                kept.is_valid(row) && kept.value(row)
            })
            .collect())
    }
}

struct Evaluation<'a> {
    columns: &'a RecordBatch,
    text: &'a str,
}

impl Evaluation<'_> {
    fn failed(&self, error: ArrowError) -> Error {
        Error::argument("the filter cannot be evaluated")
            .with_code("filter-invalid")
            .seen(self.text)
            .source(error)
    }

    fn unknown(&self, part: &Expr) -> Error {
        Error::argument("the filter holds what is not known here")
            .with_code("filter-invalid")
            .seen(part.to_string())
            .advice(format!("a filter may hold {KNOWN}"))
    }

    /// A part that is true or false; one value stands for all rows.
    fn condition(&self, part: &Expr) -> Result<BooleanArray> {
        let term = self.term(part)?;
        match term.data_type() {
            DataType::Boolean => Ok(self.spread(term)?.as_boolean().clone()),
            other => Err(Error::argument("no condition")
                .with_code("filter-invalid")
                .seen(format!("{part} is {other}"))
                .advice("compare it with something, such as Score >= 4")),
        }
    }

    /// One value for each row.
    fn spread(&self, term: Term) -> Result<ArrayRef> {
        match term {
            Term::Column(array) => Ok(array),
            Term::One(array) => {
                let indices = arrow::array::UInt32Array::from(vec![0; self.columns.num_rows()]);
                arrow::compute::take(&array, &indices, None).map_err(|error| self.failed(error))
            }
        }
    }

    fn term(&self, part: &Expr) -> Result<Term> {
        let column = |array: BooleanArray| Term::Column(Arc::new(array));
        Ok(match part {
            Expr::Nested(inner) => self.term(inner)?,
            Expr::Identifier(name) => self.column(&name.value)?,
            Expr::Value(value) => self.value(&value.value, part)?,
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
                column(boolean::not(&self.condition(expr)?).map_err(|error| self.failed(error))?)
            }
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => self
                .number(self.term(expr)?, expr)?
                .map(|array| numeric::neg(array))
                .map_err(|error| self.failed(error))?,
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => column(
                boolean::and_kleene(&self.condition(left)?, &self.condition(right)?)
                    .map_err(|error| self.failed(error))?,
            ),
            Expr::BinaryOp { left, op: BinaryOperator::Or, right } => column(
                boolean::or_kleene(&self.condition(left)?, &self.condition(right)?)
                    .map_err(|error| self.failed(error))?,
            ),
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right, part)?,
            Expr::IsNull(inner) => {
                let values = self.spread(self.term(inner)?)?;
                column(boolean::is_null(&values).map_err(|error| self.failed(error))?)
            }
            Expr::IsNotNull(inner) => {
                let values = self.spread(self.term(inner)?)?;
                column(boolean::is_not_null(&values).map_err(|error| self.failed(error))?)
            }
            Expr::Between { expr, negated, low, high } => {
                let above = self.compare(expr, &BinaryOperator::GtEq, low)?;
                let below = self.compare(expr, &BinaryOperator::LtEq, high)?;
                let within = boolean::and_kleene(&above, &below).map_err(|error| self.failed(error))?;
                column(self.negate(within, *negated)?)
            }
            Expr::In { expr, target: InTarget::List(list), negated, global: false } => {
                let mut found: Option<BooleanArray> = None;
                for item in list {
                    let equal = self.compare(expr, &BinaryOperator::Eq, item)?;
                    found = Some(match found {
                        Some(found) => {
                            boolean::or_kleene(&found, &equal).map_err(|error| self.failed(error))?
                        }
                        None => equal,
                    });
                }
                let found = found.ok_or_else(|| self.unknown(part))?;
                column(self.negate(found, *negated)?)
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
                column(self.like(expr, pattern, *negated, comparison::like)?)
            }
            Expr::ILike { negated, any: false, expr, pattern, escape_char: None } => {
                column(self.like(expr, pattern, *negated, comparison::ilike)?)
            }
            _ => return Err(self.unknown(part)),
        })
    }

    fn negate(&self, found: BooleanArray, negated: bool) -> Result<BooleanArray> {
        if negated { boolean::not(&found).map_err(|error| self.failed(error)) } else { Ok(found) }
    }

    fn like(
        &self,
        value: &Expr,
        pattern: &Expr,
        negated: bool,
        kernel: impl Fn(&dyn Datum, &dyn Datum) -> std::result::Result<BooleanArray, ArrowError>,
    ) -> Result<BooleanArray> {
        let text = |part: &Expr| -> Result<Term> {
            let term = self.term(part)?;
            if term.data_type().is_numeric() {
                return Err(Error::argument("like compares text")
                    .seen(format!("{part} is a number"))
                    .advice("compare numbers with =, < or >"));
            }
            term.map(|array| cast(array, &DataType::Utf8)).map_err(|error| self.failed(error))
        };
        let value = Term::Column(self.spread(text(value)?)?);
        let found = kernel(&value, &text(pattern)?).map_err(|error| self.failed(error))?;
        self.negate(found, negated)
    }

    fn column(&self, name: &str) -> Result<Term> {
        let names: Vec<&str> =
            self.columns.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
        let at = names.iter().position(|column| *column == name).ok_or_else(|| {
            Error::argument("no such column in the filter")
                .with_code("column-not-found")
                .column(name)
                .advice(format!("the columns are {}; text stands in single quotes", names.join(", ")))
        })?;
        Ok(Term::Column(Arc::clone(self.columns.column(at))))
    }

    fn value(&self, value: &Value, part: &Expr) -> Result<Term> {
        let array: ArrayRef = match value {
            Value::Number(digits, _) => {
                let number: f64 = digits.parse().map_err(|_| self.unknown(part))?;
                Arc::new(Float64Array::from(vec![number]))
            }
            Value::SingleQuotedString(text) => Arc::new(StringArray::from(vec![text.as_str()])),
            Value::Boolean(value) => Arc::new(BooleanArray::from(vec![*value])),
            Value::Null => new_null_array(&DataType::Float64, 1),
            _ => return Err(self.unknown(part)),
        };
        Ok(Term::One(array))
    }

    fn binary(&self, left: &Expr, op: &BinaryOperator, right: &Expr, part: &Expr) -> Result<Term> {
        use BinaryOperator::{Divide, Eq, Gt, GtEq, Lt, LtEq, Minus, Modulo, Multiply, NotEq, Plus};
        if matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq) {
            return Ok(Term::Column(Arc::new(self.compare(left, op, right)?)));
        }
        let kernel: fn(&dyn Datum, &dyn Datum) -> std::result::Result<ArrayRef, ArrowError> = match op {
            Plus => numeric::add,
            Minus => numeric::sub,
            Multiply => numeric::mul,
            Divide => numeric::div,
            Modulo => numeric::rem,
            _ => return Err(self.unknown(part)),
        };
        let (a, b) = (self.number(self.term(left)?, left)?, self.number(self.term(right)?, right)?);
        let one = matches!((&a, &b), (Term::One(_), Term::One(_)));
        let found = kernel(&a, &b).map_err(|error| self.failed(error))?;
        Ok(if one { Term::One(found) } else { Term::Column(found) })
    }

    fn number(&self, term: Term, part: &Expr) -> Result<Term> {
        if !term.data_type().is_numeric() {
            return Err(
                Error::argument("no number in the filter").seen(format!("{part} is {}", term.data_type()))
            );
        }
        term.map(|array| cast(array, &DataType::Float64)).map_err(|error| self.failed(error))
    }

    /// A comparison; whole numbers, floats and dates meet text only when the text can be read as one.
    fn compare(&self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Result<BooleanArray> {
        let (a, b) = (self.term(left)?, self.term(right)?);
        let common = match (a.data_type(), b.data_type()) {
            (a, b) if a.is_numeric() && b.is_numeric() => DataType::Float64,
            (DataType::Boolean, DataType::Boolean) => DataType::Boolean,
            (a, b) if is_text(a) && is_text(b) => DataType::Utf8,
            (a, b) if a.is_temporal() && is_text(b) => a.clone(),
            (a, b) if is_text(a) && b.is_temporal() => b.clone(),
            (a, b) if a == b => a.clone(),
            (a, b) => {
                return Err(Error::argument("the filter compares different kinds")
                    .with_code("filter-types")
                    .seen(format!("{left} is {a}, {right} is {b}"))
                    .advice("text stands in single quotes, numbers without"));
            }
        };
        let to = |term: Term| -> Result<Term> {
            if !can_cast_types(term.data_type(), &common) {
                return Err(
                    Error::argument("a column that cannot be compared").seen(term.data_type().to_string())
                );
            }
            let nulls = term.array().null_count();
            let term = term.map(|array| cast(array, &common)).map_err(|error| self.failed(error))?;
            if term.array().null_count() > nulls {
                return Err(Error::argument("the filter compares different kinds")
                    .with_code("filter-types")
                    .seen(format!("a text that is no {common}")));
            }
            Ok(term)
        };
        let (a, b) = (to(a)?, to(b)?);
        let kernel = match op {
            BinaryOperator::Eq => cmp::eq,
            BinaryOperator::NotEq => cmp::neq,
            BinaryOperator::Lt => cmp::lt,
            BinaryOperator::LtEq => cmp::lt_eq,
            BinaryOperator::Gt => cmp::gt,
            _ => cmp::gt_eq,
        };
        match (a, b) {
            (Term::One(a), Term::One(b)) => {
                let one = kernel(&Scalar::new(a), &b).map_err(|error| self.failed(error))?;
                Ok(self.spread(Term::One(Arc::new(one)))?.as_boolean().clone())
            }
            (a, b) => kernel(&a, &b).map_err(|error| self.failed(error)),
        }
    }
}

fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, value) => is_text(value),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array};

    use super::*;

    fn columns() -> RecordBatch {
        let stars: ArrayRef = Arc::new(Int64Array::from(vec![Some(5), Some(1), None, Some(4)]));
        let names: ArrayRef =
            Arc::new(StringArray::from(vec![Some("Tea"), Some("coffee"), Some("it's"), None]));
        let good: ArrayRef = Arc::new(BooleanArray::from(vec![true, false, true, true]));
        RecordBatch::try_from_iter([("Score", stars), ("Kind", names), ("is good", good)]).unwrap()
    }

    fn rows(filter: &str) -> Vec<usize> {
        let keep = Filter::parse(filter).unwrap().keep(&columns()).unwrap();
        keep.iter().enumerate().filter(|(_, keep)| **keep).map(|(row, _)| row).collect()
    }

    fn fails(filter: &str) -> String {
        match Filter::parse(filter) {
            Ok(filter) => filter.keep(&columns()).unwrap_err().to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn conditions_keep_the_rows_that_sql_keeps() {
        assert_eq!(rows("Score >= 4"), [0, 3]);
        assert_eq!(rows("Score < 5 and Kind = 'coffee'"), [1]);
        assert_eq!(rows("not (Score >= 4)"), [1]);
        assert_eq!(rows("Score >= 4 or Kind like 'c%'"), [0, 1, 3]);
        assert_eq!(rows("Kind ilike 't%'"), [0]);
        assert_eq!(rows("Kind not like 'c%'"), [0, 2]);
        assert_eq!(rows("Kind = 'it''s'"), [2]);
        assert_eq!(rows("Score in (1, 4)"), [1, 3]);
        assert_eq!(rows("Score not in (1, 4)"), [0]);
        assert_eq!(rows("Score between 2 and 5"), [0, 3]);
        assert_eq!(rows("Score is null"), [2]);
        assert_eq!(rows("Kind is not null and \"is good\""), [0, 2]);
        assert_eq!(rows("Score * 2 - 1 > 7.5"), [0]);
        assert_eq!(rows("-Score < -4"), [0]);
        assert_eq!(rows("4 <= Score"), [0, 3]);
        assert_eq!(rows("1 = 1"), [0, 1, 2, 3]);
        assert_eq!(rows("\"is good\" = true and Score % 2 = 0"), [3]);
    }

    #[test]
    fn what_cannot_be_evaluated_is_named() {
        assert!(fails("Stars > 3").contains("the columns are Score, Kind, is good"));
        assert!(fails("Score > 'tea'").contains("different kinds"));
        assert!(fails("Score").contains("no condition"));
        assert!(fails("Kind + 1 > 2").contains("no number"));
        assert!(fails("Score like '5%'").contains("like compares text"));
        assert!(fails("length(Kind) > 3").contains("not known here"));
        assert!(fails("Score > 3; drop table x").contains("after the end"));
        assert!(fails("Score >").contains("no filter"));
        assert!(fails("").contains("no filter"));
        assert!(fails("(select 1) = 1").contains("not known here"));
        assert!(fails(&"(".repeat(10_000)).contains("no filter"));
    }
}
