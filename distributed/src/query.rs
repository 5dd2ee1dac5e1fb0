//! SQL on a cluster: the plan of a query is sent, the executors read its files, and the rows of the result come back.

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::{EmptyRelation, LogicalPlan};
use datafusion_proto::logical_plan::AsLogicalPlan;
use datafusion_proto::protobuf::LogicalPlanNode;
use embedlab::data::Budget;
use embedlab::sql::{QueryResult, explained, logical_plan};
use embedlab::{Error, Result};

use crate::client::Cluster;
use crate::failure::of_query;
use crate::session::MESSAGE_BYTES;
use crate::tables::WithTables;

impl Cluster {
    /// Runs a query over Parquet files that all machines see under the same paths, as
    /// [`embedlab::sql::query`] runs it over those of one; of its rows so many are kept, the others are counted.
    ///
    /// # Errors
    /// As there; for other tables; for what the engine does on one machine only; and as for a pass.
    pub fn sql(&self, sql: &str, keep: Option<usize>) -> Result<QueryResult> {
        let (plan, notes) = logical_plan(sql)?;
        let said = |error| explained(error, Budget::default());
        let plan = self.state.optimize(&plan).map_err(said)?;
        let schema = plan.schema().inner().clone();
        let nothing = QueryResult { schema, batches: Vec::new(), n_rows: 0, notes };
        // The engine sends no plan that holds nothing, and forgets its columns.
        if let LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: false, .. }) = plan {
            return Ok(nothing);
        }
        refuse(&plan)?;
        self.repeated("the query", |left| {
            let (mut found, mut bytes) = (nothing.clone(), 0);
            self.run(&plan, left, of_query, |batch| {
                if found.batches.is_empty() {
                    found.schema = batch.schema();
                }
                bytes += found.take(batch, keep);
                if bytes > MESSAGE_BYTES { Err(too_large(bytes)) } else { Ok(()) }
            })?;
            Ok(found)
        })
    }
}

fn too_large(bytes: usize) -> Error {
    Error::memory("the result of the query is too large to be sent to one machine")
        .seen(format!("more than {} MB", bytes >> 20))
        .advice("ask for fewer columns, rows or groups, or leave --on out")
}

/// What would fail on the way, or after it.
fn refuse(plan: &LogicalPlan) -> Result<()> {
    let refused = |seen: String| {
        Error::argument("other machines cannot run this query")
            .with_code("sql-unsupported")
            .seen(seen)
            .advice("say it in another way, or leave --on out")
    };
    let mut recursive = false;
    let looked = plan.apply_with_subqueries(|node| {
        recursive |= matches!(node, LogicalPlan::RecursiveQuery(_));
        Ok(TreeNodeRecursion::Continue)
    });
    if recursive {
        return Err(refused("WITH RECURSIVE".into()));
    }
    let sent = looked.and_then(|_| LogicalPlanNode::try_from_logical_plan(plan, &WithTables::default()));
    sent.map(|_| ()).map_err(|error| refused(error.strip_backtrace()))
}
