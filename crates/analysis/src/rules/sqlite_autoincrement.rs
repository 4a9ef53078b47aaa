//! A rebuild of an AUTOINCREMENT table that forgets the highest id ever given.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Rebuild, RebuildForm, Report, Rule, Table};
use crate::sql::{Action, Dialect, Effect, ObjectKind};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const GIVEN: &str = "create table notes (id integer primary key autoincrement, body text);\n";

const CARD: Card = Card {
    id: "sqlite-autoincrement",
    title: "A rebuild forgets the highest id ever given",
    severity: crate::Severity::Warning,
    why: "the new table counts on from the highest id it was given, so the ids of rows deleted from the end \
          are given again and old references point to new rows",
    safe_form: "copy the table's row of sqlite_sequence before the old table is dropped",
    dialects: &[Dialect::Sqlite],
    fixable: true,
    bad: Some(Example::on(
        GIVEN,
        "pragma foreign_keys = off;\n\
         create table notes_new (id integer primary key autoincrement, body text not null default '');\n\
         insert into notes_new (id, body) select id, coalesce(body, '') from notes;\n\
         drop table notes;\n\
         alter table notes_new rename to notes;\n\
         pragma foreign_key_check;\n",
    )),
    good: Some(Example::on(
        GIVEN,
        "pragma foreign_keys = off;\n\
         create table notes_new (id integer primary key autoincrement, body text not null default '');\n\
         insert into notes_new (id, body) select id, coalesce(body, '') from notes;\n\
         delete from sqlite_sequence where name = 'notes_new';\n\
         insert into sqlite_sequence (name, seq) select 'notes_new', seq from sqlite_sequence where name = 'notes';\n\
         drop table notes;\n\
         alter table notes_new rename to notes;\n\
         pragma foreign_key_check;\n",
    )),
    ..Card::BLANK
};

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let Action::Drop { kind: ObjectKind::Table, names, .. } = &effect.action else { return };
    let [dropped] = names.as_slice() else { return };
    let Some(rebuild) = cx.outline.rebuild_dropping(cx.dialect(), cx.at, dropped) else { return };
    if carries_sequence(cx, rebuild) {
        return;
    }
    let counts = |table: &Table| table.columns.iter().any(|c| c.definition.autoincrement);
    let old = cx.world.table(dropped);
    let counted = match old {
        Some(table) if table.columns_complete => Some(counts(table)),
        Some(table) if counts(table) => Some(true),
        _ => None,
    };
    let still = rebuild.definition(cx.script).is_some_and(|t| t.columns.iter().any(|c| c.autoincrement));
    let table = &rebuild.table;
    match (counted, still) {
        (Some(false), _) | (None, false) => {}
        (Some(true), false) => {
            let message =
                format!("rebuilds {table} without AUTOINCREMENT: ids of deleted rows are given again");
            report
                .at(effect.span, message)
                .help("keep AUTOINCREMENT and copy the table's row of sqlite_sequence, unless ids may be given again")
                .losing(cx.world.table_holds(dropped));
        }
        (Some(true) | None, true) => {
            let message = format!("rebuilds {table} and forgets the highest id it ever gave");
            let draft = report.at(effect.span, message);
            draft.losing(cx.world.table_holds(dropped));
            if rebuild.form == RebuildForm::NewThenRename {
                draft.rewrite_as(keep_sequence(rebuild, cx.text(effect.span)));
            }
        }
    }
}

/// Whether the file writes to `sqlite_sequence` itself.
fn carries_sequence(cx: &Context<'_>, rebuild: &Rebuild<'_>) -> bool {
    let later = cx.script.statements[rebuild.create.statement..].iter().flat_map(|s| s.actions());
    later.into_iter().any(|action| {
        let table = match action {
            Action::Insert(insert) => &insert.table,
            Action::Update(update) => &update.table,
            _ => return false,
        };
        table.name.eq_ignore_ascii_case("sqlite_sequence")
    })
}

/// The row of the new table replaced by that of the old one, and then the drop.
fn keep_sequence(rebuild: &Rebuild<'_>, drop: &str) -> Vec<String> {
    let quote = |name: &str| format!("'{}'", name.replace('\'', "''"));
    let (new, old) = (quote(&rebuild.aside.name), quote(&rebuild.table.name));
    vec![
        format!("delete from sqlite_sequence where name = {new}"),
        format!(
            "insert into sqlite_sequence (name, seq) select {new}, seq from sqlite_sequence where name = {old}"
        ),
        drop.to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::Set;

    const ID: &str = "sqlite-autoincrement";
    const AUTO: &str = "create table t (id integer primary key autoincrement, b text);";
    const PLAIN: &str = "create table t (id integer primary key, b text);";

    fn rebuild(key: &str, carry: &str) -> String {
        format!(
            "pragma foreign_keys = off; create table n (id integer primary key {key}, b text); \
             insert into n (id, b) select id, b from t; {carry} drop table t; alter table n rename to t;"
        )
    }

    fn lines(schema: &str, sql: &str) -> Vec<String> {
        Set::sqlite().schema(schema).file(sql).judge().lines(ID)
    }

    #[test]
    fn the_sequence_is_forgotten() {
        let forgets = "warning rebuilds t and forgets the highest id it ever gave";
        assert_eq!(lines(AUTO, &rebuild("autoincrement", "")), [forgets]);
        assert_eq!(lines("", &rebuild("autoincrement", "")), [forgets]);
        let without = "warning rebuilds t without AUTOINCREMENT: ids of deleted rows are given again";
        assert_eq!(lines(AUTO, &rebuild("", "")), [without]);
    }

    #[test]
    fn the_fix_copies_it_before_the_drop() {
        let judged = Set::sqlite().schema(AUTO).file(&rebuild("autoincrement", "")).judge();
        let fix = judged.findings.iter().find(|f| f.rule == ID).and_then(|f| f.fix.clone()).expect("a fix");
        assert_eq!(fix.sql.len(), 3);
        assert!(fix.sql[1].ends_with("from sqlite_sequence where name = 't'"), "{:?}", fix.sql);
        assert_eq!(fix.sql[2], "drop table t");
    }

    #[test]
    fn nothing_is_forgotten_where_nothing_was_counted() {
        assert!(lines(PLAIN, &rebuild("autoincrement", "")).is_empty());
        assert!(lines(PLAIN, &rebuild("", "")).is_empty());
        assert!(lines("", &rebuild("", "")).is_empty());
    }

    #[test]
    fn a_file_that_carries_the_sequence_is_silent() {
        for carry in [
            "update sqlite_sequence set seq = (select seq from sqlite_sequence where name = 't') where name = 'n';",
            "insert into sqlite_sequence (name, seq) values ('n', 7);",
        ] {
            assert!(lines(AUTO, &rebuild("autoincrement", carry)).is_empty(), "{carry}");
        }
    }
}
