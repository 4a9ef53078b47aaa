//! A primary key that accepts NULL.

use crate::card::{Card, Example};
use crate::finding::Severity;
use crate::judge::{Check, Context, Report, Rule, same_column};
use crate::place::Span;
use crate::sql::table::{Column, ConstraintKind, CreateTable};
use crate::sql::{Action, Dialect, Effect};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const CARD: Card = Card {
    id: "sqlite-nullable-pk",
    title: "A primary key that accepts NULL",
    severity: Severity::Warning,
    why: "by an old bug that sqlite keeps, a primary key other than INTEGER PRIMARY KEY takes any number of \
          NULLs; and the rowid behind such a table may change at every VACUUM",
    safe_form: "write NOT NULL, or make the table STRICT or WITHOUT ROWID, or use INTEGER PRIMARY KEY",
    dialects: &[Dialect::Sqlite],
    bad: Some(Example::sql("create table tags (name text primary key);\n")),
    good: Some(Example::sql("create table tags (name text not null primary key);\n")),
    ..Card::BLANK
};

fn check(_: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let Action::CreateTable(create) = &effect.action else { return };
    let Some(name) = &create.name else { return };
    if create.temporary || create.without_rowid || create.strict || create.module.is_some() {
        return;
    }
    let Some((columns, place)) = key(create) else { return };
    let integer = |c: &&Column| c.ty.as_ref().is_some_and(|t| t.name == "integer");
    if let [only] = columns.as_slice()
        && integer(only)
    {
        return;
    }
    let nullable: Vec<&str> = columns.iter().filter(|c| !c.not_null).map(|c| c.name.as_str()).collect();
    if nullable.is_empty() {
        return;
    }
    let draft = report.at(place, format!("lets the primary key of {name} be null: {}", nullable.join(", ")));
    if let [only] = columns.as_slice()
        && only.ty.as_ref().is_some_and(|t| t.name.contains("int"))
    {
        draft.help(
            "write INTEGER PRIMARY KEY with just this word: only that is the rowid itself and never null",
        );
    }
}

/// The columns of the primary key, and where it is written.
fn key(create: &CreateTable) -> Option<(Vec<&Column>, Span)> {
    if let Some(column) = create.columns.iter().find(|c| c.primary_key) {
        return Some((vec![column], column.span));
    }
    create.constraints.iter().find_map(|constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey { columns, .. } => {
            let find =
                |name: &String| create.columns.iter().find(|c| same_column(&c.name, name, Dialect::Sqlite));
            Some((columns.iter().filter_map(find).collect(), constraint.span))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::sqlite;

    const ID: &str = "sqlite-nullable-pk";

    #[test]
    fn keys_that_take_null_are_found() {
        for (sql, columns) in [
            ("create table t (a text primary key, b int)", "a"),
            ("create table t (a int primary key)", "a"),
            ("create table t (a bigint primary key)", "a"),
            ("create table t (a primary key)", "a"),
            ("create table t (a text, b text not null, primary key (a, b))", "a"),
            ("create table if not exists t (a integer, b integer, primary key (a, b))", "a, b"),
            ("create table t (a uuid, primary key (\"A\"))", "a"),
        ] {
            let found = sqlite(sql).lines(ID);
            assert_eq!(found, [format!("warning lets the primary key of t be null: {columns}")], "{sql}");
        }
    }

    #[test]
    fn keys_that_cannot_be_null_are_silent() {
        for sql in [
            "create table t (a integer primary key)",
            "create table t (a INTEGER, primary key (a))",
            "create table t (a integer primary key autoincrement)",
            "create table t (a text not null primary key)",
            "create table t (a text primary key) strict",
            "create table t (a text primary key) without rowid",
            "create table t (a text not null, b text not null, primary key (a, b))",
            "create table t (a text unique)",
            "create temp table t (a text primary key)",
            "create virtual table t using fts5(a)",
        ] {
            assert!(sqlite(sql).lines(ID).is_empty(), "{sql}");
        }
    }

    #[test]
    fn almost_integer_is_told_the_word() {
        let judged = sqlite("create table t (id int primary key)");
        assert!(judged.text().contains("write INTEGER PRIMARY KEY"), "{}", judged.text());
    }
}
