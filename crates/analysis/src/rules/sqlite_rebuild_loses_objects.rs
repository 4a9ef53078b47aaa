//! A rebuild that does not make the table's indexes and triggers again.

use crate::card::{Card, Example};
use crate::finding::Severity;
use crate::judge::{At, Check, Context, Rebuild, Report, Rule, Table};
use crate::sql::table::CreateIndex;
use crate::sql::{Action, Dialect, Effect, ObjectKind, ObjectName};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const GIVEN: &str = "create table notes (id integer primary key, body text);\n\
                     create index notes_body on notes (body);\n";

const CARD: Card = Card {
    id: "sqlite-rebuild-loses-objects",
    title: "A rebuild that forgets the table's indexes and triggers",
    why: "they go with the old table and nothing says so: queries become slow, unique keys are no longer \
          kept, triggers no longer run",
    safe_form: "make them again in the same file; select sql from sqlite_schema where tbl_name = 'TABLE' lists them",
    dialects: &[Dialect::Sqlite],
    bad: Some(Example::on(
        GIVEN,
        "pragma foreign_keys = off;\n\
         create table notes_new (id integer primary key, body text, pinned integer not null default 0);\n\
         insert into notes_new (id, body) select id, body from notes;\n\
         drop table notes;\n\
         alter table notes_new rename to notes;\n\
         pragma foreign_key_check;\n",
    )),
    good: Some(Example::on(
        GIVEN,
        "pragma foreign_keys = off;\n\
         create table notes_new (id integer primary key, body text, pinned integer not null default 0);\n\
         insert into notes_new (id, body) select id, body from notes;\n\
         drop table notes;\n\
         alter table notes_new rename to notes;\n\
         create index notes_body on notes (body);\n\
         pragma foreign_key_check;\n",
    )),
    ..Card::BLANK
};

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let Action::Drop { kind: ObjectKind::Table, names, .. } = &effect.action else { return };
    let [dropped] = names.as_slice() else { return };
    let Some(rebuild) = cx.outline.rebuild_dropping(cx.dialect(), cx.at, dropped) else { return };
    let made = Made::of(cx, rebuild);
    match cx.world.table(dropped) {
        Some(table) if table.columns_complete || cx.world.is_complete() => {
            let lost = lost(table, &made);
            if !lost.is_empty() {
                let message =
                    format!("rebuilds {} and does not make again: {}", rebuild.table, lost.join(", "));
                report.at(effect.span, message);
            }
        }
        None if cx.world.is_absent(dropped) => {}
        _ if made.indexes.is_empty() && made.triggers.is_empty() => {
            let message = format!(
                "rebuilds {} and makes no index and no trigger again; whether it has any is not known",
                rebuild.table
            );
            report.at(effect.span, message).severity(Severity::Warning);
        }
        _ => {}
    }
}

/// What the file makes on the table that stays.
struct Made<'a> {
    indexes: Vec<&'a CreateIndex>,
    triggers: Vec<&'a str>,
}

impl<'a> Made<'a> {
    fn of(cx: &Context<'a>, rebuild: &Rebuild<'_>) -> Self {
        let mut made = Made { indexes: Vec::new(), triggers: Vec::new() };
        for (at, effect) in later_effects(cx, rebuild.create) {
            let stays = |on: &ObjectName| {
                // Before the rename it still has the name it was made under.
                let aside = rebuild.rename.is_some_and(|rename| at < rename)
                    && rebuild.aside.same_as(on, cx.dialect());
                aside || rebuild.table.same_as(on, cx.dialect())
            };
            match &effect.action {
                Action::CreateIndex(index) if stays(&index.table) => made.indexes.push(index),
                Action::Create { kind: ObjectKind::Trigger, name, on: Some(on), .. } if stays(on) => {
                    made.triggers.push(&name.name);
                }
                _ => {}
            }
        }
        made
    }
}

/// The effects of the file from `start` on that happen when it runs.
fn later_effects<'a>(cx: &Context<'a>, start: At) -> impl Iterator<Item = (At, &'a Effect)> {
    let statements = cx.script.statements[start.statement..].iter();
    statements.flat_map(|s| {
        let effects = s.effects.iter().enumerate();
        effects
            .map(move |(n, effect)| (At { statement: s.index, effect: n }, effect))
            .filter(|(_, effect)| effect.within.runs_now())
    })
}

/// The indexes and triggers of `table` that nobody makes again.
fn lost(table: &Table, made: &Made<'_>) -> Vec<String> {
    let key = |index: &CreateIndex| -> Vec<String> {
        index.columns.iter().flat_map(|e| e.columns.iter().map(|c| c.to_ascii_lowercase())).collect()
    };
    let again = |index: &&CreateIndex| {
        made.indexes.iter().any(|m| {
            let (name, old) = (m.name.as_ref(), index.name.as_ref());
            let same_name = name.zip(old).is_some_and(|(a, b)| a.name.eq_ignore_ascii_case(&b.name));
            same_name || (key(m) == key(index) && m.unique >= index.unique)
        })
    };
    let name = |index: &CreateIndex| index.name.as_ref().map_or_else(String::new, |n| n.name.clone());
    let indexes = table.indexes.iter().filter(|i| !again(i)).map(|i| format!("index {}", name(i)));
    let triggers = table.triggers.iter().filter(|t| !made.triggers.iter().any(|m| m.eq_ignore_ascii_case(t)));
    indexes.chain(triggers.map(|t| format!("trigger {t}"))).collect()
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{Set, sqlite};

    const ID: &str = "sqlite-rebuild-loses-objects";
    const SCHEMA: &str = "create table t (a int, b int); create unique index t_a on t (a); create index t_b on t (b); \
                          create trigger t_x after insert on t begin select 1; end;";

    fn rebuild(before: &str, after: &str) -> String {
        format!(
            "pragma foreign_keys = off; create table n (a int, b int); {before} insert into n (a, b) select a, b from t; \
             drop table t; alter table n rename to t; {after}"
        )
    }

    fn lines(sql: &str) -> Vec<String> {
        Set::sqlite().schema(SCHEMA).file(sql).judge().lines(ID)
    }

    #[test]
    fn what_is_forgotten_is_named() {
        let all = "error rebuilds t and does not make again: index t_a, index t_b, trigger t_x";
        assert_eq!(lines(&rebuild("", "")), [all]);
        let some = "error rebuilds t and does not make again: index t_a, trigger t_x";
        assert_eq!(lines(&rebuild("", "create index other on t (b); create index weak on t (a);")), [some]);
        let away = "pragma foreign_keys = off; alter table t rename to o; create table t (a int, b int); \
                    insert into t (a, b) select a, b from o; drop table o;";
        assert_eq!(lines(away), [all]);
    }

    #[test]
    fn what_is_made_again_before_or_after_the_rename_is_not_lost() {
        let after = "create unique index if not exists t_a on t (a); create index T_B on t (b); \
                     create trigger t_x after insert on t begin select 2; end;";
        assert!(lines(&rebuild("", after)).is_empty());
        let before = "create unique index n_a on n (a); create index n_b on n (b);";
        let trigger = "create trigger t_x after insert on t begin select 1; end;";
        assert!(lines(&rebuild(before, trigger)).is_empty());
    }

    #[test]
    fn what_was_dropped_on_purpose_is_not_lost() {
        let drops = "drop index t_a; drop index t_b; drop trigger t_x;";
        assert!(lines(&format!("pragma foreign_keys = off; {drops} {}", &rebuild("", "")[27..])).is_empty());
    }

    #[test]
    fn of_an_unknown_table_it_is_only_a_suspicion() {
        let found = sqlite(&rebuild("", "")).lines(ID);
        assert_eq!(
            found,
            ["warning rebuilds t and makes no index and no trigger again; whether it has any is not known"]
        );
        assert!(sqlite(&rebuild("", "create index i on t (a);")).lines(ID).is_empty());
    }

    #[test]
    fn a_table_known_to_have_none_is_silent() {
        assert!(
            Set::sqlite()
                .schema("create table t (a int, b int)")
                .file(&rebuild("", ""))
                .judge()
                .lines(ID)
                .is_empty()
        );
        assert!(Set::sqlite().table_of("t", None).file(&rebuild("", "")).judge().lines(ID).is_empty());
        assert!(lines("drop table t").is_empty());
    }
}
