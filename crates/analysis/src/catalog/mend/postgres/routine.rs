//! Functions and procedures, from the parts that the catalog holds.

use super::super::text::{dollars, literal, qualified};
use super::Written;
use crate::catalog::id::{ObjectId, ObjectKind};
use crate::catalog::object::Routine;

/// `create or replace function ..`, or `create aggregate ..`.
pub(super) fn create(id: &ObjectId, routine: &Routine) -> Written<String> {
    if let Some(create) = &routine.create {
        return Ok(create.clone());
    }
    let name = qualified(&id.name);
    let procedure = match id.kind {
        ObjectKind::Procedure => true,
        ObjectKind::Aggregate => {
            return Err("its parts are not in the snapshot: create it by hand".to_owned());
        }
        _ => false,
    };
    let kind = if procedure { "procedure" } else { "function" };
    let mut text = format!("create or replace {kind} {name}({})", routine.arguments);
    if let Some(result) = routine.result.as_ref().filter(|_| !procedure) {
        text += &format!("\n  returns {result}");
    }
    text += &format!("\n  language {}", super::super::text::ident(&routine.language));
    if !procedure {
        text += &planning(routine);
    }
    if routine.security_definer {
        text += " security definer";
    }
    for (name, value) in &routine.settings {
        text += &format!("\n  set {} to {}", setting_name(name), setting(name, value));
    }
    Ok(text + "\n" + &body(routine))
}

fn planning(routine: &Routine) -> String {
    let mut text = format!(" {} parallel {}", routine.volatility, routine.parallel);
    for (is, word) in
        [(routine.window, " window"), (routine.strict, " strict"), (routine.leakproof, " leakproof")]
    {
        if is {
            text += word;
        }
    }
    text += &format!(" cost {}", routine.cost);
    if routine.rows > 0.0 {
        text += &format!(" rows {}", routine.rows);
    }
    if let Some(support) = &routine.support {
        text += &format!(" support {support}");
    }
    text
}

fn body(routine: &Routine) -> String {
    if let Some(library) = &routine.library {
        return format!("as {}, {}", literal(library), literal(&routine.body));
    }
    // Parsed bodies are printed so; as a string neither would be SQL.
    let parsed = routine.language == "sql"
        && (routine.body.starts_with("BEGIN ATOMIC") || routine.body.starts_with("RETURN "));
    if parsed { routine.body.clone() } else { format!("as {}", dollars(&routine.body, "body")) }
}

/// Custom settings have a dot in their name.
fn setting_name(name: &str) -> String {
    name.split('.').map(super::super::text::ident).collect::<Vec<_>>().join(".")
}

/// Settings that hold a list of names are kept as written, quotes and all.
/// Source: `GUC_LIST_QUOTE` in Postgres' `guc_tables.c`.
fn setting(name: &str, value: &str) -> String {
    const LISTS: &[&str] = &[
        "local_preload_libraries",
        "search_path",
        "session_preload_libraries",
        "shared_preload_libraries",
        "temp_tablespaces",
        "unix_socket_directories",
    ];
    if !LISTS.contains(&name) {
        return literal(value);
    }
    let unquoted = |item: &str| {
        let item = item.trim();
        match item.strip_prefix('"').and_then(|item| item.strip_suffix('"')) {
            Some(inner) => inner.replace("\"\"", "\""),
            None => item.to_owned(),
        }
    };
    let mut items = Vec::new();
    let mut quoted = false;
    let mut start = 0;
    for (at, c) in value.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => {
                items.push(literal(&unquoted(&value[start..at])));
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(literal(&unquoted(&value[start..])));
    items.join(", ")
}

/// Whether `create or replace` can take the live routine to the expected one.
pub(super) fn replaceable(id: &ObjectId, should: &Routine, is: &Routine) -> bool {
    id.kind != ObjectKind::Aggregate
        && should.result == is.result
        && should.arguments == is.arguments
        && should.window == is.window
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_names_are_taken_apart() {
        assert_eq!(setting("search_path", "app, \"Odd, one\", public"), "'app', 'Odd, one', 'public'");
        assert_eq!(setting("search_path", "\"\""), "''");
        assert_eq!(setting("work_mem", "4MB"), "'4MB'");
    }
}
