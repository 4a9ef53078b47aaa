//! A file as what a runner sends, one thing after the other.

use cofferdam_analysis::judge::Transaction;
use cofferdam_analysis::plan;
use cofferdam_analysis::sql::{Dialect, Script};

/// One thing sent.
#[derive(Debug, Clone)]
pub(crate) enum Unit {
    /// By the runner, not the file.
    Begin,
    Commit,
    /// SQLite, before the first step.
    ForeignKeys(bool),
    /// The statement's own text.
    Statement {
        /// From 1, of its first token.
        line: usize,
        sql: String,
        /// Neither inside a transaction nor to be put into one.
        outside: bool,
    },
}

/// What is sent for the file, as the case's runner does.
pub(crate) fn units(dialect: Dialect, transaction: Transaction, name: &str, text: &str) -> Vec<Unit> {
    let script = Script::parse(dialect, name, text);
    let statement = |index: usize| {
        let s = &script.statements[index];
        let outside = plan::outside_of_transaction(s, dialect).is_some();
        Unit::Statement { line: script.place(s.span).line, sql: script.sql(s).to_owned(), outside }
    };
    let all = (0..script.statements.len()).map(statement);
    let planned = match transaction {
        Transaction::Auto => plan::file(&script, "1", false).ok(),
        Transaction::Always => {
            return [Unit::Begin].into_iter().chain(all).chain([Unit::Commit]).collect();
        }
        Transaction::Never => None,
    };
    // A file that `migrate` refuses is run as a shell would, to see what it does.
    let Some(planned) = planned else { return all.collect() };
    let mut units = Vec::new();
    if dialect == Dialect::Sqlite {
        units.push(Unit::ForeignKeys(planned.foreign_keys.unwrap_or(true)));
    }
    for step in &planned.steps {
        let inside = step.transaction();
        units.extend(inside.then_some(Unit::Begin));
        units.extend(step.statements.iter().map(|i| statement(*i)));
        units.extend(inside.then_some(Unit::Commit));
    }
    units
}
