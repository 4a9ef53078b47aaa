//! What a down file loses, as far as its statements show. Pure.

use cofferdam_analysis::sql::table::TableChange;
use cofferdam_analysis::sql::{Action, ObjectKind, ObjectName, Script};

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

/// Every table or column that the script drops, empties or deletes from.
pub(super) fn losses(script: &Script) -> Vec<Loss> {
    let mut losses = Vec::new();
    for statement in &script.statements {
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
    }
    losses
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_analysis::sql::Dialect;

    #[test]
    fn drops_deletes_and_truncates_are_losses_and_the_rest_is_not() {
        let sql =
            "drop index i; drop table a, s.b; alter table c drop column d, alter column e drop not null;
                   truncate f; delete from g where h; update i set j = 1; drop view k;";
        let script = Script::parse(Dialect::Postgres, "1.down.sql", sql);
        let seen: Vec<String> = losses(&script)
            .iter()
            .map(|l| {
                format!(
                    "{} {}{}",
                    l.statement,
                    l.table,
                    l.column.as_ref().map(|c| format!(".{c}")).unwrap_or_default()
                )
            })
            .collect();
        assert_eq!(seen, ["1 a", "1 s.b", "2 c.d", "3 f", "4 g"]);
    }
}
