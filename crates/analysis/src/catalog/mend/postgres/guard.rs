//! One statement that looks and then acts, or refuses: a block of PL/pgSQL.

use super::super::text::{dollars, ident, literal, qualified};
use crate::catalog::id::QualifiedName;

/// Runs `statements` unless `exists` finds a row in `relation`; then it fails with `message`.
///
/// Row security must not hide rows from the look: it fails instead.
pub(super) fn unless_found<'a>(
    lock: impl IntoIterator<Item = &'a QualifiedName>,
    exists: &str,
    message: &str,
    statements: &[String],
) -> String {
    let mut body = String::from("begin\n  perform set_config('row_security', 'off', true);\n");
    for table in lock {
        body += &format!("  lock table {} in access exclusive mode;\n", qualified(table));
    }
    body += &format!(
        "  if exists ({exists}) then\n    raise exception using message = {};\n  end if;\n",
        literal(message)
    );
    for statement in statements {
        body += &format!("  {statement};\n");
    }
    body += "end";
    format!("do {}", dollars(&format!("\n{body}\n"), "mend"))
}

/// Runs `statements` as one statement, when `holds` is true; else it fails with `message`.
pub(super) fn only_if(holds: &str, message: &str, statements: &[String]) -> String {
    let mut body = format!(
        "begin\n  if not ({holds}) then\n    raise exception using message = {};\n  end if;\n",
        literal(message)
    );
    for statement in statements {
        body += &format!("  {statement};\n");
    }
    body += "end";
    format!("do {}", dollars(&format!("\n{body}\n"), "mend"))
}

/// Drops a relation that holds no row.
pub(super) fn drop_if_empty(relation: &QualifiedName, kind: &str) -> String {
    let name = qualified(relation);
    unless_found(
        [relation],
        &format!("select from {name}"),
        &format!("{relation} holds rows: nothing was dropped"),
        &[format!("drop {kind} {name}")],
    )
}

/// Drops a materialized view that was never filled or holds no row: what it holds may be
/// of a time that its query cannot bring back.
pub(super) fn drop_matview_if_empty(view: &QualifiedName) -> String {
    let name = qualified(view);
    let body = format!(
        "\nbegin\n  if (select relispopulated from pg_class where oid = {}::regclass) then\n    \
         if exists (select from {name}) then\n      raise exception using message = {};\n    end if;\n  \
         end if;\n  drop materialized view {name};\nend\n",
        literal(&name),
        literal(&format!("{view} holds rows: nothing was dropped"))
    );
    format!("do {}", dollars(&body, "mend"))
}

/// Drops a column in which every row has null.
pub(super) fn drop_column_if_null(table: &QualifiedName, column: &str, alter: &str) -> String {
    unless_found(
        Some(table),
        &format!("select from {} where {} is not null", qualified(table), ident(column)),
        &format!("{table}.{column} holds values: nothing was dropped"),
        &[format!("{alter} drop column {}", ident(column))],
    )
}
