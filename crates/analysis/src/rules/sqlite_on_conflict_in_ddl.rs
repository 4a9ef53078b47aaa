//! `on conflict replace` and `ignore` in the definition of a table.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Report, Rule};
use crate::place::Span;
use crate::sql::table::TableChange;
use crate::sql::{Action, Dialect, Effect, ObjectName};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const CARD: Card = Card {
    id: "sqlite-on-conflict-in-ddl",
    title: "A constraint that overwrites or skips rows without an error",
    why: "from then on every plain insert deletes the row that stands, or drops the new one, and nobody is told",
    safe_form: "leave the clause out, so that a conflict is an error, and write ON CONFLICT .. DO UPDATE where it is meant",
    dialects: &[Dialect::Sqlite],
    fixable: true,
    bad: Some(Example::sql(
        "create table settings (name text not null primary key on conflict replace, value text);\n",
    )),
    good: Some(Example::sql("create table settings (name text not null primary key, value text);\n")),
    ..Card::BLANK
};

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    match &effect.action {
        Action::CreateTable(create) if !create.temporary => {
            let Some(table) = &create.name else { return };
            let columns = create.columns.iter().map(|c| &c.on_conflict);
            let clauses = columns.chain(create.constraints.iter().map(|c| &c.on_conflict));
            for (how, span) in clauses.flatten() {
                judge(cx, table, how, *span, report);
            }
        }
        Action::AlterTable { table, change: TableChange::AddColumn { column, .. }, .. } => {
            if let Some((how, span)) = &column.on_conflict {
                judge(cx, table, how, *span, report);
            }
        }
        _ => {}
    }
}

fn judge(cx: &Context<'_>, table: &ObjectName, how: &str, span: Span, report: &mut Report<'_>) {
    let message = match how {
        "replace" => format!("lets every insert into {table} delete the rows it conflicts with"),
        "ignore" => format!("lets every insert into {table} leave out the rows that conflict"),
        _ => return,
    };
    let draft = report.at(span, message);
    if let Some(statement) = cx.statement {
        let before = cx.text(Span::new(statement.span.start, span.start)).trim_end();
        draft.rewrite(format!("{before}{}", cx.text(Span::new(span.end, statement.span.end))));
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::sqlite;

    const ID: &str = "sqlite-on-conflict-in-ddl";
    const DELETES: &str = "error lets every insert into t delete the rows it conflicts with";
    const SKIPS: &str = "error lets every insert into t leave out the rows that conflict";

    #[test]
    fn replace_and_ignore_are_found_wherever_they_stand() {
        for (sql, found) in [
            ("create table t (a text primary key on conflict replace)", DELETES),
            ("create table t (a integer primary key desc on conflict ignore autoincrement)", SKIPS),
            ("create table t (a unique ON CONFLICT Replace)", DELETES),
            ("create table if not exists t (a not null on conflict ignore)", SKIPS),
            ("create table t (a, b, unique (a, b) on conflict replace)", DELETES),
            ("create table t (a, primary key (a) on conflict ignore)", SKIPS),
            ("alter table t add column a text default '' not null on conflict replace", DELETES),
        ] {
            assert_eq!(sqlite(sql).lines(ID), [found], "{sql}");
        }
    }

    #[test]
    fn clauses_that_fail_loudly_and_upserts_are_silent() {
        for sql in [
            "create table t (a text primary key on conflict abort)",
            "create table t (a text unique on conflict fail, b not null on conflict rollback)",
            "create temp table t (a text primary key on conflict replace)",
            "create table t (a references u on delete cascade)",
            "insert into t (a) values (1) on conflict (a) do nothing",
            "create table t (a text default 'on conflict replace')",
            "create trigger r after insert on t begin insert or replace into u values (1); end",
        ] {
            assert!(sqlite(sql).lines(ID).is_empty(), "{sql}");
        }
    }

    #[test]
    fn the_fix_takes_the_clause_out() {
        let judged = sqlite("create table t (a text primary key\n  on conflict replace, b int)");
        let fix = judged.findings.iter().find(|f| f.rule == ID).and_then(|f| f.fix.clone()).expect("a fix");
        assert_eq!(fix.sql, ["create table t (a text primary key, b int)"]);
    }
}
