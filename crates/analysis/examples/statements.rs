//! Prints how files of Postgres SQL are cut into statements, a JSON line for each file:
//! for comparing the reader with another parser (see `bench/oracle-libpg-query`).
//!
//! `cargo run -p cofferdam-analysis --example statements -- FILE..`
#![expect(clippy::disallowed_macros, reason = "a program of its own: printing is all it does")]

use cofferdam_analysis::sql::{Dialect, Script};

fn main() -> std::io::Result<()> {
    for file in std::env::args().skip(1) {
        let text = String::from_utf8_lossy(&std::fs::read(&file)?).into_owned();
        let script = Script::parse(Dialect::Postgres, &file, &text);
        let statements = script.statements.iter().map(|statement| {
            serde_json::json!({
                "line": script.place(statement.span).line,
                "sql": script.sql(statement),
                "damage": statement.damage.as_ref().map(|damage| &damage.message),
            })
        });
        let statements: Vec<_> = statements.collect();
        println!(
            "{}",
            serde_json::json!({ "file": file, "psql_lines": script.meta.len(), "statements": statements })
        );
    }
    Ok(())
}
