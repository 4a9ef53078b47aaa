//! From what stands to the SQL that makes the guard whole. Pure.

use cofferdam_analysis::Result;
use cofferdam_analysis::sql::ObjectName;

use crate::db::QualifiedIdent;

/// The guard's own event triggers.
pub(super) const EVENT_TRIGGERS: [&str; 5] = [
    "cofferdam_guard_drop",
    "cofferdam_guard_self",
    "cofferdam_guard_new_table",
    "cofferdam_guard_extension",
    "cofferdam_guard_extension_end",
];

/// A table and whether its trigger stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: ObjectName,
    pub(super) covered: bool,
    /// One of the ledger's: covered as well, and not counted.
    pub(super) ledger: bool,
}

/// The guard's own tables.
pub(super) const TABLES: [&str; 4] = ["state", "permit", "allowed", "before"];

/// Name and body of each function, as a script of ours makes them.
pub(super) fn bodies(script: &str) -> Vec<(&str, &str)> {
    let parts: Vec<&str> = script.split("$guard$").collect();
    let pairs = parts.chunks_exact(2).filter_map(|pair| {
        let (_, name) = pair[0].rsplit_once("function cofferdam_guard.")?;
        Some((name.split('(').next()?, pair[1]))
    });
    pairs.collect()
}

/// The statements that make the event triggers that are not there; `None` in `enabled` is missing.
pub(super) fn event_triggers(standing: &[(String, bool)]) -> Vec<String> {
    let script = include_str!("sql/event_triggers.sql");
    let mut needed = Vec::new();
    for statement in script.split(';').map(str::trim).filter(|text| !text.is_empty()) {
        let Some(create) = statement.find("create event trigger ") else { continue };
        let create = &statement[create..];
        let name = create.split_whitespace().nth(3).unwrap_or_default();
        match standing.iter().find(|(stands, _)| stands == name) {
            Some((_, true)) => {}
            Some((_, false)) => needed.push(format!("alter event trigger {name} enable")),
            None => needed.push(create.to_owned()),
        }
    }
    needed
}

/// The truncate trigger of one table.
pub(super) fn truncate_trigger(table: &ObjectName) -> Result<String> {
    let table = QualifiedIdent::of(table)?;
    Ok(format!(
        "create or replace trigger cofferdam_guard_truncate before truncate on {table} \
         for each statement execute function cofferdam_guard.refuse_truncate()"
    ))
}

/// The statements of a script of ours, without its comment.
pub(super) fn shown(script: &str) -> String {
    let mut lines: Vec<&str> = script.lines().collect();
    while lines.first().is_some_and(|line| line.starts_with("--") || line.is_empty()) {
        lines.remove(0);
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_trigger_is_made_once_and_enabled_again() {
        assert_eq!(event_triggers(&[]).len(), EVENT_TRIGGERS.len());
        for (name, made) in EVENT_TRIGGERS.iter().zip(event_triggers(&[])) {
            assert!(made.starts_with(&format!("create event trigger {name} on ")), "{made}");
        }
        let all: Vec<_> = EVENT_TRIGGERS.iter().map(|name| ((*name).to_owned(), true)).collect();
        assert!(event_triggers(&all).is_empty());
        let mut one_off = all;
        one_off[2].1 = false;
        assert_eq!(event_triggers(&one_off), ["alter event trigger cofferdam_guard_new_table enable"]);
    }

    #[test]
    fn the_body_of_every_function_is_known_by_its_name() {
        let script = include_str!("sql/functions.sql");
        let names: Vec<&str> = bodies(script).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), script.matches("create or replace function").count());
        assert!(names.contains(&"refuse_drop") && names.contains(&"permitted"), "{names:?}");
    }

    #[test]
    fn a_table_is_named_with_its_schema_in_quotes() {
        let sql = truncate_trigger(&ObjectName::qualified("a b", "No\"tes")).unwrap();
        assert!(sql.contains(r#"on "a b"."No""tes" for each statement"#), "{sql}");
    }
}
