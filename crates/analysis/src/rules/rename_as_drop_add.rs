//! A column dropped and one of the same type added: most likely a rename.

use crate::card::{Card, Example};
use crate::finding::Severity;
use crate::judge::{At, Check, Context, Event, Holds, Report, Rule, ident, object, same_column};
use crate::place::Span;
use crate::sql::table::{Column, TableChange};
use crate::sql::{Action, Effect, ObjectName};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const CARD: Card = Card {
    id: "rename-as-drop-add",
    title: "A rename written as drop and add",
    severity: Severity::Warning,
    why: "the new column begins empty; tools that compare schemas write renames this way",
    safe_form: "rename the column, or add the new one and write to both until every program has moved on",
    loss: true,
    fixable: true,
    lock: Some("AccessExclusive"),
    rewrite: Some(false),
    scan: Some(false),
    bad: Some(
        Example::on(
            "create table notes (id integer primary key, body text);\n",
            "alter table notes drop column body;\nalter table notes add column content text;\n",
        )
        .also(&["drop-column"]),
    ),
    good: Some(Example::on(
        "create table notes (id integer primary key, body text);\n",
        "alter table notes rename column body to content;\n",
    )),
    ..Card::BLANK
};

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let Action::AlterTable { table, change: TableChange::DropColumn { name, .. }, .. } = &effect.action
    else {
        return;
    };
    if !effect.within.runs_now() || cx.world.column_holds(table, name) != Holds::Somebody {
        return;
    }
    let Some((at, added)) = replacement(cx, table, name) else { return };
    let message = format!("adds the column {} to {table}, which may be {name} under a new name", added.name);
    let rename =
        format!("alter table {} rename column {} to {}", object(table), ident(name), ident(&added.name));
    report.about(at.statement, span_of(cx, at), message).help(format!("if it is one: {rename}"));
}

/// The one added column that has the type of the dropped one and was not filled from it.
fn replacement<'a>(cx: &Context<'a>, table: &ObjectName, dropped: &str) -> Option<(At, &'a Column)> {
    let mut added = Vec::new();
    let mut drops = 0;
    let events = cx.outline.events(cx.dialect(), table);
    // Nobody renames columns by the hundred, and each of them would look through all events.
    if events.len() > 200 {
        return None;
    }
    for (at, event) in events {
        match event {
            Event::ColumnAdded(column) if same_column(&column.name, dropped, cx.dialect()) => return None,
            Event::ColumnAdded(column) => added.push((*at, *column)),
            Event::ColumnDropped(_) => drops += 1,
            Event::Created | Event::Dropped => {}
        }
    }
    let known = cx.world.table(table);
    let filled = |column: &Column| {
        known.and_then(|t| t.column(&column.name, cx.dialect())).is_some_and(|c| c.is_computed())
    };
    added.retain(|(_, column)| !filled(column));
    let old = known.and_then(|t| t.column(dropped, cx.dialect())).and_then(|c| c.definition.ty.as_deref());
    match old {
        Some(old) => {
            added.retain(|(_, column)| column.ty.as_ref().is_some_and(|t| t.to_string() == old.to_string()))
        }
        // Of an unknown type: only one against one is worth a guess.
        None if drops == 1 => {}
        None => return None,
    }
    match added[..] {
        [only] => Some(only),
        _ => None,
    }
}

fn span_of(cx: &Context<'_>, at: At) -> Span {
    cx.script.statements[at.statement].effects[at.effect].span
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{Set, assert_silent, postgres};

    const NOTES: &str = "create table notes (id int primary key, body text, size int);";

    #[test]
    fn one_out_one_in_of_the_same_type_is_likely_a_rename() {
        for sql in [
            "alter table notes drop column body, add column content text",
            "alter table notes drop column body; alter table notes add column content text",
            "alter table notes add column content text; alter table notes drop column body",
            "alter table notes drop column body, add column content text, add column n int",
        ] {
            let judged = Set::postgres().schema(NOTES).file(sql).judge();
            assert_eq!(
                judged.lines("rename-as-drop-add"),
                ["warning adds the column content to notes, which may be body under a new name"],
                "{sql}"
            );
            assert_eq!(judged.lines("drop-column").len(), 1, "the loss itself still stands");
        }
        assert_eq!(
            postgres("alter table t drop column a, add column b int").lines("rename-as-drop-add").len(),
            1
        );
    }

    #[test]
    fn another_type_a_filled_column_or_a_choice_of_two_is_not() {
        for sql in [
            "alter table notes drop column body, add column words int",
            "alter table notes add column content text; update notes set content = body where true; alter table notes drop column body",
            "alter table notes drop column body, add column a text, add column b text",
            "alter table notes drop column body",
            "alter table notes drop column body, add column body text",
        ] {
            assert_silent("rename-as-drop-add", &Set::postgres().schema(NOTES).file(sql).judge());
        }
        let unknown = "alter table t drop column a, drop column c, add column b int";
        assert_silent("rename-as-drop-add", &postgres(unknown));
    }
}
