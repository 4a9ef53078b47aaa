//! SQLite's `update or ignore` and `update or replace`.

use crate::card::{Card, Example};
use crate::finding::Severity;
use crate::judge::{Check, Context, Report, Rule};
use crate::place::Span;
use crate::sql::{Action, Dialect, Effect, OnConflict};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const CARD: Card = Card {
    id: "update-or-ignore",
    title: "An update skips or deletes rows in conflict",
    why: "a row in conflict keeps its old value, or deletes the row it meets, and the statement succeeds",
    safe_form: "update without a conflict clause, which fails and changes nothing, and settle the conflicts before",
    dialects: &[Dialect::Sqlite],
    loss: true,
    fixable: true,
    bad: Some(Example::sql("update or ignore users set email = lower(email) where email <> lower(email);\n")),
    good: Some(Example::sql("update users set email = lower(email) where email <> lower(email);\n")),
    ..Card::BLANK
};

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let Action::Update(update) = &effect.action else { return };
    let happens = match update.on_conflict {
        OnConflict::Ignore => "leaves each row that meets an equal key as it was",
        OnConflict::Replace => "deletes each row that an updated one meets",
        OnConflict::Fail | OnConflict::Update | OnConflict::FailOtherwise => return,
    };
    let draft = report.at(effect.span, format!("updates {} and {happens}, without a word", update.table));
    draft.losing(cx.world.table_holds(&update.table));
    if !effect.within.runs_now() {
        draft.severity(Severity::Warning);
    }
    // The whole statement is replaced, so the clause must stand in it and not in a body.
    let clause = update.on_conflict_span.filter(|s| effect.span.contains(*s) && effect.within.runs_now());
    if let Some(clause) = clause {
        let before = cx.text(Span::new(effect.span.start, clause.start));
        let behind = cx.text(Span::new(clause.end, effect.span.end));
        draft.rewrite(format!("{before}{behind}"));
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{Set, assert_silent, sqlite};

    #[test]
    fn both_clauses_are_errors_and_their_fix_takes_them_out() {
        for (sql, message, fix) in [
            (
                "UPDATE OR IGNORE users SET a = 1 WHERE b = 2",
                "error updates users and leaves each row that meets an equal key as it was, without a word",
                "UPDATE users SET a = 1 WHERE b = 2",
            ),
            (
                "update or replace users set a = 1 where b = 2",
                "error updates users and deletes each row that an updated one meets, without a word",
                "update users set a = 1 where b = 2",
            ),
        ] {
            let judged = sqlite(sql);
            assert_eq!(judged.lines("update-or-ignore"), [message]);
            assert_eq!(judged.findings[0].fix.as_ref().map(|f| f.sql[0].as_str()), Some(fix));
        }
        let with_all = sqlite("UPDATE OR IGNORE users SET a = 1");
        assert_eq!(with_all.losses(), ["error dml-without-where", "error update-or-ignore"]);
        let in_trigger =
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE OR IGNORE b SET c = 1 WHERE d = 2; END";
        assert_eq!(sqlite(in_trigger).losses(), ["warning update-or-ignore"]);
    }

    #[test]
    fn clauses_that_fail_and_rows_of_this_run_are_not_reported() {
        for sql in [
            "UPDATE users SET a = 1 WHERE b = 2",
            "UPDATE OR ABORT users SET a = 1 WHERE b = 2",
            "UPDATE OR ROLLBACK users SET a = 1 WHERE b = 2",
            "CREATE TABLE users (a UNIQUE); UPDATE OR IGNORE users SET a = 1 WHERE a = 2",
            "SELECT 'update or ignore'",
        ] {
            assert_silent("update-or-ignore", &sqlite(sql));
        }
        let earlier =
            Set::sqlite().file("CREATE TABLE u (a)").file("UPDATE OR IGNORE u SET a = 1 WHERE a = 2").judge();
        assert_eq!(earlier.losses(), ["note update-or-ignore"]);
    }
}
