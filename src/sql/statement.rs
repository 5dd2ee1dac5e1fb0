//! The statement of a query: read, checked to be nothing but a query, its names as the tables have them.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::common::DataFusionError;
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast::{
    self, Ident, Query, SelectItem, SetExpr, Visit, Visitor, visit_expressions_mut,
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
    match &statement {
        Statement::Statement(inner) if matches!(**inner, ast::Statement::Query(_)) => Ok(statement),
        _ => {
            let word = sql.split_whitespace().next().unwrap_or_default().to_uppercase();
            Err(refused("only queries are run, and this is none").seen(word).advice(
                "begin with SELECT or WITH; -o FILE writes the result, and --plan shows what a query does",
            ))
        }
    }
}

/// Writes names that are not in quotes as the tables write them: `score` where a table has `Score`, unless the query or a
/// table has a name of that very spelling.
pub(super) fn spell(statement: &mut Statement, columns: &BTreeSet<String>) {
    let Statement::Statement(statement) = statement else { return };
    let mut given = Given::default();
    let _ = statement.visit(&mut given);
    let spell = |name: &mut Ident| {
        let known = columns.contains(&name.value) || given.names.contains(&name.value);
        if name.quote_style.is_some() || known {
            return;
        }
        let mut alike = columns.iter().filter(|column| column.to_lowercase() == name.value.to_lowercase());
        if let (Some(column), None) = (alike.next(), alike.next()) {
            name.value.clone_from(column);
        }
    };
    let _ = visit_expressions_mut(statement, |expression| {
        match expression {
            ast::Expr::Identifier(name) => spell(name),
            ast::Expr::CompoundIdentifier(names) => names.last_mut().into_iter().for_each(spell),
            _ => {}
        }
        ControlFlow::<()>::Continue(())
    });
}

/// The names that a query gives by itself.
#[derive(Default)]
struct Given {
    names: BTreeSet<String>,
}

impl Visitor for Given {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.of(&query.body);
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.names.extend(cte.alias.columns.iter().map(|column| column.name.value.clone()));
        }
        ControlFlow::Continue(())
    }
}

impl Given {
    fn of(&mut self, body: &SetExpr) {
        match body {
            SetExpr::Select(select) => {
                for item in &select.projection {
                    if let SelectItem::ExprWithAlias { alias, .. } = item {
                        self.names.insert(alias.value.clone());
                    }
                }
            }
            SetExpr::SetOperation { left, right, .. } => {
                self.of(left);
                self.of(right);
            }
            _ => {}
        }
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
            ("select from where", "sql-syntax"),
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
        let own = "select count(*) as score from t order by score";
        assert_eq!(spelt(own), "SELECT count(*) AS score FROM t ORDER BY score");
    }
}
