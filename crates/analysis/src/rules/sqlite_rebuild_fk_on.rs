//! A rebuild that drops the old table while foreign keys are enforced.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Holds, Report, Rule, Table};
use crate::sql::{Action, Dialect, Effect, ObjectKind, ObjectName};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const GIVEN: &str = "create table notes (id integer primary key, body text);\n\
                     create table marks (note_id integer references notes (id) on delete cascade);\n";

const CARD: Card = Card {
    id: "sqlite-rebuild-fk-on",
    title: "A rebuild that drops the old table with foreign keys on",
    why: "drop table first deletes every row, and with foreign keys on that delete cascades into the \
          tables that reference it; defer_foreign_keys does not stop it",
    safe_form: "begin the file with pragma foreign_keys = off, before BEGIN, and end it with pragma \
                foreign_key_check, before COMMIT",
    dialects: &[Dialect::Sqlite],
    bad: Some(Example::on(
        GIVEN,
        "create table notes_new (id integer primary key, body text, pinned integer not null default 0);\n\
         insert into notes_new (id, body) select id, body from notes;\n\
         drop table notes;\n\
         alter table notes_new rename to notes;\n",
    )),
    good: Some(Example::on(
        GIVEN,
        "pragma foreign_keys = off;\n\
         begin;\n\
         create table notes_new (id integer primary key, body text, pinned integer not null default 0);\n\
         insert into notes_new (id, body) select id, body from notes;\n\
         drop table notes;\n\
         alter table notes_new rename to notes;\n\
         pragma foreign_key_check;\n\
         commit;\n",
    )),
    ..Card::BLANK
};

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let Action::Drop { kind: ObjectKind::Table, names, .. } = &effect.action else { return };
    let [dropped] = names.as_slice() else { return };
    let Some(rebuild) = cx.outline.rebuild_dropping(cx.dialect(), cx.at, dropped) else { return };
    if !cx.world.session.enforces_foreign_keys() {
        return;
    }
    let rebuilt = &rebuild.table;
    let children = cx.world.referencing(dropped);
    let known = cx.world.is_complete() || cx.world.table_holds(dropped) == Holds::Nothing;
    if children.is_empty() && known {
        return;
    }
    let list = children.iter().map(|child| what_happens(cx, child, dropped)).collect::<Vec<_>>().join(", ");
    let message = if children.is_empty() {
        format!("rebuilds {rebuilt} and drops its old rows with foreign keys on")
    } else {
        format!("rebuilds {rebuilt} and drops its old rows with foreign keys on: {list}")
    };
    report.at(effect.span, message).losing(cx.world.table_holds(dropped));
}

/// What the implicit delete does to the rows of `child`.
fn what_happens(cx: &Context<'_>, child: &Table, parent: &ObjectName) -> String {
    let actions = child
        .foreign_keys()
        .filter(|(_, to)| to.table.same_as(parent, cx.dialect()))
        .map(|(_, to)| to.on_delete.as_str());
    let effect = match actions.max_by_key(|action| harm(action)).unwrap_or("") {
        "cascade" => "loses its rows",
        "set null" | "set default" => "loses its links",
        _ => "makes the drop fail",
    };
    format!("{} {effect}", child.name)
}

fn harm(action: &str) -> u8 {
    match action {
        "cascade" => 2,
        "set null" | "set default" => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{Set, sqlite};

    const ID: &str = "sqlite-rebuild-fk-on";
    const REBUILD: &str = "create table n (id integer primary key, b text); insert into n (id, b) select id, b from t; \
                           drop table t; alter table n rename to t;";
    const PARENT: &str = "create table t (id integer primary key, b text);";

    #[test]
    fn an_unknown_parent_may_have_children() {
        let plain = "error rebuilds t and drops its old rows with foreign keys on";
        assert_eq!(sqlite(REBUILD).lines(ID), [plain]);
        let deferred = format!("pragma defer_foreign_keys = on; {REBUILD}");
        assert_eq!(sqlite(&deferred).lines(ID), [plain]);
        let too_late = format!("begin; pragma foreign_keys = off; {REBUILD} commit;");
        assert_eq!(sqlite(&too_late).lines(ID), [plain]);
    }

    #[test]
    fn known_children_are_named_with_what_happens_to_them() {
        for (reference, what) in [
            ("references t (id) on delete cascade", "c loses its rows"),
            ("references t on delete set null", "c loses its links"),
            ("references t", "c makes the drop fail"),
        ] {
            let schema = format!("{PARENT} create table c (t_id int {reference});");
            let found = Set::sqlite().schema(&schema).file(REBUILD).judge().lines(ID);
            assert_eq!(
                found,
                [format!("error rebuilds t and drops its old rows with foreign keys on: {what}")]
            );
        }
    }

    #[test]
    fn the_other_orders_of_a_rebuild_cascade_as_well() {
        let away = "alter table t rename to o; create table t (id integer primary key, b text); \
                    insert into t (id, b) select id, b from o; drop table o;";
        assert_eq!(sqlite(away).lines(ID).len(), 1);
        let backup = "create table k as select * from t; drop table t; create table t (id int, b text); \
                      insert into t (id, b) select id, b from k; drop table k;";
        assert_eq!(sqlite(backup).lines(ID).len(), 1);
    }

    #[test]
    fn foreign_keys_turned_off_in_time_keep_it_silent() {
        for sql in [
            format!("pragma foreign_keys = off; begin; {REBUILD} commit; pragma foreign_keys = on;"),
            format!("pragma foreign_keys = 0; {REBUILD} pragma foreign_key_check;"),
        ] {
            assert!(sqlite(&sql).lines(ID).is_empty(), "{sql}");
        }
    }

    #[test]
    fn a_table_that_nothing_can_reference_keeps_it_silent() {
        assert!(Set::sqlite().table_of("t", None).file(REBUILD).judge().lines(ID).is_empty());
        let new = format!("{PARENT} {REBUILD}");
        assert!(sqlite(&new).lines(ID).is_empty());
        assert!(sqlite("drop table t").lines(ID).is_empty());
    }

    #[test]
    fn an_earlier_file_of_the_run_makes_it_a_note() {
        let judged = Set::sqlite().file(PARENT).file(REBUILD).judge();
        assert_eq!(judged.lines(ID), ["note rebuilds t and drops its old rows with foreign keys on"]);
    }
}
