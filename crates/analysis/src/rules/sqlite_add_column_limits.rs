//! `alter table .. add column` with what SQLite cannot add.

use crate::card::{Card, Example};
use crate::finding::Severity;
use crate::judge::{Check, Context, Holds, Report, Rule, ident, object};
use crate::sql::expr::Literal;
use crate::sql::table::{Column, Generated, TableChange};
use crate::sql::{Action, Dialect, Effect, ObjectName};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const CARD: Card = Card {
    id: "sqlite-add-column-limits",
    title: "A column that sqlite cannot add",
    why: "sqlite adds a column without touching the rows, so it refuses a column that needs a value for each \
          of them; some forms fail only once the table has rows, that is in production",
    safe_form: "add the column nullable and fill it, or rebuild the table",
    dialects: &[Dialect::Sqlite],
    fixable: true,
    bad: Some(Example::on(
        "create table notes (id integer primary key, body text);\n",
        "alter table notes add column created_at text not null default current_timestamp;\n",
    )),
    good: Some(Example::on(
        "create table notes (id integer primary key, body text);\n",
        "alter table notes add column created_at text not null default '';\n",
    )),
    ..Card::BLANK
};

/// Why SQLite refuses the column.
struct Refusal {
    /// Follows "adds notes.created_at".
    what: &'static str,
    /// An empty table takes it.
    only_with_rows: bool,
    /// What can stand in its place.
    fix: Option<Vec<String>>,
}

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let Action::AlterTable { table, change: TableChange::AddColumn { column, .. }, .. } = &effect.action
    else {
        return;
    };
    let Some(refusal) = refusal(cx, table, column) else { return };
    let mut severity = CARD.severity;
    if refusal.only_with_rows {
        match cx.world.table_holds(table) {
            Holds::Nothing => return,
            Holds::OursIfProven(_) => severity = Severity::Note,
            Holds::Somebody => {}
        }
    }
    let when = if refusal.only_with_rows { ", which fails when the table has rows" } else { ", which fails" };
    let draft = report.at(effect.span, format!("adds {table}.{} {}{when}", column.name, refusal.what));
    draft.severity(severity);
    if let Some(fix) = refusal.fix {
        draft.rewrite_as(fix);
    }
}

fn refusal(cx: &Context<'_>, table: &ObjectName, column: &Column) -> Option<Refusal> {
    let always = |what, fix| Some(Refusal { what, only_with_rows: false, fix });
    let with_rows = |what, fix| Some(Refusal { what, only_with_rows: true, fix });
    let name = ident(&column.name);
    if column.primary_key {
        return always("as PRIMARY KEY", None);
    }
    if column.unique {
        let index = ident(&format!("{}_{}_key", table.name, column.name));
        let schema = table.schema.as_ref().map(|s| format!("{}.", ident(s))).unwrap_or_default();
        let unique = format!("create unique index {schema}{index} on {} ({name})", ident(&table.name));
        let fix = plain(cx, table, column).filter(|_| column.default.is_none() && !column.not_null);
        return always("as UNIQUE", fix.map(|add| vec![add, unique]));
    }
    if column.generated == Some(Generated::Stored) {
        return with_rows("as a STORED column", None);
    }
    let Some(default) = &column.default else {
        let missing = column.not_null && column.generated.is_none();
        return if missing {
            with_rows("NOT NULL without a default", plain(cx, table, column).map(|add| vec![add]))
        } else {
            None
        };
    };
    match &default.literal {
        Some(Literal::Null) if column.not_null => {
            with_rows("NOT NULL with the default NULL", plain(cx, table, column).map(|add| vec![add]))
        }
        Some(Literal::Null) => None,
        // SQLite folds a cast of a constant, and nothing else.
        None if default.calls.is_empty() && !default.casts.is_empty() => None,
        Some(Literal::Time) | None => {
            let fill = format!(
                "update {} set {name} = {} where {name} is null",
                object(table),
                cx.text(default.span)
            );
            with_rows(
                "with a default that is no constant",
                plain(cx, table, column).map(|add| vec![add, fill]),
            )
        }
        Some(_) if column.references.is_some() && cx.world.session.enforces_foreign_keys() => {
            with_rows("as a foreign key with a default", None)
        }
        Some(_) => None,
    }
}

/// The column without its constraints; `None` where they say more than can be left out.
fn plain(cx: &Context<'_>, table: &ObjectName, column: &Column) -> Option<String> {
    if !column.checks.is_empty() || column.references.is_some() || column.generated.is_some() {
        return None;
    }
    let ty = column.ty.as_ref().map(|ty| format!(" {}", cx.text(ty.span))).unwrap_or_default();
    let collation = column.collation.as_ref().map(|c| format!(" collate {}", ident(c))).unwrap_or_default();
    Some(format!("alter table {} add column {}{ty}{collation}", object(table), ident(&column.name)))
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{Set, sqlite};

    const ID: &str = "sqlite-add-column-limits";

    fn added(column: &str) -> Vec<String> {
        sqlite(&format!("alter table t add column {column}")).lines(ID)
    }

    #[test]
    fn what_sqlite_refuses_is_found() {
        for (column, what) in [
            ("c int primary key", "as PRIMARY KEY, which fails"),
            ("c text unique", "as UNIQUE, which fails"),
            ("c int not null", "NOT NULL without a default, which fails when the table has rows"),
            (
                "c int not null default null",
                "NOT NULL with the default NULL, which fails when the table has rows",
            ),
            (
                "c default current_timestamp",
                "with a default that is no constant, which fails when the table has rows",
            ),
            (
                "c default (date('now'))",
                "with a default that is no constant, which fails when the table has rows",
            ),
            ("c default (1 + 2)", "with a default that is no constant, which fails when the table has rows"),
            (
                "c int references p default 1",
                "as a foreign key with a default, which fails when the table has rows",
            ),
            ("c as (a + 1) stored", "as a STORED column, which fails when the table has rows"),
        ] {
            assert_eq!(added(column), [format!("error adds t.c {what}")], "{column}");
        }
    }

    #[test]
    fn what_sqlite_takes_is_silent() {
        for column in [
            "c",
            "c int",
            "c int not null default 0",
            "c text default ''",
            "c default null",
            "c default (-1)",
            "c default true",
            "c default (cast(1 as text))",
            "c int references p",
            "c as (a + 1)",
            "c as (a) virtual",
            "c int references p default null",
            "c as (a) not null",
            "c text default 'current_timestamp'",
        ] {
            assert_eq!(added(column), [""; 0], "{column}");
        }
        let off = "pragma foreign_keys = off; alter table t add column c int references p default 1";
        assert!(sqlite(off).lines(ID).is_empty());
    }

    #[test]
    fn a_table_that_may_be_empty_takes_what_needs_no_rows() {
        let new = |column: &str| {
            let make = Set::sqlite().file("create table t (a int)");
            make.file(&format!("alter table t add column {column}")).judge().lines(ID)
        };
        assert_eq!(
            new("c int not null"),
            ["note adds t.c NOT NULL without a default, which fails when the table has rows"]
        );
        assert_eq!(new("c int unique"), ["error adds t.c as UNIQUE, which fails"]);
        assert!(sqlite("create table t (a); alter table t add column c not null").lines(ID).is_empty());
    }

    #[test]
    fn fixes_keep_type_and_collation() {
        let fix = |column: &str| {
            let judged = sqlite(&format!("alter table main.\"T x\" add column {column}"));
            judged.findings.iter().find(|f| f.rule == ID).and_then(|f| f.fix.clone()).map(|f| f.sql)
        };
        assert_eq!(
            fix("c varchar(10) collate nocase not null"),
            Some(vec!["alter table main.\"T x\" add column c varchar(10) collate nocase".to_owned()])
        );
        assert_eq!(
            fix("at text not null default (datetime('now'))"),
            Some(vec![
                "alter table main.\"T x\" add column at text".to_owned(),
                "update main.\"T x\" set at = (datetime('now')) where at is null".to_owned(),
            ])
        );
        assert_eq!(
            fix("c int unique").map(|f| f[1].clone()),
            Some("create unique index main.\"T x_c_key\" on \"T x\" (c)".to_owned())
        );
        assert_eq!(fix("c int primary key"), None);
        assert_eq!(fix("c int not null check (c > 0)"), None);
    }
}
