//! A table or column dropped and made again in one file: a loss that looks like a change.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Event, Report, Rule, same_column};
use crate::sql::table::TableChange;
use crate::sql::{Action, Effect, ObjectKind};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const CARD: Card = Card {
    id: "drop-recreate",
    title: "Something is dropped and made again, empty",
    why: "what stands afterwards has the old name and none of the old values; to a reader it looks like a change",
    safe_form: "change it in place with ALTER TABLE, or make the new one beside it, copy, and rename",
    loss: true,
    lock: Some("AccessExclusive"),
    rewrite: Some(false),
    scan: Some(false),
    supersedes: &["drop-table", "drop-column"],
    bad: Some(Example::on(
        "create table notes (id integer primary key, body text);\n",
        "drop table notes;\ncreate table notes (id integer primary key, body text not null);\n",
    )),
    good: Some(Example::on(
        "create table notes (id integer primary key, body text);\n",
        "alter table notes rename to notes_old;\n",
    )),
    ..Card::BLANK
};

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    if !effect.within.runs_now() {
        return;
    }
    match &effect.action {
        Action::Drop { kind: ObjectKind::Table, names, .. } => {
            for name in names {
                let comes_back = |event: &Event<'_>| matches!(event, Event::Created);
                let rebuilt = cx.outline.rebuild_dropping(cx.dialect(), cx.at, name).is_some();
                if !rebuilt && cx.outline.next(cx.dialect(), name, cx.at, comes_back).is_some() {
                    let message = format!("drops the table {name} and makes it again, without its rows");
                    report.at(effect.span, message).losing(cx.world.table_holds(name));
                }
            }
        }
        Action::AlterTable { table, change: TableChange::DropColumn { name, .. }, .. } => {
            let comes_back = |event: &Event<'_>| matches!(event, Event::ColumnAdded(column) if same_column(&column.name, name, cx.dialect()));
            if cx.outline.next(cx.dialect(), table, cx.at, comes_back).is_some() {
                let message =
                    format!("drops the column {name} of {table} and adds it again, without its values");
                report.at(effect.span, message).losing(cx.world.column_holds(table, name));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{Set, assert_silent, postgres, sqlite};

    #[test]
    fn a_table_that_comes_back_empty_is_an_error_once() {
        for sql in [
            "drop table notes; create table notes (id int)",
            "drop table if exists notes cascade; select 1; create table if not exists notes (id int)",
            "drop table notes; create table notes as select 1 as id",
        ] {
            assert_eq!(postgres(sql).losses(), ["error drop-recreate"], "{sql}");
        }
        assert_eq!(
            sqlite("DROP TABLE IF EXISTS Notes; CREATE TABLE notes (id)").lines("drop-recreate"),
            ["error drops the table Notes and makes it again, without its rows"]
        );
    }

    #[test]
    fn a_column_that_comes_back_empty_is_an_error_once() {
        for sql in [
            "alter table notes drop column a, add column a bigint",
            "alter table notes drop column a; alter table notes add column a bigint",
        ] {
            assert_eq!(postgres(sql).losses(), ["error drop-recreate"], "{sql}");
        }
    }

    #[test]
    fn what_keeps_its_rows_or_does_not_come_back_is_not() {
        for sql in [
            "drop table notes",
            "drop table notes; create table drafts (id int)",
            "create table notes (id int); drop table notes; create table notes (id int)",
            "drop view notes; create table notes (id int)",
            "alter table notes drop column a, add column b int",
            "drop index notes_a; create index notes_a on notes (a)",
        ] {
            assert_silent("drop-recreate", &postgres(sql));
        }
        assert_silent(
            "drop-recreate",
            &sqlite(
                "CREATE TEMP TABLE keep (a); INSERT INTO keep SELECT a FROM t; DROP TABLE t;
             CREATE TABLE t (a NOT NULL); INSERT INTO t SELECT a FROM keep; DROP TABLE keep;",
            ),
        );
        let fresh = Set::sqlite().empty_database().file("DROP TABLE IF EXISTS t; CREATE TABLE t (a)").judge();
        assert!(fresh.losses().is_empty(), "{}", fresh.text());
    }
}
