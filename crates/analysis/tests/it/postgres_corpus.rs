//! Our reading of Postgres SQL on real migrations.
//!
//! What we refuse is what Postgres' own parser refuses, no more and no less: the list is
//! committed, and `bench/oracle-libpg-query` checks it against that parser.

use std::collections::BTreeSet;

use cofferdam_analysis::sql::{Dialect, Script};

use crate::corpus;

/// `file:line: why`, for every statement that Postgres rejects too.
const REJECTED: &str = include_str!("rejected.txt");

#[test]
fn every_statement_of_the_corpus_that_postgres_accepts_parses() {
    let Some(directory) = corpus::directory() else { return };
    let files = corpus::files_of(Dialect::Postgres, &directory);
    // A package that could not be fetched is missing as a whole.
    let is_there = |line: &&str| files.iter().any(|(name, _)| line.split(':').next() == Some(name));
    let expected: BTreeSet<String> = REJECTED
        .lines()
        .filter(is_there)
        .map(|line| line.splitn(3, ':').take(2).collect::<Vec<_>>().join(":"))
        .collect();
    let (mut found, mut said, mut statements) = (BTreeSet::new(), Vec::new(), 0);
    for (name, text) in &files {
        let script = Script::parse(Dialect::Postgres, name, text);
        statements += script.statements.len();
        for statement in &script.statements {
            let Some(damage) = &statement.damage else {
                assert!(!statement.effects.is_empty(), "{name}: nothing read of {}", script.sql(statement));
                continue;
            };
            let place = format!("{name}:{}", script.place(damage.span).line);
            said.push(format!("{place}: {}: {}", damage.message, script.sql(statement)));
            found.insert(place);
        }
    }
    assert!(statements >= files.len() / 2, "{statements} statements in {} files", files.len());
    assert_eq!(found, expected, "refused:\n{}", said.join("\n"));
}
