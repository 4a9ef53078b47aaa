//! `pragma foreign_keys` where SQLite ignores it.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Report, Rule, pragma_is_on};
use crate::sql::{Action, Dialect, Effect};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const CARD: Card = Card {
    id: "sqlite-fk-pragma-in-transaction",
    title: "A foreign_keys pragma inside a transaction",
    why: "sqlite ignores it there without a word: foreign keys stay as they were, and a drop that \
          relies on it deletes the rows of the children",
    safe_form: "write the pragma before BEGIN, and pragma foreign_key_check before COMMIT",
    dialects: &[Dialect::Sqlite],
    bad: Some(Example::sql(
        "begin;\n\
         pragma foreign_keys = off;\n\
         create table tags (id integer primary key);\n\
         commit;\n",
    )),
    good: Some(Example::sql(
        "pragma foreign_keys = off;\n\
         begin;\n\
         create table tags (id integer primary key);\n\
         commit;\n",
    )),
    ..Card::BLANK
};

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let Action::Pragma { name, value: Some(value) } = &effect.action else { return };
    if name != "foreign_keys" || !cx.world.session.in_transaction() {
        return;
    }
    if cx.world.session.lifts(cx.at.statement) {
        return;
    }
    let on = pragma_is_on(value);
    if on == cx.world.session.enforces_foreign_keys() {
        // It asks for what holds anyway.
        return;
    }
    let wish = if on { "on" } else { "off" };
    let draft = report.at(
        effect.span,
        format!("turns foreign keys {wish} inside a transaction, where the pragma does nothing"),
    );
    if cx.world.session.wrapped() {
        draft.help(
            "make the pragma the first statement of the file, where migrate takes it out of the transaction, \
             and write pragma foreign_key_check at the end",
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::Transaction;
    use crate::judge::testing::{Set, sqlite};

    const ID: &str = "sqlite-fk-pragma-in-transaction";
    const OFF: &str = "error turns foreign keys off inside a transaction, where the pragma does nothing";

    #[test]
    fn a_pragma_behind_begin_does_nothing() {
        for sql in [
            "begin; pragma foreign_keys = off; drop table a; commit",
            "delete from t; PRAGMA foreign_keys=0; drop table a",
            "pragma foreign_keys = on; begin; pragma main.foreign_keys(false); drop table a; commit",
            "-- cofferdam:no-transaction\nbegin immediate; pragma foreign_keys = 'no'; commit; vacuum",
        ] {
            assert_eq!(sqlite(sql).lines(ID), [OFF], "{sql}");
        }
    }

    #[test]
    fn a_pragma_at_the_ends_of_the_file_is_taken_out_by_the_runner() {
        for sql in [
            "pragma foreign_keys = off; begin; drop table a; commit; pragma foreign_keys = on;",
            "pragma foreign_keys = off; drop table a; pragma foreign_keys = on;",
            "-- cofferdam:no-transaction\npragma foreign_keys = off; vacuum; pragma foreign_keys = on",
            "begin; pragma foreign_keys; commit",
            "begin; pragma foreign_keys = on; create table t (a); commit",
            "begin; pragma foreign_key_check; pragma defer_foreign_keys = on; commit",
            "-- pragma foreign_keys = off\nselect 'begin; pragma foreign_keys = off'",
        ] {
            assert!(sqlite(sql).lines(ID).is_empty(), "{sql}");
        }
    }

    #[test]
    fn a_pragma_around_a_part_counts_for_the_file_where_nothing_else_would_differ() {
        let rebuild =
            "create table n (a); insert into n select a from t; drop table t; alter table n rename to t;";
        for sql in [
            format!(
                "create table o (a); pragma defer_foreign_keys = on; pragma foreign_keys = off; {rebuild} \
                 pragma foreign_keys = on; pragma defer_foreign_keys = off; create index i on t (a)"
            ),
            format!("pragma foreign_keys = off; {rebuild} pragma foreign_keys = on; create index i on t (a)"),
        ] {
            let judged = sqlite(&sql);
            assert!(judged.lines(ID).is_empty() && judged.lines("sqlite-rebuild-fk-on").is_empty(), "{sql}");
        }
        let deletes = format!("delete from o; pragma foreign_keys = off; {rebuild} pragma foreign_keys = on");
        assert_eq!(sqlite(&deletes).lines(ID), [OFF]);
        assert_eq!(sqlite(&deletes).lines("sqlite-rebuild-fk-on").len(), 1);
    }

    #[test]
    fn a_runner_that_wraps_every_file_takes_nothing_out() {
        let sql = "pragma foreign_keys = off; drop table a";
        let lines = |t| Set::sqlite().file(sql).transaction(t).judge().lines(ID);
        assert_eq!(lines(Transaction::Always), [OFF]);
        assert!(lines(Transaction::Never).is_empty());
        assert!(lines(Transaction::Auto).is_empty());
    }
}
