//! A rebuild with foreign keys off, and nobody looks afterwards.

use crate::card::{Card, Example};
use crate::finding::Severity;
use crate::judge::{Check, Context, Rebuild, Report, Rule};
use crate::sql::table::TableChange;
use crate::sql::{Action, Dialect, Effect, ObjectKind};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const GIVEN: &str = "create table notes (id integer primary key, body text);\n\
                     create table marks (note_id integer references notes (id));\n";

const CARD: Card = Card {
    id: "sqlite-no-fk-check",
    title: "A rebuild without foreign_key_check",
    severity: Severity::Warning,
    why: "with foreign keys off rows that point nowhere are accepted, and turning them on again does not look",
    safe_form: "write pragma foreign_key_check before COMMIT, and stop when it returns a row",
    dialects: &[Dialect::Sqlite],
    fixable: true,
    bad: Some(Example::on(
        GIVEN,
        "pragma foreign_keys = off;\n\
         create table notes_new (id integer primary key, body text not null default '');\n\
         insert into notes_new (id, body) select id, coalesce(body, '') from notes;\n\
         drop table notes;\n\
         alter table notes_new rename to notes;\n",
    )),
    good: Some(Example::on(
        GIVEN,
        "pragma foreign_keys = off;\n\
         create table notes_new (id integer primary key, body text not null default '');\n\
         insert into notes_new (id, body) select id, coalesce(body, '') from notes;\n\
         drop table notes;\n\
         alter table notes_new rename to notes;\n\
         pragma foreign_key_check;\n",
    )),
    ..Card::BLANK
};

/// Speaks at the last statement of the rebuild that names the table: behind it the check belongs.
fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let ends = matches!(
        &effect.action,
        Action::Drop { kind: ObjectKind::Table, .. }
            | Action::AlterTable { change: TableChange::RenameTo(_), .. }
            | Action::Insert(_)
    );
    if !ends || cx.world.session.enforces_foreign_keys() {
        return;
    }
    let last = |rebuild: &&Rebuild<'_>| rebuild.parts().last() == Some(&cx.at);
    let Some(rebuild) = cx.outline.rebuilds.iter().find(last) else { return };
    if checked_later(cx) || !can_have_orphans(cx, rebuild) {
        return;
    }
    let message = format!("rebuilds {} with foreign keys off and does not check them", rebuild.table);
    let draft = report.at(effect.span, message);
    if let Some(statement) = cx.statement {
        draft.rewrite_as(vec![cx.text(statement.span).to_owned(), "pragma foreign_key_check".to_owned()]);
    }
}

fn checked_later(cx: &Context<'_>) -> bool {
    let later = cx.script.statements[cx.at.statement..].iter().flat_map(|s| s.actions());
    later.into_iter().any(|a| matches!(a, Action::Pragma { name, .. } if name == "foreign_key_check"))
}

/// Whether the table references another, or may be referenced.
fn can_have_orphans(cx: &Context<'_>, rebuild: &Rebuild<'_>) -> bool {
    let Some(definition) = rebuild.definition(cx.script) else { return true };
    let points = definition.columns.iter().any(|c| c.references.is_some())
        || definition
            .constraints
            .iter()
            .any(|c| matches!(c.kind, crate::sql::table::ConstraintKind::ForeignKey { .. }));
    points || !cx.world.is_complete() || !cx.world.referencing(&rebuild.table).is_empty()
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{Set, sqlite};

    const ID: &str = "sqlite-no-fk-check";
    const FOUND: &str = "warning rebuilds t with foreign keys off and does not check them";
    const REBUILD: &str = "create table n (id integer primary key, b int); insert into n (id, b) select id, b from t; \
                           drop table t; alter table n rename to t;";

    #[test]
    fn a_rebuild_with_foreign_keys_off_wants_a_check() {
        for sql in [
            format!("pragma foreign_keys = off; begin; {REBUILD} commit; pragma foreign_keys = on;"),
            format!("pragma foreign_keys = off; pragma foreign_key_check; {REBUILD}"),
            "pragma foreign_keys = off; alter table t rename to o; create table t (id int); \
             insert into t (id) select id from o; drop table o;"
                .to_owned(),
        ] {
            assert_eq!(sqlite(&sql).lines(ID), [FOUND], "{sql}");
        }
    }

    #[test]
    fn the_fix_stands_behind_the_rename() {
        let judged = sqlite(&format!("pragma foreign_keys = off; {REBUILD}"));
        let fix = judged.findings.iter().find(|f| f.rule == ID).and_then(|f| f.fix.clone()).expect("a fix");
        assert_eq!(fix.sql, ["alter table n rename to t", "pragma foreign_key_check"]);
    }

    #[test]
    fn a_check_behind_it_or_foreign_keys_on_keep_it_silent() {
        for sql in [
            format!("pragma foreign_keys = off; begin; {REBUILD} pragma foreign_key_check; commit;"),
            format!("pragma foreign_keys = off; {REBUILD} pragma foreign_key_check('t');"),
            REBUILD.to_owned(),
            "pragma foreign_keys = off; drop table t;".to_owned(),
        ] {
            assert!(sqlite(&sql).lines(ID).is_empty(), "{sql}");
        }
    }

    #[test]
    fn a_table_outside_of_all_references_keeps_it_silent() {
        let sql = format!("pragma foreign_keys = off; {REBUILD}");
        assert!(Set::sqlite().table_of("t", None).file(&sql).judge().lines(ID).is_empty());
        let points = sql.replace("b int)", "b int references u)");
        assert_eq!(Set::sqlite().table_of("t", None).file(&points).judge().lines(ID), [FOUND]);
    }
}
