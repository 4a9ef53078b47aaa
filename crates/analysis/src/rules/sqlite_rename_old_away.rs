//! The old table is renamed away so that a new one can take its name.

use crate::card::{Card, Example};
use crate::finding::Severity;
use crate::judge::{Check, Context, Event, Holds, Report, Rule, pragma_is_on};
use crate::sql::table::TableChange;
use crate::sql::{Action, Dialect, Effect};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const GIVEN: &str = "create table notes (id integer primary key, body text);\n\
                     create table marks (note_id integer references notes (id));\n";

const CARD: Card = Card {
    id: "sqlite-rename-old-away",
    title: "The old table is renamed away before the new one is made",
    why: "sqlite rewrites the foreign keys, triggers and views that name the table, so they follow the old \
          one to its new name and stay there when it is dropped",
    safe_form: "create the new table under another name, copy, drop the old one, rename the new one",
    dialects: &[Dialect::Sqlite],
    bad: Some(Example::on(
        GIVEN,
        "pragma foreign_keys = off;\n\
             alter table notes rename to notes_old;\n\
             create table notes (id integer primary key, body text, pinned integer not null default 0);\n\
             insert into notes (id, body) select id, body from notes_old;\n\
             drop table notes_old;\n\
             pragma foreign_key_check;\n",
    )),
    good: Some(Example::on(
        GIVEN,
        "pragma foreign_keys = off;\n\
         create table notes_new (id integer primary key, body text, pinned integer not null default 0);\n\
         insert into notes_new (id, body) select id, body from notes;\n\
         drop table notes;\n\
         alter table notes_new rename to notes;\n\
         pragma foreign_key_check;\n",
    )),
    ..Card::BLANK
};

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let Action::AlterTable { table, change: TableChange::RenameTo(to), .. } = &effect.action else { return };
    let recreated = cx.outline.next(cx.dialect(), table, cx.at, |event| matches!(event, Event::Created));
    let session = &cx.world.session;
    let legacy = session.setting("legacy_alter_table").is_some_and(pragma_is_on);
    if recreated.is_none() || (legacy && !session.enforces_foreign_keys()) {
        return;
    }
    let children: Vec<String> = cx.world.referencing(table).iter().map(|c| c.name.to_string()).collect();
    let list = children.join(", ");
    if !children.is_empty() {
        let message =
            format!("renames {table} to {to} and makes another {table}: {list} will reference {to}");
        report.at(effect.span, message);
        return;
    }
    let message = format!("renames {table} to {to} and makes another {table}: what names it follows to {to}");
    let draft = report.at(effect.span, message);
    let nobody_else = cx.world.is_complete() || cx.world.table_holds(table) != Holds::Somebody;
    if nobody_else {
        // No foreign key follows; of views and triggers nothing is known.
        draft.severity(Severity::Warning);
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{Set, sqlite};

    const ID: &str = "sqlite-rename-old-away";
    const AWAY: &str = "alter table t rename to t_old; create table t (a int); \
                        insert into t (a) select a from t_old; drop table t_old;";
    const FOLLOWS: &str = "renames t to t_old and makes another t: what names it follows to t_old";

    #[test]
    fn a_new_table_under_the_old_name_is_found_with_or_without_a_copy() {
        assert_eq!(sqlite(AWAY).lines(ID), [format!("error {FOLLOWS}")]);
        let no_copy = "ALTER TABLE T RENAME TO t_old; create table if not exists main.t (a int)";
        let found = sqlite(no_copy).lines(ID);
        assert_eq!(found, ["error renames T to t_old and makes another T: what names it follows to t_old"]);
        let legacy_alone = format!("pragma legacy_alter_table = on; {AWAY}");
        assert_eq!(sqlite(&legacy_alone).lines(ID).len(), 1);
    }

    #[test]
    fn children_that_would_follow_are_named() {
        let schema = "create table t (a integer primary key); create table c (a int references t);";
        let found = Set::sqlite().schema(schema).file(AWAY).judge().lines(ID);
        assert_eq!(found, ["error renames t to t_old and makes another t: c will reference t_old"]);
    }

    #[test]
    fn a_table_without_children_leaves_views_and_triggers() {
        let found = Set::sqlite().table_of("t", None).file(AWAY).judge().lines(ID);
        assert_eq!(found, [format!("warning {FOLLOWS}")]);
        assert_eq!(Set::sqlite().file("create table t (a)").file(AWAY).judge().lines(ID).len(), 1);
    }

    #[test]
    fn other_renames_are_silent() {
        for sql in [
            "alter table t rename to t_2025",
            "create table t (a); alter table t rename to u",
            "create table n (a); insert into n (a) select a from t; drop table t; alter table n rename to t",
            "alter table t rename to t_old; create table u (a); drop table t_old",
            "alter table t rename column a to b; create table t2 (a)",
            "pragma foreign_keys = off; pragma legacy_alter_table = on; alter table t rename to o; create table t (a)",
        ] {
            assert!(sqlite(sql).lines(ID).is_empty(), "{sql}");
        }
    }
}
