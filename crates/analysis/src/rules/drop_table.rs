//! `drop table`: the rows are gone.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Holds, Report, Rule, listed};
use crate::sql::{Action, Dialect, Effect, ObjectKind, ObjectName};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const CARD: Card = Card {
    id: "drop-table",
    title: "A table is dropped with its rows",
    why: "every row is lost, and the tables it references are locked as long as the transaction lasts",
    safe_form: "rename the table out of the way, and drop it in a later migration once a backup holds it",
    loss: true,
    lock: Some("AccessExclusive"),
    rewrite: Some(false),
    scan: Some(false),
    bad: Some(Example::on(
        "create table drafts (id bigint primary key, body text);\n",
        "drop table drafts;\n",
    )),
    good: Some(Example::on(
        "create table drafts (id bigint primary key, body text);\n",
        "alter table drafts rename to drafts_until_2026;\n",
    )),
    ..Card::BLANK
};

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let Action::Drop { kind: ObjectKind::Table, names, cascade, .. } = &effect.action else { return };
    if !effect.within.runs_now() {
        return;
    }
    // In Postgres others write between the copy and the drop, and what hangs on the table goes with it.
    let rebuild = |name: &ObjectName| {
        cx.outline.rebuild_dropping(cx.dialect(), cx.at, name).filter(|_| cx.dialect() == Dialect::Sqlite)
    };
    let lost = names.iter().filter(|name| !rebuild(name).is_some_and(|r| r.copies_every_row()));
    let (theirs, ours): (Vec<&ObjectName>, Vec<&ObjectName>) =
        lost.partition(|name| cx.world.table_holds(name) == Holds::Somebody);
    let named = if theirs.is_empty() { ours } else { theirs };
    let [first, ..] = named[..] else { return };
    let list = listed(&named);
    let message = match rebuild(first) {
        Some(_) => format!("drops the table {list} although the copy of its rows leaves some out"),
        None if named.len() == 1 => format!("drops the table {list} and every row in it"),
        None => format!("drops the tables {list} and every row in them"),
    };
    let draft = report.at(effect.span, message);
    draft.losing(cx.world.tables_hold(named));
    if cx.dialect() == Dialect::Sqlite {
        draft.why("every row is lost");
    } else if *cascade {
        draft.why(format!(
            "{}; cascade also drops the views and foreign keys that use it, unlisted",
            CARD.why
        ));
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{Set, assert_silent, postgres, sqlite};

    const REBUILD: &str = "CREATE TABLE notes_new (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
        INSERT INTO notes_new (id, body) SELECT id, body FROM notes;
        DROP TABLE notes;
        ALTER TABLE notes_new RENAME TO notes;";

    #[test]
    fn a_drop_of_what_stands_is_an_error_in_both_dialects() {
        for (sql, message) in [
            ("drop table notes", "drops the table notes and every row in it"),
            ("drop table if exists app.notes cascade", "drops the table app.notes and every row in it"),
            ("drop table a, b", "drops the tables a, b and every row in them"),
            ("do $$ begin drop table notes; end $$", "drops the table notes and every row in it"),
            ("do $$ begin execute 'drop table notes'; end $$", "drops the table notes and every row in it"),
            ("alter table a rename to b; drop table b", "drops the table b and every row in it"),
            ("create table if not exists a (id int); drop table a", "drops the table a and every row in it"),
        ] {
            assert_eq!(postgres(sql).lines("drop-table"), [format!("error {message}")], "{sql}");
        }
        let drops = sqlite("DROP TABLE Notes").lines("drop-table");
        assert_eq!(drops, ["error drops the table Notes and every row in it"]);
    }

    #[test]
    fn the_finding_says_what_why_and_the_way_out() {
        assert_eq!(
            postgres("-- tidy up\ndrop table if exists notes cascade;").text(),
            "error drop-table 0001.sql:2:1 drops the table notes and every row in it\n  \
             why: every row is lost, and the tables it references are locked as long as the transaction lasts; \
             cascade also drops the views and foreign keys that use it, unlisted\n  \
             help: rename the table out of the way, and drop it in a later migration once a backup holds it; \
             if it is meant: -- cofferdam:allow drop-table REASON\n"
        );
    }

    #[test]
    fn a_rebuild_that_copies_every_row_drops_nothing_of_anybody() {
        assert_silent("drop-table", &sqlite(REBUILD));
        assert_silent(
            "drop-table",
            &sqlite(
                "CREATE TEMP TABLE keep (a, b); INSERT INTO keep SELECT a, b FROM t; DROP TABLE t;
             CREATE TABLE t (a, b); INSERT INTO t SELECT a, b FROM keep; DROP TABLE keep;",
            ),
        );
        assert_silent(
            "drop-table",
            &sqlite(
                "ALTER TABLE t RENAME TO t_old; CREATE TABLE t (a, b);
             INSERT INTO t (a, b) SELECT a, b FROM t_old; DROP TABLE t_old;",
            ),
        );
    }

    #[test]
    fn a_rebuild_that_leaves_rows_out_is_a_drop() {
        let filtered = REBUILD.replace("FROM notes;", "FROM notes WHERE body IS NOT NULL;");
        let message = "error drops the table notes although the copy of its rows leaves some out";
        assert_eq!(sqlite(&filtered).lines("drop-table"), [message]);
        let without_copy =
            REBUILD.replace("INSERT INTO notes_new (id, body) SELECT id, body FROM notes;", "");
        assert_eq!(sqlite(&without_copy).lines("drop-table").len(), 1);
    }

    #[test]
    fn what_looks_like_a_drop_is_none() {
        for sql in [
            "drop index notes_body",
            "drop view notes",
            "alter table notes drop constraint notes_check",
            "select 'drop table notes'",
            "-- drop table notes\nselect 1",
            "create function tidy() returns void language sql as $$ drop table notes $$",
            "create temp table scratch (id int); drop table scratch",
            "create table a (id int); drop table a",
            "create table a as select 1 as id; alter table a rename to b; drop table b",
        ] {
            assert_silent("drop-table", &postgres(sql));
        }
    }

    #[test]
    fn in_a_database_where_it_does_not_stand_nothing_is_lost() {
        assert_silent(
            "drop-table",
            &Set::postgres().empty_database().file("drop table if exists notes").judge(),
        );
        let other = Set::postgres().table_of("notes", Some(3)).file("drop table notes").judge();
        assert_eq!(other.lines("drop-table").len(), 1, "no size lowers a loss");
    }
}
