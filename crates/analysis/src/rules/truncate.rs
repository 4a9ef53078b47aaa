//! `truncate`: all rows of a table, and with `cascade` of tables that nobody named.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Holds, Report, Rule, listed};
use crate::sql::{Action, Dialect, Effect, ObjectName};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const CARD: Card = Card {
    id: "truncate",
    title: "All rows of a table are thrown away",
    why: "every row is lost without a trace in triggers or in a WHERE, and readers wait until it commits",
    safe_form: "delete the rows that are meant with DELETE ... WHERE, in chunks",
    dialects: &[Dialect::Postgres],
    loss: true,
    lock: Some("AccessExclusive"),
    rewrite: Some(true),
    scan: Some(false),
    bad: Some(Example::sql("truncate sessions;\n")),
    good: Some(Example::sql("delete from sessions where expires_at < now() - interval '30 days';\n")),
    ..Card::BLANK
};

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let Action::Truncate { tables, cascade } = &effect.action else { return };
    if !effect.within.runs_now() {
        return;
    }
    let mut hit: Vec<&ObjectName> = tables.iter().collect();
    if *cascade {
        spread(cx, &mut hit);
    }
    let (theirs, ours): (Vec<&ObjectName>, Vec<&ObjectName>) =
        hit.iter().partition(|name| cx.world.table_holds(name) == Holds::Somebody);
    let named = if theirs.is_empty() { ours } else { theirs };
    if named.is_empty() {
        return;
    }
    let mut message = format!("throws away every row of {}", listed(&named));
    if *cascade {
        message.push_str(" and of every table with a foreign key to it");
    }
    report.at(effect.span, message).losing(cx.world.tables_hold(named));
}

/// Adds the known tables that reference those in `hit`, and those that reference them.
fn spread<'w>(cx: &Context<'w>, hit: &mut Vec<&'w ObjectName>) {
    let mut next = 0;
    while let Some(name) = hit.get(next).copied() {
        for table in cx.world.referencing(name) {
            if !hit.iter().any(|h| h.same_as(&table.name, Dialect::Postgres)) {
                hit.push(&table.name);
            }
        }
        next += 1;
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{Set, assert_silent, postgres};

    #[test]
    fn a_truncate_of_what_stands_is_an_error() {
        for (sql, message) in [
            ("truncate notes", "throws away every row of notes"),
            ("truncate table only a, app.b restart identity", "throws away every row of a, app.b"),
            (
                "truncate notes cascade",
                "throws away every row of notes and of every table with a foreign key to it",
            ),
            ("do $$ begin truncate notes; end $$", "throws away every row of notes"),
        ] {
            assert_eq!(postgres(sql).lines("truncate"), [format!("error {message}")], "{sql}");
        }
    }

    #[test]
    fn cascade_reaches_tables_that_are_not_ours() {
        let set = Set::postgres().schema("create table tags (id int)").file(
            "create table notes (id int primary key); alter table tags add column note int references notes;
                   truncate notes cascade;",
        );
        assert_eq!(
            set.judge().lines("truncate"),
            ["error throws away every row of tags and of every table with a foreign key to it"]
        );
    }

    #[test]
    fn what_this_run_made_and_what_only_runs_later_is_not() {
        for sql in [
            "create table notes (id int); truncate notes",
            "create temp table t (id int); truncate t",
            "create function tidy() returns void language sql as 'truncate notes'",
            "delete from notes where id = 1",
            "grant truncate on notes to app",
        ] {
            assert_silent("truncate", &postgres(sql));
        }
        let two = Set::postgres().file("create table notes (id int)").file("truncate notes").judge();
        assert_eq!(two.losses(), ["note truncate"]);
        assert!(two.findings[0].proof.is_some());
    }
}
