//! Our reading of SQLite's SQL beside SQLite itself: what it accepts must parse.

use cofferdam_analysis::sql::{Dialect, Script};
use rusqlite::Connection;

use crate::corpus;

/// What SQLite's errors about a statement's form contain.
const OF_FORM: &[&str] = &[
    "syntax error",
    "unrecognized token",
    "incomplete input",
    "parser stack overflow",
    "duplicate column name",
    "unknown join type",
    "unknown table option",
];

/// What SQLite says against the form of `sql`. Tables that it misses are made, because
/// it stops at the first of them, and the error of form may stand behind that.
pub(crate) fn refused_by_grammar(sql: &str) -> Option<String> {
    let db = Connection::open_in_memory().expect("memory database");
    loop {
        let message = match db.prepare(sql) {
            Ok(_) => return None,
            Err(error) => error.to_string(),
        };
        if OF_FORM.iter().any(|f| message.contains(f)) {
            return Some(message);
        }
        let missing = message.strip_prefix("no such table: ").and_then(|m| m.split(" in ").next())?;
        let name = missing.rsplit('.').next()?.replace('"', "\"\"");
        db.execute_batch(&format!("create table \"{name}\" (only_here)")).ok()?;
    }
}

/// Statements of `sql` over which we and SQLite disagree.
fn disagreements(sql: &str) -> Vec<String> {
    let script = Script::parse(Dialect::Sqlite, "test.sql", sql);
    let one = |s: &cofferdam_analysis::sql::Statement| {
        let text = script.sql(s);
        let (theirs, ours) = (refused_by_grammar(text), s.damage.as_ref().map(|d| d.message.clone()));
        let understood = !ours.as_ref().is_some_and(|m| m.starts_with("cannot be understood"));
        (theirs.is_some() != ours.is_some() || !understood)
            .then(|| format!("{text}\n  sqlite: {theirs:?}\n  ours: {ours:?}"))
    };
    script.statements.iter().filter_map(one).collect()
}

#[test]
fn every_statement_of_the_corpus_that_sqlite_accepts_parses() {
    let Some(directory) = corpus::directory() else { return };
    let mut wrong = Vec::new();
    let mut statements = 0;
    for (name, text) in corpus::sql_files(&directory) {
        statements += Script::parse(Dialect::Sqlite, &name, &text).statements.len();
        wrong.extend(disagreements(&text).into_iter().map(|w| format!("{name}: {w}")));
    }
    assert!(wrong.is_empty(), "{} of {statements}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn odd_forms_are_judged_as_sqlite_judges_them() {
    let wrong: Vec<String> =
        include_str!("sqlite_forms.sql").split("\n---\n").flat_map(disagreements).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
