//! The statement of a query: read, checked to be nothing but a query, its names as the tables have them.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::common::DataFusionError;
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast::{
    self, Ident, OrderByKind, Query, SelectItem, SetExpr, Visit, VisitMut, Visitor, VisitorMut,
};

use crate::error::{Error, Result};
use crate::memory::Budget;

use super::failure::explained;

/// Reads one query.
pub(super) fn read(sql: &str) -> Result<Statement> {
    let statements = DFParser::parse_sql(sql);
    let mut statements = statements.map_err(|error: DataFusionError| explained(error, Budget::default()))?;
    let refused = |what: &str| Error::argument(what).with_code("not-a-query");
    let Some(statement) = statements.pop_front() else {
        return Err(refused("no query").advice("write one, such as: select count(*) from 'reviews.parquet'"));
    };
    if !statements.is_empty() {
        return Err(refused("several statements")
            .seen((statements.len() + 1).to_string())
            .advice("give one query; parts of it can be named: with a as (select ..) select .. from a"));
    }
    let mut written = Written::default();
    match &statement {
        Statement::Statement(inner) if matches!(**inner, ast::Statement::Query(_)) => {
            let _ = Visit::visit(inner, &mut written);
            if written.is_into {
                return Err(refused("only queries are run, and this is none")
                    .seen("SELECT .. INTO")
                    .advice("leave INTO out; -o FILE writes the result"));
            }
            Ok(statement)
        }
        _ => {
            let word = sql.split_whitespace().next().unwrap_or_default().to_uppercase();
            Err(refused("only queries are run, and this is none").seen(word).advice(
                "begin with SELECT or WITH; -o FILE writes the result, and --plan shows what a query does",
            ))
        }
    }
}

/// Writes names that are not in quotes as the tables write them: `score` where a table has `Score`. What a query itself names
/// so goes first where rows are ordered.
pub(super) fn spell(statement: &mut Statement, columns: &BTreeSet<String>) {
    if let Statement::Statement(statement) = statement {
        let _ = VisitMut::visit(statement, &mut Spelling { columns });
    }
}

struct Spelling<'a> {
    columns: &'a BTreeSet<String>,
}

impl Spelling<'_> {
    fn spell(&self, name: &mut Ident) {
        if name.quote_style.is_some() || self.columns.contains(&name.value) {
            return;
        }
        let mut alike =
            self.columns.iter().filter(|column| column.to_lowercase() == name.value.to_lowercase());
        if let (Some(column), None) = (alike.next(), alike.next()) {
            name.value.clone_from(column);
        }
    }
}

impl VisitorMut for Spelling<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let mut given = Vec::new();
        names_of(&query.body, &mut given);
        let Some(order) = &mut query.order_by else { return ControlFlow::Continue(()) };
        if let OrderByKind::Expressions(expressions) = &mut order.kind {
            for ordered in expressions {
                if let ast::Expr::Identifier(name) = &mut ordered.expr
                    && given.contains(&name.value)
                {
                    name.quote_style = Some('"');
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &mut ast::Expr) -> ControlFlow<()> {
        match expression {
            ast::Expr::Identifier(name) => self.spell(name),
            ast::Expr::CompoundIdentifier(names) => {
                names.last_mut().into_iter().for_each(|name| self.spell(name))
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// The names that a query gives to its columns.
fn names_of(body: &SetExpr, given: &mut Vec<String>) {
    match body {
        SetExpr::Select(select) => {
            let names = select.projection.iter().filter_map(|item| match item {
                SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
                _ => None,
            });
            given.extend(names);
        }
        SetExpr::SetOperation { left, .. } => names_of(left, given),
        _ => {}
    }
}

/// Whether a query writes its rows into a table.
#[derive(Default)]
struct Written {
    is_into: bool,
}

impl Visitor for Written {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.is_into |= writes(&query.body);
        ControlFlow::Continue(())
    }
}

fn writes(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => select.into.is_some(),
        SetExpr::SetOperation { left, right, .. } => writes(left) || writes(right),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_query_is_read() {
        for (sql, code) in [
            ("", "not-a-query"),
            ("select 1; select 2", "not-a-query"),
            ("insert into t values (1)", "not-a-query"),
            ("copy t to 'x.csv'", "not-a-query"),
            ("create external table t stored as csv location 'x.csv'", "not-a-query"),
            ("create table t as select 1", "not-a-query"),
            ("set a = 1", "not-a-query"),
            ("explain select 1", "not-a-query"),
            ("select 1 into t", "not-a-query"),
            ("with a as (select 1 into t) select * from a", "not-a-query"),
            ("select a frm b where", "sql-syntax"),
        ] {
            assert_eq!(read(sql).unwrap_err().code(), code, "{sql}");
        }
        assert!(read("select 1;").is_ok() && read("with a as (select 1) select * from a").is_ok());
        let error = read("select a,, b from t").unwrap_err().to_string();
        assert!(error.contains("Line: 1, Column: 10"), "{error}");
    }

    #[test]
    fn names_are_spelt_as_the_tables_spell_them() {
        let columns: BTreeSet<String> = ["Score", "Kind", "a", "A"].map(str::to_owned).into();
        let spelt = |sql: &str| {
            let mut statement = read(sql).unwrap();
            spell(&mut statement, &columns);
            statement.to_string()
        };
        assert_eq!(spelt("select score, t.KIND, A from 't'"), "SELECT Score, t.Kind, A FROM 't'");
        assert_eq!(spelt("select \"score\" from t"), "SELECT \"score\" FROM t");
        let own = "select avg(score) as score from t order by score, KIND";
        assert_eq!(spelt(own), "SELECT avg(Score) AS score FROM t ORDER BY \"score\", Kind");
    }
}
