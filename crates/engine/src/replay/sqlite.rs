//! Replay on SQLite: in memory.

use cofferdam_analysis::sql::{Action, Script, Statement};
use cofferdam_analysis::{Error, Result};
use rusqlite::Connection;

use super::postgres::plans;
use super::{Built, Source};
use crate::Stop;
use crate::catalog;
use crate::db::{self, DbResult, SqliteMode, SqliteOptions, SqliteTarget};
use crate::runner::sqlite::{Settings, execute, needs};

/// Runs the files in order in an empty database and reads what they made. It blocks.
///
/// # Errors
/// `Invalid` for a file that opens or writes another one; `Conflict` with the place for a
/// failing statement; `Refused` for a file that `migrate` would not plan either; `Interrupted`.
pub fn sqlite(sources: &[Source], stop: &Stop) -> Result<Built> {
    let plans = plans(sources)?;
    sources.iter().try_for_each(|source| refuse_files(&source.script))?;
    let db = db::open_sqlite(&SqliteTarget::memory(), SqliteOptions::new(SqliteMode::Create))?;
    let settings = Settings::of(&db)?;
    for (source, plan) in sources.iter().zip(&plans) {
        let script = &source.script;
        settings.restore(&db, needs(script, plan).foreign_keys)?;
        for step in &plan.steps {
            if step.transaction() {
                db.execute_batch("begin immediate").db()?;
            }
            for index in &step.statements {
                stop.check()?;
                execute(&db, script, &script.statements[*index])
                    .map_err(|error| error.while_("in the scratch database"))?;
            }
            if step.transaction() {
                commit(&db, script)?;
            }
        }
    }
    Ok(Built { catalog: catalog::sqlite::read(&db)?, notes: Vec::new() })
}

fn commit(db: &Connection, script: &Script) -> Result<()> {
    db.execute_batch("commit").map_err(|error| {
        crate::db::sqlite_error(error)
            .while_(format!("in the scratch database: the commit of {} failed", script.file))
    })
}

/// A replay must not open the files that a migration names.
fn refuse_files(script: &Script) -> Result<()> {
    let opens = |statement: &&Statement| {
        let attaches =
            statement.actions().any(|action| matches!(action, Action::Attach { attach: true, .. }));
        let writes = statement.verb.starts_with("vacuum")
            && script.sql(statement).split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("into"));
        attaches || writes
    };
    match script.statements.iter().find(opens) {
        None => Ok(()),
        Some(statement) => Err(Error::invalid(format!(
            "it runs {}, which would touch a file outside of the scratch database",
            statement.verb.to_uppercase()
        ))
        .at(script.place(statement.span), Some(script.text.clone()))
        .hint("what the file needs from elsewhere cannot be built again in a scratch database")),
    }
}
