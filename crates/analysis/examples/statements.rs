//! Prints how the reader cuts files of Postgres SQL, as JSON lines: for comparing it with
//! another parser (see `bench/oracle-libpg-query`).
//!
//! `cargo run -p cofferdam-analysis --example statements -- FILE..`

use cofferdam_analysis::sql::{Dialect, Script};

fn main() -> std::io::Result<()> {
    for file in std::env::args().skip(1) {
        let text = String::from_utf8_lossy(&std::fs::read(&file)?).into_owned();
        let script = Script::parse(Dialect::Postgres, &file, &text);
        let statements = script.statements.iter().map(|statement| {
            serde_json::json!({
                "start": statement.span.start,
                "end": statement.span.end,
                "sql": script.sql(statement),
                "damage": statement.damage.as_ref().map(|damage| &damage.message),
            })
        });
        let statements: Vec<_> = statements.collect();
        #[expect(clippy::disallowed_macros, reason = "an example is a program")]
        println!(
            "{}",
            serde_json::json!({ "file": file, "meta": script.meta.len(), "statements": statements })
        );
    }
    Ok(())
}
