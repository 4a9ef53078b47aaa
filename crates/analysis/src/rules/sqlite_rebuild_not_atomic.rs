//! A rebuild whose statements do not share a transaction.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Report, Rule};
use crate::sql::Dialect;

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::File(check) };

const CARD: Card = Card {
    id: "sqlite-rebuild-not-atomic",
    title: "A rebuild outside of a transaction",
    why: "when it stops half way the old table is gone, or both stand, and the script cannot run again",
    safe_form: "put all of it between BEGIN IMMEDIATE and COMMIT, or into a file that runs in a transaction",
    dialects: &[Dialect::Sqlite],
    bad: Some(Example::on(
        "create table tags (id integer primary key, name text);\n",
        "-- cofferdam:no-transaction\n\
         pragma foreign_keys = off;\n\
         create table tags_new (id integer primary key, name text not null default '');\n\
         insert into tags_new (id, name) select id, coalesce(name, '') from tags;\n\
         drop table tags;\n\
         alter table tags_new rename to tags;\n\
         pragma foreign_key_check;\n",
    )),
    good: Some(Example::on(
        "create table tags (id integer primary key, name text);\n",
        "-- cofferdam:no-transaction\n\
         pragma foreign_keys = off;\n\
         begin immediate;\n\
         create table tags_new (id integer primary key, name text not null default '');\n\
         insert into tags_new (id, name) select id, coalesce(name, '') from tags;\n\
         drop table tags;\n\
         alter table tags_new rename to tags;\n\
         pragma foreign_key_check;\n\
         commit;\n",
    )),
    ..Card::BLANK
};

fn check(cx: &Context<'_>, report: &mut Report<'_>) {
    if cx.outline.rebuilds.is_empty() {
        return;
    }
    let transactions = cx.world.session.transactions(cx.script);
    for rebuild in &cx.outline.rebuilds {
        let mut parts = rebuild.parts().into_iter().map(|part| part.statement);
        let Some(first) = parts.next() else { continue };
        if parts.all(|part| transactions[part] == transactions[first]) {
            continue;
        }
        let statement = &cx.script.statements[first];
        report.about(
            first,
            statement.span,
            format!(
                "begins to rebuild {} in several transactions, of which the last may not come",
                rebuild.table
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::Transaction;
    use crate::judge::testing::{Set, sqlite};

    const ID: &str = "sqlite-rebuild-not-atomic";
    const FOUND: &str = "error begins to rebuild t in several transactions, of which the last may not come";
    const A: &str = "create table n (id int, b text); insert into n (id, b) select id, b from t;";
    const B: &str = "drop table t; alter table n rename to t;";

    #[test]
    fn statements_on_their_own_are_not_one_change() {
        for sql in [
            format!("-- cofferdam:no-transaction\n{A}{B}"),
            format!("-- cofferdam:no-transaction\n{A} begin; {B} commit;"),
            format!("-- cofferdam:no-transaction\nbegin; {A} commit; begin; {B} commit;"),
            format!("{A}{B} vacuum;"),
            "-- cofferdam:no-transaction\nalter table t rename to o; create table t (a); \
             insert into t (a) select a from o;"
                .to_owned(),
        ] {
            assert_eq!(sqlite(&sql).lines(ID), [FOUND], "{sql}");
        }
        let never = Set::sqlite().file(&format!("{A}{B}")).transaction(Transaction::Never).judge();
        assert_eq!(never.lines(ID), [FOUND]);
    }

    #[test]
    fn one_transaction_is_enough_whoever_opens_it() {
        for sql in [
            format!("{A}{B}"),
            format!("pragma foreign_keys = off; begin; {A}{B} commit; pragma foreign_keys = on;"),
            format!("-- cofferdam:no-transaction\nbegin immediate; {A}{B} commit; vacuum;"),
            "-- cofferdam:no-transaction\ncreate table t (a); drop table u;".to_owned(),
        ] {
            assert!(sqlite(&sql).lines(ID).is_empty(), "{sql}");
        }
        let wrapped = Set::sqlite().file(&format!("{A}{B}")).transaction(Transaction::Always).judge();
        assert!(wrapped.lines(ID).is_empty());
    }
}
