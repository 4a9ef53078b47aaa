//! What a down file loses, as far as its statements and the rules show. Pure.
//!
//! Promise: every loss that the rules call an error is either counted, by table or by
//! column, or named; a statement that is done already loses nothing.

use std::collections::{BTreeMap, HashMap};

use cofferdam_analysis::catalog::Catalog;
use cofferdam_analysis::judge::{Input, JudgedFile, Known, Role, judge};
use cofferdam_analysis::sql::table::TableChange;
use cofferdam_analysis::sql::{Action, ObjectKind, ObjectName, Script, Statement};
use cofferdam_analysis::{Finding, NobodysRows, Result, Severity, rules};

use super::plan::Down;
use super::{Options, refuse_loss};

/// One place where rows or values go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Loss {
    /// The statement.
    pub(super) statement: usize,
    /// The table.
    pub(super) table: ObjectName,
    /// Only this column of it.
    pub(super) column: Option<String>,
}

/// What a script loses.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Losses {
    /// To be counted.
    pub(super) counted: Vec<Loss>,
    /// Schemas that go with every table in them, by statement.
    pub(super) schemas: Vec<(usize, String)>,
    /// What cannot be counted, in the rules' words.
    pub(super) named: Vec<String>,
}

/// Everything that the part of the down file that is not done loses.
pub(super) fn losses(down: &Down, catalog: Option<&Catalog>) -> Losses {
    let script = &down.script;
    let mut losses = Losses::default();
    for statement in script.statements.iter().filter(|s| !down.is_done(s.index)) {
        losses.counted.extend(lost_by(statement));
    }
    let files = [JudgedFile::new(script, Role::Judged)];
    let mut input = Input::new(script.dialect, &files);
    input.known = catalog.map(|catalog| catalog as &dyn Known);
    for finding in judge(&input).into_iter().filter(is_loss) {
        let Some(statement) = statement_of(script, &finding) else {
            losses.named.push(finding.message);
            continue;
        };
        if !down.is_done(statement.index) {
            losses.add(finding, statement);
        }
    }
    losses
}

/// An allow is for whoever writes the file; here whoever runs it decides.
fn is_loss(finding: &Finding) -> bool {
    finding.severity == Severity::Error && rules::find(finding.rule).is_some_and(|rule| rule.card.loss)
}

fn statement_of<'s>(script: &'s Script, finding: &Finding) -> Option<&'s Statement> {
    let at = finding.place.as_ref()?.span.start;
    let index = script.statements.partition_point(|s| s.span.start <= at).checked_sub(1)?;
    script.statements.get(index)
}

impl Losses {
    fn add(&mut self, finding: Finding, statement: &Statement) {
        let before = (self.counted.len(), self.schemas.len());
        for action in statement.actions() {
            match (finding.rule, action) {
                ("drop-schema", Action::Drop { kind: ObjectKind::Schema, names, cascade: true, .. }) => {
                    self.schemas.extend(names.iter().map(|name| (statement.index, name.name.clone())));
                }
                ("dml-without-where", Action::Update(update)) if update.filter.is_all() => {
                    let columns = update.assignments.iter().map(|(column, _)| Loss {
                        statement: statement.index,
                        table: update.table.clone(),
                        column: Some(column.clone()),
                    });
                    self.counted.extend(columns);
                }
                _ => {}
            }
        }
        let counted_by_itself = ["drop-table", "drop-column", "truncate", "dml-without-where"];
        let of_its_own = counted_by_itself.contains(&finding.rule)
            && self.counted.iter().any(|loss| loss.statement == statement.index);
        if before == (self.counted.len(), self.schemas.len()) && !of_its_own {
            self.named.push(finding.message);
        }
    }
}

/// Every table or column that the statement drops, empties or deletes from.
fn lost_by(statement: &Statement) -> Vec<Loss> {
    let mut losses = Vec::new();
    for action in statement.actions() {
        let mut lose = |table: &ObjectName, column: Option<&str>| {
            losses.push(Loss {
                statement: statement.index,
                table: table.clone(),
                column: column.map(str::to_owned),
            });
        };
        match action {
            Action::Drop { kind: ObjectKind::Table | ObjectKind::MaterializedView, names, .. } => {
                names.iter().for_each(|name| lose(name, None));
            }
            Action::Truncate { tables, .. } => tables.iter().for_each(|name| lose(name, None)),
            Action::Delete { table, .. } => lose(table, None),
            Action::AlterTable { table, change: TableChange::DropColumn { name, .. }, .. } => {
                lose(table, Some(name));
            }
            _ => {}
        }
    }
    losses
}

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Count {
    /// Rows, or values of a column, by table.
    pub(super) lost: BTreeMap<String, i64>,
    /// What cannot be counted.
    pub(super) named: Vec<String>,
    /// By statement: what is empty now must still be empty under the statement's own lock.
    pub(super) proofs: HashMap<usize, NobodysRows>,
}

impl Count {
    /// Notes that `loss`, shown as `what`, takes so many rows.
    pub(super) fn add(&mut self, loss: Loss, what: String, rows: i64) {
        if rows > 0 {
            self.lost.insert(what, rows);
            return;
        }
        let claim = NobodysRows { tables: vec![loss.table], column: loss.column, must_be_empty: true };
        self.proofs
            .entry(loss.statement)
            .and_modify(|have| {
                have.tables.extend(claim.tables.iter().cloned());
                // Two claims about one statement: the stronger one must hold for all.
                if have.column != claim.column {
                    have.column = None;
                }
            })
            .or_insert(claim);
    }

    /// What may go, with what is to be proved on the way.
    ///
    /// # Errors
    /// `Refused` for a loss that nobody asked for.
    pub(super) fn allowed(
        self,
        version: &str,
        options: &Options,
    ) -> Result<(BTreeMap<String, i64>, HashMap<usize, NobodysRows>)> {
        if options.discard_writes {
            // Whatever is written until the statement runs may go like the rest.
            return Ok((self.lost, HashMap::new()));
        }
        if self.lost.is_empty() && self.named.is_empty() {
            return Ok((self.lost, self.proofs));
        }
        Err(refuse_loss(version, &self.lost, &self.named))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_analysis::plan;
    use cofferdam_analysis::sql::Dialect;

    fn of(sql: &str, done: usize) -> Losses {
        let script = Script::parse(Dialect::Postgres, "1.down.sql", sql);
        let plan = plan::file(&script, "1.down", false).expect("a plan");
        losses(&Down { script, plan, done }, None)
    }

    fn counted(losses: &Losses) -> Vec<String> {
        let column = |l: &Loss| l.column.as_ref().map(|c| format!(".{c}")).unwrap_or_default();
        losses.counted.iter().map(|l| format!("{} {}{}", l.statement, l.table, column(l))).collect()
    }

    #[test]
    fn drops_deletes_and_truncates_are_losses_and_the_rest_is_not() {
        let sql =
            "drop index i; drop table a, s.b; alter table c drop column d, alter column e drop not null;
                   truncate f; delete from g where h; update i set j = 1 where k; drop view k;";
        let losses = of(sql, 0);
        assert_eq!(counted(&losses), ["1 a", "1 s.b", "2 c.d", "3 f", "4 g"]);
        assert_eq!((losses.schemas, losses.named), (vec![], vec![]));
    }

    #[test]
    fn what_the_rules_call_a_loss_is_counted_or_named() {
        let losses = of("update a set v = '', w = 1; drop schema s cascade; alter table a set unlogged;", 0);
        assert_eq!(counted(&losses), ["0 a.v", "0 a.w"]);
        assert_eq!(losses.schemas, [(1, "s".to_owned())]);
        assert_eq!(losses.named.len(), 1, "{:?}", losses.named);
    }

    #[test]
    fn what_is_done_loses_nothing() {
        let sql = "-- cofferdam:no-transaction\nupdate a set v = ''; drop table b; drop table c;";
        assert_eq!(counted(&of(sql, 2)), ["2 c"]);
    }

    #[test]
    fn two_columns_of_one_statement_make_one_claim_that_covers_both() {
        let mut count = Count::default();
        for column in ["v", "w"] {
            let table = ObjectName::bare("a");
            count.add(Loss { statement: 0, table, column: Some(column.to_owned()) }, String::new(), 0);
        }
        assert_eq!(count.proofs[&0].column, None);
    }
}
