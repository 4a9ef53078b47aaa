//! `delete` and `update` of every row.

use crate::card::{Card, Example};
use crate::finding::Severity;
use crate::judge::{Check, Context, Holds, Origin, Report, Rule, Weight};
use crate::sql::{Action, Effect, ObjectName, Update, Within};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const CARD: Card = Card {
    id: "dml-without-where",
    title: "Every row of a table is deleted or overwritten",
    why: "all rows are lost or overwritten at once, locked until commit, and left behind as bloat",
    safe_form: "say which rows with WHERE, and change many of them in batches by primary key",
    loss: true,
    lock: Some("RowExclusive"),
    rewrite: Some(false),
    scan: Some(true),
    bad: Some(Example::sql("update accounts set balance = 0;\n")),
    good: Some(Example::sql("update accounts set balance = 0 where closed_at < '2020-01-01';\n")),
    ..Card::BLANK
};

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let (table, message) = match &effect.action {
        Action::Delete { table, filter, .. } if filter.is_all() => {
            (table, format!("deletes every row of {table}"))
        }
        Action::Update(update) if update.filter.is_all() => {
            (&update.table, format!("overwrites {} in every row of {}", assigned(update), update.table))
        }
        _ => return,
    };
    if made_here(cx, table) {
        return;
    }
    let weight = cx.weight(table);
    let draft = report.at(effect.span, message);
    match effect.within {
        Within::Statement | Within::Cte | Within::DoBlock | Within::DynamicSql => {}
        Within::FunctionBody | Within::TriggerBody => {
            draft.severity(Severity::Warning).why("whoever calls or fires it changes every row");
        }
    }
    // Where only columns of this run are filled, nothing is lost; the size remains.
    let fills_new = matches!(&effect.action, Action::Update(update) if only_new_columns(cx, update));
    if fills_new && weight == Weight::Small {
        draft.severity(Severity::Note);
    }
}

fn assigned(update: &Update) -> String {
    let names: Vec<&str> = update.assignments.iter().map(|(name, _)| name.as_str()).collect();
    if names.is_empty() { "columns".to_owned() } else { names.join(", ") }
}

/// Temporary, made by this set, or made by the same body.
fn made_here(cx: &Context<'_>, name: &ObjectName) -> bool {
    let by_this_body = cx.earlier_effects().iter().any(|e| match &e.action {
        Action::CreateTable(create) => create.name.as_ref().is_some_and(|n| n.same_as(name, cx.dialect())),
        Action::CreateTableAs { name: made, .. } => made.same_as(name, cx.dialect()),
        _ => false,
    });
    let holds = cx.world.table_holds(name);
    by_this_body || matches!(holds, Holds::Nothing | Holds::OursIfProven(_))
}

fn only_new_columns(cx: &Context<'_>, update: &Update) -> bool {
    let Some(table) = cx.world.table(&update.table) else { return false };
    let is_new =
        |name: &str| table.column(name, cx.dialect()).is_some_and(|c| matches!(c.origin, Origin::New(_)));
    !update.assignments.is_empty() && update.assignments.iter().all(|(name, _)| is_new(name))
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{Set, assert_silent, postgres, sqlite};

    #[test]
    fn every_row_is_every_row_however_it_is_said() {
        for (sql, message) in [
            ("delete from notes", "deletes every row of notes"),
            ("delete from only app.notes where true", "deletes every row of app.notes"),
            ("update notes set a = 1, b = 2 where 1 = 1", "overwrites a, b in every row of notes"),
            ("with gone as (delete from notes returning *) select * from gone", "deletes every row of notes"),
            ("do $$ begin update notes set a = 1; end $$", "overwrites a in every row of notes"),
            ("update notes set a = s.a from staging s", "overwrites a in every row of notes"),
        ] {
            assert_eq!(postgres(sql).lines("dml-without-where"), [format!("error {message}")], "{sql}");
        }
        for sql in [
            "DELETE FROM notes",
            "UPDATE notes SET a = 1",
            "DELETE FROM notes WHERE 1",
            "UPDATE notes SET a=1 WHERE 1=1",
        ] {
            assert_eq!(sqlite(sql).losses(), ["error dml-without-where"], "{sql}");
        }
    }

    #[test]
    fn in_a_body_that_only_runs_later_it_is_a_warning() {
        let function = "create function reset() returns void language sql as $$ delete from notes $$";
        assert_eq!(postgres(function).losses(), ["warning dml-without-where"]);
        let trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM notes; END";
        assert_eq!(sqlite(trigger).losses(), ["warning dml-without-where"]);
    }

    #[test]
    fn a_condition_or_a_table_of_this_run_is_not_reported() {
        for sql in [
            "delete from notes where id = 1",
            "update notes set a = 1 where b is null",
            "create table n (a int); update n set a = 1; delete from n",
            "create temp table n (a int); delete from n",
            "create table n as select 1 as a; alter table n rename to m; update m set a = 2",
            "select 'delete from notes'",
            "create function f() returns void language plpgsql as $$ begin
               create temp table work (a int); delete from work; end $$",
        ] {
            assert_silent("dml-without-where", &postgres(sql));
        }
        let two = Set::postgres().file("create table n (a int)").file("delete from n").judge();
        assert_silent("dml-without-where", &two);
    }

    #[test]
    fn filling_a_column_of_this_run_costs_only_what_the_table_weighs() {
        let fill = "alter table notes add column a int; update notes set a = 1";
        assert_eq!(postgres(fill).lines("dml-without-where").len(), 1);
        let small = Set::postgres().table_of("notes", Some(12)).file(fill).judge();
        assert_eq!(small.losses(), ["note dml-without-where"]);
        let old_column = Set::postgres().table_of("notes", Some(12)).file("update notes set a = 1").judge();
        assert_eq!(old_column.losses(), ["error dml-without-where"]);
    }
}
