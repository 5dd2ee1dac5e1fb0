//! A filter as a list of steps for a stack machine.
//!
//! A tree of ten thousand terms would need a stack as deep as itself wherever it is evaluated, copied
//! or dropped; a list needs none. Only the parser still recurses, on a thread whose stack is large
//! enough.

use sqlparser::ast::{BinaryOperator, Expr, InTarget, UnaryOperator, Value};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::SYNTAX;
use crate::error::{Error, Result, excerpt};

/// Longer filters are refused.
const MAX_BYTES: usize = 1 << 20;

/// Parentheses within parentheses.
const MAX_NESTING: usize = 300;

/// Stack of the parser: for the nesting, and for each byte of the text (a chain of `or` is a tree as
/// deep as it is long, and is dropped from its root).
const STACK: usize = 32 << 20;
const STACK_PER_BYTE: usize = 256;

/// One step: it takes its operands from the stack and leaves its result there.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// A column, or a field inside it.
    Column(Vec<String>),
    /// A number as it was written, with its sign.
    Number(String),
    Text(String),
    Boolean(bool),
    Null,
    Not,
    Negate,
    And,
    Or,
    Compare(Comparison),
    Arithmetic(Arithmetic),
    IsNull {
        negated: bool,
    },
    Between {
        negated: bool,
    },
    In {
        items: usize,
        negated: bool,
    },
    Like {
        negated: bool,
        ignore_case: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Reads an expression of SQL.
pub(super) fn parse(text: &str) -> Result<Vec<Step>> {
    if text.len() > MAX_BYTES {
        return Err(Error::argument("the filter is too long")
            .with_code("filter-invalid")
            .seen(format!("{} bytes, {MAX_BYTES} at most", text.len()))
            .advice("keep a list of ids in a column of the file instead"));
    }
    let no_thread =
        |error: std::io::Error| Error::memory("the filter cannot be parsed: no thread for it").source(error);
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(STACK + STACK_PER_BYTE * text.len())
            .spawn_scoped(scope, || parse_here(text))
            .map_err(no_thread)?
            .join()
            .unwrap_or_else(|_| Err(invalid("the parser gave up")))
    })
}

fn invalid(seen: impl Into<String>) -> Error {
    Error::argument("invalid filter")
        .with_code("filter-invalid")
        .seen(seen)
        .advice(format!("a filter may hold {SYNTAX}"))
}

fn parse_here(text: &str) -> Result<Vec<Step>> {
    let failed = |error: sqlparser::parser::ParserError| invalid(error.to_string());
    let mut parser = Parser::new(&GenericDialect {})
        .with_recursion_limit(MAX_NESTING)
        .try_with_sql(text)
        .map_err(failed)?;
    let expression = parser.parse_expr().map_err(failed)?;
    match parser.next_token().token {
        Token::EOF => steps(expression),
        rest => Err(invalid(format!("{rest} after the end of the expression"))),
    }
}

#[allow(clippy::large_enum_variant)] // lives on a short stack of work, where a box would cost more
enum Work {
    Visit(Expr),
    Emit(Step),
}

/// The steps of an expression, operands first.
fn steps(expression: Expr) -> Result<Vec<Step>> {
    let mut program = Vec::new();
    let mut work = vec![Work::Visit(expression)];
    while let Some(next) = work.pop() {
        let expression = match next {
            Work::Emit(step) => {
                program.push(step);
                continue;
            }
            Work::Visit(expression) => expression,
        };
        let (operands, step) = take_apart(expression)?;
        work.extend(step.map(Work::Emit));
        work.extend(operands.into_iter().rev().map(Work::Visit));
    }
    Ok(program)
}

fn unknown(part: &str) -> Error {
    Error::argument("unsupported filter expression")
        .with_code("filter-invalid")
        .seen(excerpt(part))
        .advice(format!("a filter may hold {SYNTAX}"))
}

/// The operands of an expression, and what is done with them.
fn take_apart(expression: Expr) -> Result<(Vec<Expr>, Option<Step>)> {
    let of = |operands: Vec<Expr>, step: Step| Ok((operands, Some(step)));
    match expression {
        Expr::Nested(inner) => Ok((vec![*inner], None)),
        Expr::Identifier(name) => of(Vec::new(), Step::Column(vec![name.value])),
        Expr::CompoundIdentifier(names) => {
            of(Vec::new(), Step::Column(names.into_iter().map(|name| name.value).collect()))
        }
        Expr::Value(value) => of(
            Vec::new(),
            match value.value {
                Value::Number(digits, _) => Step::Number(digits),
                Value::SingleQuotedString(text) => Step::Text(text),
                Value::Boolean(value) => Step::Boolean(value),
                Value::Null => Step::Null,
                other => return Err(unknown(&other.to_string())),
            },
        ),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => of(vec![*expr], Step::Not),
        Expr::UnaryOp { op: UnaryOperator::Plus, expr } => Ok((vec![*expr], None)),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match *expr {
            // The sign belongs to the number: -9223372036854775808 has no positive twin of 64 bits.
            Expr::Value(value) if matches!(&value.value, Value::Number(..)) => match value.value {
                Value::Number(digits, _) => of(Vec::new(), Step::Number(format!("-{digits}"))),
                _ => Err(unknown("-")),
            },
            inner => of(vec![inner], Step::Negate),
        },
        Expr::BinaryOp { left, op, right } => {
            let step = binary(&op).ok_or_else(|| unknown(&op.to_string()))?;
            of(vec![*left, *right], step)
        }
        Expr::IsNull(inner) => of(vec![*inner], Step::IsNull { negated: false }),
        Expr::IsNotNull(inner) => of(vec![*inner], Step::IsNull { negated: true }),
        Expr::Between { expr, negated, low, high } => of(vec![*expr, *low, *high], Step::Between { negated }),
        Expr::In { expr, target: InTarget::List(list), negated, global: false } if !list.is_empty() => {
            let step = Step::In { items: list.len(), negated };
            of(std::iter::once(*expr).chain(list).collect(), step)
        }
        Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
            of(vec![*expr, *pattern], Step::Like { negated, ignore_case: false })
        }
        Expr::ILike { negated, any: false, expr, pattern, escape_char: None } => {
            of(vec![*expr, *pattern], Step::Like { negated, ignore_case: true })
        }
        other => Err(unknown(&other.to_string())),
    }
}

fn binary(op: &BinaryOperator) -> Option<Step> {
    Some(match op {
        BinaryOperator::And => Step::And,
        BinaryOperator::Or => Step::Or,
        BinaryOperator::Eq => Step::Compare(Comparison::Equal),
        BinaryOperator::NotEq => Step::Compare(Comparison::NotEqual),
        BinaryOperator::Lt => Step::Compare(Comparison::Less),
        BinaryOperator::LtEq => Step::Compare(Comparison::LessOrEqual),
        BinaryOperator::Gt => Step::Compare(Comparison::Greater),
        BinaryOperator::GtEq => Step::Compare(Comparison::GreaterOrEqual),
        BinaryOperator::Plus => Step::Arithmetic(Arithmetic::Add),
        BinaryOperator::Minus => Step::Arithmetic(Arithmetic::Subtract),
        BinaryOperator::Multiply => Step::Arithmetic(Arithmetic::Multiply),
        BinaryOperator::Divide => Step::Arithmetic(Arithmetic::Divide),
        BinaryOperator::Modulo => Step::Arithmetic(Arithmetic::Remainder),
        _ => return None,
    })
}
