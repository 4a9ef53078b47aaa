//! `drop table`: the rows are gone.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Holds, Report, Rule};
use crate::sql::{Action, Effect, ObjectKind, ObjectName};

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
    let rebuild = cx.outline.rebuild_dropping(cx.at);
    if rebuild.is_some_and(|r| r.copies_every_row()) {
        return;
    }
    let (theirs, ours): (Vec<&ObjectName>, Vec<&ObjectName>) =
        names.iter().partition(|name| cx.world.table_holds(name) == Holds::Somebody);
    let named = if theirs.is_empty() { &ours } else { &theirs };
    let list: Vec<String> = named.iter().map(ToString::to_string).collect();
    let list = list.join(", ");
    let message = match rebuild {
        Some(rebuild) => format!("drops {list} although the copy into {} leaves rows out", rebuild.aside),
        None if named.len() == 1 => format!("drops the table {list} and every row in it"),
        None => format!("drops the tables {list} and every row in them"),
    };
    let draft = report.at(effect.span, message);
    draft.losing(cx.world.tables_hold(named.iter().copied()));
    if *cascade {
        draft.why(format!("{}; cascade also drops views and foreign keys that nobody listed", CARD.why));
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{Set, postgres, sqlite};

    #[test]
    fn a_drop_of_what_stands_is_an_error_in_both_dialects() {
        for (sql, message) in [
            ("drop table notes", "drops the table notes and every row in it"),
            ("drop table if exists app.notes cascade", "drops the table app.notes and every row in it"),
            ("drop table a, b", "drops the tables a, b and every row in them"),
            ("do $$ begin drop table notes; end $$", "drops the table notes and every row in it"),
        ] {
            assert_eq!(postgres(sql).lines("drop-table"), [format!("error {message}")], "{sql}");
        }
        assert_eq!(
            sqlite("DROP TABLE Notes").lines("drop-table"),
            ["error drops the table Notes and every row in it"]
        );
    }
}
