//! `drop column`: its values are gone. Also by `cascade` from its type, and by a
//! rebuild that does not copy it.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Rebuild, Report, Rule, Table, listed, same_column};
use crate::sql::table::TableChange;
use crate::sql::{Action, Effect, ObjectKind};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const CARD: Card = Card {
    id: "drop-column",
    title: "A column is dropped with its values",
    why: "its values are lost, and every program that still names the column fails from that moment on",
    safe_form: "stop reading and writing the column first, and drop it in a later migration once a backup holds its values",
    loss: true,
    lock: Some("AccessExclusive"),
    rewrite: Some(false),
    scan: Some(false),
    bad: Some(Example::on(
        "create table notes (id bigint primary key, body text, draft text);\n",
        "alter table notes drop column draft;\n",
    )),
    good: Some(Example::on(
        "create table notes (id bigint primary key, body text, draft text);\n",
        "-- The programs no longer read it; 0012 drops it.\ncomment on column notes.draft is 'unused since 0007';\n",
    )),
    ..Card::BLANK
};

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    if !effect.within.runs_now() {
        return;
    }
    match &effect.action {
        Action::AlterTable { table, change: TableChange::DropColumn { name, .. }, .. } => {
            let message = format!("drops the column {name} of {table} and every value in it");
            report.at(effect.span, message).losing(cx.world.column_holds(table, name));
        }
        Action::Drop { kind, names, cascade: true, .. } => {
            let what = match kind {
                ObjectKind::Type => "type",
                ObjectKind::Domain => "domain",
                ObjectKind::Extension => "extension",
                _ => return,
            };
            let names: Vec<_> = names.iter().collect();
            let message =
                format!("drops the {what} {} and with it every column that uses it", listed(&names));
            report.at(effect.span, message).help(
                "change the columns to another type first, and drop without cascade, \
                 which refuses as long as one is left",
            );
        }
        Action::Drop { kind: ObjectKind::Table, names, .. } => {
            for name in names {
                let rebuild = cx.outline.rebuild_dropping(cx.dialect(), cx.at, name);
                if let (Some(rebuild), Some(table)) = (rebuild, cx.world.table(name)) {
                    left_out(cx, effect, rebuild, table, report);
                }
            }
        }
        _ => {}
    }
}

/// The columns of the old table that no copy reads.
fn left_out(
    cx: &Context<'_>,
    effect: &Effect,
    rebuild: &Rebuild<'_>,
    table: &Table,
    report: &mut Report<'_>,
) {
    let items = || rebuild.copies.iter().flat_map(|copy| &copy.query.items);
    if items().any(|item| item.star) {
        return;
    }
    for column in &table.columns {
        let name = &column.definition.name;
        let copied = items().flat_map(|i| &i.columns).any(|c| same_column(c, name, cx.dialect()));
        if !copied && column.definition.generated.is_none() {
            let message =
                format!("rebuilds {} without its column {name}, so every value in it is lost", rebuild.table);
            report.at(effect.span, message).losing(cx.world.column_holds(&table.name, name));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{Set, assert_silent, postgres, sqlite};

    #[test]
    fn each_column_dropped_is_an_error_of_its_own() {
        let two = postgres("alter table notes drop column a, drop column if exists b cascade");
        assert_eq!(
            two.lines("drop-column"),
            [
                "error drops the column a of notes and every value in it",
                "error drops the column b of notes and every value in it",
            ]
        );
        assert_eq!(sqlite("ALTER TABLE notes DROP COLUMN a").lines("drop-column").len(), 1);
        assert_eq!(postgres("do $$ begin alter table notes drop a; end $$").lines("drop-column").len(), 1);
    }

    #[test]
    fn cascade_from_a_type_drops_columns() {
        assert_eq!(
            postgres("drop type mood cascade").lines("drop-column"),
            ["error drops the type mood and with it every column that uses it"]
        );
        assert_eq!(postgres("drop extension if exists citext cascade").lines("drop-column").len(), 1);
        for harmless in ["drop type mood", "drop function f() cascade", "drop view v cascade"] {
            assert_silent("drop-column", &postgres(harmless));
        }
    }

    #[test]
    fn a_rebuild_that_forgets_a_column_drops_it() {
        let set = |copy: &str| {
            Set::sqlite().schema("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT, draft TEXT);").file(
                &format!(
                    "CREATE TABLE notes_new (id INTEGER PRIMARY KEY, body TEXT); {copy}
                 DROP TABLE notes; ALTER TABLE notes_new RENAME TO notes;"
                ),
            )
        };
        assert_eq!(
            set("INSERT INTO notes_new (id, body) SELECT id, body FROM notes;").judge().lines("drop-column"),
            ["error rebuilds notes without its column draft, so every value in it is lost"]
        );
        let whole = "INSERT INTO notes_new (id, body) SELECT id, body || coalesce(DRAFT, '') FROM notes;";
        assert_silent("drop-column", &set(whole).judge());
    }

    #[test]
    fn a_column_of_the_same_run_is_a_note_that_must_be_proved() {
        let set = Set::postgres()
            .file("alter table notes add column a text")
            .file("alter table notes drop column a");
        assert_eq!(
            set.judge().lines("drop-column"),
            ["note drops the column a of notes and every value in it"]
        );
        assert!(
            set.judge().text().contains("  proof: notes column a holds nobody's rows\n"),
            "{}",
            set.judge().text()
        );
        let adopted =
            Set::postgres().schema("alter table notes add column a text").file("alter table notes drop a");
        assert_eq!(adopted.judge().losses(), ["error drop-column"]);
        let perhaps_old = Set::postgres()
            .file("alter table notes add column if not exists a text")
            .file("alter table notes drop a");
        assert_eq!(perhaps_old.judge().losses(), ["error drop-column"]);
    }

    #[test]
    fn other_clauses_drop_no_values() {
        for sql in [
            "alter table notes alter column a drop not null",
            "alter table notes alter a drop default",
            "create table t (a int, b int); alter table t drop column b",
            "create function f() returns void language plpgsql as $$ begin alter table notes drop column a; end $$",
        ] {
            assert_silent("drop-column", &postgres(sql));
        }
    }
}
